// SPDX-License-Identifier: Apache-2.0
// What a result must be: its `schema:`, and whether `from` can fit it.
#include "wire/workflow_draft.h"

enum { UNITS_BYTES_MAX = WORKFLOW_BYTES_MAX };

/* The node of a field's unit, or NULL. */
static const struct yaml *unit_of(const struct yaml *fields, struct slice name) {
    for (uint32_t i = 0; fields->kind == YAML_MAP && i < fields->count; i++) {
        const struct yaml_pair *pair = &fields->pairs[i];
        if (slice_equal(pair->key, name) && pair->value.kind == YAML_MAP) {
            return yaml_get(&pair->value, "unit");
        }
    }
    return NULL;
}

/* Its units become those of results; blobs are no part of `from`. */
static void judge_fields(struct reading *reading, const struct yaml *fields,
                         const struct field_set *set) {
    if (field_set_has_blobs(set)) {
        faults_add(reading->faults, fields->place,
                   "a result has no fields of type image, audio or file: `attach` makes fields of "
                   "blobs, beside those of `schema`");
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct slice unit = set->fields[i].unit;
        const struct yaml *node = unit_of(fields, set->fields[i].name);
        if (node != NULL && unit.bytes != NULL && !measure_is_unit(unit)) {
            measure_say_unit(reading, unit, node->place);
        }
    }
}

void result_schema_read(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct result_draft *draft = target; /* its rule is first */
    struct field_set *set = arena_get(reading->arena, 1, sizeof(*set));
    (void)key;
    if (set == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    if (yaml_is_null(node)) {
        faults_add(reading->faults, node->place,
                   "`schema` is a map of fields such as { t: number }, or the name of a file of "
                   "them, not nothing");
        return;
    }
    const uint32_t before = reading->faults->error_count;
    schema_fields_read(reading, node, judge_fields, set, &draft->fields);
    if (reading->faults->error_count == before) {
        draft->rule.schema = set; /* else `from` would be told what it lacks by what is wrong */
    }
}

/* --- whether `from` can fit --- */

/* A field that says its own unit says the schema's, and is a number. */
static void check_measure(struct workflow_draft *draft, const struct field *field,
                          const struct yaml *node) {
    const struct yaml *unit = yaml_get(node, "unit");
    struct faults *faults = draft->reading.faults;
    if (field->type != FIELD_NUMBER && field->type != FIELD_INTEGER && field->type != FIELD_ANY) {
        faults_add(faults, node->place,
                   "field '%.*s' has type %s, but with a unit or digits it is a number",
                   QUOTED(field->name), field_type_name(field->type));
    }
    if (unit != NULL && unit->kind == YAML_SCALAR && field->unit.count > 0 &&
        !slice_equal(unit->text, field->unit)) {
        faults_add(faults, unit->place, "`unit: %.*s`: `schema` says that `%.*s` is in %.*s",
                   QUOTED(unit->text), QUOTED(field->name), QUOTED(field->unit));
    }
}

static void check_field(struct workflow_draft *draft, const struct result_rule *rule,
                        const struct yaml_pair *pair) {
    const struct field *field = field_find(rule->schema, pair->key);
    if (field == NULL && !rule->schema->open) {
        faults_add(draft->reading.faults, pair->key_place, "`schema` has no field `%.*s`%s",
                   QUOTED(pair->key), fault_hint(field_nearest(rule->schema, pair->key)).text);
    }
    if (field == NULL) {
        return;
    }
    struct yaml_pair plain = *pair;
    if (measure_is(&pair->value)) {
        check_measure(draft, field, &pair->value);
        plain.value = *yaml_get(&pair->value, "value");
    }
    promise_check(draft, field, rule->from, &plain);
}

static void check_missing(struct workflow_draft *draft, const struct field_set *schema,
                          const struct yaml *from) {
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        if (!field->optional && !field->has_default && yaml_get(from, field->name.bytes) == NULL) {
            faults_add(draft->reading.faults, from->place, "`schema` wants the field `%.*s`",
                       QUOTED(field->name));
        }
    }
}

/* What is one expression is known when the run ends. */
static void check_from(struct workflow_draft *draft, const struct result_rule *rule,
                       const struct yaml *from) {
    if (from->kind == YAML_MAP) {
        for (uint32_t i = 0; i < from->count; i++) {
            check_field(draft, rule, &from->pairs[i]);
        }
        check_missing(draft, rule->schema, from);
    } else if (from->kind == YAML_LIST || template_is_literal(rule->from)) {
        faults_add(draft->reading.faults, from->place,
                   "a result that has a `schema` is a map of fields, not %s", yaml_what(from));
    }
}

static void keep_units(struct workflow_draft *draft, struct result_draft *result,
                       const struct yaml *from) {
    CLEANUP(buffer_done) struct buffer units;
    buffer_init(&units, UNITS_BYTES_MAX);
    measure_write_units(&units, from, result->fields);
    result->rule.units = arena_copy(draft->reading.arena, buffer_slice(&units));
    draft->reading.faults->no_memory |=
        units.failed != STATUS_OK || result->rule.units.bytes == NULL;
}

void result_schemas_check(struct workflow_draft *draft) {
    for (uint32_t i = 0; i < draft->result_count; i++) {
        struct result_draft *result = &draft->results[i];
        const struct yaml *from = yaml_get(result->node, "from");
        if (from == NULL || result->rule.from == NULL) {
            continue; /* which was said */
        }
        if (result->rule.schema != NULL) {
            check_from(draft, &result->rule, from);
        }
        keep_units(draft, result, from);
    }
}
