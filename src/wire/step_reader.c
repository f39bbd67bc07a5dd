// SPDX-License-Identifier: Apache-2.0
// Steps: their keys, retries and what happens on an error.
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "wire/workflow_draft.h"

enum { ATTEMPTS_MAX = 100, TIMEOUT_MS_MAX = 24 * 3600 * 1000, BACKOFF_MS_DEFAULT = 200 };

static const unsigned RETRY_ON_DEFAULT = CLASS_TIMEOUT | CLASS_CRASH | CLASS_BUSY;

static void read_id(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct step_draft *draft = target;
    struct slice id;
    if (!keys_scalar(reading, key->name, "a name such as classify", node, &id)) {
        return;
    }
    if (!text_is_field(id)) {
        keys_say_name(reading, key->name, '_', id, node->place);
    }
    draft->step.id = arena_copy(reading->arena, id);
    reading->faults->no_memory |= draft->step.id.bytes == NULL;
}

/* "^1", "~1.2", ">=1.2", "1.2.0" or "*", as agent_version_in takes it. */
static bool is_range(struct slice range) {
    if (slice_is(range, "*")) {
        return true;
    }
    size_t at = 0;
    if (slice_starts(range, ">=")) {
        at = 2;
    } else if (slice_starts(range, "^") || slice_starts(range, "~")) {
        at = 1;
    }
    int numbers = 0;
    bool in_number = false;
    for (; at < range.count; at++) {
        const char c = range.bytes[at];
        if (c >= '0' && c <= '9') {
            numbers += in_number ? 0 : 1;
            in_number = true;
        } else if (c == '.' && in_number) {
            in_number = false;
        } else {
            return false;
        }
    }
    return in_number && numbers <= 3;
}

static void read_agent(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct step_draft *draft = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "an agent such as spam-lite@^1", node, &text)) {
        return;
    }
    const size_t at = slice_find(text, '@');
    const struct slice name = slice_part(text, 0, at);
    const struct slice range = slice_part(text, at + 1, text.count);
    if (!text_is_name(name)) {
        keys_say_name(reading, key->name, '-', name, node->place);
        return;
    }
    if (at < text.count && !is_range(range)) {
        faults_add(reading->faults, node->place,
                   "`agent: %.*s`: behind @ stands a version such as ^1, ~1.2, >=1.2 or 1.2.0",
                   QUOTED(text));
        return;
    }
    draft->agent = node;
    draft->step.agent = arena_copy(reading->arena, name);
    draft->step.agent_range = arena_copy(reading->arena, range);
    reading->faults->no_memory |=
        draft->step.agent.bytes == NULL || draft->step.agent_range.bytes == NULL;
}

static void read_when(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct step_draft *draft = target;
    draft_read_condition(reading, key, node, &draft->step);
}

static void read_with(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct step_draft *draft = target;
    if (yaml_is_null(node)) {
        return;
    }
    const bool text = node->kind == YAML_SCALAR && !slice_starts(node->text, "${");
    if (node->kind == YAML_LIST || text) {
        faults_add(reading->faults, node->place, "`with` is a map of the agent's inputs, not %s",
                   yaml_what(node));
        return;
    }
    draft->with = node;
    draft_read_template(reading, key, node, &draft->step);
}

static void read_each(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct step_draft *draft = target;
    const bool text = node->kind == YAML_SCALAR && !slice_starts(node->text, "${");
    if (text || node->kind == YAML_MAP) {
        faults_add(reading->faults, node->place,
                   "`each` is a list, such as ${ .steps.detect.objects }, not %s", yaml_what(node));
        return;
    }
    draft_read_template(reading, key, node, &draft->step);
}

static void read_each_count(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    struct step_draft *draft = target;
    if (draft->step.each == NULL && yaml_get(draft->node, "each") == NULL) {
        faults_add(reading->faults, node->place, "`%s` of a step goes with `each`", key->name);
        return;
    }
    keys_read_count(reading, key, node, &draft->step);
}

