// SPDX-License-Identifier: Apache-2.0
#include "platform/tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/test_tls.h"

enum { ROUNDS_MAX = 100, LINE_BYTES_MAX = 1 << 20, SAID_BYTES_MAX = 1 << 16 };

static struct test_identity *authority, *stranger, *hub, *device;

static int set_up_identities(void **state) {
    (void)state;
    authority = test_identity_make(NULL, (struct test_wish){.is_authority = 1});
    stranger = test_identity_make(NULL, (struct test_wish){.is_authority = 1});
    hub = test_identity_make(authority, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    device = test_identity_make(authority, (struct test_wish){0});
    return 0;
}

static int tear_down_identities(void **state) {
    (void)state;
    test_identity_free(authority);
    test_identity_free(stranger);
    test_identity_free(hub);
    test_identity_free(device);
    return 0;
}

/* A client and a server with two heaps of bytes between them. */
struct pair {
    struct tls *client;
    struct test_server server;
    struct buffer to_server, to_client;
    size_t client_sent; /* in all */
    bool server_is_ready;
    int server_code; /* of its last step */
    struct error error;
};

static ssize_t server_push(gnutls_transport_ptr_t owner, const void *bytes, size_t count) {
    struct pair *pair = owner;
    buffer_add(&pair->to_client, (struct slice){.bytes = bytes, .count = count});
    return (ssize_t)count;
}

static ssize_t server_pull(gnutls_transport_ptr_t owner, void *room, size_t bytes) {
    struct pair *pair = owner;
    const size_t count = bytes < pair->to_server.count ? bytes : pair->to_server.count;
    if (count == 0) {
        gnutls_transport_set_errno(pair->server.session, EAGAIN);
        return -1;
    }
    memcpy(room, pair->to_server.bytes, count);
    buffer_drop(&pair->to_server, count);
    return (ssize_t)count;
}

static int server_may_pull(gnutls_transport_ptr_t owner, unsigned within_ms) {
    const struct pair *pair = owner;
    (void)within_ms;
    return pair->to_server.count > 0;
}

static struct tls_options options_of_device(void) {
    return (struct tls_options){
        .pin = {.bytes = (const char *)authority->pin, .count = TLS_PIN_BYTES},
        .certificate = slice_of(device->chain_pem),
        .key = slice_of(device->key_pem),
        .clock_floor_ms = TEST_NOW_S * 1000,
        .name = "hub.example"};
}

static void pair_open(struct pair *pair, const struct tls_options *options,
                      struct test_server_wish wish) {
    *pair = (struct pair){.server_code = GNUTLS_E_AGAIN};
    buffer_init(&pair->to_server, LINE_BYTES_MAX);
    buffer_init(&pair->to_client, LINE_BYTES_MAX);
    assert_int_equal(tls_create(options, &pair->client, &pair->error), STATUS_OK);
    test_server_open(&pair->server, wish);
    gnutls_transport_set_ptr(pair->server.session, pair);
    gnutls_transport_set_push_function(pair->server.session, server_push);
    gnutls_transport_set_pull_function(pair->server.session, server_pull);
    gnutls_transport_set_pull_timeout_function(pair->server.session, server_may_pull);
}

static void pair_done(struct pair *pair) {
    tls_destroy(pair->client);
    test_server_close(&pair->server);
    buffer_done(&pair->to_server);
    buffer_done(&pair->to_client);
}

static void send_to_server(struct pair *pair) {
    const struct slice outgoing = tls_outgoing(pair->client);
    pair->client_sent += outgoing.count;
    buffer_add(&pair->to_server, outgoing);
    tls_sent(pair->client, outgoing.count);
}

/* What the server said so far reaches the client, in pieces. */
static status give_client(struct pair *pair, size_t piece_bytes) {
    while (pair->to_client.count > 0) {
        const struct slice piece = slice_part(buffer_slice(&pair->to_client), 0, piece_bytes);
        status code = tls_receive(pair->client, piece, &pair->error);
        buffer_drop(&pair->to_client, piece.count);
        if (code == STATUS_OK && !tls_is_ready(pair->client)) {
            code = tls_shake(pair->client, &pair->error);
        }
        if (code != STATUS_OK) {
            return code;
        }
    }
    return STATUS_OK;
}

static void step_server(struct pair *pair) {
    if (!pair->server_is_ready) {
        pair->server_code = gnutls_handshake(pair->server.session);
        pair->server_is_ready = pair->server_code == 0;
        if (pair->server_code < 0 && gnutls_error_is_fatal(pair->server_code)) {
            (void)gnutls_alert_send_appropriate(pair->server.session, pair->server_code);
        }
    }
}

/* Until both are ready, or one of them fails. */
static status shake_hands(struct pair *pair, size_t piece_bytes) {
    status code = tls_shake(pair->client, &pair->error);
    for (int i = 0; i < ROUNDS_MAX && code == STATUS_OK; i++) {
        send_to_server(pair);
        step_server(pair);
        code = give_client(pair, piece_bytes);
        if (pair->server_is_ready && tls_is_ready(pair->client)) {
            break;
        }
    }
    return code;
}

/* What TLS 1.3 says so that old boxes on the way take it for TLS 1.2: it tells nothing of us. */
static bool is_nothing(struct slice outgoing) {
    return outgoing.count == 0 ||
           slice_equal(outgoing, (struct slice){.bytes = "\x14\x03\x03\x00\x01\x01", .count = 6});
}

/* How it ends for the device when the hub shows itself like this, and that nothing of ours goes out
 * if it ends badly. */
static status outcome(const struct tls_options *options, struct test_server_wish wish,
                      struct error *out_error) {
    struct pair pair;
    pair_open(&pair, options, wish);
    assert_int_equal(tls_shake(pair.client, &pair.error), STATUS_OK);
    const size_t opening_bytes = tls_outgoing(pair.client).count;
    const status code = shake_hands(&pair, SAID_BYTES_MAX);
    if (code != STATUS_OK) {
        assert_true(is_nothing(tls_outgoing(pair.client)));
        assert_int_equal(pair.client_sent, opening_bytes);
        assert_false(pair.server_is_ready);
        assert_null(gnutls_certificate_get_peers(pair.server.session, NULL));
    }
    *out_error = pair.error;
    pair_done(&pair);
    return code;
}

static void check_denied(const struct tls_options *options, struct test_server_wish wish,
                         const char *words) {
    struct error error = {0};
    assert_int_equal(outcome(options, wish, &error), STATUS_DENIED);
    if (strstr(error.text, words) == NULL) {
        assert_string_equal(error.text, words);
    }
}

static void test_tls__what_is_written_on_one_end_is_read_on_the_other(void **state) {
    (void)state;
    struct pair pair;
    const struct tls_options options = options_of_device();
    pair_open(&pair, &options, (struct test_server_wish){.identity = hub, .trusted = authority});
    assert_int_equal(shake_hands(&pair, SAID_BYTES_MAX), STATUS_OK);
    assert_true(pair.server_is_ready);
    assert_int_equal(gnutls_protocol_get_version(pair.server.session), GNUTLS_TLS1_3);
    char name[64];
    size_t name_bytes = sizeof name;
    unsigned type = 0;
    assert_int_equal(gnutls_server_name_get(pair.server.session, name, &name_bytes, &type, 0), 0);
    assert_string_equal(name, "hub.example");

    char said[TLS_RECORD_BYTES_MAX];
    assert_int_equal(tls_write(pair.client, SLICE("ask"), &pair.error), STATUS_OK);
    send_to_server(&pair);
    assert_int_equal(gnutls_record_recv(pair.server.session, said, sizeof said), 3);
    assert_memory_equal(said, "ask", 3);
    assert_int_equal(gnutls_record_send(pair.server.session, "answer", 6), 6);
    size_t count = 0;
    while (pair.to_client.count > 0) { /* one byte at a time: no record is taken for a whole one */
        assert_int_equal(tls_read(pair.client, said, sizeof said, &count, &pair.error), STATUS_OK);
        assert_int_equal(count, 0);
        assert_int_equal(
            tls_receive(pair.client, slice_part(buffer_slice(&pair.to_client), 0, 1), &pair.error),
            STATUS_OK);
        buffer_drop(&pair.to_client, 1);
    }
    assert_int_equal(tls_read(pair.client, said, sizeof said, &count, &pair.error), STATUS_OK);
    assert_int_equal(count, 6);
    assert_memory_equal(said, "answer", 6);
    pair_done(&pair);
}

static void test_tls__the_first_half_of_a_pin_is_a_pin(void **state) {
    (void)state;
    struct error error = {0};
    struct tls_options options = options_of_device();
    options.pin.count = TLS_PIN_BYTES_LEAST;
    assert_int_equal(outcome(&options, (struct test_server_wish){.identity = hub}, &error),
                     STATUS_OK);
    options.pin.bytes = (const char *)stranger->pin;
    check_denied(&options, (struct test_server_wish){.identity = hub}, "not our hub");
}

static void test_tls__a_wrong_pin_ends_the_handshake_before_anything_of_ours_is_sent(void **state) {
    (void)state;
    struct tls_options options = options_of_device();
    uint8_t pin[TLS_PIN_BYTES];
    options.pin.bytes = (const char *)pin;
    for (int bit = 0; bit < TLS_PIN_BYTES * 8; bit += 15) {
        memcpy(pin, authority->pin, sizeof pin);
        pin[bit / 8] ^= (uint8_t)(1U << bit % 8);
        check_denied(&options, (struct test_server_wish){.identity = hub, .trusted = authority},
                     "not our hub");
    }
}

static void test_tls__who_only_shows_our_authority_is_not_our_hub(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    struct test_identity *liar =
        test_identity_make(stranger, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER,
                                                        .shown_behind = authority});
    check_denied(&options, (struct test_server_wish){.identity = liar}, "not signed");
    test_identity_free(liar);
    liar = test_identity_make(
        NULL, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER, .shown_behind = authority});
    check_denied(&options, (struct test_server_wish){.identity = liar}, "not signed");
    test_identity_free(liar);
}

