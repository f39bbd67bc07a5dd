// SPDX-License-Identifier: Apache-2.0
/* A daemon's parts, how they begin and how they end. */
#include "runtime/daemon.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "platform/http_client.h"
#include "runtime/test_stage.h"

static char socket_path[108];

static void with_socket(struct stage *stage) {
    (void)snprintf(socket_path, sizeof(socket_path), "%.100s/s", stage->folder.path);
    stage->options.socket = socket_path;
}

static const char FLOW[] = "trigger: { stdin: json }\n"
                           "steps: [ { id: one, agent: jq } ]\n"
                           "results: [ { name: out, from: '${ .steps.one }' } ]\n";

static void write_flow(struct stage *stage) {
    stage_agent(stage, "jq", "kind: jq\nfilter: '{n: ([1, 2] | length)}'\n");
    stage_flow(stage, "flow", FLOW);
}

/* --- asking it, from a thread of its own --- */
struct asker {
    pthread_t thread;
    const char *method, *path;
    int code;
    struct buffer body;
    status outcome;
    atomic_bool done;
};

static void *ask(void *argument) {
    struct asker *asker = argument;
    struct error err;
    const struct http_question question = {.socket_path = socket_path,
                                           .method = asker->method,
                                           .path = slice_of(asker->path),
                                           .timeout_ms = 20 * 1000};
    asker->outcome = http_ask(&question, &asker->code, &asker->body, &err);
    atomic_store(&asker->done, true);
    return NULL;
}

static struct asker asker;

static bool asker_is_done(struct stage *stage) {
    (void)stage;
    return atomic_load(&asker.done);
}

static void start_asking(const char *method, const char *path) {
    asker = (struct asker){.method = method, .path = path};
    buffer_init(&asker.body, 1 << 20);
    assert_int_equal(pthread_create(&asker.thread, NULL, ask, &asker), 0);
}

static int ask_for(struct stage *stage, const char *path) {
    start_asking("GET", path);
    stage_until(stage, asker_is_done);
    assert_int_equal(pthread_join(asker.thread, NULL), 0);
    assert_int_equal(asker.outcome, STATUS_OK);
    buffer_add_byte(&asker.body, 0);
    return asker.code;
}

static void test_daemon__is_ready_when_all_is_loaded(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    with_socket(stage);
    write_flow(stage);
    assert_int_equal(stage_try_open(stage, &err), STATUS_OK);
    start_asking("GET", "/readyz"); /* before the first turn of the loop */
    stage_until(stage, asker_is_done);
    assert_int_equal(pthread_join(asker.thread, NULL), 0);
    buffer_add_byte(&asker.body, 0);
    assert_true(asker.code == 503 || asker.code == 200);
    buffer_done(&asker.body);
    stage_until(stage, stage_is_loaded);
    int code = 503;
    while (code == 503) { /* jq compiles */
        code = ask_for(stage, "/readyz");
        assert_true(code == 200 || strstr(asker.body.bytes, "expressions") != NULL);
        buffer_done(&asker.body);
    }
    assert_int_equal(code, 200);
    assert_int_equal(ask_for(stage, "/healthz"), 200);
    assert_string_equal(asker.body.bytes, "ok\n");
    buffer_done(&asker.body);
}

/* Requests that wait for the store's reader when the daemon ends. */
static void test_daemon__ends_with_requests_that_wait(void **state) {
    enum { ASKERS = 8 };
    static const char REQUEST[] = "GET /v1/results HTTP/1.1\r\nHost: ebb\r\n\r\n";
    struct stage *stage = *state;
    with_socket(stage);
    write_flow(stage);
    for (int life = 0; life < 4; life++) {
        int sockets[ASKERS];
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)memcpy(address.sun_path, socket_path, sizeof(socket_path));
        stage_open(stage);
        for (int i = 0; i < ASKERS; i++) {
            sockets[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            assert_int_equal(
                connect(sockets[i], (const struct sockaddr *)&address, sizeof(address)), 0);
            assert_int_equal(write(sockets[i], REQUEST, strlen(REQUEST)), strlen(REQUEST));
        }
        stage_let_pass(stage, life * 2);
        stage_close(stage);
        for (int i = 0; i < ASKERS; i++) { /* answered, or cut off */
            assert_int_equal(close(sockets[i]), 0);
        }
    }
}

static bool is_stopping(struct stage *stage) {
    return stage->daemon->stopping;
}

static void test_daemon__ends_with_a_signal(void **state) {
    struct stage *stage = *state;
    static const int SIGNALS[] = {SIGTERM, SIGINT};
    write_flow(stage);
    for (int i = 0; i < 2; i++) {
        stage_open(stage);
        assert_int_equal(raise(SIGNALS[i]), 0);
        stage_until(stage, is_stopping);
        stage_close(stage);
    }
}

static bool is_faulty(struct stage *stage) {
    return slot_fault(stage_slot(stage, "flow"))[0] != '\0';
}

static void test_daemon__reads_its_files_again_with_sighup(void **state) {
    struct stage *stage = *state;
    write_flow(stage);
    stage_open(stage);
    stage_flow(stage, "flow", "nothing: right\n");
    assert_int_equal(raise(SIGHUP), 0);
    stage_until(stage, is_faulty);
    assert_false(stage->daemon->stopping);
    stage_close(stage);
    write_flow(stage);
    stage->options.stdin_allowed = true; /* at a desk the terminal is gone */
    stage_open(stage);
    assert_int_equal(raise(SIGHUP), 0);
    stage_until(stage, is_stopping);
}

static void test_daemon__says_what_it_cannot_open(void **state) {
    struct stage *stage = *state;
    struct error err;
    stage_write(stage, "file", "x");
    stage->options.data = stage_path(stage, "file");
    assert_int_not_equal(stage_try_open(stage, &err), STATUS_OK);
    assert_non_null(strstr(err.text, "open the store in '"));
    stage->options.data = stage->data;
    stage->options.socket = "/no/such/folder/socket";
    assert_int_not_equal(stage_try_open(stage, &err), STATUS_OK);
    if (strstr(err.text, "/no/such/folder/socket") == NULL) {
        fail_msg("%s", err.text);
    }
}

static void test_daemon__is_alone_in_its_folder(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct daemon *second = NULL;
    write_flow(stage);
    stage_open(stage);
    assert_int_equal(daemon_create(&stage->options, &second, &err), STATUS_CONFLICT);
    assert_null(second);
    stage_offer(stage, "flow", "{}"); /* which harms the first one in nothing */
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"n\":2}\n");
}

static void test_daemon__that_never_ran_is_destroyed(void **state) {
    struct stage *stage = *state;
    struct error err;
    write_flow(stage);
    with_socket(stage);
    assert_int_equal(stage_try_open(stage, &err), STATUS_OK);
    stage_close(stage);
    daemon_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_daemon__is_ready_when_all_is_loaded, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_daemon__ends_with_requests_that_wait, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_daemon__ends_with_a_signal, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_daemon__reads_its_files_again_with_sighup, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_daemon__says_what_it_cannot_open, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_daemon__is_alone_in_its_folder, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_daemon__that_never_ran_is_destroyed, stage_make,
                                        stage_end),
    };
    return cmocka_run_group_tests_name("runtime/daemon", tests, NULL, NULL);
}
