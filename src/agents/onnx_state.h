/*
 * onnx_state: what a model leaves for its next call: tensors by the names of the inputs that they
 * become.
 *
 * An object of blobs, each of the type that says what tensor it is (base/tensor). It belongs to the
 * run, not to the agent: several streams of sound go through one model. State of another shape,
 * from another version of the model, counts as none.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/tensor.h"
#include "base/value.h"

/* Gives `tensor`, whose type, rank and shape are what is wanted (-1: any), the bytes of that name;
 * zeroes where the state has none, with 1 for -1. */
status onnx_state_read(struct value state, const char *name, struct arena *arena,
                       struct tensor *tensor, struct error *err);

/* The tensor as a member of that name. */
status onnx_state_write(const char *name, const struct tensor *tensor, struct arena *arena,
                        struct member *out_member, struct error *err);
