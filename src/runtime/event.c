// SPDX-License-Identifier: Apache-2.0
#include "runtime/event.h"

#include <string.h>

#include "base/memory.h"
#include "base/time.h"
#include "platform/blob_file.h"
#include "platform/hash.h"
#include "platform/json.h"

enum { COMMON_MEMBERS = 7 };

struct event *event_new(void) {
    struct event *event = memory_new(1, sizeof(*event));
    if (event != NULL) {
        arena_init(&event->arena, EVENT_BYTES_MAX);
    }
    return event;
}

void event_settle(struct event *event, enum event_outcome outcome) {
    void (*settle)(struct event *, enum event_outcome) = event->settle;
    event->settle = NULL;
    if (settle != NULL) {
        settle(event, outcome);
    }
}

void event_destroy(struct event *event) {
    if (event != NULL) {
        event_settle(event, EVENT_REFUSED);
        arena_done(&event->arena);
        memory_free(event);
    }
}

static struct value time_value(struct arena *arena, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    time_write(wall_ms, text);
    return value_of_text(arena_copy(arena, slice_of(text)));
}

/* Members with nothing to say are left out: an expression sees null either way. */
static void add(struct member *members, uint32_t *count, const char *name, struct value value) {
    if (value.kind != VALUE_NULL && !(value.kind == VALUE_TEXT && value.count == 0)) {
        members[*count] = (struct member){.name = slice_of(name), .value = value};
        (*count)++;
    }
}

/* An object with the common members and room for `count` more, of which *out_used are there. */
static status begin_value(struct event *event, uint32_t count, struct value *out_value,
                          struct member **out_members, uint32_t *out_used, struct error *err) {
    struct arena *arena = &event->arena;
    struct member *members = value_new_object(arena, COMMON_MEMBERS + count, out_value);
    if (members == NULL) {
        return fail(err, STATUS_FULL, "an event has at most %d bytes", EVENT_BYTES_MAX);
    }
    uint32_t used = 0;
    add(members, &used, "id", value_of_text(event->id));
    add(members, &used, "source", value_of_text(event->source));
    add(members, &used, "type", value_of_text(event->type));
    add(members, &used, "time", time_value(arena, event->time.wall_ms));
    add(members, &used, "time_quality",
        value_of_text(slice_of(clock_quality_name(event->time.quality))));
    add(members, &used, "arrived", time_value(arena, event->arrived.wall_ms));
    add(members, &used, "key", value_of_text(event->key));
    *out_members = members;
    *out_used = used;
    return STATUS_OK;
}

status event_seal(struct event *event, const struct event_extra *extras, uint32_t count,
                  struct error *err) {
    if (event->arrived.boot_ns == 0) {
        event->arrived = clock_now();
        event->boot = clock_boot_id();
    }
    if (event->time.wall_ms == 0) {
        event->time = event->arrived;
    }
    struct value value;
    struct member *members;
    uint32_t used;
    TRY(begin_value(event, count, &value, &members, &used, err));
    for (uint32_t i = 0; i < count; i++) {
        add(members, &used, extras[i].name, extras[i].value);
    }
    value.count = used;
    event->value = value;
    event->seen_hash = event_hash(event);
    return STATUS_OK;
}

