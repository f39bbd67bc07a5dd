/*
 * test_context: a run's context as tests of expressions and templates see it. Tests only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "platform/json.h"
#include "wire/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* behind our own: it has a macro `fail` */

static const char TEST_EVENT[] =
    "{\"data\":{\"t\":-18.4,\"n\":48211,\"big\":9007199254740993,"
    "\"raw\":123456789012345678901234567890,\"room\":\"a b\",\"none\":null,\"off\":false,"
    "\"list\":[1,\"two\",{\"x\":3}],\"a b\":\"blank\"},\"type\":\"message\"}";
static const char TEST_STEPS[] =
    "{\"detect\":{\"score\":0.93,\"objects\":[{\"score\":0.5},{\"score\":0.25}]}}";
static const char TEST_PARAMS[] = "{\"limit\":0.5,\"name\":\"door\"}";

struct test_context {
    struct arena arena;
    struct context context;
    struct error err;
    struct place place;  /* of the last error of compiling */
    struct buffer shown; /* the last value as JSON */
    struct buffer asked; /* what the query door was handed last */
    const char *answer;  /* what it answers: JSON, or NULL: an error */
    struct let lets[8];
    struct value let_values[8];
    unsigned char let_states[8];
};

static inline struct value test_json(struct test_context *test, const char *text) {
    struct value value = {0};
    struct error err = {0};
    if (json_read(&test->arena, slice_of(text), &value, &err) != STATUS_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return value;
}

static inline status test_query(void *owner, const struct expression *expression,
                                struct slice input, struct arena *arena, struct value *out_value,
                                struct error *err) {
    struct test_context *test = owner;
    (void)expression;
    buffer_clear(&test->asked);
    buffer_add(&test->asked, input);
    buffer_add_byte(&test->asked, '\0');
    if (test->answer == NULL) {
        *err = (struct error){.code = STATUS_INVALID, .text = "jq: cannot"};
        return STATUS_INVALID;
    }
    return json_read(arena, slice_of(test->answer), out_value, err);
}

static inline void test_context_init(struct test_context *test) {
    memset(test, 0, sizeof(*test));
    arena_init(&test->arena, 32 << 20);
    buffer_init(&test->shown, 1 << 20);
    buffer_init(&test->asked, 16 << 20);
    test->answer = "null";
    test->context = (struct context){
        .arena = &test->arena,
        .event = test_json(test, TEST_EVENT),
        .steps = test_json(test, TEST_STEPS),
        .params = test_json(test, TEST_PARAMS),
        .run = test_json(test, "{\"id\":\"r1\"}"),
        .name = test_json(test, "\"flow\""),
        .lets = test->lets,
        .let_values = test->let_values,
        .let_states = test->let_states,
        .query = test_query,
        .query_owner = test,
    };
}

static inline void test_context_done(struct test_context *test) {
    arena_done(&test->arena);
    buffer_done(&test->shown);
    buffer_done(&test->asked);
}

/* Compiled at line 3, column 5; NULL when it is refused: the sentence is in test->err then. */
static inline const struct expression *test_compile(struct test_context *test, const char *text) {
    const struct expression *expression = NULL;
    const struct place begin = {.line = 3, .column = 5};
    if (expression_compile(&test->arena, slice_of(text), begin, &expression, &test->place,
                           &test->err) != STATUS_OK) {
        return NULL;
    }
    return expression;
}

/* The value's JSON, or the sentence of what went wrong. */
static inline const char *test_shown(struct test_context *test, status code, struct value value) {
    if (code != STATUS_OK) {
        return test->err.text;
    }
    buffer_clear(&test->shown);
    json_write(&test->shown, value);
    buffer_add_byte(&test->shown, '\0');
    return buffer_slice(&test->shown).bytes;
}

static inline const char *test_evaluate(struct test_context *test, const char *text) {
    struct value value = {0};
    const struct expression *expression = test_compile(test, text);
    if (expression == NULL) {
        return test->err.text;
    }
    const status code = expression_evaluate(expression, &test->context, &value, &test->err);
    return test_shown(test, code, value);
}

struct test_pair {
    const char *text;
    const char *wanted;
};

/* Every text is native and gives what is wanted. */
static inline void test_pairs(const struct test_pair *pairs, size_t count) {
    struct test_context test;
    test_context_init(&test);
    for (size_t i = 0; i < count; i++) {
        const struct expression *expression = test_compile(&test, pairs[i].text);
        if (expression == NULL) {
            fail_msg("%s: %s", pairs[i].text, test.err.text);
        }
        if (!expression_is_native(expression)) {
            fail_msg("%s is not native", pairs[i].text);
        }
        const char *got = test_evaluate(&test, pairs[i].text);
        if (strcmp(got, pairs[i].wanted) != 0) {
            fail_msg("%s: %s, wanted %s", pairs[i].text, got, pairs[i].wanted);
        }
    }
    test_context_done(&test);
}

#define TEST_PAIRS(list) test_pairs(list, sizeof(list) / sizeof((list)[0]))
