// SPDX-License-Identifier: Apache-2.0
// The reader of field sets: what manifests write becomes struct field_set.
#include <assert.h>
#include <string.h>

#include "base/size.h"
#include "base/text.h"
#include "wire/field.h"

static void read_set(struct reading *reading, const struct yaml *node, int depth,
                     struct field_set *out_set);

void field_note(struct reading *reading, const struct key *key, const struct yaml *node,
                void *target) {
    (void)reading;
    *(const struct yaml **)((char *)target + key->offset) = node;
}

static void read_optional(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct field_draft *draft = target;
    const struct key inner = {.name = key->name, .offset = offsetof(struct field, optional)};
    keys_read_boolean(reading, &inner, node, &draft->field);
}

const char *const FIELD_TYPE_WORDS[] = {"any",    "string", "number", "integer", "boolean",
                                        "object", "list",   "time",   "box",     "image",
                                        "audio",  "file",   NULL};

static const struct key FIELD_KEYS[] = {
    {.name = "type",
     .state = KEY_REQUIRED,
     .read = field_note,
     .offset = offsetof(struct field_draft, type),
     .help = "What its value is.",
     .words = FIELD_TYPE_WORDS},
    {.name = "of",
     .read = field_note,
     .offset = offsetof(struct field_draft, of),
     .help = "Of a list: the type of an item; of a list or an object: its fields.",
     .form = FORM_FIELDS,
     .words = FIELD_TYPE_WORDS,
     .table = &FIELD_TABLE},
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
    {.name = "default",
     .read = field_note,
     .offset = offsetof(struct field_draft, default_node),
     .help = "What it is when it is not given.",
     .form = FORM_ANYTHING},
    {.name = "unit",
     .read = field_note,
     .offset = offsetof(struct field_draft, unit),
     .help = "Of a number, such as Cel.",
     .form = FORM_TEXT},
    {.name = "optional",
     .read = read_optional,
     .help = "true: it may be missing.",
     .form = FORM_BOOLEAN},
    {.name = "help", .help = "A sentence for people.", .form = FORM_ANYTHING},
    {.name = "enum", .state = KEY_RESERVED},
    {.name = "digits", .state = KEY_RESERVED},
    {.name = "rate",
     .read = field_note,
     .offset = offsetof(struct field_draft, rate),
     .help = "Of audio: samples a second.",
     .form = FORM_NUMBER},
    {.name = "channels",
     .read = field_note,
     .offset = offsetof(struct field_draft, channels),
     .help = "Of audio: how many channels.",
     .form = FORM_NUMBER},
    {.name = "samples",
     .read = field_note,
     .offset = offsetof(struct field_draft, samples),
     .help = "Of audio: how many samples a channel.",
     .form = FORM_NUMBER},
    {.name = "kind", .state = KEY_RESERVED},
    {0}};

const struct key_table FIELD_TABLE = {
    .what = "a field", .example = "{ type: number, min: 0 }", .keys = FIELD_KEYS};

static bool read_type(struct reading *reading, const struct yaml *node, enum field_type *out_type) {
    struct slice word;
    bool built = false;
    if (!keys_scalar(reading, "type", "the name of a type", node, &word)) {
        return false;
    }
    if (slice_is(word, "line") || slice_is(word, "zone") || slice_is(word, "source") ||
        slice_is(word, "destination")) {
        faults_add(reading->faults, node->place, "`type: %.*s` is not in this version of ebb",
                   SLICE_ARGS(word));
        return false;
    }
    if (field_type_read(word, out_type, &built)) {
        if (!built) {
            faults_add(reading->faults, node->place, "`type: %.*s` is not in this version of ebb",
                       SLICE_ARGS(word));
        }
        return built;
    }
    (void)keys_word(reading, "type", FIELD_TYPE_WORDS, word, node->place);
    return false;
}

