// SPDX-License-Identifier: Apache-2.0
#include "model/text_model.h"

#include "base/memory.h"
#include "platform/file.h"
#include "platform/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { BUCKETS = 64, WEIGHTS_MAX = BUCKETS * 3 };

/* Where the fields of the file stand; see the top of text_model.c. */
enum { AT_VERSION = 4, AT_LABELS = 8, AT_BUCKETS = 12, AT_BYTES = 16, AT_PAIRS = 20, AT_RUNS = 21 };

/* A model in which each label has a word of its own. */
struct made {
    struct text_parts parts;
    struct slice labels[3];
    double scales[3];
    double biases[3];
    int8_t weights[WEIGHTS_MAX];
    struct buffer bytes;
};

static const char *const WORDS[] = {"meadow", "lottery", "turbine"};

static void note(void *owner, const uint32_t *hashes, size_t count) {
    assert_int_equal(count, 1);
    *(uint32_t *)owner = text_bucket(hashes[0], BUCKETS);
}

static uint32_t bucket_of(const struct text_settings *settings, const char *word) {
    uint32_t bucket = 0;
    text_features(settings, slice_of(word), note, &bucket);
    return bucket;
}

static void make(struct made *made, uint32_t labels_count) {
    *made = (struct made){.labels = {SLICE("ham"), SLICE("spam"), SLICE("st\xC3\xB6rung")},
                          .scales = {0.5, 0.25, 1},
                          .biases = {0, 0, 0}};
    made->parts = (struct text_parts){
        .settings = {.bytes_max = 1024},
        .labels = made->labels,
        .labels_count = labels_count,
        .buckets = BUCKETS,
        .scales = made->scales,
        .biases = made->biases,
        .weights = made->weights,
        .provenance = SLICE("{\"texts\":3}"),
    };
    const uint32_t vectors = text_vectors(labels_count);
    for (uint32_t label = 0; label < labels_count; label++) {
        const uint32_t bucket = bucket_of(&made->parts.settings, WORDS[label]);
        if (vectors == 1) {
            made->weights[bucket] = label == 1 ? 100 : -100;
        } else {
            made->weights[bucket * vectors + label] = 100;
        }
    }
    buffer_init(&made->bytes, 1 << 16);
    struct error err;
    assert_int_equal(text_model_write(&made->parts, &made->bytes, &err), STATUS_OK);
}

static void done(struct made *made) {
    buffer_done(&made->bytes);
}

static struct text_model *read_made(const struct made *made) {
    struct error err;
    struct text_model *model = NULL;
    assert_int_equal(text_model_read(buffer_slice(&made->bytes), &model, &err), STATUS_OK);
    return model;
}

/* Reads bytes that are no good and says why they were refused. */
static status refusal(struct slice bytes, struct error *err) {
    struct text_model *model = NULL;
    err->text[0] = '\0';
    const status read = text_model_read(bytes, &model, err);
    assert_null(model);
    assert_true(strlen(err->text) > 0);
    return read;
}

/* Makes the checksum right again, so that what follows it is looked at. */
static void seal(struct buffer *bytes) {
    const size_t body = bytes->count - ID_BYTES;
    const struct id sum = hash_128(slice_part(buffer_slice(bytes), 0, body), (struct slice){0});
    (void)memcpy(bytes->bytes + body, sum.bytes, ID_BYTES);
}

static void test_text_model__what_was_written_is_read(void **state) {
    (void)state;
    for (uint32_t labels = 2; labels <= 3; labels++) {
        struct made made;
        make(&made, labels);
        struct text_model *model = read_made(&made);
        assert_int_equal(text_model_labels(model), labels);
        assert_true(slice_is(text_model_label(model, 1), "spam"));
        assert_int_equal(text_model_buckets(model), BUCKETS);
        assert_int_equal(text_model_settings(model).bytes_max, 1024);
        assert_true(slice_is(text_model_provenance(model), "{\"texts\":3}"));
        assert_int_equal(text_model_bytes(model), made.bytes.count);
        text_model_close(model);
        done(&made);
    }
}

