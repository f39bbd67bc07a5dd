/*
 * core_bench: a core on a disk in memory, for the tests of this room.
 *
 * Included by *_test.c only, after cmocka's header. What cannot fail in a test is asserted here.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/database_faults.h"
#include "storage/core_parts.h"

struct core_bench {
    struct fault_disk *disk;
    struct core *core;
    struct store_opened opened;
    uint32_t workflow;
    int64_t budget_bytes; /* set before core_bench_open */
};

static inline void core_bench_open(struct core_bench *bench) {
    struct error err = {.text = ""};
    const struct core_options options = {.folder = "store",
                                         .vfs = "bench",
                                         .wal_bytes = 64 << 10,
                                         .budget_bytes = bench->budget_bytes,
                                         .retry_ms = 1};
    if (core_open(&options, &bench->core, &bench->opened, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static inline status core_bench_run(struct core_bench *bench, struct store_job *job) {
    struct store_job *batch[] = {job};
    core_run(bench->core, batch, 1);
    return job->error.code;
}

static inline uint32_t core_bench_workflow(struct core_bench *bench, const char *name) {
    struct store_job job = {.kind = STORE_WORKFLOW, .workflow_name = slice_of(name)};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    return (uint32_t)job.out_number;
}

static inline int core_bench_set_up(void **state) {
    struct core_bench *bench = calloc(1, sizeof(*bench));
    bench->disk = fault_disk_create("bench");
    assert_non_null(bench->disk);
    fault_disk_clear(bench->disk);
    core_bench_open(bench);
    bench->workflow = core_bench_workflow(bench, "triage");
    *state = bench;
    return 0;
}

static inline int core_bench_tear_down(void **state) {
    struct core_bench *bench = *state;
    core_close(bench->core);
    fault_disk_destroy(bench->disk);
    free(bench);
    return 0;
}

static inline void core_bench_reopen(struct core_bench *bench) {
    core_close(bench->core);
    core_bench_open(bench);
}

/* A result as tests use it: body and key are C strings, `key` may be NULL. */
static inline struct record_draft core_bench_draft(enum lane lane, const char *body,
                                                   const char *key) {
    return (struct record_draft){
        .record = {.kind = RECORD_RESULT, .name = SLICE("verdict"), .body = slice_of(body)},
        .lane = lane,
        .key = slice_of(key)};
}

static inline status core_bench_put_draft(struct core_bench *bench, struct record_draft *draft) {
    struct store_job job = {
        .kind = STORE_RUN_END, .workflow = bench->workflow, .records = draft, .record_count = 1};
    return core_bench_run(bench, &job);
}

/* Returns its seq. */
static inline uint64_t core_bench_put(struct core_bench *bench, enum lane lane, const char *body,
                                      const char *key) {
    struct record_draft draft = core_bench_draft(lane, body, key);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    return draft.out_seq;
}

static inline void core_bench_acknowledge(struct core_bench *bench, enum lane lane, uint64_t seq) {
    struct store_job job = {
        .kind = STORE_ACKNOWLEDGE, .lane = lane, .seq = seq, .anchored_seq = seq};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
}

/* The first column of the first row. */
static inline int64_t core_bench_number(struct core_bench *bench, const char *sql) {
    struct error err = {.text = ""};
    int64_t number = -1;
    CLEANUP(query_done) struct query query = query_on(bench->core->database, sql);
    if (query_one_number(&query, &number, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return number;
}

/* "1-1 2-4superseded 5-5": the rows of a lane of the newest stream. */
static inline void core_bench_lane(struct core_bench *bench, enum lane lane, char out_text[400]) {
    static const char ROWS[] =
        "SELECT key & 1099511627775, last_seq, json_extract(body, '$.reason') FROM record"
        " WHERE key >> 40 & 7 = ?1 AND key >> 43 = (SELECT max(number) FROM stream) ORDER BY key";
    size_t at = 0;
    out_text[0] = '\0';
    CLEANUP(query_done) struct query query = query_on(bench->core->database, ROWS);
    query_bind_number(&query, lane);
    while (query_next(&query)) {
        const bool gap = !query_is_null(&query, 1);
        const int64_t seq = query_number(&query, 0);
        at += (size_t)snprintf(out_text + at, 400 - at, "%s%lld-%lld%.*s", at > 0 ? " " : "",
                               (long long)seq, (long long)(gap ? query_number(&query, 1) : seq),
                               gap ? (int)query_text(&query, 2).count : 0,
                               gap ? query_text(&query, 2).bytes : "");
    }
}

static inline void core_bench_expect_lane(struct core_bench *bench, enum lane lane,
                                          const char *rows) {
    char text[400];
    core_bench_lane(bench, lane, text);
    assert_string_equal(text, rows);
}