static bool is_among(const struct member *members, uint32_t count, struct slice name) {
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(members[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_common(struct slice name) {
    static const char *const NAMES[COMMON_MEMBERS] = {"id",           "source",  "type", "time",
                                                      "time_quality", "arrived", "key"};
    for (size_t i = 0; i < COMMON_MEMBERS; i++) {
        if (slice_is(name, NAMES[i])) {
            return true;
        }
    }
    return false;
}

status event_reseal(struct event *event, const struct member *more, uint32_t count,
                    struct error *err) {
    const struct value came = event->value;
    struct value value;
    struct member *members;
    uint32_t used;
    TRY(begin_value(event, came.count + count, &value, &members, &used, err));
    for (uint32_t i = 0; i < came.count; i++) {
        const struct member *member = &came.members[i];
        if (!is_common(member->name) && !is_among(more, count, member->name)) {
            members[used++] = *member;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        members[used++] = more[i];
    }
    value.count = used;
    event->value = value;
    return STATUS_OK;
}

uint64_t event_hash(const struct event *event) {
    return event->id.count > 0 ? hash_64(event->source, event->id) : 0;
}

status event_write(const struct event *event, struct buffer *out, struct error *err) {
    char boot[ID_HEX_BYTES + 1];
    id_write_hex(event->boot, boot);
    buffer_print(out,
                 "{\"boot\":\"%s\",\"arrived_ms\":%lld,\"arrived_ns\":%lld,\"quality\":%d,"
                 "\"time_ms\":%lld,\"seen\":\"%016llx\",\"mask\":\"%016llx\",\"repeatable\":%s,",
                 boot, (long long)event->arrived.wall_ms, (long long)event->arrived.boot_ns,
                 (int)event->arrived.quality, (long long)event->time.wall_ms,
                 (unsigned long long)event->seen_hash, (unsigned long long)event->seen_mask,
                 event->repeatable ? "true" : "false");
    if (event->unfit.count > 0) {
        buffer_add_text(out, "\"unfit\":");
        json_write_text(out, event->unfit);
        buffer_add_byte(out, ',');
    }
    buffer_add_text(out, "\"event\":");
    json_write(out, event->value);
    buffer_add_byte(out, '}');
    return buffer_status(out, err);
}

static int64_t integer(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && found->kind == VALUE_INTEGER ? found->integer : 0;
}

static struct slice text(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL ? value_text(*found) : (struct slice){0};
}

static const char DIGITS[] = "0123456789abcdef";

/* A source may hash its own way, so the hash is kept, not made again. */
static status read_hash(struct slice hex, uint64_t *out_hash, struct error *err) {
    uint64_t hash = 0;
    for (size_t i = 0; i < hex.count; i++) {
        const char *digit = memchr(DIGITS, hex.bytes[i], 16);
        if (digit == NULL || hex.count != 16) {
            return fail(err, STATUS_CORRUPT, "the hash of a kept event is no hash");
        }
        hash = hash << 4 | (uint64_t)(digit - DIGITS);
    }
    *out_hash = hash;
    return STATUS_OK;
}

/* An event of a file shows the file again, which its source keeps until the run has ended. One that
 * is gone stays what it was written as, and who wants to open it says so. */
static status restore_file(struct event *event, struct error *err) {
    static const char *const NAMES[] = {"file", "image", "audio"};
    const struct value *shown = value_get(event->value, SLICE("file"));
    const struct slice path = text(event->value, "path");
    const char *plain = arena_copy(&event->arena, path).bytes;
    struct blob *blob = NULL;
    struct value value;
    if (shown == NULL || shown->kind != VALUE_OBJECT || path.count == 0) {
        return STATUS_OK;
    }
    if (plain == NULL || blob_of_file(plain, text(*shown, "type"), &blob, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    struct value whole;
    struct member *members = value_new_object(&event->arena, event->value.count, &whole);
    const bool kept = members != NULL && value_of_blob(&event->arena, blob, &value);
    blob_release(blob);
    if (!kept) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for an event");
    }
    for (uint32_t i = 0; i < whole.count; i++) {
        members[i] = event->value.members[i];
        for (size_t k = 0; k < sizeof(NAMES) / sizeof(NAMES[0]); k++) {
            members[i].value =
                slice_is(members[i].name, NAMES[k]) && members[i].value.kind == VALUE_OBJECT
                    ? value
                    : members[i].value;
        }
    }
    event->value = whole;
    return STATUS_OK;
}

static status read_into(struct event *event, struct slice json, struct error *err) {
    struct value kept;
    TRY(json_read_wrapped(&event->arena, json, &kept, err));
    const struct value *value = value_get(kept, SLICE("event"));
    if (value == NULL || value->kind != VALUE_OBJECT) {
        return fail(err, STATUS_CORRUPT, "a kept event has no member 'event'");
    }
    event->value = *value;
    event->id = text(*value, "id");
    event->source = text(*value, "source");
    event->type = text(*value, "type");
    event->key = text(*value, "key");
    event->unfit = text(kept, "unfit");
    const int64_t quality = integer(kept, "quality");
    event->arrived = (struct moment){
        .wall_ms = integer(kept, "arrived_ms"),
        .boot_ns = integer(kept, "arrived_ns"),
        .quality = quality == CLOCK_GOOD || quality == CLOCK_UNSURE ? (enum clock_quality)quality
                                                                    : CLOCK_BAD,
    };
    event->time = event->arrived;
    event->time.wall_ms = integer(kept, "time_ms");
    (void)id_read(text(kept, "boot"), &event->boot); /* an unknown boot is another boot */
    const struct value *repeatable = value_get(kept, SLICE("repeatable"));
    event->repeatable = repeatable != NULL && value_truth(*repeatable);
    TRY(restore_file(event, err));
    TRY(read_hash(text(kept, "mask"), &event->seen_mask, err));
    return read_hash(text(kept, "seen"), &event->seen_hash, err);
}

status event_read(struct slice json, struct event **out_event, struct error *err) {
    struct event *event = event_new();
    if (event == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for an event");
    }
    if (read_into(event, json, err) != STATUS_OK) {
        event_destroy(event);
        return fail_while(err, "read a kept event");
    }
    *out_event = event;
    return STATUS_OK;
}

/* Since it arrived; below 0: nobody knows. */
static int64_t since_arrival_ms(const struct event *event) {
    const struct moment now = clock_now();
    if (id_equal(event->boot, clock_boot_id())) {
        return (now.boot_ns - event->arrived.boot_ns) / 1000000;
    }
    if (now.quality == CLOCK_BAD || event->arrived.quality == CLOCK_BAD) {
        return -1;
    }
    return now.wall_ms - event->arrived.wall_ms;
}

int64_t event_age_ms(const struct event *event) {
    /* What passed between happening and arrival is only known where one wall clock saw both. */
    const int64_t before = event->arrived.wall_ms - event->time.wall_ms;
    const int64_t since = since_arrival_ms(event);
    return since < 0 ? INT64_MAX : since + (before > 0 ? before : 0);
}

int64_t event_known_age_ms(const struct event *event) {
    const int64_t since = since_arrival_ms(event);
    return since > 0 ? since : 0;
}
