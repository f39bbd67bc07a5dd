// SPDX-License-Identifier: Apache-2.0
#include "power_facts.h"

#include <stdio.h>
#include <string.h>

#include "platform/clock.h"
#include "platform/hash.h"

static const char *const WORKFLOWS[] = {"triage", "people-counter", "cold-room"};
static const char *const DESTINATIONS[] = {"desk", "ledger"};
static const char *const KEYS[] = {"0", "1", "2", "3", "4"};

struct slice power_workflow(int index) {
    return slice_of(WORKFLOWS[index]);
}

struct slice power_destination(int index) {
    return slice_of(DESTINATIONS[index]);
}

struct slice power_state_key(int index) {
    return slice_of(KEYS[index]);
}

uint64_t power_event_hash(uint32_t index) {
    return index * UINT64_C(0x9e3779b97f4a7c15);
}

static int find(const char *const *names, int count, struct slice name) {
    for (int i = 0; i < count; i++) {
        if (slice_is(name, names[i])) {
            return i;
        }
    }
    return -1;
}

static uint64_t event_bit(uint64_t hash) {
    for (uint32_t i = 0; i < POWER_EVENTS; i++) {
        if (power_event_hash(i) == hash) {
            return UINT64_C(1) << i;
        }
    }
    return UINT64_C(1) << 63; /* of no event that was ever made */
}

static struct id next_hash(struct id before, struct slice text) {
    return hash_128(id_slice(&before), text);
}

/* --- what the tables say --- */

static status read_states(struct database *database, struct power_facts *facts, struct error *err) {
    static const char STATES[] = "SELECT workflow, step, key, value, expires_ms FROM state"
                                 " WHERE workflow <> ''";
    CLEANUP(query_done) struct query query = query_on(database, STATES);
    while (query_next(&query)) {
        const int workflow = find(WORKFLOWS, POWER_WORKFLOWS_MAX, query_text(&query, 0));
        const int key = find(KEYS, POWER_KEYS, query_text(&query, 2));
        if (workflow < 0 || key < 0 || !slice_is(query_text(&query, 1), POWER_STATE_STEP)) {
            return fail(err, STATUS_CORRUPT, "a state is there that nobody wrote");
        }
        facts->states[workflow][key].value = next_hash((struct id){0}, query_text(&query, 3));
        facts->states[workflow][key].expires_ms = query_number(&query, 4);
    }
    return query_status(&query, err);
}

static status read_marks(struct database *database, struct power_facts *facts, struct error *err) {
    static const char MARKS[] = "SELECT 0, source, id_hash FROM seen"
                                " UNION ALL SELECT 1, source, id_hash FROM delivered";
    CLEANUP(query_done) struct query query = query_on(database, MARKS);
    while (query_next(&query)) {
        const bool fades = query_number(&query, 0) == 1;
        if (!slice_is(query_text(&query, 1), fades ? POWER_SENDER_SOURCE : POWER_FOLDER_SOURCE)) {
            return fail(err, STATUS_CORRUPT, "a mark is of a source that there is not");
        }
        *(fades ? &facts->delivered : &facts->seen) |= event_bit((uint64_t)query_number(&query, 2));
    }
    return query_status(&query, err);
}

static status read_aside(struct database *database, struct power_facts *facts, struct error *err) {
    static const char ASIDE[] = "SELECT number, event FROM quarantine ORDER BY number";
    CLEANUP(query_done) struct query query = query_on(database, ASIDE);
    while (query_next(&query)) {
        facts->aside_number = (uint64_t)query_number(&query, 0);
        facts->aside = next_hash(facts->aside, query_text(&query, 1));
    }
    return query_status(&query, err);
}

