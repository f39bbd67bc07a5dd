// SPDX-License-Identifier: Apache-2.0
#include "platform/request_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { BODY_BYTES_MAX = 1 << 20, SEEN_BYTES_MAX = 4 << 20 };

static const struct request_head PUT = {.method = "PUT",
                                        .path = {.bytes = "/v1/x", .count = 5},
                                        .type = "application/zstd",
                                        .host = "hub:8443"};
static const struct request_head GET = {
    .method = "GET", .path = {.bytes = "/healthz", .count = 8}, .host = "hub:8443"};

static const char PUT_HEAD[] = "PUT /v1/x HTTP/1.1\r\nHost: hub:8443\r\n"
                               "Content-Type: application/zstd\r\nTransfer-Encoding: chunked\r\n"
                               "\r\n";

/* Gives out all that waits, in records of so many bytes; returns how many were the body's. */
static size_t give_out(struct request_writer *writer, size_t record_bytes, struct buffer *out) {
    size_t body_bytes = 0;
    while (request_writer_has_more(writer)) {
        char record[1 << 14];
        size_t of_body = 0;
        const size_t count = request_writer_fill(writer, record, record_bytes, &of_body);
        assert_true(count > 0 && count <= record_bytes && of_body <= count);
        buffer_add(out, (struct slice){.bytes = record, .count = count});
        body_bytes += of_body;
    }
    assert_int_equal(out->failed, STATUS_OK);
    return body_bytes;
}

static void check_seen(struct request_writer *writer, size_t record_bytes, const char *text) {
    CLEANUP(buffer_done) struct buffer seen;
    buffer_init(&seen, SEEN_BYTES_MAX);
    (void)give_out(writer, record_bytes, &seen);
    buffer_add_byte(&seen, '\0');
    assert_string_equal(seen.bytes, text);
}

static void test_request_writer__a_whole_body_has_its_length(void **state) {
    (void)state;
    struct request_writer writer;
    request_writer_init(&writer, BODY_BYTES_MAX);
    for (size_t bytes = REQUEST_RECORD_BYTES_LEAST; bytes < 200; bytes++) {
        assert_int_equal(request_writer_ask(&writer, &PUT, SLICE("hello"), NULL), STATUS_OK);
        check_seen(&writer, bytes,
                   "PUT /v1/x HTTP/1.1\r\nHost: hub:8443\r\nContent-Type: application/zstd\r\n"
                   "Content-Length: 5\r\n\r\nhello");
        assert_false(request_writer_is_open(&writer));
    }
    assert_int_equal(request_writer_ask(&writer, &PUT, SLICE(""), NULL), STATUS_OK);
    check_seen(&writer, 1000,
               "PUT /v1/x HTTP/1.1\r\nHost: hub:8443\r\nContent-Type: application/zstd\r\n"
               "Content-Length: 0\r\n\r\n");
    assert_int_equal(request_writer_ask(&writer, &GET, SLICE(""), NULL), STATUS_OK);
    check_seen(&writer, 1000, "GET /healthz HTTP/1.1\r\nHost: hub:8443\r\n\r\n");
    request_writer_done(&writer);
}

static void test_request_writer__a_body_in_pieces_is_chunked(void **state) {
    (void)state;
    struct request_writer writer;
    char wanted[256];
    request_writer_init(&writer, BODY_BYTES_MAX);
    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    check_seen(&writer, 1000, PUT_HEAD);
    assert_true(request_writer_is_open(&writer));
    assert_int_equal(request_writer_add(&writer, SLICE("abc"), NULL), STATUS_OK);
    assert_int_equal(request_writer_add(&writer, SLICE("defghijklmnopq"), NULL), STATUS_OK);
    assert_int_equal(request_writer_waiting(&writer), 17);
    check_seen(&writer, 1000, "11\r\nabcdefghijklmnopq\r\n");
    request_writer_end(&writer);
    assert_false(request_writer_is_open(&writer));
    check_seen(&writer, 1000, "0\r\n\r\n");

    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    assert_int_equal(request_writer_add(&writer, SLICE("x"), NULL), STATUS_OK);
    request_writer_end(&writer);
    assert_int_equal(request_writer_add(&writer, SLICE("y"), NULL), STATUS_CONFLICT);
    (void)snprintf(wanted, sizeof wanted, "%s1\r\nx\r\n0\r\n\r\n", PUT_HEAD);
    check_seen(&writer, 1000, wanted);
    request_writer_done(&writer);
}

