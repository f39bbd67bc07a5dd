// SPDX-License-Identifier: Apache-2.0
#include "sync/frame.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/compress.h"
#include "sync/ranges.h"

enum { COUNT_BYTES = 4, LEVEL = COMPRESS_LEVEL };

static struct frame_writer *writer;
static struct frame_reader *reader;
static struct compressor *compressor;
static struct buffer wire, plain;

static int set_up(void **state) {
    (void)state;
    buffer_init(&wire, FRAME_WIRE_BYTES_MAX);
    buffer_init(&plain, FRAME_WIRE_BYTES_MAX);
    return frame_writer_create(&writer, NULL) == STATUS_OK &&
                   frame_reader_create(&reader, NULL) == STATUS_OK &&
                   compressor_create(&compressor, NULL) == STATUS_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    frame_writer_destroy(writer);
    frame_reader_destroy(reader);
    compressor_destroy(compressor);
    buffer_done(&wire);
    buffer_done(&plain);
    return 0;
}

static struct id id_of(int number) {
    return (struct id){.bytes = {(uint8_t)number, (uint8_t)(number >> 8), 0xee}};
}

static struct frame_item record_at(uint64_t seq, const char *bytes) {
    return (struct frame_item){
        .seq = seq, .last_seq = seq, .record = slice_of(bytes), .chain = id_of((int)seq)};
}

