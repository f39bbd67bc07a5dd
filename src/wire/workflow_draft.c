// SPDX-License-Identifier: Apache-2.0
#include "wire/workflow_draft.h"

#include <assert.h>

#include "base/text.h"

struct workflow_draft *draft_of(const struct reading *reading) {
    return reading->owner;
}

void step_set_add(struct step_set *set, uint32_t index) {
    set->bits[index / 64] |= UINT64_C(1) << (index % 64);
}

void step_set_join(struct step_set *set, const struct step_set *more) {
    for (size_t i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++) {
        set->bits[i] |= more->bits[i];
    }
}

bool step_set_has(const struct step_set *set, uint32_t index) {
    return (set->bits[index / 64] >> (index % 64) & 1) != 0;
}

bool draft_find_step(const struct workflow_draft *draft, struct slice id, uint32_t *out_index) {
    for (uint32_t i = 0; i < draft->step_count && id.count > 0; i++) {
        if (slice_equal(draft->steps[i].step.id, id)) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

void draft_say_no_step(struct workflow_draft *draft, struct slice id, struct place place) {
    const char *ids[WORKFLOW_STEPS_MAX + 1];
    uint32_t count = 0;
    /* To compare with every id takes long when it is done for countless faults that nobody reads.
     */
    const uint32_t known = draft->reading.faults->count < FAULTS_MAX ? draft->step_count : 0;
    for (uint32_t i = 0; i < known; i++) {
        if (draft->steps[i].step.id.count > 0) {
            ids[count++] = draft->steps[i].step.id.bytes; /* copies end with a zero */
        }
    }
    ids[count] = NULL;
    faults_add(draft->reading.faults, place, "there is no step `%.*s`%s", QUOTED(id),
               fault_hint(text_nearest(id, ids)).text);
}

void draft_say_no_output(struct workflow_draft *draft, const struct step_draft *step,
                         const struct field_set *set, struct slice name, struct place place) {
    const char *nearest =
        draft->reading.faults->count < FAULTS_MAX ? field_nearest(set, name) : NULL;
    faults_add(draft->reading.faults, place, "agent `%.*s` has no output `%.*s`%s",
               QUOTED(step->step.agent), QUOTED(name), fault_hint(nearest).text);
}

void *draft_scratch(struct workflow_draft *draft, size_t count, size_t bytes_each) {
    void *items = arena_get(draft->scratch, count, bytes_each);
    if (items == NULL) {
        draft->reading.faults->no_memory = true;
    }
    return items;
}

void draft_refuse_value(struct reading *reading, const char *key, struct slice value,
                        struct place place) {
    faults_add(reading->faults, place, "`%s: %.*s` is not in this version of ebb", key,
               QUOTED(value));
}

/* Says what is wrong, unless it is room that is missing. */
static void say(struct reading *reading, struct place at, const struct error *err) {
    if (err->code == STATUS_INVALID) {
        faults_add(reading->faults, at, "%s", err->text);
    } else {
        reading->faults->no_memory = true;
    }
}

void draft_read_condition(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct slice text;
    struct place at = node->place;
    struct error err;
    const struct expression *expression;
    if (!keys_scalar(reading, key->name, "a condition such as .event.data.t > 3", node, &text)) {
        return;
    }
    if (slice_starts(text, "${")) {
        faults_add(reading->faults, node->place,
                   "`%s` is an expression already: write it without ${ }", key->name);
        return;
    }
    const status code =
        expression_compile(reading->arena, text, node->place, &expression, &at, &err);
    if (code == STATUS_OK) {
        *(const struct expression **)((char *)target + key->offset) = expression;
    } else {
        say(reading, at, &err);
    }
}

/* A template tells its first fault alone. This copy of the node has nothing where a scalar is
 * wrong, and each of those was told; so the rest is checked like any other. */
static void mend(struct reading *reading, const struct yaml *node, struct yaml *out_node) {
    struct workflow_draft *draft = draft_of(reading);
    struct yaml *items = NULL;
    struct yaml_pair *pairs = NULL;
    struct place at = node->place;
    struct error err;
    const struct template *template;
    *out_node = *node;
    if (node->kind == YAML_LIST) {
        items = draft_scratch(draft, node->count, sizeof(*items));
        out_node->items = items;
    } else if (node->kind == YAML_MAP) {
        pairs = draft_scratch(draft, node->count, sizeof(*pairs));
        out_node->pairs = pairs;
    } else if (template_compile(draft->scratch, node, &template, &at, &err) != STATUS_OK) {
        say(reading, at, &err);
        *out_node = (struct yaml){.kind = YAML_SCALAR, .place = node->place};
    }
    for (uint32_t i = 0; items != NULL && i < node->count; i++) {
        mend(reading, &node->items[i], &items[i]);
    }
    for (uint32_t i = 0; pairs != NULL && i < node->count; i++) {
        pairs[i] = node->pairs[i];
        mend(reading, &node->pairs[i].value, &pairs[i].value);
    }
}

/* A secret in a value would be handed to an agent, written to a journal or sent. */
static void refuse_secrets(struct reading *reading, const struct yaml *node) {
    const struct slice text = node->text;
    if (node->kind == YAML_SCALAR && slice_starts(text, "secret:") &&
        text_is_name(slice_part(text, sizeof("secret:") - 1, text.count))) {
        faults_add(reading->faults, node->place,
                   "`%.*s`: a secret stands in sources, destinations and agents' settings, not in "
                   "a workflow",
                   QUOTED(text));
    }
    for (uint32_t i = 0; node->kind != YAML_SCALAR && i < node->count; i++) {
        refuse_secrets(reading, node->kind == YAML_LIST ? &node->items[i] : &node->pairs[i].value);
    }
}

void draft_read_template(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    refuse_secrets(reading, node);
    struct place at = node->place;
    struct error err;
    const struct template *template;
    status code = template_compile(reading->arena, node, &template, &at, &err);
    if (code == STATUS_INVALID) {
        const uint32_t before = reading->faults->error_count;
        struct yaml mended;
        mend(reading, node, &mended);
        code = reading->faults->no_memory
                   ? STATUS_NO_MEMORY
                   : template_compile(reading->arena, &mended, &template, &at, &err);
        if (code == STATUS_INVALID && reading->faults->error_count == before) {
            say(reading, at, &err); /* what no scalar alone tells: a mark in a key */
        }
    } else if (code != STATUS_OK) {
        say(reading, at, &err);
    }
    if (code == STATUS_OK) {
        *(const struct template **)((char *)target + key->offset) = template;
    }
}

bool draft_names_param(struct slice text, struct slice *out_param) {
    const struct slice trimmed = slice_trim(text);
    if (!slice_starts(trimmed, "${") || !slice_ends(trimmed, "}")) {
        return false;
    }
    const struct slice path = slice_trim(slice_part(trimmed, 2, trimmed.count - 1));
    const struct slice name = slice_part(path, sizeof("$params.") - 1, path.count);
    if (!slice_starts(path, "$params.") || !text_is_field(name)) {
        return false;
    }
    *out_param = name;
    return true;
}

/* One walk's visitor and its owner, handed through template_visit. */
struct walk {
    struct workflow_draft *draft;
    struct expression_owner owner;
    void (*each)(struct workflow_draft *draft, struct expression_owner owner,
                 const struct expression *expression);
};

static void walk_one(void *owner, const struct expression *expression) {
    const struct walk *walk = owner;
    if (expression != NULL) {
        walk->each(walk->draft, walk->owner, expression);
    }
}

static void walk_template(struct walk *walk, const struct template *template) {
    if (template != NULL) {
        template_visit(template, walk_one, walk);
    }
}

void draft_each_expression(struct workflow_draft *draft,
                           void (*each)(struct workflow_draft *draft, struct expression_owner owner,
                                        const struct expression *expression)) {
    struct walk walk = {.draft = draft, .each = each};
    for (uint32_t i = 0; i < draft->let_count; i++) {
        walk.owner = (struct expression_owner){.kind = OWNED_BY_LET, .index = i};
        walk_template(&walk, draft->lets[i].let.template);
    }
    for (uint32_t i = 0; i < draft->step_count; i++) {
        walk.owner = (struct expression_owner){.kind = OWNED_BY_STEP, .index = i};
        walk_one(&walk, draft->steps[i].step.when);
        walk_template(&walk, draft->steps[i].step.each);
        walk.owner.sees_item = draft->steps[i].step.each != NULL;
        walk_template(&walk, draft->steps[i].step.with);
        walk.owner.kind = OWNED_BY_STATE;
        walk_template(&walk, draft->steps[i].step.state.by);
    }
    for (uint32_t i = 0; i < draft->result_count; i++) {
        walk.owner = (struct expression_owner){.kind = OWNED_BY_RESULT, .index = i};
        walk_one(&walk, draft->results[i].rule.when);
        walk_template(&walk, draft->results[i].rule.from);
        walk_template(&walk, draft->results[i].rule.key);
        walk_template(&walk, draft->results[i].rule.limit.by);
        for (uint32_t k = 0; k < draft->results[i].rule.attachment_count; k++) {
            walk_template(&walk, draft->results[i].rule.attachments[k].from);
        }
    }
}