static void read_needs(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct step_draft *draft = target;
    if (node->kind == YAML_MAP) {
        faults_add(reading->faults, node->place,
                   "`%s` of hardware is not in this version of ebb: here it lists steps",
                   key->name);
        return;
    }
    if (node->kind != YAML_LIST) {
        faults_add(reading->faults, node->place, "`needs` is a list of steps: [%.*s]",
                   QUOTED(node->text));
        return;
    }
    draft->needs = node;
}

static void read_timeout(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct step_draft *draft = target;
    keys_read_span(reading, key, node, &draft->step);
}

static void read_expires(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct step_draft *draft = target;
    draft->expires = node;
    keys_read_span(reading, key, node, &draft->step);
}

const char *error_class_name(unsigned class_bit) {
    static const char *const NAMES[] = {"timeout", "crash",  "invalid", "offline",
                                        "busy",    "denied", "full"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (class_bit == 1U << i) {
            return NAMES[i];
        }
    }
    return "crash";
}

unsigned error_class_of(status code) {
    switch (code) {
    case STATUS_TIMEOUT:
        return CLASS_TIMEOUT;
    case STATUS_INVALID:
    case STATUS_NOT_FOUND:
        return CLASS_INVALID;
    case STATUS_OFFLINE:
        return CLASS_OFFLINE;
    case STATUS_BUSY:
    case STATUS_CONFLICT:
        return CLASS_BUSY;
    case STATUS_DENIED:
        return CLASS_DENIED;
    case STATUS_FULL:
        return CLASS_FULL;
    default:
        return CLASS_CRASH;
    }
}

/* In the order of the bits of enum error_class. */
static const char *const CLASSES[] = {"timeout", "crash",  "invalid", "offline",
                                      "busy",    "denied", "full",    NULL};

static void read_retry_on(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct step *step = target;
    if (node->kind != YAML_LIST || node->count == 0) {
        faults_add(reading->faults, node->place,
                   "`on` is a list of error classes such as [timeout, crash]");
        return;
    }
    unsigned classes = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        struct slice word;
        if (keys_scalar(reading, key->name, "an error class", &node->items[i], &word)) {
            const int bit = keys_word(reading, key->name, CLASSES, word, node->items[i].place);
            classes |= bit >= 0 ? 1U << bit : 0;
        }
    }
    step->retry_on = classes;
}

static const struct key RETRY_KEYS[] = {
    {.name = "attempts",
     .state = KEY_REQUIRED,
     .read = keys_read_count,
     .offset = offsetof(struct step, attempts),
     .least = 1,
     .most = ATTEMPTS_MAX,
     .help = "How often it is tried, the first time included."},
    {.name = "backoff",
     .read = keys_read_span,
     .offset = offsetof(struct step, backoff_ms),
     .most = TIMEOUT_MS_MAX,
     .help = "How long to wait before the second try; then twice as long, and so on. 200ms."},
    {.name = "on",
     .read = read_retry_on,
     .help = "Which errors are worth another try; timeout, crash and busy.",
     .form = FORM_WORDS,
     .words = CLASSES},
    {0}};

const struct key_table RETRY_TABLE = {
    .what = "`retry`", .example = "{ attempts: 3, backoff: 200ms }", .keys = RETRY_KEYS};

static void read_retry(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    (void)key;
    struct step_draft *draft = target;
    draft->retry = node;
    (void)keys_read(reading, &RETRY_TABLE, node, &draft->step);
}

static const char *const REPEATS[] = {"safe", "never", NULL};
static const char *const SKIPS[] = {"step", "run", NULL};
static const char *const FAILS[] = {"fail", NULL};

static void read_repeat(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct step_draft *draft = target;
    struct slice word;
    draft->repeat = node;
    if (keys_scalar(reading, key->name, "`never` or `safe`", node, &word)) {
        draft->step.repeat_never = keys_word(reading, key->name, REPEATS, word, node->place) == 1;
    }
}

