// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column COLUMNS[] = {{"NAME", false}, {"COUNT", true}, {"TEXT", false}};

struct page {
    struct arena arena;
    struct table table;
    char *text;
};

static void page_init(struct page *page) {
    *page = (struct page){.text = NULL};
    arena_init(&page->arena, 1 << 20);
    table_init(&page->table, &page->arena, COLUMNS, 3);
}

static const char *page_write(struct page *page, size_t width) {
    size_t bytes = 0;
    const struct terminal terminal = {.width = width};
    struct error err;
    FILE *out = open_memstream(&page->text, &bytes);
    assert_non_null(out);
    assert_int_equal(table_write(&page->table, out, &terminal, &err), STATUS_OK);
    assert_int_equal(fclose(out), 0);
    return page->text;
}

static void page_done(struct page *page) {
    free(page->text);
    arena_done(&page->arena);
}

static void test_table__columns_are_aligned_and_numbers_stand_right(void **state) {
    (void)state;
    CLEANUP(page_done) struct page page;
    page_init(&page);
    table_add(&page.table, (struct slice[]){SLICE("a"), SLICE("12345"), SLICE("x")});
    table_add(&page.table, (struct slice[]){SLICE("longer"), SLICE("7"), SLICE("y z")});
    assert_string_equal(page_write(&page, 0), "NAME    COUNT  TEXT\n"
                                              "a       12345  x\n"
                                              "longer      7  y z\n");
}

static void test_table__letters_count_and_not_their_bytes(void **state) {
    (void)state;
    CLEANUP(page_done) struct page page;
    page_init(&page);
    table_add(&page.table, (struct slice[]){SLICE("Köln"), SLICE("1"), SLICE("ß")});
    table_add(&page.table, (struct slice[]){SLICE("Bonn"), SLICE("2"), SLICE("s")});
    assert_string_equal(page_write(&page, 0), "NAME  COUNT  TEXT\n"
                                              "Köln      1  ß\n"
                                              "Bonn      2  s\n");
}

static void test_table__the_last_column_is_cut_to_the_terminal(void **state) {
    (void)state;
    CLEANUP(page_done) struct page page;
    page_init(&page);
    table_add(&page.table, (struct slice[]){SLICE("abcd"), SLICE("1"), SLICE("0123456789")});
    assert_string_equal(page_write(&page, 18), "NAME  COUNT  TEXT\n"
                                               "abcd      1  01234\n");
}

static void test_table__the_widest_column_gives_way_and_numbers_do_not(void **state) {
    (void)state;
    CLEANUP(page_done) struct page page;
    page_init(&page);
    table_add(&page.table,
              (struct slice[]){SLICE("a-name-too-long"), SLICE("123456"), SLICE("short")});
    table_add(&page.table, (struct slice[]){SLICE("b"), SLICE("2"), SLICE("s")});
    assert_string_equal(page_write(&page, 24), "NAME        COUNT  TEXT\n"
                                               "a-name-to  123456  short\n"
                                               "b               2  s\n");
}

static void test_table__a_terminal_too_narrow_for_any_table_is_borne(void **state) {
    (void)state;
    for (size_t width = 1; width < 24; width++) {
        CLEANUP(page_done) struct page page;
        page_init(&page);
        table_add(&page.table,
                  (struct slice[]){SLICE("Kölner Straße"), SLICE("123456"), SLICE("ß")});
        assert_non_null(strstr(page_write(&page, width), "123456"));
    }
}

static void test_table__nothing_in_a_cell_can_command_the_terminal(void **state) {
    (void)state;
    CLEANUP(page_done) struct page page;
    page_init(&page);
    table_add(&page.table,
              (struct slice[]){SLICE("\033[2Jx"), SLICE("1"), SLICE("a\nb\302\233c\377d\177")});
    assert_string_equal(page_write(&page, 0), "NAME   COUNT  TEXT\n"
                                              "?[2Jx      1  a b?c?d?\n");
}

static void test_table__a_row_without_room_is_said(void **state) {
    (void)state;
    struct arena arena;
    struct table table;
    struct error err;
    const struct terminal terminal = {.width = 0};
    arena_init(&arena, 0);
    table_init(&table, &arena, COLUMNS, 3);
    table_add(&table, (struct slice[]){SLICE("a"), SLICE("1"), SLICE("x")});
    assert_int_equal(table_write(&table, stdout, &terminal, &err), STATUS_NO_MEMORY);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__columns_are_aligned_and_numbers_stand_right),
        cmocka_unit_test(test_table__letters_count_and_not_their_bytes),
        cmocka_unit_test(test_table__the_last_column_is_cut_to_the_terminal),
        cmocka_unit_test(test_table__the_widest_column_gives_way_and_numbers_do_not),
        cmocka_unit_test(test_table__a_terminal_too_narrow_for_any_table_is_borne),
        cmocka_unit_test(test_table__nothing_in_a_cell_can_command_the_terminal),
        cmocka_unit_test(test_table__a_row_without_room_is_said),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
