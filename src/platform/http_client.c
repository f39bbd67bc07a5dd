// SPDX-License-Identifier: Apache-2.0
#include "platform/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "platform/library.h"

enum {
    CONNECTIONS_KEPT = 4,
    MS_PER_S = 1000,
    HTTP_PROXY_LOGIN = 407,
    HTTP_OK = 200,
    HTTP_FORBIDDEN = 403
};

/* What we use of libcurl, in the order of NAMES. */
struct curl {
    CURLcode (*global_init)(long flags);
    void (*global_cleanup)(void);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *easy);
    CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *easy);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t socket, int events, int *running);
    CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
    CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t socket, void *known);
    CURLMcode (*multi_cleanup)(CURLM *multi);
};

static const char *const NAMES[] = {"curl_global_init",
                                    "curl_global_cleanup",
                                    "curl_easy_init",
                                    "curl_easy_setopt",
                                    "curl_easy_perform",
                                    "curl_easy_getinfo",
                                    "curl_easy_cleanup",
                                    "curl_easy_strerror",
                                    "curl_slist_append",
                                    "curl_slist_free_all",
                                    "curl_multi_init",
                                    "curl_multi_setopt",
                                    "curl_multi_add_handle",
                                    "curl_multi_remove_handle",
                                    "curl_multi_socket_action",
                                    "curl_multi_info_read",
                                    "curl_multi_assign",
                                    "curl_multi_cleanup",
                                    NULL};

/* A question, and what has come of it so far. */
struct asking {
    const struct curl *library; /* not owned */
    CURL *easy;                 /* owned, as the headers */
    struct curl_slist *headers;
    struct buffer *body;          /* not owned */
    const struct http_sink *sink; /* NULL: none; not owned */
    bool unwanted;                /* by the sink */
    size_t head_bytes;
    bool sent;
    CURLcode refused; /* of the options set so far */
    char url[HTTP_URL_BYTES_MAX];
    char reason[CURL_ERROR_SIZE];
};

/* A socket that libcurl wants to know of. */
struct socket_watch {
    struct http_client *client; /* not owned */
    curl_socket_t descriptor;   /* libcurl's */
    struct poll *poll;          /* owned; NULL: there was no room for it */
    struct socket_watch *next;
};

struct http_client {
    struct loop *loop; /* not owned, as the library */
    const struct curl *library;
    CURLM *multi;        /* owned, as all below */
    struct timer *timer; /* the one that libcurl has */
    struct socket_watch *watches;
    struct http_exchange *exchanges;
};

struct http_exchange {
    struct http_client *client; /* not owned */
    struct http_asker asker;
    struct asking asking;
    struct buffer body;
    struct http_exchange *next;
};

/* --- the library --- */

/* Starting TLS is what takes longest: commands do without. */
static status use_library(bool with_tls, const struct curl **out_library, struct error *err) {
    static struct curl curl;
    static struct library library = {.package =
                                         "libcurl3-gnutls (libcurl3t64-gnutls from Debian 13 on)",
                                     .functions = NAMES,
                                     .table = &curl};
    static bool started, has_tls;
    const char *named = getenv("EBB_LIBCURL");
    library.file = named != NULL ? named : "libcurl-gnutls.so.4";
    TRY(library_use(&library, err));
    if (started && with_tls && !has_tls) {
        curl.global_cleanup(); /* libcurl counts its starts: another one would do nothing */
        started = false;
    }
    if (!started) {
        if (curl.global_init(with_tls ? CURL_GLOBAL_SSL : CURL_GLOBAL_NOTHING) != CURLE_OK) {
            return fail(err, STATUS_NO_MEMORY, "libcurl does not start");
        }
        started = true;
        has_tls = with_tls;
    }
    *out_library = &curl;
    return STATUS_OK;
}

status http_client_check(struct error *err) {
    const struct curl *library;
    return use_library(false, &library, err);
}

/* --- one question --- */

static long number_of(const struct asking *asking, CURLINFO info) {
    long number = 0;
    (void)asking->library->easy_getinfo(asking->easy, info, &number); /* 0: it does not know */
    return number;
}

