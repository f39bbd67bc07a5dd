// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server_test.h"

enum { PIECES = 50, PIECE_BYTES = 100000, LEAVE_PATIENCE_MS = 320 };

/* An answer in pieces, as it is being made. */
static struct {
    struct http_request *request;
    struct timer *timer;
    int pieces, drained, gone;
    bool never_ends, floods, cuts;
    char piece[PIECE_BYTES];
} making;

static void make_some(void *owner) {
    (void)owner;
    if (making.request == NULL || making.never_ends) {
        return;
    }
    if (making.pieces == PIECES) {
        if (making.cuts) {
            http_answer_cut(making.request);
        } else {
            http_answer_end(making.request);
        }
        making.request = NULL;
        return;
    }
    making.pieces++;
    http_answer_add(making.request, (struct slice){.bytes = making.piece, .count = PIECE_BYTES});
}

/* Every other piece is made a little later, the rest at once. */
static void drained(void *owner) {
    making.drained++;
    if (making.drained % 2 == 0) {
        make_some(owner);
    } else {
        timer_set(making.timer, 1);
    }
}

static void gone(void *owner) {
    struct stage *stage = owner;
    making.gone++;
    making.request = NULL;
    loop_stop(stage->loop);
}

static const struct http_flow FLOW = {.drained = drained, .gone = gone};

static void flood(void) {
    while (making.pieces * (int)PIECE_BYTES < 2 * (int)HTTP_FLOW_BYTES_MAX) {
        making.pieces++;
        http_answer_add(making.request,
                        (struct slice){.bytes = making.piece, .count = PIECE_BYTES});
    }
}

static void answer_in_pieces(void *owner, struct http_request *request) {
    const char *taste = http_cookie(request, "taste");
    making.request = request;
    http_answer_header(request, "X-Taste", taste != NULL ? taste : "none");
    http_answer_header(request, "X-Also", "this");
    http_answer_begin(request, 200, "text/plain", &FLOW, owner);
    if (making.floods) {
        flood();
    }
}

static int set_up_flow(void **state) {
    struct error err;
    assert_int_equal(set_up(state), 0);
    struct stage *stage = *state;
    (void)memset(&making, 0, sizeof making);
    (void)memset(making.piece, 'p', PIECE_BYTES);
    assert_int_equal(timer_open(stage->loop, make_some, stage, &making.timer, &err), STATUS_OK);
    http_server_destroy(stage->server);
    assert_int_equal(http_server_create(stage->loop, stage->path, 0600, answer_in_pieces, stage,
                                        &stage->server, &err),
                     STATUS_OK);
    return 0;
}

static int tear_down_flow(void **state) {
    timer_close(making.timer);
    return tear_down(state);
}

static void client_with_cookie(struct stage *stage) {
    ask(stage, "GET / HTTP/1.1\r\nHost: here\r\nCookie: other=1; taste=bitter\r\n"
               "Connection: close\r\n\r\n");
}

static size_t count_pieces(const struct stage *stage) {
    size_t count = 0;
    for (size_t i = 0; i < stage->answer.count; i++) {
        count += stage->answer.bytes[i] == 'p' ? 1 : 0;
    }
    return count;
}

static void test_pieces_come_as_they_are_made(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_with_cookie);
    assert_answer(stage, "HTTP/1.1 200");
    assert_answer(stage, "X-Taste: bitter\r\n");
    assert_answer(stage, "X-Also: this\r\n");
    assert_answer(stage, "chunked");
    assert_answer(stage, "\r\n0\r\n"); /* its end was said */
    assert_in_range(count_pieces(stage), (size_t)PIECES * PIECE_BYTES,
                    (size_t)PIECES * PIECE_BYTES + 8); /* and those of the headers */
    assert_int_equal(making.gone, 0);
}

static void assert_no_end(const struct stage *stage) {
    assert_null(memmem(stage->answer.bytes, stage->answer.count, "\r\n0\r\n", 5));
}

static void test_one_that_is_cut_has_no_end(void **state) {
    struct stage *stage = *state;
    making.cuts = true;
    run_client(stage, client_gets);
    assert_answer(stage, "HTTP/1.1 200");
    assert_no_end(stage);
    assert_int_equal(making.gone, 0);
}

static void test_more_than_may_wait_cuts_it(void **state) {
    struct stage *stage = *state;
    making.floods = true;
    run_client(stage, client_gets);
    assert_no_end(stage);
    assert_int_equal(making.gone, 1);
}

static void client_leaves(struct stage *stage) {
    const int line = dial(stage);
    char bytes[64];
    (void)say(line, "GET / HTTP/1.1\r\nHost: here\r\n\r\n", 30);
    (void)recv(line, bytes, sizeof bytes, 0);
    (void)close(line);
}

static void test_who_leaves_is_noticed_while_nothing_is_made(void **state) {
    struct stage *stage = *state;
    pthread_t thread;
    making.never_ends = true;
    http_server_set_patience(stage->server, LEAVE_PATIENCE_MS);
    stage->client = client_leaves;
    assert_int_equal(pthread_create(&thread, NULL, client_main, stage), 0);
    while (making.gone == 0 && !stage->impatient) {
        loop_run(stage->loop);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(making.gone, 1);
}

/* Of an answer that flows its owner hears the end; of one that has not begun nobody would. */
static void client_asks_and_waits(struct stage *stage) {
    ask(stage, "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
}

static struct http_request *unanswered;

static void keep_waiting(void *owner, struct http_request *request) {
    struct stage *stage = owner;
    unanswered = request;
    assert_false(http_server_owes(stage->server)); /* not yet: it is being handled */
    timer_set(stage->later, 5);
}

static void answer_it(void *owner) {
    struct stage *stage = owner;
    assert_true(http_server_owes(stage->server));
    http_answer(unanswered, 200, "text/plain", SLICE("now"));
    assert_false(http_server_owes(stage->server));
}

static void test_who_waits_for_an_answer_is_owed_one(void **state) {
    struct stage *stage = *state;
    struct error err;
    http_server_destroy(stage->server);
    timer_close(stage->later);
    assert_int_equal(timer_open(stage->loop, answer_it, stage, &stage->later, &err), STATUS_OK);
    assert_int_equal(http_server_create(stage->loop, stage->path, 0600, keep_waiting, stage,
                                        &stage->server, &err),
                     STATUS_OK);
    run_client(stage, client_asks_and_waits);
    assert_answer(stage, "now");
}

static void test_an_end_of_the_server_is_a_leaving(void **state) {
    struct stage *stage = *state;
    making.never_ends = true;
    run_client(stage, client_leaves);
    http_server_destroy(stage->server);
    stage->server = NULL;
    assert_int_equal(making.gone, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_flow, tear_down_flow)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_pieces_come_as_they_are_made),
        TEST(test_one_that_is_cut_has_no_end),
        TEST(test_more_than_may_wait_cuts_it),
        TEST(test_who_leaves_is_noticed_while_nothing_is_made),
        TEST(test_who_waits_for_an_answer_is_owed_one),
        TEST(test_an_end_of_the_server_is_a_leaving),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
