// SPDX-License-Identifier: Apache-2.0
#include "model/picture_samples.h"

#include "base/memory.h"
#include "platform/test_model.h"

enum { PICTURES = 20, HEIGHT = 2, WIDTH = 3, HEAD_BYTES = 16, PATH_ROOM = 512 };
static const char FILE_NAME[] = "few-images-idx3-ubyte";

static char home[64];
static char found[SAMPLE_PATH_BYTES_MAX];
static struct inference_model *model;
static struct sample_source source;

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-pictures-XXXXXX");
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

static const char *path_of(const char *name) {
    static char path[PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    return path;
}

/* Pixel i of picture p is 10 * p + i, but the first of the second one is 255. */
static void put_pictures(const char *name) {
    uint8_t bytes[HEAD_BYTES + PICTURES * HEIGHT * WIDTH] = {
        [2] = 8, [3] = 3, [7] = PICTURES, [11] = HEIGHT, [15] = WIDTH};
    for (int i = 0; i < PICTURES * HEIGHT * WIDTH; i++) {
        bytes[HEAD_BYTES + i] = (uint8_t)(10 * (i / (HEIGHT * WIDTH)) + i % (HEIGHT * WIDTH));
    }
    bytes[HEAD_BYTES + HEIGHT * WIDTH] = UINT8_MAX;
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
    assert_int_equal(fclose(file), 0);
}

static void find(const char *what) {
    struct error err = {0};
    bool is_found = false;
    if (picture_samples_find(what, found, &is_found, &err) != STATUS_OK || !is_found) {
        fail_msg("%s", err.text);
    }
}

/* One input of that type and shape. */
static void open_model(int type, const char *shape) {
    const struct inference_options options = {.threads = 1, .memory_bytes = 1 << 30};
    struct test_model made;
    struct error err;
    if (!test_model_can_run()) {
        skip();
    }
    test_model_begin(&made);
    test_model_input(&made, "x", type, shape);
    test_model_output(&made, "y", type, shape);
    test_model_node(&made, "Identity", "x", "y");
    test_model_write(&made, path_of("model.onnx"), ONNX_OPSET);
    inference_close(model);
    model = NULL;
    if (inference_open(path_of("model.onnx"), &options, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static status open_samples(enum sample_part part, struct error *err) {
    sample_source_close(&source);
    return picture_samples_open(found, part, model, &source, err);
}

static struct sample next(bool *out_more) {
    struct error err;
    struct sample sample = {0};
    if (source.next(source.owner, &sample, out_more, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return sample;
}

static void test_picture_samples__file_is_found_in_folder_or_by_its_name(void **state) {
    (void)state;
    bool is_found = true;
    struct error err = {0};
    assert_int_equal(picture_samples_find(home, found, &is_found, &err), STATUS_OK);
    assert_false(is_found);
    put_pictures("model.onnx");
    assert_int_equal(picture_samples_find(path_of("model.onnx"), found, &is_found, &err),
                     STATUS_OK);
    assert_false(is_found);
    put_pictures(FILE_NAME);
    find(home);
    assert_string_equal(found, path_of(FILE_NAME));
    found[0] = '\0';
    find(path_of(FILE_NAME));
    assert_string_equal(found, path_of(FILE_NAME));
    assert_int_equal(picture_samples_find(path_of("none"), found, &is_found, &err),
                     STATUS_NOT_FOUND);
}

static void test_picture_samples__two_files_are_refused(void **state) {
    (void)state;
    bool is_found = false;
    struct error err = {0};
    put_pictures(FILE_NAME);
    put_pictures("more-images-idx3-ubyte");
    assert_int_equal(picture_samples_find(home, found, &is_found, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "are both pictures: name the file that is meant"));
}

static void test_picture_samples__pixels_become_numbers_up_to_one(void **state) {
    (void)state;
    struct error err;
    bool more = false;
    put_pictures(FILE_NAME);
    find(home);
    open_model(ONNX_FLOAT, "1x1x2x3");
    assert_int_equal(open_samples(SAMPLE_PART_COUNT, &err), STATUS_OK);
    assert_int_equal(source.count, PICTURES);
    for (int round = 0; round < 2; round++) {
        struct sample sample = next(&more);
        assert_string_equal(sample.name, "picture 1");
        sample = next(&more);
        assert_true(more);
        assert_string_equal(sample.name, "picture 2");
        assert_int_equal(sample.inputs[0].rank, 4);
        const float *levels = sample.inputs[0].bytes;
        assert_true(levels[0] == 1.0f && levels[1] == 11 / 255.0f && levels[5] == 15 / 255.0f);
        source.rewind(source.owner);
    }
    for (int i = 0; i < PICTURES; i++) {
        (void)next(&more);
        assert_true(more);
    }
    (void)next(&more);
    assert_false(more);
}

static void test_picture_samples__bytes_stay_where_the_model_takes_them(void **state) {
    (void)state;
    struct error err;
    bool more = false;
    put_pictures(FILE_NAME);
    find(home);
    open_model(ONNX_UINT8, "1x6");
    assert_int_equal(open_samples(SAMPLE_PART_COUNT, &err), STATUS_OK);
    (void)next(&more);
    const struct sample sample = next(&more);
    assert_int_equal(sample.inputs[0].rank, 2);
    assert_int_equal(sample.inputs[0].shape[1], 6);
    assert_int_equal(((const uint8_t *)sample.inputs[0].bytes)[0], UINT8_MAX);
    assert_int_equal(((const uint8_t *)sample.inputs[0].bytes)[5], 15);
}

static void test_picture_samples__each_shape_that_holds_the_pixels_is_taken(void **state) {
    (void)state;
    static const char *const SHAPES[] = {"?x1x2x3", "1x2x3x1", "1x2x3", "?x6", "2x3", "6"};
    static const uint32_t RANKS[] = {4, 4, 3, 2, 2, 1};
    struct error err;
    bool more = false;
    put_pictures(FILE_NAME);
    find(home);
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        open_model(ONNX_FLOAT, SHAPES[i]);
        assert_int_equal(open_samples(SAMPLE_PART_COUNT, &err), STATUS_OK);
        const struct sample sample = next(&more);
        assert_int_equal(sample.inputs[0].rank, RANKS[i]);
        size_t count = 1;
        for (uint32_t k = 0; k < RANKS[i]; k++) {
            count *= (size_t)sample.inputs[0].shape[k];
        }
        assert_int_equal(count, HEIGHT * WIDTH);
    }
    static const char *const OTHERS[] = {"1x1x3x2", "1x7", "1x1x1x2x3"};
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        open_model(ONNX_FLOAT, OTHERS[i]);
        assert_int_equal(open_samples(SAMPLE_PART_COUNT, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "are grey, 2 x 3, and the model's input 'x' has another"));
    }
    open_model(ONNX_INT64, "1x6");
    assert_int_equal(open_samples(SAMPLE_PART_COUNT, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "one input of float32 or uint8 is wanted"));
}

static void test_picture_samples__parts_share_nothing_and_are_all(void **state) {
    (void)state;
    struct error err;
    bool seen[PICTURES] = {false};
    uint32_t count = 0;
    put_pictures(FILE_NAME);
    find(home);
    open_model(ONNX_FLOAT, "1x6");
    for (int part = 0; part < SAMPLE_PART_COUNT; part++) {
        assert_int_equal(open_samples((enum sample_part)part, &err), STATUS_OK);
        bool more = true;
        struct sample sample = next(&more);
        for (; more; sample = next(&more)) {
            assert_false(seen[sample.moment]);
            seen[sample.moment] = true;
            count++;
        }
    }
    assert_int_equal(count, PICTURES);
}

static void test_picture_samples__no_memory_is_told(void **state) {
    (void)state;
    struct error err;
    put_pictures(FILE_NAME);
    find(home);
    open_model(ONNX_FLOAT, "1x6");
    status code = STATUS_NO_MEMORY;
    for (long i = 0; code == STATUS_NO_MEMORY; i++) {
        (void)memory_fail_at(i, 0);
        code = open_samples(SAMPLE_PART_COUNT, &err);
        (void)memory_fail_at(-1, 0);
    }
    assert_int_equal(code, STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_picture_samples__file_is_found_in_folder_or_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_picture_samples__two_files_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_picture_samples__pixels_become_numbers_up_to_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_picture_samples__bytes_stay_where_the_model_takes_them,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_picture_samples__each_shape_that_holds_the_pixels_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_picture_samples__parts_share_nothing_and_are_all,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_picture_samples__no_memory_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
