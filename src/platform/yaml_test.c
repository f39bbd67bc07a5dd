// SPDX-License-Identifier: Apache-2.0
#include "platform/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "platform/json.h"

static int open_arena(void **state) {
    static struct arena arena;
    arena_init(&arena, 64 << 20);
    *state = &arena;
    return 0;
}

static int close_arena(void **state) {
    arena_done(*state);
    return 0;
}

static const struct yaml *read_one(struct arena *arena, const char *text) {
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place;
    struct error err = {0};
    if (yaml_read(arena, slice_of(text), &documents, &count, &place, &err) != STATUS_OK) {
        print_error("%d:%d: %s\n", place.line, place.column, err.text);
        fail();
    }
    assert_int_equal(count, 1);
    return &documents[0].root;
}

/* The text as YAML is the value that the other text is as JSON. */
static void assert_means(struct arena *arena, const char *text, const char *json) {
    struct value value;
    assert_true(yaml_value(arena, read_one(arena, text), &value));
    struct buffer out;
    buffer_init(&out, 1 << 20);
    json_write(&out, value);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, json);
    buffer_done(&out);
}

static void assert_place(struct place place, int line, int column) {
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

/* The sentence has `part` in it, and the place is this one. */
static void assert_wrong(struct arena *arena, struct slice text, int line, int column,
                         const char *part) {
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place;
    struct error err = {0};
    assert_int_equal(yaml_read(arena, text, &documents, &count, &place, &err), STATUS_INVALID);
    if (strstr(err.text, part) == NULL || strchr(err.text, '\n') != NULL || place.line != line ||
        place.column != column) {
        print_error("%d:%d: %s (expected %d:%d: %s)\n", place.line, place.column, err.text, line,
                    column, part);
        fail();
    }
    assert_null(documents);
}

static void test_yaml_read__gives_the_tree_with_its_places(void **state) {
    const struct yaml *root = read_one(*state, "ebb: 1\n"
                                               "trigger: { stdin: json }\n"
                                               "results:\n"
                                               "  - name: \"w\xC3\xBCrm\"   # so\n"
                                               "    when: .t > -15\n"
                                               "    from: |-\n"
                                               "      one\n"
                                               "      two\n"
                                               "    keep:\n");
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->count, 3);
    assert_place(root->place, 1, 1);
    assert_place(root->pairs[1].key_place, 2, 1);
    const struct yaml *trigger = yaml_get(root, "trigger");
    assert_place(trigger->place, 2, 10);
    assert_place(trigger->pairs[0].key_place, 2, 12);
    assert_place(trigger->pairs[0].value.place, 2, 19);
    const struct yaml *results = yaml_get(root, "results");
    assert_int_equal(results->kind, YAML_LIST);
    assert_int_equal(results->count, 1);
    assert_place(results->place, 4, 3);
    const struct yaml *result = &results->items[0];
    assert_place(result->place, 4, 5);
    const struct yaml *name = yaml_get(result, "name");
    assert_true(name->quoted);
    assert_true(slice_is(name->text, "w\xC3\xBCrm"));
    assert_place(name->place, 4, 12);
    const struct yaml *when = yaml_get(result, "when");
    assert_false(when->quoted);
    assert_true(slice_is(when->text, ".t > -15"));
    assert_place(when->place, 5, 11);
    const struct yaml *from = yaml_get(result, "from");
    assert_true(from->quoted);
    assert_true(slice_is(from->text, "one\ntwo"));
    assert_place(from->place, 7, 7);
    const struct yaml *keep = yaml_get(result, "keep");
    assert_false(keep->quoted);
    assert_int_equal(keep->text.count, 0);
    assert_int_equal(keep->place.line, 9);
    assert_null(yaml_get(root, "none"));
    assert_null(yaml_get(when, "none"));
}

static void test_yaml_read__counts_columns_in_code_points(void **state) {
    const struct yaml *root = read_one(*state, "\xC3\xA4\xF0\x9F\x98\x80: [\xE2\x82\xAC, b]\n");
    assert_place(root->pairs[0].value.place, 1, 5);
    assert_place(root->pairs[0].value.items[1].place, 1, 9);
}

