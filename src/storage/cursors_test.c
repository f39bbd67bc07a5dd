// SPDX-License-Identifier: Apache-2.0
/* Through the store's own jobs and listings, reading_due's included. */
#include "storage/cursors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/core_bench.h"
#include "storage/reading.h"

static status configure(struct core_bench *bench, const struct slice *names, uint32_t count,
                        uint64_t *out_bits) {
    struct error err;
    return core_use_destinations(bench->core, names, count, out_bits, &err);
}

static uint64_t use(struct core_bench *bench, const char *name) {
    const struct slice names[] = {slice_of(name)};
    uint64_t bit = 0;
    assert_int_equal(configure(bench, names, 1, &bit), STATUS_OK);
    return bit;
}

/* A result for these destinations, of another boot, a second old by the wall clock. */
static uint64_t put(struct core_bench *bench, enum lane lane, const char *body, uint64_t bits) {
    struct record_draft draft = core_bench_draft(lane, body, NULL);
    draft.record.boot.bytes[0] = 1;
    draft.record.time.wall_ms = clock_wall_ms() - 1000;
    draft.keep_ms = 1;
    draft.destinations = bits;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    return draft.out_seq;
}

static status move(struct core_bench *bench, const char *name, enum lane lane, uint64_t seq,
                   bool gave_up) {
    struct store_job job = {.kind = STORE_DELIVERED,
                            .destination = slice_of(name),
                            .lane = lane,
                            .seq = seq,
                            .gave_up = gave_up};
    return core_bench_run(bench, &job);
}

static void purge(struct core_bench *bench) {
    for (int i = 0; i < 3; i++) {
        struct store_job job = {.kind = STORE_PURGE};
        assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    }
}

static void list(struct core_bench *bench, struct store_read *read, char out_text[2000]) {
    reading_run(bench->core->database, read);
    if (read->error.code != STATUS_OK) {
        fail_msg("%s", read->error.text);
    }
    assert_true(read->out.count < 2000);
    (void)memcpy(out_text, read->out.bytes, read->out.count);
    out_text[read->out.count] = '\0';
    buffer_done(&read->out);
}

/* The bodies that are due, one behind the other: "1 2". */
static void assert_due(struct core_bench *bench, const char *name, uint64_t bit, enum lane lane,
                       const char *bodies) {
    struct store_read read = {
        .kind = READ_DUE, .destination = slice_of(name), .destination_bit = bit, .lane = lane};
    char text[2000];
    char found[200] = "";
    list(bench, &read, text);
    static const char MARK[] = "\"result\":";
    size_t count = 0;
    for (const char *at = strstr(text, MARK); at != NULL; at = strstr(at, MARK)) {
        at += sizeof MARK - 1;
        const size_t bytes = strcspn(at, "}");
        assert_true(count + bytes + 1 < sizeof found);
        if (count > 0) {
            found[count++] = ' ';
        }
        (void)memcpy(found + count, at, bytes);
        count += bytes;
    }
    assert_string_equal(found, bodies);
}

/* What people are told of it begins so behind its name. */
static void assert_told(struct core_bench *bench, const char *name, const char *rest) {
    struct store_read read = {.kind = READ_DESTINATIONS};
    char text[2000];
    char whole[2000];
    list(bench, &read, text);
    (void)snprintf(whole, sizeof whole, "{\"name\":\"%s\",%s", name, rest);
    if (strstr(text, whole) == NULL) {
        fail_msg("'%s' is not in %s", whole, text);
    }
}

/* And this part is somewhere. */
static void assert_missed(struct core_bench *bench, const char *part) {
    struct store_read read = {.kind = READ_DESTINATIONS};
    char text[2000];
    list(bench, &read, text);
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in %s", part, text);
    }
}

