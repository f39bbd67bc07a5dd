// SPDX-License-Identifier: Apache-2.0
#include "deployment/enrolment.h"

#include "deployment/test_identity.h"

struct stage {
    struct arena arena;
    struct test_authority authority;
    struct buffer key, body;
    struct slice csr;
    struct token token;
};

static int set_up(void **state) {
    struct stage *stage = calloc(1, sizeof(*stage));
    struct error err = {0};
    arena_init(&stage->arena, 1 << 20);
    test_authority_make(&stage->authority);
    buffer_init(&stage->key, TEST_IDENTITY_BYTES_MAX);
    buffer_init(&stage->body, TEST_IDENTITY_BYTES_MAX);
    (void)memcpy(stage->token.pin, stage->authority.pin.bytes, TOKEN_PIN_BYTES);
    stage->token.secret[0] = 7;
    stage->token.id.bytes[0] = 9;
    if (certificate_key_make(&stage->key, &err) != STATUS_OK) {
        return -1;
    }
    const struct enrolment_wish wish = {.name = SLICE("line-3"),
                                        .facts = enrolment_facts(&stage->arena)};
    if (enrolment_request_write(&stage->token, buffer_slice(&stage->key), &wish, &stage->body,
                                &err) != STATUS_OK) {
        return -1;
    }
    stage->csr = test_csr(&stage->arena, &stage->body);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    secret_forget(&stage->key);
    buffer_done(&stage->body);
    test_authority_done(&stage->authority);
    arena_done(&stage->arena);
    free(stage);
    return 0;
}

static status read_with(struct stage *stage, int code, struct slice body,
                        struct identity *out_identity, struct error *err) {
    const struct enrolment_reply reply = {
        .code = code,
        .body = body,
        .key_pem = buffer_slice(&stage->key),
        .pin = {.bytes = (const char *)stage->token.pin, .count = TOKEN_PIN_BYTES}};
    return enrolment_answer_read(&stage->arena, &reply, out_identity, err);
}

/* The secret stays at home; its proof is over this very request. */
static void test_enrolment__asks_with_a_proof_and_not_with_the_secret(void **state) {
    struct stage *stage = *state;
    struct value body;
    struct error err = {0};
    struct digest spki, key;
    char proof[DIGEST_HEX_BYTES + 1];
    const struct digest verifier = token_verifier(stage->token.secret);
    digest_write(token_proof(&verifier, stage->csr), proof);
    assert_int_equal(json_read(&stage->arena, buffer_slice(&stage->body), &body, &err), STATUS_OK);
    assert_true(slice_is(value_text(*value_get(body, SLICE("proof"))), proof));
    assert_true(slice_is(value_text(*value_get(body, SLICE("token"))), "0900000000000000"));
    assert_true(slice_is(value_text(*value_get(body, SLICE("name"))), "line-3"));
    assert_int_equal(value_get(body, SLICE("labels"))->kind, VALUE_NULL);
    assert_non_null(value_get(*value_get(body, SLICE("facts")), SLICE("host")));
    assert_null(value_get(body, SLICE("secret")));
    assert_int_equal(certificate_request_check(stage->csr, &spki, &err), STATUS_OK);
    assert_int_equal(certificate_key_digest(buffer_slice(&stage->key), &key, &err), STATUS_OK);
    assert_true(digest_equal(spki, key));
}

static void test_enrolment__takes_what_is_for_it(void **state) {
    struct stage *stage = *state;
    struct identity identity = {0};
    struct error err = {0};
    char uuid[ID_UUID_BYTES + 1];
    const struct slice answer =
        test_answer(&stage->arena, &stage->authority, stage->csr, CERTIFICATE_DEVICE);
    assert_true(identity_add_hub(&identity, &stage->arena, SLICE("10.0.0.7:8443")));
    assert_int_equal(read_with(stage, 200, answer, &identity, &err), STATUS_OK);
    id_write_uuid(identity.device, uuid);
    assert_string_equal(uuid, "7d444840-9dc0-41d1-b245-5ffdce74fad2");
    assert_true(slice_is(identity.name, "line-3"));
    assert_true(slice_is(identity.site, "works"));
    assert_true(digest_equal(identity.pin, stage->authority.pin));
    assert_int_equal(identity.not_after_ms, TEST_BEGIN_MS + TEST_LIFE_MS);
    assert_string_equal(identity.hubs[0], "10.0.0.7:8443");
    assert_string_equal(identity.hubs[1], "hub.example:8443");
    assert_null(identity.hubs[2]);
}

