// SPDX-License-Identifier: Apache-2.0
#include "model/refit.h"

#include "model/test_channels.h"

enum { SAMPLES = 24 };

/* A model whose first layer says everything twice: its channels 0 to 3 again as 4 to 7. What is
 * worth least are the latter, so that half of all goes, which costs nothing once others make up for
 * it. */
struct doubled {
    struct fixture f;
    struct graph_value *a; /* of the first layer */
    struct buffer original;
    struct test_answer before;
};

/* Rows 4 to 7 become rows 0 to 3, beginning with the one that `turn` says. */
static void double_rows(struct graph_value *weights, size_t each, size_t turn) {
    for (size_t i = 0; i < 4 * each; i++) {
        numbers_of(weights)[4 * each + i] = numbers_of(weights)[(i + turn * each) % (4 * each)];
    }
}

static struct doubled begin_doubled(const char *shape, const char *weights_shape, size_t each) {
    struct doubled d = {.f = begin(shape)};
    struct graph_value *weights = random_of(&d.f, weights_shape);
    struct graph_value *biases = random_of(&d.f, "8");
    double_rows(weights, each, 0);
    double_rows(biases, 1, 0);
    d.a = OP(d.f.model, "Conv", d.f.x, weights, biases);
    return d;
}

/* Prunes half of the channels: the upper ones, or, where `upper` stay, the others. */
static void prune(struct doubled *d, struct graph_value *y, bool upper, struct channel_cuts *cuts) {
    struct error err = {0};
    struct channel_groups groups;
    double worth[256];
    uint32_t gone = 0;
    test_graph_output(d->f.model, y);
    d->before = test_graph_run(d->f.model, 1);
    buffer_init(&d->original, 1 << 24);
    assert_int_equal(onnx_file_pack(d->f.model, &d->original, &err), STATUS_OK);
    assert_int_equal(channel_groups_find(d->f.model, &groups, &err), STATUS_OK);
    assert_true(groups.unit_count <= 256);
    for (uint32_t i = 0; i < groups.unit_count; i++) {
        worth[i] = upper ? (double)i : -(double)i;
    }
    const struct channel_prune_options options = {.share = 0.5,
                                                  .score = CHANNEL_SCORE_WORTH,
                                                  .worth = worth,
                                                  .worth_count = groups.unit_count};
    channel_groups_done(&groups);
    assert_int_equal(channel_prune_model(d->f.model, &options, cuts, &gone, &err), STATUS_OK);
    assert_true(gone > 0);
}

static double drift_of(struct doubled *d) {
    struct test_answer after = test_graph_run(d->f.model, 1);
    const double drift = test_graph_drift(&d->before, &after);
    memory_free(after.numbers);
    return drift;
}

static void end(struct doubled *d) {
    memory_free(d->before.numbers);
    buffer_done(&d->original);
    onnx_file_close(d->f.model);
}

static const struct refit_options PLAIN = {.ridge = 1e-10, .memory_bytes = 1 << 28};

