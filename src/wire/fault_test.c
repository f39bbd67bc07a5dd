// SPDX-License-Identifier: Apache-2.0
#include "wire/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static struct arena arena;
static struct faults faults;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 4 << 20);
    faults_init(&faults, &arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct place at(int line, int column) {
    return (struct place){.line = line, .column = column};
}

static void assert_written(const char *expected) {
    struct fault_list *list = NULL;
    struct error err;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    assert_int_equal(faults_take(&faults, SLICE("w.yaml"), &list, &err), STATUS_OK);
    fault_list_write(list, &out);
    buffer_add_byte(&out, 0);
    assert_string_equal(out.bytes, expected);
    fault_list_release(list);
    buffer_done(&out);
}

static void test_faults__come_in_the_order_of_their_places(void **state) {
    (void)state;
    faults_add(&faults, at(3, 1), "third");
    faults_warn(&faults, at(1, 9), "second");
    faults_add(&faults, at(1, 2), "first");
    faults_add(&faults, at(1, 9), "second and a half");
    faults_add(&faults, at(0, 0), "the file");
    assert_int_equal(faults.error_count, 4);
    assert_written("w.yaml: the file\n"
                   "w.yaml:1:2: first\n"
                   "w.yaml:1:9: warning: second\n"
                   "w.yaml:1:9: second and a half\n"
                   "w.yaml:3:1: third\n");
}

static void test_faults__of_one_place_and_sentence_are_said_once(void **state) {
    (void)state;
    faults_add(&faults, at(2, 2), "again");
    faults_add(&faults, at(2, 2), "again");
    faults_add(&faults, at(2, 3), "again");
    assert_int_equal(faults.count, 2);
}

static void test_faults__beyond_the_most_keep_the_first_errors(void **state) {
    (void)state;
    for (int line = 1; line <= FAULTS_MAX; line++) {
        faults_warn(&faults, at(line, 1), "a warning");
    }
    for (int line = FAULTS_MAX * 3; line > FAULTS_MAX; line--) {
        faults_add(&faults, at(line, 1), "an error");
    }
    faults_warn(&faults, at(1, 1), "a late warning");
    assert_int_equal(faults.count, FAULTS_MAX);
    assert_int_equal(faults.error_count, FAULTS_MAX);
    assert_int_equal(faults.held[0].place.line, FAULTS_MAX + 1);
    assert_int_equal(faults.held[FAULTS_MAX - 1].place.line, FAULTS_MAX * 2);
    assert_true(faults.more);
    struct fault_list *list = NULL;
    struct error err;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    assert_int_equal(faults_take(&faults, SLICE("w"), &list, &err), STATUS_OK);
    fault_list_write(list, &out);
    assert_true(
        slice_ends(buffer_slice(&out), "an error\nw: there is more: these are the first 100\n"));
    fault_list_release(list);
    buffer_done(&out);
}

static void test_faults__are_one_printable_line(void **state) {
    (void)state;
    char flood[FAULT_TEXT_BYTES_MAX * 4];
    (void)memset(flood, 'x', sizeof(flood));
    faults_add(&faults, at(1, 1), "a\nb\x1b[31m\xff");
    faults_add(&faults, at(2, 1), "%.*s", (int)sizeof(flood), flood);
    assert_memory_equal(faults.held[0].text.bytes, "a b [31m\xef\xbf\xbd", 11);
    assert_int_equal(faults.held[1].text.count, FAULT_TEXT_BYTES_MAX);
}

static void test_faults__that_were_lost_are_no_memory(void **state) {
    (void)state;
    struct fault_list *list = NULL;
    struct error err;
    (void)memory_fail_at(0, 0);
    faults_add(&faults, at(1, 1), "lost");
    (void)memory_fail_at(-1, 0);
    assert_true(faults.no_memory);
    assert_int_equal(faults_take(&faults, SLICE("w.yaml"), &list, &err), STATUS_NO_MEMORY);
    assert_null(list);
}

static void test_fault_list__of_one_says_what_cannot_be_read(void **state) {
    (void)state;
    struct fault_list *list = NULL;
    struct error err;
    assert_int_equal(fault_list_of(SLICE("w"), at(0, 0), "too large", &list, &err), STATUS_OK);
    assert_int_equal(list->count, 1);
    assert_int_equal(list->error_count, 1);
    fault_list_release(list);
    fault_list_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults__come_in_the_order_of_their_places, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_faults__of_one_place_and_sentence_are_said_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults__beyond_the_most_keep_the_first_errors, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_faults__are_one_printable_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults__that_were_lost_are_no_memory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fault_list__of_one_says_what_cannot_be_read, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
