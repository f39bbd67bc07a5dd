// SPDX-License-Identifier: Apache-2.0
/* A text is metadata within its bounds, or is refused with a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include "agents/onnx_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check(const struct onnx_metadata *metadata) {
    need(metadata->rank <= TENSOR_RANK_MAX && metadata->type < TENSOR_TYPE_COUNT);
    need(metadata->channels <= ONNX_METADATA_CHANNELS_MAX);
    for (uint32_t i = 0; i < metadata->rank; i++) {
        need(metadata->shape[i] == -1 ||
             (metadata->shape[i] >= 1 && metadata->shape[i] <= TENSOR_BYTES_MAX));
    }
    for (uint32_t i = 0; i < metadata->channels; i++) {
        need(metadata->deviations[i] > 0 && metadata->means[i] == metadata->means[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct arena arena;
    struct onnx_metadata metadata;
    struct error err = {0};
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    arena_init(&arena, 8 << 20);
    if (onnx_metadata_read(text, &arena, &metadata, &err) == STATUS_OK) {
        check(&metadata);
    } else {
        need(err.text[0] != '\0');
    }
    arena_done(&arena);
    return 0;
}
