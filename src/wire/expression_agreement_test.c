// SPDX-License-Identifier: Apache-2.0
/*
 * Random native expressions on random contexts mean the same here and in jq: the same value, the
 * same absence of one, an error on both sides. The one meant difference, order between null and a
 * number, is counted and left out. EBB_SEED runs another sequence; a failure prints its own.
 */
#include "platform/query.h"
#include "wire/expression_evaluator.h"

#include <stdlib.h>

#include "wire/test_context.h"

enum { BATCHES = 16, BATCH = 128, CONTEXTS = 3, TEXT_BYTES = 4096, LEVELS = 4 };

struct generator {
    uint64_t state;
    struct buffer *out;
    int budget; /* of terms, so that a text stays readable */
};

/* xorshift: the same sequence everywhere. */
static uint32_t roll(struct generator *generator, uint32_t sides) {
    generator->state ^= generator->state << 13;
    generator->state ^= generator->state >> 7;
    generator->state ^= generator->state << 17;
    return (uint32_t)(generator->state >> 33) % sides;
}

static void say(struct generator *generator, const char *text) {
    buffer_add_text(generator->out, text);
}

static void say_one(struct generator *generator, const char *const choices[], uint32_t count) {
    say(generator, choices[roll(generator, count)]);
}

/* Values --------------------------------------------------------------------------------------- */

static void say_json(struct generator *generator, int levels) {
    static const char *const PLAIN[] = {"null", "null",  "false",   "true",         "0",
                                        "1",    "2",     "-1",      "0.5",          "-2.25",
                                        "\"\"", "\"a\"", "\"b c\"", "\"\xc3\xa9\"", "1000000"};
    static const char *const NAMES[] = {"\"a\":", "\"b\":", "\"c d\":", "\"x\":"};
    const uint32_t kind = levels > 0 ? roll(generator, 5) : 0;
    if (kind < 2) {
        say_one(generator, PLAIN, sizeof(PLAIN) / sizeof(PLAIN[0]));
        return;
    }
    const uint32_t count = roll(generator, 4);
    say(generator, kind == 2 ? "[" : "{");
    for (uint32_t i = 0; i < count; i++) {
        say(generator, i > 0 ? "," : "");
        say(generator, kind == 2 ? "" : NAMES[i]);
        say_json(generator, levels - 1);
    }
    say(generator, kind == 2 ? "]" : "}");
}

/* Expressions: each level is a level of jq's precedence, so brackets stand only where they must. -
 */

static void say_pipe(struct generator *generator);
static void say_term(struct generator *generator);

static void say_path(struct generator *generator) {
    static const char *const ROOTS[] = {".event", ".steps",       "$params",   "$run",
                                        ".nope",  ".[\"event\"]", ".\"steps\""};
    static const char *const STEPS[] = {".a",   ".b",  ".x",  ".\"c d\"", "[\"c d\"]", "[0]",
                                        "[-1]", "[5]", ".a?", "[0]?",     "[\"b\"]?"};
    say_one(generator, ROOTS, sizeof(ROOTS) / sizeof(ROOTS[0]));
    for (uint32_t i = roll(generator, 4); i > 0; i--) {
        say_one(generator, STEPS, sizeof(STEPS) / sizeof(STEPS[0]));
    }
}

static void say_literal(struct generator *generator) {
    static const char *const TEXTS[] = {
        "null",  "true", "false",   "0",       "1",     "-1", "0.5", "\"\"",
        "\"a\"", "2",    "\"b c\"", "1000000", "-2.25", "[]", "{}",  "\"\\u00e9\\n\""};
    say_one(generator, TEXTS, sizeof(TEXTS) / sizeof(TEXTS[0]));
}

static void say_text(struct generator *generator) {
    say(generator, "\"t");
    for (uint32_t i = roll(generator, 3); i > 0; i--) {
        say(generator, " \\(");
        say_pipe(generator);
        say(generator, ")");
    }
    say(generator, "\"");
}

static void say_alternative(struct generator *generator);

