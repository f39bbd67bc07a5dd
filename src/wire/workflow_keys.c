// SPDX-License-Identifier: Apache-2.0
// The keys of the whole file, and what says which kind and version of file it is.
#include "base/time.h"
#include "wire/schema.h"
#include "wire/workflow_draft.h"

enum { CONCURRENCY_MAX = 256, INTERVAL_MS_MAX = 3600 * 1000 };

static const char *const LEVELS[] = {"none", "each", NULL};

static void read_durability_level(struct reading *reading, const struct key *key,
                                  const struct yaml *node, void *target) {
    struct durability *level = (struct durability *)(void *)((char *)target + key->offset);
    struct slice text;
    int64_t ms;
    if (!keys_scalar(reading, key->name, "none, each or a span such as 1s", node, &text)) {
        return;
    }
    const bool spoken = text.count > 0 && text.bytes[0] >= 'a';
    if (!spoken) {
        const struct key span = {.name = key->name,
                                 .offset = offsetof(struct durability, interval_ms),
                                 .least = 1,
                                 .most = INTERVAL_MS_MAX};
        keys_read_span(reading, &span, node, level);
        level->mode = time_read_span(text, &ms) ? DURABILITY_INTERVAL : level->mode;
        return;
    }
    const int word = keys_word(reading, key->name, LEVELS, text, node->place);
    if (word >= 0) {
        level->mode = word == 0 ? DURABILITY_NONE : DURABILITY_EACH;
    }
}

static const struct key DURABILITY_KEYS[] = {
    {.name = "runs",
     .read = read_durability_level,
     .offset = offsetof(struct workflow, runs),
     .help =
         "Whether a run under way is on disk: none, or each, which brings it back after a power "
         "cut.",
     .form = FORM_SPAN,
     .words = LEVELS},
    {.name = "results",
     .read = read_durability_level,
     .offset = offsetof(struct workflow, results_durability),
     .help = "When a result is committed: each at once, or within a span such as 1s.",
     .form = FORM_SPAN,
     .words = LEVELS},
    {.name = "state",
     .read = read_durability_level,
     .offset = offsetof(struct workflow, state_durability),
     .help = "When what steps remember is written: each with its run's end, at most once in a span "
             "such as 5s, or none: it stays in memory.",
     .form = FORM_SPAN,
     .words = LEVELS},
    {0}};

static const struct key_table DURABILITY_TABLE = {
    .what = "`durability`", .example = "{ runs: each, results: each }", .keys = DURABILITY_KEYS};

static void read_durability(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    (void)key;
    (void)keys_read(reading, &DURABILITY_TABLE, node, target);
}

static const struct key WORKFLOW_KEYS[] = {
    {.name = "ebb",
     .help = "The version of the format: 1, in the first line.",
     .form = FORM_VERSION},
    {.name = "workflow",
     .state = KEY_REQUIRED,
     .read = keys_read_name,
     .offset = offsetof(struct workflow, name),
     .help = "Its name: small letters, digits and -."},
    {.name = "summary",
     .read = keys_read_text,
     .offset = offsetof(struct workflow, summary),
     .help = "A sentence for people."},
    {.name = "trigger",
     .state = KEY_REQUIRED,
     .read = triggers_read,
     .help = "Where events come from: a trigger, or a list of them.",
     .form = FORM_MAP_OR_MAPS,
     .table = &TRIGGER_TABLE},
    {.name = "params",
     .read = params_read,
     .help = "What a device may set: names with a type, a default and bounds; $params in "
             "expressions.",
     .form = FORM_NAMED_MAPS,
     .table = &PARAM_TABLE},
    {.name = "let",
     .read = lets_read,
     .help = "Names for values, each evaluated when it is first used: $name in expressions.",
     .form = FORM_MAP},
    {.name = "steps",
     .read = steps_read,
     .help = "What is done with an event: agents, in the order of what needs what.",
     .form = FORM_MAPS,
     .table = &STEP_TABLE},
    {.name = "results",
     .read = results_read,
     .help = "What comes out of a run and is kept until it is sent.",
     .form = FORM_MAPS,
     .table = &RESULT_TABLE},
    {.name = "concurrency",
     .read = keys_read_count,
     .offset = offsetof(struct workflow, concurrency),
     .least = 1,
     .most = CONCURRENCY_MAX,
     .help = "How many runs may be under way at once; 1."},
    {.name = "durability",
     .read = read_durability,
     .help = "What a power cut may not take.",
     .form = FORM_KEYS,
     .table = &DURABILITY_TABLE},
    {.name = "deadline",
     .read = keys_read_span,
     .offset = offsetof(struct workflow, deadline_ms),
     .least = 1,
     .help = "How long after its event a run may still act; later it ends."},
    {.name = "privacy",
     .read = privacy_read,
     .help = "What never leaves the device.",
     .form = FORM_KEYS,
     .table = &PRIVACY_TABLE},
    {.name = "inputs", .state = KEY_RESERVED},
    {.name = "segments", .state = KEY_RESERVED},
    {.name = "degrade", .state = KEY_RESERVED},
    {.name = "needs", .state = KEY_RESERVED},
    {.name = "place", .state = KEY_RESERVED},
    {.name = "docs", .state = KEY_RESERVED},
    {.name = "templates", .state = KEY_RESERVED},
    {0}};

