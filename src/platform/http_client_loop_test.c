// SPDX-License-Identifier: Apache-2.0
/* Asking on a loop; http_ask is in http_client_test, TLS and proxies are in tests/scenario. */
#include "platform/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/test_http_peer.h"

enum { PATIENCE_MS = 60000, BODY_BYTES_MAX = 1000, QUESTIONS = 3, TEXT_BYTES = 256 };

#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* What a question came to; the texts are copies. */
struct told {
    struct stage *stage;
    struct http_exchange *exchange;
    int times;
    struct error error;
    bool sent;
    int code;
    int64_t retry_after_ms;
    char type[TEXT_BYTES], place[TEXT_BYTES], body[BODY_BYTES_MAX + 1];
};

struct stage {
    struct loop *loop;
    struct timer *patience;
    struct http_client *client;
    struct http_peer peer;
    struct told told[QUESTIONS];
    int wanted; /* answers before the loop ends */
    bool impatient, asking;
};

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    struct error err;
    if (stage == NULL || loop_create(&stage->loop, &err) != STATUS_OK ||
        timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err) != STATUS_OK ||
        http_client_create(stage->loop, &stage->client, &err) != STATUS_OK) {
        return -1;
    }
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    http_client_destroy(stage->client);
    timer_close(stage->patience);
    loop_destroy(stage->loop);
    memory_free(stage);
    return 0;
}

static void copy_text(char out[TEXT_BYTES], const char *text) {
    (void)snprintf(out, TEXT_BYTES, "%s", text);
}

static void answered(void *owner, const struct http_answer *answer) {
    struct told *told = owner;
    assert_false(told->stage->asking);
    told->times++;
    told->exchange = NULL;
    told->error = answer->error;
    told->sent = answer->sent;
    told->code = answer->code;
    told->retry_after_ms = answer->retry_after_ms;
    copy_text(told->type, answer->type);
    copy_text(told->place, answer->place);
    (void)snprintf(told->body, sizeof told->body, "%.*s", SLICE_ARGS(answer->body));
    if (--told->stage->wanted <= 0) {
        loop_stop(told->stage->loop);
    }
}

static status ask(struct stage *stage, int index, const char *url, struct http_question question,
                  struct error *err) {
    struct told *told = &stage->told[index];
    const struct http_asker asker = {
        .answered = answered, .owner = told, .answer_bytes_max = BODY_BYTES_MAX};
    *told = (struct told){.stage = stage};
    question.path = slice_of(url);
    question.method = question.method != NULL ? question.method : "GET";
    question.proxy = "";
    stage->asking = true;
    const status code = http_client_ask(stage->client, &question, &asker, &told->exchange, err);
    stage->asking = false;
    return code;
}

