/*
 * graph: a model in memory as its passes see it: nodes in order, values between them, tensors.
 *
 * A value is made once (by a node, or as an input or an initializer of a graph) and knows all who
 * use it, in its own graph and in the bodies of If, Loop and Scan that reach for it; so "has one
 * user and is no output" is one look. Names are looked up when a file is read and never again.
 * Everything lies in the model's arena until the model is gone; a tensor never changes, a pass puts
 * another in its place. What the file says beyond this (texts, metadata, quantization notes) stays
 * with its `origin` and is written back. Reading and writing files is model/onnx_file.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/element_type.h"

enum {
    GRAPH_DEPTH_MAX = 16, /* bodies within bodies */
    GRAPH_NAME_BYTES_MAX = 4096,
    GRAPH_RANK_MAX = 64
};

struct graph;
struct graph_node;
struct graph_value;
struct graph_model;
struct onnx_external;

/* Numbers in row-major order, little endian. Never changed once it is there. */
struct graph_tensor {
    enum element_type type;
    uint32_t rank;
    const int64_t *dims;
    const void *bytes; /* NULL: texts, which are only carried through */
    uint64_t byte_count;
    const void *origin; /* the file's own; NULL: made by a pass */
};

/* One place that takes a value: an input of a node, or an output of a graph. */
struct graph_use {
    struct graph_value *value; /* NULL: an input that is left out */
    struct graph_node *node;   /* NULL: an output of a graph */
    struct graph_use *next;    /* of the same value */
    struct graph_use **from;   /* what points here */
};

/* A type as a file declares it for an input, an output or a value. Of a value between nodes it may
 * be wrong: a pass relies on it only where ONNX Runtime has said it (model/inferred). */
struct graph_type {
    bool is_sure;   /* ONNX Runtime said so */
    bool is_tensor; /* else a sequence, a map, ...: nothing below counts */
    enum element_type element;
    bool has_shape;
    uint32_t rank;
    const struct graph_dim *dims;
};

struct graph_dim {
    int64_t size;      /* -1: open */
    struct slice name; /* of an open one; may be empty */
};

struct graph_value {
    struct slice name;
    struct graph *graph;               /* whose it is; not owned */
    struct graph_node *producer;       /* NULL: an input or an initializer */
    const struct graph_tensor *tensor; /* of an initializer */
    bool is_input;                     /* of its graph; with a tensor: the tensor is its default */
    struct graph_use *uses;
    const struct graph_type *type; /* as declared; NULL: not declared */
    const void *origin;            /* the declaration in the file */
};

enum graph_attribute_kind {
    GRAPH_FLOAT = 1,
    GRAPH_INT,
    GRAPH_TEXT,
    GRAPH_TENSOR,
    GRAPH_BODY,
    GRAPH_FLOATS,
    GRAPH_INTS,
    GRAPH_TEXTS,
    GRAPH_TENSORS,
    GRAPH_BODIES,
    GRAPH_OTHER /* types and sparse tensors: carried through */
};

struct graph_attribute {
    struct slice name;
    enum graph_attribute_kind kind;
    uint32_t count; /* of the lists */
    union {
        float number;
        int64_t integer;
        struct slice text;
        const struct graph_tensor *tensor;
        struct graph *body;
        const float *numbers;
        const int64_t *integers;
        const struct slice *texts;
        struct graph *const *bodies;
    };
    const void *origin;
};

struct graph_node {
    struct slice name, op, domain; /* domain "": the standard operators */
    struct graph *graph;
    struct graph_node *before, *after;
    struct graph_use *inputs;
    struct graph_value **outputs; /* NULL where one is left out */
    struct graph_attribute *attributes;
    uint32_t input_count, output_count, attribute_count;
    uint32_t mark; /* a pass's own, anything at its beginning */
    const void *origin;
};

struct graph_values {
    struct graph_value **items;
    uint32_t count, room;
};

struct graph {
    struct graph_model *model;
    struct graph_node *owner; /* the node whose body it is; NULL: the main graph */
    struct slice name;
    struct graph_node *first, *last;
    struct graph_values inputs, initializers;
    struct graph_values declared; /* values between nodes that the file says a type of */
    struct graph_use *outputs;
    const struct graph_type *const *output_types; /* NULL where none is said */
    const void *const *output_origins;
    uint32_t output_count;
    const void *origin;
};

struct graph_opset {
    struct slice domain;
    int64_t version;
};

struct graph_model {
    struct arena arena;
    int64_t ir_version;
    struct graph_opset *opsets;
    uint32_t opset_count;
    struct graph main;
    bool has_functions;             /* operators that the file defines itself */
    bool changed;                   /* since it was read */
    uint64_t names_made;            /* no name of the file has a higher number */
    struct slice folder;            /* where the file was, and its external data; may be empty */
    struct onnx_external *external; /* files of it that are mapped */
    const void *origin;
};

/* --- asking --- */

/* A standard operator of this name. */
bool graph_node_is(const struct graph_node *node, const char *op);

/* A standard operator; and one of those that `ops` names, with a blank between two. */
bool graph_node_is_standard(const struct graph_node *node);
bool graph_node_is_any(const struct graph_node *node, const char *ops);

/* The value at an input or an output; NULL: there is none. */
struct graph_value *graph_input(const struct graph_node *node, uint32_t index);
struct graph_value *graph_output(const struct graph_node *node, uint32_t index);

/* The tensor of a value that is always the same: an initializer that no caller may replace, or the
 * output of a Constant node with a tensor. NULL: it is no such value. */
const struct graph_tensor *graph_constant(const struct graph_value *value);