static void test_enrolment__takes_no_certificate_of_another_key(void **state) {
    struct stage *stage = *state;
    struct identity identity = {0};
    struct error err = {0};
    CLEANUP(secret_forget) struct buffer key = {0};
    CLEANUP(buffer_done) struct buffer csr = {0};
    buffer_init(&key, TEST_IDENTITY_BYTES_MAX);
    buffer_init(&csr, TEST_IDENTITY_BYTES_MAX);
    assert_int_equal(certificate_key_make(&key, &err), STATUS_OK);
    assert_int_equal(certificate_request_make(buffer_slice(&key), SLICE("x"), &csr, &err),
                     STATUS_OK);
    const struct slice answer =
        test_answer(&stage->arena, &stage->authority, buffer_slice(&csr), CERTIFICATE_DEVICE);
    assert_int_equal(read_with(stage, 200, answer, &identity, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "another key"));
    assert_null(identity.hubs[0]); /* nothing is written */
}

static void test_enrolment__believes_no_other_authority(void **state) {
    struct stage *stage = *state;
    struct test_authority other;
    struct identity identity = {0};
    struct error err = {0};
    test_authority_make(&other);
    const struct slice answer = test_answer(&stage->arena, &other, stage->csr, CERTIFICATE_DEVICE);
    assert_int_equal(read_with(stage, 200, answer, &identity, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "another authority"));
    /* The right authority's name on the wrong authority's work. */
    const struct slice right =
        test_answer(&stage->arena, &stage->authority, stage->csr, CERTIFICATE_DEVICE);
    const char *from = strstr(answer.bytes, "\"chain\"");
    const char *behind = strstr(right.bytes, "\"chain\"");
    const struct slice mixed =
        arena_print(&stage->arena, "%.*s%s", (int)(from - answer.bytes), answer.bytes, behind);
    assert_int_equal(read_with(stage, 200, mixed, &identity, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "not signed"));
    test_authority_done(&other);
}

static void test_enrolment__takes_no_certificate_that_is_for_servers(void **state) {
    struct stage *stage = *state;
    struct identity identity = {0};
    struct error err = {0};
    const struct slice answer =
        test_answer(&stage->arena, &stage->authority, stage->csr, CERTIFICATE_SERVER);
    assert_int_equal(read_with(stage, 200, answer, &identity, &err), STATUS_CORRUPT);
}

static void test_enrolment__tells_what_the_hub_says(void **state) {
    static const struct {
        int code;
        const char *body;
        status class;
        const char *words;
    } ANSWERS[] = {
        {409, "{\"error\":{\"class\":\"conflict\",\"text\":\"TOKEN_REUSE: used\"}}",
         STATUS_CONFLICT, "the hub says: TOKEN_REUSE: used"},
        {403, "{\"error\":{\"class\":\"denied\",\"text\":\"expired\"}}", STATUS_DENIED, "expired"},
        {429, "{\"error\":{\"class\":\"busy\",\"text\":\"wait\"}}", STATUS_BUSY, "wait"},
        {503, "", STATUS_BUSY, "code 503"},
        {502, "<html>Bad Gateway</html>", STATUS_CORRUPT, "code 502"},
        {500, "{\"error\":{\"class\":\"ok\",\"text\":\"fine\"}}", STATUS_CORRUPT, "fine"},
        {200, "{}", STATUS_CORRUPT, "none"},
        {200, "{\"device\":\"7d444840-9dc0-41d1-b245-5ffdce74fad2\"}", STATUS_CORRUPT,
         "no certificates"},
        {200, "", STATUS_CORRUPT, "none"},
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
        struct identity identity = {0};
        struct error err = {0};
        assert_int_equal(
            read_with(stage, ANSWERS[i].code, slice_of(ANSWERS[i].body), &identity, &err),
            ANSWERS[i].class);
        assert_non_null(strstr(err.text, ANSWERS[i].words));
    }
}

/* Cut anywhere, an answer is not taken. */
static void test_enrolment__takes_no_answer_that_was_cut_off(void **state) {
    struct stage *stage = *state;
    const struct slice answer =
        test_answer(&stage->arena, &stage->authority, stage->csr, CERTIFICATE_DEVICE);
    for (size_t count = 0; count < answer.count; count += 7) {
        struct identity identity = {0};
        struct error err = {0};
        struct arena arena;
        arena_init(&arena, 1 << 20);
        const struct enrolment_reply reply = {
            .code = 200,
            .body = slice_part(answer, 0, count),
            .key_pem = buffer_slice(&stage->key),
            .pin = {.bytes = (const char *)stage->token.pin, .count = TOKEN_PIN_BYTES}};
        assert_int_equal(enrolment_answer_read(&arena, &reply, &identity, &err), STATUS_CORRUPT);
        arena_done(&arena);
    }
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(test_enrolment__asks_with_a_proof_and_not_with_the_secret),
        ONE(test_enrolment__takes_what_is_for_it),
        ONE(test_enrolment__takes_no_certificate_of_another_key),
        ONE(test_enrolment__believes_no_other_authority),
        ONE(test_enrolment__takes_no_certificate_that_is_for_servers),
        ONE(test_enrolment__tells_what_the_hub_says),
        ONE(test_enrolment__takes_no_answer_that_was_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
