// SPDX-License-Identifier: Apache-2.0
#include "sim_met.h"

const char *sim_met_name(enum sim_met met) {
    static const char *const NAMES[SIM_MET_COUNT] = {
        [SIM_MET_REPEAT] = "requests that came again",
        [SIM_MET_PREFIX] = "frames of cut bodies",
        [SIM_MET_FLIP] = "damaged frames",
        [SIM_MET_MISSING] = "409",
        [SIM_MET_FORK] = "412",
        [SIM_MET_POISON] = "422",
        [SIM_MET_BUSY] = "503",
        [SIM_MET_FULL] = "507",
        [SIM_MET_ROLLBACK] = "rollback",
        [SIM_MET_NEW_STREAM] = "new_stream",
        [SIM_MET_QUARANTINED] = "quarantined",
        [SIM_MET_CONTESTED] = "contested streams",
        [SIM_MET_GAP] = "gaps",
        [SIM_MET_PURGED] = "gaps for what had gone",
        [SIM_MET_PART] = "parts of gaps",
        [SIM_MET_HOLE] = "holes in telemetry",
        [SIM_MET_FRAMES] = "bodies of several frames",
        [SIM_MET_YIELD] = "bodies that made way",
        [SIM_MET_TAKEN_BACK] = "transactions taken back",
        [SIM_MET_UNCOMMITTED] = "records taken by power cuts",
        [SIM_MET_SUPERSEDED] = "superseded",
        [SIM_MET_EVICTED] = "evicted",
        [SIM_MET_MENDED] = "mended",
        [SIM_MET_RENUMBERED] = "renumbered",
        [SIM_MET_TIMED] = "timed",
        [SIM_MET_REPORT] = "reports",
    };
    return NAMES[met];
}