static void test_cursors__each_destination_gets_what_is_for_it_in_order(void **state) {
    struct core_bench *bench = *state;
    const struct slice names[] = {SLICE("desk"), SLICE("plant")};
    uint64_t bits[2];
    assert_int_equal(configure(bench, names, 2, bits), STATUS_OK);
    (void)put(bench, LANE_NORMAL, "1", bits[0]);
    (void)put(bench, LANE_NORMAL, "2", 0);
    (void)put(bench, LANE_NORMAL, "3", bits[0] | bits[1]);
    (void)put(bench, LANE_URGENT, "4", bits[1]);
    assert_due(bench, "desk", bits[0], LANE_NORMAL, "1 3");
    assert_due(bench, "desk", bits[0], LANE_URGENT, "");
    assert_due(bench, "plant", bits[1], LANE_NORMAL, "3");
    assert_due(bench, "plant", bits[1], LANE_URGENT, "4");
    assert_told(bench, "plant", "\"waiting\":2,\"oldest_at\":\"");
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 1, false), STATUS_OK);
    assert_due(bench, "desk", bits[0], LANE_NORMAL, "3");
    assert_due(bench, "plant", bits[1], LANE_NORMAL, "3");
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 3, false), STATUS_OK);
    assert_told(bench, "desk", "\"waiting\":0,\"missed\":[]}");
}

static void test_cursors__numbers_and_cursors_outlive_a_restart_and_a_change(void **state) {
    struct core_bench *bench = *state;
    const uint64_t desk = use(bench, "desk");
    (void)put(bench, LANE_NORMAL, "1", desk);
    (void)put(bench, LANE_NORMAL, "2", desk);
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 1, false), STATUS_OK);
    core_bench_reopen(bench);
    assert_true(use(bench, "other") != desk);
    core_bench_reopen(bench);
    const struct slice names[] = {SLICE("third"), SLICE("desk")};
    uint64_t bits[2];
    assert_int_equal(configure(bench, names, 2, bits), STATUS_OK);
    assert_int_equal(bits[1], desk);
    assert_due(bench, "desk", desk, LANE_NORMAL, "2");
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 1, false), STATUS_OK); /* never back */
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 2, false), STATUS_OK);
    assert_due(bench, "desk", desk, LANE_NORMAL, "");
}

static void test_cursors__keeping_never_takes_what_a_destination_waits_for(void **state) {
    struct core_bench *bench = *state;
    const uint64_t desk = use(bench, "desk");
    (void)put(bench, LANE_LOCAL, "1", desk);
    (void)put(bench, LANE_LOCAL, "2", 0);
    (void)put(bench, LANE_LOCAL, "3", desk);
    (void)put(bench, LANE_NORMAL, "1", desk);
    core_bench_acknowledge(bench, LANE_NORMAL, 1);
    purge(bench);
    core_bench_expect_lane(bench, LANE_LOCAL, "1-1 2-2purged 3-3");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1");
    assert_int_equal(move(bench, "desk", LANE_LOCAL, 1, false), STATUS_OK);
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 1, false), STATUS_OK);
    purge(bench);
    core_bench_expect_lane(bench, LANE_LOCAL, "3-3");
    core_bench_expect_lane(bench, LANE_NORMAL, "");
    (void)use(bench, "other"); /* desk is no destination any more: it holds nothing back */
    purge(bench);
    core_bench_expect_lane(bench, LANE_LOCAL, "");
    assert_missed(bench, "\"missed\":[]");
}

static void test_cursors__what_is_given_up_is_a_gap_of_the_destinations_own(void **state) {
    struct core_bench *bench = *state;
    const struct slice names[] = {SLICE("desk"), SLICE("plant")};
    uint64_t bits[2];
    assert_int_equal(configure(bench, names, 2, bits), STATUS_OK);
    (void)put(bench, LANE_NORMAL, "1", bits[0]);
    (void)put(bench, LANE_NORMAL, "2", bits[1]);
    (void)put(bench, LANE_NORMAL, "3", bits[0]);
    (void)put(bench, LANE_NORMAL, "4", bits[0] | bits[1]);
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 1, false), STATUS_OK);
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 3, true), STATUS_OK);
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 4, true), STATUS_OK);
    core_bench_reopen(bench);
    assert_told(
        bench, "desk",
        "\"waiting\":0,\"missed\":[{\"lane\":\"normal\",\"reason\":\"given_up\",\"count\":2,");
    assert_told(bench, "plant", "\"waiting\":2,");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3 4-4"); /* the hub's lane is as it was */
}

