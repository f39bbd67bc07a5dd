// SPDX-License-Identifier: Apache-2.0
#include "model/graph.h"

#include <assert.h>
#include <string.h>

#include "model/graph_inner.h"

/* --- asking --- */

bool graph_node_is_standard(const struct graph_node *node) {
    return node->domain.count == 0 || slice_is(node->domain, "ai.onnx");
}

bool graph_node_is(const struct graph_node *node, const char *op) {
    return slice_is(node->op, op) && graph_node_is_standard(node);
}

bool graph_node_is_any(const struct graph_node *node, const char *ops) {
    struct slice rest = slice_of(ops);
    while (rest.count > 0 && graph_node_is_standard(node)) {
        const size_t end = slice_find(rest, ' ');
        if (slice_equal(slice_part(rest, 0, end), node->op)) {
            return true;
        }
        rest = slice_part(rest, end + 1, rest.count);
    }
    return false;
}

struct graph_value *graph_input(const struct graph_node *node, uint32_t index) {
    return index < node->input_count ? node->inputs[index].value : NULL;
}

struct graph_value *graph_output(const struct graph_node *node, uint32_t index) {
    return index < node->output_count ? node->outputs[index] : NULL;
}

const struct graph_tensor *graph_constant(const struct graph_value *value) {
    if (value == NULL) {
        return NULL;
    }
    if (value->tensor != NULL) {
        /* Before IR 4 every initializer had to be listed as an input and was none for a caller. */
        return value->is_input && value->graph->model->ir_version >= 4 ? NULL : value->tensor;
    }
    if (value->producer != NULL && graph_node_is(value->producer, "Constant")) {
        const struct graph_attribute *held = graph_attribute(value->producer, "value");
        return held != NULL && held->kind == GRAPH_TENSOR ? held->tensor : NULL;
    }
    return NULL;
}

struct graph_node *graph_only_user(const struct graph_value *value) {
    const struct graph_use *use = value->uses;
    return use != NULL && use->next == NULL ? use->node : NULL;
}

bool graph_is_output(const struct graph_value *value) {
    for (const struct graph_use *use = value->uses; use != NULL; use = use->next) {
        if (use->node == NULL) {
            return true;
        }
    }
    return false;
}

uint32_t graph_use_count(const struct graph_value *value) {
    uint32_t count = 0;
    for (const struct graph_use *use = value->uses; use != NULL; use = use->next) {
        count++;
    }
    return count;
}

const struct graph_attribute *graph_attribute(const struct graph_node *node, const char *name) {
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (slice_is(node->attributes[i].name, name)) {
            return &node->attributes[i];
        }
    }
    return NULL;
}

int64_t graph_integer(const struct graph_node *node, const char *name, int64_t otherwise) {
    const struct graph_attribute *found = graph_attribute(node, name);
    return found != NULL && found->kind == GRAPH_INT ? found->integer : otherwise;
}

float graph_number(const struct graph_node *node, const char *name, float otherwise) {
    const struct graph_attribute *found = graph_attribute(node, name);
    return found != NULL && found->kind == GRAPH_FLOAT ? found->number : otherwise;
}

struct slice graph_text(const struct graph_node *node, const char *name) {
    const struct graph_attribute *found = graph_attribute(node, name);
    return found != NULL && found->kind == GRAPH_TEXT ? found->text : (struct slice){0};
}

struct slice graph_node_called(const struct graph_node *node) {
    if (node->name.count > 0) {
        return node->name;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != NULL) {
            return node->outputs[i]->name;
        }
    }
    return node->op;
}

int64_t graph_opset(const struct graph_model *model) {
    for (uint32_t i = 0; i < model->opset_count; i++) {
        if (model->opsets[i].domain.count == 0 || slice_is(model->opsets[i].domain, "ai.onnx")) {
            return model->opsets[i].version;
        }
    }
    return 0;
}

struct graph_value *graph_model_input(const struct graph_model *model, struct slice name) {
    for (uint32_t i = 0; i < model->main.inputs.count; i++) {
        struct graph_value *input = model->main.inputs.items[i];
        if (slice_equal(input->name, name) && graph_constant(input) == NULL) {
            return input;
        }
    }
    return NULL;
}

uint64_t graph_tensor_count(const struct graph_tensor *tensor) {
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        count *= (uint64_t)tensor->dims[i];
    }
    return count;
}

