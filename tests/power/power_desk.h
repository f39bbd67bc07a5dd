/*
 * power_desk: a destination, and that of all that was made for it nothing is lost unsaid.
 *
 * Each record for it waits behind its cursor, has arrived, or is counted as missed, whoever took
 * it: a bound, an end, a newer one of its key, or somebody who gave up.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/core.h"

struct power_desk {
    uint64_t bit, made, arrived;
};

/* Makes it known: after each opening. */
status power_desk_open(struct power_desk *desk, struct core *core, struct error *err);

/* All up to `seq` of the lane has arrived, or is given up. */
status power_desk_move(struct power_desk *desk, struct core *core, enum lane lane, uint64_t seq,
                       bool gave_up, struct error *err);

status power_desk_check(const struct power_desk *desk, struct core *core, struct error *err);