/* The one node that takes the value, when it takes it once and the value is no output; or NULL. */
struct graph_node *graph_only_user(const struct graph_value *value);
bool graph_is_output(const struct graph_value *value);
uint32_t graph_use_count(const struct graph_value *value);

const struct graph_attribute *graph_attribute(const struct graph_node *node, const char *name);
int64_t graph_integer(const struct graph_node *node, const char *name, int64_t otherwise);
float graph_number(const struct graph_node *node, const char *name, float otherwise);
/* "" where there is none. */
struct slice graph_text(const struct graph_node *node, const char *name);

/* The node's name, or its operator and first output: for sentences. */
struct slice graph_node_called(const struct graph_node *node);

/* Version of the standard operators; 0: the model does not say. */
int64_t graph_opset(const struct graph_model *model);

/* The input of the main graph with this name that a caller gives; NULL: none. */
struct graph_value *graph_model_input(const struct graph_model *model, struct slice name);

/* Numbers that a tensor holds. */
uint64_t graph_tensor_count(const struct graph_tensor *tensor);

/* The one number of a float32 tensor of one number. */
bool graph_scalar(const struct graph_tensor *tensor, float *out_number);

/* The nodes one after another, the first for NULL, NULL at the end; those of bodies come behind the
 * node whose bodies they are. The node at hand may be removed once the next was taken. */
struct graph_node *graph_walk(const struct graph_model *model, const struct graph_node *node);

/* --- changing: NO_MEMORY when the arena has no more --- */

/* A new name that no value of the model has: `base` and a number. */
struct slice graph_new_name(struct graph_model *model, struct slice base);

/* A tensor whose bytes are in the arena and zero; write through *out_bytes before anything else
 * sees it. NULL: no memory, or no such size. */
struct graph_tensor *graph_tensor_new(struct graph_model *model, enum element_type type,
                                      const int64_t *dims, uint32_t rank, void **out_bytes);

/* An initializer of `graph` with that tensor under a new name made of `base`. */
struct graph_value *graph_add_tensor(struct graph *graph, struct slice base,
                                     const struct graph_tensor *tensor);

/* The same for what is written often: float32 numbers, whole numbers; rank 0 for dims NULL. */
struct graph_value *graph_add_floats(struct graph *graph, struct slice base, const float *numbers,
                                     uint32_t count, bool is_scalar);
struct graph_value *graph_add_integers(struct graph *graph, struct slice base,
                                       const int64_t *numbers, uint32_t count, bool is_scalar);

/* A standard operator before `place` (NULL: at the end of `graph`) with these inputs (NULL: left
 * out) and new outputs whose names are made of `base`. */
struct graph_node *graph_add_node(struct graph *graph, struct graph_node *place, const char *op,
                                  struct graph_value *const *inputs, uint32_t input_count,
                                  uint32_t output_count, struct slice base);

status graph_set_integer(struct graph_node *node, const char *name, int64_t number);
status graph_set_integers(struct graph_node *node, const char *name, const int64_t *numbers,
                          uint32_t count);
status graph_set_number(struct graph_node *node, const char *name, float number);
status graph_set_text(struct graph_node *node, const char *name, struct slice text);
status graph_set_tensor(struct graph_node *node, const char *name,
                        const struct graph_tensor *tensor);
void graph_drop_attribute(struct graph_node *node, const char *name);

/* The node is of another standard operator; the text stays where it is. */
void graph_set_op(struct graph_node *node, const char *op);

/* Has the node take `value` at `index` (it grows as needed; between are inputs left out). */
status graph_set_input(struct graph_node *node, uint32_t index, struct graph_value *value);

/* Has the one place take that value (NULL: none), and the value know of it; an output has the name
 * of its value. */
void graph_use_value(struct graph_use *use, struct graph_value *value);

/* Cuts the inputs behind the first `count`. */
void graph_cut_inputs(struct graph_node *node, uint32_t count);

/* Everybody who used `old` uses `value`; outputs of graphs keep their names: when `old` is one, its
 * name goes to `value`, or, where that cannot be (an input, an initializer, a value of another
 * graph, an output itself), an Identity keeps it. */
status graph_replace(struct graph_value *old, struct graph_value *value);

/* The graph gives these values and no others, none of them twice; all are made in it. */
status graph_set_outputs(struct graph *graph, struct graph_value *const *values, uint32_t count);

/* The graph gives this value, too: for who wants to see it. It keeps its name. */
status graph_add_output(struct graph *graph, struct graph_value *value);

/* Whether graph_replace does so without an Identity. */
bool graph_may_replace(const struct graph_value *old, const struct graph_value *value);

/* The value is made by no node any more, it is that tensor: an initializer with the same name. */
status graph_settle(struct graph_value *value, const struct graph_tensor *tensor);

/* Puts the nodes and initializers of a body that takes no inputs into the graph of its node, which
 * makes way for them; names of what is in it are new. */
status graph_inline(struct graph_node *node, struct graph *body);

/* Takes a node out whose outputs nobody uses. */
void graph_remove_node(struct graph_node *node);

/* Takes out what nothing depends on: nodes, initializers, in all graphs. Says how many nodes. */
uint32_t graph_remove_dead(struct graph_model *model);

/* The input is none any more: it is always that tensor. */
status graph_bind_input(struct graph_value *input, const struct graph_tensor *tensor);

/* Forgets what the file said of values between nodes: for passes that change their shapes. */
void graph_forget_declared(struct graph_model *model);

/* Whether what everything uses was made before it: for tests and after each pass. INVALID names the
 * node. */
status graph_verify(const struct graph_model *model, struct error *err);
