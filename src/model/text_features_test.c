// SPDX-License-Identifier: Apache-2.0
#include "model/text_features.h"

#include "base/buffer.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEPT_MAX = 4096 };

struct kept {
    uint32_t hashes[KEPT_MAX];
    size_t count;
};

static const struct text_settings WORDS = {.bytes_max = TEXT_BYTES_DEFAULT};
static const struct text_settings PAIRS = {.bytes_max = TEXT_BYTES_DEFAULT, .pairs = true};
static const struct text_settings ALL = {
    .bytes_max = TEXT_BYTES_DEFAULT, .pairs = true, .letters = 4};

static void keep(void *owner, const uint32_t *hashes, size_t count) {
    struct kept *kept = owner;
    assert_in_range(count, 1, TEXT_BATCH);
    for (size_t i = 0; i < count; i++) {
        assert_in_range(hashes[i], 0, (1 << TEXT_HASH_BITS) - 1);
        assert_true(kept->count < KEPT_MAX);
        kept->hashes[kept->count++] = hashes[i];
    }
}

static struct kept features(const struct text_settings *settings, struct slice text) {
    struct kept kept = {0};
    text_features(settings, text, keep, &kept);
    return kept;
}

static int compare(const void *a, const void *b) {
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static bool same_list(const struct kept *a, const struct kept *b) {
    return a->count == b->count &&
           memcmp(a->hashes, b->hashes, a->count * sizeof(a->hashes[0])) == 0;
}

static bool same(const struct text_settings *settings, const char *left, const char *right) {
    const struct kept a = features(settings, slice_of(left));
    const struct kept b = features(settings, slice_of(right));
    return same_list(&a, &b);
}

static bool same_bag(const struct text_settings *settings, const char *left, const char *right) {
    struct kept a = features(settings, slice_of(left));
    struct kept b = features(settings, slice_of(right));
    qsort(a.hashes, a.count, sizeof(a.hashes[0]), compare);
    qsort(b.hashes, b.count, sizeof(b.hashes[0]), compare);
    return same_list(&a, &b);
}

static void test_text_features__the_hashes_are_the_same_on_every_machine(void **state) {
    (void)state;
    const struct kept kept =
        features(&ALL, SLICE("Win $1,000 now!!! D\xC3\x9CRFEN\xFF \xE6\x97\xA5"));
    uint64_t sum = 0;
    for (size_t i = 0; i < kept.count; i++) {
        sum = sum * 31 + kept.hashes[i];
    }
    assert_int_equal(kept.count, 41);
    assert_int_equal(sum, UINT64_C(0x4b8e78713163307f));
}

static void test_text_features__capitals_and_digits_are_folded(void **state) {
    (void)state;
    assert_true(same(&ALL, "Hello WORLD 2024", "hello world 1999"));
    assert_true(same(&ALL, "\xC3\x9C\x42\x45R \xD0\x96\xD0\x9E\xD0\x81 \xCE\xA9",
                     "\xC3\xBC\x62\x65r \xD0\xB6\xD0\xBE\xD1\x91 \xCF\x89"));
    assert_false(same(&ALL, "12", "123"));
    assert_false(same(&ALL, "hello", "hallo"));
}

static void test_text_features__blanks_between_words_do_not_matter(void **state) {
    (void)state;
    assert_true(same(&ALL, "one two", "one \t\r\n\n  two"));
    assert_true(same(&PAIRS, "one two", "one\xC2\xA0two"));
    assert_true(same(&PAIRS, "one two", " one two\n"));
}

static void test_text_features__words_count_and_pairs_know_their_order(void **state) {
    (void)state;
    assert_int_equal(features(&WORDS, SLICE("one two three")).count, 3);
    assert_int_equal(features(&PAIRS, SLICE("one two three")).count, 5);
    assert_true(same_bag(&WORDS, "one two", "two one"));
    assert_false(same_bag(&PAIRS, "one two", "two one"));
    assert_int_equal(features(&WORDS, SLICE("don't")).count, 1);
    assert_int_equal(features(&WORDS, SLICE("'quoted'")).count, 3);
}

static void test_text_features__a_mark_counts_alone_doubled_or_in_a_row(void **state) {
    (void)state;
    assert_false(same(&WORDS, "!", "!!"));
    assert_false(same(&WORDS, "!!", "!!!!"));
    assert_true(same(&WORDS, "!!!!", "!!!!!!!!!"));
    assert_false(same(&WORDS, "!", "$"));
    assert_int_equal(features(&WORDS, SLICE("<b>hi</b>")).count, 8);
}

static void test_text_features__signs_of_scripts_without_blanks_are_words(void **state) {
    (void)state;
    assert_int_equal(features(&WORDS, SLICE("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E")).count, 3);
    assert_int_equal(features(&PAIRS, SLICE("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E")).count, 5);
    assert_int_equal(features(&WORDS, SLICE("\xED\x95\x9C\xEA\xB5\xAD")).count, 1);
}

static void test_text_features__runs_of_letters_show_words_that_are_alike(void **state) {
    (void)state;
    const struct text_settings runs = {.bytes_max = 1024, .letters = 4};
    const struct kept a = features(&runs, SLICE("classify"));
    const struct kept b = features(&runs, SLICE("classifier"));
    size_t shared = 0;
    for (size_t i = 0; i < a.count; i++) {
        for (size_t j = 0; j < b.count; j++) {
            shared += a.hashes[i] == b.hashes[j];
        }
    }
    assert_int_equal(shared, 7);
}

static void test_text_features__nothing_in_nothing_out(void **state) {
    (void)state;
    assert_int_equal(features(&ALL, (struct slice){0}).count, 0);
    assert_int_equal(features(&PAIRS, SLICE(" \n\t ")).count, 0);
}

static void test_text_features__no_more_than_the_bound_is_looked_at(void **state) {
    (void)state;
    const struct text_settings bound = {.bytes_max = TEXT_BYTES_MIN, .pairs = true};
    char text[TEXT_BYTES_MIN + 100];
    (void)memset(text, 'a', sizeof(text));
    text[10] = ' ';
    const struct kept before =
        features(&bound, (struct slice){.bytes = text, .count = sizeof(text)});
    (void)memset(text + TEXT_BYTES_MIN, '!', 100);
    const struct kept after =
        features(&bound, (struct slice){.bytes = text, .count = sizeof(text)});
    assert_true(same_list(&before, &after));
}

static void test_text_features__there_are_at_most_three_a_byte(void **state) {
    (void)state;
    char text[512];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = "a!"[i % 2];
    }
    assert_in_range(features(&ALL, (struct slice){.bytes = text, .count = sizeof(text)}).count, 1,
                    3 * sizeof(text));
}

