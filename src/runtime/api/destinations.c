// SPDX-License-Identifier: Apache-2.0
/* /v1/destinations: where results go besides the hub, what waits for it, and what it missed. */
#include "runtime/destinations/destinations.h"
#include "base/time.h"
#include "platform/json.h"
#include "runtime/api/api.h"
#include "storage/store.h"

enum { KEPT_BYTES_MAX = 4 << 20 };

static void write_moment(struct buffer *out, const char *name, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    time_write_plain(wall_ms, text);
    const bool any = wall_ms != 0;
    buffer_print(out, ",\"%s\":%s%s%s", name, any ? "\"" : "", any ? text : "null",
                 any ? "\"" : "");
}

/* What the store says of the one of that name; null: nothing. */
static struct value find_kept(struct value kept, struct slice name) {
    for (uint32_t i = 0; kept.kind == VALUE_LIST && i < kept.count; i++) {
        const struct value *said = value_get(kept.items[i], SLICE("name"));
        if (said != NULL && slice_equal(value_text(*said), name)) {
            return kept.items[i];
        }
    }
    return (struct value){0};
}

static int64_t count_missed(const struct value *gaps) {
    int64_t sum = 0;
    for (uint32_t i = 0; gaps != NULL && gaps->kind == VALUE_LIST && i < gaps->count; i++) {
        const struct value *count = value_get(gaps->items[i], SLICE("count"));
        sum += count != NULL && count->kind == VALUE_INTEGER ? count->integer : 0;
    }
    return sum;
}

static void write_kept(struct buffer *out, struct value kept) {
    const struct value *waiting = value_get(kept, SLICE("waiting"));
    const struct value *oldest_at = value_get(kept, SLICE("oldest_at"));
    const struct value *gaps = value_get(kept, SLICE("missed"));
    buffer_add_text(out, ",\"waiting\":");
    json_write(out, waiting != NULL ? *waiting : value_of_integer(0));
    buffer_add_text(out, ",\"oldest_at\":");
    json_write(out, oldest_at != NULL ? *oldest_at : (struct value){0});
    buffer_print(out, ",\"missed\":%lld,\"gaps\":", (long long)count_missed(gaps));
    json_write(out, gaps != NULL ? *gaps : (struct value){.kind = VALUE_LIST});
}

static void write_facts(struct buffer *out, const struct destination_facts *facts,
                        struct value kept) {
    const struct device_destination *settings = facts->settings;
    const bool is_file = settings->kind == DESTINATION_FILE;
    buffer_add_byte(out, '{');
    api_write_text(out, "name", settings->name);
    buffer_add_byte(out, ',');
    api_write_text(out, "kind", slice_of(facts->kind));
    buffer_add_byte(out, ',');
    api_write_text(out, "place", is_file ? settings->path : settings->hook.url);
    write_kept(out, kept);
    buffer_print(out, ",\"arrived\":%llu", (unsigned long long)facts->arrived);
    write_moment(out, "success_at", facts->success_ms);
    write_moment(out, "failure_at", facts->failure_ms);
    write_moment(out, "retry_at", facts->retry_ms);
    buffer_print(out, ",\"failing\":%s,", facts->failing ? "true" : "false");
    api_write_text(out, "failure", slice_of(facts->failure));
    buffer_add_byte(out, '}');
}

static void wrap(struct api_call *call, const struct store_read *read, struct buffer *out) {
    struct arena arena;
    struct value kept = {0};
    struct destination_facts facts;
    arena_init(&arena, KEPT_BYTES_MAX);
    if (json_read_wrapped(&arena, buffer_slice(&read->out), &kept, NULL) != STATUS_OK) {
        buffer_fail(out, STATUS_NO_MEMORY); /* it is JSON */
    }
    buffer_add_text(out, "{\"destinations\":[");
    for (uint32_t i = 0; destinations_facts(call->daemon->destinations, i, &facts); i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_facts(out, &facts, find_kept(kept, facts.settings->name));
    }
    buffer_add_text(out, "]}\n");
    arena_done(&arena);
}

void api_destinations(struct api_call *call) {
    const struct store_read read = {.kind = READ_DESTINATIONS, .lane = LANE_COUNT};
    api_read(call, &read, wrap);
}
