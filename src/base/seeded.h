/*
 * seeded: numbers by chance that come again when the seed does.
 *
 * SplitMix64: small, and the same on every machine. For samples, shuffles and tests; what nobody
 * may guess is platform/random.
 *
 * Thread: one at a time for each.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

struct seeded {
    uint64_t state; /* the seed, at first */
};

uint64_t seeded_next(struct seeded *seeded);

/* Even in 0 .. below-1; below is at least 1. */
uint32_t seeded_below(struct seeded *seeded, uint32_t below);

/* Even from 0 up to but not including 1. */
double seeded_share(struct seeded *seeded);
