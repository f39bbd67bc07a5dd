// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "model/onnx_inner.h"

/* The numbers of a tensor as the file has them: bytes, or one of the lists for certain types. */
struct numbers {
    const void *bytes;
    uint64_t byte_count;
    uint32_t narrow_bytes; /* of a number, when the list's are wider; else 0 */
};

static bool is_narrow(enum element_type type, uint32_t *out_bytes) {
    *out_bytes = (element_type_bits(type) + 7) / 8;
    switch (type) {
    case ELEMENT_UINT8:
    case ELEMENT_INT8:
    case ELEMENT_UINT16:
    case ELEMENT_INT16:
    case ELEMENT_BOOLEAN:
    case ELEMENT_FLOAT16:
    case ELEMENT_BFLOAT16:
    case ELEMENT_FLOAT8_E4M3FN:
    case ELEMENT_FLOAT8_E4M3FNUZ:
    case ELEMENT_FLOAT8_E5M2:
    case ELEMENT_FLOAT8_E5M2FNUZ:
    case ELEMENT_UINT4:
    case ELEMENT_INT4:
    case ELEMENT_FLOAT4_E2M1:
        return true;
    default:
        return false;
    }
}

static struct numbers list_of(const Onnx__TensorProto *proto, enum element_type type) {
    uint32_t narrow_bytes;
    if (is_narrow(type, &narrow_bytes)) {
        return (struct numbers){proto->int32_data, proto->n_int32_data * narrow_bytes,
                                narrow_bytes};
    }
    switch (type) {
    case ELEMENT_FLOAT32:
    case ELEMENT_COMPLEX64:
        return (struct numbers){proto->float_data, proto->n_float_data * sizeof(float), 0};
    case ELEMENT_FLOAT64:
    case ELEMENT_COMPLEX128:
        return (struct numbers){proto->double_data, proto->n_double_data * sizeof(double), 0};
    case ELEMENT_INT32:
        return (struct numbers){proto->int32_data, proto->n_int32_data * sizeof(int32_t), 0};
    case ELEMENT_INT64:
        return (struct numbers){proto->int64_data, proto->n_int64_data * sizeof(int64_t), 0};
    case ELEMENT_UINT64:
        return (struct numbers){proto->uint64_data, proto->n_uint64_data * sizeof(uint64_t), 0};
    case ELEMENT_UINT32: /* of eight bytes each in the list */
        return (struct numbers){proto->uint64_data, proto->n_uint64_data * sizeof(uint32_t),
                                sizeof(uint32_t)};
    default:
        return (struct numbers){0};
    }
}

/* The low bytes of each number of a list whose numbers are wider; NULL: no memory. */
static const void *narrow(struct arena *arena, const struct numbers *numbers, size_t wide_bytes) {
    char *bytes = arena_get(arena, numbers->byte_count + 1, 1);
    const char *wide = numbers->bytes;
    for (uint64_t at = 0; bytes != NULL && at < numbers->byte_count; at += numbers->narrow_bytes) {
        (void)memcpy(bytes + at, wide, numbers->narrow_bytes);
        wide += wide_bytes;
    }
    return bytes;
}

static struct slice external_field(const Onnx__TensorProto *proto, const char *key) {
    for (size_t i = 0; i < proto->n_external_data; i++) {
        if (slice_is(onnx_text(proto->external_data[i]->key), key)) {
            return onnx_text(proto->external_data[i]->value);
        }
    }
    return (struct slice){0};
}

