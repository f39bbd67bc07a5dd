// SPDX-License-Identifier: Apache-2.0
#include "power_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power_digest.h"

status power_open(const char *disk, struct core **out_core, struct error *err) {
    struct store_opened opened;
    const struct core_options options = {.folder = POWER_FOLDER,
                                         .vfs = disk,
                                         .budget_bytes = 4 << 20,
                                         .wal_bytes = POWER_WAL_BYTES,
                                         .checkpoint_pages = POWER_CHECKPOINT_PAGES};
    return core_open(&options, out_core, &opened, err);
}

/* --- a life ---------------------------------------------------------------------------------- */

/* Looks through a connection of its own, as the sync manager would, ahead of each sync. */
struct watcher {
    struct fault_disk *disk;
    struct database *database;
    struct power_trace *trace;
    uint64_t seen_key;
};

static void note_state(struct watcher *watcher) {
    struct power_trace *trace = watcher->trace;
    struct power_state *state = &trace->states[trace->state_count];
    struct error err;
    if (trace->state_count < POWER_STATES_MAX &&
        power_digest(watcher->database, &state->digest, &err) == STATUS_OK) {
        state->place = fault_disk_log(watcher->disk)->count;
        trace->state_count++;
    }
}

static void look(void *owner) {
    static const char TOPS[] = "SELECT max(key), chain FROM record WHERE last_seq IS NULL"
                               " GROUP BY key >> 40";
    struct watcher *watcher = owner;
    note_state(watcher);
    CLEANUP(query_done) struct query query = query_on(watcher->database, TOPS);
    while (query_next(&query) && watcher->trace->sighting_count < POWER_SIGHTINGS_MAX) {
        struct power_sighting *sighting =
            &watcher->trace->sightings[watcher->trace->sighting_count++];
        sighting->place = fault_disk_log(watcher->disk)->count;
        sighting->key = (uint64_t)query_number(&query, 0);
        const struct slice chain = query_bytes(&query, 1);
        if (chain.count == ID_BYTES) {
            (void)memcpy(sighting->chain.bytes, chain.bytes, ID_BYTES);
        }
    }
}

static status mark(struct power_trace *trace, const struct fault_disk *disk, struct core *core,
                   size_t begun, enum power_bug bug, struct error *err) {
    struct power_mark *added = &trace->marks[trace->mark_count++];
    TRY(power_digest(core_database(core), &added->digest, err));
    added->begun = begun;
    added->answered = fault_disk_log(disk)->count;
    if (bug == POWER_ANSWER_BEFORE_COMMIT) {
        added->answered = begun;
    }
    return STATUS_OK;
}

static status live(const struct power_life *life, struct core *core, struct power_trace *trace,
                   struct error *err) {
    struct power_work *work = life->work;
    size_t begun = fault_disk_log(life->disk)->count;
    TRY(mark(trace, life->disk, core, begun, POWER_NO_BUG, err));
    if (!power_work_begin(work, core)) {
        return fail(err, STATUS_SYSTEM, "the workflows were not kept");
    }
    TRY(mark(trace, life->disk, core, begun, life->bug, err));
    for (int i = 0; i < life->batches; i++) {
        power_work_make(work);
        begun = fault_disk_log(life->disk)->count;
        core_run(core, work->batch, work->count);
        TRY(mark(trace, life->disk, core, begun, life->bug, err));
        power_work_note(work);
        core_idle(core);
    }
    return STATUS_OK;
}

static status watch_and_live(const struct power_life *life, struct core *core,
                             struct power_trace *trace, struct error *err) {
    const struct database_options options = {.path = POWER_FOLDER "/ebb.db",
                                             .vfs = life->name,
                                             .read_only = true,
                                             .application = 0x65626231};
    struct watcher watcher = {.disk = life->disk, .trace = trace};
    TRY(database_open(&options, &watcher.database, err));
    fault_disk_watch_syncs(life->disk, look, &watcher);
    if (life->bug == POWER_SYNCHRONOUS_OFF) {
        TRY(database_run(core_database(core), "PRAGMA synchronous=OFF", err));
    }
    const status lived = live(life, core, trace, err);
    fault_disk_watch_syncs(life->disk, NULL, NULL);
    database_close(watcher.database);
    return lived;
}

/* True when no store was made here to its end: a cut may have come before. */
static bool is_unmade(const char *disk) {
    static const char VERSION[] = "PRAGMA user_version";
    const struct database_options options = {
        .path = POWER_FOLDER "/ebb.db", .vfs = disk, .must_exist = true, .application = 0x65626231};
    struct database *database = NULL;
    struct error err;
    int64_t version = 0;
    if (!database_file_exists(disk, POWER_FOLDER "/ebb.db") ||
        database_open(&options, &database, &err) != STATUS_OK) {
        return true;
    }
    {
        CLEANUP(query_done) struct query query = query_on(database, VERSION);
        if (query_one_number(&query, &version, &err) != STATUS_OK) {
            version = 0;
        }
    }
    database_close(database);
    return version == 0;
}

