// SPDX-License-Identifier: Apache-2.0
#include "storage/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "platform/json.h"

#include <cmocka.h>

#include "storage/core_bench.h"
#include "storage/outbox_reader.h"

/* A listing as values; the arena is the caller's. */
static struct value list(struct core_bench *bench, struct arena *arena, struct store_read *read) {
    struct value value = {0};
    struct error err = {.text = ""};
    read->out = (struct buffer){0};
    reading_run(bench->core->database, read);
    if (read->error.code != STATUS_OK) {
        fail_msg("%s", read->error.text);
    }
    if (json_read(arena, buffer_slice(&read->out), &value, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    buffer_done(&read->out);
    return value;
}

static void put_at(struct core_bench *bench, enum lane lane, const char *body, int64_t wall_ms) {
    struct record_draft draft = core_bench_draft(lane, body, NULL);
    draft.record.time.wall_ms = wall_ms;
    draft.record.run.bytes[0] = 3;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
}

/* The numbers that the bodies are, in the order of the listing: "3 2 1". */
static void bodies(struct value rows, char out_text[600]) {
    size_t at = 0;
    out_text[0] = '\0';
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct value *result = value_get(rows.items[i], SLICE("result"));
        at += (size_t)snprintf(out_text + at, 600 - at, "%s%lld", i > 0 ? " " : "",
                               (long long)result->integer);
    }
}

static void test_reading__results_come_newest_first_over_all_lanes(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    char text[600];
    arena_init(&arena, 1 << 20);
    put_at(bench, LANE_NORMAL, "1", 1000);
    put_at(bench, LANE_URGENT, "2", 2000);
    put_at(bench, LANE_LOCAL, "3", 3000);
    put_at(bench, LANE_NORMAL, "4", 4000);
    struct store_read read = {.kind = READ_RESULTS, .lane = LANE_COUNT};
    bodies(list(bench, &arena, &read), text);
    assert_string_equal(text, "4 3 2 1");
    assert_int_equal(read.out_next_key, 0);
    read.lane = LANE_NORMAL;
    bodies(list(bench, &arena, &read), text);
    assert_string_equal(text, "4 1");
    arena_done(&arena);
}

static void test_reading__pages_show_every_result_once_whatever_the_clock_did(void **state) {
    struct core_bench *bench = *state;
    static const enum lane LANES[] = {LANE_NORMAL, LANE_URGENT, LANE_LOW, LANE_LOCAL};
    struct arena arena;
    bool shown[60] = {false};
    char body[16];
    arena_init(&arena, 4 << 20);
    for (int i = 0; i < 60; i++) {
        const int64_t jumps = i > 20 && i < 40 ? 500 : 5000; /* back, and forth again */
        (void)snprintf(body, sizeof(body), "%d", i);
        put_at(bench, LANES[i % 4], body, jumps + i / 3);
    }
    struct store_read read = {.kind = READ_RESULTS, .lane = LANE_COUNT, .limit = 7};
    int pages = 0;
    do {
        read.before_key = read.out_next_key;
        const struct value rows = list(bench, &arena, &read);
        assert_true(rows.count <= 7);
        for (uint32_t i = 0; i < rows.count; i++) {
            const int64_t number = value_get(rows.items[i], SLICE("result"))->integer;
            assert_false(shown[number]);
            shown[number] = true;
        }
        pages++;
    } while (read.out_next_key != 0 && pages < 20);
    for (int i = 0; i < 60; i++) {
        assert_true(shown[i]);
    }
    arena_done(&arena);
}

static void test_reading__a_result_is_found_by_its_id_with_all_that_people_read(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    struct record_draft draft = core_bench_draft(LANE_URGENT, "{\"a\":1}", NULL);
    arena_init(&arena, 1 << 20);
    draft.record.priority = 8;
    draft.record.time.wall_ms = 1700000000123;
    draft.record.run.bytes[15] = 0xab;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    core_bench_acknowledge(bench, LANE_URGENT, 1);
    struct store_read read = {.kind = READ_RESULT, .id = draft.out_id};
    const struct value row = list(bench, &arena, &read);
    assert_true(slice_is(value_text(*value_get(row, SLICE("workflow"))), "triage"));
    assert_true(slice_is(value_text(*value_get(row, SLICE("name"))), "verdict"));
    assert_true(slice_is(value_text(*value_get(row, SLICE("lane"))), "urgent"));
    assert_true(slice_is(value_text(*value_get(row, SLICE("kind"))), "result"));
    assert_true(slice_is(value_text(*value_get(row, SLICE("state"))), "acknowledged"));
    assert_true(
        slice_is(value_text(*value_get(row, SLICE("created_at"))), "2023-11-14T22:13:20.123"));
    assert_true(
        slice_is(value_text(*value_get(row, SLICE("run"))), "000000000000000000000000000000ab"));
    assert_int_equal(value_get(row, SLICE("priority"))->integer, 8);
    assert_int_equal(value_get(row, SLICE("seq"))->integer, 1);
    read.id.bytes[15] ^= 1;
    read.out = (struct buffer){0};
    reading_run(bench->core->database, &read);
    assert_int_equal(read.error.code, STATUS_NOT_FOUND);
    buffer_done(&read.out);
    arena_done(&arena);
}

static void test_reading__a_filter_is_by_workflow_and_name(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    put_at(bench, LANE_NORMAL, "1", 1000);
    bench->workflow = core_bench_workflow(bench, "other");
    put_at(bench, LANE_NORMAL, "2", 2000);
    struct store_read read = {
        .kind = READ_RESULTS, .lane = LANE_COUNT, .workflow = SLICE("triage")};
    assert_int_equal(list(bench, &arena, &read).count, 1);
    read.name = SLICE("count");
    assert_int_equal(list(bench, &arena, &read).count, 0);
    read = (struct store_read){.kind = READ_RESULTS, .lane = LANE_COUNT, .name = SLICE("verdict")};
    assert_int_equal(list(bench, &arena, &read).count, 2);
    arena_done(&arena);
}

static void test_reading__lanes_say_what_waits_and_what_was_dropped(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 6; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", i == 2 || i == 4 ? "door" : NULL);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    struct store_read read = {.kind = READ_LANES};
    const struct value lanes = list(bench, &arena, &read);
    assert_int_equal(lanes.count, LANE_COUNT);
    const struct value normal = lanes.items[LANE_NORMAL];
    assert_int_equal(value_get(normal, SLICE("waiting"))->integer, 3); /* 4, 5, 6: 3 is a gap */
    assert_int_equal(value_get(normal, SLICE("gaps"))->integer, 1);
    assert_int_equal(value_get(normal, SLICE("next_seq"))->integer, 7);
    assert_int_equal(value_get(normal, SLICE("acknowledged"))->integer, 2);
    assert_true(value_get(normal, SLICE("bytes"))->integer > 0);
    assert_int_equal(value_get(lanes.items[LANE_HIGH], SLICE("oldest_at"))->kind, VALUE_NULL);
    arena_done(&arena);
}

static void test_reading__peeking_shows_what_goes_next_gaps_among_it(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    (void)core_bench_put(bench, LANE_NORMAL, "2", "door");
    (void)core_bench_put(bench, LANE_NORMAL, "3", "door");
    core_bench_acknowledge(bench, LANE_NORMAL, 1);
    struct store_read read = {.kind = READ_PEEK, .lane = LANE_NORMAL};
    const struct value rows = list(bench, &arena, &read);
    assert_int_equal(rows.count, 2);
    assert_true(slice_is(value_text(*value_get(rows.items[0], SLICE("kind"))), "gap"));
    assert_int_equal(value_get(rows.items[1], SLICE("result"))->integer, 3);
    read.limit = 1;
    assert_int_equal(list(bench, &arena, &read).count, 1);
    arena_done(&arena);
}

static void test_reading__what_is_not_found_on_the_way_is_no_failure(void **state) {
    struct core_bench *bench = *state;
    struct outbox_batch batch = {.count = 0};
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    draft.record.boot.bytes[0] = 1;
    draft.record.time.wall_ms = clock_wall_ms() - 1000;
    draft.keep_ms = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    struct store_job purge = {.kind = STORE_PURGE};
    assert_int_equal(core_bench_run(bench, &purge), STATUS_OK);
    buffer_init(&batch.room, OUTBOX_BATCH_BYTES_MAX);
    struct store_read read = {.kind = READ_BATCH,
                              .id = core_stream(bench->core),
                              .lane = LANE_NORMAL,
                              .from_seq = 2,
                              .to_seq = 3,
                              .batch = &batch};
    reading_run(bench->core->database, &read); /* the chain value before 2 is gone */
    assert_int_equal(read.error.code, STATUS_OK);
    assert_int_equal(batch.count, 1);
    assert_true(batch.items[0].is_gap);
    buffer_done(&batch.room);
    buffer_done(&read.out);
}

static void test_reading__runs_are_listed_with_their_steps(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct store_job step = {.kind = STORE_RUN_STEP,
                             .run = {{1}},
                             .workflow = bench->workflow,
                             .step = SLICE("tell"),
                             .step_state = STEP_BEGUN,
                             .attempts = 2,
                             .event = SLICE("{}")};
    assert_int_equal(core_bench_run(bench, &step), STATUS_OK);
    struct store_job park = {.kind = STORE_RUN_STATE, .run = {{1}}, .run_state = RUN_PARKED};
    assert_int_equal(core_bench_run(bench, &park), STATUS_OK);
    struct store_job begin = {
        .kind = STORE_RUN_BEGIN, .run = {{2}}, .workflow = bench->workflow, .event = SLICE("{}")};
    assert_int_equal(core_bench_run(bench, &begin), STATUS_OK);
    struct store_read read = {.kind = READ_RUNS};
    assert_int_equal(list(bench, &arena, &read).count, 2);
    read.parked_only = true;
    const struct value rows = list(bench, &arena, &read);
    assert_int_equal(rows.count, 1);
    assert_true(slice_is(value_text(*value_get(rows.items[0], SLICE("state"))), "parked"));
    const struct value *steps = value_get(rows.items[0], SLICE("steps"));
    assert_int_equal(steps->count, 1);
    assert_true(slice_is(value_text(*value_get(steps->items[0], SLICE("state"))), "begun"));
    arena_done(&arena);
}

static void put_state(struct core_bench *bench, const char *step, const char *key,
                      const char *value) {
    const struct state_write write = {.step = slice_of(step),
                                      .key = slice_of(key),
                                      .value = slice_of(value),
                                      .expires_wall_ms = 5000};
    struct store_job job = {
        .kind = STORE_RUN_END, .workflow = bench->workflow, .states = &write, .state_count = 1};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
}

static void test_reading__the_states_of_a_step_come_by_key_a_page_at_a_time(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    put_state(bench, "count", "b", "{\"n\":2}");
    put_state(bench, "count", "a", "1");
    put_state(bench, "count", "c", "not JSON");
    put_state(bench, "count", "gone", "4");
    put_state(bench, "count", "gone", "");
    put_state(bench, "other", "a", "5");
    struct store_read read = {
        .kind = READ_STATES, .workflow = SLICE("triage"), .name = SLICE("count"), .limit = 2};
    struct value rows = list(bench, &arena, &read);
    assert_int_equal(rows.count, 2);
    assert_int_equal(read.out_next_key, 1);
    assert_true(slice_is(value_text(rows.items[0].items[0]), "a"));
    assert_int_equal(rows.items[0].items[1].integer, 5000);
    assert_true(slice_is(value_text(rows.items[1].items[2]), "{\"n\":2}"));
    read.after = SLICE("b");
    rows = list(bench, &arena, &read);
    assert_int_equal(rows.count, 1);
    assert_int_equal(read.out_next_key, 0);
    assert_true(slice_is(value_text(rows.items[0].items[2]), "not JSON"));
    read.workflow = SLICE("another");
    assert_int_equal(list(bench, &arena, &read).count, 0);
    arena_done(&arena);
}

/* More rules than are remembered at once, in turn, under two versions of one workflow. */
static void put_version(struct core_bench *bench, const char *unit, uint8_t digest) {
    char text[4096];
    size_t at = (size_t)snprintf(text, sizeof(text), "results:\n");
    for (int i = 0; i < 20; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "  - { name: r%d, from: { n: { value: 1, unit: \"%s%d\" } } }\n", i,
                               unit, i);
    }
    struct store_job job = {.kind = STORE_WORKFLOW,
                            .workflow_name = SLICE("measuring"),
                            .workflow_text = slice_of(text),
                            .workflow_digest = {.bytes = {digest}}};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    bench->workflow = (uint32_t)job.out_number;
    for (int i = 0; i < 20; i++) {
        char name[8];
        struct record_draft draft = core_bench_draft(LANE_NORMAL, "{\"n\":1}", NULL);
        (void)snprintf(name, sizeof(name), "r%d", i);
        draft.record.name = slice_of(name);
        assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    }
}

