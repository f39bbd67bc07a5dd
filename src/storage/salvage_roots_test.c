// SPDX-License-Identifier: Apache-2.0
#include "storage/salvage_roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "platform/database_faults.h"
#include "storage/local_db.h"

#include <cmocka.h>

static const char DISK[] = "roots";
static const char PATH[] = "store/ebb.db";

static void expect_roots(int64_t wal_bytes) {
    static const char SCHEMA[] = "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'";
    struct fault_disk *disk = fault_disk_create(DISK);
    const struct local_db_options options = {.path = PATH, .vfs = DISK, .wal_bytes = wal_bytes};
    struct database *database = NULL;
    struct local_db_found found;
    struct pages pages;
    struct error err;
    int known = 0;
    assert_non_null(disk);
    fault_disk_clear(disk);
    assert_int_equal(local_db_open(&options, &database, &found, &err), STATUS_OK);
    database_close(database);
    assert_int_equal(pages_open(&pages, PATH, DISK, &err), STATUS_OK);
    const uint32_t record_root = salvage_find_roots(&pages);
    pages_close(&pages);
    assert_int_not_equal(record_root, 0);
    assert_int_equal(local_db_open(&options, &database, &found, &err), STATUS_OK);
    {
        CLEANUP(query_done) struct query query = query_on(database, SCHEMA);
        while (query_next(&query)) {
            char name[32];
            (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGS(query_text(&query, 0)));
            const uint32_t root = salvage_root_of(name, record_root);
            known += root != 0 ? 1 : 0;
            assert_true(root == 0 || root == query_number(&query, 1));
        }
    }
    assert_int_equal(known, 10);
    database_close(database);
    fault_disk_destroy(disk);
}

static void test_salvage_roots__lie_where_they_are_looked_for(void **state) {
    (void)state;
    expect_roots(0);
    expect_roots(64 << 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_salvage_roots__lie_where_they_are_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
