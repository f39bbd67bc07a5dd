// SPDX-License-Identifier: Apache-2.0
#include "model/text_learner.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FOLDS = 5, TEXTS = 40, BUCKETS = 65536, JUDGED = 20000 };

static const char *const LABELS[] = {"bird", "fish", "tree"};
static const char *const WORDS[] = {"wing nest feather", "fin gill water", "leaf bark root"};

/* Texts with a word of their label and a word that is theirs alone. */
static void begin(struct text_corpus *corpus, uint32_t labels) {
    const struct text_settings settings = {.bytes_max = 1024};
    struct error err;
    assert_int_equal(text_corpus_init(corpus, &settings, 8 << 20, &err), STATUS_OK);
    for (uint32_t i = 0; i < TEXTS * labels; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s own%c%c and then", WORDS[i % labels],
                       'a' + (int)(i % 26), 'a' + (int)(i / 26));
        assert_int_equal(
            text_corpus_add(corpus, slice_of(text), slice_of(LABELS[i % labels]), &err), STATUS_OK);
    }
    assert_int_equal(text_corpus_settle(corpus, FOLDS, 1, &err), STATUS_OK);
    text_corpus_bucket(corpus, BUCKETS);
}

static void open_learner(struct text_learner *learner, const struct text_corpus *corpus) {
    struct error err;
    assert_int_equal(text_learner_init(learner, corpus, &err), STATUS_OK);
}

static void test_text_learner__held_back_texts_are_told_apart(void **state) {
    (void)state;
    for (uint32_t labels = 2; labels <= 3; labels++) {
        struct text_corpus corpus;
        struct text_learner learner;
        begin(&corpus, labels);
        open_learner(&learner, &corpus);
        text_learner_learn(&learner, 0, 2, 10, 1);
        for (size_t i = 0; i < corpus.texts_count; i++) {
            double scores[3] = {0};
            text_learner_score(&learner, i, scores);
            const uint16_t label = corpus.texts[i].label;
            for (uint32_t k = 0; labels == 3 && k < 3; k++) {
                assert_true(k == label || scores[k] < scores[label]);
            }
            assert_true(labels == 3 || (scores[0] > 0) == (label == 1));
        }
        text_learner_done(&learner);
        text_corpus_done(&corpus);
    }
}

static void test_text_learner__what_is_held_back_leaves_no_trace(void **state) {
    (void)state;
    struct text_corpus corpus;
    struct text_learner learner;
    begin(&corpus, 2);
    open_learner(&learner, &corpus);
    bool used[BUCKETS] = {false};
    for (size_t i = 0; i < corpus.texts_count; i++) {
        for (uint32_t j = 0; corpus.texts[i].fold != 3 && j < corpus.texts[i].count; j++) {
            used[corpus.features[corpus.texts[i].first + j]] = true;
        }
    }
    text_learner_learn(&learner, 3, 2, 3, 1);
    size_t learned = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        const bool zero = fabsf(learner.weights[i]) <= 0;
        assert_true(used[i] || zero);
        learned += !zero;
    }
    assert_true(learned > 10);
    text_learner_done(&learner);
    text_corpus_done(&corpus);
}

static void test_text_learner__a_seed_gives_the_same_weights_again(void **state) {
    (void)state;
    struct text_corpus corpus;
    struct text_learner first;
    struct text_learner second;
    begin(&corpus, 3);
    open_learner(&first, &corpus);
    open_learner(&second, &corpus);
    const size_t bytes = sizeof(float) * BUCKETS * 3;
    text_learner_learn(&first, FOLD_NONE, 2, 3, 7);
    text_learner_learn(&second, 1, 2, 3, 8);
    assert_memory_not_equal(first.weights, second.weights, bytes);
    text_learner_learn(&second, FOLD_NONE, 2, 3, 7);
    assert_memory_equal(first.weights, second.weights, bytes);
    text_learner_done(&first);
    text_learner_done(&second);
    text_corpus_done(&corpus);
}

static double next_double(uint64_t *random) {
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*random >> 11) / 9007199254740992.0;
}

