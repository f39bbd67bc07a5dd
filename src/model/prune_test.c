// SPDX-License-Identifier: Apache-2.0
#include "model/prune.h"

#include "model/test_graph.h"
#include "platform/compress.h"

static const float *numbers_of(const struct graph_value *value) {
    return graph_constant(value)->bytes;
}

static void expect(const struct graph_value *value, const float *numbers, size_t count) {
    assert_memory_equal(numbers_of(value), numbers, count * sizeof(float));
}

/* Two layers; the weights of the second are ten times as large. */
struct layers {
    struct graph_model *model;
    struct graph_value *small, *large;
};

static struct layers begin(void) {
    struct layers l = {.model = test_graph_new(13)};
    struct graph_value *x = test_graph_input(l.model, "x", ELEMENT_FLOAT32, "1x2");
    l.small = FLOATS(l.model, "2x2", 1, -2, 3, -4);
    l.large = FLOATS(l.model, "2x2", 10, 40, -30, -20);
    struct graph_value *a = OP(l.model, "MatMul", x, l.small);
    struct graph_value *b = OP(l.model, "Add", a, FLOATS(l.model, "2x1", 0.1F, 0.2F));
    test_graph_output(l.model, OP(l.model, "Gemm", b, l.large));
    return l;
}

static uint32_t prune(struct layers *l, double share, bool is_global) {
    const struct prune_options options = {.share = share, .is_global = is_global};
    uint32_t changes = 0;
    struct error err = {0};
    assert_int_equal(prune_weights(l->model, &options, &changes, &err), STATUS_OK);
    return changes;
}

static void test_prune__the_smallest_of_each_layer_become_zero(void **state) {
    (void)state;
    struct layers l = begin();
    assert_int_equal(prune(&l, 0.5, false), 2);
    expect(l.small, (const float[]){0, 0, 3, -4}, 4);
    expect(l.large, (const float[]){0, 40, -30, 0}, 4);
    /* They are zero already. */
    assert_int_equal(prune(&l, 0.5, false), 0);
    assert_int_equal(prune(&l, 0.75, false), 2);
    expect(l.small, (const float[]){0, 0, 0, -4}, 4);
    onnx_file_close(l.model);
}

static void test_prune__the_smallest_of_all_layers_become_zero(void **state) {
    (void)state;
    struct layers l = begin();
    assert_int_equal(prune(&l, 0.5, true), 1);
    expect(l.small, (const float[]){0, 0, 0, 0}, 4);
    expect(l.large, (const float[]){10, 40, -30, -20}, 4);
    assert_int_equal(prune(&l, 0.7, true), 1); /* five of eight */
    expect(l.large, (const float[]){0, 40, -30, -20}, 4);
    onnx_file_close(l.model);
}

static void test_prune__of_equal_weights_only_the_share_goes(void **state) {
    (void)state;
    struct layers l = {.model = test_graph_new(13)};
    struct graph_value *x = test_graph_input(l.model, "x", ELEMENT_FLOAT32, "1x4");
    l.small = FLOATS(l.model, "4x2", 1, -1, 1, 1, -1, 1, 0.5F, -1);
    test_graph_output(l.model, OP(l.model, "MatMul", x, l.small));
    assert_int_equal(prune(&l, 0.5, false), 1);
    expect(l.small, (const float[]){0, 0, 0, 1, -1, 1, 0, -1}, 8);
    onnx_file_close(l.model);
}

static void test_prune__of_equal_layers_the_first_goes_first(void **state) {
    (void)state;
    struct layers l = {.model = test_graph_new(13)};
    struct graph_value *x = test_graph_input(l.model, "x", ELEMENT_FLOAT32, "1x2");
    l.large = FLOATS(l.model, "2x2", 1, 1, 1, 1); /* lies before it in memory */
    l.small = FLOATS(l.model, "2x2", 1, 1, 1, 1);
    test_graph_output(l.model, OP(l.model, "MatMul", OP(l.model, "MatMul", x, l.small), l.large));
    assert_int_equal(prune(&l, 0.5, true), 1);
    expect(l.small, (const float[]){0, 0, 0, 0}, 4);
    expect(l.large, (const float[]){1, 1, 1, 1}, 4);
    onnx_file_close(l.model);
}

