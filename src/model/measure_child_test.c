// SPDX-License-Identifier: Apache-2.0
#include "model/measure_child.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "platform/file.h"
#include "platform/test_model.h"

#include "platform/test_emulator.h"

enum { PATIENT_MS = 60000 };

static const struct inference_options PLAIN = {.threads = 1, .memory_bytes = 64 << 20};
static char folder[256];
static char path[300];

static int set_up(void **state) {
    (void)state;
    if (!test_model_can_run()) {
        return 0;
    }
    const char *above = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/ebb-measure-XXXXXX", above != NULL ? above : "/tmp");
    (void)snprintf(path, sizeof(path), "%s/model.onnx", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}

static void need_library(void) {
    if (folder[0] == '\0') {
        (void)test_model_can_run(); /* says why */
        skip();
    }
}

/* y = x + x for rows of two numbers. */
static void write_doubler(void) {
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "?x2");
    test_model_output(&model, "y", ONNX_FLOAT, "?x2");
    test_model_node(&model, "Add", "x x", "y");
    test_model_write(&model, path, ONNX_OPSET);
}

static void write_endless(void) {
    struct test_model model;
    test_model_begin(&model);
    test_model_input(&model, "x", ONNX_FLOAT, "?x2");
    test_model_output(&model, "y", ONNX_FLOAT, "?x2");
    test_model_endless(&model, "x", "y");
    test_model_write(&model, path, ONNX_OPSET);
}