bool graph_scalar(const struct graph_tensor *tensor, float *out_number) {
    if (tensor == NULL || tensor->type != ELEMENT_FLOAT32 || graph_tensor_count(tensor) != 1) {
        return false;
    }
    (void)memcpy(out_number, tensor->bytes, sizeof(*out_number));
    return true;
}

/* --- uses --- */

void graph_use_value(struct graph_use *use, struct graph_value *value) {
    if (use->value != NULL) {
        *use->from = use->next;
        if (use->next != NULL) {
            use->next->from = use->from;
        }
    }
    use->value = value;
    use->next = NULL;
    use->from = NULL;
    if (value != NULL) {
        use->next = value->uses;
        use->from = &value->uses;
        if (use->next != NULL) {
            use->next->from = &use->next;
        }
        value->uses = use;
    }
}

/* The uses have moved: whoever pointed at them is told. */
static void move_uses(struct graph_use *to, const struct graph_use *from, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[i];
        if (to[i].value != NULL) {
            *to[i].from = &to[i];
            if (to[i].next != NULL) {
                to[i].next->from = &to[i].next;
            }
        }
    }
}

bool graph_values_add(struct graph_model *model, struct graph_values *values,
                      struct graph_value *value) {
    if (values->count == values->room) {
        const uint32_t room = values->room == 0 ? 8 : values->room * 2;
        struct graph_value **items = arena_get(&model->arena, room, sizeof(struct graph_value *));
        if (items == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < values->count; i++) {
            items[i] = values->items[i];
        }
        values->items = items;
        values->room = room;
    }
    values->items[values->count++] = value;
    return true;
}

static void values_drop(struct graph_values *values, const struct graph_value *value) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < values->count; i++) {
        if (values->items[i] != value) {
            values->items[kept++] = values->items[i];
        }
    }
    values->count = kept;
}

/* --- what is new --- */

struct graph_tensor *graph_tensor_new(struct graph_model *model, enum element_type type,
                                      const int64_t *dims, uint32_t rank, void **out_bytes) {
    uint64_t byte_count;
    if (!element_type_bytes(type, dims, rank, &byte_count)) {
        return NULL;
    }
    struct graph_tensor *tensor = arena_get(&model->arena, 1, sizeof(*tensor));
    int64_t *own_dims = arena_get(&model->arena, rank + 1, sizeof(*own_dims));
    void *bytes = arena_get(&model->arena, byte_count + 1, 1);
    if (tensor == NULL || own_dims == NULL || bytes == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < rank; i++) {
        own_dims[i] = dims[i];
    }
    *tensor = (struct graph_tensor){
        .type = type, .rank = rank, .dims = own_dims, .bytes = bytes, .byte_count = byte_count};
    *out_bytes = bytes;
    return tensor;
}

struct slice graph_new_name(struct graph_model *model, struct slice base) {
    model->names_made++;
    return arena_print(&model->arena, "%.*s~%llu",
                       SLICE_ARGS(slice_part(base, 0, slice_find(base, '~'))),
                       (unsigned long long)model->names_made);
}

static struct graph_value *value_new(struct graph *graph, struct slice base) {
    struct graph_value *value = arena_get(&graph->model->arena, 1, sizeof(*value));
    const struct slice name = graph_new_name(graph->model, base);
    if (value == NULL || name.bytes == NULL) {
        return NULL;
    }
    *value = (struct graph_value){.name = name, .graph = graph};
    return value;
}

struct graph_value *graph_add_tensor(struct graph *graph, struct slice base,
                                     const struct graph_tensor *tensor) {
    struct graph_value *value = tensor != NULL ? value_new(graph, base) : NULL;
    if (value == NULL || !graph_values_add(graph->model, &graph->initializers, value)) {
        return NULL;
    }
    value->tensor = tensor;
    graph->model->changed = true;
    return value;
}

static struct graph_value *add_numbers(struct graph *graph, struct slice base,
                                       enum element_type type, const void *numbers,
                                       const int64_t *count) {
    void *bytes = NULL;
    struct graph_tensor *tensor =
        graph_tensor_new(graph->model, type, count, count != NULL ? 1 : 0, &bytes);
    if (tensor == NULL) {
        return NULL;
    }
    (void)memcpy(bytes, numbers, tensor->byte_count);
    return graph_add_tensor(graph, base, tensor);
}

struct graph_value *graph_add_floats(struct graph *graph, struct slice base, const float *numbers,
                                     uint32_t count, bool is_scalar) {
    const int64_t dim = count;
    return add_numbers(graph, base, ELEMENT_FLOAT32, numbers, is_scalar ? NULL : &dim);
}