static void read_unit(struct reading *reading, struct field_draft *draft) {
    const bool number = draft->field.type == FIELD_NUMBER || draft->field.type == FIELD_INTEGER;
    if (!number) {
        faults_add(reading->faults, draft->unit->place, "`unit`: %s fields have none, numbers do",
                   field_type_name(draft->field.type));
        return;
    }
    const struct key key = {.name = "unit", .offset = offsetof(struct field, unit)};
    keys_read_text(reading, &key, draft->unit, &draft->field);
}

static bool read_number(struct reading *reading, const char *name, const struct yaml *node,
                        double *out_number) {
    struct value value;
    struct slice text;
    if (!keys_scalar(reading, name, "a number", node, &text)) {
        return false;
    }
    if (!yaml_value(reading->arena, node, &value)) {
        reading->faults->no_memory = true;
        return false;
    }
    if (!value_is_number(value)) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: a number", name, QUOTED(text));
        return false;
    }
    *out_number = value_number(value);
    return true;
}

/* How much there may be of it: items of a list, bytes of a string or an object. */
static void read_count_max(struct reading *reading, struct field_draft *draft) {
    struct value value;
    struct slice text;
    if (!keys_scalar(reading, "max", "how many there may be", draft->max, &text)) {
        return;
    }
    const bool list = draft->field.type == FIELD_LIST;
    int64_t count = 0;
    if (!list && size_read(text, &count) && count > 0) {
        draft->field.count_max = count;
        return;
    }
    if (!yaml_value(reading->arena, draft->max, &value)) {
        reading->faults->no_memory = true;
        return;
    }
    if (value.kind != VALUE_INTEGER || value.integer <= 0) {
        faults_add(reading->faults, draft->max->place, "`max: %.*s`: %s", QUOTED(text),
                   list ? "how many items, such as 200" : "how many bytes, such as 500 or 4KiB");
        return;
    }
    draft->field.count_max = value.integer;
}

static void read_bounds(struct reading *reading, struct field_draft *draft) {
    struct field *field = &draft->field;
    const bool number = field->type == FIELD_NUMBER || field->type == FIELD_INTEGER;
    const bool counted =
        field->type == FIELD_STRING || field->type == FIELD_OBJECT || field->type == FIELD_LIST;
    if (draft->min != NULL && !number) {
        faults_add(reading->faults, draft->min->place, "`min`: %s fields have none, numbers do",
                   field_type_name(field->type));
    } else if (draft->min != NULL) {
        field->has_min = read_number(reading, "min", draft->min, &field->min);
    }
    if (draft->max != NULL && number) {
        field->has_max = read_number(reading, "max", draft->max, &field->max);
    } else if (draft->max != NULL && counted) {
        read_count_max(reading, draft);
    } else if (draft->max != NULL) {
        faults_add(reading->faults, draft->max->place, "`max`: %s fields have none",
                   field_type_name(field->type));
    }
    if (draft->min != NULL && field->has_min && field->has_max && field->min > field->max) {
        faults_add(reading->faults, draft->min->place, "`min` %g is above `max` %g", field->min,
                   field->max);
        field->has_min = false;
    }
}

static void read_sound_count(struct reading *reading, struct field_draft *draft, const char *name,
                             const struct yaml *node, size_t offset) {
    if (node != NULL && draft->field.type != FIELD_AUDIO) {
        faults_add(reading->faults, node->place, "`%s`: %s fields have none, audio does", name,
                   field_type_name(draft->field.type));
    } else if (node != NULL) {
        const struct key key = {.name = name, .offset = offset, .least = 1, .most = INT32_MAX};
        keys_read_count(reading, &key, node, &draft->field);
    }
}

static void read_sound(struct reading *reading, struct field_draft *draft) {
    read_sound_count(reading, draft, "rate", draft->rate, offsetof(struct field, rate));
    read_sound_count(reading, draft, "channels", draft->channels, offsetof(struct field, channels));
    read_sound_count(reading, draft, "samples", draft->samples, offsetof(struct field, samples));
}