static size_t body_came(char *bytes, size_t each, size_t count, void *owner) {
    struct asking *asking = owner;
    const struct http_sink *sink = asking->sink;
    buffer_add(asking->body, (struct slice){.bytes = bytes, .count = each * count});
    if (sink != NULL && asking->body->failed == STATUS_OK &&
        number_of(asking, CURLINFO_RESPONSE_CODE) == HTTP_OK) {
        asking->unwanted = !sink->take(sink->owner, asking->body);
    }
    return asking->body->failed == STATUS_OK && !asking->unwanted ? each * count : 0;
}

static size_t head_came(char *bytes, size_t each, size_t count, void *owner) {
    struct asking *asking = owner;
    (void)bytes; /* what we want of it, libcurl reads */
    asking->head_bytes += each * count;
    return asking->head_bytes <= HTTP_ANSWER_HEAD_BYTES_MAX ? each * count : 0;
}

/* The connection stands, through proxy and TLS. */
static int about_to_send(void *owner, char *remote, char *local, int remote_port, int local_port) {
    struct asking *asking = owner;
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    asking->sent = true;
    return CURL_PREREQFUNC_OK;
}

static void asking_done(struct asking *asking) {
    if (asking->easy != NULL) {
        asking->library->easy_cleanup(asking->easy);
        asking->library->slist_free_all(asking->headers);
    }
}

static status make_url(struct asking *asking, const struct http_question *question, bool tls,
                       struct error *err) {
    const bool is_path = slice_starts(question->path, "/");
    const bool is_url = slice_starts(question->path, "http://") ||
                        (tls && slice_starts(question->path, "https://"));
    const bool on_socket = question->socket_path != NULL;
    if (on_socket ? !is_path : !is_url) {
        return fail(err, STATUS_INVALID, "%s",
                    on_socket ? "a path begins with '/'"
                    : tls     ? "a URL begins with 'http://' or 'https://'"
                              : "a URL begins with 'http://'");
    }
    const int count = snprintf(asking->url, sizeof asking->url, "%s%.*s",
                               on_socket ? "http://localhost" : "", SLICE_ARGS(question->path));
    if (count < 0 || (size_t)count >= sizeof asking->url) {
        return fail(err, STATUS_INVALID, "the URL has over %d bytes", HTTP_URL_BYTES_MAX - 1);
    }
    return STATUS_OK;
}

static bool add_header(struct asking *asking, const char *line) {
    struct curl_slist *longer = asking->library->slist_append(asking->headers, line);
    asking->headers = longer != NULL ? longer : asking->headers;
    return longer != NULL;
}

static bool add_headers(struct asking *asking, const char *const *lines) {
    static const char TYPE[] = "Content-Type:";
    bool added = add_header(asking, "Expect:");
    bool typed = false;
    for (; lines != NULL && *lines != NULL && added; lines++) {
        typed = typed || strncasecmp(*lines, TYPE, sizeof TYPE - 1) == 0;
        added = add_header(asking, *lines);
    }
    return added && (typed || add_header(asking, "Content-Type: application/json"));
}

/* Sets one option; the first that is refused is kept, and the rest are left. */
static void set_text(struct asking *asking, CURLoption option, const char *text) {
    if (asking->refused == CURLE_OK) {
        asking->refused = asking->library->easy_setopt(asking->easy, option, text);
    }
}

static void set_number(struct asking *asking, CURLoption option, long number) {
    if (asking->refused == CURLE_OK) {
        asking->refused = asking->library->easy_setopt(asking->easy, option, number);
    }
}

static void set_place(struct asking *asking, CURLoption option, void *place) {
    if (asking->refused == CURLE_OK) {
        asking->refused = asking->library->easy_setopt(asking->easy, option, place);
    }
}

static void set_calls(struct asking *asking) {
    const struct curl *library = asking->library;
    CURLcode codes[] = {
        library->easy_setopt(asking->easy, CURLOPT_WRITEFUNCTION, body_came),
        library->easy_setopt(asking->easy, CURLOPT_HEADERFUNCTION, head_came),
        library->easy_setopt(asking->easy, CURLOPT_PREREQFUNCTION, about_to_send),
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0] && asking->refused == CURLE_OK; i++) {
        asking->refused = codes[i];
    }
    set_place(asking, CURLOPT_WRITEDATA, asking);
    set_place(asking, CURLOPT_HEADERDATA, asking);
    set_place(asking, CURLOPT_PREREQDATA, asking);
    set_place(asking, CURLOPT_ERRORBUFFER, asking->reason);
}

