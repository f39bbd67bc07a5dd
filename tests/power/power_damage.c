/*
 * Bytes flipped anywhere in ebb.db or its log, headers smashed, pages lost: the store opens, says
 * what happened, keeps the old file, and every record that was acknowledged is there or in a gap.
 *
 * For each kind of damage: the number of records that were lost is at most what the damage can have
 * hit, a second opening finds a whole store, and new results get seqs that were never used.
 *
 * usage: power_damage [SIZE [SEED]]   SIZE / 16 cases of each kind (1000); or just SEED
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power_digest.h"
#include "power_disk.h"
#include "power_report.h"
#include "storage/full_check.h"

enum { RECORDS_MAX = 4000, LEAF_RECORDS = 40 };

static const char DISK[] = "damaged";
static const char SALVAGED[] = "salvaged";
static const char FILE_NAME[] = POWER_FOLDER "/ebb.db";
static const char LOG_NAME[] = POWER_FOLDER "/ebb.db-wal";

struct bench {
    struct fault_disk *disk;
    struct power_dice dice;
    int count; /* records acknowledged: bodies {"n":0} ... */
    struct store_opened opened;
};

static const struct core_options OPTIONS = {
    .folder = POWER_FOLDER, .vfs = DISK, .wal_bytes = POWER_WAL_BYTES, .checkpoint_pages = 60};

static status open_store(struct bench *bench, struct core **out_core, struct error *err) {
    return core_open(&OPTIONS, out_core, &bench->opened, err);
}

static bool put_some(struct bench *bench, struct core *core, uint32_t workflow) {
    static const enum lane LANES[] = {LANE_NORMAL, LANE_NORMAL, LANE_HIGH, LANE_LOCAL, LANE_URGENT};
    struct record_draft drafts[20];
    char bodies[20][400];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(bodies[i], sizeof(bodies[i]), "{\"n\":%d,\"t\":%0*d}", bench->count + i,
                       20 + (int)power_below(&bench->dice, 300), 7);
        drafts[i] =
            (struct record_draft){.record = {.kind = RECORD_RESULT,
                                             .name = SLICE("verdict"),
                                             .body = slice_of(bodies[i]),
                                             .time = {.wall_ms = 1700000000000 + bench->count}},
                                  .lane = LANES[power_below(&bench->dice, 5)]};
    }
    struct store_job job = {
        .kind = STORE_RUN_END, .workflow = workflow, .records = drafts, .record_count = 20};
    struct store_job *batch[] = {&job};
    core_run(core, batch, 1);
    core_idle(core);
    bench->count += job.error.code == STATUS_OK ? 20 : 0;
    return job.error.code == STATUS_OK;
}

/* A store with some hundred records, some of them only in the log, and a run that is open. */
static bool make_store(struct bench *bench, int batches, bool clean) {
    struct core *core = NULL;
    struct error err;
    struct store_job jobs[2] = {{.kind = STORE_WORKFLOW,
                                 .workflow_name = SLICE("triage"),
                                 .workflow_text = SLICE("ebb: 1")},
                                {.kind = STORE_RUN_BEGIN, .run = {{1}}, .event = SLICE("{}")}};
    struct store_job *batch[] = {&jobs[0], &jobs[1]};
    fault_disk_clear(bench->disk);
    bench->count = 0;
    if (open_store(bench, &core, &err) != STATUS_OK) {
        return false;
    }
    core_run(core, batch, 2);
    bool good = true;
    for (int i = 0; i < batches && good; i++) {
        good = put_some(bench, core, (uint32_t)jobs[0].out_number);
    }
    if (clean) {
        core_close(core);
        return good;
    }
    /* As a kill leaves it: the log is not copied. What is on the disk now is what is damaged. */
    fault_disk_begin_log(bench->disk);
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(bench->disk));
    struct fault_disk *copy = fault_disk_create("copy");
    good = good && cutter != NULL && copy != NULL &&
           fault_disk_build(copy, bench->disk, cutter, FAULT_CUT_ALL, 0);
    fault_cutter_destroy(cutter);
    core_close(core);
    cutter = good ? fault_cutter_create(fault_disk_log(copy)) : NULL;
    good = good && cutter != NULL && fault_disk_build(bench->disk, copy, cutter, FAULT_CUT_ALL, 0);
    fault_cutter_destroy(cutter);
    fault_disk_destroy(copy);
    return good;
}

/* --- damage ---------------------------------------------------------------------------------- */

static void flip(struct bench *bench, const char *name, int64_t at) {
    (void)fault_disk_flip(bench->disk, name, at, (uint8_t)(1 + power_below(&bench->dice, 255)));
}

