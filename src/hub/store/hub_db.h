/*
 * hub_db: the file `hub.db`: made, opened, migrated, refused when it is not ours to open.
 *
 * application_id marks the file, user_version counts the steps. Each step is one transaction and
 * only adds, so the release before can always open the file; one that is newer by more is refused
 * with both versions. Nothing is salvaged here: a hub's backup is, and devices send what it lacks.
 *
 * Thread: the session's. Survives: power cuts, at every moment of making one too.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "platform/database.h"

enum {
    HUB_DB_VERSION = 10,
    HUB_DB_APPLICATION = 0x65626868,
    HUB_BACKUP_APPLICATION = 0x65626862 /* of a backup, which no hub opens as it is */
};

/* CORRUPT when it is damaged, INVALID when it is another program's or of a newer ebb. */
status hub_db_open(const char *path, struct database **out_database, struct error *err);

/* A second connection, which reads. */
status hub_db_open_reader(const char *path, struct database **out_database, struct error *err);

/* One for statements of others (platform/database_guest), not bound yet. INVALID as above. */
status hub_db_open_guest(const char *path, bool spills, struct database **out_database,
                         struct error *err);
