/*
 * carrier: how results get to one kind of destination, behind the one face that all kinds have: of
 * a device's destinations and of a hub's.
 *
 * A carrier is given results in their order and says later how many of them arrived. What is due,
 * when it is tried again and when it is given up is the destination's business
 * (runtime/destinations, hub/destinations).
 *
 * Thread: loop; a file's bytes are written on a worker, and a database is asked on one of its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "base/slice.h"
#include "platform/loop.h"
#include "platform/worker.h"
#include "wire/lane.h"
#include "wire/webhook.h"

struct carrier; /* an opened one; each kind has its own */

/* A table of PostgreSQL; all texts are ended by a zero. */
struct postgres_place {
    struct slice url;        /* empty: it is the secret's */
    struct slice url_secret; /* names of secrets; empty: none */
    struct slice password_secret;
    struct slice table; /* "results" or "plant.results": small letters, digits and _ */
};

/* A result in parts, for a carrier that wants them apart. Texts are a device's words. */
struct parcel_parts {
    struct id id, device, run;
    struct slice device_name, workflow, name;
    enum lane lane;
    int64_t priority, created_ms, arrived_ms;
    struct slice result; /* JSON */
};

/* A result under way; the slices live until the report. */
struct parcel {
    struct slice id;   /* its public id: the same however often it is sent */
    struct slice line; /* its JSON, without a line end */
    uint64_t seq;
    int64_t age_ms;                   /* when it was read */
    const struct parcel_parts *parts; /* NULL on a device */
};

struct carrier_report {
    uint32_t arrived;   /* so many, from the first on; what follows did not, as far as is known */
    struct error error; /* OK: nothing failed, though perhaps not all was sent */
    bool refused;       /* the one after those that arrived is not taken, for what is in it */
    int64_t retry_after_ms; /* what the other side asks for; 0: nothing */
};

struct carrier_options {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    const char *path;           /* of a file */
    const struct webhook *hook; /* of a webhook */
    uint32_t batch; /* of a webhook: so many results are the list that a body is; 0: each
                                   is a body of its own */
    const struct postgres_place *postgres;
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

extern const struct carrier_kind FILE_CARRIER;     /* file_carrier.c */
extern const struct carrier_kind WEBHOOK_CARRIER;  /* webhook_carrier.c */
extern const struct carrier_kind POSTGRES_CARRIER; /* postgres_carrier.c */
