// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_search.h"

#include <math.h>
#include <unistd.h>

#include "model/calibrate.h"
#include "model/search_journal.h"
#include "model/test_samples.h"

enum { SAMPLES = 4, SIDE = 8, LAYERS_MAX = 64, MEMORY_BYTES = 1 << 30 };

struct fixture {
    struct buffer model;
    struct test_samples samples;
    struct sample_source source;
    struct proof_reference *reference;
    struct quantize_bound bounds[2 * LAYERS_MAX];
    struct quantize_options quantize;
    struct quantize_search_options options;
    struct quantize_found found;
    struct error err;
    double sqnr_db_least;
    uint32_t costs, told, told_most;
    uint32_t broken_after; /* so many layers the next one fails; 0: none does */
    double share;
    double (*price)(uint32_t layers_tried);
};

/* x * W of SIDE x SIDE; a column of the wild one has numbers that swallow all others. */
static struct graph_value *layer(struct graph_model *model, struct graph_value *from, size_t seed,
                                 float wild) {
    float numbers[SIDE * SIDE];
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        numbers[i] = 0.5F * test_number(seed * 1009 + i);
        /* Row 0 meets an input that is all but nothing: only its weights are wild. */
        numbers[i] *= i < SIDE && wild > 0 ? wild : 1;
    }
    return OP(model, "MatMul", from, test_graph_floats(model, "8x8", numbers, SIDE * SIDE));
}

/* Layers one after another with a Tanh between them; the input of the wild one is multiplied so
 * that its wild row makes nothing of itself. */
static struct buffer make_model(uint32_t layers, uint32_t wild) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *at = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x8");
    for (uint32_t i = 0; i < layers; i++) {
        if (i == wild) {
            at = OP(model, "Mul", at, FLOATS(model, "8", 1e-4F, 1, 1, 1, 1, 1, 1, 1));
        }
        at = layer(model, at, i + 1, i == wild ? 1e4F : 0);
        at = OP(model, "Tanh", at);
    }
    test_graph_output(model, at);
    return test_samples_pack(model);
}

static bool is_good(void *owner, const struct proof *proof) {
    return proof->worst_sqnr_db >= ((struct fixture *)owner)->sqnr_db_least;
}

static status cost(void *owner, struct slice model, double *out_ratio, struct error *err) {
    struct fixture *fixture = owner;
    (void)model;
    (void)err;
    *out_ratio = fixture->price(fixture->costs++);
    return STATUS_OK;
}

static double dearer_each_time(uint32_t tried) {
    return 0.5 + 0.01 * tried;
}

static double cheaper_each_time(uint32_t tried) {
    return pow(0.9, tried); /* by more than noise */
}

static bool progress(void *owner, double share) {
    struct fixture *fixture = owner;
    assert_true(share >= fixture->share && share <= 1);
    fixture->share = share;
    /* Whatever is tried then cannot be run. */
    fixture->samples.broken = fixture->told + 1 == fixture->broken_after ? 1 : 0;
    return ++fixture->told < fixture->told_most;
}

/* Ranges by model/calibrate, from the same samples. */
static void find_bounds(struct fixture *fixture) {
    static struct value_range ranges[2 * LAYERS_MAX];
    const struct calibrate_options options = {.memory_bytes = MEMORY_BYTES};
    const struct threshold_settings settings = {.kind = SCALE_UINT8};
    struct calibrate_values values = {.ranges = ranges};
    struct graph_model *model = NULL;
    assert_int_equal(onnx_file_read(buffer_slice(&fixture->model), NULL, &model, NULL), STATUS_OK);
    assert_int_equal(quantize_values(model, &values.names, &values.count, NULL), STATUS_OK);
    assert_true(values.count <= 2 * LAYERS_MAX);
    for (uint32_t i = 0; i < values.count; i++) {
        assert_int_equal(value_range_init(&ranges[i], NULL), STATUS_OK);
    }
    assert_int_equal(calibrate(buffer_slice(&fixture->model), &values, &fixture->source, &options,
                               &fixture->err),
                     STATUS_OK);
    static char names[2 * LAYERS_MAX][32];
    for (uint32_t i = 0; i < values.count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%.*s", SLICE_ARGS(values.names[i]));
        fixture->bounds[i].value = slice_of(names[i]);
        assert_int_equal(
            threshold_choose(&ranges[i], &settings, &fixture->bounds[i].threshold, NULL),
            STATUS_OK);
        value_range_done(&ranges[i]);
    }
    fixture->quantize.bound_count = values.count;
    onnx_file_close(model);
}

