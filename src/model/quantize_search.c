// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_search.h"

#include <math.h>
#include <string.h>

#include "model/onnx_file.h"
#include "model/search_journal.h"

enum { ARENA_BYTES_MAX = 64 << 20 };

/* How many of the worst stay float32, one try after the other. */
static const uint32_t STAYING[] = {0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 48, 64};

/* While no more than this share of the weights stays float32, a nearer model at the same cost is
 * better; beyond it the file would pay. */
static const double WEIGHTS_FEW = 0.05;

/* A model that takes so many times what the best does has left out too much; more is not tried. */
static const double COST_HOPELESS = 1.15;

/* To order layers by the harm they do, whose differences are large, few will do. */
enum { SCAN_SAMPLES = 4 };

/* A layer is as good as any other beyond this. */
static const double HARMLESS_DB = 60.0;

struct search {
    struct slice model;
    struct proof_reference *reference;
    const struct quantize_search_options *options;
    struct quantize_found *found;
    uint32_t *order;  /* layers, the worst first */
    uint32_t failing; /* of those, at the start, that always stay */
    bool *stays;      /* of the try at hand */
    bool *best_stays;
    uint32_t next; /* layer that `takes` is asked for */
    bool is_ended;
    double done, all; /* trials, for the progress */
};

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

static bool takes(void *owner, const struct graph_node *node) {
    struct search *search = owner;
    (void)node;
    return !search->stays[search->next++];
}

/* The model with all layers quantised but those that stay. */
static status build(struct search *search, struct buffer *out_model,
                    struct quantize_report *out_report, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    struct quantize_options options = *search->options->quantize;
    options.takes = takes;
    options.owner = search;
    search->next = 0;
    TRY(onnx_file_read(search->model, search->options->folder, &model, err));
    TRY(quantize(model, &options, out_report, err));
    return onnx_file_pack(model, out_model, err);
}

static void tell(struct search *search) {
    search->done++;
    if (search->options->progress != NULL &&
        !search->options->progress(search->options->owner, fmin(1.0, search->done / search->all))) {
        search->is_ended = true;
    }
}

/* --- each layer alone --- */

static status scan_layer(struct search *search, uint32_t index, struct error *err) {
    CLEANUP(buffer_done) struct buffer model;
    struct quantize_report report;
    struct proof proof;
    struct quantize_search_layer *layer = &search->found->layers[index];
    buffer_init(&model, ONNX_BYTES_MAX);
    if (search_journal_layer(search->options->journal, index, &layer->sqnr_db)) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < search->found->layer_count; i++) {
        search->stays[i] = i != index;
    }
    TRY(build(search, &model, &report, err));
    layer->sqnr_db = INFINITY;
    if (report.layers > 0) {
        const struct proof_watch watch = {.samples_max = SCAN_SAMPLES};
        TRY(proof_run_watched(search->reference, buffer_slice(&model), &watch, &proof, err));
        layer->sqnr_db = proof.worst_sqnr_db;
    }
    search_journal_put_layer(search->options->journal, index, layer->sqnr_db);
    return STATUS_OK;
}

/* A layer that cannot be tried says why, and stays; others may do. */
static status give_up_layer(struct search *search, uint32_t index, const struct error *why,
                            struct error *err) {
    struct quantize_search_layer *layer = &search->found->layers[index];
    layer->sqnr_db = -INFINITY;
    layer->why = arena_copy(&search->found->arena, slice_of(why->text));
    search->failing++;
    return layer->why.bytes != NULL && why->code != STATUS_NO_MEMORY
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for a search");
}

static status scan(struct search *search, struct error *err) {
    struct error why = {0};
    for (uint32_t i = 0; i < search->found->layer_count && !search->is_ended; i++) {
        if (scan_layer(search, i, &why) != STATUS_OK) {
            TRY(give_up_layer(search, i, &why, err));
        }
        tell(search);
    }
    return search->failing < search->found->layer_count
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT, "no layer can be quantised: %.300s", why.text);
}

static void sort_layers(struct search *search) {
    const struct quantize_search_layer *layers = search->found->layers;
    for (uint32_t i = 0; i < search->found->layer_count; i++) {
        uint32_t at = i;
        while (at > 0 && layers[search->order[at - 1]].sqnr_db > layers[i].sqnr_db) {
            search->order[at] = search->order[at - 1];
            at--;
        }
        search->order[at] = i;
    }
}

/* --- whole models --- */

