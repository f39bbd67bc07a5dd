/*
 * hub_retention: how much there is of each workflow, how much it made each hour (`tally`), and the
 * removal of what is too old or too much.
 *
 * Records are counted behind the ingest, which knows nothing of it, and become segments: some that
 * arrived one after the other (a thousand small ones, a hundred large ones, of ten minutes at
 * most). A segment goes as a whole, the oldest first: when its last record arrived longer ago than
 * `keep`, or as long as the workflow has more than `bytes`. What the cursors say is not changed:
 * what was taken stays held, and `removed` counts by lane what has no row any more. The hub's
 * newest record never goes, since numbers must not come again; nor do gaps, nor what is of no
 * workflow.
 *
 * Thread: the writing one, in its open transaction; a step is bounded. The list: any connection's.
 * Survives: power cuts, after commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "hub/store/hub_outgoing.h"
#include "platform/database.h"

enum { HUB_RETENTION_NAME_BYTES = 256, HUB_RETENTION_LISTED_MAX = 100 };

struct hub_retention_rule {
    struct slice workflow; /* of the default: empty */
    int64_t keep_ms;       /* 0: for ever */
    int64_t bytes;         /* 0: as many as there are */
};

struct hub_retention_rules {
    struct hub_retention_rule otherwise;
    struct hub_retention_rule *rules;
    uint32_t count;
    struct hub_outgoing_list
        outgoing; /* destinations, for which what they have yet to get counts */
};

/* Where the next step goes on. All zero: at the beginning. */
struct hub_retention_place {
    char workflow[HUB_RETENTION_NAME_BYTES]; /* a device's word: any bytes */
    size_t count;
};

/* Counts and removes a little; *out_more: there is more to do now. */
status hub_retention_step(struct database *database, const struct hub_retention_rules *rules,
                          int64_t now_ms, struct hub_retention_place *place, bool *out_more,
                          struct error *err);

/* Appends [{"workflow","records","bytes","removed_records","removed_bytes"},...], those with the
 * most bytes first. */
status hub_retention_list(struct database *database, struct buffer *out, struct error *err);
