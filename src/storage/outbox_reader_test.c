// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wire/gap.h"

#include <cmocka.h>

#include "storage/core_bench.h"

static const uint64_t END = UINT64_MAX;

struct reading {
    struct core_bench *bench;
    struct outbox_batch batch;
    struct outbox_facts facts;
};

static int set_up(void **state) {
    struct reading *reading = calloc(1, sizeof(*reading));
    void *bench = NULL;
    assert_int_equal(core_bench_set_up(&bench), 0);
    reading->bench = bench;
    buffer_init(&reading->batch.room, 2000);
    *state = reading;
    return 0;
}

static int tear_down(void **state) {
    struct reading *reading = *state;
    void *bench = reading->bench;
    buffer_done(&reading->batch.room);
    free(reading);
    return core_bench_tear_down(&bench);
}

static status read_from(struct reading *reading, uint64_t from, uint64_t to) {
    struct error err;
    struct core *core = reading->bench->core;
    const status read =
        outbox_reader_read(core->database, core_stream(core), LANE_NORMAL,
                           (struct seq_range){.from = from, .to = to}, &reading->batch, &err);
    if (read == STATUS_OK && reading->batch.count > 0) {
        core_note_sent(core, LANE_NORMAL, reading->batch.items[reading->batch.count - 1].last_seq);
    }
    return read;
}

static void peek(struct reading *reading) {
    struct error err;
    assert_int_equal(outbox_reader_peek(reading->bench->core->database, &reading->facts, &err),
                     STATUS_OK);
}

static struct record record_at(struct reading *reading, int index) {
    const struct outbox_item *item = &reading->batch.items[index];
    struct record record = {.version = 0};
    struct error err;
    assert_int_equal(
        record_read(slice_part(buffer_slice(&reading->batch.room), item->from, item->to), &record,
                    &err),
        STATUS_OK);
    return record;
}

static void test_outbox_reader__records_come_in_order_with_a_chain_that_holds(void **state) {
    struct reading *reading = *state;
    for (int i = 0; i < 5; i++) {
        (void)core_bench_put(reading->bench, LANE_NORMAL, "1", NULL);
    }
    assert_int_equal(read_from(reading, 2, 4), STATUS_OK);
    assert_int_equal(reading->batch.count, 3);
    struct id chain = reading->batch.chain_in;
    for (int i = 0; i < 3; i++) {
        const struct outbox_item *item = &reading->batch.items[i];
        assert_int_equal(item->seq, 2 + i);
        chain = record_chain(chain,
                             slice_part(buffer_slice(&reading->batch.room), item->from, item->to));
        assert_true(id_equal(chain, item->chain));
        assert_true(slice_is(record_at(reading, i).workflow, "triage"));
    }
    assert_int_equal(read_from(reading, 6, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 0);
}

static void test_outbox_reader__a_batch_holds_whole_records_within_its_bound(void **state) {
    struct reading *reading = *state;
    char body[900];
    (void)snprintf(body, sizeof(body), "\"%0800d\"", 7);
    for (int i = 0; i < 4; i++) {
        (void)core_bench_put(reading->bench, LANE_NORMAL, body, NULL);
    }
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 2);
    reading->batch.room.count_max = 500;
    buffer_done(&reading->batch.room);
    buffer_init(&reading->batch.room, 500);
    assert_int_equal(read_from(reading, 1, END), STATUS_FULL);
}

static void test_outbox_reader__what_is_gone_is_a_gap_up_to_the_floor(void **state) {
    struct reading *reading = *state;
    struct core_bench *bench = reading->bench;
    struct gap gap;
    struct error err;
    for (int i = 0; i < 5; i++) {
        struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
        draft.keep_ms = i < 4 ? 1 : 0;
        draft.record.boot.bytes[0] = 1;
        draft.record.time.wall_ms = clock_wall_ms() - 1000;
        assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 5);
    struct store_job purge = {.kind = STORE_PURGE};
    assert_int_equal(core_bench_run(bench, &purge), STATUS_OK);
    core_bench_expect_lane(bench, LANE_NORMAL, "5-5");
    assert_int_equal(read_from(reading, 2, 3), STATUS_OK);
    assert_int_equal(reading->batch.count, 1);
    assert_int_equal(gap_read(record_at(reading, 0).body, &gap, &err), STATUS_OK);
    assert_int_equal(gap.reason, GAP_PURGED);
    assert_int_equal(gap.from_seq, 2);
    assert_int_equal(gap.to_seq, 4);
    assert_int_equal(read_from(reading, 2, END), STATUS_OK);
    assert_int_equal(reading->batch.items[0].last_seq, 4);
    assert_false(id_is_zero(reading->batch.items[0].chain)); /* the chain goes on from the floor */
}

