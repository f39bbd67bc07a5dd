/*
 * query_frame: what the daemon and ebb-jq say to one another over a socket pair.
 *
 * A frame is a head of three little endian 32-bit numbers (bytes of the body, kind, number) and the
 * body. One QUERY_COMPILE first, answered by a QUERY_REFUSED for each program that does not compile
 * and a QUERY_READY; then QUERY_ASK after QUERY_ASK, each answered before the next. End of file
 * from the daemon ends ebb-jq.
 *
 * Both ends are of one build, so there is no version; bounds are checked all the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

enum {
    QUERY_HEAD_BYTES = 12,
    QUERY_BODY_BYTES_MAX = 16 << 20,
    QUERY_NO_MEMORY_EXIT = 77, /* how ebb-jq ends when a program has used up its memory */
    QUERY_EOF_EXIT = 0
};

enum query_kind {
    QUERY_COMPILE = 1, /* number: how many; body: for each its bytes as 32 bits, then the bytes */
    QUERY_READY,
    QUERY_REFUSED, /* number: which; body: where (32 bits, signed), then the sentence */
    QUERY_ASK,     /* number: which; body: ms after which ebb-jq ends itself (32 bits), the JSON */
    QUERY_ANSWER,  /* body: JSON, empty when there was no output */
    QUERY_FAILED   /* number: the status; body: the sentence */
};

struct query_head {
    uint32_t bytes;
    enum query_kind kind;
    uint32_t number;
};

void query_head_write(struct query_head head, char out_bytes[QUERY_HEAD_BYTES]);
struct query_head query_head_read(const char bytes[QUERY_HEAD_BYTES]);

/* A 32-bit number of a body; the caller knows that its four bytes are there. */
uint32_t query_number_read(const char bytes[4]);
void query_number_write(uint32_t number, char out_bytes[4]);
