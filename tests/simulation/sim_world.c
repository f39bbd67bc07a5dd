// SPDX-License-Identifier: Apache-2.0
#include "sim_world.h"

#include <stdlib.h>

#include "sim_trouble.h"

enum { ARENA_BYTES = 512 << 20, FRESH_RECORDS = 12 };

static const int64_t LOOK_US = 250000;
static const int64_t REST_US = INT64_C(7200) * 1000000;

void sim_world_note(struct sim_world *world, int who, const char *text, const uint64_t *numbers) {
    struct sim_line line = {.at_us = world->events.now_us, .who = who, .text = text};
    for (int i = 0; i < SIM_TRACE_NUMBERS; i++) {
        line.numbers[i] = numbers[i];
    }
    sim_trace_add(&world->trace, &line);
}

void sim_world_answer(struct sim_world *world, const struct sim_request *request) {
    for (int i = 0; i < world->device_count; i++) {
        if (world->devices[i]->link.serial == request->serial) {
            sim_link_answer(&world->devices[i]->link, request);
            return;
        }
    }
}

/* --- what goes on by itself ------------------------------------------------------------------ */

static void produce(void *owner, uint64_t unused) {
    struct sim_device *device = owner;
    struct sim_world *world = device->world;
    (void)unused;
    if (world->is_ending) {
        return;
    }
    if (device->is_alive) {
        sim_device_produce(device, 1 + (int)sim_below(&world->dice, 6));
        if (sim_chance(&world->dice, 60)) {
            sim_device_purge(device, sim_roll(&world->dice) >> 1);
        }
    }
    sim_after(&world->events, sim_between(&world->dice, 1000, 2 * world->shape.produce_every_us),
              produce, device, 0);
}

void sim_world_employ(struct sim_device *device) {
    sim_after(&device->world->events, 1000, produce, device, 0);
}

static void trouble(void *owner, uint64_t unused) {
    struct sim_world *world = owner;
    (void)unused;
    if (!world->is_ending) {
        sim_trouble(world);
        sim_after(&world->events,
                  sim_between(&world->dice, 1000, 2 * world->shape.trouble_every_us), trouble,
                  world, 0);
    }
}

/* There is always something that happens next. */
static void tick(void *owner, uint64_t unused) {
    struct sim_world *world = owner;
    (void)unused;
    sim_after(&world->events, LOOK_US, tick, world, 0);
}

/* --- a life ---------------------------------------------------------------------------------- */

static void step_until(struct sim_world *world, int64_t at_us) {
    while (world->judge.invariant == NULL && world->events.now_us < at_us &&
           sim_step(&world->events)) {
    }
}

static bool is_drained(const struct sim_world *world) {
    for (int i = 0; i < world->device_count; i++) {
        if (!sim_device_is_drained(world->devices[i])) {
            return false;
        }
    }
    return true;
}

static void drain(struct sim_world *world) {
    const int64_t until_us = world->events.now_us + REST_US;
    while (world->judge.invariant == NULL && world->events.now_us < until_us &&
           !is_drained(world)) {
        step_until(world, world->events.now_us + LOOK_US);
    }
    for (int i = 0; i < world->device_count; i++) {
        if (world->judge.invariant == NULL && !sim_device_is_drained(world->devices[i])) {
            sim_judge_stuck(world, world->devices[i]);
        }
    }
}

static void begin(struct sim_world *world) {
    static const int64_t GRANTS[] = {16 << 10, 128 << 10, 1 << 20};
    arena_init(&world->arena, ARENA_BYTES);
    world->streams = calloc(SENDER_STREAMS_MAX, sizeof(*world->streams));
    if (world->streams == NULL) {
        abort();
    }
    world->shape = sim_shape_of(world->seed, &world->dice);
    world->flaws = sim_flaws_of(&world->shape, &world->dice);
    sim_hub_init(&world->hub, world);
    world->hub.grant_bytes = GRANTS[sim_below(&world->dice, 3)];
    for (int i = 0; i < world->shape.device_count; i++) {
        struct sim_device *device = sim_device_create(world, i, i);
        world->devices[world->device_count++] = device;
        if (device->disk == NULL) {
            (void)sim_outbox_new_stream(&device->box);
        }
        sim_shape_link(&world->shape, &device->link, &world->dice);
        device->link.away_until_us = world->shape.is_backlog ? world->shape.busy_us / 2 : 0;
        sim_device_boot(device);
        sim_world_employ(device);
    }
    if (world->shape.trouble_every_us > 0) {
        sim_after(&world->events, world->shape.trouble_every_us, trouble, world, 0);
    }
    tick(world, 0);
}

void sim_world_live(struct sim_world *world, uint64_t seed, const struct sim_choice *choice) {
    *world = (struct sim_world){.seed = seed,
                                .bug = choice->bug,
                                .on_disk = choice->on_disk,
                                .dice = {.state = seed},
                                .trace = {.loud = choice->loud}};
    begin(world);
    step_until(world, world->shape.busy_us);
    world->is_ending = true;
    sim_trouble_ends(world);
    drain(world);
    /* What is new goes through as well, and what a proxy still had comes first. */
    step_until(world, world->events.now_us + INT64_C(60) * 1000000);
    for (int i = 0; i < world->device_count && world->judge.invariant == NULL; i++) {
        sim_device_produce(world->devices[i], FRESH_RECORDS);
    }
    drain(world);
    if (world->judge.invariant == NULL) {
        sim_judge_drained(world);
    }
}

void sim_world_done(struct sim_world *world) {
    for (int i = 0; i < world->device_count; i++) {
        sim_device_destroy(world->devices[i]);
    }
    sim_hub_done(&world->hub);
    sim_judge_done(&world->judge);
    sim_events_done(&world->events);
    arena_done(&world->arena);
    free(world->streams);
}
