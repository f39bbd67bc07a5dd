/*
 * joined_text: values in a row as one text: a string as it is, anything else as JSON.
 *
 * What string interpolation and templates share.
 *
 * Thread: any; the arena is the caller's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* FULL: more than EXPRESSION_TEXT_BYTES_MAX, or no room in the arena. */
status joined_text(struct arena *arena, const struct value *parts, uint32_t count,
                   struct value *out_text, struct error *err);
