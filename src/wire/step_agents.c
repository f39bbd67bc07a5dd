// SPDX-License-Identifier: Apache-2.0
// The agents of steps: that they are there, what they take, and what follows from what they are.
#include "wire/workflow_draft.h"

/* What a step with `each` gives, whatever its agent gives for one item. */
static const struct field EACH_FIELDS[] = {
    {.name = {"items", 5}, .type = FIELD_LIST, .of_type = FIELD_ANY},
    {.name = {"errors", 6}, .type = FIELD_LIST, .of_type = FIELD_ANY}};
static const struct field_set EACH_OUTPUTS = {.fields = EACH_FIELDS, .count = 2};

static void resolve(struct workflow_draft *draft, struct step_draft *step) {
    const struct workflow_doors *doors = draft->doors;
    struct error err;
    if (doors == NULL || doors->resolve == NULL || step->agent == NULL) {
        return;
    }
    struct workflow_agent agent = {0};
    const status code =
        doors->resolve(doors->owner, step->step.agent, step->step.agent_range, &agent, &err);
    step->inputs = agent.inputs;
    step->outputs = step->step.each != NULL ? &EACH_OUTPUTS : agent.outputs;
    step->step.agent_pinned = agent.pinned;
    step->actuator = agent.actuator;
    step->carries = agent.carries;
    if (code == STATUS_NO_MEMORY) {
        draft->reading.faults->no_memory = true;
    } else if (code != STATUS_OK) {
        faults_add(draft->reading.faults, step->agent->place, "%s", err.text);
    }
}

static void check_member(struct workflow_draft *draft, const struct step_draft *step,
                         const struct yaml_pair *pair) {
    const struct field *field = field_find(step->inputs, pair->key);
    if (field != NULL) {
        promise_check(draft, field, step->step.with, pair);
        return;
    }
    if (step->inputs->open) {
        return;
    }
    faults_add(draft->reading.faults, pair->key_place, "agent `%.*s` has no input `%.*s`%s",
               QUOTED(step->step.agent), QUOTED(pair->key),
               fault_hint(field_nearest(step->inputs, pair->key)).text);
}

static void check_with(struct workflow_draft *draft, const struct step_draft *step) {
    const struct yaml *with = step->with;
    if (step->inputs == NULL || (with != NULL && with->kind != YAML_MAP)) {
        return;
    }
    for (uint32_t i = 0; with != NULL && step->step.with != NULL && i < with->count; i++) {
        check_member(draft, step, &with->pairs[i]);
    }
    for (uint32_t i = 0; i < step->inputs->count; i++) {
        const struct field *field = &step->inputs->fields[i];
        if (field->optional || field->has_default ||
            (step->state != NULL && slice_is(field->name, "state")) ||
            (with != NULL && yaml_get(with, field->name.bytes) != NULL)) {
            continue;
        }
        faults_add(draft->reading.faults, with != NULL ? with->place : step->agent->place,
                   "agent `%.*s` needs the input `%.*s` under `with`", QUOTED(step->step.agent),
                   QUOTED(field->name));
    }
}

/* What stands in for an output is read like one. */
static void check_use(struct workflow_draft *draft, const struct step_draft *step) {
    const struct yaml *on_error = yaml_get(step->node, "on_error");
    const struct yaml *use = on_error != NULL ? yaml_get(on_error, "use") : NULL;
    if (step->outputs == NULL || use == NULL || use->kind != YAML_MAP ||
        step->step.on_error != ON_ERROR_USE) {
        return;
    }
    for (uint32_t i = 0; i < use->count; i++) {
        const struct yaml_pair *pair = &use->pairs[i];
        const struct field *field = field_find(step->outputs, pair->key);
        if (field != NULL) {
            promise_check_constant(draft, field, &pair->value);
        } else if (!step->outputs->open) {
            draft_say_no_output(draft, step, step->outputs, pair->key, pair->key_place);
        }
    }
}

/* What must not be done twice, or late, needs a journal that says it was begun. */
static void check_repeat(struct workflow_draft *draft, struct step_draft *step) {
    struct faults *faults = draft->reading.faults;
    const bool journalled = draft->workflow->runs.mode == DURABILITY_EACH;
    if (step->repeat == NULL && step->actuator) {
        step->step.repeat_never = true;
    }
    if (step->step.repeat_never && !journalled && step->repeat != NULL) {
        faults_add(faults, step->repeat->place,
                   "`repeat: never` needs `durability: { runs: each }`, so that it is on disk "
                   "that the step began");
    } else if (step->step.repeat_never && !journalled) {
        faults_add(faults, step->agent->place,
                   "agent `%.*s` acts on the outside, so its step is `repeat: never`, which needs "
                   "`durability: { runs: each }`; or say `repeat: safe`",
                   QUOTED(step->step.agent));
    }
    if (step->step.repeat_never && step->step.attempts > 1) {
        faults_add(faults, step->retry->place,
                   "a step that is `repeat: never` is not tried again: leave `retry` out, or say "
                   "`repeat: safe`");
    }
    if (step->expires != NULL && !journalled) {
        faults_add(faults, step->expires->place,
                   "`expires` needs `durability: { runs: each }`, so that it is on disk that the "
                   "step began");
    }
}

void step_agents_check(struct workflow_draft *draft) {
    for (uint32_t i = 0; i < draft->step_count; i++) {
        resolve(draft, &draft->steps[i]);
    }
    for (uint32_t i = 0; i < draft->step_count; i++) {
        struct step_draft *step = &draft->steps[i];
        check_with(draft, step);
        check_use(draft, step);
        check_repeat(draft, step);
    }
}
