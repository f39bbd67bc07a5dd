/*
 * hub_store: what a hub keeps, behind one face for each engine (SQLite; later PostgreSQL, and
 * memory for simulations).
 *
 * Records are appended in the order in which they arrive and never changed, but for the time by
 * which they are listed (hub_boots); the cursor of a lane, changed in the same transaction, is what
 * keeps duplicates out. Whoever writes holds the one writing session; reading sessions see
 * committed rows only.
 *
 * Thread: a session belongs to one thread at a time. Survives: power cuts, after commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/store/hub_boots.h"
#include "sync/receiver.h"

struct hub_store_kind;

/* The first member of each engine's own. */
struct hub_session {
    const struct hub_store_kind *kind;
};

enum { HUB_TALLY_KINDS = 8 };

/* A record as it is appended. */
struct hub_record {
    struct id stream;
    enum lane lane;
    const struct received *received;
    struct moment arrived; /* by the hub's clock */
};

/* A lane of a stream that this hub has heard of. */
struct hub_cursor {
    struct id stream;
    enum lane lane;
    uint64_t connection; /* that last greeted */
    struct lane_cursor lane_cursor;
};

/* Whose a stream is. */
struct hub_stream {
    struct id device;
};

/* What there is, and what came since the store was opened. */
struct hub_tally {
    int64_t newest;                  /* the number of the last record; 0: none */
    uint64_t kinds[HUB_TALLY_KINDS]; /* records by their kind; at 0: of a kind that is not known */
    uint64_t poison;                 /* that could not be read */
};

struct hub_store_kind {
    const char *name;
    status (*begin)(struct hub_session *session, struct error *err);
    status (*commit)(struct hub_session *session, struct error *err);
    void (*rollback)(struct hub_session *session);

    /* Between transactions: what is better done while nobody waits; `hurry`: as little as must
     * be. */
    void (*tidy)(struct hub_session *session, bool hurry);

    /* Whose stream it is: claims it for `device` when it is nobody's yet. */
    status (*claim)(struct hub_session *session, struct id stream, struct id device,
                    struct hub_stream *out_stream, struct error *err);
    status (*load_cursor)(struct hub_session *session, struct id stream, enum lane lane,
                          struct hub_cursor *out_cursor, struct error *err); /* new: all zero */
    status (*save_cursor)(struct hub_session *session, const struct hub_cursor *cursor,
                          struct error *err);
    status (*append)(struct hub_session *session, const struct hub_record *record,
                     struct error *err);
    status (*chain_at)(struct hub_session *session, struct id stream, enum lane lane, uint64_t seq,
                       struct id *out_chain, struct error *err);

    /* By the hub's clock a boot of the device began then. */
    status (*hear_boot)(struct hub_session *session, struct id device, const struct hub_boot *boot,
                        struct error *err);

    /* A little of hub_boots_step. */
    status (*mend_times)(struct hub_session *session, int64_t now_ms, struct hub_boots_place *place,
                         bool *out_more, struct error *err);
    status (*next_connection)(struct hub_session *session, uint64_t *out_number, struct error *err);
    struct id (*store_id)(struct hub_session *session);
    void (*tally)(struct hub_session *session, struct hub_tally *out_tally);

    /* The moment that the last backup covers, and its setting; 0: there was none. */
    int64_t (*backed_up_ms)(struct hub_session *session);
    status (*set_backed_up)(struct hub_session *session, int64_t moment_ms, struct error *err);
    void (*close)(struct hub_session *session);
};
