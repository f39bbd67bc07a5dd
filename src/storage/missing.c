// SPDX-License-Identifier: Apache-2.0
#include "storage/missing.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "platform/database.h"
#include "storage/local_db.h"
#include "storage/salvage.h"

/* What the programs above write into the folder once their store is open. */
static const char *const TRACES[] = {"running", "stopped", "blobs"};

status missing_check_log(const char *path, const char *vfs, struct error *err) {
    char log[LOCAL_DB_PATH_BYTES + 8];
    (void)snprintf(log, sizeof(log), "%.*s-wal", LOCAL_DB_PATH_BYTES, path);
    if (database_file_exists(vfs, path) || !database_file_exists(vfs, log)) {
        return STATUS_OK;
    }
    return fail(err, STATUS_CORRUPT, "the database is gone, its log is not");
}

void missing_find_trace(const char *path, const char *vfs, char out_trace[MISSING_TRACE_BYTES]) {
    static const char ASIDE[] = "what was set aside of a damaged one";
    char other[LOCAL_DB_PATH_BYTES + MISSING_TRACE_BYTES];
    const char *slash = strrchr(path, '/');
    const int folder = slash != NULL ? (int)(slash - path + 1) : 0;
    out_trace[0] = '\0';
    for (size_t i = 0; i < sizeof(TRACES) / sizeof(TRACES[0]); i++) {
        (void)snprintf(other, sizeof(other), "%.*s%s", folder, path, TRACES[i]);
        if (database_file_exists(vfs, other)) {
            (void)snprintf(out_trace, MISSING_TRACE_BYTES, "'%s'", TRACES[i]);
            return;
        }
    }
    if (salvage_was_here(path, vfs)) {
        (void)snprintf(out_trace, MISSING_TRACE_BYTES, "%s", ASIDE);
    }
}
