/*
 * text_buckets: the buckets that a text falls into, each once: what an ONNX file of a text model
 * takes as its input.
 *
 * Hashing is on our side (model/text_features); a file says in a note which settings and how many
 * buckets it was trained with (model/student_file).
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/text_features.h"

struct text_buckets {
    struct text_settings settings;
    uint32_t buckets;
    uint64_t *seen; /* owned: a bit for each bucket */
    int64_t *found; /* owned: those of the last text, in the order of the text */
    size_t count, room;
};

/* INVALID: settings or a count of buckets that no text model has. */
status text_buckets_init(struct text_buckets *buckets, const struct text_settings *settings,
                         uint32_t count, struct error *err);
void text_buckets_done(struct text_buckets *buckets);

/* Fills `found` and `count`. */
status text_buckets_find(struct text_buckets *buckets, struct slice text, struct error *err);
