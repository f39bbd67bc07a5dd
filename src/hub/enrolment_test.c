// SPDX-License-Identifier: Apache-2.0
#include "hub/enrolment.h"

#include "hub/api/resources.h"
#include "hub/test_office.h"

enum { KEYS_MAX = 3 };

/* Makes a token by a wish in JSON. */
static struct token make_token(struct test_office *hub, const char *wish) {
    struct token token;
    struct hub_call *call = test_office_call(hub);
    call->body = slice_of(wish);
    assert_int_equal(test_office_run(hub, hub_tokens), 200);
    assert_int_equal(token_read(test_office_said(hub, "token"), &token, &hub->err), STATUS_OK);
    return token;
}

static int enrol_with(struct test_office *hub, struct test_device *device,
                      const struct token *token, const char *more) {
    struct hub_call *call = test_office_call(hub);
    call->body = test_device_asks(hub, device, token, more);
    const int code = test_office_run(hub, enrolment_enrol);
    if (code == 200) {
        test_device_take(device, test_office_said(hub, "certificate"));
    }
    return code;
}

static int enrol(struct test_office *hub, struct test_device *device, const struct token *token) {
    return enrol_with(hub, device, token, ",\"facts\":{\"host\":\"pi\"}");
}

static int renew(struct test_office *hub, struct test_device *device) {
    struct hub_call *call = test_office_call(hub);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, 64 << 10);
    buffer_add_text(&body, "{\"csr\":");
    json_write_text(&body, buffer_slice(&device->csr));
    buffer_add_text(&body, "}");
    call->body = arena_copy(&hub->arena, buffer_slice(&body));
    call->certificate = buffer_slice(&device->certificate);
    const int code = test_office_run(hub, enrolment_renew);
    if (code == 200) {
        test_device_take(device, test_office_said(hub, "certificate"));
    }
    return code;
}

static struct digest fingerprint_of(const struct test_device *device) {
    return hash_sha256(buffer_slice(&device->certificate));
}

static bool may_come_in(struct test_office *hub, const struct test_device *device) {
    struct registered_device found;
    return registry_find_device(hub->registry, fingerprint_of(device), &found, &hub->err) ==
           STATUS_OK;
}

static int change(struct test_office *hub, const char *item, const char *verb, const char *body) {
    struct hub_call *call = test_office_call(hub);
    call->item = slice_of(item);
    call->verb = slice_of(verb);
    call->body = slice_of(body);
    return test_office_run(hub, hub_devices);
}

/* --- joining ---------------------------------------------------------------------------------- */

static void test_enrolment__a_token_becomes_a_device(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    struct certificate_facts facts;
    struct registered_device found;
    char uri[128];
    test_device_make(&device);
    const struct token token = make_token(hub, "{\"labels\":{\"line\":\"3\"}}");
    assert_string_equal(token.addresses, "hub.example:8443");
    assert_int_equal(enrol_with(hub, &device, &token,
                                ",\"name\":\"\",\"labels\":{\"room\":\"b\",\"line\":\"9\"},"
                                "\"facts\":{\"host\":\"Line3.Camera\"}"),
                     200);
    assert_true(slice_is(test_office_said(hub, "name"), "line3-camera"));
    assert_int_equal(certificate_read(test_office_said(hub, "certificate"), &facts, &hub->err),
                     STATUS_OK);
    (void)snprintf(uri, sizeof(uri), "ebb://works/device/%.*s",
                   SLICE_ARGS(test_office_said(hub, "device")));
    assert_string_equal(facts.uri, uri);
    assert_true(facts.for_client && !facts.for_server && !facts.is_authority);
    assert_int_equal(facts.not_after_ms, hub->now_ms + 90 * TEST_OFFICE_DAY_MS);
    assert_int_equal(certificate_check_issuer(test_office_said(hub, "certificate"),
                                              test_office_said(hub, "chain"), &hub->err),
                     STATUS_OK);
    assert_int_equal(
        registry_find_device(hub->registry, fingerprint_of(&device), &found, &hub->err), STATUS_OK);
    assert_true(slice_is(found.name, "line3-camera"));
    assert_int_equal(found.contact_ms, hub->now_ms);
    /* What the hub's token says goes before what the device says of itself. */
    assert_true(slice_is(found.labels, "{\"room\":\"b\",\"line\":\"3\"}"));
    test_device_done(&device);
}