struct graph_value *graph_add_integers(struct graph *graph, struct slice base,
                                       const int64_t *numbers, uint32_t count, bool is_scalar) {
    const int64_t dim = count;
    return add_numbers(graph, base, ELEMENT_INT64, numbers, is_scalar ? NULL : &dim);
}

void graph_link_node(struct graph *graph, struct graph_node *place, struct graph_node *node) {
    node->graph = graph;
    node->after = place;
    node->before = place != NULL ? place->before : graph->last;
    if (node->before != NULL) {
        node->before->after = node;
    } else {
        graph->first = node;
    }
    if (place != NULL) {
        place->before = node;
    } else {
        graph->last = node;
    }
}

void graph_unlink_node(struct graph_node *node) {
    struct graph *graph = node->graph;
    if (node->before != NULL) {
        node->before->after = node->after;
    } else {
        graph->first = node->after;
    }
    if (node->after != NULL) {
        node->after->before = node->before;
    } else {
        graph->last = node->before;
    }
}

static bool give_outputs(struct graph_node *node, struct graph *graph, uint32_t count,
                         struct slice base) {
    node->outputs = arena_get(&graph->model->arena, count, sizeof(struct graph_value *));
    if (node->outputs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        node->outputs[i] = value_new(graph, base);
        if (node->outputs[i] == NULL) {
            return false;
        }
        node->outputs[i]->producer = node;
    }
    node->output_count = count;
    return true;
}

struct graph_node *graph_add_node(struct graph *graph, struct graph_node *place, const char *op,
                                  struct graph_value *const *inputs, uint32_t input_count,
                                  uint32_t output_count, struct slice base) {
    struct arena *arena = &graph->model->arena;
    struct graph_node *node = arena_get(arena, 1, sizeof(*node));
    struct graph_use *uses = arena_get(arena, input_count + 1, sizeof(*uses));
    if (node == NULL || uses == NULL || !give_outputs(node, graph, output_count, base)) {
        return NULL;
    }
    node->op = slice_of(op);
    node->name = node->outputs[0]->name;
    node->inputs = uses;
    node->input_count = input_count;
    for (uint32_t i = 0; i < input_count; i++) {
        uses[i].node = node;
        graph_use_value(&uses[i], inputs[i]);
    }
    graph_link_node(graph, place, node);
    graph->model->changed = true;
    return node;
}

/* --- attributes --- */

/* The attribute with this name, there from now on. */
static struct graph_attribute *set_attribute(struct graph_node *node, const char *name,
                                             enum graph_attribute_kind kind) {
    struct arena *arena = &node->graph->model->arena;
    struct graph_attribute *found = NULL;
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        found = slice_is(node->attributes[i].name, name) ? &node->attributes[i] : found;
    }
    if (found == NULL) {
        struct graph_attribute *more = arena_get(arena, node->attribute_count + 1, sizeof(*more));
        if (more == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < node->attribute_count; i++) {
            more[i] = node->attributes[i];
        }
        node->attributes = more;
        found = &more[node->attribute_count++];
    }
    *found = (struct graph_attribute){.name = slice_of(name), .kind = kind};
    node->graph->model->changed = true;
    return found;
}

status graph_set_integer(struct graph_node *node, const char *name, int64_t number) {
    struct graph_attribute *attribute = set_attribute(node, name, GRAPH_INT);
    if (attribute == NULL) {
        return STATUS_NO_MEMORY;
    }
    attribute->integer = number;
    return STATUS_OK;
}

status graph_set_number(struct graph_node *node, const char *name, float number) {
    struct graph_attribute *attribute = set_attribute(node, name, GRAPH_FLOAT);
    if (attribute == NULL) {
        return STATUS_NO_MEMORY;
    }
    attribute->number = number;
    return STATUS_OK;
}

status graph_set_text(struct graph_node *node, const char *name, struct slice text) {
    const struct slice copy = arena_copy(&node->graph->model->arena, text);
    struct graph_attribute *attribute =
        copy.bytes != NULL ? set_attribute(node, name, GRAPH_TEXT) : NULL;
    if (attribute == NULL) {
        return STATUS_NO_MEMORY;
    }
    attribute->text = copy;
    return STATUS_OK;
}

status graph_set_integers(struct graph_node *node, const char *name, const int64_t *numbers,
                          uint32_t count) {
    int64_t *copy = arena_get(&node->graph->model->arena, count + 1, sizeof(*copy));
    struct graph_attribute *attribute = copy != NULL ? set_attribute(node, name, GRAPH_INTS) : NULL;
    if (attribute == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = numbers[i];
    }
    attribute->integers = copy;
    attribute->count = count;
    return STATUS_OK;
}

