/*
 * T4: calls fail (EIO, no space, half a write, a sync once or for ever), and then the power goes
 * out.
 *
 * For every k the k-th call of a kind fails; what was acknowledged is there after the disk is well
 * again and the store opened, and after a power cut at the end and at random places. What was
 * refused is not there as long as no power cut came. Nothing stands there twice.
 *
 * usage: power_fault [SIZE [CALL]]   SIZE / 16 calls fail, one after the other (1000); or just CALL
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "power_beside.h"
#include "power_digest.h"
#include "power_disk.h"
#include "power_report.h"

enum {
    BATCHES = 14,
    HEALED_BATCHES = 4,
    RECORDS_MAX = 256,
    CUTS = 4,
    TRIES_MAX = 40,
    CALLS_MAX = 200
};

static const char LIVING[] = "faulty";
static const char CUT[] = "faulty-cut";

/* A record that somebody waits for: its body is {"n":NUMBER}. */
struct promise {
    size_t place; /* in the log, when its answer came */
    bool kept;    /* the answer was OK */
};

struct bench {
    struct fault_disk *living, *cut;
    struct promise promises[RECORDS_MAX];
    int count;
    struct power_dice dice;
    uint32_t workflow; /* its number */
};

static const struct core_options OPTIONS = {.folder = POWER_FOLDER,
                                            .vfs = LIVING,
                                            .wal_bytes = POWER_WAL_BYTES,
                                            .checkpoint_pages = POWER_CHECKPOINT_PAGES,
                                            .retry_ms = 1};

/* --- a life with a fault --- */

static void run_batch(struct bench *bench, struct core *core) {
    struct store_job jobs[4];
    struct store_job *batch[4];
    struct record_draft drafts[4];
    struct power_beside besides[4];
    char bodies[4][1200];
    const int count = 1 + (int)power_below(&bench->dice, 4);
    for (int i = 0; i < count; i++) {
        const int filler = 1 + (int)power_below(&bench->dice, 1000);
        (void)snprintf(bodies[i], sizeof(bodies[i]), "{\"n\":%d,\"t\":\"%0*d\"}", bench->count + i,
                       filler, 7);
        drafts[i] = (struct record_draft){
            .record = {.kind = RECORD_RESULT, .body = slice_of(bodies[i]), .time = {.wall_ms = 1}},
            .lane = LANE_NORMAL};
        jobs[i] =
            (struct store_job){.kind = STORE_RUN_END, .records = &drafts[i], .record_count = 1};
        jobs[i].workflow = bench->workflow;
        power_beside_add(&besides[i], &jobs[i], bench->count + i);
        batch[i] = &jobs[i];
    }
    core_run(core, batch, count);
    for (int i = 0; i < count; i++) {
        bench->promises[bench->count++] = (struct promise){
            .place = fault_disk_log(bench->living)->count, .kept = jobs[i].error.code == STATUS_OK};
    }
    core_idle(core);
}

static void live(struct bench *bench, struct core *core, const struct fault *fault) {
    bench->count = 0;
    fault_disk_fail(bench->living, fault);
    for (int i = 0; i < BATCHES; i++) {
        run_batch(bench, core);
    }
}

