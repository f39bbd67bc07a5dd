/*
 * expression_parser: jq text to a tree, as far as it is native.
 *
 * Precedence and associativity are jq's: `|` lowest, then `//` (to the right), `or`, `and`, the
 * comparisons (which do not chain). What jq would refuse for certain is refused here with a
 * sentence; what only jq knows is left to jq.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/expression_tree.h"

/* *out_root is NULL when the text is not native. INVALID: *out_at is the byte that is wrong. */
status expression_parse(struct arena *arena, struct slice text, const struct node **out_root,
                        uint32_t *out_at, struct error *err);
