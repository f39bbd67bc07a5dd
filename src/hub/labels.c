// SPDX-License-Identifier: Apache-2.0
#include "hub/labels.h"

#include "base/text.h"
#include "platform/json.h"

enum { SHOWN_MAX = 64, LABELS_JSON_BYTES_MAX = 64 << 10 };

status labels_check(struct value labels, struct error *err) {
    if (labels.kind == VALUE_NULL) {
        return STATUS_OK;
    }
    if (labels.kind != VALUE_OBJECT || labels.count > LABELS_MAX) {
        return fail(err, STATUS_INVALID, "labels are an object of at most %d texts", LABELS_MAX);
    }
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct member *member = &labels.members[i];
        const struct slice shown = slice_part(member->name, 0, SHOWN_MAX);
        if (!text_is_name(member->name)) {
            return fail(err, STATUS_INVALID,
                        "'%.*s' cannot be the name of a label: names are small letters, digits and "
                        "'-'",
                        SLICE_ARGS(shown));
        }
        if (member->value.kind != VALUE_NULL &&
            (member->value.kind != VALUE_TEXT || member->value.count > LABEL_VALUE_BYTES_MAX)) {
            return fail(err, STATUS_INVALID, "label '%.*s' is a text of at most %d bytes",
                        SLICE_ARGS(shown), LABEL_VALUE_BYTES_MAX);
        }
    }
    return STATUS_OK;
}

static uint32_t count_of(struct value object) {
    return object.kind == VALUE_OBJECT ? object.count : 0;
}

status labels_merge(struct arena *arena, struct value base, struct value over,
                    struct slice *out_json, struct error *err) {
    struct value merged;
    struct member *members = value_new_object(arena, count_of(base) + count_of(over), &merged);
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, LABELS_JSON_BYTES_MAX);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for labels");
    }
    merged.count = 0;
    for (uint32_t i = 0; i < count_of(base); i++) {
        if (base.members[i].value.kind == VALUE_TEXT &&
            value_get(over, base.members[i].name) == NULL) {
            members[merged.count++] = base.members[i];
        }
    }
    for (uint32_t i = 0; i < count_of(over); i++) {
        if (over.members[i].value.kind == VALUE_TEXT) {
            members[merged.count++] = over.members[i];
        }
    }
    if (merged.count > LABELS_MAX) {
        return fail(err, STATUS_FULL, "a device has at most %d labels", LABELS_MAX);
    }
    json_write(&json, merged);
    TRY(buffer_status(&json, err));
    *out_json = arena_copy(arena, buffer_slice(&json));
    return out_json->bytes != NULL ? STATUS_OK
                                   : fail(err, STATUS_NO_MEMORY, "no memory for labels");
}

status labels_read(struct arena *arena, struct slice json, struct value *out_labels,
                   struct error *err) {
    return json_read(arena, json, out_labels, err) == STATUS_OK
               ? STATUS_OK
               : fail_while(err, "read labels that were stored");
}

bool labels_meet(struct value labels, struct slice wish) {
    const size_t equals = slice_find(wish, '=');
    const struct value *value = value_get(labels, slice_part(wish, 0, equals));
    if (wish.count == 0) {
        return true;
    }
    return value != NULL &&
           (equals == wish.count ||
            slice_equal(value_text(*value), slice_part(wish, equals + 1, wish.count)));
}
