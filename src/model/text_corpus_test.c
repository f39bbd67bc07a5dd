// SPDX-License-Identifier: Apache-2.0
#include "model/text_corpus.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FOLDS = 5, MEMORY = 8 << 20, SMALL_MEMORY = 256 << 10 };

static const struct text_settings SETTINGS = {.bytes_max = 1024, .pairs = true};

static void begin(struct text_corpus *corpus) {
    struct error err;
    assert_int_equal(text_corpus_init(corpus, &SETTINGS, MEMORY, &err), STATUS_OK);
}

static void add(struct text_corpus *corpus, const char *label, const char *text) {
    struct error err;
    assert_int_equal(text_corpus_add(corpus, slice_of(text), slice_of(label), &err), STATUS_OK);
}

/* `count` different texts of a label. */
static void add_many(struct text_corpus *corpus, const char *label, int count) {
    for (int i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s speaks of %c%c%c", label, 'a' + i % 26,
                       'a' + i / 26 % 26, 'a' + i / 676);
        add(corpus, label, text);
    }
}

static status settle(struct text_corpus *corpus, struct error *err) {
    return text_corpus_settle(corpus, FOLDS, 1, err);
}

static void test_text_corpus__labels_are_numbered_by_name(void **state) {
    (void)state;
    struct text_corpus corpus;
    begin(&corpus);
    add_many(&corpus, "spam", 3);
    add_many(&corpus, "ham", 2);
    add_many(&corpus, "jam", 4);
    struct error err;
    assert_int_equal(settle(&corpus, &err), STATUS_OK);
    assert_string_equal(corpus.labels[0].name, "ham");
    assert_string_equal(corpus.labels[1].name, "jam");
    assert_string_equal(corpus.labels[2].name, "spam");
    assert_int_equal(corpus.labels[1].texts, 4);
    assert_int_equal(corpus.texts[0].label, 2);
    assert_int_equal(corpus.texts[3].label, 0);
    assert_int_equal(corpus.texts[8].label, 1);
    text_corpus_done(&corpus);
}

static void test_text_corpus__each_fold_has_its_share_of_each_label(void **state) {
    (void)state;
    struct text_corpus corpus;
    begin(&corpus);
    add_many(&corpus, "ham", 100);
    add_many(&corpus, "spam", 50);
    struct error err;
    assert_int_equal(settle(&corpus, &err), STATUS_OK);
    int counts[2][FOLDS] = {0};
    for (size_t i = 0; i < corpus.texts_count; i++) {
        counts[corpus.texts[i].label][corpus.texts[i].fold]++;
    }
    for (int fold = 0; fold < FOLDS; fold++) {
        assert_int_equal(counts[0][fold], 20);
        assert_int_equal(counts[1][fold], 10);
    }
    assert_int_equal(corpus.repeats, 0);
    text_corpus_done(&corpus);
}

static void test_text_corpus__equal_texts_share_a_fold(void **state) {
    (void)state;
    struct text_corpus corpus;
    begin(&corpus);
    for (int i = 0; i < 6; i++) {
        add_many(&corpus, "ham", 20);
    }
    add_many(&corpus, "spam", 20);
    struct error err;
    assert_int_equal(settle(&corpus, &err), STATUS_OK);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(corpus.texts[i].fold, corpus.texts[i + 20].fold);
    }
    assert_int_equal(corpus.repeats, 100);
    text_corpus_done(&corpus);
}

static void test_text_corpus__the_order_of_texts_does_not_change_their_folds(void **state) {
    (void)state;
    struct text_corpus forward;
    struct text_corpus backward;
    begin(&forward);
    begin(&backward);
    add_many(&forward, "ham", 30);
    add_many(&forward, "spam", 30);
    add_many(&backward, "spam", 30);
    add_many(&backward, "ham", 30);
    struct error err;
    assert_int_equal(settle(&forward, &err), STATUS_OK);
    assert_int_equal(settle(&backward, &err), STATUS_OK);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(forward.texts[i].fold, backward.texts[30 + i].fold);
        assert_int_equal(forward.texts[30 + i].fold, backward.texts[i].fold);
    }
    text_corpus_done(&forward);
    text_corpus_done(&backward);
}