static void end_frame(void) {
    struct error err = {.text = ""};
    buffer_clear(&wire);
    if (frame_end(writer, &wire, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    size_t count = 0;
    assert_int_equal(frame_find(buffer_slice(&wire), &count, NULL), STATUS_OK);
    assert_int_equal(count, wire.count);
}

static struct frame open_frame(void) {
    struct frame frame = {0};
    struct error err = {.text = ""};
    if (frame_open(reader, buffer_slice(&wire), &frame, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return frame;
}

/* Three records, one of them of another stream before, and a gap. */
static void write_example(void) {
    struct frame_item renumbered = record_at(8, "two");
    renumbered.first_id = id_of(99);
    const struct frame_item gap = {
        .seq = 9, .last_seq = 208, .record = SLICE("gap"), .chain = id_of(208), .is_gap = true};
    const struct frame_item items[] = {record_at(7, "one"), renumbered, gap, record_at(209, "")};
    frame_begin(writer, 7, id_of(6), LEVEL);
    for (int i = 0; i < 4; i++) {
        assert_true(frame_add(writer, &items[i]));
        assert_int_equal(frame_count(writer), i + 1);
    }
    end_frame();
}

static void assert_example(struct frame frame) {
    assert_int_equal(frame.first, 7);
    assert_int_equal(frame.last, 209);
    assert_true(id_equal(frame.chain_in, id_of(6)));
    assert_true(id_equal(frame.chain_out, id_of(209)));
    assert_int_equal(frame.count, 4);
    const struct frame_item *items = frame.items;
    assert_true(slice_is(items[0].record, "one") && slice_is(items[1].record, "two") &&
                slice_is(items[2].record, "gap") && slice_is(items[3].record, ""));
    assert_true(id_is_zero(items[0].first_id) && id_equal(items[1].first_id, id_of(99)));
    assert_false(items[1].is_gap);
    assert_true(items[2].is_gap && id_equal(items[2].chain, id_of(208)));
    assert_int_equal(items[2].seq, 9);
    assert_int_equal(items[2].last_seq, 208);
    assert_int_equal(items[3].seq, 209);
    assert_int_equal(items[3].last_seq, 209);
    assert_true(id_is_zero(items[3].chain)); /* whose value is for the receiver to compute */
}

static void test_frame__what_was_written_reads_back(void **state) {
    (void)state;
    write_example();
    assert_example(open_frame());
}

static void test_frame__the_bytes_are_those_of_the_card(void **state) {
    (void)state;
    static const char HEX[] = "01"
                              "0700000000000000"
                              "d100000000000000"
                              "0600ee00000000000000000000000000"
                              "d100ee00000000000000000000000000"
                              "00036f6e65"
                              "010374776f6300ee00000000000000000000000000"
                              "0203676170c801d000ee00000000000000000000000000"
                              "0000";
    struct decompressor *decompressor = NULL;
    char hex[400] = "";
    write_example();
    assert_int_equal((uint8_t)wire.bytes[0], wire.count - COUNT_BYTES);
    assert_int_equal(decompressor_create(&decompressor, NULL), STATUS_OK);
    buffer_clear(&plain);
    assert_int_equal(decompressor_add(decompressor,
                                      slice_part(buffer_slice(&wire), COUNT_BYTES, wire.count),
                                      1000, &plain, NULL),
                     STATUS_OK);
    decompressor_destroy(decompressor);
    for (size_t i = 0; i < plain.count; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)plain.bytes[i]);
    }
    assert_string_equal(hex, HEX);
}

static void test_frame__is_full_at_64_kib(void **state) {
    (void)state;
    static char bytes[1000];
    struct frame_item item = {.seq = 1, .last_seq = 1, .chain = id_of(1)};
    item.record = (struct slice){.bytes = bytes, .count = sizeof(bytes)};
    frame_begin(writer, 1, (struct id){0}, LEVEL);
    while (frame_add(writer, &item)) {
        item.seq = ++item.last_seq;
    }
    assert_int_equal(frame_count(writer), (FRAME_BYTES_MAX - FRAME_HEAD_BYTES) / 1003);
    item.record.count = (FRAME_BYTES_MAX - FRAME_HEAD_BYTES) % 1003 - 2; /* to the last byte */
    item.record.count -= item.record.count > 127 ? 1 : 0;
    assert_true(frame_add(writer, &item));
    item.seq = ++item.last_seq;
    item.record.count = 0;
    assert_false(frame_add(writer, &item));
    end_frame();
    assert_int_equal(open_frame().last, item.seq - 1);
}

static void test_frame__holds_so_many_records(void **state) {
    (void)state;
    frame_begin(writer, 1, (struct id){0}, LEVEL);
    for (uint64_t seq = 1; seq <= FRAME_ITEMS_MAX; seq++) {
        const struct frame_item item = record_at(seq, "x");
        assert_true(frame_add(writer, &item));
    }
    const struct frame_item more = record_at(FRAME_ITEMS_MAX + 1, "x");
    assert_false(frame_add(writer, &more));
    end_frame();
    assert_int_equal(open_frame().count, FRAME_ITEMS_MAX);
}

/* Bytes that do not shrink. */
static struct slice largest_record(void) {
    static char bytes[RECORD_BYTES_MAX];
    uint32_t chance = 3;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        chance = chance * 1664525 + 1013904223;
        bytes[i] = (char)(chance >> 24);
    }
    return (struct slice){.bytes = bytes, .count = sizeof(bytes)};
}

static void test_frame__the_largest_record_has_one_to_itself(void **state) {
    (void)state;
    struct frame_item item = {.seq = RANGE_SEQ_MAX,
                              .last_seq = RANGE_SEQ_MAX,
                              .record = largest_record(),
                              .first_id = id_of(5),
                              .chain = id_of(1),
                              .is_gap = true};
    assert_true(COUNT_BYTES + compress_bytes_max(FRAME_PLAIN_BYTES_MAX) <= FRAME_WIRE_BYTES_MAX);
    frame_begin(writer, RANGE_SEQ_MAX, id_of(2), LEVEL);
    assert_true(frame_add(writer, &item));
    end_frame();
    assert_true(slice_equal(open_frame().items[0].record, largest_record()));
    item.seq = item.last_seq = 2;
    frame_begin(writer, 1, (struct id){0}, LEVEL);
    const struct frame_item small = record_at(1, "small");
    assert_true(frame_add(writer, &small));
    assert_false(frame_add(writer, &item));
}

static void test_frame__is_found_when_it_is_whole(void **state) {
    (void)state;
    size_t count = 42;
    write_example();
    for (size_t i = 0; i < wire.count; i++) {
        assert_int_equal(frame_find(slice_part(buffer_slice(&wire), 0, i), &count, NULL),
                         STATUS_OK);
        assert_int_equal(count, 0);
    }
    const size_t whole = wire.count;
    buffer_add_text(&wire, "the next one");
    assert_int_equal(frame_find(buffer_slice(&wire), &count, NULL), STATUS_OK);
    assert_int_equal(count, whole);
}

static void test_frame__that_says_that_it_is_too_large_is_refused_at_once(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        status code;
    } CASES[] = {{"\x00\x00\x00\x00", STATUS_CORRUPT},
                 {"\xff\xff\xff\xff", STATUS_CORRUPT},
                 {"\x5d\x20\x10\x00", STATUS_OK},
                 {"\x5e\x20\x10\x00", STATUS_CORRUPT}};
    static_assert(FRAME_WIRE_BYTES_MAX - COUNT_BYTES == 0x10205d, "as it stands in the cases");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        size_t count = 42;
        const struct slice bytes = {.bytes = CASES[i].bytes, .count = COUNT_BYTES};
        assert_int_equal(frame_find(bytes, &count, NULL), CASES[i].code);
        assert_int_equal(count, 0);
    }
}

