// SPDX-License-Identifier: Apache-2.0
#include "sync/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

#define ID_1 "01000000000000000000000000000000"
#define ID_2 "02000000000000000000000000000000"

static struct arena arena;
static struct buffer text;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, MESSAGE_ARENA_BYTES_MAX);
    buffer_init(&text, MESSAGE_BYTES_MAX + 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    buffer_done(&text);
    return 0;
}

static struct id id_of(int number) {
    return (struct id){.bytes = {(uint8_t)number}};
}

static void assert_text(const char *expected) {
    assert_int_equal(buffer_status(&text, NULL), STATUS_OK);
    buffer_add_byte(&text, '\0');
    assert_string_equal(text.bytes, expected);
    text.count--;
}

static void assert_sentence(const struct error *err, const char *sentence) {
    if (strstr(err->text, sentence) == NULL) {
        print_error("%s\n", err->text);
    }
    assert_non_null(strstr(err->text, sentence));
}

/* --- hello ----------------------------------------------------------------------------------- */

static struct hello_stream streams[2];

static struct hello hello_example(void) {
    streams[0] = (struct hello_stream){
        .id = id_of(1),
        .current = true,
        .lanes[LANE_NORMAL] = {.lowest_kept = 3,
                               .highest_durable = 9,
                               .acked_seq = 5,
                               .acked_chain = id_of(2),
                               .anchored_seq = 4},
        .lanes[LANE_BULK] = {.highest_durable = RANGE_SEQ_MAX},
        .positions = {{.lane = LANE_NORMAL, .seq = 7}, {.lane = LANE_BULK, .seq = 1}},
        .position_count = 2};
    streams[1] = (struct hello_stream){.id = id_of(2)};
    return (struct hello){.protocol_least = 1,
                          .protocol_most = 2,
                          .boot = id_of(2),
                          .boot_ns = 123456789,
                          .wall_ms = -5,
                          .clock_quality = 2,
                          .link_kind = SLICE("wi\"fi"),
                          .metered = true,
                          .bits_per_s = 50000,
                          .streams = streams,
                          .stream_count = 2};
}

static const char HELLO[] =
    "{\"protocol\":[1,2],\"boot\":\"" ID_2 "\",\"boot_ns\":123456789,\"wall_ms\":-5,\"quality\":2,"
    "\"link\":{\"kind\":\"wi\\\"fi\",\"metered\":true,\"bits_per_s\":50000},\"streams\":["
    "{\"id\":\"" ID_1 "\",\"current\":true,\"lanes\":["
    "{\"lane\":3,\"lowest\":3,\"highest\":9,\"acked\":5,\"acked_chain\":\"" ID_2
    "\",\"anchored\":4},"
    "{\"lane\":6,\"lowest\":0,\"highest\":1099511627775,\"acked\":0,\"anchored\":0}],"
    "\"chain_at\":[[3,7],[6,1]]},"
    "{\"id\":\"" ID_2 "\",\"current\":false,\"lanes\":[]}]}";

static void test_messages__a_hello_is_these_words(void **state) {
    (void)state;
    const struct hello hello = hello_example();
    hello_write(&hello, &text);
    assert_text(HELLO);
}