static void test_outbox_reader__what_was_handed_out_is_not_replaced(void **state) {
    struct reading *reading = *state;
    (void)core_bench_put(reading->bench, LANE_NORMAL, "1", "door");
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    (void)core_bench_put(reading->bench, LANE_NORMAL, "2", "door");
    core_bench_expect_lane(reading->bench, LANE_NORMAL, "1-1 2-2");
    (void)core_bench_put(reading->bench, LANE_NORMAL, "3", "door");
    core_bench_expect_lane(reading->bench, LANE_NORMAL, "1-1 2-2superseded 3-3");
}

static void test_outbox_reader__acknowledging_another_chain_is_refused(void **state) {
    struct reading *reading = *state;
    (void)core_bench_put(reading->bench, LANE_NORMAL, "1", NULL);
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    struct store_job job = {.kind = STORE_ACKNOWLEDGE,
                            .lane = LANE_NORMAL,
                            .seq = 1,
                            .chain = reading->batch.items[0].chain};
    job.chain.bytes[0] ^= 1;
    assert_int_equal(core_bench_run(reading->bench, &job), STATUS_CONFLICT);
    job.chain.bytes[0] ^= 1;
    assert_int_equal(core_bench_run(reading->bench, &job), STATUS_OK);
    reading->facts = (struct outbox_facts){
        .positions_of = core_stream(reading->bench->core),
        .position_count = 2,
        .positions = {{.lane = LANE_NORMAL, .seq = 1}, {.lane = LANE_NORMAL, .seq = 9}}};
    peek(reading);
    assert_int_equal(reading->facts.stream_count, 1);
    assert_true(reading->facts.streams[0].current);
    const struct lane_facts *lane = &reading->facts.streams[0].lanes[LANE_NORMAL];
    assert_int_equal(lane->acked_seq, 1);
    assert_int_equal(lane->anchored_seq, 0);
    assert_int_equal(lane->highest_durable, 1);
    assert_true(id_equal(lane->acked_chain, job.chain));
    assert_true(id_equal(reading->facts.positions[0].chain, job.chain));
    assert_true(id_is_zero(reading->facts.positions[1].chain));
}

static void test_outbox_reader__of_a_gap_that_reaches_into_the_range_the_whole_comes(void **state) {
    struct reading *reading = *state;
    (void)core_bench_put(reading->bench, LANE_NORMAL, "1", NULL);
    (void)core_bench_put(reading->bench, LANE_NORMAL, "2", "door");
    (void)core_bench_put(reading->bench, LANE_NORMAL, "3", "window");
    (void)core_bench_put(reading->bench, LANE_NORMAL, "4", "door");
    (void)core_bench_put(reading->bench, LANE_NORMAL, "5", "window");
    core_bench_expect_lane(reading->bench, LANE_NORMAL, "1-1 2-3superseded 4-4 5-5");
    assert_int_equal(read_from(reading, 1, 1), STATUS_OK);
    const struct id before = reading->batch.items[0].chain;
    assert_int_equal(read_from(reading, 3, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 3);
    assert_int_equal(reading->batch.items[0].seq, 2);
    assert_true(id_equal(reading->batch.chain_in, before));
}

/* The hub's verdict: what it lacks goes on in another stream, the rest stays where it is. */
static void test_outbox_reader__what_is_renumbered_is_read_under_its_first_id(void **state) {
    struct reading *reading = *state;
    struct core_bench *bench = reading->bench;
    const struct id old = core_stream(bench->core);
    for (int i = 0; i < 3; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    (void)core_bench_put(bench, LANE_HIGH, "1", NULL);
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    const uint64_t after[LANE_LOCAL] = {[LANE_HIGH] = 1, [LANE_NORMAL] = 1};
    struct store_job job = {.kind = STORE_RENUMBER, .stream = old, .after = after};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_false(id_equal(core_stream(bench->core), old));
    peek(reading);
    assert_int_equal(reading->facts.stream_count, 2);
    assert_true(id_equal(reading->facts.streams[0].id, old));
    assert_int_equal(reading->facts.streams[0].lanes[LANE_NORMAL].highest_durable, 1);
    assert_int_equal(reading->facts.streams[0].lanes[LANE_HIGH].highest_durable, 1);
    assert_true(reading->facts.streams[1].current);
    assert_int_equal(reading->facts.streams[1].lanes[LANE_NORMAL].highest_durable, 2);
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 2);
    assert_true(id_equal(reading->batch.items[0].first_id, record_public_id(old, LANE_NORMAL, 2)));
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 3);
    core_bench_reopen(bench);
    assert_false(bench->opened.salvaged);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3");
}

