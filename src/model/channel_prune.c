// SPDX-License-Identifier: Apache-2.0
#include "model/channel_prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS_MEMORY_BYTES_MAX = 1 << 28 };

struct pruning {
    struct graph_model *model;
    const struct channel_prune_options *options;
    struct channel_groups groups;
    struct channel_cuts *cuts;
    double *scores; /* of each unit */
    bool *goes;     /* each unit */
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for pruning a model");
}

static void pruning_done(struct pruning *pruning) {
    channel_groups_done(&pruning->groups);
}

/* --- how much each matters --- */

static double size_of(const struct graph_tensor *tensor, uint64_t index) {
    float number;
    (void)memcpy(&number, (const char *)tensor->bytes + index * sizeof(number), sizeof(number));
    return fabs((double)number);
}

/* Adds to each unit the absolute sum of its positions in a place, with the place's mean as 1. */
static void add_sums(const struct channel_place *place, double *sums, double *scores) {
    const struct graph_tensor *tensor = graph_constant(graph_input(place->node, place->input));
    uint64_t each = place->repeat; /* numbers of a channel that lie side by side */
    for (uint32_t i = place->axis + 1; i < tensor->rank; i++) {
        each *= (uint64_t)tensor->dims[i];
    }
    const uint64_t numbers = graph_tensor_count(tensor);
    double all = 0;
    for (uint32_t k = 0; k < place->count; k++) {
        sums[k] = 0;
    }
    for (uint64_t first = 0; first < numbers; first += each * place->count) {
        for (uint64_t i = 0; i < each * place->count; i++) {
            sums[i / each] += size_of(tensor, first + i);
        }
    }
    for (uint32_t k = 0; k < place->count; k++) {
        all += sums[k];
    }
    for (uint32_t k = 0; k < place->count && all > 0 && isfinite(all); k++) {
        scores[place->units[k]] += sums[k] * place->count / all;
    }
}

static bool is_scale(const struct channel_place *place) {
    return place->role == CHANNEL_FOLLOW && place->input == 1 &&
           graph_node_is(place->node, "BatchNormalization") &&
           graph_constant(graph_input(place->node, 1))->type == ELEMENT_FLOAT32;
}

static double *score_by(struct channel_groups *groups,
                        bool (*counts)(const struct channel_place *place), double *sums) {
    double *scores = arena_get(&groups->arena, groups->unit_count + 1, sizeof(*scores));
    for (uint32_t i = 0; scores != NULL && i < groups->place_count; i++) {
        if (counts(&groups->places[i])) {
            add_sums(&groups->places[i], sums, scores);
        }
    }
    return scores;
}

static bool is_made(const struct channel_place *place) {
    return place->role == CHANNEL_MADE;
}

static bool is_taken(const struct channel_place *place) {
    return place->role == CHANNEL_TAKEN;
}

status channel_prune_scores(struct channel_groups *groups, enum channel_score score,
                            double *out_scores, struct error *err) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < groups->place_count; i++) {
        most = groups->places[i].count > most ? groups->places[i].count : most;
    }
    double *sums = arena_get(&groups->arena, most + 1, sizeof(*sums));
    const double *made = sums != NULL ? score_by(groups, is_made, sums) : NULL;
    const double *other = made == NULL                     ? NULL
                          : score == CHANNEL_SCORE_WEIGHTS ? made
                          : score == CHANNEL_SCORE_SCALE   ? score_by(groups, is_scale, sums)
                                                           : score_by(groups, is_taken, sums);
    if (other == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < groups->unit_count; i++) {
        out_scores[i] = score == CHANNEL_SCORE_FLOW ? made[i] * other[i]
                        : other[i] > 0              ? other[i]
                                                    : made[i];
    }
    return STATUS_OK;
}

static status score_units(struct pruning *pruning, struct error *err) {
    const struct channel_prune_options *options = pruning->options;
    const uint32_t count = pruning->groups.unit_count;
    pruning->scores = arena_get(&pruning->groups.arena, count + 1, sizeof(double));
    if (pruning->scores == NULL) {
        return no_memory(err);
    }
    if (options->score != CHANNEL_SCORE_WORTH) {
        return channel_prune_scores(&pruning->groups, options->score, pruning->scores, err);
    }
    if (options->worth == NULL || options->worth_count != count) {
        return fail(err, STATUS_INVALID,
                    "the model has %u channels, what is said of their worth is of %u", count,
                    options->worth_count);
    }
    (void)memcpy(pruning->scores, options->worth, count * sizeof(double));
    return STATUS_OK;
}

/* --- choosing --- */

uint32_t channel_prune_count(const struct channel_prune_options *options, uint32_t count) {
    const uint32_t multiple = options->multiple > 0 ? options->multiple : 1;
    uint32_t stay = count - (uint32_t)(options->share * (double)count);
    stay += (multiple - stay % multiple) % multiple;
    return stay < count ? count - stay : 0;
}

