/*
 * random: bits that nobody can guess (libsodium).
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/id.h"

struct id random_id(void);

/* Even in 0 .. below-1; below is at least 1. */
uint32_t random_below(uint32_t below);
