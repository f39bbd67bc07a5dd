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

void hash_hmac_sha256(struct slice key, struct slice bytes,
                      char out_hex[HASH_SHA256_HEX_BYTES + 1]) {
    static_assert(crypto_auth_hmacsha256_BYTES * 2 == HASH_SHA256_HEX_BYTES, "two digits a byte");
    static const unsigned char NOTHING[1];
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    const bool keyed = key.count > 0;
    /* None of these can fail. */
    (void)crypto_auth_hmacsha256_init(&state, keyed ? (const unsigned char *)key.bytes : NOTHING,
                                      key.count);
    if (bytes.count > 0) {
        (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)bytes.bytes,
                                            bytes.count);
    }
    (void)crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
    (void)sodium_bin2hex(out_hex, HASH_SHA256_HEX_BYTES + 1, mac, sizeof mac);
}
