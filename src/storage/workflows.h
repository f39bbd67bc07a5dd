/*
 * workflows: every version of a workflow that a run or a record still names, and its number.
 *
 * The names stand in memory, since each record's bytes hold one; the texts are read when a kept run
 * needs one. What a batch adds is taken back with it.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"

enum { WORKFLOW_NAME_BYTES_MAX = 63, WORKFLOW_TEXT_BYTES_MAX = 1 << 20, WORKFLOWS_MAX = 4096 };

struct workflow_version {
    uint32_t number;
    struct id digest;
    uint8_t name_bytes;
    char name[WORKFLOW_NAME_BYTES_MAX];
    bool used;  /* asked for since the store was opened */
    bool going; /* its row is deleted by this batch */
    bool lost;  /* it has no row any more: the file was damaged */
};

struct workflows {
    struct workflow_version *versions; /* owned; in the order of numbers */
    uint32_t count, room;
    uint32_t kept; /* of them committed */
};

/* Reads numbers, names and digests. What is in use stays so, and what was known and has no row any
 * more is known as lost. A failure leaves what was known. */
status workflows_load(struct workflows *workflows, struct database *database, struct error *err);
void workflows_done(struct workflows *workflows);

/* The number of this name and digest; a row is written when there is none. */
status workflows_keep(struct workflows *workflows, struct database *database,
                      const struct workflow_version *version, struct slice text,
                      uint32_t *out_number, struct error *err);

bool workflows_have_lost(const struct workflows *workflows);

/* The lost ones get rows again, under their old numbers, without their texts. When that is rolled
 * back the rows must be loaded again. */
status workflows_restore(struct workflows *workflows, struct database *database, struct error *err);

/* NULL when there is none of that number; until the next workflows_keep. */
const struct workflow_version *workflows_find(const struct workflows *workflows, uint32_t number);

bool workflows_is_used(const struct workflows *workflows, uint32_t number);

/* Its row is deleted in this batch. */
void workflows_forget(struct workflows *workflows, uint32_t number);

/* After a commit, after a rollback. */
void workflows_settle(struct workflows *workflows);
void workflows_take_back(struct workflows *workflows);