static void say_list(struct generator *generator) {
    const uint32_t count = roll(generator, 3);
    say(generator, "[");
    for (uint32_t i = 0; i < count; i++) {
        say(generator, i > 0 ? ", " : "");
        say_alternative(generator);
    }
    say(generator, "]");
}

static void say_object(struct generator *generator) {
    static const char *const NAMES[] = {"a: ", "b: ", "\"c d\": ", "if: ", "\"k\\(1)\": "};
    static const char *const SHORT[] = {"event", "$run", "\"steps\""};
    const uint32_t count = roll(generator, 4);
    say(generator, "{");
    for (uint32_t i = 0; i < count; i++) {
        say(generator, i > 0 ? ", " : "");
        if (roll(generator, 6) == 0) {
            say_one(generator, SHORT, sizeof(SHORT) / sizeof(SHORT[0]));
            continue;
        }
        if (roll(generator, 6) == 0) {
            say(generator, "("); /* no literal: jq refuses a number there when it compiles */
            say_path(generator);
            say(generator, "): ");
        } else {
            say_one(generator, NAMES, sizeof(NAMES) / sizeof(NAMES[0]));
        }
        say_term(generator);
        say(generator, roll(generator, 5) == 0 ? " | not" : "");
    }
    say(generator, "}");
}

static void say_term(struct generator *generator) {
    const uint32_t kind = generator->budget > 0 ? roll(generator, 12) : roll(generator, 7);
    generator->budget--;
    if (kind < 4) {
        say_path(generator);
    } else if (kind < 7) {
        say_literal(generator);
    } else if (kind == 7) {
        say_text(generator);
    } else if (kind == 8) {
        say_list(generator);
    } else if (kind == 9) {
        say_object(generator);
    } else {
        say(generator, "(");
        say_pipe(generator);
        say(generator, ")");
        say(generator, roll(generator, 4) == 0 ? ".a" : "");
    }
}

static void say_comparison(struct generator *generator) {
    static const char *const SIGNS[] = {" == ", " != ", " < ", " <= ", " > ", " >= ", "=="};
    say_term(generator);
    if (generator->budget > 0 && roll(generator, 3) == 0) {
        say_one(generator, SIGNS, sizeof(SIGNS) / sizeof(SIGNS[0]));
        say_term(generator);
    }
}

static void say_and(struct generator *generator) {
    say_comparison(generator);
    while (generator->budget > 0 && roll(generator, 5) == 0) {
        say(generator, " and ");
        say_comparison(generator);
    }
}

static void say_or(struct generator *generator) {
    say_and(generator);
    while (generator->budget > 0 && roll(generator, 6) == 0) {
        say(generator, " or ");
        say_and(generator);
    }
}

static void say_alternative(struct generator *generator) {
    say_or(generator);
    while (generator->budget > 0 && roll(generator, 5) == 0) {
        say(generator, " // ");
        say_or(generator);
    }
}

static void say_pipe(struct generator *generator) {
    say_alternative(generator);
    while (roll(generator, 8) == 0) {
        say(generator, " | not");
    }
}

/* Comparing ------------------------------------------------------------------------------------ */

/* Members in the same order, too; a number is its value, since jq knows doubles alone. */
static bool same(struct value a, struct value b) {
    if (a.kind != VALUE_OBJECT || b.kind != VALUE_OBJECT) {
        if (a.kind != VALUE_LIST || b.kind != VALUE_LIST) {
            return value_compare(a, b) == 0;
        }
        bool equal = a.count == b.count;
        for (uint32_t i = 0; equal && i < a.count; i++) {
            equal = same(a.items[i], b.items[i]);
        }
        return equal;
    }
    bool equal = a.count == b.count;
    for (uint32_t i = 0; equal && i < a.count; i++) {
        equal = slice_equal(a.members[i].name, b.members[i].name) &&
                same(a.members[i].value, b.members[i].value);
    }
    return equal;
}

struct counts {
    unsigned values, nothings, errors, meant;
};

struct side {
    status code;
    bool empty;
    struct value value;
    struct error err;
};

