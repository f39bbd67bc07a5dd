// SPDX-License-Identifier: Apache-2.0
// The `params:` of a workflow: what it declares.
#include "base/text.h"
#include "wire/workflow_draft.h"

/* One parameter while it is read. */
struct param_draft {
    struct field_draft field; /* first */
    struct slice kind, help;
};

static const char *const TYPES[] = {"number", "integer", "string", "boolean",     "list",
                                    "object", "time",    "source", "destination", NULL};

/* Those of sources that a parameter may want; the first SOURCE_KINDS_BUILT are built. */
enum { SOURCE_KINDS_BUILT = 2 };
static const char *const SOURCE_KINDS[] = {"watch", "http", "mqtt", "camera", "microphone", NULL};

static void read_kind(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct param_draft *draft = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a kind of source such as watch", node, &text)) {
        return;
    }
    const int word = keys_word(reading, key->name, SOURCE_KINDS, text, node->place);
    if (word >= SOURCE_KINDS_BUILT) {
        draft_refuse_value(reading, key->name, text, node->place);
    } else if (word >= 0) {
        draft->kind = slice_of(SOURCE_KINDS[word]);
    }
}

static const struct key PARAM_KEYS[] = {
    {.name = "type",
     .state = KEY_REQUIRED,
     .read = field_note,
     .offset = offsetof(struct field_draft, type),
     .help = "What its value is; source and destination are names that the device's file explains.",
     .words = TYPES},
    {.name = "kind",
     .read = read_kind,
     .help = "Of a source: which kind it must be.",
     .words = SOURCE_KINDS,
     .most = SOURCE_KINDS_BUILT},
    {.name = "default",
     .read = field_note,
     .offset = offsetof(struct field_draft, default_node),
     .help = "Its value where the device says none; without one the device must.",
     .form = FORM_ANYTHING},
    {.name = "unit",
     .read = field_note,
     .offset = offsetof(struct field_draft, unit),
     .help = "Of a number, such as Cel.",
     .form = FORM_TEXT},
    {.name = "min",
     .read = field_note,
     .offset = offsetof(struct field_draft, min),
     .help = "The least number that is right.",
     .form = FORM_TEXT},
    {.name = "max",
     .read = field_note,
     .offset = offsetof(struct field_draft, max),
     .help = "The largest number that is right; of a list, how many items; of a text, how many "
             "bytes.",
     .form = FORM_TEXT},
    {.name = "of",
     .read = field_note,
     .offset = offsetof(struct field_draft, of),
     .help = "Of a list: the type of an item; of a list or an object: its fields.",
     .form = FORM_FIELDS,
     .words = FIELD_TYPE_WORDS,
     .table = &FIELD_TABLE},
    {.name = "help",
     .read = keys_read_text,
     .offset = offsetof(struct param_draft, help),
     .help = "A sentence for people."},
    {0}};

const struct key_table PARAM_TABLE = {
    .what = "a parameter", .example = "{ type: number, default: 3 }", .keys = PARAM_KEYS};

/* A source or a destination: a name and nothing that bounds it. */
static void judge_name(struct reading *reading, struct param_draft *draft, struct param *param) {
    const struct yaml *const others[] = {draft->field.unit, draft->field.min, draft->field.max,
                                         draft->field.of};
    static const char *const NAMES[] = {"unit", "min", "max", "of"};
    param->field.type = FIELD_STRING;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i] != NULL) {
            faults_add(reading->faults, others[i]->place, "`%s`: a %s has none", NAMES[i],
                       param_type_name(param));
        }
    }
    if (draft->field.default_node != NULL) {
        const struct key key = {.name = "default"};
        struct slice name = {0};
        keys_read_name(reading, &key, draft->field.default_node, &name);
        param->field.default_value = value_of_text(name);
        param->field.has_default = name.count > 0;
    }
}

static enum param_role role_of(const struct yaml *type) {
    const bool scalar = type != NULL && type->kind == YAML_SCALAR;
    if (scalar && slice_is(type->text, "source")) {
        return PARAM_SOURCE;
    }
    return scalar && slice_is(type->text, "destination") ? PARAM_DESTINATION : PARAM_VALUE;
}

static void judge_value(struct reading *reading, struct param_draft *draft, struct param *param) {
    struct error err;
    const struct yaml *type = draft->field.type;
    const bool scalar = type != NULL && type->kind == YAML_SCALAR && !yaml_is_null(type);
    /* What a picture's line or zone is, is reserved; field_judge says so. */
    if (scalar && !slice_is(type->text, "line") && !slice_is(type->text, "zone") &&
        keys_word(reading, "type", TYPES, type->text, type->place) < 0) {
        return;
    }
    field_judge(reading, &draft->field);
    param->field = draft->field.field;
    if (param->field.has_default &&
        param_check(param, param->field.default_value, &err) != STATUS_OK) {
        faults_add(reading->faults, draft->field.default_node->place, "`default`: %s", err.text);
    }
}

static void read_param(struct workflow_draft *draft, const struct yaml_pair *pair) {
    struct reading *reading = &draft->reading;
    struct param *param = &draft->params[draft->param_count++];
    struct param_draft one = {.field = {.field = {.of = {.open = true}}}};
    one.field.field.name = arena_copy(reading->arena, pair->key);
    if (one.field.field.name.bytes == NULL) {
        reading->faults->no_memory = true;
        one.field.field.name = SLICE("");
    }
    *param = (struct param){.field = one.field.field, .place = pair->key_place};
    if (!text_is_field(pair->key)) {
        keys_say_name(reading, "params", '_', pair->key, pair->key_place);
    }
    if (!keys_read(reading, &PARAM_TABLE, &pair->value, &one)) {
        return;
    }
    param->role = role_of(one.field.type);
    param->kind = one.kind;
    param->help = one.help;
    if (param->role != PARAM_VALUE) {
        judge_name(reading, &one, param);
    } else {
        judge_value(reading, &one, param);
    }
    if (param->role != PARAM_SOURCE && yaml_get(&pair->value, "kind") != NULL) {
        faults_add(reading->faults, yaml_get(&pair->value, "kind")->place,
                   "`kind`: sources have one, a %s has none", param_type_name(param));
    }
}

void params_read(struct reading *reading, const struct key *key, const struct yaml *node,
                 void *target) {
    (void)key;
    (void)target;
    struct workflow_draft *draft = draft_of(reading);
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place,
                   "`params` is a map such as { limit: { type: number, default: 3 } }, not %s",
                   yaml_what(node));
        return;
    }
    if (node->count > PARAMS_MAX) {
        faults_add(reading->faults, node->place, "%u parameters: at most %d", (unsigned)node->count,
                   PARAMS_MAX);
        return;
    }
    draft->params = arena_get(reading->arena, node->count, sizeof(*draft->params));
    if (draft->params == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (!slice_starts(node->pairs[i].key, "x-")) {
            read_param(draft, &node->pairs[i]);
        }
    }
}