static void flip_one(struct bench *bench) {
    flip(bench, FILE_NAME,
         power_below(&bench->dice, (uint32_t)fault_disk_file_bytes(bench->disk, FILE_NAME)));
}

static void flip_log(struct bench *bench) {
    flip(bench, LOG_NAME,
         power_below(&bench->dice, (uint32_t)fault_disk_file_bytes(bench->disk, LOG_NAME)));
}

static void flip_head(struct bench *bench) {
    flip(bench, FILE_NAME, power_below(&bench->dice, 100));
}

static void smash_head(struct bench *bench) {
    for (int i = 0; i < 100; i++) {
        flip(bench, FILE_NAME, i);
    }
}

static void smash_first_page(struct bench *bench) {
    for (int i = 0; i < 4096; i++) {
        flip(bench, FILE_NAME, i);
    }
}

/* A log that was copied hides what happened to the file: its pages are newer. */
static void forget_log(struct bench *bench) {
    for (int i = 0; i < 32; i++) {
        flip(bench, LOG_NAME, i);
    }
}

static void smash_head_alone(struct bench *bench) {
    forget_log(bench);
    smash_head(bench);
}

static void flip_head_alone(struct bench *bench) {
    forget_log(bench);
    flip_head(bench);
}

static void smash_first_page_alone(struct bench *bench) {
    forget_log(bench);
    smash_first_page(bench);
}

/* The first bytes of some page: what it is, how many cells it has, where they begin. */
static void flip_page_head(struct bench *bench) {
    const uint32_t pages =
        (uint32_t)(fault_disk_file_bytes(bench->disk, FILE_NAME) / DATABASE_PAGE_BYTES);
    flip(bench, FILE_NAME,
         (int64_t)power_below(&bench->dice, pages) * DATABASE_PAGE_BYTES +
             power_below(&bench->dice, 24));
}

static void smash_page(struct bench *bench) {
    const uint32_t pages =
        (uint32_t)(fault_disk_file_bytes(bench->disk, FILE_NAME) / DATABASE_PAGE_BYTES);
    const int64_t page = 1 + (int64_t)power_below(&bench->dice, pages - 1);
    for (int i = 0; i < DATABASE_PAGE_BYTES; i++) {
        flip(bench, FILE_NAME, page * DATABASE_PAGE_BYTES + i);
    }
}

static void smash_page_alone(struct bench *bench) {
    forget_log(bench);
    smash_page(bench);
}

/* Every page that points at others: no tree can be walked. */
static void smash_inner_pages(struct bench *bench) {
    struct database_file *file = NULL;
    struct error err;
    const int64_t bytes = fault_disk_file_bytes(bench->disk, FILE_NAME);
    forget_log(bench);
    if (database_file_open(DISK, FILE_NAME, DATABASE_FILE_READ, &file, &err) != STATUS_OK) {
        return;
    }
    for (int64_t at = DATABASE_PAGE_BYTES; at < bytes; at += DATABASE_PAGE_BYTES) {
        uint8_t kind = 0;
        const bool read = database_file_read(file, at, &kind, 1, &err) == STATUS_OK;
        for (int i = 0; i < 64 && read && (kind == 0x05 || kind == 0x02); i++) {
            flip(bench, FILE_NAME, at + i);
        }
    }
    database_file_close(file);
}

static void flip_ten(struct bench *bench) {
    for (int i = 0; i < 10; i++) {
        flip_one(bench);
    }
}

/* --- what must be true --- */

static status count_found(struct core *core, int *found, struct error *err) {
    static const char BODIES[] = "SELECT CAST(body AS BLOB) FROM record WHERE kind & 255 = 1";
    CLEANUP(query_done) struct query query = query_on(core_database(core), BODIES);
    while (query_next(&query)) {
        char body[40];
        int number = -1;
        (void)snprintf(body, sizeof(body), "%.*s", SLICE_ARGS(query_bytes(&query, 0)));
        if (sscanf(body, "{\"n\":%d,", &number) == 1 && number >= 0 && number < RECORDS_MAX) {
            found[number]++;
        }
    }
    return query_status(&query, err);
}

static status check_found(const struct bench *bench, struct core *core, int lost_max, int *out_lost,
                          struct error *err) {
    static int found[RECORDS_MAX];
    int lost = 0;
    (void)memset(found, 0, sizeof(found));
    TRY(count_found(core, found, err));
    for (int i = 0; i < bench->count; i++) {
        lost += found[i] == 0 ? 1 : 0;
        if (found[i] > 1) {
            return fail(err, STATUS_CORRUPT, "record %d stands there %d times", i, found[i]);
        }
    }
    *out_lost = lost;
    return lost <= lost_max
               ? STATUS_OK
               : fail(err, STATUS_CORRUPT, "%d of %d records are lost", lost, bench->count);
}

