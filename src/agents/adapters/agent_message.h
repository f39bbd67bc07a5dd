/*
 * agent_message: the lines of `protocol: messages`, read and written: a JSON object each.
 *
 *   we write:    {"ebb":1,"hello":{"agent":...,"version":...,"settings":{...},
 *                                  "blobs":"path"}}   or "fd"
 *                {"id":7,"run":...,"key":...,"dir":...,"deadline_ms":1840,"attempt":1,"fds":1,
 *                 "with":{...},"state":{...}}
 *                {"cancel":7}   {"drain":true}
 *   it writes:   {"ebb":1,"ready":true}
 *                {"id":7,"out":{...},"state":{...}}
 *                {"id":7,"error":{"class":"offline","text":"..."}}   {"id":7,"part":{...}}
 *                {"log":{"level":"info","text":"..."}}
 *                {"metric":{"name":"tokens","value":3}}   or "add":3 in place of "value"
 *
 * Keys that this version does not know are passed over on both sides, so the protocol can grow.
 * What a message means to a call is message_process' business.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent.h"
#include "base/buffer.h"
#include "base/log.h"

enum { AGENT_MESSAGE_VERSION = 1, AGENT_MESSAGE_ARENA_BYTES_MAX = 64 << 20 };

#define AGENT_MESSAGE_READY "{\"ebb\":1,\"ready\":true}"
#define AGENT_MESSAGE_DRAIN "{\"drain\":true}\n"

enum agent_message_kind {
    MESSAGE_OTHER, /* of a later version: passed over */
    MESSAGE_WRONG, /* one of those below, but not as it should be: `text` says what would be right
                    */
    MESSAGE_READY,
    MESSAGE_OUT,
    MESSAGE_ERROR,
    MESSAGE_PART,
    MESSAGE_LOG,
    MESSAGE_METRIC
};

/* What of it counts follows from `kind`. It lives in the arena of the reader. */
struct agent_message {
    enum agent_message_kind kind;
    int64_t version;      /* READY: 0 when it does not say */
    bool ready;           /* READY: it says so */
    int64_t id;           /* OUT, ERROR, PART */
    struct value body;    /* OUT, PART: anything */
    struct value state;   /* OUT: null when there is none */
    status class;         /* ERROR: INVALID where its word is none of the classes */
    bool class_known;     /* ERROR */
    enum log_level level; /* LOG */
    struct slice text;    /* ERROR, LOG, WRONG */
    struct slice name;    /* METRIC: text_is_field */
    double number;        /* METRIC */
    bool adds;            /* METRIC: `number` is added to what is there */
};

/* Reads one line that an agent wrote. INVALID when it is no JSON object, FULL or NO_MEMORY. */
status agent_message_read(struct arena *arena, struct slice line, struct agent_message *out_message,
                          struct error *err);

/* Appends one line, its end included. `settings` is a JSON object; `descriptors` is how many come
 * with the request. */
void agent_message_write_hello(struct buffer *out, const struct agent_manifest *manifest,
                               struct slice settings);
void agent_message_write_request(struct buffer *out, int64_t id, const struct agent_call *call,
                                 uint32_t descriptors, int64_t now_ns);
void agent_message_write_cancel(struct buffer *out, int64_t id);
