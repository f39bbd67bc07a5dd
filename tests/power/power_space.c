/*
 * T5: a real disk with no byte free (I12), on a small ext4 in a file and on a small tmpfs.
 *
 * The store fills the disk, and a file of ours takes what is left. Then an acknowledgement, a mark,
 * the end of a run and a purge commit; what the hub holds makes room for new results, then
 * telemetry, then low, then normal where the workflow says so; the store closes and opens again.
 * Every loss is a gap. Needs the right to mount.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/file.h"
#include "power_digest.h"
#include "power_report.h"
#include "storage/core.h"

enum { BODY_BYTES = 3000, BATCH = 16, FILL_MAX = 20000, ROUNDS = 40 };

struct bench {
    char folder[64], mount[96], image[96];
    struct core *core;
    uint32_t workflow;
    char body[BODY_BYTES + 3];
    struct power_report report;
};

/* A program with at most four arguments, quietly. */
static bool run_program(const char *const *words) {
    char *arguments[6] = {0};
    for (int i = 0; i < 5 && words[i] != NULL; i++) {
        arguments[i] = strdup(words[i]);
    }
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_RDWR);
        (void)dup2(nowhere, STDOUT_FILENO);
        (void)dup2(nowhere, STDERR_FILENO);
        (void)execvp(arguments[0], arguments);
        _exit(127);
    }
    int ended = -1;
    (void)waitpid(child, &ended, 0);
    for (int i = 0; i < 5; i++) {
        free(arguments[i]);
    }
    return ended == 0;
}

/* --- the store --- */

static bool open_store(struct bench *bench, struct error *err) {
    struct store_opened opened;
    const struct core_options options = {
        .folder = bench->mount, .budget_bytes = INT64_C(10) << 30, .retry_ms = 1};
    return core_open(&options, &bench->core, &opened, err) == STATUS_OK;
}

static status run(struct bench *bench, struct store_job *job) {
    struct store_job *batch[] = {job};
    core_run(bench->core, batch, 1);
    core_idle(bench->core);
    return job->error.code;
}

static status put(struct bench *bench, enum lane lane, bool drop_oldest, int count) {
    struct record_draft drafts[BATCH];
    for (int i = 0; i < count; i++) {
        drafts[i] = (struct record_draft){
            .record = {.kind = RECORD_RESULT, .time = clock_now(), .body = slice_of(bench->body)},
            .lane = lane};
    }
    struct store_job job = {.kind = STORE_RUN_END,
                            .workflow = bench->workflow,
                            .records = drafts,
                            .record_count = (uint32_t)count,
                            .drop_oldest = drop_oldest};
    return run(bench, &job);
}

static struct store_counters counters_of(const struct bench *bench) {
    struct store_counters counters;
    core_counters(bench->core, &counters);
    return counters;
}

static uint64_t gaps_in(struct bench *bench, enum lane lane) {
    static const char GAPS[] = "SELECT count(*) FROM record WHERE last_seq IS NOT NULL"
                               " AND key >> 40 & 7 = ?1";
    struct error err;
    int64_t count = -1;
    CLEANUP(query_done) struct query query = query_on(core_database(bench->core), GAPS);
    query_bind_number(&query, lane);
    return query_one_number(&query, &count, &err) == STATUS_OK ? (uint64_t)count : UINT64_MAX;
}

/* --- the disk --- */

/* Takes every block that is left. */
static bool fill(const struct bench *bench) {
    char path[128];
    static char bytes[4096];
    (void)snprintf(path, sizeof(path), "%s/filler", bench->mount);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == ENOSPC;
    }
    bool full = false;
    for (size_t part = sizeof(bytes); part > 0; part /= 4) {
        while (write(fd, bytes, part) > 0) {
        }
        full = errno == ENOSPC;
    }
    (void)fsync(fd);
    (void)close(fd);
    return full;
}

static int64_t free_bytes(const struct bench *bench) {
    int64_t free_count = -1;
    int64_t all = 0;
    struct error err;
    return file_space(bench->mount, &free_count, &all, &err) == STATUS_OK ? free_count : -1;
}

