/*
 * sim_world: some devices, a hub and what lies between them, for as long as a seed says.
 *
 * For a while everything happens that can happen; then all is mended, and everything must come to
 * rest with nothing missing. The same seed is the same world to the last event.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "sim_bug.h"
#include "sim_device.h"
#include "sim_dice.h"
#include "sim_events.h"
#include "sim_hub.h"
#include "sim_judge.h"
#include "sim_met.h"
#include "sim_shape.h"
#include "sim_trace.h"

enum { SIM_DEVICES_MAX = 10 };

struct sim_world {
    uint64_t seed;
    enum sim_bug bug;
    bool on_disk; /* devices have real stores */
    struct sim_dice dice;
    struct sim_events events;
    struct sim_trace trace;
    struct sim_judge judge;
    struct sim_shape shape;
    struct sim_flaws flaws;
    struct arena arena; /* of all that lasts as long as the world */
    struct sim_hub hub;
    struct sim_device *devices[SIM_DEVICES_MAX]; /* owned */
    int device_count;
    uint64_t serials;
    struct sender_stream *streams; /* owned; of the peek that is made */
    bool is_ending;
    uint64_t met[SIM_MET_COUNT];
};

struct sim_choice {
    enum sim_bug bug;
    bool loud;    /* the trace is printed */
    bool on_disk; /* devices have real stores, on disks in memory */
};

/* Lives it; judge.invariant says what was broken. */
void sim_world_live(struct sim_world *world, uint64_t seed, const struct sim_choice *choice);
void sim_world_done(struct sim_world *world);

/* A line of the trace; `text` is static, `numbers` are SIM_TRACE_NUMBERS. */
void sim_world_note(struct sim_world *world, int who, const char *text, const uint64_t *numbers);

/* The device's application begins to hand in records. */
void sim_world_employ(struct sim_device *device);

/* The hub's answer goes to the device that waits for it. */
void sim_world_answer(struct sim_world *world, const struct sim_request *request);
