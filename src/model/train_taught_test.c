// SPDX-License-Identifier: Apache-2.0
#include "model/train.h"

#include "base/memory.h"
#include "model/text_answers.h"
#include "platform/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_ROOM = 256, WORDS_A_TEXT = 24, LABELS = 3 };

/* In the teacher's order, which is not that of the names. */
static const struct slice NAMES[LABELS] = {{"workshop", 8}, {"garden", 6}, {"kitchen", 7}};
static const char *const OWN[LABELS][6] = {
    {"drill", "bolt", "lathe", "solder", "wrench", "plank"},
    {"rose", "soil", "hedge", "seed", "lawn", "pond"},
    {"flour", "oven", "butter", "spoon", "sauce", "knife"},
};
static const char *const SHARED[] = {"the", "of", "and", "we", "need", "some", "then", "take"};

static char home[64];
static char lines[PATH_ROOM];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-taught-XXXXXX");
    if (mkdtemp(home) == NULL) {
        return -1;
    }
    (void)snprintf(lines, sizeof(lines), "%s/lines", home);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(lines);
    return rmdir(home);
}

static uint32_t next_random(uint32_t *random) {
    *random = *random * 1664525 + 1013904223;
    return *random >> 16;
}

static void add_text(struct buffer *out, uint32_t label, uint32_t *random) {
    for (int i = 0; i < WORDS_A_TEXT; i++) {
        const bool own = i == 0 || next_random(random) % 5 == 0;
        buffer_print(out, "%s ",
                     own ? OWN[label][next_random(random) % 6] : SHARED[next_random(random) % 8]);
    }
}

/* `count` lines of which the first `labelled` have their label. */
static void write_lines(uint32_t count, uint32_t labelled) {
    struct buffer out;
    struct error err;
    uint32_t random = 1;
    buffer_init(&out, 8 << 20);
    for (uint32_t i = 0; i < count; i++) {
        buffer_print(&out, "%s\t", i < labelled ? NAMES[i % LABELS].bytes : TRAIN_UNLABELLED);
        add_text(&out, i % LABELS, &random);
        buffer_add_byte(&out, '\n');
    }
    assert_int_equal(buffer_status(&out, &err), STATUS_OK);
    assert_int_equal(file_replace(lines, buffer_slice(&out), &err), STATUS_OK);
    buffer_done(&out);
}

/* A teacher that counts words, and what it is to do wrong. */
struct counter {
    bool gives_chances, gives_nothing, is_always_wrong;
    unsigned asked, fails_at;
};

static uint32_t count_words(struct slice text, uint32_t label) {
    uint32_t count = 0;
    for (size_t w = 0; w < 6; w++) {
        const struct slice word = slice_of(OWN[label][w]);
        for (size_t at = 0; at + word.count <= text.count; at++) {
            count += slice_equal(slice_part(text, at, at + word.count), word);
        }
    }
    return count;
}

static status ask(void *owner, struct slice text, float *out_numbers, struct error *err) {
    struct counter *counter = owner;
    if (++counter->asked == counter->fails_at) {
        return (fail)(err, STATUS_TIMEOUT, "the teacher fell asleep"); /* not cmocka's */
    }
    float sum = 0;
    for (uint32_t i = 0; i < LABELS; i++) {
        const uint32_t label = counter->is_always_wrong ? (i + 1) % LABELS : i;
        out_numbers[i] = (float)count_words(text, label);
        out_numbers[i] = counter->gives_chances ? expf(out_numbers[i]) : out_numbers[i];
        sum += out_numbers[i];
    }
    for (uint32_t i = 0; counter->gives_chances && i < LABELS; i++) {
        out_numbers[i] /= sum;
    }
    out_numbers[1] = counter->gives_nothing ? NAN : out_numbers[1];
    return STATUS_OK;
}

