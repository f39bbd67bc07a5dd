/*
 * expression_evaluator: walks the tree of a native expression over a run's context.
 *
 * Paths, comparisons and the logic of these allocate nothing; texts, lists and objects go into the
 * context's arena. Operands are evaluated in jq's order, the right one first, so that of an error
 * and an empty output the same one wins.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/expression_tree.h"

/* OK with *out_empty when there is no output: `.a?` of what has no members. */
status expression_walk(const struct expression *expression, struct context *context,
                       struct value *out_value, bool *out_empty, struct error *err);

/* The value of `$name`; a let is evaluated when it is first asked for. */
status context_variable(struct context *context, struct slice name, struct value *out_value,
                        struct error *err);

/* True when no list or object is nested more than VALUE_DEPTH_MAX deep. */
bool expression_depth_fits(struct value value);

/* Puts the place of byte `at` in front of the sentence in err: "line:column: ". */
void expression_fail_at(const struct expression *expression, uint32_t at, struct error *err);