/* The reply is lost: the same answer, byte for byte but for the time, and one device. */
static void test_enrolment__asked_again_gives_the_same(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    char first[CERTIFICATE_BYTES_MAX], id[64];
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    (void)snprintf(first, sizeof(first), "%.*s", SLICE_ARGS(test_office_said(hub, "certificate")));
    (void)snprintf(id, sizeof(id), "%.*s", SLICE_ARGS(test_office_said(hub, "device")));
    hub->now_ms += TEST_OFFICE_DAY_MS - 1; /* the token itself has expired long since */
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_true(slice_is(test_office_said(hub, "certificate"), first));
    assert_true(slice_is(test_office_said(hub, "device"), id));
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM device"), 1);
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM certificate"), 1);
    hub->now_ms += 2;
    assert_int_equal(enrol(hub, &device, &token), 409);
    test_device_done(&device);
}

static void test_enrolment__a_token_that_is_used_up_is_an_alarm(void **state) {
    struct test_office *hub = *state;
    struct test_device device, thief;
    test_device_make(&device);
    test_device_make(&thief);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_int_equal(enrol(hub, &thief, &token), 409);
    assert_true(test_office_refused_with(hub, "TOKEN_REUSE"));
    assert_non_null(strstr(hub->call.alarm, "TOKEN_REUSE"));
    assert_false(hub->call.is_wrong); /* the proof was right: that is no guessing */
    assert_int_equal(enrol(hub, &thief, &token), 409);
    assert_int_equal(
        test_office_count(hub, "SELECT count(*) FROM alarm WHERE kind = 'TOKEN_REUSE'"), 1);
    assert_int_equal(test_office_count(hub, "SELECT count FROM alarm"), 2);
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM device"), 1);
    assert_true(may_come_in(hub, &device)); /* who has joined is not touched */
    (void)test_office_call(hub);
    assert_int_equal(test_office_run(hub, hub_alarms), 200);
    test_device_done(&device);
    test_device_done(&thief);
}

static void test_enrolment__so_many_uses_and_no_more(void **state) {
    struct test_office *hub = *state;
    struct test_device devices[KEYS_MAX];
    const struct token token = make_token(hub, "{\"uses\":2,\"name\":\"line\"}");
    for (int i = 0; i < KEYS_MAX; i++) {
        test_device_make(&devices[i]);
        assert_int_equal(enrol(hub, &devices[i], &token), i < 2 ? 200 : 409);
        if (i < 2) {
            assert_true(slice_is(test_office_said(hub, "name"), i == 0 ? "line" : "line-2"));
        }
    }
    for (int i = 0; i < KEYS_MAX; i++) {
        test_device_done(&devices[i]);
    }
}

static void test_enrolment__expired_or_withdrawn_is_refused(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{\"ttl_ms\":60000}");
    hub->now_ms += 60000;
    assert_int_equal(enrol(hub, &device, &token), 403);
    assert_true(test_office_refused_with(hub, "expired"));
    const struct token other = make_token(hub, "{}");
    char id[TOKEN_ID_HEX_BYTES + 1];
    token_id_write(other.id, id);
    struct hub_call *call = test_office_call(hub);
    call->method = SLICE("DELETE");
    call->item = slice_of(id);
    assert_int_equal(test_office_run(hub, hub_tokens), 200);
    assert_int_equal(enrol(hub, &device, &other), 403);
    assert_true(test_office_refused_with(hub, "withdrawn"));
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM device"), 0);
    test_device_done(&device);
}

