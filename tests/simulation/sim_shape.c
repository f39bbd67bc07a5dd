// SPDX-License-Identifier: Apache-2.0
#include "sim_shape.h"

static const struct sim_shape SHAPES[SIM_SHAPES] = {
    {.name = "calm", .is_timed = true},
    {.name = "backlog", .is_timed = true, .is_backlog = true},
    {.name = "links", .links = true},
    {.name = "power", .power = true, .links = true},
    {.name = "hub", .hub = true},
    {.name = "images", .images = true, .power = true, .stores = true, .clocks = true},
    {.name = "stores", .stores = true, .clocks = true, .power = true},
    {.name = "everything",
     .links = true,
     .power = true,
     .hub = true,
     .images = true,
     .stores = true,
     .clocks = true},
    {.name = "crowd", .links = true, .hub = true, .power = true, .is_crowd = true},
};

struct sim_shape sim_shape_of(uint64_t seed, struct sim_dice *dice) {
    static const int64_t LANE_BYTES[] = {6 << 10, 64 << 10, 4 << 20};
    struct sim_shape shape = SHAPES[seed % SIM_SHAPES];
    shape.device_count = shape.is_crowd ? 6 + (int)sim_below(dice, 3) : 1 + (int)sim_below(dice, 3);
    shape.busy_us = sim_between(dice, 20000000, shape.is_crowd ? 100000000 : 400000000);
    shape.produce_every_us = shape.busy_us / sim_between(dice, 10, shape.is_crowd ? 20 : 120);
    shape.trouble_every_us = shape.is_timed ? 0 : shape.busy_us / sim_between(dice, 5, 60);
    if (shape.is_backlog) {
        shape.device_count = 1;
        shape.busy_us = 1800000000;
        shape.produce_every_us = shape.busy_us / sim_between(dice, 200, 800);
    }
    shape.large_share = sim_chance(dice, 250) ? 150 : 2;
    shape.odd_share = shape.stores ? 60 : 4;
    shape.key_share = sim_chance(dice, 500) ? 200 : 0;
    shape.lane_bytes = shape.stores ? LANE_BYTES[sim_below(dice, 3)] : 64 << 20;
    return shape;
}

struct sim_flaws sim_flaws_of(const struct sim_shape *shape, struct sim_dice *dice) {
    struct sim_flaws flaws = {0};
    if (shape->links) {
        flaws.cut = sim_below(dice, 250);
        flaws.silence = sim_below(dice, 30);
        flaws.lost_answer = sim_below(dice, 150);
        flaws.flip = sim_below(dice, 60);
        flaws.replay = sim_below(dice, 300);
    }
    flaws.power = shape->power ? sim_below(dice, 30) : 0;
    flaws.hub = shape->hub ? sim_below(dice, 30) : 0;
    return flaws;
}

void sim_shape_link(const struct sim_shape *shape, struct sim_link *link, struct sim_dice *dice) {
    static const int64_t DELAY_US[] = {500, 20000, 150000, 1000000};
    static const int64_t RATE[] = {6000, 60000, 1000000, 10000000};
    const int64_t delay_us = DELAY_US[sim_below(dice, 4)];
    link->delay_us = sim_between(dice, delay_us / 2, delay_us);
    link->bytes_per_s =
        RATE[shape->large_share > 100 ? 1 + sim_below(dice, 3) : sim_below(dice, 4)];
}
