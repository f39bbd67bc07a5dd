// SPDX-License-Identifier: Apache-2.0
#include "agents/image_agent.h"

#include "agents/picture_paint.h"
#include "agents/test_manifest.h"
#include "base/blob.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/image.h"
#include "platform/json.h"
#include "platform/test_pictures.h"

enum { ARENA_BYTES = 1 << 20, WIDTH = 203, HEIGHT = 121 };

#define MANIFEST(more) "ebb: 1\nagent: a\nversion: 1.0.0\nkind: image\n" more "\n"

/* One call of an agent, and what it answered. */
struct asked {
    struct agent_manifest *manifest;
    struct agent *agent;
    struct arena arena;
    struct agent_call call;
};

static void ask_of(const char *manifest, struct value image, const char *boxes,
                   struct asked *asked) {
    *asked = (struct asked){.manifest = test_manifest(manifest)};
    arena_init(&asked->arena, ARENA_BYTES);
    asked->call = (struct agent_call){.arena = &asked->arena,
                                      .deadline_ns = clock_boot_ns() + INT64_C(60000000000)};
    struct value parsed;
    assert_int_equal(json_read(&asked->arena, slice_of(boxes), &parsed, NULL), STATUS_OK);
    struct member *members = value_new_object(&asked->arena, parsed.count + 1, &asked->call.with);
    assert_non_null(members);
    (void)memcpy(members, parsed.members, parsed.count * sizeof(*members));
    members[parsed.count] = (struct member){SLICE("image"), image};
    assert_int_equal(IMAGE_AGENT.open(NULL, asked->manifest, &asked->agent, NULL), STATUS_OK);
    IMAGE_AGENT.run(asked->agent, &asked->call);
}

static void asked_done(struct asked *asked) {
    IMAGE_AGENT.close(asked->agent);
    arena_done(&asked->arena);
    agent_manifest_release(asked->manifest);
}

static struct blob *open_blob(void **state, const char *name) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct blob *blob = NULL;
    assert_int_equal(blob_copy(SLICE("image/x"), test_picture(state, name, &bytes), &blob, NULL),
                     STATUS_OK);
    return blob;
}

static void ask(void **state, const char *manifest, const char *name, const char *boxes,
                struct asked *asked) {
    struct blob *blob = open_blob(state, name);
    ask_of(manifest, (struct value){.kind = VALUE_BLOB, .blob = blob}, boxes, asked);
    blob_release(blob);
}

/* The picture that a value is. */
static void decode(const struct value *value, struct image *out_image) {
    struct slice bytes;
    struct image_facts facts;
    assert_non_null(value);
    assert_int_equal(value->kind, VALUE_BLOB);
    assert_true(slice_is(blob_type(value->blob), "image/jpeg"));
    assert_int_equal(blob_open(value->blob, &bytes, NULL), STATUS_OK);
    assert_int_equal(image_look(bytes, &facts, NULL), STATUS_OK);
    assert_int_equal(image_decode(bytes, &facts, 1, (struct image_colour){0}, out_image, NULL),
                     STATUS_OK);
}

static const uint8_t *pixel(const struct image *image, uint32_t x, uint32_t y) {
    return image->pixels + ((size_t)y * image->width + x) * IMAGE_CHANNELS;
}

static int far_apart(const uint8_t *a, const uint8_t *b) {
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) + abs(a[2] - b[2]);
}

static void test_image_agent__draws_boxes_on_the_upright_picture(void **state) {
    CLEANUP(asked_done) struct asked asked;
    ask(state, MANIFEST("do: draw\nquality: 100"), "turned-6.jpg",
        "{\"objects\":[{\"label\":\"face\",\"score\":0.973,\"box\":[0.25,0.5,0.25,0.25],"
        "\"points\":[[0.8,0.1]]},{\"box\":[0,0,0.1,0.1]}]}",
        &asked);
    assert_string_equal(asked.call.error.text, "");
    CLEANUP(image_done) struct image drawn = {0};
    CLEANUP(image_done) struct image scene = {0};
    decode(value_get(asked.call.out, SLICE("image")), &drawn);
    test_picture_scene(state, &scene);
    assert_int_equal(drawn.width, WIDTH);
    assert_int_equal(drawn.height, HEIGHT);
    const struct image_colour colour = paint_colour_of(SLICE("face"));
    const uint8_t frame[] = {colour.red, colour.green, colour.blue};
    assert_true(far_apart(pixel(&drawn, WIDTH / 4 + 20, HEIGHT / 2), frame) < 150);
    assert_true(far_apart(pixel(&drawn, (uint32_t)(WIDTH * 0.8), (uint32_t)(HEIGHT * 0.1)), frame) <
                150);
    assert_true(far_apart(pixel(&drawn, 180, 70), pixel(&scene, 180, 70)) < 40);
}

static void test_image_agent__blurs_what_lies_in_the_boxes(void **state) {
    CLEANUP(asked_done) struct asked asked;
    ask(state, MANIFEST("do: blur\nquality: 95"), "rgb8-plain.png",
        "{\"boxes\":[[0.4,0.4,0.3,0.3]]}", &asked);
    CLEANUP(image_done) struct image blurred = {0};
    CLEANUP(image_done) struct image scene = {0};
    decode(value_get(asked.call.out, SLICE("image")), &blurred);
    test_picture_scene(state, &scene);
    /* The edge of the rectangle at x = 101 is soft within the box and sharp outside. */
    const int sharp = far_apart(pixel(&scene, 99, 70), pixel(&scene, 103, 70));
    assert_true(far_apart(pixel(&blurred, 99, 70), pixel(&blurred, 103, 70)) < sharp / 2);
    assert_true(far_apart(pixel(&blurred, 99, 96), pixel(&blurred, 103, 96)) > sharp * 3 / 4);
}

