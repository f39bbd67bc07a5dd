// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/clock.h"

enum {
    BACKLOG = 64,
    ROUNDS_A_TURN = 8,     /* of the server before the loop's other work has its turn */
    LOOKS_A_PATIENCE = 16, /* for the slow, while anybody is connected */
    TOO_LARGE = 413
};

static const int64_t NS_PER_MS = 1000000;

/*
 * Who has connected.
 *
 *   sends     a request, not yet whole, or nothing since the last one
 *   waits     for our answer: as long as that takes
 *   takes     the answer
 *   cut off   the library will see it
 */
enum peer_state { PEER_SENDS, PEER_WAITS, PEER_TAKES, PEER_CUT_OFF };

struct peer {
    struct http_server *server; /* not owned */
    struct peer *next;
    struct peer *before;
    int descriptor; /* the library's */
    uid_t user;
    gid_t group;
    pid_t process;
    enum peer_state state;
    int64_t patience_ends_ns; /* while it sends or takes */
};

/*
 * A request from its head until the library lets go of it.
 *
 *   receiving   body grows, or is dropped when beyond its bound
 *   handled     given to the handler; suspended unless it answered at once
 *   answered    response and code are there (no response: out of memory, cut off)
 */
struct exchange {
    struct http_request request; /* what the handler sees */
    struct http_server *server;  /* not owned */
    struct MHD_Connection *raw;  /* not owned */
    struct peer *peer;           /* not owned */
    struct exchange *next;       /* of those suspended */
    struct exchange *before;
    struct MHD_Response *response;
    unsigned code;
    int retry_after_s; /* 0: nothing is said of it */
    struct buffer body;
    size_t received; /* of the body, dropped or not */
    bool too_large;
    bool handled;
    bool suspended;
    bool answered;
};

struct http_server {
    http_handler *handler;
    void *owner;
    struct MHD_Daemon *daemon;
    struct poll *poll;
    struct timer *timer;
    struct turn *turn;
    struct peer *peers;
    unsigned peer_count;
    struct exchange *suspended;
    bool running; /* the library is at work: it may not be entered again */
    bool somebody_left;
    bool resumed; /* somebody was, and the library has not been run since */
    int64_t patience_ms;
    int64_t look_ns; /* when the slow are looked for next */
    int descriptor;
    dev_t device; /* of the socket file, so that only ours is removed */
    ino_t inode;
    struct sockaddr_un address;
};

static void enter(struct peer *peer, enum peer_state state) {
    if (peer->state != PEER_CUT_OFF) {
        peer->state = state;
        peer->patience_ends_ns = clock_monotonic_ns() + peer->server->patience_ms * NS_PER_MS;
    }
}

static int64_t look_ms(const struct http_server *server) {
    return server->patience_ms / LOOKS_A_PATIENCE;
}

/* Shutting the descriptor makes the library see the end of the stream and close it properly. */
static void cut_off(struct peer *peer) {
    (void)shutdown(peer->descriptor, SHUT_RDWR);
    peer->state = PEER_CUT_OFF;
}

/* Who trickles keeps setting the timer anew, so that this looks at the time itself. */
static void cut_off_the_slow(struct http_server *server) {
    const int64_t now_ns = clock_monotonic_ns();
    if (now_ns < server->look_ns) {
        return;
    }
    server->look_ns = now_ns + look_ms(server) * NS_PER_MS;
    for (struct peer *peer = server->peers; peer != NULL; peer = peer->next) {
        const bool is_awaited = peer->state == PEER_SENDS || peer->state == PEER_TAKES;
        if (is_awaited && peer->patience_ends_ns <= now_ns) {
            cut_off(peer);
        }
    }
}

/* Who goes first when places are scarce; 0: whoever waits for us, and our own who take an answer.
 */
static int dispensability(const struct peer *peer) {
    const bool is_ours = peer->user == 0 || peer->user == geteuid();
    if (peer->state == PEER_SENDS) {
        return is_ours ? 1 : 3;
    }
    return peer->state == PEER_TAKES && !is_ours ? 2 : 0;
}

/* Who connects and says nothing must not keep others from being heard: when the last place is
 * taken, one is made for the next, by the oldest of those who can best be spared. */
static void make_place(struct http_server *server) {
    struct peer *spared = NULL;
    int most = 0;
    for (struct peer *peer = server->peers; peer != NULL; peer = peer->next) {
        const int rank = dispensability(peer);
        const bool is_older = spared != NULL && peer->patience_ends_ns <= spared->patience_ends_ns;
        if (rank > most || (rank > 0 && rank == most && is_older)) {
            spared = peer;
            most = rank;
        }
    }
    if (spared != NULL) {
        cut_off(spared);
    }
}