static void test_text_features__ill_formed_bytes_are_as_if_repaired(void **state) {
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 500; round++) {
        char bytes[200];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            const uint32_t sort = random >> 29;
            bytes[i] =
                (char)(sort < 3 ? 0x80 + (random >> 10) % 0x80 : 0x20 + (random >> 9) % 0x60);
        }
        struct buffer repaired;
        buffer_init(&repaired, 1024);
        (void)text_repair(&repaired, (struct slice){.bytes = bytes, .count = sizeof(bytes)});
        const struct kept raw =
            features(&ALL, (struct slice){.bytes = bytes, .count = sizeof(bytes)});
        const struct kept clean = features(&ALL, buffer_slice(&repaired));
        buffer_done(&repaired);
        assert_true(same_list(&raw, &clean));
    }
}

static void test_text_features__settings_out_of_bounds_are_named(void **state) {
    (void)state;
    assert_null(text_settings_fault(&ALL));
    assert_non_null(text_settings_fault(&(struct text_settings){.bytes_max = 63}));
    assert_non_null(text_settings_fault(&(struct text_settings){.bytes_max = TEXT_BYTES_MAX + 1}));
    assert_non_null(text_settings_fault(&(struct text_settings){.bytes_max = 64, .letters = 1}));
    assert_non_null(text_settings_fault(&(struct text_settings){.bytes_max = 64, .letters = 8}));
}

static void test_text_bucket__buckets_are_all_used_and_none_is_beyond(void **state) {
    (void)state;
    assert_int_equal(text_bucket(0, 1000), 0);
    assert_int_equal(text_bucket((1 << TEXT_HASH_BITS) - 1, 1000), 999);
    assert_int_equal(text_bucket((1 << TEXT_HASH_BITS) - 1, 1 << 24), (1 << 24) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_features__the_hashes_are_the_same_on_every_machine),
        cmocka_unit_test(test_text_features__capitals_and_digits_are_folded),
        cmocka_unit_test(test_text_features__blanks_between_words_do_not_matter),
        cmocka_unit_test(test_text_features__words_count_and_pairs_know_their_order),
        cmocka_unit_test(test_text_features__a_mark_counts_alone_doubled_or_in_a_row),
        cmocka_unit_test(test_text_features__signs_of_scripts_without_blanks_are_words),
        cmocka_unit_test(test_text_features__runs_of_letters_show_words_that_are_alike),
        cmocka_unit_test(test_text_features__nothing_in_nothing_out),
        cmocka_unit_test(test_text_features__no_more_than_the_bound_is_looked_at),
        cmocka_unit_test(test_text_features__there_are_at_most_three_a_byte),
        cmocka_unit_test(test_text_features__ill_formed_bytes_are_as_if_repaired),
        cmocka_unit_test(test_text_features__settings_out_of_bounds_are_named),
        cmocka_unit_test(test_text_bucket__buckets_are_all_used_and_none_is_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
