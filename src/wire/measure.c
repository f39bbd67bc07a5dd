// SPDX-License-Identifier: Apache-2.0
#include "wire/measure.h"

#include <string.h>

#include "base/decimal.h"
#include "platform/json.h"
#include "wire/workflow_draft.h"

enum { SCRATCH_BYTES_MAX = 48 << 20 };

static const double INTEGER_END = 9223372036854775808.0; /* 2^63 */

bool measure_is_unit(struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') {
            return false;
        }
    }
    return text.count > 0 && text.count <= MEASURE_UNIT_BYTES_MAX && !slice_starts(text, "${");
}

bool measure_is(const struct yaml *field) {
    return field->kind == YAML_MAP && yaml_get(field, "value") != NULL &&
           (yaml_get(field, "unit") != NULL || yaml_get(field, "digits") != NULL);
}

/* Integers have no digits too many, and numbers beyond what we calculate with are integers. */
static struct value rounded(struct value value, int digits) {
    if (value.kind != VALUE_REAL || digits == MEASURE_DIGITS_NONE) {
        return value;
    }
    const double number = decimal_round(value.real, digits);
    const bool whole = digits == 0 && number > -INTEGER_END && number < INTEGER_END;
    return whole ? value_of_integer((int64_t)number) : value_of_real(number);
}

status measures_round(const struct measure *measures, uint32_t count, struct arena *arena,
                      struct value *result, struct error *err) {
    struct value copy;
    if (count == 0) {
        return STATUS_OK;
    }
    struct member *members = value_new_object(arena, result->count, &copy);
    if (members == NULL) {
        return fail(err, STATUS_FULL, "no room for the result");
    }
    for (uint32_t i = 0; i < result->count; i++) {
        members[i] = result->members[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        struct value *value = &members[measures[i].field].value;
        if (!value_is_number(*value) && value->kind != VALUE_NULL) {
            return fail(err, STATUS_INVALID,
                        "field '%.*s' is of type %s: with a unit or digits it is a number or null",
                        SLICE_ARGS(measures[i].name), value_kind_name(value->kind));
        }
        *value = rounded(*value, measures[i].digits);
    }
    *result = copy;
    return STATUS_OK;
}

/* The unit that a field of `from` has by itself, or NULL. */
static const struct yaml *own_unit(const struct yaml *field) {
    const struct yaml *unit = measure_is(field) ? yaml_get(field, "unit") : NULL;
    return unit != NULL && unit->kind == YAML_SCALAR ? unit : NULL;
}

/* The unit that a schema says of that field, or NULL. */
static const struct yaml *schema_unit(const struct yaml_pair *field) {
    const struct yaml *unit = field->value.kind == YAML_MAP && !slice_starts(field->key, "x-")
                                  ? yaml_get(&field->value, "unit")
                                  : NULL;
    return unit != NULL && unit->kind == YAML_SCALAR ? unit : NULL;
}

static bool has_own(const struct yaml *from, struct slice name) {
    for (uint32_t i = 0; from->kind == YAML_MAP && i < from->count; i++) {
        if (slice_equal(from->pairs[i].key, name)) {
            return own_unit(&from->pairs[i].value) != NULL;
        }
    }
    return false;
}

static void write_unit(struct buffer *out, bool *first, struct slice name, struct slice unit) {
    buffer_add_text(out, *first ? "{" : ",");
    json_write_text(out, name);
    buffer_add_byte(out, ':');
    json_write_text(out, unit);
    *first = false;
}

void measure_write_units(struct buffer *out, const struct yaml *from, const struct yaml *schema) {
    bool first = true;
    for (uint32_t i = 0; from->kind == YAML_MAP && i < from->count; i++) {
        const struct yaml *unit = own_unit(&from->pairs[i].value);
        if (unit != NULL) {
            write_unit(out, &first, from->pairs[i].key, unit->text);
        }
    }
    for (uint32_t i = 0; schema != NULL && schema->kind == YAML_MAP && i < schema->count; i++) {
        const struct yaml *unit = schema_unit(&schema->pairs[i]);
        if (unit != NULL && !has_own(from, schema->pairs[i].key)) {
            write_unit(out, &first, schema->pairs[i].key, unit->text);
        }
    }
    if (!first) {
        buffer_add_byte(out, '}');
    }
}

void measure_read_units(struct slice workflow, struct slice result, struct buffer *out) {
    static const char KEY[] = "unit";
    if (workflow.count == 0 ||
        memmem(workflow.bytes, workflow.count, KEY, sizeof(KEY) - 1) == NULL) {
        return; /* most have none: those need no reading */
    }
    const struct yaml_document *documents;
    uint32_t count = 0;
    struct place place;
    CLEANUP(arena_done) struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    if (yaml_read(&scratch, workflow, &documents, &count, &place, NULL) != STATUS_OK ||
        count == 0 || documents[0].root.kind != YAML_MAP) {
        return;
    }
    const struct yaml *schemas = schemas_of(documents, count);
    const struct yaml *results = yaml_get(&documents[0].root, "results");
    for (uint32_t i = 0; results != NULL && results->kind == YAML_LIST && i < results->count; i++) {
        const struct yaml *one = &results->items[i];
        const struct yaml *name = one->kind == YAML_MAP ? yaml_get(one, "name") : NULL;
        const struct yaml *from = one->kind == YAML_MAP ? yaml_get(one, "from") : NULL;
        if (name != NULL && from != NULL && slice_equal(name->text, result)) {
            measure_write_units(out, from, schemas_find(schemas, one));
        }
    }
}
