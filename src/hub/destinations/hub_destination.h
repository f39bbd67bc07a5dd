/*
 * hub_destination: sends the hub's results to one place besides, from a cursor of its own, in the
 * order of their arrival.
 *
 *   beginning --> reading --some are due--> sending --all settled--> moving --> reading
 *                  |   ^                       | one was not taken      ^
 *          none is |   | something came        v                       |
 *                  v   |                    waiting <-- moving <-- giving up what is too old
 *                  idle
 *
 *  1. The cursor moves in a transaction after the other side has said that it has them: a kill in
 *     between, or a hub out of a backup, sends again and leaves none out.
 *  2. After a failure what was read is forgotten, and read anew when it is tried again: after 1 s,
 *     doubling to 5 min, with some chance in it, or later when the other side asks for that.
 *  3. A result that is refused for what is in it is passed over when one behind it is taken: that
 *     shows that it is the result. When none is, it is the other side, and all wait.
 *  4. What arrived longer ago than `give_up` when an attempt fails is given up.
 *  5. What retention removes before it was sent is counted where it is removed (hub_outgoing).
 *
 * What is passed over, given up or removed is said in the log and counted for ever. A failure is
 * said once, until it is another one or it is over. A destination touches nobody else: it reads on
 * the reading thread, writes as a job of the ingest, and waits for nothing.
 *
 * Thread: loop. Survives: its row (hub_outgoing); waits begin anew after a restart.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/hub_destination_file.h"
#include "hub/ingest.h"
#include "hub/reader.h"

enum {
    HUB_DESTINATION_RETRY_MS_LEAST = 1000,
    HUB_DESTINATION_RETRY_MS_MOST = 5 * 60 * 1000,
    HUB_DESTINATION_ASKED_MS_MOST = 60 * 60 * 1000,
    HUB_DESTINATION_LOOK_MS = 250 /* how often an idle one looks whether something came */
};

struct hub_destination_options {
    struct loop *loop; /* not owned, like all here */
    struct ingest *ingest;
    struct reader *reader;
    const struct hub_outgoing *outgoing;
    const struct hub_destination_settings *settings;
};

struct hub_destination;

/* Begins to look for what is due. */
status hub_destination_create(const struct hub_destination_options *options,
                              struct hub_destination **out_destination, struct error *err);

/* Begins nothing more; what was sent and is not known to have arrived is sent again by the next
 * process. */
void hub_destination_stop(struct hub_destination *destination);

/* When ingest and reader have ended. NULL is fine. */
void hub_destination_destroy(struct hub_destination *destination);

struct hub_destination_facts {
    struct slice name, place;
    const char *kind;
    int64_t waiting; /* records that it has yet to look at or to settle: at most so many results */
    int64_t sent, refused, given_up, removed; /* since it began, across restarts */
    int64_t success_ms, failure_ms, retry_ms; /* wall clock; 0: none since the hub's start */
    bool failing;                             /* the last attempt was one */
    char failure[ERROR_TEXT_MAX];             /* the last one's sentence; empty: none yet */
};
void hub_destination_facts(const struct hub_destination *destination,
                           struct hub_destination_facts *out_facts);
