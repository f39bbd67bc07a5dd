// SPDX-License-Identifier: Apache-2.0
/* Fields that `schema:` names in files, and the text that brings them along. The files, and what is
 * said of wrong ones, stand in tests/format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "base/buffer.h"
#include "platform/file.h"
#include "wire/workflow.h"

static const char HEAD[] = "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults:\n";

static struct workflow *read_text(const char *folder, struct slice text) {
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    const struct workflow_doors doors = {.folder = folder};
    const status code = workflow_read(SLICE("w.yaml"), text, &doors, &workflow, &faults, &err);
    if (code != STATUS_OK) {
        print_error("%.*s\n", SLICE_ARGS(faults->faults[0].text));
    }
    assert_int_equal(code, STATUS_OK);
    assert_int_equal(faults->count, 0);
    fault_list_release(faults);
    return workflow;
}

static struct workflow *read_results(const char *folder, const char *results) {
    struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    buffer_print(&text, "%s%s", HEAD, results);
    struct workflow *workflow = read_text(folder, buffer_slice(&text));
    buffer_done(&text);
    return workflow;
}

static void assert_units(const struct workflow *workflow, const char *result, const char *units) {
    struct buffer found;
    buffer_init(&found, WORKFLOW_BYTES_MAX);
    measure_read_units(workflow->text, slice_of(result), &found);
    assert_true(slice_is(buffer_slice(&found), units));
    buffer_done(&found);
}

/* What is kept beside a run or a result is enough, whatever became of the files. */
static void test_schema_files__stand_in_the_text_of_the_workflow(void **state) {
    (void)state;
    struct workflow *workflow = read_results(
        "tests/format", "  - { name: a, schema: reading.schema.json, from: { t: 1 } }\n"
                        "  - { name: b, schema: odd.schema.json, from: { t: 1, on: x } }\n"
                        "  - { name: c, schema: reading.schema.json, from: { t: 2, n: 3 } }");
    assert_int_equal(workflow->schema_file_count, 2);
    assert_string_equal(workflow->schema_files[0].bytes, "reading.schema.json");
    assert_string_equal(workflow->schema_files[1].bytes, "odd.schema.json");
    struct workflow *again = read_text("tests/none", workflow->text);
    assert_true(slice_equal(again->text, workflow->text));
    assert_true(id_equal(again->digest, workflow->digest));
    assert_int_equal(again->schema_file_count, 0);
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        const struct field_set *a = workflow->results[i].schema;
        const struct field_set *b = again->results[i].schema;
        assert_int_equal(a->count, b->count);
        assert_int_equal(a->fields[0].type, b->fields[0].type);
        assert_true(a->fields[0].min == b->fields[0].min && a->fields[0].max == b->fields[0].max);
    }
    const struct field *on = field_find(again->results[1].schema, SLICE("on"));
    assert_int_equal(on->count_max, 4096);
    assert_true(slice_is(value_text(on->default_value), "0x1f"));
    workflow_release(again);
    workflow_release(workflow);
}

static void test_schema_files__are_part_of_the_digest(void **state) {
    (void)state;
    const char *result = "  - { name: a, schema: reading.schema.json, from: { t: 1 } }\n";
    struct workflow *one = read_results("tests/format", result);
    struct workflow *same = read_results("tests/format", result);
    struct buffer other;
    buffer_init(&other, WORKFLOW_BYTES_MAX);
    buffer_print(&other, "%s%s---\nschemas: { reading.schema.json: { t: integer } }\n", HEAD,
                 result);
    struct workflow *changed = read_text("tests/none", buffer_slice(&other));
    assert_true(id_equal(one->digest, same->digest));
    assert_false(id_equal(one->digest, changed->digest));
    buffer_done(&other);
    workflow_release(one);
    workflow_release(same);
    workflow_release(changed);
}

static void test_schema_files__give_their_units_to_the_fields_that_say_none(void **state) {
    (void)state;
    struct workflow *workflow = read_results(
        "tests/format", "  - { name: a, schema: reading.schema.json, from: { t: 1 } }\n"
                        "  - { name: b, schema: { t: { type: number, unit: K }, u: number, x-y: { "
                        "unit: m } }, from: { u: { value: 1, unit: s }, t: 1 } }\n"
                        "  - { name: c, schema: { t: number }, from: { t: 1 } }\n"
                        "  - { name: d, schema: { t: { type: number, unit: K } }, from: '${ "
                        ".event.data }' }\n"
                        "  - { name: e, schema: { t: { type: number, unit: K } }, from: { t: { "
                        "value: 1, unit: K, digits: 1 } } }\n");
    static const char *const UNITS[] = {"{\"t\":\"Cel\"}", "{\"u\":\"s\",\"t\":\"K\"}", "",
                                        "{\"t\":\"K\"}", "{\"t\":\"K\"}"};
    static const char *const NAMES[] = {"a", "b", "c", "d", "e"};
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        assert_true(slice_is(workflow->results[i].units, UNITS[i]));
        assert_units(workflow, NAMES[i], UNITS[i]);
    }
    workflow_release(workflow);
}

static void test_schema_files__have_names_of_their_own(void **state) {
    (void)state;
    static const char *const GOOD[] = {"a.schema.yaml", "cold-room_1.v2.schema.json",
                                       "workflow.schema.json"};
    static const char *const BAD[] = {
        "",
        ".schema.yaml",
        "a.yaml",
        "a.schema.yml",
        "a/b.schema.yaml",
        "schema.yaml",
        "..a.schema.yaml",
        "a b.schema.json",
        "ä.schema.json",
        "a0123456789012345678901234567890123456789012345678901234567890.schema.yaml"};
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        assert_true(workflow_is_schema_file(slice_of(GOOD[i])));
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(workflow_is_schema_file(slice_of(BAD[i])));
    }
}

/* A file that fits alone, and not behind a workflow of nearly the largest size. */
static void test_schema_files__and_their_workflow_are_bounded_together(void **state) {
    (void)state;
    struct buffer text;
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    const struct workflow_doors doors = {.folder = "tests/format"};
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    buffer_print(&text, "%s  - { name: a, schema: reading.schema.json, from: { t: 1 } }\n", HEAD);
    while (text.count < WORKFLOW_BYTES_MAX - 64) {
        buffer_add_text(&text, "# so that it is long                                           \n");
    }
    assert_int_equal(
        workflow_read(SLICE("w"), buffer_slice(&text), &doors, &workflow, &faults, &err),
        STATUS_INVALID);
    assert_true(slice_is(faults->faults[0].text,
                         "a workflow file and the schemas that it names have at most 1048576 bytes "
                         "together"));
    fault_list_release(faults);
    buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_files__stand_in_the_text_of_the_workflow),
        cmocka_unit_test(test_schema_files__are_part_of_the_digest),
        cmocka_unit_test(test_schema_files__give_their_units_to_the_fields_that_say_none),
        cmocka_unit_test(test_schema_files__have_names_of_their_own),
        cmocka_unit_test(test_schema_files__and_their_workflow_are_bounded_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
