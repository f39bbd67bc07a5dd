// SPDX-License-Identifier: Apache-2.0
#include "platform/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_clock__goes_forward(void **state) {
    (void)state;
    const int64_t boot = clock_boot_ns();
    const int64_t steady = clock_monotonic_ns();
    const int64_t cpu = clock_thread_cpu_ns();
    const int64_t all = clock_process_cpu_ns();
    assert_true(boot > 0 && steady > 0 && cpu > 0 && all > 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(clock_boot_ns() >= boot);
        assert_true(clock_monotonic_ns() >= steady);
        assert_true(clock_thread_cpu_ns() >= cpu);
        assert_true(clock_process_cpu_ns() >= all);
    }
    assert_true(boot >= steady - 1000000000);
}

static void test_clock_boot_id__is_the_same_all_the_time(void **state) {
    (void)state;
    const struct id id = clock_boot_id();
    assert_true(id_equal(id, clock_boot_id()));
    char text[64] = {0};
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL) {
        assert_true(id_is_zero(id));
        return;
    }
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    char uuid[ID_UUID_BYTES + 1];
    id_write_uuid(id, uuid);
    assert_memory_equal(uuid, text, ID_UUID_BYTES);
}

static void test_clock_quality_name__has_three_words(void **state) {
    (void)state;
    assert_string_equal(clock_quality_name(CLOCK_GOOD), "good");
    assert_string_equal(clock_quality_name(CLOCK_UNSURE), "unsure");
    assert_string_equal(clock_quality_name(CLOCK_BAD), "bad");
}

/* The environment is read once in a process: each case is a child's. */
static int in_child(int (*body)(const char *path), const char *path) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(body(path));
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static int64_t real_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_near(int64_t a, int64_t b) {
    return a - b < 600000 && b - a < 600000;
}

static int body_plain(const char *path) {
    (void)path;
    (void)unsetenv("EBB_TEST_WALL_OFFSET_MS");
    (void)unsetenv("EBB_TEST_WALL_OFFSET_FILE");
    return is_near(clock_wall_ms(), real_ms()) && is_near(clock_now().wall_ms, real_ms()) ? 0 : 1;
}

static int body_offset(const char *path) {
    (void)path;
    (void)setenv("EBB_TEST_WALL_OFFSET_MS", "-315360000000", 1);
    return is_near(clock_wall_ms(), real_ms() - INT64_C(315360000000)) ? 0 : 1;
}

static int body_1970(const char *path) {
    (void)path;
    char text[32];
    (void)snprintf(text, sizeof(text), "%lld", -(long long)real_ms());
    (void)setenv("EBB_TEST_WALL_OFFSET_MS", text, 1);
    return clock_now().quality == CLOCK_BAD && is_near(clock_now().wall_ms, 0) ? 0 : 1;
}

static bool write_offset(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    return file != NULL && fputs(text, file) >= 0 && fclose(file) == 0;
}

static int body_jumps(const char *path) {
    (void)setenv("EBB_TEST_WALL_OFFSET_FILE", path, 1);
    if (!is_near(clock_wall_ms(), real_ms())) {
        return 1; /* no such file yet: no offset */
    }
    if (!write_offset(path, "86400000\n") || !is_near(clock_now().wall_ms, real_ms() + 86400000)) {
        return 2;
    }
    if (!write_offset(path, "-86400000") || !is_near(clock_now().wall_ms, real_ms() - 86400000)) {
        return 3;
    }
    return 0;
}

static int body_floor(const char *path) {
    (void)path;
    clock_set_floor(clock_wall_ms() + 3600000);
    if (clock_now().quality != CLOCK_BAD) {
        return 1;
    }
    clock_set_floor(clock_wall_ms() - 3600000);
    return clock_now().quality == CLOCK_BAD ? 2 : 0;
}

static void test_clock_wall_ms__is_the_systems_unless_a_test_shifts_it(void **state) {
    (void)state;
    assert_int_equal(in_child(body_plain, NULL), 0);
    assert_int_equal(in_child(body_offset, NULL), 0);
}

static void test_clock_now__is_bad_before_the_program_was_built(void **state) {
    (void)state;
    assert_int_equal(in_child(body_1970, NULL), 0);
}

static void test_clock_now__is_bad_below_its_floor(void **state) {
    (void)state;
    assert_int_equal(in_child(body_floor, NULL), 0);
}

static void test_clock_now__jumps_with_the_file_of_a_test(void **state) {
    (void)state;
    char path[] = "/tmp/ebb-clock-XXXXXX";
    assert_non_null(mkdtemp(path));
    char file[64];
    (void)snprintf(file, sizeof(file), "%s/offset", path);
    assert_int_equal(in_child(body_jumps, file), 0);
    (void)unlink(file);
    (void)rmdir(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__goes_forward),
        cmocka_unit_test(test_clock_boot_id__is_the_same_all_the_time),
        cmocka_unit_test(test_clock_quality_name__has_three_words),
        cmocka_unit_test(test_clock_wall_ms__is_the_systems_unless_a_test_shifts_it),
        cmocka_unit_test(test_clock_now__is_bad_before_the_program_was_built),
        cmocka_unit_test(test_clock_now__is_bad_below_its_floor),
        cmocka_unit_test(test_clock_now__jumps_with_the_file_of_a_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
