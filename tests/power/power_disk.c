// SPDX-License-Identifier: Apache-2.0
#include "power_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power_digest.h"

status power_open(const char *disk, struct power_blobs *blobs, struct core **out_core,
                  struct error *err) {
    struct store_opened opened;
    const struct core_options options = {.folder = POWER_FOLDER,
                                         .vfs = disk,
                                         .blobs = blobs->blobs,
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

static void note_files(struct watcher *watcher) {
    struct power_trace *trace = watcher->trace;
    if (trace->files_count < POWER_STATES_MAX) {
        trace->files[trace->files_count++] =
            (struct power_files){.place = fault_disk_log(watcher->disk)->count,
                                 .files = power_blobs_files(trace->blobs)};
    }
}

static void look(void *owner) {
    static const char TOPS[] = "SELECT max(key), chain FROM record WHERE last_seq IS NULL"
                               " GROUP BY key >> 40";
    struct watcher *watcher = owner;
    note_state(watcher);
    note_files(watcher);
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

static struct power_mark *mark(struct power_trace *trace, size_t begun) {
    struct power_mark *added = &trace->marks[trace->mark_count++];
    *added = (struct power_mark){.begun = begun, .fact_count = 1};
    return added;
}

/* What it holds now is promised, and is what the jobs said. */
static status promise(struct power_mark *mark, const struct power_life *life, struct core *core,
                      enum power_bug bug, struct error *err) {
    struct power_facts facts;
    TRY(power_digest(core_database(core), &mark->digest, err));
    TRY(power_facts_read(core_database(core), &facts, err));
    TRY(power_blobs_check(life->work->blobs, core_database(core), UINT32_MAX, err));
    mark->answered =
        bug == POWER_ANSWER_BEFORE_COMMIT ? mark->begun : fault_disk_log(life->disk)->count;
    const char *wrong = power_facts_difference(&facts, &mark->facts[mark->fact_count - 1]);
    return wrong == NULL ? STATUS_OK
                         : fail(err, STATUS_CORRUPT, "%s is not what was answered", wrong);
}

/* Runs the batch; with the bug, what the first job's step remembers comes after it. */
static void run_batch(struct power_work *work, struct core *core, enum power_bug bug) {
    struct store_job *job = &work->jobs[0];
    const uint32_t count = job->state_count;
    const bool apart = bug == POWER_STATE_APART && count > 0;
    job->state_count = apart ? 0 : count;
    core_run(core, work->batch, work->count);
    job->state_count = count;
    if (apart && job->error.code == STATUS_OK) {
        struct store_job rest = {.kind = STORE_RUN_END,
                                 .workflow = job->workflow,
                                 .states = job->states,
                                 .state_count = count};
        struct store_job *batch[] = {&rest};
        core_run(core, batch, 1);
    }
}

static status live_batch(const struct power_life *life, struct core *core,
                         struct power_trace *trace, struct error *err) {
    struct power_work *work = life->work;
    if (life->bug == POWER_FILE_TOO_SOON) {
        power_blobs_lose(work->blobs, core_database(core));
    }
    work->only_ends = life->bug == POWER_STATE_APART;
    power_work_make(work);
    struct power_mark *made = mark(trace, fault_disk_log(life->disk)->count);
    run_batch(work, core, life->bug);
    power_work_note(work, made->facts);
    made->fact_count = work->count + 1;
    TRY(promise(made, life, core, life->bug, err));
    core_idle(core);
    return STATUS_OK;
}

static status live(const struct power_life *life, struct core *core, struct power_trace *trace,
                   struct error *err) {
    struct power_work *work = life->work;
    const size_t begun = fault_disk_log(life->disk)->count;
    struct power_mark *made = mark(trace, begun);
    TRY(power_facts_read(core_database(core), &made->facts[0], err));
    TRY(promise(made, life, core, POWER_NO_BUG, err));
    if (!power_work_begin(work, core)) {
        return fail(err, STATUS_SYSTEM, "the workflows were not kept");
    }
    made = mark(trace, begun);
    made->facts[0] = work->ledger.facts;
    TRY(promise(made, life, core, life->bug, err));
    for (int i = 0; i < life->batches; i++) {
        TRY(live_batch(life, core, trace, err));
    }
    return STATUS_OK;
}

/* A store that does wrong what its triggers do wrong. */
static status plant(struct core *core, enum power_bug bug, struct error *err) {
    static const char *const SCRIPTS[] = {
        [POWER_SYNCHRONOUS_OFF] = "PRAGMA synchronous=OFF",
        [POWER_STATE_LOST] = "CREATE TEMP TRIGGER planted BEFORE INSERT ON state"
                             " WHEN new.workflow <> '' BEGIN SELECT raise(IGNORE); END",
        [POWER_MARK_LOST] = "CREATE TEMP TRIGGER planted BEFORE INSERT ON delivered"
                            " BEGIN SELECT raise(IGNORE); END",
        [POWER_ASIDE_LOST] = "CREATE TEMP TRIGGER planted BEFORE INSERT ON quarantine"
                             " BEGIN SELECT raise(IGNORE); END",
        [POWER_CURSOR_BACK] =
            "CREATE TEMP TRIGGER planted AFTER UPDATE ON cursor WHEN new.stream > 0 BEGIN"
            " UPDATE cursor SET sent_seq = old.sent_seq - 1 WHERE destination = new.destination"
            " AND stream = new.stream AND lane = new.lane; END",
        [POWER_LOSS_UNSAID] = "CREATE TEMP TRIGGER planted BEFORE INSERT ON state"
                              " WHEN new.workflow = '' BEGIN SELECT raise(IGNORE); END",
        [POWER_HOLDER_LEFT] =
            "CREATE TEMP TRIGGER planted AFTER UPDATE ON blob WHEN new.holders < old.holders BEGIN"
            " UPDATE blob SET holders = old.holders WHERE hash = new.hash; END",
        [POWER_FILE_TOO_SOON] = NULL};
    return SCRIPTS[bug] == NULL ? STATUS_OK : database_run(core_database(core), SCRIPTS[bug], err);
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
    status lived = plant(core, life->bug, err);
    lived = lived == STATUS_OK ? live(life, core, trace, err) : lived;
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
    out_trace->files_count = 0;
    out_trace->blobs = life->work->blobs;
    out_trace->fresh = is_unmade(life->name);
    fault_disk_drop_syncs(life->disk, life->bug == POWER_SYNCS_DROPPED);
    TRY(power_open(life->name, life->work->blobs, &core, err));
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

/* What the jobs said, whole jobs of it: what was promised, or more of the batch that was begun. */
static status compare_facts(const struct power_trace *trace, struct database *database,
                            size_t place, struct error *err) {
    const int last = promised(trace, place);
    struct power_facts facts;
    if (last < 0) {
        return STATUS_OK;
    }
    const struct power_mark *mark = &trace->marks[last];
    TRY(power_facts_read(database, &facts, err));
    const char *wrong = power_facts_difference(&facts, &mark->facts[mark->fact_count - 1]);
    const bool going = last + 1 < trace->mark_count && mark[1].begun < place;
    for (int i = 0; going && wrong != NULL && i < mark[1].fact_count; i++) {
        wrong = power_facts_difference(&facts, &mark[1].facts[i]) == NULL ? NULL : wrong;
    }
    return wrong == NULL ? STATUS_OK
                         : fail(err, STATUS_CORRUPT, "%s is neither before nor after a job", wrong);
}

static status check_blobs(const struct power_trace *trace, struct database *database, size_t place,
                          struct error *err) {
    uint32_t files = UINT32_MAX; /* before the first look nothing is known */
    for (int i = 0; i < trace->files_count && trace->files[i].place <= place; i++) {
        files = trace->files[i].files;
    }
    return power_blobs_check(trace->blobs, database, files, err);
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
        query_bind_bytes(&query, id_slice(&sighting->chain));
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
    TRY(power_open(disk, trace->blobs, &core, err));
    struct database *database = core_database(core);
    status good = compare(trace, database, place, err);
    if (good == STATUS_OK) {
        good = power_check(database, err);
    }
    if (good == STATUS_OK) {
        good = compare_facts(trace, database, place, err);
    }
    if (good == STATUS_OK) {
        good = check_blobs(trace, database, place, err);
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
