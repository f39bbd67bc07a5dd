// SPDX-License-Identifier: Apache-2.0
#include "wire/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blob.h"
#include "platform/json.h"

static struct arena arena;
static struct faults faults;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 4 << 20);
    faults_init(&faults, &arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct field_set read_set(const char *text) {
    const struct yaml_document *documents;
    uint32_t count;
    struct place place;
    struct error err;
    struct field_set set;
    struct reading reading = {.arena = &arena, .faults = &faults};
    assert_int_equal(yaml_read(&arena, slice_of(text), &documents, &count, &place, &err),
                     STATUS_OK);
    field_set_read(&reading, &documents[0].root, &set);
    return set;
}

/* The only fault of reading this text. */
static void assert_fault(const char *text, const char *expected) {
    faults.count = 0;
    (void)read_set(text);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.held[0].text.bytes, expected);
}

static struct value json(const char *text) {
    struct value value;
    struct error err;
    assert_int_equal(json_read(&arena, slice_of(text), &value, &err), STATUS_OK);
    return value;
}

/* Checks an object against the set; `expected` is the sentence, or the object that comes out. */
static void assert_checked(const struct field_set *set, const char *object, status code,
                           const char *expected) {
    struct value out;
    struct error err;
    assert_int_equal(field_set_check(set, &arena, json(object), &out, &err), code);
    if (code != STATUS_OK) {
        assert_string_equal(err.text, expected);
        return;
    }
    struct buffer text;
    buffer_init(&text, 4096);
    json_write(&text, out);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, expected);
    buffer_done(&text);
}

static void test_field_set__is_read_in_its_long_and_short_form(void **state) {
    (void)state;
    const struct field_set set =
        read_set("t: { type: number, unit: Cel, min: -60, max: 60.5, default: 0 }\n"
                 "label: string\n"
                 "state: { type: object, max: 4KiB, optional: true }\n"
                 "objects: { type: list, max: 200, of: { label: string, box: box } }\n"
                 "words: { type: list, of: string }\n"
                 "x-note: ignored\n");
    assert_int_equal(faults.count, 0);
    assert_int_equal(set.count, 5);
    assert_false(set.open);
    const struct field *t = field_find(&set, SLICE("t"));
    assert_int_equal(t->type, FIELD_NUMBER);
    assert_true(slice_is(t->unit, "Cel"));
    assert_true(t->has_min && t->has_max && t->has_default);
    assert_true(t->min == -60 && t->max == 60.5);
    assert_int_equal(t->default_value.kind, VALUE_INTEGER);
    const struct field *blob = field_find(&set, SLICE("state"));
    assert_true(blob->optional);
    assert_int_equal(blob->count_max, 4096);
    assert_true(blob->of.open);
    const struct field *objects = field_find(&set, SLICE("objects"));
    assert_int_equal(objects->of_type, FIELD_OBJECT);
    assert_int_equal(objects->of.count, 2);
    assert_int_equal(field_find(&set, SLICE("words"))->of_type, FIELD_STRING);
    assert_null(field_find(&set, SLICE("x-note")));
}

static void test_field_set__of_nothing_is_closed_and_empty(void **state) {
    (void)state;
    const struct field_set set = read_set("{}");
    assert_int_equal(faults.count, 0);
    assert_int_equal(set.count, 0);
    assert_false(set.open);
}

