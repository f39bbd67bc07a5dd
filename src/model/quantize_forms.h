/*
 * quantize_forms: puts a model into whole numbers in several forms and keeps the one that answers
 * nearest to it.
 *
 * The forms: as it is; with biases corrected (model/quantize_correct); with layers equalised
 * (model/equalize_graph); with both. Ranges are measured on the calibration part of samples, forms
 * are held against the model on the selection part. Where there are no samples of that part, or
 * nobody wants forms, the model is quantised as it is.
 *
 * Which layers are quantised is the caller's (model/quantize_search finds it by trying). Blocking,
 * seconds to minutes. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/quantize.h"
#include "model/samples.h"

enum { QUANTIZE_FORMS_SAMPLES = 64 /* of the selection part, at most */ };

struct quantize_forms_wish {
    struct slice model;                      /* of an opset with scales per channel */
    const char *folder;                      /* of external data; NULL: there is none */
    const struct quantize_options *quantize; /* but for the bounds, which are found */
    enum threshold_method method;
    bool is_plain; /* as it is, and nothing else */
    /* Samples of a part, as often as asked. */
    status (*samples)(void *owner, enum sample_part part, struct sample_source *out_source,
                      struct error *err);
    /* NULL, or told what is done and how far that is, from 0 to 1; false ends it. */
    bool (*progress)(void *owner, const char *stage, double share);
    void *owner;
    int64_t memory_bytes; /* of a run */
};

struct quantize_form {
    struct buffer model; /* owned: the best as a file */
    struct quantize_report report;
    uint32_t equalized;   /* pairs of layers, in the best */
    uint32_t corrected;   /* layers, in the best */
    bool is_judged;       /* by samples of the selection part */
    double sqnr_db;       /* of the best on these */
    double plain_sqnr_db; /* of the model as it is */
};

/* INVALID: the model does not load or run, or is of an older opset; NOT_FOUND: there are no samples
 * for calibration. Where no layer is quantised the report says so. *out_form is to be done with
 * also after a failure. */
status quantize_forms(const struct quantize_forms_wish *wish, struct quantize_form *out_form,
                      struct error *err);
void quantize_form_done(struct quantize_form *form); /* one of zeroes is fine */
