// SPDX-License-Identifier: Apache-2.0
#include "model/shape_fold.h"

#include "model/known.h"

/* What a node gives: whole numbers, or one alone. */
struct sizes {
    int64_t numbers[GRAPH_RANK_MAX];
    uint32_t count;
    bool is_scalar;
};

/* An index from the front or the back, within 0 to `count`. */
static int64_t within(int64_t index, int64_t count) {
    const int64_t at = index < 0 ? index + count : index;
    return at < 0 ? 0 : at > count ? count : at;
}

/* The axes that a Shape gives: all, unless it says from where and to where. */
static bool axes_of(const struct graph_node *shape, uint32_t *out_first, uint32_t *out_count) {
    const struct graph_value *value = graph_input(shape, 0);
    uint32_t rank;
    if (value == NULL || !known_rank(value, &rank) || rank > GRAPH_RANK_MAX) {
        return false;
    }
    const int64_t first = within(graph_integer(shape, "start", 0), rank);
    const int64_t end = within(graph_integer(shape, "end", rank), rank);
    *out_first = (uint32_t)first;
    *out_count = (uint32_t)(end > first ? end - first : 0);
    return true;
}

static const struct graph_node *shape_before(const struct graph_node *node) {
    const struct graph_value *value = graph_input(node, 0);
    return value != NULL && value->producer != NULL && graph_node_is(value->producer, "Shape")
               ? value->producer
               : NULL;
}

/* Adds the size that the Shape gives at that place. false: it is not known. */
static bool take_size(const struct graph_node *shape, uint32_t at, struct sizes *out) {
    const int64_t size = known_size(graph_input(shape, 0), at);
    if (size < 0) {
        return false;
    }
    out->numbers[out->count++] = size;
    return true;
}

static bool read_shape(const struct graph_node *node, struct sizes *out) {
    uint32_t first;
    uint32_t count;
    bool is_known = axes_of(node, &first, &count);
    for (uint32_t i = 0; is_known && i < count; i++) {
        is_known = take_size(node, first + i, out);
    }
    return is_known;
}

static bool read_size(const struct graph_node *node, struct sizes *out) {
    const struct graph_value *value = graph_input(node, 0);
    uint32_t rank;
    int64_t all = 1;
    bool is_known = value != NULL && known_rank(value, &rank);
    for (uint32_t i = 0; is_known && i < rank; i++) {
        const int64_t size = known_size(value, i);
        is_known = size >= 0 && !__builtin_mul_overflow(all, size, &all);
    }
    *out = (struct sizes){.numbers = {all}, .count = 1, .is_scalar = true};
    return is_known;
}

/* The numbers of a constant; NULL: it is none, or of another type. */
static const int64_t *whole_numbers(const struct graph_value *value, uint64_t *out_count) {
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor == NULL || tensor->type != ELEMENT_INT64 || tensor->rank > 1 ||
        graph_tensor_count(tensor) > GRAPH_RANK_MAX) {
        return NULL;
    }
    *out_count = graph_tensor_count(tensor);
    return tensor->bytes;
}

static bool read_gather(const struct graph_node *node, struct sizes *out) {
    const struct graph_node *shape = shape_before(node);
    uint64_t count = 0;
    const int64_t *indexes = whole_numbers(graph_input(node, 1), &count);
    uint32_t first;
    uint32_t given;
    if (shape == NULL || indexes == NULL || graph_integer(node, "axis", 0) != 0 ||
        !axes_of(shape, &first, &given)) {
        return false;
    }
    out->is_scalar = graph_constant(graph_input(node, 1))->rank == 0;
    bool is_known = true;
    for (uint64_t i = 0; is_known && i < count; i++) {
        const int64_t at = indexes[i] < 0 ? indexes[i] + given : indexes[i];
        is_known = at >= 0 && at < given && take_size(shape, first + (uint32_t)at, out);
    }
    return is_known;
}

/* One of the numbers of a Slice: an input from opset 10 on, an attribute before. */
static bool slice_number(const struct graph_node *node, uint32_t index, const char *name,
                         const int64_t *otherwise, int64_t *out_number) {
    if (graph_opset(node->graph->model) >= 10) {
        uint64_t count = 0;
        const int64_t *number = whole_numbers(graph_input(node, index), &count);
        if (graph_input(node, index) == NULL && otherwise != NULL) {
            *out_number = *otherwise;
            return true;
        }
        *out_number = number != NULL && count == 1 ? number[0] : 0;
        return number != NULL && count == 1;
    }
    const struct graph_attribute *numbers = graph_attribute(node, name);
    if (numbers == NULL && otherwise != NULL) {
        *out_number = *otherwise;
        return true;
    }
    *out_number = numbers != NULL && numbers->count == 1 ? numbers->integers[0] : 0;
    return numbers != NULL && numbers->kind == GRAPH_INTS && numbers->count == 1;
}

static bool read_slice(const struct graph_node *node, struct sizes *out) {
    static const int64_t AXIS = 0;
    static const int64_t STEP = 1;
    const struct graph_node *shape = shape_before(node);
    int64_t start;
    int64_t end;
    int64_t axis;
    int64_t step;
    uint32_t first;
    uint32_t given;
    if (shape == NULL || !axes_of(shape, &first, &given) ||
        !slice_number(node, 1, "starts", NULL, &start) ||
        !slice_number(node, 2, "ends", NULL, &end) ||
        !slice_number(node, 3, "axes", &AXIS, &axis) ||
        !slice_number(node, 4, "steps", &STEP, &step) || (axis != 0 && axis != -1) || step != 1) {
        return false;
    }
    start = within(start, given);
    end = within(end, given);
    bool is_known = true;
    for (int64_t i = start; is_known && i < end; i++) {
        is_known = take_size(shape, first + (uint32_t)i, out);
    }
    return is_known;
}

static const struct {
    const char *op;
    bool (*read)(const struct graph_node *node, struct sizes *out);
} KNOWN[] = {
    {"Shape", read_shape}, {"Size", read_size}, {"Gather", read_gather}, {"Slice", read_slice}};

static bool read_node(const struct graph_node *node, struct sizes *out) {
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (graph_node_is(node, KNOWN[i].op)) {
            return KNOWN[i].read(node, out);
        }
    }
    return false;
}

static status settle(struct graph_value *value, const struct sizes *sizes) {
    struct graph_model *model = value->graph->model;
    const int64_t count = sizes->count;
    void *bytes = NULL;
    struct graph_tensor *tensor =
        graph_tensor_new(model, ELEMENT_INT64, &count, sizes->is_scalar ? 0 : 1, &bytes);
    for (uint32_t i = 0; tensor != NULL && i < sizes->count; i++) {
        ((int64_t *)bytes)[i] = sizes->numbers[i];
    }
    return tensor != NULL ? graph_settle(value, tensor) : STATUS_NO_MEMORY;
}

status shape_fold_graph(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    struct graph_node *next;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL; node = next) {
        struct sizes sizes = {.count = 0};
        struct graph_value *value = graph_output(node, 0);
        next = graph_walk(model, node);
        if (value == NULL || value->uses == NULL || graph_is_output(value) ||
            !read_node(node, &sizes)) {
            continue;
        }
        if (settle(value, &sizes) != STATUS_OK) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a model's shapes");
        }
        changes++;
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}
