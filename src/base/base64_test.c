// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void both_ways(struct slice bytes, const char *text) {
    CLEANUP(buffer_done) struct buffer out;
    size_t count = 99;
    char back[256];
    buffer_init(&out, 1024);
    base64_write(&out, bytes);
    assert_true(slice_is(buffer_slice(&out), text));
    assert_true(base64_count(slice_of(text), &count));
    assert_int_equal(count, bytes.count);
    assert_true(base64_read(slice_of(text), back));
    assert_memory_equal(back, bytes.bytes, bytes.count);
}

static void test_base64__texts_of_the_standard(void **state) {
    (void)state;
    both_ways(SLICE(""), "");
    both_ways(SLICE("f"), "Zg==");
    both_ways(SLICE("fo"), "Zm8=");
    both_ways(SLICE("foo"), "Zm9v");
    both_ways(SLICE("foobar"), "Zm9vYmFy");
    both_ways(SLICE("\xff\xfe\x00\x3e\xbf"), "//4APr8=");
}

static void test_base64__what_is_none_is_refused(void **state) {
    (void)state;
    size_t count;
    char bytes[64];
    assert_false(base64_count(SLICE("Zg="), &count));
    static const char *const wrong[] = {"Zg=x", "Z===", "=g==", "Zm9v\n",
                                        "Zm 9", "Zm9-", "====", "Zg"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(base64_read(slice_of(wrong[i]), bytes));
    }
    assert_false(base64_read((struct slice){.bytes = "Zm\0v", .count = 4}, bytes));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64__texts_of_the_standard),
        cmocka_unit_test(test_base64__what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
