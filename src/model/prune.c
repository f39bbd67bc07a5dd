// SPDX-License-Identifier: Apache-2.0
#include "model/prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/onnx_file.h"
#include "platform/compress.h"

/* Without its sign a float is ordered as its bits are; they are counted by their high ones, then by
 * their low ones among those that matter. */
enum { LOW_BITS = 15, HIGH_COUNT = 1 << 16, LOW_COUNT = 1 << LOW_BITS };

static const uint32_t SIGN = UINT32_C(1) << 31;

/* The values that hold weights, each once, as nodes take them one after another. */
struct weights {
    struct weight {
        struct graph_value *value;
        uint32_t order;
    } * items;
    uint32_t count, room;
};

static void weights_done(struct weights *weights) {
    memory_free(weights->items);
}

/* The numbers up to which weights go: all below `bits`, and the first `equal` that are just so. */
struct cut {
    uint32_t bits;
    uint64_t equal;
};

/* --- which they are --- */

static bool holds_weights(const struct graph_node *node, uint32_t input) {
    static const struct {
        const char *op;
        uint32_t first, last;
    } PLACES[] = {{"Conv", 1, 1}, {"ConvTranspose", 1, 1}, {"Gemm", 0, 1}, {"MatMul", 0, 1},
                  {"LSTM", 1, 2}, {"GRU", 1, 2},           {"RNN", 1, 2}};
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        if (input >= PLACES[i].first && input <= PLACES[i].last &&
            graph_node_is(node, PLACES[i].op)) {
            return true;
        }
    }
    return false;
}

static bool is_weights(const struct graph_value *value) {
    const struct graph_tensor *tensor = graph_constant(value);
    return tensor != NULL && tensor->type == ELEMENT_FLOAT32 && tensor->rank >= 2 &&
           tensor->byte_count > 0 && !graph_is_output(value);
}

static status add(struct weights *weights, struct graph_value *value, struct error *err) {
    if (weights->count == weights->room) {
        const uint32_t room = weights->room == 0 ? 64 : weights->room * 2;
        struct weight *items = memory_resize(weights->items, room * sizeof(*items));
        if (items == NULL) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a list of weights");
        }
        weights->items = items;
        weights->room = room;
    }
    weights->items[weights->count] = (struct weight){value, weights->count};
    weights->count++;
    return STATUS_OK;
}

static int compare_order(const void *a, const void *b) {
    const struct weight *first = a;
    const struct weight *second = b;
    return first->order < second->order ? -1 : first->order > second->order;
}

static int compare_values(const void *a, const void *b) {
    const struct weight *first = a;
    const struct weight *second = b;
    return first->value < second->value   ? -1
           : first->value > second->value ? 1
                                          : compare_order(a, b);
}

/* What several nodes take stays where the first takes it. */
static void drop_repeats(struct weights *weights) {
    uint32_t kept = 0;
    qsort(weights->items, weights->count, sizeof(*weights->items), compare_values);
    for (uint32_t i = 0; i < weights->count; i++) {
        if (i == 0 || weights->items[i].value != weights->items[kept - 1].value) {
            weights->items[kept++] = weights->items[i];
        }
    }
    weights->count = kept;
    qsort(weights->items, kept, sizeof(*weights->items), compare_order);
}

static status find_weights(const struct graph_model *model, struct weights *weights,
                           struct error *err) {
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (holds_weights(node, i) && is_weights(node->inputs[i].value)) {
                TRY(add(weights, node->inputs[i].value, err));
            }
        }
    }
    if (weights->count > 0) {
        drop_repeats(weights);
    }
    return STATUS_OK;
}

/* --- how large they are --- */

static uint32_t size_bits(const struct graph_tensor *tensor, uint64_t index) {
    uint32_t bits;
    (void)memcpy(&bits, (const char *)tensor->bytes + index * sizeof(bits), sizeof(bits));
    return bits & ~SIGN;
}

static uint64_t count_weights(const struct weight *items, uint32_t count) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += graph_tensor_count(graph_constant(items[i].value));
    }
    return sum;
}

/* Which of the counts the number `*rank` falls into; *rank is what is left of it there. */
static uint32_t find_rank(const uint64_t *counts, uint64_t *rank) {
    uint32_t at = 0;
    while (*rank > counts[at]) {
        *rank -= counts[at++];
    }
    return at;
}

/* Where the `wanted` smallest of the tensors end, which are no more than all. */
static struct cut find_cut(const struct weight *items, uint32_t count, uint64_t wanted,
                           uint64_t *counts) {
    (void)memset(counts, 0, HIGH_COUNT * sizeof(*counts));
    for (uint32_t i = 0; i < count; i++) {
        const struct graph_tensor *tensor = graph_constant(items[i].value);
        const uint64_t numbers = graph_tensor_count(tensor);
        for (uint64_t k = 0; k < numbers; k++) {
            counts[size_bits(tensor, k) >> LOW_BITS]++;
        }
    }
    const uint32_t high = find_rank(counts, &wanted);
    (void)memset(counts, 0, LOW_COUNT * sizeof(*counts));
    for (uint32_t i = 0; i < count; i++) {
        const struct graph_tensor *tensor = graph_constant(items[i].value);
        const uint64_t numbers = graph_tensor_count(tensor);
        for (uint64_t k = 0; k < numbers; k++) {
            const uint32_t bits = size_bits(tensor, k);
            if (bits >> LOW_BITS == high) {
                counts[bits & (LOW_COUNT - 1)]++;
            }
        }
    }
    const uint32_t low = find_rank(counts, &wanted);
    return (struct cut){.bits = high << LOW_BITS | low, .equal = wanted};
}

