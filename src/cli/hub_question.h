/*
 * hub_question: a question in SQL to the hub, and what of its answer comes, as it comes.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"
#include "cli/call.h"

enum {
    HUB_QUESTION_SQL_BYTES_MAX = 64 << 10,
    HUB_QUESTION_SECONDS_MAX = 60,
    HUB_QUESTION_PATIENCE_MS = 10 * 60 * 1000 /* others may be before us */
};

struct hub_question {
    struct slice sql;
    int seconds;
    int64_t rows; /* at most; 0: all */
    bool units;   /* in the head of a CSV */
};

/* Writes the answer as "csv" or "jsonl" to `out` while it comes; `headless`: without its first
 * line. What fails in the middle is the error, and not in `out`. INTERRUPTED: somebody wants the
 * program to end (platform/interrupt). */
status hub_question_relay(struct call *call, const struct hub_question *question,
                          const char *format, bool headless, FILE *out, struct error *err);

/* Who takes an answer row by row. */
struct hub_question_taker {
    /* {"columns":[...]} once, before any row. */
    status (*columns)(void *owner, struct value columns, struct error *err);

    /* A row, a list of as many values, in the call's arena. */
    status (*row)(void *owner, struct value row, struct error *err);

    /* There are more rows than were asked for; NULL where all are. */
    void (*more)(void *owner);
    void *owner;
};
status hub_question_ask(struct call *call, const struct hub_question *question,
                        const struct hub_question_taker *taker, struct error *err);
