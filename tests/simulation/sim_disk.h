/*
 * sim_disk: a device's store that is the real one: storage/core over a disk in memory that loses
 * power, wherever it is, and the mirror of it that the judge looks at (its sim_outbox).
 *
 * After each commit the mirror is read anew through storage/outbox_reader, as a sender would read
 * it, and compared: what stood there still stands, went after an acknowledgement, or has a gap in
 * its place. Clock and chance of the store are the device's (sim_machine). Poison cannot be made
 * here.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_outbox.h"

struct sim_disk;
struct sim_device;

struct sim_disk *sim_disk_create(struct sim_device *device);
void sim_disk_destroy(struct sim_disk *disk);

/* Opens what is there, or makes it; the mirror is read. */
void sim_disk_open(struct sim_disk *disk);
bool sim_disk_is_open(const struct sim_disk *disk);

/* The power goes out, with luck in the middle of a commit. */
void sim_disk_power_cut(struct sim_disk *disk);

/* As if its files were copied, while it runs or not. `put_back`: it must be off. */
void sim_disk_make_image(struct sim_disk *disk);
void sim_disk_put_back(struct sim_disk *disk);
void sim_disk_clone(struct sim_disk *disk, const struct sim_disk *from);

/* As the functions of sim_outbox. */
void sim_disk_put(struct sim_disk *disk, enum lane lane, const struct sim_draft *draft,
                  uint32_t key);
void sim_disk_commit(struct sim_disk *disk);
void sim_disk_purge(struct sim_disk *disk);
void sim_disk_damage(struct sim_disk *disk, uint64_t pick);
int sim_disk_peek(struct sim_disk *disk, const struct sender_action *action,
                  struct sender_stream *out_streams);
status sim_disk_read(struct sim_disk *disk, const struct sender_action *action,
                     struct sim_batch *out_batch);
status sim_disk_acknowledge(struct sim_disk *disk, const struct sender_action *action);
status sim_disk_mend(struct sim_disk *disk, const struct sender_action *action);
status sim_disk_renumber(struct sim_disk *disk, const struct sender_action *action);
