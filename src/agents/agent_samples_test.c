// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_samples.h"

#include "agents/manifest_onnx.h"
#include "agents/picture_tensor.h"
#include "agents/test_folder.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/image.h"
#include "platform/test_model.h"

enum { PATH_ROOM = 2 * TEST_PATH_BYTES, SIDE = 8, WAV_HEAD = 44 };

#define HEAD "ebb: 1\nagent: it\nversion: 1.0.0\nkind: onnx\nmodel: { file: model.onnx }\n"
#define SOUND                                                                                      \
    "ebb: 1\nagent: it\nversion: 1.0.0\nkind: onnx\n"                                              \
    "inputs: { audio: { type: audio, rate: 16000, channels: 1, samples: 4 } }\n"                   \
    "outputs: { y: list }\n"                                                                       \
    "model: { file: model.onnx, carry: { later: kept } }\n"                                        \
    "before: { audio: { context: 2, to: x } }\n"                                                   \
    "after: { values: { output: y, as: y } }\n"

static struct test_folder folder;
static char samples[PATH_ROOM];
static struct agent_manifest *manifest;
static struct inference_model *model;
static struct sample_source source;

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    (void)snprintf(samples, sizeof(samples), "%s/samples", folder.path);
    return mkdir(samples, 0700);
}

static int tear_down(void **state) {
    (void)state;
    sample_source_close(&source);
    inference_close(model);
    model = NULL;
    agent_manifest_release(manifest);
    manifest = NULL;
    test_folder_remove(&folder);
    return 0;
}

