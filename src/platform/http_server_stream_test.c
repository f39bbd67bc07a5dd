// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server_test.h"

#include <netinet/in.h>
#include <time.h>

enum { PIECES_BYTES = 300000, SHORT_PATIENCE_MS = 100 };

/* What the streamer does with a body. */
static struct {
    bool pauses, answers_early, cuts, refuses, rests;
    size_t bytes;
    int pauses_made, gone, ended, closed;
    struct http_request *paused;
    struct timer *timer;
} act;

static bool begun(void *owner, struct http_request *request) {
    (void)owner;
    if (!slice_is(request->method, "PUT")) {
        return false;
    }
    if (act.refuses) {
        http_answer(request, 413, "text/plain", SLICE("too much"));
    }
    if (act.rests) {
        http_rest(request, PATIENCE_MS);
    }
    request->keep = &act;
    if (http_kept(request) == NULL) {
        http_keep(request, &act);
    }
    return true;
}

static void came(void *owner, struct http_request *request, struct slice bytes) {
    (void)owner;
    assert_ptr_equal(request->keep, &act);
    act.bytes += bytes.count;
    if (act.cuts) {
        http_cut_off(request);
    } else if (act.answers_early) {
        http_answer(request, 409, "text/plain", SLICE("enough"));
    } else if (act.pauses && act.paused == NULL) {
        act.paused = request;
        act.pauses_made++;
        http_pause(request);
        timer_set(act.timer, 1);
    }
}

static void goes_on(void *owner) {
    (void)owner;
    struct http_request *request = act.paused;
    act.paused = NULL;
    http_resume(request);
}

static void ended(void *owner, struct http_request *request) {
    (void)owner;
    char text[32];
    act.ended++;
    (void)snprintf(text, sizeof text, "took %zu", act.bytes);
    http_answer(request, 200, "text/plain", slice_of(text));
}

static void gone(void *owner, struct http_request *request) {
    (void)owner;
    (void)request;
    act.gone++;
}

static void closed(void *owner, void *kept) {
    (void)owner;
    assert_ptr_equal(kept, &act);
    act.closed++;
}

static const struct http_streamer STREAMER = {begun, came, ended, gone, closed};

/* The server on a port in place of the one on a socket. */
static int set_up_port(void **state) {
    assert_int_equal(set_up(state), 0);
    struct stage *stage = *state;
    struct error err;
    memset(&act, 0, sizeof act);
    assert_int_equal(timer_open(stage->loop, goes_on, stage, &act.timer, &err), STATUS_OK);
    http_server_destroy(stage->server);
    stage->server = NULL;
    const struct http_options options = {
        .address = "127.0.0.1:0", .handler = handle, .streamer = &STREAMER, .owner = stage};
    assert_int_equal(http_server_open(stage->loop, &options, &stage->server, &err), STATUS_OK);
    return 0;
}

static int tear_down_port(void **state) {
    timer_close(act.timer);
    return tear_down(state);
}

static int dial_port(const struct stage *stage) {
    const char *colon = strrchr(http_server_address(stage->server), ':');
    assert_non_null(colon);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)atoi(colon + 1))};
    const int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval wait = {.tv_sec = CLIENT_WAIT_S};
    (void)setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    assert_int_equal(connect(line, (const struct sockaddr *)&address, sizeof address), 0);
    return line;
}

static void put(struct stage *stage, const char *connection) {
    static char noise[PIECES_BYTES];
    char head[128];
    const int line = dial_port(stage);
    (void)snprintf(head, sizeof head,
                   "PUT /v1 HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n",
                   PIECES_BYTES, connection);
    stage->connected = say(line, head, strlen(head)) && say(line, noise, sizeof noise);
    hear(line, &stage->answer);
    (void)close(line);
}

static void client_puts(struct stage *stage) {
    put(stage, "close");
}

static void test_http__gives_a_body_in_pieces_to_the_streamer(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_puts);
    assert_answer(stage, "took 300000");
    assert_seen(stage, "");
}

static void test_http__a_paused_body_goes_on_where_it_was(void **state) {
    struct stage *stage = *state;
    act.pauses = true;
    run_client(stage, client_puts);
    assert_answer(stage, "took 300000");
    assert_true(act.pauses_made > 1);
}

static void test_http__reads_the_rest_of_a_body_that_was_answered_early(void **state) {
    struct stage *stage = *state;
    act.answers_early = true;
    run_client(stage, client_puts);
    assert_true(stage->connected);
    assert_answer(stage, "HTTP/1.1 409 ");
    assert_true(act.bytes < PIECES_BYTES);
    assert_int_equal(act.ended + act.gone, 0);
}

static void test_http__refuses_a_body_at_its_head(void **state) {
    struct stage *stage = *state;
    act.refuses = true;
    run_client(stage, client_puts);
    assert_int_equal(act.bytes, 0);
    assert_int_equal(act.ended + act.gone, 0);
}

static void test_http__cuts_a_body_off_when_the_streamer_says_so(void **state) {
    struct stage *stage = *state;
    act.cuts = true;
    run_client(stage, client_puts);
    assert_false(slice_starts(buffer_slice(&stage->answer), "HTTP"));
    assert_int_equal(act.ended + act.gone, 0);
}