static double least_cost(const struct quantize_found *found) {
    double least = INFINITY;
    for (uint32_t i = 0; i < found->try_count; i++) {
        least = fmin(least, found->tries[i].cost); /* NAN is passed over */
    }
    return least;
}

static bool is_better(const struct search *search, const struct quantize_try *tried) {
    const struct quantize_found *found = search->found;
    const double noise = 1 + search->options->cost_noise;
    if (!tried->is_good || found->best == QUANTIZE_TRIES_MAX) {
        return tried->is_good;
    }
    const struct quantize_try *best = &found->tries[found->best];
    const bool costs_as_little = tried->cost <= fmin(least_cost(found), tried->cost) * noise;
    return best->cost > tried->cost * noise ||
           (costs_as_little && tried->weights_staying <= WEIGHTS_FEW &&
            tried->proof.worst_sqnr_db > best->proof.worst_sqnr_db);
}

static double share_staying(const struct search *search) {
    uint64_t staying = 0;
    uint64_t all = 0;
    for (uint32_t i = 0; i < search->found->layer_count; i++) {
        const uint64_t count = search->found->layers[i].weight_count;
        staying += search->stays[i] ? count : 0;
        all += count;
    }
    return all > 0 ? (double)staying / (double)all : 0;
}

static uint32_t count_staying(const struct search *search) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < search->found->layer_count; i++) {
        count += search->stays[i];
    }
    return count;
}

/* What does not load or run is as far from the original as can be. */
static status hold_against(struct search *search, struct buffer *model,
                           struct quantize_report *out_report, struct proof *out_proof,
                           struct error *err) {
    struct error why = {0};
    status code = build(search, model, out_report, &why);
    if (code == STATUS_OK) {
        code = proof_run(search->reference, buffer_slice(model), out_proof, &why);
    }
    if (code == STATUS_NO_MEMORY) {
        return fail(err, code, "%s", why.text);
    }
    if (code != STATUS_OK) {
        *out_proof = (struct proof){.drift = {.broken = 1, .rows = 1}, .worst_sqnr_db = -INFINITY};
    }
    return STATUS_OK;
}

/* Builds, holds against the original and times what `stays` says. */
static status measure(struct search *search, struct buffer *model,
                      struct quantize_report *out_report, struct quantize_try *tried,
                      struct error *err) {
    const struct quantize_search_options *options = search->options;
    TRY(hold_against(search, model, out_report, &tried->proof, err));
    tried->is_good = options->is_good(options->owner, &tried->proof);
    if (tried->is_good) {
        TRY(options->cost(options->owner, buffer_slice(model), &tried->cost, err));
    }
    search_journal_put_try(options->journal, search->stays, tried);
    return STATUS_OK;
}

/* What is known of it from before the search was ended. */
static bool is_known(const struct search *search, struct quantize_try *tried) {
    const struct quantize_search_options *options = search->options;
    struct quantize_try known;
    if (!search_journal_try(options->journal, search->stays, &known)) {
        return false;
    }
    known.is_good = options->is_good(options->owner, &known.proof);
    if (known.is_good && isnan(known.cost)) {
        return false;
    }
    *tried = known;
    return true;
}

/* The best is kept. */
static status try_one(struct search *search, bool *out_better, struct error *err) {
    struct quantize_found *found = search->found;
    CLEANUP(buffer_done) struct buffer model;
    struct quantize_report report;
    struct quantize_try tried = {.cost = NAN};
    buffer_init(&model, ONNX_BYTES_MAX);
    *out_better = false;
    if (found->try_count == QUANTIZE_TRIES_MAX) {
        return STATUS_OK;
    }
    const bool known = is_known(search, &tried);
    if (!known) {
        TRY(measure(search, &model, &report, &tried, err));
    }
    tried.staying = count_staying(search);
    tried.weights_staying = share_staying(search);
    *out_better = is_better(search, &tried);
    if (*out_better && known) {
        TRY(build(search, &model, &report, err));
    }
    if (*out_better) {
        const struct buffer old = found->model;
        found->best = found->try_count;
        found->report = report;
        found->model = model;
        model = old;
        (void)memcpy(search->best_stays, search->stays,
                     found->layer_count * sizeof(search->stays[0]));
    }
    found->tries[found->try_count++] = tried;
    tell(search);
    return STATUS_OK;
}

/* Whether nothing is won any more by leaving out more than the last try did: it took far more than
 * the best, or the next layer is as harmless as any. */
