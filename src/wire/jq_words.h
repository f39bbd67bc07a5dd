/*
 * jq_words: what is known of jq's words before anything is parsed.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/lexer.h"

/* Brackets and the interpolations of strings. */
bool token_opens(const struct token *token);
bool token_closes(const struct token *token);

bool token_is_keyword(const struct token *token);

/* `=`, `|=`, `+=` ... */
bool token_assigns(const struct token *token);

/* True when the token begins a value for certain. A name may. */
bool token_begins_term(const struct token *token);

/* True when a dot or bracket behind the token would belong to the value that it ends. */
bool token_ends_term(const struct token *token);

/* For the functions that look at `.` through their arguments alone: for each argument an r when it
 * sees what the call sees, an n when it sees something else. NULL for any other function. */
const char *jq_function_parts(struct slice name, uint32_t arguments);