static void begin(struct fixture *fixture, struct buffer model) {
    if (!test_model_can_run()) {
        buffer_done(&model);
        skip();
    }
    const struct proof_options proving = {.memory_bytes = MEMORY_BYTES};
    *fixture = (struct fixture){
        .model = model, .sqnr_db_least = 20, .told_most = UINT32_MAX, .price = dearer_each_time};
    fixture->samples.count = SAMPLES;
    test_samples_input(&fixture->samples, "1x8");
    fixture->source = test_samples_source(&fixture->samples);
    find_bounds(fixture);
    fixture->quantize.bounds = fixture->bounds;
    fixture->options = (struct quantize_search_options){.quantize = &fixture->quantize,
                                                        .is_good = is_good,
                                                        .cost = cost,
                                                        .progress = progress,
                                                        .owner = fixture};
    if (proof_reference_open(buffer_slice(&fixture->model), &fixture->source, &proving,
                             &fixture->reference, &fixture->err) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static status run(struct fixture *fixture) {
    return quantize_search(buffer_slice(&fixture->model), fixture->reference, &fixture->options,
                           &fixture->found, &fixture->err);
}

static void run_well(struct fixture *fixture) {
    if (run(fixture) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static void end(struct fixture *fixture) {
    proof_reference_close(fixture->reference);
    buffer_done(&fixture->model);
}

static uint32_t whole_layers(const struct quantize_found *found) {
    struct graph_model *model = NULL;
    assert_int_equal(onnx_file_read(buffer_slice(&found->model), NULL, &model, NULL), STATUS_OK);
    const uint32_t count = test_graph_count(model, "DequantizeLinear");
    const uint32_t pairs = test_graph_count(model, "QuantizeLinear");
    onnx_file_close(model);
    return count - pairs; /* what is left are weights */
}

static void test_quantize_search__leaves_exactly_the_harmful_layer_in_float32(void **state) {
    (void)state;
    static struct fixture fixture;
    for (uint32_t wild = 0; wild < 3; wild++) {
        begin(&fixture, make_model(3, wild));
        run_well(&fixture);
        const struct quantize_found *found = &fixture.found;
        assert_int_equal(found->layer_count, 3);
        assert_int_not_equal(found->best, QUANTIZE_TRIES_MAX);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(found->layers[i].stays, i == wild);
            assert_true((found->layers[i].sqnr_db < 15) == (i == wild));
            assert_int_equal(found->layers[i].weight_count, SIDE * SIDE);
        }
        assert_int_equal(found->report.layers, 2);
        assert_int_equal(whole_layers(found), 2);
        assert_int_equal(found->tries[0].staying, 0);
        assert_false(found->tries[0].is_good);
        assert_true(isnan(found->tries[0].cost));
        assert_int_equal(found->tries[found->best].staying, 1);
        quantize_found_done(&fixture.found);
        end(&fixture);
    }
}

static void test_quantize_search__leaves_none_where_none_does_harm(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    run_well(&fixture);
    assert_int_equal(fixture.found.best, 0);
    assert_int_equal(fixture.found.report.layers, 3);
    assert_int_equal(whole_layers(&fixture.found), 3);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static void test_quantize_search__goes_on_without_a_layer_that_cannot_be_tried(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    fixture.broken_after = 1;
    fixture.options.changes_max = 8;
    fixture.price = cheaper_each_time;
    run_well(&fixture);
    const struct quantize_found *found = &fixture.found;
    assert_true(isinf(found->layers[1].sqnr_db) && found->layers[1].sqnr_db < 0);
    assert_non_null(strstr(found->layers[1].why.bytes, "sample 0 does not fit"));
    for (uint32_t i = 0; i < 3; i++) {
        assert_true((found->layers[i].why.count > 0) == (i == 1));
        assert_true(i != 1 || found->layers[i].stays);
    }
    assert_int_equal(found->tries[0].staying, 1);
    for (uint32_t i = 0; i < found->try_count; i++) {
        assert_true(found->tries[i].staying == 1 || found->tries[i].staying == 2);
    }
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static void test_quantize_search__says_why_no_layer_can_be_tried(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    fixture.options.progress = NULL;
    fixture.samples.broken = 1;
    assert_int_equal(run(&fixture), STATUS_CONFLICT);
    assert_string_equal(fixture.err.text, "no layer can be quantised: sample 0 does not fit");
    end(&fixture);
}

/* Only the whole model does not run, and the next one does. */
static void test_quantize_search__a_model_that_does_not_run_is_not_good_enough(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    fixture.broken_after = 3;
    run_well(&fixture);
    const struct quantize_found *found = &fixture.found;
    assert_false(found->tries[0].is_good);
    assert_true(isinf(found->tries[0].proof.worst_sqnr_db));
    assert_true(drift_agreement(&found->tries[0].proof.drift) <= 0);
    assert_int_equal(found->best, 1);
    assert_int_equal(found->tries[1].staying, 1);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

/* Ended wherever it is, it goes on there: nothing is run twice, and the answer is the same. */
static void test_quantize_search__goes_on_where_it_was_ended(void **state) {
    (void)state;
    static struct fixture fixture;
    char path[] = "/tmp/ebb-search-XXXXXX";
    char said[SEARCH_JOURNAL_SAID_BYTES];
    const int file = mkstemp(path);
    assert_true(file >= 0 && close(file) == 0 && unlink(path) == 0);
    begin(&fixture, make_model(4, 1));
    fixture.options.changes_max = 4;
    assert_int_equal(
        search_journal_open(path, (struct digest){{1}}, &fixture.options.journal, said, NULL),
        STATUS_OK);
    run_well(&fixture);
    search_journal_close(fixture.options.journal);
    const struct quantize_found whole = fixture.found;
    const uint32_t told = fixture.told;
    const uint32_t costs = fixture.costs;
    for (uint32_t ended = 1; ended <= told; ended++) {
        (void)unlink(path);
        uint32_t costs_in_all = 0;
        for (uint32_t i = 0; i < 2; i++) {
            struct search_journal *journal = NULL;
            assert_int_equal(search_journal_open(path, (struct digest){{1}}, &journal, said, NULL),
                             STATUS_OK);
            assert_int_equal(said[0] != '\0', i == 1);
            fixture.told = 0;
            fixture.share = 0;
            fixture.told_most = i == 0 ? ended : UINT32_MAX;
            fixture.costs = costs_in_all;
            fixture.options.journal = journal;
            run_well(&fixture);
            costs_in_all = fixture.costs;
            search_journal_close(journal);
            if (i == 0) {
                quantize_found_done(&fixture.found);
            }
        }
        assert_int_equal(costs_in_all, costs);
        assert_int_equal(fixture.found.try_count, whole.try_count);
        assert_int_equal(fixture.found.best, whole.best);
        assert_int_equal(fixture.found.report.layers, whole.report.layers);
        assert_true(slice_equal(buffer_slice(&fixture.found.model), buffer_slice(&whole.model)));
        for (uint32_t k = 0; k < whole.layer_count; k++) {
            assert_true(fixture.found.layers[k].sqnr_db == whole.layers[k].sqnr_db);
            assert_int_equal(fixture.found.layers[k].stays, whole.layers[k].stays);
        }
        quantize_found_done(&fixture.found);
    }
    (void)unlink(path);
    struct quantize_found kept = whole;
    quantize_found_done(&kept);
    end(&fixture);
}

/* What one layer more in float32 is worth, but for noise: nothing. */
static double noisy(uint32_t tried) {
    return tried == 0 ? 1 : 1.02;
}

/* All layers have as many weights: with three of 64 left out 95 of 100 are small, with four not. */
static void test_quantize_search__of_equal_costs_the_nearest_is_the_best(void **state) {
    (void)state;
    static struct fixture fixture;
    for (int exact = 0; exact < 2; exact++) {
        begin(&fixture, make_model(LAYERS_MAX, 1));
        fixture.sqnr_db_least = -1000;
        fixture.price = noisy;
        fixture.options.cost_noise = exact ? 0 : 0.03;
        run_well(&fixture);
        const struct quantize_found *found = &fixture.found;
        assert_true(found->try_count > 4);
        assert_int_equal(found->best, exact ? 0 : 3);
        bool is_any_nearer = false;
        for (uint32_t i = 4; i < found->try_count; i++) {
            is_any_nearer = is_any_nearer || found->tries[i].proof.worst_sqnr_db >
                                                 found->tries[3].proof.worst_sqnr_db;
        }
        assert_true(is_any_nearer);
        quantize_found_done(&fixture.found);
        end(&fixture);
    }
}

/* A model of which nothing is quantised is none, however cheap. */
static void test_quantize_search__quantises_at_least_one_layer(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(1, UINT32_MAX));
    fixture.sqnr_db_least = -1000;
    fixture.price = cheaper_each_time;
    fixture.options.changes_max = 8;
    run_well(&fixture);
    assert_int_equal(fixture.found.try_count, 1);
    assert_int_equal(fixture.found.report.layers, 1);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

/* Each model is cheaper than the one before, so that every layer changes sides. */
static void test_quantize_search__tries_no_more_than_it_may(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(LAYERS_MAX, UINT32_MAX));
    fixture.sqnr_db_least = -1000;
    fixture.price = cheaper_each_time;
    fixture.options.changes_max = 200;
    run_well(&fixture);
    assert_int_equal(fixture.found.try_count, QUANTIZE_TRIES_MAX);
    assert_int_equal(fixture.costs, QUANTIZE_TRIES_MAX);
    assert_int_equal(fixture.found.best, QUANTIZE_TRIES_MAX - 1);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static double far_dearer_each_time(uint32_t tried) {
    return 0.5 * pow(1.1, tried);
}

/* With 0, 1 and 2 of them left out it takes 1, 1.1 and 1.21 times as long; three are not tried. */
static void test_quantize_search__does_not_go_on_where_it_only_gets_dearer(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(8, 1));
    fixture.sqnr_db_least = -1000;
    fixture.price = far_dearer_each_time;
    run_well(&fixture);
    assert_int_equal(fixture.found.try_count, 3);
    assert_int_equal(fixture.found.best, 0);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static void test_quantize_search__changes_sides_where_that_is_cheaper(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, 1));
    fixture.sqnr_db_least = -1000;
    fixture.price = cheaper_each_time;
    fixture.options.changes_max = 1;
    run_well(&fixture);
    /* Two stay in the last of the three, and of those one goes back. */
    assert_int_equal(fixture.found.try_count, 4);
    assert_int_equal(fixture.found.best, 3);
    assert_int_equal(fixture.found.tries[3].staying, 1);
    assert_int_equal(fixture.found.report.layers, 2);
    assert_true(fixture.found.layers[1].stays);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static void test_quantize_search__ends_with_the_best_so_far(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    fixture.sqnr_db_least = -1000;
    fixture.price = cheaper_each_time;
    fixture.told_most = 3 + 1; /* three layers alone, one model */
    run_well(&fixture);
    assert_int_equal(fixture.found.try_count, 1);
    assert_int_equal(fixture.found.best, 0);
    assert_true(fixture.found.model.count > 0);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

/* What was never looked at is not said to be the worst. */
static void test_quantize_search__says_nothing_of_layers_that_it_did_not_come_to(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    fixture.told_most = 2;
    run_well(&fixture);
    assert_int_equal(fixture.found.try_count, 0);
    assert_int_equal(fixture.found.best, QUANTIZE_TRIES_MAX);
    assert_int_equal(fixture.found.model.count, 0);
    assert_true(isfinite(fixture.found.layers[1].sqnr_db));
    assert_true(isnan(fixture.found.layers[2].sqnr_db));
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static void test_quantize_search__finds_none_where_nothing_is_good_enough(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(3, UINT32_MAX));
    fixture.sqnr_db_least = 1000;
    fixture.options.changes_max = 8;
    run_well(&fixture);
    assert_int_equal(fixture.found.try_count, 3);
    assert_int_equal(fixture.found.best, QUANTIZE_TRIES_MAX);
    assert_int_equal(fixture.found.model.count, 0);
    assert_int_equal(fixture.costs, 0);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

static void test_quantize_search__says_when_there_is_no_layer(void **state) {
    (void)state;
    static struct fixture fixture;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x8");
    test_graph_output(model, OP(model, "Relu", x));
    begin(&fixture, test_samples_pack(model));
    assert_int_equal(run(&fixture), STATUS_NOT_FOUND);
    assert_non_null(strstr(fixture.err.text, "no Conv, MatMul or Gemm"));
    end(&fixture);
}

/* Whichever allocation fails, it is said and nothing is left behind. */
static void test_quantize_search__says_when_the_heap_is_used_up(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, make_model(1, UINT32_MAX));
    status code = STATUS_NO_MEMORY;
    long failing = 0;
    for (; code != STATUS_OK && failing < 1000; failing += 7) {
        fixture.share = 0;
        (void)memory_fail_at(failing, 0);
        code = run(&fixture);
        (void)memory_fail_at(-1, 0);
        if (code != STATUS_OK && code != STATUS_NO_MEMORY) {
            fail_msg("%ld: %s", failing, fixture.err.text);
        }
    }
    assert_true(failing > 7 && failing < 1000);
    quantize_found_done(&fixture.found);
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize_search__leaves_exactly_the_harmful_layer_in_float32),
        cmocka_unit_test(test_quantize_search__leaves_none_where_none_does_harm),
        cmocka_unit_test(test_quantize_search__goes_on_without_a_layer_that_cannot_be_tried),
        cmocka_unit_test(test_quantize_search__says_why_no_layer_can_be_tried),
        cmocka_unit_test(test_quantize_search__a_model_that_does_not_run_is_not_good_enough),
        cmocka_unit_test(test_quantize_search__goes_on_where_it_was_ended),
        cmocka_unit_test(test_quantize_search__of_equal_costs_the_nearest_is_the_best),
        cmocka_unit_test(test_quantize_search__does_not_go_on_where_it_only_gets_dearer),
        cmocka_unit_test(test_quantize_search__quantises_at_least_one_layer),
        cmocka_unit_test(test_quantize_search__tries_no_more_than_it_may),
        cmocka_unit_test(test_quantize_search__changes_sides_where_that_is_cheaper),
        cmocka_unit_test(test_quantize_search__ends_with_the_best_so_far),
        cmocka_unit_test(test_quantize_search__says_nothing_of_layers_that_it_did_not_come_to),
        cmocka_unit_test(test_quantize_search__finds_none_where_nothing_is_good_enough),
        cmocka_unit_test(test_quantize_search__says_when_there_is_no_layer),
        cmocka_unit_test(test_quantize_search__says_when_the_heap_is_used_up),
    };
    return cmocka_run_group_tests_name("quantize_search", tests, NULL, NULL);
}
