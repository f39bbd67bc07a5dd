// SPDX-License-Identifier: Apache-2.0
/* Against servers that say just this; TLS and a whole daemon are in tests/scenario. */
#include "agents/adapters/http_agent.h"

#include "agents/adapters/test_trial.h"
#include "platform/test_http_peer.h"

#define ANSWER(code, more, body) "HTTP/1.1 " code "\r\n" more "\r\n" body
#define OK_OBJECT                ANSWER("200 OK", "Content-Length: 9\r\n", "{\"n\":1.0}")

static const char KEY_LINE[] = "Idempotency-Key: 000000000000000000000000000000cd\r\n";

/* An agent that asks this peer; `rest` is what else its manifest has. */
static void open_agent(struct trial *trial, struct http_peer *peer, const char *rest) {
    char manifest[2048];
    assert_int_equal(peer_start(peer), 0);
    (void)snprintf(manifest, sizeof manifest, "url: http://127.0.0.1:%d/ask\n%s", peer->port, rest);
    trial_open(trial, &HTTP_AGENT, manifest);
}

/* One call to a peer that answers so. */
static void ask_who_says(struct trial *trial, const char *answer, struct trial_call *one) {
    struct http_peer peer = {.answers = {answer}};
    open_agent(trial, &peer, "limits: { output: 1KiB }\n");
    trial_ask_and_wait(trial, one, "{}");
    trial_close(trial);
    peer_stop(&peer);
}

static void test_http_agent__the_inputs_are_the_body_and_the_answer_the_output(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {OK_OBJECT}};
    open_agent(trial, &peer,
               "headers: { Authorization: Bearer 12, X-Room: a b }\noutputs: { n: number }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"text\":\"\xc3\xa9\",\"n\":9007199254740993}");
    peer_stop(&peer);
    assert_answer(&call, "{\"n\":1.0}");
    const char *seen = peer.seen[0];
    assert_non_null(strstr(seen, "POST /ask HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(seen, "Authorization: Bearer 12\r\nX-Room: a b\r\n"));
    assert_non_null(strstr(seen, KEY_LINE));
    assert_non_null(strstr(seen, "\r\n\r\n{\"text\":\"\xc3\xa9\",\"n\":9007199254740993}"));
}

static void test_http_agent__under_get_the_inputs_are_the_query(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {OK_OBJECT}};
    char manifest[256];
    assert_int_equal(peer_start(&peer), 0);
    (void)snprintf(manifest, sizeof manifest, "url: http://127.0.0.1:%d/ask?v=1\nmethod: GET\n",
                   peer.port);
    trial_open(trial, &HTTP_AGENT, manifest);
    struct trial_call call;
    trial_ask_and_wait(trial, &call,
                       "{\"a b\":\"x&y \xc3\xa9\",\"n\":1.5,\"l\":[1,\"=\"],\"no\":null}");
    peer_stop(&peer);
    assert_answer(&call, "{\"n\":1.0}");
    assert_non_null(
        strstr(peer.seen[0], "GET /ask?v=1&a%20b=x%26y%20%C3%A9&n=1.5&l=%5B1%2C%22%3D%22%5D HTTP"));
    assert_non_null(strstr(peer.seen[0], KEY_LINE));
    assert_null(strstr(peer.seen[0], "Content-Length"));
}

static void test_http_agent__a_query_that_is_too_long_is_full(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {NULL}};
    open_agent(trial, &peer, "method: GET\n");
    char json[6000];
    (void)snprintf(json, sizeof json, "{\"text\":\"%05000d\"}", 0);
    struct trial_call call;
    trial_ask_and_wait(trial, &call, json);
    peer_stop(&peer);
    assert_failure(&call, STATUS_FULL, "the URL with its inputs: more than 4095 bytes");
}

static void test_http_agent__an_empty_good_answer_is_no_output(void **state) {
    struct trial *trial = *state;
    struct trial_call call;
    ask_who_says(trial, ANSWER("204 No Content", "", ""), &call);
    assert_answer(&call, "{}");
}

