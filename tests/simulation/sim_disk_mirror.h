/*
 * sim_disk_mirror: reads what a real store holds into the device's sim_outbox, and says what became
 * of everything that stood there before.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_outbox.h"
#include "storage/outbox_reader.h"

struct sim_device;

enum sim_look {
    SIM_LOOK_COMPARE, /* what stood there must be accounted for */
    SIM_LOOK_PUT_BACK /* it is another store now */
};

struct sim_disk_mirror {
    struct sim_device *device; /* not owned */
    struct outbox_batch batch;
    struct outbox_facts facts;
};

void sim_disk_mirror_init(struct sim_disk_mirror *mirror, struct sim_device *device);
void sim_disk_mirror_done(struct sim_disk_mirror *mirror);

void sim_disk_mirror_read(struct sim_disk_mirror *mirror, struct database *database,
                          enum sim_look how);
