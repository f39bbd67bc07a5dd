// SPDX-License-Identifier: Apache-2.0
#include "model/samples.h"

#include <malloc.h>

#include "base/memory.h"
#include "model/npy.h"
#include "platform/file.h"
#include "platform/test_model.h"

enum { PATH_ROOM = 512, FILE_ROOM = 1 << 16, ONNX_TEXT = 8 };

static char home[64];
static struct inference_model *model;
static struct sample_source source;

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-samples-XXXXXX");
    return mkdtemp(home) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[96];
    sample_source_close(&source);
    inference_close(model);
    model = NULL;
    (void)snprintf(command, sizeof(command), "rm -rf %s", home);
    return system(command);
}

static void put(const char *name, struct slice bytes) {
    struct error err;
    char path[PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(file_make_folder(path, &err), STATUS_OK);
    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.count, file), bytes.count);
    assert_int_equal(fclose(file), 0);
}

/* A .npy file with the numbers of a row, or of one number where the rank is 0. */
static void put_numbers(const char *name, uint32_t rank, const float *numbers, size_t count) {
    float copy[16];
    (void)memcpy(copy, numbers, count * sizeof(float));
    const struct tensor tensor = {.type = TENSOR_FLOAT32,
                                  .rank = rank,
                                  .shape = {(int64_t)count},
                                  .bytes = copy,
                                  .byte_count = count * sizeof(float)};
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, FILE_ROOM);
    assert_int_equal(npy_write(&tensor, &out, NULL), STATUS_OK);
    put(name, buffer_slice(&out));
}