static status read_cursors(struct database *database, struct power_facts *facts,
                           struct error *err) {
    static const char CURSORS[] = "SELECT destination, lane, sent_seq FROM cursor WHERE stream > 0";
    CLEANUP(query_done) struct query query = query_on(database, CURSORS);
    while (query_next(&query)) {
        const int at = find(DESTINATIONS, POWER_DESTINATIONS, query_text(&query, 0));
        const int64_t lane = query_number(&query, 1);
        if (at < 0 || lane < 0 || lane >= LANE_COUNT) {
            return fail(err, STATUS_CORRUPT, "a cursor is of a destination that there is not");
        }
        facts->cursors[at][lane] = (uint64_t)query_number(&query, 2);
    }
    return query_status(&query, err);
}

static status read_missed(struct database *database, struct power_facts *facts, struct error *err) {
    static const char MISSED[] = "SELECT step, key, value ->> 'count' FROM state"
                                 " WHERE workflow = ''";
    CLEANUP(query_done) struct query query = query_on(database, MISSED);
    while (query_next(&query)) {
        const int at = find(DESTINATIONS, POWER_DESTINATIONS, query_text(&query, 0));
        uint64_t *counted = &facts->missed_otherwise;
        for (int lane = 0; at >= 0 && lane < LANE_COUNT; lane++) {
            char key[64];
            (void)snprintf(key, sizeof(key), "%.30s/given_up", lane_name((enum lane)lane));
            counted = slice_is(query_text(&query, 1), key) ? &facts->missed[at][lane] : counted;
        }
        *counted += (uint64_t)query_number(&query, 2);
    }
    return query_status(&query, err);
}

static status read_last(struct database *database, struct power_facts *facts, struct error *err) {
    static const char LAST[] =
        "SELECT lane, max(seq) FROM (SELECT lane, floor_seq AS seq FROM lane UNION ALL"
        " SELECT key >> 40 & 7, ifnull(last_seq, key & 1099511627775) FROM record)"
        " WHERE lane > 0 GROUP BY lane"; /* lane 0 holds what the store itself says */
    CLEANUP(query_done) struct query query = query_on(database, LAST);
    while (query_next(&query)) {
        facts->last[query_number(&query, 0) & 7] = (uint64_t)query_number(&query, 1);
    }
    return query_status(&query, err);
}

status power_facts_read(struct database *database, struct power_facts *out_facts,
                        struct error *err) {
    (void)memset(out_facts, 0, sizeof(*out_facts));
    TRY(read_states(database, out_facts, err));
    TRY(read_marks(database, out_facts, err));
    TRY(read_aside(database, out_facts, err));
    TRY(read_cursors(database, out_facts, err));
    TRY(read_missed(database, out_facts, err));
    return read_last(database, out_facts, err);
}

status power_ledger_read(struct power_ledger *ledger, struct database *database,
                         struct error *err) {
    static const char DUE[] = "SELECT key, kind >> 20 FROM record WHERE kind >> 20 > 0";
    TRY(power_facts_read(database, &ledger->facts, err));
    CLEANUP(query_done) struct query query = query_on(database, DUE);
    ledger->due_count = 0;
    while (query_next(&query) && ledger->due_count < POWER_DUE_MAX) {
        const uint64_t key = (uint64_t)query_number(&query, 0);
        ledger->due[ledger->due_count++] =
            (struct power_due){.lane = record_key_lane(key),
                               .seq = record_key_seq(key),
                               .destinations = (uint64_t)query_number(&query, 1)};
    }
    return query_status(&query, err);
}

/* --- what jobs do --- */

static void apply_mark(struct power_facts *facts, const struct store_job *job) {
    if (job->seen_source.count > 0) {
        *(job->seen_fades ? &facts->delivered : &facts->seen) |= event_bit(job->seen_hash);
    }
}

static void apply_state(struct power_facts *facts, int workflow, const struct state_write *write) {
    const int key = find(KEYS, POWER_KEYS, write->key);
    const bool removed = write->value.count == 0;
    facts->states[workflow][key].value =
        removed ? (struct id){0} : next_hash((struct id){0}, write->value);
    facts->states[workflow][key].expires_ms = removed ? 0 : write->expires_wall_ms;
}