static void test_http_agent__what_it_answers_decides_the_class(void **state) {
    struct trial *trial = *state;
    const struct {
        const char *answer;
        status code;
        const char *part;
    } cases[] = {
        {ANSWER("400 No", "Content-Length: 5\r\n", "x\ny z"), STATUS_INVALID,
         "answered 400: x y z"},
        {ANSWER("401 No", "Content-Length: 0\r\n", ""), STATUS_DENIED, "answered 401"},
        {ANSWER("403 No", "Content-Length: 0\r\n", ""), STATUS_DENIED, "answered 403"},
        {ANSWER("404 No", "Content-Length: 0\r\n", ""), STATUS_INVALID, "answered 404"},
        {ANSWER("408 No", "Content-Length: 0\r\n", ""), STATUS_TIMEOUT, "answered 408"},
        {ANSWER("429 No", "Content-Length: 0\r\n", ""), STATUS_BUSY, "answered 429"},
        {ANSWER("500 No", "Content-Length: 4\r\n", "oops"), STATUS_CRASH, "answered 500: oops"},
        {ANSWER("502 No", "Content-Length: 0\r\n", ""), STATUS_CRASH, "answered 502"},
        {ANSWER("503 No", "Content-Length: 0\r\n", ""), STATUS_BUSY, "answered 503"},
        {ANSWER("301 Away", "Location: http://else.where/\r\nContent-Length: 0\r\n", ""),
         STATUS_INVALID, "answered 301: it lies at 'http://else.where/' now"},
        {ANSWER("200 OK", "Content-Length: 20\r\n", "<html><body>no</body"), STATUS_INVALID,
         "gave no JSON object"},
        {ANSWER("200 OK", "Content-Length: 20\r\n", "<html><body>no</body"), STATUS_INVALID,
         ": <html><body>no</body"},
        {ANSWER("200 OK", "Content-Length: 3\r\n", "[1]"), STATUS_INVALID, "gave no JSON object"},
        {ANSWER("200 OK", "Content-Length: 20\r\n", "{}"), STATUS_CRASH, "ask agent 'under-test'"},
        {"", STATUS_CRASH, "ask agent 'under-test'"},
        {"SSH-2.0-OpenSSH_9.2\r\n", STATUS_INVALID, "ask agent 'under-test'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial_call call;
        ask_who_says(trial, cases[i].answer, &call);
        assert_failure(&call, cases[i].code, cases[i].part);
    }
}

static void test_http_agent__a_long_answer_is_broken_off(void **state) {
    struct trial *trial = *state;
    char answer[4096];
    (void)snprintf(answer, sizeof answer, ANSWER("200 OK", "Content-Length: 1025\r\n", "%1025s"),
                   "");
    struct trial_call call;
    ask_who_says(trial, answer, &call);
    assert_failure(&call, STATUS_INVALID, "more than 1024 bytes (limits.output)");
}

static void test_http_agent__retry_after_is_told_and_bounded(void **state) {
    struct trial *trial = *state;
    struct trial_call call;
    ask_who_says(trial, ANSWER("503 Soon", "Retry-After: 3\r\nContent-Length: 0\r\n", ""), &call);
    assert_int_equal(call.call.retry_after_ms, 3000);
    assert_failure(&call, STATUS_BUSY, "503");
    ask_who_says(trial, ANSWER("429 Later", "Retry-After: 9999999\r\nContent-Length: 0\r\n", ""),
                 &call);
    assert_int_equal(call.call.retry_after_ms, HTTP_AGENT_RETRY_AFTER_MS_MAX);
    assert_failure(&call, STATUS_BUSY, "429");
}

static void test_http_agent__an_answer_that_does_not_fit_the_outputs_is_invalid(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {OK_OBJECT}};
    open_agent(trial, &peer, "outputs: { m: number }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    peer_stop(&peer);
    assert_failure(&call, STATUS_INVALID, "the output of agent 'under-test'");
}

static void test_http_agent__where_nobody_listens_is_offline(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {NULL}};
    open_agent(trial, &peer, "");
    peer_stop(&peer); /* its port is free again */
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_OFFLINE, "ask agent 'under-test'");
}

static void test_http_agent__the_deadline_ends_a_call(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {PEER_SILENT}};
    open_agent(trial, &peer, "");
    struct trial_call call;
    trial_ask(trial, &call, "{}", 1500);
    trial_wait(trial, 1);
    peer_stop(&peer);
    assert_failure(&call, STATUS_TIMEOUT, "did not answer in time");
}

/* A proxy that takes the connection and never answers CONNECT: nothing went out. */
static void test_http_agent__a_deadline_before_a_connection_is_offline(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {PEER_SILENT}};
    assert_int_equal(peer_start(&peer), 0);
    char manifest[256];
    (void)snprintf(manifest, sizeof manifest,
                   "url: https://far.example/\nproxy: http://127.0.0.1:%d\n", peer.port);
    trial_open(trial, &HTTP_AGENT, manifest);
    struct trial_call call;
    trial_ask(trial, &call, "{}", 300);
    trial_wait(trial, 1);
    peer_stop(&peer);
    assert_failure(&call, STATUS_OFFLINE, "no connection in time");
    assert_non_null(strstr(peer.seen[0], "CONNECT far.example:443 HTTP/1.1\r\n"));
}

