// SPDX-License-Identifier: Apache-2.0
#include "platform/fault_cutter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fault_log fault_log;
static struct fault_file files[FAULT_FILES_MAX];

static int set_up(void **state) {
    (void)state;
    (void)memset(files, 0, sizeof(files));
    fault_log = (struct fault_log){0};
    fault_log_begin(&fault_log, files);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        fault_bytes_done(&files[i].content);
    }
    fault_log_done(&fault_log);
    return 0;
}

static void call(enum fault_call_kind kind, int file) {
    fault_log_add(&fault_log, (struct fault_call){.kind = kind, .file = file}, NULL);
}

static void write_at(int file, size_t offset, const char *bytes) {
    fault_log_add(
        &fault_log,
        (struct fault_call){
            .kind = FAULT_CALL_WRITE, .file = file, .offset = offset, .count = strlen(bytes)},
        bytes);
}

static void make(int file) {
    call(FAULT_CALL_CREATE, file);
    call(FAULT_CALL_SYNC_FOLDER, file);
}

static void cut_at(size_t index, enum fault_cut cut, uint64_t seed) {
    struct fault_cutter *cutter = fault_cutter_create(&fault_log);
    assert_non_null(cutter);
    assert_true(fault_cutter_go(cutter, index));
    assert_true(fault_cutter_build(cutter, cut, seed, files));
    fault_cutter_destroy(cutter);
}

static void expect(int file, const char *content) {
    assert_true(files[file].exists);
    assert_int_equal(files[file].content.count, strlen(content));
    assert_memory_equal(files[file].content.bytes, content, strlen(content));
}

static void test_fault_cutter__what_was_synced_stays_and_what_was_not_may_go(void **state) {
    (void)state;
    make(0);
    write_at(0, 0, "old");
    call(FAULT_CALL_SYNC, 0);
    write_at(0, 0, "new");
    cut_at(fault_log.count, FAULT_CUT_SYNCED, 0);
    expect(0, "old");
    cut_at(fault_log.count, FAULT_CUT_ALL, 0);
    expect(0, "new");
    cut_at(2, FAULT_CUT_ALL, 0);
    expect(0, "");
}

static void test_fault_cutter__a_name_is_there_once_its_folder_was_synced(void **state) {
    (void)state;
    call(FAULT_CALL_CREATE, 0);
    write_at(0, 0, "a");
    call(FAULT_CALL_SYNC, 0);
    cut_at(fault_log.count, FAULT_CUT_SYNCED, 0);
    assert_false(files[0].exists);
    cut_at(fault_log.count, FAULT_CUT_ALL, 0);
    expect(0, "a");
    call(FAULT_CALL_SYNC_FOLDER, 0);
    cut_at(fault_log.count, FAULT_CUT_SYNCED, 0);
    expect(0, "a");
    call(FAULT_CALL_REMOVE, 0);
    cut_at(fault_log.count, FAULT_CUT_SYNCED, 0);
    expect(0, "a"); /* gone, but not for good */
}

static void test_fault_cutter__a_move_is_one_step(void **state) {
    (void)state;
    make(0);
    make(1);
    write_at(0, 0, "a");
    call(FAULT_CALL_SYNC, 0);
    write_at(1, 0, "b");
    call(FAULT_CALL_SYNC, 1);
    fault_log_add(&fault_log, (struct fault_call){.kind = FAULT_CALL_MOVE, .file = 0, .to = 1},
                  NULL);
    cut_at(fault_log.count, FAULT_CUT_SYNCED, 0);
    expect(0, "a");
    expect(1, "b");
    cut_at(fault_log.count, FAULT_CUT_ALL, 0);
    assert_false(files[0].exists);
    expect(1, "a");
}

static void test_fault_cutter__a_sync_that_failed_leaves_its_writes_lost_for_ever(void **state) {
    (void)state;
    make(0);
    write_at(0, 0, "old");
    call(FAULT_CALL_SYNC, 0);
    write_at(0, 0, "new");
    call(FAULT_CALL_SYNC_FAILED, 0);
    call(FAULT_CALL_SYNC, 0); /* once more, and it says OK */
    cut_at(fault_log.count, FAULT_CUT_ALL, 0);
    expect(0, "old");
    write_at(0, 0, "New"); /* written once more */
    call(FAULT_CALL_SYNC, 0);
    cut_at(fault_log.count, FAULT_CUT_SYNCED, 0);
    expect(0, "New");
}

static void test_fault_cutter__at_random_each_sector_is_of_some_moment(void **state) {
    (void)state;
    static char first[1025];
    static char second[1025];
    int olds = 0;
    int news = 0;
    int mixed = 0;
    (void)memset(first, 'a', 1024);
    (void)memset(second, 'b', 1024);
    make(0);
    write_at(0, 0, first);
    call(FAULT_CALL_SYNC, 0);
    write_at(0, 0, second);
    for (uint64_t seed = 0; seed < 200; seed++) {
        cut_at(fault_log.count, FAULT_CUT_RANDOM, seed);
        assert_int_equal(files[0].content.count, 1024);
        const uint8_t *bytes = files[0].content.bytes;
        for (int i = 0; i < 1024; i++) {
            assert_true(bytes[i] == 'a' || bytes[i] == 'b');
        }
        olds += bytes[0] == 'a' && bytes[1023] == 'a' ? 1 : 0;
        news += bytes[0] == 'b' && bytes[1023] == 'b' ? 1 : 0;
        mixed += bytes[0] != bytes[1023] ? 1 : 0;
    }
    assert_true(olds > 10 && news > 10 && mixed > 10);
}

static void test_fault_cutter__the_same_seed_gives_the_same_disk(void **state) {
    (void)state;
    enum { SEED = 44 }; /* of which something is left */
    char text[64];
    make(0);
    for (size_t i = 0; i < 20; i++) {
        write_at(0, i * 300, "some bytes of a page");
    }
    cut_at(fault_log.count, FAULT_CUT_RANDOM, SEED);
    const size_t count = files[0].content.count;
    assert_true(count > 0);
    (void)memcpy(text, files[0].content.bytes, count < 64 ? count : 64);
    cut_at(fault_log.count, FAULT_CUT_RANDOM, SEED + 1);
    cut_at(fault_log.count, FAULT_CUT_RANDOM, SEED);
    assert_int_equal(files[0].content.count, count);
    assert_memory_equal(files[0].content.bytes, text, count < 64 ? count : 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_fault_cutter__what_was_synced_stays_and_what_was_not_may_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_fault_cutter__a_name_is_there_once_its_folder_was_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fault_cutter__a_move_is_one_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_fault_cutter__a_sync_that_failed_leaves_its_writes_lost_for_ever, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_fault_cutter__at_random_each_sector_is_of_some_moment,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fault_cutter__the_same_seed_gives_the_same_disk,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
