// SPDX-License-Identifier: Apache-2.0
#include "wire/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct token make(const char *addresses) {
    struct token token = {0};
    for (int i = 0; i < TOKEN_PIN_BYTES; i++) {
        token.pin[i] = (uint8_t)(0xf0 - i);
        token.secret[i] = (uint8_t)(i * 37 + 11);
    }
    for (int i = 0; i < TOKEN_ID_BYTES; i++) {
        token.id.bytes[i] = (uint8_t)(i + 1);
    }
    (void)snprintf(token.addresses, sizeof(token.addresses), "%s", addresses);
    return token;
}

static void assert_read_back(const struct token *token, const char *text) {
    struct token read;
    struct error err = {0};
    assert_int_equal(token_read(slice_of(text), &read, &err), STATUS_OK);
    assert_memory_equal(&read, token, sizeof(read));
}

static void test_token__is_read_back(void **state) {
    (void)state;
    static char longest[TOKEN_ADDRESSES_BYTES_MAX + 1];
    (void)memset(longest, 'a', TOKEN_ADDRESSES_BYTES_MAX);
    const char *const addresses[] = {"", "hub.example:8443", "10.0.0.7:8443 [2001:db8::7]:443",
                                     longest};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        char text[TOKEN_TEXT_BYTES_MAX];
        const struct token token = make(addresses[i]);
        token_write(&token, text);
        assert_read_back(&token, text);
    }
}

/* What is on paper and in chats for years must be readable for years: this text is of version 1. */
static void test_token__of_version_1_reads_for_ever(void **state) {
    (void)state;
    const struct token token = make("hub.example:8443");
    char text[TOKEN_TEXT_BYTES_MAX];
    token_write(&token, text);
    assert_string_equal(text, "EBB1-07REZVQDXKNYNTF8WZKEBS73WBGG20G30G2GC1R81CR5AYMZRKMGWCT"
                              "RFPHCFV0H6SM7ARHECNW62VBGDHJKME1M6GSSGT2SPR");
}

static void test_token__has_about_75_letters_without_an_address(void **state) {
    (void)state;
    const struct token token = make("");
    char text[TOKEN_TEXT_BYTES_MAX];
    token_write(&token, text);
    assert_int_equal(strlen(text), 77);
    assert_int_equal(strspn(text + 5, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 72);
}

static void test_token__may_be_typed_as_people_do(void **state) {
    (void)state;
    const struct token token = make("hub.example:8443");
    char text[TOKEN_TEXT_BYTES_MAX], typed[2 * TOKEN_TEXT_BYTES_MAX] = "  ";
    token_write(&token, text);
    size_t count = 2;
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char letter = text[i] == '0' ? 'o' : text[i] == '1' && i > 4 ? 'l' : text[i];
        typed[count++] = letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
        if (i > 4 && i % 4 == 0) {
            typed[count++] = '-';
        }
    }
    typed[count] = '\n';
    assert_read_back(&token, typed);
}

/* Every letter changed to every other one, every two neighbours swapped, every end cut off. */
static void test_token__mistyped_is_told_from_unknown(void **state) {
    (void)state;
    static const char LETTERS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const struct token token = make("hub.example:8443");
    char text[TOKEN_TEXT_BYTES_MAX];
    struct token read;
    struct error err = {0};
    token_write(&token, text);
    const size_t count = strlen(text);
    for (size_t i = 5; i < count; i++) {
        const char right = text[i];
        for (size_t j = 0; j < sizeof(LETTERS) - 1; j++) {
            text[i] = LETTERS[j];
            assert_int_equal(token_read(slice_of(text), &read, &err),
                             right == text[i] ? STATUS_OK : STATUS_INVALID);
        }
        text[i] = right;
    }
    assert_non_null(strstr(err.text, "mistyped"));
    for (size_t i = 5; i + 1 < count; i++) {
        const char first = text[i];
        text[i] = text[i + 1];
        text[i + 1] = first;
        if (text[i] != first) {
            assert_int_equal(token_read(slice_of(text), &read, &err), STATUS_INVALID);
        }
        text[i + 1] = text[i];
        text[i] = first;
    }
    for (size_t end = 5; end < count; end++) {
        assert_int_equal(token_read(slice_part(slice_of(text), 0, end), &read, &err),
                         STATUS_INVALID);
    }
}

static void test_token__that_is_none_is_told_so(void **state) {
    (void)state;
    struct token read;
    struct error err = {0};
    const char *const others[] = {"", "EBB1", "EBB2-AAAA", "hub.example:8443", "ghp_0000000000"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(token_read(slice_of(others[i]), &read, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "no token"));
    }
    assert_int_equal(token_read(SLICE("EBB1-"), &read, &err), STATUS_INVALID);
    assert_int_equal(token_read(SLICE("EBB1-U"), &read, &err), STATUS_INVALID);
}

/* Computed with Python's hashlib and hmac. */
static void test_token_proof__is_what_others_compute(void **state) {
    (void)state;
    uint8_t secret[TOKEN_SECRET_BYTES];
    char hex[DIGEST_HEX_BYTES + 1];
    for (int i = 0; i < TOKEN_SECRET_BYTES; i++) {
        secret[i] = (uint8_t)i;
    }
    const struct digest verifier = token_verifier(secret);
    digest_write(verifier, hex);
    assert_string_equal(hex, "c7cb5d1a1a214f1d833a21fe6c7b2420e417c2f220784cbe90072975131bc367");
    digest_write(token_proof(&verifier, SLICE("a request")), hex);
    assert_string_equal(hex, "34c3199c12bbe4808228e48d11e9d5d9897d89d055cb6d647281cce627ca3379");
}

static void test_token_id__is_16_hexadecimal_digits(void **state) {
    (void)state;
    const struct token token = make("");
    struct token_id id;
    char hex[TOKEN_ID_HEX_BYTES + 1];
    token_id_write(token.id, hex);
    assert_string_equal(hex, "0102030405060708");
    assert_true(token_id_read(slice_of(hex), &id));
    assert_memory_equal(&id, &token.id, sizeof(id));
    assert_false(token_id_read(SLICE("010203040506070"), &id));
    assert_false(token_id_read(SLICE("010203040506070g"), &id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token__is_read_back),
        cmocka_unit_test(test_token__of_version_1_reads_for_ever),
        cmocka_unit_test(test_token__has_about_75_letters_without_an_address),
        cmocka_unit_test(test_token__may_be_typed_as_people_do),
        cmocka_unit_test(test_token__mistyped_is_told_from_unknown),
        cmocka_unit_test(test_token__that_is_none_is_told_so),
        cmocka_unit_test(test_token_proof__is_what_others_compute),
        cmocka_unit_test(test_token_id__is_16_hexadecimal_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
