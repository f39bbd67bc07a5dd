// SPDX-License-Identifier: Apache-2.0
#include "platform/certificate_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/certificate.h"
#include "platform/clock.h"

struct stage {
    struct buffer key, certificate, signature;
};

static struct stage stage;

static void make_pair(void) {
    struct error err = {.text = ""};
    const struct certificate_wish wish = {.use = CERTIFICATE_AUTHORITY,
                                          .serial = certificate_serial(),
                                          .subject = SLICE("test"),
                                          .not_before_ms = clock_wall_ms(),
                                          .not_after_ms = clock_wall_ms() + 86400000};
    buffer_clear(&stage.key);
    buffer_clear(&stage.certificate);
    assert_int_equal(certificate_key_make(&stage.key, &err), STATUS_OK);
    assert_int_equal(
        certificate_self_sign(buffer_slice(&stage.key), &wish, &stage.certificate, &err),
        STATUS_OK);
}

static int begin(void **state) {
    (void)state;
    buffer_init(&stage.key, CERTIFICATE_KEY_BYTES_MAX);
    buffer_init(&stage.certificate, CERTIFICATE_BYTES_MAX);
    buffer_init(&stage.signature, CERTIFICATE_SIGNATURE_BYTES_MAX);
    make_pair();
    return 0;
}

static int end(void **state) {
    (void)state;
    buffer_done(&stage.key);
    buffer_done(&stage.certificate);
    buffer_done(&stage.signature);
    return 0;
}

static status check(struct slice bytes) {
    struct error err;
    return certificate_sign_check(buffer_slice(&stage.certificate), bytes,
                                  buffer_slice(&stage.signature), &err);
}

static void sign(struct slice bytes) {
    struct error err = {.text = ""};
    buffer_clear(&stage.signature);
    assert_int_equal(certificate_sign(buffer_slice(&stage.key), bytes, &stage.signature, &err),
                     STATUS_OK);
}

static void test_certificate_sign__is_checked_by_the_certificate_alone(void **state) {
    (void)state;
    sign(SLICE("what was carried"));
    assert_int_equal(check(SLICE("what was carried")), STATUS_OK);
    assert_int_equal(check(SLICE("what was Carried")), STATUS_DENIED);
    assert_int_equal(check(SLICE("")), STATUS_DENIED);
}

static void test_certificate_sign__any_changed_bit_is_denied(void **state) {
    (void)state;
    sign(SLICE("x"));
    for (size_t i = 0; i < stage.signature.count * 8; i++) {
        stage.signature.bytes[i / 8] ^= (char)(1 << (i % 8));
        assert_int_not_equal(check(SLICE("x")), STATUS_OK);
        stage.signature.bytes[i / 8] ^= (char)(1 << (i % 8));
    }
    assert_int_equal(check(SLICE("x")), STATUS_OK);
    stage.signature.count--;
    assert_int_not_equal(check(SLICE("x")), STATUS_OK);
    buffer_clear(&stage.signature);
    assert_int_equal(check(SLICE("x")), STATUS_DENIED);
}

static void test_certificate_sign__another_key_is_denied(void **state) {
    (void)state;
    sign(SLICE("x"));
    make_pair();
    assert_int_equal(check(SLICE("x")), STATUS_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_sign__is_checked_by_the_certificate_alone),
        cmocka_unit_test(test_certificate_sign__any_changed_bit_is_denied),
        cmocka_unit_test(test_certificate_sign__another_key_is_denied),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
