// SPDX-License-Identifier: Apache-2.0
#include "wire/hub_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_hub_address__is_read_and_written_whole(void **state) {
    (void)state;
    static const char *const SAID[][2] = {
        {"hub.example", "hub.example:8443"},
        {"hub.example:443", "hub.example:443"},
        {" https://hub.example ", "hub.example:8443"},
        {"https://hub.example:9443/", "hub.example:9443"},
        {"10.0.0.7:8443", "10.0.0.7:8443"},
        {"[2001:db8::7]", "[2001:db8::7]:8443"},
        {"[fe80::1%eth0]:443", "[fe80::1%eth0]:443"},
        {"my_hub-1", "my_hub-1:8443"},
    };
    for (size_t i = 0; i < sizeof(SAID) / sizeof(SAID[0]); i++) {
        struct hub_address address;
        struct error err = {0};
        char text[HUB_ADDRESS_BYTES_MAX];
        assert_int_equal(hub_address_read(slice_of(SAID[i][0]), &address, &err), STATUS_OK);
        hub_address_write(&address, text);
        assert_string_equal(text, SAID[i][1]);
    }
}

static void test_hub_address__that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const SAID[] = {"",           ":8443",    "hub:",  "hub:0",
                                       "hub:65536",  "hub:84x",  "[::1",  "[::1]8443",
                                       "[::1]:",     "[]:8443",  "[%8]",  "2001:db8::7",
                                       "http://hub", "hub/path", "hub 1", "hub:99999999999"};
    for (size_t i = 0; i < sizeof(SAID) / sizeof(SAID[0]); i++) {
        struct hub_address address;
        struct error err = {0};
        assert_int_equal(hub_address_read(slice_of(SAID[i]), &address, &err), STATUS_INVALID);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hub_address__is_read_and_written_whole),
        cmocka_unit_test(test_hub_address__that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
