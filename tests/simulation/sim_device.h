/*
 * sim_device: a device: a store, a sender that boots and dies with it, an application, a clock that
 * may say anything.
 *
 * What the sender asks for takes its time, and the power may go out in between. Thread: one at a
 * time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_account.h"
#include "sim_dice.h"
#include "sim_link.h"
#include "sim_outbox.h"

enum { SIM_PENDING_MAX = 64 };

struct sim_device {
    struct sim_world *world; /* not owned */
    int number;
    int owner;    /* whose certificate it has; a clone has its original's */
    bool has_kin; /* another device has, or this one had, records that it has too */
    bool is_alive;
    struct sim_outbox box;
    struct sim_disk *disk;   /* owned; NULL: the box is all there is */
    struct sim_outbox image; /* an old copy of it */
    bool has_image;
    struct sim_link link;
    struct sender *sender; /* owned */
    struct sim_account account;
    uint64_t life; /* grows with each power cut: what was planned before is void */
    struct id boot;
    int64_t booted_us;
    int64_t wall_offset_ms;
    struct sim_batch batch;
    struct sender_action asked;        /* what is under way in the store */
    status told;                       /* how that ended */
    uint64_t pending[SIM_PENDING_MAX]; /* handed in, not yet committed */
    int pending_count;
    bool is_committing;
    uint64_t timed; /* the last record whose way is timed; 0: none */
    int64_t wake_ms;
    size_t untaken_bytes, body_bytes;
    uint64_t told_seq[SYNC_LANES]; /* of a real store: what the sender was told of */
    enum lane sending;             /* of the body that is sent */
    bool is_reporting;             /* what was offered is under way */
    size_t report_bytes;           /* of what was offered last */
    struct sim_dice offers;        /* of its own: what else happens is not decided by them */
};

struct sim_device *sim_device_create(struct sim_world *world, int number, int owner);
void sim_device_destroy(struct sim_device *device);

/* What its clock says. */
struct moment sim_device_moment(const struct sim_device *device);

void sim_device_boot(struct sim_device *device);
void sim_device_power_cut(struct sim_device *device);

/* Its store is what it was when the image was made. It must be off. */
void sim_device_put_back(struct sim_device *device);
void sim_device_make_image(struct sim_device *device);

/* The application hands in `count` records, which are committed a little later. */
void sim_device_produce(struct sim_device *device, int count);

/* Some of what is acknowledged goes. */
void sim_device_purge(struct sim_device *device, uint64_t pick);

/* Does what the sender says until it has nothing to say. */
void sim_device_turn(struct sim_device *device);

/* The hub says that the stream is another's: what stands in it waits for a person. */
bool sim_device_is_foreign(const struct sim_device *device, struct id stream);

/* All that is durable is acknowledged, but for that, and nothing is sent again. */
bool sim_device_is_drained(const struct sim_device *device);

void sim_device_connected(struct sim_device *device);
void sim_device_lost(struct sim_device *device);
void sim_device_taken(struct sim_device *device, size_t bytes);
void sim_device_answered(struct sim_device *device, int code, int64_t retry_after_ms,
                         struct slice body);
