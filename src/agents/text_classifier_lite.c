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

static status open_classifier(struct loop *loop, const struct agent_manifest *manifest,
                              struct agent **out_agent, struct error *err) {
    (void)loop;
    if (manifest->model_file.count == 0) {
        return fail(err, STATUS_INVALID, "an agent of kind text needs `model: { file: ... }`");
    }
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
static status write_answer(const struct text_model *model, uint32_t best, const double *chances,
                           struct agent_call *call, struct error *err) {
    const uint32_t labels = text_model_labels(model);
    struct value answer;
    struct value scores;
    struct member *members = value_new_object(call->arena, 3, &answer);
    struct member *each = value_new_object(call->arena, labels, &scores);
    if (members == NULL || each == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    for (uint32_t i = 0; i < labels; i++) {
        const struct slice name = arena_copy(call->arena, text_model_label(model, i));
        if (name.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
        }
        each[i] = (struct member){.name = name, .value = score_value(chances[i])};
    }
    members[0] = (struct member){SLICE("label"), value_of_text(each[best].name)};
    members[1] = (struct member){SLICE("score"), each[best].value};
    members[2] = (struct member){SLICE("scores"), scores};
    call->out = answer;
    return STATUS_OK;
}

static status classify(const struct agent *agent, struct agent_call *call, struct error *err) {
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
    return write_answer(agent->model, best, chances, call, err);
}

static void run_classifier(struct agent *agent, struct agent_call *call) {
    call->error.code = classify(agent, call, &call->error);
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