static void test_reading__each_result_has_the_units_of_its_own_version(void **state) {
    struct core_bench *bench = *state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    put_at(bench, LANE_NORMAL, "{\"n\":1}", 1000);
    put_version(bench, "m", 1);
    put_version(bench, "g", 2);
    struct store_read read = {.kind = READ_PEEK, .lane = LANE_NORMAL, .limit = 100};
    struct value rows = list(bench, &arena, &read);
    assert_int_equal(rows.count, 41);
    assert_null(value_get(rows.items[0], SLICE("units")));
    for (uint32_t i = 1; i < rows.count; i++) {
        char unit[8];
        const struct value *units = value_get(rows.items[i], SLICE("units"));
        (void)snprintf(unit, sizeof(unit), "%c%u", i <= 20 ? 'm' : 'g', (unsigned)(i - 1) % 20);
        assert_non_null(units);
        assert_true(slice_is(value_text(*value_get(*units, SLICE("n"))), unit));
    }
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reading__results_come_newest_first_over_all_lanes,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_reading__pages_show_every_result_once_whatever_the_clock_did, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_reading__a_result_is_found_by_its_id_with_all_that_people_read, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_reading__a_filter_is_by_workflow_and_name,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_reading__lanes_say_what_waits_and_what_was_dropped,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_reading__what_is_not_found_on_the_way_is_no_failure,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_reading__peeking_shows_what_goes_next_gaps_among_it,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_reading__each_result_has_the_units_of_its_own_version,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_reading__runs_are_listed_with_their_steps,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_reading__the_states_of_a_step_come_by_key_a_page_at_a_time, core_bench_set_up,
            core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
