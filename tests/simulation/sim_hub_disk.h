/*
 * sim_hub_disk: the real hub's store beside the one in memory: hub/lanes over SQLite on a disk that
 * loses power. Whatever is taken, greeted or asked is done in both, and both must say the same.
 *
 * After a crash the file holds all of the last transaction or nothing of it: which of the two, the
 * store in memory is told.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_shelf.h"

struct sim_hub_disk;
struct sim_request;
struct sim_world;

/* An empty one, open. */
struct sim_hub_disk *sim_hub_disk_create(struct sim_world *world);
void sim_hub_disk_destroy(struct sim_hub_disk *disk);

void sim_hub_disk_begin(struct sim_hub_disk *disk);
void sim_hub_disk_commit(struct sim_hub_disk *disk);

void sim_hub_disk_claim(struct sim_hub_disk *disk, struct id stream, int device);

/* The frame is taken, and the transaction taken back, as when a neighbour's job fails. */
void sim_hub_disk_rehearse(struct sim_hub_disk *disk, const struct sim_request *request,
                           struct slice frame);

/* The frame that was just taken with this outcome; OK or CORRUPT. */
void sim_hub_disk_take(struct sim_hub_disk *disk, const struct sim_request *request,
                       struct slice frame, status code);

/* What was just said of a stream. */
void sim_hub_disk_greet(struct sim_hub_disk *disk, const struct sim_request *request,
                        const struct hello_stream *hello, const struct answer_stream *said);

/* The power goes out, with luck in the middle of the commit. true: what was taken is there. Claims
 * and ends of streams are told to the shelf. */
bool sim_hub_disk_crash(struct sim_hub_disk *disk, struct sim_shelf *shelf);

void sim_hub_disk_back_up(struct sim_hub_disk *disk);
void sim_hub_disk_put_back(struct sim_hub_disk *disk);
void sim_hub_disk_lose(struct sim_hub_disk *disk);