static const struct key_table *const OTHERS[] = {&TRIGGER_TABLE, &STEP_TABLE, &RESULT_TABLE, NULL};

const struct key_table WORKFLOW_TABLE = {
    .what = "a workflow", .keys = WORKFLOW_KEYS, .others = OTHERS};

void workflow_schema(struct buffer *out) {
    schema_write(&WORKFLOW_TABLE, "a workflow of ebb", SLICE(""), out);
}

/* The other kinds of file that begin with `ebb: 1`. */
static bool is_other_kind(struct workflow_draft *draft, const struct yaml *root) {
    static const struct {
        const char *key, *what;
    } KINDS[] = {{"agent", "an agent's manifest"}, {"test", "a test"}, {"device", "a device file"}};
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (yaml_get(root, "workflow") == NULL && yaml_get(root, KINDS[i].key) != NULL) {
            faults_add(draft->reading.faults, root->place,
                       "this is %s (`%s:`), not a workflow (`workflow:`)", KINDS[i].what,
                       KINDS[i].key);
            return true;
        }
    }
    return false;
}

static bool is_digits(struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
    }
    return text.count > 0;
}

/* False when the file is of a version that this ebb does not know. */
static bool read_version(struct workflow_draft *draft, const struct yaml *root) {
    struct faults *faults = draft->reading.faults;
    const struct yaml *version = yaml_get(root, "ebb");
    if (version == NULL) {
        faults_add(faults, root->place, "the first line of the file is `ebb: 1`");
        return true;
    }
    if (!slice_is(root->pairs[0].key, "ebb")) {
        for (uint32_t i = 0; i < root->count; i++) {
            if (slice_is(root->pairs[i].key, "ebb")) {
                faults_add(faults, root->pairs[i].key_place, "`ebb` is the first key of the file");
            }
        }
    }
    if (version->kind == YAML_SCALAR && !version->quoted && slice_is(version->text, "1")) {
        return true;
    }
    if (version->kind == YAML_SCALAR && !version->quoted && is_digits(version->text)) {
        faults_add(faults, version->place,
                   "`ebb: %.*s`: this ebb knows version 1 of the format: a newer ebb is needed",
                   QUOTED(version->text));
        return false;
    }
    faults_add(faults, version->place, "`ebb` is the version of the format, the number 1");
    return true;
}

static bool says_nothing(const struct yaml *root, const char *key) {
    const struct yaml *list = yaml_get(root, key);
    return list == NULL || (list->kind == YAML_LIST && list->count == 0);
}

bool workflow_keys_read(struct workflow_draft *draft) {
    const struct yaml *root = draft->root;
    if (root->kind != YAML_MAP || root->count == 0) {
        faults_add(draft->reading.faults, root->place,
                   "a workflow file is a map that begins with `ebb: 1`, not %s", yaml_what(root));
        return false;
    }
    if (is_other_kind(draft, root) || !read_version(draft, root)) {
        return false;
    }
    (void)keys_read(&draft->reading, &WORKFLOW_TABLE, root, draft->workflow);
    if (says_nothing(root, "steps") && says_nothing(root, "results") &&
        says_nothing(root, "segments")) {
        faults_add(draft->reading.faults, root->place, "a workflow needs `steps` or `results`");
    }
    return true;
}
