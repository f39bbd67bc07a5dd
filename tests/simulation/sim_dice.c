// SPDX-License-Identifier: Apache-2.0
#include "sim_dice.h"

uint64_t sim_roll(struct sim_dice *dice) {
    uint64_t mixed = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint32_t sim_below(struct sim_dice *dice, uint32_t below) {
    return (uint32_t)((sim_roll(dice) >> 32) * below >> 32);
}

int64_t sim_between(struct sim_dice *dice, int64_t least, int64_t most) {
    return least + (int64_t)(sim_roll(dice) % (uint64_t)(most - least + 1));
}

bool sim_chance(struct sim_dice *dice, uint32_t per_thousand) {
    return sim_below(dice, 1000) < per_thousand;
}

struct id sim_id(struct sim_dice *dice) {
    struct id id;
    for (int half = 0; half < 2; half++) {
        const uint64_t bits = sim_roll(dice) | 1;
        for (int i = 0; i < 8; i++) {
            id.bytes[8 * half + i] = (uint8_t)(bits >> 8 * i);
        }
    }
    return id;
}
