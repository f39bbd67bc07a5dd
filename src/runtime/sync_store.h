/*
 * sync_store: the store's side of sync: what the sender asks of it is done, and it is told what
 * came of that.
 *
 * Lanes are read on the store's reader thread, one read at a time; acknowledgements, gaps and
 * renumbering are jobs of the store. An acknowledgement that is still on its way when the next one
 * of its lane comes is followed by the newest.
 *
 * Thread: loop. Survives: the store.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/store.h"
#include "sync/sender.h"

struct sync_store;

struct sync_store_options {
    struct store *store;           /* not owned */
    void (*answered)(void *owner); /* on the loop: the sender was told something, or nobody was */
    void *owner;
};

status sync_store_create(const struct sync_store_options *options, struct sync_store **out_store,
                         struct error *err);

/* When the store has ended. NULL is fine. */
void sync_store_destroy(struct sync_store *store);

/* Who asks and is told from now on; NULL: nobody, and what is on its way is dropped. While that is
 * (sync_store_is_busy) nobody else may ask. */
void sync_store_use(struct sync_store *store, struct sender *sender);
bool sync_store_is_busy(const struct sync_store *store);

/* Does SENDER_PEEK, READ, ACKNOWLEDGE, MEND, RENUMBER or ALARM. */
void sync_store_do(struct sync_store *store, const struct sender_action *action);

/* Tells the sender what has become durable; after each commit. True: there was something. */
bool sync_store_look(struct sync_store *store);

/* When sync_store_ring is to be called (milliseconds of boot time); 0: it need not. */
int64_t sync_store_rings_ms(const struct sync_store *store);
void sync_store_ring(struct sync_store *store);
