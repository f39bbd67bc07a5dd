// SPDX-License-Identifier: Apache-2.0
#include "base/seeded.h"

#include <assert.h>

uint64_t seeded_next(struct seeded *seeded) {
    seeded->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = seeded->state;
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

/* The error of not drawing again is below 2^-32 of a number's chance. */
uint32_t seeded_below(struct seeded *seeded, uint32_t below) {
    assert(below > 0);
    return (uint32_t)((seeded_next(seeded) >> 32) * below >> 32);
}

double seeded_share(struct seeded *seeded) {
    return (double)(seeded_next(seeded) >> 11) * 0x1p-53;
}