static void set_way(struct asking *asking, const struct http_question *question) {
    if (question->socket_path != NULL) {
        set_text(asking, CURLOPT_UNIX_SOCKET_PATH, question->socket_path);
        set_text(asking, CURLOPT_PROXY, "");
    } else if (question->proxy != NULL) {
        set_text(asking, CURLOPT_PROXY, question->proxy);
    }
    if (question->ca_file != NULL) {
        set_text(asking, CURLOPT_CAINFO, question->ca_file);
        set_text(asking, CURLOPT_CAPATH, NULL); /* the machine's own are not trusted beside it */
    }
    set_number(asking, CURLOPT_FRESH_CONNECT, question->once ? 1 : 0);
}

static void set_body(struct asking *asking, const struct http_question *question) {
    if (strcmp(question->method, "HEAD") == 0) {
        set_number(asking, CURLOPT_NOBODY, 1);
    } else if (question->body.count > 0 || strcmp(question->method, "POST") == 0) {
        set_number(asking, CURLOPT_POSTFIELDSIZE, (long)question->body.count);
        set_text(asking, CURLOPT_COPYPOSTFIELDS,
                 question->body.count > 0 ? question->body.bytes : "");
    }
}

static CURLcode set_up(struct asking *asking, const struct http_question *question, bool tls) {
    set_text(asking, CURLOPT_URL, asking->url);
    set_text(asking, CURLOPT_PROTOCOLS_STR, tls ? "http,https" : "http");
    set_number(asking, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_text(asking, CURLOPT_USERAGENT, "ebb/" EBB_VERSION);
    set_number(asking, CURLOPT_NOSIGNAL, 1);
    /* Else an end before the name is resolved waits for the resolver's thread. */
    set_number(asking, CURLOPT_QUICK_EXIT, 1);
    set_number(asking, CURLOPT_TIMEOUT_MS, (long)question->timeout_ms);
    set_place(asking, CURLOPT_HTTPHEADER, asking->headers);
    set_calls(asking);
    set_way(asking, question);
    set_body(asking, question);
    set_text(asking, CURLOPT_CUSTOMREQUEST, question->method); /* last: it keeps the verb */
    return asking->refused;
}

static status prepare(struct asking *asking, const struct http_question *question, bool tls,
                      struct error *err) {
    TRY(make_url(asking, question, tls, err));
    asking->easy = asking->library->easy_init();
    if (asking->easy == NULL || !add_headers(asking, question->headers) ||
        set_up(asking, question, tls) != CURLE_OK) {
        return fail(err, STATUS_NO_MEMORY, "out of memory, or an older libcurl than ours");
    }
    return STATUS_OK;
}

static const char *text_of(const struct asking *asking, CURLINFO info) {
    const char *text = NULL;
    (void)asking->library->easy_getinfo(asking->easy, info, &text);
    return text != NULL ? text : "";
}

static status class_of_line(const struct asking *asking) {
    const long number = number_of(asking, CURLINFO_OS_ERRNO);
    const long proxy = number_of(asking, CURLINFO_HTTP_CONNECTCODE);
    const bool refused =
        number == EACCES || number == EPERM || proxy == HTTP_FORBIDDEN || proxy == HTTP_PROXY_LOGIN;
    return !asking->sent && refused ? STATUS_DENIED : STATUS_OFFLINE;
}

static status class_of(const struct asking *asking, CURLcode code) {
    switch (code) {
    case CURLE_WRITE_ERROR:
        if (asking->unwanted) {
            return STATUS_INTERRUPTED;
        }
        return asking->body->failed != STATUS_OK ? asking->body->failed : STATUS_FULL;
    case CURLE_OPERATION_TIMEDOUT:
        return asking->sent ? STATUS_TIMEOUT : STATUS_OFFLINE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SSL_CONNECT_ERROR: /* mostly a line that breaks in the handshake */
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return class_of_line(asking);
    case CURLE_PEER_FAILED_VERIFICATION:
        return STATUS_DENIED;
    case CURLE_UNSUPPORTED_PROTOCOL: /* what answers speaks no HTTP of this century */
    case CURLE_WEIRD_SERVER_REPLY:
        return STATUS_CORRUPT;
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CACERT_BADFILE:
        return STATUS_INVALID;
    case CURLE_OUT_OF_MEMORY:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_SYSTEM;
    }
}

static status say_why(const struct asking *asking, CURLcode code, struct error *err) {
    const status class = class_of(asking, code);
    if (class == STATUS_FULL) {
        return asking->body->failed == STATUS_FULL
                   ? fail(err, class, "the answer has more than %zu bytes", asking->body->count_max)
                   : fail(err, class, "the answer's head has more than %d bytes",
                          HTTP_ANSWER_HEAD_BYTES_MAX);
    }
    return fail(err, class, "%.200s",
                asking->reason[0] != '\0' ? asking->reason : asking->library->easy_strerror(code));
}

/* --- asking and waiting for it --- */

static status ask(struct asking *asking, const struct http_question *question, int *out_code,
                  struct error *err) {
    TRY(use_library(false, &asking->library, err));
    TRY(prepare(asking, question, false, err));
    const CURLcode code = asking->library->easy_perform(asking->easy);
    if (code != CURLE_OK) {
        return say_why(asking, code, err);
    }
    *out_code = (int)number_of(asking, CURLINFO_RESPONSE_CODE);
    return STATUS_OK;
}

static status fail_question(const struct http_question *question, struct error *err) {
    const bool on_socket = question->socket_path != NULL;
    return fail_while(err, "%s %.*s%s%s", question->method, SLICE_ARGS(question->path),
                      on_socket ? " on " : "", on_socket ? question->socket_path : "");
}

status http_ask(const struct http_question *question, int *out_code, struct buffer *out_body,
                struct error *err) {
    CLEANUP(asking_done) struct asking asking = {.body = out_body, .sink = question->sink};
    return ask(&asking, question, out_code, err) == STATUS_OK ? STATUS_OK
                                                              : fail_question(question, err);
}

/* --- asking on a loop --- */

static void forget_exchange(struct http_exchange *exchange) {
    struct http_client *client = exchange->client;
    struct http_exchange **place = &client->exchanges;
    while (*place != exchange) {
        place = &(*place)->next;
    }
    *place = exchange->next;
    (void)client->library->multi_remove_handle(client->multi, exchange->asking.easy);
    asking_done(&exchange->asking);
    buffer_done(&exchange->body);
    memory_free(exchange);
}

static void end_exchange(struct http_exchange *exchange, CURLcode code) {
    const struct asking *asking = &exchange->asking;
    struct http_answer answer = {.sent = asking->sent, .type = "", .place = ""};
    if (code != CURLE_OK) {
        (void)say_why(asking, code, &answer.error);
    } else {
        curl_off_t seconds = 0;
        (void)asking->library->easy_getinfo(asking->easy, CURLINFO_RETRY_AFTER, &seconds);
        answer.code = (int)number_of(asking, CURLINFO_RESPONSE_CODE);
        answer.retry_after_ms = seconds < INT64_MAX / MS_PER_S ? seconds * MS_PER_S : INT64_MAX;
        answer.type = text_of(asking, CURLINFO_CONTENT_TYPE);
        answer.place = text_of(asking, CURLINFO_REDIRECT_URL);
        answer.body = buffer_slice(&exchange->body);
    }
    exchange->asker.answered(exchange->asker.owner, &answer);
    forget_exchange(exchange);
}

/* Lets libcurl go on, and tells of what has ended by that. */
static void go_on(struct http_client *client, curl_socket_t descriptor) {
    const struct curl *library = client->library;
    int number = 0;
    (void)library->multi_socket_action(client->multi, descriptor, 0, &number);
    for (const CURLMsg *message = library->multi_info_read(client->multi, &number); message != NULL;
         message = library->multi_info_read(client->multi, &number)) {
        struct http_exchange *exchange = NULL;
        const CURLcode code = message->data.result;
        (void)library->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        if (message->msg == CURLMSG_DONE && exchange != NULL) {
            end_exchange(exchange, code);
        }
    }
}

static void timer_rang(void *owner) {
    go_on(owner, CURL_SOCKET_TIMEOUT);
}

static int timer_wanted(CURLM *multi, long after_ms, void *owner) {
    const struct http_client *client = owner;
    (void)multi;
    if (after_ms < 0) {
        timer_clear(client->timer);
    } else {
        timer_set(client->timer, after_ms);
    }
    return 0;
}

static void socket_is_ready(void *owner) {
    const struct socket_watch *watch = owner; /* gone, perhaps, when libcurl has gone on */
    go_on(watch->client, watch->descriptor);
}

static void forget_watch(struct http_client *client, struct socket_watch *watch) {
    struct socket_watch **place = &client->watches;
    while (*place != watch) {
        place = &(*place)->next;
    }
    *place = watch->next;
    poll_close(watch->poll);
    memory_free(watch);
}

/* Without room for a watch the question waits for its end: libcurl takes a refusal from here for
 * the end of all questions. */
static int socket_wanted(CURL *easy, curl_socket_t descriptor, int what, void *owner, void *known) {
    struct http_client *client = owner;
    struct socket_watch *watch = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            forget_watch(client, watch);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = memory_new(1, sizeof *watch);
        if (watch == NULL) {
            return 0;
        }
        *watch = (struct socket_watch){
            .client = client, .descriptor = descriptor, .next = client->watches};
        client->watches = watch;
        (void)client->library->multi_assign(client->multi, descriptor, watch);
    }
    poll_close(watch->poll);
    watch->poll = NULL;
    (void)poll_open(client->loop, descriptor, (what & CURL_POLL_OUT) != 0, socket_is_ready, watch,
                    &watch->poll, NULL);
    return 0;
}

