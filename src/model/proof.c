// SPDX-License-Identifier: Apache-2.0
#include "model/proof.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/tensor_number.h"
#include "platform/inference.h"

enum { ARENA_BYTES_MAX = 256 << 20, SAMPLES_MAX = 1 << 20 };

/* What the reference gave for one sample, an array of floats for each output. */
struct kept {
    float **outputs;
    size_t *counts;
    size_t *rows;
};

struct proof_reference {
    struct arena arena;
    struct sample_source *samples; /* not owned */
    struct proof_options options;
    uint32_t input_count, output_count;
    const char **input_names, **output_names;
    struct kept *kept;
    uint32_t kept_count, kept_room;
    size_t kept_bytes;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for comparing models");
}

/* --- a model that runs --- */

struct side {
    const char *called;
    struct arena arena;
    struct inference_model *model; /* owned */
    struct inference_run *run;     /* owned */
    uint32_t *inputs;              /* for each input, its index among the reference's */
    uint32_t *outputs;             /* for each output of the reference, its index here */
    struct tensor *given, *made;
};

static void side_done(struct side *side) {
    inference_run_destroy(side->run);
    inference_close(side->model);
    arena_done(&side->arena);
}

static status side_open(struct side *side, struct slice bytes, const struct proof_options *options,
                        struct error *err) {
    const struct inference_options opening =
        inference_options_untimed(options->memory_bytes, options->folder);
    arena_init(&side->arena, ARENA_BYTES_MAX);
    if (inference_open_bytes(bytes, &opening, &side->model, err) != STATUS_OK) {
        return fail_while(err, "open the %s model", side->called);
    }
    const uint32_t inputs = inference_input_count(side->model);
    side->inputs = arena_get(&side->arena, inputs + 1, sizeof(*side->inputs));
    side->given = arena_get(&side->arena, inputs + 1, sizeof(*side->given));
    return side->inputs != NULL && side->given != NULL ? STATUS_OK : no_memory(err);
}

/* Room for as many outputs as the reference has. */
static status side_room(struct side *side, uint32_t output_count, struct error *err) {
    side->outputs = arena_get(&side->arena, output_count + 1, sizeof(*side->outputs));
    side->made = arena_get(&side->arena, output_count + 1, sizeof(*side->made));
    return side->outputs != NULL && side->made != NULL ? STATUS_OK : no_memory(err);
}

/* The outputs stay until the next run. */
static status side_run(struct side *side, const struct sample *sample, uint32_t output_count,
                       struct error *err) {
    inference_run_destroy(side->run);
    side->run = NULL;
    for (uint32_t i = 0; i < inference_input_count(side->model); i++) {
        side->given[i] = sample->inputs[side->inputs[i]];
    }
    TRY(inference_run_create(side->model, &side->run, err));
    if (inference_run(side->run, side->given, side->outputs, output_count, side->made, err) !=
        STATUS_OK) {
        return fail_while(err, "run the %s model on sample '%.200s'", side->called, sample->name);
    }
    return STATUS_OK;
}

