// SPDX-License-Identifier: Apache-2.0
// Any text as an expression and as a scalar of a template: compiled, shown to the checker and
// evaluated on a fixed context. What is not native is handed to nobody, but its input is written.
#include <stdint.h>
#include <stdlib.h>

#include "platform/json.h"
#include "wire/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { ARENA_BYTES = 8 << 20 };

static const char EVENT[] =
    "{\"data\":{\"t\":-18.4,\"n\":48211,\"big\":9007199254740993,\"raw\":1e999,\"room\":\"a b\","
    "\"none\":null,\"off\":false,\"list\":[1,\"two\",{\"x\":3}],\"a b\":\"\xc3\xa9\"},"
    "\"type\":\"message\"}";
static const char STEPS[] = "{\"detect\":{\"score\":0.93,\"objects\":[{\"score\":0.5}]}}";

static status take_question(void *owner, const struct expression *expression, struct slice input,
                            struct arena *arena, struct value *out_value, struct error *err) {
    (void)owner;
    (void)expression;
    return json_read(arena, input, out_value, err); /* what was written must read back */
}

static void see_path(void *owner, const struct path *path) {
    uint32_t *names = owner;
    *names += path->name_count;
}

static void see_expression(void *owner, const struct expression *expression) {
    expression_visit(expression, see_path, owner);
}

static struct value read_json(struct arena *arena, const char *text) {
    struct value value = {0};
    if (json_read(arena, slice_of(text), &value, NULL) != STATUS_OK) {
        abort();
    }
    return value;
}

static void check_place(struct place place) {
    if (place.line < 1 || place.column < 1) {
        abort();
    }
}

static void try_expression(struct context *context, struct slice text) {
    const struct expression *expression = NULL;
    struct place place = {.line = 1, .column = 1};
    struct error err = {0};
    struct value value = {0};
    uint32_t names = 0;
    if (expression_compile(context->arena, text, place, &expression, &place, &err) != STATUS_OK) {
        check_place(place);
        return;
    }
    expression_visit(expression, see_path, &names);
    const status code = expression_evaluate(expression, context, &value, &err);
    if (code == STATUS_CORRUPT ||
        (!expression_is_native(expression) && code == STATUS_OK && value.kind != VALUE_OBJECT)) {
        abort();
    }
}

static void try_template(struct context *context, struct slice text) {
    const struct yaml node = {.kind = YAML_SCALAR, .quoted = true, .place = {1, 1}, .text = text};
    const struct template *template = NULL;
    struct place place = {.line = 1, .column = 1};
    struct error err = {0};
    struct value value = {0};
    uint32_t names = 0;
    if (template_compile(context->arena, &node, &template, &place, &err) != STATUS_OK) {
        check_place(place);
        return;
    }
    template_visit(template, see_expression, &names);
    (void)template_shape(template, context->arena, &value);
    if (template_render(template, context, &value, &err) == STATUS_OK) {
        CLEANUP(buffer_done) struct buffer out;
        buffer_init(&out, ARENA_BYTES);
        json_write(&out, value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct let lets[1] = {{.name = {.bytes = "x", .count = 1}}};
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    struct arena arena;
    struct value let_values[1] = {0};
    unsigned char let_states[1] = {2};
    arena_init(&arena, ARENA_BYTES);
    struct context context = {
        .arena = &arena,
        .event = read_json(&arena, EVENT),
        .steps = read_json(&arena, STEPS),
        .params = read_json(&arena, "{\"limit\":0.5}"),
        .lets = lets,
        .let_count = 1,
        .let_values = let_values,
        .let_states = let_states,
        .query = take_question,
    };
    try_expression(&context, text);
    try_template(&context, text);
    arena_done(&arena);
    return 0;
}