static bool set_up_multi(const struct http_client *client) {
    const struct curl *library = client->library;
    const CURLMcode codes[] = {
        library->multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted),
        library->multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client),
        library->multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_wanted),
        library->multi_setopt(client->multi, CURLMOPT_TIMERDATA, client),
        library->multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT),
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i] != CURLM_OK) {
            return false;
        }
    }
    return true;
}

status http_client_create(struct loop *loop, struct http_client **out_client, struct error *err) {
    const struct curl *library = NULL;
    TRY(use_library(true, &library, err));
    struct http_client *client = memory_new(1, sizeof *client);
    if (client == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a client of HTTP");
    }
    *client =
        (struct http_client){.loop = loop, .library = library, .multi = library->multi_init()};
    status code = timer_open(loop, timer_rang, client, &client->timer, err);
    if (code == STATUS_OK && (client->multi == NULL || !set_up_multi(client))) {
        code = fail(err, STATUS_NO_MEMORY, "out of memory for a client of HTTP");
    }
    if (code != STATUS_OK) {
        http_client_destroy(client);
        return code;
    }
    *out_client = client;
    return STATUS_OK;
}

void http_client_destroy(struct http_client *client) {
    if (client == NULL) {
        return;
    }
    while (client->exchanges != NULL) {
        forget_exchange(client->exchanges);
    }
    if (client->multi != NULL) {
        (void)client->library->multi_cleanup(client->multi); /* it closes what it kept */
    }
    while (client->watches != NULL) {
        forget_watch(client, client->watches);
    }
    timer_close(client->timer);
    memory_free(client);
}

