// SPDX-License-Identifier: Apache-2.0
#include "model/train.h"

#include "base/memory.h"
#include "platform/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_ROOM = 256, WORDS_A_TEXT = 30 };

static const char *const LABELS[] = {"garden", "kitchen", "workshop"};
static const char *const OWN[3][8] = {
    {"rose", "soil", "hedge", "seed", "lawn", "pond", "spade", "tulip"},
    {"flour", "oven", "butter", "spoon", "sauce", "knife", "dough", "pepper"},
    {"drill", "bolt", "lathe", "solder", "wrench", "sander", "vice", "plank"},
};
static const char *const SHARED[] = {"the", "of", "and",  "we",  "need", "some", "then", "take",
                                     "put", "it", "into", "two", "old",  "new",  "more", "with"};

static char home[64];
static char lines[PATH_ROOM];
static char model_path[PATH_ROOM];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-train-XXXXXX");
    if (mkdtemp(home) == NULL) {
        return -1;
    }
    (void)snprintf(lines, sizeof(lines), "%s/lines", home);
    (void)snprintf(model_path, sizeof(model_path), "%s/model.ebtm", home);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(lines);
    (void)unlink(model_path);
    return rmdir(home);
}

static uint32_t next_random(uint32_t *random) {
    *random = *random * 1664525 + 1013904223;
    return *random >> 16;
}

/* A text that speaks of its label in every fifth word. */
static void add_text(struct buffer *out, uint32_t label, uint32_t *random) {
    for (int i = 0; i < WORDS_A_TEXT; i++) {
        const bool own = i == 0 || next_random(random) % 5 == 0;
        buffer_print(out, "%s ",
                     own ? OWN[label][next_random(random) % 8] : SHARED[next_random(random) % 16]);
    }
}

/* `count` lines of `labels` labels in turn; of one in `noise` the label is wrong (0: of none). */
static void write_lines(uint32_t count, uint32_t labels, uint32_t noise) {
    struct buffer out;
    buffer_init(&out, 8 << 20);
    uint32_t random = 1;
    for (uint32_t i = 0; i < count; i++) {
        const bool wrong = noise > 0 && next_random(&random) % noise == 0;
        buffer_print(&out, "%s\t", LABELS[(i + (wrong ? 1 : 0)) % labels]);
        add_text(&out, i % labels, &random);
        buffer_add_byte(&out, '\n');
    }
    struct error err;
    assert_int_equal(buffer_status(&out, &err), STATUS_OK);
    assert_int_equal(file_replace(lines, buffer_slice(&out), &err), STATUS_OK);
    buffer_done(&out);
}

static void default_options(struct train_options *options) {
    train_options_init(options);
    options->trained_at_ms = INT64_C(1700000000000);
}

