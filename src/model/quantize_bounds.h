/*
 * quantize_bounds: the bounds of all values that quantising a model asks for, from samples.
 *
 * Puts together which values those are (model/quantize), what they take (model/calibrate) and what
 * bounds that makes (model/threshold). A value of which nothing was seen has none, and its layers
 * stay float32.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/calibrate.h"
#include "model/quantize.h"

struct quantize_bounds_wish {
    struct slice bytes;            /* the model as a file */
    struct sample_source *samples; /* not owned */
    struct threshold_settings settings;
    struct calibrate_options calibrate;
};

/* Fills in the bounds, which lie in the model's arena. Fails as calibrate does. */
status quantize_bounds(struct graph_model *model, const struct quantize_bounds_wish *wish,
                       struct quantize_options *out_options, struct error *err);
