// SPDX-License-Identifier: Apache-2.0
#include "cli/human.h"

#include <inttypes.h>

#include "base/buffer.h"
#include "base/size.h"
#include "base/time.h"
#include "platform/json.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

struct slice human_span(struct arena *arena, int64_t ms) {
    if (ms < SECOND_MS) {
        return arena_print(arena, "%" PRId64 " ms", ms);
    }
    if (ms < MINUTE_MS) {
        return arena_print(arena, "%" PRId64 " s", ms / SECOND_MS);
    }
    if (ms < HOUR_MS) {
        return arena_print(arena, "%" PRId64 " min %" PRId64 " s", ms / MINUTE_MS,
                           ms % MINUTE_MS / SECOND_MS);
    }
    if (ms < DAY_MS) {
        return arena_print(arena, "%" PRId64 " h %" PRId64 " min", ms / HOUR_MS,
                           ms % HOUR_MS / MINUTE_MS);
    }
    return arena_print(arena, "%" PRId64 " d %" PRId64 " h", ms / DAY_MS, ms % DAY_MS / HOUR_MS);
}

struct slice human_bytes(struct arena *arena, int64_t bytes) {
    char text[SIZE_TEXT_BYTES];
    size_write(bytes, text);
    return arena_copy(arena, slice_of(text));
}

struct slice human_moment(struct arena *arena, struct slice rfc3339) {
    enum { DATE_BYTES = 10, SECONDS_BYTES = 19 };
    if (rfc3339.count < SECONDS_BYTES || rfc3339.bytes[DATE_BYTES] != 'T') {
        return rfc3339.count > 0 ? rfc3339 : SLICE("-");
    }
    return arena_print(arena, "%.*s %.*s", DATE_BYTES, rfc3339.bytes,
                       SECONDS_BYTES - DATE_BYTES - 1, rfc3339.bytes + DATE_BYTES + 1);
}

struct slice human_member(struct arena *arena, struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    if (member == NULL || member->kind == VALUE_NULL) {
        return SLICE("-");
    }
    if (member->kind == VALUE_TEXT) {
        return member->count > 0 ? value_text(*member) : SLICE("-");
    }
    return human_json(arena, *member);
}

struct slice human_state(struct arena *arena, struct value workflow) {
    const struct slice state = human_member(arena, workflow, "state");
    const bool works = slice_is(state, "running") || slice_is(state, "stopped");
    if (!works || value_get(workflow, SLICE("fault")) == NULL) {
        return state;
    }
    return arena_print(arena, "%.*s, newer file has faults", SLICE_ARGS(state));
}

int64_t human_number(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    if (member == NULL || !value_is_number(*member)) {
        return 0;
    }
    return member->kind == VALUE_INTEGER ? member->integer : (int64_t)value_number(*member);
}

const struct value *human_items(struct value object, const char *name, uint32_t *out_count) {
    const struct value *member = value_get(object, slice_of(name));
    if (member == NULL || member->kind != VALUE_LIST) {
        *out_count = 0;
        return NULL;
    }
    *out_count = member->count;
    return member->items;
}

struct slice human_json(struct arena *arena, struct value value) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, arena->bytes_max);
    json_write(&text, value);
    if (text.failed != STATUS_OK) {
        return SLICE("");
    }
    return arena_copy(arena, buffer_slice(&text));
}
