// SPDX-License-Identifier: Apache-2.0
// The expressions that jq evaluates: gathered, compiled for a look, and warned about.
#include "wire/expression_tree.h"
#include "wire/lexer.h"
#include "wire/workflow_draft.h"

static void count_program(struct workflow_draft *draft, struct expression_owner owner,
                          const struct expression *expression) {
    (void)owner;
    draft->workflow->program_count += expression_is_native(expression) ? 0 : 1;
}

static void keep_program(struct workflow_draft *draft, struct expression_owner owner,
                         const struct expression *expression) {
    (void)owner;
    if (!expression_is_native(expression)) {
        draft->programs[draft->workflow->program_count++] = expression;
    }
}

/* jq compares null with anything; natively that is an error of the run. */
static void warn_of_order(struct workflow_draft *draft, const struct expression *expression) {
    static const char *const SIGNS[] = {"<", "<=", ">", ">="};
    const struct slice text = expression_text(expression);
    struct lexer lexer;
    struct token token;
    uint32_t at;
    lexer_init(&lexer, text);
    while (lexer_next(&lexer, &token, &at, NULL) == STATUS_OK && token.kind != TOKEN_END) {
        for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
            if (token_is(&token, SIGNS[i])) {
                faults_warn(draft->reading.faults, expression_place_of(expression, token.begin),
                            "this is jq, where `%s` takes null for less than any number: a value "
                            "that is missing compares, too",
                            SIGNS[i]);
                return;
            }
        }
    }
}

static void compile(struct workflow_draft *draft, const struct expression *expression) {
    const struct workflow_doors *doors = draft->doors;
    struct error err;
    int offset = -1;
    if (doors == NULL || doors->compile == NULL) {
        return;
    }
    const status code = doors->compile(doors->owner, expression_program(expression), &offset, &err);
    if (code == STATUS_NO_MEMORY) {
        draft->reading.faults->no_memory = true;
    } else if (code != STATUS_OK) {
        const struct slice text = expression_text(expression);
        const int64_t in_text = (int64_t)offset - expression_program_offset(expression);
        const bool known = in_text >= 0 && (size_t)in_text <= text.count;
        faults_add(draft->reading.faults,
                   expression_place_of(expression, known ? (uint32_t)in_text : 0), "%s", err.text);
    }
}

void jq_programs_check(struct workflow_draft *draft) {
    struct workflow *workflow = draft->workflow;
    draft_each_expression(draft, count_program);
    if (workflow->program_count == 0) {
        return;
    }
    const size_t bytes_each =
        sizeof(const struct expression *); // NOLINT(bugprone-sizeof-expression)
    draft->programs = arena_get(draft->reading.arena, workflow->program_count, bytes_each);
    workflow->program_count = 0;
    if (draft->programs == NULL) {
        draft->reading.faults->no_memory = true;
        return;
    }
    draft_each_expression(draft, keep_program);
    workflow->programs = draft->programs;
    for (uint32_t i = 0; i < workflow->program_count; i++) {
        warn_of_order(draft, draft->programs[i]);
        compile(draft, draft->programs[i]);
    }
}