static void default_options(struct train_options *options, const struct teacher *teacher) {
    train_options_init(options);
    options->trained_at_ms = INT64_C(1700000000000);
    options->teacher = teacher;
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

/* Of 90 new texts, how many the model gives the label that it should have. */
static uint32_t judge(const struct buffer *bytes) {
    struct error err;
    struct text_model *model = NULL;
    assert_int_equal(text_model_read(buffer_slice(bytes), &model, &err), STATUS_OK);
    void *scratch = memory_new(1, text_model_scratch_bytes(model));
    uint32_t random = 99;
    uint32_t right = 0;
    for (uint32_t i = 0; i < 90; i++) {
        struct buffer text;
        double chances[LABELS];
        buffer_init(&text, 4096);
        add_text(&text, i % LABELS, &random);
        const uint32_t said = text_model_ask(model, buffer_slice(&text), scratch, chances);
        right += slice_equal(text_model_label(model, said), NAMES[i % LABELS]);
        buffer_done(&text);
    }
    memory_free(scratch);
    text_model_close(model);
    return right;
}

static void test_train_text__a_teacher_stands_in_for_labels(void **state) {
    (void)state;
    struct counter counter = {0};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    default_options(&options, &teacher);
    for (uint32_t labelled = 0; labelled <= 30; labelled += 30) {
        counter.gives_chances = labelled > 0;
        write_lines(300, labelled);
        train_lines(&options, &bytes, &report);
        assert_int_equal(report.texts, 300);
        assert_int_equal(report.labelled, labelled);
        assert_true(report.agreement > 0.95);
        assert_true(labelled > 0 || report.share == 1);
        assert_string_equal(report.labels[0].name, "garden");
        assert_true(judge(&bytes) >= 87);
        struct error err;
        struct text_model *model = NULL;
        assert_int_equal(text_model_read(buffer_slice(&bytes), &model, &err), STATUS_OK);
        const struct slice provenance = text_model_provenance(model);
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "\"labelled\":%u,\"agreement\":", labelled);
        assert_non_null(memmem(provenance.bytes, provenance.count, wanted, strlen(wanted)));
        text_model_close(model);
        buffer_done(&bytes);
    }
}

/* Chances and their logarithms say the same. */
static void test_train_text__chances_are_as_good_as_logits(void **state) {
    (void)state;
    struct counter counter = {0};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct train_options options;
    struct train_report first;
    struct train_report second;
    struct buffer bytes;
    default_options(&options, &teacher);
    write_lines(120, 0);
    train_lines(&options, &bytes, &first);
    buffer_done(&bytes);
    counter.gives_chances = true;
    train_lines(&options, &bytes, &second);
    buffer_done(&bytes);
    assert_true(fabs(first.loss - second.loss) < 1e-4);
    assert_true(first.temperature == second.temperature);
}

static void test_train_text__the_share_says_whom_to_believe(void **state) {
    (void)state;
    struct counter counter = {.is_always_wrong = true};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct train_options options;
    struct train_report report;
    struct buffer bytes;
    default_options(&options, &teacher);
    options.temperature = 1;
    options.share = 0;
    write_lines(150, 150);
    train_lines(&options, &bytes, &report);
    assert_true(report.accuracy > 0.95 && report.agreement < 0.1);
    assert_true(judge(&bytes) >= 87);
    buffer_done(&bytes);
    options.share = 1;
    write_lines(150, 15);
    train_lines(&options, &bytes, &report);
    assert_true(report.agreement > 0.9);
    assert_true(report.temperature == 1 && report.share == 1);
    assert_true(judge(&bytes) <= 5);
    buffer_done(&bytes);
}

