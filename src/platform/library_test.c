// SPDX-License-Identifier: Apache-2.0
#include "platform/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct {
    size_t (*length)(const char *text);
    int (*compare)(const char *a, const char *b);
} table;

static void test_library__fills_its_table_in_order(void **state) {
    (void)state;
    static const char *const names[] = {"strlen", "strcmp", NULL};
    static struct library library = {
        .file = "libc.so.6", .package = "libc6", .functions = names, .table = &table};
    assert_int_equal(library_use(&library, NULL), STATUS_OK);
    assert_int_equal(table.length("four"), 4);
    assert_int_equal(table.compare("a", "a"), 0);
    assert_int_equal(library_use(&library, NULL), STATUS_OK);
}

static void test_library__that_is_not_there_names_its_package(void **state) {
    (void)state;
    static const char *const names[] = {"strlen", NULL};
    static struct library library = {
        .file = "libnowhere.so.9", .package = "libnowhere9", .functions = names, .table = &table};
    struct error err = {0};
    assert_int_equal(library_use(&library, &err), STATUS_NOT_FOUND);
    assert_string_equal(
        err.text, "the library libnowhere.so.9 is not there: install the package libnowhere9");
}

static void test_library__that_lacks_a_function_names_it(void **state) {
    (void)state;
    static const char *const names[] = {"strlen", "no_such_function", NULL};
    static struct library library = {
        .file = "libc.so.6", .package = "libc6", .functions = names, .table = &table};
    struct error err = {0};
    assert_int_equal(library_use(&library, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "has no 'no_such_function'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library__fills_its_table_in_order),
        cmocka_unit_test(test_library__that_is_not_there_names_its_package),
        cmocka_unit_test(test_library__that_lacks_a_function_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
