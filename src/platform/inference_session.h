/*
 * inference_session: a model that the library has read, made ready and may run; part of inference.
 *
 * What the options ask for, in the library's words; a memory of its own with a bound of its own;
 * one provider after the other until one takes the model. What it declares is inference_ports.
 *
 * Thread: any; sessions are made one after the other, since all find their memory in one place.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "platform/inference.h"
#include "platform/inference_library.h"

struct OrtSession;

/* Where a model comes from. */
struct inference_source {
    const char *path; /* NULL: the bytes are it */
    struct slice bytes;
};

/* The session is the caller's; *out_provider is the index of the provider that took it. */
status inference_session_open(const struct inference_library *library,
                              const struct inference_source *source,
                              const struct inference_options *options,
                              struct OrtSession **out_session, uint8_t *out_provider,
                              struct error *err);

/* What the library said of a model, in our words where its own do not help; OK for NULL. */
status inference_session_took(const struct inference_library *library, int64_t memory_bytes,
                              struct OrtStatus *said, struct error *err);
