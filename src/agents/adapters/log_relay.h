/*
 * log_relay: what a process says on its standard error, line by line in our log, and what else it
 * wants to stand there.
 *
 * At most 64 KiB a minute for an agent, all its processes together; that more was dropped is said
 * once, and how much when the next minute begins. The last line of standard error is remembered,
 * since it mostly says why a process ended.
 *
 * Thread: loop. Time is handed in.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "agents/adapters/line_splitter.h"
#include "base/log.h"

enum {
    LOG_RELAY_LINE_BYTES_MAX = 1000,
    LOG_RELAY_MINUTE_BYTES = 64 * 1024,
    LAST_WORDS_BYTES = 200
};

/* Of one agent. All zeroes is a budget that nobody has used. */
struct log_budget {
    int64_t minute_ns; /* when the current minute began */
    int64_t bytes;     /* said in it */
    uint64_t dropped;  /* bytes of it that were not */
};

/* Of one process. */
struct log_relay {
    struct slice agent;        /* its name; not owned */
    struct log_budget *budget; /* not owned */
    struct line_splitter lines;
    char last_words[LAST_WORDS_BYTES + 1];
};

void log_relay_init(struct log_relay *relay, struct slice agent, struct log_budget *budget);
void log_relay_done(struct log_relay *relay);

/* Some of a standard error. */
void log_relay_take(struct log_relay *relay, struct slice bytes, int64_t now_ns);

/* A text of another way than standard error; what is longer than a line may be is cut. */
void log_relay_say(struct log_relay *relay, enum log_level level, struct slice text,
                   int64_t now_ns);

/* The process is gone: a last line without an end is said too. The last words stay. */
void log_relay_end(struct log_relay *relay, int64_t now_ns);

/* A new process: no last words, no begun line. */
void log_relay_reset(struct log_relay *relay);
