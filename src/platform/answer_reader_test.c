// SPDX-License-Identifier: Apache-2.0
#include "platform/answer_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { BODY_BYTES_MAX = 1000 };

/* Reads the text in pieces of so many bytes; what is left of it is told. */
static status read_in_pieces(struct answer_reader *reader, bool connecting, struct slice text,
                             size_t piece_bytes, size_t *out_left, struct error *err) {
    answer_reader_begin(reader, connecting);
    for (size_t from = 0; from < text.count && !answer_reader_is_whole(reader);) {
        const struct slice whole = slice_part(text, from, from + piece_bytes);
        struct slice piece = whole;
        const status code = answer_reader_take(reader, &piece, err);
        if (code != STATUS_OK) {
            return code;
        }
        from += whole.count - piece.count;
        *out_left = text.count - from;
        assert_true(piece.count == 0 || answer_reader_is_whole(reader));
    }
    return STATUS_OK;
}

static void check(const char *text, int code, const char *body) {
    struct answer_reader reader;
    answer_reader_init(&reader, BODY_BYTES_MAX);
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct error error = {0};
        size_t left = 0;
        assert_int_equal(read_in_pieces(&reader, false, slice_of(text), piece, &left, &error),
                         STATUS_OK);
        assert_true(answer_reader_is_whole(&reader));
        assert_int_equal(left, 0);
        assert_int_equal(reader.code, code);
        assert_true(slice_is(buffer_slice(&reader.body), body));
    }
    answer_reader_done(&reader);
}

static void check_refused(const char *text, status class) {
    struct answer_reader reader;
    answer_reader_init(&reader, BODY_BYTES_MAX);
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct error error = {0};
        size_t left = 0;
        const status code = read_in_pieces(&reader, false, slice_of(text), piece, &left, &error);
        if (code != class) {
            fprintf(stderr, "in pieces of %zu: %s\n", piece, text);
        }
        assert_int_equal(code, class);
        assert_int_equal(error.code, class);
    }
    answer_reader_done(&reader);
}

static void test_answer_reader__a_body_has_its_length(void **state) {
    (void)state;
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
    check("HTTP/1.1 200 OK\r\ncontent-length:5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
    check("HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 409, "");
    check("HTTP/1.1 507\r\nContent-Length: 1\r\n\r\n!", 507, "!");
}

static void test_answer_reader__a_chunked_body_is_put_together(void **state) {
    (void)state;
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n",
          200, "hello");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
          "00A\r\n0123456789\r\n0\r\nX-Sum: 3\r\nX-More: 4\r\n\r\n",
          200, "0123456789");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
}