status power_live(const struct power_life *life, struct power_trace *out_trace, struct error *err) {
    struct core *core = NULL;
    out_trace->mark_count = 0;
    out_trace->sighting_count = 0;
    out_trace->state_count = 0;
    out_trace->fresh = is_unmade(life->name);
    fault_disk_drop_syncs(life->disk, life->bug == POWER_SYNCS_DROPPED);
    TRY(power_open(life->name, &core, err));
    const status lived = watch_and_live(life, core, out_trace, err);
    core_close(core);
    return lived;
}

/* --- after a cut --- */

/* The last state that was promised before the cut; -1: none. */
static int promised(const struct power_trace *trace, size_t place) {
    int last = -1;
    for (int i = 0; i < trace->mark_count; i++) {
        if (trace->marks[i].answered <= place) {
            last = i;
        }
    }
    return last;
}

/* A state of the batch that was being committed. */
static bool is_between(const struct power_trace *trace, int last, size_t place, struct id digest) {
    if (last + 1 >= trace->mark_count || trace->marks[last + 1].begun >= place) {
        return false;
    }
    const size_t end = trace->marks[last + 1].answered;
    bool found = id_equal(digest, trace->marks[last + 1].digest);
    for (int i = 0; i < trace->state_count && !found; i++) {
        const struct power_state *state = &trace->states[i];
        found = state->place >= trace->marks[last].answered && state->place <= end &&
                id_equal(digest, state->digest);
    }
    return found;
}

static status compare(const struct power_trace *trace, struct database *database, size_t place,
                      struct error *err) {
    const int last = promised(trace, place);
    struct id digest;
    TRY(power_digest(database, &digest, err));
    if (last < 0) {
        const bool same = trace->fresh || id_equal(digest, trace->marks[0].digest);
        return same ? STATUS_OK : fail(err, STATUS_CORRUPT, "opening changed what was there");
    }
    if (id_equal(digest, trace->marks[last].digest)) {
        return STATUS_OK;
    }
    if (is_between(trace, last, place, digest)) {
        return STATUS_OK;
    }
    for (int i = 0; i < trace->mark_count; i++) {
        if (id_equal(digest, trace->marks[i].digest)) {
            return fail(err, STATUS_CORRUPT, "state %d is there, %d was promised", i, last);
        }
    }
    return fail(err, STATUS_CORRUPT, "a state is there that never was; %d was promised", last);
}

/* I3: what could be sent is there, or a gap that was written later stands over it. */
static status check_sightings(const struct power_trace *trace, struct database *database,
                              size_t place, struct error *err) {
    static const char FIND[] =
        "SELECT (SELECT count(*) FROM record WHERE key = ?1 AND last_seq IS NULL AND chain <> ?2),"
        " (SELECT count(*) FROM record WHERE key <= ?1 AND key >> 40 = ?1 >> 40"
        "   AND ifnull(key >> 40 << 40 | last_seq, key) >= ?1)"
        " + (SELECT count(*) FROM lane WHERE stream = ?1 >> 43 AND lane = (?1 >> 40 & 7)"
        "   AND floor_seq >= (?1 & 1099511627775))";
    for (int i = 0; i < trace->sighting_count; i++) {
        const struct power_sighting *sighting = &trace->sightings[i];
        if (sighting->place > place) {
            break;
        }
        CLEANUP(query_done) struct query query = query_on(database, FIND);
        query_bind_number(&query, (int64_t)sighting->key);
        query_bind_bytes(&query, (struct slice){.bytes = (const char *)sighting->chain.bytes,
                                                .count = ID_BYTES});
        const bool found = query_next(&query);
        TRY(query_status(&query, err));
        if (!found || query_number(&query, 0) != 0 || query_number(&query, 1) == 0) {
            return fail(err, STATUS_CORRUPT, "record %llx could be sent and is gone",
                        (unsigned long long)sighting->key);
        }
    }
    return STATUS_OK;
}

/* One more result after the reboot: acknowledged, chained, and with a seq that was never used. */
static status go_on(struct core *core, struct error *err) {
    struct record_draft draft = {
        .record = {.kind = RECORD_RESULT, .body = SLICE("{}"), .time = {.wall_ms = 1}},
        .lane = LANE_NORMAL};
    struct store_job job = {.kind = STORE_RUN_END, .records = &draft, .record_count = 1};
    struct store_job *batch[] = {&job};
    core_run(core, batch, 1);
    if (job.error.code != STATUS_OK) {
        return fail(err, job.error.code, "go on: %.300s", job.error.text);
    }
    return power_check(core_database(core), err);
}

status power_verify(const struct power_trace *trace, const char *disk, size_t place,
                    struct error *err) {
    struct core *core = NULL;
    TRY(power_open(disk, &core, err));
    struct database *database = core_database(core);
    status good = compare(trace, database, place, err);
    if (good == STATUS_OK) {
        good = power_check(database, err);
    }
    if (good == STATUS_OK) {
        good = check_sightings(trace, database, place, err);
    }
    if (good == STATUS_OK) {
        good = go_on(core, err);
    }
    if (good != STATUS_OK && getenv("POWER_DUMP") != NULL) {
        power_dump(database);
    }
    core_close(core);
    return good;
}
