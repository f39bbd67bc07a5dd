// SPDX-License-Identifier: Apache-2.0
#include "model/made_samples.h"

#include "model/kept_sample.h"
#include "model/test_graph.h"

enum { SAMPLES = 3, NUMBERS = 6 };

/* y = a + b, with a of 2x3 and b of 3. */
static struct inference_model *open_model(void) {
    if (!test_model_can_run()) {
        skip();
    }
    struct graph_model *model = test_graph_new(13);
    struct graph_value *a = test_graph_input(model, "a", ELEMENT_FLOAT32, "?x3");
    struct graph_value *b = test_graph_input(model, "b", ELEMENT_FLOAT32, "3");
    test_graph_output(model, OP(model, "Add", a, b));
    struct inference_model *opened = test_graph_open(model, INFERENCE_LEVEL_NONE);
    onnx_file_close(model);
    return opened;
}

static struct sample_source open_source(const struct inference_model *model,
                                        const struct profile_input *said, uint32_t count) {
    struct sample_source source = {0};
    assert_int_equal(made_samples_open(model, said, said != NULL, count, &source, NULL), STATUS_OK);
    return source;
}

static struct profile_input shape_of_a(int64_t rows, int64_t columns) {
    return (struct profile_input){
        .name = SLICE("a"), .has_shape = true, .rank = 2, .shape = {rows, columns}};
}

static void test_made_samples__are_the_same_each_time_and_differ_from_each_other(void **state) {
    (void)state;
    struct inference_model *model = open_model();
    const struct profile_input said = shape_of_a(2, 3);
    struct sample_source source = open_source(model, &said, SAMPLES);
    float first[SAMPLES][NUMBERS];
    assert_int_equal(source.count, SAMPLES);
    for (int turn = 0; turn < 2; turn++) {
        struct sample sample;
        bool more;
        for (int i = 0; i < SAMPLES; i++) {
            assert_int_equal(source.next(source.owner, &sample, &more, NULL), STATUS_OK);
            assert_true(more);
            assert_int_equal(sample.input_count, 2);
            assert_int_equal(sample.inputs[0].byte_count, sizeof(first[i]));
            if (turn == 0) {
                (void)memcpy(first[i], sample.inputs[0].bytes, sizeof(first[i]));
            }
            assert_memory_equal(first[i], sample.inputs[0].bytes, sizeof(first[i]));
        }
        assert_int_equal(source.next(source.owner, &sample, &more, NULL), STATUS_OK);
        assert_false(more);
        source.rewind(source.owner);
    }
    assert_memory_not_equal(first[0], first[1], sizeof(first[0]));
    assert_memory_not_equal(first[1], first[2], sizeof(first[1]));
    sample_source_close(&source);
    inference_close(model);
}

/* Who passes over samples that do not fit comes to the end. */
static void test_made_samples__go_on_behind_one_that_cannot_be_made(void **state) {
    (void)state;
    struct inference_model *model = open_model();
    const struct profile_input said = shape_of_a(2, 4);
    struct sample_source source = open_source(model, &said, SAMPLES);
    struct sample sample;
    struct error err = {0};
    bool more = true;
    for (int i = 0; i < SAMPLES; i++) {
        assert_int_equal(source.next(source.owner, &sample, &more, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "'a'"));
    }
    assert_int_equal(source.next(source.owner, &sample, &more, &err), STATUS_OK);
    assert_false(more);
    sample_source_close(&source);
    inference_close(model);
}

static void test_made_samples__say_when_the_heap_is_used_up(void **state) {
    (void)state;
    struct inference_model *model = open_model();
    status code = STATUS_NO_MEMORY;
    long failing = 0;
    for (; code != STATUS_OK && failing < 20; failing++) {
        struct sample_source source = {0};
        struct sample sample;
        bool more;
        (void)memory_fail_at(failing, 0);
        code = made_samples_open(model, NULL, 0, 1, &source, NULL);
        if (code == STATUS_OK) {
            code = source.next(source.owner, &sample, &more, NULL);
        }
        (void)memory_fail_at(-1, 0);
        sample_source_close(&source);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
    }
    assert_int_equal(failing, 3 + 2 + 1); /* of the source, of its tensors, none */
    inference_close(model);
}

static void test_kept_sample__is_the_first_and_stays(void **state) {
    (void)state;
    struct inference_model *model = open_model();
    struct sample_source source = open_source(model, NULL, SAMPLES);
    struct kept_sample kept = {0};
    struct sample sample;
    bool more;
    assert_int_equal(source.next(source.owner, &sample, &more, NULL), STATUS_OK);
    assert_int_equal(kept_sample_take(&kept, model, &source, NULL), STATUS_OK);
    sample_source_close(&source);
    source = open_source(model, NULL, SAMPLES);
    assert_int_equal(source.next(source.owner, &sample, &more, NULL), STATUS_OK);
    assert_int_equal(kept.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_string_equal(kept.names[i], i == 0 ? "a" : "b");
        assert_int_equal(kept.inputs[i].byte_count, sample.inputs[i].byte_count);
        assert_memory_equal(kept.inputs[i].bytes, sample.inputs[i].bytes,
                            sample.inputs[i].byte_count);
    }
    kept_sample_done(&kept);
    sample_source_close(&source);
    inference_close(model);
}

static void test_kept_sample__is_given_by_name_and_refuses_other_inputs(void **state) {
    (void)state;
    struct inference_model *model = open_model();
    struct sample_source source = open_source(model, NULL, 1);
    struct kept_sample kept = {0};
    struct error err = {0};
    assert_int_equal(kept_sample_take(&kept, model, &source, NULL), STATUS_OK);
    const struct profile_samples samples = kept_sample_profile(&kept);
    struct tensor given[1];
    struct inference_port port = *inference_input(model, 1);
    assert_int_equal(samples.count, 1);
    assert_int_equal(samples.sample(samples.owner, 0, &port, 1, given, &err), STATUS_OK);
    assert_ptr_equal(given[0].bytes, kept.inputs[1].bytes);
    port.name = "other";
    assert_int_equal(samples.sample(samples.owner, 0, &port, 1, given, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "'other'"));
    kept_sample_done(&kept);
    sample_source_close(&source);
    inference_close(model);
}

static void test_kept_sample__says_when_there_is_none_and_when_the_heap_is_used_up(void **state) {
    (void)state;
    struct inference_model *model = open_model();
    struct sample_source source = open_source(model, NULL, 0);
    struct kept_sample kept = {0};
    kept_sample_done(&kept);
    assert_int_equal(kept_sample_take(&kept, model, &source, NULL), STATUS_NOT_FOUND);
    kept_sample_done(&kept);
    sample_source_close(&source);
    source = open_source(model, NULL, 1);
    for (long failing = 0; failing < 2 + 1; failing++) { /* two tensors, then the arena */
        (void)memory_fail_at(failing, 0);
        assert_int_equal(kept_sample_take(&kept, model, &source, NULL), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
        kept_sample_done(&kept);
    }
    sample_source_close(&source);
    inference_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_samples__are_the_same_each_time_and_differ_from_each_other),
        cmocka_unit_test(test_made_samples__go_on_behind_one_that_cannot_be_made),
        cmocka_unit_test(test_made_samples__say_when_the_heap_is_used_up),
        cmocka_unit_test(test_kept_sample__is_the_first_and_stays),
        cmocka_unit_test(test_kept_sample__is_given_by_name_and_refuses_other_inputs),
        cmocka_unit_test(test_kept_sample__says_when_there_is_none_and_when_the_heap_is_used_up),
    };
    return cmocka_run_group_tests_name("made_samples", tests, NULL, NULL);
}
