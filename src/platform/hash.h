/*
 * hash: BLAKE2b over bytes (libsodium): chains, digests, event identities.
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
