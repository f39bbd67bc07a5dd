// SPDX-License-Identifier: Apache-2.0
#include "model/dice.h"

#include <assert.h>

uint64_t dice_next(uint64_t *dice) {
    *dice += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = *dice;
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

size_t dice_below(uint64_t *dice, size_t below) {
    assert(below > 0 && below <= UINT64_C(1) << 32);
    return (size_t)((dice_next(dice) >> 32) * below >> 32);
}

float dice_signed(uint64_t *dice) {
    return (float)((int64_t)(dice_next(dice) >> 40) - (1 << 23)) * 0x1p-23F;
}

void dice_shuffle(uint64_t *dice, uint32_t *numbers, size_t count) {
    for (size_t i = count; i > 1; i--) {
        const size_t other = dice_below(dice, i);
        const uint32_t moved = numbers[i - 1];
        numbers[i - 1] = numbers[other];
        numbers[other] = moved;
    }
}
