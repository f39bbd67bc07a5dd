// SPDX-License-Identifier: Apache-2.0
#include "sync/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/json.h"

static struct ranges of(const struct range *items, int count) {
    struct ranges ranges = {.count = 0};
    for (int i = 0; i < count; i++) {
        assert_int_equal(ranges_add(&ranges, items[i], NULL), STATUS_OK);
    }
    return ranges;
}

static void assert_written(const struct ranges *ranges, const char *expected) {
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, 4096);
    ranges_write(ranges, &out);
    buffer_add_byte(&out, '\0');
    assert_int_equal(buffer_status(&out, NULL), STATUS_OK);
    assert_string_equal(out.bytes, expected);
}

static status read_text(const char *text, struct ranges *out_ranges) {
    CLEANUP(arena_done) struct arena arena;
    struct value value;
    arena_init(&arena, 1 << 20);
    assert_int_equal(json_read(&arena, slice_of(text), &value, NULL), STATUS_OK);
    return ranges_read(&value, out_ranges, NULL);
}

static void test_ranges__of_nothing_hold_nothing(void **state) {
    (void)state;
    const struct ranges none = {.count = 0};
    assert_int_equal(ranges_top(&none), 0);
    assert_int_equal(ranges_highest(&none), 0);
    assert_int_equal(ranges_total(&none), 0);
    assert_int_equal(ranges_first_missing(&none, 1), 1);
    assert_false(ranges_hold(&none, (struct range){1, 1}));
    assert_written(&none, "[]");
}

static void test_ranges__that_meet_become_one(void **state) {
    (void)state;
    const struct ranges ranges = of((struct range[]){{1, 5}, {9, 9}, {7, 7}, {6, 6}, {8, 8}}, 5);
    assert_written(&ranges, "[[1,9]]");
    assert_int_equal(ranges_top(&ranges), 9);
}

static void test_ranges__that_do_not_begin_at_1_have_no_top(void **state) {
    (void)state;
    const struct ranges ranges = of((struct range[]){{20, 30}, {2, 5}}, 2);
    assert_written(&ranges, "[[2,5],[20,30]]");
    assert_int_equal(ranges_top(&ranges), 0);
    assert_int_equal(ranges_highest(&ranges), 30);
    assert_int_equal(ranges_total(&ranges), 15);
}

static void test_ranges__what_is_missing_is_found_piece_by_piece(void **state) {
    (void)state;
    const struct ranges ranges = of((struct range[]){{1, 5}, {10, 12}, {20, 30}}, 3);
    struct range piece;
    uint64_t seq = 0;
    assert_int_equal(ranges_first_missing(&ranges, 3), 6);
    assert_int_equal(ranges_first_missing(&ranges, 31), 31);
    assert_true(ranges_next_missing(&ranges, (struct range){4, 25}, &seq, &piece));
    assert_int_equal(piece.from, 6);
    assert_int_equal(piece.to, 9);
    assert_true(ranges_next_missing(&ranges, (struct range){4, 25}, &seq, &piece));
    assert_int_equal(piece.from, 13);
    assert_int_equal(piece.to, 19);
    assert_false(ranges_next_missing(&ranges, (struct range){4, 25}, &seq, &piece));
}

static void test_ranges__one_interval_too_many_is_full_and_changes_nothing(void **state) {
    (void)state;
    struct ranges ranges = {.count = 0};
    for (uint64_t i = 0; i < RANGES_MAX; i++) {
        assert_int_equal(ranges_add(&ranges, (struct range){10 * i + 5, 10 * i + 6}, NULL),
                         STATUS_OK);
    }
    const struct ranges before = ranges;
    assert_int_equal(ranges_add(&ranges, (struct range){2, 3}, NULL), STATUS_FULL);
    assert_int_equal(ranges_add(&ranges, (struct range){9000, 9000}, NULL), STATUS_FULL);
    assert_memory_equal(&ranges, &before, sizeof(ranges));
    assert_int_equal(ranges_add(&ranges, (struct range){7, 14}, NULL), STATUS_OK);
    assert_int_equal(ranges.count, RANGES_MAX - 1);
    assert_int_equal(ranges_add(&ranges, (struct range){2, 3}, NULL), STATUS_OK);
    assert_int_equal(ranges.count, RANGES_MAX);
}

