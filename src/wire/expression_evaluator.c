// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_evaluator.h"

#include <assert.h>
#include <stdio.h>

#include "wire/joined_text.h"

enum { SHOWN_BYTES_MAX = 80 }; /* of an expression's text in a sentence */

enum outcome { YIELDED, EMPTY, FAILED };

struct walk {
    const struct expression *expression;
    struct context *context;
    struct error *err;
    status failed;
};

static enum outcome walk_node(struct walk *walk, const struct node *node, struct value *out_value);

void expression_fail_at(const struct expression *expression, uint32_t at, struct error *err) {
    const struct place place = expression_place_of(expression, at);
    (void)fail_while(err, "%d:%d", place.line, place.column);
}

static struct slice shown(const struct walk *walk, const struct node *node) {
    return slice_part(walk->expression->text, node->begin,
                      node->end - node->begin > SHOWN_BYTES_MAX ? node->begin + SHOWN_BYTES_MAX
                                                                : node->end);
}

static enum outcome failed(struct walk *walk, const struct node *node, status code) {
    walk->failed = code;
    expression_fail_at(walk->expression, node->begin, walk->err);
    return FAILED;
}

static enum outcome no_room(struct walk *walk, const struct node *node) {
    return failed(walk, node,
                  fail(walk->err, STATUS_FULL, "no room for `%.*s` in the run's %zu bytes",
                       SLICE_ARGS(shown(walk, node)), walk->context->arena->bytes_max));
}

/* Paths ------------------------------------------------------------------------------------ */

static enum outcome cannot_index(struct walk *walk, const struct node *node, struct value value,
                                 const struct path_step *step) {
    if (step->optional) {
        return EMPTY;
    }
    if (step->name.bytes == NULL) {
        return failed(walk, node,
                      fail(walk->err, STATUS_INVALID, "`%.*s`: cannot index %s with number",
                           SLICE_ARGS(shown(walk, node)), value_kind_name(value.kind)));
    }
    return failed(walk, node,
                  fail(walk->err, STATUS_INVALID, "`%.*s`: cannot index %s with \"%.*s\"",
                       SLICE_ARGS(shown(walk, node)), value_kind_name(value.kind),
                       SLICE_ARGS(slice_part(step->name, 0, SHOWN_BYTES_MAX))));
}

static struct value item_at(struct value list, int32_t index) {
    const int64_t at = index < 0 ? (int64_t)list.count + index : index;
    return at >= 0 && at < (int64_t)list.count ? list.items[at] : (struct value){0};
}

static enum outcome walk_steps(struct walk *walk, const struct node *node, uint32_t from,
                               struct value value, struct value *out_value) {
    for (uint32_t i = from; i < node->count; i++) {
        const struct path_step *step = &node->steps[i];
        const bool has_members = value.kind == VALUE_OBJECT || value.kind == VALUE_BLOB;
        if (step->name.bytes != NULL && has_members) {
            const struct value *member = value_get(value, step->name);
            value = member != NULL ? *member : (struct value){0};
        } else if (step->name.bytes == NULL && value.kind == VALUE_LIST) {
            value = item_at(value, step->index);
        } else if (value.kind != VALUE_NULL) {
            return cannot_index(walk, node, value, step);
        }
    }
    *out_value = value;
    return YIELDED;
}

static enum outcome walk_path(struct walk *walk, const struct node *node, struct value *out_value) {
    const struct context *context = walk->context;
    struct value base = {0};
    if (node->left->kind != NODE_ROOT) {
        const enum outcome got = walk_node(walk, node->left, &base);
        return got == YIELDED ? walk_steps(walk, node, 0, base, out_value) : got;
    }
    if (context->decoded.kind != VALUE_NULL) {
        return walk_steps(walk, node, 0, context->decoded, out_value);
    }
    if (node->steps[0].name.bytes == NULL) {
        return cannot_index(walk, node, (struct value){.kind = VALUE_OBJECT}, &node->steps[0]);
    }
    if (node->first != ROOT_COUNT) {
        base = context_root_value(context, node->first);
    }
    return walk_steps(walk, node, 1, base, out_value);
}

