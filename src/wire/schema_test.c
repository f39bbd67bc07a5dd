// SPDX-License-Identifier: Apache-2.0
#include "wire/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platform/json.h"

#include <cmocka.h>

static const char *const WORDS[] = {"block", "drop", "later", NULL};

static const struct key INNER_KEYS[] = {{.name = "max",
                                         .state = KEY_REQUIRED,
                                         .read = keys_read_count,
                                         .least = 1,
                                         .most = 9,
                                         .help = "How \"many\"."},
                                        {.name = "full", .words = WORDS, .most = 2},
                                        {.name = "later", .state = KEY_RESERVED},
                                        {0}};
static const struct key_table INNER = {.what = "`queue`", .keys = INNER_KEYS};

static const struct key OUTER_KEYS[] = {
    {.name = "ebb", .form = FORM_VERSION},
    {.name = "wait", .read = keys_read_span, .least = 1},
    {.name = "queue", .form = FORM_KEYS, .table = &INNER},
    {.name = "queues", .form = FORM_MAPS, .table = &INNER},
    {.name = "either", .form = FORM_WORD_OR_KEYS, .table = &INNER},
    {.name = "listed", .form = FORM_TEXT_OR_MAPS, .table = &INNER},
    {0}};
static const struct key_table OUTER = {.what = "an outer file", .keys = OUTER_KEYS};

/* What stands behind a path of names in the schema. */
static struct value at(struct value value, const char *const names[]) {
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct value *member = value_get(value, slice_of(names[i]));
        assert_non_null(member);
        value = *member;
    }
    return value;
}

static struct value read_schema(struct arena *arena, void (*write)(struct buffer *out)) {
    struct buffer text;
    struct value schema = {.kind = VALUE_NULL};
    struct error err;
    buffer_init(&text, SCHEMA_BYTES_MAX);
    write(&text);
    assert_int_equal(buffer_status(&text, &err), STATUS_OK);
    assert_int_equal(json_read(arena, arena_copy(arena, buffer_slice(&text)), &schema, &err),
                     STATUS_OK);
    buffer_done(&text);
    return schema;
}

static void write_outer(struct buffer *out) {
    schema_write(&OUTER, "an outer file", SLICE("\"minProperties\":1"), out);
}

static void test_schema__is_made_of_the_tables(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, SCHEMA_BYTES_MAX);
    const struct value schema = read_schema(&arena, write_outer);
    const struct value outer = at(schema, (const char *[]){"$defs", "outer-file", NULL});
    const struct value inner = at(schema, (const char *[]){"$defs", "queue", NULL});
    assert_int_equal(at(outer, (const char *[]){"minProperties", NULL}).integer, 1);
    assert_int_equal(at(outer, (const char *[]){"required", NULL}).count, 1); /* the version */
    assert_int_equal(at(outer, (const char *[]){"properties", NULL}).count, 6);
    const struct value either = at(outer, (const char *[]){"properties", "either", "allOf", NULL});
    assert_int_equal(at(either.items[0], (const char *[]){"anyOf", NULL}).count, 2); /* or text */
    const struct value listed = at(outer, (const char *[]){"properties", "listed", "allOf", NULL});
    assert_int_equal(at(listed.items[0], (const char *[]){"anyOf", NULL}).count, 2); /* or text */
    const struct value help = at(inner, (const char *[]){"properties", "max", "description", NULL});
    assert_true(slice_is(value_text(help), "How \"many\"."));
    const struct value count = at(inner, (const char *[]){"properties", "max", "allOf", NULL});
    assert_int_equal(at(count.items[0], (const char *[]){"maximum", NULL}).integer, 9);
    const struct value words = at(inner, (const char *[]){"properties", "full", "allOf", NULL});
    assert_int_equal(at(words.items[0], (const char *[]){"enum", NULL}).count, 2);
    arena_done(&arena);
}

static void test_schema__leaves_reserved_keys_out(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, SCHEMA_BYTES_MAX);
    const struct value schema = read_schema(&arena, write_outer);
    const struct value keys = at(schema, (const char *[]){"$defs", "queue", "properties", NULL});
    assert_null(value_get(keys, SLICE("later")));
    assert_int_equal(keys.count, 2);
    arena_done(&arena);
}

static void test_schema__of_workflow_and_device_files_is_json(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, SCHEMA_BYTES_MAX);
    const struct value workflow = read_schema(&arena, workflow_schema);
    (void)at(workflow, (const char *[]){"$defs", "step", "properties", "agent", NULL});
    const struct value device = read_schema(&arena, device_schema);
    (void)at(device, (const char *[]){"$defs", "store", "properties", "budget", NULL});
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema__is_made_of_the_tables),
        cmocka_unit_test(test_schema__leaves_reserved_keys_out),
        cmocka_unit_test(test_schema__of_workflow_and_device_files_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
