/*
 * calibrate: what values the tensors inside a model take, over samples that come one by one.
 *
 * The model is run with the wanted values as its outputs, a few of them at a time, so that what is
 * in memory is one sample's values of one group and a histogram for each value: it does not grow
 * with the samples. What comes out does not depend on the order of the samples nor on the groups.
 * What bounds are made of it is model/threshold.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "model/samples.h"
#include "model/value_range.h"

enum { CALIBRATE_GROUP = 24, CALIBRATE_GROUP_MAX = 256, CALIBRATE_SAMPLES_MAX = 1 << 20 };

struct calibrate_options {
    const char *folder;   /* of external data; NULL: there is none */
    uint32_t samples_max; /* 0: all */
    int64_t memory_bytes; /* of the model */
    uint32_t group;       /* values at a time; 0: CALIBRATE_GROUP */
    /* NULL, or told now and then how far the work is, from 0 to 1; false ends it: INTERRUPTED. */
    bool (*progress)(void *owner, double share);
    void *owner;
};

/* Values by name, all float32 and of the main graph; their ranges have been made. */
struct calibrate_values {
    const struct slice *names;
    struct value_range *ranges;
    uint32_t count;
};

/* Adds to the ranges what the values take. NOT_FOUND: there is no sample; INVALID: the model does
 * not load or run, or has no such value. */
status calibrate(struct slice model, const struct calibrate_values *values,
                 struct sample_source *samples, const struct calibrate_options *options,
                 struct error *err);
