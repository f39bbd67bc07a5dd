/*
 * hub_backup: the one file of a backup: a copy of hub.db, and the hub's authority in it.
 *
 * It is a database of SQLite with the hub's tables, `backup` (one row: when, by which release) and
 * `backup_file` (files of the data folder: the authority's certificate and, unless it was not
 * wanted, its key, sealed by a passphrase where there is one). Its application_id is its own, so
 * that no hub is started on it as it is. It is made under another name beside its own, 0600, and
 * renamed when it is synced.
 *
 * In a backup every lane is anchored as far as it is held: whoever is restored from it is told of.
 *
 * Thread: any; blocks as long as it takes. Survives: power cuts, at every moment. Foreign bytes: a
 * backup comes from outside, and is checked whole before it is put in place.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "platform/database_copy.h"
#include "wire/lane.h"

enum { HUB_BACKUP_FILE_BYTES_MAX = 1 << 20 }; /* of each file of the data folder */

struct hub_backup_wish {
    const char *data; /* the hub's folder */
    const char *path; /* of the backup; an older backup there is replaced */
    bool with_key;
    struct slice passphrase; /* that seals it; empty: none does */
    int64_t now_ms;
    struct database_copy_watch watch;
};

/* What a backup covers of a lane. */
struct hub_backup_lane {
    struct id stream;
    enum lane lane;
    int64_t stream_number;
    uint64_t top;
};

struct hub_backup_facts {
    int64_t made_ms, records, streams, devices;
    bool has_certificate, has_key; /* of the hub's own authority */
    bool is_sealed;                /* the key */
    struct hub_backup_lane *lanes; /* hub_backup_facts_done frees them; restore gives none */
    size_t lane_count;
};
void hub_backup_facts_done(struct hub_backup_facts *facts);

/* CONFLICT when there is something at `path` that is no backup. */
status hub_backup_write(const struct hub_backup_wish *wish, struct hub_backup_facts *out_facts,
                        struct error *err);

/* Puts a backup's hub into the folder, under a new store id. CONFLICT when a hub is there already,
 * INVALID when the file is no backup, CORRUPT when it is damaged, DENIED when its key is sealed and
 * the passphrase (empty: none) does not open it. */
status hub_backup_restore(const char *path, const char *data, struct slice passphrase,
                          struct hub_backup_facts *out_facts, struct error *err);