static void test_yaml_read__reads_every_document(void **state) {
    struct arena *arena = *state;
    const struct yaml_document *documents = NULL;
    uint32_t count = 77;
    struct place place;
    const struct slice three = SLICE("--- a\n---\nb: 1\n...\n---\n- c\n");
    assert_int_equal(yaml_read(arena, three, &documents, &count, &place, NULL), STATUS_OK);
    assert_int_equal(count, 3);
    assert_true(slice_is(documents[0].root.text, "a"));
    assert_place(documents[1].root.place, 3, 1);
    assert_int_equal(documents[2].root.kind, YAML_LIST);
    static const char *const EMPTY[] = {"", "\n\n", "# nothing\n", "\xEF\xBB\xBF", " "};
    for (size_t i = 0; i < sizeof(EMPTY) / sizeof(EMPTY[0]); i++) {
        assert_int_equal(yaml_read(arena, slice_of(EMPTY[i]), &documents, &count, &place, NULL),
                         STATUS_OK);
        assert_int_equal(count, 0);
    }
    assert_int_equal(yaml_read(arena, (struct slice){0}, &documents, &count, &place, NULL),
                     STATUS_OK);
}

static void test_yaml_read__shares_nothing_with_its_text(void **state) {
    char text[] = "key: &a word\nother: *a\nblock: |\n  line\n";
    const struct yaml *root = read_one(*state, text);
    (void)memset(text, '!', sizeof(text) - 1);
    assert_true(slice_is(root->pairs[0].key, "key"));
    assert_true(slice_is(yaml_get(root, "other")->text, "word"));
    assert_true(slice_is(yaml_get(root, "block")->text, "line\n"));
}

static void test_yaml_value__follows_the_core_schema(void **state) {
    struct arena *arena = *state;
    assert_means(arena, "[~, null, Null, NULL, nUll]", "[null,null,null,null,\"nUll\"]");
    assert_means(arena, "[true, True, TRUE, false, yes, on, no, tRue]",
                 "[true,true,true,false,\"yes\",\"on\",\"no\",\"tRue\"]");
    assert_means(arena, "[0, -1, +12, 012, 0x1F, 0o17, 0xg, 0o8, 0x, 1_000]",
                 "[0,-1,12,12,31,15,\"0xg\",\"0o8\",\"0x\",\"1_000\"]");
    assert_means(arena, "[1.0, .5, 5., -1.5e3, 1e2, +.25, 1e, ., e5, 1.2.3, .inf, .nan, 1e999]",
                 "[1.0,0.5,5.0,-1500.0,100.0,0.25,\"1e\",\".\",\"e5\",\"1.2.3\",\".inf\",\".nan\","
                 "\"1e999\"]");
    assert_means(arena, "[9223372036854775807, 9223372036854775808, -0099999999999999999999]",
                 "[9223372036854775807,9223372036854775808,-99999999999999999999]");
    assert_means(arena, "[0x7fffffffffffffff, 0x8000000000000000]",
                 "[9223372036854775807,\"0x8000000000000000\"]");
    assert_means(arena, "['12', \"true\", !!str 12, ! 13, !!int 7, '']",
                 "[\"12\",\"true\",\"12\",\"13\",7,\"\"]");
    assert_means(arena, "2026-11-23T10:00:00Z\n", "\"2026-11-23T10:00:00Z\"");
}

static void test_yaml_value__reads_json(void **state) {
    assert_means(*state,
                 "{\"a\": [1, 2.5, null, \"\\u00e9\\ud83d\\ude00\\n\\/\"],\"b\":{\"c\":\"\"}}",
                 "{\"a\":[1,2.5,null,\"\xC3\xA9\xF0\x9F\x98\x80\\n/\"],\"b\":{\"c\":\"\"}}");
}

static void test_yaml_value__says_when_there_is_no_room(void **state) {
    struct arena *arena = *state;
    const struct yaml *root = read_one(arena, "a: [1, x, 99999999999999999999, {b: c}]\n");
    bool told = false;
    for (size_t most = 0; !told; most += 8) {
        struct arena small;
        struct value value;
        arena_init(&small, most);
        told = yaml_value(&small, root, &value);
        assert_true(small.bytes <= most && most < 10000);
        arena_done(&small);
    }
}

