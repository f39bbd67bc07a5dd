/*
 * sender: the device's half of the engine: which lane is sent next, and what follows from an
 * answer.
 *
 *     away --connect--> greeting --hello answered--> idle --a lane has something--> sending
 *      ^                 |      ^                     ^                               |
 *      |   new_stream:   |      |                     |          answered, after a body
 *      |   bisect,       +------+                     +--------- that is full, or ends for
 *      |   renumber,                                             something more urgent
 *      |   greet again
 *      +-- the connection is lost, from any state
 *
 * The owner (runtime/sync_manager, or a simulator) tells what happened by the functions below, then
 * does what sender_next says until that is SENDER_NOTHING. One thing is under way at a time: one
 * request, one read. Lane 0 first, then 1, then the rest in the ratio 16:8:2:4:1 of bytes; a body
 * is sized to about a second of the link and never exceeds the grant; when something more urgent
 * comes, the body ends at the frame that it is in. Nothing is sent that is not durable: reads see
 * committed records only. What else the device has to say (sender_offer) is a request of its own
 * between bodies, and small: never while lane 0 or 1 has something, and paid for like lane 6.
 *
 * Invariants: 1. an acknowledgement goes to the store only with the chain value that both have at
 * that seq. 2. After `rollback` what the hub lacks is sent again from its top on. 3. After
 * `new_stream` the last common point is found by chain values, what the hub lacks is renumbered
 * into a new stream (by the store), and nothing more is sent in the old one.
 *
 * A function that has no memory loses nothing: sender_next says so, and goes on when it is called
 * again, a little later.
 *
 * Pure: time is handed in, chance is seeded. Thread: that of the owner. Survives nothing: a new one
 * greets and learns all from hello. What budgets have been used up to the owner may keep, and hand
 * to the next one (sender_use, sender_recall).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sync/frame.h"
#include "sync/messages.h"
#include "sync/scheduler.h"

enum {
    SENDER_STREAMS_MAX = MESSAGE_STREAMS_MAX,
    SENDER_READ_BYTES_MAX = 256 << 10,
    SENDER_RETRY_MS_LEAST = 1000,
    SENDER_RETRY_MS_MOST = 5 * 60 * 1000,
    /* No byte taken and no answer for so long: the connection is given up. */
    SENDER_PROGRESS_MS = 30 * 1000
};

struct sender;

/* What the device hangs on just now. What was sent over a kind of link is counted for each kind. */
struct sender_link {
    char kind[SCHEDULER_KIND_BYTES]; /* "ethernet", "wifi", "cellular" ...; empty: not known */
    bool metered;
    int64_t bits_per_s; /* as the system says; 0: not known, then what was measured is told */
    struct link_budget budget;
};

struct sender_options {
    uint64_t seed; /* of the waits before a retry */
    struct sender_link link;
    int level; /* zstd's; 0: as the link needs it */
};

enum sender_act {
    SENDER_NOTHING, /* until `wake_ms` (0: until something happens) */
    SENDER_CONNECT, /* then sender_connected or sender_lost */
    SENDER_CLOSE,   /* nothing more is told of that connection */

    /* Facts of all streams that have records, the oldest first; `positions` are wanted of `stream`:
     * sender_peeked. */
    SENDER_PEEK,

    /* What stands in `stream`, `lane` from `first` to `last`, at most `bytes_max` of records, or
     * one record: sender_read. A gap that `first` lies in comes whole, and what is gone from the
     * bottom as one gap up to the lane's floor, since the chain value is known there. */
    SENDER_READ,

    SENDER_HELLO,     /* POST `bytes` to /v1/hello: sender_answered */
    SENDER_PUT_BEGIN, /* a PUT of `stream`, `lane`, `first` begins */
    SENDER_PUT_BODY,  /* `bytes` are its next frame: sender_taken once the link has taken them */
    SENDER_PUT_END,   /* then sender_answered */
    SENDER_REPORT,    /* what was offered goes as one request: sender_answered */

    /* The hub holds `stream`, `lane` up to `last`, with `chain` there; `anchored`. */
    SENDER_ACKNOWLEDGE,

    /* The record at `first` is kept aside, and a gap of `reason` put in its place: it does not
     * match its chain value (damaged), or this hub takes no frame as large (evicted).
     * sender_mended */
    SENDER_MEND,

    /* What stands in `stream` behind `after[lane]` goes on in a new stream, which is written to
     * from then on: sender_renumbered. Nothing may stand there, when the stream is the one
     * written to. */
    SENDER_RENUMBER,

    /* The hub's clock showed `hub_ms` when ours showed `boot_ns`, give or take `uncertainty_ms`:
     * after each hello, and after a body when it is a better sample or the last one is old. */
    SENDER_TIME,

    SENDER_ALARM /* a person must hear `bytes` */
};

