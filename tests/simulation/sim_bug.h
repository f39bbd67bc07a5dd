/*
 * sim_bug: bugs that can be planted, each of which must be found, by the invariant that it breaks.
 *
 * A planted bug lives in what is around the engine: the stores, the hub's loop, the device's loop.
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

enum sim_bug {
    SIM_NO_BUG,
    SIM_SEQ_AGAIN,         /* after a power cut the last seq is given once more */
    SIM_SEQ_SKIPPED,       /* after a power cut a seq is left out */
    SIM_UNCOMMITTED_READ,  /* reads see what is not committed */
    SIM_ANSWER_TOO_SOON,   /* the hub answers before its commit */
    SIM_CURSOR_ALONE,      /* a hub's crash leaves the cursor without its records */
    SIM_OTHER_BYTES,       /* the hub stores other bytes than it has checked */
    SIM_CHAIN_UNCHECKED,   /* neither end compares chain values */
    SIM_STORED_AGAIN,      /* the range check is off by one */
    SIM_OLD_ANSWER,        /* a restored hub goes on answering what it held before */
    SIM_ROLLBACK_UNHEARD,  /* a device does not send again what the hub lost */
    SIM_PURGED_UNSENT,     /* what is not acknowledged goes without a gap */
    SIM_GAP_UNCOUNTED,     /* the hub counts a gap one short */
    SIM_RENUMBER_LOSES,    /* the last record of a lane does not go on in the new stream */
    SIM_PROMISE_LOST,      /* a record is acknowledged to the application and not kept */
    SIM_PAYLOAD_CHANGED,   /* a byte is other before it is chained */
    SIM_POISON_BLOCKS,     /* the hub refuses a frame for one bad record */
    SIM_DAMAGE_BLOCKS,     /* the device never mends a damaged record */
    SIM_FORK_MERGED,       /* the hub hangs another chain on to its own */
    SIM_FORK_OVERWRITES,   /* the hub gives up what a restored device does not have */
    SIM_URGENT_EVICTED,    /* a full disk takes what is urgent */
    SIM_MARK_NEEDS_ROOM,   /* a full disk takes no acknowledgement */
    SIM_WALL_ORDERS,       /* a renumbered lane is in the order of the wall clock */
    SIM_URGENT_WAITS,      /* the sender is not told of what is urgent */
    SIM_READ_UNBOUNDED,    /* a read hands out more than was asked for */
    SIM_SYNCS_DROPPED,     /* a device's disk says that it synced, and did not */
    SIM_HUB_SYNCS_DROPPED, /* so does the hub's */
    SIM_BUGS
};

struct sim_plant {
    enum sim_bug bug;
    const char *invariant; /* which must be the one that is broken */
    const char *text;
    bool on_disk; /* it needs real stores */
};

/* SIM_BUGS - 1 of them. */
extern const struct sim_plant SIM_PLANTS[];
