/*
 * audit: once a day, step by step while others read, the hub looks whether all that it holds adds
 * up (hub/store/hub_check). What does not is an error in the log and counted.
 *
 * Thread: loop. Survives nothing: the next walk begins anew.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/reader.h"

struct audit;

/* `first_ms`: until the first walk. */
status audit_create(struct loop *loop, struct reader *reader, int64_t first_ms,
                    struct audit **out_audit, struct error *err);

/* After the reader, which may be at one of its steps. NULL is fine. */
void audit_destroy(struct audit *audit);

struct audit_counters {
    int64_t walks, lanes, faults; /* lanes: of the last whole walk; faults: since the start */
};
void audit_counters(const struct audit *audit, struct audit_counters *out_counters);
