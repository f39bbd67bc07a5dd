// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "base/error.h" /* before cmocka, which has a macro of the name fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/text.h"
#include "base/time.h"

/* Standard error goes into a pipe while a line is logged. */
struct capture {
    int real;
    int ends[2];
};

static void capture_begin(struct capture *capture) {
    assert_int_equal(pipe(capture->ends), 0);
    capture->real = dup(STDERR_FILENO);
    assert_true(dup2(capture->ends[1], STDERR_FILENO) >= 0);
}

static size_t capture_end(struct capture *capture, char *out_text, size_t room) {
    assert_true(dup2(capture->real, STDERR_FILENO) >= 0);
    (void)close(capture->real);
    (void)close(capture->ends[1]);
    size_t count = 0;
    ssize_t got = 0;
    while ((got = read(capture->ends[0], out_text + count, room - count - 1)) > 0) {
        count += (size_t)got;
    }
    (void)close(capture->ends[0]);
    out_text[count] = '\0';
    return count;
}

static int forget_journal(void **state) {
    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    log_set_level(LOG_INFO);
    return 0;
}

static void test_log_line__has_time_level_room_and_sentence(void **state) {
    (void)state;
    char text[1000];
    struct capture capture;
    capture_begin(&capture);
    log_line(LOG_WARN, "storage", "disk is full lane=%s bytes=%d", "low", 7);
    (void)capture_end(&capture, text, sizeof(text));
    int64_t wall_ms = 0;
    assert_true(time_read(slice_part(slice_of(text), 0, 24), &wall_ms));
    assert_string_equal(text + 24, " warn  storage: disk is full lane=low bytes=7\n");
}

static void keep_time(void *owner, int64_t wall_ms, enum log_level level, const char *room,
                      struct slice text) {
    (void)level, (void)room, (void)text;
    *(int64_t *)owner = wall_ms;
}

static void test_log_set_listener__hears_the_time_that_is_written(void **state) {
    (void)state;
    char text[100];
    int64_t heard_ms = 0;
    int64_t written_ms = 0;
    log_set_listener(keep_time, &heard_ms);
    for (int i = 0; i < 2000; i++) {
        struct capture capture;
        capture_begin(&capture);
        log_line(LOG_INFO, "room", "line");
        (void)capture_end(&capture, text, sizeof(text));
        assert_true(time_read(slice_part(slice_of(text), 0, 24), &written_ms));
        assert_int_equal(heard_ms, written_ms);
    }
    log_set_listener(NULL, NULL);
}

static void test_log_line__is_left_out_below_the_level(void **state) {
    (void)state;
    char text[1000];
    struct capture capture;
    capture_begin(&capture);
    log_line(LOG_DEBUG, "room", "one");
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "room", "two");
    log_line(LOG_ERROR, "room", "three");
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "room", "four");
    (void)capture_end(&capture, text, sizeof(text));
    assert_null(strstr(text, "one"));
    assert_null(strstr(text, "two"));
    assert_non_null(strstr(text, "three"));
    assert_non_null(strstr(text, "four"));
}

static void test_log_line__speaks_the_journals_language_under_systemd(void **state) {
    (void)state;
    char text[1000];
    struct capture capture;
    (void)setenv("JOURNAL_STREAM", "8:12345", 1);
    capture_begin(&capture);
    log_line(LOG_DEBUG, "room", "no");
    log_line(LOG_INFO, "room", "i");
    log_line(LOG_WARN, "room", "w");
    log_line(LOG_ERROR, "room", "e");
    (void)capture_end(&capture, text, sizeof(text));
    assert_string_equal(text, "<6>room: i\n<4>room: w\n<3>room: e\n");
}

static void test_log_line__stays_one_line_whatever_it_quotes(void **state) {
    (void)state;
    char text[4000];
    struct capture capture;
    capture_begin(&capture);
    log_line(LOG_INFO, "room", "an agent said '%s'", "a\nb\r\x1B[2Jc\td\x7F");
    const size_t count = capture_end(&capture, text, sizeof(text));
    assert_ptr_equal(strchr(text, '\n'), text + count - 1);
    assert_null(strchr(text, '\x1B'));
    assert_non_null(strstr(text, "'a b  [2Jc d '"));
}

static void test_log_line__is_utf8_whatever_it_quotes(void **state) {
    (void)state;
    char text[20000];
    struct capture capture;
    capture_begin(&capture);
    log_line(LOG_INFO, "room", "a\xFF\xC3\xBC\xC3");
    for (int i = 0; i < 4; i++) {
        log_line(LOG_INFO, "room", "%*s%s", 1900 + i, "",
                 "\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
                 "\xF0\x9F\x98\x80\xF0\x9F\x98\x80");
        log_line(LOG_INFO, "room", "%*s%s", 2000 + i, "",
                 "\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
                 "\xF0\x9F\x98\x80\xF0\x9F\x98\x80");
    }
    (void)capture_end(&capture, text, sizeof(text));
    assert_true(text_is_utf8(slice_of(text)));
    assert_non_null(strstr(text, "room: a?\xC3\xBC?\n"));
}

static void test_log_line__is_cut_at_two_thousand_bytes(void **state) {
    (void)state;
    char text[8000];
    struct capture capture;
    capture_begin(&capture);
    log_line(LOG_INFO, "room", "%5000d", 1);
    log_line(LOG_INFO, "room", "next");
    const size_t count = capture_end(&capture, text, sizeof(text));
    assert_true(count < 2200);
    assert_non_null(strstr(text, "\n2"));
    assert_non_null(strstr(text, "room: next\n"));
}

static void test_log_level_from__knows_four_words(void **state) {
    (void)state;
    assert_int_equal(log_level_from("debug"), LOG_DEBUG);
    assert_int_equal(log_level_from("info"), LOG_INFO);
    assert_int_equal(log_level_from("warn"), LOG_WARN);
    assert_int_equal(log_level_from("error"), LOG_ERROR);
    assert_int_equal(log_level_from("loud"), -1);
    assert_int_equal(log_level_from(""), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_log_line__has_time_level_room_and_sentence, forget_journal),
        cmocka_unit_test_setup(test_log_set_listener__hears_the_time_that_is_written,
                               forget_journal),
        cmocka_unit_test_setup(test_log_line__is_left_out_below_the_level, forget_journal),
        cmocka_unit_test_setup(test_log_line__speaks_the_journals_language_under_systemd,
                               forget_journal),
        cmocka_unit_test_setup(test_log_line__stays_one_line_whatever_it_quotes, forget_journal),
        cmocka_unit_test_setup(test_log_line__is_utf8_whatever_it_quotes, forget_journal),
        cmocka_unit_test_setup(test_log_line__is_cut_at_two_thousand_bytes, forget_journal),
        cmocka_unit_test_setup(test_log_level_from__knows_four_words, forget_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
