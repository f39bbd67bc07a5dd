/*
 * log: one line for people on standard error: time, level, room, sentence, key=value.
 *
 * Only the top of a loop (a request, a job, a command) logs; below it a status goes up. Levels
 * below the one that is set are dropped before they are formatted. Under systemd (JOURNAL_STREAM
 * is set) a line begins with <N> and has no time of its own.
 *
 * Thread: any; a line is one write.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below `least` are dropped; LOG_INFO at the start. */
void log_set_level(enum log_level least);

/* The level of a word ("debug", "info", "warn", "error"), or -1. */
int log_level_from(const char *word);

/* Has every line that is logged told to a listener as well (NULL: to nobody), by the thread that
 * logs it: the time of the line, level, room (static text) and sentence. Set while no other thread
 * logs. */
typedef void log_listener(void *owner, int64_t wall_ms, enum log_level level, const char *room,
                          struct slice text);
void log_set_listener(log_listener *listener, void *owner);

void log_line(enum log_level level, const char *room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
