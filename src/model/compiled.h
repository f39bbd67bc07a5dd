/*
 * compiled: a model as ONNX Runtime has optimised it, kept in a file so that the next start need
 * not do it again.
 *
 * What it is good for is one machine: the graph is made for the processor, the providers and the
 * release of ONNX Runtime, and a stamp in the file says which (model/compiled_stamp). Where the
 * stamp is not true any more, where the file is damaged or not there, the source is optimised anew
 * and the file written anew, if it can be. Nobody need compile by hand after an upgrade, and no
 * model fails to open because of its compiled file.
 *
 * Not here: the manifest's word for it (agents/manifest_onnx), and lines of the log: who opens says
 * what compiled_open had to tell.
 *
 * Thread: as platform/inference. Survives: a file is written whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/compiled_stamp.h"
#include "platform/inference.h"

#define COMPILED_ENDING ".compiled.onnx" /* of the file's name, in place of .onnx */

enum { COMPILED_PATH_BYTES = 4096, COMPILED_ROUNDS_MAX = 100 };

/* A model that may have been compiled. The digest is hash_128 of the file, of who has read it
 * already; NULL: it is read. */
struct compiled_source {
    const char *path;
    const struct id *digest; /* not owned */
};

/* NAME.compiled.onnx beside NAME.onnx. INVALID: the path is too long. */
status compiled_path(const char *source, char out_path[COMPILED_PATH_BYTES], struct error *err);

/* Optimises the model for this machine and writes it to `path`. INVALID: it has its weights in
 * other files, is compiled already, or is for a provider whose graphs cannot be kept; DENIED,
 * SYSTEM: the file cannot be written. */
status compiled_make(const char *source, const struct inference_options *options, const char *path,
                     struct compiled_stamp *out_stamp, struct error *err);

/* Opens what was compiled of the source, without optimising it again. NOT_FOUND: there is no such
 * file; CONFLICT, CORRUPT: it is not to be used here, and why. */
status compiled_open_made(const struct compiled_source *source, const char *path,
                          const struct inference_options *options,
                          struct inference_model **out_model, struct error *err);

enum compiled_outcome {
    COMPILED_USED,  /* as it lay there */
    COMPILED_ANEW,  /* made now, because of `why` */
    COMPILED_SOURCE /* the source was opened: no compiled file was of use, because of `why` */
};

struct compiled_report {
    enum compiled_outcome outcome;
    struct error why;
};

/* Opens the model that the source is: the compiled file beside it where that is true, else after
 * making it anew (not where `may_make` is false), else the source. Fails as opening the source. */
status compiled_open(const struct compiled_source *source, const struct inference_options *options,
                     bool may_make, struct inference_model **out_model,
                     struct compiled_report *out_report, struct error *err);

/* How long it takes until source and compiled file may be run, with all that is looked at before;
 * the least of so many rounds, in which they take turns. */
status compiled_measure(const struct compiled_source *source, const char *path,
                        const struct inference_options *options, int rounds, int64_t *out_source_ns,
                        int64_t *out_compiled_ns, struct error *err);
