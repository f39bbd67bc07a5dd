// SPDX-License-Identifier: Apache-2.0
// What a trigger says of its events: `event:`, `schema:` and `invalid:`.
#include "base/text.h"
#include "wire/workflow_draft.h"

/* --- the keys --- */

/* Members that every event has, and those by which `set` would hide what came. */
static const char *const OWN_NAMES[] = {"id",      "source", "type", "time", "time_quality",
                                        "arrived", "key",    "data", "text", NULL};

static void read_set(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place,
                   "`set` is a map such as { room: \"${ .data.room }\" }, not %s", yaml_what(node));
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const char *nearest = text_nearest(pair->key, OWN_NAMES);
        if (!text_is_field(pair->key)) {
            keys_say_name(reading, "member", '_', pair->key, pair->key_place);
        } else if (nearest != NULL && slice_is(pair->key, nearest)) {
            faults_add(reading->faults, pair->key_place, "`set: { %s }`: that is the event's own",
                       nearest);
        }
    }
    draft_read_template(reading, key, node, target);
}

static void read_one(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    if (node->kind == YAML_SCALAR) {
        draft_read_template(reading, key, node, target);
    } else {
        faults_add(reading->faults, node->place, "`%s` is text or an expression, not %s", key->name,
                   yaml_what(node));
    }
}

static const struct key EVENT_KEYS[] = {
    {.name = "id",
     .read = read_one,
     .offset = offsetof(struct event_rule, id),
     .help = "What makes two messages the same event: a second one is not taken.",
     .form = FORM_TEXT},
    {.name = "time",
     .read = read_one,
     .offset = offsetof(struct event_rule, time),
     .help = "When it happened: a time such as 2026-11-23T10:00:00Z, or seconds since 1970.",
     .form = FORM_TEXT},
    {.name = "key",
     .read = read_one,
     .offset = offsetof(struct event_rule, key),
     .help = "What it is about, such as a sensor's name: .event.key.",
     .form = FORM_TEXT},
    {.name = "set",
     .read = read_set,
     .offset = offsetof(struct event_rule, set),
     .help = "More members of .event.",
     .form = FORM_MAP},
    {0}};

const struct key_table EVENT_TABLE = {
    .what = "`event`", .example = "{ id: \"${ .data.n }\" }", .keys = EVENT_KEYS};

void event_rule_read(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    struct trigger *trigger = target;
    (void)key;
    (void)keys_read(reading, &EVENT_TABLE, node, &trigger->event);
}

