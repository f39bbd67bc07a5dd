// SPDX-License-Identifier: Apache-2.0
#include "model/optimise_inner.h"
#include "model/test_samples.h"

/* x * weights, of that opset. */
static struct buffer product(int opset, const char *weights, const char *shape) {
    struct graph_model *model = test_graph_new(opset);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, shape);
    test_graph_output(model, OP(model, "MatMul", x, test_graph_weights(model, weights, 1)));
    return test_samples_pack(model);
}

static bool has_op(struct slice bytes, const char *op) {
    struct graph_model *model = NULL;
    assert_int_equal(onnx_file_read(bytes, NULL, &model, NULL), STATUS_OK);
    bool has = false;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        has = has || graph_node_is(node, op);
    }
    onnx_file_close(model);
    return has;
}

static status make(struct buffer *original, struct buffer *out_bytes, char *out_how,
                   struct error *err) {
    struct optimising work = {.original = *original};
    buffer_init(&work.folded, ONNX_BYTES_MAX);
    buffer_init(out_bytes, ONNX_BYTES_MAX);
    const status code = optimise_dynamic(&work, out_bytes, out_how, err);
    buffer_done(original);
    return code;
}

static void test_optimise_dynamic__large_products_are_made_so(void **state) {
    (void)state;
    static const int OPSETS[] = {9, 11, 15};
    for (size_t i = 0; i < sizeof(OPSETS) / sizeof(OPSETS[0]); i++) {
        struct buffer original = product(OPSETS[i], "256x300", "1x256");
        struct buffer bytes;
        struct error err = {0};
        char how[ERROR_TEXT_MAX] = "";
        if (make(&original, &bytes, how, &err) != STATUS_OK) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(how, "1 products of matrices and 0 LSTMs in whole numbers of 8 bits, "
                                 "ranges found in each run");
        assert_true(has_op(buffer_slice(&bytes), "DynamicQuantizeLinear"));
        buffer_done(&bytes);
    }
}

static void test_optimise_dynamic__there_is_none_where_nothing_is_large(void **state) {
    (void)state;
    struct buffer original = product(13, "8x8", "1x8");
    struct buffer bytes;
    struct error err = {0};
    char how[ERROR_TEXT_MAX] = "";
    assert_int_equal(make(&original, &bytes, how, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.text, "there is no large product of matrices, nor an LSTM");
    assert_int_equal(bytes.count, 0);
    buffer_done(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimise_dynamic__large_products_are_made_so),
        cmocka_unit_test(test_optimise_dynamic__there_is_none_where_nothing_is_large),
    };
    return cmocka_run_group_tests_name("optimise_dynamic", tests, NULL, NULL);
}