static void read_skip(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct step_draft *draft = target;
    struct slice word;
    if (keys_scalar(reading, key->name, "`step` or `run`", node, &word)) {
        const int what = keys_word(reading, key->name, SKIPS, word, node->place);
        draft->step.on_error = what == 1 ? ON_ERROR_SKIP_RUN : ON_ERROR_SKIP_STEP;
    }
}

static void read_use(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    struct step_draft *draft = target;
    const struct template *template = NULL;
    const struct key value = {.name = key->name};
    draft->step.on_error = ON_ERROR_USE;
    draft_read_template(reading, &value, node, (void *)&template);
    if (template == NULL) {
        return;
    }
    if (!template_is_literal(template)) {
        faults_add(reading->faults, node->place,
                   "an expression in `use` is not in this version of ebb");
    } else if (!template_shape(template, reading->arena, &draft->step.use)) {
        reading->faults->no_memory = true;
    }
}

static void read_other(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct step_draft *draft = target;
    if (keys_scalar(reading, key->name, "the id of a step", node, &draft->other_id)) {
        draft->other_place = node->place;
        draft->step.on_error = ON_ERROR_STEP;
    }
}

static const struct key ON_ERROR_KEYS[] = {
    {.name = "skip",
     .read = read_skip,
     .help = "step: its output is null and the run goes on; run: the run ends without results.",
     .words = SKIPS},
    {.name = "use",
     .read = read_use,
     .help = "This value is its output instead.",
     .form = FORM_ANYTHING},
    {.name = "step",
     .read = read_other,
     .help = "The id of the step that runs in its place.",
     .form = FORM_FIELD_NAME},
    {0}};

static const struct key_table ON_ERROR_TABLE = {.what = "`on_error`", .keys = ON_ERROR_KEYS};

static void read_on_error(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    (void)key;
    struct step_draft *draft = target;
    draft->step.on_error_given = true;
    if (node->kind == YAML_SCALAR && slice_is(node->text, "fail")) {
        return;
    }
    if (node->kind != YAML_MAP || node->count != 1) {
        faults_add(reading->faults, node->place,
                   "`on_error` is fail, { skip: step }, { skip: run }, { use: VALUE } or "
                   "{ step: ID }");
        return;
    }
    (void)keys_read(reading, &ON_ERROR_TABLE, node, draft);
}

static const struct key STEP_KEYS[] = {
    {.name = "id",
     .state = KEY_REQUIRED,
     .read = read_id,
     .help = "Its name in this workflow; expressions read its output as .steps.ID.",
     .form = FORM_FIELD_NAME},
    {.name = "agent",
     .read = read_agent,
     .help = "The agent that is called, with a version where it matters: spam-lite@^1.",
     .form = FORM_TEXT},
    {.name = "with",
     .read = read_with,
     .offset = offsetof(struct step, with),
     .help = "The agent's inputs: values, or expressions in ${ }.",
     .form = FORM_MAP},
    {.name = "when",
     .read = read_when,
     .offset = offsetof(struct step, when),
     .help = "An expression; the step is skipped when it is false.",
     .form = FORM_TEXT},
    {.name = "needs",
     .read = read_needs,
     .help = "The steps that must have ended before it.",
     .form = FORM_TEXTS},
    {.name = "timeout",
     .read = read_timeout,
     .offset = offsetof(struct step, timeout_ms),
     .least = 1,
     .most = TIMEOUT_MS_MAX,
     .help = "How long one call may take; 30s.",
     .form = FORM_SPAN},
    {.name = "retry",
     .read = read_retry,
     .help = "Whether and when a failed call is tried again.",
     .form = FORM_KEYS,
     .table = &RETRY_TABLE},
    {.name = "on_error",
     .read = read_on_error,
     .help = "What happens when it fails for good: fail, or skip, use or step.",
     .form = FORM_WORD_OR_KEYS,
     .words = FAILS,
     .table = &ON_ERROR_TABLE},
    {.name = "repeat",
     .read = read_repeat,
     .help = "never: it acts on the world, and what was begun is not begun again after a crash.",
     .words = REPEATS},
    {.name = "expires",
     .read = read_expires,
     .offset = offsetof(struct step, expires_ms),
     .least = 1,
     .help = "How long after the event it may still begin.",
     .form = FORM_SPAN},
    {.name = "each",
     .read = read_each,
     .offset = offsetof(struct step, each),
     .help = "A list: the agent is called once for each item, which `with` sees as .item.",
     .form = FORM_TEXT},
    {.name = "max",
     .read = read_each_count,
     .offset = offsetof(struct step, each_max),
     .least = 1,
     .most = EACH_MAX,
     .help = "How many items `each` may have; 100.",
     .form = FORM_NUMBER},
    {.name = "concurrency",
     .read = read_each_count,
     .offset = offsetof(struct step, each_concurrency),
     .least = 1,
     .most = EACH_CONCURRENCY_MAX,
     .help = "How many calls of `each` may be under way at once; 1.",
     .form = FORM_NUMBER},
    {.name = "state",
     .read = step_state_read,
     .help = "What its agent remembers from one event of a key to the next.",
     .form = FORM_KEYS,
     .table = &STATE_TABLE},
    {.name = "offload", .state = KEY_RESERVED},
    {.name = "place", .state = KEY_RESERVED},
    {.name = "limit", .state = KEY_RESERVED},
    {.name = "variant", .state = KEY_RESERVED},
    {.name = "workflow", .state = KEY_RESERVED},
    {0}};

