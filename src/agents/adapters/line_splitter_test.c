// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/line_splitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

/* Feeds `text` in pieces of `piece` bytes and writes what was found: "[line]" for a whole line,
 * "<line>" for one that is too long, "(rest)" at the end. */
static void split(size_t line_max, const char *text, size_t piece, char *out, size_t out_max) {
    struct line_splitter splitter;
    line_splitter_init(&splitter, line_max);
    struct buffer seen;
    buffer_init(&seen, out_max - 1);
    const struct slice all = slice_of(text);
    for (size_t at = 0; at < all.count; at += piece) {
        struct slice bytes = slice_part(all, at, at + piece);
        struct slice line;
        enum line_found found;
        while ((found = line_splitter_next(&splitter, &bytes, &line)) != LINE_NONE) {
            assert_true(line.count <= line_max);
            buffer_add_text(&seen, found == LINE_WHOLE ? "[" : "<");
            buffer_add(&seen, line);
            buffer_add_text(&seen, found == LINE_WHOLE ? "]" : ">");
        }
        assert_int_equal(bytes.count, 0);
    }
    buffer_add_text(&seen, "(");
    buffer_add(&seen, line_splitter_rest(&splitter));
    buffer_add_text(&seen, ")");
    assert_int_equal(buffer_status(&seen, NULL), STATUS_OK);
    (void)memcpy(out, seen.bytes, seen.count);
    out[seen.count] = '\0';
    buffer_done(&seen);
    line_splitter_done(&splitter);
}

static void assert_split(size_t line_max, const char *text, const char *expected) {
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        char found[256];
        split(line_max, text, piece, found, sizeof(found));
        assert_string_equal(found, expected);
    }
}

static void test_line_splitter__lines_come_whole_however_they_arrive(void **state) {
    (void)state;
    assert_split(16, "one\ntwo\n\nfour\nrest", "[one][two][][four](rest)");
    assert_split(16, "\n", "[]()");
    assert_split(16, "no end", "(no end)");
}

static void test_line_splitter__a_line_of_exactly_the_bound_passes(void **state) {
    (void)state;
    assert_split(5, "12345\n12345\n", "[12345][12345]()");
}

static void test_line_splitter__a_longer_line_is_cut_and_passed_over(void **state) {
    (void)state;
    assert_split(5, "123456\nab\n", "<12345>[ab]()");
    assert_split(5, "12345678901234567890\nab\ncd", "<12345>[ab](cd)");
    assert_split(5, "12345678901234567890", "<12345>()");
    assert_split(5, "123456\n123456\n", "<12345><12345>()");
}

static void test_line_splitter__a_reset_forgets_what_was_held(void **state) {
    (void)state;
    struct line_splitter splitter;
    line_splitter_init(&splitter, 4);
    struct slice line;
    struct slice bytes = SLICE("123456");
    assert_int_equal(line_splitter_next(&splitter, &bytes, &line), LINE_TOO_LONG);
    line_splitter_reset(&splitter);
    bytes = SLICE("ab\n");
    assert_int_equal(line_splitter_next(&splitter, &bytes, &line), LINE_WHOLE);
    assert_true(slice_is(line, "ab"));
    line_splitter_done(&splitter);
}

static void
test_line_splitter__a_line_without_memory_is_passed_over_and_the_next_one_comes(void **state) {
    (void)state;
    struct line_splitter splitter;
    line_splitter_init(&splitter, 100);
    struct slice line;
    struct slice bytes = SLICE("begun");
    (void)memory_fail_at(0, 1);
    assert_int_equal(line_splitter_next(&splitter, &bytes, &line), LINE_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(line.count, 0);
    bytes = SLICE(" and ended\nnext\n");
    assert_int_equal(line_splitter_next(&splitter, &bytes, &line), LINE_WHOLE);
    assert_true(slice_is(line, "next"));
    assert_int_equal(line_splitter_next(&splitter, &bytes, &line), LINE_NONE);
    line_splitter_done(&splitter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_splitter__lines_come_whole_however_they_arrive),
        cmocka_unit_test(test_line_splitter__a_line_of_exactly_the_bound_passes),
        cmocka_unit_test(test_line_splitter__a_longer_line_is_cut_and_passed_over),
        cmocka_unit_test(test_line_splitter__a_reset_forgets_what_was_held),
        cmocka_unit_test(
            test_line_splitter__a_line_without_memory_is_passed_over_and_the_next_one_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
