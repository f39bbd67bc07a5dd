/*
 * model_facts: what is in a model: ports, operators, weights layer by layer, and what could be won.
 *
 * It only looks; nothing is run and nothing changes. What a pass would really win is measured by
 * whoever runs it.
 *
 * Thread: any. All of it lies in the arena, the texts are the model's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "model/graph.h"

struct model_operator {
    struct slice op, domain;
    uint32_t count;
};

/* A node with constant weights. */
struct model_layer {
    struct slice name, op;
    uint64_t weight_count, byte_count;
    const struct graph_tensor *largest; /* of its weights */
};

struct model_facts {
    uint32_t node_count, body_count;
    struct model_operator *operators; /* the most frequent first */
    uint32_t operator_count;
    struct model_layer *layers; /* the largest first */
    uint32_t layer_count;
    uint64_t weight_count, byte_count; /* of all constants */
    uint64_t float_byte_count;         /* of those, what float32 is */
    uint64_t quantizable_byte_count;   /* weights of Conv, MatMul and Gemm in float32 */
    uint32_t constant_node_count;      /* Constant nodes with weights of layers in them */
    bool has_external_data;
};

/* A chance to make the model smaller or faster: what, and the command that tries it. */
struct model_chance {
    struct slice what, command;
};

enum { MODEL_CHANCES_MAX = 8 };

status model_facts_read(const struct graph_model *model, struct arena *arena,
                        struct model_facts *out_facts, struct error *err);

/* Sentences for a person, for the file at `path`; how many were written. */
uint32_t model_facts_chances(const struct graph_model *model, const struct model_facts *facts,
                             const char *path, struct arena *arena,
                             struct model_chance out_chances[MODEL_CHANCES_MAX]);

/* "float32 1 x 3 x height x 320", or what it is when it is no tensor. */
struct slice model_type_text(const struct graph_type *type, struct arena *arena);
struct slice model_tensor_text(const struct graph_tensor *tensor, struct arena *arena);