static const struct key_table *const OTHERS[] = {&RETRY_TABLE,    &STATE_TABLE,   &RESULT_TABLE,
                                                 &WORKFLOW_TABLE, &TRIGGER_TABLE, NULL};

const struct key_table STEP_TABLE = {.what = "a step",
                                     .example = "{ id: classify, agent: spam-lite@^1 }",
                                     .keys = STEP_KEYS,
                                     .others = OTHERS};

static void read_step(struct workflow_draft *draft, const struct yaml *node) {
    struct reading *reading = &draft->reading;
    struct step_draft one = {.node = node,
                             .step = {.place = node->place,
                                      .each_max = EACH_DEFAULT,
                                      .each_concurrency = 1,
                                      .timeout_ms = STEP_TIMEOUT_MS_DEFAULT,
                                      .attempts = 1,
                                      .backoff_ms = BACKOFF_MS_DEFAULT,
                                      .retry_on = RETRY_ON_DEFAULT}};
    if (!keys_read(reading, &STEP_TABLE, node, &one)) {
        return;
    }
    if (yaml_get(node, "agent") == NULL && yaml_get(node, "workflow") == NULL) {
        faults_add(reading->faults, node->place, "a step needs `agent`");
    }
    const struct yaml *state = yaml_get(node, "state");
    if (state != NULL && yaml_get(node, "each") != NULL) {
        faults_add(reading->faults, state->place,
                   "a step with `each` has no `state`: the calls of one event would share it");
    }
    uint32_t twin;
    if (draft_find_step(draft, one.step.id, &twin)) {
        faults_add(reading->faults, yaml_get(node, "id")->place,
                   "two steps are called `%.*s`: the other stands in line %d", QUOTED(one.step.id),
                   draft->steps[twin].step.place.line);
    }
    draft->steps[draft->step_count++] = one;
}

void steps_read(struct reading *reading, const struct key *key, const struct yaml *node,
                void *target) {
    (void)key;
    (void)target;
    struct workflow_draft *draft = draft_of(reading);
    if (node->kind != YAML_LIST) {
        faults_add(reading->faults, node->place, "`steps` is a list of steps, not %s",
                   yaml_what(node));
        return;
    }
    if (node->count > WORKFLOW_STEPS_MAX) {
        faults_add(reading->faults, node->place, "%u steps: at most %d", (unsigned)node->count,
                   WORKFLOW_STEPS_MAX);
        return;
    }
    draft->steps = draft_scratch(draft, node->count, sizeof(*draft->steps));
    for (uint32_t i = 0; i < node->count && draft->steps != NULL; i++) {
        read_step(draft, &node->items[i]);
    }
}
