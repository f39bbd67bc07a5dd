// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"

enum { LANES = 4, STRIPE_BYTES = LANES * 8 };

static const uint64_t PRIME_1 = UINT64_C(0x9e3779b185ebca87);
static const uint64_t PRIME_2 = UINT64_C(0xc2b2ae3d27d4eb4f);
static const uint64_t PRIME_3 = UINT64_C(0x165667b19e3779f9);
static const uint64_t PRIME_4 = UINT64_C(0x85ebca77c2b2ae63);
static const uint64_t PRIME_5 = UINT64_C(0x27d4eb2f165667c5);

/* Written out, so that each becomes one load: base/little_endian would be a call for each word. */
static inline uint64_t load_32(const char *at) {
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t load_64(const char *at) {
    const unsigned char *b = (const unsigned char *)at;
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

static uint64_t turn(uint64_t word, int bits) {
    return word << bits | word >> (64 - bits);
}

static uint64_t mix(uint64_t lane, uint64_t word) {
    return turn(lane + word * PRIME_2, 31) * PRIME_1;
}

/* Whole stripes, in lanes that do not wait for one another. */
static uint64_t add_stripes(const char *at, const char *end) {
    uint64_t lanes[LANES] = {PRIME_1 + PRIME_2, PRIME_2, 0, 0 - PRIME_1};
    for (; end - at >= STRIPE_BYTES; at += STRIPE_BYTES) {
        for (int i = 0; i < LANES; i++) {
            lanes[i] = mix(lanes[i], load_64(at + 8 * i));
        }
    }
    uint64_t sum = turn(lanes[0], 1) + turn(lanes[1], 7) + turn(lanes[2], 12) + turn(lanes[3], 18);
    for (int i = 0; i < LANES; i++) {
        sum = (sum ^ mix(0, lanes[i])) * PRIME_1 + PRIME_4;
    }
    return sum;
}

/* What is less than a stripe. */
static uint64_t add_rest(uint64_t sum, const char *at, const char *end) {
    for (; end - at >= 8; at += 8) {
        sum = turn(sum ^ mix(0, load_64(at)), 27) * PRIME_1 + PRIME_4;
    }
    if (end - at >= 4) {
        sum = turn(sum ^ load_32(at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        at += 4;
    }
    for (; at < end; at++) {
        sum = turn(sum ^ (uint8_t)*at * PRIME_5, 11) * PRIME_1;
    }
    return sum;
}

uint64_t checksum_64(struct slice bytes) {
    if (bytes.count == 0) {
        bytes = SLICE("");
    }
    const char *end = bytes.bytes + bytes.count;
    uint64_t sum = PRIME_5;
    if (bytes.count >= STRIPE_BYTES) {
        sum = add_stripes(bytes.bytes, end);
    }
    sum = add_rest(sum + bytes.count, end - bytes.count % STRIPE_BYTES, end);
    sum = (sum ^ sum >> 33) * PRIME_2;
    sum = (sum ^ sum >> 29) * PRIME_3;
    return sum ^ sum >> 32;
}