static void test_frame__every_cut_is_noticed(void **state) {
    (void)state;
    struct frame frame = {.count = 42};
    write_example();
    for (size_t i = 0; i < wire.count; i++) {
        assert_int_equal(frame_open(reader, slice_part(buffer_slice(&wire), 0, i), &frame, NULL),
                         STATUS_CORRUPT);
        assert_int_equal(frame.count, 42); /* nothing is written on failure */
    }
}

/* zstd passes over a few bits that say nothing: then the frame is what it was. */
static void test_frame__a_flipped_bit_is_noticed_or_changes_nothing(void **state) {
    (void)state;
    struct frame frame;
    size_t noticed = 0;
    write_example();
    for (size_t i = 8 * COUNT_BYTES; i < 8 * wire.count; i++) {
        wire.bytes[i / 8] = (char)(wire.bytes[i / 8] ^ 1 << i % 8);
        if (frame_open(reader, buffer_slice(&wire), &frame, NULL) == STATUS_OK) {
            assert_example(frame);
        } else {
            noticed++;
        }
        wire.bytes[i / 8] = (char)(wire.bytes[i / 8] ^ 1 << i % 8);
    }
    assert_true(noticed + 4 > 8 * (wire.count - COUNT_BYTES));
}

/* --- what a writer of ours would not write --------------------------------------------------- */

static void begin_plain(uint64_t first, uint64_t last, struct id chain_in) {
    buffer_clear(&plain);
    buffer_add_byte(&plain, 1);
    buffer_add_u64(&plain, first);
    buffer_add_u64(&plain, last);
    buffer_add(&plain, id_slice(&chain_in));
    buffer_add(&plain, SLICE("chain at the end"));
}

static status open_plain(struct error *err) {
    struct frame frame;
    buffer_clear(&wire);
    buffer_add_u32(&wire, 0);
    assert_int_equal(compressor_add(compressor, LEVEL, buffer_slice(&plain), &wire, NULL),
                     STATUS_OK);
    return frame_open(reader, buffer_slice(&wire), &frame, err);
}

static void assert_refused(const char *sentence) {
    struct error err = {.text = ""};
    assert_int_equal(open_plain(&err), STATUS_CORRUPT);
    if (strstr(err.text, sentence) == NULL) {
        print_error("%s\n", err.text);
    }
    assert_non_null(strstr(err.text, sentence));
}

static void refuse(uint64_t first, uint64_t last, struct slice items, const char *sentence) {
    begin_plain(first, last, id_of(1));
    buffer_add(&plain, items);
    assert_refused(sentence);
}

