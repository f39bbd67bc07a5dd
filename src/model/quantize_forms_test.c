// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_forms.h"

#include "model/proof.h"
#include "model/test_samples.h"

enum { SAMPLES = 12, MEMORY_BYTES = 1 << 30 };

struct fixture {
    struct test_samples parts[SAMPLE_PART_COUNT];
    bool has[SAMPLE_PART_COUNT];
    struct quantize_options options;
    struct quantize_forms_wish wish;
    struct quantize_form form;
    struct buffer model;
    uint32_t stages;
    struct error err;
};

static status samples_of(void *owner, enum sample_part part, struct sample_source *out_source,
                         struct error *err) {
    struct fixture *fixture = owner;
    if (!fixture->has[part]) {
        return (fail)(err, STATUS_NOT_FOUND, "no samples");
    }
    test_samples_rewind(&fixture->parts[part]);
    *out_source = test_samples_source(&fixture->parts[part]);
    return STATUS_OK;
}

static bool progress(void *owner, const char *stage, double share) {
    struct fixture *fixture = owner;
    assert_true(stage != NULL && share >= 0 && share <= 1);
    fixture->stages++;
    return true;
}

/* Two layers; the channels between them are as unlike as 1 and `unlike`. */
static void begin(struct fixture *fixture, float unlike) {
    if (!test_model_can_run()) {
        skip();
    }
    *fixture = (struct fixture){.has = {true, true, true}};
    for (int i = 0; i < SAMPLE_PART_COUNT; i++) {
        fixture->parts[i].count = SAMPLES;
        test_samples_input(&fixture->parts[i], "1x2x6x6");
    }
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x6x6");
    float first[4 * 2 * 9];
    float second[3 * 4];
    for (int i = 0; i < 4 * 2 * 9; i++) {
        first[i] = test_number((size_t)i) * (i < 18 ? unlike : 1);
    }
    for (int i = 0; i < 3 * 4; i++) {
        second[i] = test_number((size_t)i + 500) / (i % 4 == 0 ? unlike : 1);
    }
    struct graph_value *sum = OP(model, "Conv", x, test_graph_floats(model, "4x2x3x3", first, 72),
                                 FLOATS(model, "4", 3 * unlike, 3, 3, 3));
    test_graph_output(model, OP(model, "Conv", OP(model, "Relu", sum),
                                test_graph_floats(model, "3x4x1x1", second, 12),
                                FLOATS(model, "3", 1, 2, 3)));
    fixture->model = test_samples_pack(model);
    fixture->options = (struct quantize_options){.activations = SCALE_UINT8};
    fixture->wish = (struct quantize_forms_wish){.model = buffer_slice(&fixture->model),
                                                 .quantize = &fixture->options,
                                                 .samples = samples_of,
                                                 .progress = progress,
                                                 .owner = fixture,
                                                 .memory_bytes = MEMORY_BYTES};
}

static void run(struct fixture *fixture) {
    if (quantize_forms(&fixture->wish, &fixture->form, &fixture->err) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
    assert_int_equal(fixture->form.report.layers, 2);
}

static void end(struct fixture *fixture) {
    quantize_form_done(&fixture->form);
    buffer_done(&fixture->model);
}

/* What a form is on the samples for selection. */
static double measure(struct fixture *fixture, struct slice bytes) {
    struct sample_source samples;
    struct proof_reference *reference = NULL;
    struct proof proof;
    const struct proof_options options = {.memory_bytes = MEMORY_BYTES};
    assert_int_equal(samples_of(fixture, SAMPLE_SELECTION, &samples, NULL), STATUS_OK);
    assert_int_equal(
        proof_reference_open(fixture->wish.model, &samples, &options, &reference, NULL), STATUS_OK);
    assert_int_equal(proof_run(reference, bytes, &proof, NULL), STATUS_OK);
    proof_reference_close(reference);
    return proof.worst_sqnr_db;
}

static void test_quantize_forms__unlike_channels_are_equalised(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, 1000);
    run(&fixture);
    assert_int_equal(fixture.form.equalized, 1);
    assert_true(fixture.form.is_judged && fixture.stages > 0);
    assert_true(fixture.form.sqnr_db > fixture.form.plain_sqnr_db + 10);
    assert_true(measure(&fixture, buffer_slice(&fixture.form.model)) == fixture.form.sqnr_db);
    end(&fixture);
}

/* The samples that choose are others than those that ranges come from: what they answer worse is
 * not taken, so the best is never below the plain one. */
static void test_quantize_forms__the_best_is_never_below_the_plain_one(void **state) {
    (void)state;
    static struct fixture fixture;
    static const float UNLIKE[] = {1, 3, 30};
    for (size_t i = 0; i < sizeof(UNLIKE) / sizeof(UNLIKE[0]); i++) {
        begin(&fixture, UNLIKE[i]);
        fixture.parts[SAMPLE_SELECTION].scale = 0.25F;
        run(&fixture);
        assert_true(fixture.form.sqnr_db >= fixture.form.plain_sqnr_db);
        assert_true(measure(&fixture, buffer_slice(&fixture.form.model)) == fixture.form.sqnr_db);
        const double best = fixture.form.sqnr_db;
        const bool is_plain = fixture.form.equalized + fixture.form.corrected == 0;
        quantize_form_done(&fixture.form);
        fixture.wish.is_plain = true;
        run(&fixture);
        const double plain = measure(&fixture, buffer_slice(&fixture.form.model));
        assert_true(is_plain ? best == plain : best > plain);
        end(&fixture);
    }
}

static void test_quantize_forms__without_samples_to_choose_by_it_stays_plain(void **state) {
    (void)state;
    static struct fixture fixture;
    for (int i = 0; i < 2; i++) {
        begin(&fixture, 1000);
        fixture.has[SAMPLE_SELECTION] = i == 0;
        fixture.wish.is_plain = i == 0;
        run(&fixture);
        assert_int_equal(fixture.form.equalized + fixture.form.corrected, 0);
        assert_false(fixture.form.is_judged);
        end(&fixture);
    }
}

static bool takes_none(void *owner, const struct graph_node *node) {
    (void)owner;
    (void)node;
    return false;
}

static void test_quantize_forms__nothing_to_quantise_is_in_the_report(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, 1);
    fixture.options.takes = takes_none;
    assert_int_equal(quantize_forms(&fixture.wish, &fixture.form, &fixture.err), STATUS_OK);
    assert_int_equal(fixture.form.report.layers, 0);
    assert_int_equal(fixture.form.report.left, 2);
    end(&fixture);
}

static void test_quantize_forms__says_what_is_not_there(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, 1);
    fixture.has[SAMPLE_CALIBRATION] = false;
    assert_int_equal(quantize_forms(&fixture.wish, &fixture.form, &fixture.err), STATUS_NOT_FOUND);
    end(&fixture);
    begin(&fixture, 1);
    fixture.wish.model = SLICE("no model");
    assert_int_not_equal(quantize_forms(&fixture.wish, &fixture.form, &fixture.err), STATUS_OK);
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize_forms__unlike_channels_are_equalised),
        cmocka_unit_test(test_quantize_forms__the_best_is_never_below_the_plain_one),
        cmocka_unit_test(test_quantize_forms__without_samples_to_choose_by_it_stays_plain),
        cmocka_unit_test(test_quantize_forms__nothing_to_quantise_is_in_the_report),
        cmocka_unit_test(test_quantize_forms__says_what_is_not_there),
    };
    return cmocka_run_group_tests_name("quantize_forms", tests, NULL, NULL);
}
