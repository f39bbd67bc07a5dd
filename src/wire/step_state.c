// SPDX-License-Identifier: Apache-2.0
// What steps remember from one event of a key to the next: the keys of `state:`, and what they mean
// for the order of runs.
#include "wire/workflow_draft.h"

enum { MAX_KEYS_DEFAULT = 1000 };

static const int64_t TTL_MS_MAX = INT64_C(3660) * 24 * 3600 * 1000;

static void read_by(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct step_draft *draft = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a value such as ${ .event.key }", node, &text)) {
        return;
    }
    draft->by = node;
    draft_read_template(reading, key, node, &draft->step);
}

static void read_ttl(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    struct step_draft *draft = target;
    struct key span = *key;
    span.most = TTL_MS_MAX;
    keys_read_span(reading, &span, node, &draft->step);
}

static void read_max_keys(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct step_draft *draft = target;
    keys_read_count(reading, key, node, &draft->step);
}

static const char *const KEEPS[] = {"memory", NULL};

static void read_keep(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct step_draft *draft = target;
    struct slice text;
    if (keys_scalar(reading, key->name, "`memory`", node, &text)) {
        draft->step.state.in_memory = keys_word(reading, key->name, KEEPS, text, node->place) == 0;
    }
}

static const struct key STATE_KEYS[] = {
    {.name = "by",
     .state = KEY_REQUIRED,
     .read = read_by,
     .offset = offsetof(struct step, state.by),
     .help = "Whose state it is: a value of the event, such as ${ .event.key }.",
     .form = FORM_TEXT},
    {.name = "ttl",
     .read = read_ttl,
     .offset = offsetof(struct step, state.ttl_ms),
     .least = 1,
     .help = "How long after its last event a key is remembered; for ever.",
     .form = FORM_SPAN},
    {.name = "max_keys",
     .read = read_max_keys,
     .offset = offsetof(struct step, state.max_keys),
     .least = 1,
     .most = STATE_KEYS_MAX,
     .help = "How many keys are remembered; the one that had no event for longest goes. 1000.",
     .form = FORM_NUMBER},
    {.name = "keep",
     .read = read_keep,
     .help = "memory: it is never written to disk, and is gone with the process.",
     .words = KEEPS},
    {0}};

const struct key_table STATE_TABLE = {
    .what = "`state`", .example = "{ by: \"${ .event.key }\", ttl: 30d }", .keys = STATE_KEYS};

void step_state_read(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    (void)key;
    struct step_draft *draft = target;
    draft->state = node;
    draft->step.state.max_keys = MAX_KEYS_DEFAULT;
    (void)keys_read(reading, &STATE_TABLE, node, draft);
}

/* A key is wanted before a run begins, where no other process is asked. */
static void refuse_jq(void *owner, const struct expression *expression) {
    struct workflow_draft *draft = owner;
    if (expression != NULL && !expression_is_native(expression)) {
        faults_add(draft->reading.faults, expression_place(expression),
                   "`by` is evaluated before a run begins, without jq: paths, `//` and text with "
                   "marks, such as ${ .event.data.site }/${ .event.data.room }");
    }
}

/* An agent says by its manifest that it keeps state, or it has an own kind of it. */
static void check_agent(struct workflow_draft *draft, const struct step_draft *step) {
    struct faults *faults = draft->reading.faults;
    if (step->inputs == NULL || step->outputs == NULL || step->carries) {
        return;
    }
    const struct field *input = field_find(step->inputs, SLICE("state"));
    const struct field *output = field_find(step->outputs, SLICE("state"));
    if ((input == NULL && !step->inputs->open) || (output == NULL && !step->outputs->open)) {
        faults_add(faults, step->state->place,
                   "agent `%.*s` keeps no state: one that does names `state` under `inputs` and "
                   "`outputs`",
                   QUOTED(step->step.agent));
    } else if (input != NULL && !input->optional && !input->has_default) {
        faults_add(faults, step->state->place,
                   "agent `%.*s` must do without its input `state`, which the first event of a key "
                   "does not have: `optional: true`, or a `default`",
                   QUOTED(step->step.agent));
    }
    if (step->with != NULL && step->with->kind == YAML_MAP &&
        yaml_get(step->with, "state") != NULL) {
        faults_add(faults, yaml_get(step->with, "state")->place,
                   "`state` is given to the agent by ebb, since the step has `state`");
    }
}

static void check_same_key(struct workflow_draft *draft, const struct step_draft *step,
                           const struct step_draft *first) {
    if (step->by == NULL || first->by == NULL ||
        slice_equal(slice_trim(step->by->text), slice_trim(first->by->text))) {
        return;
    }
    faults_add(draft->reading.faults, step->by->place,
               "the states of a workflow have one `by`, since one event of a key is taken at a "
               "time: step `%.*s`, line %d, has `%.*s`",
               QUOTED(first->step.id), first->by->place.line, QUOTED(slice_trim(first->by->text)));
}

bool draft_gives_key(const struct workflow_draft *draft) {
    bool given = draft->triggers_unsure || draft->trigger_count == 0;
    for (uint32_t i = 0; i < draft->trigger_count; i++) {
        given = given || draft->triggers[i].event.key != NULL;
    }
    return given;
}

/* ${ .event.key }, which `order: key` stands for. */
static const struct template *event_key(struct workflow_draft *draft) {
    const struct yaml node = {.kind = YAML_SCALAR, .text = SLICE("${ .event.key }")};
    const struct template *template = NULL;
    struct place place;
    if (template_compile(draft->reading.arena, &node, &template, &place, NULL) != STATUS_OK) {
        draft->reading.faults->no_memory = true;
    }
    return template;
}

/* Unless it is said, state is written with each run's end, and not more often than results are. */
static void settle_durability(struct workflow_draft *draft) {
    const struct yaml *durability = yaml_get(draft->root, "durability");
    const bool given =
        durability != NULL && durability->kind == YAML_MAP && yaml_get(durability, "state") != NULL;
    struct workflow *workflow = draft->workflow;
    if (!given && workflow->results_durability.mode == DURABILITY_INTERVAL) {
        workflow->state_durability = workflow->results_durability;
    }
}

void step_states_check(struct workflow_draft *draft) {
    const struct step_draft *first = NULL;
    for (uint32_t i = 0; i < draft->step_count; i++) {
        const struct step_draft *step = &draft->steps[i];
        if (step->state == NULL) {
            if (step->carries) {
                faults_add(draft->reading.faults, step->agent->place,
                           "the model of agent `%.*s` carries its state from one event to the "
                           "next: the step needs `state: { by: ... }`, which says whose",
                           QUOTED(step->step.agent));
            }
            continue;
        }
        check_agent(draft, step);
        if (step->step.state.by != NULL) {
            template_visit(step->step.state.by, refuse_jq, draft);
        }
        if (first == NULL) {
            first = step;
            draft->workflow->order_by = step->step.state.by;
        } else {
            check_same_key(draft, step, first);
        }
    }
    if (first == NULL && draft->workflow->queue.by_key) {
        draft->workflow->order_by = event_key(draft);
        if (!draft_gives_key(draft)) {
            faults_warn(draft->reading.faults, draft->queue_order->place,
                        "`order: key`, but no trigger gives a key, which takes `event: { key: ... "
                        "}`: without one events wait for nobody");
        }
    }
    settle_durability(draft);
}
