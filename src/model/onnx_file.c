// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_file.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/memory.h"
#include "model/onnx_field.h"
#include "model/onnx_inner.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/mapped_file.h"

enum { MEMORY_LEAST = 64 << 20, MEMORY_OF_FILE = 16 };

static const size_t MODEL_MEMORY_MAX = (size_t)1 << 36; /* of weights that passes make */

/* --- what protobuf-c may take --- */

struct purse {
    size_t left;
    bool is_empty;
    bool has_failed; /* the heap had no more */
};

static void *purse_get(void *owner, size_t bytes) {
    struct purse *purse = owner;
    if (bytes > purse->left) {
        purse->is_empty = true;
        return NULL;
    }
    purse->left -= bytes;
    void *block = memory_resize(NULL, bytes > 0 ? bytes : 1);
    purse->has_failed = purse->has_failed || block == NULL;
    return block;
}

static void purse_free(void *owner, void *block) {
    (void)owner;
    memory_free(block);
}

/* What has been unpacked, until the model is gone. */
static void release_proto(void *thing) {
    ProtobufCAllocator plain = {.alloc = purse_get, .free = purse_free};
    protobuf_c_message_free_unpacked(thing, &plain);
}

/* --- how deep it goes: protobuf-c follows a file as deep as it nests --- */

static status check_nesting(struct slice bytes, const ProtobufCMessageDescriptor *kind, int depth,
                            struct error *err) {
    if (depth > ONNX_NESTING_MAX) {
        return fail(err, STATUS_INVALID, "it nests more than %d deep", ONNX_NESTING_MAX);
    }
    while (bytes.count > 0) {
        struct onnx_field part;
        if (!onnx_field_take(&bytes, &part)) {
            return fail(err, STATUS_CORRUPT, "the file is no ONNX model, or only a part of one");
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(kind, (unsigned)part.number);
        if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE && part.bytes.count > 0) {
            TRY(check_nesting(part.bytes, field->descriptor, depth + 1, err));
        }
    }
    return STATUS_OK;
}

static status unpack(struct slice bytes, const ProtobufCMessageDescriptor *kind,
                     ProtobufCMessage **out_message, struct error *err) {
    if (bytes.count == 0) {
        return fail(err, STATUS_CORRUPT, "the file is empty");
    }
    if (bytes.count > ONNX_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "the file has more than 2 GiB: its weights belong into external data");
    }
    TRY(check_nesting(bytes, kind, 0, err));
    struct purse purse = {.left = MEMORY_LEAST + bytes.count * MEMORY_OF_FILE};
    ProtobufCAllocator allocator = {
        .alloc = purse_get, .free = purse_free, .allocator_data = &purse};
    *out_message =
        protobuf_c_message_unpack(kind, &allocator, bytes.count, (const uint8_t *)bytes.bytes);
    if (*out_message != NULL) {
        return STATUS_OK;
    }
    if (purse.is_empty) {
        return fail(err, STATUS_FULL, "it would take more than %zu bytes of memory",
                    MEMORY_LEAST + bytes.count * MEMORY_OF_FILE);
    }
    if (purse.has_failed) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for an ONNX file of %zu bytes",
                    bytes.count);
    }
    return fail(err, STATUS_CORRUPT, "the file is no ONNX model, or only a part of one");
}

/* --- external data --- */

struct onnx_external {
    struct onnx_external *next;
    struct slice location;
    struct mapped_file file;
};

static void release_external(void *thing) {
    struct onnx_external *external = thing;
    mapped_file_close(&external->file);
}

/* Inside the folder and nowhere else. */
static bool is_within(struct slice location) {
    if (location.count == 0 || location.bytes[0] == '/' ||
        slice_find(location, 0) < location.count) {
        return false;
    }
    while (location.count > 0) {
        const size_t end = slice_find(location, '/');
        if (slice_is(slice_part(location, 0, end), "..")) {
            return false;
        }
        location = slice_part(location, end + 1, location.count);
    }
    return true;
}

status onnx_external_bytes(struct graph_model *model, struct slice location,
                           struct slice *out_bytes, struct error *err) {
    for (struct onnx_external *at = model->external; at != NULL; at = at->next) {
        if (slice_equal(at->location, location)) {
            *out_bytes = at->file.bytes;
            return STATUS_OK;
        }
    }
    if (model->folder.bytes == NULL || !is_within(location)) {
        return fail(err, STATUS_INVALID, "external data in '%.*s' is not in the model's folder",
                    SLICE_ARGS(location));
    }
    struct onnx_external *external = arena_get(&model->arena, 1, sizeof(*external));
    const struct slice path =
        arena_print(&model->arena, "%.*s/%.*s", SLICE_ARGS(model->folder), SLICE_ARGS(location));
    if (external == NULL || path.bytes == NULL ||
        !arena_hold(&model->arena, external, release_external)) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for external data");
    }
    TRY(mapped_file_open(path.bytes, &external->file, err));
    external->location = location;
    external->next = model->external;
    model->external = external;
    *out_bytes = external->file.bytes;
    return STATUS_OK;
}

/* --- models --- */