struct candidate {
    double score;
    uint32_t group, unit;
};

/* By group, then the least first. */
static int compare_candidates(const void *a, const void *b) {
    const struct candidate *first = a;
    const struct candidate *second = b;
    if (first->group != second->group) {
        return first->group < second->group ? -1 : 1;
    }
    if (first->score < second->score || first->score > second->score) {
        return first->score < second->score ? -1 : 1;
    }
    return first->unit < second->unit ? -1 : 1;
}

static status choose(struct pruning *pruning, struct error *err) {
    const struct channel_groups *groups = &pruning->groups;
    struct candidate *all = arena_get(&pruning->groups.arena, groups->unit_count + 1, sizeof(*all));
    pruning->goes = arena_get(&pruning->groups.arena, groups->unit_count + 1, sizeof(bool));
    if (all == NULL || pruning->goes == NULL) {
        return no_memory(err);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < groups->unit_count; i++) {
        const uint32_t group = groups->group_of[i];
        if (group != CHANNEL_GROUP_NONE) {
            all[count++] = (struct candidate){pruning->scores[i], group, i};
        }
    }
    qsort(all, count, sizeof(*all), compare_candidates);
    pruning->cuts->channels = groups->unit_count;
    pruning->cuts->free = count;
    uint32_t next = 0;
    for (uint32_t group = 0; group < groups->group_count; group++) {
        const uint32_t going = channel_prune_count(pruning->options, groups->groups[group].count);
        for (uint32_t i = 0; i < going; i++) {
            pruning->goes[all[next + i].unit] = true;
        }
        pruning->cuts->gone += going;
        next += groups->groups[group].count;
    }
    return STATUS_OK;
}

/* --- cutting --- */

/* What stays of each axis; NULL: all of it. */
struct stay {
    const uint32_t *positions[GRAPH_RANK_MAX];
    int64_t dims[GRAPH_RANK_MAX];
};

/* The positions of a place that stay; *out_count is how many. */
static const uint32_t *staying(struct pruning *pruning, const struct channel_place *place,
                               uint32_t *out_count) {
    uint32_t *positions = arena_get(&pruning->cuts->arena, (size_t)place->count * place->repeat + 1,
                                    sizeof(*positions));
    uint32_t count = 0;
    for (uint32_t k = 0; positions != NULL && k < place->count; k++) {
        for (uint32_t r = 0; !pruning->goes[place->units[k]] && r < place->repeat; r++) {
            positions[count++] = k * place->repeat + r;
        }
    }
    *out_count = count;
    return positions;
}

/* Copies what stays below an axis: `from` is the first byte of the old one, returns where the next
 * goes to. */
static char *copy_staying(const struct graph_tensor *tensor, const struct stay *stay, uint32_t axis,
                          const char *from, uint64_t bytes, char *to) {
    bool is_whole = true;
    for (uint32_t i = axis; i < tensor->rank; i++) {
        is_whole = is_whole && stay->positions[i] == NULL;
    }
    if (is_whole) {
        (void)memcpy(to, from, bytes);
        return to + bytes;
    }
    const uint64_t each = bytes / (uint64_t)tensor->dims[axis];
    for (int64_t i = 0; i < stay->dims[axis]; i++) {
        const uint64_t position =
            stay->positions[axis] != NULL ? stay->positions[axis][i] : (uint64_t)i;
        to = copy_staying(tensor, stay, axis + 1, from + position * each, each, to);
    }
    return to;
}

/* Has the node take what stays of its constant. */
static status cut_input(struct pruning *pruning, struct graph_node *node, uint32_t input,
                        const struct stay *stay, struct error *err) {
    struct graph_value *value = graph_input(node, input);
    const struct graph_tensor *tensor = graph_constant(value);
    void *bytes = NULL;
    struct graph_tensor *other =
        graph_tensor_new(pruning->model, tensor->type, stay->dims, tensor->rank, &bytes);
    if (other == NULL) {
        return no_memory(err);
    }
    (void)copy_staying(tensor, stay, 0, tensor->bytes, tensor->byte_count, bytes);
    struct graph_value *cut = graph_add_tensor(node->graph, value->name, other);
    if (cut == NULL || graph_set_input(node, input, cut) != STATUS_OK) {
        return no_memory(err);
    }
    return STATUS_OK;
}

static status cut_shape(struct graph_node *node, struct error *err) {
    static const int64_t FLAT[] = {0, -1};
    struct graph_value *flat =
        graph_add_integers(node->graph, graph_input(node, 1)->name, FLAT, 2, false);
    if (flat == NULL || graph_set_input(node, 1, flat) != STATUS_OK) {
        return no_memory(err);
    }
    return STATUS_OK;
}

