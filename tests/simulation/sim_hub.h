/*
 * sim_hub: a hub: takes bytes of many devices, stores what is whole in one transaction, answers.
 *
 * What arrives while a transaction is being synced is the next one's. A crash takes back what was
 * not committed and every answer that had not left. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "sim_contacts.h"
#include "sim_hub_disk.h"
#include "sim_shelf.h"

struct sim_world;

/* A POST or PUT while the hub has it. */
struct sim_request {
    struct sim_request *next;
    int device; /* whose certificate */
    uint64_t
        serial; /* of the connection; 0: a proxy sent it once more, nobody waits for an answer */
    bool is_hello, is_report;
    struct id stream;
    enum lane lane;
    uint64_t first;
    struct buffer body;
    size_t taken; /* bytes of the body that are done with */
    int frames;   /* taken */
    bool ended;   /* the body is all here */
    bool lost;    /* no more of it comes, and nobody waits */
    bool cut;     /* what could be taken of it was taken */
    bool decided; /* the answer stands */
    bool answered, poisoned;
    struct answer answer;
    struct hello_answer hello;
    struct buffer out; /* the answer's body */
    int code;
    int64_t retry_after_ms;
};

struct sim_hub {
    struct sim_world *world; /* not owned */
    struct sim_shelf shelf;
    struct sim_hub_disk *disk;    /* owned; NULL: there is no real store beside it */
    struct sim_request *requests; /* owned; the oldest first */
    struct frame_reader *reader;
    struct frame_writer *writer; /* of a planted bug */
    struct arena arena;          /* of the message that is read */
    uint64_t connections;
    struct sim_contacts contacts;
    uint64_t life; /* grows with each crash: what was planned before is void */
    bool is_down, is_syncing, is_due, is_behind;
    int refusal; /* a code that it answers everything with; 0: none */
    int64_t refuse_until_us;
    int64_t grant_bytes;
    int64_t sync_us; /* what a commit takes at most */
    uint64_t frames;
};

/* Where its wall clock begins. */
static const int64_t SIM_HUB_MS = INT64_C(1800000000000);

#define SIM_HELLO_PATH  "/v1/hello"
#define SIM_REPORT_PATH "/v1/report"

void sim_hub_init(struct sim_hub *hub, struct sim_world *world);
void sim_hub_done(struct sim_hub *hub);

/* The path is read as a hub reads it. NULL: the hub is down. */
struct sim_request *sim_hub_begin(struct sim_hub *hub, int device, uint64_t serial,
                                  struct slice path);
void sim_hub_bytes(struct sim_hub *hub, struct sim_request *request, struct slice bytes);
void sim_hub_end(struct sim_hub *hub, struct sim_request *request);

/* The connection is gone: whole frames of the prefix count. */
void sim_hub_cut(struct sim_hub *hub, uint64_t serial);

/* The request of a connection, or NULL. */
struct sim_request *sim_hub_request(struct sim_hub *hub, uint64_t serial);

void sim_hub_crash(struct sim_hub *hub);
void sim_hub_start(struct sim_hub *hub);

/* Of what is committed. To be put back or to lose everything it must be down. */
void sim_hub_back_up(struct sim_hub *hub);
void sim_hub_put_back(struct sim_hub *hub, bool with_tools);
void sim_hub_lose(struct sim_hub *hub);