static void test_tls__an_authority_that_is_not_shown_is_not_guessed(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    struct test_identity *alone =
        test_identity_make(authority, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER,
                                                         .shown_behind = stranger});
    check_denied(&options, (struct test_server_wish){.identity = alone}, "not our hub");
    test_identity_free(alone);
    check_denied(&options, (struct test_server_wish){.identity = authority}, "not our hub");
}

static void test_tls__a_device_cannot_be_taken_for_the_hub(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    check_denied(&options, (struct test_server_wish){.identity = device}, "not one for servers");
    struct test_identity *any = test_identity_make(authority, (struct test_wish){.purpose = ""});
    check_denied(&options, (struct test_server_wish){.identity = any}, "not one for servers");
    test_identity_free(any);
    /* A certificate that a device signed is worth nothing, however complete its chain. */
    struct test_identity *below =
        test_identity_make(device, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    check_denied(&options, (struct test_server_wish){.identity = below}, "not signed");
    test_identity_free(below);
}

static void test_tls__a_pinned_key_that_is_no_authority_signs_nothing(void **state) {
    (void)state;
    struct tls_options options = options_of_device();
    options.pin.bytes = (const char *)device->pin;
    struct test_identity *below =
        test_identity_make(device, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    check_denied(&options, (struct test_server_wish){.identity = below}, "not our hub");
    test_identity_free(below);
}

static void test_tls__what_ended_before_the_floor_is_refused(void **state) {
    (void)state;
    struct error error = {0};
    struct tls_options options = options_of_device();
    struct test_identity *old =
        test_identity_make(authority, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER,
                                                         .begins_s = TEST_NOW_S - 100 * TEST_DAY_S,
                                                         .ends_s = TEST_NOW_S - TEST_DAY_S});
    check_denied(&options, (struct test_server_wish){.identity = old, .trusted = authority},
                 "ended at 2025-12-31T00:00:00.000Z");
    /* The certificate is as old as it was, but nothing says that it is over. */
    options.clock_floor_ms = (TEST_NOW_S - 50 * TEST_DAY_S) * 1000;
    assert_int_equal(outcome(&options, (struct test_server_wish){.identity = old}, &error),
                     STATUS_OK);
    test_identity_free(old);
}

static void test_tls__a_floor_before_all_dates_locks_nobody_out(void **state) {
    (void)state;
    struct error error = {0};
    struct tls_options options = options_of_device();
    options.clock_floor_ms = 0;
    assert_int_equal(outcome(&options, (struct test_server_wish){.identity = hub}, &error),
                     STATUS_OK);
    struct test_identity *other =
        test_identity_make(stranger, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    check_denied(&options, (struct test_server_wish){.identity = other}, "not our hub");
    test_identity_free(other);
}

static void test_tls__keys_of_both_kinds_are_taken(void **state) {
    (void)state;
    struct error error = {0};
    struct tls_options options = options_of_device();
    const struct test_wish wish = {.is_authority = 1, .key_is_ed25519 = 1};
    struct test_identity *top = test_identity_make(NULL, wish);
    struct test_identity *server = test_identity_make(
        top, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER, .key_is_ed25519 = 1});
    struct test_identity *client = test_identity_make(top, (struct test_wish){.key_is_ed25519 = 1});
    options.pin.bytes = (const char *)top->pin;
    options.certificate = slice_of(client->chain_pem);
    options.key = slice_of(client->key_pem);
    assert_int_equal(
        outcome(&options, (struct test_server_wish){.identity = server, .trusted = top}, &error),
        STATUS_OK);
    test_identity_free(top);
    test_identity_free(server);
    test_identity_free(client);
}

static void test_tls__a_server_of_older_tls_is_refused(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    struct pair pair;
    pair_open(
        &pair, &options,
        (struct test_server_wish){.identity = hub, .suites = "NORMAL:-VERS-ALL:+VERS-TLS1.2"});
    assert_int_equal(shake_hands(&pair, SAID_BYTES_MAX), STATUS_CORRUPT);
    assert_non_null(strstr(pair.error.text, "the other side ends the TLS connection"));
    pair_done(&pair);
}

static size_t number_at(struct slice bytes, size_t at, size_t count) {
    size_t number = 0;
    for (size_t i = at; i < at + count && i < bytes.count; i++) {
        number = number << 8 | (unsigned char)bytes.bytes[i];
    }
    return number;
}

/* Whether the opening of a handshake has an extension of that number. */
static bool has_extension(struct slice opening, size_t wanted) {
    enum { HEADERS_BYTES = 5 + 4, FIXED_BYTES = 2 + 32 };
    size_t at = HEADERS_BYTES + FIXED_BYTES;
    at += 1 + number_at(opening, at, 1); /* the session's id, the suites, the compressions */
    at += 2 + number_at(opening, at, 2);
    at += 1 + number_at(opening, at, 1);
    for (at += 2; at < opening.count; at += 4 + number_at(opening, at + 2, 2)) {
        if (number_at(opening, at, 2) == wanted) {
            return true;
        }
    }
    return false;
}

static void test_tls__no_earlier_session_is_gone_on_with(void **state) {
    (void)state;
    enum { VERSIONS = 43, SESSION_TICKET = 35, KEY_MODES = 45, EARLY_DATA = 42, KEY_BEFORE = 41 };
    struct error error = {0};
    struct tls *tls = NULL;
    const struct tls_options options = options_of_device();
    assert_int_equal(tls_create(&options, &tls, &error), STATUS_OK);
    assert_int_equal(tls_shake(tls, &error), STATUS_OK);
    assert_true(has_extension(tls_outgoing(tls), VERSIONS));
    assert_false(has_extension(tls_outgoing(tls), SESSION_TICKET));
    assert_false(has_extension(tls_outgoing(tls), KEY_MODES)); /* without it, no server sends one */
    assert_false(has_extension(tls_outgoing(tls), EARLY_DATA));
    assert_false(has_extension(tls_outgoing(tls), KEY_BEFORE));
    tls_destroy(tls);
}

/* The server asks for a certificate and does not like ours, which the client hears after its own
 * handshake is through. */
static void test_tls__a_hub_that_does_not_take_our_certificate_says_so(void **state) {
    (void)state;
    struct tls_options options = options_of_device();
    struct test_identity *other = test_identity_make(stranger, (struct test_wish){0});
    for (int i = 0; i < 2; i++) {
        struct pair pair;
        char room[64];
        size_t count = 0;
        options.certificate = i == 0 ? slice_of(other->chain_pem) : (struct slice){0};
        options.key = i == 0 ? slice_of(other->key_pem) : (struct slice){0};
        pair_open(&pair, &options,
                  (struct test_server_wish){.identity = hub, .trusted = authority});
        assert_int_equal(shake_hands(&pair, SAID_BYTES_MAX), STATUS_OK);
        assert_false(pair.server_is_ready);
        assert_int_equal(tls_read(pair.client, room, sizeof room, &count, &pair.error),
                         STATUS_DENIED);
        assert_non_null(strstr(pair.error.text, "does not take this device's certificate"));
        pair_done(&pair);
    }
    test_identity_free(other);
}

static void test_tls__a_handshake_that_comes_byte_by_byte_is_the_same(void **state) {
    (void)state;
    struct pair pair;
    const struct tls_options options = options_of_device();
    pair_open(&pair, &options, (struct test_server_wish){.identity = hub, .trusted = authority});
    assert_int_equal(shake_hands(&pair, 1), STATUS_OK);
    assert_true(pair.server_is_ready);
    pair_done(&pair);
}

/* The bytes that a server says first, for a client that has said its opening. */
static size_t first_flight(struct pair *pair) {
    assert_int_equal(tls_shake(pair->client, &pair->error), STATUS_OK);
    send_to_server(pair);
    step_server(pair);
    return pair->to_client.count;
}

static void test_tls__a_handshake_cut_after_any_byte_just_waits(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    size_t cut = 0;
    size_t whole = 1;
    for (; cut < whole; cut++) {
        struct pair pair;
        pair_open(&pair, &options, (struct test_server_wish){.identity = hub});
        whole = first_flight(&pair);
        pair.to_client.count = cut < whole ? cut : whole;
        assert_int_equal(give_client(&pair, SAID_BYTES_MAX), STATUS_OK);
        assert_int_equal(tls_is_ready(pair.client), cut >= whole);
        pair_done(&pair);
    }
}

static void test_tls__a_byte_that_was_changed_never_makes_a_connection(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    size_t at = 0;
    size_t whole = 1;
    for (; at < whole; at++) {
        struct pair pair;
        pair_open(&pair, &options,
                  (struct test_server_wish){.identity = hub, .trusted = authority});
        whole = first_flight(&pair);
        if (at < whole) {
            pair.to_client.bytes[at] = (char)(pair.to_client.bytes[at] ^ 0x10);
        }
        (void)shake_hands(&pair, SAID_BYTES_MAX);
        if (pair.server_is_ready && tls_is_ready(pair.client)) {
            /* The version of a record is read by nobody. `whole` differs by a byte or two, as
             * signatures do. */
            assert_true(at == 2 || at >= whole);
        }
        pair_done(&pair);
    }
}

static void test_tls__what_is_no_tls_is_refused(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    const char *const noise[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                                 "\x15\x03\x01\x00\x02\x02\x28", "\x17\x03\x03\x00\x05hello"};
    const size_t counts[] = {28, 21, 7, 10};
    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
        struct pair pair;
        pair_open(&pair, &options, (struct test_server_wish){.identity = hub});
        (void)first_flight(&pair);
        buffer_clear(&pair.to_client);
        buffer_add(&pair.to_client, (struct slice){.bytes = noise[i], .count = counts[i]});
        assert_int_equal(give_client(&pair, SAID_BYTES_MAX), STATUS_CORRUPT);
        pair_done(&pair);
    }
}

