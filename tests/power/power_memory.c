/*
 * T6: the k-th allocation of our own rooms fails, once or with all after it.
 *
 * A store is opened, lives, and is closed; for every k. Whatever is answered, nothing is lost that
 * was acknowledged, nothing stands there twice, and under ASan nothing leaks. What SQLite allocates
 * does not pass through base/memory: a crash there is T3's.
 *
 * usage: power_memory [FIRST COUNT]
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "power_beside.h"
#include "power_digest.h"
#include "power_disk.h"
#include "power_report.h"
#include "storage/reading.h"

enum { BATCHES = 6, RECORDS_MAX = 64, EVERY_MAX = 400 };

struct bench {
    char folder[64];
    bool kept[RECORDS_MAX];
    int count;
    uint64_t failures; /* jobs and openings that were refused */
};

static bool clear_folder(const struct bench *bench) {
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -f '%s'/*", bench->folder);
    return system(command) == 0;
}

static struct core_options options_of(const struct bench *bench) {
    return (struct core_options){.folder = bench->folder,
                                 .wal_bytes = POWER_WAL_BYTES,
                                 .checkpoint_pages = POWER_CHECKPOINT_PAGES,
                                 .retry_ms = 1};
}

/* A workflow, runs that begin and end, results with and without a key, in one batch. */
static void run_batch(struct bench *bench, struct core *core) {
    char bodies[2][300];
    struct record_draft drafts[2];
    struct power_beside besides[2];
    struct store_job jobs[5] = {{.kind = STORE_WORKFLOW,
                                 .workflow_name = SLICE("triage"),
                                 .workflow_text = SLICE("ebb: 1\n")},
                                {.kind = STORE_RUN_BEGIN, .event = SLICE("{}")},
                                {.kind = STORE_RUN_END},
                                {.kind = STORE_RUN_END},
                                {.kind = STORE_PURGE}};
    struct store_job *batch[5];
    jobs[1].run.bytes[0] = (uint8_t)(1 + bench->count);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(bodies[i], sizeof(bodies[i]), "{\"n\":%d,\"t\":\"%0200d\"}",
                       bench->count + i, 7);
        drafts[i] = (struct record_draft){
            .record = {.kind = RECORD_RESULT, .body = slice_of(bodies[i]), .time = {.wall_ms = 1}},
            .lane = i == 0 ? LANE_NORMAL : LANE_LOCAL};
        jobs[2 + i].records = &drafts[i];
        jobs[2 + i].record_count = 1;
        jobs[2 + i].workflow = 1; /* the first of a store has this number */
        power_beside_add(&besides[i], &jobs[2 + i], bench->count + i);
    }
    for (int i = 0; i < 5; i++) {
        batch[i] = &jobs[i];
    }
    core_run(core, batch, 5);
    for (int i = 0; i < 5; i++) {
        bench->failures += jobs[i].error.code != STATUS_OK ? 1 : 0;
    }
    bench->kept[bench->count++] = jobs[2].error.code == STATUS_OK;
    bench->kept[bench->count++] = jobs[3].error.code == STATUS_OK;
    core_idle(core);
}

static void read_some(struct core *core) {
    struct store_read read = {.kind = READ_RESULTS, .lane = LANE_COUNT, .limit = 10};
    reading_run(core_database(core), &read);
    buffer_done(&read.out);
    read = (struct store_read){.kind = READ_LANES};
    reading_run(core_database(core), &read);
    buffer_done(&read.out);
}

static void live(struct bench *bench) {
    const struct core_options options = options_of(bench);
    struct store_opened opened;
    struct error err;
    for (int life = 0; life < 2; life++) {
        struct core *core = NULL;
        if (core_open(&options, &core, &opened, &err) != STATUS_OK) {
            bench->failures++;
            continue;
        }
        for (int i = 0; i < BATCHES / 2; i++) {
            run_batch(bench, core);
        }
        if (core_database(core) != NULL) {
            read_some(core);
        }
        core_close(core);
    }
}

static status check(const struct bench *bench, struct error *err) {
    static const char COUNT[] = "SELECT count(*) FROM record WHERE body LIKE ?1";
    const struct core_options options = options_of(bench);
    struct store_opened opened;
    struct core *core = NULL;
    TRY(core_open(&options, &core, &opened, err));
    status good = power_check(core_database(core), err);
    good = good == STATUS_OK ? power_beside_check(core_database(core), err) : good;
    for (int i = 0; good == STATUS_OK && i < bench->count; i++) {
        char like[32];
        int64_t found = 0;
        (void)snprintf(like, sizeof(like), "{\"n\":%d,%%", i);
        CLEANUP(query_done) struct query query = query_on(core_database(core), COUNT);
        query_bind_text(&query, slice_of(like));
        good = query_one_number(&query, &found, err);
        if (good == STATUS_OK && found != (bench->kept[i] ? 1 : 0)) {
            good = fail(err, STATUS_CORRUPT, "record %d was %s and stands there %lld times", i,
                        bench->kept[i] ? "acknowledged" : "refused", (long long)found);
        }
    }
    core_close(core);
    return good;
}

static bool run_case(struct bench *bench, long index, bool forever, size_t *out_asked) {
    struct error err = {.code = STATUS_OK};
    bench->count = 0;
    if (!clear_folder(bench)) {
        return false;
    }
    (void)memory_fail_at(index, forever);
    live(bench);
    *out_asked = memory_fail_at(-1, 0);
    const bool good = check(bench, &err) == STATUS_OK;
    if (!good) {
        (void)printf("# allocation %ld %s: %s\n", index, forever ? "and all after" : "once",
                     err.text);
    }
    return good;
}

int main(int argc, char **argv) {
    struct bench bench = {0};
    struct power_report report = {0};
    const long first = argc > 2 ? atol(argv[1]) : 0;
    const long count = argc > 2 ? atol(argv[2]) : EVERY_MAX;
    (void)snprintf(bench.folder, sizeof(bench.folder), "%s/ebb-memory-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(bench.folder) == NULL) {
        return 1;
    }
    for (int forever = 0; forever < 2; forever++) {
        bool good = true;
        size_t asked = SIZE_MAX;
        long cases = 0;
        bench.failures = 0;
        for (long i = first; good && i < first + count && (size_t)i < asked; i++, cases++) {
            good = run_case(&bench, i, forever != 0, &asked);
        }
        power_report_line(&report, good && bench.failures > 0,
                          "T6 an allocation fails %s: %ld cases, %llu refusals (again: "
                          "power_memory %ld 1)",
                          forever ? "and all after it" : "once", cases,
                          (unsigned long long)bench.failures, first);
    }
    size_t asked = 0;
    (void)run_case(&bench, -1, false, &asked);
    struct error err = {.code = STATUS_OK};
    bench.kept[0] = !bench.kept[0];
    power_report_line(&report, check(&bench, &err) == STATUS_CORRUPT,
                      "a planted bug is found: an answer that is not true");
    const bool cleared = clear_folder(&bench) && rmdir(bench.folder) == 0;
    power_report_line(&report, cleared, "nothing is left behind");
    return power_report_end(&report);
}
