// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_chains.h"

#include "base/memory.h"
#include "hub/store/hub_sql.h"
#include "storage/number_map.h"
#include "wire/lane.h"
#include "wire/record.h"

enum { STREAM, LANE, SEQ, LAST_SEQ, CHAIN, HEAD, WORKFLOW, NAME, RUN, BODY, STREAM_ID };
enum { ROOM_LEAST = 64 };

/* Where a lane has got to. */
struct end {
    uint64_t seq;
    struct id chain; /* zero: it is not known */
};

struct walk {
    struct number_map places; /* of lanes, in `ends` */
    struct end *ends;         /* owned */
    size_t count, room;
    struct buffer bytes; /* of the record that is looked at */
};

static void walk_done(struct walk *walk) {
    number_map_done(&walk->places);
    memory_free(walk->ends);
    buffer_done(&walk->bytes);
}

static struct end *add_end(struct walk *walk, uint64_t key) {
    if (walk->count == walk->room) {
        const size_t room = walk->room > 0 ? walk->room * 2 : ROOM_LEAST;
        struct end *ends = memory_resize(walk->ends, room * sizeof(*ends));
        if (ends == NULL) {
            return NULL;
        }
        walk->ends = ends;
        walk->room = room;
    }
    if (!number_map_set(&walk->places, key, walk->count)) {
        return NULL;
    }
    walk->ends[walk->count] = (struct end){.seq = 0};
    return &walk->ends[walk->count++];
}

/* A lane that is met for the first time has come nowhere. NULL: there is no memory. */
static struct end *find_end(struct walk *walk, const struct query *row) {
    const uint64_t key = (uint64_t)query_number(row, STREAM) * LANE_COUNT +
                         (uint64_t)query_number(row, LANE) % LANE_COUNT;
    uint64_t place = 0;
    return number_map_get(&walk->places, key, &place) ? &walk->ends[place] : add_end(walk, key);
}

/* As it came. */
static status write_bytes(struct walk *walk, const struct query *row, struct error *err) {
    struct record record;
    buffer_clear(&walk->bytes);
    TRY(record_read_head(query_bytes(row, HEAD), &record, err));
    if (!record_is_known(record.kind, record.version)) {
        buffer_add(&walk->bytes, query_bytes(row, HEAD));
        buffer_add(&walk->bytes, query_bytes(row, BODY));
        return buffer_status(&walk->bytes, err);
    }
    record.workflow = query_text(row, WORKFLOW);
    record.name = query_text(row, NAME);
    record.run = id_from(query_bytes(row, RUN));
    record.body = query_text(row, BODY);
    return record_write(&walk->bytes, &record, err);
}

static status say(const struct query *row, struct error *err) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(id_from(query_bytes(row, STREAM_ID)), hex);
    return fail(err, STATUS_CORRUPT,
                "record %lld of lane '%s' of stream %s is not what it was when it came",
                (long long)query_number(row, SEQ), lane_name((enum lane)query_number(row, LANE)),
                hex);
}

/* One for a single record has no last_seq of its own. */
static bool is_gap(const struct query *row) {
    const struct slice head = query_bytes(row, HEAD);
    return head.count > 0 && (uint8_t)head.bytes[0] == RECORD_GAP;
}

static status look_at(struct walk *walk, const struct query *row, struct error *err) {
    const uint64_t seq = (uint64_t)query_number(row, SEQ);
    const struct id chain = id_from(query_bytes(row, CHAIN));
    struct end *end = find_end(walk, row);
    if (end == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to check chain values");
    }
    const bool is_next = seq == end->seq + 1 && (seq == 1 || !id_is_zero(end->chain));
    if (!is_gap(row) && is_next) {
        const status written = write_bytes(walk, row, err);
        if (written == STATUS_NO_MEMORY) {
            return written;
        }
        if (written != STATUS_OK ||
            !id_equal(record_chain(end->chain, buffer_slice(&walk->bytes)), chain)) {
            return say(row, err);
        }
    }
    const bool spans = !query_is_null(row, LAST_SEQ);
    *end = (struct end){.seq = spans ? (uint64_t)query_number(row, LAST_SEQ) : seq, .chain = chain};
    return STATUS_OK;
}

status hub_chains_check(struct database *database, struct error *err) {
    CLEANUP(walk_done) struct walk walk = {.count = 0};
    number_map_init(&walk.places);
    buffer_init(&walk.bytes, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
    CLEANUP(query_done) struct query row = query_on(database, SQL_HUB_CHAINS);
    while (query_next(&row)) {
        TRY(look_at(&walk, &row, err));
    }
    return query_status(&row, err);
}