static void to_floats(const struct tensor *tensor, size_t count, float *out_numbers) {
    if (tensor->type == TENSOR_FLOAT32 && count > 0) {
        (void)memcpy(out_numbers, tensor->bytes, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out_numbers[i] = (float)tensor_number_at(tensor, i);
    }
}

static size_t number_count(const struct tensor *tensor) {
    return tensor->byte_count / tensor_type_bytes(tensor->type);
}

/* --- the reference --- */

static bool copy_names(struct proof_reference *reference, const struct inference_model *model,
                       uint32_t count,
                       const struct inference_port *(*port)(const struct inference_model *model,
                                                            uint32_t index),
                       const char ***out_names) {
    const char **names = arena_get(&reference->arena, count + 1, sizeof(const char *));
    for (uint32_t i = 0; names != NULL && i < count; i++) {
        names[i] = arena_copy(&reference->arena, slice_of(port(model, i)->name)).bytes;
        if (names[i] == NULL) {
            return false;
        }
    }
    *out_names = names;
    return names != NULL;
}

static status read_ports(struct proof_reference *reference, struct side *side, struct error *err) {
    reference->input_count = inference_input_count(side->model);
    reference->output_count = inference_output_count(side->model);
    TRY(side_room(side, reference->output_count, err));
    for (uint32_t i = 0; i < reference->input_count; i++) {
        side->inputs[i] = i;
    }
    for (uint32_t i = 0; i < reference->output_count; i++) {
        side->outputs[i] = i;
        if (!inference_output(side->model, i)->is_tensor) {
            return fail(err, STATUS_INVALID, "output '%.200s' is no tensor of numbers",
                        inference_output(side->model, i)->name);
        }
    }
    const bool copied = copy_names(reference, side->model, reference->input_count, inference_input,
                                   &reference->input_names) &&
                        copy_names(reference, side->model, reference->output_count,
                                   inference_output, &reference->output_names);
    return copied ? STATUS_OK : no_memory(err);
}

static bool grow_kept(struct proof_reference *reference) {
    if (reference->kept_count < reference->kept_room) {
        return true;
    }
    const uint32_t room = reference->kept_room == 0 ? 32 : reference->kept_room * 2;
    struct kept *kept = arena_get(&reference->arena, room, sizeof(*kept));
    for (uint32_t i = 0; kept != NULL && i < reference->kept_count; i++) {
        kept[i] = reference->kept[i];
    }
    reference->kept = kept != NULL ? kept : reference->kept;
    reference->kept_room = kept != NULL ? room : reference->kept_room;
    return kept != NULL;
}

static status keep_outputs(struct proof_reference *reference, const struct side *side,
                           struct error *err) {
    struct arena *arena = &reference->arena;
    const uint32_t count = reference->output_count;
    struct kept kept = {.outputs = arena_get(arena, count + 1, sizeof(float *)),
                        .counts = arena_get(arena, count + 1, sizeof(size_t)),
                        .rows = arena_get(arena, count + 1, sizeof(size_t))};
    if (kept.outputs == NULL || kept.counts == NULL || kept.rows == NULL || !grow_kept(reference)) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct tensor *made = &side->made[i];
        kept.counts[i] = number_count(made);
        kept.rows[i] = made->rank > 0 ? (size_t)made->shape[made->rank - 1] : 1;
        kept.outputs[i] = arena_get(arena, kept.counts[i] + 1, sizeof(float));
        if (kept.outputs[i] == NULL) {
            return no_memory(err);
        }
        to_floats(made, kept.counts[i], kept.outputs[i]);
        reference->kept_bytes += kept.counts[i] * sizeof(float);
    }
    reference->kept[reference->kept_count++] = kept;
    return STATUS_OK;
}

static status run_reference(struct proof_reference *reference, struct side *side,
                            struct error *err) {
    const uint32_t most =
        reference->options.samples_max > 0 ? reference->options.samples_max : SAMPLES_MAX;
    struct sample_source *samples = reference->samples;
    samples->rewind(samples->owner);
    while (reference->kept_count < most && reference->kept_bytes < PROOF_KEPT_BYTES_MAX) {
        struct sample sample;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            break;
        }
        TRY(side_run(side, &sample, reference->output_count, err));
        TRY(keep_outputs(reference, side, err));
    }
    return reference->kept_count > 0 ? STATUS_OK
                                     : fail(err, STATUS_NOT_FOUND, "there is no sample");
}

