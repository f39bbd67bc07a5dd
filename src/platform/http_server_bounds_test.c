// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server_test.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static void client_posts_too_much(struct stage *stage) {
    static char noise[HTTP_BODY_BYTES_MAX + 1];
    const char *head = "POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Length: 1048577\r\n\r\n";
    const int line = dial(stage);
    stage->connected = say(line, head, strlen(head)) && say(line, noise, sizeof noise);
    hear(line, &stage->answer);
    (void)close(line);
}

static void test_http__reads_a_body_that_is_too_large_before_it_refuses(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_posts_too_much);
    assert_true(stage->connected);
    assert_answer(stage, "HTTP/1.1 413 ");
    assert_answer(stage, "at most 1048576 bytes");
    assert_seen(stage, "");
}

static void client_asks_before_it_posts_too_much(struct stage *stage) {
    ask(stage, "POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Length: 1048577\r\n"
               "Expect: 100-continue\r\n\r\n");
}

static void test_http__refuses_at_once_who_asks_before_sending_too_much(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_before_it_posts_too_much);
    assert_answer(stage, "HTTP/1.1 413 ");
    assert_seen(stage, "");
}

static void client_announces_far_too_much(struct stage *stage) {
    ask(stage, "POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999999999\r\n\r\n");
}

static void test_http__refuses_at_once_what_nobody_would_read(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_announces_far_too_much);
    assert_answer(stage, "HTTP/1.1 413 ");
    assert_answer(stage, "at most 1048576 bytes");
    assert_seen(stage, "");
}

/* `extra` bytes beyond a body of HTTP_BODY_BYTES_MAX, in chunks. */
static void post_chunks(struct stage *stage, size_t extra) {
    static char chunk[64 * 1024];
    const int line = dial(stage);
    const char *head = "POST /v1/events HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n";
    bool taken = say(line, head, strlen(head));
    for (int i = 0; i < 16 && taken; i++) {
        taken = say(line, "10000\r\n", 7) && say(line, chunk, sizeof chunk) && say(line, "\r\n", 2);
    }
    char last[32];
    (void)snprintf(last, sizeof last, "%s0\r\n\r\n", extra > 0 ? "1\r\nx\r\n" : "");
    (void)say(line, last, strlen(last));
    hear(line, &stage->answer);
    (void)close(line);
}

static void client_posts_all_that_is_allowed(struct stage *stage) {
    post_chunks(stage, 0);
}

static void client_posts_a_byte_more(struct stage *stage) {
    post_chunks(stage, 1);
}

static void test_http__takes_a_body_up_to_its_bound(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_posts_all_that_is_allowed);
    assert_seen(stage, "POST /v1/events 1048576;");
}

static void test_http__refuses_a_body_that_grows_too_large(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_posts_a_byte_more);
    assert_answer(stage, "HTTP/1.1 413 ");
    assert_seen(stage, "");
}

static void client_posts_for_ever(struct stage *stage) {
    static char chunk[64 * 1024];
    const int line = dial(stage);
    const char *head = "POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n";
    bool taken = say(line, head, strlen(head));
    while (taken && stage->connected++ < 2000) {
        taken = say(line, "10000\r\n", 7) && say(line, chunk, sizeof chunk) && say(line, "\r\n", 2);
    }
    (void)close(line);
}

static void test_http__cuts_off_a_body_that_never_ends(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_posts_for_ever);
    assert_in_range(stage->connected, HTTP_BODY_DROPPED_BYTES_MAX / (64 * 1024), 1999);
    assert_seen(stage, "");
}

static void client_sends_a_huge_head(struct stage *stage) {
    static char noise[64 * 1024];
    memset(noise, 'a', sizeof noise);
    const int line = dial(stage);
    (void)(say(line, "GET /", 5) && say(line, noise, sizeof noise));
    hear(line, &stage->answer);
    (void)close(line);
}

static void test_http__refuses_a_head_that_is_too_large(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_sends_a_huge_head);
    assert_seen(stage, "");
    assert_true(stage->answer.count > 0);
    assert_false(slice_ends(buffer_slice(&stage->answer), "[nothing came]"));
}

static void client_trickles(struct stage *stage) {
    const int line = dial(stage);
    const struct timespec nap = {.tv_nsec = 2 * 1000000};
    bool taken = say(line, "GET / HTTP/1.1\r\nX: ", 19);
    while (taken && stage->connected++ < 10000) {
        (void)nanosleep(&nap, NULL);
        taken = say(line, "a", 1);
    }
    hear(line, &stage->answer);
    (void)close(line);
}

static void test_http__cuts_off_who_trickles_for_ever(void **state) {
    struct stage *stage = *state;
    http_server_set_patience(stage->server, 100);
    run_client(stage, client_trickles);
    assert_in_range(stage->connected, 1, 9999);
    assert_seen(stage, "");
}

static void client_takes_nothing(struct stage *stage) {
    const int line = dial(stage);
    (void)say(line, "GET /long" END, strlen("GET /long" END));
    const struct timespec nap = {.tv_nsec = 400 * 1000000};
    (void)nanosleep(&nap, NULL);
    hear(line, &stage->answer);
    (void)close(line);
}

static void test_http__cuts_off_who_takes_no_answer(void **state) {
    struct stage *stage = *state;
    http_server_set_patience(stage->server, 50);
    run_client(stage, client_takes_nothing);
    assert_true(stage->answer.count < LONG_BYTES);
}

