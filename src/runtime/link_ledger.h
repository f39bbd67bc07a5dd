/*
 * link_ledger: what was sent over each kind of link, kept beside the database, so that a budget of
 * bytes outlives the process.
 *
 * links.json in the data folder is replaced whole when a link that has a budget has carried more,
 * every LINK_LEDGER_MS at most and at the end. Between two boots the wall clock says how long it
 * was; one that went back says that no time has passed. A file that cannot be read is begun anew.
 * The rules of a budget are sync/scheduler's.
 *
 * Thread: loop; the file is written on a worker, and at the very end where it is destroyed.
 * Survives: a stop whole; a crash or a power cut but for what the last LINK_LEDGER_MS have carried.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "sync/sender.h"

enum { LINK_LEDGER_MS = 5 * 60 * 1000 };

struct link_ledger;
struct pool;

/* Reads the file, if there is one: small, before the loop runs. */
status link_ledger_create(struct pool *pool, const char *folder, struct link_ledger **out_ledger,
                          struct error *err);

/* A new sender goes on with what was used. */
void link_ledger_give(const struct link_ledger *ledger, struct sender *sender);

/* Notes what the sender has used. */
void link_ledger_take(struct link_ledger *ledger, const struct sender *sender);

/* The same, and writes it when that is worth it and due; when to look again, by the boot clock, 0:
 * when more was sent. */
int64_t link_ledger_look(struct link_ledger *ledger, const struct sender *sender);

/* Writes what was not written yet; once the pool has ended. NULL is fine. */
void link_ledger_destroy(struct link_ledger *ledger);
