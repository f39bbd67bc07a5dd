/*
 * crowd_device: one of many devices in a process: it joins a hub by a token, and then sends what is
 * made by the engine that ships (sync/sender over platform/link), as runtime/sync_manager does.
 * What it makes lies in memory: a crowd is not killed, its hub is.
 *
 * It also watches from outside whether the engine keeps to what the hub says: no body larger than
 * was granted, none before its time, no connecting before a wait is over, and no first wait longer
 * than the spread. What must never happen (a fork, a hub that has lost what it acknowledged) ends
 * the process with a sentence.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "deployment/enrolment.h"
#include "platform/loop.h"
#include "sync/sender.h"

enum { CROWD_TENTHS = 10 };

/* What all of them share, and what was seen of all of them. */
struct crowd {
    struct loop *loop;
    struct turn *turn;
    struct token token;
    struct crowd_device *wanted; /* whose senders are asked at the end of the turn */
    void (*joined)(struct crowd *crowd);

    uint64_t lost_together;                /* connections of use that ended */
    uint64_t waits_by_tenth[CROWD_TENTHS]; /* of the spread, that were drawn then */
    uint64_t waits_too_long, connects_too_early, bodies_too_large, bodies_too_early;
    int64_t spread_ms_most, grant_bytes_least;
    uint64_t not_taken; /* answers that were none of 200 */
};

struct crowd_device;

status crowd_device_create(struct crowd *crowd, uint32_t number, struct crowd_device **out_device,
                           struct error *err);

/* Comes to the hub with the token, as often as it takes, and stays from then on. */
void crowd_device_join(struct crowd_device *device);

/* So many records more, durable at once. */
void crowd_device_make(struct crowd_device *device, uint32_t count);

/* Asks the senders of those that something happened to; the crowd's turn. */
void crowd_turn_ended(void *crowd);

struct crowd_device_facts {
    struct id stream;
    uint64_t made, acknowledged;
    bool joined, connected;
};
void crowd_device_facts(const struct crowd_device *device, struct crowd_device_facts *out_facts);

/* Ends the process with a sentence; and when it did not go well. */
void crowd_give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void crowd_need(status code, const struct error *err);
