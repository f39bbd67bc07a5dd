// SPDX-License-Identifier: Apache-2.0
#include "wire/measure.h"

#include <string.h>

#include "base/decimal.h"
#include "platform/json.h"

enum { SCRATCH_BYTES_MAX = 48 << 20 };

static const double INTEGER_END = 9223372036854775808.0; /* 2^63 */

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

void measure_write_units(struct buffer *out, const struct yaml *from) {
    const char *between = "{";
    for (uint32_t i = 0; from->kind == YAML_MAP && i < from->count; i++) {
        const struct yaml *field = &from->pairs[i].value;
        const struct yaml *unit = measure_is(field) ? yaml_get(field, "unit") : NULL;
        if (unit != NULL && unit->kind == YAML_SCALAR) {
            buffer_add_text(out, between);
            json_write_text(out, from->pairs[i].key);
            buffer_add_byte(out, ':');
            json_write_text(out, unit->text);
            between = ",";
        }
    }
    if (*between == ',') {
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
    const struct yaml *results = yaml_get(&documents[0].root, "results");
    for (uint32_t i = 0; results != NULL && results->kind == YAML_LIST && i < results->count; i++) {
        const struct yaml *one = &results->items[i];
        const struct yaml *name = one->kind == YAML_MAP ? yaml_get(one, "name") : NULL;
        const struct yaml *from = one->kind == YAML_MAP ? yaml_get(one, "from") : NULL;
        if (name != NULL && from != NULL && slice_equal(name->text, result)) {
            measure_write_units(out, from);
        }
    }
}
