// SPDX-License-Identifier: Apache-2.0
#include "runtime/state_text.h"

#include "base/base64.h"
#include "base/blob.h"
#include "base/memory.h"
#include "platform/json.h"

#define BYTES "$base64"

/* One blob in place of what shows it, or the other way round. */
typedef status changer(struct arena *arena, struct value value, struct value *out_value,
                       struct error *err);

static status no_room(struct error *err) {
    return fail(err, STATUS_FULL, "no room for a state");
}

/* The value with what `is_one` finds changed; the rest is shared where nothing in it is. */
static status change(struct arena *arena, struct value value, bool (*is_one)(struct value value),
                     changer *change_one, struct value *out_value, struct error *err) {
    if (is_one(value)) {
        return change_one(arena, value, out_value, err);
    }
    if (value.kind == VALUE_LIST) {
        struct value *items = value_new_list(arena, value.count, out_value);
        for (uint32_t i = 0; items != NULL && i < value.count; i++) {
            TRY(change(arena, value.items[i], is_one, change_one, &items[i], err));
        }
        return items != NULL ? STATUS_OK : no_room(err);
    }
    if (value.kind == VALUE_OBJECT) {
        struct member *members = value_new_object(arena, value.count, out_value);
        for (uint32_t i = 0; members != NULL && i < value.count; i++) {
            members[i].name = value.members[i].name;
            TRY(change(arena, value.members[i].value, is_one, change_one, &members[i].value, err));
        }
        return members != NULL ? STATUS_OK : no_room(err);
    }
    *out_value = value;
    return STATUS_OK;
}

/* --- writing --- */
static bool is_blob(struct value value) {
    return value.kind == VALUE_BLOB;
}

static status show_bytes(struct arena *arena, struct value value, struct value *out_value,
                         struct error *err) {
    struct slice bytes;
    TRY(blob_open(value.blob, &bytes, err));
    struct member *members = value_new_object(arena, 2, out_value);
    CLEANUP(buffer_done) struct buffer letters;
    buffer_init(&letters, 2 * bytes.count + 4);
    base64_write(&letters, bytes);
    TRY(buffer_status(&letters, err));
    const struct slice text = arena_copy(arena, buffer_slice(&letters));
    if (members == NULL || text.bytes == NULL) {
        return no_room(err);
    }
    members[0] = (struct member){SLICE("type"), value_of_text(blob_type(value.blob))};
    members[1] = (struct member){SLICE(BYTES), value_of_text(text)};
    return STATUS_OK;
}

/* Before any of it is made text. */
static size_t blob_bytes(struct value value) {
    size_t bytes = value.kind == VALUE_BLOB ? blob_count(value.blob) : 0;
    for (uint32_t i = 0; value.kind == VALUE_LIST && i < value.count; i++) {
        bytes += blob_bytes(value.items[i]);
    }
    for (uint32_t i = 0; value.kind == VALUE_OBJECT && i < value.count; i++) {
        bytes += blob_bytes(value.members[i].value);
    }
    return bytes;
}

status state_text_write(struct arena *arena, struct value state, size_t bytes_max,
                        struct slice *out_text, struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, bytes_max);
    if (blob_bytes(state) > bytes_max) {
        return fail(err, STATUS_INVALID, "it has more than %zu bytes", bytes_max);
    }
    if (value_has_blob(state)) {
        TRY(change(arena, state, is_blob, show_bytes, &state, err));
    }
    json_write(&json, state);
    if (json.failed == STATUS_FULL) {
        return fail(err, STATUS_INVALID, "it has more than %zu bytes as text", bytes_max);
    }
    TRY(buffer_status(&json, err));
    *out_text = arena_copy(arena, buffer_slice(&json));
    return out_text->bytes != NULL ? STATUS_OK : no_room(err);
}

/* --- reading --- */
static bool shows_bytes(struct value value) {
    const struct value *bytes = value_get(value, SLICE(BYTES));
    return bytes != NULL && bytes->kind == VALUE_TEXT;
}

static status make_blob(struct arena *arena, struct value value, struct value *out_value,
                        struct error *err) {
    const struct slice text = value_text(*value_get(value, SLICE(BYTES)));
    const struct value *type = value_get(value, SLICE("type"));
    struct blob *blob = NULL;
    size_t count = 0;
    if (type == NULL || !base64_count(text, &count)) {
        return fail(err, STATUS_INVALID, "the bytes in a state are none");
    }
    char *bytes = memory_new(1, count);
    if (bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the bytes in a state");
    }
    if (!base64_read(text, bytes)) {
        memory_free(bytes);
        return fail(err, STATUS_INVALID, "the bytes in a state are none");
    }
    TRY(blob_create(value_text(*type), bytes, count, &blob, err));
    const bool shown = value_of_blob(arena, blob, out_value);
    blob_release(blob);
    return shown ? STATUS_OK : no_room(err);
}

status state_text_read(struct arena *arena, struct slice text, struct value *out_state,
                       struct error *err) {
    struct value value;
    TRY(json_read_wrapped(arena, text, &value, err));
    return change(arena, value, shows_bytes, make_blob, out_state, err);
}
