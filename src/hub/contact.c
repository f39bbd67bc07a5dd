// SPDX-License-Identifier: Apache-2.0
#include "hub/contact.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { PLACES = 4096 };

struct contacts {
    struct contact *places[PLACES];
    int count;
};

/* Ids are random: a few of their bits spread well. */
static size_t place_of(struct id device) {
    uint32_t bits = 0;
    (void)memcpy(&bits, device.bytes + ID_BYTES - sizeof(bits), sizeof(bits));
    return bits % PLACES;
}

status contacts_create(struct contacts **out_contacts, struct error *err) {
    *out_contacts = memory_new(1, sizeof(**out_contacts));
    return *out_contacts != NULL ? STATUS_OK
                                 : fail(err, STATUS_NO_MEMORY, "out of memory for connections");
}

void contacts_destroy(struct contacts *contacts) {
    assert(contacts == NULL || contacts->count == 0);
    memory_free(contacts);
}

struct contact *contact_open(struct contacts *contacts, struct id device) {
    struct contact *contact = memory_new(1, sizeof(*contact));
    if (contact == NULL) {
        return NULL;
    }
    struct contact **place = &contacts->places[place_of(device)];
    contact->contacts = contacts;
    contact->device = device;
    contact->next = *place;
    *place = contact;
    contacts->count++;
    return contact;
}

void contact_close(struct contact *contact) {
    if (contact == NULL) {
        return;
    }
    struct contact **at = &contact->contacts->places[place_of(contact->device)];
    while (*at != contact) {
        at = &(*at)->next;
    }
    *at = contact->next;
    contact->contacts->count--;
    memory_free(contact);
}

void contact_greeted(struct contact *contact, struct id boot, uint64_t connection) {
    contact->boot = boot;
    contact->connection = connection;
}

bool contact_is_contested(struct contact *contact) {
    const struct contact *other = contact->contacts->places[place_of(contact->device)];
    for (; other != NULL && !contact->contested; other = other->next) {
        if (id_equal(other->device, contact->device) && other->connection > contact->connection &&
            !id_equal(other->boot, contact->boot)) {
            contact->contested = true;
            return true;
        }
    }
    return false;
}

int contacts_count(const struct contacts *contacts) {
    return contacts->count;
}