/* Looks at everything, as the daily check would, until nothing more is found. */
static void check_daily(struct core *core) {
    struct full_check check = {0};
    struct error err;
    bool more = true;
    for (int found = 0; more && found < 5;) {
        bool damaged = false;
        const status checked = full_check_step(&check, core_database(core), &damaged, &more, &err);
        if (checked != STATUS_OK || damaged) {
            core_mend_found(core, checked == STATUS_CORRUPT);
            check = (struct full_check){0};
            more = true;
            found++;
        }
    }
}

static status go_on(struct bench *bench, struct core *core, struct error *err) {
    struct record_draft draft = {.record = {.kind = RECORD_RESULT, .body = SLICE("{}")},
                                 .lane = LANE_NORMAL};
    struct store_job job = {.kind = STORE_RUN_END, .records = &draft, .record_count = 1};
    struct store_job *batch[] = {&job};
    (void)bench;
    core_run(core, batch, 1);
    if (job.error.code != STATUS_OK) {
        return fail(err, job.error.code, "go on: %.300s", job.error.text);
    }
    return STATUS_OK;
}

static status check_case(struct bench *bench, int lost_max, int *out_lost, struct error *err) {
    struct core *core = NULL;
    TRY(open_store(bench, &core, err));
    check_daily(core);
    status good = go_on(bench, core, err);
    if (good == STATUS_OK) {
        good = check_found(bench, core, lost_max, out_lost, err);
    }
    if (good != STATUS_OK && getenv("POWER_DUMP") != NULL) {
        power_dump(core_database(core));
    }
    core_close(core);
    TRY(good);
    TRY(open_store(bench, &core, err));
    good = bench->opened.salvaged ? fail(err, STATUS_CORRUPT, "the salvaged file is damaged")
                                  : power_check(core_database(core), err);
    core_close(core);
    return good;
}

struct scene {
    const char *name;
    void (*damage)(struct bench *bench);
    int lost_max;
    int batches;
    bool clean; /* the store was closed before */
};

static const struct scene SCENES[] = {
    /* In the last transaction a flipped byte can look like a power cut: then it goes whole. */
    {"one byte of the log", flip_log, 20, 12, false},
    {"one byte of the file", flip_one, LEAF_RECORDS, 40, false},
    {"one byte of the file's header", flip_head, 0, 20, false},
    {"one byte of the header, without a log", flip_head_alone, 0, 20, true},
    {"the file's header, without a log", smash_head_alone, 0, 20, true},
    {"the first page", smash_first_page, 0, 20, false},
    {"the first page, without a log", smash_first_page_alone, 0, 20, true},
    {"one byte of a page's head", flip_page_head, LEAF_RECORDS, 40, false},
    {"a whole page", smash_page, LEAF_RECORDS, 40, false},
    {"a whole page, without a log", smash_page_alone, LEAF_RECORDS, 40, true},
    {"every inner page, without a log", smash_inner_pages, 0, 40, true},
    {"ten bytes of the file", flip_ten, 10 * LEAF_RECORDS, 40, false},
};

static void run_scene(struct bench *bench, const struct scene *scene, uint64_t first,
                      uint64_t cases, struct power_report *report) {
    struct error err = {.code = STATUS_OK};
    bool good = true;
    int lost_all = 0;
    int lossless = 0;
    uint64_t seed = first;
    for (; good && seed < first + cases; seed++) {
        int lost = 0;
        bench->dice.state = seed * 977;
        good = make_store(bench, scene->batches, scene->clean || seed % 2 == 0);
        scene->damage(bench);
        good = good && check_case(bench, scene->lost_max, &lost, &err) == STATUS_OK;
        if (!good) {
            (void)printf("# %s, seed %llu (again: power_damage 16 %llu): %s\n", scene->name,
                         (unsigned long long)seed, (unsigned long long)seed, err.text);
        }
        lost_all += lost;
        lossless += lost == 0 ? 1 : 0;
    }
    power_report_line(report, good,
                      "damage to %s: %llu cases, %d without loss, %d records lost in all",
                      scene->name, (unsigned long long)(seed - first), lossless, lost_all);
}

/* The power goes out at every eleventh call of a salvage: the next opening ends it, and loses no
 * more than the salvage itself did. */
