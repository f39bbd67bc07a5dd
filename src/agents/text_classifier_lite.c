// SPDX-License-Identifier: Apache-2.0
#include "agents/text_classifier_lite.h"

#include <math.h>

#include "base/memory.h"
#include "model/text_model.h"
#include "platform/clock.h"

static const double DIGITS = 1e6;

struct agent {
    struct text_model *model;              /* owned */
    const struct agent_manifest *manifest; /* not owned */
};

static void close_classifier(struct agent *agent) {
    if (agent != NULL) {
        text_model_close(agent->model);
        memory_free(agent);
    }
}

/* A manifest may leave outputs out, which then are not given, but not ask for others. */
static status check_outputs(const struct agent_manifest *manifest, struct error *err) {
    for (uint32_t i = 0; i < manifest->outputs.count; i++) {
        const struct slice name = manifest->outputs.fields[i].name;
        if (!slice_is(name, "label") && !slice_is(name, "score") && !slice_is(name, "scores")) {
            return fail(err, STATUS_INVALID,
                        "an agent of kind text gives label, score and scores, and no '%.*s'",
                        SLICE_ARGS(name));
        }
    }
    return STATUS_OK;
}

static status open_classifier(struct loop *loop, const struct agent_manifest *manifest,
                              struct agent **out_agent, struct error *err) {
    (void)loop;
    if (manifest->model_file.count == 0) {
        return fail(err, STATUS_INVALID, "an agent of kind text needs `model: { file: ... }`");
    }
    TRY(check_outputs(manifest, err));
    struct agent *agent = memory_new(1, sizeof(*agent));
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    agent->manifest = manifest;
    const status opened = text_model_open(manifest->model_file.bytes, &agent->model, err);
    if (opened != STATUS_OK) {
        close_classifier(agent);
        return opened;
    }
    *out_agent = agent;
    return STATUS_OK;
}

static struct value score_value(double chance) {
    return value_of_real(round(chance * DIGITS) / DIGITS);
}

/* Names are copied: the output may outlive the agent. */
static bool list_scores(const struct text_model *model, const double *chances, struct arena *arena,
                        struct value *out_scores) {
    const uint32_t labels = text_model_labels(model);
    struct member *each = value_new_object(arena, labels, out_scores);
    bool whole = each != NULL;
    for (uint32_t i = 0; whole && i < labels; i++) {
        const struct slice name = arena_copy(arena, text_model_label(model, i));
        each[i] = (struct member){.name = name, .value = score_value(chances[i])};
        whole = name.bytes != NULL;
    }
    return whole;
}

/* The outputs that the manifest names, or all of them when it names none. */
static status write_answer(const struct agent *agent, uint32_t best, const double *chances,
                           struct agent_call *call) {
    struct value scores = {0};
    struct value answer = {0};
    struct member *given = value_new_object(call->arena, 3, &answer);
    if (given == NULL || !list_scores(agent->model, chances, call->arena, &scores)) {
        return fail(&call->error, STATUS_NO_MEMORY, "no memory for the answer");
    }
    const struct member all[] = {
        {SLICE("label"), value_of_text(scores.members[best].name)},
        {SLICE("score"), scores.members[best].value},
        {SLICE("scores"), scores},
    };
    const struct field_set *outputs = &agent->manifest->outputs;
    answer.count = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (outputs->open || field_find(outputs, all[i].name) != NULL) {
            given[answer.count++] = all[i];
        }
    }
    return agent_take_output(agent->manifest, call, answer);
}

static status classify(const struct agent *agent, struct agent_call *call) {
    struct error *err = &call->error;
    if (clock_boot_ns() >= call->deadline_ns) {
        return fail(err, STATUS_TIMEOUT, "the step's time was over before it began");
    }
    const struct value *text = value_get(call->with, SLICE("text"));
    if (text == NULL || text->kind != VALUE_TEXT) {
        return fail(err, STATUS_INVALID, "`text` is %s: a string is wanted",
                    text == NULL ? "missing" : value_kind_name(text->kind));
    }
    /* Not from the arena: that one lives as long as the run, this for some microseconds. */
    void *scratch = memory_resize(NULL, text_model_scratch_bytes(agent->model));
    if (scratch == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to look at the text");
    }
    double chances[TEXT_LABELS_MAX];
    const uint32_t best = text_model_ask(agent->model, value_text(*text), scratch, chances);
    memory_free(scratch);
    return write_answer(agent, best, chances, call);
}

static void run_classifier(struct agent *agent, struct agent_call *call) {
    call->error.code = classify(agent, call);
}

static void requirements(const struct agent *agent, struct agent_requirements *out_requirements) {
    agent_requirements_of(agent->manifest, out_requirements);
    out_requirements->offline_capable = true;
}

const struct agent_kind TEXT_CLASSIFIER_LITE = {
    .name = "text",
    .place = AGENT_ON_WORKER,
    .open = open_classifier,
    .run = run_classifier,
    .close = close_classifier,
    .requirements = requirements,
};
