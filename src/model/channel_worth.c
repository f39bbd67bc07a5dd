// SPDX-License-Identifier: Apache-2.0
#include "model/channel_worth.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "model/channel_groups.h"
#include "model/dice.h"
#include "model/elimination.h"
#include "model/layer_matrix.h"
#include "model/layer_scene.h"
#include "model/least_squares.h"
#include "model/onnx_file.h"
#include "model/refit.h"
#include "model/value_view.h"

enum { TAKERS_MAX = 256, NONE = UINT32_MAX };

/* A layer that takes channels of the group at hand. */
struct taker {
    const struct channel_place *place;
    struct layer_matrix layer;
    struct value_view view; /* of what it is given */
    struct least_squares equations;
    struct elimination left;
    uint32_t *next;  /* owned: of each channel, the next one of the same unit; or NONE */
    uint32_t *first; /* owned: of each unit, its first channel; or NONE */
    uint32_t *list;  /* owned: room for the inputs of a unit */
    float *inputs;   /* owned: an example */
    double varies;   /* its answers, over all examples: the sum of squares */
};

struct judging {
    struct graph_model *model;
    struct sample_source *samples;
    const struct channel_worth_options *options;
    struct channel_groups groups;
    struct channel_worth *worth;
    struct taker takers[TAKERS_MAX];
    uint32_t taker_count;
    uint32_t group; /* at hand */
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for what channels are worth");
}

static void taker_done(struct taker *taker) {
    value_view_close(&taker->view);
    least_squares_done(&taker->equations);
    elimination_done(&taker->left);
    memory_free(taker->next);
    memory_free(taker->first);
    memory_free(taker->list);
    memory_free(taker->inputs);
    *taker = (struct taker){0};
}

static void takers_done(struct judging *work) {
    for (uint32_t i = 0; i < work->taker_count; i++) {
        taker_done(&work->takers[i]);
    }
    work->taker_count = 0;
}

/* --- which layers have a say --- */

static bool takes_group(const struct judging *work, const struct channel_place *place) {
    for (uint32_t k = 0; place->role == CHANNEL_TAKEN && k < place->count; k++) {
        if (work->groups.group_of[place->units[k]] == work->group) {
            return true;
        }
    }
    return false;
}

static int64_t equations_bytes(const struct layer_matrix *layer) {
    const int64_t columns = layer_matrix_columns(layer);
    return 2 * columns * (columns + (int64_t)layer->rows) * (int64_t)sizeof(double);
}

static void find_takers(struct judging *work) {
    int64_t left = work->options->equations_bytes > 0 ? work->options->equations_bytes
                                                      : CHANNEL_WORTH_EQUATIONS_BYTES;
    for (uint32_t i = 0; i < work->groups.place_count; i++) {
        const struct channel_place *place = &work->groups.places[i];
        struct layer_matrix layer;
        if (work->taker_count == TAKERS_MAX || !takes_group(work, place) ||
            !layer_matrix_of(place->node, &layer) ||
            layer_matrix_columns(&layer) > LEAST_SQUARES_COLUMNS_MAX ||
            equations_bytes(&layer) > left) {
            continue;
        }
        left -= equations_bytes(&layer);
        work->takers[work->taker_count++] = (struct taker){.place = place, .layer = layer};
    }
}

/* Which channels are a unit's, and room for what is counted of them. */
static status open_taker(struct judging *work, struct taker *taker, struct slice file,
                         struct error *err) {
    const struct channel_place *place = taker->place;
    const uint32_t columns = layer_matrix_columns(&taker->layer);
    taker->next = memory_new(place->count + 1, sizeof(uint32_t));
    taker->first = memory_new((size_t)work->groups.unit_count + 1, sizeof(uint32_t));
    taker->list = memory_new((size_t)columns + 1, sizeof(uint32_t));
    taker->inputs = memory_new((size_t)columns + 1, sizeof(float));
    if (taker->next == NULL || taker->first == NULL || taker->list == NULL ||
        taker->inputs == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < work->groups.unit_count; i++) {
        taker->first[i] = NONE;
    }
    for (uint32_t k = place->count; k-- > 0;) {
        taker->next[k] = taker->first[place->units[k]];
        taker->first[place->units[k]] = k;
    }
    TRY(least_squares_init(&taker->equations, columns, 0, err));
    return value_view_open(file, work->model->folder.bytes, graph_input(taker->layer.node, 0)->name,
                           work->options->memory_bytes, &taker->view, err);
}

