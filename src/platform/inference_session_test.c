// SPDX-License-Identifier: Apache-2.0
#include "platform/inference.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/json.h"
#include "platform/test_model.h"

enum { OPENERS = 4, TURNS = 20, WIDE = 1024, ROW = 2 << 20, PATH = 300 };
#ifdef EBB_SANITIZED
#define KEEPS_WHAT_IS_FREED true
#else
#define KEEPS_WHAT_IS_FREED false
#endif

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};
static char folder[256];

static int set_up(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        return 0;
    }
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/ebb-session-XXXXXX", above != NULL ? above : "/tmp");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static bool remove_one(void *owner, const char *name) {
    char path[PATH * 2];
    (void)owner;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
    return true;
}

static void empty_folder(void) {
    assert_int_equal(file_list(folder, remove_one, NULL, NULL), STATUS_OK);
}

static int tear_down(void **state) {
    (void)state;
    if (folder[0] != '\0') {
        empty_folder();
        (void)rmdir(folder);
    }
    return 0;
}

static void need_library(void) {
    if (folder[0] == '\0') {
        (void)test_model_can_run(); /* says why */
        skip();
    }
    empty_folder();
}

static const char *inside(const char *name) {
    static char path[PATH];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* y = x + (one + one): a sum that can be made when the model is opened. */
static void make_adder(struct buffer *out_bytes) {
    struct test_model model;
    const float one[] = {1};
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1");
    test_model_output(&model, "y", ONNX_FLOAT, "1");
    test_model_constant(&model, "one", ONNX_FLOAT, "1",
                        (struct slice){.bytes = (const char *)one, .count = sizeof(one)});
    test_model_node(&model, "Add", "one one", "two");
    test_model_node(&model, "Add", "x two", "y");
    test_model_bytes(&model, ONNX_OPSET, out_bytes);
}

static struct inference_model *open_it(struct slice bytes,
                                       const struct inference_options *options) {
    struct error err = {0};
    struct inference_model *model = NULL;
    if (inference_open_bytes(bytes, options, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return model;
}

static struct inference_model *open_file(const struct inference_options *options) {
    struct error err = {0};
    struct inference_model *model = NULL;
    if (inference_open(inside("model.onnx"), options, &model, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return model;
}

/* What the model makes of one number. */
static status run_once(struct inference_model *model, float given, float *out_got,
                       struct error *err) {
    struct inference_run *run = NULL;
    const uint32_t first = 0;
    struct tensor out = {0};
    const struct tensor input = {.type = TENSOR_FLOAT32,
                                 .rank = 1,
                                 .shape = {1},
                                 .bytes = &given,
                                 .byte_count = sizeof(given)};
    TRY(inference_run_create(model, &run, err));
    const status code = inference_run(run, &input, &first, 1, &out, err);
    if (code == STATUS_OK) {
        (void)memcpy(out_got, out.bytes, sizeof(*out_got));
    }
    inference_run_destroy(run);
    return code;
}

static void answers(struct inference_model *model, float given, float wanted) {
    struct error err = {0};
    float got = 0;
    if (run_once(model, given, &got, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(got == wanted);
}

static void test_inference_session__a_model_in_memory_is_copied_and_nobody_elses(void **state) {
    (void)state;
    need_library();
    struct buffer bytes;
    make_adder(&bytes);
    struct inference_model *first = open_it(buffer_slice(&bytes), &PLAIN);
    struct inference_model *second = open_it(buffer_slice(&bytes), &PLAIN);
    (void)memset(bytes.bytes, 0x55, bytes.count);
    buffer_done(&bytes);
    assert_ptr_not_equal(first, second);
    answers(first, 1, 3);
    inference_close(first);
    answers(second, 2, 4);
    inference_close(second);
}

static status refused(struct slice bytes, const struct inference_options *options,
                      const char *why) {
    struct error err = {0};
    struct inference_model *model = NULL;
    const status code = inference_open_bytes(bytes, options, &model, &err);
    assert_int_not_equal(code, STATUS_OK);
    assert_null(model);
    if (strstr(err.text, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, err.text);
    }
    return code;
}

static void test_inference_session__bytes_that_are_no_model_are_refused(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    make_adder(&bytes);
    struct inference_options large = PLAIN;
    const struct slice whole = buffer_slice(&bytes);
    large.memory_bytes = INT64_MAX;
    assert_int_equal(refused(SLICE(""), &PLAIN, "in memory: the file is empty"), STATUS_CORRUPT);
    assert_int_equal(refused(SLICE("no model"), &PLAIN, "is no ONNX model"), STATUS_CORRUPT);
    (void)refused(slice_part(whole, 0, whole.count - 3), &PLAIN, "open a model in memory: ");
    assert_int_equal(refused((struct slice){.bytes = whole.bytes, .count = (65 << 20)}, &PLAIN,
                             "its file alone has 65 MiB"),
                     STATUS_FULL);
    assert_int_equal(refused((struct slice){.bytes = whole.bytes, .count = (size_t)1 << 31}, &large,
                             "it has 2147483648 bytes, at most 2147483647 are read"),
                     STATUS_INVALID);
}

static void write_file(const char *path, struct slice bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.bytes, 1, bytes.count, file), bytes.count);
    assert_int_equal(fclose(file), 0);
}

static void make_external(const char *file, struct buffer *out_bytes) {
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1");
    test_model_output(&model, "y", ONNX_FLOAT, "1");
    test_model_external(&model, "seven", ONNX_FLOAT, "1", file);
    test_model_node(&model, "Add", "x seven", "y");
    test_model_bytes(&model, ONNX_OPSET, out_bytes);
}

static void test_inference_session__external_data_lies_in_the_folder_that_is_named(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    CLEANUP(buffer_done) struct buffer outside;
    struct inference_options options = PLAIN;
    const float seven = 7;
    write_file(inside("weights"), (struct slice){.bytes = (const char *)&seven, .count = 4});
    make_external("weights", &bytes);
    make_external("../weights", &outside);
    (void)refused(buffer_slice(&bytes), &PLAIN, "open a model in memory: ");
    options.folder = "/nowhere";
    (void)refused(buffer_slice(&bytes), &options, "open a model in memory: ");
    options.folder = folder;
    struct inference_model *model = open_it(buffer_slice(&bytes), &options);
    answers(model, 1, 8);
    inference_close(model);
    (void)refused(buffer_slice(&outside), &options, "open a model in memory: ");
    write_file(inside("model.onnx"), buffer_slice(&bytes));
    options.folder = "/nowhere"; /* a file's lies beside it */
    model = open_file(&options);
    answers(model, 1, 8);
    inference_close(model);
}

/* How often the saved file has the operator. */
static int count_adds(const char *path) {
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, 1 << 20);
    assert_int_equal(file_read(path, &bytes, NULL), STATUS_OK);
    int count = 0;
    for (size_t i = 0; i + 5 <= bytes.count; i++) {
        count += memcmp(bytes.bytes + i,
                        "\x22\x03"
                        "Add",
                        5) == 0;
    }
    return count;
}

static void test_inference_session__the_graph_is_saved_as_the_level_left_it(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    make_adder(&bytes);
    const struct {
        enum inference_level level;
        int adds;
    } cases[] = {{INFERENCE_LEVEL_NONE, 2},
                 {INFERENCE_LEVEL_BASIC, 1},
                 {INFERENCE_LEVEL_EXTENDED, 1},
                 {INFERENCE_LEVEL_ALL, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        struct inference_model *saved = NULL;
        struct inference_options options = PLAIN;
        options.level = cases[i].level;
        options.save_path = inside("saved.onnx");
        inference_close(open_it(buffer_slice(&bytes), &options));
        assert_int_equal(count_adds(options.save_path), cases[i].adds);
        assert_int_equal(inference_open(inside("saved.onnx"), &PLAIN, &saved, &err), STATUS_OK);
        answers(saved, 5, 7);
        inference_close(saved);
    }
    struct inference_options options = PLAIN;
    options.save_path = "/nowhere/saved.onnx";
    (void)refused(buffer_slice(&bytes), &options, "open a model in memory: ");
}

static void test_inference_session__only_those_who_want_the_same_share(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    make_adder(&bytes);
    write_file(inside("model.onnx"), buffer_slice(&bytes));
    struct inference_options others[8];
    for (size_t i = 0; i < 8; i++) {
        others[i] = PLAIN;
    }
    char saved[PATH];
    (void)snprintf(saved, sizeof(saved), "%s/saved.onnx", folder);
    others[0].level = INFERENCE_LEVEL_NONE;
    others[1].no_memory_pattern = true;
    others[2].no_arena = true;
    others[3].spinning = true;
    others[4].threads = 2;
    others[5].save_path = saved;
    others[6].profile_prefix = saved;
    others[7].folder = folder; /* of no meaning for a file */
    struct inference_model *plain = open_file(&PLAIN);
    for (size_t i = 0; i < 8; i++) {
        struct inference_model *one = open_file(&others[i]);
        struct inference_model *two = open_file(&others[i]);
        const bool is_shared = i != 5 && i != 6;
        assert_int_equal(one == plain, i == 7);
        assert_int_equal(one == two, is_shared);
        answers(two, 1, 3);
        inference_close(two);
        answers(one, 1, 3);
        inference_close(one);
    }
    answers(plain, 1, 3);
    inference_close(plain);
}

static bool has_kernel(struct value events) {
    for (uint32_t i = 0; events.kind == VALUE_LIST && i < events.count; i++) {
        const struct value *name = value_get(events.items[i], SLICE("name"));
        if (name != NULL && slice_ends(value_text(*name), "_kernel_time")) {
            return true;
        }
    }
    return false;
}

static void check_profile(const char *path) {
    CLEANUP(buffer_done) struct buffer text;
    CLEANUP(arena_done) struct arena arena;
    struct value events = {0};
    struct error err = {0};
    buffer_init(&text, 1 << 20);
    arena_init(&arena, 1 << 20);
    assert_int_equal(file_read(path, &text, &err), STATUS_OK);
    if (json_read(&arena, buffer_slice(&text), &events, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(has_kernel(events));
}

static bool check_listed(void *owner, const char *name) {
    int *count = owner;
    (*count)++;
    check_profile(inside(name));
    return true;
}

static void test_inference_session__a_profile_says_what_each_node_took(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    make_adder(&bytes);
    struct error err = {0};
    struct inference_options options = PLAIN;
    char path[INFERENCE_PATH_BYTES];
    options.profile_prefix = inside("profile");
    struct inference_model *model = open_it(buffer_slice(&bytes), &options);
    answers(model, 1, 3);
    assert_int_equal(inference_end_profile(model, path, &err), STATUS_OK);
    assert_true(slice_starts(slice_of(path), options.profile_prefix));
    check_profile(path);
    assert_int_equal(inference_end_profile(model, path, &err), STATUS_INVALID);
    assert_string_equal(err.text, "no profile of the model is being written");
    answers(model, 1, 3);
    inference_close(model);
    empty_folder();
    int count = 0;
    options.profile_prefix = inside("closed");
    model = open_it(buffer_slice(&bytes), &options);
    answers(model, 1, 3);
    inference_close(model);
    assert_int_equal(file_list(folder, check_listed, &count, NULL), STATUS_OK);
    assert_int_equal(count, 1);
    options.profile_prefix = "/nowhere/profile";
    model = open_it(buffer_slice(&bytes), &options);
    assert_int_equal(inference_end_profile(model, path, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "the profile /nowhere/profile"));
    inference_close(model);
}

/* WIDE x WIDE floats are made of one: 4 MiB, and as much again for the answer. */
static void make_hungry(struct buffer *out_bytes) {
    struct test_model model;
    const int64_t shape[] = {WIDE, WIDE};
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "1");
    test_model_output(&model, "y", ONNX_FLOAT, "?x?");
    test_model_constant(&model, "shape", ONNX_INT64, "2",
                        (struct slice){.bytes = (const char *)shape, .count = sizeof(shape)});
    test_model_node(&model, "Expand", "x shape", "wide");
    test_model_node(&model, "Add", "wide wide", "y");
    test_model_bytes(&model, ONNX_OPSET, out_bytes);
}

static void test_inference_session__without_an_arena_nothing_is_bounded(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    make_hungry(&bytes);
    struct error err = {0};
    struct inference_options options = PLAIN;
    float got = 0;
    options.memory_bytes = 3 << 20;
    struct inference_model *model = open_it(buffer_slice(&bytes), &options);
    assert_int_equal(run_once(model, 1, &got, &err), STATUS_FULL);
    inference_close(model);
    options.no_memory_pattern = true;
    model = open_it(buffer_slice(&bytes), &options);
    assert_int_equal(run_once(model, 1, &got, &err), STATUS_FULL);
    inference_close(model);
    options.no_arena = true;
    model = open_it(buffer_slice(&bytes), &options);
    answers(model, 1, 2);
    inference_close(model);
}

/* Three tensors of 8 MiB in a row, of which two live at once; the last is the answer. */
static void make_row(struct buffer *out_bytes) {
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "?");
    test_model_output(&model, "y", ONNX_FLOAT, "?");
    test_model_node(&model, "Tanh", "x", "a");
    test_model_node(&model, "Exp", "a", "b");
    test_model_node(&model, "Add", "a b", "c");
    test_model_node(&model, "Tanh", "c", "y");
    test_model_bytes(&model, ONNX_OPSET, out_bytes);
}

static void run_row(struct inference_model *model, float *numbers) {
    struct error err = {0};
    struct inference_run *run = NULL;
    const uint32_t first = 0;
    struct tensor out = {0};
    const struct tensor input = {.type = TENSOR_FLOAT32,
                                 .rank = 1,
                                 .shape = {ROW},
                                 .bytes = numbers,
                                 .byte_count = ROW * sizeof(*numbers)};
    assert_int_equal(inference_run_create(model, &run, &err), STATUS_OK);
    assert_int_equal(inference_run(run, &input, &first, 1, &out, &err), STATUS_OK);
    inference_run_destroy(run);
}

static long resident_mib(void) {
    long all = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &all, &resident), 2);
    assert_int_equal(fclose(file), 0);
    return resident * sysconf(_SC_PAGESIZE) >> 20;
}

/* The first run takes 40 MiB, a tensor at a time; later ones take 24 at once, and 8 for the answer.
 * Both together would stay for good. */
static void test_inference_session__what_the_first_run_took_is_given_back(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    const char *release = NULL;
    int minor = 0;
    assert_int_equal(inference_release(&release, &err), STATUS_OK);
    assert_int_equal(sscanf(release, "1.%d.", &minor), 1);
    if (KEEPS_WHAT_IS_FREED || minor < 28) {
        print_message("sanitizers, and ONNX Runtime 1.21, keep what is freed\n");
        skip();
    }
    CLEANUP(buffer_done) struct buffer bytes;
    make_row(&bytes);
    float *numbers = memory_new(ROW, sizeof(*numbers));
    assert_non_null(numbers);
    struct inference_options options = PLAIN;
    options.memory_bytes = 256 << 20;
    struct inference_model *model = open_it(buffer_slice(&bytes), &options);
    (void)memset(numbers, 0, ROW * sizeof(*numbers));
    const long before_mib = resident_mib();
    for (int i = 0; i < 3; i++) {
        run_row(model, numbers);
    }
    const long grown_mib = resident_mib() - before_mib;
    assert_true(grown_mib < 40);
    inference_close(model);
    memory_free(numbers);
}

struct opener {
    struct slice bytes;
    struct inference_options options;
    status wanted;
    int wrong;
};

static void *open_often(void *owner) {
    struct opener *opener = owner;
    for (int i = 0; i < TURNS; i++) {
        struct error err = {0};
        struct inference_model *model = NULL;
        float got = 0;
        status code = inference_open_bytes(opener->bytes, &opener->options, &model, &err);
        if (code == STATUS_OK) {
            code = run_once(model, 1, &got, &err);
            opener->wrong += code != opener->wanted;
        } else {
            opener->wrong++;
        }
        inference_close(model);
    }
    return NULL;
}

/* The library finds a session's memory in one place: each must find its own there. */
static void test_inference_session__who_opens_at_once_keeps_a_bound_of_ones_own(void **state) {
    (void)state;
    need_library();
    CLEANUP(buffer_done) struct buffer bytes;
    make_hungry(&bytes);
    struct opener openers[OPENERS];
    pthread_t threads[OPENERS];
    for (int i = 0; i < OPENERS; i++) {
        openers[i] = (struct opener){.bytes = buffer_slice(&bytes), .options = PLAIN};
        openers[i].options.memory_bytes = i % 2 == 0 ? 3 << 20 : 64 << 20;
        openers[i].wanted = i % 2 == 0 ? STATUS_FULL : STATUS_OK;
        assert_int_equal(pthread_create(&threads[i], NULL, open_often, &openers[i]), 0);
    }
    for (int i = 0; i < OPENERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(openers[i].wrong, 0);
    }
}

static void test_inference_session__the_library_says_what_it_is(void **state) {
    (void)state;
    need_library();
    struct error err = {0};
    const char *release = NULL;
    int major = 0;
    int minor = 0;
    assert_int_equal(inference_release(&release, &err), STATUS_OK);
    assert_int_equal(sscanf(release, "%d.%d.", &major, &minor), 2);
    assert_true(major == 1 && minor >= 12);
    assert_true(inference_provider_is_here(0, &err));
    assert_false(inference_provider_is_here(5, &err)); /* qnn: no library for this machine has it */
    assert_string_equal(err.text, "this ONNX Runtime was built without it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inference_session__a_model_in_memory_is_copied_and_nobody_elses),
        cmocka_unit_test(test_inference_session__bytes_that_are_no_model_are_refused),
        cmocka_unit_test(test_inference_session__external_data_lies_in_the_folder_that_is_named),
        cmocka_unit_test(test_inference_session__the_graph_is_saved_as_the_level_left_it),
        cmocka_unit_test(test_inference_session__only_those_who_want_the_same_share),
        cmocka_unit_test(test_inference_session__a_profile_says_what_each_node_took),
        cmocka_unit_test(test_inference_session__without_an_arena_nothing_is_bounded),
        cmocka_unit_test(test_inference_session__what_the_first_run_took_is_given_back),
        cmocka_unit_test(test_inference_session__who_opens_at_once_keeps_a_bound_of_ones_own),
        cmocka_unit_test(test_inference_session__the_library_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