static enum outcome walk_root(struct walk *walk, const struct node *node, struct value *out_value) {
    if (walk->context->decoded.kind != VALUE_NULL) {
        *out_value = walk->context->decoded;
        return YIELDED;
    }
    struct member *members = value_new_object(walk->context->arena, ROOT_COUNT, out_value);
    if (members == NULL) {
        return no_room(walk, node);
    }
    for (unsigned root = 0; root < ROOT_COUNT; root++) {
        members[root].name = slice_of(context_root_name((enum context_root)root));
        members[root].value = context_root_value(walk->context, (enum context_root)root);
    }
    return YIELDED;
}

/* Variables -------------------------------------------------------------------------------- */

enum let_state { LET_NOT_YET, LET_UNDER_WAY, LET_KNOWN };

/* The let of that name, or the count of lets. */
static uint32_t find_let(const struct context *context, struct slice name) {
    uint32_t index = 0;
    while (index < context->let_count && !slice_equal(context->lets[index].name, name)) {
        index++;
    }
    return index;
}

/* What is wrong with the use of a variable, not with its value. */
static status check_let(const struct context *context, uint32_t index, struct slice name,
                        struct error *err) {
    if (index == context->let_count) {
        return fail(err, STATUS_INVALID,
                    "there is no `$%.*s`: $params, $device, $run, $name and the names under `let:` "
                    "are variables",
                    SLICE_ARGS(name));
    }
    if (context->let_states[index] == LET_UNDER_WAY) {
        return fail(err, STATUS_INVALID, "`$%.*s` needs itself", SLICE_ARGS(name));
    }
    return STATUS_OK;
}

static status let_value(struct context *context, uint32_t index, struct value *out_value,
                        struct error *err) {
    const struct let *let = &context->lets[index];
    if (context->let_states[index] == LET_NOT_YET) {
        context->let_states[index] = LET_UNDER_WAY;
        const status rendered =
            template_render(let->template, context, &context->let_values[index], err);
        context->let_states[index] = rendered == STATUS_OK ? LET_KNOWN : LET_NOT_YET;
        TRY(rendered);
    }
    *out_value = context->let_values[index];
    return STATUS_OK;
}

static struct value own_variable(const struct context *context, enum variable variable) {
    switch (variable) {
    case VARIABLE_PARAMS:
        return context->params;
    case VARIABLE_DEVICE:
        return context->device;
    case VARIABLE_RUN:
        return context->run;
    case VARIABLE_NAME:
        return context->name;
    case VARIABLE_LET:
        break;
    }
    return (struct value){0};
}

status context_variable(struct context *context, struct slice name, struct value *out_value,
                        struct error *err) {
    const enum variable variable = variable_of(name);
    if (variable != VARIABLE_LET) {
        *out_value = own_variable(context, variable);
        return STATUS_OK;
    }
    const uint32_t index = find_let(context, name);
    TRY(check_let(context, index, name, err));
    return let_value(context, index, out_value, err);
}

/* The error of a let's value has the let's own place. */
static enum outcome walk_variable(struct walk *walk, const struct node *node,
                                  struct value *out_value) {
    if (node->variable != VARIABLE_LET) {
        *out_value = own_variable(walk->context, node->variable);
        return YIELDED;
    }
    const uint32_t index = find_let(walk->context, node->name);
    const status usable = check_let(walk->context, index, node->name, walk->err);
    if (usable != STATUS_OK) {
        return failed(walk, node, usable);
    }
    walk->failed = let_value(walk->context, index, out_value, walk->err);
    return walk->failed == STATUS_OK ? YIELDED : FAILED;
}

/* Comparisons and logic -------------------------------------------------------------------- */

