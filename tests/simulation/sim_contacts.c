// SPDX-License-Identifier: Apache-2.0
#include "sim_contacts.h"

#include <stdlib.h>

void sim_contacts_init(struct sim_contacts *contacts) {
    struct error err;
    *contacts = (struct sim_contacts){.count = 0};
    if (contacts_create(&contacts->contacts, &err) != STATUS_OK) {
        abort();
    }
}

void sim_contacts_done(struct sim_contacts *contacts) {
    sim_contacts_drop_all(contacts);
    contacts_destroy(contacts->contacts);
}

static void drop(struct sim_contacts *contacts, int index) {
    contact_close(contacts->list[index]);
    contacts->count--;
    for (int i = index; i < contacts->count; i++) {
        contacts->list[i] = contacts->list[i + 1];
        contacts->serials[i] = contacts->serials[i + 1];
    }
}

void sim_contacts_drop(struct sim_contacts *contacts, uint64_t serial) {
    for (int i = contacts->count - 1; i >= 0; i--) {
        if (contacts->serials[i] == serial) {
            drop(contacts, i);
        }
    }
}

void sim_contacts_drop_all(struct sim_contacts *contacts) {
    while (contacts->count > 0) {
        drop(contacts, contacts->count - 1);
    }
}

struct contact *sim_contacts_of(struct sim_contacts *contacts, uint64_t serial, int device) {
    for (int i = 0; i < contacts->count; i++) {
        if (contacts->serials[i] == serial) {
            return contacts->list[i];
        }
    }
    if (serial == 0) {
        return NULL;
    }
    if (contacts->count == SIM_CONTACTS_MAX) {
        drop(contacts, 0);
    }
    struct contact *made = contact_open(contacts->contacts, (struct id){{(uint8_t)device}});
    if (made == NULL) {
        abort();
    }
    contacts->serials[contacts->count] = serial;
    contacts->list[contacts->count++] = made;
    return made;
}
