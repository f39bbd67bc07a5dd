/*
 * rate: so many in a span: 6/min, 1/15m, 30/h.
 *
 * Behind the stroke stands a span as in base/time, or a unit alone: ms, s, m or min, h, d or day.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { RATE_COUNT_MAX = 1000000 };

/* False when the text is no rate; nothing is written then. */
bool rate_read(struct slice text, uint32_t *out_count, int64_t *out_span_ms);
