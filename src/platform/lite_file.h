/*
 * lite_file: what can be known of a TensorFlow Lite file before its library sees it; part of
 * inference.
 *
 * The library has no bound on memory, so that of a model's tensors is added up here first. The file
 * is a FlatBuffer: tables that point forwards by offsets, all of which are held against the file's
 * end. Whether an operator is one, the library says.
 *
 * Pure: any thread. Foreign bytes: nothing is allocated, every offset is bounded.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    LITE_HEAD_BYTES = 8, /* that lite_file_is_one looks at */
    LITE_SUBGRAPHS_MAX = 1024,
    LITE_TENSORS_MAX = 1 << 20 /* of all subgraphs together */
};

/* Whether a file that begins so says that it is one. */
bool lite_file_is_one(struct slice head);

/* How many bytes the numbers of all tensors have that are no weights. CORRUPT: the file contradicts
 * itself; INVALID: it has more than the bounds above. */
status lite_file_tensor_bytes(struct slice file, int64_t *out_bytes, struct error *err);