/* Takes chunks apart again. */
static void unchunk(struct slice text, struct buffer *out) {
    for (;;) {
        struct slice line;
        assert_true(slice_next_line(&text, &line));
        unsigned bytes = 0;
        assert_int_equal(sscanf(line.bytes, "%x\r\n", &bytes), 1);
        if (bytes == 0) {
            assert_true(slice_is(text, "\r\n"));
            return;
        }
        buffer_add(out, slice_part(text, 0, bytes));
        assert_true(slice_starts(slice_part(text, bytes, text.count), "\r\n"));
        text = slice_part(text, bytes + 2, text.count);
    }
}

static void test_request_writer__large_bodies_come_through_whole(void **state) {
    (void)state;
    struct request_writer writer;
    CLEANUP(buffer_done) struct buffer sent;
    CLEANUP(buffer_done) struct buffer seen;
    CLEANUP(buffer_done) struct buffer back;
    buffer_init(&sent, SEEN_BYTES_MAX);
    buffer_init(&seen, SEEN_BYTES_MAX);
    buffer_init(&back, SEEN_BYTES_MAX);
    request_writer_init(&writer, BODY_BYTES_MAX);
    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    size_t taken = 0;
    for (unsigned i = 0; sent.count < 3 * BODY_BYTES_MAX; i++) {
        char piece[4096];
        for (size_t k = 0; k < sizeof piece; k++) {
            piece[k] = (char)(i * 31 + k * 7 + k / 251);
        }
        const struct slice part = {.bytes = piece, .count = i * 977 % sizeof piece};
        if (request_writer_add(&writer, part, NULL) == STATUS_OK) {
            buffer_add(&sent, part);
        } else { /* full: some of it goes out, and it is offered again */
            char record[1 << 14];
            size_t of_body = 0;
            const size_t count = request_writer_fill(&writer, record, sizeof record, &of_body);
            buffer_add(&seen, (struct slice){.bytes = record, .count = count});
            taken += of_body;
            assert_true(writer.body.room <= BODY_BYTES_MAX);
        }
    }
    request_writer_end(&writer);
    taken += give_out(&writer, 300, &seen);
    assert_int_equal(taken, sent.count);
    unchunk(slice_part(buffer_slice(&seen), strlen(PUT_HEAD), seen.count), &back);
    assert_true(slice_equal(buffer_slice(&back), buffer_slice(&sent)));
    assert_null(writer.body.bytes); /* what is out takes no room */
    request_writer_done(&writer);
}

static void test_request_writer__a_body_can_be_cut_behind_any_record(void **state) {
    (void)state;
    struct request_writer writer;
    char wanted[512];
    request_writer_init(&writer, BODY_BYTES_MAX);
    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    assert_int_equal(
        request_writer_add(&writer, SLICE("0123456789012345678901234567890123456789"), NULL),
        STATUS_OK);
    check_seen(&writer, 1000,
               "PUT /v1/x HTTP/1.1\r\nHost: hub:8443\r\n"
               "Content-Type: application/zstd\r\nTransfer-Encoding: chunked\r\n"
               "\r\n28\r\n0123456789012345678901234567890123456789\r\n");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(request_writer_add(&writer, SLICE("0123456789"), NULL), STATUS_OK);
    }
    char record[REQUEST_RECORD_BYTES_LEAST];
    size_t of_body = 0;
    (void)request_writer_fill(&writer, record, sizeof record, &of_body);
    assert_int_equal(of_body, sizeof record - 16);
    assert_true(request_writer_cut(&writer));
    assert_int_equal(request_writer_waiting(&writer), 0);
    assert_int_equal(request_writer_add(&writer, SLICE("more"), NULL), STATUS_CONFLICT);
    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    (void)snprintf(wanted, sizeof wanted, "0\r\n\r\n%s", PUT_HEAD);
    check_seen(&writer, 1000, wanted);
    request_writer_done(&writer);
}

