// SPDX-License-Identifier: Apache-2.0
#include "sync/receiver.h"

#include <assert.h>

#include "sync/test_lane.h"

/* --- gaps ------------------------------------------------------------------------------------ */

static void test_receiver__a_gap_stands_for_its_range(void **state) {
    (void)state;
    add_results(&ours, 3, "{}");
    add_gap(&ours, 97);
    add_results(&ours, 2, "{}");
    expect(LANE_NORMAL, &ours, 1, 102, SYNC_STORED);
    assert_held("[[1,102]]");
    assert_int_equal(cursor.stored, 5);
    assert_int_equal(cursor.gapped, 97);
    assert_int_equal(kept_at(4).kind, RECEIVED_GAP);
    assert_int_equal(kept_at(4).last_seq, 100);
    assert_same_chain(&ours);
}

static void test_receiver__a_gap_counts_for_what_is_not_held(void **state) {
    (void)state;
    add_results(&ours, 60, "{}");
    expect(LANE_NORMAL, &ours, 1, 60, SYNC_STORED); /* and its answer was lost */
    ours.count = 50;
    add_gap(&ours, 50);
    add_results(&ours, 1, "{}");
    expect(LANE_NORMAL, &ours, 51, 101, SYNC_STORED);
    assert_held("[[1,101]]");
    assert_int_equal(cursor.stored, 61);
    assert_int_equal(cursor.gapped, 40);
    assert_int_equal(kept_at(61).kind, RECEIVED_GAP);
    assert_int_equal(kept_at(61).last_seq, 100);
    assert_same_chain(&ours);
    expect(LANE_NORMAL, &ours, 40, 101, SYNC_STORED);
    assert_int_equal(cursor.gapped, 40);
}

static void test_receiver__a_fork_does_not_hide_in_front_of_a_gap(void **state) {
    (void)state;
    add_results(&ours, 60, "{}");
    add_results(&clone, 45, "{}");
    add_results(&clone, 5, "{\"clone\":true}");
    add_gap(&clone, 50);
    expect(LANE_NORMAL, &ours, 1, 60, SYNC_STORED);
    expect(LANE_NORMAL, &clone, 51, 51, SYNC_FORK); /* the gap, with another record before it */
    expect(LANE_NORMAL, &clone, 40, 51, SYNC_FORK);
}

static void test_receiver__what_lies_within_a_held_gap_is_compared_where_both_know(void **state) {
    (void)state;
    add_results(&ours, 10, "{}");
    add_results(&clone, 40, "{}");
    add_gap(&ours, 20);
    add_results(&ours, 10, "{}");
    expect(LANE_NORMAL, &ours, 1, 40, SYNC_STORED);
    expect(LANE_NORMAL, &clone, 8, 20,
           SYNC_STORED); /* equal where the gap begins; nothing is new */
    expect(LANE_NORMAL, &clone, 15, 20, SYNC_STORED); /* nothing to compare, nothing is new */
    expect(LANE_NORMAL, &clone, 8, 35, SYNC_FORK);
    assert_int_equal(kept_count, 21);
}

static void test_receiver__a_gap_at_the_top_has_a_chain_value(void **state) {
    (void)state;
    add_results(&ours, 5, "{}");
    add_results(&clone, 5, "{}");
    add_gap(&ours, 10);
    const struct gap other = next_gap(&clone, 10);
    add_gap_of(&clone, &other, 10, (struct id){{5}});
    add_results(&ours, 1, "{}");
    add_results(&clone, 1, "{}");
    expect(LANE_NORMAL, &ours, 1, 6, SYNC_STORED);
    expect(LANE_NORMAL, &clone, 16, 16, SYNC_FORK);
    expect(LANE_NORMAL, &ours, 16, 16, SYNC_STORED);
}

static void test_receiver__a_gap_need_not_know_what_was_before_it(void **state) {
    (void)state;
    add_results(&ours, 5, "{}");
    struct gap gap = next_gap(&ours, 10);
    gap.chain_before = (struct id){0};
    add_gap_of(&ours, &gap, 10, gap.chain_end);
    expect(LANE_NORMAL, &ours, 1, 6, SYNC_STORED);
    assert_int_equal(cursor.gapped, 10);
}

static void test_receiver__behind_a_gap_the_record_before_it_is_compared(void **state) {
    (void)state;
    add_results(&ours, 10, "{}");
    add_gap(&ours, 20);
    add_results(&clone, 8, "{}");
    add_results(&clone, 12, "{\"clone\":true}");
    expect(LANE_NORMAL, &ours, 1, 11, SYNC_STORED);
    expect(LANE_NORMAL, &clone, 7, 15, SYNC_FORK); /* by record 10: 11 to 15 nobody knows */
}

