// SPDX-License-Identifier: Apache-2.0
#include "model/equalize_graph.h"

#include "base/memory.h"
#include "model/channels.h"
#include "model/test_graph.h"

enum { CHANNELS = 4 };
static const double NOISE = 1e-5;

static struct graph_value *picture(struct graph_model *model) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x6x6");
}

/* Weights of channels that are very unlike in size. */
static struct graph_value *uneven(struct graph_model *model, const char *shape, size_t seed) {
    struct graph_value *value = test_graph_weights(model, shape, seed);
    union {
        const void *shown;
        float *written;
    } numbers = {.shown = value->tensor->bytes};
    const size_t count = graph_tensor_count(value->tensor);
    for (size_t i = 0; i < count; i++) {
        numbers.written[i] *= i < count / 2 ? 100 : 0.1F;
    }
    return value;
}

static struct graph_value *first_conv(struct graph_model *model, struct graph_value *x) {
    return OP(model, "Conv", x, uneven(model, "4x2x3x3", 1), FLOATS(model, "4", 1, -2, 3, 0));
}

static void expect(struct graph_model *model, uint32_t pairs) {
    test_graph_expect(model, equalize_graph, pairs, NOISE);
    onnx_file_close(model);
}

static void test_equalize_graph__channels_between_two_conv_have_one_range(void **state) {
    (void)state;
    float peaks[2][CHANNELS];
    struct graph_model *model = test_graph_new(13);
    struct graph_value *between = OP(model, "Relu", first_conv(model, picture(model)));
    struct graph_value *y = OP(model, "Conv", between, test_graph_weights(model, "3x4x1x1", 2));
    test_graph_output(model, y);
    test_graph_expect(model, equalize_graph, 1, NOISE);
    const struct graph_node *before = model->main.first;
    channels_peak(graph_constant(graph_input(before, 1))->bytes, (struct channels){1, CHANNELS, 18},
                  peaks[0]);
    channels_peak(graph_constant(graph_input(y->producer, 1))->bytes,
                  (struct channels){3, CHANNELS, 1}, peaks[1]);
    for (int i = 0; i < CHANNELS; i++) {
        assert_true(fabsf(peaks[0][i] - peaks[1][i]) < 1e-4F * peaks[0][i]);
    }
    onnx_file_close(model);
}

static void test_equalize_graph__pools_and_depthwise_layers_let_factors_pass(void **state) {
    (void)state;
    static const int64_t TWO[] = {2, 2};
    struct graph_model *model = test_graph_new(13);
    struct graph_value *pool =
        OP(model, "MaxPool", OP(model, "LeakyRelu", first_conv(model, picture(model))));
    test_graph_integers(pool, "kernel_shape", TWO, 2);
    struct graph_value *deep = OP(model, "Conv", pool, uneven(model, "4x1x1x1", 3));
    assert_int_equal(graph_set_integer(deep->producer, "group", 4), STATUS_OK);
    struct graph_value *mean = OP(model, "AveragePool", deep);
    test_graph_integers(mean, "kernel_shape", TWO, 2);
    test_graph_output(model, OP(model, "Conv", mean, test_graph_weights(model, "3x4x1x1", 2)));
    expect(model, 2);
}

static void test_equalize_graph__matrices_are_taken_as_they_lie(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x3");
    struct graph_value *first =
        OP(model, "Gemm", x, uneven(model, "4x3", 1), FLOATS(model, "1x4", 1, 2, -3, 4));
    assert_int_equal(graph_set_integer(first->producer, "transB", 1), STATUS_OK);
    struct graph_value *second =
        OP(model, "MatMul", OP(model, "Relu", first), uneven(model, "4x5", 2));
    struct graph_value *third =
        OP(model, "Gemm", OP(model, "Relu", second), uneven(model, "6x5", 3));
    assert_int_equal(graph_set_integer(third->producer, "transB", 1), STATUS_OK);
    test_graph_output(model, third);
    expect(model, 2);
}

static void test_equalize_graph__what_bends_a_factor_parts_layers(void **state) {
    (void)state;
    static const char *const BENDING[] = {"Sigmoid", "HardSigmoid", "Exp", "Elu", "Tanh"};
    for (size_t i = 0; i < sizeof(BENDING) / sizeof(BENDING[0]); i++) {
        struct graph_model *model = test_graph_new(13);
        struct graph_value *bent = OP(model, BENDING[i], first_conv(model, picture(model)));
        test_graph_output(model, OP(model, "Conv", bent, test_graph_weights(model, "3x4x1x1", 2)));
        expect(model, 0);
    }
}

