// SPDX-License-Identifier: Apache-2.0
#include "cli/tunnel.h"

#include <signal.h>
#include <string.h>

#include "base/memory.h"
#include "page/page.h"
#include "platform/hash.h"
#include "platform/http_client.h"
#include "platform/http_error.h"
#include "platform/http_server.h"
#include "platform/loop.h"
#include "platform/random.h"

enum {
    SEE_OTHER = 303,
    FORBIDDEN = 403,
    BAD_GATEWAY = 502,
    PATH_BYTES_MAX = 16 << 10,
    HEADER_BYTES = 512,
    COOKIE_BYTES = 128,
    ANSWER_BYTES_MAX = 128 << 20,
    TIMEOUT_MS = 30000,
    BODY_BYTES_MAX = 4 << 20
};

static const char COOKIE[] = "ebb-open";

struct tunnel {
    const char *socket_path; /* not owned */
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct signal_watch *signals[2];
    struct passage *passages;
    char key[ID_HEX_BYTES + 1];    /* of the link; empty: it was used */
    char cookie[ID_HEX_BYTES + 1]; /* of whoever used it */
};

/* A request on its way to the daemon. */
struct passage {
    struct tunnel *tunnel;
    struct passage *next, *before;
    struct http_request *request;
    struct buffer path;
    char key[HEADER_BYTES], type[HEADER_BYTES];
    const char *headers[3];
};

/* --- to the daemon and back --- */

static void destroy(struct passage *passage) {
    *(passage->before != NULL ? &passage->before->next : &passage->tunnel->passages) =
        passage->next;
    if (passage->next != NULL) {
        passage->next->before = passage->before;
    }
    buffer_done(&passage->path);
    memory_free(passage);
}

static void answered(void *owner, const struct http_answer *answer) {
    struct passage *passage = owner;
    if (answer->error.code != STATUS_OK) {
        http_error_answer_as(passage->request, BAD_GATEWAY, &answer->error);
    } else {
        page_add_headers(passage->request);
        http_answer(passage->request, answer->code, answer->type[0] != '\0' ? answer->type : NULL,
                    answer->body);
    }
    destroy(passage);
}

static void add_encoded(struct buffer *out, struct slice text, const char *plain) {
    for (size_t i = 0; i < text.count; i++) {
        const char byte = text.bytes[i];
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') ||
                              (byte != '\0' && strchr(plain, byte) != NULL);
        if (is_plain) {
            buffer_add_byte(out, (uint8_t)byte);
        } else {
            buffer_print(out, "%%%02X", (unsigned)(unsigned char)byte);
        }
    }
}

/* The path as it was written before it was decoded, with those queries that the daemon knows. */
static void write_path(const struct http_request *request, struct buffer *out) {
    static const char *const QUERIES[] = {"workflow", "name",  "lane",   "limit", "before",
                                          "level",    "after", "parked", NULL};
    char between = '?';
    add_encoded(out, request->path, "/-._~");
    for (int i = 0; QUERIES[i] != NULL; i++) {
        const char *value = http_query(request, QUERIES[i]);
        if (value != NULL) {
            buffer_print(out, "%c%s=", between, QUERIES[i]);
            add_encoded(out, slice_of(value), "-._~");
            between = '&';
        }
    }
}

static void list_headers(struct passage *passage) {
    const char *key = http_header(passage->request, "Idempotency-Key");
    const char *type = http_header(passage->request, "Content-Type");
    int count = 0;
    if (key != NULL && strlen(key) < HEADER_BYTES - 32) {
        (void)snprintf(passage->key, HEADER_BYTES, "Idempotency-Key: %s", key);
        passage->headers[count++] = passage->key;
    }
    if (type != NULL && strlen(type) < HEADER_BYTES - 32) {
        (void)snprintf(passage->type, HEADER_BYTES, "Content-Type: %s", type);
        passage->headers[count++] = passage->type;
    }
}

static const char *method_of(const struct http_request *request) {
    return slice_is(request->method, "POST")     ? "POST"
           : slice_is(request->method, "DELETE") ? "DELETE"
           : slice_is(request->method, "GET")    ? "GET"
                                                 : NULL;
}

static status pass(struct tunnel *tunnel, struct passage *passage, struct error *err) {
    const char *method = method_of(passage->request);
    struct http_exchange *exchange = NULL;
    if (method == NULL) {
        return fail(err, STATUS_INVALID, "nothing here knows that method");
    }
    write_path(passage->request, &passage->path);
    buffer_add_byte(&passage->path, '\0');
    TRY(buffer_status(&passage->path, err));
    list_headers(passage);
    const struct http_question question = {
        .socket_path = tunnel->socket_path,
        .method = method,
        .path = {.bytes = passage->path.bytes, .count = passage->path.count - 1},
        .body = passage->request->body,
        .timeout_ms = TIMEOUT_MS,
        .headers = passage->headers,
        .once = true};
    const struct http_asker asker = {
        .answered = answered, .owner = passage, .answer_bytes_max = ANSWER_BYTES_MAX};
    return http_client_ask(tunnel->client, &question, &asker, &exchange, err);
}

