// SPDX-License-Identifier: Apache-2.0
#include "storage/record_row.h"

#include <string.h>

#include "storage/stream.h"
#include "wire/gap.h"

/* The order in which the statements select them. */
enum column {
    COLUMN_KEY,
    COLUMN_LAST_SEQ,
    COLUMN_KIND,
    COLUMN_WORKFLOW,
    COLUMN_NAME,
    COLUMN_RUN,
    COLUMN_PRIORITY,
    COLUMN_BOOT_NS,
    COLUMN_WALL_MS,
    COLUMN_EXPIRES_MS,
    COLUMN_KEEP_MS,
    COLUMN_CHAIN,
    COLUMN_BODY,
    COLUMN_FIRST_ID,
    COLUMN_BOOT_ID,
    COLUMN_QUALITY,
    COLUMN_WORKFLOW_NAME,
    COLUMN_BOOT
};

static bool read_id(const struct query *query, int column, struct id *out_id) {
    const struct slice bytes = query_bytes(query, column);
    if (bytes.count != ID_BYTES) {
        return false;
    }
    (void)memcpy(out_id->bytes, bytes.bytes, ID_BYTES);
    return true;
}

static bool read_optional_id(const struct query *query, int column, struct id *out_id) {
    *out_id = (struct id){0};
    return query_is_null(query, column) || read_id(query, column, out_id);
}

int64_t record_row_kind(const struct record *record, uint64_t destinations) {
    const int64_t kind = (int64_t)record->kind | (int64_t)record->version << 8 |
                         (int64_t)destinations << RECORD_KIND_SHIFT;
    return record_is_known(record->kind, record->version) ? kind : kind | RECORD_KIND_TAIL;
}

int64_t record_row_cost(const struct record *record) {
    const bool known = record_is_known(record->kind, record->version);
    const size_t body = known ? record->body.count : record->tail.count;
    return RECORD_COST + (int64_t)record->name.count + (int64_t)body;
}

static void read_record(const struct query *query, struct record *record) {
    const int64_t kind = query_number(query, COLUMN_KIND);
    *record = (struct record){
        .kind = (enum record_kind)(kind & 0xff),
        .version = (int)(kind >> 8 & 0xff),
        .priority = (int)query_number(query, COLUMN_PRIORITY),
        .time = {.boot_ns = query_number(query, COLUMN_BOOT_NS),
                 .wall_ms = query_number(query, COLUMN_WALL_MS),
                 .quality = (enum clock_quality)query_number(query, COLUMN_QUALITY)},
        .name = query_text(query, COLUMN_NAME),
        .workflow = query_text(query, COLUMN_WORKFLOW_NAME),
    };
    const struct slice body = query_bytes(query, COLUMN_BODY);
    if ((kind & RECORD_KIND_TAIL) != 0) {
        record->tail = body;
    } else {
        record->body = body;
    }
}

status record_row_read(const struct query *query, struct record_row *out_row, struct error *err) {
    const uint64_t key = (uint64_t)query_number(query, COLUMN_KEY);
    struct record_row row = {
        .key = key,
        .seq = record_key_seq(key),
        .workflow = (uint32_t)query_number(query, COLUMN_WORKFLOW),
        .boot = (uint32_t)query_number(query, COLUMN_BOOT),
        .expires_ms = query_number(query, COLUMN_EXPIRES_MS),
        .keep_ms = query_number(query, COLUMN_KEEP_MS),
        .destinations = (uint64_t)query_number(query, COLUMN_KIND) >> RECORD_KIND_SHIFT,
        .is_gap = !query_is_null(query, COLUMN_LAST_SEQ),
    };
    row.last_seq = row.is_gap ? (uint64_t)query_number(query, COLUMN_LAST_SEQ) : row.seq;
    read_record(query, &row.record);
    row.cost = record_row_cost(&row.record);
    const bool whole = read_id(query, COLUMN_CHAIN, &row.chain) &&
                       read_id(query, COLUMN_BOOT_ID, &row.record.boot) &&
                       read_optional_id(query, COLUMN_RUN, &row.record.run) &&
                       read_optional_id(query, COLUMN_FIRST_ID, &row.first_id) &&
                       row.last_seq >= row.seq && row.record.name.count < RECORD_BYTES_MAX;
    if (!whole) {
        return fail(err, STATUS_CORRUPT, "record %llu of lane '%s' has a column that cannot be",
                    (unsigned long long)row.seq, lane_name(record_key_lane(key)));
    }
    *out_row = row;
    return STATUS_OK;
}

void record_row_gap(const struct record_row *row, struct id chain_before, struct gap *out_gap) {
    if (row->is_gap) {
        if (gap_read(row->record.body, out_gap, NULL) != STATUS_OK ||
            out_gap->from_seq != row->seq || out_gap->to_seq != row->last_seq) {
            *out_gap =
                (struct gap){.count = row->last_seq - row->seq + 1}; /* its body is damaged */
        }
        out_gap->from_seq = row->seq;
        out_gap->to_seq = row->last_seq;
        out_gap->chain_end = row->chain;
        return;
    }
    *out_gap = (struct gap){
        .from_seq = row->seq,
        .to_seq = row->seq,
        .count = 1,
        .bytes = row->record.body.count + row->record.tail.count,
        .from_wall_ms = row->record.time.wall_ms,
        .to_wall_ms = row->record.time.wall_ms,
        .chain_before = chain_before,
        .chain_end = row->chain,
    };
}