static void test_text_corpus__a_text_has_each_bucket_once(void **state) {
    (void)state;
    struct text_corpus corpus;
    begin(&corpus);
    add(&corpus, "ham", "one two three one two three one");
    add_many(&corpus, "ham", 200);
    assert_int_equal(corpus.texts[0].count, 6);
    const uint32_t different = text_corpus_features(&corpus);
    assert_in_range(different, 300, 1000);
    assert_int_equal(text_corpus_features(&corpus), different);
    text_corpus_bucket(&corpus, 7);
    for (size_t i = 0; i < corpus.texts_count; i++) {
        bool seen[7] = {false};
        for (uint32_t j = 0; j < corpus.texts[i].count; j++) {
            const uint32_t bucket = corpus.features[corpus.texts[i].first + j];
            assert_in_range(bucket, 0, 6);
            assert_false(seen[bucket]);
            seen[bucket] = true;
        }
        assert_true(corpus.texts[i].count > 0);
    }
    text_corpus_done(&corpus);
}

static void test_text_corpus__too_little_is_refused_by_name(void **state) {
    (void)state;
    struct text_corpus corpus;
    struct error err;
    begin(&corpus);
    assert_int_equal(settle(&corpus, &err), STATUS_INVALID);
    add_many(&corpus, "ham", 5);
    assert_int_equal(settle(&corpus, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "1 label:"));
    add_many(&corpus, "spam", 1);
    assert_int_equal(settle(&corpus, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "'spam' has 1 text"));
    add_many(&corpus, "spam", 1);
    assert_int_equal(settle(&corpus, &err), STATUS_OK);
    text_corpus_done(&corpus);
}

static void test_text_corpus__bounds_are_kept(void **state) {
    (void)state;
    struct text_corpus corpus;
    struct error err;
    begin(&corpus);
    for (int i = 0; i < TEXT_LABELS_MAX; i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), "label-%d", i);
        add(&corpus, label, "text");
    }
    assert_int_equal(text_corpus_add(&corpus, SLICE("text"), SLICE("more"), &err), STATUS_FULL);
    assert_int_equal(text_corpus_add(&corpus, SLICE("text"), SLICE("a\nb"), &err), STATUS_INVALID);
    add(&corpus, "label-63", "text");
    text_corpus_done(&corpus);

    assert_int_equal(text_corpus_init(&corpus, &SETTINGS, SMALL_MEMORY, &err), STATUS_OK);
    status done = STATUS_OK;
    int added = 0;
    for (; done == STATUS_OK && added < 100000; added++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "word%c another%c", 'a' + added % 26, 'a' + added % 25);
        done = text_corpus_add(&corpus, slice_of(text), SLICE("ham"), &err);
    }
    assert_int_equal(done, STATUS_FULL);
    assert_int_equal(corpus.texts_count, added - 1);
    assert_true(corpus.features_room * sizeof(uint32_t) +
                    corpus.texts_room * sizeof(struct corpus_text) <=
                SMALL_MEMORY);
    text_corpus_done(&corpus);

    const struct text_settings wrong = {.bytes_max = 1};
    assert_int_equal(text_corpus_init(&corpus, &wrong, MEMORY, &err), STATUS_INVALID);
    text_corpus_done(&corpus);
}

static void test_text_corpus__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    status done = STATUS_NO_MEMORY;
    for (long index = 0; done != STATUS_OK; index++) {
        struct text_corpus corpus;
        struct error err;
        (void)memory_fail_at(index, 0);
        done = text_corpus_init(&corpus, &SETTINGS, MEMORY, &err);
        for (int i = 0; done == STATUS_OK && i < 8; i++) {
            done =
                text_corpus_add(&corpus, SLICE("some text"), i % 2 ? SLICE("a") : SLICE("b"), &err);
        }
        if (done == STATUS_OK) {
            done = settle(&corpus, &err);
        }
        (void)memory_fail_at(-1, 0);
        text_corpus_done(&corpus);
        assert_true(done == STATUS_OK || done == STATUS_NO_MEMORY);
        assert_true(index < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_corpus__labels_are_numbered_by_name),
        cmocka_unit_test(test_text_corpus__each_fold_has_its_share_of_each_label),
        cmocka_unit_test(test_text_corpus__equal_texts_share_a_fold),
        cmocka_unit_test(test_text_corpus__the_order_of_texts_does_not_change_their_folds),
        cmocka_unit_test(test_text_corpus__a_text_has_each_bucket_once),
        cmocka_unit_test(test_text_corpus__too_little_is_refused_by_name),
        cmocka_unit_test(test_text_corpus__bounds_are_kept),
        cmocka_unit_test(test_text_corpus__no_memory_is_an_answer_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
