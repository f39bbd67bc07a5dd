/*
 * power_facts: what a store must hold of all that is no record, as a model and as its tables say.
 *
 * The model is told of each job that was answered with OK, in their order, and knows nothing of
 * how the store does it. The last numbers of the lanes are in it, so that what a job writes beside
 * its records is there with them or not at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"
#include "storage/store_job.h"

enum {
    POWER_WORKFLOWS_MAX = 3,
    POWER_KEYS = 5,
    POWER_EVENTS = 40, /* identities that come again and again */
    POWER_DESTINATIONS = 2,
    POWER_DUE_MAX = 4096
};

/* Of equal facts every byte is equal. */
struct power_facts {
    struct {
        struct id value; /* a hash of it; zero: none */
        int64_t expires_ms;
    } states[POWER_WORKFLOWS_MAX][POWER_KEYS];
    uint64_t seen, delivered; /* a bit for each event */
    uint64_t aside_number;    /* of the last event that was kept aside */
    struct id aside;          /* a hash over all of them */
    uint64_t cursors[POWER_DESTINATIONS][LANE_COUNT];
    uint64_t missed[POWER_DESTINATIONS][LANE_COUNT];
    uint64_t missed_otherwise;
    uint64_t last[LANE_COUNT];
};

/* What is for a destination, as the model knows it. */
struct power_due {
    enum lane lane;
    uint64_t seq, destinations;
};

struct power_ledger {
    struct power_facts facts;
    uint32_t workflows[POWER_WORKFLOWS_MAX]; /* their numbers */
    uint64_t bits[POWER_DESTINATIONS];
    struct power_due due[POWER_DUE_MAX];
    uint32_t due_count;
};

struct slice power_workflow(int index);
struct slice power_destination(int index);
struct slice power_state_key(int index);
uint64_t power_event_hash(uint32_t index);

/* Of events that a source can take back, and of those whose sender repeats himself. */
#define POWER_FOLDER_SOURCE "inbox"
#define POWER_SENDER_SOURCE "sender"
#define POWER_STATE_STEP    "count"

/* What the tables say. */
status power_facts_read(struct database *database, struct power_facts *out_facts,
                        struct error *err);

/* The model goes on from there: after an opening. `workflows` and `bits` stay. */
status power_ledger_read(struct power_ledger *ledger, struct database *database, struct error *err);

/* Tells the model of a job that was answered with OK. */
void power_ledger_apply(struct power_ledger *ledger, const struct store_job *job);

/* What differs, in words; NULL: nothing. */
const char *power_facts_difference(const struct power_facts *a, const struct power_facts *b);
