// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_state.h"

#include <string.h>

#include "base/blob.h"

static bool fits(const struct tensor *wanted, const struct tensor *kept) {
    bool same = wanted->type == kept->type && wanted->rank == kept->rank;
    for (uint32_t i = 0; same && i < wanted->rank; i++) {
        same = wanted->shape[i] < 0 || wanted->shape[i] == kept->shape[i];
    }
    return same;
}

/* What was kept under that name, if it fits. */
static struct blob *find(struct value state, const char *name, const struct tensor *wanted,
                         struct tensor *out_kept) {
    const struct value *member = value_get(state, slice_of(name));
    if (member == NULL || member->kind != VALUE_BLOB ||
        !tensor_read_type(blob_type(member->blob), out_kept) || !fits(wanted, out_kept) ||
        blob_count(member->blob) != out_kept->byte_count) {
        return NULL;
    }
    return member->blob;
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
    struct slice bytes;
    struct blob *blob = find(state, name, tensor, &kept);
    if (blob == NULL) {
        return make_zeroes(name, arena, tensor, err);
    }
    TRY(blob_open(blob, &bytes, err));
    kept.bytes = arena_get(arena, kept.byte_count, 1);
    if (kept.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
    }
    (void)memcpy(kept.bytes, bytes.bytes, bytes.count);
    *tensor = kept;
    return STATUS_OK;
}

status onnx_state_write(const char *name, const struct tensor *tensor, struct arena *arena,
                        struct member *out_member, struct error *err) {
    char type[TENSOR_TYPE_TEXT_BYTES];
    struct blob *blob = NULL;
    tensor_write_type(tensor, type);
    TRY(blob_copy(slice_of(type),
                  (struct slice){.bytes = tensor->bytes, .count = tensor->byte_count}, &blob, err));
    out_member->name = arena_copy(arena, slice_of(name)); /* the state may outlive the agent */
    const bool kept = value_of_blob(arena, blob, &out_member->value);
    blob_release(blob);
    return kept && out_member->name.bytes != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
}