static void test_outbox_reader__a_renumbering_that_fails_leaves_all_as_it_was(void **state) {
    struct reading *reading = *state;
    struct core_bench *bench = reading->bench;
    const struct id old = core_stream(bench->core);
    (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    const uint64_t after[LANE_LOCAL] = {0};
    struct store_job renumber = {.kind = STORE_RENUMBER, .after = after};
    struct store_job bad = {.kind = STORE_ACKNOWLEDGE, .lane = LANE_LOCAL, .seq = 1};
    struct store_job *batch[] = {&bad, &renumber};
    struct error err;
    assert_int_equal(database_begin(bench->core->database, &err), STATUS_OK);
    assert_int_equal(core_run_job(bench->core, &renumber, &err), STATUS_OK);
    assert_false(id_equal(core_stream(bench->core), old));
    core_take_back(bench->core);
    assert_true(id_equal(core_stream(bench->core), old));
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 2);
    core_run(bench->core, batch, 2); /* one by one, since the first fails */
    assert_int_equal(bad.error.code, STATUS_INVALID);
    assert_int_equal(renumber.error.code, STATUS_OK);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2");
}

static void test_outbox_reader__a_damaged_record_ends_the_batch_before_it(void **state) {
    struct reading *reading = *state;
    struct error err;
    for (int i = 0; i < 3; i++) {
        (void)core_bench_put(reading->bench, LANE_NORMAL, "1", NULL);
    }
    assert_int_equal(database_run(reading->bench->core->database,
                                  "UPDATE record SET body = '999' WHERE key & 255 = 2", &err),
                     STATUS_OK);
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 1);
    assert_int_equal(read_from(reading, 2, END), STATUS_CORRUPT);
    core_mend_found(reading->bench->core, false);
    assert_int_equal(read_from(reading, 2, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 2);
    core_bench_expect_lane(reading->bench, LANE_NORMAL, "1-1 2-2damaged 3-3");
}

static void test_outbox_reader__a_record_that_no_hub_takes_gives_way_to_a_gap(void **state) {
    struct reading *reading = *state;
    (void)core_bench_put(reading->bench, LANE_NORMAL, "1", NULL);
    (void)core_bench_put(reading->bench, LANE_NORMAL, "2", NULL);
    struct store_job job = {
        .kind = STORE_GAP, .lane = LANE_NORMAL, .seq = 1, .gap_reason = GAP_EVICTED};
    assert_int_equal(core_bench_run(reading->bench, &job), STATUS_OK);
    core_bench_expect_lane(reading->bench, LANE_NORMAL, "1-1evicted 2-2");
    assert_int_equal(core_bench_run(reading->bench, &job), STATUS_NOT_FOUND);
    assert_int_equal(read_from(reading, 1, END), STATUS_OK);
    assert_int_equal(reading->batch.count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__records_come_in_order_with_a_chain_that_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__a_batch_holds_whole_records_within_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_reader__what_is_gone_is_a_gap_up_to_the_floor,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_reader__what_was_handed_out_is_not_replaced,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_reader__acknowledging_another_chain_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__of_a_gap_that_reaches_into_the_range_the_whole_comes, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__what_is_renumbered_is_read_under_its_first_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__a_record_that_no_hub_takes_gives_way_to_a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__a_renumbering_that_fails_leaves_all_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_reader__a_damaged_record_ends_the_batch_before_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