static status cut_at(struct bench *bench, struct fault_cutter *cutter, struct fault_disk *salvaged,
                     size_t place, int lost_max, struct error *err) {
    int lost = 0;
    if (!fault_cutter_go(cutter, place) ||
        !fault_disk_build(bench->disk, salvaged, cutter, (enum fault_cut)(place % 3), place)) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    if (check_case(bench, lost_max, &lost, err) != STATUS_OK) {
        char call[160];
        fault_disk_describe(salvaged, place, call, sizeof(call));
        return fail_while(err, "cut before call %zu (%s)", place, call);
    }
    return STATUS_OK;
}

static status cut_salvage(struct bench *bench, struct fault_disk *salvaged, size_t *out_cuts,
                          struct error *err) {
    struct core_options options = OPTIONS;
    struct core *core = NULL;
    int lost = 0;
    options.vfs = SALVAGED;
    TRY(core_open(&options, &core, &bench->opened, err));
    const status found = check_found(bench, core, 10 * LEAF_RECORDS, &lost, err);
    core_close(core);
    TRY(found);
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(salvaged));
    status good = cutter != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
    for (size_t place = 0; good == STATUS_OK && place <= fault_disk_log(salvaged)->count;
         place += 11) {
        good = cut_at(bench, cutter, salvaged, place, lost, err);
        (*out_cuts)++;
    }
    fault_cutter_destroy(cutter);
    return good;
}

/* The damaged store on a disk of its own, whose log begins with the salvage. */
static struct fault_disk *damage_apart(struct bench *bench, void (*damage)(struct bench *)) {
    if (!make_store(bench, 20, true)) {
        return NULL;
    }
    damage(bench);
    fault_disk_begin_log(bench->disk);
    struct fault_disk *apart = fault_disk_create(SALVAGED);
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(bench->disk));
    const bool built = apart != NULL && cutter != NULL &&
                       fault_disk_build(apart, bench->disk, cutter, FAULT_CUT_ALL, 0);
    fault_cutter_destroy(cutter);
    return built ? apart : NULL;
}

static void run_cuts(struct bench *bench, struct power_report *report) {
    static const struct scene HARD[] = {
        {"the first page", smash_first_page_alone, 0, 0, true},
        {"every inner page", smash_inner_pages, 0, 0, true},
    };
    for (size_t i = 0; i < sizeof(HARD) / sizeof(HARD[0]); i++) {
        struct error err = {.text = ""};
        size_t cuts = 0;
        bench->dice.state = 5 + i;
        struct fault_disk *salvaged = damage_apart(bench, HARD[i].damage);
        const bool good =
            salvaged != NULL && cut_salvage(bench, salvaged, &cuts, &err) == STATUS_OK;
        if (!good) {
            (void)printf("# %s\n", err.text);
        }
        fault_disk_destroy(salvaged);
        power_report_line(report, good, "damage to %s, and %zu power cuts while it is salvaged",
                          HARD[i].name, cuts);
    }
}

static void lose_one(struct bench *bench) {
    static const char LOSE[] = "DELETE FROM record WHERE key = (SELECT max(key) FROM record)";
    const struct database_options options = {
        .path = FILE_NAME, .vfs = DISK, .application = 0x65626231};
    struct database *database = NULL;
    struct error err;
    (void)bench;
    if (database_open(&options, &database, &err) == STATUS_OK &&
        database_run(database, LOSE, &err) != STATUS_OK) {
        (void)printf("# %s\n", err.text);
    }
    database_close(database);
}

/* The bug that the harness must find: a record that was acknowledged goes, and nothing is damaged.
 */
static void planted(struct bench *bench, struct power_report *report) {
    struct error err = {.code = STATUS_OK};
    int lost = 0;
    const bool made = make_store(bench, 10, true);
    lose_one(bench);
    const bool found = made && check_case(bench, 0, &lost, &err) == STATUS_CORRUPT;
    power_report_line(report, found, "a planted bug is found: a record goes, and nothing says so");
}

int main(int argc, char **argv) {
    const uint64_t size = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    const uint64_t cases = argc > 2 ? 1 : size / 16;
    const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    static struct bench bench;
    struct power_report report = {0};
    bench.disk = fault_disk_create(DISK);
    if (bench.disk == NULL) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(SCENES) / sizeof(SCENES[0]); i++) {
        run_scene(&bench, &SCENES[i], first, cases, &report);
    }
    run_cuts(&bench, &report);
    planted(&bench, &report);
    fault_disk_destroy(bench.disk);
    return power_report_end(&report);
}
