/*
 * T8: random operations on a store and on a simple model of it in memory, compared after each.
 *
 * Keys, expiry, keeping, acknowledgement and reopening, with as many bytes as are wanted; and with
 * few, where what may go goes in its order, every loss is a gap, and a destination that is slow
 * is told how much it missed.
 *
 * usage: power_model [SIZE [SEED]]   SIZE / 160 seeds (1000); or just SEED
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/json.h"
#include "power_desk.h"
#include "power_digest.h"
#include "power_disk.h"
#include "power_report.h"
#include "wire/gap.h"

enum { ENTRIES_MAX = 6000, KEYS = 5, NAMES = 2, PURGES = 40, OPERATIONS = 400 };

static const char DISK[] = "model";
static const int64_t WALL_MS = 1700000000000;
static const int64_t LONG_MS = INT64_C(100) * 365 * 24 * 3600 * 1000;

/* What stands in a lane: a record of number `n`, or a gap. */
struct entry {
    uint64_t from, to;
    bool is_gap;
    enum gap_reason reason;
    uint64_t count;       /* of a gap: records that it stands for */
    uint64_t n;           /* of a record */
    bool expired, unkept; /* its time is up once it is looked at */
};

struct lane_model {
    struct entry entries[ENTRIES_MAX];
    int count;
    uint64_t floor, acked, next;
};

struct latest {
    enum lane lane;
    uint64_t seq; /* 0: none */
};

struct model {
    struct lane_model lanes[LANE_COUNT];
    struct latest latest[NAMES][KEYS];
    uint64_t made;
};

struct bench {
    struct fault_disk *disk;
    struct core *core;
    struct model *model;
    struct power_dice dice;
    int64_t budget_bytes;
    uint32_t workflow;
    struct power_desk desk; /* of a store of few bytes */
    const char *plant;      /* a bug; NULL: none */
};

/* --- the model --- */

static int find_entry(const struct lane_model *lane, uint64_t seq) {
    for (int i = 0; i < lane->count; i++) {
        if (lane->entries[i].from <= seq && seq <= lane->entries[i].to) {
            return i;
        }
    }
    return -1;
}

static void remove_entries(struct lane_model *lane, int first, int count) {
    (void)memmove(&lane->entries[first], &lane->entries[first + count],
                  (size_t)(lane->count - first - count) * sizeof(lane->entries[0]));
    lane->count -= count;
}

static bool joins(const struct lane_model *lane, int index, uint64_t from, enum gap_reason reason) {
    if (index < 0 || index >= lane->count) {
        return false;
    }
    const struct entry *entry = &lane->entries[index];
    return entry->is_gap && entry->reason == reason &&
           (entry->from > lane->acked) == (from > lane->acked);
}

/* One gap in the place of `count` entries, and of gaps of its reason beside them. */
static void put_gap(struct lane_model *lane, int first, int count, enum gap_reason reason) {
    const uint64_t from = lane->entries[first].from;
    if (joins(lane, first - 1, from, reason)) {
        first--;
        count++;
    }
    if (joins(lane, first + count, from, reason)) {
        count++;
    }
    struct entry gap = {.from = lane->entries[first].from,
                        .to = lane->entries[first + count - 1].to,
                        .is_gap = true,
                        .reason = reason};
    for (int i = first; i < first + count; i++) {
        gap.count += lane->entries[i].is_gap ? lane->entries[i].count : 1;
    }
    lane->entries[first] = gap;
    remove_entries(lane, first + 1, count - 1);
}

static void model_put(struct model *model, enum lane at, const struct entry *entry,
                      struct latest *latest) {
    if (latest != NULL && latest->seq > model->lanes[latest->lane].acked) {
        struct lane_model *lane = &model->lanes[latest->lane];
        const int index = find_entry(lane, latest->seq);
        if (index >= 0 && !lane->entries[index].is_gap) {
            put_gap(lane, index, 1, GAP_SUPERSEDED);
        }
    }
    struct lane_model *lane = &model->lanes[at];
    struct entry *added = &lane->entries[lane->count++];
    *added = *entry;
    added->from = added->to = lane->next++;
    if (latest != NULL) {
        *latest = (struct latest){.lane = at, .seq = added->from};
    }
}

/* Why an entry goes; 0: it stays. */
static enum gap_reason due(const struct lane_model *lane, bool local, const struct entry *entry,
                           bool bottom) {
    if (local || entry->to <= lane->acked) {
        return (entry->is_gap && bottom) || entry->unkept ? GAP_PURGED : (enum gap_reason)0;
    }
    return !entry->is_gap && entry->expired && entry->from > lane->acked ? GAP_EXPIRED
                                                                         : (enum gap_reason)0;
}