static void set_timer(struct http_server *server) {
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    const bool wanted = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES;
    if (server->resumed) {
        timer_set(server->timer, 0); /* when the rounds of this turn were not enough */
    } else if (wanted && wait_ms < (MHD_UNSIGNED_LONG_LONG)look_ms(server)) {
        timer_set(server->timer, (int64_t)wait_ms);
    } else if (wanted || server->peers != NULL) {
        timer_set(server->timer, look_ms(server));
    } else {
        timer_clear(server->timer);
    }
}

static void run(void *owner) {
    struct http_server *server = owner;
    cut_off_the_slow(server);
    for (int round = 0; round < ROUNDS_A_TURN; round++) {
        server->somebody_left = server->resumed = false;
        server->running = true;
        (void)MHD_run(server->daemon); /* fails for threaded servers only */
        server->running = false;
        MHD_UNSIGNED_LONG_LONG wait_ms = 1;
        const bool more = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
        /* When the last free place was taken, only another round listens again. */
        if (!more && !server->somebody_left && !server->resumed) {
            break;
        }
    }
    set_timer(server);
}

/* All that was answered in a turn goes out at once. */
static void turn_ended(void *owner) {
    struct http_server *server = owner;
    if (server->resumed) {
        run(server);
    }
}

static void peer_came(struct http_server *server, struct MHD_Connection *raw, void **place) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(raw, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = memory_new(1, sizeof *peer);
    if (peer == NULL || info == NULL) {
        memory_free(peer);
        return; /* its first request is cut off */
    }
    struct ucred who = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t bytes = sizeof who;
    (void)getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes); /* else nobody */
    *peer = (struct peer){
        .server = server,
        .next = server->peers,
        .descriptor = info->connect_fd,
        .user = who.uid,
        .group = who.gid,
        .process = who.pid,
    };
    enter(peer, PEER_SENDS);
    if (++server->peer_count == HTTP_CONNECTIONS_MAX) {
        make_place(server);
    }
    if (peer->next != NULL) {
        peer->next->before = peer;
    }
    server->peers = peer;
    *place = peer;
}

static void peer_went(struct peer *peer) {
    struct http_server *server = peer->server;
    *(peer->before != NULL ? &peer->before->next : &server->peers) = peer->next;
    if (peer->next != NULL) {
        peer->next->before = peer->before;
    }
    server->peer_count--;
    server->somebody_left = true;
    memory_free(peer);
}

static void connection_changed(void *owner, struct MHD_Connection *raw, void **place,
                               enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        peer_came(owner, raw, place);
    } else if (*place != NULL) {
        peer_went(*place);
        *place = NULL;
    }
}

static void suspend(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    exchange->suspended = true;
    exchange->before = NULL;
    exchange->next = server->suspended;
    if (exchange->next != NULL) {
        exchange->next->before = exchange;
    }
    server->suspended = exchange;
    MHD_suspend_connection(exchange->raw);
}

static void resume(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    exchange->suspended = false;
    *(exchange->before != NULL ? &exchange->before->next : &server->suspended) = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->before = exchange->before;
    }
    MHD_resume_connection(exchange->raw);
    server->resumed = true;
    turn_want(server->turn);
}

static void set_answer(struct exchange *exchange, int code, const char *content_type,
                       struct slice body) {
    assert(!exchange->answered);
    exchange->answered = true;
    exchange->code = (unsigned)code;
    enter(exchange->peer, PEER_TAKES);
    union {
        const char *given;
        void *wanted; /* copied, not written to */
    } bytes = {.given = body.count > 0 ? body.bytes : ""};
    exchange->response =
        MHD_create_response_from_buffer(body.count, bytes.wanted, MHD_RESPMEM_MUST_COPY);
    if (exchange->response == NULL) {
        return;
    }
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%d", exchange->retry_after_s);
    if (MHD_add_response_header(exchange->response, "Content-Type", content_type) != MHD_YES ||
        (exchange->retry_after_s > 0 &&
         MHD_add_response_header(exchange->response, "Retry-After", seconds) != MHD_YES)) {
        MHD_destroy_response(exchange->response);
        exchange->response = NULL;
    }
}

static void refuse_large(struct exchange *exchange) {
    set_answer(exchange, TOO_LARGE, "application/json",
               SLICE("{\"error\":{\"class\":\"full\","
                     "\"text\":\"the body of a request has at most 1048576 bytes\"}}\n"));
    static_assert(HTTP_BODY_BYTES_MAX == 1048576, "the sentence says the bound");
    if (exchange->response != NULL) {
        /* The rest of the body may still be on its way: nothing can follow it. */
        (void)MHD_add_response_header(exchange->response, "Connection", "close");
    }
}

