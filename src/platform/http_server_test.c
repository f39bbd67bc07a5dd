// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"

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
    int requests;
};

static int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static void client_finished(void *owner) {
    struct stage *stage = owner;
    loop_stop(stage->loop);
}

static void answer_later(void *owner) {
    struct stage *stage = owner;
    http_answer(stage->kept, 202, "text/plain", SLICE("at last"));
    stage->kept = NULL;
}

/* Says what it saw; /long answers LONG_BYTES; /later is answered by a timer, /never not at all. */
static void handle(void *owner, struct http_request *request) {
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
        if (slice_is(request->path, "/later")) {
            timer_set(stage->later, stage->later_ms);
        }
        return;
    }
    const char *query = http_query(request, "q");
    const char *host = http_header(request, "Host");
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, 4096);
    buffer_print(&body, "q=%s host=%s user=%d process=%d body=%.*s", query != NULL ? query : "-",
                 host != NULL ? host : "-", (int)request->peer_user,
                 request->peer_process == getpid(), SLICE_ARGS(slice_part(request->body, 0, 100)));
    http_answer(request, 200, "text/plain", buffer_slice(&body));
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    stage->files_before = open_files();
    (void)strcpy(stage->folder, "/tmp/ebb-http-XXXXXX");
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

static int tear_down(void **state) {
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
static int dial(const struct stage *stage) {
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
static bool say(int line, const char *text, size_t count) {
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
static void hear(int line, struct buffer *out) {
    char bytes[4096];
    ssize_t count = 0;
    while ((count = recv(line, bytes, sizeof bytes, 0)) > 0) {
        buffer_add(out, (struct slice){.bytes = bytes, .count = (size_t)count});
    }
    if (count < 0) {
        buffer_add_text(out, errno == EAGAIN ? "[nothing came]" : "[cut]");
    }
}

static void ask(struct stage *stage, const char *text) {
    const int line = dial(stage);
    (void)say(line, text, strlen(text));
    hear(line, &stage->answer);
    (void)close(line);
}

static void *client_main(void *argument) {
    struct stage *stage = argument;
    stage->client(stage);
    waker_wake(stage->finished);
    return NULL;
}

static void run_client(struct stage *stage, void (*client)(struct stage *stage)) {
    pthread_t thread;
    stage->client = client;
    assert_int_equal(pthread_create(&thread, NULL, client_main, stage), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void assert_answer(const struct stage *stage, const char *words) {
    if (stage->answer.count == 0 ||
        memmem(stage->answer.bytes, stage->answer.count, words, strlen(words)) == NULL) {
        fail_msg("the answer is '%.*s', without '%s'", SLICE_ARGS(buffer_slice(&stage->answer)),
                 words);
    }
}

static void assert_seen(const struct stage *stage, const char *words) {
    if (!slice_is(buffer_slice(&stage->seen), words)) {
        fail_msg("the handler saw '%.*s', not '%s'", SLICE_ARGS(buffer_slice(&stage->seen)), words);
    }
}

#define END " HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"

static void client_gets(struct stage *stage) {
    ask(stage, "GET /v1/a%20b?q=x%26y&r=2" END);
}

static void test_http__gives_the_request_to_the_handler(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_gets);
    assert_seen(stage, "GET /v1/a b 0;");
    assert_answer(stage, "HTTP/1.1 200 OK\r\n");
    assert_answer(stage, "Content-Type: text/plain\r\n");
    assert_answer(stage, "q=x&y host=here");
}

static void test_http__knows_who_asks(void **state) {
    struct stage *stage = *state;
    run_client(stage, client_gets);
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "user=%d process=1", (int)getuid());
    assert_answer(stage, wanted);
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
    assert_in_range(stage->answer.count, 1, LONG_BYTES - 1);
}

static void client_waits_long_for_its_answer(struct stage *stage) {
    ask(stage, "GET /later" END);
}

static void test_http__has_patience_with_who_waits_for_us(void **state) {
    struct stage *stage = *state;
    stage->later_ms = 300;
    http_server_set_patience(stage->server, 100);
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

static mode_t mode_of(const char *path) {
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_mode & 07777;
}

static void test_http__socket_has_the_mode_that_was_asked_for(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(mode_of(stage->path), 0600);
    http_server_destroy(stage->server);
    stage->server = NULL;
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0660, handle, stage, &stage->server, &err),
        STATUS_OK);
    assert_int_equal(mode_of(stage->path), 0660);
}

static void test_http__socket_that_somebody_listens_on_is_a_conflict(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0600, handle, stage, &second, &err),
        STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "another process listens there"));
    assert_null(second);
    run_client(stage, client_gets);
    assert_answer(stage, "200 OK");
}

