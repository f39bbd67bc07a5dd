// SPDX-License-Identifier: Apache-2.0
#include "agents/picture_tensor.h"

#include "agents/resample.h"
#include "base/float16.h"
#include "base/memory.h"
#include "platform/test_pictures.h"

#include <math.h>

enum { SIDE = 64, NUMBERS = SIDE * SIDE * IMAGE_CHANNELS, PIXELS = SIDE * SIDE };

/* A square tensor on the heap, so that who writes beyond it is found out. */
static struct tensor make_tensor(enum tensor_type type, enum picture_layout layout,
                                 int64_t channels) {
    struct tensor tensor = {.type = type, .rank = 4, .shape = {1, channels, SIDE, SIDE}};
    if (layout == PICTURE_NHWC) {
        tensor.shape[1] = SIDE;
        tensor.shape[3] = channels;
    }
    tensor.byte_count = (size_t)(PIXELS * channels) * tensor_type_bytes(type);
    tensor.bytes = memory_new(tensor.byte_count, 1);
    assert_non_null(tensor.bytes);
    return tensor;
}

static void tensor_done(struct tensor *tensor) {
    memory_free(tensor->bytes);
}

static struct picture_fit fill(void **state, const char *name, const struct picture_before *before,
                               struct tensor *tensor) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct picture_fit fit;
    struct error err = {0};
    if (picture_tensor_fill(before, test_picture(state, name, &bytes), tensor, &fit, &err) !=
        STATUS_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    return fit;
}

static float number(const struct tensor *tensor, int channel, int y, int x) {
    return ((const float *)tensor->bytes)[channel * PIXELS + y * SIDE + x];
}

static void test_picture_tensor__letterboxes_in_the_middle(void **state) {
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    before.scale = 1 / 127.5;
    before.offset = -1;
    before.fill = (struct image_colour){0, 255, 51};
    CLEANUP(tensor_done) struct tensor tensor = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    const struct picture_fit fit = fill(state, "rgb8-plain.png", &before, &tensor);
    assert_int_equal(fit.picture_width, 203);
    assert_int_equal(fit.area_width, 64);
    assert_int_equal(fit.area_height, 38); /* 121 * 64 / 203 */
    assert_int_equal(fit.area_y, 13);
    CLEANUP(image_done) struct image scene = {0};
    CLEANUP(image_done) struct image small = {0};
    test_picture_scene(state, &scene);
    const struct resample_part whole = {0, 0, scene.width, scene.height};
    assert_int_equal(resample_image(&scene, &whole, 64, 38, &small, NULL), STATUS_OK);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const bool inside = y >= 13 && y < 13 + 38;
            const uint8_t margin[] = {0, 255, 51};
            const uint8_t *seen =
                inside ? small.pixels + ((y - 13) * 64 + x) * IMAGE_CHANNELS : margin;
            for (int c = 0; c < IMAGE_CHANNELS; c++) {
                const double wanted = seen[c] / 127.5 - 1;
                assert_true(fabs(number(&tensor, c, y, x) - wanted) < 0.6 / 127.5);
            }
        }
    }
}

static void check_place(const struct picture_fit *fit, double x, double y, double wanted_x,
                        double wanted_y) {
    assert_true(fabs(picture_fit_x(fit, x) - wanted_x) < 1e-9);
    assert_true(fabs(picture_fit_y(fit, y) - wanted_y) < 1e-9);
}

static void test_picture_tensor__knows_where_a_place_lies_in_the_picture(void **state) {
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    CLEANUP(tensor_done) struct tensor tensor = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    struct picture_fit fit = fill(state, "rgb8-plain.png", &before, &tensor);
    check_place(&fit, 0, 13, 0, 0);
    check_place(&fit, 64, 51, 1, 1);
    check_place(&fit, 32, 32, 0.5, 0.5);
    before.resize = PICTURE_STRETCH;
    fit = fill(state, "rgb8-plain.png", &before, &tensor);
    check_place(&fit, 16, 48, 0.25, 0.75);
    before.resize = PICTURE_CROP;
    fit = fill(state, "rgb8-plain.png", &before, &tensor);
    const double shown = 121.0 / 203; /* of the width; all of the height */
    check_place(&fit, 0, 0, 0.5 - shown / 2, 0);
    check_place(&fit, 64, 64, 0.5 + shown / 2, 1);
}

static double mean_difference(const struct tensor *a, const struct tensor *b) {
    double sum = 0;
    for (int i = 0; i < NUMBERS; i++) {
        sum += fabs((double)((const float *)a->bytes)[i] - (double)((const float *)b->bytes)[i]);
    }
    return sum / NUMBERS;
}