static status read_into(struct graph_model *model, struct slice bytes, const char *folder,
                        struct error *err) {
    ProtobufCMessage *message = NULL;
    TRY(unpack(bytes, &onnx__model_proto__descriptor, &message, err));
    if (!arena_hold(&model->arena, message, release_proto)) {
        release_proto(message);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    if (folder != NULL) {
        model->folder = arena_copy(&model->arena, slice_of(folder));
        if (model->folder.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
        }
    }
    return onnx_read_graph(model, (const Onnx__ModelProto *)message, err);
}

status onnx_file_read(struct slice bytes, const char *folder, struct graph_model **out_model,
                      struct error *err) {
    struct graph_model *model = memory_new(1, sizeof(*model));
    if (model == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    arena_init(&model->arena, MODEL_MEMORY_MAX);
    const status code = read_into(model, bytes, folder, err);
    if (code != STATUS_OK) {
        onnx_file_close(model);
        return code;
    }
    *out_model = model;
    return STATUS_OK;
}

status onnx_file_open(const char *path, struct graph_model **out_model, struct error *err) {
    CLEANUP(mapped_file_close) struct mapped_file file = {0};
    TRY(mapped_file_open(path, &file, err));
    CLEANUP(buffer_done) struct buffer folder;
    buffer_init(&folder, GRAPH_NAME_BYTES_MAX);
    const char *slash = strrchr(path, '/');
    buffer_add(&folder, slash != NULL
                            ? (struct slice){.bytes = path, .count = (size_t)(slash - path)}
                            : SLICE("."));
    buffer_add_byte(&folder, 0);
    TRY(buffer_status(&folder, err));
    if (onnx_file_read(file.bytes, folder.bytes, out_model, err) != STATUS_OK) {
        return fail_while(err, "read model %.300s", path);
    }
    return STATUS_OK;
}

void onnx_file_close(struct graph_model *model) {
    if (model != NULL) {
        arena_done(&model->arena);
        memory_free(model);
    }
}

status onnx_file_read_tensor(struct slice bytes, struct arena *arena,
                             struct graph_tensor *out_tensor, struct error *err) {
    ProtobufCMessage *message = NULL;
    TRY(unpack(bytes, &onnx__tensor_proto__descriptor, &message, err));
    if (!arena_hold(arena, message, release_proto)) {
        release_proto(message);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a tensor");
    }
    return onnx_read_tensor(NULL, arena, (const Onnx__TensorProto *)message, out_tensor, err);
}

/* --- writing --- */

static status pack(const Onnx__ModelProto *proto, struct buffer *out, struct error *err) {
    const size_t bytes = protobuf_c_message_get_packed_size(&proto->base);
    if (bytes > ONNX_BYTES_MAX) {
        return fail(err, STATUS_FULL, "the model has more than 2 GiB without its external data");
    }
    char *place = buffer_reserve(out, bytes);
    if (place == NULL) {
        return buffer_status(out, err);
    }
    buffer_took(out, protobuf_c_message_pack(&proto->base, (uint8_t *)place));
    return STATUS_OK;
}

status onnx_file_pack(const struct graph_model *model, struct buffer *out, struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, MODEL_MEMORY_MAX);
    Onnx__ModelProto proto;
    TRY(onnx_build(model, &arena, NULL, &proto, err));
    return pack(&proto, out, err);
}

static bool wants_data(const struct graph_model *model) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < model->main.initializers.count; i++) {
        bytes += model->main.initializers.items[i]->tensor->byte_count;
    }
    return model->external != NULL || bytes > ONNX_INLINE_BYTES_MAX;
}

/* The name of the data says what is in it: a model that is there already keeps what it names. */
static status write_data(const char *path, struct onnx_data *data, struct error *err) {
    struct id hash = {0};
    for (size_t i = 0; i < data->part_count; i++) {
        hash = hash_128((struct slice){.bytes = (const char *)&hash, .count = sizeof(hash)},
                        data->parts[i]);
    }
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(hash, hex);
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char whole[GRAPH_NAME_BYTES_MAX];
    const int count = snprintf(data->location, sizeof(data->location), "%s-%.8s.data", name, hex);
    const int whole_count = snprintf(whole, sizeof(whole), "%s-%.8s.data", path, hex);
    if (count < 0 || whole_count < 0 || (size_t)whole_count >= sizeof(whole)) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", GRAPH_NAME_BYTES_MAX);
    }
    return file_replace_parts(whole, data->parts, data->part_count, err);
}

status onnx_file_write(const struct graph_model *model, const char *path, struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buffer_done) struct buffer bytes;
    arena_init(&arena, MODEL_MEMORY_MAX);
    buffer_init(&bytes, ONNX_BYTES_MAX);
    struct onnx_data *data = wants_data(model) ? arena_get(&arena, 1, sizeof(*data)) : NULL;
    Onnx__ModelProto proto;
    TRY(onnx_build(model, &arena, data, &proto, err));
    if (data != NULL && data->part_count > 0) {
        TRY(write_data(path, data, err));
    }
    TRY(pack(&proto, &bytes, err));
    return file_replace(path, buffer_slice(&bytes), err);
}
