/*
 * sync_manager: gives the device's half of the sync engine (sync/sender) its clock, its link and
 * its store; on a joined device it alone talks to the hub.
 *
 * The engine says what is next, one thing at a time; here it is done: reads on the store's reader
 * thread, requests on platform/link, acknowledgements as jobs of the store. Offline is the normal
 * case: nothing else waits for it. Which kind of link a connection goes by is looked up when it
 * stands; the device's files say what that kind costs and may carry. A device that is not joined
 * has a manager that does nothing until its identity (deployment/enrolment) is there.
 *
 * Thread: loop. Survives: the store's lanes; a new manager learns from the hub what it holds, and
 * goes on with what budgets have been used up to (runtime/link_ledger).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/link_kind.h"
#include "storage/store.h"
#include "sync/sender.h"
#include "wire/device.h"

struct loop;
struct orchestrator;
struct pool;
struct sync_manager;

struct sync_manager_options {
    struct loop *loop; /* not owned, like all here */
    struct pool *pool;
    struct store *store;
    const char *folder; /* of the device's data, with its identity */

    /* What the device's files say of the way to the hub, and whether it stays offline; NULL:
     * nothing. */
    const struct device *settings;

    /* Whose workflows are reported to the hub (runtime/reports); NULL: nothing is. */
    const struct orchestrator *orchestrator;
    int64_t budget_bytes; /* of the store's lanes; 0: the default */
};

status sync_manager_create(const struct sync_manager_options *options,
                           struct sync_manager **out_manager, struct error *err);

/* Reads the identity (again): after a join, a renewal, a leave. Where it is damaged nothing is
 * sent, and the log says so. */
void sync_manager_reload(struct sync_manager *manager);

/* Looks at the store's lanes; after each of its commits. */
void sync_manager_look(struct sync_manager *manager);

/* Sends nothing more. What was sent and not answered is sent again by the next process. NULL is
 * fine. */
void sync_manager_stop(struct sync_manager *manager);

/* When the store has ended. NULL is fine. */
void sync_manager_destroy(struct sync_manager *manager);

/* As `ebb sync now` and `ebb sync pause` ask for; a pause ends with the process. */
void sync_manager_hurry(struct sync_manager *manager);
void sync_manager_pause(struct sync_manager *manager, bool paused);

struct sync_manager_facts {
    bool joined, offline;
    struct slice device, hub;             /* its name, the hub's address; during the call's turn */
    char address[64];                     /* that is connected to, or was tried last */
    char interface[LINK_INTERFACE_BYTES]; /* that the last connection goes by; "": none yet */
    struct sender_budget budget;          /* of its kind of link */
    struct sender_facts sender;
    const char *refusal; /* why the hub does not take this device, when it last said; "": it does */
    int64_t ends_ms;     /* of the certificate, by the wall clock */
    int64_t now_ms;      /* of the sender's clock */
    int64_t hub_offset_ms; /* what must be added to our wall clock to have the hub's */
    int64_t hub_uncertainty_ms;
    bool hub_time_known;
};
void sync_manager_facts(const struct sync_manager *manager, struct sync_manager_facts *out_facts);
