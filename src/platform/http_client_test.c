// SPDX-License-Identifier: Apache-2.0
#include "platform/http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/http_server.h"
#include "platform/test_http_peer.h"

enum { PATIENCE_MS = 60000, PATH_BYTES = 128, LONG_BYTES = 3 << 20, NOBODY_AT_ALL = 65534 };

/* A server on the loop, and a question that a thread asks it. */
struct stage {
    struct loop *loop;
    struct timer *patience;
    struct waker *finished;
    struct http_server *server;
    char folder[PATH_BYTES];
    char path[PATH_BYTES];
    bool impatient;

    const struct http_sink *sink;
    struct http_question question; /* the thread's until it has finished */
    struct buffer answer;
    struct error err;
    status code;
    int answered;
};

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static void asked(void *owner) {
    struct stage *stage = owner;
    loop_stop(stage->loop);
}

/* Says back what was asked; /missing is 404, /long is LONG_BYTES, /never is not answered. */
static void handle(void *owner, struct http_request *request) {
    (void)owner;
    if (slice_is(request->path, "/never")) {
        return;
    }
    if (slice_is(request->path, "/long")) {
        char *bytes = memory_new(LONG_BYTES, 1);
        assert_non_null(bytes);
        http_answer(request, 200, "text/plain",
                    (struct slice){.bytes = bytes, .count = LONG_BYTES});
        memory_free(bytes);
        return;
    }
    const char *query = http_query(request, "q");
    const char *type = http_header(request, "Content-Type");
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, HTTP_BODY_BYTES_MAX * 2);
    buffer_print(&body, "%.*s %.*s q=%s type=%s %zu:", SLICE_ARGS(request->method),
                 SLICE_ARGS(request->path), query != NULL ? query : "-", type != NULL ? type : "-",
                 request->body.count);
    buffer_add(&body, request->body);
    http_answer(request, slice_is(request->path, "/missing") ? 404 : 200, "text/plain",
                buffer_slice(&body));
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    (void)strcpy(stage->folder, "/tmp/ebb-client-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    (void)snprintf(stage->path, sizeof stage->path, "%.100s/ebb.sock", stage->folder);
    buffer_init(&stage->answer, LONG_BYTES);
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    assert_int_equal(waker_create(stage->loop, asked, stage, &stage->finished, &err), STATUS_OK);
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0600, handle, stage, &stage->server, &err),
        STATUS_OK);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    http_server_destroy(stage->server);
    waker_destroy(stage->finished);
    timer_close(stage->patience);
    loop_destroy(stage->loop);
    buffer_done(&stage->answer);
    assert_int_equal(rmdir(stage->folder), 0);
    assert_false(stage->impatient);
    memory_free(stage);
    return 0;
}

static void *thread_main(void *argument) {
    struct stage *stage = argument;
    stage->code = http_ask(&stage->question, &stage->answered, &stage->answer, &stage->err);
    waker_wake(stage->finished);
    return NULL;
}

