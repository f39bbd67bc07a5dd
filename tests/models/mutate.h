/*
 * mutate: changes a graph by chance, as bytes say: attributes, operators, edges, constants, nodes
 * that are put in between.
 *
 * The graph still holds together (graph_verify); whether it means anything, nobody knows. For the
 * harnesses and fuzz targets of passes, which must take it or refuse it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/graph.h"

/* What chance is made of: bytes, and zeroes behind them. */
struct mutation {
    const uint8_t *bytes;
    size_t count, at;
    bool is_wild; /* numbers of any size; else small ones, which a runtime may be given */
};

/* From 0 to below - 1; 0 for 0. */
uint32_t mutation_next(struct mutation *mutation, uint32_t below);

/* One change. NO_MEMORY: the graph is of no use. */
status mutate_graph(struct graph_model *model, struct mutation *mutation);
