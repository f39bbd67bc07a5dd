/*
 * graph_inner: what makes graphs, for the files that do; part of graph.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/graph.h"

/* false: no memory. */
bool graph_values_add(struct graph_model *model, struct graph_values *values,
                      struct graph_value *value);

/* Puts the node before `place`, or at the end of the graph. */
void graph_link_node(struct graph *graph, struct graph_node *place, struct graph_node *node);
void graph_unlink_node(struct graph_node *node);

/* Puts the nodes of a graph and of its bodies into an order in which everything is made before it
 * is used; those that are in such an order stay as they are. INVALID: they go in a circle. */
status graph_sort(struct graph *graph, struct error *err);
