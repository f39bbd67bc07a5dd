// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/name_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"

static void add(struct name_list *list, int from, int to) {
    for (int i = from; i < to; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", i);
        assert_true(name_list_add(list, name, (uint64_t)i));
    }
}

static void assert_items(const struct name_list *list, int from, int to) {
    assert_int_equal(list->count, to - from);
    for (int i = from; i < to; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", i);
        assert_string_equal(list->items[i - from].name, name);
        assert_int_equal(list->items[i - from].hash, i);
    }
}

static void test_name_list__keeps_the_order(void **state) {
    (void)state;
    struct name_list list = {0};
    struct name_list taken = {0};
    add(&list, 0, 100);
    name_list_take(&list, 30, &taken);
    assert_items(&taken, 0, 30);
    assert_items(&list, 30, 100);
    name_list_take(&list, 1000, &taken);
    assert_items(&taken, 0, 100);
    assert_int_equal(list.count, 0);
    name_list_take(&list, 5, &taken);
    assert_items(&taken, 0, 100);
    name_list_done(&taken);
    assert_int_equal(taken.count, 0);
    add(&list, 0, 3);
    assert_items(&list, 0, 3);
    name_list_done(&list);
}

static void test_name_list__is_as_it_was_without_memory(void **state) {
    (void)state;
    struct name_list list = {0};
    struct name_list taken = {0};
    add(&list, 0, 16);
    for (long k = 0; k < 2; k++) { /* the list's place, and the name */
        (void)memory_fail_at(k, 0);
        const bool added = name_list_add(&list, "one more", 1);
        (void)memory_fail_at(-1, 0);
        assert_false(added);
        assert_items(&list, 0, 16);
    }
    (void)memory_fail_at(0, 0);
    name_list_take(&list, 5, &taken);
    (void)memory_fail_at(-1, 0);
    assert_items(&list, 0, 16);
    assert_int_equal(taken.count, 0);
    name_list_done(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_list__keeps_the_order),
        cmocka_unit_test(test_name_list__is_as_it_was_without_memory),
    };
    return cmocka_run_group_tests_name("runtime/triggers/name_list", tests, NULL, NULL);
}