void event_schema_read(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct trigger *trigger = target;
    struct field_set *set = arena_get(reading->arena, 1, sizeof(*set));
    (void)key;
    if (set == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    const struct yaml *fields;
    schema_fields_read(reading, node, NULL, set, &fields);
    field_set_open(set);
    trigger->schema = set;
}

const char *const EVENT_UNFIT_WORDS[] = {"quarantine", "drop", "fail", NULL};

void event_unfit_read(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct trigger *trigger = target;
    struct slice text;
    if (keys_scalar(reading, key->name, "quarantine, drop or fail", node, &text)) {
        const int word = keys_word(reading, key->name, EVENT_UNFIT_WORDS, text, node->place);
        trigger->unfit = word < 0 ? UNFIT_REFUSE : (enum event_unfit)(word + UNFIT_QUARANTINE);
    }
}

/* --- what they say together --- */

/* One trigger under the eye. */
struct look {
    struct workflow_draft *draft;
    const struct trigger *trigger;
};

/* What the decoded message holds beside what every event does. */
static const char *const *names_of(const struct trigger *trigger) {
    static const char *const MESSAGE[] = {"data", "text",    "source", "type",
                                          "time", "arrived", NULL};
    static const char *const FILE_NAMES[] = {"path",   "name", "bytes", "text",    "cut", "file",
                                             "source", "type", "time",  "arrived", "id",  NULL};
    static const char *const TICK[] = {"missed", "local", "zone",    "source",
                                       "type",   "time",  "arrived", NULL};
    switch (trigger->kind) {
    case TRIGGER_WATCH:
        return FILE_NAMES;
    case TRIGGER_INTERVAL:
    case TRIGGER_CRON:
        return TICK;
    default:
        return MESSAGE;
    }
}

static bool is_one_of(const char *const *names, struct slice name) {
    for (size_t i = 0; names[i] != NULL; i++) {
        if (slice_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void check_field(const struct look *look, const struct path *path) {
    const struct field_set *schema = look->trigger->schema;
    if (schema != NULL && slice_is(path->root, "data") && path->name_count > 0 &&
        field_find(schema, path->names[0]) == NULL) {
        faults_warn(look->draft->reading.faults, path->place, "`schema` has no field `%.*s`%s",
                    QUOTED(path->names[0]), fault_hint(field_nearest(schema, path->names[0])).text);
    }
}

static void check_path(void *owner, const struct path *path) {
    const struct look *look = owner;
    const char *const *names = names_of(look->trigger);
    if (path->root.count == 0 || slice_is(path->root, "$device")) {
        return;
    }
    if (slice_is(path->root, "$params")) {
        draft_check_param(look->draft, path);
    } else if (slice_starts(path->root, "$")) {
        faults_add(look->draft->reading.faults, path->place,
                   "`event` knows `$params` and `$device`, not `%.*s`: no run has begun yet",
                   QUOTED(path->root));
    } else if (look->trigger->kind != TRIGGER_SOURCE && !is_one_of(names, path->root)) {
        const char *nearest = text_nearest(path->root, names);
        faults_add(look->draft->reading.faults, path->place, "there is no `.%.*s`: %s%s%s",
                   QUOTED(path->root),
                   nearest != NULL ? "did you mean `." : "`event` sees what came, such as `.",
                   nearest != NULL ? nearest : names[0], nearest != NULL ? "`?" : "`");
    } else {
        check_field(look, path);
    }
}

static void check_expression(void *owner, const struct expression *expression) {
    struct look *look = owner;
    if (expression == NULL) {
        return;
    }
    if (!expression_is_native(expression)) {
        faults_add(look->draft->reading.faults, expression_place(expression),
                   "this is jq, and `event` waits for nothing: it may use paths, comparisons, `//` "
                   "and text with marks, such as ${ .data.site }/${ .data.room }");
        return;
    }
    expression_visit(expression, check_path, look);
}

void event_paths_check(struct workflow_draft *draft) {
    for (uint32_t i = 0; i < draft->trigger_count; i++) {
        struct look look = {.draft = draft, .trigger = &draft->triggers[i]};
        const struct event_rule *rule = &look.trigger->event;
        const struct template *const templates[] = {rule->id, rule->time, rule->key, rule->set};
        for (size_t k = 0; k < sizeof(templates) / sizeof(templates[0]); k++) {
            if (templates[k] != NULL) {
                template_visit(templates[k], check_expression, &look);
            }
        }
    }
}

static bool gives_data(const struct trigger *trigger) {
    return (trigger->kind == TRIGGER_STDIN && trigger->format == STDIN_JSON) ||
           (trigger->kind == TRIGGER_HTTP && trigger->accept != HTTP_TEXT);
}

static bool has_rule(const struct event_rule *rule) {
    return rule->id != NULL || rule->time != NULL || rule->key != NULL || rule->set != NULL;
}

static struct place place_of(const struct yaml *node, const char *key) {
    return yaml_get(node, key)->place;
}

static void check_keys(struct workflow_draft *draft, const struct trigger *trigger,
                       const struct yaml *node) {
    struct faults *faults = draft->reading.faults;
    const bool message = trigger->kind == TRIGGER_STDIN || trigger->kind == TRIGGER_HTTP;
    const bool lines = trigger->kind == TRIGGER_STDIN && gives_data(trigger);
    const struct slice kind = trigger->source;
    if (trigger->schema != NULL && !gives_data(trigger)) {
        faults_add(faults, place_of(node, "schema"),
                   "`schema` is about `.event.data`, which this trigger does not give");
    }
    if (trigger->event.id != NULL && !message) {
        faults_add(faults, place_of(yaml_get(node, "event"), "id"), "`id`: what `%.*s` gives %s",
                   SLICE_ARGS(kind),
                   trigger->kind == TRIGGER_WATCH ? "is known by path, size and time"
                                                  : "does not come twice");
    }
    if (trigger->unfit == UNFIT_REFUSE) {
        return;
    }
    if (!message) {
        faults_add(faults, place_of(node, "invalid"),
                   "`invalid` is about messages: where `event` cannot be evaluated for `%.*s`, the "
                   "run fails",
                   SLICE_ARGS(kind));
    } else if (trigger->schema == NULL && !has_rule(&trigger->event) && !lines) {
        faults_add(faults, place_of(node, "invalid"),
                   "`invalid` goes with `schema` or `event`: without them any message fits");
    }
}

void event_rule_check(struct workflow_draft *draft, struct trigger *trigger,
                      const struct yaml *node) {
    const bool asks = trigger->schema != NULL || has_rule(&trigger->event);
    check_keys(draft, trigger, node);
    if (trigger->schema != NULL && trigger->kind == TRIGGER_HTTP) {
        trigger->accept = HTTP_JSON;
    }
    if (trigger->unfit == UNFIT_REFUSE && asks) {
        const bool message = trigger->kind == TRIGGER_STDIN || trigger->kind == TRIGGER_HTTP;
        trigger->unfit = message ? UNFIT_QUARANTINE : UNFIT_FAIL;
    }
}