static status read_external(struct graph_model *model, const Onnx__TensorProto *proto,
                            struct graph_tensor *tensor, struct error *err) {
    struct slice bytes;
    uint64_t offset = 0;
    uint64_t count = tensor->byte_count;
    const struct slice offset_text = external_field(proto, "offset");
    const struct slice count_text = external_field(proto, "length");
    if (model == NULL) {
        return fail(err, STATUS_INVALID, "its numbers are in another file");
    }
    TRY(onnx_external_bytes(model, external_field(proto, "location"), &bytes, err));
    if ((offset_text.count > 0 && !text_number(offset_text, UINT64_MAX, &offset)) ||
        (count_text.count > 0 && !text_number(count_text, UINT64_MAX, &count))) {
        return fail(err, STATUS_CORRUPT, "offset '%.*s' or length '%.*s' is no number",
                    SLICE_ARGS(offset_text), SLICE_ARGS(count_text));
    }
    if (count != tensor->byte_count || offset > bytes.count || count > bytes.count - offset) {
        return fail(err, STATUS_CORRUPT,
                    "its shape needs %llu bytes, its external data are %llu at %llu of %zu",
                    (unsigned long long)tensor->byte_count, (unsigned long long)count,
                    (unsigned long long)offset, bytes.count);
    }
    tensor->bytes = bytes.bytes + offset;
    return STATUS_OK;
}

static status read_numbers(struct arena *arena, const Onnx__TensorProto *proto,
                           struct graph_tensor *tensor, struct error *err) {
    struct numbers numbers = list_of(proto, tensor->type);
    if (proto->has_raw_data) {
        numbers = (struct numbers){proto->raw_data.data, proto->raw_data.len, 0};
    }
    if (numbers.byte_count != tensor->byte_count &&
        !(numbers.narrow_bytes == 1 && element_type_bits(tensor->type) == 4 &&
          numbers.byte_count >= tensor->byte_count)) {
        return fail(err, STATUS_CORRUPT, "its shape needs %llu bytes, it has %llu",
                    (unsigned long long)tensor->byte_count, (unsigned long long)numbers.byte_count);
    }
    if (numbers.narrow_bytes > 0) {
        numbers.byte_count = tensor->byte_count;
        numbers.bytes =
            narrow(arena, &numbers,
                   numbers.narrow_bytes == sizeof(uint32_t) ? sizeof(uint64_t) : sizeof(int32_t));
        if (numbers.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for its numbers");
        }
    }
    tensor->bytes = numbers.bytes != NULL ? numbers.bytes : "";
    return STATUS_OK;
}

static status check_texts(const Onnx__TensorProto *proto, struct error *err) {
    uint64_t count;
    if (!element_type_bytes(ELEMENT_UINT8, proto->dims, (uint32_t)proto->n_dims, &count) ||
        count != proto->n_string_data) {
        return fail(err, STATUS_CORRUPT, "its shape does not fit its %zu texts",
                    proto->n_string_data);
    }
    return STATUS_OK;
}

static status read_tensor(struct graph_model *model, struct arena *arena,
                          const Onnx__TensorProto *proto, struct graph_tensor *tensor,
                          struct error *err) {
    if (proto->n_dims > GRAPH_RANK_MAX) {
        return fail(err, STATUS_INVALID, "it has %zu dimensions, more than %d", proto->n_dims,
                    GRAPH_RANK_MAX);
    }
    *tensor = (struct graph_tensor){.type = (enum element_type)proto->data_type,
                                    .rank = (uint32_t)proto->n_dims,
                                    .dims = proto->dims,
                                    .origin = proto};
    if (tensor->type == ELEMENT_STRING) {
        return check_texts(proto, err);
    }
    if (proto->segment != NULL) {
        return fail(err, STATUS_INVALID, "it is a segment of a tensor");
    }
    if (element_type_bits(tensor->type) == 0) {
        return fail(err, STATUS_INVALID, "its numbers are of no known type (%d)", proto->data_type);
    }
    if (!element_type_bytes(tensor->type, tensor->dims, tensor->rank, &tensor->byte_count)) {
        return fail(err, STATUS_CORRUPT, "its shape is none that a tensor can have");
    }
    return proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL
               ? read_external(model, proto, tensor, err)
               : read_numbers(arena, proto, tensor, err);
}

status onnx_read_tensor(struct graph_model *model, struct arena *arena,
                        const Onnx__TensorProto *proto, struct graph_tensor *out_tensor,
                        struct error *err) {
    struct graph_tensor tensor;
    if (read_tensor(model, arena, proto, &tensor, err) != STATUS_OK) {
        return fail_while(err, "tensor '%.200s'", onnx_text(proto->name).bytes);
    }
    *out_tensor = tensor;
    return STATUS_OK;
}
