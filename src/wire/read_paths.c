// SPDX-License-Identifier: Apache-2.0
// What expressions read: that it is there, that it has ended before, that an agent gives it.
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/workflow_draft.h"

/* One expression under the eye. */
struct look {
    struct workflow_draft *draft;
    struct expression_owner owner;
};

static bool find_let(const struct workflow_draft *draft, struct slice name, uint32_t *out_index) {
    for (uint32_t i = 0; i < draft->let_count; i++) {
        if (slice_equal(draft->lets[i].let.name, name)) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static void note_path(void *owner, const struct path *path) {
    const struct look *look = owner;
    struct let_draft *let = &look->draft->lets[look->owner.index];
    uint32_t index;
    if (slice_is(path->root, "steps") && path->name_count > 0 &&
        draft_find_step(look->draft, path->names[0], &index)) {
        step_set_add(&let->steps, index);
    }
    if (slice_starts(path->root, "$") &&
        find_let(look->draft, slice_part(path->root, 1, path->root.count), &index)) {
        let->lets |= UINT64_C(1) << index;
    }
}

static void note_let(struct workflow_draft *draft, struct expression_owner owner,
                     const struct expression *expression) {
    if (owner.kind == OWNED_BY_LET) {
        struct look look = {.draft = draft, .owner = owner};
        expression_visit(expression, note_path, &look);
    }
}

/* Joins what the lets of lets read, until nothing is new; a let that reads itself is a circle. */
static void close_lets(struct workflow_draft *draft) {
    for (uint32_t round = 0; round < draft->let_count; round++) {
        for (uint32_t i = 0; i < draft->let_count; i++) {
            struct let_draft *let = &draft->lets[i];
            for (uint32_t k = 0; k < draft->let_count; k++) {
                if ((let->lets >> k & 1) != 0) {
                    let->lets |= draft->lets[k].lets;
                    step_set_join(&let->steps, &draft->lets[k].steps);
                }
            }
        }
    }
    uint64_t said = 0;
    for (uint32_t i = 0; i < draft->let_count; i++) {
        const struct let_draft *let = &draft->lets[i];
        if ((let->lets >> i & 1) == 0 || (said >> i & 1) != 0) {
            continue;
        }
        char names[FAULT_TEXT_BYTES_MAX] = "";
        for (uint32_t k = i; k < draft->let_count; k++) {
            const bool together = (let->lets >> k & 1) != 0 && (draft->lets[k].lets >> i & 1) != 0;
            const struct slice name = fault_quote(draft->lets[k].let.name);
            const size_t used = strlen(names);
            if (together) {
                (void)snprintf(names + used, sizeof(names) - used, "%s`$%.*s`",
                               used > 0 ? ", " : "", SLICE_ARGS(name));
            }
            said |= together ? UINT64_C(1) << k : 0;
        }
        faults_add(draft->reading.faults, let->let.place,
                   "the names under `let` go in a circle: %s", names);
    }
}

static struct slice owner_id(const struct look *look) {
    return look->draft->steps[look->owner.index].step.id;
}

/* A step reads only what has ended before it: what it needs, directly or through others. */
static void check_before(const struct look *look, uint32_t index, struct place place,
                         struct slice through) {
    const struct workflow_draft *draft = look->draft;
    if (look->owner.kind != OWNED_BY_STEP || draft->cyclic) {
        return;
    }
    const struct slice id = draft->steps[index].step.id;
    const bool via = through.count > 0;
    if (index == look->owner.index) {
        faults_add(draft->reading.faults, place, "step `%.*s` reads its own output%s%.*s%s",
                   QUOTED(id), via ? " through `" : "", QUOTED(through), via ? "`" : "");
    } else if (!step_set_has(&draft->steps[look->owner.index].before, index)) {
        faults_add(draft->reading.faults, place,
                   "step `%.*s` reads `.steps.%.*s`%s%.*s%s without needing it: add `%.*s` to its "
                   "`needs`",
                   QUOTED(owner_id(look)), QUOTED(id), via ? " through `" : "", QUOTED(through),
                   via ? "`" : "", QUOTED(id));
    }
}

static const char *what_type(enum field_type type) {
    switch (type) {
    case FIELD_STRING:
    case FIELD_TIME:
        return "a string";
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        return "a number";
    case FIELD_BOOLEAN:
        return "true or false";
    case FIELD_LIST:
    case FIELD_BOX:
        return "a list";
    default:
        return NULL;
    }
}

/* Follows the names behind .steps.ID through what the agent's manifest promises. */
static void check_output(const struct look *look, const struct step_draft *step,
                         const struct path *path) {
    const struct field_set *set = step->outputs;
    struct faults *faults = look->draft->reading.faults;
    for (uint32_t i = 1; set != NULL && i < path->name_count; i++) {
        const struct slice name = path->names[i];
        const struct field *field = field_find(set, name);
        if (i == 1 && step->state != NULL && slice_is(name, "state")) {
            faults_add(faults, path->place,
                       "the state of step `%.*s` is its agent's: expressions do not see it",
                       QUOTED(step->step.id));
            return;
        }
        if (field == NULL) {
            if (!set->open) {
                draft_say_no_output(look->draft, step, set, name, path->place);
            }
            return;
        }
        const char *what = what_type(field->type);
        if (what != NULL && i + 1 < path->name_count) {
            faults_add(faults, path->place,
                       "output `%.*s` of agent `%.*s` is %s: it has no field `%.*s`", QUOTED(name),
                       QUOTED(step->step.agent), what, QUOTED(path->names[i + 1]));
            return;
        }
        set = field->type == FIELD_OBJECT ? &field->of : NULL;
    }
    if (path->indexed && set != NULL && !set->open) {
        const bool whole = path->name_count == 1;
        faults_add(faults, path->place, "%s `%.*s` is an object, which has fields and no [ ]%s",
                   whole ? "the output of step" : "output",
                   QUOTED(path->names[path->name_count - 1]),
                   whole && step->step.each != NULL ? ": `.items` is the list" : "");
    }
}

static void check_steps_path(const struct look *look, const struct path *path) {
    const struct workflow_draft *draft = look->draft;
    uint32_t index;
    if (path->name_count == 0) {
        return;
    }
    if (!draft_find_step(draft, path->names[0], &index)) {
        draft_say_no_step(look->draft, path->names[0], path->place);
        return;
    }
    check_before(look, index, path->place, (struct slice){0});
    check_output(look, &draft->steps[index], path);
}

/* A root whose key stands in the file was refused there. */
static bool is_refused_already(const struct look *look, const char *key) {
    return yaml_get(look->draft->root, key) != NULL;
}

static void check_item(const struct look *look, const struct path *path) {
    if (!look->owner.sees_item) {
        faults_add(look->draft->reading.faults, path->place,
                   "there is no `.item` here: only `with` of a step with `each` sees one");
    }
}

static bool check_reserved(const struct look *look, const struct path *path) {
    static const char *const RESERVED[] = {"inputs", "state", "docs", NULL};
    for (size_t i = 0; RESERVED[i] != NULL; i++) {
        if (!slice_is(path->root, RESERVED[i])) {
            continue;
        }
        if (!is_refused_already(look, RESERVED[i])) {
            faults_add(look->draft->reading.faults, path->place,
                       "`.%s` is not in this version of ebb", RESERVED[i]);
        }
        return true;
    }
    return false;
}

/* `$params.NAME` is declared, and what stands behind it is there. */
void draft_check_param(struct workflow_draft *draft, const struct path *path) {
    const struct param *param =
        path->name_count > 0 ? param_find(draft->params, draft->param_count, path->names[0]) : NULL;
    const struct yaml *params = yaml_get(draft->root, "params");
    if (path->name_count == 0 || (params != NULL && params->kind != YAML_MAP)) {
        return;
    }
    if (param == NULL) {
        const char *nearest = param_nearest(draft->params, draft->param_count, path->names[0]);
        faults_add(draft->reading.faults, path->place, "there is no parameter `%.*s`: %s%s%s",
                   QUOTED(path->names[0]),
                   nearest != NULL ? "did you mean `$params." : "they stand under `params`",
                   nearest != NULL ? nearest : "", nearest != NULL ? "`?" : "");
        return;
    }
    const char *what = what_type(param->field.type);
    if (what != NULL && path->name_count > 1) {
        faults_add(draft->reading.faults, path->place,
                   "parameter `%.*s` is %s: it has no field `%.*s`", QUOTED(path->names[0]), what,
                   QUOTED(path->names[1]));
    }
}

static void check_variable(const struct look *look, const struct path *path) {
    const struct workflow_draft *draft = look->draft;
    const struct slice name = slice_part(path->root, 1, path->root.count);
    uint32_t index;
    if (slice_is(name, "params")) {
        draft_check_param(look->draft, path);
        return;
    }
    if (slice_is(name, "device") || slice_is(name, "run")) {
        return;
    }
    if (find_let(draft, name, &index)) {
        for (uint32_t i = 0; i < draft->step_count; i++) {
            if (step_set_has(&draft->lets[index].steps, i)) {
                check_before(look, i, path->place, path->root);
            }
        }
        return;
    }
    const char *names[WORKFLOW_LETS_MAX + 4] = {"device", "run", "params"};
    for (uint32_t i = 0; i < draft->let_count; i++) {
        names[i + 3] = draft->lets[i].let.name.bytes;
    }
    const char *nearest = text_nearest(name, names);
    faults_add(draft->reading.faults, path->place,
               nearest != NULL ? "there is no `$%.*s`: did you mean `$%s`?"
                               : "there is no `$%.*s`: names come from `let`%s",
               QUOTED(name), nearest != NULL ? nearest : "");
}

bool draft_trigger_gives(const struct trigger *trigger, bool text) {
    switch (trigger->kind) {
    case TRIGGER_STDIN:
        return text == (trigger->format == STDIN_TEXT);
    case TRIGGER_WATCH:
        return text && trigger->text;
    case TRIGGER_HTTP:
        return trigger->accept == HTTP_EITHER || text == (trigger->accept == HTTP_TEXT);
    case TRIGGER_SOURCE:
        return true; /* the device knows */
    default:
        return false;
    }
}

/* Members of an event differ by trigger; what no trigger gives is null in every run, and no run
 * would tell. */
static void check_event_path(const struct look *look, const struct path *path) {
    const struct workflow_draft *draft = look->draft;
    const bool text = path->name_count > 0 && slice_is(path->names[0], "text");
    const bool data = path->name_count > 0 && slice_is(path->names[0], "data");
    bool given = draft->triggers_unsure || draft->trigger_count == 0;
    for (uint32_t i = 0; i < draft->trigger_count; i++) {
        given = given || draft_trigger_gives(&draft->triggers[i], text);
    }
    if ((text || data) && !given) {
        faults_warn(draft->reading.faults, path->place,
                    "no trigger gives `.event.%s`: that takes %s", text ? "text" : "data",
                    text ? "`text: true` under `watch`, `stdin: text` or `http: text`"
                         : "`stdin: json` or `http: json`");
    }
    if (path->name_count > 0 && slice_is(path->names[0], "key") && !draft_gives_key(draft)) {
        faults_warn(draft->reading.faults, path->place,
                    "no trigger gives `.event.key`: that takes `event: { key: ... }`");
    }
}

/* `.event.data.NAME`, where every trigger that gives data says which fields there are. */
static void check_data_field(const struct look *look, const struct path *path) {
    const struct workflow_draft *draft = look->draft;
    const struct field_set *last = NULL;
    const bool field = path->name_count > 1 && slice_is(path->names[0], "data");
    for (uint32_t i = 0; field && i < draft->trigger_count; i++) {
        const struct trigger *trigger = &draft->triggers[i];
        if (!draft_trigger_gives(trigger, false)) {
            continue;
        }
        if (trigger->schema == NULL || field_find(trigger->schema, path->names[1]) != NULL) {
            return;
        }
        last = trigger->schema;
    }
    if (last != NULL && !draft->triggers_unsure) {
        faults_warn(draft->reading.faults, path->place, "`schema` has no field `%.*s`%s",
                    QUOTED(path->names[1]), fault_hint(field_nearest(last, path->names[1])).text);
    }
}

/* Whose state it is must be known before the run begins. */
static bool is_beyond_event(const struct look *look, const struct path *path) {
    return look->owner.kind == OWNED_BY_STATE && !slice_is(path->root, "event") &&
           !slice_is(path->root, "$params") && !slice_is(path->root, "$device");
}

static void check_path(void *owner, const struct path *path) {
    const struct look *look = owner;
    static const char *const ROOTS[] = {"event", "steps", NULL};
    if (is_beyond_event(look, path)) {
        faults_add(look->draft->reading.faults, path->place,
                   "`by` of a state may look at `.event`, `$params` and `$device` only");
        return;
    }
    if (path->root.count == 0) {
        return;
    }
    if (slice_is(path->root, "item")) {
        check_item(look, path);
    } else if (slice_is(path->root, "event")) {
        check_event_path(look, path);
        check_data_field(look, path);
    } else if (slice_is(path->root, "steps")) {
        check_steps_path(look, path);
    } else if (slice_starts(path->root, "$")) {
        check_variable(look, path);
    } else if (!check_reserved(look, path)) {
        const char *nearest = text_nearest(path->root, ROOTS);
        faults_add(look->draft->reading.faults, path->place, "there is no `.%.*s`: %s%s%s",
                   QUOTED(path->root), nearest != NULL ? "did you mean `." : "expressions see ",
                   nearest != NULL ? nearest : "`.event` and `.steps`",
                   nearest != NULL ? "`?" : "");
    }
}

static void check_expression(struct workflow_draft *draft, struct expression_owner owner,
                             const struct expression *expression) {
    struct look look = {.draft = draft, .owner = owner};
    expression_visit(expression, check_path, &look);
}

void read_paths_check(struct workflow_draft *draft) {
    draft_each_expression(draft, note_let);
    close_lets(draft);
    draft_each_expression(draft, check_expression);
    event_paths_check(draft);
}
