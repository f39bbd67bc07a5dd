// SPDX-License-Identifier: Apache-2.0
#include "model/optimise.h"

#include "model/test_samples.h"
#include "platform/file.h"

enum { SAMPLES = 4, PATH_BYTES = 512, MEMORY_BYTES = 1 << 30, CHANNELS = 32, SIDE = 64 };

enum { ORIGINAL, FOLDED, INT8, FLOAT16, VARIANTS };

struct fixture {
    char home[64], path[PATH_BYTES], folder[PATH_BYTES];
    struct test_samples parts[SAMPLE_PART_COUNT];
    struct budget budget;
    struct optimise_options options;
    struct optimised optimised;
    struct error err;
    uint32_t told, ends_at; /* of those; 0: never */
    uint32_t ranges_told;   /* while ranges were measured */
    bool ends_with_ranges;  /* when they are known */
    char said[PATH_BYTES];
};

static status samples_of(void *owner, enum sample_part part, struct sample_source *out_source,
                         struct error *err) {
    struct fixture *fixture = owner;
    (void)err;
    *out_source = test_samples_source(&fixture->parts[part]);
    return STATUS_OK;
}

static bool progress(void *owner, const char *stage, double share) {
    struct fixture *fixture = owner;
    assert_non_null(stage);
    fixture->ranges_told += strcmp(stage, "measuring ranges") == 0 ? 1 : 0;
    assert_true(share >= 0 && share <= 1);
    const bool knows_ranges = strncmp(stage, "trying", 6) == 0;
    return ++fixture->told != fixture->ends_at && !(fixture->ends_with_ranges && knows_ranges);
}

static void say(void *owner, const char *sentence) {
    struct fixture *fixture = owner;
    (void)snprintf(fixture->said, sizeof(fixture->said), "%s", sentence);
}

static void begin(struct fixture *fixture, const char *shape) {
    if (!test_model_can_run()) {
        skip();
    }
    *fixture = (struct fixture){.home = "/tmp/ebb-optimise-XXXXXX"};
    assert_non_null(mkdtemp(fixture->home));
    (void)snprintf(fixture->path, PATH_BYTES, "%s/given.onnx", fixture->home);
    (void)snprintf(fixture->folder, PATH_BYTES, "%s/out", fixture->home);
    assert_int_equal(file_make_folder(fixture->folder, NULL), STATUS_OK);
    for (int i = 0; i < SAMPLE_PART_COUNT; i++) {
        fixture->parts[i].count = SAMPLES;
        test_samples_input(&fixture->parts[i], shape);
    }
    budget_init(&fixture->budget);
    fixture->options = (struct optimise_options){.path = fixture->path,
                                                 .folder = fixture->folder,
                                                 .budget = &fixture->budget,
                                                 .samples = samples_of,
                                                 .progress = progress,
                                                 .say = say,
                                                 .owner = fixture,
                                                 .time_ms = 20,
                                                 .memory_bytes = MEMORY_BYTES};
}

static void write_model(struct fixture *fixture, struct graph_model *model) {
    assert_int_equal(onnx_file_write(model, fixture->path, NULL), STATUS_OK);
    onnx_file_close(model);
}

/* Conv, Mul that can go into it, Relu: weights of 36 KB. */
static void write_conv(struct fixture *fixture) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x32x6x6");
    struct graph_value *sum = OP(model, "Conv", x, test_graph_weights(model, "32x32x3x3", 1));
    struct graph_value *y = OP(model, "Relu", OP(model, "Mul", sum, FLOATS(model, "1", 0.5F)));
    test_graph_output(model, y);
    write_model(fixture, model);
}

static status run(struct fixture *fixture) {
    return optimise(&fixture->options, &fixture->optimised, &fixture->err);
}

