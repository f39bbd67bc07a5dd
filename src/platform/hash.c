// SPDX-License-Identifier: Apache-2.0
#include "platform/hash.h"

#include <assert.h>
#include <sodium.h>

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
