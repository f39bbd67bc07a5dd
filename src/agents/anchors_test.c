// SPDX-License-Identifier: Apache-2.0
#include "agents/anchors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct arena arena;

static void check_wrong(const char *text, const char *sentence) {
    const float *anchors;
    uint32_t count;
    struct error err = {0};
    assert_int_equal(anchors_parse(slice_of(text), &arena, &anchors, &count, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, sentence));
    arena_reset(&arena);
}

static void test_anchors__are_lines_of_four_numbers(void **state) {
    (void)state;
    const float *anchors;
    uint32_t count;
    assert_int_equal(anchors_parse(SLICE("#x y w h\n 0.5,0.25 , 1,2\n\n1e-1\t0 .5 3"), &arena,
                                   &anchors, &count, NULL),
                     STATUS_OK);
    assert_int_equal(count, 2);
    const float wanted[] = {0.5f, 0.25f, 1, 2, 0.1f, 0, 0.5f, 3};
    assert_memory_equal(anchors, wanted, sizeof(wanted));
    arena_reset(&arena);
}

static void test_anchors__that_are_none_say_in_which_line(void **state) {
    (void)state;
    check_wrong("", "it has 0 anchors");
    check_wrong("# nothing\n", "it has 0 anchors");
    check_wrong("1 1 1 1\n1 1 1\n", "line 2: an anchor is four numbers");
    check_wrong("1 1 1 1 1\n", "line 1: an anchor is four numbers");
    check_wrong("#\n1 1 nan 1\n", "line 2");
    check_wrong("1 1 0 1\n", "line 1");
    check_wrong("1 1 1 x\n", "line 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anchors__are_lines_of_four_numbers),
        cmocka_unit_test(test_anchors__that_are_none_say_in_which_line),
    };
    arena_init(&arena, 1 << 20);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