static enum MHD_Result send_answer(struct exchange *exchange) {
    if (exchange->response == NULL) {
        return MHD_NO;
    }
    return MHD_queue_response(exchange->raw, exchange->code, exchange->response);
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *raw,
                             const char *method, const char *path, void **place) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(raw, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info != NULL ? info->socket_context : NULL;
    struct exchange *exchange = peer != NULL ? memory_new(1, sizeof *exchange) : NULL;
    if (exchange == NULL) {
        return MHD_NO;
    }
    const bool is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    *exchange = (struct exchange){.server = server, .raw = raw, .peer = peer};
    exchange->request = (struct http_request){
        .method = is_head ? SLICE("GET") : slice_of(method),
        .path = slice_of(path),
        .peer_user = peer->user,
        .peer_group = peer->group,
        .peer_process = peer->process,
        .connection = exchange,
    };
    buffer_init(&exchange->body, HTTP_BODY_BYTES_MAX);
    *place = exchange;

    const char *announced = http_header(&exchange->request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const unsigned long long count = announced != NULL ? strtoull(announced, NULL, 10) : 0;
    const bool asks_first = http_header(&exchange->request, MHD_HTTP_HEADER_EXPECT) != NULL;
    exchange->too_large = count > HTTP_BODY_BYTES_MAX;
    if (exchange->too_large && (asks_first || count > HTTP_BODY_DROPPED_BYTES_MAX)) {
        refuse_large(exchange);
        return send_answer(exchange);
    }
    return MHD_YES;
}

/* A body that is too large is read to its end all the same: who is still sending when we close may
 * never see the answer. */
static enum MHD_Result receive(struct exchange *exchange, struct slice bytes) {
    if (!exchange->too_large) {
        buffer_add(&exchange->body, bytes);
    }
    if (exchange->body.failed == STATUS_NO_MEMORY) {
        return MHD_NO;
    }
    exchange->received += bytes.count;
    if (exchange->body.failed != STATUS_OK && !exchange->too_large) {
        exchange->too_large = true;
        buffer_done(&exchange->body);
    }
    return exchange->received <= HTTP_BODY_DROPPED_BYTES_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result handle(struct exchange *exchange) {
    exchange->handled = true;
    enter(exchange->peer, PEER_WAITS);
    if (exchange->too_large) {
        refuse_large(exchange);
    } else {
        exchange->request.body = buffer_slice(&exchange->body);
        exchange->server->handler(exchange->server->owner, &exchange->request);
    }
    if (exchange->answered) {
        return send_answer(exchange);
    }
    suspend(exchange);
    return MHD_YES;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's
static enum MHD_Result request_came(void *owner, struct MHD_Connection *raw, const char *path,
                                    const char *method, const char *version, const char *bytes,
                                    size_t *count, void **place) {
    (void)version;
    struct exchange *exchange = *place;
    if (exchange == NULL) {
        return begin(owner, raw, method, path, place);
    }
    if (*count > 0) {
        const struct slice some = {.bytes = bytes, .count = *count};
        *count = 0;
        return receive(exchange, some);
    }
    if (!exchange->handled) {
        return handle(exchange);
    }
    return exchange->answered ? send_answer(exchange) : MHD_NO; /* NO: the server is closing */
}

static void request_done(void *owner, struct MHD_Connection *raw, void **place,
                         enum MHD_RequestTerminationCode how) {
    (void)owner;
    (void)raw;
    (void)how;
    struct exchange *exchange = *place;
    if (exchange == NULL) {
        return;
    }
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    enter(exchange->peer, PEER_SENDS);
    buffer_done(&exchange->body);
    memory_free(exchange);
    *place = NULL;
}

const char *http_query(const struct http_request *request, const char *name) {
    const struct exchange *exchange = request->connection;
    return MHD_lookup_connection_value(exchange->raw, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *request, const char *name) {
    const struct exchange *exchange = request->connection;
    return MHD_lookup_connection_value(exchange->raw, MHD_HEADER_KIND, name);
}

void http_retry_after(struct http_request *request, int seconds) {
    struct exchange *exchange = request->connection;
    exchange->retry_after_s = seconds;
}

void http_answer(struct http_request *request, int code, const char *content_type,
                 struct slice body) {
    struct exchange *exchange = request->connection;
    set_answer(exchange, code, content_type, body);
    if (exchange->suspended) {
        resume(exchange);
    }
}

/* Whether somebody listens under the name; a file that nobody listens on is removed. */
static status make_room(const struct sockaddr_un *address, struct error *err) {
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0) {
        return errno == ENOENT ? STATUS_OK : fail_errno(err, errno, "look for it");
    }
    if (!S_ISSOCK(facts.st_mode)) {
        return fail(err, STATUS_CONFLICT, "something that is no socket has this name");
    }
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return fail_errno(err, errno, "ask whether somebody listens");
    }
    const int number =
        connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    (void)close(probe);
    if (number == 0 || number == EAGAIN) {
        return fail(err, STATUS_CONFLICT, "another process listens there");
    }
    if (number != ECONNREFUSED) {
        return fail_errno(err, number, "ask whether somebody listens");
    }
    if (unlink(address->sun_path) != 0 && errno != ENOENT) {
        return fail_errno(err, errno, "remove the socket that was left there");
    }
    return STATUS_OK;
}

/* The mode is set before anybody can connect: nobody listens until then. */
static status bind_and_listen(struct http_server *server, mode_t mode, struct error *err) {
    const struct sockaddr_un *address = &server->address;
    TRY(make_room(address, err));
    server->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->descriptor < 0) {
        return fail_errno(err, errno, "make a socket");
    }
    if (bind(server->descriptor, (const struct sockaddr *)address, sizeof *address) != 0) {
        return errno == EADDRINUSE ? fail(err, STATUS_CONFLICT, "another process listens there")
                                   : fail_errno(err, errno, "make the socket file");
    }
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0) {
        return fail_errno(err, errno, "find the socket file just made");
    }
    server->device = facts.st_dev;
    server->inode = facts.st_ino;
    if (chmod(address->sun_path, mode) != 0) {
        return fail_errno(err, errno, "set its mode");
    }
    if (listen(server->descriptor, BACKLOG) != 0) {
        return fail_errno(err, errno, "listen");
    }
    return STATUS_OK;
}

