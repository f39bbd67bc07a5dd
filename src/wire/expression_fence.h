/*
 * expression_fence: the jq functions that reach beyond a run's context, refused by name.
 *
 * For clear messages, not for safety: that is the child's empty environment. Functions are meant,
 * not fields: `.inputs` and `{input: 1}` pass.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/lexer.h"

/* All tokens of a text, TOKEN_END last. INVALID: not lexically jq; *out_at is where. */
status expression_tokens(struct arena *arena, struct slice text, const struct token **out_tokens,
                         uint32_t *out_count, uint32_t *out_at, struct error *err);

/* INVALID names the function and why not. */
status expression_fence(const struct token *tokens, uint32_t count, uint32_t *out_at,
                        struct error *err);

/* True when token `index`, a name, a string's quote or a variable, begins a member of an object
 * construction; `is_object` says whether the innermost open bracket is a brace. */
bool expression_is_member_name(const struct token *tokens, uint32_t index, bool is_object);
