/*
 * expression_input: the JSON that a jq program is handed: {"c": context, "v": variables}.
 *
 * Of the context only what the program reads, since `.event.text` alone may be a MiB. Numbers that
 * jq would round are refused here, by the path where they stand.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "wire/expression_tree.h"

/* Integers beyond this are not exact in jq. */
#define EXPRESSION_INTEGER_MAX (INT64_C(1) << 53)

/* Appends to `out`; a let is evaluated for it. FULL: more than the buffer takes. */
status expression_input(const struct expression *expression, struct context *context,
                        struct buffer *out, struct error *err);
