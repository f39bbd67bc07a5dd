// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/api.h"
#include "runtime/test_stage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_BYTES = 64 * 1024, NOT_ALLOWED = 405 };

/* Asked on a thread of its own while the daemon's loop turns. */
struct asking {
    const char *path, *method, *body;
    int code;
    char answer[ANSWER_BYTES]; /* without its head */
};

struct client {
    const char *socket;
    struct asking *asking;
    size_t count;
    atomic_bool done;
};

static struct client *client; /* of stage_until's condition */

static void exchange(const char *path, const char *text, char *answer, size_t room) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
    const int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t count = 0;
    if (connect(line, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(line, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text)) {
        ssize_t got = 0;
        while (count < room - 1 && (got = recv(line, answer + count, room - 1 - count, 0)) > 0) {
            count += (size_t)got;
        }
    }
    answer[count] = '\0';
    (void)close(line);
}

static void *ask_all(void *argument) {
    struct client *asked = argument;
    for (size_t i = 0; i < asked->count; i++) {
        struct asking *one = &asked->asking[i];
        char text[1024];
        (void)snprintf(text, sizeof(text),
                       "%s %s HTTP/1.1\r\nHost: ebb\r\nConnection: close\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       one->method, one->path, strlen(one->body), one->body);
        exchange(asked->socket, text, one->answer, sizeof(one->answer));
        one->code = strncmp(one->answer, "HTTP/1.1 ", 9) == 0 ? atoi(one->answer + 9) : 0;
        const char *body = strstr(one->answer, "\r\n\r\n");
        const size_t head = body != NULL ? (size_t)(body + 4 - one->answer) : 0;
        (void)memmove(one->answer, one->answer + head, strlen(one->answer) + 1 - head);
    }
    atomic_store(&asked->done, true);
    return NULL;
}

static bool has_asked(struct stage *stage) {
    (void)stage;
    return atomic_load(&client->done);
}

static void ask(struct stage *stage, struct asking *asking, size_t count) {
    pthread_t thread;
    struct client asked = {.socket = stage->options.socket, .asking = asking, .count = count};
    client = &asked;
    assert_int_equal(pthread_create(&thread, NULL, ask_all, &asked), 0);
    stage_until(stage, has_asked);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* The code; the answer stands in a static room until the next call. */
static int ask_one(struct stage *stage, const char *method, const char *path, const char *body,
                   const char **out_answer) {
    static struct asking one;
    one = (struct asking){.method = method, .path = path, .body = body};
    ask(stage, &one, 1);
    *out_answer = one.answer;
    return one.code;
}

static void assert_said(const char *answer, const char *part) {
    if (strstr(answer, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, answer);
    }
}

#define RESULT "results:\n  - name: out\n    from: { x: 1 }\n"
#define FLOW   "trigger: { stdin: json }\n" RESULT

static int open_stage(void **state) {
    static char path[2 * TEST_PATH_BYTES];
    static char added[3 * TEST_PATH_BYTES]; /* where those lie that the API adds */
    if (stage_make(state) != 0) {
        return -1;
    }
    struct stage *stage = *state;
    (void)snprintf(path, sizeof(path), "%s/ebb.sock", stage->folder.path);
    (void)snprintf(added, sizeof(added), "%s/workflows", stage->data);
    stage->options.socket = path;
    stage->options.places.workflows[1] = added;
    stage->options.stdin_allowed = true;
    stage_flow(stage, "flow", FLOW);
    stage_open(stage);
    return 0;
}

#define ID "0123456789abcdef0123456789abcdef"

static const struct resource {
    const char *path, *methods; /* NULL: there is no such resource */
} RESOURCES[] = {
    {"/", NULL},
    {"/nothing", NULL},
    {"/v1", NULL},
    {"/v1/statuses", NULL},
    {"/healthz", "GET HEAD"},
    {"/healthz/", NULL},
    {"/readyz", "GET HEAD"},
    {"/metrics", "GET HEAD"},
    {"/v1/status", "GET HEAD"},
    {"/v1/status/x", NULL},
    {"/v1/agents", "GET HEAD"},
    {"/v1/agents/none", "GET HEAD"},
    {"/v1/agents/none/x", NULL},
    {"/v1/workflows", "GET HEAD POST"},
    {"/v1/workflows/", "GET HEAD POST"},
    {"/v1/workflows/flow", "GET HEAD DELETE"},
    {"/v1/workflows/none", "GET HEAD DELETE"},
    {"/v1/workflows/flow/stop", "POST"},
    {"/v1/workflows/flow/start", "POST"},
    {"/v1/workflows/flow/x", "POST"},
    {"/v1/workflows/flow/events", "POST"},
    {"/v1/workflows/none/events", "POST"},
    {"/v1/workflows/flow/x/y", "POST"},
    {"/v1/workflows/none/start", "POST"},
    {"/v1/results", "GET HEAD"},
    {"/v1/results?limit=x&lane=y", "GET HEAD"},
    {"/v1/results/" ID, "GET HEAD"},
    {"/v1/results/x", "GET HEAD"},
    {"/v1/results/" ID "/x", NULL},
    {"/v1/runs", "GET HEAD"},
    {"/v1/runs?limit=-1", "GET HEAD"},
    {"/v1/runs/" ID, "GET HEAD"},
    {"/v1/runs/x", "GET HEAD"},
    {"/v1/runs/" ID "/resume", "POST"},
    {"/v1/runs/" ID "/x", "POST"},
    {"/v1/events", "GET HEAD"},
    {"/v1/events?limit=3&before=2&workflow=flow", "GET HEAD"},
    {"/v1/events?before=x", "GET HEAD"},
    {"/v1/events/1", "GET HEAD"},
    {"/v1/events/99999999999999999999999", "GET HEAD"},
    {"/v1/events/x", "GET HEAD"},
    {"/v1/events/1/x", NULL},
    {"/v1/queue", "GET HEAD"},
    {"/v1/queue/normal", "GET HEAD"},
    {"/v1/queue/none", "GET HEAD"},
    {"/v1/queue/normal/x", NULL},
    {"/v1/reload", "POST"},
    {"/v1/reload/x", NULL},
    {"/v1/apply", "POST"},
    {"/v1/apply/x", NULL},
    {"/v1/logs", "GET HEAD"},
    {"/v1/logs?level=info&workflow=flow&limit=3&after=1", "GET HEAD"},
    {"/v1/logs?level=loud", "GET HEAD"},
    {"/v1/logs?after=x", "GET HEAD"},
    {"/v1/logs/1", NULL},
};

static const char *const METHODS[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
static const char UNKNOWN_FILE[] =
    "{\"workflows\":[{\"file\":\"/no/such.yaml\",\"digest\":\"" ID "\"}]}";
static const char *const BODIES[] = {"",
                                     "{",
                                     "[]",
                                     "\"x\"",
                                     "{}",
                                     "{\"file\":3}",
                                     "{\"file\":\"\"}",
                                     "{\"file\":\"relative.yaml\"}",
                                     "{\"file\":\"/no/such.yaml\"}",
                                     "{\"workflows\":3}",
                                     "{\"workflows\":[3],\"remove\":[3]}",
                                     UNKNOWN_FILE,
                                     "{\"remove\":[\"flow\",\"none\"]}",
                                     "\xff\xfe"};

enum {
    RESOURCE_COUNT = sizeof(RESOURCES) / sizeof(RESOURCES[0]),
    METHOD_COUNT = sizeof(METHODS) / sizeof(METHODS[0]),
    BODY_COUNT = sizeof(BODIES) / sizeof(BODIES[0])
};

static void check_answer(const struct resource *resource, const struct asking *one) {
    const bool is_head = strcmp(one->method, "HEAD") == 0;
    const bool known = resource->methods != NULL && strstr(resource->methods, one->method) != NULL;
    const bool right = resource->methods == NULL ? one->code == 404
                       : known                   ? one->code >= 200 && one->code < 500
                                                 : one->code == NOT_ALLOWED;
    if (!right || (known && one->code == NOT_ALLOWED)) {
        fail_msg("%s %s with '%s': %d %s", one->method, one->path, one->body, one->code,
                 one->answer);
    }
    if (one->code < 400 || is_head) {
        return;
    }
    struct arena arena;
    struct value answer = {0};
    arena_init(&arena, ANSWER_BYTES);
    assert_int_equal(json_read(&arena, slice_of(one->answer), &answer, NULL), STATUS_OK);
    const struct value *error = value_get(answer, SLICE("error"));
    assert_non_null(error);
    assert_non_null(value_get(*error, SLICE("class")));
    assert_non_null(value_get(*error, SLICE("text")));
    arena_done(&arena);
    if (one->code == NOT_ALLOWED) {
        assert_said(one->answer, "\"class\":\"invalid\"");
        assert_said(one->answer, " knows ");
    }
}

static void test_api__every_resource_answers_every_method_and_body(void **state) {
    struct stage *stage = *state;
    enum { COUNT = METHOD_COUNT * BODY_COUNT };
    struct asking *asking = memory_new(COUNT, sizeof(*asking));
    assert_non_null(asking);
    for (size_t i = 0; i < RESOURCE_COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            asking[j].path = RESOURCES[i].path;
            asking[j].method = METHODS[j / BODY_COUNT];
            asking[j].body = BODIES[j % BODY_COUNT];
        }
        ask(stage, asking, COUNT);
        for (size_t j = 0; j < COUNT; j++) {
            check_answer(&RESOURCES[i], &asking[j]);
        }
    }
    memory_free(asking);
}

static void test_api__a_method_that_is_not_known_changes_nothing(void **state) {
    struct stage *stage = *state;
    const char *answer;
    stage_write(stage, "new.yaml", "ebb: 1\nworkflow: new\n" FLOW);
    char body[4096];
    (void)snprintf(body, sizeof(body), "{\"file\":\"%s\"}", stage_path(stage, "new.yaml"));
    assert_int_equal(ask_one(stage, "PUT", "/v1/workflows", body, &answer), NOT_ALLOWED);
    assert_said(answer, "/v1/workflows knows GET, POST");
    assert_int_equal(ask_one(stage, "GET", "/v1/workflows/new", "", &answer), 404);
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows", body, &answer), 200);
    assert_int_equal(ask_one(stage, "GET", "/v1/workflows/new", "", &answer), 200);
    assert_int_equal(ask_one(stage, "GET", "/v1/reload", "", &answer), NOT_ALLOWED);
    assert_said(answer, "/v1/reload knows POST");
    assert_int_equal(ask_one(stage, "POST", "/v1/reload", "", &answer), 200);
    assert_said(answer, "{\"workflows\":2}");
}

static void test_api__a_socket_that_cannot_be_is_told_once(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    stage_close(stage);
    stage->options.socket = "/no/such/folder/ebb.sock";
    assert_int_not_equal(stage_try_open(stage, &err), STATUS_OK);
    const char *first = strstr(err.text, "listen on");
    assert_non_null(first);
    assert_null(strstr(first + 1, "listen on"));
}

static void test_api__a_workflow_whose_file_is_gone_can_be_forgotten(void **state) {
    struct stage *stage = *state;
    const char *answer;
    assert_int_equal(unlink(stage_path(stage, "flows/flow.yaml")), 0);
    assert_int_equal(ask_one(stage, "POST", "/v1/reload", "", &answer), 200);
    assert_int_equal(ask_one(stage, "GET", "/v1/workflows/flow", "", &answer), 200);
    assert_said(answer, "\"state\":\"left\"");
    assert_int_equal(ask_one(stage, "DELETE", "/v1/workflows/flow", "", &answer), 200);
    assert_said(answer, "\"name\":\"flow\"");
    assert_int_equal(ask_one(stage, "GET", "/v1/workflows/flow", "", &answer), 404);
    stage_flow(stage, "flow", FLOW);
    stage_reload(stage);
    assert_int_equal(ask_one(stage, "GET", "/v1/workflows/flow", "", &answer), 200);
    assert_said(answer, "\"state\":\"running\"");
}

static void test_api__says_why_a_workflow_takes_no_events(void **state) {
    struct stage *stage = *state;
    const char *answer;
    stage_close(stage);
    stage->options.feeds_closed = false;
    stage_flow(stage, "flow", "trigger: { interval: 1d }\n" RESULT);
    stage_flow(stage, "posted", "trigger: { http: json }\n" RESULT);
    stage_open(stage);
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/posted/events", "{}", &answer), 202);
    assert_said(answer, "{\"state\":\"taken\"}");
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/flow/events", "{}", &answer), 404);
    assert_said(answer, "workflow 'flow' has no trigger `http`");
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/post/events", "{}", &answer), 404);
    assert_said(answer, "no workflow is called 'post': did you mean 'posted'?");
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/posted/stop", "", &answer), 200);
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/posted/events", "{}", &answer), 409);
    assert_said(answer, "workflow 'posted' is stopped");
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/posted/start", "", &answer), 200);
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/posted/events", "[1", &answer), 400);
    assert_said(answer, "not JSON at 1:3");
    assert_int_equal(unlink(stage_path(stage, "flows/posted.yaml")), 0);
    assert_int_equal(ask_one(stage, "POST", "/v1/reload", "", &answer), 200);
    assert_int_equal(ask_one(stage, "POST", "/v1/workflows/posted/events", "{}", &answer), 409);
}

#define SLOW                                                                                       \
    "trigger: { stdin: json }\nsteps:\n  - id: wait\n    agent: wait\n    with: {}\n"              \
    "results:\n  - name: out\n    from: { x: 1 }\n"

static void test_api__a_workflow_that_still_runs_is_not_forgotten(void **state) {
    struct stage *stage = *state;
    const char *answer;
    stage_script(stage, "wait", "inputs: {}\noutputs: {}\n",
                 "#!/bin/sh\nread line\ntouch \"$0.begun\"\n"
                 "while [ ! -e \"$0.go\" ]; do sleep 0.02; done\necho '{}'\n");
    stage_flow(stage, "slow", SLOW);
    stage_reload(stage);
    stage_offer(stage, "slow", "{}");
    stage_until_file(stage, "flows/agents/wait/run.begun");
    assert_int_equal(unlink(stage_path(stage, "flows/slow.yaml")), 0);
    assert_int_equal(ask_one(stage, "POST", "/v1/reload", "", &answer), 200);
    assert_int_equal(ask_one(stage, "DELETE", "/v1/workflows/slow", "", &answer), 409);
    assert_said(answer, "workflow 'slow' still has runs");
    stage_write(stage, "flows/agents/wait/run.go", "");
    stage_until_ended(stage, 1);
    assert_int_equal(ask_one(stage, "DELETE", "/v1/workflows/slow", "", &answer), 200);
    assert_int_equal(ask_one(stage, "GET", "/v1/workflows/slow", "", &answer), 404);
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, open_stage, stage_end)
    const struct CMUnitTest tests[] = {
        STAGED(test_api__every_resource_answers_every_method_and_body),
        STAGED(test_api__a_method_that_is_not_known_changes_nothing),
        STAGED(test_api__a_socket_that_cannot_be_is_told_once),
        STAGED(test_api__a_workflow_whose_file_is_gone_can_be_forgotten),
        STAGED(test_api__a_workflow_that_still_runs_is_not_forgotten),
        STAGED(test_api__says_why_a_workflow_takes_no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
