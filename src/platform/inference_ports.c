// SPDX-License-Identifier: Apache-2.0
#include "platform/inference_ports.h"

#include <onnxruntime/onnxruntime_c_api.h>
#include <string.h>

#include "base/memory.h"

/* --- types and shapes --- */

static const ONNXTensorElementDataType TYPES[TENSOR_TYPE_COUNT] = {
    [TENSOR_FLOAT32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    [TENSOR_FLOAT16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    [TENSOR_UINT8] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
    [TENSOR_INT8] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    [TENSOR_INT32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
    [TENSOR_INT64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    [TENSOR_BOOLEAN] = ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
    [TENSOR_FLOAT64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
    [TENSOR_BFLOAT16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
    [TENSOR_INT16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,
    [TENSOR_UINT16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
    [TENSOR_UINT32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
    [TENSOR_UINT64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
};

int inference_element_type(enum tensor_type type) {
    return (int)TYPES[type];
}

static bool read_type(ONNXTensorElementDataType theirs, enum tensor_type *out_type) {
    for (int i = 0; i < TENSOR_TYPE_COUNT; i++) {
        if (TYPES[i] == theirs) {
            *out_type = (enum tensor_type)i;
            return true;
        }
    }
    return false;
}

OrtStatus *inference_read_shape(const OrtApi *api, const OrtTensorTypeAndShapeInfo *info,
                                struct tensor *out_tensor, bool *out_known) {
    ONNXTensorElementDataType type;
    size_t rank = 0;
    *out_known = false;
    OrtStatus *said = api->GetTensorElementType(info, &type);
    if (said == NULL) {
        said = api->GetDimensionsCount(info, &rank);
    }
    if (said == NULL && rank <= TENSOR_RANK_MAX && read_type(type, &out_tensor->type)) {
        *out_known = true;
        out_tensor->rank = (uint32_t)rank;
        said = api->GetDimensions(info, out_tensor->shape, rank);
    }
    return said;
}

/* --- ports --- */

static OrtStatus *read_port(const OrtApi *api, const OrtTypeInfo *type,
                            struct inference_port *port) {
    const OrtTensorTypeAndShapeInfo *info = NULL; /* the type's own; NULL: it is no tensor */
    struct tensor tensor = {0};
    OrtStatus *said = api->CastTypeInfoToTensorInfo(type, &info);
    if (said == NULL && info != NULL) {
        said = inference_read_shape(api, info, &tensor, &port->is_tensor);
    }
    port->type = tensor.type;
    port->rank = tensor.rank;
    for (uint32_t i = 0; i < port->rank; i++) {
        port->shape[i] = tensor.shape[i] < 0 ? -1 : tensor.shape[i];
    }
    return said;
}

/* What the library offers for inputs, and for outputs. */
struct side {
    const char *what;
    OrtStatus *(*count)(const OrtSession *session, size_t *out_count);
    OrtStatus *(*name)(const OrtSession *session, size_t index, OrtAllocator *allocator,
                       char **out_name);
    OrtStatus *(*type)(const OrtSession *session, size_t index, OrtTypeInfo **out_type);
};

static OrtStatus *read_next(const struct inference_library *library, const OrtSession *session,
                            const struct side *side, uint32_t index, struct inference_port *port) {
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    OrtStatus *said = side->name(session, index, library->allocator, &name);
    if (said == NULL) {
        port->name = name;
        said = side->type(session, index, &type);
    }
    if (said == NULL) {
        said = read_port(library->api, type, port);
        library->api->ReleaseTypeInfo(type);
    }
    return said;
}

static status read_side(const struct inference_library *library, const OrtSession *session,
                        const struct side *side, struct inference_ports *out_ports,
                        struct error *err) {
    size_t count = 0;
    TRY(inference_library_took(library, side->count(session, &count), STATUS_INVALID, err));
    if (count > INFERENCE_PORTS_MAX) {
        return fail(err, STATUS_INVALID, "it has %zu %s: at most %d can be used", count, side->what,
                    INFERENCE_PORTS_MAX);
    }
    out_ports->ports = memory_new(count, sizeof(*out_ports->ports));
    out_ports->names = memory_new(count, sizeof(*out_ports->names));
    if (out_ports->ports == NULL || out_ports->names == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the %s of a model", side->what);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct inference_port *port = &out_ports->ports[i];
        out_ports->count = i + 1;
        TRY(inference_library_took(library, read_next(library, session, side, i, port),
                                   STATUS_INVALID, err));
        out_ports->names[i] = port->name;
    }
    return STATUS_OK;
}

status inference_ports_read_inputs(const struct inference_library *library,
                                   const OrtSession *session, struct inference_ports *out_ports,
                                   struct error *err) {
    const OrtApi *api = library->api;
    const struct side side = {"inputs", api->SessionGetInputCount, api->SessionGetInputName,
                              api->SessionGetInputTypeInfo};
    return read_side(library, session, &side, out_ports, err);
}

status inference_ports_read_outputs(const struct inference_library *library,
                                    const OrtSession *session, struct inference_ports *out_ports,
                                    struct error *err) {
    const OrtApi *api = library->api;
    const struct side side = {"outputs", api->SessionGetOutputCount, api->SessionGetOutputName,
                              api->SessionGetOutputTypeInfo};
    return read_side(library, session, &side, out_ports, err);
}

void inference_ports_done(const struct inference_library *library, struct inference_ports *ports) {
    for (uint32_t i = 0; i < ports->count; i++) {
        OrtStatus *said = NULL;
        union {
            const char *shown;
            void *owned;
        } name = {.shown = ports->ports[i].name};
        if (name.owned != NULL) {
            said = library->api->AllocatorFree(library->allocator, name.owned);
        }
        if (said != NULL) {
            library->api->ReleaseStatus(said);
        }
    }
    memory_free(ports->ports);
    memory_free(ports->names);
    *ports = (struct inference_ports){0};
}
