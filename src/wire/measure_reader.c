// SPDX-License-Identifier: Apache-2.0
// The fields of a result that have a unit.
#include "base/decimal.h"
#include "wire/workflow_draft.h"

enum { UNITS_BYTES_MAX = WORKFLOW_BYTES_MAX };

static bool is_unit(struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~') {
            return false;
        }
    }
    return text.count > 0 && text.count <= MEASURE_UNIT_BYTES_MAX && !slice_starts(text, "${");
}

static void read_unit(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct measure *measure = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a unit such as Cel", node, &text)) {
        return;
    }
    if (!is_unit(text)) {
        faults_add(reading->faults, node->place,
                   "`unit: %.*s`: a unit is written as in UCUM, in ASCII and without blanks: Cel, "
                   "%%, m/s, kW.h",
                   QUOTED(text));
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

/* Their names and `units` as results show them. */
static void keep(struct reading *reading, const struct yaml *from, struct measure *measures,
                 uint32_t count, struct result_rule *rule) {
    CLEANUP(buffer_done) struct buffer units;
    buffer_init(&units, UNITS_BYTES_MAX);
    measure_write_units(&units, from);
    rule->measures = measures;
    rule->measure_count = count;
    rule->units = arena_copy(reading->arena, buffer_slice(&units));
    reading->faults->no_memory |= units.failed != STATUS_OK || rule->units.bytes == NULL;
}

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
    keep(reading, from, measures, count, rule);
    *plain = *from;
    plain->pairs = pairs;
    return plain;
}
