// SPDX-License-Identifier: Apache-2.0
#include "platform/link_test.h"
#include "platform/test_names.h"

#include <fcntl.h>

enum { SOON_MS = 1000, UNHURRIED_MS = 6000, BUSY_LINES = 8, CUT_STEP_BYTES = 13 };

static struct link_peer hub_that(void (*talk)(struct link_peer *, gnutls_session_t)) {
    return (struct link_peer){.wish = {.identity = hub_identity, .trusted = authority},
                              .talk = talk};
}

static struct link_peer plain_that(void (*talk)(struct link_peer *, int)) {
    return (struct link_peer){.talk_plain = talk, .cut_after_bytes = SIZE_MAX};
}

static void talk_nothing(struct link_peer *peer, gnutls_session_t session) {
    (void)peer;
    peer_wait_for_end(session);
}

/* --- who answers --- */

static void test_link__who_is_not_our_hub_gets_nothing(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_nothing);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene.options.pin.bytes = (const char *)stranger->pin;
    scene_check_not_connected(&scene, STATUS_DENIED, "who answers is not our hub");
    scene.options.pin.count = 16;
    scene_check_not_connected(&scene, STATUS_DENIED, "who answers is not our hub");
    scene.options.pin.bytes = (const char *)authority->pin;
    scene_connect(&scene);
    scene_done(&scene);
    link_peer_stop(&hub);
    assert_int_equal(hub.handshakes, 1);
}

static void test_link__a_hub_whose_certificate_has_ended_is_refused(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_nothing);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene.options.clock_floor_ms = (TEST_NOW_S + 400L * TEST_DAY_S) * 1000;
    scene_check_not_connected(&scene, STATUS_DENIED, "ended at 2027-01-01T00:00:00.000Z");
    scene.options.clock_floor_ms = 0; /* a clock that was never set */
    scene_connect(&scene);
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void test_link__a_hub_that_does_not_take_us_says_so(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_nothing);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene.options.certificate = SLICE("");
    scene.options.key = SLICE("");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
        scene_check_lost(&scene, STATUS_DENIED, "does not take this device's certificate");
        scene.options.certificate = slice_of(hub_identity->chain_pem); /* not one for clients */
        scene.options.key = slice_of(hub_identity->key_pem);
    }
    scene_done(&scene);
    link_peer_stop(&hub);
    assert_int_equal(hub.handshakes, 0);
}

static void test_link__who_has_no_certificate_yet_may_enrol(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    hub.wish.trusted = NULL;
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene.options.certificate = SLICE("");
    scene.options.key = SLICE("");
    scene.options.pin.count = 16;
    scene_connect(&scene);
    scene_ask(&scene, SLICE("a request for a certificate"));
    assert_int_equal(scene.code, 200);
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void test_link__a_hub_of_older_tls_is_refused(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_nothing);
    hub.wish.suites = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_check_not_connected(&scene, STATUS_CORRUPT, "ends the TLS connection");
    scene_done(&scene);
    link_peer_stop(&hub);
    assert_int_equal(hub.handshakes, 0);
}

/* --- lines that break, and hubs that are silent --- */

static void test_link__a_handshake_that_breaks_off_is_told(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_nothing);
    struct link_peer relay = plain_that(peer_talk_relay);
    link_peer_start(&hub);
    relay.onward_port = hub.port;
    link_peer_start(&relay);
    scene_open(&scene, relay.port);
    bool connected = false;
    for (size_t cut = 0; !connected; cut += CUT_STEP_BYTES) {
        assert_true(cut < 4096);
        relay.cut_after_bytes = cut;
        assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
        connected = scene_await(&scene, TOLD_CONNECTED | TOLD_LOST) == TOLD_CONNECTED;
        assert_true(connected || scene.error.code == STATUS_OFFLINE);
        link_close(scene.link);
    }
    scene_done(&scene);
    link_peer_stop(&relay);
    link_peer_stop(&hub);
}

static void talk_noise(struct link_peer *peer, int line) {
    const char *noise = peer->owner;
    (void)send(line, noise, strlen(noise), MSG_NOSIGNAL);
    char byte;
    while (recv(line, &byte, 1, 0) == 1) {
    }
}

