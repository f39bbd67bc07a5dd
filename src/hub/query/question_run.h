/*
 * question_run: one question to the hub's database, from its text to the rows that go out: what
 * ebb-query does.
 *
 * Run in a process of its own, which ends with it: SQLite counts memory by process, and neither a
 * question that eats all it may have nor one that never ends does the hub's writer any harm. A
 * question sees the moment at which it began.
 *
 * Thread: the process's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "hub/query/question_output.h"

enum {
    QUESTION_HEAP_BYTES = 256 << 20, /* of SQLite */
    QUESTION_DATA_BYTES =
        QUESTION_HEAP_BYTES + (160 << 20), /* of the process, with what it writes */
    QUESTION_SPILL_BYTES = 1 << 30,        /* of a file to sort in, where the disk has plenty */
    QUESTION_SECONDS = 10,
    QUESTION_SECONDS_MAX = 60
};

struct question_options {
    const char *path; /* of hub.db, which is there */
    struct slice sql; /* empty: what can be asked is listed as JSON */
    int seconds;
    int64_t spill_bytes; /* a file that it sorts in may have; 0: it sorts in memory alone */
    uint64_t rows;       /* at most so many; 0: all */
    enum output_format format;
    bool units;
    /* Some of the answer. */
    status (*write)(void *owner, struct slice bytes, struct error *err);
    void *owner;
};

/* *out_begun: some has been written, and with it, where the format has words for it, what failed.
 * INVALID: the question is wrong. TIMEOUT, NO_MEMORY: it wants too much. */
status question_run(const struct question_options *options, bool *out_begun, struct error *err);
