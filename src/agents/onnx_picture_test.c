// SPDX-License-Identifier: Apache-2.0
/* Pictures through the onnx agent, with real models and photographs where those were fetched. */
#include "agents/onnx_agent.h"

#include "agents/test_folder.h"
#include "base/blob.h"
#include "base/buffer.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/test_model.h"

#include <math.h>

enum { ARENA_BYTES = 16 << 20, PHOTOGRAPH_BYTES_MAX = 16 << 20 };

#define MODELS      "build/data/blazeface/ONNX/face_detection_"
#define PHOTOGRAPHS "build/data/photographs/"
#define HEAD                                                                                       \
    "ebb: 1\nagent: it\nversion: 1.0.0\nkind: onnx\n"                                              \
    "inputs: { image: image, min_score: { type: number, optional: true } }\n"                      \
    "outputs: { objects: { type: list } }\n"
#define FACES                                                                                      \
    "before: { image: { resize: letterbox, scale: 1/127.5, offset: -1 } }\n"                       \
    "after: { detector: { decode: blazeface, score: 0.75 } }\n"

static const char *const SMALL = MODELS "front_128x128_barracuda.onnx";
static const char *const LARGE = MODELS "back_256x256_barracuda.onnx";

static struct test_folder folder;
static struct loop *loop;
static struct arena arena;
static struct agent_manifest *manifest;
static struct agent *agent;

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    arena_init(&arena, ARENA_BYTES);
    return loop_create(&loop, NULL) == STATUS_OK ? 0 : -1;
}

static void close_it(void) {
    ONNX_AGENT.close(agent);
    agent = NULL;
    agent_manifest_release(manifest);
    manifest = NULL;
    arena_reset(&arena);
}

static int tear_down(void **state) {
    (void)state;
    close_it();
    loop_destroy(loop);
    arena_done(&arena);
    test_folder_remove(&folder);
    return 0;
}

static void need(const char *path, const char *tool) {
    if (access(path, R_OK) != 0) {
        print_message("# %s is not here: %s fetches it\n", path, tool);
        skip();
    }
}

static status try_open(const char *model, const char *text, struct error *err) {
    struct fault_list *faults = NULL;
    char here[512], whole[4096];
    if (!test_model_can_run()) {
        skip();
    }
    need(model, "tools/fetch-npm");
    close_it();
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(whole, sizeof(whole), HEAD "model: { file: %s/%s }\n%s", here, model, text);
    test_folder_write(&folder, "agent.yaml", whole);
    if (agent_manifest_read(folder.path, &manifest, &faults, err) != STATUS_OK) {
        fault_list_release(faults);
        fail_msg("%s", err->text);
    }
    return ONNX_AGENT.open(loop, manifest, &agent, err);
}

