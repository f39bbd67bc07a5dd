/*
 * test_identity: a data folder, an authority, and answers of a hub as hub/enrolment gives them.
 *
 * For unit tests. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deployment/enrolment.h"
#include "platform/certificate.h"
#include "platform/json.h"
#include "platform/secret.h"

enum { TEST_IDENTITY_BYTES_MAX = 64 << 10 };

static const int64_t TEST_BEGIN_MS = INT64_C(1790000000000);
static const int64_t TEST_LIFE_MS = INT64_C(90) * 24 * 3600 * 1000;

struct test_authority {
    struct buffer key, certificate;
    struct digest pin;
};

static inline void test_authority_make(struct test_authority *authority) {
    struct error err = {0};
    const struct certificate_wish wish = {.use = CERTIFICATE_AUTHORITY,
                                          .serial = certificate_serial(),
                                          .subject = SLICE("ebb hub"),
                                          .not_before_ms = TEST_BEGIN_MS,
                                          .not_after_ms = TEST_BEGIN_MS + 10 * TEST_LIFE_MS};
    buffer_init(&authority->key, TEST_IDENTITY_BYTES_MAX);
    buffer_init(&authority->certificate, TEST_IDENTITY_BYTES_MAX);
    assert_int_equal(certificate_key_make(&authority->key, &err), STATUS_OK);
    assert_int_equal(
        certificate_self_sign(buffer_slice(&authority->key), &wish, &authority->certificate, &err),
        STATUS_OK);
    assert_int_equal(certificate_key_digest(buffer_slice(&authority->key), &authority->pin, &err),
                     STATUS_OK);
}

static inline void test_authority_done(struct test_authority *authority) {
    secret_forget(&authority->key);
    buffer_done(&authority->certificate);
}

/* The answer to a request, of that use. */
static inline struct slice test_answer(struct arena *arena, const struct test_authority *authority,
                                       struct slice csr, enum certificate_use use) {
    struct error err = {0};
    const struct certificate_wish wish = {
        .use = use,
        .serial = certificate_serial(),
        .subject = SLICE("line-3"),
        .uri = SLICE("ebb://works/device/7d444840-9dc0-41d1-b245-5ffdce74fad2"),
        .not_before_ms = TEST_BEGIN_MS,
        .not_after_ms = TEST_BEGIN_MS + TEST_LIFE_MS};
    CLEANUP(buffer_done) struct buffer pem = {0};
    CLEANUP(buffer_done) struct buffer json = {0};
    buffer_init(&pem, TEST_IDENTITY_BYTES_MAX);
    buffer_init(&json, TEST_IDENTITY_BYTES_MAX);
    assert_int_equal(certificate_issue(buffer_slice(&authority->certificate),
                                       buffer_slice(&authority->key), csr, &wish, &pem, &err),
                     STATUS_OK);
    buffer_add_text(&json, "{\"device\":\"7d444840-9dc0-41d1-b245-5ffdce74fad2\",\"name\":"
                           "\"line-3\",\"certificate\":");
    json_write_text(&json, buffer_slice(&pem));
    buffer_add_text(&json, ",\"chain\":");
    json_write_text(&json, buffer_slice(&authority->certificate));
    buffer_add_text(&json, ",\"hub\":{\"site\":\"works\",\"addresses\":[\"hub.example:8443\","
                           "\"10.0.0.7:8443\"]},\"new\":1}");
    const struct slice answer = arena_copy(arena, buffer_slice(&json));
    assert_non_null(answer.bytes);
    return answer;
}

/* The csr in what a device asks. */
static inline struct slice test_csr(struct arena *arena, const struct buffer *body) {
    struct value value;
    struct error err = {0};
    assert_int_equal(json_read(arena, buffer_slice(body), &value, &err), STATUS_OK);
    const struct value *csr = value_get(value, SLICE("csr"));
    assert_non_null(csr);
    return value_text(*csr);
}