static status open_takers(struct judging *work, struct error *err) {
    CLEANUP(buffer_done) struct buffer file;
    buffer_init(&file, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(work->model, &file, err));
    for (uint32_t i = 0; i < work->taker_count; i++) {
        TRY(open_taker(work, &work->takers[i], buffer_slice(&file), err));
    }
    return STATUS_OK;
}

/* --- samples --- */

static size_t examples_each(const struct judging *work, const struct taker *taker) {
    const struct refit_options like = {.examples = work->options->examples,
                                       .samples_max = work->options->samples_max};
    return refit_examples(&like, taker->layer.inputs, work->samples->count);
}

static status use_sample(struct judging *work, struct taker *taker, const struct sample *sample,
                         uint64_t *dice, struct error *err) {
    struct tensor given;
    struct layer_scene scene;
    TRY(value_view_run(&taker->view, sample, &given, err));
    if (!layer_scene_of(&taker->layer, &given, &scene)) {
        return fail(err, STATUS_INVALID, "layer '%.*s' is given what it cannot take",
                    SLICE_ARGS(graph_node_called(taker->layer.node)));
    }
    const size_t most = examples_each(work, taker);
    const bool all = scene.positions <= most;
    for (size_t i = 0; i < (all ? scene.positions : most); i++) {
        layer_scene_inputs(&scene, all ? i : dice_below(dice, scene.positions), taker->inputs);
        least_squares_add(&taker->equations, taker->inputs, NULL);
    }
    return STATUS_OK;
}

static status tell(const struct judging *work, double share, struct error *err) {
    const double all = (work->group + share) / work->groups.group_count;
    return work->options->progress == NULL || work->options->progress(work->options->owner, all)
               ? STATUS_OK
               : fail(err, STATUS_INTERRUPTED, "finding what channels are worth was ended");
}

static status use_samples(struct judging *work, struct error *err) {
    struct sample_source *samples = work->samples;
    const uint32_t most = work->options->samples_max;
    uint64_t dice = work->options->seed + work->group;
    uint32_t index = 0;
    samples->rewind(samples->owner);
    for (; most == 0 || index < most; index++) {
        struct sample sample;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            break;
        }
        for (uint32_t i = 0; i < work->taker_count; i++) {
            if (use_sample(work, &work->takers[i], &sample, &dice, err) != STATUS_OK) {
                return fail_while(err, "look at sample '%.200s'", sample.name);
            }
        }
        const double share = samples->count > 0 ? (double)index / samples->count : 0;
        TRY(tell(work, share < 1 ? share * 0.5 : 0.5, err));
    }
    return index > 0 ? STATUS_OK : fail(err, STATUS_NOT_FOUND, "there is no sample");
}

/* --- eliminating --- */

/* The inputs that a unit is for a taker; how many. */
static uint32_t inputs_of(struct taker *taker, uint32_t unit) {
    const uint32_t each = taker->layer.inputs / taker->place->count;
    uint32_t count = 0;
    for (uint32_t k = taker->first[unit]; k != NONE; k = taker->next[k]) {
        for (uint32_t i = 0; i < each; i++) {
            taker->list[count++] = k * each + i;
        }
    }
    return count;
}

static uint32_t most_inputs(struct judging *work, struct taker *taker) {
    uint32_t most = 0;
    for (uint32_t unit = 0; unit < work->groups.unit_count; unit++) {
        const uint32_t count =
            work->groups.group_of[unit] == work->group ? inputs_of(taker, unit) : 0;
        most = count > most ? count : most;
    }
    return most;
}

/* From what was counted to what can be eliminated from. A taker that the samples say nothing of has
 * no say. */
static status begin_taker(struct judging *work, struct taker *taker, struct error *err) {
    const uint32_t columns = layer_matrix_columns(&taker->layer);
    TRY(elimination_init(&taker->left, columns, taker->layer.rows, most_inputs(work, taker), err));
    layer_matrix_read(&taker->layer, taker->left.weights);
    taker->varies = least_squares_energy(&taker->equations, taker->left.weights, taker->layer.rows,
                                         taker->layer.has_constant);
    const status code =
        least_squares_invert(&taker->equations, REFIT_RIDGE, taker->left.inverse, err);
    least_squares_done(&taker->equations);
    if (code == STATUS_INVALID || (code == STATUS_OK && !(taker->varies > 0))) {
        taker->varies = INFINITY;
        return STATUS_OK;
    }
    return code;
}

/* What all takers would miss without the unit, each measured by its own answers. */
static double cost_of(struct judging *work, uint32_t unit) {
    double cost = 0;
    for (uint32_t i = 0; i < work->taker_count; i++) {
        struct taker *taker = &work->takers[i];
        const uint32_t count = isfinite(taker->varies) ? inputs_of(taker, unit) : 0;
        if (count > 0) {
            cost += elimination_cost(&taker->left, taker->list, count) / taker->varies;
        }
    }
    return cost;
}

