// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_picture.h"

#include "agents/test_folder.h"

#include <math.h>

/* Where the readers put what they read. */
struct places {
    const struct manifest_picture *picture;
    const struct detector_after *detector;
};

static const struct key PICTURE = {.name = "image", .offset = offsetof(struct places, picture)};
static const struct key DETECTOR = {.name = "detector",
                                    .offset = offsetof(struct places, detector)};

static struct test_folder folder;
static struct arena arena;
static char said[8192];

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    test_folder_write(&folder, "coco.txt", "person\ncat\ndog\n");
    test_folder_write(&folder, "anchors.txt", "# two\n0.5 0.5 0.2 0.4\n\n0.1, 0.2, 0.3, 0.4\n");
    test_folder_write(&folder, "wrong.txt", "0.5 0.5 0.2 0.4\n0.5 0.5 0.2\n");
    arena_init(&arena, 1 << 24);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    test_folder_remove(&folder);
    return 0;
}

/* Reads the node; what is wrong with it stands in `said`, "line:column: text" a line. */
static struct places read_node(const struct key *key, const char *text) {
    static struct faults faults;
    struct agent_manifest manifest = {.folder = slice_of(folder.path)};
    struct places places = {0};
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place;
    arena_reset(&arena);
    faults_init(&faults, &arena);
    assert_int_equal(yaml_read(&arena, slice_of(text), &documents, &count, &place, NULL),
                     STATUS_OK);
    struct reading reading = {.arena = &arena, .faults = &faults, .owner = &manifest};
    (key == &PICTURE ? manifest_read_picture : manifest_read_detector)(&reading, key,
                                                                       &documents[0].root, &places);
    said[0] = 0;
    for (uint32_t i = 0; i < faults.count; i++) {
        const size_t used = strlen(said);
        (void)snprintf(said + used, sizeof(said) - used, "%d:%d: %.*s\n", faults.held[i].place.line,
                       faults.held[i].place.column, SLICE_ARGS(faults.held[i].text));
    }
    return places;
}

static const struct manifest_picture *read_picture(const char *text) {
    const struct places places = read_node(&PICTURE, text);
    assert_string_equal(said, "");
    assert_non_null(places.picture);
    return places.picture;
}

static const struct detector_after *read_detector(const char *text) {
    const struct places places = read_node(&DETECTOR, text);
    assert_string_equal(said, "");
    assert_non_null(places.detector);
    return places.detector;
}

static void check_wrong(const struct key *key, const char *text, const char *sentences) {
    (void)read_node(key, text);
    assert_string_equal(said, sentences);
}

static void test_manifest_picture__is_read_whole(void **state) {
    (void)state;
    const struct manifest_picture *picture =
        read_picture("{ from: photo, to: pixels, resize: crop, size: 320x240, layout: nhwc, "
                     "colour: bgr, scale: 1/255, offset: -1, mean: [0.1, 0.2, 0.3], std: 0.5, "
                     "fill: \"#0aFF72\" }");
    const struct picture_before *before = &picture->before;
    assert_true(slice_is(picture->from, "photo") && slice_is(picture->to, "pixels"));
    assert_int_equal(before->resize, PICTURE_CROP);
    assert_int_equal(before->width, 320);
    assert_int_equal(before->height, 240);
    assert_true(picture->has_layout && before->layout == PICTURE_NHWC);
    assert_int_equal(before->colours, PICTURE_BGR);
    assert_true(picture->scaled && before->scale == 1.0 / 255 && before->offset == -1);
    assert_true(before->mean[2] == 0.3 && before->deviation[0] == 0.5);
    assert_true(before->deviation[2] == 0.5);
    assert_true(before->fill.red == 10 && before->fill.green == 255 && before->fill.blue == 0x72);
}

static void test_manifest_picture__has_defaults(void **state) {
    (void)state;
    const struct manifest_picture *picture = read_picture("{}");
    assert_memory_equal(&picture->before, &PICTURE_BEFORE_DEFAULT, sizeof(picture->before));
    assert_false(picture->scaled || picture->has_layout);
}

static void test_manifest_picture__says_what_is_wrong(void **state) {
    (void)state;
    check_wrong(&PICTURE, "{ resize: leterbox }",
                "1:11: `resize: leterbox`: did you mean `letterbox`?\n");
    check_wrong(
        &PICTURE, "{ size: 320 }",
        "1:9: `size: 320`: width x height in pixels, such as 320x320, at most 32767 each\n");
    check_wrong(&PICTURE, "{ size: 99999999999x1 }",
                "1:9: `size: 99999999999x1`: width x height in pixels, such as 320x320, at most "
                "32767 each\n");
    check_wrong(&PICTURE, "{ fill: \"#12345\", std: [1, 0, 1] }",
                "1:10: `fill: #12345`: a colour is # and six digits, in quotes, such as "
                "\"#727272\"\n"
                "1:24: `std` is above 0: numbers are divided by it\n");
    check_wrong(&PICTURE, "{ mean: [1, 2] }", "1:9: `mean` is a number, or a list of 3\n");
    check_wrong(&PICTURE, "{ scale: 1/0, color: rgb }",
                "1:10: `scale` is a number from -1e+09 to 1e+09, not 1/0\n"
                "1:15: `color` is no key of `image`: did you mean `colour`?\n");
}

