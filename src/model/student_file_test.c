// SPDX-License-Identifier: Apache-2.0
#include "model/student_file.h"

#include <math.h>

#include "base/memory.h"
#include "model/dice.h"
#include "model/onnx_file.h"
#include "model/onnx_outline.h"
#include "model/student_note.h"
#include "model/text_buckets.h"
#include "platform/file.h"
#include "platform/inference.h"
#include "platform/test_model.h"

enum { PICTURES = 3, BUCKETS = 512 };

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};
static const struct slice LABELS[] = {{"bird", 4}, {"fish", 4}, {"tree", 4}};
static char folder[256];
static char path[300];

static int set_up(void **state) {
    (void)state;
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/ebb-student-XXXXXX", above != NULL ? above : "/tmp");
    (void)snprintf(path, sizeof(path), "%s/student.onnx", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

/* Runs the file on one input and compares with what it should give. */
static void expect(const struct tensor *input, const float *wanted, size_t count) {
    struct error err = {0};
    struct inference_model *model = NULL;
    struct inference_run *run = NULL;
    struct tensor out = {0};
    const uint32_t first = 0;
    if (inference_open(path, &PLAIN, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    if (inference_run(run, input, &first, 1, &out, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(out.type, TENSOR_FLOAT32);
    assert_int_equal(out.byte_count, count * sizeof(float));
    const float *got = out.bytes;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(got[i] - wanted[i]) <= 1e-4F * (1 + fabsf(wanted[i])))) {
            fail_msg("number %zu is %g, wanted %g", i, (double)got[i], (double)wanted[i]);
        }
    }
    inference_run_destroy(run);
    inference_close(model);
}

static void check_image(const struct image_form *form) {
    struct error err;
    struct image_student student;
    struct image_pass pass;
    struct picture_set set;
    struct graph_model *model = NULL;
    uint64_t dice = 5;
    uint8_t pixels[4096];
    float numbers[PICTURES * 4096];
    float logits[PICTURES * 3];
    const size_t bytes = picture_bytes(&form->input);
    assert_int_equal(image_student_init(&student, form, 6, &err), STATUS_OK);
    for (int i = 0; i < LAYER_COUNT; i++) {
        for (uint32_t j = 0; j < student.layers[i].outputs; j++) {
            student.weights[student.layers[i].biases + j] = dice_signed(&dice);
        }
    }
    assert_int_equal(picture_set_init(&set, &form->input, 1 << 20, &err), STATUS_OK);
    for (size_t i = 0; i < PICTURES; i++) {
        for (size_t j = 0; j < bytes; j++) {
            pixels[j] = (uint8_t)dice_below(&dice, 256);
            numbers[i * bytes + j] = (float)pixels[j] / 255;
        }
        assert_int_equal(picture_set_add(&set, pixels, 0, &err), STATUS_OK);
    }
    assert_int_equal(image_pass_init(&pass, &student, PICTURES, &err), STATUS_OK);
    image_student_forward(&student, &pass, &set, (uint32_t[]){0, 1, 2}, PICTURES, logits);
    assert_int_equal(student_file_of_image(&student, LABELS, &model, &err), STATUS_OK);
    assert_int_equal(onnx_file_write(model, path, &err), STATUS_OK);
    onnx_file_close(model);
    const struct tensor input = {
        .type = TENSOR_FLOAT32,
        .rank = 4,
        .shape = {PICTURES, form->input.channels, form->input.height, form->input.width},
        .bytes = numbers,
        .byte_count = PICTURES * bytes * sizeof(float)};
    expect(&input, logits, (size_t)PICTURES * form->classes);
    image_pass_done(&pass);
    image_student_done(&student);
    picture_set_done(&set);
}

static void test_student_file__onnx_runtime_sees_in_pictures_what_we_see(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        skip();
    }
    const struct image_form forms[] = {
        {.input = {1, 28, 28}, .classes = 3, .filters = {8, 16}, .hidden = 30},
        {.input = {3, 9, 14}, .classes = 3, .filters = {4, 12}},
        {.input = {2, 5, 6}, .classes = 3, .hidden = 7},
        {.input = {2, 5, 6}, .classes = 2},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        check_image(&forms[i]);
    }
}

/* A text model of thrown weights. */
static struct text_model *throw_model(uint32_t labels) {
    static int8_t weights[BUCKETS * 3];
    static const double SCALES[] = {0.05, 0.02, 0.07};
    static const double BIASES[] = {-0.5, 0.25, 1};
    struct error err;
    struct buffer bytes;
    struct text_model *model = NULL;
    uint64_t dice = labels;
    for (size_t i = 0; i < sizeof(weights); i++) {
        weights[i] = (int8_t)((int)dice_below(&dice, 255) - 127);
    }
    const struct text_parts parts = {.settings = {.bytes_max = 4096, .pairs = true, .letters = 4},
                                     .labels = LABELS,
                                     .labels_count = labels,
                                     .buckets = BUCKETS,
                                     .scales = SCALES,
                                     .biases = BIASES,
                                     .weights = weights,
                                     .provenance = SLICE("{}")};
    buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
    assert_int_equal(text_model_write(&parts, &bytes, &err), STATUS_OK);
    assert_int_equal(text_model_read(buffer_slice(&bytes), &model, &err), STATUS_OK);
    buffer_done(&bytes);
    return model;
}

static void write_text(const struct text_model *model) {
    struct error err;
    struct graph_model *graph = NULL;
    assert_int_equal(student_file_of_text(model, &graph, &err), STATUS_OK);
    assert_int_equal(onnx_file_write(graph, path, &err), STATUS_OK);
    onnx_file_close(graph);
}

/* The chances of the model and the logits of the file: their distances from the first label's. */
static void check_text(const struct text_model *model, struct slice text) {
    struct error err;
    struct text_buckets buckets;
    const struct text_settings settings = text_model_settings(model);
    const uint32_t labels = text_model_labels(model);
    double chances[3];
    float wanted[3];
    void *scratch = memory_new(1, text_model_scratch_bytes(model));
    (void)text_model_ask(model, text, scratch, chances);
    memory_free(scratch);
    assert_int_equal(text_buckets_init(&buckets, &settings, BUCKETS, &err), STATUS_OK);
    assert_int_equal(text_buckets_find(&buckets, text, &err), STATUS_OK);
    int64_t none = 0;
    const struct tensor input = {.type = TENSOR_INT64,
                                 .rank = 1,
                                 .shape = {(int64_t)buckets.count},
                                 .bytes = buckets.count > 0 ? buckets.found : &none,
                                 .byte_count = buckets.count * sizeof(int64_t)};
    struct inference_model *opened = NULL;
    struct inference_run *run = NULL;
    struct tensor out = {0};
    assert_int_equal(inference_open(path, &PLAIN, &opened, &err), STATUS_OK);
    assert_int_equal(inference_run_create(opened, &run, &err), STATUS_OK);
    if (inference_run(run, &input, (uint32_t[]){0}, 1, &out, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(out.byte_count, labels * sizeof(float));
    const float *got = out.bytes;
    for (uint32_t i = 0; i < labels; i++) {
        wanted[i] = (float)log(chances[i] / chances[0]);
        assert_true(fabsf(got[i] - got[0] - wanted[i]) < 1e-4F * (1 + fabsf(wanted[i])));
    }
    inference_run_destroy(run);
    inference_close(opened);
    text_buckets_done(&buckets);
}

static void test_student_file__onnx_runtime_reads_in_texts_what_we_read(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        skip();
    }
    for (uint32_t labels = 2; labels <= 3; labels++) {
        struct text_model *model = throw_model(labels);
        write_text(model);
        check_text(model, SLICE("a wing, a fin and a leaf; a wing again"));
        check_text(model, SLICE("x"));
        check_text(model, SLICE(""));
        text_model_close(model);
    }
}

static void test_student_file__says_what_it_is(void **state) {
    (void)state;
    struct error err;
    struct graph_model *graph = NULL;
    struct student_note note;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct text_model *model = throw_model(2);
    write_text(model);
    text_model_close(model);
    assert_int_equal(onnx_file_open(path, &graph, &err), STATUS_OK);
    assert_int_equal(student_note_read(onnx_note(graph, STUDENT_NOTE), &arena, &note, &err),
                     STATUS_OK);
    assert_int_equal(note.kind, STUDENT_TEXT);
    assert_int_equal(note.labels_count, 2);
    assert_true(slice_is(note.labels[1], "fish"));
    assert_int_equal(note.settings.bytes_max, 4096);
    assert_int_equal(note.settings.letters, 4);
    assert_true(note.settings.pairs);
    assert_int_equal(note.buckets, BUCKETS);
    assert_int_equal(onnx_note(graph, "other").count, 0);
    onnx_file_close(graph);

    const struct image_form form = {.input = {2, 5, 6}, .classes = 3};
    struct image_student student;
    assert_int_equal(image_student_init(&student, &form, 1, &err), STATUS_OK);
    assert_int_equal(student_file_of_image(&student, LABELS, &graph, &err), STATUS_OK);
    assert_int_equal(student_note_read(onnx_note(graph, STUDENT_NOTE), &arena, &note, &err),
                     STATUS_OK);
    assert_int_equal(note.kind, STUDENT_IMAGE);
    assert_int_equal(note.labels_count, 3);
    assert_int_equal(note.input.channels, 2);
    assert_int_equal(note.input.width, 6);
    onnx_file_close(graph);
    image_student_done(&student);
    arena_done(&arena);
}

static void test_student_note__what_is_none_is_refused(void **state) {
    (void)state;
    static const char *const WRONG[] = {
        /* with other quotes */
        "",
        "[]",
        "{'kind':'sound'}",
        "{'kind':'image','labels':['a']}",
        "{'kind':'image','labels':['a','']}",
        "{'kind':'image','labels':['a',7]}",
        "{'kind':'image','labels':['a','b'],'channels':1,'height':-1,'width':2}",
        "{'kind':'image','labels':['a','b'],'channels':9,'height':1,'width':2}",
        "{'kind':'text','labels':['a','b'],'bytes_max':64,'letters':0,'buckets':64}",
        "{'kind':'text','labels':['a','b'],'bytes_max':64,'letters':8,'buckets':64,'pairs':true}",
        "{'kind':'text','labels':['a','b'],'bytes_max':9,'letters':0,'buckets':7e7,'pairs':true}",
        "{'kind':'text','labels':['a','b'],'bytes_max':9,'letters':0,'buckets':16777217}",
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct error err;
        struct student_note note;
        struct arena arena;
        arena_init(&arena, 1 << 20);
        char json[128];
        (void)snprintf(json, sizeof(json), "%s", WRONG[i]);
        for (char *at = json; *at != '\0'; at++) {
            *at = *at == '\'' ? '"' : *at;
        }
        const status read = student_note_read(slice_of(json), &arena, &note, &err);
        assert_true(read == STATUS_CORRUPT || read == STATUS_INVALID);
        arena_done(&arena);
    }
}

static void test_student_file__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    const struct image_form form = {
        .input = {1, 8, 8}, .classes = 3, .filters = {4, 4}, .hidden = 3};
    struct error err;
    struct image_student student;
    struct text_model *text = throw_model(2);
    assert_int_equal(image_student_init(&student, &form, 1, &err), STATUS_OK);
    for (int kind = 0; kind < 2; kind++) {
        status done = STATUS_NO_MEMORY;
        for (long index = 0; done != STATUS_OK; index++) {
            struct graph_model *graph = NULL;
            (void)memory_fail_at(index, 0);
            done = kind == 0 ? student_file_of_image(&student, LABELS, &graph, &err)
                             : student_file_of_text(text, &graph, &err);
            (void)memory_fail_at(-1, 0);
            onnx_file_close(graph);
            assert_true(index < 500);
        }
    }
    image_student_done(&student);
    text_model_close(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_student_file__onnx_runtime_sees_in_pictures_what_we_see, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_student_file__onnx_runtime_reads_in_texts_what_we_read,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_student_file__says_what_it_is, set_up, tear_down),
        cmocka_unit_test(test_student_note__what_is_none_is_refused),
        cmocka_unit_test(test_student_file__no_memory_is_an_answer_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
