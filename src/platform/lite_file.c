// SPDX-License-Identifier: Apache-2.0
#include "platform/lite_file.h"

#include <string.h>

/* Fields of the format's tables, as its schema counts them. */
enum {
    MODEL_SUBGRAPHS = 2,
    MODEL_BUFFERS = 4,
    SUBGRAPH_TENSORS = 0,
    TENSOR_SHAPE = 0,
    TENSOR_KIND = 1,
    TENSOR_BUFFER = 2,
    BUFFER_BYTES = 0
};

/* A table, or a vector with its length; offset 0 is where no table lies. */
struct place {
    uint64_t offset;
};
struct vector {
    uint64_t offset, count;
};

struct walk {
    struct slice file;
    bool is_broken; /* an offset led out of the file */
    uint32_t tensor_count;
    struct vector buffers;
    int64_t bytes;
};

static uint64_t read_number(struct walk *walk, uint64_t offset, size_t byte_count) {
    uint64_t number = 0;
    if (offset > walk->file.count || byte_count > walk->file.count - offset) {
        walk->is_broken = true;
        return 0;
    }
    for (size_t i = 0; i < byte_count; i++) {
        number |= (uint64_t)(uint8_t)walk->file.bytes[offset + i] << (8 * i);
    }
    return number;
}

/* Where the field's value lies; 0: the table does not have it. */
static uint64_t find_field(struct walk *walk, struct place table, uint32_t field) {
    const int32_t back = (int32_t)read_number(walk, table.offset, 4);
    const int64_t list = (int64_t)table.offset - back;
    if (walk->is_broken || list < 0) {
        walk->is_broken = true;
        return 0;
    }
    const uint64_t list_bytes = read_number(walk, (uint64_t)list, 2);
    const uint64_t at = 4 + 2 * (uint64_t)field;
    const uint64_t inside = at + 2 <= list_bytes ? read_number(walk, (uint64_t)list + at, 2) : 0;
    return inside != 0 && !walk->is_broken ? table.offset + inside : 0;
}

static struct vector read_vector(struct walk *walk, struct place table, uint32_t field,
                                 size_t item_bytes) {
    const uint64_t at = find_field(walk, table, field);
    if (at == 0) {
        return (struct vector){0};
    }
    const uint64_t offset = at + read_number(walk, at, 4);
    const uint64_t count = read_number(walk, offset, 4);
    if (walk->is_broken || count * item_bytes > walk->file.count - offset - 4) {
        walk->is_broken = true;
        return (struct vector){0};
    }
    return (struct vector){.offset = offset + 4, .count = count};
}

static struct place item_table(struct walk *walk, struct vector vector, uint64_t index) {
    const uint64_t at = vector.offset + 4 * index;
    return (struct place){at + read_number(walk, at, 4)};
}

/* Bytes of one number of a type, as the format counts types; 0 for texts and what else has none. */
static int64_t kind_bytes(uint64_t kind) {
    static const uint8_t BYTES[] = {4, 2, 4, 1, 8, 0, 1, 2, 8, 1, 8, 16, 8, 0, 0, 4, 2, 1, 2};
    return kind < sizeof(BYTES) ? BYTES[kind] : 0;
}

/* Weights lie in the file. */
static bool has_bytes(struct walk *walk, struct place tensor) {
    const uint64_t at = find_field(walk, tensor, TENSOR_BUFFER);
    const uint64_t index = at != 0 ? read_number(walk, at, 4) : 0;
    if (index >= walk->buffers.count) {
        walk->is_broken = walk->is_broken || index > 0;
        return false;
    }
    const struct place buffer = item_table(walk, walk->buffers, index);
    return !walk->is_broken && read_vector(walk, buffer, BUFFER_BYTES, 1).count > 0;
}

static status add_tensor(struct walk *walk, struct place tensor, struct error *err) {
    const struct vector shape = read_vector(walk, tensor, TENSOR_SHAPE, 4);
    const uint64_t at = find_field(walk, tensor, TENSOR_KIND);
    int64_t bytes = kind_bytes(at != 0 ? read_number(walk, at, 1) : 0 /* float32 */);
    if (has_bytes(walk, tensor)) {
        return STATUS_OK;
    }
    for (uint64_t i = 0; i < shape.count && bytes > 0; i++) {
        const int32_t size = (int32_t)read_number(walk, shape.offset + 4 * i, 4);
        if (size < 0) {
            return fail(err, STATUS_CORRUPT, "a tensor has a negative size");
        }
        if (size > 0 && bytes > INT64_MAX / 2 / size) {
            return fail(err, STATUS_FULL, "a tensor has more numbers than any memory holds");
        }
        bytes *= size;
    }
    walk->bytes = walk->bytes > INT64_MAX - bytes ? INT64_MAX : walk->bytes + bytes;
    return STATUS_OK;
}

static status add_subgraph(struct walk *walk, struct place subgraph, struct error *err) {
    const struct vector tensors = read_vector(walk, subgraph, SUBGRAPH_TENSORS, 4);
    if (tensors.count > LITE_TENSORS_MAX - walk->tensor_count) {
        return fail(err, STATUS_INVALID, "it has more than %d tensors", LITE_TENSORS_MAX);
    }
    walk->tensor_count += (uint32_t)tensors.count;
    for (uint64_t i = 0; i < tensors.count && !walk->is_broken; i++) {
        TRY(add_tensor(walk, item_table(walk, tensors, i), err));
    }
    return STATUS_OK;
}

bool lite_file_is_one(struct slice head) {
    return head.count >= LITE_HEAD_BYTES && memcmp(head.bytes + 4, "TFL3", 4) == 0;
}

status lite_file_tensor_bytes(struct slice file, int64_t *out_bytes, struct error *err) {
    struct walk walk = {.file = file};
    const struct place model = {read_number(&walk, 0, 4)};
    walk.buffers = read_vector(&walk, model, MODEL_BUFFERS, 4);
    const struct vector subgraphs = read_vector(&walk, model, MODEL_SUBGRAPHS, 4);
    if (subgraphs.count > LITE_SUBGRAPHS_MAX) {
        return fail(err, STATUS_INVALID, "it has %llu subgraphs, at most %d are read",
                    (unsigned long long)subgraphs.count, LITE_SUBGRAPHS_MAX);
    }
    for (uint64_t i = 0; i < subgraphs.count && !walk.is_broken; i++) {
        TRY(add_subgraph(&walk, item_table(&walk, subgraphs, i), err));
    }
    if (walk.is_broken || subgraphs.count == 0) {
        return fail(err, STATUS_CORRUPT,
                    "the file is no TensorFlow Lite model, or only a part of one");
    }
    *out_bytes = walk.bytes;
    return STATUS_OK;
}