static void test_tls__a_good_bye_is_told(void **state) {
    (void)state;
    struct pair pair;
    const struct tls_options options = options_of_device();
    char room[64];
    size_t count = 0;
    pair_open(&pair, &options, (struct test_server_wish){.identity = hub});
    assert_int_equal(shake_hands(&pair, SAID_BYTES_MAX), STATUS_OK);
    assert_int_equal(gnutls_bye(pair.server.session, GNUTLS_SHUT_WR), 0);
    assert_int_equal(give_client(&pair, SAID_BYTES_MAX), STATUS_OK);
    assert_int_equal(tls_read(pair.client, room, sizeof room, &count, &pair.error), STATUS_OFFLINE);
    pair_done(&pair);
}

static void test_tls__new_keys_in_the_middle_are_taken(void **state) {
    (void)state;
    struct pair pair;
    const struct tls_options options = options_of_device();
    char room[64];
    size_t count = 0;
    pair_open(&pair, &options, (struct test_server_wish){.identity = hub});
    assert_int_equal(shake_hands(&pair, SAID_BYTES_MAX), STATUS_OK);
    assert_int_equal(gnutls_session_key_update(pair.server.session, GNUTLS_KU_PEER), 0);
    assert_int_equal(gnutls_record_send(pair.server.session, "a", 1), 1);
    assert_int_equal(give_client(&pair, SAID_BYTES_MAX), STATUS_OK);
    assert_int_equal(tls_read(pair.client, room, sizeof room, &count, &pair.error), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tls_write(pair.client, SLICE("b"), &pair.error), STATUS_OK);
    send_to_server(&pair);
    ssize_t got = GNUTLS_E_AGAIN; /* after what it needed for the new keys */
    for (int i = 0; i < ROUNDS_MAX && got == GNUTLS_E_AGAIN; i++) {
        got = gnutls_record_recv(pair.server.session, room, sizeof room);
    }
    assert_int_equal(got, 1);
    pair_done(&pair);
}

