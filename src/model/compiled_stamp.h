/*
 * compiled_stamp: what a compiled model was made of and for, in the model's own file.
 *
 * The stamp is the last field of the file: an entry of ONNX's metadata, which every reader of ONNX
 * files knows and passes over. So it is copied, renamed and deleted with what it is about, and was
 * not there if the file was cut. It says which ONNX Runtime made the graph, for which providers and
 * which processor, of which source, and what the bytes before it are. It is believed only where all
 * of that is true again.
 *
 * Not here: making such files and opening them (model/compiled).
 *
 * Pure but for compiled_stamp_here, which asks the library and the processor: any thread. Foreign
 * bytes: bounded before anything is built.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/inference.h"
#include "platform/processor.h"

enum { COMPILED_STAMP_BYTES_MAX = 2048, COMPILED_WORDS_BYTES = 128 };

struct compiled_stamp {
    char release[COMPILED_WORDS_BYTES];   /* of ONNX Runtime */
    char providers[COMPILED_WORDS_BYTES]; /* that were asked for: "cuda,cpu" */
    char provider[COMPILED_WORDS_BYTES];  /* that took it */
    char processor[PROCESSOR_TEXT_BYTES]; /* as platform/processor describes it */
    struct id source;                     /* of the file that it was made of: hash_128 */
    uint64_t graph;                       /* of all bytes before the stamp: checksum_64 */
};

/* What a stamp must say that is made here, now, of a source with that digest; the provider and the
 * graph are left open. NOT_FOUND: there is no library. */
status compiled_stamp_here(const struct inference_options *options, struct id source,
                           struct compiled_stamp *out_stamp, struct error *err);

/* Appends it to the bytes of a model. */
void compiled_stamp_add(struct buffer *out, const struct compiled_stamp *stamp);

/* Takes a file apart. NOT_FOUND: it has no stamp; CORRUPT: it is no ONNX file, its stamp cannot be
 * read, or the bytes before it are others than the stamp says. */
status compiled_stamp_read(struct slice file, struct compiled_stamp *out_stamp, struct error *err);

/* Whether a file that has the stamp may stand for the source. CONFLICT names what is different. */
status compiled_stamp_check(const struct compiled_stamp *stamp, const struct compiled_stamp *here,
                            struct error *err);
