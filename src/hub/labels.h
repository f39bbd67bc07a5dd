/*
 * labels: what devices are labelled by people: a JSON object of texts, as {"line":"3"}.
 *
 * Pure: any thread. Foreign bytes: yes, bounded.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

enum { LABELS_MAX = 64, LABEL_VALUE_BYTES_MAX = 256 };

/* INVALID unless it is null or an object of at most LABELS_MAX texts (or nulls) whose names are
 * names. */
status labels_check(struct value labels, struct error *err);

/* Those of `base` with those of `over` in their place or behind them; null in `over` takes one
 * away. As JSON in the arena. Both may be null. */
status labels_merge(struct arena *arena, struct value base, struct value over,
                    struct slice *out_json, struct error *err);

/* JSON that labels_merge wrote. */
status labels_read(struct arena *arena, struct slice json, struct value *out_labels,
                   struct error *err);

/* Whether the wish "name=value", or "name" alone, is met; empty: always. */
bool labels_meet(struct value labels, struct slice wish);