static void open_well(struct measure_child *child) {
    struct error err = {0};
    if (measure_child_open(child, path, &PLAIN, PATIENT_MS, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

/* A sample for either of them. */
static status give(struct measure_child *child, int64_t rows, int64_t columns, struct error *err) {
    static float numbers[64];
    const struct tensor tensor = {.type = TENSOR_FLOAT32,
                                  .rank = 2,
                                  .shape = {rows, columns},
                                  .bytes = numbers,
                                  .byte_count = (size_t)(rows * columns) * sizeof(float)};
    return measure_child_give(child, &tensor, PATIENT_MS, err);
}

static void test_measure_child__says_what_a_model_takes_and_how_long_it_runs(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct measure_time times[5] = {0};
    struct measure_memory memory;
    struct error err = {0};
    write_doubler();
    open_well(&child);
    assert_int_equal(child.input_count, 1);
    assert_string_equal(child.inputs[0].name, "x");
    assert_int_equal(child.inputs[0].type, TENSOR_FLOAT32);
    assert_int_equal(child.inputs[0].rank, 2);
    assert_int_equal(child.inputs[0].shape[0], -1);
    assert_int_equal(child.inputs[0].shape[1], 2);
    assert_string_equal(INFERENCE_PROVIDERS[child.loaded.provider], "cpu");
    assert_true(child.loaded.time.wall_ns > 0 && child.loaded.time.cpu_ns > 0);
    assert_int_equal(give(&child, 3, 2, &err), STATUS_OK);
    assert_int_equal(give(&child, 1, 2, &err), STATUS_OK);
    assert_int_equal(measure_child_run(&child, 5, PATIENT_MS, times, &memory, &err), STATUS_OK);
    for (int i = 0; i < 5; i++) {
        assert_true(times[i].wall_ns > 0 && times[i].cpu_ns > 0);
    }
    assert_true(memory.now_bytes > 1 << 20 && memory.most_bytes > 1 << 20);
    measure_child_close(&child);
}

/* The address of a text would be a wild one in the other process. */
static void test_measure_child__options_go_along_and_their_texts_do_not(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct error err = {0};
    char saved[320];
    (void)snprintf(saved, sizeof(saved), "%s/saved.onnx", folder);
    struct inference_options options = PLAIN;
    options.save_path = saved;
    write_doubler();
    assert_int_equal(measure_child_open(&child, path, &options, PATIENT_MS, &err), STATUS_OK);
    assert_false(file_is_there(saved));
    measure_child_close(&child);
    options.memory_bytes = 1;
    assert_int_equal(measure_child_open(&child, path, &options, PATIENT_MS, &err), STATUS_FULL);
    measure_child_close(&child);
}

static void test_measure_child__what_is_no_model_is_the_librarys_sentence(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct error err = {0};
    assert_int_equal(file_replace(path, SLICE("no model at all"), NULL), STATUS_OK);
    assert_int_equal(measure_child_open(&child, path, &PLAIN, PATIENT_MS, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "is no ONNX model"));
    assert_false(child.is_hopeless);
    measure_child_close(&child);
    (void)unlink(path);
    assert_int_equal(measure_child_open(&child, path, &PLAIN, PATIENT_MS, &err), STATUS_NOT_FOUND);
    assert_false(child.is_hopeless);
    measure_child_close(&child);
}

static void test_measure_child__an_input_that_does_not_fit_fails_the_run(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct measure_time time;
    struct measure_memory memory;
    struct error err = {0};
    write_doubler();
    open_well(&child);
    assert_int_equal(give(&child, 1, 3, &err), STATUS_OK);
    assert_int_equal(measure_child_run(&child, 1, PATIENT_MS, &time, &memory, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "dimensions"));
    measure_child_close(&child);
}

static void test_measure_child__samples_are_bounded_together(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct error err = {0};
    write_doubler();
    open_well(&child);
    child.sample_bytes = MEASURE_SAMPLE_BYTES_MAX - 8; /* as if so many had been handed over */
    assert_int_equal(give(&child, 1, 2, &err), STATUS_OK);
    assert_int_equal(give(&child, 1, 2, &err), STATUS_FULL);
    assert_string_equal(err.text, "the samples have more than 256 MiB together");
    measure_child_close(&child);
}

static void test_measure_child__one_that_was_killed_is_a_crash(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct measure_time time;
    struct measure_memory memory;
    struct error err = {0};
    write_doubler();
    open_well(&child);
    assert_int_equal(give(&child, 1, 2, &err), STATUS_OK);
    assert_int_equal(kill(child.child.pid, SIGKILL), 0);
    assert_int_equal(measure_child_run(&child, 1, PATIENT_MS, &time, &memory, &err), STATUS_CRASH);
    assert_string_equal(err.text, "running the model: ebb-measure was killed by signal 9 "
                                  "(SIGKILL), for want of memory most likely");
    measure_child_close(&child);
    open_well(&child);
    assert_int_equal(kill(child.child.pid, SIGSEGV), 0);
    assert_int_equal(give(&child, 1, 2, &err), STATUS_CRASH);
    assert_non_null(strstr(err.text, "handing over a sample: ebb-measure "));
    measure_child_close(&child);
}

static void test_measure_child__one_that_never_ends_is_ended(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct measure_time time;
    struct measure_memory memory;
    struct error err = {0};
    write_endless();
    open_well(&child);
    assert_int_equal(give(&child, 1, 2, &err), STATUS_OK);
    assert_int_equal(measure_child_run(&child, 1, 100, &time, &memory, &err), STATUS_TIMEOUT);
    assert_string_equal(err.text, "running the model had not ended after 100 ms");
    measure_child_close(&child);
}

/* Nobody waits for it any more, and it ends. */
static void test_measure_child__one_that_was_left_alone_ends_itself(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct error err = {0};
    char head[MEASURE_HEAD_BYTES];
    int how = 0;
    const struct measure_order order = {.most_ms = 1};
    write_endless();
    open_well(&child);
    assert_int_equal(give(&child, 1, 2, &err), STATUS_OK);
    measure_head_write(
        (struct measure_head){.bytes = sizeof(order), .kind = MEASURE_RUN, .number = 1}, head);
    assert_int_equal(write(child.child.socket, head, sizeof(head)), sizeof(head));
    assert_int_equal(write(child.child.socket, &order, sizeof(order)), sizeof(order));
    assert_int_equal(waitpid(child.child.pid, &how, 0), child.child.pid);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGALRM);
    (void)close(child.child.socket);
    child.child = (struct child){.socket = -1};
    measure_child_close(&child);
}

static void
test_measure_child__without_the_program_or_the_library_nothing_fares_better(void **state) {
    (void)state;
    need_library();
    struct measure_child child;
    struct error err = {0};
    write_doubler();
    char library[1024];
    (void)snprintf(library, sizeof(library), "%s", getenv("EBB_ONNXRUNTIME"));
    assert_int_equal(setenv("EBB_ONNXRUNTIME", "/no/such/library.so", 1), 0);
    assert_int_equal(measure_child_open(&child, path, &PLAIN, PATIENT_MS, &err), STATUS_NOT_FOUND);
    assert_true(child.is_hopeless);
    assert_non_null(strstr(err.text, "EBB_ONNXRUNTIME"));
    measure_child_close(&child);
    assert_int_equal(setenv("EBB_ONNXRUNTIME", library, 1), 0);
    const char *program = getenv("EBB_MEASURE");
    char kept[1024];
    (void)snprintf(kept, sizeof(kept), "%s", program != NULL ? program : "");
    assert_int_equal(setenv("EBB_MEASURE", "/no/such/program", 1), 0);
    assert_int_not_equal(measure_child_open(&child, path, &PLAIN, PATIENT_MS, &err), STATUS_OK);
    assert_true(child.is_hopeless || is_emulated()); /* EMULATOR_SPAWNS_AT_ONCE */
    measure_child_close(&child);
    assert_int_equal(setenv("EBB_MEASURE", kept, 1), 0);
}

/* --- what comes from a child is held against its bounds --- */

static void test_measure_frame__a_port_that_is_cut_or_makes_no_sense_is_refused(void **state) {
    (void)state;
    struct buffer body;
    struct inference_port port = {.name = "in", .is_tensor = true, .rank = 2, .shape = {1, -1}};
    struct inference_port got;
    buffer_init(&body, 4096);
    measure_port_write(&body, &port);
    for (size_t count = 0; count < body.count; count++) {
        struct slice cut = {.bytes = body.bytes, .count = count};
        assert_false(measure_port_read(&cut, &got));
    }
    struct slice whole = buffer_slice(&body);
    assert_true(measure_port_read(&whole, &got));
    assert_int_equal(whole.count, 0);
    assert_string_equal(got.name, "in");
    buffer_clear(&body);
    port.rank = TENSOR_RANK_MAX + 1;
    measure_port_write(&body, &port);
    whole = buffer_slice(&body);
    assert_false(measure_port_read(&whole, &got));
    buffer_clear(&body);
    port.rank = 1;
    port.type = TENSOR_TYPE_COUNT;
    measure_port_write(&body, &port);
    whole = buffer_slice(&body);
    assert_false(measure_port_read(&whole, &got));
    buffer_done(&body);
}

static void test_measure_frame__a_tensor_has_the_bytes_of_its_shape(void **state) {
    (void)state;
    const struct tensor good = {.type = TENSOR_INT64, .rank = 2, .shape = {3, 2}, .byte_count = 48};
    struct tensor bad = good;
    assert_true(measure_tensor_is_sound(&good));
    bad.byte_count = 47;
    assert_false(measure_tensor_is_sound(&bad));
    bad = good;
    bad.rank = TENSOR_RANK_MAX + 1;
    assert_false(measure_tensor_is_sound(&bad));
    bad = good;
    bad.type = TENSOR_TYPE_COUNT;
    assert_false(measure_tensor_is_sound(&bad));
    bad = good;
    bad.shape[0] = -3;
    assert_false(measure_tensor_is_sound(&bad));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure_child__says_what_a_model_takes_and_how_long_it_runs),
        cmocka_unit_test(test_measure_child__options_go_along_and_their_texts_do_not),
        cmocka_unit_test(test_measure_child__what_is_no_model_is_the_librarys_sentence),
        cmocka_unit_test(test_measure_child__an_input_that_does_not_fit_fails_the_run),
        cmocka_unit_test(test_measure_child__samples_are_bounded_together),
        cmocka_unit_test(test_measure_child__one_that_was_killed_is_a_crash),
        cmocka_unit_test(test_measure_child__one_that_never_ends_is_ended),
        cmocka_unit_test(test_measure_child__one_that_was_left_alone_ends_itself),
        cmocka_unit_test(
            test_measure_child__without_the_program_or_the_library_nothing_fares_better),
        cmocka_unit_test(test_measure_frame__a_port_that_is_cut_or_makes_no_sense_is_refused),
        cmocka_unit_test(test_measure_frame__a_tensor_has_the_bytes_of_its_shape),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
