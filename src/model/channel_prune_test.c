// SPDX-License-Identifier: Apache-2.0
#include "model/channel_prune.h"

#include "model/channel_groups.h"
#include "model/test_channels.h"

static void test_channel_prune__takes_rows_and_columns(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = first(&f);
    struct graph_value *y = next(&f, OP(f.model, "Relu", a), "4x8x1x1");
    struct graph_node *made = a->producer;
    struct graph_node *taken = y->producer;
    test_graph_output(f.model, y);
    a->type = test_graph_type(f.model, ELEMENT_FLOAT32, "1x8x6x6");
    assert_true(graph_values_add(f.model, &f.model->main.declared, a));
    uint32_t changes = 0;
    struct error err = {0};
    struct channel_cuts cuts;
    const struct channel_prune_options options = {.share = 0.5, .score = CHANNEL_SCORE_FLOW};
    assert_int_equal(channel_prune_model(f.model, &options, &cuts, &changes, &err), STATUS_OK);
    assert_int_equal(graph_constant(graph_input(made, 1))->dims[0], 4);
    assert_int_equal(graph_constant(graph_input(made, 1))->dims[1], 3);
    assert_int_equal(graph_constant(graph_input(made, 2))->dims[0], 4);
    assert_int_equal(graph_constant(graph_input(taken, 1))->dims[0], 4);
    assert_int_equal(graph_constant(graph_input(taken, 1))->dims[1], 4);
    /* Only the first could go: the model's output has four channels. */
    assert_int_equal(cuts.channels, 12);
    assert_int_equal(cuts.free, 8);
    assert_int_equal(cuts.gone, 4);
    assert_int_equal(cuts.count, 2);
    assert_true(slice_equal(cuts.items[0].output, a->name));
    assert_int_equal(cuts.items[0].row_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cuts.items[0].rows[i], 2 * i);
    }
    assert_false(cuts.items[0].takes_fewer);
    assert_true(slice_equal(cuts.items[1].output, y->name));
    assert_null(cuts.items[1].rows);
    assert_true(cuts.items[1].takes_fewer);
    /* What was said of shapes is forgotten; three initializers are left, all of them cut. */
    assert_int_equal(f.model->main.declared.count, 0);
    assert_int_equal(f.model->main.initializers.count, 3);
    channel_cuts_done(&cuts);
    onnx_file_close(f.model);
}

static void test_channel_prune__answers_as_before_without_what_nobody_looks_at(void **state) {
    (void)state;
    struct fixture f = begin("1x3x6x6");
    struct graph_value *b = next(&f, OP(f.model, "Relu", first(&f)), "6x8x1x1");
    expect_gone(&f, next(&f, OP(f.model, "Sigmoid", b), "4x6x1x1"), 4 + 3);
}

static void test_channel_prune__shared_weights_are_cut_for_each(void **state) {
    (void)state;
    struct fixture f = begin("1x8x6x6");
    struct graph_value *weights = blind(&f, "8x8x1x1", 1, 1);
    struct graph_value *a = OP(f.model, "Relu", OP(f.model, "Conv", f.x, weights));
    struct graph_value *b = OP(f.model, "Relu", OP(f.model, "Conv", a, weights));
    expect_gone(&f, OP(f.model, "Conv", b, weights), 8);
}

static uint32_t rows_after(double share, uint32_t multiple, const char *shape) {
    struct fixture f = begin("1x3x6x6");
    struct graph_value *a = OP(f.model, "Conv", f.x, random_of(&f, shape));
    struct graph_node *node = a->producer;
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    char next_shape[32];
    (void)snprintf(next_shape, sizeof(next_shape), "4x%dx1x1", (int)weights->dims[0]);
    test_graph_output(f.model, next(&f, a, next_shape));
    const struct channel_prune_options options = {.share = share, .multiple = multiple};
    struct channel_cuts cuts;
    uint32_t gone = 0;
    struct error err = {0};
    assert_int_equal(channel_prune_model(f.model, &options, &cuts, &gone, &err), STATUS_OK);
    const uint32_t rows = (uint32_t)graph_constant(graph_input(node, 1))->dims[0];
    assert_int_equal(rows, weights->dims[0] - gone);
    channel_cuts_done(&cuts);
    onnx_file_close(f.model);
    return rows;
}

