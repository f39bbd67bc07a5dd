// SPDX-License-Identifier: Apache-2.0
// The fields of a result that have a unit.
#include "base/decimal.h"
#include "wire/workflow_draft.h"

void measure_say_unit(struct reading *reading, struct slice unit, struct place place) {
    faults_add(reading->faults, place,
               "`unit: %.*s`: a unit is written as in UCUM, in ASCII and without blanks: Cel, %%, "
               "m/s, kW.h",
               QUOTED(unit));
}

static void read_unit(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct measure *measure = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a unit such as Cel", node, &text)) {
        return;
    }
    if (!measure_is_unit(text)) {
        measure_say_unit(reading, text, node->place);
        return;
    }
    measure->unit = arena_copy(reading->arena, text);
    reading->faults->no_memory |= measure->unit.bytes == NULL;
}

static const struct key MEASURE_KEYS[] = {
    {.name = "value", .state = KEY_REQUIRED, .help = "The number, such as ${ .event.data.t }."},
    {.name = "unit", .read = read_unit, .help = "Its unit as in UCUM, such as Cel."},
    {.name = "digits",
     .read = keys_read_count,
     .offset = offsetof(struct measure, digits),
     .most = DECIMAL_DIGITS_MAX,
     .help = "How many digits it has behind the point."},
    {0}};

static const struct key_table MEASURE_TABLE = {
    .what = "a field with a unit",
    .example = "{ value: \"${ .event.data.t }\", unit: Cel, digits: 2 }",
    .keys = MEASURE_KEYS};

const struct yaml *measures_read(struct reading *reading, const struct yaml *from,
                                 struct result_rule *rule) {
    uint32_t count = 0;
    for (uint32_t i = 0; from->kind == YAML_MAP && i < from->count; i++) {
        count += measure_is(&from->pairs[i].value) ? 1 : 0;
    }
    if (count == 0) {
        return from;
    }
    struct measure *measures = arena_get(reading->arena, count, sizeof(*measures));
    struct yaml *plain = draft_scratch(draft_of(reading), 1, sizeof(*plain));
    struct yaml_pair *pairs = draft_scratch(draft_of(reading), from->count, sizeof(*pairs));
    if (measures == NULL || plain == NULL || pairs == NULL) {
        reading->faults->no_memory = true;
        return from;
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        const struct yaml *field = &from->pairs[i].value;
        pairs[i] = from->pairs[i];
        if (measure_is(field)) {
            struct measure *one = &measures[found++];
            *one = (struct measure){.field = i,
                                    .name = arena_copy(reading->arena, from->pairs[i].key),
                                    .digits = MEASURE_DIGITS_NONE};
            reading->faults->no_memory |= one->name.bytes == NULL;
            (void)keys_read(reading, &MEASURE_TABLE, field, one);
            pairs[i].value = *yaml_get(field, "value");
        }
    }
    rule->measures = measures;
    rule->measure_count = count;
    *plain = *from;
    plain->pairs = pairs;
    return plain;
}