static void drop(struct judging *work, uint32_t unit) {
    for (uint32_t i = 0; i < work->taker_count; i++) {
        struct taker *taker = &work->takers[i];
        const uint32_t count = isfinite(taker->varies) ? inputs_of(taker, unit) : 0;
        elimination_drop(&taker->left, taker->list, count);
    }
}

/* The unit of the group that is worth least of those that are left; *out_cost is what goes with
 * it. Those that have gone have a worth already. */
static uint32_t least_unit(struct judging *work, double *out_cost) {
    uint32_t least = NONE;
    for (uint32_t unit = 0; unit < work->groups.unit_count; unit++) {
        if (work->groups.group_of[unit] == work->group && work->worth->of_units[unit] < 0) {
            const double cost = cost_of(work, unit);
            if (least == NONE || cost < *out_cost) {
                least = unit;
                *out_cost = cost;
            }
        }
    }
    return least;
}

/* Worths of the group: 0 goes first, 1 next; those that stay have more, by what they are worth at
 * the end. */
static status eliminate(struct judging *work, struct error *err) {
    const struct channel_group *group = &work->groups.groups[work->group];
    const struct channel_prune_options like = {.share = work->options->share};
    const uint32_t going = channel_prune_count(&like, group->count);
    double *of_units = work->worth->of_units;
    for (uint32_t unit = 0; unit < work->groups.unit_count; unit++) {
        of_units[unit] = work->groups.group_of[unit] == work->group ? -1 : of_units[unit];
    }
    for (uint32_t i = 0; i < going; i++) {
        double cost = 0;
        const uint32_t unit = least_unit(work, &cost);
        drop(work, unit);
        of_units[unit] = i;
        TRY(tell(work, 0.5 + 0.5 * i / going, err));
    }
    for (uint32_t unit = 0; unit < work->groups.unit_count; unit++) {
        if (work->groups.group_of[unit] == work->group && of_units[unit] < 0) {
            of_units[unit] = going + cost_of(work, unit);
        }
    }
    return STATUS_OK;
}

static bool has_say(const struct judging *work) {
    for (uint32_t i = 0; i < work->taker_count; i++) {
        if (isfinite(work->takers[i].varies)) {
            return true;
        }
    }
    return false;
}

static status judge_group(struct judging *work, struct error *err) {
    find_takers(work);
    if (work->taker_count == 0) {
        return STATUS_OK;
    }
    TRY(open_takers(work, err));
    TRY(use_samples(work, err));
    for (uint32_t i = 0; i < work->taker_count; i++) {
        TRY(begin_taker(work, &work->takers[i], err));
    }
    if (has_say(work)) {
        work->worth->judged++;
        TRY(eliminate(work, err));
    }
    return STATUS_OK;
}

static void judging_done(struct judging **work) {
    if (*work != NULL) {
        takers_done(*work);
        channel_groups_done(&(*work)->groups);
        memory_free(*work);
    }
}

status channel_worth_find(struct graph_model *model, struct sample_source *samples,
                          const struct channel_worth_options *options,
                          struct channel_worth *out_worth, struct error *err) {
    *out_worth = (struct channel_worth){0};
    if (!(options->share >= 0 && options->share < 1)) {
        return fail(err, STATUS_INVALID,
                    "the share of channels that go is %g, it must be from 0 to below 1",
                    options->share);
    }
    CLEANUP(judging_done) struct judging *work = memory_new(1, sizeof(*work));
    if (work == NULL) {
        return no_memory(err);
    }
    work->model = model;
    work->samples = samples;
    work->options = options;
    work->worth = out_worth;
    TRY(channel_groups_find(model, &work->groups, err));
    out_worth->count = work->groups.unit_count;
    out_worth->groups = work->groups.group_count;
    out_worth->of_units = memory_new((size_t)out_worth->count + 1, sizeof(double));
    if (out_worth->of_units == NULL) {
        return no_memory(err);
    }
    TRY(channel_prune_scores(&work->groups, CHANNEL_SCORE_FLOW, out_worth->of_units, err));
    for (work->group = 0; work->group < work->groups.group_count; work->group++) {
        const status code = judge_group(work, err);
        takers_done(work);
        TRY(code);
    }
    return STATUS_OK;
}

void channel_worth_done(struct channel_worth *worth) {
    memory_free(worth->of_units);
    *worth = (struct channel_worth){0};
}
