// SPDX-License-Identifier: Apache-2.0
#include "platform/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "platform/secret.h"

enum { PEM_BYTES_MAX = 64 << 10 };

static const int64_t BEGIN_MS = INT64_C(1790000000000);
static const int64_t END_MS = INT64_C(2736684800000); /* beyond 2049: another kind of date */

/* An authority, a device's key and its request. */
struct stage {
    struct buffer authority_key, authority, key, request, certificate;
};

static struct certificate_wish wish_of(enum certificate_use use, const char *subject) {
    return (struct certificate_wish){.use = use,
                                     .serial = certificate_serial(),
                                     .subject = slice_of(subject),
                                     .not_before_ms = BEGIN_MS,
                                     .not_after_ms = END_MS};
}

static int begin(void **state) {
    static struct stage stage;
    struct buffer *buffers[] = {&stage.authority_key, &stage.authority, &stage.key, &stage.request,
                                &stage.certificate};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_init(buffers[i], PEM_BYTES_MAX);
    }
    struct error err = {0};
    const struct certificate_wish wish = wish_of(CERTIFICATE_AUTHORITY, "authority of a test");
    if (certificate_key_make(&stage.authority_key, &err) != STATUS_OK ||
        certificate_self_sign(buffer_slice(&stage.authority_key), &wish, &stage.authority, &err) !=
            STATUS_OK ||
        certificate_key_make(&stage.key, &err) != STATUS_OK ||
        certificate_request_make(buffer_slice(&stage.key), SLICE("a name of its own"),
                                 &stage.request, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    *state = &stage;
    return 0;
}

static int end(void **state) {
    struct stage *stage = *state;
    secret_forget(&stage->authority_key);
    buffer_done(&stage->authority);
    secret_forget(&stage->key);
    buffer_done(&stage->request);
    buffer_done(&stage->certificate);
    return 0;
}

static status issue(struct stage *stage, const struct certificate_wish *wish, struct error *err) {
    buffer_clear(&stage->certificate);
    return certificate_issue(buffer_slice(&stage->authority), buffer_slice(&stage->authority_key),
                             buffer_slice(&stage->request), wish, &stage->certificate, err);
}

static void test_certificate__of_an_authority_says_so(void **state) {
    const struct stage *stage = *state;
    struct error err = {0};
    struct certificate_facts facts;
    struct digest spki;
    assert_int_equal(certificate_read(buffer_slice(&stage->authority), &facts, &err), STATUS_OK);
    assert_true(facts.is_authority);
    assert_false(facts.for_server);
    assert_false(facts.for_client);
    assert_int_equal(facts.not_before_ms, BEGIN_MS);
    assert_int_equal(facts.not_after_ms, END_MS);
    assert_int_equal(certificate_key_digest(buffer_slice(&stage->authority_key), &spki, &err),
                     STATUS_OK);
    assert_true(digest_equal(facts.spki, spki));
}

static void test_certificate__of_a_device_has_its_uri_and_its_key(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    struct certificate_facts facts;
    struct digest asked, made;
    struct certificate_wish wish = wish_of(CERTIFICATE_DEVICE, "line-3");
    wish.uri = SLICE("ebb://works/device/7d444840-9dc0-11d1-b245-5ffdce74fad2");
    assert_int_equal(issue(stage, &wish, &err), STATUS_OK);
    assert_int_equal(certificate_read(buffer_slice(&stage->certificate), &facts, &err), STATUS_OK);
    assert_string_equal(facts.uri, "ebb://works/device/7d444840-9dc0-11d1-b245-5ffdce74fad2");
    assert_true(id_equal(facts.serial, wish.serial));
    assert_true(facts.for_client);
    assert_false(facts.for_server);
    assert_false(facts.is_authority);
    assert_int_equal(certificate_request_check(buffer_slice(&stage->request), &asked, &err),
                     STATUS_OK);
    assert_int_equal(certificate_key_digest(buffer_slice(&stage->key), &made, &err), STATUS_OK);
    assert_true(digest_equal(asked, made));
    assert_true(digest_equal(facts.spki, made));
}

/* Whether the DER behind the PEM has that text in it. */
static bool der_has(struct slice pem, const char *text) {
    static char letters[PEM_BYTES_MAX], der[PEM_BYTES_MAX];
    struct slice line;
    size_t count = 0;
    size_t bytes = 0;
    while (slice_next_line(&pem, &line)) {
        if (!slice_starts(line, "-----")) {
            (void)memcpy(letters + count, line.bytes, line.count);
            count += line.count;
        }
    }
    const struct slice base64 = {.bytes = letters, .count = count};
    assert_true(base64_count(base64, &bytes) && base64_read(base64, der));
    return memmem(der, bytes, text, strlen(text)) != NULL;
}

/* A request is a wish of somebody; what stands in the certificate is the authority's to say. */
static void test_certificate__takes_no_name_from_the_request(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const struct certificate_wish wish = wish_of(CERTIFICATE_DEVICE, "line-3");
    assert_int_equal(issue(stage, &wish, &err), STATUS_OK);
    assert_true(der_has(buffer_slice(&stage->request), "a name of its own"));
    assert_true(der_has(buffer_slice(&stage->certificate), "line-3"));
    assert_false(der_has(buffer_slice(&stage->certificate), "a name of its own"));
}

static void test_certificate__of_a_server_is_for_its_names_alone(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const struct slice names[] = {SLICE("hub.example"), SLICE("127.0.0.1"), SLICE("2001:db8::7")};
    struct certificate_wish wish = wish_of(CERTIFICATE_SERVER, "hub.example");
    wish.names = names;
    wish.name_count = 3;
    assert_int_equal(issue(stage, &wish, &err), STATUS_OK);
    const struct slice pem = buffer_slice(&stage->certificate);
    assert_true(certificate_is_for(pem, "hub.example"));
    assert_true(certificate_is_for(pem, "127.0.0.1"));
    assert_true(certificate_is_for(pem, "2001:db8::7"));
    assert_false(certificate_is_for(pem, "127.0.0.2"));
    assert_false(certificate_is_for(pem, "other.example"));
    struct certificate_facts facts;
    assert_int_equal(certificate_read(pem, &facts, &err), STATUS_OK);
    assert_true(facts.for_server);
    assert_false(facts.for_client);
}

static void test_certificate__of_another_authority_is_denied(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    CLEANUP(buffer_done) struct buffer key = {0};
    CLEANUP(buffer_done) struct buffer other = {0};
    buffer_init(&key, PEM_BYTES_MAX);
    buffer_init(&other, PEM_BYTES_MAX);
    const struct certificate_wish wish = wish_of(CERTIFICATE_AUTHORITY, "authority of a test");
    assert_int_equal(certificate_key_make(&key, &err), STATUS_OK);
    assert_int_equal(certificate_self_sign(buffer_slice(&key), &wish, &other, &err), STATUS_OK);
    const struct certificate_wish device = wish_of(CERTIFICATE_DEVICE, "line-3");
    assert_int_equal(issue(stage, &device, &err), STATUS_OK);
    const struct slice pem = buffer_slice(&stage->certificate);
    assert_int_equal(certificate_check_issuer(pem, buffer_slice(&stage->authority), &err),
                     STATUS_OK);
    assert_int_equal(certificate_check_issuer(pem, buffer_slice(&other), &err), STATUS_DENIED);
    /* A device is no authority, whatever it signs. */
    assert_int_equal(certificate_check_issuer(pem, pem, &err), STATUS_DENIED);
    assert_int_equal(certificate_issue(buffer_slice(&stage->authority), buffer_slice(&key),
                                       buffer_slice(&stage->request), &device, &stage->certificate,
                                       &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "do not belong together"));
}

/* Every flip of a bit in what is signed is noticed: the request proves that its maker has the
 * key. */
static void test_certificate_request__that_was_changed_is_refused(void **state) {
    const struct stage *stage = *state;
    CLEANUP(buffer_done) struct buffer changed = {0};
    buffer_init(&changed, PEM_BYTES_MAX);
    const struct slice pem = buffer_slice(&stage->request);
    const size_t from = sizeof("-----BEGIN NEW CERTIFICATE REQUEST-----\n") + 8;
    size_t refused = 0, tried = 0;
    for (size_t at = from; at < pem.count - 50; at += 3) {
        struct digest spki;
        struct error err = {0};
        buffer_clear(&changed);
        buffer_add(&changed, pem);
        changed.bytes[at] = changed.bytes[at] == 'A' ? 'B' : 'A';
        if (slice_equal(pem, buffer_slice(&changed)) || pem.bytes[at] == '\n') {
            continue;
        }
        tried++;
        refused += certificate_request_check(buffer_slice(&changed), &spki, &err) != STATUS_OK;
    }
    assert_true(tried > 50);
    assert_int_equal(refused, tried);
}

static void test_certificate_request__is_bounded_and_must_be_one(void **state) {
    (void)state;
    static char many[CERTIFICATE_REQUEST_BYTES_MAX + 1];
    struct error err = {0};
    struct digest spki;
    assert_int_equal(certificate_request_check(SLICE(""), &spki, &err), STATUS_INVALID);
    assert_int_equal(certificate_request_check(SLICE("hello"), &spki, &err), STATUS_INVALID);
    (void)memset(many, 'A', sizeof(many));
    assert_int_equal(certificate_request_check((struct slice){.bytes = many, .count = sizeof(many)},
                                               &spki, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "8192"));
}

/* Made by `openssl req -new -newkey rsa:2048`, and by `openssl req -new -newkey ed25519`. */
static void test_certificate_request__of_ed25519_is_taken(void **state) {
    (void)state;
    static const char PEM[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                              "MIGLMD8CAQAwDDEKMAgGA1UEAwwBeDAqMAUGAytlcAMhAFhanIizLnezNBVN7NIl\n"
                              "7QB8LL/6XOCj3U9EFuGozExzoAAwBQYDK2VwA0EAvSYybd1zfF8+LJV3I1NzFh91\n"
                              "j1qIFZ4eNeMhXPNNW30FsbobVxeGe4BOWwMiEaPdFtTQUioiPaiJ84qoWn5oAg==\n"
                              "-----END CERTIFICATE REQUEST-----\n";
    struct error err = {0};
    struct digest spki;
    assert_int_equal(certificate_request_check(slice_of(PEM), &spki, &err), STATUS_OK);
}

static void test_certificate_request__of_rsa_is_refused(void **state) {
    (void)state;
    static const char PEM[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                              "MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBeDCCASIwDQYJKoZIhvcNAQEBBQADggEP\n"
                              "ADCCAQoCggEBALbrLNUR/+iuB0IokEHIMAeIqF8rcx1lLxfyZjWgzyfxMucncoRP\n"
                              "rijh6d3grBsQnf5nz5Xl0NPR06xfCFFRsClcqNNBlEREq7YIUefp4AERbIcABpzD\n"
                              "6BKe0fHlsM5yPWRDnphrGi1udBest8LFwF7CrMA2Dt53AwvOGdpzUgT2FwtFomwM\n"
                              "QpvClJ+nuPjspUetOZhB+W0sT6ahc3sE3xFqWRo0jsgoCbbWHIVoLj/zv2owF3pE\n"
                              "QRG/KHjIUv1oW8JnhpzhZ8j3dGcPRQ7aKcWGpMhCOgBsxQ7H220evTSt52t5FP4a\n"
                              "bDupG2e9IusvSiMUkhHWKEbeB3IpTsp8gJcCAwEAAaAAMA0GCSqGSIb3DQEBCwUA\n"
                              "A4IBAQAS5fOedDsp8eRXZet95xJdB2DTjd1GApZmcyR/nywVw2fAMzB+3RY0jwZ3\n"
                              "PZ5wtu87KsOf0qyG1t5y8nLu1pCQZbVSBpm2D+7Gqk/XHUU0YvJN7L49CkYOeNpM\n"
                              "GwEgFYbDl3tDy0Pe4MypEB5X7IMkCBHySz7UnQir7qFGDoMR6/u89M/1aFBA7iQp\n"
                              "9VhXmgf9Ul66CdJ+0qIrSzf7WJwXOLYwa8Zu0/luKCd5kItBnqiQJ5+8KwcPEjWz\n"
                              "LB6qgyWxCWEh98s212bRqN0bvnAKuTYOqBaPotITOp5RVuGRWNQz6CoKBW26+6pC\n"
                              "bULFbBHAY5c2BVPZbLTv3N2hxYoa\n"
                              "-----END CERTIFICATE REQUEST-----\n";
    struct error err = {0};
    struct digest spki;
    assert_int_equal(certificate_request_check(slice_of(PEM), &spki, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "neither P-256 nor Ed25519"));
}

static void test_certificate__serials_differ_and_are_positive(void **state) {
    (void)state;
    struct id before = {0};
    for (int i = 0; i < 64; i++) {
        const struct id serial = certificate_serial();
        assert_true(serial.bytes[0] >= 0x40 && serial.bytes[0] < 0x80);
        assert_false(id_equal(serial, before));
        before = serial;
    }
}

static void test_certificate_next__takes_a_chain_apart(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    CLEANUP(buffer_done) struct buffer chain = {0};
    buffer_init(&chain, PEM_BYTES_MAX);
    const struct certificate_wish wish = wish_of(CERTIFICATE_DEVICE, "line-3");
    assert_int_equal(issue(stage, &wish, &err), STATUS_OK);
    buffer_add_text(&chain, "some words before\n");
    buffer_add(&chain, buffer_slice(&stage->certificate));
    buffer_add(&chain, buffer_slice(&stage->authority));
    struct slice rest = buffer_slice(&chain);
    struct slice pem;
    assert_true(certificate_next(&rest, &pem));
    assert_true(slice_equal(pem, buffer_slice(&stage->certificate)));
    assert_true(certificate_next(&rest, &pem));
    assert_true(slice_equal(pem, buffer_slice(&stage->authority)));
    assert_false(certificate_next(&rest, &pem));
    rest = SLICE("-----BEGIN CERTIFICATE-----\nMIIB");
    assert_false(certificate_next(&rest, &pem));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate__of_an_authority_says_so),
        cmocka_unit_test(test_certificate__of_a_device_has_its_uri_and_its_key),
        cmocka_unit_test(test_certificate__takes_no_name_from_the_request),
        cmocka_unit_test(test_certificate__of_a_server_is_for_its_names_alone),
        cmocka_unit_test(test_certificate__of_another_authority_is_denied),
        cmocka_unit_test(test_certificate_request__that_was_changed_is_refused),
        cmocka_unit_test(test_certificate_request__is_bounded_and_must_be_one),
        cmocka_unit_test(test_certificate_request__of_ed25519_is_taken),
        cmocka_unit_test(test_certificate_request__of_rsa_is_refused),
        cmocka_unit_test(test_certificate__serials_differ_and_are_positive),
        cmocka_unit_test(test_certificate_next__takes_a_chain_apart),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
