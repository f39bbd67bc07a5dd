// SPDX-License-Identifier: Apache-2.0
#include "cli/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *const *texts, size_t count, bool may_clear, const char *json) {
    CLEANUP(buffer_done) struct buffer out = {0};
    struct error err = {0};
    buffer_init(&out, 1024);
    assert_int_equal(pairs_write(&out, texts, count, may_clear, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&out), json));
}

static void test_pairs__become_an_object(void **state) {
    (void)state;
    expect(NULL, 0, false, "{}");
    expect((const char *[]){"line=3", "room=b=c", "note="}, 3, false,
           "{\"line\":\"3\",\"room\":\"b=c\",\"note\":\"\"}");
    expect((const char *[]){"line=3", "note=", "line=4"}, 3, true,
           "{\"note\":null,\"line\":\"4\"}");
}

static void test_pairs__that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const WRONG[] = {"", "line", "=3", "Line=3", "line=\xff"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        CLEANUP(buffer_done) struct buffer out = {0};
        struct error err = {0};
        buffer_init(&out, 1024);
        assert_int_equal(pairs_write(&out, &WRONG[i], 1, false, &err), STATUS_INVALID);
    }
}

static void test_pairs__are_encoded_for_a_query(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024);
    assert_true(slice_is(pairs_encode(&arena, SLICE("line-3=a b&c/\xc3\xa4.")),
                         "line-3%3Da%20b%26c%2F%C3%A4."));
    assert_true(slice_is(pairs_encode(&arena, SLICE("")), ""));
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs__become_an_object),
        cmocka_unit_test(test_pairs__that_are_none_are_refused),
        cmocka_unit_test(test_pairs__are_encoded_for_a_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
