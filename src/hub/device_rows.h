/*
 * device_rows: the hub's devices as rows of hub.db.
 *
 * A device has an id for good; its certificates come and go (hub/certificate_rows). Whether
 * somebody may come in is hub/registry's to say, which sees what was committed.
 *
 * Thread: the writing one, in its open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "hub/certificate_rows.h"
#include "platform/database.h"

enum {
    DEVICE_FACTS_BYTES_MAX = 4 << 10,
    DEVICE_LISTED_MAX = 1000, /* in one page */
    DEVICE_CHANGE_MAX = 2,
    DEVICE_NOTES_MAX = 64
};

enum device_state {
    DEVICE_ACTIVE,
    DEVICE_REVOKED,
    DEVICE_LEFT,   /* it said so itself */
    DEVICE_REMOVED /* its name is free again; the row stays for the sake of its records */
};

/* "active", "revoked", "left", "removed". */
const char *device_state_name(enum device_state state);

/* Texts live in the arena of who asked. */
struct device_row {
    struct id id;
    struct slice name;          /* of text_is_name; no two devices but removed ones have the same */
    struct slice labels, facts; /* JSON objects */
    enum device_state state;
    int64_t created_ms, contact_ms; /* contact 0: never */
};

/* NOT_FOUND names it. device_rows_find takes a name or an id, and finds no removed device. */
status device_rows_get(struct database *database, struct arena *arena, struct id id,
                       struct device_row *out_row, struct error *err);
status device_rows_find(struct database *database, struct arena *arena, struct slice name_or_id,
                        struct device_row *out_row, struct error *err);

/* Writes the row, new or changed. */
status device_rows_put(struct database *database, const struct device_row *row, struct error *err);

/* A name that no other device has, made of what was wished for (any text): "line-3", "line-3-2". */
status device_rows_free_name(struct database *database, struct arena *arena, struct slice wish,
                             struct id id, struct slice *out_name, struct error *err);

/* Devices that are not removed, by name, behind `after`; at most DEVICE_LISTED_MAX. */
status device_rows_list(struct database *database, struct arena *arena, struct slice after,
                        struct device_row **out_rows, int *out_count, struct error *err);

/* Every row, removed ones as well, in no order; `each` must not use the database. */
status device_rows_each(struct database *database,
                        status (*each)(void *owner, const struct device_row *row,
                                       struct error *err),
                        void *owner, struct error *err);

/* --- what changed, for the registry
 * ------------------------------------------------------------ */

/* One device as it is after a change. */
struct device_view {
    struct device_row row;
    struct certificate_view certificates[CERTIFICATE_VIEWS_MAX]; /* the newest first */
    int certificate_count;
};

/* What a transaction left of the devices that it touched, for registry_take after its commit. */
struct device_change {
    struct device_view views[DEVICE_CHANGE_MAX];
    int count;
};

/* Reads the device as it is now and adds it to the change. */
status device_rows_changed(struct database *database, struct arena *arena, struct id id,
                           struct device_change *change, struct error *err);

/* --- what the registry noted
 * ------------------------------------------------------------------- */

struct device_note {
    struct digest fingerprint; /* of the certificate that was shown */
    int64_t contact_ms;
    bool replaces; /* older certificates of its device have had their day */
};

struct device_notes {
    struct device_note items[DEVICE_NOTES_MAX];
    int count;
};

status device_rows_write_notes(struct database *database, const struct device_notes *notes,
                               struct error *err);
