/*
 * http_server_test: what the tests of http_server share: a server on the loop, and a client on a
 * thread of its own that speaks in bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/http_server.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

enum {
    PATIENCE_MS = 60000,
    PATH_BYTES = 128,
    ANSWER_BYTES_MAX = 16 << 20,
    CLIENT_WAIT_S = 30,
    LONG_BYTES = 4 << 20
};

/* A server, a client on a thread of its own, and what each of them saw. */
struct stage {
    struct loop *loop;
    struct timer *patience;
    struct waker *finished; /* woken by the client at its end */
    struct http_server *server;
    struct timer *later;
    int64_t later_ms; /* until /later is answered */
    char folder[PATH_BYTES];
    char path[PATH_BYTES];
    bool impatient;
    int files_before;

    void (*client)(struct stage *stage); /* on its thread; the fields below are its own till then */
    struct buffer answer;
    int connected;

    struct buffer seen; /* by the handler */
    struct http_request *kept;
    bool had_left; /* who asks for /never, when that came */
    int requests;
};

static inline int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static inline void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static inline void client_finished(void *owner) {
    struct stage *stage = owner;
    loop_stop(stage->loop);
}

static inline void answer_later(void *owner) {
    struct stage *stage = owner;
    http_answer(stage->kept, 202, "text/plain", SLICE("at last"));
    stage->kept = NULL;
}

/* Says what it saw; /long answers LONG_BYTES; /later is answered by a timer, /never not at all. */
static inline void handle(void *owner, struct http_request *request) {
    struct stage *stage = owner;
    stage->requests++;
    buffer_print(&stage->seen, "%.*s %.*s %zu;", SLICE_ARGS(request->method),
                 SLICE_ARGS(request->path), request->body.count);
    if (slice_is(request->path, "/long")) {
        char *bytes = memory_new(LONG_BYTES, 1);
        assert_non_null(bytes);
        http_answer(request, 200, "application/octet-stream",
                    (struct slice){.bytes = bytes, .count = LONG_BYTES});
        memory_free(bytes);
        return;
    }
    if (slice_is(request->path, "/later") || slice_is(request->path, "/never")) {
        if (stage->kept != NULL) {
            answer_later(stage);
        }
        stage->kept = request;
        stage->had_left = http_has_left(request);
        if (slice_is(request->path, "/later")) {
            timer_set(stage->later, stage->later_ms);
        }
        return;
    }
    const char *query = http_query(request, "q");
    const char *host = http_header(request, "Host");
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, 4096);
    buffer_print(&body, "q=%s bytes=%zu host=%s user=%d process=%d body=%.*s",
                 query != NULL ? query : "-", http_query_bytes(request, "q").count,
                 host != NULL ? host : "-", (int)request->peer_user,
                 request->peer_process == getpid(), SLICE_ARGS(slice_part(request->body, 0, 100)));
    http_answer(request, 200, "text/plain", buffer_slice(&body));
}

static inline int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    stage->files_before = open_files();
    (void)snprintf(stage->folder, sizeof stage->folder, "/tmp/ebb-http-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    (void)snprintf(stage->path, sizeof stage->path, "%.100s/ebb.sock", stage->folder);
    buffer_init(&stage->answer, ANSWER_BYTES_MAX);
    buffer_init(&stage->seen, ANSWER_BYTES_MAX);
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    assert_int_equal(timer_open(stage->loop, answer_later, stage, &stage->later, &err), STATUS_OK);
    assert_int_equal(waker_create(stage->loop, client_finished, stage, &stage->finished, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    stage->later_ms = 5;
    if (http_server_create(stage->loop, stage->path, 0600, handle, stage, &stage->server, &err) !=
        STATUS_OK) {
        fail_msg("%s", err.text);
    }
    *state = stage;
    return 0;
}

static inline int tear_down(void **state) {
    struct stage *stage = *state;
    http_server_destroy(stage->server);
    timer_close(stage->patience);
    timer_close(stage->later);
    waker_destroy(stage->finished);
    loop_destroy(stage->loop);
    buffer_done(&stage->answer);
    buffer_done(&stage->seen);
    (void)unlink(stage->path);
    assert_int_equal(rmdir(stage->folder), 0);
    assert_int_equal(open_files(), stage->files_before);
    assert_false(stage->impatient);
    memory_free(stage);
    return 0;
}

/* A connection to the server, whose reads end in vain after CLIENT_WAIT_S. */
static inline int dial(const struct stage *stage) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", stage->path);
    const int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval wait = {.tv_sec = CLIENT_WAIT_S};
    (void)setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(line, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(line, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(line);
        return -1;
    }
    return line;
}

/* False when the server does not take it all. */
static inline bool say(int line, const char *text, size_t count) {
    while (count > 0) {
        const ssize_t sent = send(line, text, count, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* Everything until the server closes. */
static inline void hear(int line, struct buffer *out) {
    char bytes[4096];
    ssize_t count = 0;
    while ((count = recv(line, bytes, sizeof bytes, 0)) > 0) {
        buffer_add(out, (struct slice){.bytes = bytes, .count = (size_t)count});
    }
    if (count < 0) {
        buffer_add_text(out, errno == EAGAIN ? "[nothing came]" : "[cut]");
    }
}

static inline void ask(struct stage *stage, const char *text) {
    const int line = dial(stage);
    (void)say(line, text, strlen(text));
    hear(line, &stage->answer);
    (void)close(line);
}

static inline void *client_main(void *argument) {
    struct stage *stage = argument;
    stage->client(stage);
    waker_wake(stage->finished);
    return NULL;
}

static inline void run_client(struct stage *stage, void (*client)(struct stage *stage)) {
    pthread_t thread;
    stage->client = client;
    assert_int_equal(pthread_create(&thread, NULL, client_main, stage), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static inline void assert_answer(const struct stage *stage, const char *words) {
    if (stage->answer.count == 0 ||
        memmem(stage->answer.bytes, stage->answer.count, words, strlen(words)) == NULL) {
        fail_msg("the answer is '%.*s', without '%s'", SLICE_ARGS(buffer_slice(&stage->answer)),
                 words);
    }
}

static inline void assert_seen(const struct stage *stage, const char *words) {
    if (!slice_is(buffer_slice(&stage->seen), words)) {
        fail_msg("the handler saw '%.*s', not '%s'", SLICE_ARGS(buffer_slice(&stage->seen)), words);
    }
}

#define END " HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"

static inline void client_gets(struct stage *stage) {
    ask(stage, "GET /v1/a%20b?q=x%26y&r=2" END);
}

/* libuv's first loop opens what stays open: not counted as a leak. */
static inline int open_what_stays(void **state) {
    struct loop *loop = NULL;
    struct error err;
    (void)state;
    assert_int_equal(loop_create(&loop, &err), STATUS_OK);
    loop_destroy(loop);
    return 0;
}