static void test_http__socket_that_was_left_behind_is_replaced(void **state) {
    struct stage *stage = *state;
    struct error err;
    http_server_destroy(stage->server);
    stage->server = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", stage->path);
    const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(left, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(left), 0);
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0600, handle, stage, &stage->server, &err),
        STATUS_OK);
    run_client(stage, client_gets);
    assert_answer(stage, "200 OK");
}

static void test_http__file_of_another_kind_is_left_alone(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.100s/file", stage->folder);
    const int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(close(file), 0);
    assert_int_equal(http_server_create(stage->loop, path, 0600, handle, stage, &second, &err),
                     STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "no socket has this name"));
    assert_int_equal(unlink(path), 0);
}

static void test_http__socket_that_is_anothers_by_now_is_left_alone(void **state) {
    struct stage *stage = *state;
    assert_int_equal(unlink(stage->path), 0);
    const int file = open(stage->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(close(file), 0);
    http_server_destroy(stage->server);
    stage->server = NULL;
    assert_int_equal(access(stage->path, F_OK), 0);
}

static void test_http__path_that_no_socket_can_have_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    char path[200];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(http_server_create(stage->loop, path, 0600, handle, stage, &second, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "1 to 107 bytes"));
    assert_int_equal(
        http_server_create(stage->loop, "/no/such/folder/s", 0600, handle, stage, &second, &err),
        STATUS_NOT_FOUND);
    assert_null(second);
}

static void test_http__without_memory_or_descriptors_is_refused_whole(void **state) {
    struct stage *stage = *state;
    struct error err;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.100s/second", stage->folder);
    struct http_server *second = NULL;
    for (long index = 0; index < 3; index++) {
        (void)memory_fail_at(index, 0);
        const status code =
            http_server_create(stage->loop, path, 0600, handle, stage, &second, &err);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, STATUS_NO_MEMORY);
        assert_int_equal(access(path, F_OK), -1);
    }
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t few = 0; few < 3; few++) {
        /* Descriptors are numbered without holes here. */
        const int free_number = dup(0);
        (void)close(free_number);
        const struct rlimit limit = {.rlim_cur = (rlim_t)free_number + few,
                                     .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        const status code =
            http_server_create(stage->loop, path, 0600, handle, stage, &second, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(code == STATUS_OK, few >= 2);
        if (code == STATUS_OK) {
            http_server_destroy(second);
        }
        assert_int_equal(access(path, F_OK), -1);
    }
}

/* libuv's first loop opens what stays open: not counted as a leak. */
static int open_what_stays(void **state) {
    struct loop *loop = NULL;
    struct error err;
    (void)state;
    assert_int_equal(loop_create(&loop, &err), STATUS_OK);
    loop_destroy(loop);
    return 0;
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_http__gives_the_request_to_the_handler),
        STAGED(test_http__knows_who_asks),
        STAGED(test_http__gathers_a_body),
        STAGED(test_http__gathers_a_body_in_chunks),
        STAGED(test_http__answers_head_like_get_without_the_body),
        STAGED(test_http__sends_a_long_answer),
        STAGED(test_http__answers_later),
        STAGED(test_http__keeps_a_connection_for_the_next_request),
        STAGED(test_http__bears_a_client_that_leaves_before_its_answer),
        STAGED(test_http__reads_a_body_that_is_too_large_before_it_refuses),
        STAGED(test_http__refuses_at_once_who_asks_before_sending_too_much),
        STAGED(test_http__refuses_at_once_what_nobody_would_read),
        STAGED(test_http__cuts_off_a_body_that_never_ends),
        STAGED(test_http__takes_a_body_up_to_its_bound),
        STAGED(test_http__refuses_a_body_that_grows_too_large),
        STAGED(test_http__refuses_a_head_that_is_too_large),
        STAGED(test_http__bears_nonsense),
        STAGED(test_http__cuts_off_who_trickles_for_ever),
        STAGED(test_http__cuts_off_who_takes_no_answer),
        STAGED(test_http__has_patience_with_who_waits_for_us),
        STAGED(test_http__listens_again_when_all_places_were_taken),
        STAGED(test_http__destroyed_closes_who_still_waits),
        STAGED(test_http__socket_has_the_mode_that_was_asked_for),
        STAGED(test_http__socket_that_somebody_listens_on_is_a_conflict),
        STAGED(test_http__socket_that_was_left_behind_is_replaced),
        STAGED(test_http__file_of_another_kind_is_left_alone),
        STAGED(test_http__socket_that_is_anothers_by_now_is_left_alone),
        STAGED(test_http__path_that_no_socket_can_have_is_refused),
        STAGED(test_http__without_memory_or_descriptors_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
