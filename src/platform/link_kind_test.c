// SPDX-License-Identifier: Apache-2.0
#include "platform/link_kind.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/file.h"
#include "platform/folder.h"

static char place[] = "/tmp/ebb-kinds-XXXXXX";

static int make_place(void **state) {
    (void)state;
    (void)strcpy(place, "/tmp/ebb-kinds-XXXXXX");
    return mkdtemp(place) == NULL;
}

static int end_place(void **state) {
    (void)state;
    struct error err;
    return folder_remove(place, &err) == STATUS_OK ? 0 : 1;
}

/* A file of the interface, as the kernel shows it; a folder where there is no text. */
static void put(const char *interface, const char *name, const char *text) {
    char path[256];
    struct error err;
    (void)snprintf(path, sizeof path, "%s/class/net/%s/%s", place, interface,
                   text == NULL ? name : "");
    assert_int_equal(file_make_folder(path, &err), STATUS_OK);
    if (text != NULL) {
        (void)snprintf(path, sizeof path, "%s/class/net/%s/%s", place, interface, name);
        assert_int_equal(file_replace(path, slice_of(text), &err), STATUS_OK);
    }
}

static const char *kind_of(const char *interface) {
    return link_kind_name(link_kind_of(place, interface));
}

static void test_link_kind__is_what_the_kernel_says(void **state) {
    (void)state;
    put("enp3s0", "type", "1\n");
    put("enp3s0", "uevent", "INTERFACE=enp3s0\nIFINDEX=2\n");
    put("enp3s0", "device", NULL);
    put("wlp2s0", "type", "1\n");
    put("wlp2s0", "device", NULL);
    put("wlp2s0", "uevent", "DEVTYPE=wlan\nINTERFACE=wlp2s0\n");
    put("old-radio", "wireless", NULL);
    put("new-radio", "phy80211", NULL);
    put("modem", "type", "1\n");
    put("modem", "device", NULL);
    put("modem", "uevent", "INTERFACE=modem\nDEVTYPE=wwan");
    assert_string_equal(kind_of("enp3s0"), "ethernet");
    assert_string_equal(kind_of("wlp2s0"), "wifi");
    assert_string_equal(kind_of("old-radio"), "wifi");
    assert_string_equal(kind_of("new-radio"), "wifi");
    assert_string_equal(kind_of("modem"), "cellular");
}

static void test_link_kind__of_a_modem_is_in_its_name_too(void **state) {
    (void)state;
    put("ppp0", "type", "512\n");
    put("wwan0", "type", "65534\n");
    assert_string_equal(kind_of("ppp0"), "cellular");
    assert_string_equal(kind_of("wwan0"), "cellular");
}

static void test_link_kind__of_what_is_no_cable_is_other(void **state) {
    (void)state;
    put("lo", "type", "772\n");
    put("br0", "type", "1\n");
    put("br0", "uevent", "DEVTYPE=bridge\n");
    put("wg0", "type", "65534\n");
    put("wg0", "uevent", "DEVTYPE=wireguard\n");
    put("tap0", "type", "1\n");
    put("can0", "type", "280\n");
    put("can0", "device", NULL);
    put("odd0", "type", "1\n");
    put("odd0", "uevent", "DEVTYPE=wwanother\nNODEVTYPE=wlan\n");
    static const char *const OTHERS[] = {"lo", "br0", "wg0", "tap0", "can0", "odd0", "none", ""};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        assert_string_equal(kind_of(OTHERS[i]), "other");
    }
}

/* A connection of this machine to itself goes by the loopback. */
static void test_link_kind__finds_the_interface_of_a_connection(void **state) {
    (void)state;
    char interface[LINK_INTERFACE_BYTES];
    const struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_false(link_kind_interface(descriptor, interface)); /* not connected: no address */
    assert_string_equal(interface, "");
    assert_int_equal(connect(descriptor, (const struct sockaddr *)&here, sizeof here), 0);
    assert_true(link_kind_interface(descriptor, interface));
    assert_string_equal(interface, "lo");
    assert_int_equal(link_kind_of("/sys", interface), LINK_KIND_OTHER);
    assert_int_equal(close(descriptor), 0);
    assert_false(link_kind_interface(-1, interface));
}

int main(void) {
#define KIND_TEST(name)                                                                            \
    cmocka_unit_test_setup_teardown(test_link_kind__##name, make_place, end_place)
    const struct CMUnitTest tests[] = {
        KIND_TEST(is_what_the_kernel_says),
        KIND_TEST(of_a_modem_is_in_its_name_too),
        KIND_TEST(of_what_is_no_cable_is_other),
        KIND_TEST(finds_the_interface_of_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
