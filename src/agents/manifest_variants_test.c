// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_variants.h"

#include "agents/manifest_onnx.h"
#include "agents/test_folder.h"
#include "base/memory.h"

#define HEAD "ebb: 1\nagent: a\nversion: 1.0.0\nkind: onnx\n"
#define LISTED                                                                                     \
    "ebb: 1\nuse: int8\nvariants:\n"                                                               \
    "  - { name: original, file: original.onnx, cost: { p50: 61ms, p95: 1s, rss: 96MiB } }\n"      \
    "  - { name: int8, file: int8.onnx, memory_pattern: false, cost: { p50: 310us, p95: 1ms } }\n" \
    "  - { name: bare, file: deep/bare.onnx }\n"

static struct test_folder folder;

static int make_folder(void **state) {
    (void)state;
    test_folder_make(&folder);
    test_folder_write(&folder, "m.onnx", "12");
    test_folder_write(&folder, "rec/original.onnx", "123");
    test_folder_write(&folder, "rec/int8.onnx", "1234");
    test_folder_write(&folder, "rec/deep/bare.onnx", "12345");
    test_folder_write(&folder, "rec/variants.yaml", LISTED);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct agent_manifest *read_good(const char *model) {
    char text[2048];
    (void)snprintf(text, sizeof(text), HEAD "model: %s\n", model);
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    if (agent_manifest_read_text(folder.path, SLICE("f"), slice_of(text), &manifest, &faults,
                                 &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return manifest;
}

/* It has this one fault. */
static void assert_refused(const char *model, const char *sentence) {
    char text[4096];
    (void)snprintf(text, sizeof(text), HEAD "model: %s\n", model);
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    assert_int_equal(
        agent_manifest_read_text(folder.path, SLICE("f"), slice_of(text), &manifest, &faults, &err),
        STATUS_INVALID);
    CLEANUP(buffer_done) struct buffer said;
    buffer_init(&said, 1 << 16);
    fault_list_write(faults, &said);
    buffer_add_byte(&said, 0);
    if (faults->count != 1 || strstr(said.bytes, sentence) == NULL) {
        fail_msg("'%s' is not: %s", sentence, said.bytes);
    }
    fault_list_release(faults);
}

/* The same of the rest of a variants.yaml. */
static void assert_file_refused(const char *rest, const char *sentence) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "ebb: 1\n%s", rest);
    test_folder_write(&folder, "rec/variants.yaml", text);
    assert_refused("{ variants: rec }", sentence);
}

static void assert_opens(const char *model, const char *name, const char *file, int bytes) {
    struct agent_manifest *manifest = read_good(model);
    const struct manifest_variants *variants = &manifest->onnx->variants;
    char expected[2 * TEST_PATH_BYTES];
    (void)snprintf(expected, sizeof(expected), "%s/%s", folder.path, file);
    assert_true(slice_is(variants->list[variants->used].name, name));
    assert_string_equal(manifest->model_file.bytes, expected);
    assert_int_equal(manifest->model_bytes, bytes);
    agent_manifest_release(manifest);
}

static struct id digest_of(const char *model) {
    struct agent_manifest *manifest = read_good(model);
    const struct id digest = manifest->digest;
    agent_manifest_release(manifest);
    return digest;
}

static void test_manifest_variants__a_folder_or_its_file_is_read(void **state) {
    (void)state;
    static const char *const models[] = {"{ variants: rec }", "{ variants: ./rec/ }",
                                         "{ variants: rec/variants.yaml, threads: 2 }"};
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        assert_opens(models[i], "int8", "rec/int8.onnx", 4);
    }
    struct agent_manifest *manifest = read_good(models[2]);
    const struct manifest_variants *variants = &manifest->onnx->variants;
    assert_int_equal(manifest->onnx->options.threads, 2);
    assert_int_equal(variants->count, 3);
    assert_int_equal(variants->list[0].p50_us, 61000);
    assert_int_equal(variants->list[0].p95_us, 1000000);
    assert_int_equal(variants->list[0].rss_bytes, 96 << 20);
    assert_int_equal(variants->list[1].p50_us, 310);
    assert_int_equal(variants->list[1].p95_us, 1000);
    assert_int_equal(variants->list[1].rss_bytes, 0);
    assert_int_equal(variants->list[2].p50_us, 0);
    agent_manifest_release(manifest);
}

