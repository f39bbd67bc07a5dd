/*
 * lite_model: a model that TensorFlow Lite has read and may run; part of inference.
 *
 * The weights are there once; what computes (an interpreter of the library) runs one call at a
 * time, so a call takes one that is idle, or has another made, and gives it back. There are never
 * more of them than calls at once. Nothing is remembered from one call to the next.
 *
 * The library cannot be told of a bound: what the tensors of a model take is added up before it is
 * opened, as if none of them used the memory of another. Nor can a run be ended before it ends by
 * itself.
 *
 * Not here: the library (lite_library), what executes a model (lite_delegate).
 *
 * Thread: open and close as inference; take, give back and run on any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "platform/inference.h"
#include "platform/inference_ports.h"

struct lite_model;
struct lite_interpreter;

/* Takes the bytes of the file, also when it fails. Errors as inference_open. */
status lite_model_open(struct buffer *bytes, const struct inference_options *options,
                       struct lite_model **out_model, uint8_t *out_provider, struct error *err);
void lite_model_close(struct lite_model *model); /* NULL is fine */

/* What it takes and gives; the names are the model's. lite_model_ports_done frees them. */
status lite_model_inputs(const struct lite_model *model, struct inference_ports *out_ports,
                         struct error *err);
status lite_model_outputs(const struct lite_model *model, struct inference_ports *out_ports,
                          struct error *err);
void lite_model_ports_done(struct inference_ports *ports);

status lite_model_take(struct lite_model *model, struct lite_interpreter **out_interpreter,
                       struct error *err);
void lite_model_give_back(struct lite_model *model, struct lite_interpreter *interpreter);

/* As inference_run; the outputs point into the interpreter until it runs again. */
status lite_interpreter_run(struct lite_interpreter *interpreter, const struct tensor *inputs,
                            const uint32_t *wanted, uint32_t wanted_count,
                            struct tensor *out_outputs, struct error *err);