struct sender_action {
    enum sender_act act;
    int64_t wake_ms;
    struct id stream;
    enum lane lane;
    uint64_t first, last, anchored;
    struct id chain;
    size_t bytes_max;
    struct slice bytes; /* until the next call of any function, but sender_note */
    enum gap_reason reason;
    uint64_t after[SYNC_LANES];
    const struct position *positions; /* as long as `bytes` */
    int position_count;
    int64_t hub_ms, boot_ns, uncertainty_ms;
};

/* A stream as the store has it; of the stream that positions were asked of, `positions` are those,
 * with their chain values (zero: not known, or no record or gap ends there). */
struct sender_stream {
    struct hello_stream hello;
    int64_t bytes[SYNC_LANES]; /* that stand in each lane behind acked_seq, about */
};

/* What was read, in the order of seq. It is borrowed until the next SENDER_READ. */
struct sender_batch {
    const struct frame_item *items;
    int count;
    struct id chain_in; /* before the first; zero where it is not known any more */
};

status sender_create(const struct sender_options *options, struct sender **out_sender,
                     struct error *err);
void sender_destroy(struct sender *sender);

/* What to do next; until SENDER_NOTHING. `now_ms` is a clock that only goes forward (boot time),
 * `moment` and `boot` are for hello. */
struct sender_now {
    int64_t now_ms;
    struct moment time;
    struct id boot;
};
status sender_next(struct sender *sender, const struct sender_now *now,
                   struct sender_action *out_action, struct error *err);

/* --- what happened --- */

void sender_connected(struct sender *sender, int64_t now_ms);

/* Also when connecting failed, or when the answer never came. */
void sender_lost(struct sender *sender, int64_t now_ms);

/* Why that was, for a person: last_error of the facts, unless the sender itself had given up. */
void sender_blame(struct sender *sender, const char *text);

/* Not OK: what the store said; it is asked again later. The streams are borrowed for the call. */
void sender_peeked(struct sender *sender, const struct sender_stream *streams, int count,
                   status code, int64_t now_ms);

/* OK; NOT_FOUND: nothing stands there; CORRUPT: the first record does not match its chain value;
 * another class: try again later. */
void sender_read(struct sender *sender, const struct sender_batch *batch, status code,
                 int64_t now_ms);
void sender_taken(struct sender *sender, size_t bytes, int64_t now_ms);

/* NOT_FOUND of a renumbering: no row ends at one of the seqs any more; nothing has changed, and
 * it is looked for again. */
void sender_mended(struct sender *sender, status code, int64_t now_ms);
void sender_renumbered(struct sender *sender, status code, int64_t now_ms);

/* An answer to hello or PUT. It may come before the body has ended: then nothing more is sent. */
void sender_answered(struct sender *sender, int code, int64_t retry_after_ms, struct slice body,
                     int64_t now_ms);

/* A record of the stream that is written to became durable. */
void sender_note(struct sender *sender, enum lane lane, uint64_t seq, int64_t bytes);

/* What the owner has to say beside records (sync/report), until it is answered or the connection is
 * lost: then it may offer again. */
struct sender_offer {
    int64_t bytes;  /* of the request, about; 0: it has nothing to say */
    int64_t due_ms; /* not before this */
    bool bulk;      /* it waits for lane 6's turn; else it goes when lanes 0 and 1 have nothing */
};
void sender_offer(struct sender *sender, const struct sender_offer *offer);

/* --- what people want --- */

void sender_pause(struct sender *sender, bool paused); /* lanes 0 and 1 go on */
void sender_hurry(struct sender *sender); /* connect now, send now, whatever the wait */
void sender_use_link(struct sender *sender, const struct sender_link *link);

/* What was sent over each kind of link; and a new one that goes on with it, `elapsed_ms` later. */
void sender_use(const struct sender *sender, int64_t now_ms, struct scheduler_use *out_use);
void sender_recall(struct sender *sender, int64_t now_ms, const struct scheduler_use *use,
                   int64_t elapsed_ms);

struct sender_facts {
    const char *state; /* "away", "greeting", "idle", "sending" */
    bool connected, paused;
    int64_t next_attempt_ms; /* while away */
    int64_t last_contact_ms; /* of now_ms; 0: none yet */
    uint64_t sent_records, sent_bytes, bodies, retries;
    int64_t bytes_per_s; /* goodput; 0: not known */
    struct id hub_store;
    char last_error[256];
};
void sender_facts(const struct sender *sender, struct sender_facts *out_facts);

/* How the link in use, as sender_use_link said it, stands to its budget. */
struct sender_budget {
    struct sender_link link;
    int64_t bytes_hour, bytes_day; /* sent within the last hour and day, urgent lanes left out */
    int64_t room_ms; /* when it lets the other lanes go on; 0: it does not hold them back */
};
void sender_budget(const struct sender *sender, int64_t now_ms, struct sender_budget *out_budget);
