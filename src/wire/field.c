// SPDX-License-Identifier: Apache-2.0
#include "wire/field.h"

#include <assert.h>
#include <math.h>

#include "base/text.h"
#include "base/time.h"
#include "platform/json.h"

enum { BOX_NUMBERS = 4 };

/* In the order of enum field_type; schemas come later. */
static const struct {
    const char *name;
    bool built;
} TYPES[] = {{"any", true},     {"string", true}, {"number", true}, {"integer", true},
             {"boolean", true}, {"object", true}, {"list", true},   {"time", true},
             {"box", true},     {"image", true},  {"audio", true},  {"file", true},
             {"schema", false}};

enum { TYPE_COUNT = sizeof(TYPES) / sizeof(TYPES[0]) };

const char *field_type_name(enum field_type type) {
    return TYPES[type].name;
}

bool field_type_read(struct slice word, enum field_type *out_type, bool *out_built) {
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (slice_is(word, TYPES[i].name)) {
            *out_type = (enum field_type)i;
            *out_built = TYPES[i].built;
            return true;
        }
    }
    return false;
}

const struct field *field_find(const struct field_set *set, struct slice name) {
    for (uint32_t i = 0; i < set->count; i++) {
        if (slice_equal(set->fields[i].name, name)) {
            return &set->fields[i];
        }
    }
    return NULL;
}

static bool is_blob_type(enum field_type type) {
    return type == FIELD_IMAGE || type == FIELD_AUDIO || type == FIELD_FILE;
}

bool field_set_has_blobs(const struct field_set *set) {
    for (uint32_t i = 0; i < set->count; i++) {
        const struct field *field = &set->fields[i];
        if (is_blob_type(field->type) ||
            (field->type == FIELD_LIST && is_blob_type(field->of_type)) ||
            field_set_has_blobs(&field->of)) {
            return true;
        }
    }
    return false;
}

const char *field_nearest(const struct field_set *set, struct slice name) {
    const char *words[FIELDS_MAX + 1];
    uint32_t count = 0;
    for (; count < set->count && count < FIELDS_MAX; count++) {
        words[count] = set->fields[count].name.bytes;
    }
    words[count] = NULL;
    return text_nearest(name, words);
}

static bool is_whole(struct value value) {
    if (value.kind == VALUE_INTEGER) {
        return true;
    }
    if (value.kind == VALUE_REAL) {
        return trunc(value.real) == value.real;
    }
    const struct slice digits = value_text(value);
    for (size_t i = 0; i < digits.count; i++) {
        if (digits.bytes[i] == '.' || digits.bytes[i] == 'e' || digits.bytes[i] == 'E') {
            return false;
        }
    }
    return value.kind == VALUE_RAW;
}

static bool is_box(struct value value) {
    if (value.kind != VALUE_LIST || value.count != BOX_NUMBERS) {
        return false;
    }
    for (uint32_t i = 0; i < BOX_NUMBERS; i++) {
        if (!value_is_number(value.items[i])) {
            return false;
        }
    }
    return true;
}

static bool has_type(enum field_type type, struct value value) {
    int64_t wall_ms;
    switch (type) {
    case FIELD_ANY:
        return true;
    case FIELD_STRING:
        return value.kind == VALUE_TEXT;
    case FIELD_NUMBER:
        return value_is_number(value);
    case FIELD_INTEGER:
        return is_whole(value);
    case FIELD_BOOLEAN:
        return value.kind == VALUE_BOOLEAN;
    case FIELD_LIST:
        return value.kind == VALUE_LIST;
    case FIELD_TIME:
        return value.kind == VALUE_TEXT && time_read(value_text(value), &wall_ms);
    case FIELD_BOX:
        return is_box(value);
    case FIELD_IMAGE:
    case FIELD_AUDIO:
    case FIELD_FILE:
        return value.kind == VALUE_BLOB;
    case FIELD_OBJECT:
    case FIELD_SCHEMA:
        return value.kind == VALUE_OBJECT;
    }
    return false;
}

/* "a number", "an integer", "a time such as ...": what would be right. */
static const char *type_wanted(enum field_type type) {
    static const char *const WANTED[] = {"anything",
                                         "a string",
                                         "a number",
                                         "a whole number",
                                         "true or false",
                                         "an object",
                                         "a list",
                                         "a time such as 2026-11-23T10:00:00Z",
                                         "a box of four numbers",
                                         "an image",
                                         "audio",
                                         "a file",
                                         "a schema"};
    return WANTED[type];
}

/* What the value is, told apart where its JSON kind alone would repeat what was wanted. */
static const char *what_is(enum field_type wanted, struct value value) {
    static const char *const KINDS[] = {"null",     "a boolean", "a number",
                                        "a number", "a number",  "a string",
                                        "a list",   "an object", "a blob"};
    if (wanted == FIELD_INTEGER && value_is_number(value)) {
        return "a fraction";
    }
    if (wanted == FIELD_TIME && value.kind == VALUE_TEXT) {
        return "another string";
    }
    return wanted == FIELD_BOX && value.kind == VALUE_LIST ? "another list" : KINDS[value.kind];
}

static status check_range(const struct field *field, double number, struct error *err) {
    if ((field->has_min && number < field->min) || (field->has_max && number > field->max)) {
        if (field->has_min && field->has_max) {
            return fail(err, STATUS_INVALID, "field '%.*s' is %g: from %g to %g",
                        SLICE_ARGS(field->name), number, field->min, field->max);
        }
        return fail(err, STATUS_INVALID, "field '%.*s' is %g: %s %g", SLICE_ARGS(field->name),
                    number, field->has_min ? "at least" : "at most",
                    field->has_min ? field->min : field->max);
    }
    return STATUS_OK;
}