static void test_channel_prune__as_many_stay_as_a_multiple_asks(void **state) {
    (void)state;
    assert_int_equal(rows_after(0.5, 0, "20x3x1x1"), 10);
    assert_int_equal(rows_after(0.5, 8, "20x3x1x1"), 16);
    assert_int_equal(rows_after(0.5, 16, "20x3x1x1"), 16);
    assert_int_equal(rows_after(0.25, 16, "20x3x1x1"), 16);
    assert_int_equal(rows_after(0.1, 16, "20x3x1x1"), 20);
    assert_int_equal(rows_after(0.5, 8, "6x3x1x1"), 6);
    assert_int_equal(rows_after(0.999, 1, "6x3x1x1"), 1);
    assert_int_equal(rows_after(0, 1, "6x3x1x1"), 6);
    assert_int_equal(rows_after(0.9999999999999999, 1, "6x3x1x1"), 1);
}

static void test_channel_prune__the_least_go_first(void **state) {
    (void)state;
    struct fixture f = begin("1x1x2x2");
    struct graph_value *a = OP(f.model, "Conv", f.x, FLOATS(f.model, "4x1x1x1", 3, -1, 2, -4));
    struct graph_value *norm =
        OP(f.model, "BatchNormalization", a, FLOATS(f.model, "4", 1, 2, -3, 0.5F),
           FLOATS(f.model, "4", 0, 0, 0, 0), FLOATS(f.model, "4", 0, 0, 0, 0),
           FLOATS(f.model, "4", 1, 1, 1, 1));
    test_graph_output(f.model, OP(f.model, "Conv", norm, FLOATS(f.model, "1x4x1x1", 1, 9, -1, 1)));
    struct buffer bytes;
    struct error err = {0};
    buffer_init(&bytes, 1 << 20);
    assert_int_equal(onnx_file_pack(f.model, &bytes, &err), STATUS_OK);
    onnx_file_close(f.model);
    /* By weights 3 and 4 stay; by scales 2 and 3; by what flows 3 * 1, 1 * 9, 2 * 1, 4 * 1. */
    static const uint32_t STAY[][2] = {{0, 3}, {1, 2}, {1, 3}};
    for (uint32_t i = 0; i < 3; i++) {
        const struct channel_prune_options options = {.share = 0.5, .score = (enum channel_score)i};
        struct channel_cuts cuts;
        uint32_t gone = 0;
        struct graph_model *model = NULL;
        assert_int_equal(onnx_file_read(buffer_slice(&bytes), NULL, &model, &err), STATUS_OK);
        assert_int_equal(channel_prune_model(model, &options, &cuts, &gone, &err), STATUS_OK);
        assert_int_equal(cuts.items[0].row_count, 2);
        assert_int_equal(cuts.items[0].rows[0], STAY[i][0]);
        assert_int_equal(cuts.items[0].rows[1], STAY[i][1]);
        channel_cuts_done(&cuts);
        onnx_file_close(model);
    }
    buffer_done(&bytes);

    /* Where nothing is normalized, weights speak for it. */
    f = begin("1x1x2x2");
    a = OP(f.model, "Conv", f.x, FLOATS(f.model, "3x1x1x1", 3, -1, 2));
    test_graph_output(f.model, OP(f.model, "Conv", a, FLOATS(f.model, "1x3x1x1", 1, 9, -1)));
    const struct channel_prune_options options = {.share = 0.34, .score = CHANNEL_SCORE_SCALE};
    struct channel_cuts cuts;
    uint32_t gone = 0;
    assert_int_equal(channel_prune_model(f.model, &options, &cuts, &gone, &err), STATUS_OK);
    assert_int_equal(cuts.items[0].row_count, 2);
    assert_int_equal(cuts.items[0].rows[0], 0);
    assert_int_equal(cuts.items[0].rows[1], 2);
    channel_cuts_done(&cuts);
    onnx_file_close(f.model);
}

/* Layers of zeroes, and of what is no number, say nothing; the others still do. */
static void test_channel_prune__weights_that_say_nothing_are_no_scores(void **state) {
    (void)state;
    static const float NOTHING[] = {0, INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        struct fixture f = begin("1x1x2x2");
        struct error err = {0};
        struct channel_groups groups;
        struct graph_value *a =
            OP(f.model, "Conv", f.x, FLOATS(f.model, "3x1x1x1", NOTHING[i], 0, 0));
        test_graph_output(f.model, OP(f.model, "Conv", a, FLOATS(f.model, "1x3x1x1", 1, 2, 3)));
        assert_int_equal(channel_groups_find(f.model, &groups, &err), STATUS_OK);
        assert_true(groups.unit_count >= 3);
        double all[8] = {0};
        assert_int_equal(channel_prune_scores(&groups, CHANNEL_SCORE_FLOW, all, &err), STATUS_OK);
        for (int k = 0; k < 8; k++) {
            assert_true(isfinite(all[k]));
        }
        channel_groups_done(&groups);
        onnx_file_close(f.model);
    }
}