static void test_train_text__taught_twice_it_is_the_same_to_the_byte(void **state) {
    (void)state;
    struct counter counter = {0};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct train_options options;
    struct train_report report;
    struct buffer first;
    struct buffer second;
    default_options(&options, &teacher);
    write_lines(60, 30);
    train_lines(&options, &first, &report);
    train_lines(&options, &second, &report);
    assert_true(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    buffer_done(&first);
    buffer_done(&second);
}

static void refuse(const struct train_options *options, status wanted, const char *words) {
    struct train_report report;
    struct buffer bytes;
    struct error err;
    buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
    assert_int_equal(train_text(lines, options, &bytes, &report, &err), wanted);
    if (strstr(err.text, words) == NULL) {
        print_error("'%s' does not say '%s'\n", err.text, words);
        assert_true(0);
    }
    assert_int_equal(bytes.count, 0);
    buffer_done(&bytes);
}

static void test_train_text__a_teacher_that_does_not_fit_is_refused(void **state) {
    (void)state;
    struct counter counter = {0};
    struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct train_options options;
    default_options(&options, &teacher);
    write_lines(30, 30);
    teacher.labels_count = 2;
    refuse(&options, STATUS_INVALID, "label 'kitchen' is none of the teacher's");
    teacher.labels_count = 1;
    refuse(&options, STATUS_INVALID, "from 2 to 64 labels");
    teacher.labels_count = LABELS;
    counter.gives_nothing = true;
    refuse(&options, STATUS_INVALID, "no number for label 'garden'");
    counter = (struct counter){.fails_at = 4};
    refuse(&options, STATUS_TIMEOUT, "ask the teacher about text 4: the teacher fell asleep");
    options.share = 1.5;
    refuse(&options, STATUS_INVALID, "share");
    options.share = -1;
    options.temperature = -1;
    refuse(&options, STATUS_INVALID, "temperature");
    options.temperature = 0;
    write_lines(2, 2); /* a workshop and a garden */
    refuse(&options, STATUS_INVALID, "label");
}

/* Two labels have texts, and the teacher has a third. */
static void test_train_text__a_label_without_texts_is_named(void **state) {
    (void)state;
    static const struct slice MORE[] = {
        {"workshop", 8}, {"garden", 6}, {"kitchen", 7}, {"attic", 5}};
    struct counter counter = {0};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = MORE, .labels_count = 4};
    struct train_options options;
    default_options(&options, &teacher);
    write_lines(30, 30);
    refuse(&options, STATUS_INVALID, "label 'attic'");
}

static void test_train_text__the_answers_are_within_the_bound(void **state) {
    (void)state;
    struct counter counter = {0};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct text_answers answers;
    struct error err;
    uint32_t best = 0;
    text_answers_init(&answers, LABELS, 1024 * 13);
    status done = STATUS_OK;
    while (done == STATUS_OK) {
        done = text_answers_ask(&answers, &teacher, SLICE("rose"), false, &best, &err);
    }
    assert_int_equal(best, 1);
    assert_int_equal(done, STATUS_FULL);
    assert_int_equal(answers.count, 1024);
    assert_int_equal(answers.labelled_count, 0);
    text_answers_done(&answers);
}

static void test_train_text__no_memory_while_taught_is_an_answer(void **state) {
    (void)state;
    struct counter counter = {0};
    const struct teacher teacher = {
        .ask = ask, .owner = &counter, .labels = NAMES, .labels_count = LABELS};
    struct train_options options;
    default_options(&options, &teacher);
    options.passes = 1;
    options.temperature = 1;
    options.share = 1;
    options.model_bytes_max = TRAIN_MODEL_BYTES_MIN;
    write_lines(9, 6);
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
        cmocka_unit_test_setup_teardown(test_train_text__a_teacher_stands_in_for_labels, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__chances_are_as_good_as_logits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__the_share_says_whom_to_believe, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__taught_twice_it_is_the_same_to_the_byte,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__a_teacher_that_does_not_fit_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_train_text__a_label_without_texts_is_named, set_up,
                                        tear_down),
        cmocka_unit_test(test_train_text__the_answers_are_within_the_bound),
        cmocka_unit_test_setup_teardown(test_train_text__no_memory_while_taught_is_an_answer,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