/* Refits all layers and says how far the answer is then. */
static void expect_exact(struct doubled *d, struct graph_value *y, const char *shape,
                         uint32_t layers) {
    const bool upper = layers > 1;
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(d, y, upper, &cuts);
    assert_true(drift_of(d) > 0.01);
    const uint32_t constants = d->f.model->main.initializers.count;
    struct sample_source samples = random_samples(&made, SAMPLES, shape);
    if (refit_model(d->f.model, buffer_slice(&d->original), &cuts, &samples, &PLAIN, &report,
                    &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(report.count, layers);
    assert_int_equal(report.refitted, layers);
    assert_int_equal(report.samples, SAMPLES);
    assert_in_range(d->f.model->main.initializers.count, constants, constants + 1); /* a bias */
    for (uint32_t i = 0; i < report.count; i++) {
        assert_true(report.layers[i].is_refitted && report.layers[i].why_not == NULL);
        assert_true(report.layers[i].before > 0.001 && report.layers[i].after < 1e-6);
    }
    const double drift = drift_of(d);
    if (drift > 1e-3) {
        fail_msg("after refitting the answers are %g apart", drift);
    }
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(d);
}

static bool can_run(void) {
    if (!test_model_can_run()) {
        skip();
        return false;
    }
    return true;
}

static void test_refit__others_make_up_for_what_was_said_twice(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *y = OP(d.f.model, "Conv", OP(d.f.model, "Relu", d.a),
                               random_of(&d.f, "5x8x3x3"), random_of(&d.f, "5"));
    expect_exact(&d, y, "1x3x6x6", 1);
}

/* Windows that skip, are spread out and lean over one side of the picture, without a bias. */
static void test_refit__windows_of_any_kind(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("2x3x7x8", "8x3x1x1", 3);
    struct graph_value *y =
        OP(d.f.model, "Conv", OP(d.f.model, "Relu", d.a), random_of(&d.f, "5x8x2x3"));
    y = WITH(y, "pads", 1, 0, 0, 2);
    y = WITH(y, "strides", 2, 1);
    y = WITH(y, "dilations", 1, 2);
    expect_exact(&d, y, "2x3x7x8", 1);

    d = begin_doubled("2x3x9", "8x3x1", 3);
    y = OP(d.f.model, "Conv", OP(d.f.model, "Relu", d.a), random_of(&d.f, "5x8x3"));
    assert_int_equal(graph_set_text(y->producer, "auto_pad", SLICE("SAME_UPPER")), STATUS_OK);
    expect_exact(&d, WITH(y, "strides", 2), "2x3x9", 1);
}

static void test_refit__products_of_any_kind(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    for (int64_t turned = 0; turned < 2; turned++) {
        struct doubled d = begin_doubled("6x3x2x2", "8x3x1x1", 3);
        struct graph_value *flat = OP(d.f.model, "Flatten", OP(d.f.model, "Relu", d.a));
        struct graph_value *y =
            OP(d.f.model, "Gemm", flat, random_of(&d.f, turned != 0 ? "5x32" : "32x5"),
               random_of(&d.f, turned != 0 ? "1x5" : "1"));
        (void)with(y, "transB", turned);
        assert_int_equal(graph_set_number(y->producer, "alpha", 0.5F), STATUS_OK);
        assert_int_equal(graph_set_number(y->producer, "beta", -2), STATUS_OK);
        expect_exact(&d, y, "6x3x2x2", 1);
    }
    /* Behind a MatMul an Add has the bias, on either side; or nothing has. */
    for (int side = 0; side < 3; side++) {
        struct doubled d = begin_doubled("2x3x2x2", "8x3x1x1", 3);
        struct graph_value *moved = WITH(OP(d.f.model, "Transpose", d.a), "perm", 0, 2, 3, 1);
        struct graph_value *y = OP(d.f.model, "MatMul", moved, random_of(&d.f, "8x5"));
        struct graph_value *bias = random_of(&d.f, "1x1x5");
        y = side == 0   ? OP(d.f.model, "Add", y, bias)
            : side == 1 ? OP(d.f.model, "Add", bias, y)
                        : OP(d.f.model, "Abs", y);
        expect_exact(&d, y, "2x3x2x2", 1);
    }
}

/* A channel that always says one: a bias can say it. */
static void test_refit__a_bias_makes_up_for_what_never_changes(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    for (int kind = 0; kind < 3; kind++) {
        struct doubled d = {.f = begin("2x3x2x2")};
        struct graph_value *weights = random_of(&d.f, "2x3x1x1");
        (void)memset(numbers_of(weights) + 3, 0, 3 * sizeof(float));
        d.a = OP(d.f.model, "Conv", d.f.x, weights, FLOATS(d.f.model, "2", 0.1F, 1));
        struct graph_value *y = d.a;
        if (kind == 0) {
            y = OP(d.f.model, "Conv", y, random_of(&d.f, "4x2x1x1"));
        } else {
            y = WITH(OP(d.f.model, "Transpose", y), "perm", 0, 2, 3, 1);
            y = OP(d.f.model, "MatMul", y, random_of(&d.f, "2x4"));
            y = OP(d.f.model, "Add", y, random_of(&d.f, "4"));
        }
        if (kind == 2) {
            y = OP(d.f.model, "Relu", y);
        }
        expect_exact(&d, y, "2x3x2x2", 1);
    }
}

/* The second layer loses rows as well; the third is fitted to what the second says then. */
static void test_refit__layers_go_from_first_to_last(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *weights = random_of(&d.f, "8x8x3x3");
    struct graph_value *biases = random_of(&d.f, "8");
    double_rows(weights, 72, 1);
    double_rows(biases, 1, 1);
    struct graph_value *b = OP(d.f.model, "Conv", OP(d.f.model, "Relu", d.a), weights, biases);
    struct graph_value *y = OP(d.f.model, "Conv", OP(d.f.model, "Sigmoid", b),
                               random_of(&d.f, "2x8x1x1"), random_of(&d.f, "2"));
    expect_exact(&d, y, "1x3x6x6", 2);
}

/* The second layer is fitted to what those of its channels said that are left, which are the last
 * ones; the layer behind it is none that could mend it, and looks at no others. */
static void test_refit__answers_are_those_of_the_channels_that_are_left(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *b =
        OP(d.f.model, "Conv", OP(d.f.model, "Relu", d.a), random_of(&d.f, "8x8x1x1"));
    struct graph_value *weights = random_of(&d.f, "8x2x1x1");
    (void)memset(numbers_of(weights), 0, 4 * 2 * sizeof(float));
    struct graph_value *y = OP(d.f.model, "ConvTranspose", OP(d.f.model, "Tanh", b), weights);
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, true, &cuts);
    struct sample_source samples = random_samples(&made, SAMPLES, "1x3x6x6");
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_OK);
    assert_int_equal(report.refitted, 1);
    assert_true(drift_of(&d) < 1e-3);
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

/* Where the second channel says what the first does, it can be made up for; in the samples that are
 * held back it says the opposite. */
static void say_opposite(float *numbers) {
    for (uint32_t i = 0; i < SAMPLES; i++, numbers += 2 * 16) {
        for (size_t k = 0; k < 16; k++) {
            numbers[k] = test_number(i * 16 + k);
            numbers[16 + k] = i % REFIT_HOLD_BACK == REFIT_HOLD_BACK - 1 ? -numbers[k] : numbers[k];
        }
    }
}

static void test_refit__what_is_no_better_on_other_samples_is_not_kept(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = {.f = begin("1x2x4x4")};
    d.a = OP(d.f.model, "Conv", d.f.x, FLOATS(d.f.model, "2x2x1x1", 1, 0, 0, 1));
    struct graph_value *y = OP(d.f.model, "Conv", d.a, FLOATS(d.f.model, "1x2x1x1", 1, 0.5F));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, false, &cuts);
    struct sample_source samples = random_samples(&made, SAMPLES, "1x2x4x4");
    float numbers[SAMPLES * 2 * 16];
    say_opposite(numbers);
    made.numbers = numbers;
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_OK);
    assert_int_equal(report.refitted, 0);
    assert_non_null(strstr(report.layers[0].why_not, "held back"));
    assert_true(report.layers[0].after > report.layers[0].before);
    const float *weight = graph_constant(graph_input(y->producer, 1))->bytes;
    assert_true(*weight > 0.99F && *weight < 1.01F);
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

