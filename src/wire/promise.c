// SPDX-License-Identifier: Apache-2.0
// What is known of a value before anything runs: constants, and what manifests, parameters and
// schemas promise of a path.
#include "wire/workflow_draft.h"

void promise_check_constant(struct workflow_draft *draft, const struct field *field,
                            const struct yaml *node) {
    struct value value;
    struct error err;
    if (!yaml_value(draft->scratch, node, &value)) {
        draft->reading.faults->no_memory = true;
        return;
    }
    const bool absent = value.kind == VALUE_NULL && (field->optional || field->has_default);
    if (!absent && field_check(field, value, &err) != STATUS_OK) {
        faults_add(draft->reading.faults, node->place, "%s", err.text);
    }
}

/* `.event.data.NAME` has the type that the schema of the one trigger says that gives data. */
static const struct field *promised_by_event(const struct workflow_draft *draft,
                                             struct slice name) {
    const struct trigger *giver = NULL;
    for (uint32_t i = 0; i < draft->trigger_count; i++) {
        if (draft_trigger_gives(&draft->triggers[i], false)) {
            if (giver != NULL) {
                return NULL;
            }
            giver = &draft->triggers[i];
        }
    }
    return giver != NULL && giver->schema != NULL && !draft->triggers_unsure
               ? field_find(giver->schema, name)
               : NULL;
}

static const struct field *promised_by_step(const struct workflow_draft *draft,
                                            struct slice names) {
    uint32_t index;
    const size_t dot = slice_find(names, '.');
    if (!draft_find_step(draft, slice_part(names, 0, dot), &index) ||
        draft->steps[index].outputs == NULL) {
        return NULL;
    }
    return field_find(draft->steps[index].outputs, slice_part(names, dot + 1, names.count));
}

/* The part of the path behind such a start; false: it starts otherwise. */
static bool behind(struct slice path, const char *start, struct slice *out_rest) {
    *out_rest = slice_part(path, slice_of(start).count, path.count);
    return slice_starts(path, start);
}

/* What is promised for `${ .steps.ID.OUTPUT }`, `${ $params.NAME }` or `${ .event.data.NAME }`,
 * when the scalar is that and nothing else. */
static const struct field *promised(const struct workflow_draft *draft, const struct yaml *node,
                                    struct slice *out_path) {
    const struct slice text = slice_trim(node->text);
    struct slice rest;
    if (node->kind != YAML_SCALAR || !slice_starts(text, "${") || !slice_ends(text, "}")) {
        return NULL;
    }
    *out_path = slice_trim(slice_part(text, 2, text.count - 1));
    if (behind(*out_path, "$params.", &rest)) {
        const struct param *param = param_find(draft->params, draft->param_count, rest);
        return param != NULL ? &param->field : NULL;
    }
    if (behind(*out_path, ".steps.", &rest)) {
        return promised_by_step(draft, rest);
    }
    return behind(*out_path, ".event.data.", &rest) ? promised_by_event(draft, rest) : NULL;
}

/* False only where no value of the one type is ever one of the other. */
static bool may_fit(enum field_type wanted, enum field_type given) {
    static const struct {
        enum field_type a, b;
    } ALIKE[] = {
        {FIELD_NUMBER, FIELD_INTEGER}, {FIELD_STRING, FIELD_TIME}, {FIELD_LIST, FIELD_BOX}};
    bool alike = wanted == given || wanted == FIELD_ANY || given == FIELD_ANY;
    for (size_t i = 0; i < sizeof(ALIKE) / sizeof(ALIKE[0]); i++) {
        alike = alike || (wanted == ALIKE[i].a && given == ALIKE[i].b) ||
                (wanted == ALIKE[i].b && given == ALIKE[i].a);
    }
    return alike;
}

static void check_path(struct workflow_draft *draft, const struct field *field,
                       const struct yaml *node) {
    struct slice path;
    const struct field *given = promised(draft, node, &path);
    if (given != NULL && !may_fit(field->type, given->type)) {
        faults_add(draft->reading.faults, node->place,
                   "field '%.*s' has type %s, but `%.*s` has type %s", QUOTED(field->name),
                   field_type_name(field->type), QUOTED(path), field_type_name(given->type));
    }
}

/* Marks within text, a list or a map leave it what it is. */
static void check_kind(struct workflow_draft *draft, const struct field *field,
                       enum value_kind kind, const struct yaml *node) {
    const enum field_type given = kind == VALUE_TEXT   ? FIELD_STRING
                                  : kind == VALUE_LIST ? FIELD_LIST
                                                       : FIELD_OBJECT;
    if (!may_fit(field->type, given)) {
        faults_add(draft->reading.faults, node->place, "field '%.*s' has type %s, but this is %s",
                   QUOTED(field->name), field_type_name(field->type),
                   kind == VALUE_TEXT   ? "text"
                   : kind == VALUE_LIST ? "a list"
                                        : "a map");
    }
}

void promise_check(struct workflow_draft *draft, const struct field *field,
                   const struct template *template, const struct yaml_pair *pair) {
    enum value_kind kind;
    if (!template_member_is_marked(template, pair->key)) {
        promise_check_constant(draft, field, &pair->value);
    } else if (template_member_kind(template, pair->key, &kind)) {
        check_kind(draft, field, kind, &pair->value);
    } else {
        check_path(draft, field, &pair->value);
    }
}
