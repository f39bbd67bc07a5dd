/*
 * inference_library: ONNX Runtime, opened when the first model is; part of inference.
 *
 * It is never linked: a linked program asks for one release's symbols and refuses all others. The
 * file is EBB_ONNXRUNTIME, else libonnxruntime.so in ebb's own library folder, else the system's
 * libonnxruntime.so.1. Any release from 1.12 on will do. One environment serves the process; what
 * it warns of becomes lines of our log, a few a minute. Once open it stays so.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"

/* The library's own; only the files that include its header look into them. */
struct OrtApi;
struct OrtEnv;
struct OrtAllocator;
struct OrtMemoryInfo;
struct OrtStatus;

struct inference_library {
    const struct OrtApi *api;
    const char *release; /* "1.28.2" */
    struct OrtEnv *env;
    struct OrtAllocator *allocator; /* of names that the library hands out */
    struct OrtMemoryInfo *memory;   /* where tensors lie */
};

/* NOT_FOUND says which package or variable is missing; INVALID, that it is too old. */
status inference_library_use(const struct inference_library **out_library, struct error *err);

/* Releases what the library said and writes it as one sentence of that class; OK for NULL. */
status inference_library_took(const struct inference_library *library, struct OrtStatus *said,
                              status code, struct error *err);
