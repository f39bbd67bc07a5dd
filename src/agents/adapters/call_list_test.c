// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/call_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_call_list__calls_leave_in_the_order_in_which_they_came(void **state) {
    (void)state;
    struct agent_call calls[3] = {0};
    struct call_list list = {0};
    assert_null(call_list_take(&list));
    for (int i = 0; i < 3; i++) {
        call_list_add(&list, &calls[i]);
    }
    assert_int_equal(list.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(call_list_take(&list), &calls[i]);
    }
    assert_null(call_list_take(&list));
    call_list_add(&list, &calls[1]);
    assert_ptr_equal(call_list_take(&list), &calls[1]);
}

static void test_call_list__any_one_can_be_taken_out(void **state) {
    (void)state;
    for (int out = 0; out < 3; out++) {
        struct agent_call calls[4] = {0};
        struct call_list list = {0};
        for (int i = 0; i < 3; i++) {
            call_list_add(&list, &calls[i]);
        }
        assert_true(call_list_remove(&list, &calls[out]));
        assert_false(call_list_remove(&list, &calls[out]));
        assert_false(call_list_remove(&list, &calls[3]));
        call_list_add(&list, &calls[3]);
        assert_int_equal(list.count, 3);
        for (int i = 0; i < 4; i++) {
            if (i != out) {
                assert_ptr_equal(call_list_take(&list), &calls[i]);
            }
        }
        assert_int_equal(list.count, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_list__calls_leave_in_the_order_in_which_they_came),
        cmocka_unit_test(test_call_list__any_one_can_be_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