static void model_purge_lane(struct lane_model *lane, bool local) {
    int bottom = 0;
    while (bottom < lane->count && due(lane, local, &lane->entries[bottom], true) == GAP_PURGED) {
        lane->floor = lane->entries[bottom].to;
        bottom++;
    }
    remove_entries(lane, 0, bottom);
    for (int i = 0; i < lane->count; i++) {
        const enum gap_reason reason = due(lane, local, &lane->entries[i], false);
        if (reason != 0) {
            const uint64_t from = lane->entries[i].from;
            put_gap(lane, i, 1, reason);
            i = find_entry(lane, from);
        }
    }
}

/* --- the same on the store --- */

static status open_store(struct bench *bench, struct error *err) {
    struct store_opened opened;
    const struct core_options options = {.folder = POWER_FOLDER,
                                         .vfs = DISK,
                                         .budget_bytes = bench->budget_bytes,
                                         .wal_bytes = POWER_WAL_BYTES,
                                         .checkpoint_pages = POWER_CHECKPOINT_PAGES};
    TRY(core_open(&options, &bench->core, &opened, err));
    TRY(power_desk_open(&bench->desk, bench->core, err));
    return bench->plant == NULL ? STATUS_OK
                                : database_run(core_database(bench->core), bench->plant, err);
}

static status run(struct bench *bench, struct store_job *job, struct error *err) {
    struct store_job *batch[] = {job};
    core_run(bench->core, batch, 1);
    core_idle(bench->core);
    if (job->error.code != STATUS_OK) {
        return fail(err, job->error.code, "%.400s", job->error.text);
    }
    return STATUS_OK;
}

static status keep_workflow(struct bench *bench, struct error *err) {
    struct store_job job = {.kind = STORE_WORKFLOW,
                            .workflow_name = SLICE("triage"),
                            .workflow_text = SLICE("ebb: 1\n")};
    TRY(run(bench, &job, err));
    bench->workflow = (uint32_t)job.out_number;
    return STATUS_OK;
}

/* A result of some lane, with or without a key, an end and a time to be kept. */
static status do_put(struct bench *bench, struct error *err) {
    static const enum lane LANES[] = {LANE_URGENT, LANE_NORMAL, LANE_NORMAL, LANE_LOW,
                                      LANE_LOCAL,  LANE_NORMAL, LANE_HIGH,   LANE_TELEMETRY};
    static const struct slice NAME_WORDS[NAMES] = {{.bytes = "verdict", .count = 7},
                                                   {.bytes = "count", .count = 5}};
    char body[600];
    char key[16];
    struct power_dice *dice = &bench->dice;
    const int name = (int)power_below(dice, NAMES);
    const int key_number = (int)power_below(dice, KEYS);
    const bool keyed = power_below(dice, 3) == 0;
    const bool doubtful = power_below(dice, 5) == 0; /* a clock that nothing is judged by */
    struct entry entry = {.n = bench->model->made++};
    (void)snprintf(body, sizeof(body), "{\"n\":%llu,\"t\":\"%0*d\"}", (unsigned long long)entry.n,
                   1 + (int)power_below(dice, 500), 7);
    (void)snprintf(key, sizeof(key), "key %d", key_number);
    struct record_draft draft = {
        .record = {.kind = RECORD_RESULT,
                   .name = NAME_WORDS[name],
                   .body = slice_of(body),
                   .boot = {{9}},
                   .time = {.wall_ms = WALL_MS, .quality = doubtful ? CLOCK_BAD : CLOCK_GOOD}},
        .lane = LANES[power_below(dice, 8)],
        .key = keyed ? slice_of(key) : (struct slice){0},
        .expires_ms = power_below(dice, 3) == 0 ? 1 : 0,
        .keep_ms = power_below(dice, 2) == 0 ? 1 : LONG_MS};
    struct store_job job = {.kind = STORE_RUN_END,
                            .workflow = bench->workflow,
                            .records = &draft,
                            .record_count = 1,
                            .drop_oldest = bench->budget_bytes != 0};
    entry.expired = draft.expires_ms == 1 && !doubtful;
    entry.unkept = draft.keep_ms == 1 && !doubtful;
    if (bench->budget_bytes != 0 && power_below(dice, 2) == 0) {
        draft.destinations = bench->desk.bit;
    }
    TRY(run(bench, &job, err));
    bench->desk.made += draft.destinations != 0 ? 1 : 0;
    model_put(bench->model, draft.lane, &entry,
              keyed && bench->budget_bytes == 0 ? &bench->model->latest[name][key_number] : NULL);
    const uint64_t seq = bench->model->lanes[draft.lane].next - 1;
    return draft.out_seq == seq
               ? STATUS_OK
               : fail(err, STATUS_CORRUPT, "seq %llu was given where %llu was next",
                      (unsigned long long)draft.out_seq, (unsigned long long)seq);
}