static void run_well(struct fixture *fixture) {
    if (run(fixture) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
    assert_int_equal(fixture->optimised.variant_count, VARIANTS);
}

static const struct optimise_variant *variant(const struct fixture *fixture, int index) {
    return &fixture->optimised.variants[index];
}

static bool remove_each(void *owner, const char *name) {
    char path[PATH_BYTES + 300];
    (void)snprintf(path, sizeof(path), "%s/%s", (const char *)owner, name);
    (void)unlink(path);
    return true;
}

static void end(struct fixture *fixture) {
    optimised_done(&fixture->optimised);
    (void)file_list(fixture->folder, remove_each, fixture->folder, NULL);
    (void)rmdir(fixture->folder);
    (void)file_list(fixture->home, remove_each, fixture->home, NULL);
    assert_int_equal(rmdir(fixture->home), 0);
}

struct listing {
    char text[PATH_BYTES];
};

static bool list_each(void *owner, const char *name) {
    struct listing *listing = owner;
    const size_t used = strlen(listing->text);
    (void)snprintf(listing->text + used, sizeof(listing->text) - used, "%s ", name);
    return true;
}

static void assert_folder_holds(const struct fixture *fixture, const char *names) {
    struct listing listing = {0};
    assert_int_equal(file_list(fixture->folder, list_each, &listing, NULL), STATUS_OK);
    assert_string_equal(listing.text, names);
}

/* And nothing else: neither what was refused nor what only a search needs. */
static void assert_offered_lie_there(const struct fixture *fixture) {
    static const int SORTED[] = {FLOAT16, FOLDED, INT8, ORIGINAL};
    char names[PATH_BYTES] = "";
    for (int i = 0; i < VARIANTS; i++) {
        const struct optimise_variant *at = variant(fixture, SORTED[i]);
        const size_t used = strlen(names);
        assert_true((at->file[0] != '\0') == (at->refused[0] == '\0'));
        if (at->refused[0] == '\0') {
            (void)snprintf(names + used, sizeof(names) - used, "%s.onnx ", at->name);
        }
    }
    assert_folder_holds(fixture, names);
}

/* What is offered is better than the original in something, by more than measuring again is. */
static void assert_offers_are_better(const struct fixture *fixture) {
    static const enum cost_kind WON[] = {COST_LATENCY_P50, COST_RSS, COST_SIZE};
    const struct cost *original = &variant(fixture, ORIGINAL)->row.cost;
    for (int i = FOLDED; i < VARIANTS; i++) {
        bool better = false;
        for (size_t k = 0; k < 3; k++) {
            const double worth = fmax(0.02, cost_margin(WON[k]));
            const double margin = original->of[WON[k]] * (1 - worth);
            better = better || variant(fixture, i)->row.cost.of[WON[k]] < margin;
        }
        const char *refused = variant(fixture, i)->refused;
        assert_true(better || refused[0] != '\0');
        assert_true(!better || strstr(refused, "neither faster") == NULL);
    }
}

static void test_optimise__makes_variants_and_leaves_nothing_else(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    write_conv(&fixture);
    run_well(&fixture);
    assert_offered_lie_there(&fixture);
    static const char *const NAMES[] = {"original", "folded", "int8", "float16"};
    for (int i = 0; i < VARIANTS; i++) {
        assert_string_equal(variant(&fixture, i)->name, NAMES[i]);
        assert_true(variant(&fixture, i)->how[0] != '\0');
        assert_true(variant(&fixture, i)->row.cost.of[COST_SIZE] > 0);
    }
    assert_string_equal(variant(&fixture, ORIGINAL)->refused, "");
    assert_string_equal(variant(&fixture, INT8)->refused, ""); /* a third of the bytes */
    assert_true(variant(&fixture, INT8)->row.cost.of[COST_SIZE] <
                variant(&fixture, ORIGINAL)->row.cost.of[COST_SIZE] / 2);
    assert_true(isinf(variant(&fixture, ORIGINAL)->proof.worst_sqnr_db));
    assert_true(proof_is_lossless(&variant(&fixture, FOLDED)->proof));
    assert_true(variant(&fixture, INT8)->proof.worst_sqnr_db > OPTIMISE_SQNR_DB_LEAST);
    assert_true(isfinite(variant(&fixture, INT8)->proof.worst_sqnr_db));
    assert_true(fixture.optimised.has_search && fixture.optimised.keeps);
    assert_int_equal(variant(&fixture, INT8)->changed->sample_count, SAMPLES);
    assert_int_equal(variant(&fixture, ORIGINAL)->changed->count, 0);
    assert_int_equal(fixture.optimised.search.report.layers, 1);
    assert_int_equal(fixture.optimised.sample_count, SAMPLES);
    assert_offers_are_better(&fixture);
    end(&fixture);
}

/* There is nothing to fold: the variant is the original once more. */
static void test_optimise__says_why_there_is_no_int8_and_refuses_what_is_no_better(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    struct graph_model *model = test_graph_new(13);
    test_graph_output(
        model, OP(model, "Sigmoid", test_graph_input(model, "x", ELEMENT_FLOAT32, "1x32x6x6")));
    write_model(&fixture, model);
    run_well(&fixture);
    assert_non_null(strstr(variant(&fixture, INT8)->refused, "no Conv, MatMul or Gemm"));
    assert_string_equal(variant(&fixture, INT8)->file, "");
    assert_false(fixture.optimised.has_search);
    assert_offered_lie_there(&fixture);
    assert_offers_are_better(&fixture);
    end(&fixture);
}

/* Of a run that was killed, and of an earlier one that offered more. */
static void test_optimise__clears_away_what_an_earlier_run_left(void **state) {
    (void)state;
    static const char *const NAMES[] = {".base.onnx",      ".try.onnx", ".try.onnx-0.data",
                                        ".try.onnx.7.new", "int8.onnx", "int8.onnx-0.data"};
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    struct graph_model *model = test_graph_new(13);
    test_graph_output(
        model, OP(model, "Sigmoid", test_graph_input(model, "x", ELEMENT_FLOAT32, "1x32x6x6")));
    write_model(&fixture, model);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char path[PATH_BYTES + 32];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture.folder, NAMES[i]);
        assert_int_equal(file_replace(path, SLICE("old"), NULL), STATUS_OK);
    }
    run_well(&fixture);
    assert_offered_lie_there(&fixture);
    end(&fixture);
}