static void test_field_set__says_what_is_wrong_with_a_type(void **state) {
    (void)state;
    assert_fault("[a]", "fields are a map such as { score: number, label: string }, not a list");
    assert_fault("a: strng", "`type: strng`: did you mean `string`?");
    assert_fault("a: { min: 3 }", "a field needs the key `type`");
    assert_fault("a: [number]", "a field is a map such as { type: number, min: 0 }, not a list");
    assert_fault("a: schema", "`type: schema` is not in this version of ebb");
    assert_fault("a: { type: line }", "`type: line` is not in this version of ebb");
    assert_fault("a: { type: string, enum: [a] }", "`enum` is not in this version of ebb");
    assert_fault("a: { type: string, sise: 3 }",
                 "`sise` is no key of a field: it has type, of, min, max, default, unit, optional, "
                 "help, rate, channels, samples");
    assert_fault("a-b: string",
                 "`field: a-b`: a name here has letters, digits and _, since expressions say it "
                 "behind a dot or a $: `a_b`?");
    assert_fault("a: { type: string, min: 3 }", "`min`: string fields have none, numbers do");
    assert_fault("a: { type: boolean, max: 3 }", "`max`: boolean fields have none");
    assert_fault("a: { type: number, max: high }", "`max: high`: a number");
    assert_fault("a: { type: list, max: 4KiB }", "`max: 4KiB`: how many items, such as 200");
    assert_fault("a: { type: string, max: -4 }", "`max: -4`: how many bytes, such as 500 or 4KiB");
    assert_fault("a: { type: number, min: 3, max: 1 }", "`min` 3 is above `max` 1");
    assert_fault("a: { type: number, default: x }",
                 "`default`: field 'a' is a number, not a string");
    assert_fault("a: { type: integer, max: 2, default: 3 }",
                 "`default`: field 'a' is 3: at most 2");
    assert_fault("a: { type: string, unit: Cel }", "`unit`: string fields have none, numbers do");
    assert_fault("a: { type: string, of: number }",
                 "`of`: string fields have none, lists and objects do");
    assert_fault("a: { type: object, of: { b: { type: string, default: x } } }",
                 "`default` stands at fields of the first level alone: say `optional: true`");
    assert_fault("a: { type: string, optional: maybe }", "`optional: maybe`: true or false");
}

static void test_field_set__goes_a_bounded_number_of_levels_deep(void **state) {
    (void)state;
    assert_fault("a: {type: object, of: {a: {type: object, of: {a: {type: object, of: {"
                 "a: {type: object, of: {a: {type: object, of: {a: {type: object, of: {"
                 "a: {type: object, of: {a: {type: object, of: {a: {type: object, of: {b: string}"
                 "}}}}}}}}}}}}}}}}}",
                 "fields within fields go 8 deep");
}

static void test_field_set__puts_defaults_in_and_refuses_strangers(void **state) {
    (void)state;
    const struct field_set set = read_set("t: { type: number, max: 60 }\n"
                                          "open: { type: boolean, default: false }\n"
                                          "note: { type: string, optional: true, max: 3 }\n");
    assert_checked(&set, "{\"t\":1}", STATUS_OK, "{\"t\":1,\"open\":false}");
    assert_checked(&set, "{\"open\":null,\"t\":1}", STATUS_OK, "{\"t\":1,\"open\":false}");
    assert_checked(&set, "{\"open\":true,\"t\":1,\"note\":null}", STATUS_OK,
                   "{\"open\":true,\"t\":1,\"note\":null}");
    assert_checked(&set, "{}", STATUS_INVALID, "field 't' is missing");
    assert_checked(&set, "null", STATUS_INVALID, "field 't' is missing");
    assert_checked(&set, "{\"t\":null}", STATUS_INVALID, "field 't' is a number, not null");
    assert_checked(&set, "{\"t\":\"1\"}", STATUS_INVALID, "field 't' is a number, not a string");
    assert_checked(&set, "{\"t\":61}", STATUS_INVALID, "field 't' is 61: at most 60");
    assert_checked(&set, "{\"t\":1,\"note\":\"four\"}", STATUS_INVALID,
                   "field 'note' has at most 3 bytes");
    assert_checked(&set, "{\"t\":1,\"opne\":true}", STATUS_INVALID,
                   "there is no field 'opne': did you mean 'open'?");
    assert_checked(&set, "{\"t\":1,\"zebra\":true}", STATUS_INVALID, "there is no field 'zebra'");
    assert_checked(&set, "[1]", STATUS_INVALID, "an object with fields, not a list");
}