/* Two gaps that end alike do not make one of what lies before them. */
static void test_receiver__where_an_interval_begins_is_compared_as_well(void **state) {
    (void)state;
    add_results(&ours, 9, "{}");
    add_gap(&ours, 10);
    add_results(&clone, 9, "{\"clone\":true}");
    struct gap gap = next_gap(&clone, 10);
    gap.chain_end = ours.items[9].chain;
    add_gap_of(&clone, &gap, 10, gap.chain_end);
    expect(LANE_TELEMETRY, &ours, 10, 10, SYNC_STORED);
    expect(LANE_TELEMETRY, &clone, 5, 10, SYNC_FORK);
    expect(LANE_TELEMETRY, &ours, 5, 10, SYNC_STORED);
    assert_same_chain(&ours);
}

static void test_receiver__the_chain_before_an_interval_stays_or_becomes_known(void **state) {
    (void)state;
    add_results(&ours, 4, "{}");
    struct gap gap = next_gap(&ours, 10);
    gap.chain_before = (struct id){0};
    add_gap_of(&ours, &gap, 10, gap.chain_end);
    add_results(&ours, 2, "{}");
    write_frame(&ours, 4, 5, (struct id){0});
    assert_int_equal(take(LANE_TELEMETRY, NULL), STATUS_OK);
    assert_held("[[5,14]]");
    assert_true(id_is_zero(cursor.chain_before[0]));
    expect(LANE_TELEMETRY, &ours, 5, 15, SYNC_STORED);
    assert_same_chain(&ours);
    write_frame(&ours, 4, 7, (struct id){0});
    assert_int_equal(take(LANE_TELEMETRY, NULL), STATUS_OK);
    assert_held("[[5,16]]");
    assert_same_chain(&ours);
}

/* The hub was restored to before the device's floor: the device knows no chain value there. */
static void test_receiver__a_purged_gap_may_begin_where_no_chain_is_known(void **state) {
    (void)state;
    add_results(&ours, 5, "{}");
    expect(LANE_NORMAL, &ours, 1, 5, SYNC_STORED);
    struct gap gap = next_gap(&ours, 95);
    gap.chain_before = (struct id){0};
    add_gap_of(&ours, &gap, 95, gap.chain_end);
    add_results(&ours, 3, "{}");
    write_frame(&ours, 5, 9, (struct id){0});
    assert_int_equal(take(LANE_NORMAL, NULL), STATUS_OK);
    assert_int_equal(answer.code, SYNC_STORED);
    assert_held("[[1,103]]");
    assert_int_equal(cursor.gapped, 95);
    assert_same_chain(&ours);
}

/* --- poison ---------------------------------------------------------------------------------- */

static void assert_poison(uint64_t seq, uint64_t last_seq, const char *told, const char *reason) {
    const struct kept one = kept_at(seq);
    assert_int_equal(one.kind, RECEIVED_POISON);
    assert_int_equal(one.last_seq, last_seq);
    assert_int_equal(one.record_kind, 0);
    if (strstr(one.reason, reason) == NULL) {
        print_error("%s\n", one.reason);
    }
    assert_non_null(strstr(one.reason, reason));
    for (int i = 0; i < answer.poison_count; i++) {
        if (answer.poison[i].seq == seq) {
            assert_true(slice_is(answer.poison[i].reason, told));
            return;
        }
    }
    fail_msg("the answer does not tell");
}

static void test_receiver__poison_is_held_and_the_lane_goes_on(void **state) {
    (void)state;
    char name[RECEIVER_NAME_BYTES_MAX + 2];
    struct record priority = result_of("{}");
    struct record ill_formed = result_of("{}");
    struct record long_name = result_of("{}");
    (void)memset(name, 'n', sizeof(name));
    priority.priority = PRIORITY_MAX + 1;
    ill_formed.workflow = SLICE("\xff");
    long_name.name = (struct slice){.bytes = name, .count = RECEIVER_NAME_BYTES_MAX + 1};
    const struct record *const wrong[] = {&priority, &ill_formed, &long_name};
    add_results(&ours, 1, "{}");
    add_item(&ours, SLICE(""), 1, (struct id){0});
    add_item(&ours, SLICE("this is no record, but longer than a record's head is"), 1,
             (struct id){0});
    for (int i = 0; i < 3; i++) {
        add_written(&ours, wrong[i], 1, (struct id){0});
    }
    long_name.name.count--;
    add_written(&ours, &long_name, 1, (struct id){0});
    expect(LANE_NORMAL, &ours, 1, 7, SYNC_POISON);
    assert_held("[[1,7]]");
    assert_int_equal(cursor.stored, 3); /* the kind 't' of the third is not known: it is stored */
    assert_int_equal(cursor.quarantined, 4);
    assert_int_equal(answer.poison_count, 4);
    assert_poison(2, 2, "it cannot be read", "shorter than a record's head");
    assert_poison(4, 4, "a member is out of bounds", "priority 10");
    assert_poison(5, 5, "a member is out of bounds", "workflow of 1 bytes");
    assert_poison(6, 6, "a member is out of bounds", "name of 256 bytes");
    assert_same_chain(&ours);
    expect(LANE_NORMAL, &ours, 1, 7, SYNC_STORED); /* again: it is held */
    assert_int_equal(answer.poison_count, 0);
}

