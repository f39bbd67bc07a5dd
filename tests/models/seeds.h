/*
 * seeds: small models in which each pass finds something to do, to be mutated.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/graph.h"

enum { SEED_COUNT = 6 };

/* One of the SEED_COUNT, whole and verified. NO_MEMORY. */
status seed_graph(uint32_t which, struct graph_model **out_model, struct error *err);
