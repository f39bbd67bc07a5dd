// SPDX-License-Identifier: Apache-2.0
/* /v1/queue: the lanes and what waits in them; /v1/queue/LANE: the next records;
 * /v1/queue/export: queue_export.c. */
#include "runtime/api/api.h"
#include "storage/store.h"

static void wrap_lanes(struct api_call *call, const struct store_read *read, struct buffer *out) {
    (void)call;
    buffer_add_text(out, "{\"lanes\":");
    buffer_add(out, buffer_slice(&read->out));
    buffer_add_text(out, "}\n");
}

static void wrap_records(struct api_call *call, const struct store_read *read, struct buffer *out) {
    (void)call;
    buffer_add_text(out, "{\"records\":");
    buffer_add(out, buffer_slice(&read->out));
    buffer_add_text(out, "}\n");
}

void api_queue(struct api_call *call) {
    struct error err;
    struct store_read read = {.kind = READ_LANES, .lane = LANE_COUNT};
    uint64_t limit;
    if (call->item.count == 0) {
        api_read(call, &read, wrap_lanes);
        return;
    }
    if (slice_is(call->item, "export")) {
        api_queue_export(call);
        return;
    }
    read.kind = READ_PEEK;
    read.lane = lane_from_name(call->item);
    if (read.lane == LANE_COUNT) {
        (void)fail(&err, STATUS_NOT_FOUND, "no lane is called '%.*s'", SLICE_ARGS(call->item));
        api_refuse(call, &err);
        return;
    }
    if (api_number(call, "limit", 20, &limit, &err) != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    read.limit = limit > STORE_READ_ROWS_MAX ? STORE_READ_ROWS_MAX : (uint32_t)limit;
    api_read(call, &read, wrap_records);
}
