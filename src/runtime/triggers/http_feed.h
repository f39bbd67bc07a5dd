/*
 * http_feed: what is posted to the local API becomes an event, and whoever posted it is told.
 *
 * A post is taken, or refused with a code and a sentence; never both, never neither. It is told
 * that it was taken when the event is on disk under `runs: each`, when it is queued under `runs:
 * none`. The key that comes with it (Idempotency-Key) is the event's id: what comes again under the
 * same key is known and gives no second event.
 *
 * Not here: who may post, and HTTP (runtime/api/events).
 * Thread: loop. Survives: what was told as taken, and its key.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/triggers/feed.h"

enum { HTTP_KEY_BYTES_MAX = 255 };

/* How a post ended. */
enum http_post_end {
    POST_TAKEN,
    POST_KNOWN, /* an event of this key was taken before */
    POST_ASIDE, /* it does not fit, which the error says, and is kept aside */
    POST_INVALID,
    POST_TOO_LARGE,
    POST_WRONG_TYPE,
    POST_UNFIT,     /* it does not fit, and was dropped */
    POST_UNDER_WAY, /* an event of this key is about to be taken: ask again */
    POST_FULL,      /* the queue has no room, or gave this event's place away: ask again */
    POST_BUSY       /* no memory, or the daemon ends: ask again */
};

/* One post. It is the feed's from http_feed_post until `ended`, which comes once, on the loop:
 * at once or later. */
struct http_post {
    struct slice body;         /* these three need to last for the call alone */
    struct slice content_type; /* empty: what the trigger accepts */
    struct slice key;          /* empty: none */
    void (*ended)(struct http_post *post, enum http_post_end end, const struct error *err);
    struct event *event; /* the feed's: while it waits to be kept */
};

/* `feed` is of HTTP_FEED. */
void http_feed_post(struct feed *feed, struct http_post *post);

/* Whoever posted is told nothing more; the event stays what it is. */
void http_post_forget(struct http_post *post);
