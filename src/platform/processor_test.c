// SPDX-License-Identifier: Apache-2.0
#include "platform/processor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>

enum { AVX2 = 1 << 5, KEEPS_AVX = 6, KEEPS_ALL = 0xe6 };

static const uint32_t AVX = 3 << 27 | 1 << 12;       /* the system saves it, and FMA */
static const uint32_t AVX512 = UINT32_C(0xc0030020); /* F, BW, DQ and VL, and AVX2 */

static bool in_pairs(struct processor_words words) {
    return processor_words_add_in_pairs(&words);
}

static void test_processor__avx2_adds_in_pairs(void **state) {
    (void)state;
    assert_true(in_pairs((struct processor_words){AVX, AVX2, 0, 0, KEEPS_AVX}));
    assert_true(in_pairs((struct processor_words){AVX, AVX512, 0, 0, KEEPS_ALL}));
}

static void test_processor__vnni_does_not(void **state) {
    (void)state;
    assert_false(in_pairs((struct processor_words){AVX, AVX2, 0, 1 << 4, KEEPS_AVX}));
    assert_false(in_pairs((struct processor_words){AVX, AVX512, 1 << 11, 0, KEEPS_ALL}));
}

static void test_processor__what_the_system_does_not_keep_is_not_used(void **state) {
    (void)state;
    assert_true(in_pairs((struct processor_words){AVX, AVX512, 1 << 11, 0, KEEPS_AVX}));
    assert_false(in_pairs((struct processor_words){AVX, AVX512, 1 << 11, 1 << 4, KEEPS_AVX}));
    assert_false(in_pairs((struct processor_words){AVX, AVX2, 0, 0, 2}));
}

/* The kernels for AVX-512 come before those for VNNI of 256 bits. */
static void test_processor__the_larger_kernel_is_taken(void **state) {
    (void)state;
    assert_true(in_pairs((struct processor_words){AVX, AVX512, 0, 1 << 4, KEEPS_ALL}));
}

static void test_processor__without_avx2_nothing_is_added_so(void **state) {
    (void)state;
    assert_false(in_pairs((struct processor_words){0}));
    assert_false(in_pairs((struct processor_words){AVX, 0, 0, 0, KEEPS_AVX}));
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((AVX & bit) != 0) {
            assert_false(in_pairs((struct processor_words){AVX & ~bit, AVX2, 0, 0, KEEPS_AVX}));
        }
    }
}

/* Of AVX-512 it takes all four parts; with three the kernels are those of AVX2. */
static void test_processor__a_part_of_avx512_is_none(void **state) {
    (void)state;
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((AVX512 & ~(uint32_t)AVX2 & bit) != 0) {
            assert_true(
                in_pairs((struct processor_words){AVX, AVX512 & ~bit, 1 << 11, 0, KEEPS_ALL}));
        }
    }
}

static void test_processor__blocks_are_of_sixteen_channels_with_avx512(void **state) {
    (void)state;
    static const struct {
        struct processor_words words;
        uint32_t channels;
    } cases[] = {{{AVX, AVX512, 0, 0, KEEPS_ALL}, 16}, {{AVX, AVX2 | 1 << 16, 0, 0, KEEPS_ALL}, 16},
                 {{AVX, AVX512, 0, 0, KEEPS_AVX}, 8},  {{AVX, AVX512, 0, 0, 0xe0}, 8},
                 {{AVX, 1 << 16, 0, 0, KEEPS_ALL}, 8}, {{AVX, AVX2, 0, 0, KEEPS_ALL}, 8},
                 {{0, AVX512, 0, 0, KEEPS_ALL}, 8},    {{0}, 8}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(processor_words_block_channels(&cases[i].words), cases[i].channels);
    }
}

/* What the kernel says of the first processor; other architectures have no such line. */
static void test_processor__this_one_is_as_the_system_says(void **state) {
    (void)state;
    static char line[16384];
    bool avx2 = false;
    bool vnni = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL) {
        skip();
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        const bool flags = strncmp(line, "flags", 5) == 0;
        avx2 = avx2 || (flags && strstr(line, " avx2") != NULL);
        vnni =
            vnni ||
            (flags && (strstr(line, " avx512_vnni") != NULL || strstr(line, " avx_vnni") != NULL));
    }
    (void)fclose(file);
    assert_int_equal(processor_adds_in_pairs(), avx2 && !vnni);
}

static void test_processor__what_it_can_is_said_in_words(void **state) {
    (void)state;
    char text[PROCESSOR_TEXT_BYTES];
    processor_words_describe(&(struct processor_words){AVX, AVX512, 1 << 11, 1 << 4, KEEPS_ALL},
                             text);
    assert_string_equal(text, "avx fma avx2 avx_vnni avx512f avx512bw avx512dq avx512_vnni");
    processor_words_describe(&(struct processor_words){AVX, AVX512, 1 << 11, 0, KEEPS_AVX}, text);
    assert_string_equal(text, "avx fma avx2");
    processor_words_describe(&(struct processor_words){AVX, AVX2, 0, 0, 0}, text);
    assert_string_equal(text, "");
    const uint32_t all = UINT32_MAX;
    processor_words_describe(&(struct processor_words){all, all, all, all, UINT64_MAX}, text);
    assert_non_null(strstr(text, "avx512_bf16"));
}

static void test_processor__the_one_that_is_here_says_the_same_each_time(void **state) {
    (void)state;
    char first[PROCESSOR_TEXT_BYTES];
    char second[PROCESSOR_TEXT_BYTES];
    processor_describe(first);
    processor_describe(second);
    assert_string_equal(first, second);
    assert_non_null(strchr(first, ' '));
}

static void test_processor_cores__are_those_that_we_may_use(void **state) {
    (void)state;
    cpu_set_t all;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(processor_cores(1 << 20), CPU_COUNT(&all));
    assert_int_equal(processor_cores(1), 1);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof(one), &one) == 0) {
        assert_int_equal(processor_cores(4), 1);
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processor_cores__are_those_that_we_may_use),
        cmocka_unit_test(test_processor__avx2_adds_in_pairs),
        cmocka_unit_test(test_processor__vnni_does_not),
        cmocka_unit_test(test_processor__what_the_system_does_not_keep_is_not_used),
        cmocka_unit_test(test_processor__the_larger_kernel_is_taken),
        cmocka_unit_test(test_processor__without_avx2_nothing_is_added_so),
        cmocka_unit_test(test_processor__a_part_of_avx512_is_none),
        cmocka_unit_test(test_processor__blocks_are_of_sixteen_channels_with_avx512),
        cmocka_unit_test(test_processor__this_one_is_as_the_system_says),
        cmocka_unit_test(test_processor__what_it_can_is_said_in_words),
        cmocka_unit_test(test_processor__the_one_that_is_here_says_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
