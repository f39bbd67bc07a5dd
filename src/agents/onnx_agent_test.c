// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_agent.h"

#include <math.h>
#include <string.h>

#include "agents/onnx_plan.h"
#include "agents/test_folder.h"
#include "base/blob.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/inference.h"
#include "platform/json.h"
#include "platform/test_model.h"
#include "platform/worker.h"

enum { ARENA_BYTES = 64 << 20, ANSWER_BYTES = 1 << 20, FRAME = 512, CONTEXT = 64, STATE = 256 };
static const int64_t LONG_NS = (int64_t)60 * 1000000000;

#define HEAD "ebb: 1\nagent: it\nversion: 1.0.0\nkind: onnx\n"

static const char SPEECH[] = "/usr/share/pocketsphinx/test/data/goforward.raw";
static const char VAD[] = "build/data/silero-vad/weights/silero_vad_16k_op15.onnx";

static struct test_folder folder;
static struct loop *loop;
static struct pool *pool;
static struct arena arena;
static struct agent_manifest *manifest;
static struct agent *agent;
static bool can_run;

static int set_up(void **state) {
    (void)state;
    struct error err;
    can_run = test_model_can_run();
    test_folder_make(&folder);
    arena_init(&arena, ARENA_BYTES);
    assert_int_equal(loop_create(&loop, &err), STATUS_OK);
    assert_int_equal(pool_create(loop, 1, &pool, &err), STATUS_OK);
    return 0;
}

static void close_it(void) {
    ONNX_AGENT.close(agent);
    agent = NULL;
    agent_manifest_release(manifest);
    manifest = NULL;
}

static int tear_down(void **state) {
    (void)state;
    close_it();
    pool_destroy(pool);
    loop_destroy(loop);
    arena_done(&arena);
    test_folder_remove(&folder);
    return 0;
}

static void model_path(char out_path[TEST_PATH_BYTES + 16]) {
    (void)snprintf(out_path, TEST_PATH_BYTES + 16, "%s/model.onnx", folder.path);
}

static void write_model(struct test_model *model) {
    char path[TEST_PATH_BYTES + 16];
    model_path(path);
    test_model_write(model, path, ONNX_OPSET);
}

static status try_open(const char *text, struct error *err) {
    struct fault_list *faults = NULL;
    close_it();
    test_folder_write(&folder, "agent.yaml", text);
    if (agent_manifest_read(folder.path, &manifest, &faults, err) != STATUS_OK) {
        fault_list_release(faults);
        fail_msg("%s", err->text);
    }
    return ONNX_AGENT.open(loop, manifest, &agent, err);
}

