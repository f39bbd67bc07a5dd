/*
 * carrier: how results get to one kind of destination, behind the one face that all kinds have.
 *
 * A carrier is given results in their order and says later how many of them arrived. What is due,
 * when it is tried again and when it is given up is the destination's business (destination.h).
 *
 * Thread: loop; a file's bytes are written on a worker.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"
#include "platform/worker.h"
#include "wire/device.h"

struct carrier; /* an opened one; each kind has its own */

/* A result under way; the slices live until the report. */
struct parcel {
    struct slice id;   /* its public id: the same however often it is sent */
    struct slice line; /* its JSON (wire/record_line), without a line end */
    uint64_t seq;
    int64_t age_ms; /* when it was read */
};

struct carrier_report {
    uint32_t arrived;   /* so many, from the first on; what follows did not, as far as is known */
    struct error error; /* OK: nothing failed, though perhaps not all was sent */
    int64_t retry_after_ms; /* what the other side asks for; 0: nothing */
};

struct carrier_options {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    const struct device_destination *settings;
    void (*reported)(void *owner, const struct carrier_report *report); /* on the loop, never inside
                                                                           a call of ours */
    void *owner;
};

struct carrier_kind {
    const char *name;
    status (*open)(const struct carrier_options *options, struct carrier **out_carrier,
                   struct error *err);
    /* Sends from the first one on, at least one; one report comes. Not before the last report. */
    void (*send)(struct carrier *carrier, const struct parcel *parcels, uint32_t count);
    /* What is under way is broken off or was finished by the pool's end; nobody is told. NULL is
     * fine. */
    void (*close)(struct carrier *carrier);
};

extern const struct carrier_kind FILE_CARRIER;    /* file_carrier.c */
extern const struct carrier_kind WEBHOOK_CARRIER; /* webhook_carrier.c */
