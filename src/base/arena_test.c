// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

static void test_arena__holds_nothing_before_its_first_byte(void **state) {
    (void)state;
    (void)memory_fail_at(0, 1);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(arena.bytes, 0);
    arena_reset(&arena);
    arena_done(&arena);
    arena_done(&(struct arena){0});
    assert_int_equal(memory_fail_at(-1, 0), 0);
}

static void test_arena_get__gives_aligned_zeroes_that_do_not_overlap(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 8 << 20);
    unsigned char *blocks[500];
    for (size_t i = 0; i < 500; i++) {
        const size_t bytes = i * 37 % 3000 + 1;
        blocks[i] = arena_get(&arena, bytes, 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < bytes; k++) {
            assert_int_equal(blocks[i][k], 0);
        }
        (void)memset(blocks[i], (int)(i % 251) + 1, bytes);
    }
    for (size_t i = 0; i < 500; i++) {
        const size_t bytes = i * 37 % 3000 + 1;
        for (size_t k = 0; k < bytes; k++) {
            assert_int_equal(blocks[i][k], i % 251 + 1);
        }
    }
    assert_true(arena.bytes <= arena.bytes_max);
    arena_done(&arena);
}

static void test_arena_get__never_goes_beyond_its_bound(void **state) {
    (void)state;
    for (size_t most = 0; most < 9000; most += 61) {
        struct arena arena;
        arena_init(&arena, most);
        size_t got = 0;
        while (arena_get(&arena, 48, 1) != NULL) {
            got += 48;
        }
        assert_true(got <= most);
        assert_true(arena.bytes <= most);
        assert_null(arena_get(&arena, most + 1, 1));
        arena_done(&arena);
    }
}

static void test_arena_get__uses_its_bound_up_to_the_last_bytes(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    size_t got = 0;
    while (arena_get(&arena, 16, 1) != NULL) {
        got += 16;
    }
    assert_true(got > 99000);
    arena_done(&arena);
}

static void test_arena_get__goes_on_in_the_old_block_after_a_large_thing(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const char *small = arena_get(&arena, 16, 1);
    assert_non_null(arena_get(&arena, 100000, 1));
    const char *next = arena_get(&arena, 16, 1);
    assert_ptr_equal(next, small + 16);
    arena_done(&arena);
}

static void test_arena_get__refuses_a_product_that_overflows(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    assert_null(arena_get(&arena, SIZE_MAX / 4, 8));
    assert_null(arena_get(&arena, SIZE_MAX, 1));
    assert_non_null(arena_get(&arena, 0, 8));
    assert_non_null(arena_get(&arena, 8, 0));
    arena_done(&arena);
}

static void test_arena_reset__gives_everything_back_and_can_be_used_again(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    for (int round = 0; round < 3; round++) {
        assert_non_null(arena_get(&arena, 90000, 1));
        assert_null(arena_get(&arena, 90000, 1));
        arena_reset(&arena);
        assert_int_equal(arena.bytes, 0);
    }
    arena_done(&arena);
}

static void test_arena__gives_null_when_the_heap_is_used_up(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    (void)memory_fail_at(0, 1);
    assert_null(arena_get(&arena, 1, 1));
    assert_null(arena_copy(&arena, SLICE("text")).bytes);
    assert_null(arena_print(&arena, "%d", 1).bytes);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(arena.bytes, 0);
    assert_non_null(arena_get(&arena, 1, 1));
    arena_done(&arena);
}

static void test_arena_copy__ends_with_a_zero_that_is_not_counted(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    const struct slice copy = arena_copy(&arena, slice_part(SLICE("abcdef"), 1, 3));
    assert_int_equal(copy.count, 2);
    assert_string_equal(copy.bytes, "bc");
    const struct slice empty = arena_copy(&arena, (struct slice){0});
    assert_int_equal(empty.count, 0);
    assert_string_equal(empty.bytes, "");
    arena_done(&arena);
}

static void test_arena_print__formats_or_says_that_there_is_no_room(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 200);
    const struct slice text = arena_print(&arena, "%s-%d", "step", 7);
    assert_true(slice_is(text, "step-7"));
    const struct slice none = arena_print(&arena, "%300d", 7);
    assert_null(none.bytes);
    assert_int_equal(none.count, 0);
    arena_done(&arena);
}

static char let_go[8];

static void note(void *thing) {
    (void)strcat(let_go, thing);
}

static void test_arena_hold__lets_go_of_the_newest_first_and_once(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    char first[] = "a";
    char second[] = "b";
    assert_true(arena_hold(&arena, first, note));
    assert_non_null(arena_get(&arena, 1, 10000));
    assert_true(arena_hold(&arena, second, note));
    assert_string_equal(let_go, "");
    arena_reset(&arena);
    assert_string_equal(let_go, "ba");
    arena_done(&arena);
    assert_string_equal(let_go, "ba");
    arena_init(&arena, 1);
    assert_false(arena_hold(&arena, first, note));
    arena_done(&arena);
    assert_string_equal(let_go, "ba");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__holds_nothing_before_its_first_byte),
        cmocka_unit_test(test_arena_get__gives_aligned_zeroes_that_do_not_overlap),
        cmocka_unit_test(test_arena_get__never_goes_beyond_its_bound),
        cmocka_unit_test(test_arena_get__uses_its_bound_up_to_the_last_bytes),
        cmocka_unit_test(test_arena_get__goes_on_in_the_old_block_after_a_large_thing),
        cmocka_unit_test(test_arena_get__refuses_a_product_that_overflows),
        cmocka_unit_test(test_arena_reset__gives_everything_back_and_can_be_used_again),
        cmocka_unit_test(test_arena__gives_null_when_the_heap_is_used_up),
        cmocka_unit_test(test_arena_copy__ends_with_a_zero_that_is_not_counted),
        cmocka_unit_test(test_arena_print__formats_or_says_that_there_is_no_room),
        cmocka_unit_test(test_arena_hold__lets_go_of_the_newest_first_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