static void test_yaml_read__refuses_a_key_that_stands_twice(void **state) {
    struct arena *arena = *state;
    assert_wrong(arena, SLICE("a: 1\nb: 2\na: 3\n"), 3, 1, "the key 'a' stands twice");
    assert_wrong(arena, SLICE("x: {a: 1, \"a\": 2}\n"), 1, 12, "the key 'a' stands twice");
    assert_wrong(arena, SLICE("{a\n\nb, a\n\nb}\n"), 3, 4, "the key 'a b' stands twice");
    assert_wrong(arena, SLICE("<<: {a: 1}\n<<: {b: 1}\n"), 2, 1, "the key '<<' stands twice");
    /* of several it names the first, in a map that is large enough to be sorted as well */
    struct buffer text;
    buffer_init(&text, 1 << 20);
    for (int i = 0; i < 2000; i++) {
        buffer_print(&text, "k%d: 1\n", i * 7 % 1999);
    }
    buffer_print(&text, "k5: 1\n");
    assert_wrong(arena, buffer_slice(&text), 2000, 1, "the key 'k0' stands twice");
    buffer_done(&text);
}

static void test_yaml_read__gives_an_alias_the_place_of_its_use(void **state) {
    const struct yaml *root = read_one(*state, "a: &x\n"
                                               "  b: [1, {c: 2}]\n"
                                               "d: *x\n"
                                               "e: &x 5\n"
                                               "f: [*x]\n");
    const struct yaml *copy = yaml_get(root, "d");
    assert_place(copy->place, 3, 4);
    assert_place(copy->pairs[0].key_place, 3, 4);
    const struct yaml *list = yaml_get(copy, "b");
    assert_place(list->place, 3, 4);
    assert_place(list->items[1].pairs[0].value.place, 3, 4);
    assert_true(slice_is(list->items[1].pairs[0].value.text, "2"));
    assert_place(yaml_get(yaml_get(root, "a"), "b")->place, 2, 6);
    assert_true(slice_is(yaml_get(root, "f")->items[0].text, "5"));
}

static void test_yaml_read__merges_maps_behind_what_is_written(void **state) {
    struct arena *arena = *state;
    assert_means(arena, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3, z: 4}\n",
                 "{\"a\":{\"x\":1,\"y\":2},\"b\":{\"y\":3,\"z\":4,\"x\":1}}");
    assert_means(arena, "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n",
                 "{\"a\":{\"x\":1},\"b\":{\"x\":2,\"y\":2},\"c\":{\"x\":1,\"y\":2}}");
    assert_means(arena, "{\"<<\": 1}", "{\"<<\":1}");
    assert_wrong(arena, SLICE("a: 1\n<<: 5\n"), 2, 5, "'<<' takes a map or a list of maps");
    assert_wrong(arena, SLICE("<<: [{a: 1}, [b]]\n"), 1, 14, "'<<' takes a map or a list of maps");
}

static void test_yaml_read__refuses_aliases_of_nothing_and_of_themselves(void **state) {
    struct arena *arena = *state;
    assert_wrong(arena, SLICE("a: *none\n"), 1, 4, "no anchor '&none' stands before this alias");
    assert_wrong(arena, SLICE("a: &x [*x]\n"), 1, 8, "an alias inside of what it names");
    assert_wrong(arena, SLICE("--- &x a\n--- *x\n"), 2, 5, "no anchor '&x'");
    assert_wrong(arena, SLICE("a: &x b\n*x : c\n"), 2, 1, "a key must be a word, not an alias");
}

