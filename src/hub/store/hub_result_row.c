// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_result_row.h"

#include "base/time.h"
#include "platform/json.h"
#include "wire/record.h"

struct id hub_result_row_id(const struct query *query) {
    const struct id first_id = id_from(query_bytes(query, ROW_FIRST_ID));
    return !id_is_zero(first_id) ? first_id
                                 : record_public_id(id_from(query_bytes(query, ROW_STREAM_ID)),
                                                    (enum lane)query_number(query, ROW_LANE),
                                                    (uint64_t)query_number(query, ROW_SEQ));
}

static void write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, ",\"%s\":", name);
    json_write_text(out, text);
}

static void write_ids(struct buffer *out, const struct query *query) {
    const struct id id = hub_result_row_id(query);
    char uuid[ID_UUID_BYTES + 1];
    char device[ID_UUID_BYTES + 1];
    id_write_uuid(id, uuid);
    id_write_uuid(id_from(query_bytes(query, ROW_DEVICE_ID)), device);
    buffer_print(out, "{\"id\":\"%s\",\"device\":\"%s\"", uuid, device);
    write_text(out, "device_name", query_text(query, ROW_DEVICE_NAME));
}

/* What the device's clock said, where that is not when the result was made or is in doubt. */
static void write_clock(struct buffer *out, const struct query *query) {
    struct record head;
    struct error err;
    if (record_read_head(query_bytes(query, ROW_HEAD), &head, &err) != STATUS_OK) {
        return;
    }
    const bool is_other = head.time.wall_ms != query_number(query, ROW_WALL_MS);
    if (is_other || head.time.quality == CLOCK_BAD) {
        buffer_print(out, ",\"clock\":{\"quality\":\"%s\"", clock_quality_name(head.time.quality));
        if (is_other) {
            char said_at[TIME_TEXT_BYTES];
            time_write_plain(head.time.wall_ms, said_at);
            buffer_print(out, ",\"said_at\":\"%s\"", said_at);
        }
        buffer_add_byte(out, '}');
    }
}

void hub_result_row_write(struct buffer *out, const struct query *query) {
    char run[ID_HEX_BYTES + 1];
    char created_at[TIME_TEXT_BYTES];
    char arrived_at[TIME_TEXT_BYTES];
    id_write_hex(id_from(query_bytes(query, ROW_RUN)), run);
    time_write_plain(query_number(query, ROW_WALL_MS), created_at);
    time_write_plain(query_number(query, ROW_ARRIVED_MS), arrived_at);
    write_ids(out, query);
    write_text(out, "workflow", query_text(query, ROW_WORKFLOW));
    write_text(out, "name", query_text(query, ROW_NAME));
    buffer_print(out,
                 ",\"run\":\"%s\",\"lane\":\"%s\",\"priority\":%lld,\"created_at\":\"%s\","
                 "\"arrived_at\":\"%s\"",
                 run, lane_name((enum lane)query_number(query, ROW_LANE)),
                 (long long)query_number(query, ROW_PRIORITY), created_at, arrived_at);
    write_clock(out, query);
    buffer_add_text(out, ",\"result\":"); /* JSON, or it had been set aside */
    buffer_add(out, query_text(query, ROW_BODY));
    buffer_add_byte(out, '}');
}
