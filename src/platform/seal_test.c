// SPDX-License-Identifier: Apache-2.0
#include "platform/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/little_endian.h"
#include "platform/file.h"

enum { ROOM = 4096, AT_MEMORY = 16 };

static const char PASSPHRASE[] = "correct horse battery";

static struct buffer sealed, plain;
static struct error err;

static int set_up(void **state) {
    (void)state;
    buffer_init(&sealed, ROOM);
    buffer_init(&plain, ROOM);
    assert_int_equal(seal_make(slice_of(PASSPHRASE), SLICE("a key"), &sealed, NULL), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    buffer_done(&sealed);
    buffer_done(&plain);
    return 0;
}

static status open_by(const char *passphrase) {
    buffer_clear(&plain);
    return seal_open(slice_of(passphrase), buffer_slice(&sealed), &plain, &err);
}

static void test_seal__opens_what_it_has_sealed(void **state) {
    (void)state;
    assert_int_equal(sealed.count, strlen("a key") + SEAL_BYTES);
    assert_null(memmem(sealed.bytes, sealed.count, "a key", 5));
    assert_int_equal(open_by(PASSPHRASE), STATUS_OK);
    assert_true(slice_is(buffer_slice(&plain), "a key"));
}

static void test_seal__another_one_opens_nothing(void **state) {
    (void)state;
    assert_int_equal(open_by("correct horse batterY"), STATUS_DENIED);
    assert_int_equal(plain.count, 0);
}

static void test_seal__no_bit_of_it_may_change(void **state) {
    static const size_t PLACES[] = {0, 24, 40, 64, 69, 84}; /* of each of its parts */
    (void)state;
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        sealed.bytes[PLACES[i]] ^= 1;
        assert_int_not_equal(open_by(PASSPHRASE), STATUS_OK);
        sealed.bytes[PLACES[i]] ^= 1;
    }
    sealed.count--;
    assert_int_equal(open_by(PASSPHRASE), STATUS_DENIED);
    sealed.count = SEAL_BYTES - 1;
    assert_int_equal(open_by(PASSPHRASE), STATUS_INVALID);
}

static void test_seal__takes_no_more_memory_than_it_may(void **state) {
    (void)state;
    little_endian_put_u64(sealed.bytes + AT_MEMORY, UINT64_C(1) << 40);
    assert_int_equal(open_by(PASSPHRASE), STATUS_INVALID);
    assert_non_null(strstr(err.text, "1099511627776 bytes"));
}

static void read_file(const char *text, status expected, const char *line) {
    char path[] = "/tmp/ebb-seal-XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    (void)close(descriptor);
    assert_int_equal(file_replace(path, slice_of(text), NULL), STATUS_OK);
    assert_int_equal(seal_read_passphrase(path, &plain, &err), expected);
    if (expected == STATUS_OK) {
        assert_true(slice_is(buffer_slice(&plain), line));
    }
    (void)unlink(path);
}

static void test_seal_read_passphrase__takes_the_first_line(void **state) {
    (void)state;
    read_file("12345678", STATUS_OK, "12345678");
    read_file("two words\n", STATUS_OK, "two words");
    read_file("two words\r\nand more\n", STATUS_OK, "two words");
    read_file("1234567\n", STATUS_INVALID, NULL);
    assert_non_null(strstr(err.text, "a line of 8 to 1024 letters, and this one has 7"));
    read_file("", STATUS_INVALID, NULL);
    assert_int_equal(seal_read_passphrase("/nowhere/at/all", &plain, &err), STATUS_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_seal__opens_what_it_has_sealed),
        TEST(test_seal__another_one_opens_nothing),
        TEST(test_seal__no_bit_of_it_may_change),
        TEST(test_seal__takes_no_more_memory_than_it_may),
        TEST(test_seal_read_passphrase__takes_the_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
