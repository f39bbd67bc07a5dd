// SPDX-License-Identifier: Apache-2.0
#include "platform/resident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#include <cmocka.h>

/* The kernel counts in steps: some pages are not in its sums yet. */
enum { BLOCK_BYTES = 32 << 20, STEP_BYTES = 1 << 20 };

static void test_resident__grows_with_what_is_touched_and_remembers_the_most(void **state) {
    (void)state;
    struct resident before, with, after;
    assert_int_equal(resident_read(&before, NULL), STATUS_OK);
    assert_true(before.now_bytes > 0 && before.most_bytes >= before.now_bytes);
    char *block = memory_new(BLOCK_BYTES, 1);
    assert_non_null(block);
    (void)memset(block, 1, BLOCK_BYTES);
    assert_int_equal(resident_read(&with, NULL), STATUS_OK);
    assert_true(with.now_bytes >= before.now_bytes + BLOCK_BYTES / 2);
    memory_free(block);
    assert_int_equal(resident_read(&after, NULL), STATUS_OK);
    assert_true(after.most_bytes >= with.now_bytes - STEP_BYTES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resident__grows_with_what_is_touched_and_remembers_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