static void put(const char *name, const void *bytes, size_t count) {
    char path[2 * PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s", samples, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void put_text(const char *name, const char *text) {
    put(name, text, strlen(text));
}

/* The model as it was written, and the manifest of that text. */
static void open_agent(struct test_model *made, const char *text) {
    const struct inference_options options = {.threads = 1, .memory_bytes = 1 << 30};
    struct fault_list *faults = NULL;
    struct error err;
    char path[PATH_ROOM];
    if (!test_model_can_run()) {
        skip();
    }
    (void)snprintf(path, sizeof(path), "%s/model.onnx", folder.path);
    test_model_write(made, path, ONNX_OPSET);
    test_folder_write(&folder, "agent.yaml", text);
    if (agent_manifest_read(folder.path, &manifest, &faults, &err) != STATUS_OK ||
        inference_open(path, &options, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void open_samples(void) {
    struct error err;
    if (agent_samples_open(manifest, model, samples, SAMPLE_PART_COUNT, &source, &err) !=
        STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

/* y is x + x. */
static void open_doubler(const char *shape, const char *text) {
    struct test_model made;
    test_model_begin(&made);
    test_model_input(&made, "x", ONNX_FLOAT, shape);
    test_model_output(&made, "y", ONNX_FLOAT, shape);
    test_model_node(&made, "Add", "x x", "y");
    open_agent(&made, text);
}

/* Takes 2 samples of before and 4 new ones; counts how many times it ran. */
static void open_listener(void) {
    const float one = 1;
    struct test_model made;
    test_model_begin(&made);
    test_model_input(&made, "x", ONNX_FLOAT, "1x6");
    test_model_input(&made, "kept", ONNX_FLOAT, "1");
    test_model_output(&made, "y", ONNX_FLOAT, "1x6");
    test_model_output(&made, "later", ONNX_FLOAT, "1");
    test_model_constant(&made, "one", ONNX_FLOAT, "1",
                        (struct slice){.bytes = (const char *)&one, .count = sizeof(one)});
    test_model_node(&made, "Add", "x x", "y");
    test_model_node(&made, "Add", "kept one", "later");
    open_agent(&made, SOUND);
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

static void next_fails(const char *sentence) {
    struct error err = {0};
    struct sample sample;
    bool more;
    assert_int_equal(source.next(source.owner, &sample, &more, &err), STATUS_INVALID);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' is not in: %s", sentence, err.text);
    }
}

static void ends(void) {
    struct sample sample;
    bool more = true;
    assert_int_equal(source.next(source.owner, &sample, &more, NULL), STATUS_OK);
    assert_false(more);
}

static void open_fails(status code, const char *sentence) {
    struct error err = {0};
    assert_int_equal(agent_samples_open(manifest, model, samples, SAMPLE_PART_COUNT, &source, &err),
                     code);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' is not in: %s", sentence, err.text);
    }
}

/* --- calls --- */

static void test_agent_samples__a_call_becomes_what_before_makes_of_it(void **state) {
    (void)state;
    open_doubler("?x2", HEAD "inputs: { a: number, b: { type: number, default: 5 } }\n"
                             "before: { numbers: { features: [a, b], mean: 1, std: 2 } }\n");
    put_text("1.json", "{\"a\": 3}");
    put_text("2.json", "{\"a\": 1, \"b\": -1}");
    put_text("3.json", "{\"a\": 1, \"c\": 1}");
    put_text("4.json", "[1, 2");
    put_text("notes.txt", "none");
    open_samples();
    assert_int_equal(source.count, 4);
    for (int round = 0; round < 2; round++) {
        struct sample sample = next();
        assert_string_equal(sample.name, "1.json");
        assert_int_equal(sample.input_count, 1);
        assert_memory_equal(sample.inputs[0].bytes, ((float[]){1, 2}), 2 * sizeof(float));
        sample = next();
        assert_memory_equal(sample.inputs[0].bytes, ((float[]){0, -1}), 2 * sizeof(float));
        next_fails("sample '3.json': ");
        next_fails("sample '4.json': ");
        ends();
        source.rewind(source.owner);
    }
}

/* --- pictures --- */

static void put_picture(const char *name, uint8_t red) {
    struct image image;
    char *bytes;
    size_t count;
    assert_int_equal(image_create(2 * SIDE, SIDE, &image, NULL), STATUS_OK);
    for (size_t i = 0; i < (size_t)2 * SIDE * SIDE; i++) {
        image.pixels[3 * i] = red;
        image.pixels[3 * i + 1] = (uint8_t)(i * 2);
    }
    assert_int_equal(image_encode_jpeg(&image, 95, &bytes, &count, NULL), STATUS_OK);
    put(name, bytes, count);
    memory_free(bytes);
    image_done(&image);
}

/* What picture_tensor itself makes of the file. */
static void check_picture(const struct sample *sample) {
    static float numbers[3 * SIDE * SIDE];
    const struct manifest_picture *picture = manifest->onnx->picture;
    struct tensor tensor = {.type = TENSOR_FLOAT32,
                            .rank = 4,
                            .shape = {1, 3, SIDE, SIDE},
                            .bytes = numbers,
                            .byte_count = sizeof(numbers)};
    struct picture_fit fit;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    assert_int_equal(file_read(sample->path, &bytes, NULL), STATUS_OK);
    assert_int_equal(
        picture_tensor_fill(&picture->before, buffer_slice(&bytes), &tensor, &fit, NULL),
        STATUS_OK);
    assert_int_equal(sample->inputs[0].byte_count, sizeof(numbers));
    assert_memory_equal(sample->inputs[0].bytes, numbers, sizeof(numbers));
}

static void test_agent_samples__a_picture_becomes_the_tensor_of_a_call(void **state) {
    (void)state;
    if (image_check(NULL) != STATUS_OK) {
        skip();
    }
    open_doubler("1x3x8x8", HEAD "inputs: { photo: image }\n"
                                 "before: { image: { colour: bgr, scale: 1/255, mean: 0.5 } }\n");
    put_picture("a.jpg", 200);
    put_text("b.png", "no picture");
    put_picture("c.JPEG", 10);
    put_text("call.json", "{}");
    open_samples();
    assert_int_equal(source.count, 3);
    struct sample sample = next();
    assert_string_equal(sample.name, "a.jpg");
    check_picture(&sample);
    next_fails("sample 'b.png': input 'photo': ");
    sample = next();
    assert_string_equal(sample.name, "c.JPEG");
    check_picture(&sample);
    ends();
}

/* --- sounds --- */

/* A WAV file, one channel, whose samples are first, first + 1, ... */
static void put_sound(const char *name, int first, uint32_t count, uint32_t rate) {
    char bytes[256] = "RIFF____WAVEfmt \x10\0\0\0\1\0\1\0";
    const struct {
        size_t at;
        uint32_t number;
    } fields[] = {
        {4, 36 + 2 * count}, {24, rate}, {28, 2 * rate}, {32, 16 << 16 | 2}, {40, 2 * count}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        (void)memcpy(bytes + fields[i].at, &fields[i].number, sizeof(uint32_t));
    }
    (void)memcpy(bytes + 36, "data", 4);
    for (uint32_t i = 0; i < count; i++) {
        const int16_t number = (int16_t)(first + (int)i);
        (void)memcpy(bytes + WAV_HEAD + (size_t)2 * i, &number, sizeof(number));
    }
    put(name, bytes, WAV_HEAD + (size_t)2 * count);
}

static void check_stretch(uint32_t moment, const float *sound, float kept) {
    const struct sample sample = next();
    assert_int_equal(sample.moment, moment);
    assert_int_equal(sample.input_count, 2);
    assert_memory_equal(sample.inputs[0].bytes, sound, 6 * sizeof(float));
    assert_memory_equal(sample.inputs[1].bytes, &kept, sizeof(kept));
}

static void test_agent_samples__a_sound_is_a_sample_for_each_stretch(void **state) {
    (void)state;
    open_listener();
    put_sound("a.wav", 1, 10, 16000);
    put_sound("b.wav", -300, 12, 16000);
    open_samples();
    for (int round = 0; round < 2; round++) {
        check_stretch(0, (float[]){0, 0, 1, 2, 3, 4}, 0);
        check_stretch(1, (float[]){3, 4, 5, 6, 7, 8}, 1);
        check_stretch(0, (float[]){0, 0, -300, -299, -298, -297}, 0);
        check_stretch(1, (float[]){-298, -297, -296, -295, -294, -293}, 1);
        check_stretch(2, (float[]){-294, -293, -292, -291, -290, -289}, 2);
        ends();
        source.rewind(source.owner);
    }
}

static void test_agent_samples__a_stream_left_in_the_middle_begins_anew(void **state) {
    (void)state;
    open_listener();
    put_sound("a.wav", 1, 12, 16000);
    open_samples();
    check_stretch(0, (float[]){0, 0, 1, 2, 3, 4}, 0);
    check_stretch(1, (float[]){3, 4, 5, 6, 7, 8}, 1);
    source.rewind(source.owner);
    check_stretch(0, (float[]){0, 0, 1, 2, 3, 4}, 0);
}

static void test_agent_samples__a_sound_that_does_not_fit_is_passed_with_a_sentence(void **state) {
    (void)state;
    open_listener();
    put_sound("a.wav", 1, 3, 16000);
    put_sound("b.wav", 1, 8, 8000);
    put_text("c.wav", "no sound");
    put_sound("d.wav", 1, 4, 16000);
    open_samples();
    next_fails("sample 'a.wav': it has 3 samples of sound, and one call takes 4");
    next_fails("sample 'b.wav': input 'audio': it has 8000 samples a second: 16000 are wanted");
    next_fails("sample 'c.wav': ");
    check_stretch(0, (float[]){0, 0, 1, 2, 3, 4}, 0);
    ends();
}

/* --- what cannot be --- */

static void test_agent_samples__what_is_wanted_is_said_where_there_is_nothing(void **state) {
    (void)state;
    open_listener();
    put_text("call.json", "{}");
    open_fails(STATUS_NOT_FOUND, "has no samples: sounds NAME.wav are wanted");
}

static void test_agent_samples__a_model_that_the_manifest_does_not_fit_is_refused(void **state) {
    (void)state;
    open_doubler("?", HEAD "before: { numbers: { to: z } }\n");
    put_text("call.json", "{}");
    open_fails(STATUS_INVALID, "the model has no input 'z'");
}

static void test_agent_samples__an_agent_of_another_kind_has_none(void **state) {
    (void)state;
    struct fault_list *faults = NULL;
    test_folder_write(&folder, "agent.yaml",
                      "ebb: 1\nagent: it\nversion: 1.0.0\nkind: jq\nfilter: .\n");
    assert_int_equal(agent_manifest_read(folder.path, &manifest, &faults, NULL), STATUS_OK);
    open_fails(STATUS_INVALID, "agent 'it' is of kind jq: one of kind onnx is wanted");
}

static void test_agent_samples__memory_that_is_not_there_is_said(void **state) {
    (void)state;
    open_listener();
    put_sound("a.wav", 1, 8, 16000);
    bool failed = true;
    for (long index = 0; failed && index < 400; index++) {
        struct error err;
        struct sample sample;
        bool more = true;
        (void)memory_fail_at(index, 0);
        status code =
            agent_samples_open(manifest, model, samples, SAMPLE_PART_COUNT, &source, &err);
        while (code == STATUS_OK && more) {
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
        TEST(test_agent_samples__a_call_becomes_what_before_makes_of_it),
        TEST(test_agent_samples__a_picture_becomes_the_tensor_of_a_call),
        TEST(test_agent_samples__a_sound_is_a_sample_for_each_stretch),
        TEST(test_agent_samples__a_stream_left_in_the_middle_begins_anew),
        TEST(test_agent_samples__a_sound_that_does_not_fit_is_passed_with_a_sentence),
        TEST(test_agent_samples__what_is_wanted_is_said_where_there_is_nothing),
        TEST(test_agent_samples__a_model_that_the_manifest_does_not_fit_is_refused),
        TEST(test_agent_samples__an_agent_of_another_kind_has_none),
        TEST(test_agent_samples__memory_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