static void client_waits_long_for_its_answer(struct stage *stage) {
    ask(stage, "GET /later" END);
}

static void test_http__has_patience_with_who_waits_for_us(void **state) {
    struct stage *stage = *state;
    stage->later_ms = 1200;
    http_server_set_patience(stage->server, 400);
    run_client(stage, client_waits_long_for_its_answer);
    assert_answer(stage, "at last");
}

static void client_takes_every_place(struct stage *stage) {
    int lines[HTTP_CONNECTIONS_MAX + 8];
    const size_t count = sizeof lines / sizeof lines[0];
    for (size_t i = 0; i < count; i++) {
        lines[i] = dial(stage);
        stage->connected += lines[i] >= 0;
    }
    /* So that all are accepted that will be, those beyond the bound being left in the queue. */
    const char *half = "GET /half HTTP/1.1\r\n";
    for (size_t i = 0; i < count; i++) {
        (void)say(lines[i], half, strlen(half));
    }
    const struct timespec nap = {.tv_nsec = 50 * 1000000};
    (void)nanosleep(&nap, NULL);
    for (size_t i = 0; i < count; i++) {
        (void)close(lines[i]);
    }
    ask(stage, "GET /after" END);
}

static void test_http__listens_again_when_all_places_were_taken(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_takes_every_place);
    assert_int_equal(stage->connected, HTTP_CONNECTIONS_MAX + 8);
    assert_seen(stage, "GET /after 0;");
    assert_answer(stage, "200 OK");
}

/* Connections that say half a request each. */
static void take_places(struct stage *stage, int *lines, size_t count) {
    const char *half = "GET /half HTTP/1.1\r\nHost: here\r\nConnection: close\r\n";
    for (size_t i = 0; i < count; i++) {
        lines[i] = dial(stage);
        stage->connected += lines[i] >= 0 && say(lines[i], half, strlen(half));
    }
}

static void leave_places(const int *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)close(lines[i]);
    }
}

static void client_asks_while_every_place_is_taken(struct stage *stage) {
    int lines[2 * HTTP_CONNECTIONS_MAX];
    take_places(stage, lines, 2 * HTTP_CONNECTIONS_MAX);
    ask(stage, "GET /after" END);
    hear(lines[0], &stage->answer); /* ends: it was the oldest */
    leave_places(lines, 2 * HTTP_CONNECTIONS_MAX);
}

static void test_http__who_says_nothing_keeps_no_place_from_others(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_asks_while_every_place_is_taken);
    assert_int_equal(stage->connected, 2 * HTTP_CONNECTIONS_MAX);
    assert_seen(stage, "GET /after 0;");
    assert_answer(stage, "200 OK");
    assert_false(slice_ends(buffer_slice(&stage->answer), "[nothing came]"));
}

/* The user of this thread alone: the C library's call would change all. */
static void become(uid_t user) {
    (void)syscall(SYS_setresuid, -1, user, -1);
}

static void client_is_ours_among_strangers(struct stage *stage) {
    int ours;
    int lines[2 * HTTP_CONNECTIONS_MAX];
    take_places(stage, &ours, 1);
    become(65534);
    take_places(stage, lines, 2 * HTTP_CONNECTIONS_MAX);
    become(0);
    ask(stage, "GET /after" END);
    (void)say(ours, "\r\n", 2);
    hear(ours, &stage->answer);
    (void)close(ours);
    leave_places(lines, 2 * HTTP_CONNECTIONS_MAX);
}

static void test_http__strangers_lose_their_place_before_our_own_do(void **state) {
    struct stage *stage = *state;
    if (geteuid() != 0) {
        print_message("only root can be a stranger\n");
        skip();
    }
    assert_int_equal(chmod(stage->folder, 0755), 0);
    assert_int_equal(chmod(stage->path, 0666), 0);
    run_client(stage, client_is_ours_among_strangers);
    assert_int_equal(stage->connected, 2 * HTTP_CONNECTIONS_MAX + 1);
    assert_seen(stage, "GET /after 0;GET /half 0;");
}

static void test_http__bears_memory_that_runs_out(void **state) {
    struct stage *stage = *state;
    for (long index = 0; index < 8; index++) {
        (void)memory_fail_at(index, 0); /* wherever that is: the server's, the handler's, ours */
        run_client(stage, client_gets);
        (void)memory_fail_at(-1, 0);
    }
    buffer_done(&stage->answer);
    buffer_init(&stage->answer, ANSWER_BYTES_MAX);
    run_client(stage, client_gets);
    assert_answer(stage, "200 OK");
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_http__reads_a_body_that_is_too_large_before_it_refuses),
        STAGED(test_http__refuses_at_once_who_asks_before_sending_too_much),
        STAGED(test_http__refuses_at_once_what_nobody_would_read),
        STAGED(test_http__takes_a_body_up_to_its_bound),
        STAGED(test_http__refuses_a_body_that_grows_too_large),
        STAGED(test_http__cuts_off_a_body_that_never_ends),
        STAGED(test_http__refuses_a_head_that_is_too_large),
        STAGED(test_http__cuts_off_who_trickles_for_ever),
        STAGED(test_http__cuts_off_who_takes_no_answer),
        STAGED(test_http__has_patience_with_who_waits_for_us),
        STAGED(test_http__listens_again_when_all_places_were_taken),
        STAGED(test_http__who_says_nothing_keeps_no_place_from_others),
        STAGED(test_http__strangers_lose_their_place_before_our_own_do),
        STAGED(test_http__bears_memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