static void test_answer_reader__some_answers_have_no_body(void **state) {
    (void)state;
    check("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
    check("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "");
}

static void test_answer_reader__what_comes_before_the_answer_is_passed_over(void **state) {
    (void)state;
    check("HTTP/1.1 100 Continue\r\n\r\n"
          "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nRetry-After: 5\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
          200, "ok");
}

static void test_answer_reader__when_to_come_again_and_whether_it_closes_are_told(void **state) {
    (void)state;
    const struct {
        const char *header;
        bool closes;
        int64_t retry_after_ms;
    } cases[] = {
        {"Retry-After: 120", false, 120000},
        {"retry-after:0", false, 0},
        {"Retry-After: 999999999", false, 999999999000},
        {"Retry-After: 9999999999", false, 0},
        {"Retry-After: -1", false, 0},
        {"Retry-After: Mon, 30 Nov 2026 10:00:00 GMT", false, 0},
        {"Connection: close", true, 0},
        {"Connection: Keep-Alive, Close", true, 0},
        {"Connection: keep-alive", false, 0},
        {"Connection: closed", false, 0},
        {"X-Connection: close", false, 0},
    };
    struct answer_reader reader;
    answer_reader_init(&reader, BODY_BYTES_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        size_t left = 0;
        struct error error = {0};
        (void)snprintf(text, sizeof text, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n%s\r\n\r\n",
                       cases[i].header);
        assert_int_equal(read_in_pieces(&reader, false, slice_of(text), 7, &left, &error),
                         STATUS_OK);
        assert_int_equal(reader.closes, cases[i].closes);
        assert_int_equal(reader.retry_after_ms, cases[i].retry_after_ms);
    }
    size_t left = 0;
    assert_int_equal(read_in_pieces(&reader, false,
                                    SLICE("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), 9, &left,
                                    NULL),
                     STATUS_OK);
    assert_true(reader.closes);
    answer_reader_done(&reader);
}

static void test_answer_reader__what_stands_behind_an_answer_is_left(void **state) {
    (void)state;
    struct answer_reader reader;
    struct slice text = SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No");
    answer_reader_init(&reader, BODY_BYTES_MAX);
    answer_reader_begin(&reader, false);
    assert_int_equal(answer_reader_take(&reader, &text, NULL), STATUS_OK);
    assert_true(answer_reader_is_whole(&reader));
    assert_true(slice_is(text, "HTTP/1.1 500 No"));
    answer_reader_done(&reader);
}

static void test_answer_reader__a_yes_to_connect_ends_with_its_head(void **state) {
    (void)state;
    struct answer_reader reader;
    answer_reader_init(&reader, BODY_BYTES_MAX);
    const struct {
        const char *text;
        int code;
        size_t left;
    } cases[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03", 200, 2},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 200, 0},
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n<html>", 407, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t left = 0;
        assert_int_equal(read_in_pieces(&reader, true, slice_of(cases[i].text), 1000, &left, NULL),
                         STATUS_OK);
        assert_true(answer_reader_is_whole(&reader));
        assert_int_equal(reader.code, cases[i].code);
        assert_int_equal(left, cases[i].left);
    }
    answer_reader_done(&reader);
}

static void test_answer_reader__what_can_be_read_in_two_ways_is_refused(void **state) {
    (void)state;
    const char *const texts[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n", /* until the connection ends, or none? */
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: nothing\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 5\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_refused(texts[i], STATUS_CORRUPT);
    }
}

static void test_answer_reader__what_is_not_http_1_is_refused(void **state) {
    (void)state;
    const char *const texts[] = {
        "SSH-2.0-OpenSSH_9.2p1\r\n",  "HTTP/2 200\r\n",        "HTTP/1.2 200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",         "HTTP/1.1 2000 OK\r\n",  "HTTP/1.1 099 Low\r\n",
        "HTTP/1.1 600 High\r\n",      "HTTP/1.1  200 OK\r\n",  "http/1.1 200 OK\r\n",
        "\r\nHTTP/1.1 200 OK\r\n",    "HTTP/1.1\r\n",          "<html>\r\n",
        "HTTP/1.1 101 Switching\r\n", "HTTP/1.1 200 \x01\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_refused(texts[i], STATUS_CORRUPT);
    }
}

static void test_answer_reader__a_body_that_is_too_large_is_refused_before_it_comes(void **state) {
    (void)state;
    check_refused("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", STATUS_FULL);
    check_refused("HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n", STATUS_FULL);
    check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", STATUS_FULL);
    check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", STATUS_FULL);
    check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n3e8\r\n",
                  STATUS_FULL);
}

/* `before`, then `again` until something is said against it. */
static void check_bounded(const char *before, const char *again) {
    struct answer_reader reader;
    struct error error = {0};
    answer_reader_init(&reader, BODY_BYTES_MAX);
    answer_reader_begin(&reader, false);
    struct slice piece = slice_of(before);
    assert_int_equal(answer_reader_take(&reader, &piece, &error), STATUS_OK);
    status code = STATUS_OK;
    size_t bytes = 0;
    for (; code == STATUS_OK && bytes < 10 * ANSWER_HEAD_BYTES_MAX; bytes += strlen(again)) {
        piece = slice_of(again);
        code = answer_reader_take(&reader, &piece, &error);
    }
    assert_int_equal(code, STATUS_FULL);
    assert_true(reader.line.room <= ANSWER_HEAD_BYTES_MAX);
    answer_reader_done(&reader);
}

static void test_answer_reader__a_head_without_end_is_refused(void **state) {
    (void)state;
    const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char trailer[sizeof chunked + 8];
    (void)snprintf(trailer, sizeof trailer, "%s0\r\n", chunked);
    check_bounded("HTTP/1.1 200 OK\r\n", "X-Header: and another\r\n");
    check_bounded("HTTP/1.1 200 OK\r\nX: ", "and on and on");
    check_bounded("", "no line at all");
    check_bounded("", "HTTP/1.1 100 Continue\r\n\r\n");
    check_bounded(chunked, "0000000000000000");
    check_bounded(trailer, "X-Trailer: and another\r\n");
}

static void test_answer_reader__without_memory_it_says_so(void **state) {
    (void)state;
    const struct slice text =
        SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n\r\n");
    struct answer_reader reader;
    size_t asked = 1;
    answer_reader_init(&reader, BODY_BYTES_MAX);
    for (long index = 0; asked > (size_t)index; index++) {
        size_t left = 0;
        struct error error = {0};
        (void)memory_fail_at(index, 0);
        const status code = read_in_pieces(&reader, false, text, 5, &left, &error);
        asked = memory_fail_at(-1, 0);
        assert_int_equal(code, asked > (size_t)index ? STATUS_NO_MEMORY : STATUS_OK);
    }
    answer_reader_done(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_reader__a_body_has_its_length),
        cmocka_unit_test(test_answer_reader__a_chunked_body_is_put_together),
        cmocka_unit_test(test_answer_reader__some_answers_have_no_body),
        cmocka_unit_test(test_answer_reader__what_comes_before_the_answer_is_passed_over),
        cmocka_unit_test(test_answer_reader__when_to_come_again_and_whether_it_closes_are_told),
        cmocka_unit_test(test_answer_reader__what_stands_behind_an_answer_is_left),
        cmocka_unit_test(test_answer_reader__a_yes_to_connect_ends_with_its_head),
        cmocka_unit_test(test_answer_reader__what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_answer_reader__what_is_not_http_1_is_refused),
        cmocka_unit_test(test_answer_reader__a_body_that_is_too_large_is_refused_before_it_comes),
        cmocka_unit_test(test_answer_reader__a_head_without_end_is_refused),
        cmocka_unit_test(test_answer_reader__without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