/* Doubles, vectors and nothing at all: what is no matrix of float32 is not looked at. */
static void test_prune__only_matrices_of_float32_are_weights(void **state) {
    (void)state;
    struct layers l = begin();
    void *bytes = NULL;
    const int64_t dims[] = {2, 2};
    struct graph_tensor *doubles = graph_tensor_new(l.model, ELEMENT_FLOAT64, dims, 2, &bytes);
    ((double *)bytes)[0] = 1;
    struct graph_value *a = graph_input(l.model->main.outputs[0].value->producer, 0);
    struct graph_value *other = graph_add_tensor(&l.model->main, SLICE("d"), doubles);
    test_graph_output(l.model, OP(l.model, "MatMul", a, other));
    test_graph_output(l.model, OP(l.model, "MatMul", a, FLOATS(l.model, "2", 1, 2)));
    struct graph_value *none = graph_add_tensor(
        &l.model->main, SLICE("n"),
        graph_tensor_new(l.model, ELEMENT_FLOAT32, (const int64_t[]){2, 0}, 2, &bytes));
    test_graph_output(l.model, OP(l.model, "MatMul", a, none));
    struct prune_size size;
    struct error err = {0};
    assert_int_equal(prune_measure(l.model, 1, &size, &err), STATUS_OK);
    assert_int_equal(size.tensors, 2);
    assert_int_equal(size.weights, 8);
    assert_int_equal(prune(&l, 0.5, false), 2);
    assert_int_equal(prune(&l, 0, false), 0);
    onnx_file_close(l.model);
}

static void test_prune__what_is_no_number_counts_as_large(void **state) {
    (void)state;
    struct layers l = {.model = test_graph_new(13)};
    struct graph_value *x = test_graph_input(l.model, "x", ELEMENT_FLOAT32, "1x2");
    l.small = FLOATS(l.model, "2x3", -NAN, 1e30F, 1e-42F, -INFINITY, 1e-40F, 1);
    test_graph_output(l.model, OP(l.model, "MatMul", x, l.small));
    assert_int_equal(prune(&l, 0.67, false), 1);
    expect(l.small, (const float[]){-NAN, 0, 0, -INFINITY, 0, 0}, 6);
    onnx_file_close(l.model);
}

static void test_prune__weights_that_several_share_are_pruned_once(void **state) {
    (void)state;
    struct layers l = {.model = test_graph_new(13)};
    struct graph_value *x = test_graph_input(l.model, "x", ELEMENT_FLOAT32, "1x2");
    l.small = FLOATS(l.model, "2x2", 1, -2, 3, -4);
    struct graph_value *a = OP(l.model, "MatMul", OP(l.model, "MatMul", x, l.small), l.small);
    test_graph_output(l.model, OP(l.model, "MatMul", a, FLOATS(l.model, "2x1", 9, 8)));
    struct prune_size size;
    struct error err = {0};
    assert_int_equal(prune_measure(l.model, 3, &size, &err), STATUS_OK);
    assert_int_equal(size.tensors, 2);
    assert_int_equal(size.weights, 6);
    assert_int_equal(prune(&l, 0.5, true), 1);
    expect(l.small, (const float[]){0, 0, 0, -4}, 4);
    onnx_file_close(l.model);
}

static void test_prune__weights_in_constant_nodes_are_weights(void **state) {
    (void)state;
    struct layers l = begin();
    struct graph_node *held =
        graph_add_node(&l.model->main, l.model->main.first, "Constant", NULL, 0, 1, SLICE("c"));
    struct graph_attribute *attribute = arena_get(&l.model->arena, 1, sizeof(*attribute));
    *attribute = (struct graph_attribute){
        .name = SLICE("value"), .kind = GRAPH_TENSOR, .tensor = l.small->tensor};
    held->attributes = attribute;
    held->attribute_count = 1;
    struct graph_node *product = held->after;
    assert_int_equal(graph_replace(l.small, held->outputs[0]), STATUS_OK);
    assert_int_equal(prune(&l, 0.5, false), 2);
    expect(graph_input(product, 1), (const float[]){0, 0, 3, -4}, 4);
    assert_int_equal(test_graph_count(l.model, "Constant"), 0);
    onnx_file_close(l.model);
}

