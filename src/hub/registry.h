/*
 * registry: the devices that a hub knows, in memory: who shows this certificate, and may they come
 * in?
 *
 * What a certificate says is only a claim: whoever comes in is looked up here at every request, by
 * the SHA-256 of the whole certificate, so that nothing of it is parsed. The rows lie in hub.db and
 * are changed there first, on the writing thread (hub/device_rows); after the commit the loop hands
 * what changed to registry_take, and from then on it counts: a revoked device is denied at its next
 * request.
 *
 * Thread: loop. Survives: nothing; registry_load reads the rows when the hub starts.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "base/slice.h"
#include "hub/device_rows.h"
#include "platform/hash.h"

struct registry;

/* Reads every row; `database` is only looked at in this call. */
status registry_load(struct database *database, struct registry **out_registry, struct error *err);
void registry_destroy(struct registry *registry);

/* A device as the registry has it; slices live until the registry changes. */
struct registered_device {
    struct id id;
    struct slice name;
    struct slice labels; /* a JSON object, {} when there are none */
    enum device_state state;
    int64_t contact_ms; /* of the hub's clock; 0: never */
};

/* Whose certificate this is, by its SHA-256; the TLS session has proved that they hold its key.
 * DENIED with a sentence: unknown, revoked, replaced by a newer one, or its device not active. */
status registry_find_device(struct registry *registry, struct digest fingerprint,
                            struct registered_device *out_device, struct error *err);

/* Notes that the device was heard of just now by this certificate: its last contact, and that a
 * certificate which this one renews has had its day. Written with the next registry_take_notes. */
void registry_note_contact(struct registry *registry, struct digest fingerprint, int64_t now_ms);

/* A connection lasts for hours: that it is used is a contact, too, noted every REGISTRY_USE_MS. */
enum { REGISTRY_USE_MS = 10 * 60 * 1000 };
void registry_note_use(struct registry *registry, struct digest fingerprint, int64_t now_ms);

/* What was noted since the last time, for device_rows_write_notes on the writing thread. False:
 * nothing. At most DEVICE_NOTES_MAX at a time; more wait. */
bool registry_take_notes(struct registry *registry, struct device_notes *out_notes);

/* Shows what a committed change left of the devices that it touched. */
void registry_take(struct registry *registry, const struct device_change *change);

int64_t registry_count(const struct registry *registry); /* devices that are active */