/* Asks on a thread while the server runs here. */
static void ask(struct stage *stage, const char *method, const char *path, struct slice body) {
    pthread_t thread;
    stage->question = (struct http_question){.socket_path = stage->path,
                                             .method = method,
                                             .path = slice_of(path),
                                             .body = body,
                                             .sink = stage->sink,
                                             .timeout_ms = PATIENCE_MS};
    assert_int_equal(pthread_create(&thread, NULL, thread_main, stage), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void assert_ok(const struct stage *stage, int answered, const char *body) {
    if (stage->code != STATUS_OK) {
        fail_msg("%s", stage->err.text);
    }
    assert_int_equal(stage->answered, answered);
    if (!slice_is(buffer_slice(&stage->answer), body)) {
        fail_msg("the answer is '%.*s', not '%s'", SLICE_ARGS(buffer_slice(&stage->answer)), body);
    }
}

static void assert_failed(const struct stage *stage, status code, const char *words) {
    if (stage->code != code || strstr(stage->err.text, words) == NULL) {
        fail_msg("%s '%s', not %s with '%s'", status_name(stage->code), stage->err.text,
                 status_name(code), words);
    }
}

static void test_ask__without_libcurl_names_the_package(void **state) {
    struct stage *stage = *state;
    assert_int_equal(setenv("EBB_LIBCURL", "libcurl-no-such-thing.so.4", 1), 0);
    ask(stage, "GET", "/", SLICE(""));
    assert_int_equal(unsetenv("EBB_LIBCURL"), 0);
    assert_failed(stage, STATUS_NOT_FOUND, "libcurl3-gnutls");
}

static void test_ask__gets(void **state) {
    struct stage *stage = *state;
    ask(stage, "GET", "/v1/results?q=a%20b", SLICE(""));
    assert_ok(stage, 200, "GET /v1/results q=a b type=application/json 0:");
}

/* Drops what it is given, up to a bound. */
struct taken {
    size_t bytes, most;
};

static bool take_some(void *owner, struct buffer *body) {
    struct taken *taken = owner;
    taken->bytes += body->count;
    buffer_drop(body, body->count);
    return taken->bytes <= taken->most;
}

static void ask_into(struct stage *stage, const char *path, struct taken *taken) {
    const struct http_sink sink = {.take = take_some, .owner = taken};
    stage->sink = &sink;
    ask(stage, "GET", path, SLICE(""));
    stage->sink = NULL;
}

static void test_ask__a_sink_takes_the_answer_as_it_comes(void **state) {
    struct stage *stage = *state;
    struct taken taken = {.most = LONG_BYTES};
    ask_into(stage, "/long", &taken);
    assert_ok(stage, 200, "");
    assert_int_equal(taken.bytes, LONG_BYTES);
}

static void test_ask__a_sink_that_has_enough_ends_it(void **state) {
    struct stage *stage = *state;
    struct taken taken = {.most = 1000};
    ask_into(stage, "/long", &taken);
    assert_failed(stage, STATUS_INTERRUPTED, "");
    assert_true(taken.bytes > 1000 && taken.bytes < LONG_BYTES);
}

static void test_ask__a_refusal_is_not_for_the_sink(void **state) {
    struct stage *stage = *state;
    struct taken taken = {.most = 0};
    ask_into(stage, "/missing", &taken);
    assert_ok(stage, 404, "GET /missing q=- type=application/json 0:");
    assert_int_equal(taken.bytes, 0);
}

static void test_ask__posts_a_body(void **state) {
    struct stage *stage = *state;
    ask(stage, "POST", "/v1/workflows", SLICE("{\"file\":\"x\"}"));
    assert_ok(stage, 200, "POST /v1/workflows q=- type=application/json 12:{\"file\":\"x\"}");
}

static void test_ask__posts_without_a_body(void **state) {
    struct stage *stage = *state;
    ask(stage, "POST", "/v1/reload", SLICE(""));
    assert_ok(stage, 200, "POST /v1/reload q=- type=application/json 0:");
}

static void test_ask__deletes(void **state) {
    struct stage *stage = *state;
    ask(stage, "DELETE", "/v1/workflows/a", SLICE(""));
    assert_ok(stage, 200, "DELETE /v1/workflows/a q=- type=application/json 0:");
}

static void test_ask__takes_any_code_as_an_answer(void **state) {
    struct stage *stage = *state;
    ask(stage, "GET", "/missing", SLICE(""));
    assert_ok(stage, 404, "GET /missing q=- type=application/json 0:");
}

static void test_ask__asks_for_the_head(void **state) {
    struct stage *stage = *state;
    ask(stage, "HEAD", "/v1/status", SLICE(""));
    assert_ok(stage, 200, "");
}

static void test_ask__takes_an_answer_up_to_its_bound(void **state) {
    struct stage *stage = *state;
    ask(stage, "GET", "/long", SLICE(""));
    assert_int_equal(stage->code, STATUS_OK);
    assert_int_equal(stage->answer.count, LONG_BYTES);
}

static void test_ask__answer_beyond_its_bound_is_full(void **state) {
    struct stage *stage = *state;
    stage->answer.count_max = LONG_BYTES - 1;
    ask(stage, "GET", "/long", SLICE(""));
    assert_failed(stage, STATUS_FULL, "more than 3145727 bytes");
}

static void test_ask__body_that_is_too_large_meets_413(void **state) {
    struct stage *stage = *state;
    char *bytes = memory_new(HTTP_BODY_BYTES_MAX + 1, 1);
    assert_non_null(bytes);
    ask(stage, "POST", "/v1/workflows",
        (struct slice){.bytes = bytes, .count = HTTP_BODY_BYTES_MAX + 1});
    memory_free(bytes);
    assert_int_equal(stage->code, STATUS_OK);
    assert_int_equal(stage->answered, 413);
}

static void test_ask__without_a_socket_is_offline(void **state) {
    struct stage *stage = *state;
    http_server_destroy(stage->server);
    stage->server = NULL;
    ask(stage, "GET", "/v1/status", SLICE(""));
    assert_failed(stage, STATUS_OFFLINE, stage->path);
}

static void test_ask__socket_that_nobody_listens_on_is_offline(void **state) {
    struct stage *stage = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char other[PATH_BYTES];
    (void)snprintf(other, sizeof other, "%.100s/left", stage->folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", other);
    const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(left, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(left), 0);
    stage->question = (struct http_question){
        .socket_path = other, .method = "GET", .path = SLICE("/"), .timeout_ms = PATIENCE_MS};
    stage->code = http_ask(&stage->question, &stage->answered, &stage->answer, &stage->err);
    assert_failed(stage, STATUS_OFFLINE, other);
    assert_int_equal(unlink(other), 0);
}

/* In a child, since there is no way back from another user. */
static void test_ask__socket_of_somebody_else_is_denied(void **state) {
    struct stage *stage = *state;
    if (geteuid() != 0) {
        print_message("only root can be somebody else\n");
        skip();
    }
    stage->question = (struct http_question){
        .socket_path = stage->path, .method = "GET", .path = SLICE("/"), .timeout_ms = PATIENCE_MS};
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int changed = setresuid(NOBODY_AT_ALL, NOBODY_AT_ALL, NOBODY_AT_ALL);
        const status code =
            http_ask(&stage->question, &stage->answered, &stage->answer, &stage->err);
        _exit(changed == 0 && code == STATUS_DENIED ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void test_ask__daemon_that_does_not_answer_is_a_timeout(void **state) {
    struct stage *stage = *state;
    pthread_t thread;
    stage->question = (struct http_question){
        .socket_path = stage->path, .method = "GET", .path = SLICE("/never"), .timeout_ms = 50};
    assert_int_equal(pthread_create(&thread, NULL, thread_main, stage), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_failed(stage, STATUS_TIMEOUT, "GET /never on ");
}

/* Over TCP, from a server that says just this. */
static void ask_server_that_says(struct stage *stage, const char *bytes) {
    struct http_peer peer = {.answers = {bytes}};
    assert_int_equal(peer_start(&peer), 0);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", peer.port);
    stage->question =
        (struct http_question){.method = "GET", .path = slice_of(url), .timeout_ms = PATIENCE_MS};
    stage->code = http_ask(&stage->question, &stage->answered, &stage->answer, &stage->err);
    peer_stop(&peer);
}

static void test_ask__asks_over_tcp(void **state) {
    struct stage *stage = *state;
    ask_server_that_says(stage, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_ok(stage, 200, "hi");
}

static void test_ask__line_that_breaks_is_offline(void **state) {
    struct stage *stage = *state;
    ask_server_that_says(stage, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi");
    assert_failed(stage, STATUS_OFFLINE, "GET http://127.0.0.1:");
}

static void test_ask__server_that_closes_without_a_word_is_offline(void **state) {
    struct stage *stage = *state;
    ask_server_that_says(stage, "");
    assert_failed(stage, STATUS_OFFLINE, "GET http://127.0.0.1:");
}

static void test_ask__what_is_not_http_is_corrupt(void **state) {
    struct stage *stage = *state;
    ask_server_that_says(stage, "SSH-2.0-OpenSSH_9.2\r\n");
    assert_failed(stage, STATUS_CORRUPT, "");
}

static void test_ask__url_of_another_kind_is_refused(void **state) {
    struct stage *stage = *state;
    const char *const wrong[] = {"https://localhost/", "file:///etc/passwd", "/v1/status", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        stage->question = (struct http_question){.method = "GET", .path = slice_of(wrong[i])};
        stage->code = http_ask(&stage->question, &stage->answered, &stage->answer, &stage->err);
        assert_failed(stage, STATUS_INVALID, "begins with 'http://'");
    }
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_ask__without_libcurl_names_the_package), /* first: it is loaded once */
        STAGED(test_ask__gets),
        STAGED(test_ask__a_sink_takes_the_answer_as_it_comes),
        STAGED(test_ask__a_sink_that_has_enough_ends_it),
        STAGED(test_ask__a_refusal_is_not_for_the_sink),
        STAGED(test_ask__posts_a_body),
        STAGED(test_ask__posts_without_a_body),
        STAGED(test_ask__deletes),
        STAGED(test_ask__takes_any_code_as_an_answer),
        STAGED(test_ask__asks_for_the_head),
        STAGED(test_ask__takes_an_answer_up_to_its_bound),
        STAGED(test_ask__answer_beyond_its_bound_is_full),
        STAGED(test_ask__body_that_is_too_large_meets_413),
        STAGED(test_ask__without_a_socket_is_offline),
        STAGED(test_ask__socket_that_nobody_listens_on_is_offline),
        STAGED(test_ask__socket_of_somebody_else_is_denied),
        STAGED(test_ask__daemon_that_does_not_answer_is_a_timeout),
        STAGED(test_ask__asks_over_tcp),
        STAGED(test_ask__line_that_breaks_is_offline),
        STAGED(test_ask__server_that_closes_without_a_word_is_offline),
        STAGED(test_ask__what_is_not_http_is_corrupt),
        STAGED(test_ask__url_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
