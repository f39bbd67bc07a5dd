// SPDX-License-Identifier: Apache-2.0
#include "carriers/postgres_rows.h"

#include <string.h>

enum { JSONB_VERSION = 1, US_PER_MS = 1000 };

/* PostgreSQL counts from the year 2000, and a device may say any time at all. */
static const int64_t EPOCH_MS = INT64_C(946684800000);
static const int64_t YEAR_1_MS = INT64_C(-62135596800000);
static const int64_t YEAR_9999_MS = INT64_C(253402300799999);

enum type { TYPE_UUID, TYPE_TEXT, TYPE_INT4, TYPE_TIME, TYPE_JSONB };

/* The numbers that PostgreSQL has for them since ever: of one, and of an array of them. */
static const struct {
    uint32_t one, array;
    const char *array_name;
} TYPES[] = {[TYPE_UUID] = {2950, 2951, "uuid[]"},
             [TYPE_TEXT] = {25, 1009, "text[]"},
             [TYPE_INT4] = {23, 1007, "int4[]"},
             [TYPE_TIME] = {1184, 1185, "timestamptz[]"},
             [TYPE_JSONB] = {3802, 3807, "jsonb[]"}};

const struct postgres_column POSTGRES_ROW_COLUMN[POSTGRES_ROW_COLUMNS] = {
    {"id", "uuid"},
    {"device", "uuid"},
    {"device_name", "text"},
    {"workflow", "text"},
    {"name", "text"},
    {"run", "uuid"},
    {"lane", "text"},
    {"priority", "integer"},
    {"created_at", "timestamp with time zone"},
    {"arrived_at", "timestamp with time zone"},
    {"result", "jsonb"},
};

static const enum type COLUMN_TYPE[POSTGRES_ROW_COLUMNS] = {
    TYPE_UUID, TYPE_UUID, TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_UUID,
    TYPE_TEXT, TYPE_INT4, TYPE_TIME, TYPE_TIME, TYPE_JSONB};

/* --- statements --- */

/* plant.results as "plant"."results". */
static void write_table(struct buffer *out, struct slice table) {
    const size_t dot = slice_find(table, '.');
    if (dot < table.count) {
        buffer_print(out, "\"%.*s\".", SLICE_ARGS(slice_part(table, 0, dot)));
        table = slice_part(table, dot + 1, table.count);
    }
    buffer_print(out, "\"%.*s\"", SLICE_ARGS(table));
}

void postgres_rows_write_create(struct buffer *out, struct slice table) {
    buffer_add_text(out, "CREATE TABLE IF NOT EXISTS ");
    write_table(out, table);
    for (int i = 0; i < POSTGRES_ROW_COLUMNS; i++) {
        buffer_print(out, "%s%s %s%s", i == 0 ? " (" : ", ", POSTGRES_ROW_COLUMN[i].name,
                     POSTGRES_ROW_COLUMN[i].type, i == 0 ? " PRIMARY KEY" : "");
    }
    buffer_add_text(out, ")");
    buffer_add_byte(out, '\0');
}

void postgres_rows_write_columns(struct buffer *out, struct slice table) {
    buffer_add_text(out, "SELECT attname, format_type(atttypid, NULL) FROM pg_catalog.pg_attribute "
                         "WHERE attnum > 0 AND NOT attisdropped AND attrelid = to_regclass('");
    write_table(out, table);
    buffer_add_text(out, "')");
    buffer_add_byte(out, '\0');
}

static void write_names(struct buffer *out) {
    for (int i = 0; i < POSTGRES_ROW_COLUMNS; i++) {
        buffer_print(out, "%s%s", i == 0 ? "" : ", ", POSTGRES_ROW_COLUMN[i].name);
    }
}

