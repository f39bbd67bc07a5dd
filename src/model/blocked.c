// SPDX-License-Identifier: Apache-2.0
#include "model/blocked.h"

#include "model/affine.h"
#include "model/inferred.h"
#include "model/known.h"

enum { CHAIN_MAX = 8, MEMORY_MAX = 64 << 20 };

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model's blocks");
}

/* --- sums that become convolutions --- */

/* What is computed in blocks takes the value, and nobody else does. */
static bool goes_into_blocks(const struct graph_value *value) {
    bool goes = value->uses != NULL;
    for (const struct graph_use *use = value->uses; use != NULL; use = use->next) {
        goes = goes && use->node != NULL &&
               (graph_node_is(use->node, "Conv") || graph_node_is(use->node, "MaxPool") ||
                graph_node_is(use->node, "AveragePool")) &&
               graph_input(use->node, 0) == value;
    }
    return goes;
}

/* All operators from `node` up that only scale and shift, as one; *out_from is what they are
 * applied to. false: there are none, or the channels are not whole blocks. */
static bool read_sum(const struct graph_node *node, uint32_t block, struct arena *arena,
                     struct affine *sum, uint32_t *out_channels, struct graph_value **out_from) {
    uint32_t rank = 0;
    struct graph_value *from = affine_from(node);
    const int64_t channels = from != NULL ? known_channels(from) : -1;
    if (channels < block || channels % block != 0 || channels > UINT16_MAX ||
        from->producer == NULL || !known_rank(from, &rank) || rank != 4) {
        return false;
    }
    const struct affine_place place = {rank, true, rank - 2, (uint32_t)channels};
    struct affine one = {arena_get(arena, place.channels, sizeof(double)),
                         arena_get(arena, place.channels, sizeof(double))};
    sum->scale = arena_get(arena, place.channels, sizeof(double));
    sum->shift = arena_get(arena, place.channels, sizeof(double));
    if (one.scale == NULL || one.shift == NULL || sum->scale == NULL || sum->shift == NULL ||
        !affine_read(node, from, &place, true, sum)) {
        return false;
    }
    for (int i = 0; i < CHAIN_MAX; i++) {
        const struct graph_node *before = from->producer;
        struct graph_value *next = before != NULL ? affine_from(before) : NULL;
        if (next == NULL || next->producer == NULL || before->graph != node->graph ||
            graph_only_user(from) == NULL || !affine_read(before, next, &place, true, &one)) {
            break;
        }
        for (uint32_t c = 0; c < place.channels; c++) {
            sum->shift[c] += sum->scale[c] * one.shift[c];
            sum->scale[c] *= one.scale[c];
        }
        from = next;
    }
    *out_channels = place.channels;
    *out_from = from;
    return true;
}

static struct graph_value *add_numbers(struct graph *graph, const double *numbers,
                                       uint32_t channels, uint32_t rank) {
    const int64_t dims[] = {channels, 1, 1, 1};
    void *bytes = NULL;
    struct graph_tensor *tensor =
        graph_tensor_new(graph->model, ELEMENT_FLOAT32, dims, rank, &bytes);
    for (uint32_t i = 0; tensor != NULL && i < channels; i++) {
        ((float *)bytes)[i] = (float)numbers[i];
    }
    return graph_add_tensor(graph, slice_of("each"), tensor);
}

static status replace_sum(struct graph_node *node, struct graph_value *from,
                          const struct affine *sum, uint32_t channels) {
    struct graph_value *inputs[] = {from, add_numbers(node->graph, sum->scale, channels, 4),
                                    add_numbers(node->graph, sum->shift, channels, 1)};
    struct graph_node *layer =
        inputs[1] != NULL && inputs[2] != NULL
            ? graph_add_node(node->graph, node, "Conv", inputs, 3, 1, node->outputs[0]->name)
            : NULL;
    if (layer == NULL || graph_set_integer(layer, "group", channels) != STATUS_OK ||
        graph_set_integers(layer, "kernel_shape", (const int64_t[]){1, 1}, 2) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    return graph_replace(node->outputs[0], layer->outputs[0]);
}

static bool is_block(uint32_t block) {
    return block >= BLOCKED_CHANNELS_MIN && block <= BLOCKED_CHANNELS_MAX;
}

status blocked_sums(struct graph_model *model, uint32_t block, uint32_t *out_changes,
                    struct error *err) {
    uint32_t changes = 0;
    struct graph_node *next;
    const bool may = graph_opset(model) >= 7 && is_block(block);
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL && may; node = next) {
        CLEANUP(arena_done) struct arena arena;
        struct affine sum;
        struct graph_value *from = NULL;
        uint32_t channels = 0;
        next = graph_walk(model, node);
        arena_init(&arena, MEMORY_MAX);
        if (graph_output(node, 0) == NULL || !goes_into_blocks(node->outputs[0]) ||
            !read_sum(node, block, &arena, &sum, &channels, &from)) {
            continue;
        }
        if (replace_sum(node, from, &sum, channels) != STATUS_OK) {
            return no_memory(err);
        }
        changes++;
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}

status blocked_graph(struct graph_model *model, uint32_t block, uint32_t *out_changes,
                     struct error *err) {
    uint32_t sums = 0;
    uint32_t filled = 0;
    TRY(blocked_fill(model, block, &filled, err));
    TRY(inferred_types(model, err));
    TRY(blocked_sums(model, block, &sums, err));
    *out_changes = sums + filled;
    return STATUS_OK;
}