static void ask_peer(struct stage *stage, int index, struct http_question question) {
    char url[64];
    struct error err = {0};
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", stage->peer.port);
    if (ask(stage, index, url, question, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void run_until(struct stage *stage, int answers) {
    stage->wanted = answers;
    timer_set(stage->patience, PATIENCE_MS);
    loop_run(stage->loop);
    timer_clear(stage->patience);
    assert_false(stage->impatient);
}

/* One question to a peer that says this. */
static const struct told *ask_who_says(struct stage *stage, const char *bytes) {
    stage->peer = (struct http_peer){.answers = {bytes}};
    assert_int_equal(peer_start(&stage->peer), 0);
    ask_peer(stage, 0, (struct http_question){0});
    run_until(stage, 1);
    peer_stop(&stage->peer);
    return &stage->told[0];
}

static void assert_failed(const struct told *told, status code, bool sent, const char *words) {
    if (told->times != 1 || told->error.code != code || strstr(told->error.text, words) == NULL) {
        fail_msg("%d times: %s '%s'", told->times, status_name(told->error.code), told->error.text);
    }
    assert_int_equal(told->sent, sent);
}

static void test_client__several_questions_are_under_way_at_once(void **state) {
    struct stage *stage = *state;
    stage->peer = (struct http_peer){.answers = {OK_HI, OK_HI, OK_HI}};
    assert_int_equal(peer_start(&stage->peer), 0);
    for (int i = 0; i < QUESTIONS; i++) {
        ask_peer(stage, i, (struct http_question){0});
    }
    run_until(stage, QUESTIONS);
    peer_stop(&stage->peer);
    for (int i = 0; i < QUESTIONS; i++) {
        assert_int_equal(stage->told[i].error.code, STATUS_OK);
        assert_int_equal(stage->told[i].code, 200);
        assert_int_equal(stage->told[i].times, 1);
        assert_string_equal(stage->told[i].body, "hi");
    }
}

static void test_client__the_request_is_what_was_asked_for(void **state) {
    struct stage *stage = *state;
    const char *const headers[] = {"X-One: 1", "content-type: text/x", NULL};
    stage->peer = (struct http_peer){.answers = {OK_HI, OK_HI}};
    assert_int_equal(peer_start(&stage->peer), 0);
    ask_peer(stage, 0, (struct http_question){.method = "PUT", .body = SLICE("{\"a\":1}")});
    run_until(stage, 1);
    ask_peer(stage, 1, (struct http_question){.method = "POST", .headers = headers, .once = true});
    run_until(stage, 1);
    peer_stop(&stage->peer);
    const char *seen = stage->peer.seen[0];
    assert_non_null(strstr(seen, "PUT /x HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(seen, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(seen, "Expect:"));
    assert_non_null(strstr(stage->peer.seen[1], "X-One: 1\r\n"));
    assert_non_null(strstr(stage->peer.seen[1], "content-type: text/x\r\n"));
    assert_null(strstr(stage->peer.seen[1], "application/json"));
    assert_non_null(strstr(stage->peer.seen[1], "Content-Length: 0\r\n"));
}

static void test_client__what_the_answer_says_of_itself_is_told(void **state) {
    struct stage *stage = *state;
    const struct told *told =
        ask_who_says(stage, "HTTP/1.1 307 Elsewhere\r\nContent-Type: text/html\r\nLocation: /y\r\n"
                            "Retry-After: 7\r\nContent-Length: 1\r\n\r\n!");
    char place[64];
    (void)snprintf(place, sizeof place, "http://127.0.0.1:%d/y", stage->peer.port);
    assert_int_equal(told->error.code, STATUS_OK);
    assert_int_equal(told->code, 307);
    assert_string_equal(told->type, "text/html");
    assert_string_equal(told->place, place);
    assert_int_equal(told->retry_after_ms, 7000);
    assert_string_equal(told->body, "!");
    assert_true(told->sent);
}

static void test_client__where_nobody_listens_is_offline_and_nothing_was_sent(void **state) {
    struct stage *stage = *state;
    stage->peer = (struct http_peer){.answers = {NULL}};
    assert_int_equal(peer_start(&stage->peer), 0);
    peer_stop(&stage->peer); /* its port is free again */
    ask_peer(stage, 0, (struct http_question){0});
    run_until(stage, 1);
    assert_failed(&stage->told[0], STATUS_OFFLINE, false, "connect");
}

static void test_client__a_name_that_is_none_is_offline_and_nothing_was_sent(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(ask(stage, 0, "http://nowhere.invalid/", (struct http_question){0}, &err),
                     STATUS_OK);
    run_until(stage, 1);
    assert_failed(&stage->told[0], STATUS_OFFLINE, false, "nowhere.invalid");
}

static void test_client__a_line_that_breaks_was_sent(void **state) {
    struct stage *stage = *state;
    assert_failed(ask_who_says(stage, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"),
                  STATUS_OFFLINE, true, "");
    assert_failed(ask_who_says(stage, ""), STATUS_OFFLINE, true, "");
}

static void test_client__what_is_no_tls_is_offline(void **state) {
    struct stage *stage = *state;
    struct error err;
    char url[64];
    stage->peer = (struct http_peer){.answers = {PEER_SILENT}};
    assert_int_equal(peer_start(&stage->peer), 0);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", stage->peer.port);
    assert_int_equal(ask(stage, 0, url, (struct http_question){.timeout_ms = 50}, &err), STATUS_OK);
    run_until(stage, 1);
    peer_stop(&stage->peer);
    assert_failed(&stage->told[0], STATUS_OFFLINE, false, "");
}

static void test_client__a_silent_server_is_a_timeout(void **state) {
    struct stage *stage = *state;
    stage->peer = (struct http_peer){.answers = {PEER_SILENT}};
    assert_int_equal(peer_start(&stage->peer), 0);
    ask_peer(stage, 0, (struct http_question){.timeout_ms = 1500});
    run_until(stage, 1);
    peer_stop(&stage->peer);
    assert_failed(&stage->told[0], STATUS_TIMEOUT, true, "");
}

static void test_client__body_and_head_have_bounds(void **state) {
    struct stage *stage = *state;
    CLEANUP(buffer_done) struct buffer long_one;
    buffer_init(&long_one, 1 << 20);
    buffer_print(&long_one, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n%1001s", "");
    assert_failed(ask_who_says(stage, long_one.bytes), STATUS_FULL, true, "more than 1000 bytes");
    buffer_clear(&long_one);
    buffer_add_text(&long_one, "HTTP/1.1 200 OK\r\n");
    while (long_one.count <= HTTP_ANSWER_HEAD_BYTES_MAX) {
        buffer_add_text(&long_one, "X-Long: and longer\r\n");
    }
    buffer_add_text(&long_one, "Content-Length: 2\r\n\r\nhi");
    buffer_add_byte(&long_one, 0);
    assert_failed(ask_who_says(stage, long_one.bytes), STATUS_FULL, true, "head");
}

static void test_client__what_is_not_http_is_corrupt(void **state) {
    struct stage *stage = *state;
    assert_failed(ask_who_says(stage, "SSH-2.0-OpenSSH_9.2\r\n"), STATUS_CORRUPT, true, "");
}

static void test_client__what_is_cancelled_tells_nobody(void **state) {
    struct stage *stage = *state;
    stage->peer = (struct http_peer){.answers = {OK_HI, OK_HI}};
    assert_int_equal(peer_start(&stage->peer), 0);
    ask_peer(stage, 0, (struct http_question){0});
    assert_false(http_exchange_is_sent(stage->told[0].exchange));
    http_exchange_cancel(stage->told[0].exchange);
    ask_peer(stage, 1, (struct http_question){0});
    run_until(stage, 1);
    peer_stop(&stage->peer);
    assert_int_equal(stage->told[0].times, 0);
    assert_int_equal(stage->told[1].code, 200);
}

static void test_client__may_be_destroyed_with_questions_under_way(void **state) {
    struct stage *stage = *state;
    stage->peer = (struct http_peer){.answers = {PEER_SILENT, PEER_SILENT}};
    assert_int_equal(peer_start(&stage->peer), 0);
    ask_peer(stage, 0, (struct http_question){0});
    ask_peer(stage, 1, (struct http_question){.timeout_ms = 200});
    run_until(stage, 1);
    http_client_destroy(stage->client);
    stage->client = NULL;
    peer_stop(&stage->peer);
    assert_int_equal(stage->told[0].times, 0);
    assert_int_equal(stage->told[1].times, 1);
}

static void test_client__what_is_no_url_is_refused(void **state) {
    struct stage *stage = *state;
    const char *const wrong[] = {"file:///etc/passwd", "/v1/status", "", "ftp://host/"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error err = {0};
        assert_int_equal(ask(stage, 0, wrong[i], (struct http_question){0}, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "'https://'"));
    }
}

/* Each ends with its answer or with an error, none is lost. */
static void test_client__any_allocation_may_fail(void **state) {
    struct stage *stage = *state;
    for (long index = 0;; index++) {
        struct error err = {0};
        char url[64];
        stage->peer = (struct http_peer){.answers = {OK_HI}};
        assert_int_equal(peer_start(&stage->peer), 0);
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", stage->peer.port);
        (void)memory_fail_at(index, 0);
        const struct http_question question = {.timeout_ms = 300, .once = true};
        const status code = ask(stage, 0, url, question, &err);
        if (code == STATUS_OK) {
            run_until(stage, 1);
        }
        const bool reached = memory_fail_at(-1, 0) > (size_t)index;
        peer_stop(&stage->peer);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
        assert_int_equal(stage->told[0].times, code == STATUS_OK ? 1 : 0);
        if (!reached) {
            assert_int_equal(stage->told[0].code, 200);
            break;
        }
        assert_true(index < 100);
    }
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_client__several_questions_are_under_way_at_once),
        STAGED(test_client__the_request_is_what_was_asked_for),
        STAGED(test_client__what_the_answer_says_of_itself_is_told),
        STAGED(test_client__where_nobody_listens_is_offline_and_nothing_was_sent),
        STAGED(test_client__a_name_that_is_none_is_offline_and_nothing_was_sent),
        STAGED(test_client__a_line_that_breaks_was_sent),
        STAGED(test_client__what_is_no_tls_is_offline),
        STAGED(test_client__a_silent_server_is_a_timeout),
        STAGED(test_client__body_and_head_have_bounds),
        STAGED(test_client__what_is_not_http_is_corrupt),
        STAGED(test_client__what_is_cancelled_tells_nobody),
        STAGED(test_client__may_be_destroyed_with_questions_under_way),
        STAGED(test_client__what_is_no_url_is_refused),
        STAGED(test_client__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
