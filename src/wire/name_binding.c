// SPDX-License-Identifier: Apache-2.0
// The names of a workflow that the device's file explains: its sources and its destinations.
#include "base/text.h"
#include "wire/workflow_draft.h"

/* One name that is looked up. */
struct lookup {
    struct workflow_draft *draft;
    const struct binding *binding; /* NULL: the workflow is only looked at */
    enum param_role role;
    struct place place;
};

static const char *role_name(enum param_role role) {
    return role == PARAM_SOURCE ? "source" : "destination";
}

/* The name that a parameter has; empty when it has none, which is said unless nobody is asked. */
static struct slice name_of_param(const struct lookup *lookup, struct slice param_name,
                                  const struct param **out_param) {
    struct workflow_draft *draft = lookup->draft;
    struct faults *faults = draft->reading.faults;
    const struct param *param = param_find(draft->params, draft->param_count, param_name);
    *out_param = param;
    if (param == NULL) {
        faults_add(faults, lookup->place, "there is no parameter `%.*s`%s", QUOTED(param_name),
                   fault_hint(param_nearest(draft->params, draft->param_count, param_name)).text);
        return (struct slice){0};
    }
    if (param->role != lookup->role) {
        faults_add(faults, lookup->place, "parameter `%.*s` has type %s, not %s",
                   QUOTED(param_name), param_type_name(param), role_name(lookup->role));
        return (struct slice){0};
    }
    return value_text(param->value);
}

/* What the file of a device would have to say, as a person writes it. */
static const char *example_of(enum param_role role) {
    return role == PARAM_SOURCE ? "watch: { path: ... }" : "webhook: https://...";
}

static const char *nearest_name(const struct device *device, enum param_role role,
                                struct slice name) {
    const char *names[2 * DEVICE_NAMES_MAX + 1];
    uint32_t count = 0;
    const struct device_source *source = role == PARAM_SOURCE ? device->sources : NULL;
    const struct device_destination *destination =
        role == PARAM_DESTINATION ? device->destinations : NULL;
    for (; source != NULL && count < 2 * DEVICE_NAMES_MAX; source = source->next) {
        names[count++] = source->name.bytes; /* copies end with a zero */
    }
    for (; destination != NULL && count < 2 * DEVICE_NAMES_MAX; destination = destination->next) {
        names[count++] = destination->name.bytes;
    }
    names[count] = NULL;
    return text_nearest(name, names);
}

/* The device does not say what the name is; who only looks cannot know. */
static void say_unbound(const struct lookup *lookup, struct slice name) {
    struct faults *faults = lookup->draft->reading.faults;
    const char *role = role_name(lookup->role);
    const struct binding *binding = lookup->binding;
    if (binding == NULL) {
        faults_warn(faults, lookup->place,
                    "%s `%.*s` stands in the device's file: `ebb check --config FILE` looks there",
                    role, QUOTED(name));
        return;
    }
    const char *nearest =
        binding->device != NULL ? nearest_name(binding->device, lookup->role, name) : NULL;
    if (nearest != NULL) {
        faults_add(faults, lookup->place, "the device has no %s `%.*s`%s", role, QUOTED(name),
                   fault_hint(nearest).text);
        return;
    }
    faults_add(faults, lookup->place,
               "%s `%.*s` is bound to nothing: write `%ss: { %.*s: { %s } }` "
               "in %s",
               role, QUOTED(name), role, QUOTED(name), example_of(lookup->role),
               binding_file(binding));
}

static struct slice keep(struct workflow_draft *draft, struct slice text) {
    const struct slice copy = arena_copy(draft->reading.arena, text);
    draft->reading.faults->no_memory |= copy.bytes == NULL;
    return copy;
}