static status start(struct http_server *server, struct loop *loop, struct error *err) {
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_came,
                         server, MHD_OPTION_LISTEN_SOCKET, server->descriptor,            /**/
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_BYTES_MAX, /**/
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,     /**/
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,         /**/
                         MHD_OPTION_NOTIFY_COMPLETED, request_done, server,               /**/
                         MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server,        /**/
                         MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, /* by the loop */ MHD_OPTION_END);
    if (server->daemon == NULL) {
        return fail(err, STATUS_SYSTEM, "start the HTTP server: out of memory or descriptors");
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return fail(err, STATUS_SYSTEM, "start the HTTP server: the library has no epoll");
    }
    TRY(turn_create(loop, turn_ended, server, &server->turn, err));
    TRY(timer_open(loop, run, server, &server->timer, err));
    return poll_open(loop, info->epoll_fd, false, run, server, &server->poll, err);
}

status http_server_create(struct loop *loop, const char *socket_path, mode_t mode,
                          http_handler *handler, void *owner, struct http_server **out_server,
                          struct error *err) {
    struct http_server *server = memory_new(1, sizeof *server);
    if (server == NULL) {
        return fail(err, STATUS_NO_MEMORY, "listen on '%.200s': out of memory", socket_path);
    }
    const size_t count = strlen(socket_path);
    server->handler = handler;
    server->owner = owner;
    server->descriptor = -1;
    server->patience_ms = INT64_C(1000) * HTTP_TIMEOUT_S;
    server->address.sun_family = AF_UNIX;
    if (count == 0 || count >= sizeof server->address.sun_path) {
        memory_free(server);
        return fail(err, STATUS_INVALID,
                    "listen on '%.200s': the path of a socket has 1 to %zu bytes", socket_path,
                    sizeof server->address.sun_path - 1);
    }
    memcpy(server->address.sun_path, socket_path, count + 1);
    status code = bind_and_listen(server, mode, err);
    if (code == STATUS_OK) {
        code = start(server, loop, err);
    }
    if (code != STATUS_OK) {
        http_server_destroy(server);
        return fail_while(err, "listen on '%.200s'", socket_path);
    }
    *out_server = server;
    return STATUS_OK;
}

void http_server_set_patience(struct http_server *server, int64_t patience_ms) {
    server->patience_ms = patience_ms;
}

static void remove_socket_file(const struct http_server *server) {
    struct stat facts;
    if (server->inode != 0 && lstat(server->address.sun_path, &facts) == 0 &&
        facts.st_dev == server->device && facts.st_ino == server->inode) {
        (void)unlink(server->address.sun_path); /* what is left is replaced at the next start */
    }
}

void http_server_destroy(struct http_server *server) {
    if (server == NULL) {
        return;
    }
    assert(!server->running);
    remove_socket_file(server);
    poll_close(server->poll);
    timer_close(server->timer);
    while (server->suspended != NULL) {
        resume(server->suspended); /* the library stops no server that has some */
    }
    turn_destroy(server->turn);
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon); /* closes the descriptor too */
    } else if (server->descriptor >= 0) {
        (void)close(server->descriptor);
    }
    memory_free(server);
}
