// SPDX-License-Identifier: Apache-2.0
#include "model/compiled.h"

#include <sys/stat.h>

#include "base/memory.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/test_model.h"

enum { FILE_BYTES_MAX = 1 << 20, SIZE = 4 };

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};

static char folder[256];
static char source[300];
static char path[COMPILED_PATH_BYTES];
static const struct compiled_source SOURCE = {.path = source};
static bool can_run;

static int set_up(void **state) {
    (void)state;
    const char *above = getenv("TMPDIR");
    can_run = test_model_can_run();
    (void)snprintf(folder, sizeof(folder), "%s/ebb-compiled-XXXXXX",
                   above != NULL && above[0] != '\0' ? above : "/tmp");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(source, sizeof(source), "%s/m.onnx", folder);
    assert_int_equal(compiled_path(source, path, NULL), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(source);
    (void)unlink(path);
    (void)rmdir(path); /* a test puts a folder there */
    return rmdir(folder);
}

static void need_library(void) {
    if (!can_run) {
        skip();
    }
    (void)unlink(path); /* of the test before */
}

/* y = Relu(x + 1 + 1), with `first` in place of the first of the ones. */
static void write_source(float first) {
    struct test_model model;
    float one[SIZE] = {first, 1, 1, 1};
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "4");
    test_model_output(&model, "y", ONNX_FLOAT, "4");
    test_model_constant(&model, "one", ONNX_FLOAT, "4",
                        (struct slice){.bytes = (const char *)one, .count = sizeof(one)});
    test_model_node(&model, "Add", "one one", "two");
    test_model_node(&model, "Add", "x two", "sum");
    test_model_node(&model, "Relu", "sum", "y");
    test_model_write(&model, source, ONNX_OPSET);
}