status graph_set_tensor(struct graph_node *node, const char *name,
                        const struct graph_tensor *tensor) {
    struct graph_attribute *attribute = set_attribute(node, name, GRAPH_TENSOR);
    if (attribute == NULL) {
        return STATUS_NO_MEMORY;
    }
    attribute->tensor = tensor;
    return STATUS_OK;
}

void graph_drop_attribute(struct graph_node *node, const char *name) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (!slice_is(node->attributes[i].name, name)) {
            node->attributes[kept++] = node->attributes[i];
        }
    }
    node->graph->model->changed = node->graph->model->changed || kept < node->attribute_count;
    node->attribute_count = kept;
}

void graph_set_op(struct graph_node *node, const char *op) {
    node->op = slice_of(op);
    node->domain = SLICE("");
    node->graph->model->changed = true;
}

/* --- inputs, and who uses what --- */

status graph_set_input(struct graph_node *node, uint32_t index, struct graph_value *value) {
    if (index >= node->input_count) {
        struct graph_use *uses = arena_get(&node->graph->model->arena, index + 1, sizeof(*uses));
        if (uses == NULL) {
            return STATUS_NO_MEMORY;
        }
        move_uses(uses, node->inputs, node->input_count);
        for (uint32_t i = node->input_count; i <= index; i++) {
            uses[i].node = node;
        }
        node->inputs = uses;
        node->input_count = index + 1;
    }
    graph_use_value(&node->inputs[index], value);
    node->graph->model->changed = true;
    return STATUS_OK;
}

void graph_cut_inputs(struct graph_node *node, uint32_t count) {
    for (uint32_t i = count; i < node->input_count; i++) {
        graph_use_value(&node->inputs[i], NULL);
    }
    node->graph->model->changed = node->graph->model->changed || count < node->input_count;
    node->input_count = count < node->input_count ? count : node->input_count;
}

bool graph_may_replace(const struct graph_value *old, const struct graph_value *value) {
    return !graph_is_output(old) ||
           (value->graph == old->graph && value->producer != NULL && !graph_is_output(value));
}

/* The first use of `value` as an output. */
static struct graph_use *output_use(const struct graph_value *value) {
    for (struct graph_use *use = value->uses; use != NULL; use = use->next) {
        if (use->node == NULL) {
            return use;
        }
    }
    return NULL;
}

status graph_replace(struct graph_value *old, struct graph_value *value) {
    assert(old != value);
    struct graph *graph = old->graph;
    graph->model->changed = true;
    const bool is_output = graph_is_output(old);
    if (!graph_may_replace(old, value)) {
        struct graph_node *same = graph_add_node(graph, NULL, "Identity", &value, 1, 1, old->name);
        if (same == NULL) {
            return STATUS_NO_MEMORY;
        }
        struct graph_value *kept = same->outputs[0];
        for (struct graph_use *use; (use = output_use(old)) != NULL;) {
            graph_use_value(use, kept);
        }
        const struct slice name = kept->name;
        kept->name = old->name;
        old->name = name;
    } else if (is_output) {
        const struct slice name = value->name;
        value->name = old->name;
        old->name = name;
    }
    while (old->uses != NULL) {
        graph_use_value(old->uses, value);
    }
    return STATUS_OK;
}

status graph_bind_input(struct graph_value *input, const struct graph_tensor *tensor) {
    assert(input->is_input);
    struct graph *graph = input->graph;
    if (input->tensor == NULL && !graph_values_add(graph->model, &graph->initializers, input)) {
        return STATUS_NO_MEMORY;
    }
    input->tensor = tensor;
    input->is_input = false;
    values_drop(&graph->inputs, input);
    graph->model->changed = true;
    return STATUS_OK;
}

status graph_settle(struct graph_value *value, const struct graph_tensor *tensor) {
    struct graph_node *producer = value->producer;
    assert(producer != NULL);
    if (!graph_values_add(value->graph->model, &value->graph->initializers, value)) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < producer->output_count; i++) {
        producer->outputs[i] = producer->outputs[i] != value ? producer->outputs[i] : NULL;
    }
    value->producer = NULL;
    value->tensor = tensor;
    value->graph->model->changed = true;
    return STATUS_OK;
}

void graph_forget_declared(struct graph_model *model) {
    model->main.declared.count = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        node->graph->declared.count = 0;
    }
}
