// SPDX-License-Identifier: Apache-2.0
// What a workflow's parameters are here: each value from where it is said, and judged there.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "wire/workflow_draft.h"

enum { VARIABLE_BYTES = 192 };

static const struct place WHOLE_FILE = {0};

/* "PARAM=VALUE" or "WORKFLOW.PARAM=VALUE". */
struct set {
    struct slice workflow, name, value;
};

static bool split_set(const char *word, struct set *out_set) {
    const struct slice text = slice_of(word);
    const size_t equals = slice_find(text, '=');
    const struct slice left = slice_part(text, 0, equals);
    const size_t dot = slice_find(left, '.');
    const bool dotted = dot < left.count;
    *out_set = (struct set){
        .workflow = slice_part(left, 0, dotted ? dot : 0),
        .name = slice_part(left, dotted ? dot + 1 : 0, left.count),
        .value = slice_part(text, equals + 1, text.count),
    };
    return equals < text.count && out_set->name.count > 0;
}

/* EBB__WORKFLOWS__COLD_ROOM__PARAMS__TOO_WARM */
static void variable_name(struct slice workflow, struct slice param, char out[VARIABLE_BYTES]) {
    (void)snprintf(out, VARIABLE_BYTES, "EBB__WORKFLOWS__%.*s__PARAMS__%.*s", SLICE_ARGS(workflow),
                   SLICE_ARGS(param));
    for (char *at = out; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
}

/* "there is no such parameter", wherever it was said. */
static void say_unknown(struct workflow_draft *draft, struct slice origin, struct slice name) {
    const char *nearest = param_nearest(draft->params, draft->param_count, name);
    faults_add(draft->reading.faults, WHOLE_FILE, "%.*s: workflow `%.*s` has no parameter `%.*s`%s",
               SLICE_ARGS(origin), QUOTED(draft->workflow->name), QUOTED(name),
               fault_hint(nearest).text);
}

/* Every name that is said is one that there is. */
static void check_names(struct workflow_draft *draft, const struct binding *binding) {
    const struct slice workflow = draft->workflow->name;
    for (uint32_t i = 0; binding->sets != NULL && binding->sets[i] != NULL; i++) {
        struct set set;
        if (!split_set(binding->sets[i], &set)) {
            faults_add(draft->reading.faults, WHOLE_FILE,
                       "--set %.*s: it is PARAM=VALUE or WORKFLOW.PARAM=VALUE",
                       QUOTED(slice_of(binding->sets[i])));
        } else if (set.workflow.count > 0 && !slice_equal(set.workflow, workflow)) {
            faults_add(draft->reading.faults, WHOLE_FILE,
                       "--set %.*s: this workflow is called `%.*s`",
                       QUOTED(slice_of(binding->sets[i])), QUOTED(workflow));
        } else if (param_find(draft->params, draft->param_count, set.name) == NULL) {
            say_unknown(draft, SLICE("--set"), set.name);
        }
    }
    const struct device_param *said = binding->device != NULL ? binding->device->params : NULL;
    for (; said != NULL && !binding->kept; said = said->next) {
        if (slice_equal(said->workflow, workflow) &&
            param_find(draft->params, draft->param_count, said->name) == NULL) {
            say_unknown(draft, said->origin, said->name);
        }
    }
}

/* The value stands where it was said: what is wrong with it is told with that place. */
static void give(struct workflow_draft *draft, struct param *param, struct value value,
                 struct slice origin, const struct error *unread) {
    struct error err;
    if (unread == NULL && param_check(param, value, &err) == STATUS_OK) {
        param->origin = arena_copy(draft->reading.arena, origin);
        if (param->origin.bytes == NULL ||
            !value_copy(draft->reading.arena, value, &param->value)) {
            draft->reading.faults->no_memory = true;
        }
        return;
    }
    faults_add(draft->reading.faults, param->place, "%.*s sets the parameter `%.*s`: %s",
               SLICE_ARGS(origin), QUOTED(param->field.name),
               unread != NULL ? unread->text : err.text);
}

static void give_text(struct workflow_draft *draft, struct param *param, struct slice text,
                      struct slice origin) {
    struct value value = {.kind = VALUE_NULL};
    struct error err;
    const status code = param_read(param, draft->scratch, text, &value, &err);
    give(draft, param, value, origin, code == STATUS_OK ? NULL : &err);
}

static bool give_set(struct workflow_draft *draft, const struct binding *binding,
                     struct param *param) {
    bool found = false;
    struct slice text = {0};
    for (uint32_t i = 0; binding->sets != NULL && binding->sets[i] != NULL; i++) {
        struct set set;
        if (split_set(binding->sets[i], &set) && slice_equal(set.name, param->field.name)) {
            text = set.value;
            found = true;
        }
    }
    if (found) {
        give_text(draft, param, text, SLICE("--set"));
    }
    return found;
}

static bool give_variable(struct workflow_draft *draft, const struct binding *binding,
                          struct param *param) {
    char name[VARIABLE_BYTES];
    variable_name(draft->workflow->name, param->field.name, name);
    const char *text = binding->environment != NULL ? binding->environment(name) : NULL;
    if (text != NULL) {
        give_text(draft, param, slice_of(text), slice_of(name));
    }
    return text != NULL;
}

/* The newest is first. */
static bool give_device(struct workflow_draft *draft, const struct binding *binding,
                        struct param *param) {
    const struct device_param *said = binding->device != NULL ? binding->device->params : NULL;
    while (said != NULL && (!slice_equal(said->workflow, draft->workflow->name) ||
                            !slice_equal(said->name, param->field.name))) {
        said = said->next;
    }
    if (said != NULL) {
        give(draft, param, said->value, said->origin, NULL);
    }
    return said != NULL;
}

static void bind_param(struct workflow_draft *draft, const struct binding *binding,
                       struct param *param) {
    if (binding != NULL &&
        (give_set(draft, binding, param) || give_variable(draft, binding, param) ||
         give_device(draft, binding, param))) {
        return;
    }
    if (param->field.has_default) {
        param->value = param->field.default_value;
        param->origin = SLICE("default");
    } else if (binding != NULL) {
        faults_add(draft->reading.faults, param->place,
                   "parameter `%.*s` has no value: write `workflows: { %.*s: { params: { %.*s: "
                   "... } } }` in %s%s",
                   QUOTED(param->field.name), QUOTED(draft->workflow->name),
                   QUOTED(param->field.name), binding_file(binding),
                   binding->sets != NULL ? ", or say --set" : "");
    }
}

/* What expressions see as $params. */
static bool gather(struct workflow_draft *draft) {
    struct member *members =
        value_new_object(draft->reading.arena, draft->param_count, &draft->workflow->param_values);
    for (uint32_t i = 0; members != NULL && i < draft->param_count; i++) {
        members[i] =
            (struct member){.name = draft->params[i].field.name, .value = draft->params[i].value};
    }
    return members != NULL;
}

const char *binding_file(const struct binding *binding) {
    return binding->file != NULL ? binding->file : "a device file, and name it by --config";
}

void workflow_bind(struct workflow_draft *draft) {
    const struct binding *binding = draft->doors != NULL ? draft->doors->binding : NULL;
    if (binding != NULL) {
        check_names(draft, binding);
    }
    for (uint32_t i = 0; i < draft->param_count; i++) {
        bind_param(draft, binding, &draft->params[i]);
    }
    if (!gather(draft)) {
        draft->reading.faults->no_memory = true;
    }
}
