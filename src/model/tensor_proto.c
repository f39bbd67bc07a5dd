// SPDX-License-Identifier: Apache-2.0
#include "model/tensor_proto.h"

#include <string.h>

#include "model/onnx_file.h"

status tensor_proto_read(struct slice file, struct arena *arena, struct tensor *out_tensor,
                         struct error *err) {
    struct graph_tensor from;
    struct tensor tensor = {0};
    TRY(onnx_file_read_tensor(file, arena, &from, err));
    if (!element_type_to_tensor(from.type, &tensor.type) || from.rank > TENSOR_RANK_MAX ||
        from.byte_count > TENSOR_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "%u dimensions of %s are no tensor that a model is given",
                    from.rank, element_type_name(from.type));
    }
    tensor.rank = from.rank;
    for (uint32_t i = 0; i < from.rank; i++) {
        tensor.shape[i] = from.dims[i];
    }
    tensor.byte_count = (size_t)from.byte_count;
    tensor.bytes = arena_get(arena, tensor.byte_count, 1);
    if (tensor.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for its %zu bytes", tensor.byte_count);
    }
    (void)memcpy(tensor.bytes, from.bytes, tensor.byte_count);
    *out_tensor = tensor;
    return STATUS_OK;
}