/* The disk is well again: within some tries the store is, too. */
static bool heal(struct bench *bench, struct core *core) {
    fault_disk_fail(bench->living, NULL);
    for (int i = 0; i < TRIES_MAX; i++) {
        const struct timespec pause = {.tv_nsec = 2000000};
        struct store_counters counters;
        run_batch(bench, core);
        core_counters(core, &counters);
        if (bench->promises[bench->count - 1].kept && !counters.failing) {
            return true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* --- what must be there
 * --------------------------------------------------------------------------- */

static status count_bodies(struct database *database, int *found, struct error *err) {
    static const char BODIES[] = "SELECT body FROM record WHERE kind & 255 = 1";
    CLEANUP(query_done) struct query query = query_on(database, BODIES);
    while (query_next(&query)) {
        char body[64];
        int number = -1;
        (void)snprintf(body, sizeof(body), "%.*s", SLICE_ARGS(query_bytes(&query, 0)));
        if (sscanf(body, "{\"n\":%d", &number) != 1 || number < 0 || number >= RECORDS_MAX) {
            return fail(err, STATUS_CORRUPT, "a body is there that nobody wrote: %s", body);
        }
        found[number]++;
    }
    return query_status(&query, err);
}

static status check_promises(const struct bench *bench, struct database *database, size_t place,
                             bool was_cut, struct error *err) {
    int found[RECORDS_MAX] = {0};
    TRY(power_check(database, err));
    TRY(power_beside_check(database, err));
    TRY(count_bodies(database, found, err));
    for (int i = 0; i < bench->count; i++) {
        const struct promise *promise = &bench->promises[i];
        if (promise->kept && promise->place <= place && found[i] == 0) {
            return fail(err, STATUS_CORRUPT, "record %d was acknowledged and is gone", i);
        }
        if (found[i] > 1 || (found[i] == 1 && !promise->kept && !was_cut)) {
            return fail(err, STATUS_CORRUPT, "record %d %s and stands there %d times", i,
                        promise->kept ? "was acknowledged" : "was refused", found[i]);
        }
    }
    return STATUS_OK;
}

static status check_disk(const struct bench *bench, const char *vfs, size_t place, bool was_cut,
                         struct error *err) {
    struct core_options options = OPTIONS;
    struct store_opened opened;
    struct core *core = NULL;
    options.vfs = vfs;
    TRY(core_open(&options, &core, &opened, err));
    const status good = opened.salvaged
                            ? fail(err, STATUS_CORRUPT, "the file was found damaged")
                            : check_promises(bench, core_database(core), place, was_cut, err);
    core_close(core);
    return good;
}

static status check_cuts(struct bench *bench, size_t opened, struct error *err) {
    const struct fault_log *log = fault_disk_log(bench->living);
    for (int i = 0; i < CUTS; i++) {
        struct fault_cutter *cutter = fault_cutter_create(log);
        const size_t place =
            i < 2 ? log->count
                  : opened + power_below(&bench->dice, (uint32_t)(log->count - opened) + 1);
        const enum fault_cut cut = i == 0 ? FAULT_CUT_SYNCED : FAULT_CUT_RANDOM;
        const bool built =
            cutter != NULL && fault_cutter_go(cutter, place) &&
            fault_disk_build(bench->cut, bench->living, cutter, cut, power_roll(&bench->dice));
        fault_cutter_destroy(cutter);
        if (!built) {
            return fail(err, STATUS_NO_MEMORY, "out of memory");
        }
        if (check_disk(bench, CUT, place, true, err) != STATUS_OK) {
            char call[160];
            fault_disk_describe(bench->living, place, call, sizeof(call));
            return fail_while(err, "cut before call %zu (%s)", place, call);
        }
    }
    return STATUS_OK;
}

/* --- all of it
 * ------------------------------------------------------------------------------------ */

static status keep_workflow(struct bench *bench, struct core *core, struct error *err) {
    struct store_job job = {.kind = STORE_WORKFLOW,
                            .workflow_name = SLICE("triage"),
                            .workflow_text = SLICE("ebb: 1\n")};
    struct store_job *batch[] = {&job};
    core_run(core, batch, 1);
    bench->workflow = (uint32_t)job.out_number;
    return job.error.code == STATUS_OK ? STATUS_OK
                                       : fail(err, job.error.code, "%.300s", job.error.text);
}

static status run_case(struct bench *bench, const struct fault *fault, bool heals,
                       size_t *out_failures, struct error *err) {
    struct core *core = NULL;
    struct store_opened opened;
    bench->dice.state = fault->index * 31 + 7;
    fault_disk_clear(bench->living);
    TRY(core_open(&OPTIONS, &core, &opened, err));
    TRY(keep_workflow(bench, core, err));
    const size_t place = fault_disk_log(bench->living)->count;
    live(bench, core, fault);
    *out_failures = fault_disk_failures(bench->living);
    const bool healed = !heals || heal(bench, core);
    fault_disk_fail(bench->living, NULL);
    core_close(core);
    if (!healed) {
        return fail(err, STATUS_SYSTEM, "the store did not mend when the disk was well again");
    }
    const size_t end = fault_disk_log(bench->living)->count;
    TRY(check_disk(bench, LIVING, end, false, err));
    return check_cuts(bench, place, err);
}

struct scene {
    const char *name;
    struct fault fault;
    bool heals;
};

static const struct scene SCENES[] = {
    {"a sync fails once", {.calls = FAULT_SYNC, .kind = FAULT_EIO}, true},
    {"all syncs fail, later none",
     {.calls = FAULT_SYNC, .kind = FAULT_EIO, .persists = true},
     true},
    {"a sync fails once and the power goes out", {.calls = FAULT_SYNC, .kind = FAULT_EIO}, false},
    {"a write fails once", {.calls = FAULT_WRITE, .kind = FAULT_EIO}, true},
    {"all writes fail, later none",
     {.calls = FAULT_WRITE, .kind = FAULT_EIO, .persists = true},
     true},
    {"half of a write", {.calls = FAULT_WRITE, .kind = FAULT_HALF_WRITE}, true},
    {"a read fails once", {.calls = FAULT_READ, .kind = FAULT_EIO}, true},
    {"all reads fail, later none",
     {.calls = FAULT_READ, .kind = FAULT_EIO, .persists = true},
     true},
    {"no space once", {.calls = FAULT_WRITE | FAULT_TRUNCATE, .kind = FAULT_NO_SPACE}, true},
    {"no space, later some",
     {.calls = FAULT_WRITE | FAULT_TRUNCATE, .kind = FAULT_NO_SPACE, .persists = true},
     true},
    {"anything fails once", {.calls = FAULT_ANY, .kind = FAULT_EIO}, true},
    {"everything fails, later nothing",
     {.calls = FAULT_ANY, .kind = FAULT_EIO, .persists = true},
     true},
};

static void run_scene(struct bench *bench, const struct scene *scene, size_t first, size_t count,
                      struct power_report *report) {
    struct error err = {.code = STATUS_OK};
    size_t cases = 0;
    bool good = true;
    for (size_t i = first; good && i < first + count; i++) {
        struct fault fault = scene->fault;
        size_t failures = 0;
        fault.index = i;
        good = run_case(bench, &fault, scene->heals, &failures, &err) == STATUS_OK;
        if (!good) {
            (void)printf("# %s, call %zu (again: power_fault 16 %zu): %s\n", scene->name, i, i,
                         err.text);
        }
        cases += failures > 0 ? 1 : 0;
    }
    power_report_line(report, good, "T4 %s: %zu cases", scene->name, cases);
}

/* The bug that the harness must find: a sync that failed is taken for one that did not. */
static void planted(struct bench *bench, struct power_report *report) {
    struct error err = {.code = STATUS_OK};
    bool found = false;
    size_t failures = 0;
    for (size_t i = 0; !found && i < 40; i++) {
        const struct fault fault = {.calls = FAULT_SYNC, .kind = FAULT_SILENT, .index = i};
        found = run_case(bench, &fault, false, &failures, &err) != STATUS_OK;
    }
    power_report_line(report, found, "a planted bug is found: a failed sync is ignored");
}

int main(int argc, char **argv) {
    const size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    const size_t first = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    const size_t all = size / 16 < CALLS_MAX ? size / 16 : CALLS_MAX;
    const size_t count = argc > 2 ? 1 : all;
    static struct bench bench;
    struct power_report report = {0};
    bench.living = fault_disk_create(LIVING);
    bench.cut = fault_disk_create(CUT);
    if (bench.living == NULL || bench.cut == NULL) {
        return 1;
    }
    fault_disk_clear(bench.cut);
    for (size_t i = 0; i < sizeof(SCENES) / sizeof(SCENES[0]); i++) {
        run_scene(&bench, &SCENES[i], first, count, &report);
    }
    planted(&bench, &report);
    fault_disk_destroy(bench.living);
    fault_disk_destroy(bench.cut);
    return power_report_end(&report);
}
