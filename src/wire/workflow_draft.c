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

const char *draft_nearest_step(const struct workflow_draft *draft, struct slice id) {
    const char *ids[WORKFLOW_STEPS_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < draft->step_count; i++) {
        if (draft->steps[i].step.id.count > 0) {
            ids[count++] = draft->steps[i].step.id.bytes; /* copies end with a zero */
        }
    }
    ids[count] = NULL;
    return text_nearest(id, ids);
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
    if (code == STATUS_NO_MEMORY || code == STATUS_FULL) {
        reading->faults->no_memory = true;
    } else if (code != STATUS_OK) {
        faults_add(reading->faults, at, "%s", err.text);
    } else {
        *(const struct expression **)((char *)target + key->offset) = expression;
    }
}

void draft_read_template(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct place at = node->place;
    struct error err;
    const struct template *template;
    const status code = template_compile(reading->arena, node, &template, &at, &err);
    if (code == STATUS_NO_MEMORY || code == STATUS_FULL) {
        reading->faults->no_memory = true;
    } else if (code != STATUS_OK) {
        faults_add(reading->faults, at, "%s", err.text);
    } else {
        *(const struct template **)((char *)target + key->offset) = template;
    }
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
        walk_template(&walk, draft->steps[i].step.with);
    }
    for (uint32_t i = 0; i < draft->result_count; i++) {
        walk.owner = (struct expression_owner){.kind = OWNED_BY_RESULT, .index = i};
        walk_one(&walk, draft->results[i].rule.when);
        walk_template(&walk, draft->results[i].rule.from);
        walk_template(&walk, draft->results[i].rule.key);
    }
}
