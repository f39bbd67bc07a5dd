/*
 * inference_ports: what a model declares that it takes and gives: names, types and shapes; part of
 * inference.
 *
 * Also which of the library's element types is which of ours. The names are the library's memory,
 * given back by inference_ports_done.
 *
 * Thread: the model's; immutable once read.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/inference.h"
#include "platform/inference_library.h"

struct OrtSession;
struct OrtTensorTypeAndShapeInfo;

/* The inputs of a model, or its outputs. */
struct inference_ports {
    struct inference_port *ports; /* owned, as is the next */
    const char **names;           /* once more, in a row, as the library wants them */
    uint32_t count;
};

/* How the library counts the type. */
int inference_element_type(enum tensor_type type);

/* Type, rank and shape of a tensor. *out_known is false for those that we do not have. */
struct OrtStatus *inference_read_shape(const struct OrtApi *api,
                                       const struct OrtTensorTypeAndShapeInfo *info,
                                       struct tensor *out_tensor, bool *out_known);

/* INVALID: there are more than INFERENCE_PORTS_MAX. `out_ports` is to be done with also then. */
status inference_ports_read_inputs(const struct inference_library *library,
                                   const struct OrtSession *session,
                                   struct inference_ports *out_ports, struct error *err);
status inference_ports_read_outputs(const struct inference_library *library,
                                    const struct OrtSession *session,
                                    struct inference_ports *out_ports, struct error *err);

void inference_ports_done(const struct inference_library *library, struct inference_ports *ports);