static void test_text_model_ask__a_word_speaks_for_its_label(void **state) {
    (void)state;
    for (uint32_t labels = 2; labels <= 3; labels++) {
        struct made made;
        make(&made, labels);
        struct text_model *model = read_made(&made);
        uint64_t scratch[BUCKETS];
        assert_in_range(text_model_scratch_bytes(model), 1, sizeof(scratch));
        for (uint32_t label = 0; label < labels; label++) {
            (void)memset(scratch, 0xFF, sizeof(scratch));
            double chances[3] = {0};
            assert_int_equal(text_model_ask(model, slice_of(WORDS[label]), scratch, chances),
                             label);
            double sum = 0;
            for (uint32_t i = 0; i < labels; i++) {
                sum += chances[i];
            }
            assert_true(fabs(sum - 1) < 1e-12);
            assert_true(chances[label] > 0.99);
        }
        text_model_close(model);
        done(&made);
    }
}

static void test_text_model_ask__the_chance_follows_from_scale_bias_and_length(void **state) {
    (void)state;
    struct made made;
    make(&made, 2);
    done(&made);
    made.scales[0] = 0.01;
    made.biases[0] = 0.5;
    buffer_init(&made.bytes, 1 << 16);
    struct error err;
    assert_int_equal(text_model_write(&made.parts, &made.bytes, &err), STATUS_OK);
    struct text_model *model = read_made(&made);
    uint64_t scratch[BUCKETS];
    double chances[2];
    assert_int_equal(text_model_ask(model, (struct slice){0}, scratch, chances), 1);
    assert_true(fabs(chances[1] - 1 / (1 + exp(-0.5))) < 1e-12);
    (void)text_model_ask(model, SLICE("lottery lottery Lottery"), scratch, chances);
    assert_true(fabs(chances[1] - 1 / (1 + exp(-1.5))) < 1e-12);
    text_model_close(model);
    done(&made);
}

static void flip(struct buffer *bytes, size_t index, unsigned bit) {
    unsigned char *byte = (unsigned char *)bytes->bytes + index;
    *byte = (unsigned char)(*byte ^ 1U << bit);
}

static void test_text_model_read__every_changed_byte_is_noticed(void **state) {
    (void)state;
    struct made made;
    make(&made, 3);
    struct error err;
    for (size_t i = 0; i < made.bytes.count; i++) {
        for (unsigned bit = 0; bit < 8; bit += 7) {
            flip(&made.bytes, i, bit);
            const status said = refusal(buffer_slice(&made.bytes), &err);
            const bool newer = i >= AT_VERSION && i < AT_LABELS && strstr(err.text, "newer ebb");
            assert_int_equal(said, newer ? STATUS_INVALID : STATUS_CORRUPT);
            flip(&made.bytes, i, bit);
        }
    }
    done(&made);
}

static void test_text_model_read__what_is_cut_or_longer_is_noticed(void **state) {
    (void)state;
    struct made made;
    make(&made, 2);
    struct error err;
    for (size_t count = 0; count < made.bytes.count; count++) {
        assert_int_equal(refusal(slice_part(buffer_slice(&made.bytes), 0, count), &err),
                         STATUS_CORRUPT);
    }
    buffer_add_byte(&made.bytes, 0);
    assert_int_equal(refusal(buffer_slice(&made.bytes), &err), STATUS_CORRUPT);
    done(&made);
}

static void test_text_model_read__a_newer_version_is_refused_with_both(void **state) {
    (void)state;
    struct made made;
    make(&made, 2);
    struct error err;
    made.bytes.bytes[AT_VERSION] = 7;
    assert_int_equal(refusal(buffer_slice(&made.bytes), &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "version 7"));
    assert_non_null(strstr(err.text, "version 1"));
    done(&made);
}