status proof_reference_open(struct slice bytes, struct sample_source *samples,
                            const struct proof_options *options,
                            struct proof_reference **out_reference, struct error *err) {
    struct proof_reference *reference = memory_new(1, sizeof(*reference));
    if (reference == NULL) {
        return no_memory(err);
    }
    arena_init(&reference->arena, ARENA_BYTES_MAX);
    reference->samples = samples;
    reference->options = *options;
    CLEANUP(side_done) struct side side = {.called = "original"};
    status code = side_open(&side, bytes, options, err);
    if (code == STATUS_OK) {
        code = read_ports(reference, &side, err);
    }
    if (code == STATUS_OK) {
        code = run_reference(reference, &side, err);
    }
    if (code != STATUS_OK) {
        proof_reference_close(reference);
        return code;
    }
    *out_reference = reference;
    return STATUS_OK;
}

void proof_reference_close(struct proof_reference *reference) {
    if (reference != NULL) {
        arena_done(&reference->arena);
        memory_free(reference);
    }
}

uint32_t proof_sample_count(const struct proof_reference *reference) {
    return reference->kept_count;
}

struct digest proof_digest(const struct proof_reference *reference) {
    struct digest chain[2] = {0};
    for (uint32_t i = 0; i < reference->kept_count; i++) {
        const struct kept *kept = &reference->kept[i];
        for (uint32_t k = 0; k < reference->output_count; k++) {
            chain[1] = hash_256((struct slice){.bytes = (const char *)kept->outputs[k],
                                               .count = kept->counts[k] * sizeof(float)});
            chain[0] =
                hash_256((struct slice){.bytes = (const char *)chain, .count = sizeof(chain)});
        }
    }
    return chain[0];
}

/* --- a changed model --- */

static status match_inputs(const struct proof_reference *reference, struct side *side,
                           struct error *err) {
    for (uint32_t i = 0; i < inference_input_count(side->model); i++) {
        const char *name = inference_input(side->model, i)->name;
        uint32_t at = 0;
        while (at < reference->input_count && strcmp(reference->input_names[at], name) != 0) {
            at++;
        }
        if (at == reference->input_count) {
            return fail(err, STATUS_INVALID, "input '%.200s' is none of the original", name);
        }
        side->inputs[i] = at;
    }
    return STATUS_OK;
}

static status match_outputs(const struct proof_reference *reference, struct side *side,
                            struct error *err) {
    const uint32_t count = inference_output_count(side->model);
    TRY(side_room(side, reference->output_count, err));
    for (uint32_t i = 0; i < reference->output_count; i++) {
        const char *name = reference->output_names[i];
        uint32_t at = 0;
        while (at < count && strcmp(inference_output(side->model, at)->name, name) != 0) {
            at++;
        }
        if (at == count) {
            return fail(err, STATUS_INVALID, "it has no output '%.200s', the original has", name);
        }
        if (!inference_output(side->model, at)->is_tensor) {
            return fail(err, STATUS_INVALID, "output '%.200s' is no tensor of numbers", name);
        }
        side->outputs[i] = at;
    }
    return STATUS_OK;
}

/* Room for one output as floats. */
struct numbers {
    float *items; /* owned */
    size_t room;
};

static void numbers_done(struct numbers *numbers) {
    memory_free(numbers->items);
}

/* A changed model at work. */
struct comparing {
    struct side side;
    struct drift *drifts; /* of each output */
    struct numbers numbers;
    const struct proof_watch *watch;
};

static void comparing_done(struct comparing *comparing) {
    numbers_done(&comparing->numbers);
    side_done(&comparing->side);
}

static status compare_output(const struct proof_reference *reference, uint32_t sample,
                             uint32_t index, struct comparing *comparing, struct error *err) {
    const struct kept *kept = &reference->kept[sample];
    const struct tensor *made = &comparing->side.made[index];
    struct numbers *numbers = &comparing->numbers;
    const size_t count = number_count(made);
    if (count != kept->counts[index]) {
        return fail(err, STATUS_INVALID, "an output has another shape");
    }
    if (numbers->items == NULL || count > numbers->room) {
        float *more = memory_resize(numbers->items, (count + 1) * sizeof(float));
        if (more == NULL) {
            return no_memory(err);
        }
        *numbers = (struct numbers){more, count};
    }
    to_floats(made, count, numbers->items);
    drift_add(&comparing->drifts[index], kept->outputs[index], numbers->items, count,
              kept->rows[index]);
    return STATUS_OK;
}