/* Neither a token that never was nor a secret that is wrong tells anything apart. */
static void test_enrolment__a_guess_counts_and_tells_nothing(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    char said[ERROR_TEXT_MAX];
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    struct token guess = token;
    const int committed = hub->calls;
    guess.secret[3] ^= 1;
    assert_int_equal(enrol(hub, &device, &guess), 403);
    assert_true(hub->call.is_wrong);
    assert_int_equal(hub->calls, committed + 1); /* nobody's batch is taken back by it */
    (void)snprintf(said, sizeof(said), "%s", hub->err.text);
    guess.id.bytes[0] ^= 1;
    assert_int_equal(enrol(hub, &device, &guess), 403);
    assert_true(hub->call.is_wrong);
    assert_string_equal(hub->err.text, said);
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_false(hub->call.is_wrong);
    test_device_done(&device);
}

/* A proof that was overheard is of no use with another key. */
static void test_enrolment__a_proof_is_for_one_request(void **state) {
    struct test_office *hub = *state;
    struct test_device device, thief;
    test_device_make(&device);
    test_device_make(&thief);
    const struct token token = make_token(hub, "{}");
    struct hub_call *call = test_office_call(hub);
    const struct slice right = test_device_asks(hub, &device, &token, "");
    const struct slice wrong = test_device_asks(hub, &thief, &token, "");
    const size_t csr = sizeof("{\"token\":\"0123456789abcdef\",\"proof\":\"\"") - 1 + 64;
    call->body = arena_print(&hub->arena, "%.*s%.*s", (int)csr, right.bytes,
                             (int)(wrong.count - csr), wrong.bytes + csr);
    assert_int_equal(test_office_run(hub, enrolment_enrol), 403);
    assert_true(hub->call.is_wrong);
    test_device_done(&device);
    test_device_done(&thief);
}

static void test_enrolment__what_is_no_request_is_refused(void **state) {
    static const char *const BODIES[] = {
        "", "[]", "{", "{}", "{\"csr\":1}", "{\"csr\":\"x\",\"token\":\"00\",\"proof\":\"00\"}"};
    struct test_office *hub = *state;
    for (size_t i = 0; i < sizeof(BODIES) / sizeof(BODIES[0]); i++) {
        struct hub_call *call = test_office_call(hub);
        call->body = slice_of(BODIES[i]);
        assert_int_equal(test_office_run(hub, enrolment_enrol), 400);
    }
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol_with(hub, &device, &token, ",\"labels\":{\"Line\":\"3\"}"), 400);
    device.csr.bytes[device.csr.count / 2] ^= 1;
    assert_int_equal(enrol(hub, &device, &token), 400);
    assert_int_equal(test_office_count(hub, "SELECT sum(used) FROM token"), 0);
    test_device_done(&device);
}

static void test_enrolment__a_known_key_is_a_known_device(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    char id[64];
    test_device_make(&device);
    struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    (void)snprintf(id, sizeof(id), "%.*s", SLICE_ARGS(test_office_said(hub, "device")));
    token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_true(slice_is(test_office_said(hub, "device"), id));
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM device"), 1);
    test_device_done(&device);
}

static void test_enrolment__nothing_is_issued_by_a_wrong_clock(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    hub->now_ms = 0;
    assert_int_equal(enrol(hub, &device, &token), 503);
    hub->now_ms = TEST_OFFICE_NOW_MS;
    assert_int_equal(enrol(hub, &device, &token), 200);
    test_device_done(&device);
}

/* --- renewing --------------------------------------------------------------------------------- */

