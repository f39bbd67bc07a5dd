/*
 * value_view: one value inside of a model, computed for a sample.
 *
 * The model is cut down to what that value needs and opened in memory; it takes the same inputs.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/tensor.h"
#include "model/samples.h"
#include "platform/inference.h"

struct value_view {
    struct inference_model *model; /* owned */
    struct inference_run *run;     /* owned: of the last sample */
};

/* `value` is made by a node of the main graph of the model in the file `model`, whose external data
 * lies in `folder` (NULL: it has none). INVALID: it has no such value, or does not load. */
status value_view_open(struct slice model, const char *folder, struct slice value,
                       int64_t memory_bytes, struct value_view *out_view, struct error *err);
void value_view_close(struct value_view *view); /* one of zeroes is fine */

/* The value for that sample, which is there until the next one. */
status value_view_run(struct value_view *view, const struct sample *sample,
                      struct tensor *out_tensor, struct error *err);