static void show_pair(const struct proof_reference *reference, const struct sample *sample,
                      uint32_t at, uint32_t index, const struct comparing *comparing) {
    const struct kept *kept = &reference->kept[at];
    const struct proof_pair pair = {.sample = sample,
                                    .output = reference->output_names[index],
                                    .reference = kept->outputs[index],
                                    .changed = comparing->numbers.items,
                                    .count = kept->counts[index],
                                    .row = kept->rows[index],
                                    .is_last = index + 1 == reference->output_count};
    if (comparing->watch->see != NULL) {
        comparing->watch->see(comparing->watch->owner, &pair);
    }
}

static status compare_samples(struct proof_reference *reference, struct comparing *comparing,
                              struct error *err) {
    struct sample_source *samples = reference->samples;
    const uint32_t most = comparing->watch->samples_max;
    samples->rewind(samples->owner);
    for (uint32_t i = 0; i < reference->kept_count && (most == 0 || i < most); i++) {
        struct sample sample;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            return fail(err, STATUS_CONFLICT, "there are fewer samples than before");
        }
        TRY(side_run(&comparing->side, &sample, reference->output_count, err));
        for (uint32_t k = 0; k < reference->output_count; k++) {
            if (compare_output(reference, i, k, comparing, err) != STATUS_OK) {
                return fail_while(err, "output '%.200s'", reference->output_names[k]);
            }
            show_pair(reference, &sample, i, k, comparing);
        }
    }
    return STATUS_OK;
}

static struct proof sum_up(const struct proof_reference *reference, const struct drift *drifts) {
    struct proof proof = {.drift = {.mask_above = reference->options.mask_above},
                          .worst_sqnr_db = INFINITY};
    for (uint32_t i = 0; i < reference->output_count; i++) {
        proof.worst_sqnr_db = fmin(proof.worst_sqnr_db, drift_sqnr_db(&drifts[i]));
        drift_merge(&proof.drift, &drifts[i]);
    }
    return proof;
}

status proof_run_watched(struct proof_reference *reference, struct slice changed,
                         const struct proof_watch *watch, struct proof *out_proof,
                         struct error *err) {
    CLEANUP(comparing_done)
    struct comparing comparing = {.side = {.called = "changed"}, .watch = watch};
    struct side *side = &comparing.side;
    TRY(side_open(side, changed, &reference->options, err));
    TRY(match_inputs(reference, side, err));
    TRY(match_outputs(reference, side, err));
    struct drift *drifts = arena_get(&side->arena, reference->output_count + 1, sizeof(*drifts));
    if (drifts == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < reference->output_count; i++) {
        drifts[i].mask_above = reference->options.mask_above;
    }
    comparing.drifts = drifts;
    TRY(compare_samples(reference, &comparing, err));
    *out_proof = sum_up(reference, drifts);
    return STATUS_OK;
}

status proof_run(struct proof_reference *reference, struct slice changed, struct proof *out_proof,
                 struct error *err) {
    const struct proof_watch watch = {0};
    return proof_run_watched(reference, changed, &watch, out_proof, err);
}

void proof_costs(const struct proof *proof, struct cost *cost) {
    cost->of[COST_DRIFT_SQNR] = proof->worst_sqnr_db;
    cost->of[COST_DRIFT_COSINE] = drift_cosine(&proof->drift);
    cost->of[COST_DRIFT_ARGMAX] = drift_agreement(&proof->drift);
    cost->of[COST_DRIFT_IOU] = drift_mask_overlap(&proof->drift);
    cost->of[COST_DRIFT_MAX] = drift_largest(&proof->drift);
}

bool proof_is_lossless(const struct proof *proof) {
    return proof->worst_sqnr_db >= PROOF_LOSSLESS_DB;
}
