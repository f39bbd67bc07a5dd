// SPDX-License-Identifier: Apache-2.0
#include "storage/reading_due.h"

#include <string.h>

#include "base/time.h"
#include "platform/json.h"
#include "storage/record_row.h"
#include "storage/record_units.h"
#include "storage/sql.h"
#include "wire/record_line.h"

enum { NS_PER_MS = 1000000, MISSED_BYTES_MAX = 4096 };

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

static status cursor_of(struct database *database, const struct store_read *read, uint32_t stream,
                        enum lane lane, uint64_t *out_seq, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CURSOR_GET);
    query_bind_text(&query, read->destination);
    query_bind_number(&query, stream);
    query_bind_number(&query, lane);
    int64_t seq = 0;
    TRY(query_one_number(&query, &seq, err));
    *out_seq = (uint64_t)seq;
    return STATUS_OK;
}

/* Calls `each` for every stream, the oldest first, until it gives false. */
static status each_stream(struct database *database, struct store_read *read,
                          status (*each)(struct database *database, struct store_read *read,
                                         uint32_t stream, struct id id, bool *go_on,
                                         struct error *err),
                          struct error *err) {
    bool go_on = true;
    CLEANUP(query_done) struct query query = query_on(database, SQL_STREAM_LIST);
    while (go_on && query_next(&query)) {
        const struct slice bytes = query_bytes(&query, 1);
        struct id id = {0};
        if (bytes.count == ID_BYTES) {
            (void)memcpy(id.bytes, bytes.bytes, ID_BYTES);
        }
        TRY(each(database, read, (uint32_t)query_number(&query, 0), id, &go_on, err));
    }
    return query_status(&query, err);
}

/* --- what is due --- */

static int64_t age_ms(const struct record *record, const struct moment *now) {
    int64_t age = 0;
    if (id_equal(record->boot, clock_boot_id())) {
        age = (now->boot_ns - record->time.boot_ns) / NS_PER_MS;
    } else if (now->quality != CLOCK_BAD && record->time.quality != CLOCK_BAD) {
        age = now->wall_ms - record->time.wall_ms;
    }
    return age > 0 ? age : 0;
}

static void write_item(struct store_read *read, const struct record_row *row, struct slice units,
                       struct id stream, const struct moment *now) {
    const struct id id = id_is_zero(row->first_id)
                             ? record_public_id(stream, record_key_lane(row->key), row->seq)
                             : row->first_id;
    char hex[ID_HEX_BYTES + 1];
    char uuid[ID_UUID_BYTES + 1];
    id_write_hex(stream, hex);
    id_write_uuid(id, uuid);
    buffer_print(&read->out,
                 "%s{\"stream\":\"%s\",\"seq\":%llu,\"age_ms\":%lld,\"id\":\"%s\",\"line\":",
                 read->out.count > 1 ? "," : "", hex, (unsigned long long)row->seq,
                 (long long)age_ms(&row->record, now), uuid);
    record_line_write(&read->out, &row->record, units, id);
    buffer_add_byte(&read->out, '}');
}

static status due_of_stream(struct database *database, struct store_read *read, uint32_t stream,
                            struct id id, bool *go_on, struct error *err) {
    const struct moment now = clock_now();
    uint64_t seq = 0;
    TRY(cursor_of(database, read, stream, read->lane, &seq, err));
    CLEANUP(record_units_done) struct record_units units = {0};
    CLEANUP(query_done) struct query query = query_on(database, SQL_RECORD_DUE);
    query_bind_number(&query, (int64_t)record_key(stream, read->lane, seq + 1));
    query_bind_number(&query, (int64_t)record_key(stream, read->lane, SEQ_MAX));
    query_bind_number(&query, (int64_t)read->destination_bit);
    for (int rows = 0; rows < DUE_ROWS_MAX && read->out.count < DUE_BYTES_MAX && query_next(&query);
         rows++) {
        struct record_row row;
        struct slice unit_json;
        TRY(record_row_read(&query, &row, err));
        TRY(record_units_of(&units, database, &row, &unit_json, err));
        write_item(read, &row, unit_json, id, &now);
        *go_on = false;
    }
    return query_status(&query, err);
}

status reading_due(struct database *database, struct store_read *read, struct error *err) {
    buffer_add_byte(&read->out, '[');
    TRY(each_stream(database, read, due_of_stream, err));
    buffer_add_byte(&read->out, ']');
    return buffer_status(&read->out, err);
}