/* What they are is a set: against one that is kept as bits, in an order that a seed gives. */
static void assert_same(const struct ranges *ranges, const bool *held, uint64_t count) {
    uint64_t total = 0;
    uint64_t highest = 0;
    for (uint64_t seq = 1; seq < count; seq++) {
        assert_int_equal(ranges_hold(ranges, (struct range){seq, seq}), held[seq]);
        total += held[seq] ? 1 : 0;
        highest = held[seq] ? seq : highest;
        uint64_t missing = seq;
        while (missing < count && held[missing]) {
            missing++;
        }
        assert_int_equal(ranges_first_missing(ranges, seq), missing);
    }
    assert_int_equal(ranges_total(ranges), total);
    assert_int_equal(ranges_highest(ranges), highest);
    for (int i = 1; i < ranges->count; i++) {
        assert_true(ranges->items[i].from > ranges->items[i - 1].to + 1);
    }
}

static void test_ranges__are_the_set_of_what_was_added(void **state) {
    (void)state;
    enum { SEQS = 120 };
    uint32_t chance = 7;
    for (int round = 0; round < 100; round++) {
        bool held[SEQS] = {false};
        struct ranges ranges = {.count = 0};
        for (int step = 0; step < 25; step++) {
            chance = chance * 1664525 + 1013904223;
            const uint64_t from = 1 + (chance >> 16) % (SEQS - 10);
            const uint64_t to = from + (chance >> 8) % 9;
            assert_int_equal(ranges_add(&ranges, (struct range){from, to}, NULL), STATUS_OK);
            for (uint64_t seq = from; seq <= to; seq++) {
                held[seq] = true;
            }
            assert_same(&ranges, held, SEQS);
        }
    }
}

static void test_ranges__read_what_they_write(void **state) {
    (void)state;
    struct ranges ranges;
    assert_int_equal(read_text("[[1,100],[120,1099511627775]]", &ranges), STATUS_OK);
    assert_written(&ranges, "[[1,100],[120,1099511627775]]");
    assert_int_equal(read_text("[]", &ranges), STATUS_OK);
    assert_int_equal(ranges.count, 0);
}

static void test_ranges__that_cannot_be_are_refused(void **state) {
    (void)state;
    static const char *const WRONG[] = {"{}",
                                        "[1]",
                                        "[[]]",
                                        "[[1]]",
                                        "[[1,2,3]]",
                                        "[[\"1\",2]]",
                                        "[1,2]",
                                        "[[0,1]]",
                                        "[[2,1]]",
                                        "[[-5,1]]",
                                        "[[1,1099511627776]]",
                                        "[[1.0,2]]",
                                        "null",
                                        "[[1,2],[3,4]]",
                                        "[[1,2],[2,4]]",
                                        "[[9,9],[1,2]]",
                                        "[[1,18446744073709551617]]"};
    struct ranges ranges = {.count = 42};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_int_equal(read_text(WRONG[i], &ranges), STATUS_INVALID);
        assert_int_equal(ranges.count, 42);
    }
    assert_int_equal(ranges_read(NULL, &ranges, NULL), STATUS_INVALID);
}

static void test_ranges__more_than_there_may_be_are_refused(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer text;
    struct ranges ranges;
    buffer_init(&text, 4096);
    buffer_add_text(&text, "[[1,1]");
    for (int i = 1; i < RANGES_MAX; i++) {
        buffer_print(&text, ",[%d,%d]", 1 + 3 * i, 2 + 3 * i);
    }
    const size_t count = text.count;
    buffer_add(&text, SLICE("]\0"));
    assert_int_equal(read_text(text.bytes, &ranges), STATUS_OK);
    text.count = count;
    buffer_add(&text, SLICE(",[5000,5000]]\0"));
    assert_int_equal(read_text(text.bytes, &ranges), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges__of_nothing_hold_nothing),
        cmocka_unit_test(test_ranges__that_meet_become_one),
        cmocka_unit_test(test_ranges__that_do_not_begin_at_1_have_no_top),
        cmocka_unit_test(test_ranges__what_is_missing_is_found_piece_by_piece),
        cmocka_unit_test(test_ranges__one_interval_too_many_is_full_and_changes_nothing),
        cmocka_unit_test(test_ranges__are_the_set_of_what_was_added),
        cmocka_unit_test(test_ranges__read_what_they_write),
        cmocka_unit_test(test_ranges__that_cannot_be_are_refused),
        cmocka_unit_test(test_ranges__more_than_there_may_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