static void test_image_agent__crops_one_box_or_each(void **state) {
    CLEANUP(asked_done) struct asked asked;
    ask(state, MANIFEST("do: crop\nmargin: 0.5"), "baseline.jpg",
        "{\"box\":{\"box\":[0.75,0.5,0.125,0.25]}}", &asked);
    CLEANUP(image_done) struct image one = {0};
    decode(value_get(asked.call.out, SLICE("image")), &one);
    assert_int_equal(one.width, 52); /* a quarter of 203, from within a pixel to within another */
    assert_int_equal(one.height, 61);
    CLEANUP(asked_done) struct asked all;
    ask(state, MANIFEST("do: crop"), "baseline.jpg",
        "{\"objects\":[{\"box\":[0,0,0.5,0.5]},{\"box\":[0.5,0.5,9,9]}]}", &all);
    const struct value *images = value_get(all.call.out, SLICE("images"));
    assert_non_null(images);
    assert_int_equal(images->count, 2);
    CLEANUP(image_done) struct image last = {0};
    CLEANUP(image_done) struct image scene = {0};
    decode(&images->items[1], &last);
    test_picture_scene(state, &scene);
    assert_int_equal(last.width, WIDTH - WIDTH / 2);
    assert_true(far_apart(pixel(&last, 10, 10), pixel(&scene, WIDTH / 2 + 10, HEIGHT / 2 + 10)) <
                60);
}

static void check_invalid(void **state, const char *manifest, const char *boxes,
                          const char *sentence) {
    CLEANUP(asked_done) struct asked asked;
    ask(state, manifest, "baseline.jpg", boxes, &asked);
    assert_int_equal(asked.call.error.code, STATUS_INVALID);
    assert_string_equal(asked.call.error.text, sentence);
}

static void test_image_agent__says_what_is_wrong_with_its_inputs(void **state) {
    check_invalid(state, MANIFEST("do: draw"), "{}",
                  "there is no `objects`: a list of boxes, or of objects that have one");
    check_invalid(state, MANIFEST("do: crop"), "{}",
                  "there is no `box` and no `objects`: a list of boxes, or of objects that have "
                  "one");
    check_invalid(state, MANIFEST("do: draw"), "{\"boxes\":7}",
                  "`boxes` is a list of at most 1000 boxes, not number");
    check_invalid(state, MANIFEST("do: draw"), "{\"boxes\":[[0,0,1,1],[0,0,1]]}",
                  "box 2 is no [x, y, width, height] in fractions of the picture");
    check_invalid(state, MANIFEST("do: crop"), "{\"box\":[2,2,1,1]}",
                  "box 1 lies outside of the picture");
    CLEANUP(asked_done) struct asked asked;
    ask_of(MANIFEST("do: draw"), value_of_text(SLICE("a.jpg")), "{\"boxes\":[]}", &asked);
    assert_int_equal(asked.call.error.code, STATUS_INVALID);
    assert_string_equal(asked.call.error.text, "`image` is string: a picture is wanted");
}

static void test_image_agent__refuses_a_picture_that_is_cut_off(void **state) {
    struct blob *whole = open_blob(state, "baseline.jpg");
    struct blob *half = NULL;
    struct slice bytes;
    assert_int_equal(blob_open(whole, &bytes, NULL), STATUS_OK);
    assert_int_equal(
        blob_copy(SLICE("image/jpeg"), slice_part(bytes, 0, bytes.count / 2), &half, NULL),
        STATUS_OK);
    CLEANUP(asked_done) struct asked asked;
    ask_of(MANIFEST("do: draw"), (struct value){.kind = VALUE_BLOB, .blob = half}, "{\"boxes\":[]}",
           &asked);
    assert_int_equal(asked.call.error.code, STATUS_INVALID);
    assert_non_null(strstr(asked.call.error.text, "a damaged JPEG: "));
    blob_release(half);
    blob_release(whole);
}

static void test_image_agent__without_memory_fails_and_leaks_nothing(void **state) {
    static const char *const deeds[] = {MANIFEST("do: draw"), MANIFEST("do: crop"),
                                        MANIFEST("do: blur")};
    struct blob *blob = open_blob(state, "baseline.jpg");
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        CLEANUP(asked_done) struct asked asked;
        ask_of(deeds[i], (struct value){.kind = VALUE_BLOB, .blob = blob},
               "{\"boxes\":[[0,0,0.5,0.5]]}", &asked);
        assert_int_equal(asked.call.error.code, STATUS_OK);
        long index = 0;
        do {
            asked.call.error = (struct error){0};
            (void)memory_fail_at(index++, 0);
            IMAGE_AGENT.run(asked.agent, &asked.call);
            (void)memory_fail_at(-1, 0);
        } while (asked.call.error.code == STATUS_NO_MEMORY);
        assert_int_equal(asked.call.error.code, STATUS_OK);
        assert_true(index > 3);
    }
    blob_release(blob);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_agent__draws_boxes_on_the_upright_picture),
        cmocka_unit_test(test_image_agent__blurs_what_lies_in_the_boxes),
        cmocka_unit_test(test_image_agent__crops_one_box_or_each),
        cmocka_unit_test(test_image_agent__says_what_is_wrong_with_its_inputs),
        cmocka_unit_test(test_image_agent__refuses_a_picture_that_is_cut_off),
        cmocka_unit_test(test_image_agent__without_memory_fails_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, test_pictures_make, test_pictures_remove);
}