static void open_model(struct test_model *made) {
    const struct inference_options options = {.threads = 1, .memory_bytes = 1 << 30};
    struct error err;
    char path[PATH_ROOM];
    if (!test_model_can_run()) {
        skip();
    }
    (void)snprintf(path, sizeof(path), "%s/.model.onnx", home);
    test_model_write(made, path, ONNX_OPSET);
    if (inference_open(path, &options, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

/* One input, x of that shape. */
static void open_one(const char *shape) {
    struct test_model made;
    test_model_begin(&made);
    test_model_input(&made, "x", ONNX_FLOAT, shape);
    test_model_output(&made, "y", ONNX_FLOAT, shape);
    test_model_node(&made, "Add", "x x", "y");
    open_model(&made);
}

/* Inputs "a/b" of [2] and "k" of one number. */
static void open_two(void) {
    struct test_model made;
    test_model_begin(&made);
    test_model_input(&made, "a/b", ONNX_FLOAT, "2");
    test_model_input(&made, "k", ONNX_FLOAT, "");
    test_model_output(&made, "y", ONNX_FLOAT, "2");
    test_model_node(&made, "Mul", "a/b k", "y");
    open_model(&made);
}

static void open_samples(enum sample_part part) {
    struct error err;
    sample_source_close(&source);
    if (samples_open(home, part, model, &source, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static struct sample next(void) {
    struct error err;
    struct sample sample;
    bool more;
    if (source.next(source.owner, &sample, &more, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(more);
    return sample;
}

static void ends(void) {
    struct sample sample;
    bool more = true;
    assert_int_equal(source.next(source.owner, &sample, &more, NULL), STATUS_OK);
    assert_false(more);
}

/* The next one does, and says that where a sentence is given. */
static void next_fails(const char *sentence) {
    struct error err = {0};
    struct sample sample;
    bool more;
    assert_true(source.next(source.owner, &sample, &more, &err) != STATUS_OK);
    if (sentence != NULL) {
        assert_string_equal(err.text, sentence);
    }
}

static void test_samples__a_file_is_a_sample_of_a_model_with_one_input(void **state) {
    (void)state;
    open_one("1x?");
    put_numbers("b.npy", 1, (float[]){3, 4, 5}, 3);
    put_numbers("a.npy", 1, (float[]){1, 2}, 2);
    put("notes.txt", SLICE("none"));
    open_samples(SAMPLE_PART_COUNT);
    assert_int_equal(source.count, 2);
    for (int round = 0; round < 2; round++) {
        struct sample sample = next();
        assert_string_equal(sample.name, "a.npy");
        assert_int_equal(sample.input_count, 1);
        assert_int_equal(sample.inputs[0].rank, 2);
        assert_int_equal(sample.inputs[0].shape[0], 1);
        assert_int_equal(sample.inputs[0].shape[1], 2);
        assert_memory_equal(sample.inputs[0].bytes, ((float[]){1, 2}), 2 * sizeof(float));
        sample = next();
        assert_string_equal(sample.name, "b.npy");
        assert_non_null(strstr(sample.path, "/b.npy"));
        assert_int_equal(sample.inputs[0].shape[1], 3);
        ends();
        ends();
        source.rewind(source.owner);
    }
}

static void test_samples__a_folder_has_a_file_for_each_input(void **state) {
    (void)state;
    open_two();
    put_numbers("first/a_b.npy", 1, (float[]){1, 2}, 2);
    put_numbers("first/k.npy", 0, (float[]){7}, 1);
    open_samples(SAMPLE_PART_COUNT);
    const struct sample sample = next();
    assert_string_equal(sample.name, "first");
    assert_int_equal(sample.input_count, 2);
    assert_memory_equal(sample.inputs[0].bytes, ((float[]){1, 2}), 2 * sizeof(float));
    assert_int_equal(sample.inputs[1].rank, 0);
    assert_memory_equal(sample.inputs[1].bytes, ((float[]){7}), sizeof(float));
    ends();
}

/* A TensorProto. */
static void put_typed_proto(const char *name, int type, const char *shape, const void *numbers,
                            size_t count) {
    CLEANUP(buffer_done) struct buffer proto;
    buffer_init(&proto, FILE_ROOM);
    struct slice rest = slice_of(shape);
    struct slice size;
    while (onnx_next(&rest, 'x', &size)) {
        onnx_put_number(&proto, 1, strtoull(size.bytes, NULL, 10));
    }
    onnx_put_number(&proto, 2, (uint64_t)type);
    onnx_put(&proto, 9, (struct slice){.bytes = numbers, .count = count});
    put(name, buffer_slice(&proto));
}

static void put_proto(const char *name, const char *shape, const float *numbers, size_t count) {
    put_typed_proto(name, ONNX_FLOAT, shape, numbers, count * sizeof(float));
}

static void test_samples__test_data_of_onnx_is_read(void **state) {
    (void)state;
    open_two();
    put_proto("test_data_set_0/input_0.pb", "2", (float[]){1, 2}, 2);
    put_proto("test_data_set_0/input_1.pb", "", (float[]){7}, 1);
    put_proto("test_data_set_0/output_0.pb", "2", (float[]){7, 14}, 2);
    open_samples(SAMPLE_PART_COUNT);
    const struct sample sample = next();
    assert_memory_equal(sample.inputs[0].bytes, ((float[]){1, 2}), 2 * sizeof(float));
    assert_memory_equal(sample.inputs[1].bytes, ((float[]){7}), sizeof(float));
    ends();
}

static void test_samples__what_does_not_fit_is_said_with_its_name(void **state) {
    (void)state;
    open_one("1x?x2");
    put_numbers("a.npy", 1, (float[]){1, 2}, 2);
    put_numbers("b.npy", 1, (float[]){1, 2, 3}, 3);
    put("c.npy", SLICE("no tensor"));
    put_numbers("d/y.npy", 1, (float[]){1, 2}, 2);
    open_samples(SAMPLE_PART_COUNT);
    assert_int_equal(next().inputs[0].rank, 3);
    next_fails("sample 'b.npy': it is tensor/float32; shape=3, and the model takes "
               "tensor/float32; shape=1x-1x2 (-1: any size)");
    next_fails("sample 'c.npy': it is no .npy file: it does not begin as one");
    char sentence[2 * PATH_ROOM];
    (void)snprintf(sentence, sizeof(sentence),
                   "sample 'd': input 'x': open '%s/d/x.npy': No such file or directory", home);
    next_fails(sentence);
    ends();
}

static void test_samples__test_data_that_does_not_fit_is_refused(void **state) {
    (void)state;
    const float numbers[] = {1, 2};
    const int64_t whole[] = {1, 2};
    open_one("1x?");
    put_proto("a/input_0.pb", "1x1x2", numbers, 2);
    put_proto("b/input_0.pb", "1x1x1x1x1x1x1x1x2", numbers, 2);
    put_typed_proto("c/input_0.pb", ONNX_INT64, "2", whole, sizeof(whole));
    put_typed_proto("d/input_0.pb", ONNX_TEXT, "0", NULL, 0);
    put("e/input_0.pb", SLICE("no tensor"));
    open_samples(SAMPLE_PART_COUNT);
    next_fails("sample 'a': input 'x': it is tensor/float32; shape=1x1x2, and the model takes "
               "tensor/float32; shape=1x-1 (-1: any size)");
    next_fails("sample 'b': input 'x': 9 dimensions of float32 are no tensor that a model is "
               "given");
    next_fails("sample 'c': input 'x': it is tensor/int64; shape=2, and the model takes "
               "tensor/float32; shape=1x-1 (-1: any size)");
    next_fails("sample 'd': input 'x': 1 dimensions of string are no tensor that a model is "
               "given");
    next_fails(NULL);
    ends();
}

static void test_samples__one_sample_is_in_memory_at_a_time(void **state) {
    (void)state;
    enum { SAMPLES = 100, NUMBERS = 10000 };
    static float numbers[NUMBERS];
    char name[32];
    open_one("?");
    for (int i = 0; i < SAMPLES; i++) {
        (void)snprintf(name, sizeof(name), "%03d/input_0.pb", i);
        put_proto(name, "10000", numbers, NUMBERS);
    }
    open_samples(SAMPLE_PART_COUNT);
    const size_t before = mallinfo2().uordblks;
    for (int i = 0; i < SAMPLES; i++) {
        (void)next();
    }
    assert_true(mallinfo2().uordblks < before + 10 * sizeof(numbers));
}

static void test_samples__only_dimensions_of_one_may_be_left_out(void **state) {
    (void)state;
    open_one("3x2");
    put_numbers("a.npy", 1, (float[]){1, 2}, 2);
    open_samples(SAMPLE_PART_COUNT);
    next_fails("sample 'a.npy': it is tensor/float32; shape=2, and the model takes "
               "tensor/float32; shape=3x2 (-1: any size)");
}

static void test_samples__a_model_of_several_inputs_wants_folders(void **state) {
    (void)state;
    open_two();
    put_numbers("a.npy", 1, (float[]){1, 2}, 2);
    open_samples(SAMPLE_PART_COUNT);
    next_fails("sample 'a.npy': the model has 2 inputs: a folder with a file INPUT.npy for each "
               "of them is wanted");
}

static void test_samples__a_part_has_its_own(void **state) {
    (void)state;
    open_one("?");
    put_numbers("0000.npy", 1, (float[]){0}, 1); /* sample_list_test says of which part each is */
    put_numbers("0001.npy", 1, (float[]){1}, 1);
    put_numbers("0002.npy", 1, (float[]){2}, 1);
    open_samples(SAMPLE_SELECTION);
    assert_string_equal(next().name, "0002.npy");
    ends();
    open_samples(SAMPLE_EVALUATION);
    assert_string_equal(next().name, "0001.npy");
    ends();
}

static void test_samples__memory_that_is_not_there_is_said(void **state) {
    (void)state;
    open_two();
    put_numbers("first/a_b.npy", 1, (float[]){1, 2}, 2);
    put_numbers("first/k.npy", 0, (float[]){7}, 1);
    bool failed = true;
    for (long index = 0; failed && index < 200; index++) {
        struct error err;
        struct sample sample;
        bool more = true;
        (void)memory_fail_at(index, 0);
        status code = samples_open(home, SAMPLE_PART_COUNT, model, &source, &err);
        if (code == STATUS_OK) {
            code = source.next(source.owner, &sample, &more, &err);
        }
        failed = memory_fail_at(-1, 0) > (size_t)index;
        assert_int_equal(code, failed ? STATUS_NO_MEMORY : STATUS_OK);
        sample_source_close(&source);
    }
    assert_false(failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_samples__a_file_is_a_sample_of_a_model_with_one_input),
        TEST(test_samples__a_folder_has_a_file_for_each_input),
        TEST(test_samples__test_data_of_onnx_is_read),
        TEST(test_samples__what_does_not_fit_is_said_with_its_name),
        TEST(test_samples__test_data_that_does_not_fit_is_refused),
        TEST(test_samples__one_sample_is_in_memory_at_a_time),
        TEST(test_samples__only_dimensions_of_one_may_be_left_out),
        TEST(test_samples__a_model_of_several_inputs_wants_folders),
        TEST(test_samples__a_part_has_its_own),
        TEST(test_samples__memory_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
