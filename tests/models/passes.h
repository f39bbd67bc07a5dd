/*
 * passes: what the harnesses of tests/models do to models: the passes of model/, by name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <math.h>

#include "model/graph.h"

enum { TEST_PASSES_MAX = 24 };

/* What a pass may change in a number of an output, as a share of the largest of that output. */
#define TEST_PASS_EXACT 0.0                /* no more than float noise */
#define TEST_PASS_LOADS ((double)INFINITY) /* only types and shapes count */

struct test_pass {
    const char *name;
    status (*run)(struct graph_model *model, uint32_t *out_changes, struct error *err);
    double tolerance;
};

/* Ended by a name of NULL. */
extern const struct test_pass TEST_PASSES[];
