// SPDX-License-Identifier: Apache-2.0
#include "platform/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static status read_hub(const char *hub, struct route *out_route, struct error *err) {
    const char *const hubs[] = {hub, NULL};
    return route_read(hubs, NULL, out_route, err);
}

static status read_proxy(const char *proxy, struct route *out_route, struct error *err) {
    const char *const hubs[] = {"hub:8443", NULL};
    return route_read(hubs, proxy, out_route, err);
}

static void test_route__hubs_are_read_as_people_write_them(void **state) {
    (void)state;
    const struct {
        const char *text, *host, *written;
        uint16_t port;
    } cases[] = {
        {"https://hub.example:8443", "hub.example", "hub.example:8443", 8443},
        {"https://hub.example:8443/", "hub.example", "hub.example:8443", 8443},
        {"hub-1.site_2:1", "hub-1.site_2", "hub-1.site_2:1", 1},
        {"203.0.113.7:65535", "203.0.113.7", "203.0.113.7:65535", 65535},
        {"https://[2001:db8::1]:8443", "2001:db8::1", "[2001:db8::1]:8443", 8443},
        {"[::1]:443", "::1", "[::1]:443", 443},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct route route;
        CLEANUP(buffer_done) struct buffer written;
        buffer_init(&written, 300);
        assert_int_equal(read_hub(cases[i].text, &route, NULL), STATUS_OK);
        assert_int_equal(route.hub_count, 1);
        assert_false(route.has_proxy);
        assert_string_equal(route.hubs[0].host, cases[i].host);
        assert_int_equal(route.hubs[0].port, cases[i].port);
        route_write_place(&route.hubs[0], &written);
        assert_true(slice_is(buffer_slice(&written), cases[i].written));
    }
}

static void test_route__what_is_no_hub_is_named(void **state) {
    (void)state;
    char long_name[DIAL_HOST_BYTES_MAX + 10];
    memset(long_name, 'a', sizeof long_name);
    (void)strcpy(long_name + DIAL_HOST_BYTES_MAX + 1, ":1");
    const char *const texts[] = {
        "",
        "https://",
        "hub",
        "hub:",
        "hub:0",
        "hub:65536",
        "hub:99999999999",
        "hub:+1",
        "hub:1x",
        ":8443",
        "h ub:1",
        "http://hub:8443",
        "ftp://h:1",
        "hub:8443/v1",
        "a@hub:8443",
        "[::1:8443",
        "[::1]",
        "[]:1",
        "[hub-1]:8443",
        "2001:db8::1:8443",
        "hub:84:43",
        "https://hub:8443?",
        "[::1]8443",
        long_name,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct route route;
        struct error error = {0};
        assert_int_equal(read_hub(texts[i], &route, &error), STATUS_INVALID);
        assert_non_null(strstr(error.text, "is not https://host:port"));
    }
}

static void test_route__hubs_are_one_to_eight(void **state) {
    (void)state;
    const char *hubs[DIAL_PLACES_MAX + 2] = {NULL};
    struct route route;
    assert_int_equal(route_read(hubs, NULL, &route, NULL), STATUS_INVALID);
    assert_int_equal(route_read(NULL, NULL, &route, NULL), STATUS_INVALID);
    for (int i = 0; i < DIAL_PLACES_MAX; i++) {
        hubs[i] = i % 2 == 0 ? "a:1" : "b:2";
        assert_int_equal(route_read(hubs, NULL, &route, NULL), STATUS_OK);
        assert_int_equal(route.hub_count, i + 1);
    }
    hubs[DIAL_PLACES_MAX] = "c:3";
    assert_int_equal(route_read(hubs, NULL, &route, NULL), STATUS_INVALID);
}

static void test_route__a_proxy_may_want_a_login(void **state) {
    (void)state;
    const struct {
        const char *text, *host, *login;
        uint16_t port;
    } cases[] = {
        {"http://proxy:3128", "proxy", "", 3128},
        {"proxy:3128/", "proxy", "", 3128},
        {"http://proxy.example", "proxy.example", "", 80},
        {"http://[::1]:3128", "::1", "", 3128},
        {"http://user:password@proxy:3128", "proxy", "dXNlcjpwYXNzd29yZA==", 3128},
        {"http://user@proxy:3128", "proxy", "dXNlcjo=", 3128},
        {"http://user:@proxy:3128", "proxy", "dXNlcjo=", 3128},
        {"http://user:p%40ss%3Aword@proxy:3128", "proxy", "dXNlcjpwQHNzOndvcmQ=", 3128},
        {"http://user:p@ss@proxy:3128", "proxy", "dXNlcjpwQHNz", 3128},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct route route;
        assert_int_equal(read_proxy(cases[i].text, &route, NULL), STATUS_OK);
        assert_true(route.has_proxy);
        assert_string_equal(route.proxy.host, cases[i].host);
        assert_int_equal(route.proxy.port, cases[i].port);
        assert_string_equal(route.login, cases[i].login);
        route_done(&route);
        assert_string_equal(route.login, "");
    }
}

static void test_route__a_proxy_can_be_checked_alone(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(route_check_proxy("http://proxy.lan:3128", &err), STATUS_OK);
    assert_int_equal(route_check_proxy("http://me:word@proxy.lan", &err), STATUS_OK);
    assert_int_equal(route_check_proxy("http://proxy.lan:0", &err), STATUS_INVALID);
    assert_string_equal(err.text, "the proxy 'proxy.lan:0' is not http://host:port");
}

static void test_route__a_password_is_never_told(void **state) {
    (void)state;
    char long_login[400];
    memset(long_login, 'a', sizeof long_login);
    (void)strcpy(long_login + sizeof long_login - 20, "hunter2@proxy:3128");
    const char *const texts[] = {
        "http://user:hunter2@proxy:",     "http://user:hunter2@proxy:x",
        "http://user:hunter2%zz@proxy:1", "http://user:hunter2%00@proxy:1",
        "http://user:hunter2%4@proxy:1",  "https://user:hunter2@proxy:1/a",
        "http://user:hunter2@",           long_login,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct route route;
        struct error error = {0};
        assert_int_equal(read_proxy(texts[i], &route, &error), STATUS_INVALID);
        assert_null(strstr(error.text, "hunter2"));
        assert_non_null(strstr(error.text, "proxy"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route__hubs_are_read_as_people_write_them),
        cmocka_unit_test(test_route__what_is_no_hub_is_named),
        cmocka_unit_test(test_route__hubs_are_one_to_eight),
        cmocka_unit_test(test_route__a_proxy_may_want_a_login),
        cmocka_unit_test(test_route__a_proxy_can_be_checked_alone),
        cmocka_unit_test(test_route__a_password_is_never_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