static void test_channel_prune__says_what_it_cannot_do(void **state) {
    (void)state;
    static const double ONE[] = {1};
    static const struct channel_prune_options WRONG[] = {
        {.share = 1},
        {.share = -0.1},
        {.share = NAN},
        {.share = 0.5, .multiple = 257},
        {.share = 0.5, .score = CHANNEL_SCORE_WORTH, .worth_count = 8},
        {.share = 0.5, .score = CHANNEL_SCORE_WORTH, .worth = ONE, .worth_count = 1}};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct fixture f = begin("1x3x6x6");
        test_graph_output(f.model, first(&f));
        struct channel_cuts cuts;
        struct error err = {0};
        uint32_t gone = 7;
        assert_int_equal(channel_prune_model(f.model, &WRONG[i], &cuts, &gone, &err),
                         STATUS_INVALID);
        assert_non_null(strstr(err.text, i < 3 ? "share" : i == 3 ? "multiples" : "worth"));
        assert_int_equal(gone, 7);
        channel_cuts_done(&cuts);
        onnx_file_close(f.model);
    }
}

/* Whatever allocation fails: a sentence, nothing lost. */
static void test_channel_prune__lives_with_little_memory(void **state) {
    (void)state;
    for (long index = 0; index < 100; index++) {
        struct fixture f = begin("1x3x6x6");
        struct graph_value *a = first(&f);
        test_graph_output(f.model,
                          next(&f, OP(f.model, "Add", a, random_of(&f, "8x1x1")), "4x8x1x1"));
        const struct channel_prune_options options = {.share = 0.5};
        struct channel_cuts cuts;
        struct error err = {0};
        uint32_t gone = 0;
        (void)memory_fail_at(index, 0);
        const status code = channel_prune_model(f.model, &options, &cuts, &gone, &err);
        const size_t asked = memory_fail_at(-1, 0);
        channel_cuts_done(&cuts);
        onnx_file_close(f.model);
        if (asked <= (size_t)index) {
            assert_int_equal(code, STATUS_OK);
            assert_true(index > 3);
            return;
        }
        assert_int_equal(code, STATUS_NO_MEMORY);
        assert_true(err.text[0] != '\0');
    }
    fail_msg("it never had enough");
}

/* --- real models --- */

struct real {
    const char *path;
    const char *shapes[3]; /* of the inputs */
};

static const struct real REAL[] = {
    {"build/data/blazeface/ONNX/face_detection_back_256x256_barracuda.onnx", {"1x256x256x3"}},
    {"build/data/silero-vad/weights/silero_vad_16k_op15.onnx", {"1x576", "2x1x128", ""}},
    {"build/data/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx", {"1x3x32x64"}},
};

/* The first output. */
static struct test_answer ask(const struct graph_model *model, const struct real *real) {
    struct inference_model *opened = test_graph_open(model, INFERENCE_LEVEL_NONE);
    struct tensor inputs[3];
    struct inference_run *run = NULL;
    struct tensor output;
    struct test_answer answer;
    struct error err = {0};
    const uint32_t first = 0;
    const uint32_t count = inference_input_count(opened);
    assert_true(count <= 3);
    for (uint32_t i = 0; i < count; i++) {
        struct inference_port port = *inference_input(opened, i);
        struct slice rest = slice_of(real->shapes[i]);
        struct slice size;
        for (uint32_t k = 0; onnx_next(&rest, 'x', &size); k++) {
            port.shape[k] = strtoll(size.bytes, NULL, 10);
        }
        test_graph_fill(&inputs[i], &port, 1);
        if (port.type == TENSOR_INT64) {
            *(int64_t *)inputs[i].bytes = 16000;
        }
    }
    assert_int_equal(inference_run_create(opened, &run, &err), STATUS_OK);
    if (inference_run(run, inputs, &first, 1, &output, &err) != STATUS_OK) {
        fail_msg("%s: %s", real->path, err.text);
    }
    test_graph_keep(&answer, &output, 1);
    for (uint32_t i = 0; i < count; i++) {
        memory_free(inputs[i].bytes);
    }
    inference_run_destroy(run);
    inference_close(opened);
    return answer;
}