static status begin(struct http_exchange *exchange, const struct http_question *question,
                    struct error *err) {
    struct asking *asking = &exchange->asking;
    TRY(prepare(asking, question, true, err));
    set_place(asking, CURLOPT_PRIVATE, exchange);
    if (asking->refused != CURLE_OK ||
        asking->library->multi_add_handle(exchange->client->multi, asking->easy) != CURLM_OK) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a question");
    }
    return STATUS_OK;
}

status http_client_ask(struct http_client *client, const struct http_question *question,
                       const struct http_asker *asker, struct http_exchange **out_exchange,
                       struct error *err) {
    struct http_exchange *exchange = memory_new(1, sizeof *exchange);
    if (exchange == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a question");
    }
    exchange->client = client;
    exchange->asker = *asker;
    exchange->asking = (struct asking){.library = client->library, .body = &exchange->body};
    buffer_init(&exchange->body, asker->answer_bytes_max);
    const status code = begin(exchange, question, err);
    if (code != STATUS_OK) {
        asking_done(&exchange->asking);
        memory_free(exchange);
        return code;
    }
    exchange->next = client->exchanges;
    client->exchanges = exchange;
    *out_exchange = exchange;
    return STATUS_OK;
}

bool http_exchange_is_sent(const struct http_exchange *exchange) {
    return exchange->asking.sent;
}

void http_exchange_cancel(struct http_exchange *exchange) {
    forget_exchange(exchange);
}
