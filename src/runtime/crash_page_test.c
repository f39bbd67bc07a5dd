// SPDX-License-Identifier: Apache-2.0
#include "runtime/crash_page.h"

#include <fcntl.h>

#include "agents/test_folder.h"
#include "platform/clock.h"

static struct test_folder folder;

static int make(void **state) {
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int clear(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct crash_page *open_page(struct id blamed[POOL_WORKERS_MAX], int *out_count) {
    struct crash_page *page = NULL;
    struct error err = {0};
    if (crash_page_open(folder.path, &page, blamed, out_count, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return page;
}

static const struct id RUN = {.bytes = {1, 2, 3}};
static const struct id OTHER = {.bytes = {9}};

static void test_crash_page__blames_what_a_crash_left(void **state) {
    (void)state;
    struct id blamed[POOL_WORKERS_MAX];
    int count = -1;
    struct crash_page *page = open_page(blamed, &count);
    assert_int_equal(count, 0);
    crash_page_enter(page, 0, OTHER);
    crash_page_leave(page, 0);
    crash_page_enter(page, 1, RUN);
    crash_page_enter(page, POOL_WORKERS_MAX - 1, OTHER);
    crash_page_close(page); /* nobody left: as in a crash */

    page = open_page(blamed, &count);
    assert_int_equal(count, 2);
    assert_true(id_equal(blamed[0], RUN));
    assert_true(id_equal(blamed[1], OTHER));
    crash_page_close(page);

    page = open_page(blamed, &count); /* told once */
    assert_int_equal(count, 0);
    crash_page_close(page);
    crash_page_close(NULL);
}

static void test_crash_page__of_another_boot_blames_nobody(void **state) {
    (void)state;
    struct id blamed[POOL_WORKERS_MAX];
    int count = -1;
    struct crash_page *page = open_page(blamed, &count);
    crash_page_enter(page, 0, RUN);
    crash_page_close(page);
    char path[2 * TEST_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/running", folder.path);
    const int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, "another boot's..", ID_BYTES, 0), ID_BYTES);
    assert_int_equal(close(file), 0);
    page = open_page(blamed, &count);
    assert_int_equal(count, 0);
    crash_page_close(page);
}

static void test_crash_page__says_where_it_cannot_be(void **state) {
    (void)state;
    struct crash_page *page = NULL;
    struct id blamed[POOL_WORKERS_MAX];
    int count;
    struct error err;
    assert_int_equal(crash_page_open("/no/such/folder", &page, blamed, &count, &err),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "/no/such/folder/running"));
    assert_null(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crash_page__blames_what_a_crash_left, make, clear),
        cmocka_unit_test_setup_teardown(test_crash_page__of_another_boot_blames_nobody, make,
                                        clear),
        cmocka_unit_test_setup_teardown(test_crash_page__says_where_it_cannot_be, make, clear),
    };
    return cmocka_run_group_tests_name("runtime/crash_page", tests, NULL, NULL);
}
