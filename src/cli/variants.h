/*
 * variants: what `ebb model optimize` found, as a value, as variants.yaml, and as a report.
 *
 * The value is the command's answer, lies in the folder as optimize.json, and is what reports are
 * made of, so that a folder can be reported of again later. variants.yaml is what an agent's
 * manifest takes: the variants that are offered, the nearest to the original first, with what they
 * cost here, and which one to use.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/labels.h"
#include "agents/manifest_variants.h"
#include "base/buffer.h"
#include "base/value.h"
#include "cli/call.h"
#include "cli/sample_pictures.h"
#include "model/optimise.h"

#define VARIANTS_FILE        MANIFEST_VARIANTS_FILE
#define VARIANTS_ANSWER_FILE "optimize.json"
#define VARIANTS_REPORT_FILE "report.html"

/* What a report tells beside what was found. */
struct variants_extras {
    const char *budget;               /* as it was typed; NULL: there was none */
    bool is_mask;                     /* the outputs: what agrees is the mask, not the answer */
    const struct labels *labels;      /* of the classes that an output tells apart; NULL */
    struct slice labelled;            /* that output; empty: the only one */
    struct sample_pictures *pictures; /* where those of changed samples go; NULL: nowhere */
};

/* Everything in the arena; of kind null when it has no room. Pictures are made meanwhile. */
struct value variants_value(struct arena *arena, const char *folder,
                            const struct optimised *optimised,
                            const struct variants_extras *extras);

/* What agent.yaml takes. */
void variants_write_manifest(struct buffer *out, const struct optimised *optimised);

/* For people, of what variants_value made. */
status variants_write_text(struct call *call, struct value answer, struct error *err);

/* A page that needs nothing but itself; pictures of samples come from the folder. */
void variants_write_page(struct buffer *out, const char *folder, struct value answer);
