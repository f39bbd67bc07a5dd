// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_fence.h"

struct fenced {
    const char *name;
    const char *why;
};

static const char NO_INPUT[] = "an expression has one input, the run's context";
static const char NO_MODULES[] = "expressions know no files; what is shared stands under `let:`";
static const char NO_ENVIRONMENT[] = "expressions see no environment; `$params` and `$device` are "
                                     "what the device says";
static const char NO_END[] = "an expression may fail with `error(\"...\")`, nothing more";
static const char NO_OUTPUT[] = "expressions write nothing; `ebb run --trace` shows their values";

static const struct fenced FENCED[] = {
    {"input", NO_INPUT},          {"inputs", NO_INPUT},
    {"input_filename", NO_INPUT}, {"input_line_number", NO_INPUT},
    {"include", NO_MODULES},      {"import", NO_MODULES},
    {"modulemeta", NO_MODULES},   {"get_search_list", NO_MODULES},
    {"env", NO_ENVIRONMENT},      {"halt", NO_END},
    {"halt_error", NO_END},       {"debug", NO_OUTPUT},
    {"stderr", NO_OUTPUT},
};

status expression_tokens(struct arena *arena, struct slice text, const struct token **out_tokens,
                         uint32_t *out_count, uint32_t *out_at, struct error *err) {
    uint32_t room = 64;
    uint32_t count = 0;
    struct lexer lexer;
    lexer_init(&lexer, text);
    struct token *tokens = arena_get(arena, room, sizeof(*tokens));
    while (tokens != NULL) {
        TRY(lexer_next(&lexer, &tokens[count], out_at, err));
        count++;
        if (tokens[count - 1].kind == TOKEN_END) {
            *out_tokens = tokens;
            *out_count = count;
            return STATUS_OK;
        }
        if (count == room) {
            struct token *more = arena_get(arena, (size_t)room * 2, sizeof(*more));
            for (uint32_t i = 0; more != NULL && i < count; i++) {
                more[i] = tokens[i];
            }
            tokens = more;
            room *= 2;
        }
    }
    *out_at = 0;
    return fail(err, STATUS_NO_MEMORY, "no memory for the expression");
}

bool expression_is_member_name(const struct token *tokens, uint32_t index, bool is_object) {
    return is_object && index > 0 &&
           (token_is(&tokens[index - 1], "{") || token_is(&tokens[index - 1], ","));
}

static status fence_name(const struct token *token, uint32_t *out_at, struct error *err) {
    for (size_t i = 0; i < sizeof(FENCED) / sizeof(FENCED[0]); i++) {
        if (slice_is(token->text, FENCED[i].name)) {
            *out_at = token->begin;
            return fail(err, STATUS_INVALID, "`%s` is not for expressions: %s", FENCED[i].name,
                        FENCED[i].why);
        }
    }
    return STATUS_OK;
}

static status fence_variable(const struct token *token, uint32_t *out_at, struct error *err) {
    if (!slice_is(token->text, "ENV") && !slice_starts(token->text, "__")) {
        return STATUS_OK;
    }
    *out_at = token->begin;
    return fail(err, STATUS_INVALID, "`$%.*s` is not for expressions: %s", SLICE_ARGS(token->text),
                NO_ENVIRONMENT);
}

status expression_fence(const struct token *tokens, uint32_t count, uint32_t *out_at,
                        struct error *err) {
    bool is_brace[EXPRESSION_DEPTH_MAX + 1] = {false};
    uint32_t depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct token *token = &tokens[i];
        if (token->kind == TOKEN_OPEN_MARK || token_is(token, "(") || token_is(token, "[") ||
            token_is(token, "{")) {
            depth++;
            is_brace[depth] = token_is(token, "{");
        } else if (token->kind == TOKEN_CLOSE_MARK || token_is(token, ")") ||
                   token_is(token, "]") || token_is(token, "}")) {
            depth--;
        } else if (token->kind == TOKEN_NAME &&
                   !expression_is_member_name(tokens, i, is_brace[depth])) {
            TRY(fence_name(token, out_at, err));
        } else if (token->kind == TOKEN_VARIABLE) {
            TRY(fence_variable(token, out_at, err));
        }
    }
    return STATUS_OK;
}
