/*
 * sender_parts: what a sender is made of, for the files of the sender alone.
 *
 * sender.c is the door, the connection and the order of what is pending; sender_greeting.c looks at
 * the store, greets, and settles forks; sender_body.c chooses and sends; sender_answers.c draws the
 * conclusions from what the hub said to a body.
 *
 * What is asked of the link and what is asked of the store are waited for apart: when the
 * connection is lost, the store's answer still comes, and is passed over.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sync/sender.h"
#include "sync/sender_flow.h"
#include "sync/sender_fork.h"
#include "sync/sender_retry.h"
#include "sync/sender_standing.h"

enum { SENDER_TEXT_BYTES = 512, SENDER_EXCERPT_BYTES = 208 };

enum sender_phase { PHASE_AWAY, PHASE_CONNECTING, PHASE_GREETING, PHASE_READY };

/* TAKE: of a frame by the link. */
enum link_wait { LINK_NONE, LINK_CONNECT, LINK_HELLO, LINK_TAKE, LINK_ANSWER, LINK_REPORT };

enum store_wait { STORE_IDLE, STORE_PEEKS, STORE_READS, STORE_MENDS, STORE_RENUMBERS };

enum greeting_step { GREETING_LOOK, GREETING_HELLO, GREETING_RENUMBER };

/* What is being sent: a run of a lane, read in batches, cut into frames. */
struct sender_body {
    bool chosen;               /* all below says nothing otherwise */
    bool begun, framed, ended; /* framed: its first frame is made, and not yet handed out */
    bool done;                 /* nothing more goes into it */
    bool mend;                 /* its first record is to be mended instead */
    enum gap_reason reason;
    int index; /* of the stream */
    struct id stream;
    enum lane lane;
    struct lane_run run;
    uint64_t next;                  /* the first seq that is in no frame yet */
    struct id chain;                /* of the store, before `next`; zero: not known */
    const struct frame_item *items; /* not owned: the batch */
    int item_count, item_next;
    struct id chain_in;
    int64_t allowance, bytes; /* on the wire */
    int frames;
    int records; /* of the last frame */
    bool whole;  /* ended because it was as large as it may be */
    size_t untaken;
    int64_t begun_ms;
};

/* A request whose answer shows what the hub's clock says. */
struct sender_asked {
    int64_t ms, boot_ns;
};

struct sender_sample {
    bool due;
    int64_t hub_ms, boot_ns, uncertainty_ms;
    int64_t last_ms, last_uncertainty_ms; /* of the one that was told last */
};

struct sender {
    struct sender_options options;
    struct scheduler scheduler;
    struct sender_retry retry;
    struct sender_flow flow;
    struct sender_standings standings;
    struct sender_fork fork;
    struct sender_body body;
    struct sender_offer offer; /* that is not under way */
    struct sender_sample sample;
    struct sender_asked asked;

    enum sender_phase phase;
    enum link_wait link;
    enum store_wait store;
    enum greeting_step step;
    bool store_void; /* what the store answers next counts no longer */
    bool forking;    /* `fork` is under way */
    bool look;       /* what is known of the store is old */
    bool close;      /* the connection is to be closed */
    bool paused;
    status failed;  /* in a function that could not say so */
    int renumbered; /* so often since the hub last held something more */
    int confirming; /* the stream whose chain values were asked for; -1: none */

    int64_t progress_ms;                   /* when the link last showed that it lives */
    int64_t greeted_ms;                    /* 0: not on this connection */
    int64_t store_wait_ms, store_begin_ms; /* after trouble with the store: the wait, and its end */
    int64_t last_contact_ms;
    int64_t ratio_16; /* how many times smaller the last frame became, times 16 */

    struct frame_writer *writer; /* owned */
    struct buffer frame;         /* made and not yet handed to the link, if any */
    struct buffer text;          /* of hello */
    struct position positions[MESSAGE_POSITIONS_MAX];
    char alarm[SENDER_TEXT_BYTES], told[SENDER_TEXT_BYTES]; /* pending; handed out */
    char last_error[256];
    struct id hub_store;
    uint64_t sent_records, sent_bytes, bodies;
};

/* --- sender.c: the connection
 * ------------------------------------------------------------------ */

/* The connection is no good: it is closed and tried again later. The sentence is kept for
 * people. */
void sender_give_up(struct sender *sender, int64_t retry_after_ms, int64_t now_ms,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A person must hear the sentence. */
void sender_raise_alarm(struct sender *sender, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The store could not: it is left alone for a while. */
void sender_store_failed(struct sender *sender, status code, int64_t now_ms);

/* The hub's clock, from an answer to what `asked` says. */
void sender_take_sample(struct sender *sender, int64_t hub_ms, bool always, int64_t now_ms);

/* Nothing to do but to wait for the link, or until `wake_ms` (0: for nothing). */
void sender_wait(const struct sender *sender, struct sender_action *out_action, int64_t wake_ms);

/* --- sender_greeting.c
 * ------------------------------------------------------------------------- */

void sender_greet(struct sender *sender);
status sender_greeting_next(struct sender *sender, const struct sender_now *now,
                            struct sender_action *out_action, struct error *err);
void sender_greeting_answered(struct sender *sender, int code, int64_t retry_after_ms,
                              struct slice body, int64_t now_ms);
void sender_look(struct sender *sender, struct sender_action *out_action);

/* --- sender_body.c
 * ----------------------------------------------------------------------------- */

status sender_body_next(struct sender *sender, const struct sender_now *now,
                        struct sender_action *out_action, struct error *err);

/* The body was answered. What is to be mended comes next, if anything is. */
void sender_body_end(struct sender *sender);

/* --- sender_answers.c
 * -------------------------------------------------------------------------- */

void sender_body_answered(struct sender *sender, int code, int64_t retry_after_ms,
                          struct slice body, int64_t now_ms);

/* The lane gets nowhere: it waits, longer each time, while others go on. */
void sender_hold_lane(struct sender *sender, int index, enum lane lane, int64_t now_ms);

/* The store's answer that is waited for came; false: it counts no longer. */
bool sender_store_answered(struct sender *sender, enum store_wait expected);

/* What a person may read of an answer that makes no sense; in `out_text`. */
const char *sender_excerpt(struct slice body, char out_text[SENDER_EXCERPT_BYTES]);