static bool mount_ext4(struct bench *bench) {
    const char *const grow[] = {"truncate", "-s", "28M", bench->image, NULL};
    const char *const format[] = {"mkfs.ext4", "-q", "-m0", bench->image, NULL};
    const char *const attach[] = {"mount", "-oloop", bench->image, bench->mount, NULL};
    return run_program(grow) && run_program(format) && run_program(attach);
}

static bool mount_tmpfs(struct bench *bench) {
    return mount("tmpfs", bench->mount, "tmpfs", 0, "size=20m") == 0;
}

/* --- the scenes
 * ----------------------------------------------------------------------------------- */

static void say(struct bench *bench, const char *disk, bool good, const char *what) {
    power_report_line(&bench->report, good, "T5 %s: %s", disk, what);
}

static bool fill_store(struct bench *bench) {
    status put_one = STATUS_OK;
    bool good = put(bench, LANE_TELEMETRY, false, BATCH) == STATUS_OK &&
                put(bench, LANE_LOW, false, BATCH) == STATUS_OK &&
                put(bench, LANE_URGENT, false, BATCH) == STATUS_OK;
    for (int i = 0; i < FILL_MAX && put_one == STATUS_OK; i++) {
        put_one = put(bench, LANE_NORMAL, false, BATCH);
        if (gaps_in(bench, LANE_TELEMETRY) > 0) {
            break; /* the disk is full: what may go has begun to go */
        }
    }
    return good && fill(bench) && free_bytes(bench) == 0;
}

/* Puts until the lane has gaps, or nothing more fits. */
static bool put_until_gap(struct bench *bench, enum lane gap_lane, bool drop_oldest) {
    for (int i = 0; i < FILL_MAX && gaps_in(bench, gap_lane) == 0; i++) {
        if (put(bench, LANE_NORMAL, drop_oldest, 1) != STATUS_OK) {
            return false;
        }
    }
    return gaps_in(bench, gap_lane) > 0;
}

static void put_to_the_end(struct bench *bench, const char *disk) {
    status full = STATUS_OK;
    for (int i = 0; i < ROUNDS * BATCH && full == STATUS_OK; i++) {
        full = put(bench, LANE_NORMAL, false, 1);
    }
    say(bench, disk, full == STATUS_FULL, "when nothing may go, the job is told that it is full");
    say(bench, disk, gaps_in(bench, LANE_NORMAL) == 0 && gaps_in(bench, LANE_URGENT) == 0,
        "normal and urgent lost nothing");
}

static void small_things_commit(struct bench *bench, const char *disk) {
    const struct store_counters counters = counters_of(bench);
    bool good = true;
    for (int i = 0; i < ROUNDS && good; i++) {
        struct store_job mark = {
            .kind = STORE_RUN_END, .seen_source = SLICE("inbox"), .seen_hash = (uint64_t)(i % 4)};
        struct store_job forget = {.kind = STORE_SEEN_FORGET,
                                   .seen_source = SLICE("inbox"),
                                   .seen_hash = (uint64_t)(i % 4)};
        struct store_job acknowledge = {
            .kind = STORE_ACKNOWLEDGE, .lane = LANE_NORMAL, .seq = (uint64_t)i + 1};
        struct store_job purge = {.kind = STORE_PURGE};
        good = run(bench, &mark) == STATUS_OK && run(bench, &forget) == STATUS_OK &&
               run(bench, &acknowledge) == STATUS_OK && run(bench, &purge) == STATUS_OK;
    }
    if (!good || free_bytes(bench) != 0) {
        (void)printf("# %lld bytes free\n", (long long)free_bytes(bench));
    }
    say(bench, disk, good && free_bytes(bench) == 0,
        "marks, acknowledgements and purges commit with no byte free");
    struct store_job acknowledge = {.kind = STORE_ACKNOWLEDGE,
                                    .lane = LANE_NORMAL,
                                    .seq = counters.lane_next_seq[LANE_NORMAL] / 2};
    good = run(bench, &acknowledge) == STATUS_OK;
    for (int i = 0; i < ROUNDS && good; i++) {
        good = put(bench, LANE_NORMAL, false, BATCH) == STATUS_OK;
    }
    say(bench, disk, good && free_bytes(bench) == 0 && gaps_in(bench, LANE_NORMAL) == 0,
        "what the hub holds makes room for new results");
}

