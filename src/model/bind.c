// SPDX-License-Identifier: Apache-2.0
#include "model/bind.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { NUMBER_BYTES_MAX = 63 };

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

/* --- inputs --- */

static bool read_whole(const char *text, long long least, long long most, int64_t *out_number) {
    char *end = NULL;
    errno = 0;
    *out_number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out_number >= least && *out_number <= most;
}

static bool read_real(const char *text, double *out_number) {
    char *end = NULL;
    *out_number = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out_number);
}

static bool read_truth(const char *text, uint8_t *out_number) {
    const bool is_true = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    *out_number = is_true ? 1 : 0;
    return is_true || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

/* Writes the number number `index`. false: it is none of that type. */
static bool put_number(enum element_type type, const char *text, void *bytes, size_t index) {
    int64_t whole;
    double real;
    switch (type) {
    case ELEMENT_FLOAT32:
        if (!read_real(text, &real)) {
            return false;
        }
        ((float *)bytes)[index] = (float)real;
        return true;
    case ELEMENT_FLOAT64:
        return read_real(text, &((double *)bytes)[index]);
    case ELEMENT_INT64:
        return read_whole(text, INT64_MIN, INT64_MAX, &((int64_t *)bytes)[index]);
    case ELEMENT_INT32:
        if (!read_whole(text, INT32_MIN, INT32_MAX, &whole)) {
            return false;
        }
        ((int32_t *)bytes)[index] = (int32_t)whole;
        return true;
    case ELEMENT_UINT8:
        if (!read_whole(text, 0, UINT8_MAX, &whole)) {
            return false;
        }
        ((uint8_t *)bytes)[index] = (uint8_t)whole;
        return true;
    case ELEMENT_BOOLEAN:
        return read_truth(text, &((uint8_t *)bytes)[index]);
    default:
        return false;
    }
}

static bool next_number(struct slice *rest, struct slice *out_number) {
    if (rest->count == 0) {
        return false;
    }
    const size_t end = slice_find(*rest, ',');
    *out_number = slice_trim(slice_part(*rest, 0, end));
    *rest = slice_part(*rest, end + 1, rest->count);
    return true;
}

static size_t count_numbers(struct slice numbers) {
    size_t count = 0;
    for (struct slice one; next_number(&numbers, &one);) {
        count++;
    }
    return count;
}

/* The shape of an input when it has that many numbers. */
static status shape_for(const struct graph_value *input, size_t count, int64_t *out_dims,
                        struct error *err) {
    const struct graph_type *type = input->type;
    int64_t known = 1;
    uint32_t open = 0;
    for (uint32_t i = 0; i < type->rank; i++) {
        out_dims[i] = type->dims[i].size;
        open += out_dims[i] < 0 ? 1 : 0;
        if (out_dims[i] >= 0 && __builtin_mul_overflow(known, out_dims[i], &known)) {
            known = INT64_MAX;
        }
    }
    const bool fits = open == 0   ? known == (int64_t)count
                      : open == 1 ? known > 0 && (int64_t)count % known == 0
                                  : false;
    if (!fits) {
        return fail(err, STATUS_INVALID, "input '%.*s' does not take %zu numbers%s",
                    SLICE_ARGS(input->name), count,
                    open > 1 ? ": it has more than one open size, bind those first" : "");
    }
    for (uint32_t i = 0; i < type->rank; i++) {
        out_dims[i] = out_dims[i] >= 0 ? out_dims[i] : (int64_t)count / known;
    }
    return STATUS_OK;
}

static status find_input(const struct graph_model *model, struct slice name,
                         struct graph_value **out_input, struct error *err) {
    *out_input = graph_model_input(model, name);
    if (*out_input != NULL) {
        return STATUS_OK;
    }
    const char *names[64] = {NULL};
    for (uint32_t i = 0; i < model->main.inputs.count && i < 63; i++) {
        names[i] = model->main.inputs.items[i]->name.bytes;
    }
    const char *nearest = text_nearest(name, names);
    return fail(err, STATUS_NOT_FOUND, "the model has no input '%.*s'%s%.100s%s", SLICE_ARGS(name),
                nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "'?" : "");
}

static status fill_numbers(const struct graph_value *input, struct slice numbers, void *bytes,
                           struct error *err) {
    size_t index = 0;
    for (struct slice one; next_number(&numbers, &one); index++) {
        char text[NUMBER_BYTES_MAX + 1] = "";
        if (one.count <= NUMBER_BYTES_MAX) {
            (void)memcpy(text, one.bytes, one.count);
        }
        if (!put_number(input->type->element, text, bytes, index)) {
            return fail(err, STATUS_INVALID, "input '%.*s' takes %s, and '%.*s' is none",
                        SLICE_ARGS(input->name), element_type_name(input->type->element),
                        SLICE_ARGS(one));
        }
    }
    return STATUS_OK;
}

status bind_input(struct graph_model *model, struct slice input, struct slice numbers,
                  struct error *err) {
    struct graph_value *value;
    TRY(find_input(model, input, &value, err));
    const struct graph_type *type = value->type;
    const size_t count = count_numbers(numbers);
    if (type == NULL || !type->is_tensor || !type->has_shape || count > BIND_NUMBERS_MAX) {
        return fail(err, STATUS_INVALID,
                    "input '%.*s' cannot be bound: it is no tensor of a known rank, or has more "
                    "than %d numbers",
                    SLICE_ARGS(value->name), BIND_NUMBERS_MAX);
    }
    int64_t dims[GRAPH_RANK_MAX];
    TRY(shape_for(value, count, dims, err));
    void *bytes = NULL;
    struct graph_tensor *tensor = graph_tensor_new(model, type->element, dims, type->rank, &bytes);
    if (tensor == NULL) {
        return no_memory(err);
    }
    TRY(fill_numbers(value, numbers, bytes, err));
    return graph_bind_input(value, tensor) == STATUS_OK ? STATUS_OK : no_memory(err);
}

/* --- sizes --- */

/* Which of a type's sizes are meant: those with a name, or that at one axis. */
struct chosen {
    struct slice name;
    int64_t axis; /* -1: by name */
    int64_t size;
};

static bool is_chosen(const struct graph_type *type, uint32_t axis, const struct chosen *chosen) {
    return chosen->axis >= 0
               ? chosen->axis == axis
               : type->dims[axis].size < 0 && slice_equal(type->dims[axis].name, chosen->name);
}

/* The type with these sizes; the same one when it has none; NULL: no memory. */
static const struct graph_type *type_with(struct graph_model *model, const struct graph_type *type,
                                          const struct chosen *chosen) {
    bool is_there = false;
    for (uint32_t i = 0; type != NULL && type->is_tensor && i < type->rank; i++) {
        is_there = is_there || is_chosen(type, i, chosen);
    }
    if (!is_there) {
        return type;
    }
    struct graph_type *changed = arena_get(&model->arena, 1, sizeof(*changed));
    struct graph_dim *dims = arena_get(&model->arena, type->rank, sizeof(*dims));
    if (changed == NULL || dims == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < type->rank; i++) {
        dims[i] =
            is_chosen(type, i, chosen) ? (struct graph_dim){.size = chosen->size} : type->dims[i];
    }
    *changed = *type;
    changed->dims = dims;
    return changed;
}

static status bind_in_inputs(struct graph_model *model, const struct graph_value *only,
                             const struct chosen *chosen, uint32_t *out_count, struct error *err) {
    *out_count = 0;
    for (uint32_t i = 0; i < model->main.inputs.count; i++) {
        struct graph_value *input = model->main.inputs.items[i];
        if (input->type == NULL || (only != NULL && input != only)) {
            continue;
        }
        const struct graph_type *type = type_with(model, input->type, chosen);
        if (type == NULL) {
            return no_memory(err);
        }
        if (type != input->type) {
            input->type = type;
            input->origin = NULL;
            ++*out_count;
        }
    }
    return STATUS_OK;
}

static status bind_in_outputs(struct graph_model *model, const struct chosen *chosen,
                              struct error *err) {
    struct graph *graph = &model->main;
    const struct graph_type **types =
        arena_get(&model->arena, graph->output_count + 1, sizeof(struct graph_type *));
    const void **origins = arena_get(&model->arena, graph->output_count + 1, sizeof(void *));
    if (types == NULL || origins == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        const struct graph_type *old = graph->output_types[i];
        types[i] = old != NULL ? type_with(model, old, chosen) : NULL;
        if (old != NULL && types[i] == NULL) {
            return no_memory(err);
        }
        origins[i] = types[i] == old ? graph->output_origins[i] : NULL;
    }
    graph->output_types = types;
    graph->output_origins = origins;
    return STATUS_OK;
}

/* "input.0": the input, and the axis in *out_axis; NULL: it is nothing like that. */
static struct graph_value *input_and_axis(const struct graph_model *model, struct slice dim,
                                          int64_t *out_axis) {
    uint64_t axis;
    size_t dot = dim.count;
    while (dot > 0 && dim.bytes[dot - 1] != '.') {
        dot--;
    }
    struct graph_value *input =
        dot > 0 ? graph_model_input(model, slice_part(dim, 0, dot - 1)) : NULL;
    if (input == NULL || input->type == NULL || !input->type->has_shape ||
        !text_number(slice_part(dim, dot, dim.count), GRAPH_RANK_MAX, &axis) ||
        axis >= input->type->rank) {
        return NULL;
    }
    *out_axis = (int64_t)axis;
    return input;
}

static status bind_axis(struct graph_model *model, struct slice dim, int64_t size,
                        struct error *err) {
    struct chosen chosen = {.size = size};
    uint32_t count;
    const struct graph_value *input = input_and_axis(model, dim, &chosen.axis);
    if (input == NULL) {
        return fail(err, STATUS_NOT_FOUND,
                    "no input of the model has an open size '%.*s'; without a name it is "
                    "INPUT.AXIS, such as input.0",
                    SLICE_ARGS(dim));
    }
    const struct graph_dim had = input->type->dims[chosen.axis];
    if (had.size >= 0) {
        return had.size == size ? STATUS_OK
                                : fail(err, STATUS_INVALID, "'%.*s' is %lld already",
                                       SLICE_ARGS(dim), (long long)had.size);
    }
    return had.name.count > 0 ? bind_dim(model, had.name, size, err)
                              : bind_in_inputs(model, input, &chosen, &count, err);
}

status bind_dim(struct graph_model *model, struct slice dim, int64_t size, struct error *err) {
    const struct chosen chosen = {.name = dim, .axis = -1, .size = size};
    uint32_t count;
    if (size < 1 || size > INT32_MAX) {
        return fail(err, STATUS_INVALID, "size '%.*s' is from 1 to %d", SLICE_ARGS(dim), INT32_MAX);
    }
    if (dim.count == 0) {
        return fail(err, STATUS_INVALID, "which size is to be %lld?", (long long)size);
    }
    TRY(bind_in_inputs(model, NULL, &chosen, &count, err));
    if (count == 0) {
        TRY(bind_axis(model, dim, size, err));
    } else {
        TRY(bind_in_outputs(model, &chosen, err));
    }
    model->changed = true;
    graph_forget_declared(model);
    return STATUS_OK;
}

/* --- branches --- */

/* The body that is always taken; NULL: that is not known, or the node is no If as it should be. */
static struct graph *branch_taken(const struct graph_node *node) {
    const struct graph_tensor *condition = graph_constant(graph_input(node, 0));
    if (!graph_node_is(node, "If") || condition == NULL || condition->type != ELEMENT_BOOLEAN ||
        condition->byte_count != 1) {
        return NULL;
    }
    const bool is_true = *(const uint8_t *)condition->bytes != 0;
    const struct graph_attribute *branch =
        graph_attribute(node, is_true ? "then_branch" : "else_branch");
    return branch != NULL && branch->kind == GRAPH_BODY && branch->body->inputs.count == 0 &&
                   branch->body->output_count == node->output_count
               ? branch->body
               : NULL;
}

static status take_branches(struct graph_model *model, uint32_t *changes, struct error *err) {
    struct graph_node *next;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL; node = next) {
        struct graph *body = branch_taken(node);
        if (body == NULL) {
            next = graph_walk(model, node);
            continue;
        }
        next = body->first != NULL ? body->first : node->after;
        if (graph_inline(node, body) != STATUS_OK) {
            return no_memory(err);
        }
        ++*changes;
    }
    return STATUS_OK;
}

status bind_branches(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    uint32_t before;
    do { /* a walk ends where an empty branch was the last of its graph */
        before = changes;
        TRY(take_branches(model, &changes, err));
    } while (changes > before);
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}