static void test_manifest_picture__a_detector_is_read_whole(void **state) {
    (void)state;
    const struct detector_after *after =
        read_detector("{ decode: ssd, labels: coco.txt, keep: [dog], score: 0.6, nms: 0.4, max: 7, "
                      "outputs: { boxes: b, scores: [s, t] }, form: yxyx, units: pixels, "
                      "activation: softmax, background: false, anchors: anchors.txt, "
                      "variances: [0.3, 0.4] }");
    assert_int_equal(after->decode, DETECTOR_SSD);
    assert_int_equal(after->labels.count, 3);
    assert_true(after->kept[2] && !after->kept[0] && !after->kept[1]);
    assert_true(after->score_least == 0.6 && after->overlap_most == 0.4 && after->most == 7);
    assert_int_equal(after->parts[DETECTOR_PART_BOXES].count, 1);
    assert_int_equal(after->parts[DETECTOR_PART_SCORES].count, 2);
    assert_true(slice_is(after->parts[DETECTOR_PART_SCORES].names[1], "t"));
    assert_true(after->form == DETECTOR_YXYX && after->units == DETECTOR_PIXELS);
    assert_true(after->scores == DETECTOR_SOFTMAX && !after->background);
    assert_int_equal(after->anchor_count, 2);
    assert_true(fabsf(after->anchors[5] - 0.2f) < 1e-6f && after->variances[1] == 0.4);
}

static void test_manifest_picture__a_detector_has_the_defaults_of_its_family(void **state) {
    (void)state;
    const struct detector_after *after =
        read_detector("{ nms: 0.45, decode: blazeface, grids: [{ cells: 32, anchors: 1 }] }");
    assert_true(after->score_least == 0.5 && after->scores == DETECTOR_SIGMOID);
    assert_true(after->grid_count == 1 && after->grids[0].cells == 32);
    assert_int_equal(after->labels.count, 1);
    assert_true(slice_is(after->labels.names[0], "face"));
    after = read_detector("{ decode: yolo8, labels: [a, b] }");
    assert_true(after->score_least == 0.25 && after->form == DETECTOR_CENTRE_SIZE);
    assert_true(after->labels.count == 2 && after->kept == NULL && after->most == 100);
}

static void test_manifest_picture__says_what_is_wrong_with_a_detector(void **state) {
    (void)state;
    check_wrong(&DETECTOR, "{ labels: coco.txt }", "1:1: `detector` needs the key `decode`\n");
    check_wrong(&DETECTOR, "{ decode: yolo }", "1:11: `decode: yolo`: did you mean `yolo8`?\n");
    check_wrong(&DETECTOR, "{ decode: yolo8, keep: [cat] }",
                "1:24: `keep` names labels, and there are no `labels`\n");
    check_wrong(&DETECTOR, "{ decode: yolo8, labels: coco.txt, keep: [cat, cow] }",
                "1:48: `keep: cow` is none of the 3 labels\n");
    check_wrong(&DETECTOR, "{ decode: yolo8, anchors: anchors.txt, nms: 2 }",
                "1:27: `anchors` belongs to `decode: ssd`, not to yolo8\n"
                "1:45: `nms` is a number from 0 to 1, not 2\n");
    check_wrong(&DETECTOR, "{ decode: ssd, anchors: wrong.txt }",
                "1:25: `anchors: wrong.txt`: line 2: an anchor is four numbers: x and y of its "
                "centre, width, height\n");
    check_wrong(&DETECTOR, "{ decode: blazeface, grids: [{ cells: 0, anchors: 2 }] }",
                "1:39: `cells: 0`: a whole number from 1 to 1024\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_picture__is_read_whole),
        cmocka_unit_test(test_manifest_picture__has_defaults),
        cmocka_unit_test(test_manifest_picture__says_what_is_wrong),
        cmocka_unit_test(test_manifest_picture__a_detector_is_read_whole),
        cmocka_unit_test(test_manifest_picture__a_detector_has_the_defaults_of_its_family),
        cmocka_unit_test(test_manifest_picture__says_what_is_wrong_with_a_detector),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
