// SPDX-License-Identifier: Apache-2.0
#include "model/channel_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/channel_inner.h"

/* Before it, operators of two inputs said by attributes which axes of the two belong together. */
enum { OPSET_LEAST = 7, ROOM_FIRST = 512 };

static const struct {
    const char *op;
    channel_rule *rule;
} RULES[] = {
    {"Conv", channel_rule_conv},
    {"ConvTranspose", channel_rule_conv_transpose},
    {"Gemm", channel_rule_gemm},
    {"MatMul", channel_rule_matmul},
    {"BatchNormalization", channel_rule_norm},
    {"InstanceNormalization", channel_rule_norm},
    {"Add", channel_rule_elementwise},
    {"Sub", channel_rule_elementwise},
    {"Mul", channel_rule_elementwise},
    {"Div", channel_rule_elementwise},
    {"Pow", channel_rule_elementwise},
    {"Min", channel_rule_elementwise},
    {"Max", channel_rule_elementwise},
    {"Sum", channel_rule_elementwise},
    {"Mean", channel_rule_elementwise},
    {"PRelu", channel_rule_elementwise},
    {"Where", channel_rule_elementwise},
    {"Greater", channel_rule_elementwise},
    {"GreaterOrEqual", channel_rule_elementwise},
    {"Less", channel_rule_elementwise},
    {"LessOrEqual", channel_rule_elementwise},
    {"Abs", channel_rule_same},
    {"Cast", channel_rule_same},
    {"Ceil", channel_rule_same},
    {"Celu", channel_rule_same},
    {"Clip", channel_rule_same},
    {"Dropout", channel_rule_same},
    {"Elu", channel_rule_same},
    {"Erf", channel_rule_same},
    {"Exp", channel_rule_same},
    {"Floor", channel_rule_same},
    {"Gelu", channel_rule_same},
    {"HardSigmoid", channel_rule_same},
    {"HardSwish", channel_rule_same},
    {"Identity", channel_rule_same},
    {"LeakyRelu", channel_rule_same},
    {"Log", channel_rule_same},
    {"Mish", channel_rule_same},
    {"Neg", channel_rule_same},
    {"Not", channel_rule_same},
    {"Reciprocal", channel_rule_same},
    {"Relu", channel_rule_same},
    {"Round", channel_rule_same},
    {"Selu", channel_rule_same},
    {"Sigmoid", channel_rule_same},
    {"Sign", channel_rule_same},
    {"Softplus", channel_rule_same},
    {"Softsign", channel_rule_same},
    {"Sqrt", channel_rule_same},
    {"Tanh", channel_rule_same},
    {"ThresholdedRelu", channel_rule_same},
    {"AveragePool", channel_rule_pool},
    {"GlobalAveragePool", channel_rule_pool},
    {"GlobalLpPool", channel_rule_pool},
    {"GlobalMaxPool", channel_rule_pool},
    {"LpPool", channel_rule_pool},
    {"MaxPool", channel_rule_pool},
    {"Concat", channel_rule_concat},
    {"Flatten", channel_rule_flatten},
    {"Reshape", channel_rule_reshape},
    {"Squeeze", channel_rule_squeeze},
    {"Unsqueeze", channel_rule_unsqueeze},
    {"ReduceL1", channel_rule_reduce},
    {"ReduceL2", channel_rule_reduce},
    {"ReduceMax", channel_rule_reduce},
    {"ReduceMean", channel_rule_reduce},
    {"ReduceMin", channel_rule_reduce},
    {"ReduceSum", channel_rule_reduce},
    {"ReduceSumSquare", channel_rule_reduce},
    {"Transpose", channel_rule_transpose},
    {"Pad", channel_rule_pad},
    {"Resize", channel_rule_resize},
    {"Upsample", channel_rule_resize},
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model's channels");
}

/* --- layouts --- */

const struct channel_layout *channel_layout_of(const struct channel_finder *finder,
                                               const struct graph_value *value) {
    if (value == NULL || value->producer == NULL || value->graph != &finder->model->main) {
        return NULL;
    }
    const struct graph_node *node = value->producer;
    if (node->output_count == 0 || node->outputs[0] != value) {
        return NULL; /* only first outputs are laid */
    }
    const struct channel_layout *layout = &finder->layouts[node->mark];
    return layout->from_end > 0 ? layout : NULL;
}

void channel_lay(struct channel_finder *finder, const struct graph_node *node,
                 struct channel_layout layout) {
    finder->layouts[node->mark] = layout;
}

/* --- units --- */

static uint32_t first_of(struct channel_finder *finder, uint32_t channel) {
    uint32_t *parents = finder->parents;
    while (parents[channel] != channel) {
        parents[channel] = parents[parents[channel]];
        channel = parents[channel];
    }
    return channel;
}