static void test_enrolment__the_old_certificate_is_good_until_the_new_one_is_seen(void **state) {
    struct test_office *hub = *state;
    struct test_device before, after;
    struct device_notes notes;
    test_device_make(&before);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &before, &token), 200);
    after = before;
    buffer_init(&after.certificate, CERTIFICATE_BYTES_MAX);
    buffer_add(&after.certificate, buffer_slice(&before.certificate));
    hub->now_ms += 45 * TEST_OFFICE_DAY_MS;
    assert_int_equal(renew(hub, &after), 200);
    assert_false(slice_equal(buffer_slice(&before.certificate), buffer_slice(&after.certificate)));
    assert_true(may_come_in(hub, &before));
    registry_note_contact(hub->registry, fingerprint_of(&before), hub->now_ms);
    assert_true(may_come_in(hub, &after));
    registry_note_contact(hub->registry, fingerprint_of(&after), hub->now_ms);
    assert_false(may_come_in(hub, &before));
    assert_non_null(strstr(hub->err.text, "replaced"));
    assert_true(registry_take_notes(hub->registry, &notes));
    assert_int_equal(device_rows_write_notes(hub->database, &notes, &hub->err), STATUS_OK);
    assert_false(registry_take_notes(hub->registry, &notes));
    test_office_load(hub); /* the hub starts anew */
    assert_false(may_come_in(hub, &before));
    assert_true(may_come_in(hub, &after));
    assert_int_equal(test_office_count(hub, "SELECT contact_ms FROM device"), hub->now_ms);
    assert_int_equal(
        test_office_count(hub, "SELECT count(*) FROM certificate WHERE parent IS NOT NULL"), 1);
    buffer_done(&after.certificate);
    test_device_done(&before);
}

static void test_enrolment__a_lost_renewal_is_given_again(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    CLEANUP(buffer_done) struct buffer first = {0};
    CLEANUP(buffer_done) struct buffer renewed = {0};
    buffer_init(&first, CERTIFICATE_BYTES_MAX);
    buffer_init(&renewed, CERTIFICATE_BYTES_MAX);
    buffer_add(&first, buffer_slice(&device.certificate));
    assert_int_equal(renew(hub, &device), 200);
    buffer_add(&renewed, buffer_slice(&device.certificate));
    buffer_clear(&device.certificate);
    buffer_add(&device.certificate, buffer_slice(&first)); /* the answer never came */
    assert_int_equal(renew(hub, &device), 200);
    assert_true(slice_equal(buffer_slice(&renewed), buffer_slice(&device.certificate)));
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM certificate"), 2);
    test_device_done(&device);
}

static void test_enrolment__an_expired_certificate_renews_for_400_days(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    const int64_t ends_ms = hub->now_ms + 90 * TEST_OFFICE_DAY_MS;
    hub->now_ms = ends_ms + 401 * TEST_OFFICE_DAY_MS;
    assert_int_equal(renew(hub, &device), 403);
    assert_true(test_office_refused_with(hub, "400 days"));
    hub->now_ms = ends_ms + 399 * TEST_OFFICE_DAY_MS;
    assert_int_equal(renew(hub, &device), 200);
    assert_true(may_come_in(hub, &device));
    test_device_done(&device);
}

/* --- revoking --------------------------------------------------------------------------------- */

