// SPDX-License-Identifier: Apache-2.0
// Results and lets.
#include <string.h>

#include "base/text.h"
#include "wire/workflow_draft.h"

enum { PRIORITY_DEFAULT = 1 };

static const int64_t KEEP_MS_DEFAULT = INT64_C(7) * 24 * 3600 * 1000;

static void read_from(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    if (yaml_is_null(node)) {
        faults_add(reading->faults, node->place, "`from` is a map of fields, not nothing");
        return;
    }
    draft_read_template(reading, key, measures_read(reading, node, target), target);
}

static void read_result_key(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    struct slice text;
    if (keys_scalar(reading, key->name, "a value such as ${ .event.key }", node, &text)) {
        draft_read_template(reading, key, node, target);
    }
}

static const char *const PRIORITIES[] = {"urgent", "high", "normal", "low", NULL};

static void read_priority(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct result_rule *rule = target;
    struct slice text;
    bool clamped = false;
    if (!keys_scalar(reading, key->name, "urgent, high, normal, low or a number from 0 to 9", node,
                     &text)) {
        return;
    }
    if (!priority_read(text, &rule->priority, &clamped)) {
        (void)keys_word(reading, key->name, PRIORITIES, text, node->place);
        return;
    }
    if (clamped) {
        faults_warn(reading->faults, node->place,
                    "`priority: %.*s` is beyond 0 to 9: it counts "
                    "as %d",
                    QUOTED(text), rule->priority);
    }
    rule->lane = lane_of_priority(rule->priority); /* whether it leaves is `to`'s to say */
}

static void read_destination(struct reading *reading, const struct yaml *node,
                             struct target *target) {
    struct slice text, param;
    if (!keys_scalar(reading, "to", "a list of destinations such as [hub]", node, &text)) {
        return;
    }
    target->place = node->place;
    if (draft_names_param(text, &param)) {
        target->param = arena_copy(reading->arena, param);
        reading->faults->no_memory |= target->param.bytes == NULL;
    } else if (slice_starts(text, "${")) {
        faults_add(reading->faults, node->place,
                   "`to` holds names, and ${ $params.NAME } of parameters of type destination");
    } else if (!text_is_name(text)) {
        keys_say_name(reading, "to", '-', text, node->place);
    } else {
        target->name = arena_copy(reading->arena, text);
        reading->faults->no_memory |= target->name.bytes == NULL;
    }
}

static void read_to(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct result_draft *draft = target; /* its rule is first */
    if (node->kind != YAML_LIST || node->count > RESULT_DESTINATIONS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a list of at most %d names: [hub], or [] for what stays here",
                   key->name, RESULT_DESTINATIONS_MAX);
        return;
    }
    draft->targets = draft_scratch(draft_of(reading), node->count, sizeof(*draft->targets));
    for (uint32_t i = 0; draft->targets != NULL && i < node->count; i++) {
        read_destination(reading, &node->items[i], &draft->targets[draft->target_count++]);
    }
}

static const struct key RESULT_KEYS[] = {
    {.name = "name",
     .state = KEY_REQUIRED,
     .read = keys_read_name,
     .offset = offsetof(struct result_rule, name),
     .help = "Its name: small letters, digits and -."},
    {.name = "when",
     .read = draft_read_condition,
     .offset = offsetof(struct result_rule, when),
     .help = "An expression; there is no result when it is false.",
     .form = FORM_TEXT},
    {.name = "from",
     .read = read_from,
     .offset = offsetof(struct result_rule, from),
     .help = "What the result holds: fields, with expressions in ${ }; one may be { value, unit, "
             "digits }.",
     .form = FORM_ANYTHING},
    {.name = "priority",
     .read = read_priority,
     .help = "Which lane it takes: urgent, high, normal or low, or a number from 9 to 0; normal.",
     .form = FORM_NUMBER,
     .words = PRIORITIES},
    {.name = "to",
     .read = read_to,
     .help = "Where it is sent: [hub], names of the device's destinations, or [] for what stays on "
             "this device.",
     .form = FORM_TEXTS},
    {.name = "key",
     .read = read_result_key,
     .offset = offsetof(struct result_rule, key),
     .help = "What it stands for: a newer result of the same key takes its place while it is "
             "unsent.",
     .form = FORM_TEXT},
    {.name = "keep",
     .read = keys_read_span,
     .offset = offsetof(struct result_rule, keep_ms),
     .help = "How long it stays on the device after it was sent; 7d."},
    {.name = "expires",
     .read = keys_read_span,
     .offset = offsetof(struct result_rule, expires_ms),
     .least = 1,
     .help = "How long it is worth sending; unsent after that it becomes a gap."},
    {.name = "attach",
     .read = attachments_read,
     .help = "Blobs that stay with the result: names, each with what it is made from.",
     .form = FORM_NAMED_MAPS,
     .table = &ATTACHMENT_TABLE},
    {.name = "window", .state = KEY_RESERVED},
    {.name = "fold", .state = KEY_RESERVED},
    {.name = "for", .state = KEY_RESERVED},
    {.name = "limit",
     .read = limit_read,
     .help = "How often it may come; those beyond are held back.",
     .form = FORM_KEYS,
     .table = &LIMIT_TABLE},
    {.name = "schema",
     .read = result_schema_read,
     .help = "What `from` must be: fields with types, units and ranges, or the name of a file of "
             "them, NAME.schema.yaml or NAME.schema.json.",
     .form = FORM_FIELDS_FILE,
     .words = FIELD_TYPE_WORDS,
     .table = &FIELD_TABLE},
    {.name = "private",
     .help = "Fields of `from` that stay on this device: { said: drop }.",
     .form = FORM_TEXT_MAP},
    {.name = "amends", .state = KEY_RESERVED},
    {0}};