static void test_receiver__a_body_must_be_json(void **state) {
    (void)state;
    static char deep[2 * 100 + 1];
    for (int i = 0; i < 100; i++) {
        deep[i] = '[';
        deep[199 - i] = ']';
    }
    struct record telemetry = result_of("\xff columns");
    telemetry.kind = RECORD_TELEMETRY;
    add_results(&ours, 1, "{\"n\":[1,2.5,null]}");
    add_results(&ours, 1, "{\"n\":");
    add_results(&ours, 1, "");
    add_results(&ours, 1, "{} {}");
    add_results(&ours, 1, "\"\xff\"");
    add_results(&ours, 1, deep);
    add_written(&ours, &telemetry, 1, (struct id){0});
    expect(LANE_NORMAL, &ours, 1, 7, SYNC_POISON);
    assert_int_equal(cursor.stored, 2);
    assert_poison(2, 2, "its body is not JSON", "not JSON at 1:6");
    assert_poison(3, 3, "its body is not JSON", "there is nothing");
    assert_poison(4, 4, "its body is not JSON", "not JSON");
    assert_poison(5, 5, "its body is not JSON", "not JSON");
    assert_poison(6, 6, "its body is not JSON", "nested deeper");
}

/* The body that needs most memory for its size. */
static void test_receiver__the_largest_body_is_read(void **state) {
    (void)state;
    enum { BODY_BYTES = RECORD_BYTES_MAX - RECORD_HEAD_BYTES - 31 };
    static char body[BODY_BYTES + 1];
    for (size_t i = 1; i + 1 < BODY_BYTES; i++) {
        body[i] = i % 2 == 0 ? ',' : '0';
    }
    static_assert(BODY_BYTES % 2 == 1, "it ends with a bracket behind a number");
    body[0] = '[';
    body[BODY_BYTES - 1] = ']';
    add_results(&ours, 1, body);
    expect(LANE_NORMAL, &ours, 1, 1, SYNC_STORED);
}

static void test_receiver__a_code_of_poison_stays_while_more_is_stored(void **state) {
    (void)state;
    add_item(&ours, SLICE("x"), 1, (struct id){0});
    add_results(&ours, 1, "{}");
    expect(LANE_NORMAL, &ours, 1, 1, SYNC_POISON);
    write_frame(&ours, 1, 2, chain_before(&ours, 1));
    assert_int_equal(take(LANE_NORMAL, NULL), STATUS_OK);
    assert_int_equal(answer.code, SYNC_POISON);
    assert_held("[[1,2]]");
}

static void test_receiver__more_poison_than_an_answer_tells_is_counted(void **state) {
    (void)state;
    for (int i = 0; i < MESSAGE_POISON_MAX + 10; i++) {
        add_item(&ours, SLICE("x"), 1, (struct id){0});
    }
    expect(LANE_NORMAL, &ours, 1, MESSAGE_POISON_MAX + 10, SYNC_POISON);
    assert_int_equal(answer.poison_count, MESSAGE_POISON_MAX);
    assert_int_equal(cursor.quarantined, MESSAGE_POISON_MAX + 10);
}

static void test_receiver__what_is_not_known_is_stored_unread(void **state) {
    (void)state;
    static const char LATER[] = "\x63\x09"
                                "a head of some thirty-four bytes...and what is behind";
    static const char GAP_2[] = "\x03\x02"
                                "a gap of a later version, whose body is not JSON";
    add_item(&ours, slice_of(LATER), 1, (struct id){0});
    add_item(&ours, slice_of(GAP_2), 10, (struct id){{7}});
    add_results(&ours, 1, "{}");
    expect(LANE_NORMAL, &ours, 1, 12, SYNC_STORED);
    assert_held("[[1,12]]");
    assert_int_equal(kept_at(1).kind, RECEIVED_RECORD);
    assert_int_equal(kept_at(2).kind, RECEIVED_GAP);
    assert_int_equal(cursor.gapped, 10);
    assert_same_chain(&ours);
}

