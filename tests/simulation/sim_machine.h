/*
 * sim_machine: clock and chance of the device or hub that is being simulated, in the place of those
 * of the machine: the linker puts it in front of platform/clock and platform/random, and of
 * database_open, so that a hub's store is made on a disk in memory.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

struct sim_device;
struct sim_world;

/* From now on the store's clock and chance are this device's; NULL: the machine's. */
void sim_machine_use(struct sim_device *device);

/* They are the hub's; `vfs`: and a database is opened on this disk. NULL: the machine's. */
void sim_machine_use_hub(struct sim_world *world, const char *vfs);