static status do_acknowledge(struct bench *bench, struct error *err) {
    const enum lane at = (enum lane)(1 + power_below(&bench->dice, 5));
    struct lane_model *lane = &bench->model->lanes[at];
    if (lane->next == 1) {
        return STATUS_OK;
    }
    const uint64_t seq = 1 + power_below(&bench->dice, (uint32_t)lane->next - 1);
    struct store_job job = {.kind = STORE_ACKNOWLEDGE, .lane = at, .seq = seq};
    lane->acked = seq > lane->acked ? seq : lane->acked;
    return run(bench, &job, err);
}

static status do_purge(struct bench *bench, struct error *err) {
    for (int i = 0; i < PURGES; i++) {
        struct store_job job = {.kind = STORE_PURGE};
        TRY(run(bench, &job, err));
    }
    for (int i = 0; i < LANE_COUNT; i++) {
        model_purge_lane(&bench->model->lanes[i], i == LANE_LOCAL);
    }
    return STATUS_OK;
}

/* Forward, or back, which moves nothing. */
static status do_deliver(struct bench *bench, struct error *err) {
    const enum lane at = (enum lane)(1 + power_below(&bench->dice, LANE_COUNT - 1));
    const uint64_t next = bench->model->lanes[at].next;
    if (bench->budget_bytes == 0 || next == 1) {
        return STATUS_OK;
    }
    const uint64_t seq = 1 + power_below(&bench->dice, (uint32_t)next - 1);
    return power_desk_move(&bench->desk, bench->core, at, seq, power_below(&bench->dice, 3) == 0,
                           err);
}

static status do_reopen(struct bench *bench, struct error *err) {
    core_close(bench->core);
    bench->core = NULL;
    TRY(open_store(bench, err));
    return keep_workflow(bench, err); /* as at each start: a purge takes one that nobody uses */
}

/* --- comparing --- */

static const char ROWS[] = "SELECT key, last_seq, body FROM record WHERE key >> 40 & 7 = ?1"
                           " ORDER BY key";
static const char LANE[] = "SELECT floor_seq, acked_seq FROM lane WHERE lane = ?1";

static bool number_in(struct slice body, uint64_t *out_n) {
    return sscanf(body.bytes, "{\"n\":%llu", (unsigned long long *)out_n) == 1;
}

static status read_entry(const struct query *row, struct entry *out_entry, struct error *err) {
    const uint64_t seq = record_key_seq((uint64_t)query_number(row, 0));
    char body[700];
    (void)snprintf(body, sizeof(body), "%.*s", SLICE_ARGS(query_bytes(row, 2)));
    struct entry entry = {.from = seq, .to = seq, .is_gap = !query_is_null(row, 1)};
    if (entry.is_gap) {
        struct gap gap;
        TRY(gap_read(slice_of(body), &gap, err));
        entry.to = (uint64_t)query_number(row, 1);
        entry.reason = gap.reason;
        entry.count = gap.count;
    } else if (!number_in(slice_of(body), &entry.n)) {
        return fail(err, STATUS_CORRUPT, "a body without its number: %.60s", body);
    }
    *out_entry = entry;
    return STATUS_OK;
}

static status compare_entry(enum lane at, const struct entry *is, const struct entry *should,
                            struct error *err) {
    if (is->from == should->from && is->to == should->to && is->is_gap == should->is_gap &&
        is->reason == should->reason && is->count == should->count && is->n == should->n) {
        return STATUS_OK;
    }
    return fail(err, STATUS_CORRUPT,
                "lane %s: %llu-%llu %s n %llu count %llu, should be %llu-%llu %s n %llu count %llu",
                lane_name(at), (unsigned long long)is->from, (unsigned long long)is->to,
                is->is_gap ? gap_reason_name(is->reason) : "record", (unsigned long long)is->n,
                (unsigned long long)is->count, (unsigned long long)should->from,
                (unsigned long long)should->to,
                should->is_gap ? gap_reason_name(should->reason) : "record",
                (unsigned long long)should->n, (unsigned long long)should->count);
}

