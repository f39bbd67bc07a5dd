// SPDX-License-Identifier: Apache-2.0
#include "platform/http_flow.h"

#include <string.h>

void http_outflow_begin(struct http_outflow *flow, const struct http_flow *told, void *owner) {
    *flow = (struct http_outflow){.told = told, .owner = owner, .began = true};
    buffer_init(&flow->bytes, HTTP_FLOW_BYTES_MAX);
}

void http_outflow_done(struct http_outflow *flow) {
    if (flow->began) {
        buffer_done(&flow->bytes);
    }
}

size_t http_outflow_waiting(const struct http_outflow *flow) {
    return flow->bytes.count - flow->taken;
}

void http_outflow_add(struct http_outflow *flow, struct slice bytes) {
    if (flow->taken > 0) {
        buffer_drop(&flow->bytes, flow->taken);
        flow->taken = 0;
    }
    buffer_add(&flow->bytes, bytes);
    flow->broken = flow->broken || flow->bytes.failed != STATUS_OK;
    flow->empty = false;
}

enum http_flow_step http_outflow_take(struct http_outflow *flow, char *out_bytes, size_t room,
                                      size_t *out_count) {
    if (http_outflow_waiting(flow) == 0 && !flow->ended && !flow->broken && !flow->empty) {
        flow->empty = true;
        flow->told->drained(flow->owner);
    }
    if (flow->broken) {
        return FLOW_BROKEN;
    }
    const size_t waiting = http_outflow_waiting(flow);
    if (waiting == 0) {
        return flow->ended ? FLOW_END : FLOW_EMPTY;
    }
    *out_count = waiting < room ? waiting : room;
    (void)memcpy(out_bytes, flow->bytes.bytes + flow->taken, *out_count);
    flow->taken += *out_count;
    if (flow->taken == flow->bytes.count) {
        buffer_clear(&flow->bytes);
        flow->taken = 0;
    }
    return FLOW_BYTES;
}
