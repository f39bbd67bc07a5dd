// SPDX-License-Identifier: Apache-2.0
#include "power_digest.h"

#include <stdio.h>

#include "platform/hash.h"
#include "wire/gap.h"

static const char *const TABLES[] = {
    "SELECT 'stream',quote(number)||quote(id)||quote(reason) FROM stream ORDER BY number",
    "SELECT 'boot',quote(number)||quote(id)||quote(quality) FROM boot ORDER BY number",
    "SELECT 'workflow',quote(number)||quote(name)||quote(digest)||quote(text) FROM workflow"
    " ORDER BY number",
    "SELECT 'record',quote(key)||'|'||quote(last_seq)||'|'||quote(kind)||'|'||quote(workflow)||'|'"
    "||quote(name)||'|'||quote(run)||'|'||quote(priority)||'|'||quote(boot)||'|'||quote(boot_ns)"
    "||'|'||quote(wall_ms)||'|'||quote(expires_ms)||'|'||quote(keep_ms)||'|'||quote(chain)||'|'"
    "||quote(body)||'|'||quote(first_id) FROM record ORDER BY key",
    "SELECT 'lane',quote(stream)||'|'||quote(lane)||'|'||quote(floor_seq)||'|'||quote(floor_chain)"
    "||'|'||quote(acked_seq)||'|'||quote(anchored_seq) FROM lane"
    " WHERE floor_seq + acked_seq + anchored_seq > 0 ORDER BY stream, lane",
    "SELECT 'latest',quote(id_hash)||quote(record) FROM latest ORDER BY id_hash",
    "SELECT 'run',quote(number)||'|'||quote(id)||'|'||quote(workflow)||'|'||quote(event_id)||'|'"
    "||quote(event)||'|'||quote(state)||'|'||quote(recoveries) FROM run ORDER BY number",
    "SELECT 'step',quote(run)||'|'||quote(step)||'|'||quote(state)||'|'||quote(attempts)||'|'"
    "||quote(output) FROM step ORDER BY run, step",
    "SELECT 'seen',quote(source)||quote(id_hash) FROM seen ORDER BY source, id_hash",
    "SELECT 'state',quote(workflow)||'|'||quote(step)||'|'||quote(key)||'|'||quote(value)||'|'"
    "||quote(expires_ms) FROM state ORDER BY workflow, step, key",
    "SELECT 'delivered',quote(number)||'|'||quote(source)||'|'||quote(id_hash) FROM delivered"
    " ORDER BY number",
    "SELECT 'quarantine',quote(number)||'|'||quote(workflow)||'|'||quote(source)||'|'"
    "||quote(event_id)||'|'||quote(reason)||'|'||quote(bytes)||'|'||quote(event) FROM quarantine"
    " ORDER BY number",
    "SELECT 'cursor',quote(destination)||'|'||quote(stream)||'|'||quote(lane)||'|'"
    "||quote(sent_seq) FROM cursor ORDER BY destination, stream, lane",
    "SELECT 'blob',quote(hash)||'|'||quote(bytes)||'|'||quote(type)||'|'||quote(holders)||'|'"
    "||quote(expires_ms) FROM blob ORDER BY hash",
    "SELECT 'sync_round',quote(number)||'|'||quote(status)||'|'||quote(details) FROM sync_round"
    " ORDER BY number",
};

enum { TABLE_COUNT = sizeof(TABLES) / sizeof(TABLES[0]) };

static status each_row(struct database *database, void (*each)(void *owner, const struct query *),
                       void *owner, struct error *err) {
    for (int i = 0; i < TABLE_COUNT; i++) {
        CLEANUP(query_done) struct query query = query_on(database, TABLES[i]);
        while (query_next(&query)) {
            each(owner, &query);
        }
        TRY(query_status(&query, err));
    }
    return STATUS_OK;
}

static void add_row(void *owner, const struct query *query) {
    struct id *digest = owner;
    for (int column = 0; column < 2; column++) {
        *digest = hash_128(
            (struct slice){.bytes = (const char *)digest->bytes, .count = sizeof(digest->bytes)},
            query_text(query, column));
    }
}

status power_digest(struct database *database, struct id *out_digest, struct error *err) {
    *out_digest = (struct id){0};
    return each_row(database, add_row, out_digest, err);
}

static void print_row(void *owner, const struct query *query) {
    (void)owner;
    (void)fprintf(stderr, "  %.*s %.*s\n", SLICE_ARGS(query_text(query, 0)),
                  SLICE_ARGS(slice_part(query_text(query, 1), 0, 400)));
}

void power_dump(struct database *database) {
    struct error err;
    if (each_row(database, print_row, NULL, &err) != STATUS_OK) {
        (void)fprintf(stderr, "  %s\n", err.text);
    }
}

/* --- what must be true --- */

static const char ROWS[] =
    "SELECT r.key, r.last_seq, r.kind, w.name, r.name, r.run, r.priority, b.id, b.quality,"
    " r.boot_ns, r.wall_ms, r.chain, r.body, s.id, l.floor_seq, l.floor_chain, l.acked_seq"
    " FROM record r LEFT JOIN workflow w ON w.number = r.workflow"
    " LEFT JOIN boot b ON b.number = r.boot LEFT JOIN stream s ON s.number = r.key >> 43"
    " LEFT JOIN lane l ON l.stream = r.key >> 43 AND l.lane = (r.key >> 40 & 7) ORDER BY r.key";