static void ask_jq(struct test_context *test, struct query_programs *programs, unsigned index,
                   struct slice input, struct side *out_side) {
    struct buffer answer;
    buffer_init(&answer, 1 << 20);
    *out_side = (struct side){0};
    out_side->code = query_programs_run(programs, index, input, &answer, &out_side->err);
    out_side->empty = answer.count == 0;
    if (out_side->code == STATUS_OK && !out_side->empty) {
        assert_int_equal(
            json_read(&test->arena, buffer_slice(&answer), &out_side->value, &out_side->err),
            STATUS_OK);
    }
    buffer_done(&answer);
}

static void compare(struct test_context *test, const struct expression *expression,
                    struct slice input, const struct side *jq, struct counts *counts) {
    struct side native = {0};
    native.code =
        expression_walk(expression, &test->context, &native.value, &native.empty, &native.err);
    if (native.code != STATUS_OK && strstr(native.err.text, "neither more nor less") != NULL) {
        counts->meant++;
        return;
    }
    const bool agree = native.code == jq->code &&
                       native.empty == (jq->empty && jq->code == STATUS_OK) &&
                       (native.code != STATUS_OK || native.empty || same(native.value, jq->value));
    if (!agree) {
        const struct slice text = expression_text(expression);
        fail_msg("%.*s\non %.*s\nhere: %s\njq: %s %s", SLICE_ARGS(text), SLICE_ARGS(input),
                 native.empty ? "nothing" : test_shown(test, native.code, native.value),
                 jq->empty ? "nothing" : "another value", jq->err.text);
    }
    counts->errors += native.code != STATUS_OK ? 1 : 0;
    counts->nothings += native.code == STATUS_OK && native.empty ? 1 : 0;
    counts->values += native.code == STATUS_OK && !native.empty ? 1 : 0;
}

/* The context as both sides see it. */
static struct slice make_context(struct generator *generator, struct test_context *test,
                                 struct buffer *input) {
    struct value all = {0};
    struct error err = {0};
    buffer_clear(input);
    generator->out = input;
    say(generator, "{\"c\":{\"event\":");
    say_json(generator, LEVELS);
    say(generator, ",\"steps\":");
    say_json(generator, LEVELS);
    say(generator, "},\"v\":{\"params\":");
    say_json(generator, LEVELS);
    say(generator, ",\"run\":");
    say_json(generator, 1);
    say(generator, "}}");
    assert_int_equal(json_read(&test->arena, buffer_slice(input), &all, &err), STATUS_OK);
    const struct value *c = value_get(all, SLICE("c"));
    const struct value *v = value_get(all, SLICE("v"));
    assert_true(c != NULL && v != NULL);
    test->context.event = *value_get(*c, SLICE("event"));
    test->context.steps = *value_get(*c, SLICE("steps"));
    test->context.params = *value_get(*v, SLICE("params"));
    test->context.run = *value_get(*v, SLICE("run"));
    return buffer_slice(input);
}

static void make_expression(struct generator *generator, struct test_context *test,
                            struct buffer *text, const struct expression **out_expression,
                            struct slice *out_program) {
    buffer_clear(text);
    generator->out = text;
    generator->budget = 12;
    say_pipe(generator);
    buffer_add_byte(text, '\0');
    *out_expression = test_compile(test, text->bytes);
    if (*out_expression == NULL || !expression_is_native(*out_expression)) {
        fail_msg("%s: %s", text->bytes, *out_expression == NULL ? test->err.text : "is not native");
    }
    *out_program =
        arena_print(&test->arena, ".v.params as $params|.v.run as $run|.c|(%s\n)", text->bytes);
}

