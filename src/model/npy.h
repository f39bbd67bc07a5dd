/*
 * npy: tensors in the files of numpy's format (.npy, versions 1 to 3), read and written.
 *
 * Foreign bytes: the head is bounded, read by a grammar of three keys, and held against the bytes
 * that are there before anything is allocated. Little-endian numbers in row-major order, which is
 * what numpy.save writes; other orders, text, records and complex numbers are refused by name.
 *
 * Not here: folders of such files (model/samples).
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/tensor.h"

enum {
    NPY_HEAD_BYTES_MAX = 10000,                                         /* as numpy itself has it */
    NPY_FILE_BYTES_MAX = 2 * TENSOR_BYTES_MAX + NPY_HEAD_BYTES_MAX + 12 /* of float64, too */
};

/* The numbers of a file, in the arena, as they are. INVALID: it is no such file, is cut short or
 * too long, or its numbers are of no type that a tensor has. */
status npy_read(struct slice file, struct arena *arena, struct tensor *out_tensor,
                struct error *err);

/* The same for a reader who takes that type alone. float64, which numpy writes when nothing is
 * said, becomes float32 where that is wanted, rounded to the nearest; a number that is too large
 * for it is INVALID, as is any other type. */
status npy_read_as(struct slice file, enum tensor_type wanted, struct arena *arena,
                   struct tensor *out_tensor, struct error *err);

/* Appends the tensor as a file of version 1. INVALID: numpy has no such type. */
status npy_write(const struct tensor *tensor, struct buffer *out, struct error *err);
