// SPDX-License-Identifier: Apache-2.0
/* /v1/apply: several workflows put on the device at once. */
#include "runtime/apply.h"

#include "platform/json.h"
#include "runtime/api/api.h"

enum { BODY_ARENA_BYTES_MAX = 4 << 20 };

static const char FORM[] = "the body is {\"workflows\":[{\"file\":\"/absolute/path.yaml\","
                           "\"digest\":\"32 hexadecimal digits\"}],\"remove\":[\"name\"]}";

struct apply_body {
    struct applied *applied;
    uint32_t count;
    const char **removed; /* ended by NULL */
};

/* The items of a list that may be missing; false when it is something else, or too long. */
static bool items_of(struct value body, struct slice name, const struct value **out_items,
                     uint32_t *out_count) {
    const struct value *list = value_get(body, name);
    *out_items = list != NULL ? list->items : NULL;
    *out_count = list != NULL ? list->count : 0;
    return list == NULL || (list->kind == VALUE_LIST && list->count <= APPLY_WORKFLOWS_MAX);
}

static bool read_applied(struct arena *arena, struct value item, struct applied *out) {
    const struct value *file = value_get(item, SLICE("file"));
    const struct value *digest = value_get(item, SLICE("digest"));
    if (file == NULL || digest == NULL || value_text(*file).count == 0 ||
        !id_read(value_text(*digest), &out->digest)) {
        return false;
    }
    out->file = arena_copy(arena, value_text(*file)).bytes;
    return out->file != NULL;
}

static status read_body(struct arena *arena, struct slice text, struct apply_body *out,
                        struct error *err) {
    struct value body;
    const struct value *workflows = NULL;
    const struct value *removed = NULL;
    uint32_t removed_count = 0;
    TRY(json_read(arena, text, &body, err));
    if (!items_of(body, SLICE("workflows"), &workflows, &out->count) ||
        !items_of(body, SLICE("remove"), &removed, &removed_count) ||
        out->count + removed_count == 0) {
        return fail(err, STATUS_INVALID, "%s, at most %d of each", FORM, APPLY_WORKFLOWS_MAX);
    }
    out->applied = arena_get(arena, out->count + 1U, sizeof(*out->applied));
    out->removed = arena_get(arena, removed_count + 1U, sizeof(*out->removed));
    if (out->applied == NULL || out->removed == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for what is to be applied");
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!read_applied(arena, workflows[i], &out->applied[i])) {
            return fail(err, STATUS_INVALID, "%s", FORM);
        }
    }
    for (uint32_t i = 0; i < removed_count; i++) {
        out->removed[i] = arena_copy(arena, value_text(removed[i])).bytes;
        if (out->removed[i] == NULL || *out->removed[i] == '\0') {
            return fail(err, STATUS_INVALID, "%s", FORM);
        }
    }
    return STATUS_OK;
}

void api_apply(struct api_call *call) {
    struct arena arena;
    struct apply_body body = {.count = 0};
    struct error err;
    arena_init(&arena, BODY_ARENA_BYTES_MAX);
    status code = read_body(&arena, call->request->body, &body, &err);
    if (code == STATUS_OK) {
        code = apply_workflows(call->daemon, body.applied, body.count, body.removed, &err);
    }
    arena_done(&arena);
    if (code != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    buffer_add_text(&json, "{\"workflows\":");
    api_write_workflows(&json, call->daemon);
    buffer_add_text(&json, "}\n");
    api_answer(call, &json);
}