static void test_picture_tensor__is_the_same_however_the_camera_was_held(void **state) {
    static const enum picture_resize ways[] = {PICTURE_LETTERBOX, PICTURE_STRETCH, PICTURE_CROP};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct picture_before before = PICTURE_BEFORE_DEFAULT;
        before.resize = ways[i];
        CLEANUP(tensor_done) struct tensor upright = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
        CLEANUP(tensor_done) struct tensor turned = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
        const struct picture_fit fit = fill(state, "rgb8-plain.png", &before, &upright);
        for (int orientation = 1; orientation <= 8; orientation++) {
            char name[32];
            (void)snprintf(name, sizeof(name), "turned-%d.jpg", orientation);
            const struct picture_fit same = fill(state, name, &before, &turned);
            assert_memory_equal(&fit, &same, sizeof(fit));
            if (mean_difference(&upright, &turned) > 2.5) {
                fail_msg("%s, resize %zu: differs by %.2f", name, i,
                         mean_difference(&upright, &turned));
            }
        }
    }
}

static void test_picture_tensor__orders_channels_as_it_is_told(void **state) {
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    before.resize = PICTURE_STRETCH;
    CLEANUP(tensor_done) struct tensor rgb = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    CLEANUP(tensor_done) struct tensor bgr = make_tensor(TENSOR_FLOAT32, PICTURE_NHWC, 3);
    CLEANUP(tensor_done) struct tensor grey = make_tensor(TENSOR_FLOAT32, PICTURE_NHWC, 1);
    (void)fill(state, "rgb8-plain.png", &before, &rgb);
    before.layout = PICTURE_NHWC;
    before.colours = PICTURE_BGR;
    (void)fill(state, "rgb8-plain.png", &before, &bgr);
    before.colours = PICTURE_GREY;
    (void)fill(state, "rgb8-plain.png", &before, &grey);
    for (int i = 0; i < PIXELS; i++) {
        const float *mixed = (const float *)bgr.bytes + i * IMAGE_CHANNELS;
        const float red = number(&rgb, 0, 0, i);
        const float green = number(&rgb, 1, 0, i);
        const float blue = number(&rgb, 2, 0, i);
        assert_true(mixed[0] == blue && mixed[1] == green && mixed[2] == red);
        assert_true(fabsf(((const float *)grey.bytes)[i] -
                          (0.299f * red + 0.587f * green + 0.114f * blue)) < 0.01f);
    }
}

static void test_picture_tensor__takes_off_means_and_divides(void **state) {
    /* The guide's metadata: means and deviations of pictures from 0 to 1. */
    const struct picture_before before = {.resize = PICTURE_STRETCH,
                                          .scale = 1.0 / 255,
                                          .mean = {0.485, 0.456, 0.406},
                                          .deviation = {0.229, 0.224, 0.225}};
    struct picture_before plain = PICTURE_BEFORE_DEFAULT;
    plain.resize = PICTURE_STRETCH;
    CLEANUP(tensor_done) struct tensor ours = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    CLEANUP(tensor_done) struct tensor bytes = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    (void)fill(state, "rgb8-plain.png", &before, &ours);
    (void)fill(state, "rgb8-plain.png", &plain, &bytes);
    for (int c = 0; c < IMAGE_CHANNELS; c++) {
        for (int i = 0; i < PIXELS; i++) {
            const double wanted =
                (number(&bytes, c, 0, i) / 255.0 - before.mean[c]) / before.deviation[c];
            assert_true(fabs(number(&ours, c, 0, i) - wanted) < 1e-5);
        }
    }
}

static void test_picture_tensor__has_other_types_too(void **state) {
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    CLEANUP(tensor_done) struct tensor floats = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    CLEANUP(tensor_done) struct tensor halves = make_tensor(TENSOR_FLOAT16, PICTURE_NCHW, 3);
    CLEANUP(tensor_done) struct tensor bytes = make_tensor(TENSOR_UINT8, PICTURE_NCHW, 3);
    CLEANUP(tensor_done) struct tensor signs = make_tensor(TENSOR_INT8, PICTURE_NCHW, 3);
    (void)fill(state, "rgb8-plain.png", &before, &floats);
    (void)fill(state, "rgb8-plain.png", &before, &halves);
    (void)fill(state, "rgb8-plain.png", &before, &bytes);
    before.scale = 2; /* beyond what an int8 holds on both sides */
    before.offset = -256;
    (void)fill(state, "rgb8-plain.png", &before, &signs);
    for (int i = 0; i < NUMBERS; i++) {
        const float wanted = ((const float *)floats.bytes)[i];
        const float doubled = 2 * wanted - 256;
        assert_true(fabsf(float16_to_float(((const uint16_t *)halves.bytes)[i]) - wanted) < 0.07f);
        assert_int_equal(((const uint8_t *)bytes.bytes)[i], lrintf(wanted));
        assert_true(fabsf((float)((const int8_t *)signs.bytes)[i] -
                          fmaxf(-128, fminf(127, doubled))) <= 0.51f);
    }
}

