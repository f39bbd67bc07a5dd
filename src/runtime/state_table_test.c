// SPDX-License-Identifier: Apache-2.0
#include "runtime/state_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { MANY = 3000, LATER = 1000, LARGE_BYTES = 1 << 20 };

static void put(struct state_table *table, const char *key, const char *value, int64_t expires_ns) {
    struct error err;
    assert_int_equal(
        state_table_put(table, slice_of(key), slice_of(value), expires_ns, false, &err), STATUS_OK);
}

static void assert_value(const struct state_table *table, const char *key, const char *expected) {
    const struct state_entry *entry = state_table_find(table, slice_of(key), 1);
    if (expected == NULL) {
        assert_null(entry);
    } else {
        assert_non_null(entry);
        assert_true(slice_is(entry->value, expected));
    }
}

/* Spares the key whose hash `owner` points at. */
static bool spare(void *owner, uint64_t hash) {
    return owner != NULL && *(const uint64_t *)owner == hash;
}

/* The keys that are shed, each followed by a blank. */
static const char *shed_all(struct state_table *table, uint32_t keys_max, int64_t now_ns,
                            uint64_t *spared) {
    static char text[256];
    struct state_entry *entry;
    text[0] = '\0';
    while ((entry = state_table_shed(table, keys_max, now_ns, spare, spared)) != NULL) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%.*s ", SLICE_ARGS(entry->key));
        state_entry_destroy(entry);
    }
    return text;
}

static void test_state_table__gives_what_was_put_last(void **state) {
    (void)state;
    struct state_table table = {0};
    assert_value(&table, "a", NULL);
    put(&table, "a", "1", LATER);
    put(&table, "b", "2", LATER);
    put(&table, "a", "", LATER);
    assert_value(&table, "a", "");
    assert_value(&table, "b", "2");
    assert_value(&table, "ab", NULL);
    assert_int_equal(table.count, 2);
    state_table_done(&table);
    assert_value(&table, "a", NULL);
    assert_true(state_key_hash(SLICE("a")) != state_key_hash(SLICE("b")));
}

static void test_state_table__what_has_expired_is_not_there(void **state) {
    (void)state;
    struct state_table table = {0};
    put(&table, "a", "1", 500);
    assert_non_null(state_table_find(&table, SLICE("a"), 499));
    assert_null(state_table_find(&table, SLICE("a"), 500));
    put(&table, "b", "1", 900);
    assert_string_equal(shed_all(&table, 10, 600, NULL), "a ");
    assert_int_equal(table.count, 1);
    state_table_done(&table);
}

static void test_state_table__the_key_that_was_put_longest_ago_goes_first(void **state) {
    (void)state;
    struct state_table table = {0};
    uint64_t spared = state_key_hash(SLICE("c"));
    put(&table, "a", "1", LATER);
    put(&table, "b", "1", LATER);
    put(&table, "c", "1", LATER);
    put(&table, "d", "1", LATER);
    put(&table, "a", "2", LATER);
    assert_string_equal(shed_all(&table, 4, 1, NULL), "");
    assert_string_equal(shed_all(&table, 2, 1, &spared), "b d ");
    assert_value(&table, "c", "1");
    assert_value(&table, "a", "2");
    put(&table, "e", "1", LATER);
    assert_string_equal(shed_all(&table, 1, 1, NULL), "c a ");
    state_table_done(&table);
}

static void test_state_table__many_keys_are_found_and_go_in_their_order(void **state) {
    (void)state;
    struct state_table table = {0};
    char key[16], value[16];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)snprintf(value, sizeof(value), "%d", i * 7);
        put(&table, key, value, LATER);
    }
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)snprintf(value, sizeof(value), "%d", i * 7);
        assert_value(&table, key, value);
    }
    for (int i = 0; i < MANY - 10; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        struct state_entry *entry =
            state_table_shed(&table, (uint32_t)(MANY - 1 - i), 1, spare, NULL);
        assert_non_null(entry);
        assert_true(slice_is(entry->key, key));
        state_entry_destroy(entry);
    }
    assert_int_equal(table.count, 10);
    state_table_done(&table);
}

static void test_state_table__all_values_together_have_a_bound(void **state) {
    (void)state;
    struct state_table table = {0};
    char *large = memory_new(1, LARGE_BYTES);
    assert_non_null(large);
    const struct slice value = {.bytes = large, .count = LARGE_BYTES};
    for (int i = 0; i < 17; i++) {
        char key[16];
        struct error err;
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(state_table_put(&table, slice_of(key), value, LATER, false, &err),
                         STATUS_OK);
    }
    assert_string_equal(shed_all(&table, 1000, 1, NULL), "k0 k1 ");
    assert_true(table.bytes <= STATE_TABLE_BYTES_MAX);
    state_table_done(&table);
    memory_free(large);
}

static void test_state_table__after_loading_what_expires_first_is_the_oldest(void **state) {
    (void)state;
    struct state_table table = {0};
    put(&table, "a", "1", 700);
    put(&table, "b", "1", 500);
    put(&table, "c", "1", 600);
    state_table_sort(&table);
    assert_string_equal(shed_all(&table, 1, 1, NULL), "b c ");
    state_table_done(&table);
}

static void test_state_table__without_memory_what_was_there_stays(void **state) {
    (void)state;
    struct state_table table = {0};
    struct error err;
    put(&table, "a", "1", LATER);
    (void)memory_fail_at(0, 1);
    const status code = state_table_put(&table, SLICE("a"), SLICE("2"), LATER, false, &err);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(code, STATUS_NO_MEMORY);
    assert_value(&table, "a", "1");
    assert_int_equal(table.count, 1);
    state_table_done(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_table__gives_what_was_put_last),
        cmocka_unit_test(test_state_table__what_has_expired_is_not_there),
        cmocka_unit_test(test_state_table__the_key_that_was_put_longest_ago_goes_first),
        cmocka_unit_test(test_state_table__many_keys_are_found_and_go_in_their_order),
        cmocka_unit_test(test_state_table__all_values_together_have_a_bound),
        cmocka_unit_test(test_state_table__after_loading_what_expires_first_is_the_oldest),
        cmocka_unit_test(test_state_table__without_memory_what_was_there_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
