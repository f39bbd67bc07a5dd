/*
 * sim_trouble: what goes wrong beside the links: power, hubs, images, stores, clocks.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

struct sim_world;
struct sim_device;

/* One thing that the world's shape allows goes wrong. */
void sim_trouble(struct sim_world *world);

/* By chance the power of a device goes out in a moment, or the hub crashes: for where it matters
 * what was done by then. */
void sim_trouble_soon(struct sim_device *device, int64_t within_us);
void sim_trouble_hub_soon(struct sim_world *world, int64_t within_us);

/* Everything that is off is on again, and nothing more goes wrong. */
void sim_trouble_ends(struct sim_world *world);
