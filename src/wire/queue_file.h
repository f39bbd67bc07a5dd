/*
 * queue_file: what waits in a device's lanes, as a file that a person carries to the hub.
 *
 * "EBBQUEUE1\n", then sections, each of which stands for itself: the count of its head (u32), the
 * head, the count of its frames' bytes (u32), the frames (sync/frame), the count of its signature
 * (u16), the signature. Little endian. The head is JSON:
 *
 *   {"device","stream","lane","first","last","made_at","certificates"}
 *
 * `certificates` is the device's certificate in PEM; its key has signed "ebb-queue-section/1\n",
 * the head and the frames. So a stick may be lost, found, copied and read in twice: the hub takes a
 * section like any other delivery, and a section that was changed not at all.
 *
 * Pure: any thread. Foreign bytes: yes; counts are checked before they are believed.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "wire/lane.h"
#include "wire/record.h"

enum {
    QUEUE_HEAD_BYTES_MAX = 40 << 10,
    QUEUE_FRAMES_BYTES_MAX = RECORD_BYTES_MAX + (256 << 10),
    QUEUE_SIGNATURE_BYTES_MAX = 256,
    QUEUE_SECTION_BYTES_MAX =
        QUEUE_HEAD_BYTES_MAX + QUEUE_FRAMES_BYTES_MAX + QUEUE_SIGNATURE_BYTES_MAX + 16
};

/* What a file begins with. */
#define QUEUE_FILE_MAGIC "EBBQUEUE1\n"

struct queue_section {
    struct id device, stream;
    enum lane lane;
    uint64_t first, last;
    int64_t made_ms;
    struct slice certificates; /* PEM */
    struct slice frames;
    struct slice head, signature; /* as they stand in the file; of one that was read */
};

/* Appends the bytes that are signed: for who signs and for who checks. */
void queue_section_signed(const struct queue_section *section, struct slice head,
                          struct buffer *out);

/* Appends the head's JSON, and a whole section. */
void queue_section_head(const struct queue_section *section, struct buffer *out);
void queue_section_write(const struct queue_section *section, struct slice head,
                         struct slice signature, struct buffer *out);

/* How many bytes the first section takes; 0: it is not all here. CORRUPT when it says that it is
 * larger than one may be. */
status queue_section_find(struct slice bytes, size_t *out_bytes, struct error *err);

/* Reads one whole section; slices point into `bytes` and the arena. CORRUPT names what cannot be.
 * Whether its signature holds is for the caller to check. */
status queue_section_read(struct slice bytes, struct arena *arena,
                          struct queue_section *out_section, struct error *err);