/* A corpus of which only the labels matter. */
static void label_at_random(struct text_corpus *corpus, uint32_t labels, const float *scores,
                            double slope, uint64_t *random) {
    *corpus = (struct text_corpus){.labels_count = labels, .texts_count = JUDGED};
    corpus->texts = memory_new(JUDGED, sizeof(*corpus->texts));
    assert_non_null(corpus->texts);
    const struct text_calibration truth = {.slope = slope};
    for (size_t i = 0; i < JUDGED; i++) {
        double chances[3];
        (void)text_calibrated(&truth, labels, scores + i * text_vectors(labels), chances);
        double left = next_double(random);
        uint16_t label = 0;
        while (label + 1U < labels && left >= chances[label]) {
            left -= chances[label];
            label++;
        }
        corpus->texts[i].label = label;
        corpus->labels[label].texts++;
    }
}

static void test_text_calibrate__finds_the_slope_that_made_the_labels(void **state) {
    (void)state;
    static const double SLOPES[] = {0.25, 1.5, 9};
    static float scores[JUDGED * 3];
    for (uint32_t labels = 2; labels <= 3; labels++) {
        uint64_t random = labels;
        for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
            scores[i] = (float)(6 * next_double(&random) - 3);
        }
        for (size_t s = 0; s < sizeof(SLOPES) / sizeof(SLOPES[0]); s++) {
            const double slope = SLOPES[s];
            struct text_corpus corpus;
            label_at_random(&corpus, labels, scores, slope, &random);
            const struct text_calibration found = text_calibrate(&corpus, NULL, scores);
            assert_true(fabs(found.slope / slope - 1) < 0.1);
            for (uint32_t k = 0; k < text_vectors(labels); k++) {
                assert_true(fabs(found.offsets[k]) < 0.15);
            }
            text_corpus_done(&corpus);
        }
    }
}

static void test_text_calibrate__a_bias_is_taken_back(void **state) {
    (void)state;
    static float scores[JUDGED];
    uint64_t random = 5;
    for (size_t i = 0; i < JUDGED; i++) {
        scores[i] = (float)(6 * next_double(&random) - 3);
    }
    struct text_corpus corpus;
    label_at_random(&corpus, 2, scores, 1, &random);
    for (size_t i = 0; i < JUDGED; i++) {
        scores[i] += 2;
    }
    const struct text_calibration found = text_calibrate(&corpus, NULL, scores);
    assert_true(fabs(found.slope - 1) < 0.1);
    assert_true(fabs(found.offsets[0] + 2) < 0.2);
    text_corpus_done(&corpus);
}

static void test_text_calibrate__few_texts_without_a_fault_give_no_certainty(void **state) {
    (void)state;
    struct text_corpus corpus = {.labels_count = 2, .texts_count = 8};
    corpus.texts = memory_new(8, sizeof(*corpus.texts));
    assert_non_null(corpus.texts);
    float scores[8];
    for (uint16_t i = 0; i < 8; i++) {
        corpus.texts[i].label = i % 2;
        scores[i] = i % 2 == 1 ? 1 : -1;
    }
    corpus.labels[0].texts = 4;
    corpus.labels[1].texts = 4;
    const struct text_calibration found = text_calibrate(&corpus, NULL, scores);
    double chances[2];
    const float sure = 1;
    assert_int_equal(text_calibrated(&found, 2, &sure, chances), 1);
    assert_true(fabs(chances[1] - 5.0 / 6) < 0.01);
    text_corpus_done(&corpus);
}

/* What a teacher says of each text of the corpus: `sure` for its label. None is labelled. */
static void answer(struct text_answers *answers, const struct text_corpus *corpus, float sure) {
    text_answers_init(answers, corpus->labels_count, 1 << 20);
    answers->count = corpus->texts_count;
    answers->logits = memory_new(answers->count * corpus->labels_count, sizeof(float));
    answers->labelled = memory_new(answers->count, sizeof(bool));
    assert_true(answers->logits != NULL && answers->labelled != NULL);
    for (size_t i = 0; i < answers->count; i++) {
        answers->logits[i * corpus->labels_count + corpus->texts[i].label] = sure;
    }
}

