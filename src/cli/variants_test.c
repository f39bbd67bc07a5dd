// SPDX-License-Identifier: Apache-2.0
#include "cli/variants.h"

#include <math.h>

#include "agents/manifest_onnx.h"
#include "agents/test_folder.h"
#include "base/memory.h"
#include "platform/json.h"

static struct test_folder folder;

static int make_folder(void **state) {
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static void put_variant(struct optimised *optimised, const char *name, double p50_ms, double p95_ms,
                        double rss_bytes) {
    struct optimise_variant *variant = &optimised->variants[optimised->variant_count++];
    (void)snprintf(variant->name, sizeof(variant->name), "%s", name);
    (void)snprintf(variant->file, sizeof(variant->file), "%.18s.onnx", name);
    variant->row.cost.of[COST_LATENCY_P50] = p50_ms;
    variant->row.cost.of[COST_LATENCY_P95] = p95_ms;
    variant->row.cost.of[COST_RSS] = rss_bytes;
    test_folder_write(&folder, variant->file, name);
}

static void test_variants__a_manifest_reads_what_is_written(void **state) {
    (void)state;
    struct optimised *optimised = memory_new(1, sizeof(*optimised));
    CLEANUP(buffer_done) struct buffer text;
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    assert_non_null(optimised);
    put_variant(optimised, "original", 1.2344, 1234.6, 1000000);
    put_variant(optimised, "folded", 1, 1, 1);
    (void)snprintf(optimised->variants[1].refused, ERROR_TEXT_MAX, "it is slower");
    put_variant(optimised, "int8", 0.0001, 9.9999, NAN);
    optimised->variants[2].no_memory_pattern = true;
    put_variant(optimised, "half", NAN, NAN, NAN);
    optimised->picked = 2;
    buffer_init(&text, 1 << 16);
    variants_write_manifest(&text, optimised);
    memory_free(optimised);
    buffer_add_byte(&text, 0);
    test_folder_write(&folder, VARIANTS_FILE, text.bytes);
    test_folder_write(&folder, "agent.yaml",
                      "ebb: 1\nagent: a\nversion: 1.0.0\nkind: onnx\nmodel: { variants: . }\n");
    if (agent_manifest_read(folder.path, &manifest, &faults, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    const struct manifest_variants *variants = &manifest->onnx->variants;
    assert_int_equal(variants->count, 3); /* and not the one that was refused */
    assert_int_equal(variants->used, 1);
    assert_true(slice_is(variants->list[0].name, "original"));
    assert_int_equal(variants->list[0].p50_us, 1234);
    assert_int_equal(variants->list[0].p95_us, 1235000);
    assert_int_equal(variants->list[0].rss_bytes, 977 * 1024);
    assert_int_equal(variants->list[1].p50_us, 1);
    assert_int_equal(variants->list[1].p95_us, 10000);
    assert_int_equal(variants->list[1].rss_bytes, 0);
    assert_int_equal(variants->list[2].p50_us, 0);
    assert_false(variants->list[0].no_memory_pattern || variants->list[2].no_memory_pattern);
    assert_true(variants->list[1].no_memory_pattern);
    assert_true(slice_ends(manifest->model_file, "/int8.onnx"));
    agent_manifest_release(manifest);
}

/* Names of files and layers are somebody else's, and so is a report that is only read. */
static void test_variants__a_page_shows_hostile_names_and_runs_none_of_them(void **state) {
    (void)state;
    static const char ANSWER[] =
        "{\"use\":\"int8\",\"keeps_budget\":true,\"samples\":2,\"budget\":\"size<=1x\","
        "\"layers\":[{\"name\":\"a\\\"<script>\",\"operator\":\"Co<nv\",\"sqnr_db\":3.5},"
        "{\"name\":\"b\",\"sqnr_db\":null,\"why_not\":\"it <does> not load\"}],"
        "\"variants\":[{\"name\":\"original\",\"offered\":true,\"cost\":{\"size\":2e6}},"
        "{\"name\":\"int8\",\"offered\":true,\"cost\":{\"size\":1e6},\"changed\":{"
        "\"samples\":2,\"changed\":1,\"has_answers\":true,\"shown\":[{"
        "\"sample\":\"<img src=x onerror=alert(1)>\\u001b[31m'\",\"rows\":1,\"rows_changed\":1,"
        "\"original\":{\"place\":3,\"value\":0.5},\"variant\":{\"place\":1,\"label\":\"<b>\"},"
        "\"picture\":\"../agent.yaml\"}]}}]}";
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buffer_done) struct buffer page;
    struct value answer;
    arena_init(&arena, 1 << 20);
    buffer_init(&page, 1 << 20);
    assert_int_equal(json_read(&arena, slice_of(ANSWER), &answer, NULL), STATUS_OK);
    test_folder_write(&folder, "agent.yaml", "\xff\xd8\xff a secret");
    variants_write_page(&page, folder.path, answer);
    buffer_add_byte(&page, 0);
    assert_int_equal(buffer_status(&page, NULL), STATUS_OK);
    assert_null(strstr(page.bytes, "<script"));
    assert_null(strstr(page.bytes, "<img"));
    assert_null(strstr(page.bytes, "\x1b"));
    assert_non_null(strstr(page.bytes, "&lt;img src=x onerror=alert(1)&gt;&#xfffd;[31m&#39;"));
    assert_non_null(strstr(page.bytes, "a&quot;&lt;script&gt;"));
    assert_non_null(strstr(page.bytes, "original <b>3</b> <small>(0.5)</small>, now <b><bdi>&lt;"));
    assert_non_null(
        strstr(page.bytes, "<li><bdi>b</bdi> stays in float32: it &lt;does&gt; not load</li>"));
    assert_non_null(strstr(page.bytes, "the file is 50 % smaller"));
    assert_non_null(strstr(page.bytes, "It keeps the budget <code>size&lt;=1x</code>"));
}

static void put_changed(struct optimise_variant *variant, const char *path) {
    struct changed *changed = memory_new(1, sizeof(*changed));
    assert_non_null(changed);
    changed->has_rows = true;
    changed->sample_count = 9;
    changed->changed_count = changed->count = 1;
    struct changed_sample *sample = &changed->samples[0];
    (void)snprintf(sample->name, sizeof(sample->name), "a.png");
    (void)snprintf(sample->path, sizeof(sample->path), "%s", path);
    (void)snprintf(sample->output, sizeof(sample->output), "y");
    sample->rows = sample->rows_changed = 1;
    sample->sqnr_db = -INFINITY;
    sample->original = (struct changed_number){1, 0.75F};
    sample->variant = (struct changed_number){2, 0.5F};
    variant->changed = changed;
}

static void test_variants__a_changed_sample_is_told_with_the_labels_of_its_output(void **state) {
    (void)state;
    static const struct slice NAMES[] = {{"cat", 3}, {"dog", 3}};
    static const struct labels LABELS = {NAMES, 2};
    struct optimised *optimised = memory_new(1, sizeof(*optimised));
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buffer_done) struct buffer text;
    struct variants_extras extras = {.labels = &LABELS};
    assert_non_null(optimised);
    put_variant(optimised, "original", 1, 1, 1);
    put_variant(optimised, "int8", 1, 1, 1);
    put_changed(&optimised->variants[1], "/nowhere/a.png");
    arena_init(&arena, 1 << 20);
    buffer_init(&text, 1 << 20);
    json_write(&text, variants_value(&arena, "out", optimised, &extras));
    extras.labelled = SLICE("z");
    json_write(&text, variants_value(&arena, "out", optimised, &extras));
    buffer_add_byte(&text, 0);
    assert_non_null(strstr(
        text.bytes, "\"sqnr_db\":null,\"output\":\"y\",\"row\":0,\"original\":{\"place\":1,"
                    "\"value\":0.75,\"label\":\"dog\"},\"variant\":{\"place\":2,\"value\":0.5,"
                    "\"label\":\"2\"},\"picture\":null}"));
    assert_non_null(strstr(text.bytes, "{\"place\":1,\"value\":0.75,\"label\":null}"));
    optimised_done(optimised);
    memory_free(optimised);
}

/* What is drawn on a picture has no classes: the page tells how much of the mask is the same. */
static void test_variants__a_mask_is_told_as_one(void **state) {
    (void)state;
    for (int is_mask = 0; is_mask < 2; is_mask++) {
        struct optimised *optimised = memory_new(1, sizeof(*optimised));
        CLEANUP(arena_done) struct arena arena;
        CLEANUP(buffer_done) struct buffer page;
        const struct variants_extras extras = {.is_mask = is_mask == 1};
        assert_non_null(optimised);
        put_variant(optimised, "original", 1, 1, 1);
        put_variant(optimised, "int8", 1, 1, 1);
        optimised->variants[1].row.cost.of[COST_DRIFT_IOU] = 0.985;
        optimised->variants[1].row.cost.of[COST_DRIFT_ARGMAX] = 0.9;
        optimised->picked = 1;
        arena_init(&arena, 1 << 20);
        buffer_init(&page, 1 << 20);
        variants_write_page(&page, "out", variants_value(&arena, "out", optimised, &extras));
        buffer_add_byte(&page, 0);
        assert_int_equal(strstr(page.bytes, "<th>same mask</th>") != NULL, is_mask);
        assert_int_equal(strstr(page.bytes, "Of its mask 98.50 % is the") != NULL, is_mask);
        assert_int_equal(strstr(page.bytes, "Of its answers 90.00 % are the") != NULL, !is_mask);
        optimised_done(optimised);
        memory_free(optimised);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_variants__a_manifest_reads_what_is_written,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_variants__a_page_shows_hostile_names_and_runs_none_of_them, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            test_variants__a_changed_sample_is_told_with_the_labels_of_its_output, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_variants__a_mask_is_told_as_one, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