static void client_leaves_inside(struct stage *stage) {
    const char *head = "PUT /v1 HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nhalf";
    const int line = dial_port(stage);
    (void)say(line, head, strlen(head));
    (void)shutdown(line, SHUT_WR);
    hear(line, &stage->answer); /* until the server has seen it */
    (void)close(line);
    client_puts(stage);
}

static void test_http__tells_the_streamer_who_left_inside_a_body(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_leaves_inside);
    assert_int_equal(act.gone, 1);
    assert_int_equal(act.ended, 1);
    assert_true(act.closed > 0);
}

static void let_pass(int64_t ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void client_trickles(struct stage *stage) {
    const char *head = "PUT /v1 HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n";
    const int line = dial_port(stage);
    bool taken = say(line, head, strlen(head));
    for (int i = 0; taken && i < CLIENT_WAIT_S * 200; i++) {
        let_pass(5);
        taken = say(line, "x", 1);
    }
    (void)close(line);
}

static void test_http__cuts_off_a_body_that_trickles(void **state) {
    struct stage *stage = *state;
    http_server_set_patience(stage->server, SHORT_PATIENCE_MS);
    run_client(stage, client_trickles);
    assert_int_equal(act.gone, 1);
}

static void client_is_slow_but_steady(struct stage *stage) {
    static char noise[2 * HTTP_PROGRESS_BYTES];
    const char *head = "PUT /v1 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
                       "Content-Length: 98304\r\n\r\n"; /* 12 pieces, for twice the patience */
    const int line = dial_port(stage);
    bool taken = say(line, head, strlen(head));
    for (int i = 0; taken && i < 12; i++) {
        let_pass(SHORT_PATIENCE_MS / 4);
        taken = say(line, noise, sizeof noise);
    }
    hear(line, &stage->answer);
    (void)close(line);
}

static void test_http__bears_a_body_that_is_slow_but_steady(void **state) {
    struct stage *stage = *state;
    http_server_set_patience(stage->server, SHORT_PATIENCE_MS * 2);
    run_client(stage, client_is_slow_but_steady);
    assert_answer(stage, "took 98304");
}

static void client_rests(struct stage *stage) {
    const char *first = "PUT /v1 HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\nx";
    char answer[1024];
    const int line = dial_port(stage);
    (void)say(line, first, strlen(first));
    stage->connected = recv(line, answer, sizeof answer, 0) > 0;
    let_pass(SHORT_PATIENCE_MS * 3);
    (void)say(line, "GET /fine" END, strlen("GET /fine" END));
    hear(line, &stage->answer);
    (void)close(line);
}

static void test_http__lets_rest_who_may(void **state) {
    struct stage *stage = *state;
    act.rests = true;
    http_server_set_patience(stage->server, SHORT_PATIENCE_MS);
    run_client(stage, client_rests);
    assert_seen(stage, "GET /fine 0;");
}

static void test_http__a_stranger_may_not_rest(void **state) {
    struct stage *stage = *state;
    http_server_set_patience(stage->server, SHORT_PATIENCE_MS);
    run_client(stage, client_rests);
    assert_true(stage->connected);
    assert_seen(stage, "");
}

static void test_http__a_port_that_is_taken_is_a_conflict(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    const struct http_options options = {.address = http_server_address(stage->server),
                                         .handler = handle};
    assert_int_equal(http_server_open(stage->loop, &options, &second, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "another process listens there"));
}

static void test_http__an_address_is_written_with_its_port(void **state) {
    static const char *const WRONG[] = {"",          "127.0.0.1",   "127.0.0.1:", "127.0.0.1:x",
                                        "nobody:80", "1.2.3:99999", ":123456",    "[::1:80"};
    struct stage *stage = *state;
    struct error err;
    struct http_server *server = NULL;
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        const struct http_options options = {.address = WRONG[i], .handler = handle};
        if (http_server_open(stage->loop, &options, &server, &err) != STATUS_INVALID) {
            fail_msg("'%s' was taken for an address, or: %s", WRONG[i], err.text);
        }
    }
    const struct http_options loopback = {.address = "[::1]:0", .handler = handle};
    const status code = http_server_open(stage->loop, &loopback, &server, &err);
    if (code == STATUS_OK) { /* else this machine has no IPv6 */
        assert_int_equal(strncmp(http_server_address(server), "[::1]:", 6), 0);
        http_server_destroy(server);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_http__gives_a_body_in_pieces_to_the_streamer,
                                        set_up_port, tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__a_paused_body_goes_on_where_it_was, set_up_port,
                                        tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__reads_the_rest_of_a_body_that_was_answered_early,
                                        set_up_port, tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__refuses_a_body_at_its_head, set_up_port,
                                        tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__cuts_a_body_off_when_the_streamer_says_so,
                                        set_up_port, tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__tells_the_streamer_who_left_inside_a_body,
                                        set_up_port, tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__cuts_off_a_body_that_trickles, set_up_port,
                                        tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__bears_a_body_that_is_slow_but_steady,
                                        set_up_port, tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__lets_rest_who_may, set_up_port, tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__a_stranger_may_not_rest, set_up_port,
                                        tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__a_port_that_is_taken_is_a_conflict, set_up_port,
                                        tear_down_port),
        cmocka_unit_test_setup_teardown(test_http__an_address_is_written_with_its_port, set_up_port,
                                        tear_down_port),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