void postgres_rows_write_insert(struct buffer *out, struct slice table) {
    buffer_add_text(out, "INSERT INTO ");
    write_table(out, table);
    buffer_add_text(out, " AS old (");
    write_names(out);
    buffer_add_text(out, ") SELECT * FROM unnest(");
    for (int i = 0; i < POSTGRES_ROW_COLUMNS; i++) {
        buffer_print(out, "%s$%d::%s", i == 0 ? "" : ", ", i + 1, TYPES[COLUMN_TYPE[i]].array_name);
    }
    buffer_add_text(out, ") ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at "
                         "WHERE old.created_at <> excluded.created_at");
    buffer_add_byte(out, '\0');
}

/* --- values --- */

static void add_big_endian(struct buffer *out, uint64_t number, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) {
        buffer_add_byte(out, (uint8_t)(number >> (8 * i)));
    }
}

static void add_bytes(struct buffer *out, struct slice bytes) {
    add_big_endian(out, bytes.count, 4);
    buffer_add(out, bytes);
}

static void add_time(struct buffer *out, int64_t wall_ms) {
    const int64_t late = wall_ms > YEAR_1_MS ? wall_ms : YEAR_1_MS;
    const int64_t bounded = late < YEAR_9999_MS ? late : YEAR_9999_MS;
    add_big_endian(out, 8, 4);
    add_big_endian(out, (uint64_t)((bounded - EPOCH_MS) * US_PER_MS), 8);
}

static void add_json(struct buffer *out, struct slice json) {
    add_big_endian(out, json.count + 1, 4);
    buffer_add_byte(out, JSONB_VERSION);
    buffer_add(out, json);
}

static void add_number(struct buffer *out, int64_t number) {
    add_big_endian(out, 4, 4);
    add_big_endian(out, (uint64_t)number, 4);
}

static void add_value(struct buffer *out, const struct parcel_parts *parts, int column) {
    switch (column) {
    case 0:
        add_bytes(out, id_slice(&parts->id));
        break;
    case 1:
        add_bytes(out, id_slice(&parts->device));
        break;
    case 2:
        add_bytes(out, parts->device_name);
        break;
    case 3:
        add_bytes(out, parts->workflow);
        break;
    case 4:
        add_bytes(out, parts->name);
        break;
    case 5:
        add_bytes(out, id_slice(&parts->run));
        break;
    case 6:
        add_bytes(out, slice_of(lane_name(parts->lane)));
        break;
    case 7:
        add_number(out, parts->priority);
        break;
    case 8:
        add_time(out, parts->created_ms);
        break;
    case 9:
        add_time(out, parts->arrived_ms);
        break;
    default:
        add_json(out, parts->result);
        break;
    }
}

/* One dimension, no NULL, counted from 1. */
static void begin_array(struct buffer *out, enum type type, uint32_t count) {
    add_big_endian(out, 1, 4);
    add_big_endian(out, 0, 4);
    add_big_endian(out, TYPES[type].one, 4);
    add_big_endian(out, count, 4);
    add_big_endian(out, 1, 4);
}

status postgres_rows_fill(const struct parcel *parcels, uint32_t count, struct buffer *out,
                          struct postgres_parameter parameters[POSTGRES_ROW_COLUMNS],
                          struct error *err) {
    size_t ends[POSTGRES_ROW_COLUMNS];
    buffer_clear(out);
    for (int column = 0; column < POSTGRES_ROW_COLUMNS; column++) {
        begin_array(out, COLUMN_TYPE[column], count);
        for (uint32_t i = 0; i < count; i++) {
            add_value(out, parcels[i].parts, column);
        }
        ends[column] = out->count;
    }
    TRY(buffer_status(out, err));
    for (int column = 0; column < POSTGRES_ROW_COLUMNS; column++) {
        const size_t begins = column > 0 ? ends[column - 1] : 0;
        parameters[column] = (struct postgres_parameter){
            .type = TYPES[COLUMN_TYPE[column]].array,
            .bytes = slice_part(buffer_slice(out), begins, ends[column])};
    }
    return STATUS_OK;
}