static void apply_end(struct power_ledger *ledger, const struct store_job *job) {
    for (uint32_t i = 0; i < job->record_count; i++) {
        const struct record_draft *draft = &job->records[i];
        const uint64_t seq = ++ledger->facts.last[draft->lane];
        if (draft->destinations != 0 && ledger->due_count < POWER_DUE_MAX) {
            ledger->due[ledger->due_count++] = (struct power_due){
                .lane = draft->lane, .seq = seq, .destinations = draft->destinations};
        }
    }
    int workflow = 0;
    while (workflow < POWER_WORKFLOWS_MAX - 1 && ledger->workflows[workflow] != job->workflow) {
        workflow++;
    }
    for (uint32_t i = 0; i < job->state_count; i++) {
        apply_state(&ledger->facts, workflow, &job->states[i]);
    }
    apply_mark(&ledger->facts, job);
}

static void apply_delivered(struct power_ledger *ledger, const struct store_job *job) {
    const int at = find(DESTINATIONS, POWER_DESTINATIONS, job->destination);
    uint64_t *cursor = &ledger->facts.cursors[at][job->lane];
    for (uint32_t i = 0; job->gave_up && i < ledger->due_count; i++) {
        const struct power_due *due = &ledger->due[i];
        const bool missed = due->lane == job->lane && due->seq > *cursor && due->seq <= job->seq &&
                            (due->destinations & ledger->bits[at]) != 0;
        ledger->facts.missed[at][job->lane] += missed ? 1 : 0;
    }
    *cursor = job->seq > *cursor ? job->seq : *cursor;
}

static void apply_purge(struct power_facts *facts) {
    const struct moment now = clock_now();
    for (int i = 0; now.quality != CLOCK_BAD && i < POWER_WORKFLOWS_MAX * POWER_KEYS; i++) {
        const int workflow = i / POWER_KEYS;
        const int key = i % POWER_KEYS;
        const int64_t expires_ms = facts->states[workflow][key].expires_ms;
        if (expires_ms != 0 && expires_ms <= now.wall_ms) {
            facts->states[workflow][key].value = (struct id){0};
            facts->states[workflow][key].expires_ms = 0;
        }
    }
}

void power_ledger_apply(struct power_ledger *ledger, const struct store_job *job) {
    switch (job->kind) {
    case STORE_RUN_END:
        apply_end(ledger, job);
        break;
    case STORE_QUARANTINE:
        ledger->facts.aside_number++;
        ledger->facts.aside = next_hash(ledger->facts.aside, job->event);
        apply_mark(&ledger->facts, job);
        break;
    case STORE_SEEN_FORGET:
        ledger->facts.seen &= ~event_bit(job->seen_hash);
        break;
    case STORE_DELIVERED:
        apply_delivered(ledger, job);
        break;
    case STORE_PURGE:
        apply_purge(&ledger->facts);
        break;
    case STORE_WORKFLOW:
    case STORE_RUN_BEGIN:
    case STORE_RUN_STEP:
    case STORE_RUN_COUNT:
    case STORE_RUN_STATE:
    case STORE_ACKNOWLEDGE:
    case STORE_GAP:
    case STORE_RENUMBER:
        break;
    }
}

/* --- comparing --- */

const char *power_facts_difference(const struct power_facts *a, const struct power_facts *b) {
#define DIFFERS(part) (memcmp(&a->part, &b->part, sizeof(a->part)) != 0)
    return DIFFERS(last)               ? "how many records there are"
           : DIFFERS(states)           ? "what steps remember"
           : DIFFERS(seen)             ? "which events were seen"
           : DIFFERS(delivered)        ? "which events their senders delivered"
           : DIFFERS(aside_number)     ? "how many events were kept aside"
           : DIFFERS(aside)            ? "which events were kept aside"
           : DIFFERS(cursors)          ? "how far a destination got"
           : DIFFERS(missed)           ? "how much a destination missed"
           : DIFFERS(missed_otherwise) ? "how much a destination lost"
                                       : NULL;
#undef DIFFERS
}
