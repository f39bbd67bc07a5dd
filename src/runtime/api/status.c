// SPDX-License-Identifier: Apache-2.0
/* /v1/status: the device at a glance. */
#include <unistd.h>

#include "runtime/api/api.h"

static void write_store(struct buffer *out, const struct store_counters *counters) {
    buffer_print(out,
                 "\"store\":{\"commits\":%llu,\"records\":%llu,\"bytes\":%llu,\"gaps\":%llu,"
                 "\"failed_jobs\":%llu,\"blob_bytes\":%lld,\"blob_bytes_max\":%lld,"
                 "\"blobs_evicted\":%llu,\"full\":%s,\"failing\":%s}",
                 (unsigned long long)counters->commits, (unsigned long long)counters->records,
                 (unsigned long long)counters->bytes, (unsigned long long)counters->gaps,
                 (unsigned long long)counters->failed_jobs, (long long)counters->blob_bytes,
                 (long long)counters->blob_bytes_max, (unsigned long long)counters->blobs_evicted,
                 counters->full ? "true" : "false", counters->failing ? "true" : "false");
}

static void write_lanes(struct buffer *out, const struct store_counters *counters) {
    buffer_add_text(out, "\"lanes\":[");
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        const uint64_t next = counters->lane_next_seq[lane];
        const uint64_t acked = counters->lane_acked_seq[lane];
        buffer_print(out, "%s{\"lane\":\"%s\",\"waiting\":%llu,\"bytes\":%lld,\"next_seq\":%llu}",
                     lane > 0 ? "," : "", lane_name((enum lane)lane),
                     (unsigned long long)(next > acked + 1 ? next - 1 - acked : 0),
                     (long long)counters->lane_bytes[lane], (unsigned long long)next);
    }
    buffer_add_byte(out, ']');
}

void api_status(struct api_call *call) {
    const struct daemon *daemon = call->daemon;
    struct store_counters counters;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    store_counters(daemon->store, &counters);
    char stream[ID_UUID_BYTES + 1];
    id_write_uuid(store_stream(daemon->store), stream);
    buffer_print(&json, "{\"version\":\"%s\",\"pid\":%d,", EBB_VERSION, (int)getpid());
    api_write_text(&json, "data", slice_of(daemon->options.data));
    buffer_print(&json, ",\"stream\":\"%s\",\"uptime_ms\":%lld,\"time_quality\":\"%s\",", stream,
                 (long long)((clock_boot_ns() - daemon->began_ns) / 1000000),
                 clock_quality_name(clock_now().quality));
    write_store(&json, &counters);
    buffer_add_text(&json, ",\"workflows\":");
    api_write_workflows(&json, daemon);
    buffer_add_text(&json, ",\"agents\":");
    api_write_agents(&json, daemon);
    buffer_add_byte(&json, ',');
    write_lanes(&json, &counters);
    buffer_add_text(&json, "}\n");
    api_answer(call, &json);
}
