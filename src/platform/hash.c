// SPDX-License-Identifier: Apache-2.0
#include "platform/hash.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>

static void add(crypto_generichash_state *state, struct slice bytes) {
    if (bytes.count > 0) {
        (void)crypto_generichash_update(state, (const unsigned char *)bytes.bytes, bytes.count);
    }
}

struct id hash_128(struct slice a, struct slice b) {
    static_assert(ID_BYTES >= crypto_generichash_BYTES_MIN, "BLAKE2b gives at least 16 bytes");
    struct id id = {0};
    crypto_generichash_state state;
    /* These fail only for a length that BLAKE2b does not have. */
    (void)crypto_generichash_init(&state, NULL, 0, ID_BYTES);
    add(&state, a);
    add(&state, b);
    (void)crypto_generichash_final(&state, id.bytes, ID_BYTES);
    return id;
}

uint64_t hash_64(struct slice a, struct slice b) {
    const struct id id = hash_128(a, b);
    uint64_t number = 0;
    for (int i = 7; i >= 0; i--) {
        number = number << 8 | id.bytes[i];
    }
    return number;
}

struct digest hash_256(struct slice bytes) {
    static_assert(DIGEST_BYTES == crypto_generichash_BYTES, "BLAKE2b's own length");
    struct digest digest = {0};
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    add(&state, bytes);
    (void)crypto_generichash_final(&state, digest.bytes, DIGEST_BYTES);
    return digest;
}

/* What may be empty and then has no bytes. */
static const unsigned char *bytes_of(struct slice bytes) {
    static const unsigned char NOTHING[1];
    return bytes.count > 0 ? (const unsigned char *)bytes.bytes : NOTHING;
}

struct digest hash_sha256(struct slice bytes) {
    static_assert(DIGEST_BYTES == crypto_hash_sha256_BYTES, "SHA-256 gives 32 bytes");
    struct digest digest = {0};
    (void)crypto_hash_sha256(digest.bytes, bytes_of(bytes), bytes.count);
    return digest;
}

struct digest hash_mac(struct slice key, struct slice a, struct slice b) {
    static_assert(DIGEST_BYTES == crypto_auth_hmacsha256_BYTES, "HMAC-SHA256 gives 32 bytes");
    struct digest digest = {0};
    crypto_auth_hmacsha256_state state;
    /* None of these can fail. */
    (void)crypto_auth_hmacsha256_init(&state, bytes_of(key), key.count);
    (void)crypto_auth_hmacsha256_update(&state, bytes_of(a), a.count);
    (void)crypto_auth_hmacsha256_update(&state, bytes_of(b), b.count);
    (void)crypto_auth_hmacsha256_final(&state, digest.bytes);
    sodium_memzero(&state, sizeof state);
    return digest;
}

void hash_hmac_sha256(struct slice key, struct slice bytes,
                      char out_hex[HASH_SHA256_HEX_BYTES + 1]) {
    digest_write(hash_mac(key, bytes, (struct slice){0}), out_hex);
}

bool digest_equal(struct digest a, struct digest b) {
    return sodium_memcmp(a.bytes, b.bytes, DIGEST_BYTES) == 0;
}

void digest_write(struct digest digest, char out_hex[DIGEST_HEX_BYTES + 1]) {
    (void)sodium_bin2hex(out_hex, DIGEST_HEX_BYTES + 1, digest.bytes, DIGEST_BYTES);
}

bool digest_read(struct slice hex, struct digest *out_digest) {
    struct digest digest;
    size_t count = 0;
    if (hex.count != DIGEST_HEX_BYTES ||
        sodium_hex2bin(digest.bytes, DIGEST_BYTES, hex.bytes, hex.count, NULL, &count, NULL) != 0 ||
        count != DIGEST_BYTES) {
        return false;
    }
    *out_digest = digest;
    return true;
}

struct slice digest_slice(const struct digest *digest) {
    return (struct slice){.bytes = (const char *)digest->bytes, .count = DIGEST_BYTES};
}