static void test_prune__what_callers_see_or_replace_stays(void **state) {
    (void)state;
    struct layers l = begin();
    test_graph_output(l.model, l.small);
    assert_int_equal(prune(&l, 0.5, false), 1);
    expect(l.small, (const float[]){1, -2, 3, -4}, 4);
    onnx_file_close(l.model);

    l = begin();
    l.small->is_input = true;
    assert_int_equal(prune(&l, 0.5, false), 1);
    assert_memory_equal(l.small->tensor->bytes, ((const float[]){1, -2, 3, -4}), 16);
    onnx_file_close(l.model);
}

static void test_prune__refuses_what_is_no_share(void **state) {
    (void)state;
    static const double WRONG[] = {1, -0.1, NAN, 2};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct layers l = begin();
        const struct prune_options options = {.share = WRONG[i]};
        uint32_t changes = 7;
        struct error err = {0};
        assert_int_equal(prune_weights(l.model, &options, &changes, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "share"));
        assert_int_equal(changes, 7);
        onnx_file_close(l.model);
    }
}

static void test_prune__a_file_with_zeroes_compresses_better(void **state) {
    (void)state;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x64");
    test_graph_output(model, OP(model, "MatMul", x, test_graph_weights(model, "64x256", 1)));
    struct prune_size before;
    struct prune_size after;
    struct error err = {0};
    struct layers l = {.model = model};
    assert_int_equal(prune_measure(model, COMPRESS_LEVEL, &before, &err), STATUS_OK);
    assert_int_equal(prune(&l, 0.75, false), 1);
    assert_int_equal(prune_measure(model, COMPRESS_LEVEL, &after, &err), STATUS_OK);
    assert_int_equal(after.weights, 64 * 256);
    assert_true(before.zeros < 8); /* some numbers are drawn as zero */
    assert_int_equal(after.zeros, 64 * 256 * 3 / 4);
    assert_int_equal(after.file_bytes, before.file_bytes);
    assert_true(after.file_bytes > sizeof(float) * 64 * 256);
    assert_true(after.compressed_bytes < before.compressed_bytes / 2);
    assert_true(before.compressed_bytes < before.file_bytes);

    /* Data in another file would be missing from what is measured. */
    model->external = arena_get(&model->arena, 64, 1);
    assert_int_equal(prune_measure(model, COMPRESS_LEVEL, &after, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "files of their own"));
    onnx_file_close(model);
}

static void test_prune__lives_with_little_memory(void **state) {
    (void)state;
    for (long index = 0; index < 100; index++) {
        struct layers l = begin();
        const struct prune_options options = {.share = 0.5};
        uint32_t changes = 0;
        struct prune_size size;
        struct error err = {0};
        (void)memory_fail_at(index, 0);
        status code = prune_weights(l.model, &options, &changes, &err);
        if (code == STATUS_OK) {
            code = prune_measure(l.model, 1, &size, &err);
        }
        const size_t asked = memory_fail_at(-1, 0);
        onnx_file_close(l.model);
        if (asked <= (size_t)index) {
            assert_int_equal(code, STATUS_OK);
            assert_true(index > 3);
            return;
        }
        assert_int_equal(code, STATUS_NO_MEMORY);
    }
    fail_msg("it never had enough");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune__the_smallest_of_each_layer_become_zero),
        cmocka_unit_test(test_prune__the_smallest_of_all_layers_become_zero),
        cmocka_unit_test(test_prune__of_equal_weights_only_the_share_goes),
        cmocka_unit_test(test_prune__of_equal_layers_the_first_goes_first),
        cmocka_unit_test(test_prune__only_matrices_of_float32_are_weights),
        cmocka_unit_test(test_prune__what_is_no_number_counts_as_large),
        cmocka_unit_test(test_prune__weights_that_several_share_are_pruned_once),
        cmocka_unit_test(test_prune__weights_in_constant_nodes_are_weights),
        cmocka_unit_test(test_prune__what_callers_see_or_replace_stays),
        cmocka_unit_test(test_prune__refuses_what_is_no_share),
        cmocka_unit_test(test_prune__a_file_with_zeroes_compresses_better),
        cmocka_unit_test(test_prune__lives_with_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