static status compare_lane(struct bench *bench, enum lane at, struct error *err) {
    const struct lane_model *lane = &bench->model->lanes[at];
    CLEANUP(query_done) struct query rows = query_on(core_database(bench->core), ROWS);
    query_bind_number(&rows, at);
    int count = 0;
    for (; query_next(&rows); count++) {
        struct entry entry;
        TRY(read_entry(&rows, &entry, err));
        const struct entry none = {0};
        TRY(compare_entry(at, &entry, count < lane->count ? &lane->entries[count] : &none, err));
    }
    TRY(query_status(&rows, err));
    CLEANUP(query_done) struct query row = query_on(core_database(bench->core), LANE);
    query_bind_number(&row, at);
    const bool there = query_next(&row);
    const uint64_t floor = there ? (uint64_t)query_number(&row, 0) : 0;
    const uint64_t acked = there ? (uint64_t)query_number(&row, 1) : 0;
    if (count != lane->count || floor != lane->floor || acked != lane->acked) {
        return fail(err, STATUS_CORRUPT,
                    "lane %s: %d rows, floor %llu, acknowledged %llu; should be %d, %llu, %llu",
                    lane_name(at), count, (unsigned long long)floor, (unsigned long long)acked,
                    lane->count, (unsigned long long)lane->floor, (unsigned long long)lane->acked);
    }
    return STATUS_OK;
}

static status compare(struct bench *bench, struct error *err) {
    for (int i = 0; i < LANE_COUNT; i++) {
        TRY(compare_lane(bench, (enum lane)i, err));
    }
    return STATUS_OK;
}

/* --- few bytes: what may go goes, what may not stays
 * ---------------------------------------------- */

/* Every record of the model is there, or below the floor, or under a gap; nothing of the lane
 * urgent is under a gap that says evicted. */
static status account(struct bench *bench, enum lane at, struct error *err) {
    const struct lane_model *lane = &bench->model->lanes[at];
    uint64_t next = 0;
    CLEANUP(query_done) struct query rows = query_on(core_database(bench->core), ROWS);
    query_bind_number(&rows, at);
    while (query_next(&rows)) {
        struct entry entry;
        TRY(read_entry(&rows, &entry, err));
        const bool known = entry.is_gap || lane->entries[entry.from - 1].n == entry.n;
        const bool allowed = !entry.is_gap || entry.reason != GAP_EVICTED || at != LANE_URGENT;
        if (!known || !allowed || (next != 0 && entry.from != next)) {
            return fail(err, STATUS_CORRUPT, "lane %s: %llu-%llu cannot be", lane_name(at),
                        (unsigned long long)entry.from, (unsigned long long)entry.to);
        }
        next = entry.to + 1;
    }
    TRY(query_status(&rows, err));
    return next == 0 || next == lane->next ? STATUS_OK
                                           : fail(err, STATUS_CORRUPT, "lane %s ends at %llu",
                                                  lane_name(at), (unsigned long long)next);
}

/* What is below the floor was acknowledged, but in lane 7. */
static status check_floors(struct bench *bench, struct error *err) {
    struct store_counters counters;
    core_counters(bench->core, &counters);
    for (int i = 0; i < LANE_COUNT; i++) {
        CLEANUP(query_done) struct query row = query_on(core_database(bench->core), LANE);
        query_bind_number(&row, i);
        if (query_next(&row) && i != LANE_LOCAL && query_number(&row, 0) > query_number(&row, 1)) {
            return fail(err, STATUS_CORRUPT, "lane %s lost what nobody holds",
                        lane_name((enum lane)i));
        }
        if (counters.lane_bytes[i] > bench->budget_bytes * 30 / 100) {
            return fail(err, STATUS_CORRUPT, "lane %s has %lld bytes", lane_name((enum lane)i),
                        (long long)counters.lane_bytes[i]);
        }
        if (i != LANE_CONTROL) { /* holds the alarm that a lane is full */
            TRY(account(bench, (enum lane)i, err));
        }
    }
    TRY(power_desk_check(&bench->desk, bench->core, err));
    return power_check(core_database(bench->core), err);
}

/* --- running --- */

static status step(struct bench *bench, struct error *err) {
    switch (power_below(&bench->dice, 24)) {
    case 0:
    case 1:
        return do_acknowledge(bench, err);
    case 2:
        return bench->budget_bytes == 0 ? do_purge(bench, err) : do_acknowledge(bench, err);
    case 3:
        return power_below(&bench->dice, 4) == 0 ? do_reopen(bench, err) : do_deliver(bench, err);
    default:
        return do_put(bench, err);
    }
}

