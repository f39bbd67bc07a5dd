// SPDX-License-Identifier: Apache-2.0
#include "platform/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

/* The test vector of BLAKE2b with 16 bytes of output, and the empty one, as other tools print them.
 */
static void test_hash_128__is_blake2b(void **state) {
    (void)state;
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(hash_128(SLICE(""), SLICE("")), hex);
    assert_string_equal(hex, "cae66941d9efbd404e4d88758ea67670");
    id_write_hex(hash_128(SLICE("abc"), SLICE("")), hex);
    assert_string_equal(hex, "cf4ab791c62b8d2b2109c90275287816");
}

static void test_hash_128__joins_its_two_parts(void **state) {
    (void)state;
    const struct id whole = hash_128(SLICE("abc"), (struct slice){0});
    assert_true(id_equal(whole, hash_128(SLICE("a"), SLICE("bc"))));
    assert_true(id_equal(whole, hash_128((struct slice){0}, SLICE("abc"))));
    assert_false(id_equal(whole, hash_128(SLICE("abd"), SLICE(""))));
}

static void test_hash_64__is_its_first_eight_bytes_little_endian(void **state) {
    (void)state;
    assert_true(hash_64(SLICE("a"), SLICE("bc")) == UINT64_C(0x2b8d2bc691b74acf));
}

/* RFC 4231, test cases 2 and 6 (a key longer than a block). */
static void test_hash__hmac_sha256_is_the_known_one(void **state) {
    (void)state;
    char hex[HASH_SHA256_HEX_BYTES + 1];
    hash_hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char key[131];
    (void)memset(key, 0xaa, sizeof key);
    hash_hmac_sha256((struct slice){.bytes = key, .count = sizeof key},
                     SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hash_hmac_sha256((struct slice){0}, (struct slice){0}, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* As `sha256sum` and `b2sum -l 256` print them. */
static void test_hash_256__and_sha256_are_the_known_ones(void **state) {
    (void)state;
    char hex[DIGEST_HEX_BYTES + 1];
    digest_write(hash_sha256(SLICE("abc")), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_write(hash_sha256((struct slice){0}), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_write(hash_256(SLICE("abc")), hex);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void test_hash_mac__joins_its_two_parts(void **state) {
    (void)state;
    char whole[HASH_SHA256_HEX_BYTES + 1], parts[DIGEST_HEX_BYTES + 1];
    hash_hmac_sha256(SLICE("key"), SLICE("abc"), whole);
    digest_write(hash_mac(SLICE("key"), SLICE("a"), SLICE("bc")), parts);
    assert_string_equal(whole, parts);
}

static void test_digest__is_read_back_and_nothing_else_is(void **state) {
    (void)state;
    const struct digest digest = hash_sha256(SLICE("abc"));
    struct digest read = {0};
    char hex[DIGEST_HEX_BYTES + 1];
    digest_write(digest, hex);
    assert_true(digest_read(slice_of(hex), &read));
    assert_true(digest_equal(digest, read));
    assert_true(slice_equal(digest_slice(&digest), digest_slice(&read)));
    assert_false(digest_read(slice_part(slice_of(hex), 0, 62), &read));
    hex[5] = 'g';
    assert_false(digest_read(slice_of(hex), &read));
    read.bytes[31] ^= 1;
    assert_false(digest_equal(digest, read));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_128__is_blake2b),
        cmocka_unit_test(test_hash_128__joins_its_two_parts),
        cmocka_unit_test(test_hash_64__is_its_first_eight_bytes_little_endian),
        cmocka_unit_test(test_hash__hmac_sha256_is_the_known_one),
        cmocka_unit_test(test_hash_256__and_sha256_are_the_known_ones),
        cmocka_unit_test(test_hash_mac__joins_its_two_parts),
        cmocka_unit_test(test_digest__is_read_back_and_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