/* Of three samples none is held back: they judge themselves. */
static void test_refit__few_samples_are_all_learned_from(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *y = OP(d.f.model, "Conv", d.a, random_of(&d.f, "5x8x1x1"));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, false, &cuts);
    struct sample_source samples = random_samples(&made, 10, "1x3x6x6");
    struct refit_options options = PLAIN;
    options.samples_max = 3;
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &options, &report, &err),
        STATUS_OK);
    assert_int_equal(report.samples, 3);
    assert_int_equal(report.layers[0].examples, 3 * 36);
    assert_int_equal(report.refitted, 1);
    assert_true(drift_of(&d) < 1e-3);
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

static bool stop(void *owner, double share) {
    double *most = owner;
    assert_true(share >= *most && share <= 1);
    *most = share;
    return share < 0.3;
}

static void test_refit__samples_that_are_no_numbers_teach_nothing(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *y = OP(d.f.model, "Conv", d.a, random_of(&d.f, "5x8x1x1"));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, false, &cuts);
    struct sample_source samples = random_samples(&made, SAMPLES, "1x3x6x6");
    float numbers[SAMPLES * 3 * 36];
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        numbers[i] = NAN;
    }
    made.numbers = numbers;
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_OK);
    assert_int_equal(report.refitted, 0);
    assert_non_null(strstr(report.layers[0].why_not, "say nothing"));
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