/* --- making them zero --- */

/* Has everybody who took the constant take the tensor. */
static status put(struct graph_value *value, const struct graph_tensor *tensor) {
    if (value->tensor != NULL) {
        value->tensor = tensor;
        value->graph->model->changed = true;
        return STATUS_OK;
    }
    struct graph_value *other = graph_add_tensor(value->graph, value->name, tensor);
    return other != NULL ? graph_replace(value, other) : STATUS_NO_MEMORY;
}

static status zero(struct graph_value *value, struct cut *cut, uint32_t *changes,
                   struct error *err) {
    const struct graph_tensor *tensor = graph_constant(value);
    const uint64_t numbers = graph_tensor_count(tensor);
    void *bytes = NULL;
    struct graph_tensor *other =
        graph_tensor_new(value->graph->model, ELEMENT_FLOAT32, tensor->dims, tensor->rank, &bytes);
    if (other == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for weights of %llu bytes",
                    (unsigned long long)tensor->byte_count);
    }
    (void)memcpy(bytes, tensor->bytes, tensor->byte_count);
    bool is_other = false;
    for (uint64_t k = 0; k < numbers; k++) {
        const uint32_t bits = size_bits(tensor, k);
        const bool is_equal = bits == cut->bits && cut->equal > 0;
        if (bits < cut->bits || is_equal) {
            cut->equal -= is_equal;
            is_other = is_other || bits > 0;
            (void)memset((char *)bytes + k * sizeof(bits), 0, sizeof(bits));
        }
    }
    if (!is_other) {
        return STATUS_OK;
    }
    ++*changes;
    return put(value, other) == STATUS_OK
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for other weights");
}

static status prune_items(const struct weight *items, uint32_t count, double share,
                          uint64_t *counts, uint32_t *changes, struct error *err) {
    const uint64_t wanted = (uint64_t)(share * (double)count_weights(items, count));
    struct cut cut = find_cut(items, count, wanted, counts);
    for (uint32_t i = 0; i < count; i++) {
        TRY(zero(items[i].value, &cut, changes, err));
    }
    return STATUS_OK;
}

static status prune_all(struct graph_model *model, const struct prune_options *options,
                        uint64_t *counts, uint32_t *changes, struct error *err) {
    CLEANUP(weights_done) struct weights weights = {0};
    TRY(find_weights(model, &weights, err));
    const uint32_t step = options->is_global ? weights.count : 1;
    for (uint32_t i = 0; i < weights.count; i += step) {
        TRY(prune_items(weights.items + i, step, options->share, counts, changes, err));
    }
    return STATUS_OK;
}

status prune_weights(struct graph_model *model, const struct prune_options *options,
                     uint32_t *out_changes, struct error *err) {
    if (!(options->share >= 0 && options->share < 1)) {
        return fail(err, STATUS_INVALID,
                    "the share of weights that become zero is %g, it must be from 0 to below 1",
                    options->share);
    }
    uint64_t *counts = memory_new(HIGH_COUNT, sizeof(*counts));
    if (counts == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for counting weights");
    }
    uint32_t changes = 0;
    const status code = prune_all(model, options, counts, &changes, err);
    memory_free(counts);
    TRY(code);
    (void)graph_remove_dead(model);
    TRY(graph_verify(model, err));
    *out_changes = changes;
    return STATUS_OK;
}

/* --- measuring --- */

static void release_compressor(struct compressor **compressor) {
    compressor_destroy(*compressor);
}

static status compress_all(struct slice plain, int level, uint64_t *out_bytes, struct error *err) {
    CLEANUP(release_compressor) struct compressor *compressor = NULL;
    TRY(compressor_create(&compressor, err));
    CLEANUP(buffer_done) struct buffer frame;
    buffer_init(&frame, compress_bytes_max(COMPRESS_PLAIN_BYTES_MAX));
    *out_bytes = 0;
    for (size_t at = 0; at < plain.count; at += COMPRESS_PLAIN_BYTES_MAX) {
        buffer_clear(&frame);
        TRY(compressor_add(compressor, level, slice_part(plain, at, at + COMPRESS_PLAIN_BYTES_MAX),
                           &frame, err));
        *out_bytes += frame.count;
    }
    return STATUS_OK;
}

static void count_zeros(const struct weights *weights, struct prune_size *size) {
    for (uint32_t i = 0; i < weights->count; i++) {
        const struct graph_tensor *tensor = graph_constant(weights->items[i].value);
        const uint64_t numbers = graph_tensor_count(tensor);
        for (uint64_t k = 0; k < numbers; k++) {
            size->zeros += size_bits(tensor, k) == 0;
        }
        size->weights += numbers;
    }
    size->tensors = weights->count;
}

status prune_measure(const struct graph_model *model, int level, struct prune_size *out_size,
                     struct error *err) {
    if (model->external != NULL) {
        return fail(err, STATUS_INVALID,
                    "the model's weights lie in files of their own: only one that is a single file "
                    "is measured compressed");
    }
    CLEANUP(weights_done) struct weights weights = {0};
    TRY(find_weights(model, &weights, err));
    struct prune_size size = {0};
    count_zeros(&weights, &size);
    CLEANUP(buffer_done) struct buffer file;
    buffer_init(&file, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(model, &file, err));
    size.file_bytes = file.count;
    TRY(compress_all(buffer_slice(&file), level, &size.compressed_bytes, err));
    *out_size = size;
    return STATUS_OK;
}
