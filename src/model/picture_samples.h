/*
 * picture_samples: the pictures of an IDX file as samples of a model that takes one picture.
 *
 * The format of MNIST and its kin, NAME-images-idx3-ubyte: grey, unsigned bytes. A picture becomes
 * the tensor of the model's one input, [1, 1, height, width], [1, height, width, 1], [1, height,
 * width] or one row of all pixels, whichever fits; as float32 a pixel is a number from 0 to 1,
 * uint8 stays. Picture N is the sample "picture N", counted from 1, and a hash of that name says
 * for which part of the work it is (model/sample_list).
 *
 * Not here: labels, and pictures of other formats (agents/agent_samples).
 *
 * Blocking: programs and tools. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "model/sample_list.h"
#include "model/samples.h"

enum { PICTURE_SAMPLES_BYTES_MAX = 512 << 20 /* of all pictures of a file */ };

/* The one file of pictures in `folder`, or `folder` itself where it is such a file; false: there is
 * none, *out_path is then untouched. INVALID: there are several. */
status picture_samples_find(const char *folder, char out_path[SAMPLE_PATH_BYTES_MAX],
                            bool *out_found, struct error *err);

/* Pictures of the file for that model. INVALID: it does not take such pictures; NOT_FOUND: none is
 * of that part. */
status picture_samples_open(const char *path, enum sample_part part,
                            const struct inference_model *model, struct sample_source *out_source,
                            struct error *err);