static void train_lines(const struct train_options *options, struct buffer *out,
                        struct train_report *report) {
    struct error err;
    buffer_init(out, TEXT_MODEL_BYTES_MAX);
    if (train_text(lines, options, out, report, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        assert_true(0);
    }
}

static void test_train_text__new_texts_get_their_label(void **state) {
    (void)state;
    for (uint32_t labels = 2; labels <= 3; labels++) {
        write_lines(300, labels, 0);
        struct train_options options;
        struct train_report report;
        struct buffer bytes;
        default_options(&options);
        train_lines(&options, &bytes, &report);
        assert_int_equal(report.texts, 300);
        assert_int_equal(report.labels_count, labels);
        assert_string_equal(report.labels[1].name, "kitchen");
        assert_true(report.accuracy > 0.97);
        assert_true(report.labels[0].recall > 0.95 && report.labels[0].precision > 0.95);
        assert_int_equal(report.model_bytes, bytes.count);

        struct error err;
        struct text_model *model = NULL;
        assert_int_equal(text_model_read(buffer_slice(&bytes), &model, &err), STATUS_OK);
        void *scratch = memory_new(1, text_model_scratch_bytes(model));
        uint32_t random = 99;
        for (uint32_t i = 0; i < 60; i++) {
            struct buffer text;
            buffer_init(&text, 4096);
            add_text(&text, i % labels, &random);
            double chances[3];
            assert_int_equal(text_model_ask(model, buffer_slice(&text), scratch, chances),
                             i % labels);
            buffer_done(&text);
        }
        memory_free(scratch);
        text_model_close(model);
        buffer_done(&bytes);
    }
}

static void test_train_text__the_chances_are_honest(void **state) {
    (void)state;
    write_lines(2000, 2, 5);
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    default_options(&options);
    train_lines(&options, &bytes, &report);
    assert_true(report.accuracy > 0.74 && report.accuracy < 0.86);
    assert_true(report.loss < 0.62);

    struct error err;
    struct text_model *model = NULL;
    assert_int_equal(text_model_read(buffer_slice(&bytes), &model, &err), STATUS_OK);
    void *scratch = memory_new(1, text_model_scratch_bytes(model));
    uint32_t random = 4321;
    double sum = 0;
    for (uint32_t i = 0; i < 500; i++) {
        struct buffer text;
        buffer_init(&text, 4096);
        add_text(&text, i % 2, &random);
        double chances[2];
        sum += chances[text_model_ask(model, buffer_slice(&text), scratch, chances)];
        buffer_done(&text);
    }
    assert_true(fabs(sum / 500 - 0.8) < 0.08);
    memory_free(scratch);
    text_model_close(model);
    buffer_done(&bytes);
}

static void test_train_text__the_same_texts_and_seed_give_the_same_bytes(void **state) {
    (void)state;
    write_lines(60, 3, 0);
    struct train_options options;
    struct train_report report;
    struct buffer first;
    struct buffer second;
    default_options(&options);
    train_lines(&options, &first, &report);
    train_lines(&options, &second, &report);
    assert_true(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    buffer_done(&second);
    options.seed = 2;
    train_lines(&options, &second, &report);
    assert_false(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    buffer_done(&first);
    buffer_done(&second);
}

static void
test_train_text__the_model_is_as_small_as_asked_and_no_larger_than_needed(void **state) {
    (void)state;
    write_lines(60, 3, 0);
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    default_options(&options);
    train_lines(&options, &bytes, &report);
    assert_true(report.model_bytes < TRAIN_MODEL_BYTES_DEFAULT / 2);
    buffer_done(&bytes);
    options.model_bytes_max = TRAIN_MODEL_BYTES_MIN;
    train_lines(&options, &bytes, &report);
    assert_true(report.model_bytes <= TRAIN_MODEL_BYTES_MIN);
    assert_true(report.accuracy > 0.9);
    buffer_done(&bytes);
}

static void test_train_text__letters_are_looked_at_where_texts_are_short(void **state) {
    (void)state;
    write_lines(60, 2, 0);
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    default_options(&options);
    train_lines(&options, &bytes, &report);
    assert_int_equal(report.letters, 4);
    buffer_done(&bytes);
    options.letters = 0;
    train_lines(&options, &bytes, &report);
    assert_int_equal(report.letters, 0);
    buffer_done(&bytes);
}

struct watched {
    double last;
    int calls;
};

static void watch(void *owner, double share) {
    struct watched *watched = owner;
    assert_true(share >= watched->last && share <= 1);
    watched->last = share;
    watched->calls++;
}

static void test_train_text__progress_goes_up_to_the_end(void **state) {
    (void)state;
    write_lines(200, 2, 0);
    struct watched watched = {0};
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    default_options(&options);
    options.progress = watch;
    options.owner = &watched;
    train_lines(&options, &bytes, &report);
    assert_true(watched.last >= 1 && watched.calls > 10);
    buffer_done(&bytes);
}

static void test_train_text__what_cannot_be_is_refused(void **state) {
    (void)state;
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    struct error err;
    buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
    write_lines(60, 1, 0);
    default_options(&options);
    assert_int_equal(train_text(lines, &options, &bytes, &report, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "1 label"));
    assert_non_null(strstr(err.text, lines));
    write_lines(60, 2, 0);
    options.model_bytes_max = TRAIN_MODEL_BYTES_MIN - 1;
    assert_int_equal(train_text(lines, &options, &bytes, &report, &err), STATUS_INVALID);
    default_options(&options);
    options.passes = 0;
    assert_int_equal(train_text(lines, &options, &bytes, &report, &err), STATUS_INVALID);
    default_options(&options);
    options.letters = 300;
    assert_int_equal(train_text(lines, &options, &bytes, &report, &err), STATUS_INVALID);
    default_options(&options);
    options.memory_bytes_max = 1 << 20;
    write_lines(20000, 2, 0);
    assert_int_equal(train_text(lines, &options, &bytes, &report, &err), STATUS_FULL);
    assert_int_equal(bytes.count, 0);
    buffer_done(&bytes);
}

static void test_train_text_file__a_failure_leaves_the_old_model(void **state) {
    (void)state;
    struct train_options options;
    struct train_report report;
    struct error err;
    default_options(&options);
    write_lines(60, 2, 0);
    assert_int_equal(train_text_file(lines, model_path, &options, &report, &err), STATUS_OK);
    write_lines(60, 1, 0);
    assert_int_equal(train_text_file(lines, model_path, &options, &report, &err), STATUS_INVALID);
    struct text_model *model = NULL;
    assert_int_equal(text_model_open(model_path, &model, &err), STATUS_OK);
    assert_int_equal(text_model_bytes(model), report.model_bytes);
    const struct slice provenance = text_model_provenance(model);
    assert_true(slice_starts(provenance, "{\"trained_at\":\"2023-11-14T22:13:20.000Z\""));
    text_model_close(model);
}

static void test_train_text__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    write_lines(6, 2, 0);
    struct train_options options;
    default_options(&options);
    options.passes = 1;
    options.model_bytes_max = TRAIN_MODEL_BYTES_MIN;
    status done = STATUS_NO_MEMORY;
    for (long index = 0; done != STATUS_OK; index++) {
        struct train_report report;
        struct error err;
        struct buffer bytes;
        buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
        (void)memory_fail_at(index, 0);
        done = train_text(lines, &options, &bytes, &report, &err);
        (void)memory_fail_at(-1, 0);
        buffer_done(&bytes);
        assert_true(done == STATUS_OK || done == STATUS_NO_MEMORY);
        assert_true(index < 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_train_text__new_texts_get_their_label, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__the_chances_are_honest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_train_text__the_same_texts_and_seed_give_the_same_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_train_text__the_model_is_as_small_as_asked_and_no_larger_than_needed, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            test_train_text__letters_are_looked_at_where_texts_are_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__progress_goes_up_to_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__what_cannot_be_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_train_text_file__a_failure_leaves_the_old_model,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__no_memory_is_an_answer_and_nothing_leaks,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
