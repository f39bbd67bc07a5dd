/*
 * sim_shape: what kind of world a seed makes: how many devices, how they are linked, what goes
 * wrong.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_dice.h"
#include "sim_link.h"

enum { SIM_SHAPES = 9 };

/* Shares are of a thousand. */
struct sim_shape {
    const char *name;
    int device_count;
    int64_t busy_us;          /* how long things happen */
    int64_t produce_every_us; /* an application hands in records, on the average */
    int64_t trouble_every_us; /* 0: never */
    uint32_t large_share, odd_share, key_share;
    int64_t lane_bytes;
    bool is_timed;   /* nothing is disturbed: urgent records are timed */
    bool is_backlog; /* for most of the time there is no link */
    bool is_crowd;   /* of devices, with little to say each */
    bool links, power, hub, images, stores, clocks; /* what may go wrong */
};

/* How often a request, a commit or something that the store does goes wrong, of a thousand. */
struct sim_flaws {
    uint32_t cut, silence, lost_answer, flip, replay; /* of links */
    uint32_t power;                                   /* it goes out a moment later */
    uint32_t hub;                                     /* it crashes before its commit */
};

struct sim_shape sim_shape_of(uint64_t seed, struct sim_dice *dice);
struct sim_flaws sim_flaws_of(const struct sim_shape *shape, struct sim_dice *dice);
void sim_shape_link(const struct sim_shape *shape, struct sim_link *link, struct sim_dice *dice);