static void begin_passage(struct tunnel *tunnel, struct http_request *request) {
    struct error err;
    struct passage *passage = memory_new(1, sizeof(*passage));
    if (passage == NULL) {
        (void)fail(&err, STATUS_NO_MEMORY, "out of memory");
        http_error_answer(request, &err);
        return;
    }
    *passage = (struct passage){.tunnel = tunnel, .next = tunnel->passages, .request = request};
    if (passage->next != NULL) {
        passage->next->before = passage;
    }
    tunnel->passages = passage;
    buffer_init(&passage->path, PATH_BYTES_MAX);
    if (pass(tunnel, passage, &err) != STATUS_OK) {
        http_error_answer(request, &err);
        destroy(passage);
    }
}

/* --- who comes in --- */

static bool is_same(const char *given, const char *wanted) {
    return given != NULL && wanted[0] != '\0' &&
           digest_equal(hash_256(slice_of(given)), hash_256(slice_of(wanted)));
}

static void let_in(struct tunnel *tunnel, struct http_request *request) {
    char cookie[COOKIE_BYTES];
    tunnel->key[0] = '\0';
    (void)snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict", COOKIE,
                   tunnel->cookie);
    http_answer_header(request, "Set-Cookie", cookie);
    http_answer_header(request, "Location", "/");
    http_answer(request, SEE_OTHER, NULL, SLICE(""));
}

/* By that name alone: another name that leads to this machine is another page's trick. */
static bool is_own_host(const struct tunnel *tunnel, const struct http_request *request) {
    return slice_equal(slice_of(http_header(request, "Host")),
                       slice_of(http_server_address(tunnel->server)));
}

/* What changes something comes from our own page. */
static bool is_own_page(const struct http_request *request) {
    static const char SCHEME[] = "http://";
    const struct slice origin = slice_of(http_header(request, "Origin"));
    return slice_is(request->method, "GET") ||
           (slice_starts(origin, SCHEME) &&
            slice_equal(slice_part(origin, sizeof(SCHEME) - 1, origin.count),
                        slice_of(http_header(request, "Host"))));
}

static void handle(void *owner, struct http_request *request) {
    struct tunnel *tunnel = owner;
    struct error err;
    const bool is_known = is_same(http_cookie(request, COOKIE), tunnel->cookie);
    if (!is_own_host(tunnel, request) || !is_own_page(request)) {
        (void)fail(&err, STATUS_DENIED, "this is for http://%s/ alone",
                   http_server_address(tunnel->server));
        http_error_answer_as(request, FORBIDDEN, &err);
    } else if (is_same(http_query(request, "key"), tunnel->key)) {
        let_in(tunnel, request);
    } else if (!is_known) {
        (void)fail(&err, STATUS_DENIED,
                   "this link was used already, or is another one: `ebb open` makes a new one");
        http_error_answer_as(request, FORBIDDEN, &err);
    } else if (!page_take(request)) {
        begin_passage(tunnel, request);
    }
}

/* --- birth and end --- */

static void signalled(void *owner, int number) {
    struct tunnel *tunnel = owner;
    (void)number;
    loop_stop(tunnel->loop);
}

static status open_parts(struct tunnel *tunnel, unsigned port, struct error *err) {
    static const int NUMBERS[] = {SIGINT, SIGTERM};
    char address[32];
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    const struct http_options options = {
        .address = address, .body_bytes_max = BODY_BYTES_MAX, .handler = handle, .owner = tunnel};
    TRY(loop_create(&tunnel->loop, err));
    TRY(http_client_create(tunnel->loop, &tunnel->client, err));
    TRY(http_server_open(tunnel->loop, &options, &tunnel->server, err));
    for (int i = 0; i < 2; i++) {
        TRY(signal_watch_create(tunnel->loop, NUMBERS[i], signalled, tunnel, &tunnel->signals[i],
                                err));
    }
    return STATUS_OK;
}

status tunnel_open(const char *socket_path, unsigned port, struct tunnel **out_tunnel,
                   char out_url[TUNNEL_URL_BYTES], struct error *err) {
    struct tunnel *tunnel = memory_new(1, sizeof(*tunnel));
    if (tunnel == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a tunnel");
    }
    tunnel->socket_path = socket_path;
    id_write_hex(random_id(), tunnel->key);
    id_write_hex(random_id(), tunnel->cookie);
    const status opened = open_parts(tunnel, port, err);
    if (opened != STATUS_OK) {
        tunnel_close(tunnel);
        return opened;
    }
    (void)snprintf(out_url, TUNNEL_URL_BYTES, "http://%s/?key=%s",
                   http_server_address(tunnel->server), tunnel->key);
    *out_tunnel = tunnel;
    return STATUS_OK;
}

void tunnel_run(struct tunnel *tunnel) {
    loop_run(tunnel->loop);
}

void tunnel_close(struct tunnel *tunnel) {
    if (tunnel == NULL) {
        return;
    }
    http_client_destroy(tunnel->client);
    while (tunnel->passages != NULL) {
        destroy(tunnel->passages);
    }
    http_server_destroy(tunnel->server);
    for (int i = 0; i < 2; i++) {
        signal_watch_destroy(tunnel->signals[i]);
    }
    if (tunnel->loop != NULL) {
        loop_run(tunnel->loop); /* until what was closed is gone */
        loop_destroy(tunnel->loop);
    }
    memory_free(tunnel);
}
