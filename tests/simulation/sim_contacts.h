/*
 * sim_contacts: the connections that a hub believes in, by hub/contact, the hub's own.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/contact.h"

enum { SIM_CONTACTS_MAX = 64 };

struct sim_contacts {
    struct contacts *contacts; /* owned, as are those in the list, the oldest first */
    struct contact *list[SIM_CONTACTS_MAX];
    uint64_t serials[SIM_CONTACTS_MAX];
    int count;
};

void sim_contacts_init(struct sim_contacts *contacts);
void sim_contacts_done(struct sim_contacts *contacts);

/* The connection of this serial, made when it is heard of for the first time; NULL for 0. */
struct contact *sim_contacts_of(struct sim_contacts *contacts, uint64_t serial, int device);

/* It is gone; all are. */
void sim_contacts_drop(struct sim_contacts *contacts, uint64_t serial);
void sim_contacts_drop_all(struct sim_contacts *contacts);