static void open_it(const char *text) {
    struct error err = {0};
    if (!can_run) {
        (void)test_model_can_run(); /* says why */
        skip();
    }
    if (try_open(text, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void open_fails(const char *text, const char *why) {
    struct error err = {0};
    if (!can_run) {
        skip();
    }
    assert_int_not_equal(try_open(text, &err), STATUS_OK);
    if (strstr(err.text, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, err.text);
    }
}

/* A call on a worker, while the loop turns. */
struct asking {
    struct job job; /* first */
    struct agent_call call;
};

static void work(struct job *job, int worker) {
    (void)worker;
    ONNX_AGENT.run(agent, &((struct asking *)job)->call);
}

static void done(struct job *job) {
    (void)job;
    loop_stop(loop);
}

static struct agent_call ask_value(struct value with, struct value state, int64_t for_ns) {
    struct asking asking = {.job = {.work = work, .done = done},
                            .call = {.with = with,
                                     .state = state,
                                     .arena = &arena,
                                     .deadline_ns = clock_boot_ns() + for_ns}};
    pool_submit(pool, &asking.job);
    loop_run(loop);
    return asking.call;
}

static struct agent_call ask(const char *json) {
    struct value with;
    struct error err;
    assert_int_equal(json_read(&arena, slice_of(json), &with, &err), STATUS_OK);
    return ask_value(with, (struct value){0}, LONG_NS);
}

static void answers(const char *json, const char *wanted) {
    const struct agent_call call = ask(json);
    if (call.error.code != STATUS_OK) {
        fail_msg("%s", call.error.text);
    }
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANSWER_BYTES);
    json_write(&text, call.out);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, wanted);
}

static void fails(const char *json, const char *why) {
    const struct agent_call call = ask(json);
    assert_int_not_equal(call.error.code, STATUS_OK);
    if (strstr(call.error.text, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, call.error.text);
    }
}

/* y = x + x, of that type and shape. */
static void write_doubler(int type, const char *shape) {
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", type, shape);
    test_model_output(&model, "y", type, shape);
    test_model_node(&model, "Add", "x x", "y");
    write_model(&model);
}

static void test_onnx_agent__numbers_go_in_and_come_out_by_name(void **state) {
    (void)state;
    write_doubler(ONNX_FLOAT, "?x2");
    open_it(HEAD "model: { file: model.onnx }\n");
    answers("{\"x\":[[1,2],[3.5,0.1]]}", "{\"y\":[[2.0,4.0],[7.0,0.2]]}");
    answers("{\"x\":[1,2]}", "{\"y\":[[2.0,4.0]]}");
    answers("{\"x\":[1,2,3,4]}", "{\"y\":[[2.0,4.0],[6.0,8.0]]}");
    fails("{\"x\":[1,2,3]}", "input 'x': it is 3 where the model takes ?x2");
    fails("{\"x\":[[1,2],[3]]}", "different lengths");
    fails("{\"x\":[\"a\",2]}", "number 0 of it is a string");
    fails("{}", "input 'x' is missing");
    fails("{\"x\":[1e300,2]}", "does not fit float32");
}

static void test_onnx_agent__every_type_of_number(void **state) {
    (void)state;
    const struct {
        int type;
        const char *wanted, *too_much;
    } cases[] = {
        {ONNX_FLOAT16, "{\"y\":[2.0,6.0]}", "{\"x\":[1,100000]}"},
        {ONNX_INT32, "{\"y\":[2,6]}", "{\"x\":[1,3000000000]}"},
        {ONNX_INT64, "{\"y\":[2,6]}", "{\"x\":[1,1.5]}"},
        {ONNX_UINT8, "{\"y\":[2,6]}", "{\"x\":[1,-1]}"},
        {ONNX_DOUBLE, "{\"y\":[2.0,6.0]}", "{\"x\":[1,1e400]}"},
        {ONNX_INT16, "{\"y\":[2,6]}", "{\"x\":[1,32768]}"},
        {ONNX_UINT16, "{\"y\":[2,6]}", "{\"x\":[1,65536]}"},
        {ONNX_UINT32, "{\"y\":[2,6]}", "{\"x\":[1,-1]}"},
        {ONNX_UINT64, "{\"y\":[2,6]}", "{\"x\":[1,0.5]}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_doubler(cases[i].type, "2");
        open_it(HEAD "model: { file: model.onnx }\n");
        answers("{\"x\":[1,3]}", cases[i].wanted);
        fails(cases[i].too_much, "does not fit");
    }
    write_doubler(ONNX_INT64, "");
    open_it(HEAD "model: { file: model.onnx }\n");
    answers("{\"x\":4503599627370497}", "{\"y\":9007199254740994}");
    write_doubler(ONNX_UINT64, "");
    open_it(HEAD "model: { file: model.onnx }\n");
    answers("{\"x\":9223372036854775807}", "{\"y\":18446744073709551614}");
    write_doubler(ONNX_DOUBLE, "");
    open_it(HEAD "model: { file: model.onnx }\nafter: { value: { as: sum } }\n");
    answers("{\"x\":0.1234567890123456}", "{\"sum\":0.2469135780246912}");
    fails("{\"x\":1e308}", "output 'y' is no number");
}

/* Models for tools have more inputs and outputs than an agent may give and ask for. */
static void test_onnx_agent__of_many_outputs_it_takes_a_few(void **state) {
    (void)state;
    struct test_model model;
    char name[16];
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1");
    test_model_input(&model, "s", ONNX_FLOAT, "1");
    for (int i = 0; i <= ONNX_PORTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "y%d", i);
        test_model_output(&model, name, ONNX_FLOAT, "1");
        test_model_node(&model, "Add", i == 0 ? "x s" : "y0 x", name);
    }
    write_model(&model);
    open_it(HEAD "model: { file: model.onnx }\nafter: { value: { output: y64, as: last } }\n");
    answers("{\"x\":[2],\"s\":[3]}", "{\"last\":7.0}");
    open_fails(HEAD "model: { file: model.onnx }\n", "`after` has more than 64 parts");
    open_fails(HEAD "model: { file: model.onnx, carry: { y64: s } }\n",
               "more than 64 of the model's outputs are asked for");
    test_model_begin(&model);
    for (int i = 0; i <= ONNX_PORTS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "x%d", i);
        test_model_input(&model, name, ONNX_FLOAT, "1");
    }
    test_model_output(&model, "y", ONNX_FLOAT, "1");
    test_model_node(&model, "Add", "x0 x64", "y");
    write_model(&model);
    open_fails(HEAD "model: { file: model.onnx }\n",
               "the model has 65 inputs: an agent gives at most 64");
}

