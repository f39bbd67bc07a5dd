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

/* false: there is none that fits. */
static bool find(struct value state, const char *name, const struct tensor *wanted,
                 struct blob **out_blob, struct tensor *out_kept) {
    const struct value *kept = value_get(state, slice_of(name));
    if (kept == NULL || kept->kind != VALUE_BLOB ||
        !tensor_read_type(blob_type(kept->blob), out_kept)) {
        return false;
    }
    *out_blob = kept->blob;
    return fits(wanted, out_kept) && blob_count(kept->blob) == out_kept->byte_count;
}

status onnx_state_read(struct value state, const char *name, struct arena *arena,
                       struct tensor *tensor, struct error *err) {
    struct tensor kept = *tensor;
    struct blob *blob = NULL;
    size_t count = 0;
    struct slice bytes = {0};
    if (find(state, name, tensor, &blob, &kept)) {
        TRY(blob_open(blob, &bytes, err));
    } else {
        kept = *tensor;
        for (uint32_t i = 0; i < kept.rank; i++) {
            kept.shape[i] = kept.shape[i] < 0 ? 1 : kept.shape[i];
        }
        if (!tensor_count(kept.type, kept.shape, kept.rank, &count)) {
            return fail(err, STATUS_INVALID, "input '%s' is larger than %d MiB", name,
                        TENSOR_BYTES_MAX >> 20);
        }
        kept.byte_count = count * tensor_type_bytes(kept.type);
    }
    kept.bytes = arena_get(arena, kept.byte_count, 1);
    if (kept.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
    }
    if (bytes.count > 0) {
        (void)memcpy(kept.bytes, bytes.bytes, bytes.count);
    }
    *tensor = kept;
    return STATUS_OK;
}

status onnx_state_write(const char *name, const struct tensor *tensor, struct arena *arena,
                        struct member *out_member, struct error *err) {
    char type[TENSOR_TYPE_TEXT_BYTES];
    struct blob *blob = NULL;
    tensor_write_type(tensor, type);
    const struct slice bytes = {.bytes = tensor->bytes, .count = tensor->byte_count};
    out_member->name = arena_copy(arena, slice_of(name)); /* the state may outlive the agent */
    TRY(blob_copy(slice_of(type), bytes, &blob, err));
    const bool shown =
        out_member->name.bytes != NULL && value_of_blob(arena, blob, &out_member->value);
    blob_release(blob);
    return shown ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "no memory for state '%s'", name);
}