static void test_http_agent__a_proxy_that_refuses_is_told(void **state) {
    struct trial *trial = *state;
    const struct {
        const char *answer;
        status code;
    } cases[] = {{ANSWER("407 Log in", "Content-Length: 0\r\n", ""), STATUS_DENIED},
                 {ANSWER("403 No", "Content-Length: 0\r\n", ""), STATUS_DENIED},
                 {ANSWER("502 Bad Gateway", "Content-Length: 0\r\n", ""), STATUS_OFFLINE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_peer peer = {.answers = {cases[i].answer}};
        assert_int_equal(peer_start(&peer), 0);
        char manifest[256];
        (void)snprintf(manifest, sizeof manifest,
                       "url: https://far.example/\nproxy: http://127.0.0.1:%d\n", peer.port);
        trial_open(trial, &HTTP_AGENT, manifest);
        struct trial_call call;
        trial_ask_and_wait(trial, &call, "{}");
        trial_close(trial);
        peer_stop(&peer);
        assert_failure(&call, cases[i].code, "ask agent 'under-test'");
    }
}

static void test_http_agent__calls_beyond_its_places_wait(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {NULL}};
    open_agent(trial, &peer, "");
    peer_stop(&peer);
    struct trial_call calls[3 * HTTP_AGENT_CALLS_MAX];
    const int count = sizeof calls / sizeof calls[0];
    for (int i = 0; i < count; i++) {
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, count);
    for (int i = 0; i < count; i++) {
        assert_failure(&calls[i], STATUS_OFFLINE, "under-test");
    }
}

static void test_http_agent__closing_forgets_its_calls(void **state) {
    struct trial *trial = *state;
    struct http_peer peer = {.answers = {PEER_SILENT}};
    open_agent(trial, &peer, "");
    struct trial_call calls[2];
    trial_ask(trial, &calls[0], "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &calls[1], "{}", 1);
    trial_wait(trial, 1);
    arena_done(&calls[0].arena);
    arena_done(&calls[1].arena);
    trial_close(trial);
    peer_stop(&peer);
    assert_int_equal(trial->ended, 1);
}

/* Whatever fails, the call ends. */
static void test_http_agent__any_allocation_may_fail(void **state) {
    struct trial *trial = *state;
    for (long index = 1;; index++) {
        struct http_peer peer = {.answers = {OK_OBJECT}};
        open_agent(trial, &peer, "");
        struct trial_call call;
        trial->fail_allocation = index;
        trial_ask(trial, &call, "{\"text\":\"x\"}", 500);
        trial_wait(trial, 1);
        trial->fail_allocation = 0;
        const bool reached = memory_fail_at(-1, 0) >= (size_t)index;
        trial_close(trial);
        peer_stop(&peer);
        const status code = call.call.error.code;
        trial_call_done_with(&call);
        if (!reached) {
            assert_int_equal(code, STATUS_OK);
            break;
        }
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY || code == STATUS_OFFLINE ||
                    code == STATUS_TIMEOUT);
        assert_true(index < 100);
    }
}

int main(void) {
    const char *const ways[] = {"http_proxy",  "https_proxy", "all_proxy", "no_proxy",
                                "HTTPS_PROXY", "ALL_PROXY",   "NO_PROXY"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        (void)unsetenv(ways[i]); /* else these tests go where the machine's traffic goes */
    }
#define TRIAL_TEST(test) cmocka_unit_test_setup_teardown(test, trial_make, trial_end)
    const struct CMUnitTest tests[] = {
        TRIAL_TEST(test_http_agent__the_inputs_are_the_body_and_the_answer_the_output),
        TRIAL_TEST(test_http_agent__under_get_the_inputs_are_the_query),
        TRIAL_TEST(test_http_agent__a_query_that_is_too_long_is_full),
        TRIAL_TEST(test_http_agent__an_empty_good_answer_is_no_output),
        TRIAL_TEST(test_http_agent__what_it_answers_decides_the_class),
        TRIAL_TEST(test_http_agent__a_long_answer_is_broken_off),
        TRIAL_TEST(test_http_agent__retry_after_is_told_and_bounded),
        TRIAL_TEST(test_http_agent__an_answer_that_does_not_fit_the_outputs_is_invalid),
        TRIAL_TEST(test_http_agent__where_nobody_listens_is_offline),
        TRIAL_TEST(test_http_agent__the_deadline_ends_a_call),
        TRIAL_TEST(test_http_agent__a_deadline_before_a_connection_is_offline),
        TRIAL_TEST(test_http_agent__a_proxy_that_refuses_is_told),
        TRIAL_TEST(test_http_agent__calls_beyond_its_places_wait),
        TRIAL_TEST(test_http_agent__closing_forgets_its_calls),
        TRIAL_TEST(test_http_agent__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
