// SPDX-License-Identifier: Apache-2.0
#include "hub/registry.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "storage/number_map.h"

enum { ROOM_LEAST = 64 };

struct entry {
    struct id id;
    char *texts; /* owned: name, then labels */
    size_t name_count, labels_count;
    enum device_state state;
    int64_t contact_ms;
    struct certificate_view certificates[CERTIFICATE_VIEWS_MAX]; /* the newest first */
    int certificate_count;
    int noted; /* certificate by which it was heard of since the last notes; -1: none */
    bool replaces;
};

struct registry {
    struct entry *entries; /* owned */
    uint64_t count, room;
    struct number_map by_id, by_fingerprint; /* index of the entry */
    uint64_t notes_at;                       /* where to look for notes next */
    uint64_t noted_count;
};

/* --- finding ---------------------------------------------------------------------------------- */

static uint64_t first_bytes(const uint8_t *bytes) {
    uint64_t number = 0;
    (void)memcpy(&number, bytes, sizeof(number));
    return number;
}

static struct entry *find_id(const struct registry *registry, struct id id) {
    uint64_t index = 0;
    if (!number_map_get(&registry->by_id, first_bytes(id.bytes), &index)) {
        return NULL;
    }
    struct entry *entry = &registry->entries[index];
    return id_equal(entry->id, id) ? entry : NULL;
}

static struct entry *find_certificate(const struct registry *registry, struct digest fingerprint,
                                      int *out_index) {
    uint64_t index = 0;
    if (!number_map_get(&registry->by_fingerprint, first_bytes(fingerprint.bytes), &index)) {
        return NULL;
    }
    struct entry *entry = &registry->entries[index];
    for (int i = 0; i < entry->certificate_count; i++) {
        if (digest_equal(entry->certificates[i].fingerprint, fingerprint)) {
            *out_index = i;
            return entry;
        }
    }
    return NULL;
}

static struct slice name_of(const struct entry *entry) {
    return (struct slice){.bytes = entry->texts, .count = entry->name_count};
}

static status check(const struct entry *entry, const struct certificate_view *certificate,
                    struct error *err) {
    if (entry->state != DEVICE_ACTIVE) {
        return fail(err, STATUS_DENIED, "device '%.*s' is %s at this hub",
                    SLICE_ARGS(name_of(entry)), device_state_name(entry->state));
    }
    if (certificate->revoked) {
        return fail(err, STATUS_DENIED, "this certificate of device '%.*s' is revoked",
                    SLICE_ARGS(name_of(entry)));
    }
    if (certificate->replaced) {
        return fail(err, STATUS_DENIED,
                    "this certificate of device '%.*s' was replaced by a newer one, which was used",
                    SLICE_ARGS(name_of(entry)));
    }
    return STATUS_OK;
}

status registry_find_device(struct registry *registry, struct digest fingerprint,
                            struct registered_device *out_device, struct error *err) {
    int index = 0;
    const struct entry *entry = find_certificate(registry, fingerprint, &index);
    if (entry == NULL) {
        return fail(err, STATUS_DENIED,
                    "this hub does not know the certificate: the device must join it");
    }
    TRY(check(entry, &entry->certificates[index], err));
    *out_device = (struct registered_device){
        .id = entry->id,
        .name = name_of(entry),
        .labels = {.bytes = entry->texts + entry->name_count, .count = entry->labels_count},
        .state = entry->state,
        .contact_ms = entry->contact_ms,
    };
    return STATUS_OK;
}

int64_t registry_count(const struct registry *registry) {
    int64_t count = 0;
    for (uint64_t i = 0; i < registry->count; i++) {
        count += registry->entries[i].state == DEVICE_ACTIVE ? 1 : 0;
    }
    return count;
}

/* --- notes ------------------------------------------------------------------------------------ */

void registry_note_contact(struct registry *registry, struct digest fingerprint, int64_t now_ms) {
    int index = 0;
    struct entry *entry = find_certificate(registry, fingerprint, &index);
    if (entry == NULL || entry->state != DEVICE_ACTIVE) {
        return;
    }
    registry->noted_count += entry->noted < 0 ? 1 : 0;
    entry->contact_ms = now_ms;
    entry->noted = index;
    for (int i = index + 1; i < entry->certificate_count; i++) {
        entry->replaces |= !entry->certificates[i].replaced && !entry->certificates[i].revoked;
        entry->certificates[i].replaced = true;
    }
}

void registry_note_use(struct registry *registry, struct digest fingerprint, int64_t now_ms) {
    int index = 0;
    const struct entry *entry = find_certificate(registry, fingerprint, &index);
    if (entry != NULL && now_ms - entry->contact_ms >= REGISTRY_USE_MS) {
        registry_note_contact(registry, fingerprint, now_ms);
    }
}

