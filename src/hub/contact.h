/*
 * contact: a device's connection: who it is, and since which boot.
 *
 * Two connections of one device are nothing strange: the older is a line that nobody has heard the
 * end of. But when the older one speaks again, out of another boot, after a newer one has greeted,
 * then two machines live under one identity (contact_is_contested), whatever their streams.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"

struct contacts;

struct contact {
    struct contacts *contacts; /* not owned */
    struct contact *next;      /* of those in one place of the table */
    struct id device;
    struct id boot;
    uint64_t connection; /* 0: it has not greeted yet */
    bool contested;      /* that is known already */
};

status contacts_create(struct contacts **out_contacts, struct error *err);
void contacts_destroy(struct contacts *contacts); /* all have gone; NULL is fine */

/* NULL: out of memory. */
struct contact *contact_open(struct contacts *contacts, struct id device);
void contact_close(struct contact *contact); /* NULL is fine */

/* It has greeted, and is the newest of its device. */
void contact_greeted(struct contact *contact, struct id boot, uint64_t connection);

/* Whether it turns out just now that another machine answers for the device: true once of a
 * connection. Where they part is for the chain values to say: what both have is taken once. */
bool contact_is_contested(struct contact *contact);

/* Those that are open. */
int contacts_count(const struct contacts *contacts);