static void test_yaml_read__bounds_what_aliases_expand_to(void **state) {
    struct arena *arena = *state;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_print(&text, "a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (int name = 'b'; name <= 'i'; name++) {
        buffer_print(&text, "%c: &%c [", name, name);
        for (int i = 0; i < 9; i++) {
            buffer_print(&text, "%s*%c", i > 0 ? ", " : "", name - 1);
        }
        buffer_print(&text, "]\n");
    }
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place;
    struct error err = {0};
    assert_int_equal(yaml_read(arena, buffer_slice(&text), &documents, &count, &place, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "more than 100000 nodes, aliases expanded"));
    assert_true(place.line >= 5 && place.line <= 7);

    buffer_clear(&text);
    buffer_print(&text, "a: &a \"%0100000d\"\nb:\n", 1);
    for (int i = 0; i < 12; i++) {
        buffer_print(&text, "  - *a\n");
    }
    assert_int_equal(yaml_read(arena, buffer_slice(&text), &documents, &count, &place, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "more than 1048576 bytes of text, aliases expanded"));
    assert_int_equal(place.line, 12);
    buffer_done(&text);
}

static void test_yaml_read__bounds_depth_also_through_aliases(void **state) {
    struct arena *arena = *state;
    char text[400] = {0};
    (void)memset(text, '[', YAML_DEPTH_MAX);
    (void)memset(text + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
    (void)read_one(arena, text);
    (void)memset(text, '[', YAML_DEPTH_MAX + 1);
    (void)memset(text + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
    assert_wrong(arena, slice_of(text), 1, 49, "nested deeper than 48 levels");
    struct buffer steps;
    buffer_init(&steps, 10000);
    buffer_print(&steps, "- &a0 [x]\n");
    for (int i = 1; i < 60; i++) {
        buffer_print(&steps, "- &a%d [*a%d]\n", i, i - 1);
    }
    assert_wrong(arena, buffer_slice(&steps), 48, 9, "nested deeper than 48 levels");
    buffer_done(&steps);
}

static void test_yaml_read__refuses_bytes_that_are_no_text(void **state) {
    struct arena *arena = *state;
    assert_wrong(arena, SLICE("a: 1\nb: \xE9\n"), 2, 4, "this is not UTF-8 (0xE9): save");
    assert_wrong(arena, SLICE("a: \xC3\xBC\x01\n"), 1, 5, "a control character (0x01)");
    assert_wrong(arena, SLICE("a: \0\n"), 1, 1, "this is no text but bytes");
    assert_wrong(arena,
                 SLICE("\x7F"
                       "ELF\2\1\1\0"),
                 1, 1, "a program or data: a file in YAML");
    assert_wrong(arena, SLICE("\x89PNG\r\n\x1A\n\0\0\0\rIHDR"), 1, 1, "but image/png:");
    assert_wrong(arena,
                 SLICE("\xFF\xFE"
                       "a\0"),
                 1, 1, "this is UTF-16: save it as UTF-8");
    assert_wrong(arena, SLICE("%YAML 1.2\n---\na: 1\n"), 1, 1, "a directive");
    assert_wrong(arena, SLICE("a: \"\\ud800\"\n"), 1, 5, "escape");
    /* crashed libfyaml 0.7.12 */
    assert_wrong(arena, SLICE("? _:\t-"), 1, 5, "a tab beside an indicator");
    assert_wrong(arena, SLICE("? x:\t>"), 1, 5, "a tab beside an indicator");
    assert_wrong(arena, SLICE("-\n  ?\n    a: \t ? b\n"), 3, 7, "a tab beside an indicator");
    assert_wrong(arena, SLICE("? a\n:\n\t- b\n"), 3, 1, "a tab beside an indicator");
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_print(&text, "a: >\n");
    for (int i = 0; i < 300; i++) {
        buffer_add_text(&text, "  \n");
    }
    assert_wrong(arena, buffer_slice(&text), 201, 3, "more than 100 empty lines in a row");
    buffer_done(&text);
    static char large[YAML_BYTES_MAX + 1];
    assert_wrong(arena, (struct slice){.bytes = large, .count = sizeof(large)}, 0, 0,
                 "a file has at most 1048576 bytes");
}

static void test_yaml_read__refuses_keys_that_are_no_words(void **state) {
    struct arena *arena = *state;
    assert_wrong(arena, SLICE("? [a]\n: 1\n"), 1, 3, "not a list or a map");
    assert_wrong(arena, SLICE("{{a: 1}: 2}\n"), 1, 2, "not a list or a map");
    assert_wrong(arena, SLICE(": 1\n"), 1, 1, "a key is missing before ':'");
    assert_means(arena, "'': 1\n", "{\"\":1}");
}

static void test_yaml_read__tells_what_people_do_wrong_first(void **state) {
    struct arena *arena = *state;
    static const char QUOTE[] = "quote it, or use a |- block";
    assert_wrong(arena, SLICE("a:\n\tb: 1\n"), 2, 1, "a tab stands in the indent: use blanks");
    assert_wrong(arena, SLICE("when: [ .a | b\nx: 1\n"), 3, 1, QUOTE);
    assert_wrong(arena, SLICE("when: [ .a | b\nx: 1\n"), 3, 1, "the list that begins at 1:7");
    assert_wrong(arena, SLICE("x: 1\nwhen: \"a\" == .b\n"), 2, 11, QUOTE);
    assert_wrong(arena, SLICE("with:\n  t: @foo\n"), 2, 6, QUOTE);
    assert_wrong(arena, SLICE("x:\n  t: ${ {a: 1} }\n"), 2, 11, QUOTE);
    assert_wrong(arena, SLICE("open: %foo\n"), 1, 7, QUOTE);
    assert_wrong(arena, SLICE("- close: !foo .a\n"), 1, 10, QUOTE);
    assert_wrong(arena, SLICE("where: .a == \"x: y\"\n"), 1, 16, QUOTE);
    assert_wrong(arena, SLICE("when:.x\nb: 1\n"), 1, 1, "a blank is missing behind the ':'");
    struct place place;
    struct error err = {0};
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    assert_int_equal(yaml_read(arena, SLICE("summary: a: b\n"), &documents, &count, &place, &err),
                     STATUS_INVALID);
    assert_null(strstr(err.text, QUOTE));
}

static void test_yaml_read__says_when_there_is_no_room(void **state) {
    (void)state;
    const struct slice text = SLICE("a: &x [1, {b: c}]\nd: *x\ne: |\n  text\n");
    bool read = false;
    for (size_t most = 0; !read; most += 64) {
        struct arena arena;
        const struct yaml_document *documents = NULL;
        uint32_t count = 0;
        struct place place;
        struct error err = {0};
        arena_init(&arena, most);
        const status code = yaml_read(&arena, text, &documents, &count, &place, &err);
        read = code == STATUS_OK;
        assert_true(read || code == STATUS_FULL);
        assert_true(arena.bytes <= most && most < 200000);
        arena_done(&arena);
    }
}

static void test_yaml_read__survives_every_allocation_of_ours_that_fails(void **state) {
    (void)state;
    const struct slice text = SLICE("a: &x [1, {b: c}]\nd: *x\n--- e\n");
    bool read = false;
    for (long k = 0; !read; k++) {
        struct arena arena;
        const struct yaml_document *documents = NULL;
        uint32_t count = 0;
        struct place place;
        struct error err = {0};
        arena_init(&arena, 1 << 20);
        (void)memory_fail_at(k, 1);
        const status code = yaml_read(&arena, text, &documents, &count, &place, &err);
        (void)memory_fail_at(-1, 0);
        read = code == STATUS_OK;
        assert_true(read || code == STATUS_NO_MEMORY || code == STATUS_FULL);
        assert_true(read || err.text[0] != '\0');
        assert_true(k < 100);
        arena_done(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_yaml_read__gives_the_tree_with_its_places, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__counts_columns_in_code_points, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__reads_every_document, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__shares_nothing_with_its_text, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_value__follows_the_core_schema, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_value__reads_json, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_value__says_when_there_is_no_room, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__refuses_a_key_that_stands_twice, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__gives_an_alias_the_place_of_its_use,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__merges_maps_behind_what_is_written,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(
            test_yaml_read__refuses_aliases_of_nothing_and_of_themselves, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__bounds_what_aliases_expand_to, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__bounds_depth_also_through_aliases,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__refuses_bytes_that_are_no_text, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__refuses_keys_that_are_no_words, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__tells_what_people_do_wrong_first,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_yaml_read__says_when_there_is_no_room, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(
            test_yaml_read__survives_every_allocation_of_ours_that_fails, open_arena, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