static void test_enrolment__a_revoked_lineage_renews_nothing(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{\"name\":\"line-3\"}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_int_equal(renew(hub, &device), 200);
    assert_true(may_come_in(hub, &device));
    assert_int_equal(change(hub, "line-3", "revoke", ""), 200);
    assert_true(slice_is(test_office_said(hub, "state"), "revoked"));
    assert_false(may_come_in(hub, &device));
    assert_int_equal(renew(hub, &device), 403);
    assert_non_null(strstr(hub->call.alarm, "REVOKED_USE"));
    assert_int_equal(
        test_office_count(hub, "SELECT count(*) FROM alarm WHERE kind = 'REVOKED_USE'"), 1);
    assert_int_equal(
        test_office_count(hub, "SELECT count(*) FROM certificate WHERE revoked_ms IS NULL"), 0);
    assert_int_equal(enrol(hub, &device, &token), 403); /* nor does its token bring it back */
    test_office_load(hub);
    assert_false(may_come_in(hub, &device));
    test_device_done(&device);
}

static void test_enrolment__a_token_for_a_device_gives_it_its_id_back(void **state) {
    struct test_office *hub = *state;
    struct test_device old_card, new_card;
    char id[64];
    test_device_make(&old_card);
    test_device_make(&new_card);
    struct token token = make_token(hub, "{\"name\":\"line-3\",\"labels\":{\"line\":\"3\"}}");
    assert_int_equal(enrol(hub, &old_card, &token), 200);
    (void)snprintf(id, sizeof(id), "%.*s", SLICE_ARGS(test_office_said(hub, "device")));
    assert_int_equal(change(hub, "line-3", "revoke", ""), 200);
    token = make_token(hub, "{\"device\":\"line-3\"}");
    assert_int_equal(enrol(hub, &new_card, &token), 200);
    assert_true(slice_is(test_office_said(hub, "device"), id));
    assert_true(slice_is(test_office_said(hub, "name"), "line-3"));
    assert_true(may_come_in(hub, &new_card));
    assert_false(may_come_in(hub, &old_card));
    assert_int_equal(renew(hub, &old_card), 403);
    test_device_done(&old_card);
    test_device_done(&new_card);
}

/* The old card was not revoked: with the new one it is over all the same. */
static void test_enrolment__a_token_for_a_device_ends_what_it_had(void **state) {
    struct test_office *hub = *state;
    struct test_device old_card, new_card;
    test_device_make(&old_card);
    test_device_make(&new_card);
    struct token token = make_token(hub, "{\"name\":\"line-3\"}");
    assert_int_equal(enrol(hub, &old_card, &token), 200);
    token = make_token(hub, "{\"device\":\"line-3\"}");
    assert_int_equal(enrol(hub, &new_card, &token), 200);
    assert_true(may_come_in(hub, &new_card));
    assert_false(may_come_in(hub, &old_card));
    assert_int_equal(renew(hub, &old_card), 403);
    test_device_done(&old_card);
    test_device_done(&new_card);
}

/* Another token is no way back for a key that was revoked, nor for another device's. */
static void test_enrolment__a_revoked_key_joins_nothing(void **state) {
    struct test_office *hub = *state;
    struct test_device device, other;
    test_device_make(&device);
    test_device_make(&other);
    struct token token = make_token(hub, "{\"uses\":2,\"name\":\"line\"}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_int_equal(enrol(hub, &other, &token), 200);
    token = make_token(hub, "{\"device\":\"line-2\"}");
    assert_int_equal(enrol(hub, &device, &token), 409);
    assert_int_equal(change(hub, "line", "revoke", ""), 200);
    token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 403);
    assert_true(test_office_refused_with(hub, "ebb leave"));
    token = make_token(hub, "{\"device\":\"line\"}");
    assert_int_equal(enrol(hub, &device, &token), 403);
    assert_int_equal(test_office_count(hub, "SELECT count(*) FROM device"), 2);
    test_device_done(&device);
    test_device_done(&other);
}

static void test_enrolment__who_leaves_may_not_come_in(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    struct hub_call *call = test_office_call(hub);
    call->certificate = buffer_slice(&device.certificate);
    assert_int_equal(test_office_run(hub, enrolment_leave), 200);
    assert_false(may_come_in(hub, &device));
    assert_non_null(strstr(hub->err.text, "left"));
    test_device_done(&device);
}

/* --- what people do --------------------------------------------------------------------------- */

static void test_devices__replace_takes_the_new_card_for_the_old_device(void **state) {
    struct test_office *hub = *state;
    struct test_device old_card, new_card;
    struct registered_device found;
    char old_id[64];
    test_device_make(&old_card);
    test_device_make(&new_card);
    const struct token token = make_token(hub, "{\"uses\":2}");
    assert_int_equal(enrol_with(hub, &old_card, &token, ",\"name\":\"line-3\""), 200);
    (void)snprintf(old_id, sizeof(old_id), "%.*s", SLICE_ARGS(test_office_said(hub, "device")));
    assert_int_equal(enrol_with(hub, &new_card, &token, ",\"name\":\"spare\""), 200);
    assert_int_equal(
        database_run(hub->database,
                     "INSERT INTO stream (id, device, began_ms) SELECT x'01', id, 1 FROM device "
                     "WHERE name = 'spare'",
                     &hub->err),
        STATUS_OK);
    assert_int_equal(change(hub, "line-3", "replace", "{\"by\":\"spare\"}"), 200);
    assert_true(slice_is(test_office_said(hub, "id"), old_id));
    assert_false(may_come_in(hub, &old_card));
    assert_int_equal(
        registry_find_device(hub->registry, fingerprint_of(&new_card), &found, &hub->err),
        STATUS_OK);
    assert_true(slice_is(found.name, "line-3"));
    assert_int_equal(test_office_count(hub,
                                       "SELECT count(*) FROM stream JOIN device ON stream.device "
                                       "= device.id WHERE device.name = 'line-3'"),
                     1);
    assert_int_equal(renew(hub, &new_card), 200);
    assert_true(slice_is(test_office_said(hub, "device"), old_id));
    assert_int_equal(change(hub, "spare", "revoke", ""), 404);
    assert_int_equal(change(hub, "line-3", "replace", "{\"by\":\"line-3\"}"), 400);
    test_device_done(&old_card);
    test_device_done(&new_card);
}

static void test_devices__removed_ones_are_not_shown_and_free_their_name(void **state) {
    struct test_office *hub = *state;
    struct test_device devices[2];
    const struct token token = make_token(hub, "{\"uses\":2,\"name\":\"line-3\"}");
    for (int i = 0; i < 2; i++) {
        test_device_make(&devices[i]);
    }
    assert_int_equal(enrol(hub, &devices[0], &token), 200);
    struct hub_call *call = test_office_call(hub);
    call->method = SLICE("DELETE");
    call->item = SLICE("line-3");
    assert_int_equal(test_office_run(hub, hub_devices), 200);
    assert_false(may_come_in(hub, &devices[0]));
    assert_int_equal(enrol(hub, &devices[1], &token), 200);
    assert_true(slice_is(test_office_said(hub, "name"), "line-3"));
    call = test_office_call(hub);
    call->method = SLICE("GET");
    assert_int_equal(test_office_run(hub, hub_devices), 200);
    assert_int_equal(value_get(hub->answer, SLICE("devices"))->count, 1);
    for (int i = 0; i < 2; i++) {
        test_device_done(&devices[i]);
    }
}

static void test_devices__are_labelled_and_found_by_label(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{\"name\":\"line-3\",\"labels\":{\"a\":\"1\"}}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_int_equal(change(hub, "line-3", "labels", "{\"a\":null,\"b\":\"2\"}"), 200);
    assert_int_equal(value_get(hub->answer, SLICE("labels"))->count, 1);
    assert_int_equal(change(hub, "line-3", "labels", "{\"b\":2}"), 400);
    static const char *const WISHES[][2] = {{"b=2", "1"}, {"b", "1"}, {"b=3", "0"}, {"a", "0"}};
    for (size_t i = 0; i < sizeof(WISHES) / sizeof(WISHES[0]); i++) {
        struct hub_call *call = test_office_call(hub);
        call->method = SLICE("GET");
        call->queries[0] = slice_of(WISHES[i][0]);
        assert_int_equal(test_office_run(hub, hub_devices), 200);
        assert_int_equal(value_get(hub->answer, SLICE("devices"))->count, WISHES[i][1][0] - '0');
    }
    test_device_done(&device);
}

static void test_devices__show_tells_certificates_and_alarms(void **state) {
    struct test_office *hub = *state;
    struct test_device device;
    test_device_make(&device);
    const struct token token = make_token(hub, "{\"name\":\"line-3\"}");
    assert_int_equal(enrol(hub, &device, &token), 200);
    assert_int_equal(change(hub, "line-3", "revoke", ""), 200);
    assert_int_equal(renew(hub, &device), 403);
    struct hub_call *call = test_office_call(hub);
    call->method = SLICE("GET");
    call->item = SLICE("line-3");
    assert_int_equal(test_office_run(hub, hub_devices), 200);
    assert_int_equal(value_get(hub->answer, SLICE("certificates"))->count, 1);
    assert_int_equal(value_get(hub->answer, SLICE("alarms"))->count, 1);
    assert_true(slice_is(
        value_text(*value_get(*value_get(hub->answer, SLICE("facts")), SLICE("host"))), "pi"));
    call = test_office_call(hub);
    call->method = SLICE("GET");
    call->item = SLICE("line-4");
    assert_int_equal(test_office_run(hub, hub_devices), 404);
    test_device_done(&device);
}

static void test_tokens__wishes_that_cannot_be_are_refused(void **state) {
    static const char *const WISHES[] = {
        "{\"uses\":0}",       "{\"uses\":100001}",      "{\"ttl_ms\":1}",
        "{\"name\":\"X\"}",   "{\"labels\":{\"a\":1}}", "{\"addresses\":\"hub:x\"}",
        "{\"labels\":\"a\"}", "{\"uses\":\"1\"}",
    };
    struct test_office *hub = *state;
    for (size_t i = 0; i < sizeof(WISHES) / sizeof(WISHES[0]); i++) {
        struct hub_call *call = test_office_call(hub);
        call->body = slice_of(WISHES[i]);
        assert_int_equal(test_office_run(hub, hub_tokens), 400);
    }
    struct hub_call *call = test_office_call(hub);
    call->body = SLICE("{\"device\":\"nobody\"}");
    assert_int_equal(test_office_run(hub, hub_tokens), 404);
    const struct token token = make_token(hub, "{\"addresses\":\"10.0.0.7 [::1]:443\"}");
    assert_string_equal(token.addresses, "10.0.0.7:8443 [::1]:443");
    call = test_office_call(hub);
    call->method = SLICE("GET");
    assert_int_equal(test_office_run(hub, hub_tokens), 200);
    assert_int_equal(value_get(hub->answer, SLICE("tokens"))->count, 1);
    assert_null(memmem(hub->call.out.bytes, hub->call.out.count, "EBB1", 4));
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, test_office_set_up, test_office_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(test_enrolment__a_token_becomes_a_device),
        ONE(test_enrolment__asked_again_gives_the_same),
        ONE(test_enrolment__a_token_that_is_used_up_is_an_alarm),
        ONE(test_enrolment__so_many_uses_and_no_more),
        ONE(test_enrolment__expired_or_withdrawn_is_refused),
        ONE(test_enrolment__a_guess_counts_and_tells_nothing),
        ONE(test_enrolment__a_proof_is_for_one_request),
        ONE(test_enrolment__what_is_no_request_is_refused),
        ONE(test_enrolment__a_known_key_is_a_known_device),
        ONE(test_enrolment__nothing_is_issued_by_a_wrong_clock),
        ONE(test_enrolment__the_old_certificate_is_good_until_the_new_one_is_seen),
        ONE(test_enrolment__a_lost_renewal_is_given_again),
        ONE(test_enrolment__an_expired_certificate_renews_for_400_days),
        ONE(test_enrolment__a_revoked_lineage_renews_nothing),
        ONE(test_enrolment__a_token_for_a_device_gives_it_its_id_back),
        ONE(test_enrolment__a_token_for_a_device_ends_what_it_had),
        ONE(test_enrolment__a_revoked_key_joins_nothing),
        ONE(test_enrolment__who_leaves_may_not_come_in),
        ONE(test_devices__replace_takes_the_new_card_for_the_old_device),
        ONE(test_devices__removed_ones_are_not_shown_and_free_their_name),
        ONE(test_devices__are_labelled_and_found_by_label),
        ONE(test_devices__show_tells_certificates_and_alarms),
        ONE(test_tokens__wishes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
