// SPDX-License-Identifier: Apache-2.0
#include "cli/text_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_diff(const char *old_text, const char *new_text, const char *wanted) {
    struct error err;
    struct arena arena;
    CLEANUP(buffer_done) struct buffer out;
    arena_init(&arena, 64 << 20);
    buffer_init(&out, 1 << 20);
    assert_int_equal(text_diff_write(&out, &arena, slice_of(old_text), slice_of(new_text), &err),
                     STATUS_OK);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, wanted);
    arena_done(&arena);
}

static void test_text_diff__equal_texts_give_nothing(void **state) {
    (void)state;
    assert_diff("", "", "");
    assert_diff("a\nb\n", "a\nb\n", "");
}

static void test_text_diff__a_changed_line_stands_in_its_context(void **state) {
    (void)state;
    assert_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

static void test_text_diff__what_came_and_what_went(void **state) {
    (void)state;
    assert_diff("", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n");
    assert_diff("a\n", "", "@@ -1 +0,0 @@\n-a\n");
    assert_diff("a\nc\n", "a\nb\nc\n", "@@ -1,2 +1,3 @@\n a\n+b\n c\n");
}

static void test_text_diff__far_changes_are_two_hunks_and_near_ones_one(void **state) {
    (void)state;
    assert_diff("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
                "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
    assert_diff("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
                "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
                "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

static void test_text_diff__a_missing_line_end_is_told(void **state) {
    (void)state;
    assert_diff("a\n", "a", "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
}

static void test_text_diff__texts_that_are_too_long_are_shown_as_replaced(void **state) {
    (void)state;
    struct error err;
    struct arena arena;
    CLEANUP(buffer_done) struct buffer old_text, new_text, out;
    arena_init(&arena, 64 << 20);
    buffer_init(&old_text, 1 << 20);
    buffer_init(&new_text, 1 << 20);
    buffer_init(&out, 1 << 20);
    for (int i = 0; i < 3000; i++) {
        buffer_print(&old_text, "%d\n", i);
        buffer_print(&new_text, "%d\n", i + 1);
    }
    assert_int_equal(
        text_diff_write(&out, &arena, buffer_slice(&old_text), buffer_slice(&new_text), &err),
        STATUS_OK);
    assert_true(slice_starts(buffer_slice(&out), "@@ -1,3000 +1,3000 @@\n-0\n-1\n"));
    arena_done(&arena);
}

/* Random texts in one hunk: lines of `-` and ` ` are the old one, lines of `+` and ` ` the new. */
static void test_text_diff__both_texts_can_be_read_from_it(void **state) {
    (void)state;
    uint32_t seed = 7;
    for (int round = 0; round < 500; round++) {
        struct error err;
        struct arena arena;
        struct buffer texts[2], back[2], out;
        arena_init(&arena, 64 << 20);
        for (int t = 0; t < 2; t++) {
            buffer_init(&texts[t], 10000);
            buffer_init(&back[t], 10000);
            buffer_add_text(&texts[t], t == 0 ? "old\n" : "new\n");
            for (int i = 0; i < 5; i++) {
                seed = seed * 1103515245 + 12345;
                buffer_add_text(&texts[t], (seed >> 16 & 3) == 0   ? "a\n"
                                           : (seed >> 16 & 3) == 1 ? "b\n"
                                           : (seed >> 16 & 3) == 2 ? "c\n"
                                                                   : "");
            }
            buffer_add_text(&texts[t], t == 0 ? "old\n" : "new\n");
        }
        buffer_init(&out, 10000);
        assert_int_equal(
            text_diff_write(&out, &arena, buffer_slice(&texts[0]), buffer_slice(&texts[1]), &err),
            STATUS_OK);
        struct slice left = buffer_slice(&out);
        while (left.count > 0) {
            const struct slice line = slice_part(left, 0, slice_find(left, '\n') + 1);
            const struct slice rest = slice_part(line, 1, line.count);
            if (line.bytes[0] != '@') {
                buffer_add(&back[0], line.bytes[0] != '+' ? rest : SLICE(""));
                buffer_add(&back[1], line.bytes[0] != '-' ? rest : SLICE(""));
            }
            left = slice_part(left, line.count, left.count);
        }
        assert_true(slice_equal(buffer_slice(&back[0]), buffer_slice(&texts[0])));
        assert_true(slice_equal(buffer_slice(&back[1]), buffer_slice(&texts[1])));
        arena_done(&arena);
        for (int t = 0; t < 2; t++) {
            buffer_done(&texts[t]);
            buffer_done(&back[t]);
        }
        buffer_done(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_diff__equal_texts_give_nothing),
        cmocka_unit_test(test_text_diff__a_changed_line_stands_in_its_context),
        cmocka_unit_test(test_text_diff__what_came_and_what_went),
        cmocka_unit_test(test_text_diff__far_changes_are_two_hunks_and_near_ones_one),
        cmocka_unit_test(test_text_diff__a_missing_line_end_is_told),
        cmocka_unit_test(test_text_diff__texts_that_are_too_long_are_shown_as_replaced),
        cmocka_unit_test(test_text_diff__both_texts_can_be_read_from_it),
    };
    return cmocka_run_group_tests_name("cli/text_diff", tests, NULL, NULL);
}
