/*
 * jpeg_within: a picture as a JPEG of at most so many bytes, as good as that allows.
 *
 * A JPEG that is small enough stays as it is, byte for byte. What is not is encoded anew, at less
 * quality first and then at half the size, until it fits; it lies upright then and has lost what
 * cameras write beside the pixels (EXIF: places, owners).
 *
 * Thread: any; decoding takes milliseconds: never on the loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/blob.h"
#include "base/error.h"

/* INVALID: it is no picture that we read, or damaged; FULL: not even the smallest fits. The caller
 * releases what comes. */
status jpeg_within(struct blob *picture, int64_t bytes_max, struct blob **out_jpeg,
                   struct error *err);
