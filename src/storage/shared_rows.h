/*
 * shared_rows: the rows of `boot` and `workflow` that nothing names any more, and that may go.
 *
 * The purge walks over every record in its cycle and notes here what each names; at the cycle's end
 * what was not noted goes, but for what this process has used since it began. So versions of a
 * workflow that was edited a thousand times do not stay for ever.
 *
 * Thread: database. Survives: a restart only begins the cycle anew.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/boots.h"
#include "storage/number_map.h"
#include "storage/record_row.h"
#include "storage/workflows.h"

struct shared_rows {
    struct number_map boots, workflows;
    bool incomplete; /* memory was short: nothing goes in this cycle */
};

void shared_rows_done(struct shared_rows *rows);

/* This record names its boot and its workflow. */
void shared_rows_note(struct shared_rows *rows, const struct record_row *row);

/* Every record was noted since the last time: deletes what was not, and begins anew. In an open
 * transaction. */
status shared_rows_drop(struct shared_rows *rows, struct database *database, struct boots *boots,
                        struct workflows *workflows, struct error *err);
