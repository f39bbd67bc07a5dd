// SPDX-License-Identifier: Apache-2.0
#include "model/simplify.h"

#include <unistd.h>

#include "model/bind.h"
#include "model/blocked.h"
#include "model/test_graph.h"
#include "platform/file.h"
#include "platform/image.h"

#define OCR     "build/data/ocr-models/assets/"
#define FACES   "build/data/blazeface/ONNX/"
#define SPEECH  "build/data/silero-vad/weights/silero_vad_16k_op15.onnx"
#define PICTURE "build/data/photographs/astronaut.png"

enum { STATE_NUMBERS = 2 * 128, WINDOW = 512, CONTEXT = 64, SECONDS = 60, RATE = 16000 };

/* A model as it is in its file, and simplified. */
struct pair {
    struct graph_model *model;
    struct inference_model *before, *after;
    struct simplify_counts counts;
    size_t bytes_before, bytes_after;
};

static struct inference_model *open_packed(const struct graph_model *model, size_t *out_bytes) {
    struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    assert_int_equal(onnx_file_pack(model, &bytes, NULL), STATUS_OK);
    *out_bytes = bytes.count;
    buffer_done(&bytes);
    return test_graph_open(model, INFERENCE_LEVEL_ALL);
}

static void pair_open(struct pair *pair, const char *path) {
    struct error err = {0};
    if (!test_model_can_run()) {
        skip();
    }
    if (access(path, R_OK) != 0) {
        print_message("# %s is not here: tools/fetch-npm fetches it\n", path);
        skip();
    }
    *pair = (struct pair){.model = NULL};
    if (onnx_file_open(path, &pair->model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    pair->before = open_packed(pair->model, &pair->bytes_before);
}

static void pair_simplify(struct pair *pair) {
    struct error err = {0};
    if (simplify_graph(pair->model, &pair->counts, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    pair->after = open_packed(pair->model, &pair->bytes_after);
    assert_true(pair->bytes_after <= pair->bytes_before);
}

static void pair_close(struct pair *pair) {
    inference_close(pair->before);
    inference_close(pair->after);
    onnx_file_close(pair->model);
}

static struct test_answer answer_of(struct inference_model *model, const struct tensor *inputs) {
    struct inference_run *run = NULL;
    struct tensor outputs[TEST_OUTPUTS_MAX];
    uint32_t wanted[TEST_OUTPUTS_MAX];
    struct test_answer answer;
    struct error err = {0};
    const uint32_t count = inference_output_count(model);
    for (uint32_t i = 0; i < count; i++) {
        wanted[i] = i;
    }
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    if (inference_run(run, inputs, wanted, count, outputs, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    test_graph_keep(&answer, outputs, count);
    inference_run_destroy(run);
    return answer;
}

/* Of the signal to what became of it, in decibels. */
static double closeness(const struct test_answer *a, const struct test_answer *b) {
    double signal = 0;
    double noise = 0;
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        signal += a->numbers[i] * a->numbers[i];
        noise += (a->numbers[i] - b->numbers[i]) * (a->numbers[i] - b->numbers[i]);
    }
    return 10 * log10(signal / fmax(noise, 1e-300));
}

static size_t largest(const double *numbers, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = numbers[i] > numbers[best] ? i : best;
    }
    return best;
}

static double highest(const double *numbers, size_t count) {
    return numbers != NULL && count > 0 ? numbers[largest(numbers, count)] : -INFINITY;
}

/* --- pages --- */

/* White with strokes of black in lines, as text looks from afar. */
static void draw_page(float *pixels, int64_t height, int64_t width, int64_t line) {
    for (int64_t i = 0; i < 3 * height * width; i++) {
        const int64_t y = i / width % height;
        const int64_t x = i % width;
        const int64_t glyph = x / 12 + 31 * (y / line);
        const bool is_ink = y % line > line / 4 && y % line < line * 3 / 4 && x % 12 > 2 &&
                            (glyph % 7 != 0) &&
                            (x % 12 == 4 + glyph % 3 || y % line == line / 3 + glyph % 5 * 2 ||
                             x % 12 == 10 - glyph % 2);
        pixels[i] = is_ink ? -1 : 1;
    }
}

static struct tensor page(float *pixels, int64_t height, int64_t width, int64_t line) {
    draw_page(pixels, height, width, line);
    return (struct tensor){.type = TENSOR_FLOAT32,
                           .rank = 4,
                           .shape = {1, 3, height, width},
                           .bytes = pixels,
                           .byte_count = (size_t)(3 * height * width) * sizeof(float)};
}

/* How many convolutions ONNX Runtime has put a hard swish into. */
static uint32_t fused_swishes(const struct graph_model *model) {
    char path[] = "/tmp/ebb-simplify-XXXXXX";
    struct inference_options options = {.threads = 1, .memory_bytes = 1 << 30, .save_path = path};
    struct inference_model *opened = NULL;
    struct graph_model *saved = NULL;
    struct buffer bytes;
    struct error err = {0};
    uint32_t count = 0;
    assert_int_equal(close(mkstemp(path)), 0);
    buffer_init(&bytes, ONNX_BYTES_MAX);
    assert_int_equal(onnx_file_pack(model, &bytes, NULL), STATUS_OK);
    assert_int_equal(inference_open_bytes(buffer_slice(&bytes), &options, &opened, &err),
                     STATUS_OK);
    inference_close(opened);
    buffer_done(&bytes);
    if (onnx_file_open(path, &saved, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    for (struct graph_node *node = graph_walk(saved, NULL); node != NULL;
         node = graph_walk(saved, node)) {
        count += slice_is(graph_text(node, "activation"), "HardSwish") ? 1 : 0;
    }
    onnx_file_close(saved);
    (void)unlink(path);
    return count;
}

/* ONNX Runtime fuses them from release 1.30 on, where the processor has blocked convolutions. */
static void expect_fused(const struct graph_model *model, uint32_t count) {
    const char *release = NULL;
    assert_int_equal(inference_release(&release, NULL), STATUS_OK);
    if (strtod(release, NULL) * 100 >= 130) {
        const uint32_t fused = fused_swishes(model);
        assert_true(fused == count || fused == 0);
        print_message("# %u of %u hard swishes are fused by ONNX Runtime %s\n", fused, count,
                      release);
    }
}

static void test_simplify__a_recogniser_of_text(void **state) {
    (void)state;
    static float pixels[3 * 48 * 320];
    struct pair pair;
    pair_open(&pair, OCR "ch_PP-OCRv4_rec_infer.onnx");
    pair_simplify(&pair);
    const struct tensor input = page(pixels, 48, 320, 48);
    struct test_answer before = answer_of(pair.before, &input);
    struct test_answer after = answer_of(pair.after, &input);
    assert_true(closeness(&before, &after) >= 100);
    assert_int_equal(before.count % 6625, 0);
    for (size_t i = 0; i < before.count; i += 6625) {
        assert_int_equal(largest(before.numbers + i, 6625), largest(after.numbers + i, 6625));
    }
    assert_int_equal(pair.counts.activations, 28);
    assert_int_equal(test_graph_count(pair.model, "BatchNormalization"), 0);
    assert_true(pair.counts.nodes_after <= 263);
    expect_fused(pair.model, 28);
    memory_free(before.numbers);
    memory_free(after.numbers);
    pair_close(&pair);
}

static void test_simplify__a_detector_of_text(void **state) {
    (void)state;
    static float pixels[3 * 160 * 320];
    struct pair pair;
    pair_open(&pair, OCR "ch_PP-OCRv4_det_infer.onnx");
    pair_simplify(&pair);
    const struct tensor input = page(pixels, 160, 320, 40);
    struct test_answer before = answer_of(pair.before, &input);
    struct test_answer after = answer_of(pair.after, &input);
    assert_true(highest(before.numbers, before.count) > 0.5); /* there is text */
    assert_true(closeness(&before, &after) >= 100);
    assert_int_equal(pair.counts.activations, 24 + 8); /* eight gates with a way around them */
    assert_true(pair.counts.nodes_after <= 191);
    expect_fused(pair.model, 24);
    memory_free(before.numbers);
    memory_free(after.numbers);
    pair_close(&pair);
}

static void test_simplify__a_classifier_of_text(void **state) {
    (void)state;
    static float pixels[3 * 48 * 192];
    struct pair pair;
    pair_open(&pair, OCR "ch_ppocr_mobile_v2.0_cls_infer.onnx");
    pair_simplify(&pair);
    const struct tensor input = page(pixels, 48, 192, 48);
    struct test_answer before = answer_of(pair.before, &input);
    struct test_answer after = answer_of(pair.after, &input);
    assert_true(closeness(&before, &after) >= 100);
    assert_int_equal(largest(before.numbers, 2), largest(after.numbers, 2));
    assert_int_equal(test_graph_count(pair.model, "BatchNormalization"), 0);
    memory_free(before.numbers);
    memory_free(after.numbers);
    pair_close(&pair);
}

/* --- speech --- */

/* What sounds like vowels, with pauses and a little noise. */
static float voice(int64_t sample) {
    const double t = (double)sample / RATE;
    const double pitch = 120 + 30 * sin(t * 2);
    const double loudness = fmax(0, sin(t * 4.5)) * (fmod(t, 3.7) < 2.6 ? 1 : 0);
    double sum = 0;
    for (int k = 1; k < 12; k++) {
        const double formant =
            1 / (1 + fabs(k * pitch - 700) / 150) + 0.5 / (1 + fabs(k * pitch - 1200) / 200);
        sum += formant * sin(6.283185307 * k * pitch * t);
    }
    return (float)(0.2 * loudness * sum) + 0.01F * test_number((size_t)sample);
}

/* What one model has kept of what it heard. */
struct listener {
    struct inference_model *model;
    float kept[STATE_NUMBERS];
};

static float hear(struct listener *listener, float *samples) {
    int64_t rate = RATE;
    const struct tensor inputs[] = {
        {.type = TENSOR_FLOAT32,
         .rank = 2,
         .shape = {1, CONTEXT + WINDOW},
         .bytes = samples,
         .byte_count = (CONTEXT + WINDOW) * sizeof(float)},
        {.type = TENSOR_FLOAT32,
         .rank = 3,
         .shape = {2, 1, 128},
         .bytes = listener->kept,
         .byte_count = sizeof(listener->kept)},
        {.type = TENSOR_INT64, .bytes = &rate, .byte_count = sizeof(rate)},
    };
    struct test_answer answer = answer_of(listener->model, inputs);
    const float speech = (float)answer.numbers[0];
    assert_int_equal(answer.count, 1 + STATE_NUMBERS);
    for (int i = 0; i < STATE_NUMBERS; i++) {
        listener->kept[i] = (float)answer.numbers[1 + i];
    }
    memory_free(answer.numbers);
    return speech;
}

static void bind_and_simplify(struct pair *pair, const char *const *dims, uint32_t ifs_left) {
    struct error err = {0};
    pair_open(pair, SPEECH);
    assert_int_equal(bind_input(pair->model, SLICE("sr"), SLICE("16000"), &err), STATUS_OK);
    for (; *dims != NULL; dims += 2) {
        assert_int_equal(bind_dim(pair->model, slice_of(dims[0]), atoi(dims[1]), &err), STATUS_OK);
    }
    pair_simplify(pair);
    assert_int_equal(test_graph_count(pair->model, "If"), ifs_left);
    assert_int_equal(inference_input_count(pair->after), 2);
}

/* Each window with the end of the last before it, and the state as it was given back: not a bit is
 * another over a minute. */
static void test_simplify__speech_with_its_rate_bound(void **state) {
    (void)state;
    static const char *const NOTHING[] = {NULL};
    static const char *const SIZES[] = {"batch", "1", "sequence", "576", NULL};
    static float samples[CONTEXT + WINDOW];
    static struct listener listeners[3];
    struct pair bound;
    struct pair sized;
    float most = 0;
    bind_and_simplify(&bound, NOTHING, 7);
    bind_and_simplify(&sized, SIZES, 0);
    listeners[0].model = bound.before;
    listeners[1].model = bound.after;
    listeners[2].model = sized.after;
    for (int64_t first = 0; first + WINDOW <= SECONDS * RATE; first += WINDOW) {
        (void)memmove(samples, samples + WINDOW, CONTEXT * sizeof(float));
        for (int64_t i = 0; i < WINDOW; i++) {
            samples[CONTEXT + i] = voice(first + i);
        }
        const float heard = hear(&listeners[0], samples);
        for (int i = 1; i < 3; i++) {
            assert_true(hear(&listeners[i], samples) == heard);
            assert_memory_equal(listeners[i].kept, listeners[0].kept, sizeof(listeners[0].kept));
        }
        most = heard > most ? heard : most;
    }
    assert_true(most > 0.5F); /* it was taken for speech */
    pair_close(&bound);
    pair_close(&sized);
}

/* --- faces --- */

/* A photograph, as many pixels as are wanted of it, in the model's order and range. */
static void read_photograph(float *pixels, uint32_t side) {
    struct buffer bytes;
    struct image image = {0};
    struct image_facts facts;
    struct error err = {0};
    buffer_init(&bytes, 8 << 20);
    if (file_read(PICTURE, &bytes, &err) != STATUS_OK || image_check(&err) != STATUS_OK) {
        print_message("# %s\n", err.text);
        buffer_done(&bytes);
        skip();
    }
    assert_int_equal(image_look(buffer_slice(&bytes), &facts, &err), STATUS_OK);
    assert_int_equal(
        image_decode(buffer_slice(&bytes), &facts, 1, (struct image_colour){0, 0, 0}, &image, &err),
        STATUS_OK);
    for (uint32_t i = 0; i < side * side * 3; i++) {
        const uint32_t y = i / 3 / side * image.height / side;
        const uint32_t x = i / 3 % side * image.width / side;
        pixels[i] = (float)image.pixels[(y * image.width + x) * 3 + i % 3] / 127.5F - 1;
    }
    image_done(&image);
    buffer_done(&bytes);
}

/* In whole blocks it finds the same face in the same place. */
static void expect_blocked(struct graph_model *model, const struct test_answer *before,
                           const struct tensor *input) {
    uint32_t changes = 0;
    struct error err = {0};
    assert_int_equal(blocked_graph(model, 16, &changes, &err), STATUS_OK);
    assert_true(changes > 20);
    struct inference_model *opened = test_graph_open(model, INFERENCE_LEVEL_ALL);
    struct test_answer after = answer_of(opened, input);
    assert_true(closeness(before, &after) >= 100);
    assert_int_equal(largest(before->numbers, before->first_count),
                     largest(after.numbers, after.first_count));
    memory_free(after.numbers);
    inference_close(opened);
}

static void test_simplify__a_detector_of_faces(void **state) {
    (void)state;
    static const char *const PATHS[] = {FACES "face_detection_front_128x128_barracuda.onnx",
                                        FACES "face_detection_back_256x256_barracuda.onnx"};
    static float pixels[256 * 256 * 3];
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t side = 128U << i;
        struct pair pair;
        pair_open(&pair, PATHS[i]);
        pair_simplify(&pair);
        read_photograph(pixels, side);
        const struct tensor input = {.type = TENSOR_FLOAT32,
                                     .rank = 4,
                                     .shape = {1, side, side, 3},
                                     .bytes = pixels,
                                     .byte_count = sizeof(float) * side * side * 3};
        struct test_answer before = answer_of(pair.before, &input);
        struct test_answer after = answer_of(pair.after, &input);
        assert_true(test_graph_drift(&before, &after) == 0);
        assert_true(highest(before.numbers, before.first_count) > 0); /* there is a face */
        expect_blocked(pair.model, &before, &input);
        memory_free(before.numbers);
        memory_free(after.numbers);
        pair_close(&pair);
    }
}

/* --- a heap that is used up --- */

/* Something for each pass. */
static struct graph_model *small_model(void) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x2x3x3");
    struct graph_value *value = OP(model, "Mul", x, FLOATS(model, "", 2));
    value = OP(model, "Conv", value, OP(model, "Neg", test_graph_weights(model, "4x2x3x3", 1)));
    value = OP(model, "Add", value, test_graph_weights(model, "4x1x1", 2));
    struct graph_value *gate = OP(model, "Clip", OP(model, "Add", value, FLOATS(model, "", 3)),
                                  FLOATS(model, "", 0), FLOATS(model, "", 6));
    value = OP(model, "Div", OP(model, "Mul", value, gate), FLOATS(model, "", 6));
    struct graph_value *shape = OP(model, "Shape", OP(model, "Identity", value));
    struct graph_value *one =
        OP(model, "Gather", shape,
           graph_add_integers(&model->main, SLICE("i"), &(int64_t){0}, 1, true));
    struct graph_value *cast = OP(model, "Cast", one);
    assert_int_equal(graph_set_integer(cast->producer, "to", ELEMENT_BOOLEAN), STATUS_OK);
    struct graph_value *either = OP(model, "If", cast);
    (void)test_graph_within(test_graph_body(either->producer, "then_branch"), "Neg", value, NULL,
                            true);
    (void)test_graph_within(test_graph_body(either->producer, "else_branch"), "Abs", value, NULL,
                            true);
    test_graph_output(model, either);
    return model;
}

static void test_simplify__survives_a_heap_that_is_used_up(void **state) {
    (void)state;
    struct error err = {0};
    struct simplify_counts counts = {.rounds = 0};
    if (!test_model_can_run()) {
        skip();
    }
    status code = STATUS_NO_MEMORY;
    for (long index = 0; code != STATUS_OK || counts.branches == 0; index++) {
        struct graph_model *model = small_model();
        counts = (struct simplify_counts){.rounds = 0};
        (void)memory_fail_at(index, 1);
        code = simplify_graph(model, &counts, &err);
        (void)memory_fail_at(-1, 0);
        assert_true(code == STATUS_OK || err.text[0] != '\0');
        onnx_file_close(model);
        assert_true(index < 1000);
    }
    assert_int_equal(counts.activations, 1);
    assert_int_equal(counts.folded, 2);
    assert_int_equal(counts.branches, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simplify__a_recogniser_of_text),
        cmocka_unit_test(test_simplify__a_detector_of_text),
        cmocka_unit_test(test_simplify__a_classifier_of_text),
        cmocka_unit_test(test_simplify__speech_with_its_rate_bound),
        cmocka_unit_test(test_simplify__a_detector_of_faces),
        cmocka_unit_test(test_simplify__survives_a_heap_that_is_used_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