static void reopen(struct bench *bench, const char *disk) {
    struct error err = {.code = STATUS_OK};
    const struct store_counters before = counters_of(bench);
    core_close(bench->core);
    bench->core = NULL;
    (void)fill(bench); /* what the file had ahead of its end */
    bool good = open_store(bench, &err) && fill(bench) && free_bytes(bench) == 0;
    if (good) {
        const struct store_counters after = counters_of(bench);
        good =
            memcmp(before.lane_next_seq, after.lane_next_seq, sizeof(after.lane_next_seq)) == 0 &&
            memcmp(before.lane_bytes, after.lane_bytes, sizeof(after.lane_bytes)) == 0 &&
            power_check(core_database(bench->core), &err) == STATUS_OK;
    }
    if (!good) {
        (void)printf("# %lld bytes free: %s\n", (long long)free_bytes(bench), err.text);
    }
    say(bench, disk, good, "the store closes and opens with no byte free, and is whole");
}

static void run_disk(struct bench *bench, const char *disk) {
    struct error err = {.code = STATUS_OK};
    if (!open_store(bench, &err)) {
        (void)printf("# %s\n", err.text);
        say(bench, disk, false, "the store opens");
        return;
    }
    struct store_job workflow = {.kind = STORE_WORKFLOW, .workflow_name = SLICE("triage")};
    (void)run(bench, &workflow);
    bench->workflow = (uint32_t)workflow.out_number;
    say(bench, disk, fill_store(bench), "the store fills the disk to the last byte");
    say(bench, disk, put_until_gap(bench, LANE_TELEMETRY, false), "telemetry goes first, by a gap");
    say(bench, disk, put_until_gap(bench, LANE_LOW, false), "then low");
    put_to_the_end(bench, disk);
    reopen(bench, disk);
    small_things_commit(bench, disk);
    say(bench, disk, put_until_gap(bench, LANE_NORMAL, true),
        "then normal, where the workflow says so");
    reopen(bench, disk);
    core_close(bench->core);
    bench->core = NULL;
}

static void run_scene(struct bench *bench, const char *disk, bool (*attach)(struct bench *)) {
    if (geteuid() != 0) {
        power_report_skip(&bench->report, disk, "only root may mount");
        return;
    }
    if (!attach(bench)) {
        power_report_skip(&bench->report, disk, "mounting was refused");
        return;
    }
    run_disk(bench, disk);
    say(bench, disk, umount(bench->mount) == 0, "the disk is given back");
}

int main(void) {
    static struct bench bench;
    const char *temporary = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    (void)snprintf(bench.folder, sizeof(bench.folder), "%.40s/ebb-space-XXXXXX", temporary);
    if (mkdtemp(bench.folder) == NULL) {
        return 1;
    }
    (void)snprintf(bench.mount, sizeof(bench.mount), "%s/disk", bench.folder);
    (void)snprintf(bench.image, sizeof(bench.image), "%s/image", bench.folder);
    bench.body[0] = '"';
    (void)memset(bench.body + 1, 'x', BODY_BYTES);
    bench.body[BODY_BYTES + 1] = '"';
    if (mkdir(bench.mount, 0700) != 0) {
        return 1;
    }
    run_scene(&bench, "ext4", mount_ext4);
    run_scene(&bench, "tmpfs", mount_tmpfs);
    (void)unlink(bench.image);
    const bool cleared = rmdir(bench.mount) == 0 && rmdir(bench.folder) == 0;
    power_report_line(&bench.report, cleared, "nothing is left behind");
    return power_report_end(&bench.report);
}
