/*
 * id: 128 bits that name a stream, a run or a boot, and their text.
 *
 * Where the bits come from is platform/random or platform/hash. Pure: any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { ID_BYTES = 16, ID_HEX_BYTES = 32, ID_UUID_BYTES = 36 };

struct id {
    uint8_t bytes[ID_BYTES];
};

bool id_equal(struct id a, struct id b);
bool id_is_zero(struct id id);

/* Its bytes, as long as the id is there; and back: zero unless they are 16. */
struct slice id_slice(const struct id *id);
struct id id_from(struct slice bytes);

/* 32 lower-case hexadecimal digits and a zero. */
void id_write_hex(struct id id, char out_text[ID_HEX_BYTES + 1]);

/* Reads 32 hexadecimal digits, with or without a UUID's hyphens; false for anything else. */
bool id_read(struct slice text, struct id *out_id);

/* 8-4-4-4-12 and a zero; the bits as they are. */
void id_write_uuid(struct id id, char out_text[ID_UUID_BYTES + 1]);