static void test_onnx_agent__an_object_of_features_is_a_row(void **state) {
    (void)state;
    write_doubler(ONNX_FLOAT, "?x3");
    open_it(HEAD "inputs: { rh: number, t: number, open: boolean }\n"
                 "outputs: { y: list }\n"
                 "model: { file: model.onnx }\n"
                 "before: { numbers: { features: [t, rh, open] } }\n");
    answers("{\"rh\":40,\"t\":-1.5,\"open\":true}", "{\"y\":[[-3.0,80.0,2.0]]}");
    open_it(HEAD "inputs: { rows: list }\n"
                 "model: { file: model.onnx }\n"
                 "before: { numbers: { from: rows, features: [t, rh, n], mean: [1, 2, 3],\n"
                 "                     std: [1, 2, 4] } }\n");
    answers("{\"rows\":[{\"t\":1,\"rh\":2,\"n\":3},{\"t\":2,\"rh\":4,\"n\":7}]}",
            "{\"y\":[[0.0,0.0,0.0],[2.0,2.0,2.0]]}");
    fails("{\"rows\":[{\"t\":1,\"rh\":2}]}", "feature 'n' is missing: a number is wanted");
    open_fails(HEAD "inputs: { t: number }\nmodel: { file: model.onnx }\n"
                    "before: { numbers: { features: [t, rh, n] } }\n",
               "`inputs` has no field 'rh'");
}

/* Two inputs and two outputs by name, one input that never changes. */
static void test_onnx_agent__several_inputs_and_outputs(void **state) {
    (void)state;
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "a:0", ONNX_FLOAT, "2");
    test_model_input(&model, "b", ONNX_FLOAT, "2");
    test_model_input(&model, "k", ONNX_FLOAT, "");
    test_model_output(&model, "sum", ONNX_FLOAT, "2");
    test_model_output(&model, "product", ONNX_FLOAT, "2");
    test_model_node(&model, "Add", "a:0 b", "plain");
    test_model_node(&model, "Mul", "plain k", "sum");
    test_model_node(&model, "Mul", "a:0 b", "product");
    write_model(&model);
    open_it(HEAD "model: { file: model.onnx, set: { k: 10 } }\n"
                 "before: { numbers: [{ from: a, to: \"a:0\", scale: 1/2 }, { from: b, to: b }] }\n"
                 "after: { values: [{ output: sum, as: sums }, { output: product }] }\n");
    answers("{\"a\":[2,4],\"b\":[3,4]}", "{\"sums\":[40.0,60.0],\"values\":[3.0,8.0]}");
    open_fails(HEAD "model: { file: model.onnx, set: { q: 10 } }\n",
               "the model has no input 'q': there is a:0, b, k");
    open_fails(HEAD "model: { file: model.onnx }\nafter: { value: { output: z } }\n",
               "the model has no output 'z': there is sum, product");
    open_fails(HEAD "model: { file: model.onnx }\nafter: { value: { as: z } }\n",
               "`output` must say which is meant: there is sum, product");
    open_fails(HEAD "model: { file: model.onnx }\nbefore: { numbers: { from: a } }\n",
               "`to` must say which input of the model is meant: a:0, b, k");
    open_fails(HEAD "inputs: { a: list, b: list }\nmodel: { file: model.onnx, set: { k: 1 } }\n",
               "nothing is said of the model's input 'a:0'");
    open_fails(HEAD "model: { file: model.onnx, set: { k: [1, 2] } }\n",
               "`set` of input 'k': it is 2 where the model takes one number");
}