/* The record of a layer, which is the last one or is new. */
static struct channel_cut *cut_of(struct channel_cuts *cuts, const struct graph_node *node) {
    const struct slice output = node->outputs[0]->name;
    if (cuts->count == 0 || !slice_equal(cuts->items[cuts->count - 1].output, output)) {
        cuts->items[cuts->count].output = arena_copy(&cuts->arena, output);
        if (cuts->items[cuts->count].output.bytes == NULL) {
            return NULL;
        }
        cuts->count++;
    }
    return &cuts->items[cuts->count - 1];
}

static status note_cut(struct pruning *pruning, const struct channel_place *place,
                       const uint32_t *positions, uint32_t count, struct error *err) {
    if (place->role != CHANNEL_MADE && place->role != CHANNEL_TAKEN) {
        return STATUS_OK;
    }
    struct channel_cut *cut = cut_of(pruning->cuts, place->node);
    if (cut == NULL) {
        return no_memory(err);
    }
    if (place->role == CHANNEL_MADE) {
        cut->rows = positions;
        cut->row_count = count;
    } else {
        cut->takes_fewer = true;
    }
    return STATUS_OK;
}

static status cut_filters(struct graph_node *node, const struct channel_place *place,
                          uint32_t count, struct error *err) {
    const int64_t filters = graph_integer(node, "group", 1);
    const int64_t each = (int64_t)place->count / filters;
    return graph_set_integer(node, "group", (int64_t)count / each) == STATUS_OK ? STATUS_OK
                                                                                : no_memory(err);
}

/* Cuts the constant that `count` places lie on. */
static status cut_places(struct pruning *pruning, const struct channel_place *places,
                         uint32_t count, struct error *err) {
    struct graph_node *node = places->node;
    const struct graph_tensor *tensor = graph_constant(graph_input(node, places->input));
    struct stay stay = {0};
    bool is_less = false;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        stay.dims[i] = tensor->dims[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct channel_place *place = &places[i];
        uint32_t left;
        const uint32_t *positions = staying(pruning, place, &left);
        if (positions == NULL) {
            return no_memory(err);
        }
        if (left == place->count * place->repeat) {
            continue;
        }
        if (place->role == CHANNEL_SHAPE) {
            return cut_shape(node, err);
        }
        is_less = true;
        stay.positions[place->axis] = positions;
        stay.dims[place->axis] = left;
        TRY(note_cut(pruning, place, positions, left, err));
        if (place->role == CHANNEL_FILTER) {
            TRY(cut_filters(node, place, left, err));
        }
    }
    return is_less ? cut_input(pruning, node, places->input, &stay, err) : STATUS_OK;
}

static status cut_all(struct pruning *pruning, struct error *err) {
    const struct channel_groups *groups = &pruning->groups;
    pruning->cuts->items =
        arena_get(&pruning->cuts->arena, groups->place_count + 1, sizeof(struct channel_cut));
    if (pruning->cuts->items == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0, next; i < groups->place_count; i = next) {
        const struct channel_place *place = &groups->places[i];
        for (next = i + 1; next < groups->place_count && groups->places[next].node == place->node &&
                           groups->places[next].input == place->input;
             next++) {
        }
        TRY(cut_places(pruning, place, next - i, err));
    }
    return STATUS_OK;
}

static status check_options(const struct channel_prune_options *options, struct error *err) {
    if (!(options->share >= 0 && options->share < 1)) {
        return fail(err, STATUS_INVALID,
                    "the share of channels that go is %g, it must be from 0 to below 1",
                    options->share);
    }
    if (options->multiple > CHANNEL_MULTIPLE_MAX) {
        return fail(err, STATUS_INVALID,
                    "channels are to stay in multiples of %u, it may be %d at most",
                    options->multiple, CHANNEL_MULTIPLE_MAX);
    }
    return STATUS_OK;
}

status channel_prune_model(struct graph_model *model, const struct channel_prune_options *options,
                           struct channel_cuts *out_cuts, uint32_t *out_changes,
                           struct error *err) {
    *out_cuts = (struct channel_cuts){0};
    arena_init(&out_cuts->arena, CUTS_MEMORY_BYTES_MAX);
    TRY(check_options(options, err));
    CLEANUP(pruning_done)
    struct pruning pruning = {.model = model, .options = options, .cuts = out_cuts};
    TRY(channel_groups_find(model, &pruning.groups, err));
    TRY(score_units(&pruning, err));
    TRY(choose(&pruning, err));
    TRY(cut_all(&pruning, err));
    if (out_cuts->gone > 0) {
        graph_forget_declared(model);
        (void)graph_remove_dead(model);
    }
    TRY(graph_verify(model, err));
    *out_changes = out_cuts->gone;
    return STATUS_OK;
}

void channel_cuts_done(struct channel_cuts *cuts) {
    arena_done(&cuts->arena);
    *cuts = (struct channel_cuts){0};
}