static void test_receiver__a_gap_that_does_not_fit_is_poison_of_all_that_it_spans(void **state) {
    (void)state;
    struct gap gap;
    const struct record record = result_of("{}");
    add_results(&ours, 1, "{}");
    gap = next_gap(&ours, 5); /* 2-6: from another place */
    gap.from_seq = 3;
    gap.count = 4;
    add_gap_of(&ours, &gap, 5, gap.chain_end);
    gap = next_gap(&ours, 5); /* 7-11: shorter than it says outside */
    gap.to_seq -= 1;
    gap.count -= 1;
    add_gap_of(&ours, &gap, 5, gap.chain_end);
    gap = next_gap(&ours, 5); /* 12-16: another end */
    add_gap_of(&ours, &gap, 5, (struct id){{5}});
    gap = next_gap(&ours, 5); /* 17-21: chained to another */
    gap.chain_before.bytes[0] ^= 1;
    add_gap_of(&ours, &gap, 5, gap.chain_end);
    add_written(&ours, &record, 5, (struct id){{6}}); /* 22-26: a result */
    gap = next_gap(&ours, 1);                         /* 27: not called a gap */
    add_gap_of(&ours, &gap, 1, (struct id){0});
    add_item(&ours, SLICE("\3\1 nothing"), 5, (struct id){{8}}); /* 28-32 */
    add_results(&ours, 1, "{}");
    expect(LANE_NORMAL, &ours, 1, 33, SYNC_POISON);
    assert_held("[[1,33]]");
    assert_int_equal(cursor.stored, 2);
    assert_int_equal(cursor.quarantined, 31);
    assert_poison(2, 6, "it is a gap of another place", "from 3 to 6");
    assert_poison(7, 11, "it is a gap of another place", "from 7 to 10");
    assert_poison(12, 16, "it is a gap of another place", "chain values");
    assert_poison(17, 21, "it is a gap of another place", "chain values");
    assert_poison(22, 26, "it is a gap of another place", "a result cannot stand for others");
    assert_poison(27, 27, "it is a gap of another place", "how far it reaches");
    assert_poison(28, 32, "it cannot be read", "shorter than");
    assert_same_chain(&ours);
}

/* Who passes a lane on has only a part of some gaps. */
static void test_receiver__a_part_of_a_gap_may_stand_alone(void **state) {
    (void)state;
    const struct gap whole = {.reason = GAP_EXPIRED,
                              .from_seq = 1,
                              .to_seq = 20,
                              .count = 20,
                              .chain_before = {{8}},
                              .chain_end = {{9}}};
    add_results(&ours, 4, "{}");
    add_gap_of(&ours, &whole, 16, whole.chain_end);
    expect(LANE_NORMAL, &ours, 1, 5, SYNC_STORED);
    assert_int_equal(cursor.gapped, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_LANE(test_receiver__a_gap_stands_for_its_range),
        TEST_LANE(test_receiver__a_gap_counts_for_what_is_not_held),
        TEST_LANE(test_receiver__a_fork_does_not_hide_in_front_of_a_gap),
        TEST_LANE(test_receiver__what_lies_within_a_held_gap_is_compared_where_both_know),
        TEST_LANE(test_receiver__a_gap_at_the_top_has_a_chain_value),
        TEST_LANE(test_receiver__a_gap_need_not_know_what_was_before_it),
        TEST_LANE(test_receiver__behind_a_gap_the_record_before_it_is_compared),
        TEST_LANE(test_receiver__where_an_interval_begins_is_compared_as_well),
        TEST_LANE(test_receiver__the_chain_before_an_interval_stays_or_becomes_known),
        TEST_LANE(test_receiver__a_purged_gap_may_begin_where_no_chain_is_known),
        TEST_LANE(test_receiver__poison_is_held_and_the_lane_goes_on),
        TEST_LANE(test_receiver__a_body_must_be_json),
        TEST_LANE(test_receiver__the_largest_body_is_read),
        TEST_LANE(test_receiver__a_code_of_poison_stays_while_more_is_stored),
        TEST_LANE(test_receiver__more_poison_than_an_answer_tells_is_counted),
        TEST_LANE(test_receiver__what_is_not_known_is_stored_unread),
        TEST_LANE(test_receiver__a_gap_that_does_not_fit_is_poison_of_all_that_it_spans),
        TEST_LANE(test_receiver__a_part_of_a_gap_may_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