void channel_tie(struct channel_finder *finder, const struct channel_layout *a,
                 const struct channel_layout *b) {
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        uint32_t first = first_of(finder, a->channels[i]);
        uint32_t second = first_of(finder, b->channels[i]);
        if (first > second) {
            const uint32_t swapped = first;
            first = second;
            second = swapped;
        }
        finder->parents[second] = first;
        if (finder->keepers[first] == NULL) {
            finder->keepers[first] = finder->keepers[second];
        }
    }
}

void channel_keep(struct channel_finder *finder, const struct channel_layout *layout,
                  const struct graph_node *node) {
    for (uint32_t i = 0; layout != NULL && i < layout->count; i++) {
        finder->keepers[first_of(finder, layout->channels[i])] = node;
    }
}

void channel_keep_inputs(struct channel_finder *finder, const struct graph_node *node) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        channel_keep(finder, channel_layout_of(finder, node->inputs[i].value), node);
    }
}

bool channel_can_cut(const struct graph_tensor *tensor) {
    return tensor->bytes != NULL && tensor->byte_count > 0 &&
           element_type_bits(tensor->type) % 8 == 0;
}

uint32_t *channel_list(struct channel_finder *finder, uint32_t count) {
    return arena_get(&finder->groups->arena, count + 1, sizeof(uint32_t));
}

static status make_room(struct channel_finder *finder, uint32_t count, struct error *err) {
    const uint32_t wanted = finder->channel_count + count;
    if (wanted > CHANNEL_TOTAL_MAX) {
        return fail(err, STATUS_FULL, "the model has more than %d channels", CHANNEL_TOTAL_MAX);
    }
    if (wanted <= finder->channel_room) {
        return STATUS_OK;
    }
    const uint32_t room = wanted * 2;
    uint32_t *parents = memory_resize(finder->parents, room * sizeof(*parents));
    if (parents == NULL) {
        return no_memory(err);
    }
    finder->parents = parents;
    const struct graph_node **keepers =
        memory_resize(finder->keepers, room * sizeof(const struct graph_node *));
    if (keepers == NULL) {
        return no_memory(err);
    }
    finder->keepers = keepers;
    finder->channel_room = room;
    return STATUS_OK;
}

status channel_birth(struct channel_finder *finder, uint32_t count, const uint32_t **out_channels,
                     struct error *err) {
    TRY(make_room(finder, count, err));
    uint32_t *channels = channel_list(finder, count);
    if (channels == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        channels[i] = finder->channel_count++;
        finder->parents[channels[i]] = channels[i];
        finder->keepers[channels[i]] = NULL;
    }
    *out_channels = channels;
    return STATUS_OK;
}

status channel_put(struct channel_finder *finder, const struct channel_layout *layout,
                   struct channel_place place, struct error *err) {
    if (finder->place_count == finder->place_room) {
        const uint32_t room = finder->place_room == 0 ? 64 : finder->place_room * 2;
        struct channel_place *places =
            arena_get(&finder->groups->arena, room, sizeof(struct channel_place));
        if (places == NULL) {
            return no_memory(err);
        }
        if (finder->place_count > 0) {
            (void)memcpy(places, finder->places, finder->place_count * sizeof(*places));
        }
        finder->places = places;
        finder->place_room = room;
    }
    place.count = layout->count;
    place.units = layout->channels;
    finder->places[finder->place_count++] = place;
    return STATUS_OK;
}

/* --- following --- */

static channel_rule *rule_of(const struct graph_node *node) {
    if (graph_opset(node->graph->model) < OPSET_LEAST || graph_output(node, 0) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        if (graph_node_is(node, RULES[i].op)) {
            return RULES[i].rule;
        }
    }
    return NULL;
}

/* What a caller or a body sees must stay, and so must what goes through an output that no rule
 * knows. */
static void keep_seen(struct channel_finder *finder, const struct graph_node *node) {
    const struct graph *graph = &finder->model->main;
    const struct channel_layout *layout = &finder->layouts[node->mark];
    for (uint32_t i = 0; i < node->output_count; i++) {
        const struct graph_use *use = node->outputs[i] != NULL ? node->outputs[i]->uses : NULL;
        for (; use != NULL; use = use->next) {
            if (i > 0 || use->node == NULL || use->node->graph != graph) {
                channel_keep(finder, layout, use->node != NULL ? use->node : node);
            }
        }
    }
}

static status follow(struct channel_finder *finder, struct error *err) {
    struct graph *graph = &finder->model->main;
    uint32_t count = 0;
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        node->mark = count++;
    }
    finder->layouts = arena_get(&finder->groups->arena, count + 1, sizeof(struct channel_layout));
    if (finder->layouts == NULL) {
        return no_memory(err);
    }
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        channel_rule *rule = rule_of(node);
        if (rule != NULL) {
            TRY(rule(finder, node, err));
        } else {
            channel_keep_inputs(finder, node);
        }
        keep_seen(finder, node);
    }
    return STATUS_OK;
}

