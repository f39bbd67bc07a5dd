// SPDX-License-Identifier: Apache-2.0
#include "platform/lookup.h"
#include "platform/test_names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 200 };

/* What was told, and how often. */
static struct {
    int times, awaited;
    struct loop *loop;
    struct lookup_addresses addresses;
    struct error error;
} told;

static void found(void *owner, const struct lookup_addresses *addresses,
                  const struct error *error) {
    (void)owner;
    told.times++;
    told.addresses = *addresses;
    told.error = error != NULL ? *error : (struct error){0};
    if (told.times == told.awaited) {
        loop_stop(told.loop);
    }
}

static const struct lookup_asker ASKER = {.found = found};

static int set_up(void **state) {
    (void)state;
    memset(&told, 0, sizeof told);
    return loop_create(&told.loop, NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    loop_destroy(told.loop);
    return 0;
}

static void ask(const char *host, struct lookup **out_lookup) {
    assert_int_equal(lookup_begin(told.loop, host, 8443, &ASKER, out_lookup, NULL), STATUS_OK);
}

/* As soon as fewer than eight have not ended. */
static void ask_at_last(const char *host, struct lookup **out_lookup) {
    while (lookup_begin(told.loop, host, 8443, &ASKER, out_lookup, NULL) != STATUS_OK) {
    }
}

static void await(int times) {
    told.awaited = times;
    loop_run(told.loop);
    assert_int_equal(told.times, times);
}

static void test_lookup__digits_are_their_own_answer(void **state) {
    (void)state;
    struct sockaddr_storage address;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    assert_true(lookup_read("203.0.113.7", 8443, &address));
    assert_int_equal(lookup_address_bytes(&address), sizeof v4);
    memcpy(&v4, &address, sizeof v4);
    assert_int_equal(ntohl(v4.sin_addr.s_addr), 0xcb007107);
    assert_int_equal(ntohs(v4.sin_port), 8443);
    assert_true(lookup_read("2001:db8::1", 65535, &address));
    assert_int_equal(lookup_address_bytes(&address), sizeof v6);
    memcpy(&v6, &address, sizeof v6);
    assert_int_equal(v6.sin6_addr.s6_addr[15], 1);
    assert_int_equal(ntohs(v6.sin6_port), 65535);
    const char *const names[] = {"", "localhost", "203.0.113", "203.0.113.256", "0x7f.1", "::g"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(lookup_read(names[i], 1, &address));
    }
}

static void test_lookup__a_name_has_addresses(void **state) {
    (void)state;
    struct lookup *lookup = NULL;
    need_localhost();
    ask("localhost", &lookup);
    assert_int_equal(told.times, 0);
    await(1);
    assert_int_equal(told.error.code, STATUS_OK);
    assert_true(told.addresses.count >= 1);
    bool is_ours = false;
    for (size_t i = 0; i < told.addresses.count; i++) {
        struct sockaddr_in v4;
        memcpy(&v4, &told.addresses.addresses[i], sizeof v4);
        is_ours |= v4.sin_family == AF_INET && ntohl(v4.sin_addr.s_addr) == INADDR_LOOPBACK &&
                   ntohs(v4.sin_port) == 8443;
    }
    assert_true(is_ours);
}

static void test_lookup__a_name_that_is_none_is_told(void **state) {
    (void)state;
    struct lookup *lookup = NULL;
    char long_name[LOOKUP_HOST_BYTES_MAX + 2];
    ask("nobody..here", &lookup);
    await(1);
    assert_int_equal(told.error.code, STATUS_OFFLINE);
    assert_non_null(strstr(told.error.text, "look up 'nobody..here'"));
    assert_int_equal(told.addresses.count, 0);
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(lookup_begin(told.loop, long_name, 1, &ASKER, &lookup, NULL), STATUS_INVALID);
    assert_int_equal(lookup_begin(told.loop, "", 1, &ASKER, &lookup, NULL), STATUS_INVALID);
}

static void test_lookup__no_more_than_eight_are_under_way(void **state) {
    (void)state;
    struct lookup *lookups[LOOKUPS_MAX + 1];
    struct error error = {0};
    for (int i = 0; i < LOOKUPS_MAX; i++) {
        ask("localhost", &lookups[i]);
    }
    assert_int_equal(lookup_begin(told.loop, "localhost", 1, &ASKER, &lookups[LOOKUPS_MAX], &error),
                     STATUS_OFFLINE);
    await(LOOKUPS_MAX);
    ask("localhost", &lookups[0]);
    await(LOOKUPS_MAX + 1);
}

static void test_lookup__what_is_forgotten_is_never_told(void **state) {
    (void)state;
    struct lookup *lookup = NULL;
    lookup_forget(NULL);
    int asked = 0;
    for (int i = 0; i < MANY; i++) {
        if (lookup_begin(told.loop, "localhost", 1, &ASKER, &lookup, NULL) == STATUS_OK) {
            lookup_forget(lookup);
            asked++;
        } else { /* eight have not ended: somebody waits for one of them */
            told.times = 0;
            ask_at_last("localhost", &lookup);
            await(1);
        }
    }
    assert_true(asked > 0);
    told.times = 0;
    ask_at_last("localhost", &lookup);
    await(1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lookup__digits_are_their_own_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_lookup__a_name_has_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lookup__a_name_that_is_none_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_lookup__no_more_than_eight_are_under_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_lookup__what_is_forgotten_is_never_told, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