static void test_frame__items_that_cannot_be_are_refused(void **state) {
    (void)state;
    refuse(1, 1, SLICE(""), "do not end where it says");
    refuse(1, 0, SLICE(""), "do not end where it says");
    refuse(0, 0, SLICE("\0\1a"), "a seq cannot be");
    refuse(RANGE_SEQ_MAX + 1, RANGE_SEQ_MAX + 1, SLICE("\0\1a"), "a seq cannot be");
    refuse(RANGE_SEQ_MAX, RANGE_SEQ_MAX + 1, SLICE("\0\1a\0\1b"), "a seq cannot be");
    refuse(1, 2, SLICE("\0\1a"), "do not end where it says");
    refuse(2, 2, SLICE("\0\1a\0\1b"), "do not end where it says");
    refuse(1, 1, SLICE("\4\1a"), "flags that are not known");
    refuse(1, 1, SLICE("\0"), "within a number");
    refuse(1, 1, SLICE("\0\x80"), "within a number");
    refuse(1, 1, SLICE("\0\x81\0a"), "longer than needed");
    refuse(1, 1, SLICE("\0\xff\xff\xff\xff\xff\xff\1a"), "too large");
    refuse(1, 1, SLICE("\0\2a"), "within a record");
    refuse(1, 1, SLICE("\0\xff\xff\xff\xff\xff\1a"), "within a record");
    refuse(1, 1, SLICE("\1\1a0123456789abcde"), "within a record");
    refuse(1, 1, SLICE("\1\1a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "is missing");
    refuse(1, 1, SLICE("\2\1a\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "is missing");
    refuse(1, 1,
           SLICE("\2\1a\0"
                 "0123456789abcdef"),
           "a seq cannot be");
    refuse(RANGE_SEQ_MAX, RANGE_SEQ_MAX,
           SLICE("\2\1a\2"
                 "0123456789abcdef"),
           "a seq cannot be");
    refuse(3, 9,
           SLICE("\2\1a\xff\xff\xff\xff\xff\x3f"
                 "0123456789abcdef"),
           "a seq cannot be");
}

static void test_frame__heads_that_cannot_be_are_refused(void **state) {
    (void)state;
    begin_plain(1, 1, id_of(1));
    plain.count--;
    assert_refused("shorter than a frame's head");
    plain.count = 0;
    assert_refused("shorter than a frame's head");
    begin_plain(1, 1, id_of(1));
    buffer_add(&plain, SLICE("\0\1a"));
    assert_int_equal(open_plain(NULL), STATUS_OK);
    plain.bytes[0] = 2;
    assert_refused("its version is not known");
    begin_plain(2, 2, (struct id){0});
    buffer_add(&plain, SLICE("\0\1a"));
    assert_refused("the chain value before its first record is missing");
    begin_plain(2, 2, (struct id){0});
    buffer_add(&plain, SLICE("\2\1a\1"
                             "0123456789abcdef"));
    assert_int_equal(open_plain(NULL), STATUS_OK); /* a gap may stand there */
}

static void test_frame__more_than_one_may_hold_is_refused(void **state) {
    (void)state;
    static char bytes[FRAME_BYTES_MAX];
    begin_plain(1, 2, id_of(1));
    buffer_add(&plain, SLICE("\0\x80\x80\4")); /* 64 KiB */
    buffer_add(&plain, (struct slice){.bytes = bytes, .count = sizeof(bytes)});
    buffer_add(&plain, SLICE("\0\0"));
    assert_refused("more records than a frame may");
    begin_plain(1, FRAME_ITEMS_MAX + 1, id_of(1));
    for (int i = 0; i <= FRAME_ITEMS_MAX; i++) {
        buffer_add(&plain, SLICE("\0\0"));
    }
    assert_refused("more records than a frame may");
    begin_plain(1, 1, id_of(1));
    char *rest = buffer_reserve(&plain, FRAME_PLAIN_BYTES_MAX - FRAME_HEAD_BYTES + 1);
    assert_non_null(rest);
    (void)memset(rest, 0, FRAME_PLAIN_BYTES_MAX - FRAME_HEAD_BYTES + 1);
    buffer_took(&plain, FRAME_PLAIN_BYTES_MAX - FRAME_HEAD_BYTES + 1);
    assert_refused("it says that it holds");
}

/* --- memory ---------------------------------------------------------------------------------- */

static status write_and_read(struct buffer *out) {
    struct frame frame;
    struct frame_writer *own = NULL;
    struct frame_reader *other = NULL;
    const struct frame_item item = record_at(1, "one");
    status code = frame_writer_create(&own, NULL);
    if (code == STATUS_OK) {
        frame_begin(own, 1, (struct id){0}, LEVEL);
        (void)frame_add(own, &item);
        code = frame_end(own, out, NULL);
    }
    if (code == STATUS_OK) {
        code = frame_reader_create(&other, NULL);
    }
    if (code == STATUS_OK) {
        code = frame_open(other, buffer_slice(out), &frame, NULL);
    }
    frame_writer_destroy(own);
    frame_reader_destroy(other);
    return code;
}

static void test_frame__every_allocation_may_fail(void **state) {
    (void)state;
    for (long k = 0;; k++) {
        struct buffer out;
        buffer_init(&out, FRAME_WIRE_BYTES_MAX);
        (void)memory_fail_at(k, 0);
        const status code = write_and_read(&out);
        const bool reached = memory_fail_at(-1, 0) > (size_t)k;
        assert_int_equal(code, reached ? STATUS_NO_MEMORY : STATUS_OK);
        buffer_done(&out);
        if (!reached) {
            assert_true(k > 5);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__what_was_written_reads_back),
        cmocka_unit_test(test_frame__the_bytes_are_those_of_the_card),
        cmocka_unit_test(test_frame__is_full_at_64_kib),
        cmocka_unit_test(test_frame__holds_so_many_records),
        cmocka_unit_test(test_frame__the_largest_record_has_one_to_itself),
        cmocka_unit_test(test_frame__is_found_when_it_is_whole),
        cmocka_unit_test(test_frame__that_says_that_it_is_too_large_is_refused_at_once),
        cmocka_unit_test(test_frame__every_cut_is_noticed),
        cmocka_unit_test(test_frame__a_flipped_bit_is_noticed_or_changes_nothing),
        cmocka_unit_test(test_frame__items_that_cannot_be_are_refused),
        cmocka_unit_test(test_frame__heads_that_cannot_be_are_refused),
        cmocka_unit_test(test_frame__more_than_one_may_hold_is_refused),
        cmocka_unit_test(test_frame__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
