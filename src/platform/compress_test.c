// SPDX-License-Identifier: Apache-2.0
#include "platform/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/memory.h"

enum { PLAIN_BYTES_MAX = 1 << 20 };

static struct compressor *compressor;
static struct decompressor *decompressor;
static struct buffer frame, plain;

static int set_up(void **state) {
    (void)state;
    buffer_init(&frame, 2 * PLAIN_BYTES_MAX);
    buffer_init(&plain, PLAIN_BYTES_MAX);
    return compressor_create(&compressor, NULL) == STATUS_OK &&
                   decompressor_create(&decompressor, NULL) == STATUS_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    compressor_destroy(compressor);
    decompressor_destroy(decompressor);
    buffer_done(&frame);
    buffer_done(&plain);
    return 0;
}

static void compress_into_frame(int level, struct slice bytes) {
    struct error err = {.text = ""};
    buffer_clear(&frame);
    if (compressor_add(compressor, level, bytes, &frame, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static status open_bytes(const void *bytes, size_t count, struct error *err) {
    buffer_clear(&plain);
    return decompressor_add(decompressor, (struct slice){.bytes = bytes, .count = count},
                            PLAIN_BYTES_MAX, &plain, err);
}

static void assert_refused(const void *bytes, size_t count, const char *sentence) {
    struct error err = {.text = ""};
    assert_int_equal(open_bytes(bytes, count, &err), STATUS_CORRUPT);
    if (strstr(err.text, sentence) == NULL) {
        print_error("%s\n", err.text);
    }
    assert_non_null(strstr(err.text, sentence));
    assert_int_equal(plain.count, 0);
}

static void assert_comes_back(struct slice bytes) {
    struct error err = {.text = ""};
    if (open_bytes(frame.bytes, frame.count, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(slice_equal(buffer_slice(&plain), bytes));
}

static struct slice repetitive(void) {
    static char text[100000];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)('a' + i % 7 + i / 9000);
    }
    return (struct slice){.bytes = text, .count = sizeof(text)};
}

static struct slice random_looking(void) {
    static char noise[70000];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof(noise); i++) {
        state = state * 1664525 + 1013904223;
        noise[i] = (char)(state >> 24);
    }
    return (struct slice){.bytes = noise, .count = sizeof(noise)};
}

static void test_compress__what_was_compressed_comes_back_at_every_level(void **state) {
    (void)state;
    for (int level = -3; level <= COMPRESS_LEVEL_MAX + 3; level++) {
        compress_into_frame(level, repetitive());
        assert_true(frame.count < repetitive().count / 10);
        assert_comes_back(repetitive());
    }
}

static void test_compress__nothing_and_what_does_not_shrink_come_back(void **state) {
    (void)state;
    compress_into_frame(COMPRESS_LEVEL, SLICE(""));
    assert_comes_back(SLICE(""));
    compress_into_frame(COMPRESS_LEVEL, random_looking());
    assert_true(frame.count > random_looking().count);
    assert_true(frame.count <= compress_bytes_max(random_looking().count));
    assert_comes_back(random_looking());
}

static void test_compress__is_appended_to_what_is_there(void **state) {
    (void)state;
    buffer_clear(&frame);
    buffer_add_text(&frame, "before");
    assert_int_equal(compressor_add(compressor, 3, SLICE("hello"), &frame, NULL), STATUS_OK);
    buffer_clear(&plain);
    buffer_add_text(&plain, "also ");
    assert_int_equal(decompressor_add(decompressor,
                                      slice_part(buffer_slice(&frame), 6, frame.count), 5, &plain,
                                      NULL),
                     STATUS_OK);
    assert_true(slice_is(buffer_slice(&plain), "also hello"));
}

static void test_compress__every_cut_is_refused(void **state) {
    (void)state;
    compress_into_frame(COMPRESS_LEVEL, slice_part(repetitive(), 0, 20000));
    for (size_t i = 0; i < frame.count; i++) {
        assert_refused(frame.bytes, i, "zstd frame");
    }
}

/* zstd passes over a few bits that say nothing: then what comes back is what it was. */
static void flip_every_bit(struct slice bytes) {
    size_t noticed = 0;
    compress_into_frame(COMPRESS_LEVEL, bytes);
    for (size_t i = 0; i < 8 * frame.count; i++) {
        frame.bytes[i / 8] = (char)(frame.bytes[i / 8] ^ 1 << i % 8);
        if (open_bytes(frame.bytes, frame.count, NULL) == STATUS_OK) {
            assert_true(slice_equal(buffer_slice(&plain), bytes));
        } else {
            assert_int_equal(plain.count, 0);
            noticed++;
        }
        frame.bytes[i / 8] = (char)(frame.bytes[i / 8] ^ 1 << i % 8);
    }
    assert_true(noticed + 4 > 8 * frame.count);
}

static void test_compress__a_bit_that_flips_is_noticed_or_changes_nothing(void **state) {
    (void)state;
    flip_every_bit(SLICE("a frame of a few words, and of a few words more"));
    flip_every_bit(slice_part(repetitive(), 0, 3000));
    flip_every_bit(slice_part(random_looking(), 0, 200));
}

/* A frame that says that it holds 2^40 bytes, of which the block behind its head makes 128 KiB. */
static const uint8_t BOMB[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe4, 0,   0, 0,    0,    0,   1,
                               0,    0,    0x03, 0,    0x10, 'a', 1, 0x11, 0x22, 0x33};

static void test_compress__a_bomb_is_refused_before_anything_is_allocated(void **state) {
    (void)state;
    struct buffer out;
    struct error err;
    buffer_init(&out, SIZE_MAX);
    (void)memory_fail_at(0, 1);
    const status code = decompressor_add(
        decompressor, (struct slice){.bytes = (const char *)BOMB, .count = sizeof(BOMB)},
        PLAIN_BYTES_MAX, &out, &err);
    assert_int_equal(memory_fail_at(-1, 0), 0);
    assert_int_equal(code, STATUS_CORRUPT);
    assert_string_equal(err.text,
                        "zstd frame: it says that it holds 1099511627776 bytes, of 1048576");
    buffer_done(&out);
}

static void test_compress__holding_other_than_it_says_is_refused(void **state) {
    (void)state;
    compress_into_frame(COMPRESS_LEVEL, slice_part(repetitive(), 0, 20000));
    assert_int_equal((uint8_t)frame.bytes[4] >> 6, 1); /* its size stands in two bytes */
    frame.bytes[5] = (char)(frame.bytes[5] + 1);
    assert_refused(frame.bytes, frame.count, "zstd frame");
    frame.bytes[5] = (char)(frame.bytes[5] - 2);
    assert_refused(frame.bytes, frame.count, "zstd frame");
}

static void test_compress__a_bound_is_held_to_the_byte(void **state) {
    (void)state;
    const struct slice text = slice_part(repetitive(), 0, 1000);
    compress_into_frame(COMPRESS_LEVEL, text);
    buffer_clear(&plain);
    assert_int_equal(decompressor_add(decompressor, buffer_slice(&frame), 999, &plain, NULL),
                     STATUS_CORRUPT);
    assert_int_equal(decompressor_add(decompressor, buffer_slice(&frame), 1000, &plain, NULL),
                     STATUS_OK);
}

static void test_compress__bytes_behind_a_frame_are_refused(void **state) {
    (void)state;
    compress_into_frame(COMPRESS_LEVEL, SLICE("one"));
    buffer_add_byte(&frame, 0);
    assert_refused(frame.bytes, frame.count, "there are bytes behind it");
    compress_into_frame(COMPRESS_LEVEL, SLICE("one"));
    assert_int_equal(compressor_add(compressor, 3, SLICE("two"), &frame, NULL), STATUS_OK);
    assert_refused(frame.bytes, frame.count, "there are bytes behind it");
}

/* What zstd writes when it is asked otherwise than we ask it. */
static size_t write_otherwise(ZSTD_cParameter parameter, int value, char *out, size_t room) {
    const struct slice text = slice_part(repetitive(), 0, 500);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    (void)ZSTD_CCtx_setParameter(context, parameter, value);
    const size_t count = ZSTD_compress2(context, out, room, text.bytes, text.count);
    (void)ZSTD_freeCCtx(context);
    return count;
}

static void test_compress__frames_of_another_make_are_refused(void **state) {
    (void)state;
    static const uint8_t SKIPPABLE[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'a', 'b', 'c', 'd'};
    static const uint8_t LEGACY[] = {0x27, 0xb5, 0x2f, 0xfd, 0x24, 0, 1, 0, 0};
    char other[1000];
    size_t count = write_otherwise(ZSTD_c_checksumFlag, 0, other, sizeof(other));
    assert_refused(other, count, "it has no checksum");
    count = write_otherwise(ZSTD_c_contentSizeFlag, 0, other, sizeof(other));
    assert_refused(other, count, "it does not say how much it holds");

    assert_refused(SKIPPABLE, sizeof(SKIPPABLE), "it does not begin as one");
    assert_refused(LEGACY, sizeof(LEGACY), "it does not begin as one");
    compress_into_frame(COMPRESS_LEVEL, SLICE("one"));
    frame.bytes[4] = (char)(frame.bytes[4] | 1);
    assert_refused(frame.bytes, frame.count, "it wants a dictionary");
}

/* A window of 2 GiB is what the head may ask for at most; nothing is allocated for it. */
static void test_compress__a_window_costs_nothing(void **state) {
    (void)state;
    struct error err = {.text = ""};
    compress_into_frame(COMPRESS_LEVEL, slice_part(repetitive(), 0, 300));
    CLEANUP(buffer_done) struct buffer wide;
    buffer_init(&wide, PLAIN_BYTES_MAX);
    buffer_add(&wide, slice_part(buffer_slice(&frame), 0, 4));
    buffer_add_byte(&wide, (uint8_t)(frame.bytes[4] & ~0x20)); /* a window stands in its head */
    buffer_add_byte(&wide, 21 << 3);
    buffer_add(&wide, slice_part(buffer_slice(&frame), 5, frame.count));
    if (open_bytes(wide.bytes, wide.count, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(slice_equal(buffer_slice(&plain), slice_part(repetitive(), 0, 300)));
    wide.bytes[5] = (char)(uint8_t)(22 << 3);
    assert_refused(wide.bytes, wide.count, "its head is damaged");
}

static void test_compress__room_that_may_not_grow_is_full(void **state) {
    (void)state;
    struct buffer small;
    buffer_init(&small, compress_bytes_max(1000) - 1);
    assert_int_equal(compressor_add(compressor, 3, slice_part(repetitive(), 0, 1000), &small, NULL),
                     STATUS_FULL);
    assert_int_equal(small.count, 0);
    buffer_done(&small);
    compress_into_frame(COMPRESS_LEVEL, SLICE("hello"));
    buffer_init(&small, 4);
    assert_int_equal(decompressor_add(decompressor, buffer_slice(&frame), 5, &small, NULL),
                     STATUS_FULL);
    buffer_done(&small);
}

static void test_compress__memory_that_is_refused_is_said(void **state) {
    (void)state;
    struct compressor *none = NULL;
    struct decompressor *nothing = NULL;
    struct buffer out;
    buffer_init(&out, PLAIN_BYTES_MAX);
    compress_into_frame(COMPRESS_LEVEL, SLICE("hello"));
    (void)memory_fail_at(0, 1);
    const status created = compressor_create(&none, NULL);
    const status also = decompressor_create(&nothing, NULL);
    const status added = compressor_add(compressor, 3, SLICE("hello"), &out, NULL);
    buffer_clear(&out);
    const status opened = decompressor_add(decompressor, buffer_slice(&frame), 5, &out, NULL);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(created, STATUS_NO_MEMORY);
    assert_int_equal(also, STATUS_NO_MEMORY);
    assert_int_equal(added, STATUS_NO_MEMORY);
    assert_int_equal(opened, STATUS_NO_MEMORY);
    assert_null(none);
    assert_null(nothing);
    buffer_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress__what_was_compressed_comes_back_at_every_level),
        cmocka_unit_test(test_compress__nothing_and_what_does_not_shrink_come_back),
        cmocka_unit_test(test_compress__is_appended_to_what_is_there),
        cmocka_unit_test(test_compress__every_cut_is_refused),
        cmocka_unit_test(test_compress__a_bit_that_flips_is_noticed_or_changes_nothing),
        cmocka_unit_test(test_compress__a_bomb_is_refused_before_anything_is_allocated),
        cmocka_unit_test(test_compress__holding_other_than_it_says_is_refused),
        cmocka_unit_test(test_compress__a_bound_is_held_to_the_byte),
        cmocka_unit_test(test_compress__bytes_behind_a_frame_are_refused),
        cmocka_unit_test(test_compress__frames_of_another_make_are_refused),
        cmocka_unit_test(test_compress__a_window_costs_nothing),
        cmocka_unit_test(test_compress__room_that_may_not_grow_is_full),
        cmocka_unit_test(test_compress__memory_that_is_refused_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