static status check_count(const struct field *field, struct value value, struct error *err) {
    size_t count = value.count;
    if (field->count_max == 0) {
        return STATUS_OK;
    }
    if (value.kind == VALUE_OBJECT) {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, (size_t)field->count_max);
        json_write(&json, value);
        const status code = buffer_status(&json, NULL);
        if (code == STATUS_NO_MEMORY) {
            return fail(err, code, "no memory to measure field '%.*s'", SLICE_ARGS(field->name));
        }
        count = code == STATUS_OK ? json.count : (size_t)field->count_max + 1;
    }
    if (count > (size_t)field->count_max) {
        return fail(err, STATUS_INVALID, "field '%.*s' has at most %lld %s",
                    SLICE_ARGS(field->name), (long long)field->count_max,
                    value.kind == VALUE_LIST ? "items" : "bytes");
    }
    return STATUS_OK;
}

/* The members of an object, without putting defaults in: inner fields have none. */
static status check_members(const struct field_set *set, struct value object, struct error *err) {
    for (uint32_t i = 0; i < object.count; i++) {
        const struct slice name = object.members[i].name;
        if (field_find(set, name) == NULL && !set->open) {
            const char *nearest = field_nearest(set, name);
            return fail(err, STATUS_INVALID, "there is no field '%.*s'%s%s%s", QUOTED(name),
                        nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                        nearest != NULL ? "'?" : "");
        }
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct field *field = &set->fields[i];
        const struct value *value = value_get(object, field->name);
        const bool absent = value == NULL || value->kind == VALUE_NULL;
        if (absent && (field->optional || field->has_default)) {
            continue;
        }
        if (value == NULL) {
            return fail(err, STATUS_INVALID, "field '%.*s' is missing", SLICE_ARGS(field->name));
        }
        TRY(field_check(field, *value, err));
    }
    return STATUS_OK;
}

void field_set_open(struct field_set *set) {
    union {
        const struct field *given;
        struct field *open; /* of whoever read the set, and is not done with it */
    } fields = {.given = set->fields};
    set->open = true;
    for (uint32_t i = 0; i < set->count; i++) {
        field_set_open(&fields.open[i].of); /* at most FIELD_DEPTH_MAX deep */
    }
}

static status check_items(const struct field *field, struct value list, struct error *err) {
    for (uint32_t i = 0; i < list.count; i++) {
        const struct value item = list.items[i];
        status code = STATUS_OK;
        if (!has_type(field->of_type, item)) {
            code = fail(err, STATUS_INVALID, "%s, not %s", type_wanted(field->of_type),
                        what_is(field->of_type, item));
        } else if (field->of_type == FIELD_OBJECT) {
            code = check_members(&field->of, item, err);
        }
        if (code != STATUS_OK) {
            return fail_while(err, "field '%.*s': item %u", SLICE_ARGS(field->name), (unsigned)i);
        }
    }
    return STATUS_OK;
}

status field_check(const struct field *field, struct value value, struct error *err) {
    if (!has_type(field->type, value)) {
        return fail(err, STATUS_INVALID, "field '%.*s' is %s, not %s", SLICE_ARGS(field->name),
                    type_wanted(field->type), what_is(field->type, value));
    }
    if (field->type == FIELD_NUMBER || field->type == FIELD_INTEGER) {
        return check_range(field, value_number(value), err);
    }
    TRY(check_count(field, value, err));
    if (field->type == FIELD_LIST) {
        return check_items(field, value, err);
    }
    if (field->type == FIELD_OBJECT && check_members(&field->of, value, err) != STATUS_OK) {
        return fail_while(err, "field '%.*s'", SLICE_ARGS(field->name));
    }
    return STATUS_OK;
}

static bool wants_default(const struct field *field, struct value object) {
    const struct value *value = value_get(object, field->name);
    return field->has_default && (value == NULL || value->kind == VALUE_NULL);
}

/* The members that stay and after them the defaults of those that are missing or null. */
static bool put_defaults(const struct field_set *set, struct arena *arena, struct value object,
                         uint32_t missing, struct value *out_object) {
    struct value whole;
    struct member *members = value_new_object(arena, object.count + missing, &whole);
    if (members == NULL) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < object.count; i++) {
        const struct field *field = field_find(set, object.members[i].name);
        if (field == NULL || !wants_default(field, object)) {
            members[count++] = object.members[i];
        }
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (wants_default(&set->fields[i], object)) {
            members[count++] =
                (struct member){.name = set->fields[i].name, .value = set->fields[i].default_value};
        }
    }
    whole.count = count;
    *out_object = whole;
    return true;
}

status field_set_check(const struct field_set *set, struct arena *arena, struct value object,
                       struct value *out_object, struct error *err) {
    const bool nothing = object.kind == VALUE_NULL;
    if (!nothing && object.kind != VALUE_OBJECT) {
        if (set->open && set->count == 0) {
            *out_object = object;
            return STATUS_OK;
        }
        return fail(err, STATUS_INVALID, "an object with fields, not %s",
                    what_is(FIELD_OBJECT, object));
    }
    const struct value given =
        nothing && !(set->open && set->count == 0) ? (struct value){.kind = VALUE_OBJECT} : object;
    if (given.kind == VALUE_OBJECT) {
        TRY(check_members(set, given, err));
    }
    uint32_t missing = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        missing += wants_default(&set->fields[i], given) ? 1 : 0;
    }
    if (missing > 0) {
        struct value whole;
        if (!put_defaults(set, arena, given, missing, &whole)) {
            return fail(err, STATUS_FULL, "no room for the defaults of %u fields",
                        (unsigned)missing);
        }
        *out_object = whole;
        return STATUS_OK;
    }
    *out_object = given;
    return STATUS_OK;
}
