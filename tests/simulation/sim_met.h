/*
 * sim_met: what the worlds have met with, so that a run which never met a thing does not pass for
 * one that survived it.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

enum sim_met {
    SIM_MET_REPEAT,      /* a request came again */
    SIM_MET_PREFIX,      /* whole frames of a body that was cut */
    SIM_MET_FLIP,        /* a damaged frame */
    SIM_MET_MISSING,     /* 409 */
    SIM_MET_FORK,        /* 412 */
    SIM_MET_POISON,      /* 422 */
    SIM_MET_BUSY,        /* 503 */
    SIM_MET_FULL,        /* 507 */
    SIM_MET_ROLLBACK,    /* a verdict */
    SIM_MET_NEW_STREAM,  /* a verdict */
    SIM_MET_QUARANTINED, /* a verdict */
    SIM_MET_CONTESTED,   /* a stream that two machines went on with */
    SIM_MET_GAP,         /* stored */
    SIM_MET_PURGED,      /* a gap for what had gone, asked for again */
    SIM_MET_PART,        /* a gap for a part of what it says */
    SIM_MET_HOLE,        /* telemetry with a hole in it */
    SIM_MET_FRAMES,      /* several frames in one body */
    SIM_MET_YIELD,       /* a body that ended for what is urgent */
    SIM_MET_TAKEN_BACK,  /* a hub's transaction */
    SIM_MET_UNCOMMITTED, /* records that a power cut took */
    SIM_MET_SUPERSEDED,
    SIM_MET_EVICTED,
    SIM_MET_MENDED,
    SIM_MET_RENUMBERED,
    SIM_MET_TIMED,  /* an urgent record whose way was timed */
    SIM_MET_REPORT, /* what a device says of itself between bodies */
    SIM_MET_COUNT
};

/* "frames of cut bodies", ...; static text. */
const char *sim_met_name(enum sim_met met);
