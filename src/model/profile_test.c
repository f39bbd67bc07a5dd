// SPDX-License-Identifier: Apache-2.0
#include "model/profile.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "base/memory.h"
#include "model/choice.h"
#include "platform/file.h"
#include "platform/test_model.h"

enum { SIDE = 96, PATH_BYTES = 300, VARIANTS = 7 };

/* The variants that are planted. */
enum { REFERENCE, SLOW, LARGE, WRONG, HANGS, HUNGRY, CRASHES };
static const char *const NAMES[VARIANTS] = {"reference", "slow",   "large",  "wrong",
                                            "hangs",     "hungry", "crashes"};

static char folder[256];
static char paths[VARIANTS][PATH_BYTES];

/* y = x, multiplied `times` times with a matrix of SIDE x SIDE; `more_bytes` that nobody reads. */
static void write_products(const char *path, int times, size_t more_bytes) {
    struct test_model model;
    static float numbers[SIDE * SIDE];
    char side[16];
    char square[32];
    (void)snprintf(side, sizeof(side), "?x%d", SIDE);
    (void)snprintf(square, sizeof(square), "%dx%d", SIDE, SIDE);
    for (int i = 0; i < SIDE * SIDE; i++) {
        numbers[i] = i % (SIDE + 1) == 0 ? 1 : 0;
    }
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, side);
    test_model_output(&model, "y", ONNX_FLOAT, side);
    test_model_constant(&model, "w", ONNX_FLOAT, square,
                        (struct slice){.bytes = (const char *)numbers, .count = sizeof(numbers)});
    for (int i = 0; i < times; i++) {
        char inputs[32];
        char output[16];
        (void)snprintf(inputs, sizeof(inputs), i == 0 ? "x w" : "t%d w", i);
        (void)snprintf(output, sizeof(output), i + 1 == times ? "y" : "t%d", i + 1);
        test_model_node(&model, "MatMul", inputs, output);
    }
    if (more_bytes > 0) {
        char *more = memory_new(more_bytes, 1);
        char shape[32];
        assert_non_null(more);
        (void)snprintf(shape, sizeof(shape), "%zu", more_bytes);
        test_model_constant(&model, "more", ONNX_UINT8, shape,
                            (struct slice){.bytes = more, .count = more_bytes});
        memory_free(more);
    }
    test_model_write(&model, path, ONNX_OPSET);
}

static void write_endless(const char *path) {
    struct test_model model;
    char side[16];
    (void)snprintf(side, sizeof(side), "?x%d", SIDE);
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, side);
    test_model_output(&model, "y", ONNX_FLOAT, side);
    test_model_endless(&model, "x", "y");
    test_model_write(&model, path, ONNX_OPSET);
}

static int set_up(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        return 0;
    }
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/ebb-profile-XXXXXX", above != NULL ? above : "/tmp");
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < VARIANTS; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s.onnx", folder, NAMES[i]);
    }
    write_products(paths[REFERENCE], 4, 0);
    write_products(paths[SLOW], 160, 0);
    write_products(paths[LARGE], 4, 300000);
    assert_int_equal(file_replace(paths[WRONG], SLICE("no model at all"), NULL), STATUS_OK);
    write_endless(paths[HANGS]);
    write_products(paths[HUNGRY], 4, 2 << 20);
    write_products(paths[CRASHES], 4, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < VARIANTS && folder[0] != '\0'; i++) {
        (void)unlink(paths[i]);
    }
    (void)rmdir(folder);
    return 0;
}

static void need_library(void) {
    if (folder[0] == '\0') {
        (void)test_model_can_run(); /* says why */
        skip();
    }
}

/* Little of everything: what is tested is not how exact it is. */
static struct profile_options quick(void) {
    struct profile_options options;
    profile_options_init(&options);
    options.time_ms = 50;
    options.openings = 1;
    options.visit_ms = 2;
    return options;
}

static struct profile_variant variant_of(const char *path) {
    return (struct profile_variant){.path = path, .options = profile_inference_options()};
}

