// SPDX-License-Identifier: Apache-2.0
#include "model/channel_worth.h"

#include "model/test_channels.h"

enum { SAMPLES = 20 };

static const struct channel_worth_options HALF = {.share = 0.5, .memory_bytes = 1 << 28};

/* A layer of four: the second says three times what the first does; the others say little. */
static struct graph_value *similar(struct fixture *f) {
    return OP(f->model, "Conv", f->x,
              FLOATS(f->model, "4x4x1x1", 3, 3, 0, 0, 9, 9, 0, 0, 0.3F, -0.2F, 0.1F, 0, 0.1F, 0.4F,
                     0, 0.2F));
}

static void find(struct fixture *f, const char *shape, const struct channel_worth_options *options,
                 struct channel_worth *worth) {
    struct test_samples made;
    struct error err = {0};
    struct sample_source samples = random_samples(&made, SAMPLES, shape);
    if (channel_worth_find(f->model, &samples, options, worth, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static bool can_run(void) {
    if (!test_model_can_run()) {
        skip();
        return false;
    }
    return true;
}

static uint32_t least(const struct channel_worth *worth, uint32_t count) {
    uint32_t at = 0;
    for (uint32_t i = 1; i < count; i++) {
        at = worth->of_units[i] < worth->of_units[at] ? i : at;
    }
    return at;
}

static void test_channel_worth__of_two_that_say_the_same_one_goes(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct fixture f = begin("1x4x4x4");
    struct graph_value *a = similar(&f);
    test_graph_output(f.model, OP(f.model, "Conv", a, FLOATS(f.model, "1x4x1x1", 1, 1, 1, 1)));
    struct buffer before;
    struct buffer after;
    struct error err = {0};
    buffer_init(&before, 1 << 20);
    buffer_init(&after, 1 << 20);
    assert_int_equal(onnx_file_pack(f.model, &before, &err), STATUS_OK);
    struct channel_worth worth;
    find(&f, "1x4x4x4", &HALF, &worth);
    assert_int_equal(worth.count, 5);
    assert_int_equal(worth.groups, 1);
    assert_int_equal(worth.judged, 1);
    /* One of the two goes first; then the one that is left is worth more than both others. */
    const uint32_t gone = least(&worth, 4);
    assert_true(gone < 2);
    assert_true(worth.of_units[1 - gone] > worth.of_units[2]);
    assert_true(worth.of_units[1 - gone] > worth.of_units[3]);
    assert_true(worth.of_units[gone] < 0.5);
    /* The model is as it was. */
    assert_int_equal(onnx_file_pack(f.model, &after, &err), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&before), buffer_slice(&after)));
    /* By weights one of the others would have gone. */
    const struct channel_prune_options options = {.share = 0.25,
                                                  .score = CHANNEL_SCORE_WORTH,
                                                  .worth = worth.of_units,
                                                  .worth_count = worth.count};
    struct channel_cuts cuts;
    uint32_t count = 0;
    assert_int_equal(channel_prune_model(f.model, &options, &cuts, &count, &err), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(cuts.items[0].rows[0], gone == 0 ? 1 : 0);
    assert_int_equal(cuts.items[0].rows[1], 2);
    channel_cuts_done(&cuts);
    channel_worth_done(&worth);
    buffer_done(&before);
    buffer_done(&after);
    onnx_file_close(f.model);
}

/* The first layer behind them looks at the first channel alone, the second at all of them; what the
 * last channel says is nothing to the one and little to the other. */
static void test_channel_worth__all_that_take_a_channel_have_a_say(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct fixture f = begin("1x3x4x4");
    struct graph_value *a =
        OP(f.model, "Conv", f.x, FLOATS(f.model, "3x3x1x1", 1, 0, 0, 0, 1, 0, 0, 0, 1));
    test_graph_output(f.model, OP(f.model, "Conv", a, FLOATS(f.model, "1x3x1x1", 1, 0, 0)));
    test_graph_output(f.model, OP(f.model, "Conv", a, FLOATS(f.model, "1x3x1x1", 0.1F, 1, 0.2F)));
    struct channel_worth worth;
    struct channel_worth_options options = HALF;
    options.share = 0.9;
    find(&f, "1x3x4x4", &options, &worth);
    assert_int_equal(worth.judged, 1);
    assert_true(worth.of_units[2] < worth.of_units[1]);
    assert_true(worth.of_units[1] < worth.of_units[0]);
    channel_worth_done(&worth);
    onnx_file_close(f.model);
}

/* Flattened and twice side by side, a channel is many inputs, which go together. */
static void test_channel_worth__a_channel_may_be_many_inputs(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct fixture f = begin("4x4x2x2");
    struct graph_value *a = similar(&f);
    struct graph_value *both = with(OP(f.model, "Concat", a, a), "axis", 1);
    struct graph_value *flat = OP(f.model, "Flatten", both);
    test_graph_output(f.model, OP(f.model, "MatMul", flat, random_of(&f, "32x3")));
    struct channel_worth worth;
    find(&f, "4x4x2x2", &HALF, &worth);
    assert_int_equal(worth.judged, 1);
    const uint32_t gone = least(&worth, 4);
    assert_true(gone < 2);
    assert_true(worth.of_units[1 - gone] > worth.of_units[2]);
    channel_worth_done(&worth);
    onnx_file_close(f.model);
}

static void test_channel_worth__without_a_say_weights_decide(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    for (int kind = 0; kind < 2; kind++) {
        struct fixture f = begin("1x4x4x4");
        struct graph_value *a = similar(&f);
        struct graph_value *weights = FLOATS(f.model, "4x1x1x1", 1, 1, 1, 1);
        struct channel_worth_options options = HALF;
        if (kind == 0) {
            test_graph_output(f.model, OP(f.model, "ConvTranspose", a, weights));
        } else {
            test_graph_output(f.model,
                              OP(f.model, "Conv", a, FLOATS(f.model, "1x4x1x1", 1, 1, 1, 1)));
            options.equations_bytes = 100;
        }
        struct channel_worth worth;
        find(&f, "1x4x4x4", &options, &worth);
        assert_int_equal(worth.judged, 0);
        /* 6, 18, 0.6 and 0.7 of 25.3, times 4; what the last layer takes is the same of all. */
        assert_true(fabs(worth.of_units[0] - 24 / 25.3) < 1e-5);
        assert_true(fabs(worth.of_units[1] - 72 / 25.3) < 1e-5);
        assert_true(fabs(worth.of_units[3] - 2.8 / 25.3) < 1e-5);
        channel_worth_done(&worth);
        onnx_file_close(f.model);
    }
}

/* Of two groups one is taken by a layer that has no say, the other by one that has. */
static void test_channel_worth__each_group_is_judged_by_those_that_take_it(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct fixture f = begin("1x4x4x4");
    struct graph_value *a = similar(&f);
    struct graph_value *b = similar(&f);
    test_graph_output(f.model,
                      OP(f.model, "ConvTranspose", a, FLOATS(f.model, "4x1x1x1", 1, 1, 1, 1)));
    test_graph_output(f.model, OP(f.model, "Conv", b, FLOATS(f.model, "1x4x1x1", 1, 1, 1, 1)));
    struct channel_worth worth;
    find(&f, "1x4x4x4", &HALF, &worth);
    assert_int_equal(worth.groups, 2);
    assert_int_equal(worth.judged, 1);
    channel_worth_done(&worth);
    onnx_file_close(f.model);
}

static void test_channel_worth__the_widest_layers_have_no_say(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct fixture f = begin("1x1");
    struct graph_value *a = OP(f.model, "MatMul", f.x, random_of(&f, "1x4610"));
    test_graph_output(f.model, OP(f.model, "MatMul", a, random_of(&f, "4610x1")));
    struct channel_worth worth;
    struct channel_worth_options options = HALF;
    options.equations_bytes = (int64_t)1 << 40;
    find(&f, "1x1", &options, &worth);
    assert_int_equal(worth.groups, 1);
    assert_int_equal(worth.judged, 0);
    channel_worth_done(&worth);
    onnx_file_close(f.model);
}

static bool stop(void *owner, double share) {
    double *most = owner;
    assert_true(share >= *most && share <= 1);
    *most = share;
    return share < 0.3;
}

static void test_channel_worth__says_what_is_wrong(void **state) {
    (void)state;
    if (!can_run()) {
        return;
    }
    struct fixture f = begin("1x4x4x4");
    struct graph_value *a = similar(&f);
    test_graph_output(f.model, OP(f.model, "Conv", a, FLOATS(f.model, "1x4x1x1", 1, 1, 1, 1)));
    struct channel_worth worth;
    struct test_samples made;
    struct error err = {0};
    struct sample_source samples = random_samples(&made, 0, "1x4x4x4");
    assert_int_equal(channel_worth_find(f.model, &samples, &HALF, &worth, &err), STATUS_NOT_FOUND);
    channel_worth_done(&worth);
    samples = random_samples(&made, SAMPLES, "1x3x4x4");
    assert_int_equal(channel_worth_find(f.model, &samples, &HALF, &worth, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "sample 'made'"));
    channel_worth_done(&worth);
    samples = random_samples(&made, SAMPLES, "1x4x4x4");
    struct channel_worth_options options = HALF;
    double seen = 0;
    options.progress = stop;
    options.owner = &seen;
    assert_int_equal(channel_worth_find(f.model, &samples, &options, &worth, &err),
                     STATUS_INTERRUPTED);
    assert_true(seen >= 0.3);
    channel_worth_done(&worth);
    options = HALF;
    options.share = 1;
    assert_int_equal(channel_worth_find(f.model, &samples, &options, &worth, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "share"));
    channel_worth_done(&worth);
    /* Samples of which nothing can be learned. */
    static const float NOTHING[SAMPLES * 4 * 16];
    made.numbers = NOTHING;
    samples.rewind(samples.owner);
    assert_int_equal(channel_worth_find(f.model, &samples, &HALF, &worth, &err), STATUS_OK);
    assert_int_equal(worth.judged, 0);
    channel_worth_done(&worth);
    onnx_file_close(f.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_worth__of_two_that_say_the_same_one_goes),
        cmocka_unit_test(test_channel_worth__all_that_take_a_channel_have_a_say),
        cmocka_unit_test(test_channel_worth__a_channel_may_be_many_inputs),
        cmocka_unit_test(test_channel_worth__without_a_say_weights_decide),
        cmocka_unit_test(test_channel_worth__each_group_is_judged_by_those_that_take_it),
        cmocka_unit_test(test_channel_worth__the_widest_layers_have_no_say),
        cmocka_unit_test(test_channel_worth__says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