static void test_refit__says_what_is_wrong(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *up = OP(d.f.model, "ConvTranspose", d.a, random_of(&d.f, "8x6x1x1"));
    struct graph_value *y = OP(d.f.model, "Conv", up, random_of(&d.f, "5x6x1x1"));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, false, &cuts);
    /* No samples; another picture; another model; somebody who has seen enough. */
    struct sample_source samples = random_samples(&made, 0, "1x3x6x6");
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "no sample"));
    refit_report_done(&report);
    samples = random_samples(&made, SAMPLES, "1x2x6x6");
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_INVALID);
    assert_non_null(strstr(err.text, "sample 'made'"));
    refit_report_done(&report);
    samples = random_samples(&made, SAMPLES, "1x3x6x6");
    assert_int_equal(
        refit_model(d.f.model, SLICE("no model"), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_CORRUPT);
    refit_report_done(&report);
    struct refit_options options = PLAIN;
    double seen = 0;
    options.progress = stop;
    options.owner = &seen;
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &options, &report, &err),
        STATUS_INTERRUPTED);
    assert_true(seen >= 0.3);
    refit_report_done(&report);
    /* A transposed convolution is none that can be refitted; the layer behind it is. */
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_OK);
    assert_int_equal(report.count, 2);
    assert_int_equal(report.refitted, 1);
    assert_non_null(strstr(report.layers[0].why_not, "no layer"));
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

static void test_refit__samples_give_as_many_examples_as_a_layer_needs(void **state) {
    (void)state;
    const struct refit_options ten = {.examples = 10};
    assert_int_equal(refit_examples(&ten, 7, 4), 4); /* of three that are learned from */
    assert_int_equal(refit_examples(&ten, 7, 1), 10);
    assert_int_equal(refit_examples(&ten, 7, 0), 10);
    const struct refit_options few = {.examples = 10, .samples_max = 4};
    assert_int_equal(refit_examples(&few, 7, 100), 4);
    const struct refit_options usual = {0};
    assert_int_equal(refit_examples(&usual, 10, 4), 1366);   /* of 4096 */
    assert_int_equal(refit_examples(&usual, 1000, 4), 2667); /* of 8000 */
}

static bool look(void *owner, double share) {
    double *most = owner;
    *most = share > *most ? share : *most;
    return true;
}

/* A file may give more samples than one, which nobody has counted. */
static void test_refit__progress_ends_where_the_work_does(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *y = OP(d.f.model, "Conv", d.a, random_of(&d.f, "5x8x1x1"));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    double most = 0;
    prune(&d, y, false, &cuts);
    struct sample_source samples = random_samples(&made, SAMPLES, "1x3x6x6");
    samples.count = 2;
    struct refit_options options = PLAIN;
    options.progress = look;
    options.owner = &most;
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &options, &report, &err),
        STATUS_OK);
    assert_true(most > 0.5 && most <= 1);
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

static void test_refit__a_layer_that_is_not_there_is_told(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *y = OP(d.f.model, "Conv", d.a, random_of(&d.f, "5x8x1x1"));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, false, &cuts);
    cuts.items[cuts.count - 1].output = SLICE("gone");
    struct sample_source samples = random_samples(&made, SAMPLES, "1x3x6x6");
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&d.original), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_OK);
    assert_int_equal(report.refitted, 0);
    assert_non_null(strstr(report.layers[0].why_not, "no layer"));
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    end(&d);
}

