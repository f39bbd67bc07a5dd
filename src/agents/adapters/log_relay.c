// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/log_relay.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"

static const int64_t MINUTE_NS = INT64_C(60) * 1000 * 1000 * 1000;

void log_relay_init(struct log_relay *relay, struct slice agent, struct log_budget *budget) {
    *relay = (struct log_relay){.agent = agent, .budget = budget};
    line_splitter_init(&relay->lines, LOG_RELAY_LINE_BYTES_MAX);
}

void log_relay_done(struct log_relay *relay) {
    line_splitter_done(&relay->lines);
}

void log_relay_reset(struct log_relay *relay) {
    line_splitter_reset(&relay->lines);
    relay->last_words[0] = '\0';
}

static void begin_minute(struct log_relay *relay, int64_t now_ns) {
    struct log_budget *budget = relay->budget;
    if (budget->dropped > 0) {
        log_line(LOG_WARN, "agents", "agent=%.*s %llu bytes for the log were dropped",
                 SLICE_ARGS(relay->agent), (unsigned long long)budget->dropped);
    }
    *budget = (struct log_budget){.minute_ns = now_ns};
}

/* A line costs a byte more than it has, so that empty ones are bounded as well. */
static bool may_say(struct log_relay *relay, size_t count, int64_t now_ns) {
    struct log_budget *budget = relay->budget;
    if (budget->minute_ns == 0 || now_ns - budget->minute_ns >= MINUTE_NS) {
        begin_minute(relay, now_ns);
    }
    if (budget->dropped == 0 && budget->bytes + (int64_t)count + 1 <= LOG_RELAY_MINUTE_BYTES) {
        budget->bytes += (int64_t)count + 1;
        return true;
    }
    if (budget->dropped == 0) {
        log_line(LOG_WARN, "agents",
                 "agent=%.*s says more than %d KiB a minute to the log: the rest of this minute is "
                 "dropped",
                 SLICE_ARGS(relay->agent), LOG_RELAY_MINUTE_BYTES / 1024);
    }
    budget->dropped += count + 1;
    return false;
}

static void remember(struct log_relay *relay, struct slice text) {
    text = text_cut(slice_trim(text), LAST_WORDS_BYTES);
    if (text.count > 0) {
        (void)memcpy(relay->last_words, text.bytes, text.count);
        relay->last_words[text.count] = '\0';
    }
}

void log_relay_say(struct log_relay *relay, enum log_level level, struct slice text,
                   int64_t now_ns) {
    text = text_cut(text, LOG_RELAY_LINE_BYTES_MAX);
    if (may_say(relay, text.count, now_ns)) {
        log_line(level, "agents", "agent=%.*s %.*s", SLICE_ARGS(relay->agent), SLICE_ARGS(text));
    }
}

static void say(struct log_relay *relay, struct slice line, int64_t now_ns) {
    CLEANUP(buffer_done) struct buffer repaired;
    buffer_init(&repaired, LOG_RELAY_LINE_BYTES_MAX * 3);
    (void)text_repair(&repaired, line); /* how many bytes were bad is nobody's question here */
    if (buffer_status(&repaired, NULL) != STATUS_OK) {
        return;
    }
    remember(relay, buffer_slice(&repaired));
    log_relay_say(relay, LOG_INFO, buffer_slice(&repaired), now_ns);
}

void log_relay_take(struct log_relay *relay, struct slice bytes, int64_t now_ns) {
    struct slice line;
    while (line_splitter_next(&relay->lines, &bytes, &line) != LINE_NONE) {
        say(relay, line, now_ns);
    }
}

void log_relay_end(struct log_relay *relay, int64_t now_ns) {
    const struct slice rest = line_splitter_rest(&relay->lines);
    if (rest.count > 0) {
        say(relay, rest, now_ns);
    }
    line_splitter_reset(&relay->lines);
}