static void test_cursors__what_bounds_and_keys_take_is_missed(void **state) {
    struct core_bench *bench = *state;
    const uint64_t desk = use(bench, "desk");
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", "room");
    draft.destinations = desk;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    draft.record.body = SLICE("2");
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    assert_missed(bench, "\"reason\":\"superseded\",\"count\":1,");
    assert_due(bench, "desk", desk, LANE_NORMAL, "2");
    outbox_set_budget(&bench->core->outbox, 10 * 1000);
    for (int i = 0; i < 20; i++) {
        (void)put(bench, LANE_LOCAL, "7", desk);
    }
    assert_missed(bench, "{\"lane\":\"local\",\"reason\":\"evicted\",\"count\":1");
}

static void test_cursors__a_row_of_a_gap_is_for_nobody(void **state) {
    struct core_bench *bench = *state;
    const uint64_t desk = use(bench, "desk");
    const uint64_t seq = put(bench, LANE_NORMAL, "1", desk);
    struct error err;
    assert_int_equal(database_begin(bench->core->database, &err), STATUS_OK);
    assert_int_equal(outbox_gap_write(&bench->core->outbox, outbox_stream(&bench->core->outbox),
                                      LANE_NORMAL, (struct seq_range){.from = seq, .to = seq},
                                      GAP_EVICTED, &err),
                     STATUS_OK);
    assert_int_equal(core_commit(bench->core, &err), STATUS_OK);
    assert_due(bench, "desk", desk, LANE_NORMAL, "");
    assert_missed(bench, "\"reason\":\"evicted\",\"count\":1,");
}

static void test_cursors__what_cannot_be_is_refused(void **state) {
    struct core_bench *bench = *state;
    const uint64_t desk = use(bench, "desk");
    (void)put(bench, LANE_NORMAL, "1", desk);
    assert_int_equal(move(bench, "nobody", LANE_NORMAL, 1, false), STATUS_NOT_FOUND);
    assert_int_equal(move(bench, "desk", LANE_NORMAL, 2, false), STATUS_INVALID);
    char name[STORE_DESTINATIONS_MAX][16];
    struct slice names[STORE_DESTINATIONS_MAX];
    uint64_t bits[STORE_DESTINATIONS_MAX];
    for (int i = 0; i < STORE_DESTINATIONS_MAX; i++) {
        (void)snprintf(name[i], sizeof name[i], "d%d", i);
        names[i] = slice_of(name[i]);
    }
    assert_int_equal(configure(bench, names, STORE_DESTINATIONS_MAX - 1, bits), STATUS_OK);
    assert_int_equal(configure(bench, names, STORE_DESTINATIONS_MAX, bits), STATUS_FULL);
}

int main(void) {
#define BENCH_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, core_bench_set_up, core_bench_tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_cursors__each_destination_gets_what_is_for_it_in_order),
        BENCH_TEST(test_cursors__numbers_and_cursors_outlive_a_restart_and_a_change),
        BENCH_TEST(test_cursors__keeping_never_takes_what_a_destination_waits_for),
        BENCH_TEST(test_cursors__what_is_given_up_is_a_gap_of_the_destinations_own),
        BENCH_TEST(test_cursors__what_bounds_and_keys_take_is_missed),
        BENCH_TEST(test_cursors__a_row_of_a_gap_is_for_nobody),
        BENCH_TEST(test_cursors__what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