static void test_onnx_agent__a_classifier_names_the_likeliest(void **state) {
    (void)state;
    write_doubler(ONNX_FLOAT, "1x3");
    test_folder_write(&folder, "labels.txt", "cat\ndog\ncow\n");
    open_it(HEAD "model: { file: model.onnx }\n"
                 "after: { classifier: { labels: labels.txt, top: 2 } }\n");
    answers("{\"x\":[0,1,0.5]}",
            "{\"label\":\"dog\",\"score\":0.665241,\"top\":[{\"label\":\"dog\",\"score\":0.665241},"
            "{\"label\":\"cow\",\"score\":0.244728}]}");
    answers("{\"x\":[0.25,0.125,0.125]}",
            "{\"label\":\"cat\",\"score\":0.5,\"top\":[{\"label\":\"cat\",\"score\":0.5},"
            "{\"label\":\"dog\",\"score\":0.25}]}");
    open_it(HEAD "outputs: { label: string, score: number }\n"
                 "model: { file: model.onnx }\n"
                 "after: { classifier: { softmax: no } }\n");
    answers("{\"x\":[0,1,0.5]}", "{\"label\":\"1\",\"score\":2.0}");
    test_folder_write(&folder, "labels.txt", "cat\ndog\n");
    open_it(HEAD "model: { file: model.onnx }\nafter: { classifier: { labels: labels.txt } }\n");
    fails("{\"x\":[0,1,0.5]}", "the model tells 3 classes apart, the labels are 2");
}

static void test_onnx_agent__metadata_says_shape_and_scaling(void **state) {
    (void)state;
    write_doubler(ONNX_FLOAT, "?x2");
    test_folder_write(&folder, "m.json",
                      "{\"input_shape\":[1,2],\"preprocessing\":{\"mean\":[1,2],\"std\":[2,4]}}");
    open_it(HEAD "model: { file: model.onnx, metadata: m.json }\n");
    answers("{\"x\":[3,10]}", "{\"y\":[[2.0,4.0]]}");
    fails("{\"x\":[[3,10],[1,2]]}", "it is 2x2 where the model takes 1x2");
    test_folder_write(&folder, "m.json", "{}");
    open_fails(HEAD "model: { file: model.onnx, metadata: m.json }\n",
               "the metadata says tensor/float32; shape=1x3x224x224, the model's input 'x' is");
    test_folder_write(&folder, "m.json", "{\"input_shape\":[1,2],\"input_type\":\"uint8\"}");
    open_fails(HEAD "model: { file: model.onnx, metadata: m.json }\n",
               "the metadata says tensor/u");
}

static void test_onnx_agent__no_number_is_a_failure(void **state) {
    (void)state;
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "2");
    test_model_output(&model, "y", ONNX_FLOAT, "2");
    test_model_node(&model, "Log", "x", "y");
    write_model(&model);
    open_it(HEAD "model: { file: model.onnx }\n");
    answers("{\"x\":[1,1]}", "{\"y\":[0.0,0.0]}");
    fails("{\"x\":[1,-1]}", "the model's output 'y' is no number (NaN or infinite) at 1 of 2");
    fails("{\"x\":[0,1]}", "at 0 of 2");
}

static void test_onnx_agent__what_is_too_long_for_the_output_is_refused(void **state) {
    (void)state;
    write_doubler(ONNX_FLOAT, "?");
    open_it(HEAD "model: { file: model.onnx }\nlimits: { output: 20B }\n");
    answers("{\"x\":[1,2]}", "{\"y\":[2.0,4.0]}");
    fails("{\"x\":[1,2,3,4,5,6,7,8,9,10,11]}", "more than `limits: { output: ... }` has room for");
    open_it(HEAD "model: { file: model.onnx }\nlimits: { output: 60B }\n");
    fails("{\"x\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", "longer than the 60 bytes of");
    open_it(HEAD "model: { file: model.onnx }\nafter: { value: { as: it } }\n");
    answers("{\"x\":[4]}", "{\"it\":8.0}");
    fails("{\"x\":[4,5]}", "is one number, the model gives 2");
}

static void test_onnx_agent__the_deadline_ends_a_run_without_end(void **state) {
    (void)state;
    struct test_model model;
    struct value with;
    struct error err;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "?");
    test_model_output(&model, "y", ONNX_FLOAT, "?");
    test_model_endless(&model, "x", "y");
    write_model(&model);
    open_it(HEAD "model: { file: model.onnx }\n");
    assert_int_equal(json_read(&arena, SLICE("{\"x\":[0]}"), &with, &err), STATUS_OK);
    struct agent_call call = ask_value(with, (struct value){0}, 30 * 1000000);
    assert_int_equal(call.error.code, STATUS_TIMEOUT);
    call = ask_value(with, (struct value){0}, -1);
    assert_int_equal(call.error.code, STATUS_TIMEOUT);
    write_doubler(ONNX_FLOAT, "?");
    open_it(HEAD "model: { file: model.onnx }\n");
    answers("{\"x\":[1]}", "{\"y\":[2.0]}");
}

