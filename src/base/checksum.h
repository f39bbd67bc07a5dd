/*
 * checksum: 64 bits that find damage in many bytes, many times faster than a hash does.
 *
 * It is XXH64 with seed 0. Who changes bytes on purpose can make any checksum fit: where that
 * matters, platform/hash.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

uint64_t checksum_64(struct slice bytes);