static void run_batch(struct generator *generator, struct counts *counts) {
    struct test_context test;
    struct buffer text;
    const struct expression *expressions[BATCH];
    struct slice programs[BATCH];
    struct query_programs *compiled = NULL;
    unsigned index = 0;
    int offset = 0;
    test_context_init(&test);
    buffer_init(&text, 1 << 20);
    for (unsigned i = 0; i < BATCH; i++) {
        make_expression(generator, &test, &text, &expressions[i], &programs[i]);
    }
    if (query_compile(programs, BATCH, &compiled, &index, &offset, &test.err) != STATUS_OK) {
        fail_msg("%.*s: %s", SLICE_ARGS(programs[index]), test.err.text);
    }
    for (unsigned i = 0; i < BATCH * CONTEXTS; i++) {
        struct side jq;
        const struct slice input = make_context(generator, &test, &text);
        ask_jq(&test, compiled, i % BATCH, input, &jq);
        compare(&test, expressions[i % BATCH], input, &jq, counts);
    }
    query_programs_done(compiled);
    buffer_done(&text);
    test_context_done(&test);
}

static void test_expression__native_forms_mean_what_jq_means(void **state) {
    const char *given = getenv("EBB_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20240229;
    struct generator generator = {.state = seed * 2 + 1};
    struct counts counts = {0};
    (void)state;
    print_message("EBB_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < BATCHES; i++) {
        run_batch(&generator, &counts);
    }
    print_message("%u values, %u without output, %u errors agree; %u differ as meant\n",
                  counts.values, counts.nothings, counts.errors, counts.meant);
    assert_true(counts.values > 2000 && counts.errors > 500 && counts.nothings > 50 &&
                counts.meant > 20);
}

/* What jq takes ----------------------------------------------------------------------------------
 */

enum { SOUPS = 1200, SOUP_TOKENS = 8 };

static void say_soup(struct generator *generator) {
    static const char *const TOKENS[] = {".a",      ".event",    ".",    "..",      "1",    "-1",
                                         "\"s\"",   "\"\\(1)\"", "null", "true",    "$run", "[",
                                         "]",       "(",         ")",    "{",       "}",    "a",
                                         "\"k\"",   ":",         ",",    "|",       "not",  "and",
                                         "or",      "//",        "==",   "<",       "?",    "[0]",
                                         "[\"a\"]", "[]",        "-",    "+",       "if",   "then",
                                         "else",    "end",       "as",   ". \"a\"", ";"};
    for (uint32_t i = 1 + roll(generator, SOUP_TOKENS); i > 0; i--) {
        say_one(generator, TOKENS, sizeof(TOKENS) / sizeof(TOKENS[0]));
        say(generator, " ");
    }
}

/* What is refused here, jq refuses, too; what is native here compiles there. But for one: `not .a`
 * compiles in jq and fails whenever it is run. */
static void check_soup(struct test_context *test, const char *text) {
    const struct expression *expression = test_compile(test, text);
    if (expression != NULL && !expression_is_native(expression)) {
        return;
    }
    struct query_programs *compiled = NULL;
    struct error err = {0};
    unsigned index = 0;
    int offset = 0;
    const struct slice program = arena_print(&test->arena, "1 as $run|(%s\n)", text);
    const status code = query_compile(&program, 1, &compiled, &index, &offset, &err);
    if (code == STATUS_OK && expression == NULL && strstr(test->err.text, "comes behind") == NULL) {
        fail_msg("%s: refused: %s", text, test->err.text);
    }
    if (code != STATUS_OK && expression != NULL) {
        fail_msg("%s: jq refuses: %s", text, err.text);
    }
    query_programs_done(compiled);
}

static void test_expression__what_is_refused_jq_refuses_too(void **state) {
    const char *given = getenv("EBB_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20240229;
    struct generator generator = {.state = seed * 2 + 1};
    struct buffer text;
    (void)state;
    print_message("EBB_SEED=%llu\n", (unsigned long long)seed);
    buffer_init(&text, 1 << 20);
    for (int i = 0; i < SOUPS; i++) {
        struct test_context test;
        test_context_init(&test);
        buffer_clear(&text);
        generator.out = &text;
        say_soup(&generator);
        buffer_add_byte(&text, '\0');
        check_soup(&test, text.bytes);
        test_context_done(&test);
    }
    buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expression__native_forms_mean_what_jq_means),
        cmocka_unit_test(test_expression__what_is_refused_jq_refuses_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
