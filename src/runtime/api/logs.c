// SPDX-License-Identifier: Apache-2.0
/* /v1/logs: the last lines that the daemon logged, and what came after those that were read. */
#include <unistd.h>

#include "runtime/api/api.h"
#include "runtime/log_ring.h"

enum { LINES_DEFAULT = 100 };

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};

static void write_entry(void *owner, const struct log_entry *entry) {
    struct buffer *out = owner;
    buffer_print(out, "%s{\"number\":%llu,\"level\":\"%s\",",
                 out->bytes[out->count - 1] == '[' ? "" : ",", (unsigned long long)entry->number,
                 LEVELS[entry->level]);
    api_write_text(out, "room", slice_of(entry->room));
    buffer_add_byte(out, ',');
    api_write_time(out, "time", entry->wall_ms);
    buffer_add_byte(out, ',');
    api_write_text(out, "text", entry->text);
    buffer_add_byte(out, '}');
}

static status read_filter(const struct api_call *call, struct log_filter *out, struct error *err) {
    uint64_t limit;
    const char *level = http_query(call->request, "level");
    const int least = level != NULL ? log_level_from(level) : LOG_DEBUG;
    if (least < 0) {
        return fail(err, STATUS_INVALID, "level=%.40s is none of debug, info, warn and error",
                    level);
    }
    TRY(api_number(call, "limit", LINES_DEFAULT, &limit, err));
    TRY(api_number(call, "after", 0, &out->after, err));
    out->least = (enum log_level)least;
    out->workflow = slice_of(http_query(call->request, "workflow"));
    out->limit = limit > LOG_RING_LINES_MAX ? LOG_RING_LINES_MAX : (uint32_t)limit;
    return STATUS_OK;
}

void api_logs(struct api_call *call) {
    struct error err;
    struct log_filter filter;
    if (read_filter(call, &filter, &err) != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    uint64_t last = 0;
    buffer_add_text(&json, "{\"lines\":[");
    const uint64_t missed = log_ring_read(call->daemon->logs, &filter, write_entry, &json, &last);
    buffer_print(&json, "],\"last\":%llu,\"missed\":%llu,\"pid\":%d}\n", (unsigned long long)last,
                 (unsigned long long)missed, (int)getpid());
    api_answer(call, &json);
}
