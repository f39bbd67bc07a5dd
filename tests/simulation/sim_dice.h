/*
 * sim_dice: chance that is the same for the same seed on every machine.
 *
 * Not for secrets. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"

struct sim_dice {
    uint64_t state;
};

uint64_t sim_roll(struct sim_dice *dice);

/* From 0 to `below` - 1; 0 when `below` is 0. */
uint32_t sim_below(struct sim_dice *dice, uint32_t below);

/* Both ends inside. */
int64_t sim_between(struct sim_dice *dice, int64_t least, int64_t most);
bool sim_chance(struct sim_dice *dice, uint32_t per_thousand);
struct id sim_id(struct sim_dice *dice);