/* Whoever sees it, before the layer or after it. */
static void test_equalize_graph__what_others_see_stays(void **state) {
    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        struct graph_model *model = test_graph_new(13);
        struct graph_value *sum = first_conv(model, picture(model));
        struct graph_value *relu = OP(model, "Relu", sum);
        struct graph_value *seen = turn < 2 ? sum : relu;
        struct graph_value *shown = turn % 2 == 0 ? OP(model, "Abs", seen) : NULL;
        test_graph_output(model, OP(model, "Conv", relu, test_graph_weights(model, "3x4x1x1", 2)));
        test_graph_output(model, shown != NULL ? shown : OP(model, "Abs", seen));
        expect(model, 0);
        model = test_graph_new(13);
        sum = first_conv(model, picture(model));
        if (turn == 0) {
            test_graph_output(model, sum);
        }
        relu = OP(model, "Relu", sum);
        if (turn == 1) {
            test_graph_output(model, relu);
        }
        test_graph_output(model, OP(model, "Conv", relu, test_graph_weights(model, "3x4x1x1", 2)));
        if (turn >= 2) {
            test_graph_output(model, turn == 2 ? sum : relu);
        }
        expect(model, 0);
    }
}

static void test_equalize_graph__channels_that_do_not_go_together_stay(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *grouped =
        OP(model, "Conv", first_conv(model, picture(model)), uneven(model, "4x2x1x1", 2));
    assert_int_equal(graph_set_integer(grouped->producer, "group", 2), STATUS_OK);
    test_graph_output(model, grouped);
    expect(model, 0);
    /* Each channel gives two: as many filters as a depthwise layer must not have. */
    model = test_graph_new(13);
    struct graph_value *doubled =
        OP(model, "Conv", first_conv(model, picture(model)), uneven(model, "8x1x1x1", 2));
    assert_int_equal(graph_set_integer(doubled->producer, "group", 4), STATUS_OK);
    test_graph_output(model, doubled);
    expect(model, 0);
    /* A matrix behind a picture multiplies its columns, not its channels. */
    model = test_graph_new(13);
    test_graph_output(
        model, OP(model, "MatMul", first_conv(model, picture(model)), uneven(model, "4x4", 2)));
    expect(model, 0);
    /* The layer is what another one multiplies with. */
    model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x4");
    struct graph_value *made = OP(model, "MatMul", x, uneven(model, "4x4", 1));
    struct graph_value *other = test_graph_input(model, "z", ELEMENT_FLOAT32, "3x2");
    test_graph_output(model, OP(model, "MatMul", other, made));
    expect(model, 0);
}

static void test_equalize_graph__shared_weights_are_each_layers_own(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "2x4");
    struct graph_value *weights = uneven(model, "4x4", 1);
    struct graph_value *first = OP(model, "MatMul", x, weights);
    test_graph_output(model, OP(model, "MatMul", OP(model, "Relu", first), weights));
    test_graph_output(model, OP(model, "MatMul", x, weights));
    expect(model, 1);
}

static void test_equalize_graph__no_memory_is_told(void **state) {
    (void)state;
    struct error err;
    status code = STATUS_NO_MEMORY;
    for (long i = 0; code == STATUS_NO_MEMORY; i++) {
        struct graph_model *model = test_graph_new(13);
        uint32_t changes;
        struct graph_value *between = OP(model, "Relu", first_conv(model, picture(model)));
        test_graph_output(model,
                          OP(model, "Conv", between, test_graph_weights(model, "3x4x1x1", 2)));
        (void)memory_fail_at(i, 0);
        code = equalize_graph(model, &changes, &err);
        (void)memory_fail_at(-1, 0);
        onnx_file_close(model);
    }
    assert_int_equal(code, STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equalize_graph__channels_between_two_conv_have_one_range),
        cmocka_unit_test(test_equalize_graph__pools_and_depthwise_layers_let_factors_pass),
        cmocka_unit_test(test_equalize_graph__matrices_are_taken_as_they_lie),
        cmocka_unit_test(test_equalize_graph__what_bends_a_factor_parts_layers),
        cmocka_unit_test(test_equalize_graph__what_others_see_stays),
        cmocka_unit_test(test_equalize_graph__channels_that_do_not_go_together_stay),
        cmocka_unit_test(test_equalize_graph__shared_weights_are_each_layers_own),
        cmocka_unit_test(test_equalize_graph__no_memory_is_told),
    };
    return cmocka_run_group_tests_name("equalize_graph", tests, NULL, NULL);
}