static void test_onnx_agent__it_says_how_it_fares(void **state) {
    (void)state;
    struct agent_stats stats = {0};
    struct agent_requirements needs;
    write_doubler(ONNX_FLOAT, "1");
    open_it(HEAD "model: { file: model.onnx, providers: [qnn, cpu] }\nneeds: { memory: 24MiB }\n"
                 "after: { performance: true }\n");
    const struct agent_call call = ask("{\"x\":[1]}");
    assert_int_equal(call.error.code, STATUS_OK);
    const struct value *times = value_get(call.out, SLICE("performance"));
    assert_non_null(times);
    assert_true(value_number(*value_get(*times, SLICE("last_inference_time"))) > 0);
    assert_true(value_number(*value_get(*times, SLICE("avg_inference_time"))) > 0);
    ONNX_AGENT.health(agent, &stats);
    assert_int_equal(stats.inferences, 1);
    assert_true(stats.inference_last_ns > 0);
    assert_true(stats.inference_total_ns == stats.inference_last_ns);
    ONNX_AGENT.requirements(agent, &needs);
    assert_true(needs.min_memory_mb == 24);
    assert_false(needs.supports_gpu);
    assert_true(needs.offline_capable);
}

/* --- sound --- */

static struct value wav(const int16_t *samples, size_t count) {
    struct buffer file;
    struct blob *blob = NULL;
    struct value value;
    struct error err;
    const uint32_t bytes = (uint32_t)(count * sizeof(*samples));
    buffer_init(&file, 1 << 20);
    buffer_add_text(&file, "RIFF");
    buffer_add_u32(&file, 36 + bytes);
    buffer_add_text(&file, "WAVEfmt ");
    buffer_add_u32(&file, 16);
    buffer_add_u32(&file, 1 | 1 << 16); /* PCM, one channel */
    buffer_add_u32(&file, 16000);
    buffer_add_u32(&file, 32000);
    buffer_add_u32(&file, 2 | 16 << 16);
    buffer_add_text(&file, "data");
    buffer_add_u32(&file, bytes);
    buffer_add(&file, (struct slice){.bytes = (const char *)samples, .count = bytes});
    assert_int_equal(blob_copy(SLICE("audio/wav"), buffer_slice(&file), &blob, &err), STATUS_OK);
    assert_true(value_of_blob(&arena, blob, &value));
    blob_release(blob);
    buffer_done(&file);
    return value;
}

static struct agent_call hear(const int16_t *samples, size_t count, struct value state) {
    struct value with;
    struct member *members = value_new_object(&arena, 1, &with);
    members[0] = (struct member){SLICE("audio"), wav(samples, count)};
    return ask_value(with, state, LONG_NS);
}

#define VOICE                                                                                      \
    HEAD "inputs: { audio: { type: audio, rate: 16000, channels: 1, samples: 512 } }\n"            \
         "outputs: { speech: { type: number, min: 0, max: 1 } }\n"                                 \
         "model: { file: %s, set: { sr: 16000 }, carry: { stateN: state }, threads: 1 }\n"         \
         "before: { audio: { context: 64, scale: 1/32768, to: input } }\n"                         \
         "after: { value: { output: output, as: speech } }\n"

static size_t read_speech(int16_t *samples, size_t most) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct error err;
    if (access(SPEECH, R_OK) != 0 || access(VAD, R_OK) != 0) {
        print_message("# %s or %s is not here: make test fetches them\n", SPEECH, VAD);
        skip();
    }
    buffer_init(&bytes, 1 << 20);
    assert_int_equal(file_read(SPEECH, &bytes, &err), STATUS_OK);
    const size_t count = bytes.count / sizeof(*samples);
    assert_true(count <= most && count > 30 * FRAME);
    (void)memcpy(samples, bytes.bytes, count * sizeof(*samples));
    return count;
}

static void open_voice(void) {
    char here[512];
    char text[2048];
    char path[1024];
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(path, sizeof(path), "%s/%s", here, VAD);
    (void)snprintf(text, sizeof(text), VOICE, path);
    open_it(text);
}

