/*
 * certificate_rows: every certificate that the hub has issued, as rows of hub.db.
 *
 * A certificate that renews another knows it as its parent; all that go back to one joining are a
 * lineage. What is revoked stays revoked; what was replaced is an older one whose successor has
 * been seen at work.
 *
 * Thread: the writing one, in its open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "platform/hash.h"

enum { CERTIFICATE_VIEWS_MAX = 8 /* of one device that may be shown: the newest */ };

/* Texts live in the arena of who asked. */
struct certificate_row {
    int64_t number; /* grows; 0: not written yet */
    struct digest fingerprint, spki;
    struct id serial, device;
    int64_t parent;                  /* number of the one that it renews; 0: a lineage begins */
    int64_t issued_ms, ends_ms;      /* by the hub's clock */
    int64_t revoked_ms, replaced_ms; /* 0: it is not */
    struct slice pem;
};

/* What the registry keeps of it. */
struct certificate_view {
    struct digest fingerprint;
    bool revoked, replaced;
};

/* NOT_FOUND: the hub has not issued it. */
status certificate_rows_find(struct database *database, struct arena *arena,
                             struct digest fingerprint, struct certificate_row *out_row,
                             struct error *err);
status certificate_rows_get(struct database *database, struct arena *arena, int64_t number,
                            struct certificate_row *out_row, struct error *err);

/* The newest that was issued for that key; NOT_FOUND: none. */
status certificate_rows_of_key(struct database *database, struct arena *arena, struct digest spki,
                               struct certificate_row *out_row, struct error *err);

/* The newest that renews `parent` already, for that key, issued after `since_ms`; NOT_FOUND. Where
 * the parent is good, so is that. */
status certificate_rows_child(struct database *database, struct arena *arena,
                              const struct certificate_row *parent, struct digest spki,
                              int64_t since_ms, struct certificate_row *out_row, struct error *err);

/* Writes a new one; row->number is set. */
status certificate_rows_put(struct database *database, struct certificate_row *row,
                            struct error *err);

/* The newest of a device first; at most `count_max`. */
status certificate_rows_list(struct database *database, struct arena *arena, struct id device,
                             int count_max, struct certificate_row **out_rows, int *out_count,
                             struct error *err);

/* Every lineage of a device, whole. */
status certificate_rows_revoke(struct database *database, struct id device, int64_t now_ms,
                               struct error *err);

/* They belong to another device from now on. */
status certificate_rows_move(struct database *database, struct id from, struct id to,
                             struct error *err);

/* Every one, the newest first; `each` must not use the database. */
status certificate_rows_each(struct database *database,
                             status (*each)(void *owner, struct id device,
                                            const struct certificate_view *view, struct error *err),
                             void *owner, struct error *err);