static const struct channel_prune_options THIRD = {.share = 0.35, .score = CHANNEL_SCORE_WORTH};

/* Which units go when the first of each group are worth least. */
static bool *going(const struct channel_groups *groups) {
    bool *goes = memory_new(groups->unit_count + 1, sizeof(bool));
    uint32_t *seen = memory_new(groups->group_count + 1, sizeof(uint32_t));
    for (uint32_t i = 0; i < groups->unit_count; i++) {
        const uint32_t group = groups->group_of[i];
        goes[i] = group != CHANNEL_GROUP_NONE &&
                  seen[group]++ < channel_prune_count(&THIRD, groups->groups[group].count);
    }
    memory_free(seen);
    return goes;
}

/* Whoever takes a unit that goes multiplies it by zero. */
static void blind_all(struct graph_model *model, const struct channel_groups *groups) {
    bool *goes = going(groups);
    for (uint32_t i = 0; i < groups->place_count; i++) {
        const struct channel_place *place = &groups->places[i];
        if (place->role != CHANNEL_TAKEN) {
            continue;
        }
        const struct graph_value *value = graph_input(place->node, place->input);
        const struct graph_tensor *tensor = graph_constant(value);
        void *bytes = NULL;
        struct graph_tensor *other =
            graph_tensor_new(model, ELEMENT_FLOAT32, tensor->dims, tensor->rank, &bytes);
        float *to = bytes;
        uint64_t inner = place->repeat;
        for (uint32_t k = place->axis + 1; k < tensor->rank; k++) {
            inner *= (uint64_t)tensor->dims[k];
        }
        (void)memcpy(to, tensor->bytes, tensor->byte_count);
        for (uint64_t k = 0; k < graph_tensor_count(tensor); k++) {
            to[k] *= goes[place->units[k / inner % place->count]] ? 0 : 1;
        }
        assert_int_equal(graph_set_input(place->node, place->input,
                                         graph_add_tensor(&model->main, value->name, other)),
                         STATUS_OK);
    }
    (void)graph_remove_dead(model);
    memory_free(goes);
}

static void prune_third(struct graph_model *model, const struct channel_groups *groups) {
    struct channel_prune_options options = THIRD;
    struct channel_cuts cuts;
    struct error err = {0};
    uint32_t gone = 0;
    double *worth = memory_new(groups->unit_count + 1, sizeof(double));
    for (uint32_t i = 0; i < groups->unit_count; i++) {
        worth[i] = i;
    }
    options.worth = worth;
    options.worth_count = groups->unit_count;
    assert_int_equal(channel_prune_model(model, &options, &cuts, &gone, &err), STATUS_OK);
    assert_true(gone > 20);
    channel_cuts_done(&cuts);
    memory_free(worth);
}

static void test_channel_prune__real_models_answer_as_without_what_went(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(REAL) / sizeof(REAL[0]); i++) {
        if (access(REAL[i].path, R_OK) != 0 || !test_model_can_run()) {
            print_message("# %s, or what runs it, is not here\n", REAL[i].path);
            continue;
        }
        struct graph_model *model = NULL;
        struct channel_groups groups;
        struct error err = {0};
        assert_int_equal(onnx_file_open(REAL[i].path, &model, &err), STATUS_OK);
        assert_int_equal(channel_groups_find(model, &groups, &err), STATUS_OK);
        blind_all(model, &groups);
        struct test_answer before = ask(model, &REAL[i]);
        prune_third(model, &groups);
        struct test_answer after = ask(model, &REAL[i]);
        const double drift = test_graph_drift(&before, &after);
        if (drift > 1e-3) {
            fail_msg("%s: the answers are %g apart", REAL[i].path, drift);
        }
        memory_free(before.numbers);
        memory_free(after.numbers);
        channel_groups_done(&groups);
        onnx_file_close(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_prune__takes_rows_and_columns),
        cmocka_unit_test(test_channel_prune__answers_as_before_without_what_nobody_looks_at),
        cmocka_unit_test(test_channel_prune__shared_weights_are_cut_for_each),
        cmocka_unit_test(test_channel_prune__as_many_stay_as_a_multiple_asks),
        cmocka_unit_test(test_channel_prune__the_least_go_first),
        cmocka_unit_test(test_channel_prune__weights_that_say_nothing_are_no_scores),
        cmocka_unit_test(test_channel_prune__says_what_it_cannot_do),
        cmocka_unit_test(test_channel_prune__lives_with_little_memory),
        cmocka_unit_test(test_channel_prune__real_models_answer_as_without_what_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
