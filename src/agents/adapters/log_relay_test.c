// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/log_relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t SECOND = INT64_C(1000) * 1000 * 1000;

static FILE *kept;
static int own_error;

/* Standard error goes to a file until `heard` reads it. */
static int listen_to(void **state) {
    (void)state;
    (void)unsetenv("JOURNAL_STREAM");
    kept = tmpfile();
    own_error = dup(STDERR_FILENO);
    return kept != NULL && own_error >= 0 && dup2(fileno(kept), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int listen_no_more(void **state) {
    (void)state;
    (void)dup2(own_error, STDERR_FILENO);
    (void)close(own_error);
    return fclose(kept);
}

static size_t heard(char *text, size_t max) {
    rewind(kept);
    const size_t count = fread(text, 1, max - 1, kept);
    text[count] = '\0';
    return count;
}

static int times(const char *text, const char *part) {
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_log_relay__lines_are_logged_with_the_agents_name(void **state) {
    (void)state;
    struct log_budget budget = {0};
    struct log_relay relay;
    log_relay_init(&relay, SLICE("drift"), &budget);
    log_relay_take(&relay, SLICE("loading\nmo"), SECOND);
    log_relay_take(&relay, SLICE("del\nhalf"), SECOND);
    char text[1024];
    (void)heard(text, sizeof(text));
    assert_non_null(strstr(text, "agents: agent=drift loading\n"));
    assert_non_null(strstr(text, "agents: agent=drift model\n"));
    assert_null(strstr(text, "half"));
    log_relay_end(&relay, SECOND);
    (void)heard(text, sizeof(text));
    assert_non_null(strstr(text, "agents: agent=drift half\n"));
    assert_string_equal(relay.last_words, "half");
    log_relay_done(&relay);
}

static void test_log_relay__more_than_the_minutes_share_is_dropped_and_counted(void **state) {
    (void)state;
    struct log_budget budget = {0};
    struct log_relay one, two;
    log_relay_init(&one, SLICE("loud"), &budget);
    log_relay_init(&two, SLICE("loud"), &budget);
    for (int i = 0; i < 1000; i++) { /* 100 bytes each: 655 and a half of them fit */
        char line[101];
        (void)snprintf(line, sizeof(line), "%098d.\n", i);
        log_relay_take(i % 2 == 0 ? &one : &two, slice_of(line), SECOND + i);
    }
    static char text[512 * 1024];
    (void)heard(text, sizeof(text));
    assert_int_equal(times(text, "agent=loud 0000"), 655);
    assert_int_equal(times(text, "the rest of this minute is dropped"), 1);
    assert_int_equal(times(text, "were dropped"), 0);
    assert_non_null(strstr(two.last_words, "999."));
    log_relay_take(&one, SLICE("again\n"), 62 * SECOND);
    (void)heard(text, sizeof(text));
    assert_int_equal(times(text, "agent=loud 34500 bytes for the log were dropped"), 1);
    assert_int_equal(times(text, "agent=loud again\n"), 1);
    log_relay_done(&one);
    log_relay_done(&two);
}

static void test_log_relay__foreign_bytes_cannot_make_a_line_of_their_own(void **state) {
    (void)state;
    struct log_budget budget = {0};
    struct log_relay relay;
    log_relay_init(&relay, SLICE("odd"), &budget);
    log_relay_take(&relay, SLICE("a\x1b[2J\r\xff\xfe z\n"), SECOND);
    char text[256];
    (void)heard(text, sizeof(text));
    assert_non_null(strstr(text, "agent=odd a [2J \xef\xbf\xbd\xef\xbf\xbd z\n"));
    log_relay_done(&relay);
}

static void test_log_relay__a_line_without_an_end_is_cut(void **state) {
    (void)state;
    struct log_budget budget = {0};
    struct log_relay relay;
    log_relay_init(&relay, SLICE("long"), &budget);
    char bytes[4096];
    (void)memset(bytes, 'x', sizeof(bytes));
    for (int i = 0; i < 1000; i++) {
        log_relay_take(&relay, (struct slice){.bytes = bytes, .count = sizeof(bytes)}, SECOND);
    }
    char text[8192];
    const size_t count = heard(text, sizeof(text));
    assert_true(count > LOG_RELAY_LINE_BYTES_MAX && count < LOG_RELAY_LINE_BYTES_MAX + 100);
    assert_int_equal(strlen(relay.last_words), LAST_WORDS_BYTES);
    log_relay_reset(&relay);
    assert_string_equal(relay.last_words, "");
    log_relay_done(&relay);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_relay__lines_are_logged_with_the_agents_name,
                                        listen_to, listen_no_more),
        cmocka_unit_test_setup_teardown(
            test_log_relay__more_than_the_minutes_share_is_dropped_and_counted, listen_to,
            listen_no_more),
        cmocka_unit_test_setup_teardown(
            test_log_relay__foreign_bytes_cannot_make_a_line_of_their_own, listen_to,
            listen_no_more),
        cmocka_unit_test_setup_teardown(test_log_relay__a_line_without_an_end_is_cut, listen_to,
                                        listen_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