/* The same model, frame by frame in one loop with its state at hand. */
static void listen_directly(const int16_t *samples, size_t frames, float *out_speech) {
    const struct inference_options options = {.threads = 1, .memory_bytes = 256 << 20};
    struct inference_model *model = NULL;
    struct error err;
    float sound[CONTEXT + FRAME] = {0};
    float kept[STATE] = {0};
    int64_t rate = 16000;
    const uint32_t wanted[] = {0, 1};
    assert_int_equal(inference_open(VAD, &options, &model, &err), STATUS_OK);
    assert_string_equal(inference_input(model, 0)->name, "input");
    assert_string_equal(inference_input(model, 1)->name, "state");
    const struct tensor inputs[] = {
        {TENSOR_FLOAT32, 2, {1, CONTEXT + FRAME}, sound, sizeof(sound)},
        {TENSOR_FLOAT32, 3, {2, 1, 128}, kept, sizeof(kept)},
        {TENSOR_INT64, 0, {0}, &rate, sizeof(rate)},
    };
    for (size_t frame = 0; frame < frames; frame++) {
        struct tensor outputs[2];
        struct inference_run *run = NULL;
        (void)memmove(sound, sound + FRAME, CONTEXT * sizeof(*sound));
        for (size_t i = 0; i < FRAME; i++) {
            sound[CONTEXT + i] = (float)(samples[frame * FRAME + i] / 32768.0);
        }
        assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
        assert_int_equal(inference_run(run, inputs, wanted, 2, outputs, &err), STATUS_OK);
        (void)memcpy(&out_speech[frame], outputs[0].bytes, sizeof(*out_speech));
        assert_int_equal(outputs[1].byte_count, sizeof(kept));
        (void)memcpy(kept, outputs[1].bytes, sizeof(kept));
        inference_run_destroy(run);
    }
    inference_close(model);
}

static void test_onnx_agent__speech_is_heard_from_call_to_call(void **state) {
    (void)state;
    static int16_t samples[200000];
    static float wanted[400];
    const size_t frames = read_speech(samples, 200000) / FRAME;
    assert_true(frames <= 400);
    open_voice();
    listen_directly(samples, frames, wanted);
    struct value kept = {0};
    double most = 0;
    for (size_t frame = 0; frame < frames; frame++) {
        const struct agent_call call = hear(samples + frame * FRAME, FRAME, kept);
        if (call.error.code != STATUS_OK) {
            fail_msg("%s", call.error.text);
        }
        const double speech = value_number(*value_get(call.out, SLICE("speech")));
        assert_true((float)speech == wanted[frame]);
        most = speech > most ? speech : most;
        kept = call.state_out;
        assert_int_equal(kept.count, 2);
    }
    assert_true(wanted[0] < 0.3F);
    assert_true(most > 0.95);
}

static void test_onnx_agent__silence_and_other_sound_are_told(void **state) {
    (void)state;
    static int16_t samples[200000];
    (void)read_speech(samples, 200000);
    open_voice();
    static const int16_t silence[FRAME] = {0};
    struct agent_call call = hear(silence, FRAME, (struct value){0});
    assert_int_equal(call.error.code, STATUS_OK);
    assert_true(value_number(*value_get(call.out, SLICE("speech"))) < 0.1);
    call = hear(samples, 100, (struct value){0});
    assert_int_equal(call.error.code, STATUS_INVALID);
    assert_string_equal(call.error.text, "input 'audio': it has 100 samples: 512 are wanted");
    fails("{\"audio\":[1,2]}", "input 'audio': it is a list: sound is wanted");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_agent__numbers_go_in_and_come_out_by_name),
        cmocka_unit_test(test_onnx_agent__every_type_of_number),
        cmocka_unit_test(test_onnx_agent__of_many_outputs_it_takes_a_few),
        cmocka_unit_test(test_onnx_agent__an_object_of_features_is_a_row),
        cmocka_unit_test(test_onnx_agent__several_inputs_and_outputs),
        cmocka_unit_test(test_onnx_agent__a_classifier_names_the_likeliest),
        cmocka_unit_test(test_onnx_agent__metadata_says_shape_and_scaling),
        cmocka_unit_test(test_onnx_agent__no_number_is_a_failure),
        cmocka_unit_test(test_onnx_agent__what_is_too_long_for_the_output_is_refused),
        cmocka_unit_test(test_onnx_agent__the_deadline_ends_a_run_without_end),
        cmocka_unit_test(test_onnx_agent__it_says_how_it_fares),
        cmocka_unit_test(test_onnx_agent__speech_is_heard_from_call_to_call),
        cmocka_unit_test(test_onnx_agent__silence_and_other_sound_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
