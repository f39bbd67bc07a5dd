// SPDX-License-Identifier: Apache-2.0
#include "wire/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct record example(void) {
    struct record record = {.kind = RECORD_RESULT,
                            .version = RECORD_VERSION,
                            .priority = 7,
                            .time = {.boot_ns = INT64_C(0x0102030405060708),
                                     .wall_ms = 1700000000123,
                                     .quality = CLOCK_UNSURE},
                            .workflow = SLICE("triage"),
                            .name = SLICE("verdict"),
                            .body = SLICE("{\"spam\":true}")};
    for (int i = 0; i < ID_BYTES; i++) {
        record.boot.bytes[i] = (uint8_t)(16 + i);
        record.run.bytes[i] = (uint8_t)(64 + i);
    }
    return record;
}

static struct buffer write_one(const struct record *record) {
    struct buffer bytes;
    struct error err = {.text = ""};
    buffer_init(&bytes, 2 * RECORD_BYTES_MAX);
    if (record_write(&bytes, record, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return bytes;
}

static void test_record__the_bytes_are_those_of_the_card(void **state) {
    (void)state;
    static const char HEX[] = "01010701" /* kind, version, priority, quality */
                              "101112131415161718191a1b1c1d1e1f" /* boot */
                              "0807060504030201"                 /* boot_ns */
                              "7b68e5cf8b010000"                 /* wall_ms */
                              "06747269616765"                   /* workflow */
                              "0776657264696374"                 /* name */
                              "10404142434445464748494a4b4c4d4e4f"
                              "0d7b227370616d223a747275657d"; /* body */
    const struct record record = example();
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    char hex[400] = "";
    for (size_t i = 0; i < bytes.count; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes.bytes[i]);
    }
    assert_string_equal(hex, HEX);
}

static void test_record__what_was_written_reads_back(void **state) {
    (void)state;
    const struct record record = example();
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    struct record read;
    struct error err;
    assert_int_equal(record_read(buffer_slice(&bytes), &read, &err), STATUS_OK);
    assert_int_equal(read.kind, RECORD_RESULT);
    assert_int_equal(read.priority, 7);
    assert_int_equal(read.time.boot_ns, record.time.boot_ns);
    assert_int_equal(read.time.wall_ms, record.time.wall_ms);
    assert_int_equal(read.time.quality, CLOCK_UNSURE);
    assert_true(id_equal(read.boot, record.boot));
    assert_true(id_equal(read.run, record.run));
    assert_true(slice_equal(read.workflow, record.workflow));
    assert_true(slice_equal(read.name, record.name));
    assert_true(slice_equal(read.body, record.body));
    assert_int_equal(read.tail.count, 0);
}

static void test_record__a_head_is_read_without_what_is_behind_it(void **state) {
    (void)state;
    const struct record record = example();
    struct record head;
    struct error err;
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    const struct slice alone = slice_part(buffer_slice(&bytes), 0, RECORD_HEAD_BYTES);
    assert_int_equal(record_read_head(alone, &head, &err), STATUS_OK);
    assert_int_equal(head.time.boot_ns, record.time.boot_ns);
    assert_int_equal(head.time.wall_ms, record.time.wall_ms);
    assert_int_equal(head.time.quality, CLOCK_UNSURE);
    assert_true(id_equal(head.boot, record.boot));
    assert_int_equal(head.body.count, 0);
    assert_int_equal(record_read_head(slice_part(alone, 1, alone.count), &head, &err),
                     STATUS_CORRUPT);
}

static void test_record__times_before_1970_and_long_texts_are_fine(void **state) {
    (void)state;
    static char body[300];
    struct record record = example();
    struct record read;
    struct error err;
    (void)memset(body, ' ', sizeof(body));
    record.time.wall_ms = -1;
    record.run = (struct id){0};
    record.workflow = (struct slice){0};
    record.body = (struct slice){.bytes = body, .count = sizeof(body)};
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    assert_int_equal(record_read(buffer_slice(&bytes), &read, &err), STATUS_OK);
    assert_int_equal(read.time.wall_ms, -1);
    assert_true(id_is_zero(read.run));
    assert_int_equal(read.body.count, 300);
}

static void test_record__one_byte_too_many_is_refused_and_leaves_the_buffer(void **state) {
    (void)state;
    static char body[RECORD_BYTES_MAX];
    struct record record = example();
    struct buffer bytes;
    struct error err;
    buffer_init(&bytes, 2 * RECORD_BYTES_MAX);
    buffer_add_text(&bytes, "before");
    record.body = (struct slice){.bytes = body, .count = RECORD_BYTES_MAX};
    assert_int_equal(record_write(&bytes, &record, &err), STATUS_FULL);
    assert_int_equal(bytes.count, 6);
    record.body.count = RECORD_BYTES_MAX - RECORD_HEAD_BYTES - 7 - 8 - 17 - 3;
    assert_int_equal(record_write(&bytes, &record, &err), STATUS_OK);
    assert_int_equal(bytes.count, 6 + RECORD_BYTES_MAX);
    buffer_done(&bytes);
}

static void test_record__an_unknown_version_is_kept_and_written_back_unread(void **state) {
    (void)state;
    struct record record = example();
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    struct record read;
    struct error err;
    bytes.bytes[1] = 9; /* a version of some day */
    bytes.bytes[3] = 77;
    assert_int_equal(record_read(buffer_slice(&bytes), &read, &err), STATUS_OK);
    assert_int_equal(read.version, 9);
    assert_int_equal(read.body.count, 0);
    assert_int_equal(read.tail.count, bytes.count - RECORD_HEAD_BYTES);
    CLEANUP(buffer_done) struct buffer again = write_one(&read);
    assert_true(slice_equal(buffer_slice(&again), buffer_slice(&bytes)));
}

static void test_record__every_cut_is_noticed(void **state) {
    (void)state;
    const struct record record = example();
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    for (size_t i = 0; i < bytes.count; i++) {
        struct record read = {.version = 42};
        struct error err;
        assert_int_equal(record_read(slice_part(buffer_slice(&bytes), 0, i), &read, &err),
                         STATUS_CORRUPT);
        assert_int_equal(read.version, 42); /* nothing is written on failure */
        assert_non_null(strstr(err.text, "byte"));
    }
    buffer_add_byte(&bytes, 0);
    struct record read;
    struct error err;
    assert_int_equal(record_read(buffer_slice(&bytes), &read, &err), STATUS_CORRUPT);
}

static void test_record__what_could_be_written_in_two_ways_is_refused(void **state) {
    (void)state;
    struct record record = example();
    struct record read;
    struct error err;
    record.run = (struct id){0};
    record.workflow = (struct slice){0};
    CLEANUP(buffer_done) struct buffer bytes = write_one(&record);
    CLEANUP(buffer_done) struct buffer padded;
    buffer_init(&padded, 1000);
    buffer_add(&padded, slice_part(buffer_slice(&bytes), 0, RECORD_HEAD_BYTES));
    buffer_add_byte(&padded, 0x80); /* a length of 0 in two bytes */
    buffer_add_byte(&padded, 0);
    buffer_add(&padded, slice_part(buffer_slice(&bytes), RECORD_HEAD_BYTES + 1, bytes.count));
    assert_int_equal(record_read(buffer_slice(&padded), &read, &err), STATUS_CORRUPT);
    buffer_clear(&padded);
    buffer_add(&padded, slice_part(buffer_slice(&bytes), 0, RECORD_HEAD_BYTES + 9));
    buffer_add_byte(&padded, ID_BYTES); /* a run id of zeroes stands for none */
    for (int i = 0; i < ID_BYTES; i++) {
        buffer_add_byte(&padded, 0);
    }
    buffer_add(&padded, slice_part(buffer_slice(&bytes), RECORD_HEAD_BYTES + 10, bytes.count));
    assert_int_equal(record_read(buffer_slice(&padded), &read, &err), STATUS_CORRUPT);
}

static void test_record__a_key_is_stream_lane_and_seq(void **state) {
    (void)state;
    const uint64_t key = record_key(5, LANE_LOW, 77);
    assert_int_equal(key, UINT64_C(5) << 43 | UINT64_C(4) << 40 | 77);
    assert_int_equal(record_key_stream(key), 5);
    assert_int_equal(record_key_lane(key), LANE_LOW);
    assert_int_equal(record_key_seq(key), 77);
    const uint64_t last = record_key((1 << 20) - 1, LANE_LOCAL, (UINT64_C(1) << 40) - 1);
    assert_true(last < UINT64_C(1) << 63);
    assert_int_equal(record_key_stream(last), (1 << 20) - 1);
}

static void test_record__a_public_id_is_a_uuid_of_version_8_that_finds_its_record(void **state) {
    (void)state;
    struct id stream;
    char text[ID_UUID_BYTES + 1];
    enum lane lane = LANE_COUNT;
    uint64_t seq = 0;
    for (int i = 0; i < ID_BYTES; i++) {
        stream.bytes[i] = (uint8_t)(0xa0 + i);
    }
    const struct id id = record_public_id(stream, LANE_NORMAL, 0x123456789a);
    id_write_uuid(id, text);
    assert_string_equal(text, "a0a1a2a3-a4a5-8a6a-8003-00123456789a");
    assert_true(record_from_public_id(id, stream, &lane, &seq));
    assert_int_equal(lane, LANE_NORMAL);
    assert_int_equal(seq, 0x123456789a);
    stream.bytes[0] ^= 1;
    assert_false(record_from_public_id(id, stream, &lane, &seq));
}

static void test_record__the_chain_depends_on_all_before(void **state) {
    (void)state;
    const struct id one = record_chain((struct id){0}, SLICE("a"));
    assert_false(id_equal(one, record_chain((struct id){0}, SLICE("b"))));
    assert_false(id_equal(one, record_chain(one, SLICE("a"))));
    assert_true(id_equal(one, record_chain((struct id){0}, SLICE("a"))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__the_bytes_are_those_of_the_card),
        cmocka_unit_test(test_record__what_was_written_reads_back),
        cmocka_unit_test(test_record__a_head_is_read_without_what_is_behind_it),
        cmocka_unit_test(test_record__times_before_1970_and_long_texts_are_fine),
        cmocka_unit_test(test_record__one_byte_too_many_is_refused_and_leaves_the_buffer),
        cmocka_unit_test(test_record__an_unknown_version_is_kept_and_written_back_unread),
        cmocka_unit_test(test_record__every_cut_is_noticed),
        cmocka_unit_test(test_record__what_could_be_written_in_two_ways_is_refused),
        cmocka_unit_test(test_record__a_key_is_stream_lane_and_seq),
        cmocka_unit_test(test_record__a_public_id_is_a_uuid_of_version_8_that_finds_its_record),
        cmocka_unit_test(test_record__the_chain_depends_on_all_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