/* --- how many, for people --- */

struct waiting {
    struct store_read read; /* first: one pointer is both */
    int64_t count, oldest_ms;
};

static status count_stream(struct database *database, struct store_read *read, uint32_t stream,
                           struct id id, bool *go_on, struct error *err) {
    struct waiting *waiting = (struct waiting *)read;
    (void)id;
    (void)go_on;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        uint64_t seq = 0;
        TRY(cursor_of(database, read, stream, (enum lane)lane, &seq, err));
        CLEANUP(query_done) struct query query = query_on(database, SQL_RECORD_FOR);
        query_bind_number(&query, (int64_t)record_key(stream, (enum lane)lane, seq + 1));
        query_bind_number(&query, (int64_t)record_key(stream, (enum lane)lane, SEQ_MAX));
        query_bind_number(&query, (int64_t)read->destination_bit);
        if (query_next(&query) && query_number(&query, 0) > 0) {
            const int64_t oldest_ms = query_number(&query, 1);
            waiting->count += query_number(&query, 0);
            waiting->oldest_ms = waiting->oldest_ms == 0 || oldest_ms < waiting->oldest_ms
                                     ? oldest_ms
                                     : waiting->oldest_ms;
        }
        TRY(query_status(&query, err));
    }
    return STATUS_OK;
}

static void write_moment(struct buffer *out, const char *name, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    time_write_plain(wall_ms, text);
    buffer_print(out, ",\"%s\":\"%s\"", name, text);
}

static int64_t number_in(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && member->kind == VALUE_INTEGER ? member->integer : 0;
}

static void write_missed(struct buffer *out, struct value missed) {
    buffer_add_text(out, "{\"lane\":");
    const struct value *lane = value_get(missed, SLICE("lane"));
    const struct value *reason = value_get(missed, SLICE("reason"));
    json_write_text(out, lane != NULL ? value_text(*lane) : SLICE(""));
    buffer_add_text(out, ",\"reason\":");
    json_write_text(out, reason != NULL ? value_text(*reason) : SLICE(""));
    buffer_print(out, ",\"count\":%lld", (long long)number_in(missed, "count"));
    write_moment(out, "from", number_in(missed, "from_ms"));
    write_moment(out, "to", number_in(missed, "to_ms"));
    buffer_add_byte(out, '}');
}

static status list_missed(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_MISSED_LIST);
    query_bind_text(&query, read->destination);
    const char *between = "";
    while (query_next(&query)) {
        CLEANUP(arena_done) struct arena arena;
        arena_init(&arena, MISSED_BYTES_MAX);
        struct value missed;
        TRY(json_read(&arena, query_text(&query, 0), &missed, err));
        buffer_add_text(&read->out, between);
        write_missed(&read->out, missed);
        between = ",";
    }
    return query_status(&query, err);
}

/* One of them; its name and bit stand in `read`. */
static status write_destination(struct database *database, struct store_read *read,
                                struct error *err) {
    struct waiting waiting = {
        .read = {.destination = read->destination, .destination_bit = read->destination_bit}};
    TRY(each_stream(database, &waiting.read, count_stream, err));
    buffer_add_text(&read->out, read->out.count > 1 ? ",{\"name\":" : "{\"name\":");
    json_write_text(&read->out, read->destination);
    buffer_print(&read->out, ",\"waiting\":%lld", (long long)waiting.count);
    if (waiting.count > 0) {
        write_moment(&read->out, "oldest_at", waiting.oldest_ms);
    }
    buffer_add_text(&read->out, ",\"missed\":[");
    TRY(list_missed(database, read, err));
    buffer_add_text(&read->out, "]}");
    return STATUS_OK;
}

status reading_destinations(struct database *database, struct store_read *read, struct error *err) {
    buffer_add_byte(&read->out, '[');
    CLEANUP(query_done) struct query query = query_on(database, SQL_CURSOR_NUMBERS);
    while (query_next(&query)) {
        read->destination = query_text(&query, 0);
        read->destination_bit = UINT64_C(1) << (query_number(&query, 1) & 63);
        TRY(write_destination(database, read, err));
    }
    TRY(query_status(&query, err));
    buffer_add_byte(&read->out, ']');
    return buffer_status(&read->out, err);
}