static void test_tls__options_that_are_none_are_refused_by_name(void **state) {
    (void)state;
    struct error error = {0};
    struct tls *tls = NULL;
    struct tls_options options = options_of_device();
    options.pin.count = 20;
    assert_int_equal(tls_create(&options, &tls, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "pin"));
    options = options_of_device();
    options.key = SLICE("-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n");
    assert_int_equal(tls_create(&options, &tls, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "certificate and key"));
    options.key = slice_of(hub->key_pem); /* of another certificate */
    assert_int_equal(tls_create(&options, &tls, &error), STATUS_INVALID);
    assert_null(tls);
}

static void test_tls__without_memory_it_says_so(void **state) {
    (void)state;
    const struct tls_options options = options_of_device();
    size_t asked = 1;
    for (long index = 0; asked > (size_t)index; index++) {
        struct pair pair;
        pair_open(&pair, &options, (struct test_server_wish){.identity = hub});
        (void)memory_fail_at(-1, 0);
        tls_destroy(pair.client);
        (void)memory_fail_at(index, 0);
        status code = tls_create(&options, &pair.client, &pair.error);
        if (code != STATUS_OK) {
            pair.client = NULL;
        } else {
            code = tls_shake(pair.client, &pair.error);
        }
        asked = memory_fail_at(-1, 0);
        assert_int_equal(code, asked > (size_t)index ? STATUS_NO_MEMORY : STATUS_OK);
        pair_done(&pair);
    }
    assert_true(asked > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__what_is_written_on_one_end_is_read_on_the_other),
        cmocka_unit_test(test_tls__the_first_half_of_a_pin_is_a_pin),
        cmocka_unit_test(test_tls__a_wrong_pin_ends_the_handshake_before_anything_of_ours_is_sent),
        cmocka_unit_test(test_tls__who_only_shows_our_authority_is_not_our_hub),
        cmocka_unit_test(test_tls__an_authority_that_is_not_shown_is_not_guessed),
        cmocka_unit_test(test_tls__a_device_cannot_be_taken_for_the_hub),
        cmocka_unit_test(test_tls__a_pinned_key_that_is_no_authority_signs_nothing),
        cmocka_unit_test(test_tls__what_ended_before_the_floor_is_refused),
        cmocka_unit_test(test_tls__a_floor_before_all_dates_locks_nobody_out),
        cmocka_unit_test(test_tls__keys_of_both_kinds_are_taken),
        cmocka_unit_test(test_tls__a_server_of_older_tls_is_refused),
        cmocka_unit_test(test_tls__no_earlier_session_is_gone_on_with),
        cmocka_unit_test(test_tls__a_hub_that_does_not_take_our_certificate_says_so),
        cmocka_unit_test(test_tls__a_handshake_that_comes_byte_by_byte_is_the_same),
        cmocka_unit_test(test_tls__a_handshake_cut_after_any_byte_just_waits),
        cmocka_unit_test(test_tls__a_byte_that_was_changed_never_makes_a_connection),
        cmocka_unit_test(test_tls__what_is_no_tls_is_refused),
        cmocka_unit_test(test_tls__a_good_bye_is_told),
        cmocka_unit_test(test_tls__new_keys_in_the_middle_are_taken),
        cmocka_unit_test(test_tls__options_that_are_none_are_refused_by_name),
        cmocka_unit_test(test_tls__without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, set_up_identities, tear_down_identities);
}
