// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_state.h"

#include "base/base64.h"

enum { STATE_BYTES_MAX = 16 << 20 }; /* the runner bounds it further */

static bool fits(const struct tensor *wanted, const struct tensor *kept) {
    bool same = wanted->type == kept->type && wanted->rank == kept->rank;
    for (uint32_t i = 0; same && i < wanted->rank; i++) {
        same = wanted->shape[i] < 0 || wanted->shape[i] == kept->shape[i];
    }
    return same;
}

/* false: there is none that fits. */
static bool find(struct value state, const char *name, const struct tensor *wanted,
                 struct tensor *out_kept, struct slice *out_letters) {
    const struct value *member = value_get(state, slice_of(name));
    const struct slice text = member != NULL ? value_text(*member) : (struct slice){0};
    const size_t comma = slice_find(text, ',');
    size_t count;
    *out_letters = slice_part(text, comma + 1, text.count);
    return tensor_read_type(slice_part(text, 0, comma), out_kept) && fits(wanted, out_kept) &&
           base64_count(*out_letters, &count) && count == out_kept->byte_count;
}

static status make_zeroes(const char *name, struct arena *arena, struct tensor *tensor,
                          struct error *err) {
    size_t count;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        tensor->shape[i] = tensor->shape[i] < 0 ? 1 : tensor->shape[i];
    }
    if (!tensor_count(tensor->type, tensor->shape, tensor->rank, &count)) {
        return fail(err, STATUS_INVALID, "input '%s' is larger than %d MiB", name,
                    TENSOR_BYTES_MAX >> 20);
    }
    tensor->byte_count = count * tensor_type_bytes(tensor->type);
    tensor->bytes = arena_get(arena, tensor->byte_count, 1);
    return tensor->bytes != NULL ? STATUS_OK
                                 : fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
}

status onnx_state_read(struct value state, const char *name, struct arena *arena,
                       struct tensor *tensor, struct error *err) {
    struct tensor kept;
    struct slice letters;
    if (!find(state, name, tensor, &kept, &letters)) {
        return make_zeroes(name, arena, tensor, err);
    }
    kept.bytes = arena_get(arena, kept.byte_count, 1);
    if (kept.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
    }
    if (!base64_read(letters, kept.bytes)) {
        return make_zeroes(name, arena, tensor, err);
    }
    *tensor = kept;
    return STATUS_OK;
}

status onnx_state_write(const char *name, const struct tensor *tensor, struct arena *arena,
                        struct member *out_member, struct error *err) {
    char type[TENSOR_TYPE_TEXT_BYTES];
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, STATE_BYTES_MAX);
    tensor_write_type(tensor, type);
    buffer_print(&text, "%s,", type);
    base64_write(&text, (struct slice){.bytes = tensor->bytes, .count = tensor->byte_count});
    if (buffer_status(&text, err) != STATUS_OK) {
        return fail_while(err, "state '%s'", name);
    }
    const struct slice kept = arena_copy(arena, buffer_slice(&text));
    out_member->name = arena_copy(arena, slice_of(name)); /* the state may outlive the agent */
    out_member->value = value_of_text(kept);
    return kept.bytes != NULL && out_member->name.bytes != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
}
