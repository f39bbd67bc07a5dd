/*
 * dice: numbers that look thrown, the same on every machine for the same seed (SplitMix64).
 *
 * For training, which has to give the same model again. Nothing that anybody must not guess:
 * that is platform/random.
 *
 * Thread: any; the state is the caller's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The state begins as the seed. */
uint64_t dice_next(uint64_t *dice);

/* Even in 0 .. below-1, of at most 2^32. */
size_t dice_below(uint64_t *dice, size_t below);

/* Even from -1 to 1. */
float dice_signed(uint64_t *dice);

/* Puts the numbers into an order that the dice decide. */
void dice_shuffle(uint64_t *dice, uint32_t *numbers, size_t count);