static status run_seed(struct bench *bench, uint64_t seed, int operations, struct error *err) {
    bench->dice.state = seed;
    *bench->model = (struct model){0};
    bench->desk = (struct power_desk){0};
    for (int i = 0; i < LANE_COUNT; i++) {
        bench->model->lanes[i].next = 1;
    }
    fault_disk_clear(bench->disk);
    TRY(open_store(bench, err));
    TRY(keep_workflow(bench, err));
    for (int i = 0; i < operations; i++) {
        const status stepped = step(bench, err);
        /* A full lane of few bytes is an answer. */
        if (stepped != STATUS_OK && (stepped != STATUS_FULL || bench->budget_bytes == 0)) {
            return fail_while(err, "operation %d", i);
        }
        if (bench->budget_bytes == 0) {
            TRY(compare(bench, err));
        } else if (i % 50 == 0) {
            TRY(check_floors(bench, err));
        }
        fault_disk_begin_log(bench->disk);
    }
    return power_check(core_database(bench->core), err);
}

static void report_seed(struct bench *bench, struct power_report *report, uint64_t seed,
                        int operations, const char *what) {
    struct error err = {.code = STATUS_OK};
    const bool good = run_seed(bench, seed, operations, &err) == STATUS_OK;
    if (!good) {
        (void)printf("# %s\n", err.text);
        if (getenv("POWER_DUMP") != NULL && bench->core != NULL) {
            power_dump(core_database(bench->core));
        }
    }
    core_close(bench->core);
    bench->core = NULL;
    power_report_line(report, good, "T8 seed %llu: %s (again: power_model 160 %llu)",
                      (unsigned long long)seed, what, (unsigned long long)seed);
}

/* The bug that the harness must find: a record goes, and nothing says so. */
static void planted(struct bench *bench, struct power_report *report) {
    static const char LOSE[] =
        "DELETE FROM record WHERE key = (SELECT min(r.key) FROM record r"
        " JOIN lane l ON l.stream = r.key >> 43 AND l.lane = (r.key >> 40 & 7)"
        " WHERE l.lane = 3 AND r.key & 1099511627775 > l.acked_seq + 2)";
    struct error err = {.code = STATUS_OK};
    bench->budget_bytes = 0;
    const bool ran = run_seed(bench, 1, 200, &err) == STATUS_OK &&
                     database_run(core_database(bench->core), LOSE, &err) == STATUS_OK;
    const bool found = ran && compare(bench, &err) == STATUS_CORRUPT &&
                       power_check(core_database(bench->core), &err) == STATUS_CORRUPT;
    core_close(bench->core);
    bench->core = NULL;
    power_report_line(report, found, "a planted bug is found: a record goes without a gap");
}

/* Another: what a bound takes from a destination is not counted. */
static void planted_loss(struct bench *bench, struct power_report *report) {
    struct error err = {.code = STATUS_OK};
    bench->budget_bytes = 64 << 10;
    bench->plant = "CREATE TEMP TRIGGER planted BEFORE INSERT ON state WHEN new.key LIKE '%evicted'"
                   " BEGIN SELECT raise(IGNORE); END";
    const bool found = run_seed(bench, 1, 2 * OPERATIONS, &err) == STATUS_CORRUPT;
    core_close(bench->core);
    bench->core = NULL;
    bench->plant = NULL;
    power_report_line(report, found, "a planted bug is found: a destination's loss is not counted");
}

int main(int argc, char **argv) {
    const uint64_t size = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    const uint64_t seeds = argc > 2 ? 1 : size / 160;
    const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct power_report report = {0};
    struct bench bench = {.disk = fault_disk_create(DISK),
                          .model = calloc(1, sizeof(struct model))};
    if (bench.disk == NULL || bench.model == NULL) {
        return 1;
    }
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        bench.budget_bytes = 0;
        report_seed(&bench, &report, seed, OPERATIONS, "the store holds what the model holds");
        bench.budget_bytes = 64 << 10;
        report_seed(&bench, &report, seed, 2 * OPERATIONS,
                    "with few bytes every loss is a gap, and counted");
    }
    planted(&bench, &report);
    planted_loss(&bench, &report);
    fault_disk_destroy(bench.disk);
    free(bench.model);
    return power_report_end(&report);
}
