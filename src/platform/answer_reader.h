/*
 * answer_reader: what our hub, or a proxy before it, answers over HTTP/1.1, byte by byte.
 *
 * Reads what those say and no more: a body has a Content-Length, is chunked, or is not there (204,
 * 304, the yes to a CONNECT). What comes before the answer proper (100 to 199) and what stands
 * behind a chunked body is passed over. A line that could be read in two ways is refused. How the
 * bytes come cut does not matter.
 *
 * Foreign bytes: yes; a head has at most ANSWER_HEAD_BYTES_MAX, a body what it was born with, and
 * no number in it decides an allocation before it is held against those.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum { ANSWER_HEAD_BYTES_MAX = 16 << 10 /* with all that stands before and behind */ };

enum answer_place {
    ANSWER_STATUS_LINE,
    ANSWER_HEADER,
    ANSWER_BODY,
    ANSWER_CHUNK_SIZE,
    ANSWER_CHUNK,
    ANSWER_CHUNK_END,
    ANSWER_TRAILER,
    ANSWER_WHOLE
};

struct answer_reader {
    int code;               /* these four stand when it is whole */
    int64_t retry_after_ms; /* 0: it says nothing of that, or a date */
    bool closes;            /* the connection ends with it */
    struct buffer body;

    enum answer_place place; /* where the next byte belongs; from here on its own */
    bool connecting;         /* it answers a CONNECT */
    bool chunked, has_length;
    uint64_t left_bytes; /* of the body, or of the chunk */
    size_t head_bytes;   /* so far */
    struct buffer line;  /* as far as it has come */
};

void answer_reader_init(struct answer_reader *reader, size_t body_bytes_max);
void answer_reader_done(struct answer_reader *reader);

/* The next answer is awaited, to a CONNECT or to another request. What it took is given back. */
void answer_reader_begin(struct answer_reader *reader, bool connecting);

/* Takes off the front of `bytes` what belongs to the answer; what is left when it is whole does
 * not. A yes to a CONNECT is whole with its head, and so is a no: that connection is of no more
 * use. CORRUPT: it is none. FULL: head or body are too large. NO_MEMORY. */
status answer_reader_take(struct answer_reader *reader, struct slice *bytes, struct error *err);

bool answer_reader_is_whole(const struct answer_reader *reader);