static void test_manifest_variants__the_one_in_use_says_how_it_is_run(void **state) {
    (void)state;
    static const struct {
        const char *model;
        bool no_memory_pattern;
    } cases[] = {{"{ variants: rec }", true},
                 {"{ variants: rec, use: original }", false},
                 {"{ variants: [{ name: a, file: m.onnx, memory_pattern: true }] }", false},
                 {"{ variants: [{ name: a, file: m.onnx, memory_pattern: false }] }", true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct agent_manifest *manifest = read_good(cases[i].model);
        assert_int_equal(manifest->onnx->options.no_memory_pattern, cases[i].no_memory_pattern);
        agent_manifest_release(manifest);
    }
    assert_refused("{ variants: [{ name: a, file: m.onnx, memory_pattern: 3 }] }",
                   "`memory_pattern: 3`");
}

static void
test_manifest_variants__use_chooses_before_the_file_and_that_before_the_first(void **s) {
    (void)s;
    assert_opens("{ variants: rec, use: original }", "original", "rec/original.onnx", 3);
    assert_opens("{ use: bare, variants: rec }", "bare", "rec/deep/bare.onnx", 5);
    assert_opens("{ variants: rec }", "int8", "rec/int8.onnx", 4);
    test_folder_write(&folder, "rec/variants.yaml",
                      "ebb: 1\nvariants: [{ name: a, file: original.onnx },"
                      " { name: b, file: int8.onnx }]\n");
    assert_opens("{ variants: rec }", "a", "rec/original.onnx", 3);
}

static void test_manifest_variants__a_list_stands_in_the_manifest_itself(void **state) {
    (void)state;
    assert_opens("{ variants: [{ name: a, file: m.onnx, cost: { rss: 1MiB } },"
                 " { name: gone, file: gone.onnx }] }",
                 "a", "m.onnx", 2);
    assert_opens("{ variants: [{ name: a, file: m.onnx }, { name: b, file: rec/int8.onnx }],"
                 " use: b }",
                 "b", "rec/int8.onnx", 4);
}

static void test_manifest_variants__the_digest_covers_the_list_and_the_model_in_use(void **state) {
    (void)state;
    static const char model[] = "{ variants: rec }";
    const struct id before = digest_of(model);
    assert_true(id_equal(before, digest_of(model)));
    test_folder_write(&folder, "rec/original.onnx", "other");
    assert_true(id_equal(before, digest_of(model)));
    test_folder_write(&folder, "rec/int8.onnx", "4321");
    assert_false(id_equal(before, digest_of(model)));
    test_folder_write(&folder, "rec/int8.onnx", "1234");
    assert_true(id_equal(before, digest_of(model)));
    test_folder_write(&folder, "rec/variants.yaml", LISTED "# measured again\n");
    assert_false(id_equal(before, digest_of(model)));
}

static void test_manifest_variants__what_is_wrong_in_the_manifest_is_said_there(void **state) {
    (void)state;
    static const char *const WRONG[][2] = {
        {"{ threads: 2 }", "f:5:8: `model` of an agent of kind onnx needs the key `file`, or"},
        {"{ file: m.onnx, variants: rec }", "f:5:34: `file` is the one model that there is"},
        {"{ file: m.onnx, use: int8 }", "f:5:29: `use` chooses one of `variants`, and there are"},
        {"{ variants: rec, use: int9 }", "f:5:30: `use: int9`: did you mean `int8`?"},
        {"{ variants: rec, use: zzzzzz }", "`use: zzzzzz`: it is original, int8 or bare"},
        {"{ variants: rec, use: [int8] }", "f:5:30: `use` is the name of a variant, not a list"},
        {"{ variants: gone }", "f:5:20: no file `gone/variants.yaml` in "},
        {"{ variants: { a: b } }", "f:5:20: `variants` is a list, or the folder where"},
        {"{ variants: [] }", "f:5:20: `variants` is a list of at most 16, the best first"},
        {"{ variants: [a] }", "f:5:21: a variant is a map such as { name: int8"},
        {"{ variants: [{ file: m.onnx }] }", "f:5:21: a variant needs the key `name`"},
        {"{ variants: [{ name: a, file: gone.onnx }] }", "f:5:38: no file `gone.onnx` in "},
        {"{ variants: [{ name: a, file: m.onnx }, { name: a, file: m.onnx }] }",
         "f:5:48: there are two variants `a`: each has a name of its own"},
        {"{ variants: [{ name: a, file: m.onnx, cost: { p59: 1ms } }] }",
         "`p59` is no key of `cost`: did you mean"},
        {"{ variants: [{ name: a, file: m.onnx, cost: { p50: 1.5ms } }] }",
         "f:5:59: `p50: 1.5ms`: a time is a whole number with us, ms or s, such as 24ms"},
        {"{ variants: [{ name: a, file: m.onnx, cost: { p50: 0us } }] }", "above 0"},
        {"{ variants: [{ name: a, file: m.onnx, cost: { p50: 2h } }] }", "at most an hour"},
        {"{ variants: [{ name: a, file: m.onnx, cost: { p50: 2ms, p95: 1ms } }] }",
         "f:5:52: `p50` is above `p95`"},
        {"{ variants: [{ name: a, file: m.onnx, cost: { rss: 12 } }] }",
         "f:5:59: `rss: 12` has no unit: 12KiB?"},
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_refused(WRONG[i][0], WRONG[i][1]);
    }
}

static void test_manifest_variants__what_is_wrong_in_the_file_is_said_with_its_lines(void **state) {
    (void)state;
    assert_file_refused("use: int9\nvariants: [{ name: int8, file: int8.onnx }]\n",
                        "f:5:20: rec/variants.yaml:2:6: `use: int9`: did you mean `int8`?");
    assert_file_refused("variants:\n  - { name: int8, file: gone.onnx }\n",
                        "f:5:20: rec/variants.yaml:3:25: no file `rec/gone.onnx` in ");
    assert_file_refused("variants: [{ name: int8, file: int8.onnx }]\nuses: x\n",
                        "rec/variants.yaml:3:1: `uses` is no key of a file of variants: did you "
                        "mean `use`?");
    assert_file_refused("variants: rec\n", "rec/variants.yaml:2:11: `variants` is a list of at");
    assert_file_refused("use: a\n", "rec/variants.yaml:1:1: a file of variants needs the key");
    assert_file_refused("variants: {\n", "rec/variants.yaml:3:1: ");
    assert_file_refused("---\nebb: 1\n", "a file of variants is one document; this file has 2");
    test_folder_write(&folder, "rec/variants.yaml",
                      "ebb: 2\nvariants: [{ name: int8, file: int8.onnx }]\n");
    assert_refused("{ variants: rec }",
                   "rec/variants.yaml:1:6: `ebb: 2`: this ebb reads format version 1");
}

static void test_manifest_variants__a_file_beyond_its_bounds_is_refused(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_add_text(&text, LISTED);
    for (int i = 0; i < MANIFEST_VARIANTS_BYTES_MAX; i++) {
        buffer_add_byte(&text, '\n');
    }
    buffer_add_byte(&text, 0);
    test_folder_write(&folder, "rec/variants.yaml", text.bytes);
    assert_refused("{ variants: rec }", "more than 65536 bytes");
    buffer_clear(&text);
    buffer_add_text(&text, "ebb: 1\nvariants:\n");
    for (int i = 0; i <= MANIFEST_VARIANTS_MAX; i++) {
        buffer_print(&text, "  - { name: v%d, file: int8.onnx }\n", i);
    }
    buffer_add_byte(&text, 0);
    test_folder_write(&folder, "rec/variants.yaml", text.bytes);
    assert_refused("{ variants: rec }", "rec/variants.yaml:3:3: `variants` is a list of at most");
}

static void test_manifest_variants__any_allocation_may_fail(void **state) {
    (void)state;
    for (long index = 0;; index++) {
        struct agent_manifest *manifest = NULL;
        struct fault_list *faults = NULL;
        struct error err = {0};
        (void)memory_fail_at(index, 1);
        const status code = agent_manifest_read_text(
            folder.path, SLICE("f"), SLICE(HEAD "model: { variants: rec, use: original }\n"),
            &manifest, &faults, &err);
        const bool reached = memory_fail_at(-1, 0) > (size_t)index;
        if (code == STATUS_OK) {
            agent_manifest_release(manifest);
        }
        fault_list_release(faults);
        if (!reached) {
            assert_int_equal(code, STATUS_OK);
            break;
        }
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY || code == STATUS_INVALID ||
                    code == STATUS_FULL);
        assert_true(index < 1000);
    }
}

#define MANIFEST_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        MANIFEST_TEST(test_manifest_variants__a_folder_or_its_file_is_read),
        MANIFEST_TEST(
            test_manifest_variants__use_chooses_before_the_file_and_that_before_the_first),
        MANIFEST_TEST(test_manifest_variants__a_list_stands_in_the_manifest_itself),
        MANIFEST_TEST(test_manifest_variants__the_one_in_use_says_how_it_is_run),
        MANIFEST_TEST(test_manifest_variants__the_digest_covers_the_list_and_the_model_in_use),
        MANIFEST_TEST(test_manifest_variants__what_is_wrong_in_the_manifest_is_said_there),
        MANIFEST_TEST(test_manifest_variants__what_is_wrong_in_the_file_is_said_with_its_lines),
        MANIFEST_TEST(test_manifest_variants__a_file_beyond_its_bounds_is_refused),
        MANIFEST_TEST(test_manifest_variants__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