struct walk {
    uint64_t lane_key; /* stream and lane */
    uint64_t next_seq;
    struct id chain;
    struct buffer bytes;
};

static void begin_lane(struct walk *walk, const struct query *row, uint64_t key) {
    if (walk->lane_key == key >> RECORD_SEQ_BITS) {
        return;
    }
    walk->lane_key = key >> RECORD_SEQ_BITS;
    walk->next_seq = (uint64_t)query_number(row, 14) + 1;
    walk->chain = id_from(query_bytes(row, 15));
}

static status check_gap(const struct walk *walk, const struct query *row, uint64_t seq,
                        struct error *err) {
    struct gap gap;
    TRY(gap_read(query_bytes(row, 12), &gap, err));
    if (gap.from_seq != seq || gap.to_seq != (uint64_t)query_number(row, 1) ||
        gap.count > gap.to_seq - gap.from_seq + 1 || !id_equal(gap.chain_before, walk->chain) ||
        !id_equal(gap.chain_end, id_from(query_bytes(row, 11)))) {
        return fail(err, STATUS_CORRUPT, "gap at %llu does not say where it stands",
                    (unsigned long long)seq);
    }
    return STATUS_OK;
}

static status check_chain(struct walk *walk, const struct query *row, uint64_t seq,
                          struct error *err) {
    const int64_t kind = query_number(row, 2);
    const struct record record = {
        .kind = (enum record_kind)(kind & 0xff),
        .version = (int)(kind >> 8 & 0xff),
        .priority = (int)query_number(row, 6),
        .time = {.quality = (enum clock_quality)query_number(row, 8),
                 .boot_ns = query_number(row, 9),
                 .wall_ms = query_number(row, 10)},
        .boot = id_from(query_bytes(row, 7)),
        .run = id_from(query_bytes(row, 5)),
        .workflow = query_text(row, 3),
        .name = query_text(row, 4),
        .body = query_bytes(row, 12),
    };
    buffer_clear(&walk->bytes);
    TRY(record_write(&walk->bytes, &record, err));
    const struct id chain = record_chain(walk->chain, buffer_slice(&walk->bytes));
    if (!id_equal(chain, id_from(query_bytes(row, 11)))) {
        return fail(err, STATUS_CORRUPT, "the chain is broken at %llu", (unsigned long long)seq);
    }
    return STATUS_OK;
}

static status check_row(struct walk *walk, const struct query *row, struct error *err) {
    const uint64_t key = (uint64_t)query_number(row, 0);
    const uint64_t seq = record_key_seq(key);
    begin_lane(walk, row, key);
    if (seq != walk->next_seq || query_bytes(row, 13).count != ID_BYTES) {
        return fail(err, STATUS_CORRUPT, "lane %u: %llu stands where %llu should",
                    (unsigned)record_key_lane(key), (unsigned long long)seq,
                    (unsigned long long)walk->next_seq);
    }
    const bool is_gap = !query_is_null(row, 1);
    if (is_gap) {
        TRY(check_gap(walk, row, seq, err));
    } else {
        TRY(check_chain(walk, row, seq, err));
    }
    walk->chain = id_from(query_bytes(row, 11));
    walk->next_seq = is_gap ? (uint64_t)query_number(row, 1) + 1 : seq + 1;
    return STATUS_OK;
}

static status check_records(struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, ROWS);
    struct walk walk = {.lane_key = UINT64_MAX};
    status checked = STATUS_OK;
    buffer_init(&walk.bytes, 2 * RECORD_BYTES_MAX);
    while (checked == STATUS_OK && query_next(&query)) {
        checked = check_row(&walk, &query, err);
    }
    buffer_done(&walk.bytes);
    TRY(checked);
    return query_status(&query, err);
}

/* The view writes the ids with SQLite's functions, the store with its own. */
static status check_ids(struct database *database, struct error *err) {
    static const char OF_VIEW[] = "SELECT id FROM workflow_results";
    static const char OF_ROWS[] =
        "SELECT r.key, s.id, r.first_id FROM record r JOIN stream s ON s.number = r.key >> 43"
        " WHERE r.kind & 255 = 1 ORDER BY r.key";
    CLEANUP(query_done) struct query view = query_on(database, OF_VIEW);
    CLEANUP(query_done) struct query rows = query_on(database, OF_ROWS);
    while (query_next(&rows)) {
        const uint64_t key = (uint64_t)query_number(&rows, 0);
        const struct id id = query_is_null(&rows, 2)
                                 ? record_public_id(id_from(query_bytes(&rows, 1)),
                                                    record_key_lane(key), record_key_seq(key))
                                 : id_from(query_bytes(&rows, 2));
        char text[ID_UUID_BYTES + 1];
        id_write_uuid(id, text);
        const bool shown = query_next(&view);
        if (!shown || !slice_is(query_text(&view, 0), text)) {
            return fail(err, STATUS_CORRUPT, "the view calls '%s' '%.*s'", text,
                        SLICE_ARGS(shown ? query_text(&view, 0) : (struct slice){0}));
        }
    }
    TRY(query_status(&rows, err));
    return query_status(&view, err);
}

status power_check(struct database *database, struct error *err) {
    TRY(database_check(database, err));
    TRY(check_records(database, err));
    return check_ids(database, err);
}