static bool is_over(const struct search *search, uint32_t next) {
    const struct quantize_found *found = search->found;
    if (found->best == QUANTIZE_TRIES_MAX) {
        return false;
    }
    const struct quantize_try *last = &found->tries[found->try_count - 1];
    return found->layers[next].sqnr_db > HARMLESS_DB ||
           (last->is_good && last->cost > found->tries[found->best].cost * COST_HOPELESS);
}

static status try_worst(struct search *search, struct error *err) {
    const uint32_t count = search->found->layer_count;
    for (size_t i = 0; i < sizeof(STAYING) / sizeof(STAYING[0]) && !search->is_ended; i++) {
        const uint32_t staying = search->failing + STAYING[i];
        if (staying >= count) {
            break;
        }
        bool better;
        for (uint32_t k = 0; k < count; k++) {
            search->stays[search->order[k]] = k < staying;
        }
        TRY(try_one(search, &better, err));
        if (is_over(search, search->order[staying])) {
            break;
        }
    }
    return STATUS_OK;
}

/* Single layers change sides, those first that are closest to the border. */
static status try_changes(struct search *search, struct error *err) {
    const struct quantize_found *found = search->found;
    if (found->best == QUANTIZE_TRIES_MAX) {
        return STATUS_OK;
    }
    const uint32_t border = found->tries[found->best].staying;
    for (uint32_t i = 0; i < search->options->changes_max && !search->is_ended; i++) {
        const bool back = i % 2 == 0;
        const uint32_t step = i / 2;
        /* A model of which nothing is quantised is none. */
        if (back ? step + search->failing >= border : border + step + 1 >= found->layer_count) {
            continue;
        }
        const uint32_t layer = search->order[back ? border - 1 - step : border + step];
        bool better;
        (void)memcpy(search->stays, search->best_stays,
                     found->layer_count * sizeof(search->stays[0]));
        search->stays[layer] = !search->stays[layer];
        TRY(try_one(search, &better, err));
    }
    return STATUS_OK;
}

/* --- all of it --- */

static status list_layers(struct search *search, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    struct quantize_found *found = search->found;
    TRY(onnx_file_read(search->model, search->options->folder, &model, err));
    uint32_t room = 0;
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        room += quantize_is_layer(node);
    }
    found->layers = arena_get(&found->arena, (size_t)room + 1, sizeof(*found->layers));
    search->order = arena_get(&found->arena, (size_t)room + 1, sizeof(*search->order));
    search->stays = arena_get(&found->arena, (size_t)room + 1, sizeof(*search->stays));
    search->best_stays = arena_get(&found->arena, (size_t)room + 1, sizeof(*search->best_stays));
    if (found->layers == NULL || search->order == NULL || search->stays == NULL ||
        search->best_stays == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a search");
    }
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        if (quantize_is_layer(node)) {
            found->layers[found->layer_count++] = (struct quantize_search_layer){
                .name = arena_copy(&found->arena, graph_node_called(node)),
                .op = arena_copy(&found->arena, node->op),
                .weight_count = graph_tensor_count(graph_constant(graph_input(node, 1))),
                .sqnr_db = NAN};
        }
    }
    return found->layer_count > 0
               ? STATUS_OK
               : fail(err, STATUS_NOT_FOUND,
                      "there is no Conv, MatMul or Gemm with constant float32 weights");
}

static status search_all(struct search *search, struct error *err) {
    TRY(list_layers(search, err));
    TRY(search_journal_begin(search->options->journal, search->found->layer_count, err));
    const size_t tries = sizeof(STAYING) / sizeof(STAYING[0]) + search->options->changes_max;
    search->all = (double)(search->found->layer_count + tries);
    TRY(scan(search, err));
    sort_layers(search);
    TRY(try_worst(search, err));
    TRY(try_changes(search, err));
    for (uint32_t i = 0; i < search->found->layer_count; i++) {
        search->found->layers[i].stays = search->best_stays[i];
    }
    return STATUS_OK;
}

status quantize_search(struct slice model, struct proof_reference *reference,
                       const struct quantize_search_options *options,
                       struct quantize_found *out_found, struct error *err) {
    struct quantize_found found = {.best = QUANTIZE_TRIES_MAX};
    struct search search = {
        .model = model, .reference = reference, .options = options, .found = &found};
    arena_init(&found.arena, ARENA_BYTES_MAX);
    buffer_init(&found.model, ONNX_BYTES_MAX);
    const status code = search_all(&search, err);
    if (code != STATUS_OK) {
        quantize_found_done(&found);
        return code;
    }
    *out_found = found;
    return STATUS_OK;
}

void quantize_found_done(struct quantize_found *found) {
    buffer_done(&found->model);
    arena_done(&found->arena);
}
