/*
 * messages: what device and hub say to each other beside frames: hello and answers, as JSON.
 *
 * Unknown members are ignored and unknown notices are passed over, so either side may be one
 * release older; a number that is missing is 0, an id that is missing is zero, but for those that
 * name something. Numbers beyond what they can be are refused by name.
 *
 *   POST /v1/hello                              hello -> hello_answer
 *   PUT  /v1/streams/STREAM/LANE/FIRST          frames -> answer, with one of the codes below
 *
 * Pure: any thread. Foreign bytes: yes, bounded by MESSAGE_BYTES_MAX.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "sync/ranges.h"
#include "wire/lane.h"

enum {
    MESSAGE_BYTES_MAX = 1 << 20,
    MESSAGE_ARENA_BYTES_MAX = 8 << 20, /* that reading the largest one needs */
    MESSAGE_STREAMS_MAX = 64,          /* in one hello: the oldest first */
    MESSAGE_POSITIONS_MAX = 64,
    MESSAGE_POISON_MAX = 64, /* told in one answer */
    MESSAGE_WAIT_MS_MAX = 24 * 60 * 60 * 1000,
    PROTOCOL_LEAST = 1,
    PROTOCOL_MOST = 1,
    SYNC_LANES = 7 /* control to bulk; local never leaves */
};

enum sync_code {
    SYNC_STORED = 200,
    SYNC_MISSING = 409,   /* frames before these are missing: ranges say which */
    SYNC_FORK = 412,      /* the chain does not match */
    SYNC_TOO_LARGE = 413, /* max says what may be */
    SYNC_POISON = 422,    /* some are quarantined, and held */
    SYNC_BUSY = 503,
    SYNC_FULL = 507 /* the hub's disk; not a failure of the link */
};

enum verdict {
    VERDICT_OK,
    VERDICT_ROLLBACK,
    VERDICT_NEW_STREAM,
    VERDICT_QUARANTINED,
    VERDICT_COUNT
};

/* "ok", "rollback", "new_stream", "quarantined"; static text, "unknown" for others. */
const char *verdict_name(enum verdict verdict);

/* Sent down with everything: how much may be sent, and when. */
struct grant {
    int64_t bytes, after_ms;
};

struct position {
    enum lane lane;
    uint64_t seq;
    struct id chain; /* in an answer: zero where the hub does not hold it (any more) */
};

struct hello_lane {
    uint64_t lowest_kept, highest_durable; /* 0: nothing */
    uint64_t acked_seq, anchored_seq;
    struct id acked_chain; /* zero: not known any more */
};

struct hello_stream {
    struct id id;
    bool current; /* the one that is written to */
    struct hello_lane lanes[SYNC_LANES];
    struct position positions[MESSAGE_POSITIONS_MAX]; /* whose chain values it wants */
    int position_count;
};

struct hello {
    int protocol_least, protocol_most;
    struct id boot;
    int64_t boot_ns, wall_ms;
    int clock_quality;
    struct slice link_kind; /* "ethernet", "wifi", "cellular" ...; empty: not known */
    bool metered;
    int64_t bits_per_s; /* as estimated; 0: not known */
    struct hello_stream *streams;
    int stream_count;
};

struct answer_lane {
    struct ranges held;
    struct id chain; /* at the top of what is held from 1 on */
    uint64_t anchored;
};

struct answer_stream {
    struct id id;
    enum verdict verdict;
    struct answer_lane lanes[SYNC_LANES];
    struct position positions[MESSAGE_POSITIONS_MAX];
    int position_count;
};

struct hello_answer {
    int protocol;
    uint64_t connection;
    struct id hub_store;
    int64_t hub_ms;
    int64_t
        spread_ms; /* a device that lost its connection waits up to so long before it comes back */
    struct grant grant;
    struct answer_stream *streams;
    int stream_count;
};

struct poison {
    uint64_t seq;
    struct slice reason;
};

struct answer {
    enum sync_code code; /* the HTTP code; not in the body */
    struct answer_lane lane;
    enum verdict verdict; /* with SYNC_FORK */
    int64_t hub_ms, spread_ms;
    struct grant grant;
    int64_t max_bytes; /* with SYNC_TOO_LARGE */
    struct poison poison[MESSAGE_POISON_MAX];
    int poison_count;
};

/* What they write is appended; failure stays in the buffer. */
void hello_write(const struct hello *hello, struct buffer *out);
void hello_answer_write(const struct hello_answer *answer, struct buffer *out);
void answer_write(const struct answer *answer, struct buffer *out);

/* What they read lives in the arena. INVALID names what is wrong, FULL when the arena's bound is
 * met. */
status hello_read(struct arena *arena, struct slice text, struct hello *out_hello,
                  struct error *err);
status hello_answer_read(struct arena *arena, struct slice text, struct hello_answer *out_answer,
                         struct error *err);

/* `code` is HTTP's: INVALID for one that is none of sync_code. One that says nothing of the lane
 * (TOO_LARGE, BUSY, FULL) may come from a machine in between and have any body. */
status answer_read(struct arena *arena, int code, struct slice text, struct answer *out_answer,
                   struct error *err);

/* "/v1/streams/STREAM/LANE/FIRST": 32 digits, the lane as its number, the first seq. */
void stream_path_write(struct buffer *out, struct id stream, enum lane lane, uint64_t first);

/* false for what stream_path_write does not write. */
bool stream_path_read(struct slice path, struct id *out_stream, enum lane *out_lane,
                      uint64_t *out_first);