/* 4,700 inputs are left, whose equations would take more than there is room for. */
static void test_refit__a_layer_that_is_too_large_stays(void **state) {
    (void)state;
    struct fixture f = begin("1x1");
    struct graph_value *a = OP(f.model, "MatMul", f.x, random_of(&f, "1x9400"));
    test_graph_output(f.model, OP(f.model, "MatMul", a, random_of(&f, "9400x1")));
    const struct channel_prune_options options = {.share = 0.5, .score = CHANNEL_SCORE_FLOW};
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    uint32_t gone = 0;
    assert_int_equal(channel_prune_model(f.model, &options, &cuts, &gone, &err), STATUS_OK);
    struct sample_source samples = random_samples(&made, SAMPLES, "1x1");
    if (refit_model(f.model, SLICE("nobody reads it"), &cuts, &samples, &PLAIN, &report, &err) !=
        STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(report.refitted, 0);
    assert_string_equal(report.layers[0].why_not, "it is too large");
    refit_report_done(&report);
    channel_cuts_done(&cuts);
    onnx_file_close(f.model);
}

/* The original says something else than the cuts are about. */
static void test_refit__another_original_is_refused(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct doubled d = begin_doubled("1x3x6x6", "8x3x1x1", 3);
    struct graph_value *weights = random_of(&d.f, "8x8x1x1");
    struct graph_value *b = OP(d.f.model, "Conv", OP(d.f.model, "Relu", d.a), weights);
    struct graph_value *y = OP(d.f.model, "Conv", b, random_of(&d.f, "5x8x1x1"));
    struct channel_cuts cuts;
    struct test_samples made;
    struct refit_report report;
    struct error err = {0};
    prune(&d, y, false, &cuts);
    struct sample_source samples = random_samples(&made, SAMPLES, "1x3x6x6");
    struct buffer pruned;
    buffer_init(&pruned, 1 << 24);
    assert_int_equal(onnx_file_pack(d.f.model, &pruned, &err), STATUS_OK);
    cuts.items[1].rows = (const uint32_t[]){0, 1, 2, 7}; /* it has four now */
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&pruned), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_INVALID);
    assert_non_null(strstr(err.text, "before it was pruned"));
    refit_report_done(&report);
    /* One that has no such value at all. */
    struct fixture other = begin("1x3x6x6");
    test_graph_output(other.model, OP(other.model, "Relu", other.x));
    buffer_clear(&pruned);
    assert_int_equal(onnx_file_pack(other.model, &pruned, &err), STATUS_OK);
    assert_int_equal(
        refit_model(d.f.model, buffer_slice(&pruned), &cuts, &samples, &PLAIN, &report, &err),
        STATUS_INVALID);
    assert_non_null(strstr(err.text, "has no value"));
    refit_report_done(&report);
    onnx_file_close(other.model);
    buffer_done(&pruned);
    channel_cuts_done(&cuts);
    end(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refit__others_make_up_for_what_was_said_twice),
        cmocka_unit_test(test_refit__windows_of_any_kind),
        cmocka_unit_test(test_refit__products_of_any_kind),
        cmocka_unit_test(test_refit__a_bias_makes_up_for_what_never_changes),
        cmocka_unit_test(test_refit__layers_go_from_first_to_last),
        cmocka_unit_test(test_refit__answers_are_those_of_the_channels_that_are_left),
        cmocka_unit_test(test_refit__what_is_no_better_on_other_samples_is_not_kept),
        cmocka_unit_test(test_refit__few_samples_are_all_learned_from),
        cmocka_unit_test(test_refit__samples_that_are_no_numbers_teach_nothing),
        cmocka_unit_test(test_refit__says_what_is_wrong),
        cmocka_unit_test(test_refit__samples_give_as_many_examples_as_a_layer_needs),
        cmocka_unit_test(test_refit__progress_ends_where_the_work_does),
        cmocka_unit_test(test_refit__a_layer_that_is_not_there_is_told),
        cmocka_unit_test(test_refit__a_layer_that_is_too_large_stays),
        cmocka_unit_test(test_refit__another_original_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