static void test_text_model_read__fields_are_checked_behind_a_right_checksum(void **state) {
    (void)state;
    const struct {
        size_t at;
        int value;
        const char *said;
    } cases[] = {
        {AT_LABELS, 0, "0 labels"},
        {AT_LABELS, 1, "1 labels"},
        {AT_LABELS, 65, "65 labels"},
        {AT_LABELS + 3, 1, "labels"},
        {AT_LABELS, 64, "weights"},
        {AT_BUCKETS, 65, "weights of 65 buckets"},
        {AT_BUCKETS, 0, "0 weights"},
        {AT_BUCKETS + 3, 127, "weights"},
        {AT_BYTES, 1, "bytes_max"},
        {AT_PAIRS, 2, "pairs"},
        {AT_RUNS, 1, "runs of letters"},
        {AT_RUNS, 8, "runs of letters"},
        {22, 255, "weights"},
        {28, 0, "weights"},
        {28, 255, "weights"},
        {29, '\n', "control characters"},
        {29, 0xFF, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;
        make(&made, 2);
        made.bytes.bytes[cases[i].at] = (char)cases[i].value;
        if (cases[i].at == AT_BYTES) {
            (void)memset(made.bytes.bytes + AT_BYTES, 0, 4);
        }
        seal(&made.bytes);
        struct error err;
        assert_int_equal(refusal(buffer_slice(&made.bytes), &err), STATUS_CORRUPT);
        const char *said = cases[i].at == AT_BYTES ? "bytes looked at" : cases[i].said;
        if (strstr(err.text, said) == NULL) {
            print_error("case %zu: '%s' is not in '%s'\n", i, said, err.text);
            assert_true(0);
        }
        done(&made);
    }
}

static void test_text_model_write__parts_that_cannot_be_read_are_refused(void **state) {
    (void)state;
    struct made made;
    make(&made, 3);
    done(&made);
    struct error err;
    buffer_init(&made.bytes, 1 << 16);

    struct text_parts parts = made.parts;
    parts.labels_count = 1;
    assert_int_equal(text_model_write(&parts, &made.bytes, &err), STATUS_INVALID);
    parts = made.parts;
    parts.buckets = TEXT_BUCKETS_MIN - 1;
    assert_int_equal(text_model_write(&parts, &made.bytes, &err), STATUS_INVALID);
    parts = made.parts;
    parts.provenance = SLICE("[1]");
    assert_int_equal(text_model_write(&parts, &made.bytes, &err), STATUS_INVALID);
    made.labels[2] = SLICE("ham");
    assert_int_equal(text_model_write(&made.parts, &made.bytes, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "twice"));
    made.labels[2] = SLICE("other");
    made.scales[1] = (double)NAN;
    assert_int_equal(text_model_write(&made.parts, &made.bytes, &err), STATUS_INVALID);
    made.scales[1] = 1;
    made.biases[1] = -2e6;
    assert_int_equal(text_model_write(&made.parts, &made.bytes, &err), STATUS_INVALID);
    assert_int_equal(made.bytes.count, 0);
    done(&made);
}

static void test_text_model_open__a_file_is_read_and_named_in_what_went_wrong(void **state) {
    (void)state;
    char folder[] = "/tmp/ebb-text-model-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/small.ebtm", folder);
    struct made made;
    make(&made, 2);
    struct error err;
    struct text_model *model = NULL;
    assert_int_equal(text_model_open(path, &model, &err), STATUS_NOT_FOUND);
    assert_int_equal(file_replace(path, buffer_slice(&made.bytes), &err), STATUS_OK);
    assert_int_equal(text_model_open(path, &model, &err), STATUS_OK);
    text_model_close(model);
    model = NULL;
    flip(&made.bytes, made.bytes.count - 1, 0);
    assert_int_equal(file_replace(path, buffer_slice(&made.bytes), &err), STATUS_OK);
    assert_int_equal(text_model_open(path, &model, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "small.ebtm"));
    assert_non_null(strstr(err.text, "checksum"));
    assert_null(model);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    done(&made);
}

static void test_text_model_read__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    struct made made;
    make(&made, 2);
    bool failed_once = false;
    bool read_once = false;
    for (long index = 0; !read_once; index++) {
        struct error err;
        struct text_model *model = NULL;
        (void)memory_fail_at(index, 0);
        const status read = text_model_read(buffer_slice(&made.bytes), &model, &err);
        (void)memory_fail_at(-1, 0);
        read_once = read == STATUS_OK;
        assert_true(read == STATUS_OK || read == STATUS_NO_MEMORY);
        failed_once = failed_once || read == STATUS_NO_MEMORY;
        text_model_close(model);
        assert_true(index < 100);
    }
    assert_true(failed_once);
    text_model_close(NULL);
    done(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_model__what_was_written_is_read),
        cmocka_unit_test(test_text_model_ask__a_word_speaks_for_its_label),
        cmocka_unit_test(test_text_model_ask__the_chance_follows_from_scale_bias_and_length),
        cmocka_unit_test(test_text_model_read__every_changed_byte_is_noticed),
        cmocka_unit_test(test_text_model_read__what_is_cut_or_longer_is_noticed),
        cmocka_unit_test(test_text_model_read__a_newer_version_is_refused_with_both),
        cmocka_unit_test(test_text_model_read__fields_are_checked_behind_a_right_checksum),
        cmocka_unit_test(test_text_model_write__parts_that_cannot_be_read_are_refused),
        cmocka_unit_test(test_text_model_open__a_file_is_read_and_named_in_what_went_wrong),
        cmocka_unit_test(test_text_model_read__no_memory_is_an_answer_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