/* Under jq null is less than every number, so a sensor that says nothing would be cold. */
static enum outcome null_and_number(struct walk *walk, const struct node *node, bool left_is_null) {
    const struct slice null_side = shown(walk, left_is_null ? node->left : node->right);
    const struct slice number = shown(walk, left_is_null ? node->right : node->left);
    return failed(walk, node,
                  fail(walk->err, STATUS_INVALID,
                       "`%.*s` is null, and null is neither more nor less than a number "
                       "(`%.*s`): test `%.*s != null` first, or say what stands for it: "
                       "`(%.*s // 0)`",
                       SLICE_ARGS(null_side), SLICE_ARGS(number), SLICE_ARGS(null_side),
                       SLICE_ARGS(null_side)));
}

static bool holds_order(enum comparison comparison, int order) {
    switch (comparison) {
    case COMPARE_LESS:
        return order < 0;
    case COMPARE_LESS_EQUAL:
        return order <= 0;
    case COMPARE_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

static enum outcome walk_comparison(struct walk *walk, const struct node *node,
                                    struct value *out_value) {
    struct value left = {0};
    struct value right = {0};
    enum outcome got = walk_node(walk, node->right, &right);
    if (got == YIELDED) {
        got = walk_node(walk, node->left, &left);
    }
    if (got != YIELDED) {
        return got;
    }
    if (node->comparison == COMPARE_EQUAL || node->comparison == COMPARE_UNEQUAL) {
        *out_value =
            value_of_boolean(value_equal(left, right) == (node->comparison == COMPARE_EQUAL));
        return YIELDED;
    }
    if ((left.kind == VALUE_NULL && value_is_number(right)) ||
        (right.kind == VALUE_NULL && value_is_number(left))) {
        return null_and_number(walk, node, left.kind == VALUE_NULL);
    }
    *out_value = value_of_boolean(holds_order(node->comparison, value_compare(left, right)));
    return YIELDED;
}

/* A chain is nested to the right, so it is walked in a loop. */
static enum outcome walk_logic(struct walk *walk, const struct node *node,
                               struct value *out_value) {
    const enum node_kind kind = node->kind;
    for (;;) {
        const bool is_last = node->kind != kind;
        struct value value = {0};
        const enum outcome got = walk_node(walk, is_last ? node : node->left, &value);
        if (got != YIELDED) {
            return got;
        }
        if (is_last || value_truth(value) == (kind == NODE_OR)) {
            *out_value = value_of_boolean(value_truth(value));
            return YIELDED;
        }
        node = node->right;
    }
}

static enum outcome walk_alternative(struct walk *walk, const struct node *node,
                                     struct value *out_value) {
    while (node->kind == NODE_ALTERNATIVE) {
        struct value value = {0};
        const enum outcome got = walk_node(walk, node->left, &value);
        if (got == FAILED) {
            return got;
        }
        if (got == YIELDED && value_truth(value)) {
            *out_value = value;
            return YIELDED;
        }
        node = node->right;
    }
    return walk_node(walk, node, out_value);
}

static enum outcome walk_not(struct walk *walk, const struct node *node, struct value *out_value) {
    struct value value = {0};
    const enum outcome got = walk_node(walk, node->left, &value);
    if (got == YIELDED) {
        *out_value = value_of_boolean(value_truth(value) == (node->count % 2 == 0));
    }
    return got;
}

/* What is made ----------------------------------------------------------------------------- */

static enum outcome walk_text(struct walk *walk, const struct node *node, struct value *out_value) {
    struct value *parts = arena_get(walk->context->arena, node->count, sizeof(*parts));
    if (parts == NULL) {
        return no_room(walk, node);
    }
    for (uint32_t i = node->count; i > 0; i--) {
        const enum outcome got = walk_node(walk, node->parts[i - 1], &parts[i - 1]);
        if (got != YIELDED) {
            return got;
        }
    }
    const status joined =
        joined_text(walk->context->arena, parts, node->count, out_value, walk->err);
    return joined == STATUS_OK ? YIELDED : failed(walk, node, joined);
}

static enum outcome walk_list(struct walk *walk, const struct node *node, struct value *out_value) {
    struct value list = {0};
    struct value *items = value_new_list(walk->context->arena, node->count, &list);
    if (items == NULL) {
        return no_room(walk, node);
    }
    list.count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        const enum outcome got = walk_node(walk, node->parts[i], &items[list.count]);
        if (got == FAILED) {
            return got;
        }
        list.count += got == YIELDED ? 1 : 0;
    }
    *out_value = list;
    return YIELDED;
}

/* A name that stands twice keeps its first position and its last value, as in jq. */
static void set_member(struct member *members, uint32_t *count, struct member member) {
    for (uint32_t i = 0; i < *count; i++) {
        if (slice_equal(members[i].name, member.name)) {
            members[i].value = member.value;
            return;
        }
    }
    members[*count] = member;
    (*count)++;
}

static enum outcome walk_object(struct walk *walk, const struct node *node,
                                struct value *out_value) {
    struct value object = {0};
    struct member *members = value_new_object(walk->context->arena, node->count / 2, &object);
    if (members == NULL) {
        return no_room(walk, node);
    }
    object.count = 0;
    for (uint32_t i = 0; i + 1 < node->count; i += 2) {
        struct value name = {0};
        struct member member = {0};
        enum outcome got = walk_node(walk, node->parts[i], &name);
        if (got == YIELDED) {
            got = walk_node(walk, node->parts[i + 1], &member.value);
        }
        if (got != YIELDED) {
            return got;
        }
        if (name.kind != VALUE_TEXT) {
            return failed(
                walk, node->parts[i],
                fail(walk->err, STATUS_INVALID, "a member's name is a string, `%.*s` is %s",
                     SLICE_ARGS(shown(walk, node->parts[i])), value_kind_name(name.kind)));
        }
        member.name = value_text(name);
        set_member(members, &object.count, member);
    }
    *out_value = object;
    return YIELDED;
}

static enum outcome walk_node(struct walk *walk, const struct node *node, struct value *out_value) {
    switch (node->kind) {
    case NODE_LITERAL:
        *out_value = node->literal;
        return YIELDED;
    case NODE_ROOT:
        return walk_root(walk, node, out_value);
    case NODE_VARIABLE:
        return walk_variable(walk, node, out_value);
    case NODE_PATH:
        return walk_path(walk, node, out_value);
    case NODE_COMPARE:
        return walk_comparison(walk, node, out_value);
    case NODE_AND:
    case NODE_OR:
        return walk_logic(walk, node, out_value);
    case NODE_NOT:
        return walk_not(walk, node, out_value);
    case NODE_ALTERNATIVE:
        return walk_alternative(walk, node, out_value);
    case NODE_TEXT:
        return walk_text(walk, node, out_value);
    case NODE_LIST:
        return walk_list(walk, node, out_value);
    case NODE_OBJECT:
        return walk_object(walk, node, out_value);
    }
    assert(false);
    return EMPTY;
}

static bool fits(struct value value, int depth) {
    if (value.kind != VALUE_LIST && value.kind != VALUE_OBJECT) {
        return true;
    }
    bool fit = depth > 0;
    for (uint32_t i = 0; fit && i < value.count; i++) {
        fit = fits(value.kind == VALUE_LIST ? value.items[i] : value.members[i].value, depth - 1);
    }
    return fit;
}

bool expression_depth_fits(struct value value) {
    return fits(value, VALUE_DEPTH_MAX);
}

status expression_walk(const struct expression *expression, struct context *context,
                       struct value *out_value, bool *out_empty, struct error *err) {
    struct walk walk = {.expression = expression, .context = context, .err = err};
    struct value value = {0};
    const enum outcome got = walk_node(&walk, expression->root, &value);
    if (got == FAILED) {
        return walk.failed;
    }
    *out_value = value;
    *out_empty = got == EMPTY;
    return STATUS_OK;
}