static void test_optimise__answers_with_what_is_near_when_no_search_finds_any(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    write_conv(&fixture);
    assert_int_equal(
        budget_read(SLICE("drift.sqnr>=500dB; minimise size"), &fixture.budget, &fixture.err),
        STATUS_OK);
    run_well(&fixture);
    assert_non_null(strstr(variant(&fixture, INT8)->refused, "none of the 1 models"));
    assert_int_equal(fixture.optimised.search.best, QUANTIZE_TRIES_MAX);
    assert_int_not_equal(fixture.optimised.picked, INT8);
    assert_offered_lie_there(&fixture);
    end(&fixture);
}

/* Ranges were measured and layers chosen with numbers that the third part goes far beyond. */
static void test_optimise__refuses_what_is_far_only_on_the_samples_that_judge(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    write_conv(&fixture);
    fixture.parts[SAMPLE_EVALUATION].scale = 20;
    run_well(&fixture);
    assert_true(fixture.optimised.search.best < QUANTIZE_TRIES_MAX);
    assert_non_null(strstr(variant(&fixture, INT8)->refused, "too far from the original"));
    assert_int_not_equal(fixture.optimised.picked, INT8);
    end(&fixture);
}

/* Wherever that is: what is needed only meanwhile goes, and the next one ends well. */
static void test_optimise__may_be_ended_anywhere(void **state) {
    (void)state;
    static struct fixture fixture;
    uint32_t ended = 0;
    for (uint32_t at = 1; ended + 1 >= at; at++) {
        begin(&fixture, "1x32x6x6");
        write_conv(&fixture);
        fixture.ends_at = at * at;
        const status code = run(&fixture);
        struct listing listing = {0};
        assert_int_equal(file_list(fixture.folder, list_each, &listing, NULL), STATUS_OK);
        assert_null(strstr(listing.text, ".base"));
        assert_null(strstr(listing.text, ".try"));
        if (code != STATUS_OK) {
            assert_int_equal(code, STATUS_INTERRUPTED);
            assert_non_null(strstr(fixture.err.text, "goes on from there"));
            assert_int_equal(fixture.told, fixture.ends_at); /* nobody is told any more */
            ended++;
        } else {
            assert_offered_lie_there(&fixture); /* what was found so far is gone, too */
        }
        end(&fixture);
    }
    assert_true(ended >= 3);
}

/* Runs with that file in the folder; whether ranges were measured. */
static bool measures_ranges(struct fixture *fixture, struct slice text) {
    char path[PATH_BYTES + 32];
    (void)snprintf(path, sizeof(path), "%s/.ranges.json", fixture->folder);
    assert_int_equal(file_replace(path, text, NULL), STATUS_OK);
    (void)snprintf(path, sizeof(path), "%s/.search.json", fixture->folder);
    (void)unlink(path);
    fixture->ranges_told = 0;
    fixture->said[0] = '\0';
    assert_int_equal(run(fixture), STATUS_INTERRUPTED);
    assert_string_equal(fixture->said,
                        fixture->ranges_told == 0 ? "goes on with ranges of before" : "");
    return fixture->ranges_told > 0;
}

