// SPDX-License-Identifier: Apache-2.0
/* Bytes are a tensor within its bounds, or are refused with a sentence; what is written of a tensor
 * is read as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { ARENA_BYTES = 1 << 20 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check(const struct tensor *tensor) {
    size_t count;
    need(tensor->type < TENSOR_TYPE_COUNT && tensor->rank <= TENSOR_RANK_MAX);
    need(tensor_count(tensor->type, tensor->shape, tensor->rank, &count));
    need(tensor->byte_count == count * tensor_type_bytes(tensor->type));
    need(count == 0 || tensor->bytes != NULL);
}

static void check_written(const struct tensor *tensor, struct arena *arena) {
    struct tensor again;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, ARENA_BYTES);
    need(npy_write(tensor, &out, NULL) == STATUS_OK);
    need(npy_read(buffer_slice(&out), arena, &again, NULL) == STATUS_OK);
    need(again.type == tensor->type && again.rank == tensor->rank);
    need(memcmp(again.shape, tensor->shape, sizeof(again.shape)) == 0);
    need(again.byte_count == tensor->byte_count);
    need(again.byte_count == 0 || memcmp(again.bytes, tensor->bytes, again.byte_count) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct arena arena;
    struct tensor tensor;
    struct error err = {0};
    const struct slice file = {.bytes = (const char *)bytes, .count = count};
    arena_init(&arena, ARENA_BYTES);
    if (npy_read(file, &arena, &tensor, &err) == STATUS_OK) {
        check(&tensor);
        check_written(&tensor, &arena);
    } else {
        need(err.text[0] != '\0');
    }
    err.text[0] = '\0';
    if (npy_read_as(file, TENSOR_FLOAT32, &arena, &tensor, &err) == STATUS_OK) {
        check(&tensor);
        need(tensor.type == TENSOR_FLOAT32);
    } else {
        need(err.text[0] != '\0');
    }
    arena_done(&arena);
    return 0;
}
