// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server_test.h"

static void test_http__gives_the_request_to_the_handler(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_gets);
    assert_seen(stage, "GET /v1/a b 0;");
    assert_answer(stage, "HTTP/1.1 200 OK\r\n");
    assert_answer(stage, "Content-Type: text/plain\r\n");
    assert_answer(stage, "q=x&y bytes=3 host=here");
}

static void test_http__knows_who_asks(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_gets);
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "user=%d process=1", (int)getuid());
    assert_answer(stage, wanted);
}

static void client_sends_a_zero(struct stage *stage) {
    ask(stage, "GET /v1/a?q=a%00b" END);
}

static void test_http__a_zero_in_a_query_is_seen(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_sends_a_zero);
    assert_answer(stage, "q=a ");
    assert_answer(stage, "bytes=3 ");
}

static void client_leaves_at_once(struct stage *stage) {
    const int line = dial(stage);
    (void)say(line, "GET /never HTTP/1.1\r\nHost: here\r\n\r\n", 35);
    (void)usleep(50000);
    (void)close(line);
}

static void test_http__sees_who_has_left_before_an_answer(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_leaves_at_once);
    assert_non_null(stage->kept);
    assert_false(stage->had_left);
    assert_true(http_has_left(stage->kept));
    http_answer(stage->kept, 200, "text/plain", SLICE("too late"));
    stage->kept = NULL;
}

static void client_posts(struct stage *stage) {
    ask(stage, "POST /v1/events HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
               "Content-Length: 5\r\n\r\nhello");
}

static void test_http__gathers_a_body(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_posts);
    assert_seen(stage, "POST /v1/events 5;");
    assert_answer(stage, "body=hello");
}

static void client_posts_chunks(struct stage *stage) {
    ask(stage, "POST /v1/events HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
               "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
}

static void test_http__gathers_a_body_in_chunks(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_posts_chunks);
    assert_seen(stage, "POST /v1/events 5;");
    assert_answer(stage, "body=hello");
}

static void client_asks_for_the_head(struct stage *stage) {
    ask(stage, "HEAD /v1/status" END);
}

static void test_http__answers_head_like_get_without_the_body(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_for_the_head);
    assert_seen(stage, "GET /v1/status 0;");
    assert_answer(stage, "Content-Length: ");
    assert_true(slice_ends(buffer_slice(&stage->answer), "\r\n\r\n"));
}

static void client_asks_for_much(struct stage *stage) {
    ask(stage, "GET /long" END);
}

static void test_http__sends_a_long_answer(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_for_much);
    assert_answer(stage, "Content-Length: 4194304\r\n");
    assert_true(stage->answer.count > LONG_BYTES);
}

static void client_asks_for_later(struct stage *stage) {
    ask(stage, "GET /later" END);
}

static void test_http__answers_later(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_for_later);
    assert_answer(stage, "HTTP/1.1 202 Accepted\r\n");
    assert_answer(stage, "at last");
}

static void client_asks_twice_on_one_line(struct stage *stage) {
    ask(stage, "GET /later HTTP/1.1\r\nHost: here\r\n\r\n"
               "GET /second" END);
}

static void test_http__keeps_a_connection_for_the_next_request(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_twice_on_one_line);
    assert_seen(stage, "GET /later 0;GET /second 0;");
    assert_answer(stage, "at last");
    assert_answer(stage, "q=-");
}

static void client_asks_and_leaves(struct stage *stage) {
    const int line = dial(stage);
    (void)say(line, "GET /later" END, strlen("GET /later" END));
    ask(stage, "GET /second" END); /* so that the server has seen the first */
    (void)close(line);
    ask(stage, "GET /later" END);
}

static void test_http__bears_a_client_that_leaves_before_its_answer(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_and_leaves);
    assert_int_equal(stage->requests, 3);
    assert_answer(stage, "at last");
}

static void client_talks_nonsense(struct stage *stage) {
    ask(stage, "\x16\x03\x01 this is not HTTP\r\n\r\n");
    ask(stage, "GET / HTTP/9.9\r\n\r\n");
    ask(stage, "GET /fine" END);
}

static void test_http__bears_nonsense(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_talks_nonsense);
    assert_seen(stage, "GET /fine 0;");
}

static void client_asks_for_ever(struct stage *stage) {
    ask(stage, "GET /never" END);
}

static void *client_alone(void *argument) {
    struct stage *stage = argument;
    stage->client(stage);
    return NULL;
}

static void stop_when_kept(void *owner) {
    struct stage *stage = owner;
    if (stage->kept != NULL) {
        loop_stop(stage->loop);
    }
}

static void test_http__destroyed_closes_who_still_waits(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct turn *turn = NULL;
    pthread_t thread;
    stage->client = client_asks_for_ever;
    assert_int_equal(turn_create(stage->loop, stop_when_kept, stage, &turn, &err), STATUS_OK);
    assert_int_equal(pthread_create(&thread, NULL, client_alone, stage), 0);
    loop_run(stage->loop);
    http_server_destroy(stage->server);
    stage->server = NULL;
    assert_int_equal(pthread_join(thread, NULL), 0);
    turn_destroy(turn);
    assert_int_equal(stage->answer.count, 0);
    assert_int_equal(access(stage->path, F_OK), -1);
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_http__gives_the_request_to_the_handler),
        STAGED(test_http__a_zero_in_a_query_is_seen),
        STAGED(test_http__sees_who_has_left_before_an_answer),
        STAGED(test_http__knows_who_asks),
        STAGED(test_http__gathers_a_body),
        STAGED(test_http__gathers_a_body_in_chunks),
        STAGED(test_http__answers_head_like_get_without_the_body),
        STAGED(test_http__sends_a_long_answer),
        STAGED(test_http__answers_later),
        STAGED(test_http__keeps_a_connection_for_the_next_request),
        STAGED(test_http__bears_a_client_that_leaves_before_its_answer),
        STAGED(test_http__bears_nonsense),
        STAGED(test_http__destroyed_closes_who_still_waits),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