/* Ranges are those of the same samples and model, or they are measured. */
static void test_optimise__takes_ranges_of_before_only_where_they_are_the_same(void **state) {
    (void)state;
    static const char *const BOUNDS[] = {"[[\"x\",1,2]]",
                                         "[[\"x\",-2,-1]]",
                                         "[[\"x\",-1,null]]",
                                         "[[\"x\",-1]]",
                                         "[[\"x\",-1,1,1]]",
                                         "[[\"nope\",-1,1]]",
                                         "7",
                                         "[[\"x\",-1e99,1]]",
                                         "[[1,-1,1]]",
                                         "[[\"x\",-1,1],[\"x\",-1,1],[\"x\",-1,1]]"};
    static struct fixture fixture;
    CLEANUP(buffer_done) struct buffer kept;
    char path[PATH_BYTES + 32];
    begin(&fixture, "1x32x6x6");
    write_conv(&fixture);
    (void)snprintf(path, sizeof(path), "%s/.ranges.json", fixture.folder);
    buffer_init(&kept, 1 << 16);
    fixture.ends_with_ranges = true;
    assert_int_equal(run(&fixture), STATUS_INTERRUPTED);
    assert_int_equal(file_read(path, &kept, NULL), STATUS_OK);
    const struct slice text = buffer_slice(&kept);
    assert_false(measures_ranges(&fixture, text));
    assert_true(measures_ranges(&fixture, slice_part(text, 0, text.count / 2)));
    for (size_t i = 0; i < sizeof(BOUNDS) / sizeof(BOUNDS[0]); i++) {
        CLEANUP(buffer_done) struct buffer other;
        buffer_init(&other, 1 << 16);
        buffer_add(&other, slice_part(text, 0, slice_find(text, '[')));
        buffer_print(&other, "%s}", BOUNDS[i]);
        assert_true(measures_ranges(&fixture, buffer_slice(&other)));
    }
    fixture.parts[SAMPLE_CALIBRATION].scale = 2;
    assert_true(measures_ranges(&fixture, text));
    end(&fixture);
}

/* The model's folder has the weights; that of the variants is another one. */
static void test_optimise__takes_external_data_along(void **state) {
    (void)state;
    static struct fixture fixture;
    static float numbers[SIDE * SIDE];
    struct test_model model;
    char path[PATH_BYTES];
    begin(&fixture, "1x64");
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        numbers[i] = test_number(i);
    }
    (void)snprintf(path, sizeof(path), "%s/w.data", fixture.home);
    const struct slice bytes = {.bytes = (const char *)numbers, .count = sizeof(numbers)};
    assert_int_equal(file_replace(path, bytes, NULL), STATUS_OK);
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1x64");
    test_model_output(&model, "y", ONNX_FLOAT, "1x64");
    test_model_external(&model, "w", ONNX_FLOAT, "64x64", "w.data");
    test_model_node(&model, "MatMul", "x w", "y");
    test_model_write(&model, fixture.path, 13);
    run_well(&fixture);
    for (int i = 0; i < VARIANTS; i++) {
        assert_true(variant(&fixture, i)->refused[0] == '\0' ||
                    strstr(variant(&fixture, i)->refused, "neither faster") != NULL);
        assert_true(variant(&fixture, i)->row.cost.of[COST_SIZE] > 0);
    }
    assert_true(fixture.optimised.search.tries[0].cost < 1000);
    struct listing listing = {0};
    assert_int_equal(file_list(fixture.folder, list_each, &listing, NULL), STATUS_OK);
    assert_null(strstr(listing.text, ".base"));
    assert_null(strstr(listing.text, ".try"));
    assert_non_null(strstr(listing.text, "original.onnx-"));
    end(&fixture);
}

static void test_optimise__says_what_is_not_there(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    assert_int_equal(run(&fixture), STATUS_NOT_FOUND);
    assert_non_null(strstr(fixture.err.text, "given.onnx"));
    assert_int_equal(file_replace(fixture.path, SLICE("no model"), NULL), STATUS_OK);
    assert_int_equal(run(&fixture), STATUS_CORRUPT);
    write_conv(&fixture);
    fixture.parts[SAMPLE_SELECTION].count = 0;
    assert_int_equal(run(&fixture), STATUS_NOT_FOUND);
    assert_non_null(strstr(fixture.err.text, "no sample"));
    end(&fixture);
}

/* Nothing measures where there is no program for it; nothing is left in memory then. */
static void test_optimise__fails_without_the_program_that_measures(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, "1x32x6x6");
    write_conv(&fixture);
    assert_int_equal(setenv("EBB_MEASURE", "/nowhere/ebb-measure", 1), 0);
    assert_int_not_equal(run(&fixture), STATUS_OK);
    assert_int_equal(unsetenv("EBB_MEASURE"), 0);
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimise__makes_variants_and_leaves_nothing_else),
        cmocka_unit_test(test_optimise__says_why_there_is_no_int8_and_refuses_what_is_no_better),
        cmocka_unit_test(test_optimise__clears_away_what_an_earlier_run_left),
        cmocka_unit_test(test_optimise__answers_with_what_is_near_when_no_search_finds_any),
        cmocka_unit_test(test_optimise__refuses_what_is_far_only_on_the_samples_that_judge),
        cmocka_unit_test(test_optimise__may_be_ended_anywhere),
        cmocka_unit_test(test_optimise__takes_ranges_of_before_only_where_they_are_the_same),
        cmocka_unit_test(test_optimise__takes_external_data_along),
        cmocka_unit_test(test_optimise__says_what_is_not_there),
        cmocka_unit_test(test_optimise__fails_without_the_program_that_measures),
    };
    return cmocka_run_group_tests_name("optimise", tests, NULL, NULL);
}