static const struct key_table *const OTHERS[] = {&STEP_TABLE, &WORKFLOW_TABLE, &TRIGGER_TABLE,
                                                 NULL};

const struct key_table RESULT_TABLE = {.what = "a result",
                                       .example = "{ name: warm, from: ... }",
                                       .keys = RESULT_KEYS,
                                       .others = OTHERS};

static void read_result(struct workflow_draft *draft, const struct yaml *node) {
    struct reading *reading = &draft->reading;
    struct result_draft one = {.node = node,
                               .rule = {.place = node->place,
                                        .priority = PRIORITY_DEFAULT,
                                        .lane = lane_of_priority(PRIORITY_DEFAULT),
                                        .keep_ms = KEEP_MS_DEFAULT}};
    if (!keys_read(reading, &RESULT_TABLE, node, &one)) {
        return;
    }
    if (yaml_get(node, "from") == NULL && yaml_get(node, "fold") == NULL) {
        faults_add(reading->faults, node->place, "a result needs `from`");
    }
    attachments_check(reading, node, &one.rule);
    privates_read(reading, node, &one.rule);
    limit_check(draft, &one);
    for (uint32_t i = 0; i < draft->result_count && one.rule.name.count > 0; i++) {
        const struct result_rule *other = &draft->results[i].rule;
        if (slice_equal(other->name, one.rule.name)) {
            faults_add(reading->faults, yaml_get(node, "name")->place,
                       "two results are called `%.*s`: the other stands in line %d",
                       QUOTED(one.rule.name), other->place.line);
        }
    }
    draft->results[draft->result_count++] = one;
}

void results_read(struct reading *reading, const struct key *key, const struct yaml *node,
                  void *target) {
    (void)key;
    (void)target;
    struct workflow_draft *draft = draft_of(reading);
    if (node->kind != YAML_LIST) {
        faults_add(reading->faults, node->place, "`results` is a list of results, not %s",
                   yaml_what(node));
        return;
    }
    if (node->count > WORKFLOW_RESULTS_MAX) {
        faults_add(reading->faults, node->place, "%u results: at most %d", (unsigned)node->count,
                   WORKFLOW_RESULTS_MAX);
        return;
    }
    draft->results = draft_scratch(draft, node->count, sizeof(*draft->results));
    for (uint32_t i = 0; i < node->count && draft->results != NULL; i++) {
        read_result(draft, &node->items[i]);
    }
}

static bool is_own_variable(struct slice name) {
    return slice_is(name, "params") || slice_is(name, "device") || slice_is(name, "run") ||
           slice_is(name, "name");
}

/* jq reads these as its own, also behind a $. */
static bool is_word_of_jq(struct slice name) {
    static const char *const WORDS[] = {"and",     "as",      "catch", "def",    "elif", "else",
                                        "end",     "foreach", "if",    "import", "in",   "include",
                                        "label",   "module",  "or",    "reduce", "then", "try",
                                        "__loc__", "ENV",     NULL};
    for (size_t i = 0; WORDS[i] != NULL; i++) {
        if (slice_is(name, WORDS[i])) {
            return true;
        }
    }
    return false;
}

static void read_let(struct workflow_draft *draft, const struct yaml_pair *pair) {
    struct reading *reading = &draft->reading;
    const struct key key = {.name = "let", .offset = offsetof(struct let, template)};
    struct let_draft *one = &draft->lets[draft->let_count++];
    one->node = &pair->value;
    one->let =
        (struct let){.name = arena_copy(reading->arena, pair->key), .place = pair->key_place};
    reading->faults->no_memory |= one->let.name.bytes == NULL;
    if (is_own_variable(pair->key)) {
        faults_add(reading->faults, pair->key_place, "`$%.*s` is ebb's own: take another name",
                   QUOTED(pair->key));
    } else if (is_word_of_jq(pair->key)) {
        faults_add(reading->faults, pair->key_place, "`$%.*s` is a word of jq: take another name",
                   QUOTED(pair->key));
    } else if (!text_is_field(pair->key)) {
        keys_say_name(reading, "let", '_', pair->key, pair->key_place);
    }
    draft_read_template(reading, &key, &pair->value, &one->let);
}

void lets_read(struct reading *reading, const struct key *key, const struct yaml *node,
               void *target) {
    (void)key;
    (void)target;
    struct workflow_draft *draft = draft_of(reading);
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place, "`let` is a map of names to values, not %s",
                   yaml_what(node));
        return;
    }
    if (node->count > WORKFLOW_LETS_MAX) {
        faults_add(reading->faults, node->place, "%u names: at most %d", (unsigned)node->count,
                   WORKFLOW_LETS_MAX);
        return;
    }
    draft->lets = draft_scratch(draft, node->count, sizeof(*draft->lets));
    for (uint32_t i = 0; i < node->count && draft->lets != NULL; i++) {
        if (!slice_starts(node->pairs[i].key, "x-")) {
            read_let(draft, &node->pairs[i]);
        }
    }
}
