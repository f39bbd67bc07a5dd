/*
 * compress: bytes to one zstd frame and back (zstd).
 *
 * A frame that is made here says how many bytes it holds and carries a checksum of them. Only such
 * frames are read: exactly one, of no dictionary, with nothing behind it. What it says of its size
 * is held against a bound before anything is allocated, and it is opened straight into room of just
 * that size, which is all the window there is; so a frame costs what its bound allows, whatever its
 * head says.
 *
 * Thread: one a compressor or decompressor; they keep zstd's memory from frame to frame: 1 MiB at
 * level 3 for frames of 64 KiB, 2.5 MiB once there was one of 1 MiB, up to 18 MiB at level 19; 0.1
 * MiB to decompress. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum {
    COMPRESS_LEVEL = 3, /* where nothing speaks for another */
    COMPRESS_LEVEL_MAX = 19,
    COMPRESS_PLAIN_BYTES_MAX = 64 << 20
};

struct compressor;
struct decompressor;

status compressor_create(struct compressor **out_compressor, struct error *err);
void compressor_destroy(struct compressor *compressor);

/* Appends the frame of at most COMPRESS_PLAIN_BYTES_MAX bytes; the level is clamped to 1 up to
 * COMPRESS_LEVEL_MAX. FULL when `out` may not grow by compress_bytes_max of them; after a failure
 * its count is as it was. */
status compressor_add(struct compressor *compressor, int level, struct slice plain,
                      struct buffer *out, struct error *err);

/* The most bytes that the frame of `plain_bytes` takes. */
size_t compress_bytes_max(size_t plain_bytes);

status decompressor_create(struct decompressor **out_decompressor, struct error *err);
void decompressor_destroy(struct decompressor *decompressor);

/* Appends what one whole frame holds, at most `plain_bytes_max`. CORRUPT says what is wrong with
 * it; after a failure the count of `out` is as it was. */
status decompressor_add(struct decompressor *decompressor, struct slice frame,
                        size_t plain_bytes_max, struct buffer *out, struct error *err);