static void read_of(struct reading *reading, struct field_draft *draft) {
    struct field *field = &draft->field;
    field->of.open = true;
    if (draft->of == NULL) {
        return;
    }
    if (field->type != FIELD_LIST && field->type != FIELD_OBJECT) {
        faults_add(reading->faults, draft->of->place,
                   "`of`: %s fields have none, lists and objects do", field_type_name(field->type));
        return;
    }
    if (field->type == FIELD_LIST && draft->of->kind == YAML_SCALAR) {
        (void)read_type(reading, draft->of, &field->of_type);
        return;
    }
    if (draft->depth >= FIELD_DEPTH_MAX) {
        faults_add(reading->faults, draft->of->place, "fields within fields go %d deep",
                   FIELD_DEPTH_MAX);
        return;
    }
    field->of_type = FIELD_OBJECT;
    read_set(reading, draft->of, draft->depth + 1, &field->of);
}

static void read_default(struct reading *reading, struct field_draft *draft) {
    struct field *field = &draft->field;
    struct error err;
    if (draft->depth > 0) {
        faults_add(reading->faults, draft->default_node->place,
                   "`default` stands at fields of the first level alone: say `optional: true`");
        return;
    }
    if (!yaml_value(reading->arena, draft->default_node, &field->default_value) ||
        !value_copy(reading->arena, field->default_value, &field->default_value)) {
        reading->faults->no_memory = true;
        return;
    }
    if (field_check(field, field->default_value, &err) != STATUS_OK) {
        faults_add(reading->faults, draft->default_node->place, "`default`: %s", err.text);
        return;
    }
    field->has_default = true;
}

void field_judge(struct reading *reading, struct field_draft *draft) {
    if (draft->type == NULL || !read_type(reading, draft->type, &draft->field.type)) {
        return;
    }
    if (draft->unit != NULL) {
        read_unit(reading, draft);
    }
    read_of(reading, draft);
    read_sound(reading, draft);
    read_bounds(reading, draft);
    if (draft->default_node != NULL) {
        read_default(reading, draft);
    }
}

static void read_field(struct reading *reading, const struct yaml_pair *pair, int depth,
                       struct field *out_field) {
    struct field_draft draft = {.depth = depth, .field = {.of = {.open = true}}};
    draft.field.name = arena_copy(reading->arena, pair->key);
    if (draft.field.name.bytes == NULL) {
        reading->faults->no_memory = true;
        draft.field.name = SLICE("");
    }
    if (!text_is_field(pair->key)) {
        keys_say_name(reading, "field", '_', pair->key, pair->key_place);
    }
    if (pair->value.kind == YAML_SCALAR) {
        (void)read_type(reading, &pair->value, &draft.field.type);
    } else if (keys_read(reading, &FIELD_TABLE, &pair->value, &draft)) {
        field_judge(reading, &draft);
    }
    *out_field = draft.field;
}

static void read_set(struct reading *reading, const struct yaml *node, int depth,
                     struct field_set *out_set) {
    *out_set = (struct field_set){.open = true};
    if (yaml_is_null(node)) {
        *out_set = (struct field_set){0};
        return;
    }
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place,
                   "fields are a map such as { score: number, label: string }, not %s",
                   yaml_what(node));
        return;
    }
    if (node->count > FIELDS_MAX) {
        faults_add(reading->faults, node->place, "%u fields: at most %d", (unsigned)node->count,
                   FIELDS_MAX);
        return;
    }
    struct field *fields = arena_get(reading->arena, node->count, sizeof(*fields));
    if (fields == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        if (!slice_starts(node->pairs[i].key, "x-")) {
            read_field(reading, &node->pairs[i], depth, &fields[count++]);
        }
    }
    *out_set = (struct field_set){.fields = fields, .count = count};
}

void field_set_read(struct reading *reading, const struct yaml *node, struct field_set *out_set) {
    read_set(reading, node, 0, out_set);
}