/* The newest child of this process, which is the one that was opened last. */
static pid_t newest_child(void) {
    pid_t newest = 0;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (const struct dirent *entry = readdir(processes); entry != NULL;
         entry = readdir(processes)) {
        char path[PATH_BYTES];
        int parent = 0;
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        FILE *stat = pid > 0 ? fopen(path, "re") : NULL;
        if (stat != NULL) {
            const int read = fscanf(stat, "%*d (%*[^)]) %*c %d", &parent);
            (void)fclose(stat);
            newest = read == 1 && parent == (int)getpid() && pid > newest ? pid : newest;
        }
    }
    (void)closedir(processes);
    return newest;
}

static bool kill_newest(void *owner, double share) {
    bool *done = owner;
    assert_true(share >= 0 && share <= 1);
    if (!*done) {
        *done = true;
        assert_int_equal(kill(newest_child(), SIGKILL), 0);
    }
    return true;
}

static void test_profile__planted_variants_are_rejected_for_the_right_reason(void **state) {
    (void)state;
    need_library();
    struct profile_variant variants[VARIANTS];
    struct profile_row rows[VARIANTS];
    struct choice choices[VARIANTS];
    struct budget budget;
    struct error err = {0};
    bool killed = false;
    struct profile_options options = quick();
    for (int i = 0; i < VARIANTS; i++) {
        variants[i] = variant_of(paths[i]);
    }
    variants[HUNGRY].options.memory_bytes = 1 << 20;
    options.run_ms_max = 2000;
    options.progress = kill_newest;
    options.owner = &killed;
    if (profile_measure(variants, VARIANTS, &options, rows, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(budget_read(SLICE("latency<=5x, size<=200KB"), &budget, &err), STATUS_OK);
    assert_true(choice_make(&budget, rows, VARIANTS, choices));
    assert_true(choices[REFERENCE].is_taken && choices[REFERENCE].keeps);
    assert_non_null(strstr(choices[SLOW].why, "median latency "));
    assert_non_null(strstr(choices[SLOW].why, "x the reference's is over 5x"));
    assert_string_equal(choices[LARGE].why, "size 337 KB is over 200 KB");
    assert_non_null(strstr(choices[WRONG].why, "unusable: open model "));
    assert_non_null(strstr(choices[WRONG].why, "is no ONNX model, or only a part of one"));
    assert_string_equal(choices[HANGS].why,
                        "unusable: running the model had not ended after 2000 ms");
    assert_non_null(strstr(choices[HUNGRY].why, "more than the 1 MiB of memory that it may have"));
    assert_non_null(strstr(choices[CRASHES].why, "was killed by signal 9 (SIGKILL)"));
    profile_rows_done(rows, VARIANTS);
}

static bool go_on_for_a_while(void *owner, double share) {
    (void)share;
    return --*(int *)owner > 0;
}

static void test_profile__may_be_ended_and_leaves_no_child(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variants[] = {variant_of(paths[REFERENCE]),
                                               variant_of(paths[SLOW])};
    struct profile_options options = quick();
    options.progress = go_on_for_a_while;
    for (int most = 1; most <= 2; most++) { /* while they open, and while they run */
        struct profile_row rows[2];
        struct error err = {0};
        int left = most;
        options.owner = &left;
        assert_int_equal(profile_measure(variants, 2, &options, rows, &err), STATUS_INTERRUPTED);
        assert_int_equal(left, 0);
        assert_int_equal(newest_child(), 0);
        profile_rows_done(rows, 2);
    }
}

static void test_profile__a_row_says_all_that_is_measured(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variants[] = {variant_of(paths[REFERENCE]),
                                               variant_of(paths[SLOW])};
    struct profile_row rows[2];
    struct error err = {0};
    const struct profile_options options = quick();
    assert_int_equal(profile_measure(variants, 2, &options, rows, &err), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        const double *of = rows[i].cost.of;
        assert_true(profile_is_usable(&rows[i]));
        assert_true(rows[i].rounds >= PROFILE_ROUNDS_LEAST);
        assert_int_equal(rows[i].rounds, rows[0].rounds);
        assert_true(rows[i].runs >= rows[i].rounds);
        assert_true(of[COST_LATENCY_MIN] > 0);
        assert_true(of[COST_LATENCY_MIN] <= of[COST_LATENCY_P50]);
        assert_true(of[COST_LATENCY_MIN] <= of[COST_LATENCY_P95]);
        assert_true(of[COST_CPU] > 0 && of[COST_LOAD] > 0 && of[COST_FIRST] > 0);
        assert_true(rows[i].load_cpu_ms > 0);
        assert_true(of[COST_RSS] > 1 << 20 && of[COST_HWM] > 1 << 20);
        assert_true(of[COST_SIZE] > of[COST_SIZE_COMPRESSED] && of[COST_SIZE_COMPRESSED] > 0);
        assert_true(isnan(of[COST_DRIFT_SQNR]) && isnan(of[COST_DRIFT_METRIC]));
        assert_true(rows[i].latency_ms.low <= rows[i].latency_ms.high);
        assert_string_equal(INFERENCE_PROVIDERS[rows[i].provider], "cpu");
    }
    assert_true(rows[0].ratio.low == 1 && rows[0].ratio.middle == 1 && rows[0].ratio.high == 1);
    assert_true(rows[1].ratio.middle > 1 && rows[1].cpu_ratio.middle > 1);
    profile_rows_done(rows, 2);
}

static void test_profile__each_opening_has_its_share_of_the_rounds(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variant = variant_of(paths[REFERENCE]);
    struct profile_row row;
    struct error err = {0};
    struct profile_options options = quick();
    options.openings = 4;
    options.time_ms = 60000;
    options.width = INFINITY; /* whatever the rounds say is precise enough */
    assert_int_equal(profile_measure(&variant, 1, &options, &row, &err), STATUS_OK);
    assert_int_equal(row.rounds, 4 * PROFILE_ROUNDS_LEAST);
    assert_int_equal(row.openings.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(row.openings.counts[i], PROFILE_ROUNDS_LEAST);
    }
    profile_rows_done(&row, 1);
}

static void test_profile__without_a_reference_the_others_are_measured(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variants[] = {variant_of("/no/such/model.onnx"),
                                               variant_of(paths[REFERENCE])};
    struct profile_row rows[2];
    struct error err = {0};
    struct profile_options options = quick();
    options.width = 1000; /* anything is sure enough */
    assert_int_equal(profile_measure(variants, 2, &options, rows, &err), STATUS_OK);
    assert_int_equal(rows[0].why.code, STATUS_NOT_FOUND);
    assert_true(profile_is_usable(&rows[1]) && rows[1].cost.of[COST_LATENCY_P50] > 0);
    assert_true(isnan(rows[1].ratio.middle) && rows[1].is_precise);
    assert_int_equal(rows[1].rounds, PROFILE_ROUNDS_LEAST);
    profile_rows_done(rows, 2);
}

static void test_profile__inputs_are_as_they_are_said_to_be(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variant = variant_of(paths[REFERENCE]);
    struct profile_row row;
    struct profile_input input;
    struct error err = {0};
    struct profile_options options = quick();
    options.inputs = &input;
    options.input_count = 1;
    assert_int_equal(profile_input_read_shape(SLICE("x=4x96"), &input, &err), STATUS_OK);
    assert_int_equal(profile_measure(&variant, 1, &options, &row, &err), STATUS_OK);
    assert_true(profile_is_usable(&row));
    profile_rows_done(&row, 1);
    assert_int_equal(profile_input_read_shape(SLICE("x=4x7"), &input, &err), STATUS_OK);
    assert_int_equal(profile_measure(&variant, 1, &options, &row, &err), STATUS_OK);
    assert_string_equal(row.why.text, "input 'x' has the shape ?x96: it cannot be 4x7");
    profile_rows_done(&row, 1);
    assert_int_equal(profile_input_read_shape(SLICE("z=4x96"), &input, &err), STATUS_OK);
    assert_int_equal(profile_measure(&variant, 1, &options, &row, &err), STATUS_INVALID);
    assert_string_equal(err.text, "no model here has an input `z`; there is `x`");
    profile_rows_done(&row, 1);
}

/* Two samples; what is asked for is counted. */
static status give_sample(void *owner, uint32_t index, const struct inference_port *ports,
                          uint32_t port_count, struct tensor *out_tensors, struct error *err) {
    static float numbers[2 * SIDE];
    uint32_t *asked = owner;
    (void)err;
    assert_int_equal(port_count, 1);
    assert_string_equal(ports[0].name, "x");
    asked[index]++;
    out_tensors[0] = (struct tensor){.type = TENSOR_FLOAT32,
                                     .rank = 2,
                                     .shape = {index + 1, SIDE},
                                     .bytes = numbers,
                                     .byte_count = (index + 1) * SIDE * sizeof(numbers[0])};
    return STATUS_OK;
}

static status refuse_sample(void *owner, uint32_t index, const struct inference_port *ports,
                            uint32_t port_count, struct tensor *out_tensors, struct error *err) {
    (void)owner, (void)index, (void)ports, (void)port_count, (void)out_tensors;
    return (fail)(err, STATUS_INVALID, "no sample fits");
}

static void test_profile__real_samples_take_the_place_of_chance(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variants[] = {variant_of(paths[REFERENCE]),
                                               variant_of(paths[LARGE])};
    struct profile_row rows[2];
    struct error err = {0};
    uint32_t asked[2] = {0};
    struct profile_samples samples = {.count = 2, .sample = give_sample, .owner = asked};
    struct profile_options options = quick();
    options.samples = &samples;
    assert_int_equal(profile_measure(variants, 2, &options, rows, &err), STATUS_OK);
    assert_true(profile_is_usable(&rows[0]) && profile_is_usable(&rows[1]));
    assert_int_equal(asked[0], 2);
    assert_int_equal(asked[1], 2);
    profile_rows_done(rows, 2);
    samples.sample = refuse_sample;
    assert_int_equal(profile_measure(variants, 2, &options, rows, &err), STATUS_OK);
    assert_string_equal(rows[1].why.text, "no sample fits");
    profile_rows_done(rows, 2);
}

static void test_profile__without_the_library_it_fails_as_a_whole(void **state) {
    (void)state;
    need_library();
    const struct profile_variant variant = variant_of(paths[REFERENCE]);
    struct profile_row row;
    struct error err = {0};
    const struct profile_options options = quick();
    char library[1024];
    (void)snprintf(library, sizeof(library), "%s", getenv("EBB_ONNXRUNTIME"));
    assert_int_equal(setenv("EBB_ONNXRUNTIME", "/no/such/library.so", 1), 0);
    assert_int_equal(profile_measure(&variant, 1, &options, &row, &err), STATUS_NOT_FOUND);
    assert_int_equal(setenv("EBB_ONNXRUNTIME", library, 1), 0);
    assert_non_null(strstr(err.text, "load ONNX Runtime"));
    profile_rows_done(&row, 1);
}

static void test_profile__a_failing_allocation_is_told(void **state) {
    (void)state;
    const struct profile_variant variants[] = {variant_of("/no/such/model.onnx"),
                                               variant_of("/no/such/other.onnx")};
    struct profile_row rows[2];
    struct error err = {0};
    const struct profile_options options = quick();
    for (long k = 0; k < 7; k++) {
        (void)memory_fail_at(k, 0);
        assert_int_equal(profile_measure(variants, 2, &options, rows, &err), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
        profile_rows_done(rows, 2);
    }
}

static void test_profile_compare__is_of_the_same_rounds(void **state) {
    (void)state;
    const double times[] = {2, 20, 6, 2};
    const double others[] = {1, 10, 3, 1};
    const struct interval_groups openings = {.counts = {3, 1}, .count = 2};
    const struct interval ratio = profile_compare(times, others, &openings, 1);
    assert_true(ratio.low == 2 && ratio.middle == 2 && ratio.high == 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile__planted_variants_are_rejected_for_the_right_reason),
        cmocka_unit_test(test_profile__may_be_ended_and_leaves_no_child),
        cmocka_unit_test(test_profile__a_row_says_all_that_is_measured),
        cmocka_unit_test(test_profile__each_opening_has_its_share_of_the_rounds),
        cmocka_unit_test(test_profile__without_a_reference_the_others_are_measured),
        cmocka_unit_test(test_profile__inputs_are_as_they_are_said_to_be),
        cmocka_unit_test(test_profile__real_samples_take_the_place_of_chance),
        cmocka_unit_test(test_profile__without_the_library_it_fails_as_a_whole),
        cmocka_unit_test(test_profile__a_failing_allocation_is_told),
        cmocka_unit_test(test_profile_compare__is_of_the_same_rounds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
