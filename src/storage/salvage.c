// SPDX-License-Identifier: Apache-2.0
#include "storage/salvage.h"

#include <stdio.h>
#include <string.h>

#include "storage/pages.h"
#include "storage/salvage_join.h"
#include "storage/salvage_read.h"

/*
 * The names that a salvage uses, and what a power cut between two of its steps leaves:
 *
 * | step                                   | left behind         | at the next opening       |
 * |----------------------------------------|---------------------|---------------------------|
 * | 1 a new file is written as NAME.part   | NAME, NAME.part     | .part goes; salvage anew  |
 * | 2 it is whole and synced: NAME.new     | NAME, NAME.new      | 3, 4 and 5                |
 * | 3 NAME is moved to NAME.damaged-N      | NAME-wal, NAME.new  | 4 and 5                   |
 * | 4 NAME-wal is moved to .damaged-N-wal  | NAME.new            | 5                         |
 * | 5 NAME.new is moved to NAME            | NAME                |                           |
 */

enum { PATH_BYTES = LOCAL_DB_PATH_BYTES + 64, ASIDE_MAX = 1000 };

/* NAME with a suffix; the paths are short enough (core_open sees to it). */
struct salvage_path {
    char text[PATH_BYTES];
};

static struct salvage_path path_of(const char *path, const char *suffix) {
    struct salvage_path made;
    (void)snprintf(made.text, sizeof(made.text), "%.*s%.40s", LOCAL_DB_PATH_BYTES, path, suffix);
    return made;
}

/* --- the move --- */

/* The first number that neither a file nor its log has; a file whose log is still here has its
 * log's. */
static void choose_aside(const char *path, const char *vfs, struct salvage_path *out_aside) {
    for (int i = 1; i < ASIDE_MAX; i++) {
        char suffix[32];
        (void)snprintf(suffix, sizeof(suffix), ".damaged-%d", i);
        *out_aside = path_of(path, suffix);
        const struct salvage_path log = path_of(out_aside->text, "-wal");
        const bool moved = database_file_exists(vfs, out_aside->text);
        const bool log_moved = database_file_exists(vfs, log.text);
        const bool half_moved = moved && !log_moved && !database_file_exists(vfs, path) &&
                                database_file_exists(vfs, path_of(path, "-wal").text);
        if (half_moved || (!moved && !log_moved)) {
            return;
        }
    }
}

bool salvage_was_here(const char *path, const char *vfs) {
    const struct salvage_path aside = path_of(path, ".damaged-1");
    return database_file_exists(vfs, aside.text) ||
           database_file_exists(vfs, path_of(aside.text, "-wal").text);
}

static status move_if_there(const char *vfs, const char *from, const char *to, struct error *err) {
    return database_file_exists(vfs, from) ? database_file_move(vfs, from, to, err) : STATUS_OK;
}

/* Steps 3 to 5. */
static status put_in_place(const char *path, const char *vfs, struct salvage_path *out_aside,
                           struct error *err) {
    choose_aside(path, vfs, out_aside);
    const struct salvage_path log = path_of(path, "-wal");
    const struct salvage_path log_aside = path_of(out_aside->text, "-wal");
    TRY(move_if_there(vfs, path, out_aside->text, err));
    TRY(move_if_there(vfs, log.text, log_aside.text, err));
    if (!database_file_exists(vfs, out_aside->text)) {
        *out_aside = log_aside; /* the log was all that was left */
    }
    TRY(database_file_remove(vfs, path_of(path, "-shm").text, err));
    return database_file_move(vfs, path_of(path, ".new").text, path, err);
}

static status remove_part(const char *path, const char *vfs, struct error *err) {
    static const char *const SUFFIXES[] = {".part", ".part-wal", ".part-shm", ".part-journal"};
    for (size_t i = 0; i < sizeof(SUFFIXES) / sizeof(SUFFIXES[0]); i++) {
        TRY(database_file_remove(vfs, path_of(path, SUFFIXES[i]).text, err));
    }
    return STATUS_OK;
}

status salvage_finish(const char *path, const char *vfs, struct error *err) {
    if (database_file_exists(vfs, path_of(path, ".part").text)) {
        TRY(remove_part(path, vfs, err));
    }
    if (!database_file_exists(vfs, path_of(path, ".new").text)) {
        return STATUS_OK;
    }
    struct salvage_path aside;
    return put_in_place(path, vfs, &aside, err);
}

/* --- the new file --- */

static status fill(struct pages *pages, struct database *database, struct salvage_sums *sums,
                   struct error *err) {
    bool done = false;
    TRY(database_run(database, "DELETE FROM stream", err)); /* the one that it was made with */
    TRY(salvage_read(pages, database, err));
    TRY(salvage_join(database, sums, err));
    TRY(database_checkpoint(database, &done, err));
    return done ? STATUS_OK : fail(err, STATUS_BUSY, "somebody reads the new file");
}

static status make_part(const struct salvage_options *options, struct salvage_sums *sums,
                        struct error *err) {
    const struct salvage_path part = path_of(options->path, ".part");
    const struct local_db_options make = {
        .path = part.text, .vfs = options->vfs, .wal_bytes = options->wal_bytes};
    struct database *database = NULL;
    struct local_db_found found;
    struct pages pages;
    TRY(remove_part(options->path, options->vfs, err));
    TRY(pages_open(&pages, options->path, options->vfs, err));
    status made = local_db_open(&make, &database, &found, err);
    if (made == STATUS_OK) {
        made = fill(&pages, database, sums, err);
    }
    database_close(database);
    pages_close(&pages);
    return made;
}

/* Everything is in the file itself; its log, which says the same, goes. */
static status finish_part(const struct salvage_options *options, struct error *err) {
    const struct salvage_path part = path_of(options->path, ".part");
    TRY(database_file_remove(options->vfs, path_of(part.text, "-wal").text, err));
    TRY(database_file_remove(options->vfs, path_of(part.text, "-shm").text, err));
    return database_file_move(options->vfs, part.text, path_of(options->path, ".new").text, err);
}

status salvage_run(const struct salvage_options *options, struct salvage_report *out_report,
                   struct error *err) {
    struct salvage_sums sums = {0};
    struct salvage_path aside;
    status done = make_part(options, &sums, err);
    if (done == STATUS_OK) {
        done = finish_part(options, err);
    }
    if (done == STATUS_OK) {
        done = put_in_place(options->path, options->vfs, &aside, err);
    }
    if (done != STATUS_OK) {
        return fail_while(err, "salvage '%.200s'", options->path);
    }
    *out_report = (struct salvage_report){.records = sums.records, .damaged = sums.damaged};
    (void)snprintf(out_report->aside, sizeof(out_report->aside), "%.*s",
                   (int)sizeof(out_report->aside) - 1, aside.text);
    return STATUS_OK;
}
