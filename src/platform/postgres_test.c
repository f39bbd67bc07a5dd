// SPDX-License-Identifier: Apache-2.0
/* Without a server: what is said of the URL, and of who does not answer. A real one is in
 * tests/scenario/test_hub_destinations.py. */
#include "platform/postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/clock.h"

enum { SHORT_MS = 300, LONG_MS = 60000, NS_PER_MS = 1000000, URL_BYTES = 96 };

static int listening;
static char url[URL_BYTES];

/* Somebody who takes connections and says nothing. */
static int set_up(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(address);
    (void)state;
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, bytes) != 0 ||
        listen(listening, 1) != 0 ||
        getsockname(listening, (struct sockaddr *)&address, &bytes) != 0) {
        return -1;
    }
    (void)snprintf(url, sizeof(url), "postgresql://ebb@127.0.0.1:%d/x", ntohs(address.sin_port));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return listening >= 0 ? close(listening) : 0;
}

static bool at_once(const void *owner) {
    (void)owner;
    return true;
}

static status connect_to(const char *place, int64_t connect_ms, bool (*stopped)(const void *),
                         struct error *err) {
    const struct postgres_options options = {.url = place,
                                             .password = "of-the-plant",
                                             .connect_ms = connect_ms,
                                             .statement_ms = LONG_MS,
                                             .stopped = stopped};
    struct postgres *postgres = NULL;
    const status code = postgres_connect(&options, &postgres, err);
    if (code == STATUS_NOT_FOUND && strstr(err->text, "libpq5") != NULL) {
        skip(); /* it is not installed */
    }
    assert_null(postgres);
    assert_null(strstr(err->text, "of-the-plant"));
    return code;
}

static void test_postgres__says_that_a_url_is_none(void **state) {
    (void)state;
    struct error err = {.text = ""};
    assert_int_equal(connect_to("postgresql://ebb@x/y?nonsense=1", SHORT_MS, NULL, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "nonsense"));
}

static void test_postgres__waits_so_long_and_no_longer(void **state) {
    (void)state;
    struct error err = {.text = ""};
    const int64_t began_ns = clock_monotonic_ns();
    assert_int_equal(connect_to(url, SHORT_MS, NULL, &err), STATUS_TIMEOUT);
    assert_true(clock_monotonic_ns() - began_ns >= (int64_t)SHORT_MS * NS_PER_MS);
    assert_non_null(strstr(err.text, "does not answer"));
}

static void test_postgres__ends_when_it_is_told_to(void **state) {
    (void)state;
    struct error err = {.text = ""};
    assert_int_equal(connect_to(url, LONG_MS, at_once, &err), STATUS_INTERRUPTED);
}

static void test_postgres__says_that_nobody_is_there(void **state) {
    (void)state;
    struct error err = {.text = ""};
    assert_int_equal(close(listening), 0);
    listening = -1;
    assert_int_equal(connect_to(url, LONG_MS, NULL, &err), STATUS_OFFLINE);
    assert_non_null(strstr(err.text, "refused"));
    postgres_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_postgres__says_that_a_url_is_none),
        TEST(test_postgres__waits_so_long_and_no_longer),
        TEST(test_postgres__ends_when_it_is_told_to),
        TEST(test_postgres__says_that_nobody_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
