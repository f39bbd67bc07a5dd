/*
 * outbox_purge: what goes because its time is up, a bounded step at a time.
 *
 * A record that the hub holds goes when its `keep:` is over: from the bottom it raises the floor,
 * from the middle it leaves a gap (`purged`), which is sent only if the hub asks for that range. An
 * unsent record whose `expires:` is over becomes a gap (`expired`). `keep:` never takes what is
 * unsent, be it the hub that waits for it or another destination; of lane 7 the hub takes nothing.
 *
 * A span is measured by the boot clock where the record is of this boot, else by the wall clock if
 * both its reading then and now can be believed; when in doubt a record stays.
 *
 * Thread: database, in an open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox.h"
#include "storage/shared_rows.h"

enum { PURGE_ROWS_MAX = 2000 };

/* Where the next step goes on. */
struct purge_place {
    int stream;
    enum lane lane;
    uint64_t seq;              /* the next to be looked at */
    struct id latest;          /* the next key of `latest` */
    bool latest_is_next;       /* after the last lane */
    struct shared_rows shared; /* what the records of this cycle name */
};

/* Begins at the first record. */
void purge_place_reset(struct purge_place *place);

/* Looks at the next PURGE_ROWS_MAX rows; *out_gone is how many records went. */
status outbox_purge_step(struct outbox *box, struct purge_place *place, const struct moment *now,
                         uint64_t *out_gone, struct error *err);