static void test_link__who_does_not_speak_tls_is_refused(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = plain_that(talk_noise);
    hub.owner = (void *)(uintptr_t) "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_check_not_connected(&scene, STATUS_CORRUPT, "not the TLS 1.3 that we speak");
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void talk_silence(struct link_peer *peer, int line) {
    (void)peer;
    char byte;
    while (recv(line, &byte, 1, 0) == 1) {
    }
}

static void test_link__a_hub_that_never_answers_is_not_awaited_for_ever(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = plain_that(talk_silence);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene.options.connect_ms = SOON_MS;
    scene_check_not_connected(&scene, STATUS_TIMEOUT, "the handshake does not end");
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* --- several addresses --- */

static int port_of_nobody(void) {
    int port = 0;
    const int line = peer_listen(false, 0, 1, &port);
    assert_true(line >= 0);
    (void)close(line);
    return port;
}

static void name_hub(struct scene *scene, int index, const char *host, int port) {
    (void)snprintf(scene->hub_texts[index], HUB_TEXT_BYTES, "%s:%d", host, port);
    scene->hubs[index] = scene->hub_texts[index];
}

static void test_link__where_nobody_listens_is_passed_over(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    const int nobody = port_of_nobody();
    link_peer_start(&hub);
    scene_open(&scene, nobody);
    scene_check_not_connected(&scene, STATUS_OFFLINE, "Connection refused");
    name_hub(&scene, 1, "127.0.0.1", hub.port);
    scene_connect(&scene);
    scene_ask(&scene, SLICE("x"));
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* A port whose queue is full: who wants to connect there hears nothing. */
static void test_link__an_address_that_is_silent_is_passed_over(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    int silent = 0;
    int lines[BUSY_LINES];
    const int busy = peer_listen(false, 0, 0, &silent);
    for (int i = 0; i < BUSY_LINES; i++) {
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                            .sin_port = htons((uint16_t)silent)};
        lines[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(lines[i], (const struct sockaddr *)&address, sizeof address);
    }
    link_peer_start(&hub);
    scene_open(&scene, silent);
    scene.options.connect_ms = SOON_MS;
    scene_check_not_connected(&scene, STATUS_TIMEOUT, "nobody answers");
    name_hub(&scene, 1, "127.0.0.1", hub.port);
    scene.options.connect_ms = UNHURRIED_MS;
    scene_connect(&scene);
    scene_done(&scene);
    link_peer_stop(&hub);
    for (int i = 0; i < BUSY_LINES; i++) {
        (void)close(lines[i]);
    }
    (void)close(busy);
}

/* The second hub is ours. What the first one was is only told when none of them is. */
static void test_link__who_is_not_our_hub_is_passed_over_and_not_forgotten(void **state) {
    (void)state;
    struct scene scene;
    struct test_identity *other =
        test_identity_make(stranger, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    struct link_peer liar = hub_that(talk_nothing);
    struct link_peer hub = hub_that(talk_echo);
    liar.wish.identity = other;
    link_peer_start(&liar);
    link_peer_start(&hub);
    scene_open(&scene, liar.port);
    name_hub(&scene, 1, "127.0.0.1", hub.port);
    scene_connect(&scene);
    scene_ask(&scene, SLICE("x"));
    link_close(scene.link);
    link_peer_stop(&hub);
    assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
    scene_check_lost(&scene, STATUS_DENIED, "who answers is not our hub");
    scene_done(&scene);
    link_peer_stop(&liar);
    assert_int_equal(liar.handshakes, 0);
    test_identity_free(other);
}

static bool has_ipv6(void) {
    int port = 0;
    const int line = peer_listen(true, 0, 1, &port);
    (void)close(line);
    return line >= 0;
}

static void test_link__a_hub_may_have_an_address_of_version_6(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    if (!has_ipv6()) {
        skip();
    }
    hub.is_ipv6 = true;
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    name_hub(&scene, 0, "https://[::1]", hub.port);
    scene_connect(&scene);
    struct link_facts facts;
    char address[64];
    link_facts(scene.link, &facts);
    (void)snprintf(address, sizeof address, "[::1]:%d", hub.port);
    assert_string_equal(facts.address, address);
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void test_link__a_hub_may_have_a_name(void **state) {
    (void)state;
    struct scene scene;
    need_localhost();
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    name_hub(&scene, 0, "https://localhost", hub.port); /* its version 6 is tried and refused */
    scene_connect(&scene);
    scene_ask(&scene, SLICE("x"));
    link_close(scene.link);
    name_hub(&scene, 0, "nobody..here", hub.port);
    assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
    scene_check_lost(&scene, STATUS_OFFLINE, "look up 'nobody..here'");
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void test_link__a_name_that_is_looked_up_may_be_forgotten(void **state) {
    (void)state;
    struct scene scene;
    need_localhost();
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    for (int i = 0; i < 100; i++) {
        name_hub(&scene, 0, "nobody..here", hub.port);
        assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
        scene_rest(&scene, i % 5);
        link_close(scene.link);
        if (i % 10 == 9) { /* what is found joins what was forgotten */
            name_hub(&scene, 0, "localhost", hub.port);
            scene_connect(&scene);
            link_close(scene.link);
        }
    }
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* --- proxies --- */

static void open_with_proxy(struct scene *scene, const struct link_peer *hub,
                            const struct link_peer *proxy, char text[HUB_TEXT_BYTES]) {
    scene_open(scene, hub->port);
    (void)snprintf(text, HUB_TEXT_BYTES, "http://a:s%%40fe@127.0.0.1:%d", proxy->port);
    scene->options.proxy = text;
}

static void test_link__a_proxy_leads_to_the_hub(void **state) {
    (void)state;
    struct scene scene;
    char text[HUB_TEXT_BYTES];
    struct link_peer hub = hub_that(talk_echo);
    struct link_peer proxy = plain_that(peer_talk_proxy);
    link_peer_start(&hub);
    proxy.onward_port = hub.port;
    link_peer_start(&proxy);
    open_with_proxy(&scene, &hub, &proxy, text);
    scene_connect(&scene);
    scene_ask(&scene, SLICE("by way of another"));
    assert_true(slice_is(buffer_slice(&scene.body), "by way of another"));
    char head[256];
    (void)snprintf(head, sizeof head,
                   "CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                   "Proxy-Authorization: Basic YTpzQGZl\r\n\r\n",
                   hub.port, hub.port);
    assert_string_equal(proxy.head, head);
    (void)snprintf(head, sizeof head, "Host: 127.0.0.1:%d\r\n", hub.port);
    assert_non_null(strstr(hub.head, head));
    assert_null(strstr(hub.head, "Proxy-Authorization"));
    /* Who answers behind a proxy is looked at like anybody. */
    link_close(scene.link);
    scene.options.pin.bytes = (const char *)stranger->pin;
    assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
    scene_check_lost(&scene, STATUS_DENIED, "who answers is not our hub");
    scene_done(&scene);
    link_peer_stop(&proxy);
    link_peer_stop(&hub);
}

/* Says what its owner wants, to whatever it hears. */
static void talk_refusal(struct link_peer *peer, int line) {
    const char *text = peer->owner;
    if (peer_hear_head(peer, NULL, line) && strcmp(text, "") != 0) {
        (void)send(line, text, strlen(text), MSG_NOSIGNAL);
        talk_silence(peer, line);
    }
}

static void test_link__a_proxy_that_does_not_let_us_through_says_why(void **state) {
    (void)state;
    const struct {
        const char *says;
        status code;
        const char *words;
    } cases[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 6\r\n\r\n<html>",
         STATUS_DENIED, "another user or password"},
        {"HTTP/1.0 403 Forbidden\r\n\r\n", STATUS_DENIED, "it answers 403"},
        {"HTTP/1.1 502 Bad Gateway\r\n\r\n", STATUS_OFFLINE, "it answers 502"},
        {"SSH-2.0-proxy\r\n", STATUS_CORRUPT, "its first line: 'SSH-2.0-proxy'"},
        {"HTTP/1.1 200 OK\r\n\r\nnot TLS", STATUS_CORRUPT, "not the TLS 1.3 that we speak"},
        {"HTTP/1.1 200 OK\r\n", STATUS_TIMEOUT, "the proxy is silent"},
        {"", STATUS_OFFLINE, "the proxy closed the connection"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        char text[HUB_TEXT_BYTES];
        struct link_peer hub = {.port = 1};
        struct link_peer proxy = plain_that(talk_refusal);
        proxy.owner = (void *)(uintptr_t)cases[i].says;
        link_peer_start(&proxy);
        open_with_proxy(&scene, &hub, &proxy, text);
        scene.options.connect_ms = cases[i].code == STATUS_TIMEOUT ? SOON_MS : 0;
        scene_check_not_connected(&scene, cases[i].code, cases[i].words);
        assert_null(strstr(scene.error.text, "s@fe"));
        scene_done(&scene);
        link_peer_stop(&proxy);
    }
}

/* --- options, and memory --- */

static void test_link__options_that_are_none_are_refused_at_once(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene, 1);
    const struct link_options good = scene.options;
    struct link_options options = good;
    const char *const none[] = {NULL};
    options.hubs = none;
    assert_int_equal(link_connect(scene.link, &options, NULL), STATUS_INVALID);
    options = good;
    options.pin.count = 31;
    assert_int_equal(link_connect(scene.link, &options, NULL), STATUS_INVALID);
    options = good;
    options.key = slice_of(hub_identity->key_pem);
    assert_int_equal(link_connect(scene.link, &options, NULL), STATUS_INVALID);
    options = good;
    options.proxy = "socks://proxy";
    assert_int_equal(link_connect(scene.link, &options, NULL), STATUS_INVALID);
    struct link_facts facts;
    link_facts(scene.link, &facts);
    assert_int_equal(facts.state, LINK_AWAY);
    assert_string_equal(facts.address, "");
    scene_done(&scene);
}

static void test_link__without_memory_it_says_so(void **state) {
    (void)state;
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    size_t asked = 1;
    for (long index = 0; asked > (size_t)index; index++) {
        struct scene scene;
        scene_open(&scene, hub.port);
        (void)memory_fail_at(index, 0);
        status code = link_connect(scene.link, &scene.options, &scene.error);
        if (code == STATUS_OK) {
            const enum told told = scene_await(&scene, TOLD_CONNECTED | TOLD_LOST);
            code = told == TOLD_LOST ? scene.error.code : STATUS_OK;
        }
        if (code == STATUS_OK) {
            code = link_ask(scene.link, &POST, SLICE("x"), &scene.error);
        }
        if (code == STATUS_OK) {
            const enum told told = scene_await(&scene, TOLD_ANSWERED | TOLD_LOST);
            code = told == TOLD_LOST ? scene.error.code : STATUS_OK;
        }
        asked = memory_fail_at(-1, 0);
        assert_int_equal(code, asked > (size_t)index ? STATUS_NO_MEMORY : STATUS_OK);
        scene_done(&scene);
    }
    link_peer_stop(&hub);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__who_is_not_our_hub_gets_nothing),
        cmocka_unit_test(test_link__a_hub_whose_certificate_has_ended_is_refused),
        cmocka_unit_test(test_link__a_hub_that_does_not_take_us_says_so),
        cmocka_unit_test(test_link__who_has_no_certificate_yet_may_enrol),
        cmocka_unit_test(test_link__a_hub_of_older_tls_is_refused),
        cmocka_unit_test(test_link__a_handshake_that_breaks_off_is_told),
        cmocka_unit_test(test_link__who_does_not_speak_tls_is_refused),
        cmocka_unit_test(test_link__a_hub_that_never_answers_is_not_awaited_for_ever),
        cmocka_unit_test(test_link__where_nobody_listens_is_passed_over),
        cmocka_unit_test(test_link__an_address_that_is_silent_is_passed_over),
        cmocka_unit_test(test_link__who_is_not_our_hub_is_passed_over_and_not_forgotten),
        cmocka_unit_test(test_link__a_hub_may_have_an_address_of_version_6),
        cmocka_unit_test(test_link__a_hub_may_have_a_name),
        cmocka_unit_test(test_link__a_name_that_is_looked_up_may_be_forgotten),
        cmocka_unit_test(test_link__a_proxy_leads_to_the_hub),
        cmocka_unit_test(test_link__a_proxy_that_does_not_let_us_through_says_why),
        cmocka_unit_test(test_link__options_that_are_none_are_refused_at_once),
        cmocka_unit_test(test_link__without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, set_up_identities, tear_down_identities);
}