static void open_it(const char *model, const char *text) {
    struct error err = {0};
    if (try_open(model, text, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void open_fails(const char *text, const char *sentence) {
    struct error err = {0};
    assert_int_equal(try_open(SMALL, text, &err), STATUS_INVALID);
    assert_string_equal(err.text, sentence);
}

/* What the agent says of a blob; a score of the call's own where `least` is not negative. */
static struct agent_call ask_blob(struct blob *blob, double least) {
    struct agent_call call = {.arena = &arena,
                              .deadline_ns = clock_boot_ns() + (int64_t)60 * 1000000000};
    struct member *members = value_new_object(&arena, 2, &call.with);
    assert_non_null(members);
    members[0].name = SLICE("image");
    assert_true(value_of_blob(&arena, blob, &members[0].value));
    members[1] = (struct member){SLICE("min_score"), value_of_real(least)};
    call.with.count = least < 0 ? 1 : 2;
    ONNX_AGENT.run(agent, &call);
    return call;
}

static struct agent_call ask(const char *name, double least, size_t bytes_most) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct blob *blob = NULL;
    char path[256];
    (void)snprintf(path, sizeof(path), PHOTOGRAPHS "%s", name);
    need(path, "tools/fetch-photographs");
    buffer_init(&bytes, PHOTOGRAPH_BYTES_MAX);
    assert_int_equal(file_read(path, &bytes, NULL), STATUS_OK);
    assert_int_equal(
        blob_copy(SLICE("image/x"), slice_part(buffer_slice(&bytes), 0, bytes_most), &blob, NULL),
        STATUS_OK);
    const struct agent_call call = ask_blob(blob, least);
    blob_release(blob);
    return call;
}

static struct value objects_of(const char *name, double least) {
    const struct agent_call call = ask(name, least, SIZE_MAX);
    if (call.error.code != STATUS_OK) {
        fail_msg("%s: %s", name, call.error.text);
    }
    const struct value *objects = value_get(call.out, SLICE("objects"));
    assert_non_null(objects);
    return *objects;
}

/* One face, whose middle lies there. */
static void check_face(const char *name, double x, double y) {
    const struct value objects = objects_of(name, -1);
    assert_int_equal(objects.count, 1);
    const struct value object = objects.items[0];
    const struct value box = *value_get(object, SLICE("box"));
    assert_true(slice_is(value_text(*value_get(object, SLICE("label"))), "face"));
    assert_int_equal(value_get(object, SLICE("points"))->count, 6);
    const double middle_x = value_number(box.items[0]) + value_number(box.items[2]) / 2;
    const double middle_y = value_number(box.items[1]) + value_number(box.items[3]) / 2;
    if (fabs(middle_x - x) > 0.03 || fabs(middle_y - y) > 0.03) {
        fail_msg("%s: a face at %.3f, %.3f", name, middle_x, middle_y);
    }
}

static void test_onnx_picture__both_models_find_both_faces(void **state) {
    (void)state;
    static const char *const *const models[] = {&SMALL, &LARGE};
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        open_it(*models[i], FACES);
        check_face("grace_hopper.jpg", 0.524, 0.405);
        check_face("astronaut.png", 0.440, 0.249);
    }
}

static void test_onnx_picture__no_face_is_found_where_there_is_none(void **state) {
    (void)state;
    open_it(SMALL, FACES);
    assert_int_equal(objects_of("coffee.png", -1).count, 0);
    assert_int_equal(objects_of("chelsea.png", -1).count, 0);
}

static void test_onnx_picture__a_call_may_want_another_score(void **state) {
    (void)state;
    open_it(SMALL, FACES);
    assert_int_equal(objects_of("grace_hopper.jpg", 0.99).count, 0);
    assert_true(objects_of("chelsea.png", 0.05).count > 0);
}

static void test_onnx_picture__one_that_is_cut_off_fails_the_call_alone(void **state) {
    (void)state;
    open_it(SMALL, FACES);
    for (size_t bytes = 0; bytes < 61000; bytes += 5000) {
        const struct agent_call call = ask("grace_hopper.jpg", -1, bytes);
        assert_int_equal(call.error.code, STATUS_INVALID);
        assert_non_null(strstr(call.error.text, "input 'image': "));
    }
    check_face("grace_hopper.jpg", 0.524, 0.405);
}

static void test_onnx_picture__what_does_not_go_together_is_said_when_it_is_opened(void **state) {
    (void)state;
    open_fails("before: { image: { size: 320x320 } }\nafter: { detector: { decode: blazeface } }\n",
               "`size: 320x320`: the model takes pictures of 128x128");
    open_fails("before: { image: { layout: nchw } }\nafter: { detector: { decode: blazeface } }\n",
               "the model takes tensor/float32; shape=1x128x128x3, and a picture in the layout "
               "nchw with 3 channels is 1 x channels x height x width");
    open_fails("before: { image: { from: photo } }\nafter: { detector: { decode: blazeface } }\n",
               "`from: photo`: `inputs` has no such field");
    open_fails("before: { image: { to: pixels } }\nafter: { detector: { decode: blazeface } }\n",
               "the model has no input 'pixels': there is input:0");
    struct error err = {0};
    assert_int_equal(try_open(SMALL,
                              "before: { image: {} }\nafter: { detector: { decode: "
                              "blazeface, outputs: { boxes: b } } }\n",
                              &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "the model has no output 'b': there is "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_picture__both_models_find_both_faces),
        cmocka_unit_test(test_onnx_picture__no_face_is_found_where_there_is_none),
        cmocka_unit_test(test_onnx_picture__a_call_may_want_another_score),
        cmocka_unit_test(test_onnx_picture__one_that_is_cut_off_fails_the_call_alone),
        cmocka_unit_test(test_onnx_picture__what_does_not_go_together_is_said_when_it_is_opened),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
