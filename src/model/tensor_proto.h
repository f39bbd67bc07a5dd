/*
 * tensor_proto: a tensor in a file of its own, as ONNX's test data has them, as base/tensor.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/tensor.h"

/* Everything lies in the arena. CORRUPT: it is no such file; INVALID: it is of a type, a rank or a
 * size that base/tensor has not. */
status tensor_proto_read(struct slice file, struct arena *arena, struct tensor *out_tensor,
                         struct error *err);
