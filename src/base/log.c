// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"

enum { LINE_BYTES_MAX = 2048, LEVELS = 4 };

static const struct {
    const char *name;
    const char *shown;
    int journal; /* syslog's number */
} LEVEL[LEVELS] = {
    {"debug", "debug", 7}, {"info", "info ", 6}, {"warn", "warn ", 4}, {"error", "error", 3}};

static atomic_int level_least = LOG_INFO;

void log_set_level(enum log_level least) {
    atomic_store_explicit(&level_least, (int)least, memory_order_relaxed);
}

int log_level_from(const char *word) {
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(word, LEVEL[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

static struct {
    log_listener *tell; /* NULL: nobody listens */
    void *owner;
} listening;

void log_set_listener(log_listener *listener, void *owner) {
    listening.tell = listener;
    listening.owner = owner;
}

static int64_t wall_now_ms(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t write_head(char *line, int64_t wall_ms, enum log_level level, const char *room) {
    int count = 0;
    if (getenv("JOURNAL_STREAM") != NULL) {
        count = snprintf(line, LINE_BYTES_MAX, "<%d>%s: ", LEVEL[level].journal, room);
    } else {
        char time[TIME_TEXT_BYTES];
        time_write(wall_ms, time);
        count = snprintf(line, LINE_BYTES_MAX, "%s %s %s: ", time, LEVEL[level].shown, room);
    }
    return count < 0 ? 0 : count >= LINE_BYTES_MAX ? LINE_BYTES_MAX - 1 : (size_t)count;
}

/* What an agent said may be quoted in a line; it must not be able to make a line of its own, move a
 * terminal's cursor, or make the journal take the line for binary data. */
static void tame(char *bytes, size_t count) {
    for (size_t i = 0; i < count;) {
        const size_t step = text_next((struct slice){.bytes = bytes + i, .count = count - i});
        const unsigned char c = (unsigned char)bytes[i];
        if (step == 0) {
            bytes[i] = '?';
        } else if (c < 0x20 || c == 0x7F) {
            bytes[i] = ' ';
        }
        i += step > 0 ? step : 1;
    }
}

void log_line(enum log_level level, const char *room, const char *format, ...) {
    if ((int)level < atomic_load_explicit(&level_least, memory_order_relaxed)) {
        return;
    }
    char line[LINE_BYTES_MAX + 1];
    const int64_t wall_ms = wall_now_ms();
    const size_t head = write_head(line, wall_ms, level, room);
    va_list args;
    va_start(args, format);
    const int said = vsnprintf(line + head, LINE_BYTES_MAX - head, format, args);
    va_end(args);
    const size_t room_left = LINE_BYTES_MAX - head - 1;
    const size_t body = said < 0 ? 0 : (size_t)said > room_left ? room_left : (size_t)said;
    tame(line + head, body);
    line[head + body] = '\n';
    /* A log that cannot be written has nobody left to be told. */
    const ssize_t written = write(STDERR_FILENO, line, head + body + 1);
    (void)written;
    if (listening.tell != NULL) {
        listening.tell(listening.owner, wall_ms, level, room,
                       (struct slice){.bytes = line + head, .count = body});
    }
}
