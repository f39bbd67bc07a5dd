/*
 * sim_machine: clock and chance of the device that is being simulated, in the place of those of the
 * machine: the linker puts it in front of platform/clock and platform/random.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

struct sim_device;

/* From now on the store's clock and chance are this device's; NULL: the machine's. */
void sim_machine_use(struct sim_device *device);
