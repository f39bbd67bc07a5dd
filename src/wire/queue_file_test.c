// SPDX-License-Identifier: Apache-2.0
#include "wire/queue_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct queue_section SECTION = {.device = {{1, 2}},
                                             .stream = {{3, 4}},
                                             .lane = LANE_HIGH,
                                             .first = 7,
                                             .last = 9,
                                             .made_ms = 1764000000000,
                                             .certificates = SLICE("-----BEGIN\n\"x\"\n"),
                                             .frames = SLICE("frames\0of bytes")};

static void write_section(struct buffer *out, struct slice signature) {
    CLEANUP(buffer_done) struct buffer head;
    buffer_init(&head, QUEUE_HEAD_BYTES_MAX);
    queue_section_head(&SECTION, &head);
    queue_section_write(&SECTION, buffer_slice(&head), signature, out);
}

static status read_section(struct slice bytes, struct queue_section *out_section) {
    struct arena arena;
    struct error err;
    arena_init(&arena, 1 << 20);
    struct queue_section section;
    const status read = queue_section_read(bytes, &arena, &section, &err);
    if (read == STATUS_OK) {
        *out_section = section;
        assert_true(slice_equal(section.certificates, SECTION.certificates));
    }
    arena_done(&arena);
    return read;
}

static void test_queue_file__a_section_is_read_as_it_was_written(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer bytes;
    struct queue_section section;
    struct error err;
    size_t count = 0;
    buffer_init(&bytes, QUEUE_SECTION_BYTES_MAX);
    write_section(&bytes, SLICE("signed"));
    const size_t first = bytes.count;
    write_section(&bytes, SLICE(""));
    assert_int_equal(queue_section_find(buffer_slice(&bytes), &count, &err), STATUS_OK);
    assert_int_equal(count, first);
    assert_int_equal(read_section(slice_part(buffer_slice(&bytes), 0, first), &section), STATUS_OK);
    assert_true(id_equal(section.device, SECTION.device));
    assert_true(id_equal(section.stream, SECTION.stream));
    assert_int_equal(section.lane, LANE_HIGH);
    assert_int_equal(section.first, 7);
    assert_int_equal(section.last, 9);
    assert_int_equal(section.made_ms, SECTION.made_ms);
    assert_true(slice_equal(section.frames, SECTION.frames));
    assert_true(slice_is(section.signature, "signed"));
}

static void test_queue_file__what_is_cut_off_is_not_found(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer bytes;
    struct queue_section section;
    struct error err;
    buffer_init(&bytes, QUEUE_SECTION_BYTES_MAX);
    write_section(&bytes, SLICE("signed"));
    for (size_t i = 0; i < bytes.count; i++) {
        size_t count = 1;
        const struct slice part = slice_part(buffer_slice(&bytes), 0, i);
        assert_int_equal(queue_section_find(part, &count, &err), STATUS_OK);
        assert_int_equal(count, 0);
        assert_int_equal(read_section(part, &section), STATUS_CORRUPT);
    }
}

static void test_queue_file__counts_are_bounded_and_heads_must_be_whole(void **state) {
    (void)state;
#define IDS                                                                                        \
    "{\"device\":\"00000000-0000-0000-0000-000000000000\","                                        \
    "\"stream\":\"00000000000000000000000000000000\","
#define END ",\"made_at\":\"2026-11-30T00:00:00.000Z\",\"certificates\":\"\"}"
    static const char *const HEADS[] = {"{}",
                                        "[",
                                        "{\"device\":1}",
                                        IDS "\"lane\":7,\"first\":1,\"last\":1" END,
                                        IDS "\"lane\":1,\"first\":2,\"last\":1" END,
                                        IDS "\"lane\":1,\"first\":0,\"last\":1" END};
#undef IDS
#undef END
    struct queue_section section;
    struct error err;
    size_t count = 0;
    assert_int_equal(queue_section_find(SLICE("\xff\xff\xff\x7f"), &count, &err), STATUS_CORRUPT);
    for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
        CLEANUP(buffer_done) struct buffer bytes;
        buffer_init(&bytes, QUEUE_SECTION_BYTES_MAX);
        queue_section_write(&SECTION, slice_of(HEADS[i]), SLICE("s"), &bytes);
        assert_int_equal(read_section(buffer_slice(&bytes), &section), STATUS_CORRUPT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_file__a_section_is_read_as_it_was_written),
        cmocka_unit_test(test_queue_file__what_is_cut_off_is_not_found),
        cmocka_unit_test(test_queue_file__counts_are_bounded_and_heads_must_be_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