static void make(const struct inference_options *options) {
    struct compiled_stamp stamp;
    struct error err = {0};
    if (compiled_make(source, options, path, &stamp, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void read_compiled(struct buffer *out) {
    buffer_init(out, FILE_BYTES_MAX);
    assert_int_equal(file_read(path, out, NULL), STATUS_OK);
}

/* Another byte behind the text, in the compiled file. */
static void change_behind(const char *text) {
    CLEANUP(buffer_done) struct buffer file;
    read_compiled(&file);
    char *found = memmem(file.bytes, file.count, text, strlen(text));
    assert_non_null(found);
    found[strlen(text)] = found[strlen(text)] == 'x' ? 'y' : 'x';
    assert_int_equal(file_replace(path, buffer_slice(&file), NULL), STATUS_OK);
}

static void expect_answer(struct inference_model *model, float first) {
    struct inference_run *run = NULL;
    struct error err = {0};
    float given[SIZE] = {1, -5, 2, 3};
    const uint32_t wanted = 0;
    struct tensor out;
    const struct tensor input = {.type = TENSOR_FLOAT32,
                                 .rank = 1,
                                 .shape = {SIZE},
                                 .bytes = given,
                                 .byte_count = sizeof(given)};
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(inference_run(run, &input, &wanted, 1, &out, &err), STATUS_OK);
    const float expected[SIZE] = {1 + 2 * first, 0, 4, 5};
    assert_memory_equal(out.bytes, expected, sizeof(expected));
    inference_run_destroy(run);
    inference_close(model);
}

static void expect_refused(const struct inference_options *options, status code,
                           const char *sentence) {
    struct inference_model *model = NULL;
    struct error err = {0};
    assert_int_equal(compiled_open_made(&SOURCE, path, options, &model, &err), code);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' is not in: %s", sentence, err.text);
    }
}

static void expect_opened(enum compiled_outcome outcome, const char *why, float first) {
    struct inference_model *model = NULL;
    struct compiled_report report;
    struct error err = {0};
    if (compiled_open(&SOURCE, &PLAIN, true, &model, &report, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(report.outcome, outcome);
    if (strstr(report.why.text, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, report.why.text);
    }
    expect_answer(model, first);
}

/* --- what is compiled --- */

static void test_compiled__it_lies_beside_its_source(void **state) {
    (void)state;
    char out[COMPILED_PATH_BYTES];
    assert_int_equal(compiled_path("a/rec.onnx", out, NULL), STATUS_OK);
    assert_string_equal(out, "a/rec.compiled.onnx");
    assert_int_equal(compiled_path("rec", out, NULL), STATUS_OK);
    assert_string_equal(out, "rec.compiled.onnx");
    CLEANUP(buffer_done) struct buffer endless;
    buffer_init(&endless, COMPILED_PATH_BYTES + 1);
    for (int i = 0; i < COMPILED_PATH_BYTES; i++) {
        buffer_add_byte(&endless, i == COMPILED_PATH_BYTES - 1 ? 0 : 'a');
    }
    assert_int_equal(compiled_path(endless.bytes, out, NULL), STATUS_INVALID);
}

static void test_compiled__it_answers_as_its_source_and_is_optimised_already(void **state) {
    (void)state;
    need_library();
    struct inference_model *model = NULL;
    struct error err = {0};
    write_source(1);
    make(&PLAIN);
    assert_int_equal(compiled_open_made(&SOURCE, path, &PLAIN, &model, &err), STATUS_OK);
    expect_answer(model, 1);
    /* The constant is computed, so its source's name is gone. */
    CLEANUP(buffer_done) struct buffer file;
    read_compiled(&file);
    assert_null(memmem(file.bytes, file.count, "one", 3));
}

static void test_compiled__the_stamp_says_what_it_is_good_for(void **state) {
    (void)state;
    need_library();
    struct compiled_stamp stamp;
    struct compiled_stamp here;
    struct error err = {0};
    const char *release;
    struct inference_options options = PLAIN;
    options.providers[0] = 5; /* qnn: no library for this machine has it */
    options.provider_count = 2;
    write_source(1);
    make(&options);
    CLEANUP(buffer_done) struct buffer file;
    CLEANUP(buffer_done) struct buffer original;
    read_compiled(&file);
    buffer_init(&original, FILE_BYTES_MAX);
    assert_int_equal(file_read(source, &original, &err), STATUS_OK);
    assert_int_equal(inference_release(&release, &err), STATUS_OK);
    assert_int_equal(compiled_stamp_read(buffer_slice(&file), &stamp, &err), STATUS_OK);
    assert_string_equal(stamp.release, release);
    assert_string_equal(stamp.providers, "qnn,cpu");
    assert_string_equal(stamp.provider, "cpu");
    assert_true(id_equal(stamp.source, hash_128(buffer_slice(&original), (struct slice){0})));
    assert_int_equal(compiled_stamp_here(&options, stamp.source, &here, &err), STATUS_OK);
    assert_string_equal(stamp.processor, here.processor);
    assert_int_equal(compiled_stamp_check(&stamp, &here, &err), STATUS_OK);
}

static void test_compiled__what_cannot_be_compiled_is_refused(void **state) {
    (void)state;
    need_library();
    struct compiled_stamp stamp;
    struct error err = {0};
    char twice[COMPILED_PATH_BYTES];
    write_source(1);
    make(&PLAIN);
    assert_int_equal(compiled_path(path, twice, &err), STATUS_OK);
    assert_int_equal(compiled_make(path, &PLAIN, twice, &stamp, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "it is compiled already"));
    assert_false(file_is_there(twice));
    assert_int_equal(unlink(path), 0);

    struct test_model model;
    const float numbers[SIZE] = {1, 1, 1, 1};
    char data[300];
    (void)snprintf(data, sizeof(data), "%s/w.bin", folder);
    assert_int_equal(
        file_replace(data, (struct slice){.bytes = (const char *)numbers, .count = sizeof(numbers)},
                     &err),
        STATUS_OK);
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "4");
    test_model_output(&model, "y", ONNX_FLOAT, "4");
    test_model_external(&model, "w", ONNX_FLOAT, "4", "w.bin");
    test_model_node(&model, "Add", "x w", "y");
    test_model_write(&model, source, ONNX_OPSET);
    assert_int_equal(compiled_make(source, &PLAIN, path, &stamp, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "its weights lie in files beside it"));
    assert_false(file_is_there(path));
    assert_int_equal(unlink(data), 0);
}

static void test_compiled__a_provider_that_must_be_there_is_not_passed_over(void **state) {
    (void)state;
    need_library();
    struct compiled_stamp stamp;
    struct error err = {0};
    struct inference_options options = PLAIN;
    options.providers[0] = 5;
    options.provider_count = 2;
    options.is_strict = true;
    write_source(1);
    assert_int_equal(compiled_make(source, &options, path, &stamp, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "not with provider qnn: "));
    assert_false(file_is_there(path));
    options.provider_count = 0;
    make(&options);
}

/* --- what is not true any more --- */

static void test_compiled__another_source_is_another_model(void **state) {
    (void)state;
    need_library();
    write_source(1);
    expect_opened(COMPILED_ANEW, "it had not been compiled", 1);
    expect_opened(COMPILED_USED, "", 1);
    write_source(7); /* of the same length */
    expect_refused(&PLAIN, STATUS_CONFLICT, "it was made of another model than the file is now");
    expect_opened(COMPILED_ANEW, "of another model", 7);
    expect_opened(COMPILED_USED, "", 7);
}

static void test_compiled__what_was_made_for_others_is_made_anew(void **state) {
    (void)state;
    need_library();
    static const struct {
        const char *text, *sentence;
    } CASES[] = {
        {"\"onnxruntime\":\"", "it was made by ONNX Runtime x"},
        {"\"providers\":\"", "it was made for the providers xpu, asked for are cpu"},
        {"\"provider\":\"", "it was made for provider xpu, and cpu takes it now"},
        {"\"processor\":\"", "it was made for another processor ("},
    };
    write_source(1);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        make(&PLAIN);
        change_behind(CASES[i].text);
        expect_refused(&PLAIN, STATUS_CONFLICT, CASES[i].sentence);
        expect_opened(COMPILED_ANEW, CASES[i].sentence, 1);
        expect_opened(COMPILED_USED, "", 1);
    }
    struct inference_options options = PLAIN;
    options.providers[0] = 1;
    options.provider_count = 2;
    expect_refused(&options, STATUS_CONFLICT,
                   "it was made for the providers cpu, asked for are cuda,cpu");
}

static void test_compiled__a_damaged_file_is_made_anew(void **state) {
    (void)state;
    need_library();
    write_source(1);
    make(&PLAIN);
    change_behind("\"graph\":\"");
    expect_refused(&PLAIN, STATUS_CORRUPT, "its stamp is damaged");
    expect_opened(COMPILED_ANEW, "its stamp is damaged", 1);
    change_behind("Relu");
    expect_refused(&PLAIN, STATUS_CORRUPT, "its bytes are not those of its stamp");
    expect_opened(COMPILED_ANEW, "its bytes are not those of its stamp", 1);
    change_behind("ebb.compile");
    expect_refused(&PLAIN, STATUS_NOT_FOUND, "it has no stamp");
    expect_opened(COMPILED_ANEW, "it has no stamp", 1);
}

/* Each byte of graph and stamp, and each length: none is taken for what was made. */
static void test_compiled__no_byte_of_it_may_change(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    CLEANUP(buffer_done) struct buffer original;
    CLEANUP(buffer_done) struct buffer whole;
    struct compiled_stamp stamp;
    struct compiled_stamp here;
    write_source(1);
    make(&PLAIN);
    buffer_init(&original, FILE_BYTES_MAX);
    assert_int_equal(file_read(source, &original, &err), STATUS_OK);
    assert_int_equal(compiled_stamp_here(
                         &PLAIN, hash_128(buffer_slice(&original), (struct slice){0}), &here, &err),
                     STATUS_OK);
    read_compiled(&whole);
    const struct slice half = {.bytes = whole.bytes, .count = whole.count / 4};
    assert_int_equal(compiled_stamp_read(half, &stamp, &err), STATUS_CORRUPT);
    assert_string_equal(err.text, "it is no whole ONNX file");
    for (size_t i = 0; i < whole.count; i++) {
        const struct slice cut = {.bytes = whole.bytes, .count = i};
        assert_int_not_equal(compiled_stamp_read(cut, &stamp, &err), STATUS_OK);
        for (int bit = 0; bit < 8; bit++) {
            whole.bytes[i] = (char)(whole.bytes[i] ^ 1 << bit);
            const bool is_taken =
                compiled_stamp_read(buffer_slice(&whole), &stamp, &err) == STATUS_OK &&
                compiled_stamp_check(&stamp, &here, &err) == STATUS_OK &&
                strcmp(stamp.provider, "cpu") == 0;
            if (is_taken) {
                fail_msg("byte %zu of %zu, bit %d", i, whole.count, bit);
            }
            whole.bytes[i] = (char)(whole.bytes[i] ^ 1 << bit);
        }
    }
    buffer_add_byte(&whole, 0);
    assert_int_not_equal(compiled_stamp_read(buffer_slice(&whole), &stamp, &err), STATUS_OK);
}

static void test_compiled__where_no_file_can_be_the_source_is_opened(void **state) {
    (void)state;
    need_library();
    write_source(1);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_opened(COMPILED_SOURCE, "and it could not be made anew", 1);
    assert_int_equal(rmdir(path), 0);

    struct inference_model *model = NULL;
    struct compiled_report report;
    struct error err = {0};
    assert_int_equal(compiled_open(&SOURCE, &PLAIN, false, &model, &report, &err), STATUS_OK);
    assert_int_equal(report.outcome, COMPILED_SOURCE);
    assert_false(file_is_there(path));
    expect_answer(model, 1);
    assert_int_equal(unlink(source), 0);
    assert_int_equal(compiled_open(&SOURCE, &PLAIN, true, &model, &report, &err), STATUS_NOT_FOUND);
}

static void test_compiled__two_who_open_it_share_it(void **state) {
    (void)state;
    need_library();
    struct inference_model *first = NULL;
    struct inference_model *second = NULL;
    struct compiled_report report;
    struct error err = {0};
    write_source(1);
    assert_int_equal(compiled_open(&SOURCE, &PLAIN, true, &first, &report, &err), STATUS_OK);
    assert_int_equal(compiled_open(&SOURCE, &PLAIN, true, &second, &report, &err), STATUS_OK);
    assert_ptr_equal(first, second);
    inference_close(first);
    expect_answer(second, 1);
}

static void test_compiled__how_long_both_take_is_measured(void **state) {
    (void)state;
    need_library();
    int64_t source_ns = 0;
    int64_t compiled_ns = 0;
    struct error err = {0};
    write_source(1);
    make(&PLAIN);
    assert_int_equal(compiled_measure(&SOURCE, path, &PLAIN, 2, &source_ns, &compiled_ns, &err),
                     STATUS_OK);
    assert_true(source_ns > 0 && source_ns < INT64_MAX);
    assert_true(compiled_ns > 0 && compiled_ns < INT64_MAX);
}

static void test_compiled__without_memory_it_fails_or_the_source_is_opened(void **state) {
    (void)state;
    need_library();
    write_source(1);
    for (long i = 0;; i++) {
        struct inference_model *model = NULL;
        struct compiled_report report;
        struct error err = {0};
        (void)unlink(path);
        (void)memory_fail_at(i, 0);
        const status code = compiled_open(&SOURCE, &PLAIN, true, &model, &report, &err);
        const bool failed = i < (long)memory_fail_at(-1, 0);
        if (code == STATUS_OK) {
            expect_answer(model, 1);
        }
        if (!failed) {
            assert_int_equal(code, STATUS_OK);
            assert_int_equal(report.outcome, COMPILED_ANEW);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compiled__it_lies_beside_its_source),
        cmocka_unit_test(test_compiled__it_answers_as_its_source_and_is_optimised_already),
        cmocka_unit_test(test_compiled__the_stamp_says_what_it_is_good_for),
        cmocka_unit_test(test_compiled__what_cannot_be_compiled_is_refused),
        cmocka_unit_test(test_compiled__a_provider_that_must_be_there_is_not_passed_over),
        cmocka_unit_test(test_compiled__another_source_is_another_model),
        cmocka_unit_test(test_compiled__what_was_made_for_others_is_made_anew),
        cmocka_unit_test(test_compiled__a_damaged_file_is_made_anew),
        cmocka_unit_test(test_compiled__no_byte_of_it_may_change),
        cmocka_unit_test(test_compiled__where_no_file_can_be_the_source_is_opened),
        cmocka_unit_test(test_compiled__two_who_open_it_share_it),
        cmocka_unit_test(test_compiled__how_long_both_take_is_measured),
        cmocka_unit_test(test_compiled__without_memory_it_fails_or_the_source_is_opened),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