/* --- units and groups --- */

static uint64_t mix(uint64_t bits) {
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

/* Channels become numbers of units, from 0 on. */
static status name_units(struct channel_finder *finder, struct error *err) {
    struct channel_groups *groups = finder->groups;
    uint32_t *unit_of = channel_list(finder, finder->channel_count);
    const struct graph_node **kept_by =
        arena_get(&groups->arena, finder->channel_count + 1, sizeof(const struct graph_node *));
    if (unit_of == NULL || kept_by == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < finder->channel_count; i++) {
        const uint32_t first = first_of(finder, i); /* never behind i */
        if (first == i) {
            kept_by[groups->unit_count] = finder->keepers[i];
            unit_of[i] = groups->unit_count++;
        } else {
            unit_of[i] = unit_of[first];
        }
    }
    for (uint32_t i = 0; i < finder->place_count; i++) {
        struct channel_place *place = &finder->places[i];
        uint32_t *units = channel_list(finder, place->count);
        if (units == NULL) {
            return no_memory(err);
        }
        for (uint32_t k = 0; k < place->count; k++) {
            units[k] = unit_of[place->units[k]];
        }
        place->units = units;
    }
    groups->places = finder->places;
    groups->place_count = finder->place_count;
    groups->kept_by = kept_by;
    return STATUS_OK;
}

/* A sum over the layers that make a unit, the same only for those that the same layers make. */
static status sign_units(struct channel_groups *groups, uint64_t **out_signs,
                         const struct graph_node ***out_makers, struct error *err) {
    uint64_t *signs = arena_get(&groups->arena, groups->unit_count + 1, sizeof(*signs));
    const struct graph_node **makers =
        arena_get(&groups->arena, groups->unit_count + 1, sizeof(const struct graph_node *));
    if (signs == NULL || makers == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < groups->place_count; i++) {
        const struct channel_place *place = &groups->places[i];
        for (uint32_t k = 0; place->role == CHANNEL_MADE && k < place->count; k++) {
            signs[place->units[k]] += mix((uint64_t)i + 1);
            if (makers[place->units[k]] == NULL) {
                makers[place->units[k]] = place->node;
            }
        }
    }
    *out_signs = signs;
    *out_makers = makers;
    return STATUS_OK;
}

static int compare_signs(const void *a, const void *b) {
    const uint64_t first = *(const uint64_t *)a;
    const uint64_t second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static uint32_t find_sign(const uint64_t *signs, uint32_t count, uint64_t sign) {
    uint32_t low = 0;
    uint32_t high = count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        low = signs[middle] <= sign ? middle : low;
        high = signs[middle] <= sign ? high : middle;
    }
    return low;
}

static status make_groups(struct channel_groups *groups, struct error *err) {
    const uint32_t count = groups->unit_count;
    uint64_t *signs = NULL;
    const struct graph_node **makers = NULL;
    TRY(sign_units(groups, &signs, &makers, err));
    uint32_t *group_of = arena_get(&groups->arena, count + 1, sizeof(*group_of));
    uint64_t *sorted = arena_get(&groups->arena, count + 1, sizeof(*sorted));
    uint32_t *group_at = arena_get(&groups->arena, count + 1, sizeof(*group_at));
    struct channel_group *all = arena_get(&groups->arena, count + 1, sizeof(*all));
    if (group_of == NULL || sorted == NULL || group_at == NULL || all == NULL) {
        return no_memory(err);
    }
    (void)memcpy(sorted, signs, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_signs);
    for (uint32_t i = 0; i < count; i++) {
        group_at[i] = CHANNEL_GROUP_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        group_of[i] = CHANNEL_GROUP_NONE;
        if (groups->kept_by[i] != NULL) {
            continue;
        }
        uint32_t *group = &group_at[find_sign(sorted, count, signs[i])];
        if (*group == CHANNEL_GROUP_NONE) {
            *group = groups->group_count++;
            all[*group].maker = makers[i];
        }
        group_of[i] = *group;
        all[*group].count++;
    }
    groups->group_of = group_of;
    groups->groups = all;
    return STATUS_OK;
}

static void finder_done(struct channel_finder *finder) {
    memory_free(finder->parents);
    memory_free(finder->keepers);
}

status channel_groups_find(struct graph_model *model, struct channel_groups *out_groups,
                           struct error *err) {
    *out_groups = (struct channel_groups){0};
    arena_init(&out_groups->arena, CHANNEL_MEMORY_BYTES_MAX);
    CLEANUP(finder_done) struct channel_finder finder = {.model = model, .groups = out_groups};
    TRY(make_room(&finder, ROOM_FIRST, err));
    TRY(follow(&finder, err));
    TRY(name_units(&finder, err));
    return make_groups(out_groups, err);
}

void channel_groups_done(struct channel_groups *groups) {
    arena_done(&groups->arena);
    *groups = (struct channel_groups){0};
}
