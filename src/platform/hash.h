/*
 * hash: BLAKE2b over bytes (libsodium): chains, digests, event identities; and the HMAC-SHA256 by
 * which others check what we send.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/id.h"
#include "base/slice.h"

/* BLAKE2b-128 of a followed by b. */
struct id hash_128(struct slice a, struct slice b);

/* The first eight bytes of that, little endian. */
uint64_t hash_64(struct slice a, struct slice b);

enum { HASH_SHA256_HEX_BYTES = 64 };

/* HMAC-SHA256 of the bytes, keyed, as lower-case hexadecimal digits and a zero. */
void hash_hmac_sha256(struct slice key, struct slice bytes,
                      char out_hex[HASH_SHA256_HEX_BYTES + 1]);