/* Where labels alone are believed, a text without one teaches nothing. */
static void test_text_learner__a_text_without_a_label_has_none(void **state) {
    (void)state;
    for (uint32_t labels = 2; labels <= 3; labels++) {
        struct text_corpus corpus;
        struct text_learner learner;
        struct text_answers answers;
        begin(&corpus, labels);
        open_learner(&learner, &corpus);
        answer(&answers, &corpus, 5);
        learner.answers = &answers;
        learner.blend = (struct distill_blend){.temperature = 1, .share = 0};
        text_learner_learn(&learner, FOLD_NONE, 2, 2, 1);
        size_t learned = 0;
        for (size_t i = 0; i < (size_t)BUCKETS * learner.vectors; i++) {
            learned += learner.weights[i] != 0;
        }
        assert_int_equal(learned, 0);
        learner.blend.share = 1;
        text_learner_learn(&learner, FOLD_NONE, 2, 10, 1);
        double scores[3] = {0};
        text_learner_score(&learner, 1, scores);
        assert_true(labels == 2 ? scores[0] > 1 : scores[1] > scores[0] + 1);
        text_answers_done(&answers);
        text_learner_done(&learner);
        text_corpus_done(&corpus);
    }
}

/* A student learns how sure its teacher is, not only what it thinks. */
static void test_text_learner__a_doubtful_teacher_has_a_doubtful_student(void **state) {
    (void)state;
    struct text_corpus corpus;
    struct text_learner learner;
    begin(&corpus, 2);
    open_learner(&learner, &corpus);
    for (int temperature = 1; temperature <= 4; temperature *= 2) {
        struct text_answers answers;
        answer(&answers, &corpus, 0.7F);
        learner.answers = &answers;
        learner.blend = (struct distill_blend){.temperature = temperature, .share = 1};
        text_learner_learn(&learner, FOLD_NONE, 2, 60, 1);
        double score = 0;
        text_learner_score(&learner, 1, &score);
        assert_true(fabs(score - 0.7) < 0.1);
        text_learner_score(&learner, 0, &score);
        assert_true(fabs(score + 0.7) < 0.1);
        text_answers_done(&answers);
    }
    text_learner_done(&learner);
    text_corpus_done(&corpus);
}

/* The teacher is 1.5 times as sure as the scores: that is the slope, though each score has the sign
 * of its label. */
static void test_text_calibrate__a_teacher_is_followed_in_how_sure_it_is(void **state) {
    (void)state;
    static float scores[JUDGED];
    uint64_t random = 5;
    struct text_corpus corpus;
    struct text_answers answers;
    for (size_t i = 0; i < JUDGED; i++) {
        scores[i] = (float)(6 * next_double(&random) - 3);
    }
    label_at_random(&corpus, 2, scores, 1000, &random);
    answer(&answers, &corpus, 0);
    for (size_t i = 0; i < JUDGED; i++) {
        answers.logits[2 * i + 1] = 1.5F * scores[i];
    }
    const struct text_calibration found = text_calibrate(&corpus, &answers, scores);
    assert_true(fabs(found.slope - 1.5) < 0.05);
    assert_true(fabs(found.offsets[0]) < 0.05);
    text_answers_done(&answers);
    text_corpus_done(&corpus);
}

static void test_text_learner__no_memory_is_an_answer(void **state) {
    (void)state;
    struct text_corpus corpus;
    begin(&corpus, 2);
    for (long index = 0; index < 2; index++) {
        struct text_learner learner;
        struct error err;
        (void)memory_fail_at(index, 0);
        assert_int_equal(text_learner_init(&learner, &corpus, &err), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
        text_learner_done(&learner);
    }
    text_corpus_done(&corpus);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_learner__held_back_texts_are_told_apart),
        cmocka_unit_test(test_text_learner__what_is_held_back_leaves_no_trace),
        cmocka_unit_test(test_text_learner__a_seed_gives_the_same_weights_again),
        cmocka_unit_test(test_text_calibrate__finds_the_slope_that_made_the_labels),
        cmocka_unit_test(test_text_calibrate__a_bias_is_taken_back),
        cmocka_unit_test(test_text_calibrate__few_texts_without_a_fault_give_no_certainty),
        cmocka_unit_test(test_text_learner__a_text_without_a_label_has_none),
        cmocka_unit_test(test_text_learner__a_doubtful_teacher_has_a_doubtful_student),
        cmocka_unit_test(test_text_calibrate__a_teacher_is_followed_in_how_sure_it_is),
        cmocka_unit_test(test_text_learner__no_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