static void test_picture_tensor__of_a_jpeg_decoded_smaller_is_nearly_the_same(void **state) {
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    struct tensor whole = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    struct tensor shrunk = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    const int64_t shape[] = {1, 3, 24, 24}; /* a quarter of the JPEG is enough */
    (void)memcpy(whole.shape, shape, sizeof(shape));
    (void)memcpy(shrunk.shape, shape, sizeof(shape));
    whole.byte_count = shrunk.byte_count = 3UL * 24 * 24 * sizeof(float);
    (void)fill(state, "rgb8-plain.png", &before, &whole);
    (void)fill(state, "sharp.jpg", &before, &shrunk);
    double sum = 0;
    for (int i = 0; i < 3 * 24 * 24; i++) {
        sum += fabs((double)((float *)whole.bytes)[i] - (double)((float *)shrunk.bytes)[i]);
    }
    assert_true(sum / (3 * 24 * 24) < 3);
    tensor_done(&whole);
    tensor_done(&shrunk);
}

static void check_refused(void **state, struct tensor tensor, const char *sentence) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct picture_fit fit;
    struct error err = {0};
    assert_int_equal(picture_tensor_fill(&PICTURE_BEFORE_DEFAULT,
                                         test_picture(state, "baseline.jpg", &bytes), &tensor, &fit,
                                         &err),
                     STATUS_INVALID);
    assert_string_equal(err.text, sentence);
}

static void test_picture_tensor__refuses_a_tensor_of_another_shape_or_type(void **state) {
    check_refused(state, (struct tensor){.rank = 4, .shape = {1, 64, 64, 3}},
                  "the model takes tensor/float32; shape=1x64x64x3, and a picture in the layout "
                  "nchw with 3 channels is 1 x channels x height x width");
    check_refused(state, (struct tensor){.rank = 2, .shape = {64, 64}},
                  "the model takes tensor/float32; shape=64x64, and a picture in the layout nchw "
                  "with 3 channels is 1 x channels x height x width");
    check_refused(state, (struct tensor){.type = TENSOR_INT64, .rank = 4, .shape = {1, 3, 64, 64}},
                  "a picture becomes float32, float16, uint8 or int8, not int64");
}

static void test_picture_tensor__without_memory_says_so(void **state) {
    CLEANUP(buffer_done) struct buffer bytes;
    const struct slice encoded = test_picture(state, "turned-6.jpg", &bytes);
    CLEANUP(tensor_done) struct tensor tensor = make_tensor(TENSOR_FLOAT32, PICTURE_NCHW, 3);
    struct picture_fit fit;
    status code = STATUS_NO_MEMORY;
    long index = 0;
    for (; code == STATUS_NO_MEMORY; index++) {
        (void)memory_fail_at(index, 0);
        code = picture_tensor_fill(&PICTURE_BEFORE_DEFAULT, encoded, &tensor, &fit, NULL);
        (void)memory_fail_at(-1, 0);
    }
    assert_int_equal(code, STATUS_OK);
    assert_true(index > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture_tensor__letterboxes_in_the_middle),
        cmocka_unit_test(test_picture_tensor__knows_where_a_place_lies_in_the_picture),
        cmocka_unit_test(test_picture_tensor__is_the_same_however_the_camera_was_held),
        cmocka_unit_test(test_picture_tensor__orders_channels_as_it_is_told),
        cmocka_unit_test(test_picture_tensor__takes_off_means_and_divides),
        cmocka_unit_test(test_picture_tensor__has_other_types_too),
        cmocka_unit_test(test_picture_tensor__of_a_jpeg_decoded_smaller_is_nearly_the_same),
        cmocka_unit_test(test_picture_tensor__refuses_a_tensor_of_another_shape_or_type),
        cmocka_unit_test(test_picture_tensor__without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, test_pictures_make, test_pictures_remove);
}