bool registry_take_notes(struct registry *registry, struct device_notes *out_notes) {
    out_notes->count = 0;
    for (uint64_t looked = 0; looked < registry->count && registry->noted_count > 0; looked++) {
        struct entry *entry = &registry->entries[registry->notes_at % registry->count];
        if (out_notes->count == DEVICE_NOTES_MAX) {
            break;
        }
        registry->notes_at++;
        if (entry->noted >= 0) {
            out_notes->items[out_notes->count++] = (struct device_note){
                .fingerprint = entry->certificates[entry->noted].fingerprint,
                .contact_ms = entry->contact_ms,
                .replaces = entry->replaces,
            };
            entry->noted = -1;
            entry->replaces = false;
            registry->noted_count--;
        }
    }
    return out_notes->count > 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool make_room(struct registry *registry) {
    if (registry->count < registry->room) {
        return true;
    }
    const uint64_t room = registry->room > 0 ? registry->room * 2 : ROOM_LEAST;
    struct entry *entries = memory_resize(registry->entries, room * sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    registry->entries = entries;
    registry->room = room;
    return true;
}

static bool set_texts(struct entry *entry, struct slice name, struct slice labels) {
    char *texts = memory_new(name.count + labels.count + 1, 1);
    if (texts == NULL) {
        return false;
    }
    (void)memcpy(texts, name.bytes, name.count);
    (void)memcpy(texts + name.count, labels.bytes, labels.count);
    memory_free(entry->texts);
    entry->texts = texts;
    entry->name_count = name.count;
    entry->labels_count = labels.count;
    return true;
}

/* An entry of the row, which its certificates have yet to be added to; NULL: there is no memory. */
static struct entry *place_row(struct registry *registry, const struct device_row *row) {
    struct entry *entry = find_id(registry, row->id);
    if (entry == NULL) {
        if (!make_room(registry) ||
            !number_map_set(&registry->by_id, first_bytes(row->id.bytes), registry->count)) {
            return NULL;
        }
        entry = &registry->entries[registry->count];
        *entry = (struct entry){.id = row->id, .state = DEVICE_REVOKED, .noted = -1};
        if (!set_texts(entry, row->name, row->labels)) {
            number_map_remove(&registry->by_id, first_bytes(row->id.bytes));
            return NULL;
        }
        registry->count++;
    } else if (!set_texts(entry, row->name, row->labels)) {
        log_line(LOG_ERROR, "hub", "no memory for the name of device '%.*s': it is shown as before",
                 SLICE_ARGS(row->name));
    }
    entry->state = row->state;
    entry->contact_ms = entry->contact_ms > row->contact_ms ? entry->contact_ms : row->contact_ms;
    return entry;
}

static void drop_certificates(struct registry *registry, struct entry *entry) {
    const uint64_t own = (uint64_t)(entry - registry->entries);
    for (int i = 0; i < entry->certificate_count; i++) {
        const uint64_t key = first_bytes(entry->certificates[i].fingerprint.bytes);
        uint64_t index = 0;
        /* It may have gone over to another device meanwhile. */
        if (number_map_get(&registry->by_fingerprint, key, &index) && index == own) {
            number_map_remove(&registry->by_fingerprint, key);
        }
    }
    registry->noted_count -= entry->noted >= 0 ? 1 : 0;
    entry->noted = -1;
    entry->replaces = false;
    entry->certificate_count = 0;
}

static bool add_certificate(struct registry *registry, struct entry *entry,
                            const struct certificate_view *view) {
    if (entry->certificate_count == CERTIFICATE_VIEWS_MAX) {
        return true;
    }
    if (!number_map_set(&registry->by_fingerprint, first_bytes(view->fingerprint.bytes),
                        (uint64_t)(entry - registry->entries))) {
        return false;
    }
    entry->certificates[entry->certificate_count++] = *view;
    return true;
}

/* What the rows say counts, but what was noted and is not written yet counts as well. */
static void keep_notes(const struct entry *before, struct entry *entry) {
    for (int i = 0; i < entry->certificate_count; i++) {
        for (int j = 0; j < before->certificate_count; j++) {
            if (digest_equal(entry->certificates[i].fingerprint,
                             before->certificates[j].fingerprint)) {
                entry->certificates[i].replaced |= before->certificates[j].replaced;
            }
        }
    }
}

static void take_view(struct registry *registry, const struct device_view *view) {
    struct entry *entry = place_row(registry, &view->row);
    if (entry == NULL) {
        log_line(LOG_ERROR, "hub", "no memory for device '%.*s': it comes in after the next start",
                 SLICE_ARGS(view->row.name));
        return;
    }
    const struct entry before = *entry;
    drop_certificates(registry, entry);
    for (int i = 0; i < view->certificate_count; i++) {
        if (!add_certificate(registry, entry, &view->certificates[i])) {
            log_line(LOG_ERROR, "hub", "no memory for a certificate of device '%.*s'",
                     SLICE_ARGS(view->row.name));
        }
    }
    keep_notes(&before, entry);
}

void registry_take(struct registry *registry, const struct device_change *change) {
    for (int i = 0; i < change->count; i++) {
        take_view(registry, &change->views[i]);
    }
}

/* --- loading ---------------------------------------------------------------------------------- */

static status load_device(void *owner, const struct device_row *row, struct error *err) {
    return place_row(owner, row) != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no memory for the hub's devices");
}

static status load_certificate(void *owner, struct id device, const struct certificate_view *view,
                               struct error *err) {
    struct registry *registry = owner;
    struct entry *entry = find_id(registry, device);
    return entry == NULL || add_certificate(registry, entry, view)
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no memory for the certificates of devices");
}

status registry_load(struct database *database, struct registry **out_registry, struct error *err) {
    struct registry *registry = memory_new(1, sizeof(*registry));
    if (registry == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the hub's devices");
    }
    number_map_init(&registry->by_id);
    number_map_init(&registry->by_fingerprint);
    status code = device_rows_each(database, load_device, registry, err);
    if (code == STATUS_OK) {
        code = certificate_rows_each(database, load_certificate, registry, err);
    }
    if (code != STATUS_OK) {
        registry_destroy(registry);
        return err != NULL ? fail_while(err, "read the hub's devices") : code;
    }
    *out_registry = registry;
    return STATUS_OK;
}

void registry_destroy(struct registry *registry) {
    if (registry == NULL) {
        return;
    }
    for (uint64_t i = 0; i < registry->count; i++) {
        memory_free(registry->entries[i].texts);
    }
    memory_free(registry->entries);
    number_map_done(&registry->by_id);
    number_map_done(&registry->by_fingerprint);
    memory_free(registry);
}