static void test_request_writer__what_cannot_be_cut_says_so(void **state) {
    (void)state;
    struct request_writer writer;
    char record[REQUEST_RECORD_BYTES_LEAST];
    size_t of_body = 0;
    request_writer_init(&writer, BODY_BYTES_MAX);
    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    (void)request_writer_fill(&writer, record, sizeof record, &of_body); /* half a head */
    assert_false(request_writer_cut(&writer));

    request_writer_clear(&writer);
    assert_int_equal(request_writer_ask(&writer, &PUT, SLICE("body"), NULL), STATUS_OK);
    assert_false(request_writer_cut(&writer));
    assert_false(request_writer_is_open(&writer));

    request_writer_clear(&writer);
    assert_int_equal(request_writer_ask(&writer, &PUT, SLICE("body"), NULL), STATUS_OK);
    char room[1000];
    (void)request_writer_fill(&writer, room, sizeof room, &of_body);
    assert_true(request_writer_cut(&writer)); /* it was out */
    assert_false(request_writer_has_more(&writer));
    request_writer_done(&writer);
}

static void test_request_writer__what_is_no_request_is_refused(void **state) {
    (void)state;
    const char *const paths[] = {"", "v1", "/a b", "/a\r\nX: y", "/\x7f", "/\xc3\xa4"};
    struct request_writer writer;
    request_writer_init(&writer, 4);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct request_head head = PUT;
        head.path = slice_of(paths[i]);
        assert_int_equal(request_writer_ask(&writer, &head, SLICE("abc"), NULL), STATUS_INVALID);
        assert_int_equal(request_writer_begin(&writer, &head, NULL), STATUS_INVALID);
    }
    char path[REQUEST_PATH_BYTES_MAX + 1];
    memset(path, '/', sizeof path);
    struct request_head head = PUT;
    head.path = (struct slice){.bytes = path, .count = sizeof path};
    assert_int_equal(request_writer_begin(&writer, &head, NULL), STATUS_INVALID);
    assert_int_equal(request_writer_ask(&writer, &PUT, SLICE("abcde"), NULL), STATUS_FULL);
    assert_false(request_writer_has_more(&writer));

    assert_int_equal(request_writer_begin(&writer, &PUT, NULL), STATUS_OK);
    assert_int_equal(request_writer_add(&writer, SLICE("abc"), NULL), STATUS_OK);
    assert_int_equal(request_writer_add(&writer, SLICE("de"), NULL), STATUS_FULL);
    assert_int_equal(request_writer_add(&writer, SLICE("d"), NULL), STATUS_OK);
    assert_int_equal(request_writer_waiting(&writer), 4);
    request_writer_done(&writer);
}

static void test_request_writer__a_proxy_is_asked_for_the_hub(void **state) {
    (void)state;
    struct request_writer writer;
    request_writer_init(&writer, 0);
    assert_int_equal(request_writer_connect(&writer, "hub:8443", "", NULL), STATUS_OK);
    check_seen(&writer, 1000, "CONNECT hub:8443 HTTP/1.1\r\nHost: hub:8443\r\n\r\n");
    assert_int_equal(request_writer_connect(&writer, "[::1]:8443", "YTpi", NULL), STATUS_OK);
    check_seen(&writer, 1000,
               "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n"
               "Proxy-Authorization: Basic YTpi\r\n\r\n");
    request_writer_done(&writer);
}

static void test_request_writer__without_memory_nothing_waits(void **state) {
    (void)state;
    struct request_writer writer;
    size_t asked = 1;
    request_writer_init(&writer, BODY_BYTES_MAX);
    for (long index = 0; asked > (size_t)index; index++) {
        (void)memory_fail_at(index, 0);
        const status code = request_writer_ask(&writer, &PUT, SLICE("hello"), NULL);
        asked = memory_fail_at(-1, 0);
        assert_int_equal(code, asked > (size_t)index ? STATUS_NO_MEMORY : STATUS_OK);
        assert_int_equal(request_writer_has_more(&writer), code == STATUS_OK);
        request_writer_clear(&writer);
    }
    request_writer_done(&writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_writer__a_whole_body_has_its_length),
        cmocka_unit_test(test_request_writer__a_body_in_pieces_is_chunked),
        cmocka_unit_test(test_request_writer__large_bodies_come_through_whole),
        cmocka_unit_test(test_request_writer__a_body_can_be_cut_behind_any_record),
        cmocka_unit_test(test_request_writer__what_cannot_be_cut_says_so),
        cmocka_unit_test(test_request_writer__what_is_no_request_is_refused),
        cmocka_unit_test(test_request_writer__a_proxy_is_asked_for_the_hub),
        cmocka_unit_test(test_request_writer__without_memory_nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
