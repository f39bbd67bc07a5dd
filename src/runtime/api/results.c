// SPDX-License-Identifier: Apache-2.0
/* /v1/results: what runs left, newest first; /v1/results/ID. */
#include "runtime/api/api.h"
#include "storage/store.h"

static void wrap_list(struct api_call *call, const struct store_read *read, struct buffer *out) {
    (void)call;
    buffer_add_text(out, "{\"results\":");
    buffer_add(out, buffer_slice(&read->out));
    if (read->out_next_key != 0) {
        buffer_print(out, ",\"next\":\"%llu\"}\n", (unsigned long long)read->out_next_key);
    } else {
        buffer_add_text(out, ",\"next\":null}\n");
    }
}

static void wrap_one(struct api_call *call, const struct store_read *read, struct buffer *out) {
    (void)call;
    buffer_add(out, buffer_slice(&read->out));
    buffer_add_byte(out, '\n');
}

static status read_filters(const struct api_call *call, struct store_read *read,
                           struct error *err) {
    uint64_t limit;
    read->workflow = slice_of(http_query(call->request, "workflow"));
    read->name = slice_of(http_query(call->request, "name"));
    const struct slice lane = slice_of(http_query(call->request, "lane"));
    read->lane = lane.count > 0 ? lane_from_name(lane) : LANE_COUNT;
    if (lane.count > 0 && read->lane == LANE_COUNT) {
        return fail(err, STATUS_INVALID, "no lane is called '%.*s'", SLICE_ARGS(lane));
    }
    TRY(api_number(call, "limit", 20, &limit, err));
    TRY(api_number(call, "before", 0, &read->before_key, err));
    read->limit = limit > STORE_READ_ROWS_MAX ? STORE_READ_ROWS_MAX : (uint32_t)limit;
    return STATUS_OK;
}

void api_results(struct api_call *call) {
    struct error err;
    struct store_read read = {.kind = READ_RESULTS, .lane = LANE_COUNT};
    if (call->item.count == 0) {
        if (read_filters(call, &read, &err) != STATUS_OK) {
            api_refuse(call, &err);
            return;
        }
        api_read(call, &read, wrap_list);
        return;
    }
    read.kind = READ_RESULT;
    if (!id_read(call->item, &read.id)) {
        (void)fail(&err, STATUS_INVALID, "'%.*s' is no result's id", SLICE_ARGS(call->item));
        api_refuse(call, &err);
        return;
    }
    api_read(call, &read, wrap_one);
}
