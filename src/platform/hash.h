/*
 * hash: BLAKE2b over bytes (libsodium): chains, digests, event identities; and SHA-256 with its
 * HMAC where others compute the same.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/slice.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 64 };

/* 256 bits of a hash. */
struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* BLAKE2b-128 of a followed by b. */
struct id hash_128(struct slice a, struct slice b);

/* The first eight bytes of that, little endian. */
uint64_t hash_64(struct slice a, struct slice b);

/* BLAKE2b-256, and SHA-256. */
struct digest hash_256(struct slice bytes);
struct digest hash_sha256(struct slice bytes);

/* HMAC-SHA256 of a followed by b, keyed. */
struct digest hash_mac(struct slice key, struct slice a, struct slice b);

/* Takes as long whatever the bytes are: for what others may only guess. */
bool digest_equal(struct digest a, struct digest b);

/* 64 lower-case hexadecimal digits and a zero, and back; false for anything else. */
void digest_write(struct digest digest, char out_hex[DIGEST_HEX_BYTES + 1]);
bool digest_read(struct slice hex, struct digest *out_digest);

struct slice digest_slice(const struct digest *digest);

enum { HASH_SHA256_HEX_BYTES = DIGEST_HEX_BYTES };

/* HMAC-SHA256 of the bytes, keyed, as lower-case hexadecimal digits and a zero. */
void hash_hmac_sha256(struct slice key, struct slice bytes,
                      char out_hex[HASH_SHA256_HEX_BYTES + 1]);
