/*
 * little_endian: numbers as bytes, the least first, in memory that is there already.
 *
 * Appending is buffer's (buffer_add_u64).
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

void little_endian_put_u32(char *out, uint32_t number); /* 4 bytes */
void little_endian_put_u64(char *out, uint64_t number); /* 8 bytes */
uint32_t little_endian_get_u32(const char *bytes);
uint64_t little_endian_get_u64(const char *bytes);
