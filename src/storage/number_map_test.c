// SPDX-License-Identifier: Apache-2.0
#include "storage/number_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

enum { KEYS = 5000 };

static uint64_t key_of(uint64_t i) {
    return i % 3 == 0 ? i : i * UINT64_C(0x9e3779b97f4a7c15); /* near each other, and far */
}

static void test_number_map__what_was_set_is_found_until_it_is_removed(void **state) {
    (void)state;
    struct number_map map;
    number_map_init(&map);
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_true(number_map_set(&map, key_of(i), i + 7));
    }
    assert_int_equal(map.count, KEYS);
    for (uint64_t i = 0; i < KEYS; i += 2) {
        number_map_remove(&map, key_of(i));
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t number = 0;
        assert_int_equal(number_map_get(&map, key_of(i), &number), i % 2 == 1);
        assert_int_equal(number, i % 2 == 1 ? i + 7 : 0);
    }
    assert_int_equal(map.count, KEYS / 2);
    number_map_done(&map);
}

static void test_number_map__a_key_has_one_number(void **state) {
    (void)state;
    struct number_map map;
    uint64_t number = 0;
    number_map_init(&map);
    assert_true(number_map_set(&map, 0, 1));
    assert_true(number_map_set(&map, 0, 2));
    assert_int_equal(map.count, 1);
    assert_true(number_map_get(&map, 0, &number));
    assert_int_equal(number, 2);
    number_map_remove(&map, 1);
    number_map_remove(&map, 0);
    number_map_remove(&map, 0);
    assert_int_equal(map.count, 0);
    assert_false(number_map_get(&map, 0, NULL));
    number_map_done(&map);
}

static void test_number_map__without_memory_it_says_so_and_stays_whole(void **state) {
    (void)state;
    struct number_map map;
    uint64_t kept = 0;
    number_map_init(&map);
    assert_false(number_map_get(&map, 1, NULL));
    assert_true(number_map_set(&map, 1, 1));
    (void)memory_fail_at(0, 1);
    for (uint64_t i = 2; number_map_set(&map, i, i); i++) {
        kept = i;
    }
    (void)memory_fail_at(-1, 0);
    assert_true(kept > 10);
    for (uint64_t i = 1; i <= kept; i++) {
        assert_true(number_map_get(&map, i, NULL));
    }
    number_map_done(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_map__what_was_set_is_found_until_it_is_removed),
        cmocka_unit_test(test_number_map__a_key_has_one_number),
        cmocka_unit_test(test_number_map__without_memory_it_says_so_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