/* The trigger becomes the one that the device's source is. */
static void take_source(struct workflow_draft *draft, const struct device_source *source,
                        struct trigger *trigger) {
    const struct trigger *from = source->trigger;
    trigger->kind = from->kind;
    trigger->source = keep(draft, from->source);
    trigger->accept = from->accept;
    trigger->path = keep(draft, from->path);
    trigger->glob = keep(draft, from->glob);
    trigger->text = from->text;
    trigger->after = from->after;
    trigger->bound = keep(draft, from->bound);
    event_rule_check(draft, trigger, draft->trigger_nodes[trigger - draft->triggers]);
    for (uint32_t i = 0; i < draft->trigger_count && trigger->kind == TRIGGER_HTTP; i++) {
        if (&draft->triggers[i] != trigger && draft->triggers[i].kind == TRIGGER_HTTP) {
            faults_add(draft->reading.faults, trigger->place,
                       "events are posted to a workflow by its name: one `http`, and source "
                       "`%.*s` is one",
                       QUOTED(trigger->source));
            return;
        }
    }
}

static void bind_trigger(struct workflow_draft *draft, const struct binding *binding,
                         struct trigger *trigger) {
    const struct lookup lookup = {
        .draft = draft, .binding = binding, .role = PARAM_SOURCE, .place = trigger->place};
    const struct param *param = NULL;
    if (trigger->param.count > 0) {
        trigger->source = name_of_param(&lookup, trigger->param, &param);
    }
    /* The runs of a text that was kept have their events already. */
    if (trigger->source.count == 0 || (binding != NULL && binding->kept)) {
        return;
    }
    const struct device_source *source = binding != NULL && binding->device != NULL
                                             ? device_source(binding->device, trigger->source)
                                             : NULL;
    if (source == NULL) {
        say_unbound(&lookup, trigger->source);
    } else if (param != NULL && param->kind.count > 0 && !slice_equal(param->kind, source->kind)) {
        faults_add(draft->reading.faults, trigger->place,
                   "parameter `%.*s` wants a source of kind %.*s: `%.*s` (%.*s) is of kind %.*s",
                   QUOTED(param->field.name), SLICE_ARGS(param->kind), QUOTED(source->name),
                   QUOTED(source->origin), SLICE_ARGS(source->kind));
    } else {
        take_source(draft, source, trigger);
    }
}

static bool is_twice(const struct slice *names, uint32_t count, struct slice name) {
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* A name that is no fault and not the hub's joins the list. */
static void bind_target(struct workflow_draft *draft, const struct binding *binding,
                        const struct target *target, struct slice *names,
                        struct result_rule *rule) {
    const struct lookup lookup = {
        .draft = draft, .binding = binding, .role = PARAM_DESTINATION, .place = target->place};
    const struct param *param = NULL;
    const struct slice name =
        target->param.count > 0 ? name_of_param(&lookup, target->param, &param) : target->name;
    if (slice_is(name, "hub")) {
        rule->lane = lane_of_priority(rule->priority);
        return;
    }
    if (name.count == 0 || is_twice(names, rule->to_count, name)) {
        return;
    }
    names[rule->to_count++] = name;
    const bool is_there = binding != NULL && binding->device != NULL &&
                          device_destination(binding->device, name) != NULL;
    if (!is_there && (binding == NULL || !binding->kept)) {
        say_unbound(&lookup, name);
    }
}

static void bind_result(struct workflow_draft *draft, const struct binding *binding,
                        struct result_draft *result) {
    struct slice *names = arena_get(draft->reading.arena, result->target_count, sizeof(*names));
    if (names == NULL) {
        draft->reading.faults->no_memory = true;
        return;
    }
    result->rule.lane = LANE_LOCAL;
    result->rule.to = names;
    for (uint32_t i = 0; i < result->target_count; i++) {
        bind_target(draft, binding, &result->targets[i], names, &result->rule);
    }
}

void workflow_bind_names(struct workflow_draft *draft) {
    const struct binding *binding = draft->doors != NULL ? draft->doors->binding : NULL;
    for (uint32_t i = 0; i < draft->trigger_count; i++) {
        if (draft->triggers[i].kind == TRIGGER_SOURCE) {
            bind_trigger(draft, binding, &draft->triggers[i]);
        }
    }
    for (uint32_t i = 0; i < draft->result_count; i++) {
        if (draft->results[i].targets != NULL) {
            bind_result(draft, binding, &draft->results[i]);
        }
    }
}