static void test_field_set__checks_what_lies_inside(void **state) {
    (void)state;
    const struct field_set set = read_set(
        "o: { type: list, max: 2, of: { label: string, box: { type: box, optional: true } } }\n"
        "w: { type: list, of: integer, optional: true }\n"
        "m: { type: object, max: 12, optional: true, of: { n: integer } }\n");
    assert_checked(&set, "{\"o\":[{\"label\":\"a\",\"box\":[1,2,3,4]}]}", STATUS_OK,
                   "{\"o\":[{\"label\":\"a\",\"box\":[1,2,3,4]}]}");
    assert_checked(&set, "{\"o\":[{\"label\":\"a\"},{\"label\":1}]}", STATUS_INVALID,
                   "field 'o': item 1: field 'label' is a string, not a number");
    assert_checked(&set, "{\"o\":[{\"label\":\"a\",\"box\":[1,2]}]}", STATUS_INVALID,
                   "field 'o': item 0: field 'box' is a box of four numbers, not another list");
    assert_checked(&set, "{\"o\":[1]}", STATUS_INVALID,
                   "field 'o': item 0: an object, not a number");
    assert_checked(&set, "{\"o\":[{\"label\":\"\"},{\"label\":\"\"},{\"label\":\"\"}]}",
                   STATUS_INVALID, "field 'o' has at most 2 items");
    assert_checked(&set, "{\"o\":[],\"w\":[1,2.0,2.5]}", STATUS_INVALID,
                   "field 'w': item 2: a whole number, not a fraction");
    assert_checked(&set, "{\"o\":[],\"m\":{\"n\":true}}", STATUS_INVALID,
                   "field 'm': field 'n' is a whole number, not a boolean");
    assert_checked(&set, "{\"o\":[],\"m\":{\"n\":1234567890}}", STATUS_INVALID,
                   "field 'm' has at most 12 bytes");
}

static void test_field_set__that_is_open_takes_anything(void **state) {
    (void)state;
    const struct field_set set = {.open = true};
    assert_checked(&set, "{\"a\":1}", STATUS_OK, "{\"a\":1}");
    assert_checked(&set, "[1]", STATUS_OK, "[1]");
    assert_checked(&set, "null", STATUS_OK, "null");
}

static void test_field__knows_times_and_large_numbers(void **state) {
    (void)state;
    const struct field_set set = read_set("at: { type: time, optional: true }\n"
                                          "n: { type: integer, optional: true }\n");
    assert_checked(&set, "{\"at\":\"2026-11-23T10:00:00Z\"}", STATUS_OK,
                   "{\"at\":\"2026-11-23T10:00:00Z\"}");
    assert_checked(&set, "{\"at\":\"noon\"}", STATUS_INVALID,
                   "field 'at' is a time such as 2026-11-23T10:00:00Z, not another string");
    assert_checked(&set, "{\"n\":123456789012345678901234567890}", STATUS_OK,
                   "{\"n\":123456789012345678901234567890}");
}

static void test_field__names_its_types(void **state) {
    (void)state;
    for (int type = FIELD_ANY; type <= FIELD_SCHEMA; type++) {
        enum field_type read;
        bool built;
        assert_true(
            field_type_read(slice_of(field_type_name((enum field_type)type)), &read, &built));
        assert_int_equal(read, type);
        assert_int_equal(built, type != FIELD_SCHEMA);
    }
}

static void test_field_set__takes_blobs_where_pictures_sound_and_files_are_wanted(void **state) {
    (void)state;
    const struct field_set set =
        read_set("picture: image\nnote: { type: audio, optional: true }\n");
    struct blob *blob = NULL;
    assert_int_equal(blob_copy(SLICE("image/png"), SLICE("12345"), &blob, NULL), STATUS_OK);
    struct value object;
    struct value checked;
    struct error err;
    struct member *members = value_new_object(&arena, 1, &object);
    members[0].name = SLICE("picture");
    assert_true(value_of_blob(&arena, blob, &members[0].value));
    blob_release(blob);
    assert_int_equal(field_set_check(&set, &arena, object, &checked, &err), STATUS_OK);
    members[0].value = value_of_text(SLICE("door.jpg"));
    assert_int_equal(field_set_check(&set, &arena, object, &checked, &err), STATUS_INVALID);
    assert_string_equal(err.text, "field 'picture' is an image, not a string");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_field_set__is_read_in_its_long_and_short_form, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_field_set__of_nothing_is_closed_and_empty, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_field_set__says_what_is_wrong_with_a_type, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_field_set__goes_a_bounded_number_of_levels_deep,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_field_set__puts_defaults_in_and_refuses_strangers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_field_set__checks_what_lies_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_field_set__that_is_open_takes_anything, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_field__knows_times_and_large_numbers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_field__names_its_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_field_set__takes_blobs_where_pictures_sound_and_files_are_wanted, set_up,
            tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