static void test_messages__a_hello_reads_back(void **state) {
    (void)state;
    struct hello hello;
    struct error err = {.text = ""};
    if (hello_read(&arena, slice_of(HELLO), &hello, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(hello.protocol_least, 1);
    assert_int_equal(hello.protocol_most, 2);
    assert_true(id_equal(hello.boot, id_of(2)));
    assert_int_equal(hello.wall_ms, -5);
    assert_int_equal(hello.clock_quality, 2);
    assert_true(slice_is(hello.link_kind, "wi\"fi"));
    assert_true(hello.metered);
    assert_int_equal(hello.stream_count, 2);
    const struct hello_lane *lane = &hello.streams[0].lanes[LANE_NORMAL];
    assert_true(hello.streams[0].current && !hello.streams[1].current);
    assert_int_equal(lane->lowest_kept, 3);
    assert_int_equal(lane->acked_seq, 5);
    assert_true(id_equal(lane->acked_chain, id_of(2)));
    assert_int_equal(hello.streams[0].positions[1].lane, LANE_BULK);
    hello_write(&hello, &text);
    assert_text(HELLO);
}

static void refuse_hello(const char *words, const char *sentence) {
    struct hello hello = {.stream_count = 42};
    struct error err = {.text = ""};
    assert_int_equal(hello_read(&arena, slice_of(words), &hello, &err), STATUS_INVALID);
    assert_sentence(&err, sentence);
    assert_int_equal(hello.stream_count, 42);
}

#define HELLO_WITH(members)  "{\"protocol\":[1,1],\"boot\":\"" ID_1 "\"," members "}"
#define STREAM_WITH(members) HELLO_WITH("\"streams\":[{\"id\":\"" ID_1 "\"," members "}]")

static void test_messages__a_hello_that_cannot_be_is_refused_by_name(void **state) {
    (void)state;
    refuse_hello("", "");
    refuse_hello("[]", "must be an object");
    refuse_hello("{}", "'protocol'");
    refuse_hello("{\"protocol\":[2,1]}", "'protocol'");
    refuse_hello("{\"protocol\":[0,1]}", "'protocol'");
    refuse_hello("{\"protocol\":[1]}", "'protocol'");
    refuse_hello("{\"protocol\":[1,\"1\"]}", "'protocol'");
    refuse_hello("{\"protocol\":[1,1]}", "'boot' is missing");
    refuse_hello("{\"protocol\":[1,1],\"boot\":\"abc\"}", "'boot'");
    refuse_hello("{\"protocol\":[1,1],\"boot\":7}", "'boot'");
    refuse_hello(HELLO_WITH("\"boot_ns\":-1"), "'boot_ns'");
    refuse_hello(HELLO_WITH("\"boot_ns\":1.5"), "'boot_ns'");
    refuse_hello(HELLO_WITH("\"wall_ms\":99999999999999999999"), "'wall_ms'");
    refuse_hello(HELLO_WITH("\"quality\":256"), "'quality'");
    refuse_hello(HELLO_WITH("\"link\":{\"metered\":1}"), "'metered'");
    refuse_hello(HELLO_WITH("\"streams\":{}"), "'streams'");
    refuse_hello(HELLO_WITH("\"streams\":[{}]"), "stream 1: 'id' is missing");
    refuse_hello(STREAM_WITH("\"lanes\":[{}]"), "stream 1: 'lane' is missing");
    refuse_hello(STREAM_WITH("\"lanes\":[{\"lane\":7}]"), "'lane'");
    refuse_hello(STREAM_WITH("\"lanes\":[{\"lane\":1,\"acked\":1099511627776}]"), "'acked'");
    refuse_hello(STREAM_WITH("\"lanes\":[{\"lane\":1,\"highest\":-1}]"), "'highest'");
    refuse_hello(STREAM_WITH("\"lanes\":[1]"), "'lane'");
    refuse_hello(STREAM_WITH("\"lanes\":[1,2,3,4,5,6,7,8]"), "'lanes'");
    refuse_hello(STREAM_WITH("\"current\":1"), "'current'");
    refuse_hello(STREAM_WITH("\"chain_at\":[[1]]"), "'chain_at' has an item 1");
    refuse_hello(STREAM_WITH("\"chain_at\":[[1,2,3]]"), "'chain_at'");
    refuse_hello(STREAM_WITH("\"chain_at\":[[7,2]]"), "'chain_at'");
    refuse_hello(STREAM_WITH("\"chain_at\":[[-1,2]]"), "'chain_at'");
    refuse_hello(STREAM_WITH("\"chain_at\":[[1,-2]]"), "'chain_at'");
    refuse_hello(STREAM_WITH("\"chain_at\":[[1,1099511627776]]"), "'chain_at'");
}

static void test_messages__unknown_members_are_ignored(void **state) {
    (void)state;
    struct hello hello;
    assert_int_equal(hello_read(&arena,
                                slice_of(STREAM_WITH("\"x\":[1],\"lanes\":[{\"lane\":1,\"y\":{},"
                                                     "\"acked\":null}]")),
                                &hello, NULL),
                     STATUS_OK);
    assert_int_equal(hello.stream_count, 1);
    assert_int_equal(hello.streams[0].lanes[1].acked_seq, 0);
}

static void test_messages__more_streams_than_there_may_be_are_refused(void **state) {
    (void)state;
    buffer_add_text(&text, "{\"protocol\":[1,1],\"boot\":\"" ID_1 "\",\"streams\":[");
    for (int i = 0; i <= MESSAGE_STREAMS_MAX; i++) {
        buffer_add_text(&text, i > 0 ? ",{\"id\":\"" ID_1 "\"}" : "{\"id\":\"" ID_1 "\"}");
    }
    buffer_add(&text, SLICE("]}\0"));
    refuse_hello(text.bytes, "'streams' must be a list of at most 64");
}

static void test_messages__one_that_is_too_long_is_refused_unread(void **state) {
    (void)state;
    struct hello hello;
    struct error err;
    char *room = buffer_reserve(&text, MESSAGE_BYTES_MAX + 1);
    assert_non_null(room);
    (void)memset(room, '[', MESSAGE_BYTES_MAX + 1);
    buffer_took(&text, MESSAGE_BYTES_MAX + 1);
    (void)memory_fail_at(0, 1);
    const status code = hello_read(&arena, buffer_slice(&text), &hello, &err);
    assert_int_equal(memory_fail_at(-1, 0), 0);
    assert_int_equal(code, STATUS_INVALID);
    assert_string_equal(err.text, "a message has at most 1048576 bytes");
}

/* --- answers --------------------------------------------------------------------------------- */

static const char HELLO_ANSWER[] =
    "{\"protocol\":1,\"connection\":77,\"hub_store\":\"" ID_1 "\",\"hub_ms\":1700000000123,"
    "\"spread_ms\":5000,\"grant\":{\"bytes\":1048576,\"after_ms\":10},\"streams\":["
    "{\"id\":\"" ID_1 "\",\"verdict\":\"rollback\",\"lanes\":["
    "{\"lane\":5,\"held\":[[1,9],[20,30]],\"chain\":\"" ID_2 "\",\"anchored\":8}],"
    "\"chain_at\":[[5,9,\"" ID_2 "\"],[5,10,\"00000000000000000000000000000000\"]]}]}";

static void test_messages__an_answer_to_hello_reads_back(void **state) {
    (void)state;
    struct hello_answer answer;
    struct error err = {.text = ""};
    if (hello_answer_read(&arena, slice_of(HELLO_ANSWER), &answer, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(answer.connection, 77);
    assert_true(id_equal(answer.hub_store, id_of(1)));
    assert_int_equal(answer.spread_ms, 5000);
    assert_int_equal(answer.grant.bytes, 1048576);
    assert_int_equal(answer.stream_count, 1);
    const struct answer_stream *stream = &answer.streams[0];
    assert_int_equal(stream->verdict, VERDICT_ROLLBACK);
    assert_int_equal(stream->lanes[LANE_TELEMETRY].held.count, 2);
    assert_true(id_equal(stream->lanes[LANE_TELEMETRY].chain, id_of(2)));
    assert_int_equal(stream->lanes[LANE_TELEMETRY].anchored, 8);
    assert_int_equal(stream->position_count, 2);
    assert_true(id_is_zero(stream->positions[1].chain));
    hello_answer_write(&answer, &text);
    assert_text(HELLO_ANSWER);
}

static void refuse_hello_answer(const char *words, const char *sentence) {
    struct hello_answer answer = {.stream_count = 42};
    struct error err = {.text = ""};
    assert_int_equal(hello_answer_read(&arena, slice_of(words), &answer, &err), STATUS_INVALID);
    assert_sentence(&err, sentence);
    assert_int_equal(answer.stream_count, 42);
}

#define ANSWER_WITH(members) "{\"protocol\":1,\"hub_store\":\"" ID_1 "\"," members "}"

static void test_messages__an_answer_to_hello_that_cannot_be_is_refused_by_name(void **state) {
    (void)state;
    refuse_hello_answer("{}", "'protocol' is missing");
    refuse_hello_answer("{\"protocol\":1}", "'hub_store' is missing");
    refuse_hello_answer("{\"protocol\":0}", "'protocol'");
    refuse_hello_answer("{\"protocol\":1,\"connection\":-1}", "'connection'");
    refuse_hello_answer(ANSWER_WITH("\"spread_ms\":86400001"), "'spread_ms'");
    refuse_hello_answer(ANSWER_WITH("\"grant\":{\"bytes\":-1}"), "'bytes'");
    refuse_hello_answer(ANSWER_WITH("\"grant\":{\"after_ms\":86400001}"), "'after_ms'");
    refuse_hello_answer(ANSWER_WITH("\"streams\":[{\"id\":\"" ID_1 "\",\"verdict\":\"maybe\"}]"),
                        "stream 1: 'verdict' is not known");
    refuse_hello_answer(ANSWER_WITH("\"streams\":[{\"id\":\"" ID_1 "\",\"lanes\":[{\"lane\":1}]}]"),
                        "ranges");
    refuse_hello_answer(ANSWER_WITH("\"streams\":[{\"id\":\"" ID_1 "\",\"chain_at\":[[1,2]]}]"),
                        "'chain_at'");
    refuse_hello_answer(
        ANSWER_WITH("\"streams\":[{\"id\":\"" ID_1 "\",\"chain_at\":[[1,2,\"x\"]]}]"),
        "'chain_at'");
}

static const char ANSWER[] = "{\"lane\":{\"held\":[[1,12]],\"chain\":\"" ID_2 "\",\"anchored\":12},"
                             "\"verdict\":\"new_stream\",\"hub_ms\":5,\"spread_ms\":6,"
                             "\"grant\":{\"bytes\":7,\"after_ms\":8},\"max_bytes\":9,"
                             "\"poison\":[{\"seq\":3,\"reason\":\"a length goes beyond the end\"},"
                             "{\"seq\":4,\"reason\":\"\"}]}";

static void test_messages__an_answer_reads_back(void **state) {
    (void)state;
    struct answer answer;
    struct error err = {.text = ""};
    if (answer_read(&arena, 412, slice_of(ANSWER), &answer, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(answer.code, SYNC_FORK);
    assert_int_equal(answer.verdict, VERDICT_NEW_STREAM);
    assert_int_equal(ranges_top(&answer.lane.held), 12);
    assert_int_equal(answer.max_bytes, 9);
    assert_int_equal(answer.poison_count, 2);
    assert_int_equal(answer.poison[0].seq, 3);
    assert_true(slice_is(answer.poison[0].reason, "a length goes beyond the end"));
    answer_write(&answer, &text);
    assert_text(ANSWER);
}

static void refuse_answer(int http, const char *words, const char *sentence) {
    struct answer answer = {.poison_count = 42};
    struct error err = {.text = ""};
    assert_int_equal(answer_read(&arena, http, slice_of(words), &answer, &err), STATUS_INVALID);
    assert_sentence(&err, sentence);
    assert_int_equal(answer.poison_count, 42);
}

static void test_messages__an_answer_that_cannot_be_is_refused_by_name(void **state) {
    (void)state;
    refuse_answer(418, ANSWER, "HTTP code 418");
    refuse_answer(200, "<html>", "");
    refuse_answer(200, "{}", "'lane' is missing");
    refuse_answer(409, "{\"lane\":{}}", "'lane': ranges");
    refuse_answer(422, "{\"lane\":{\"held\":[]},\"poison\":3}", "'poison'");
    refuse_answer(412, "{\"lane\":{\"held\":[],\"chain\":\"1\"}}", "'chain'");
}

static void test_messages__a_refusal_may_come_from_a_machine_in_between(void **state) {
    (void)state;
    static const int CODES[] = {413, 503, 507};
    struct answer answer;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answer_read(&arena, CODES[i], SLICE("<html>"), &answer, NULL), STATUS_OK);
        assert_int_equal(answer.code, CODES[i]);
        assert_int_equal(
            answer_read(&arena, CODES[i], SLICE("{\"grant\":{\"bytes\":-5}}"), &answer, NULL),
            STATUS_OK);
        assert_int_equal(answer.grant.bytes, 0);
        assert_int_equal(answer_read(&arena, CODES[i], slice_of(ANSWER), &answer, NULL), STATUS_OK);
        assert_int_equal(answer.grant.bytes, 7);
    }
}

/* --- path ------------------------------------------------------------------------------------ */

static void test_messages__a_path_names_stream_lane_and_first(void **state) {
    (void)state;
    struct id stream;
    enum lane lane = LANE_COUNT;
    uint64_t first = 0;
    stream_path_write(&text, id_of(1), LANE_BULK, RANGE_SEQ_MAX);
    assert_text("/v1/streams/" ID_1 "/6/1099511627775");
    assert_true(stream_path_read(buffer_slice(&text), &stream, &lane, &first));
    assert_true(id_equal(stream, id_of(1)));
    assert_int_equal(lane, LANE_BULK);
    assert_int_equal(first, RANGE_SEQ_MAX);
}

static void test_messages__a_path_that_is_written_otherwise_is_none(void **state) {
    (void)state;
    static const char *const WRONG[] = {"",
                                        "/v1/streams/",
                                        "/v1/streams/" ID_1,
                                        "/v1/streams/" ID_1 "/",
                                        "/v1/streams/" ID_1 "/1",
                                        "/v1/streams/" ID_1 "/1/",
                                        "/v1/streams/" ID_1 "/1/0",
                                        "/v1/streams/" ID_1 "/1/01",
                                        "/v1/streams/" ID_1 "/1/-1",
                                        "/v1/streams/" ID_1 "/1/1x",
                                        "/v1/streams/" ID_1 "/1/1/",
                                        "/v1/streams/" ID_1 "/7/1",
                                        "/v1/streams/" ID_1 "/x/1",
                                        "/v1/streams/" ID_1 "/1/1099511627776",
                                        "/v1/streams/" ID_1 "/1/18446744073709551617",
                                        "/v2/streams/" ID_1 "/1/1",
                                        "/v1/streams/0A000000000000000000000000000000/1/1",
                                        "/v1/streams/0100000000000000000000000000000/1/1",
                                        "/v1/streams/0x000000000000000000000000000000/1/1",
                                        "/v1/streams/01000000-0000-0000-0000-000000000000/1/1"};
    struct id stream;
    enum lane lane = LANE_COUNT;
    uint64_t first = 42;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_false(stream_path_read(slice_of(WRONG[i]), &stream, &lane, &first));
    }
    assert_int_equal(first, 42);
    assert_int_equal(lane, LANE_COUNT);
}

/* --- memory ---------------------------------------------------------------------------------- */

static void test_messages__every_allocation_may_fail(void **state) {
    (void)state;
    for (long k = 0;; k++) {
        struct hello hello;
        struct hello_answer answer;
        struct arena own;
        arena_init(&own, MESSAGE_ARENA_BYTES_MAX);
        (void)memory_fail_at(k, 1);
        const status one = hello_read(&own, slice_of(HELLO), &hello, NULL);
        const status two = hello_answer_read(&own, slice_of(HELLO_ANSWER), &answer, NULL);
        const bool reached = memory_fail_at(-1, 0) > (size_t)k;
        assert_true(reached ? one != STATUS_OK || two != STATUS_OK
                            : one == STATUS_OK && two == STATUS_OK);
        arena_done(&own);
        if (!reached) {
            assert_true(k > 0);
            break;
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_messages__a_hello_is_these_words),
        TEST(test_messages__a_hello_reads_back),
        TEST(test_messages__a_hello_that_cannot_be_is_refused_by_name),
        TEST(test_messages__unknown_members_are_ignored),
        TEST(test_messages__more_streams_than_there_may_be_are_refused),
        TEST(test_messages__one_that_is_too_long_is_refused_unread),
        TEST(test_messages__an_answer_to_hello_reads_back),
        TEST(test_messages__an_answer_to_hello_that_cannot_be_is_refused_by_name),
        TEST(test_messages__an_answer_reads_back),
        TEST(test_messages__an_answer_that_cannot_be_is_refused_by_name),
        TEST(test_messages__a_refusal_may_come_from_a_machine_in_between),
        TEST(test_messages__a_path_names_stream_lane_and_first),
        TEST(test_messages__a_path_that_is_written_otherwise_is_none),
        TEST(test_messages__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
