// SPDX-License-Identifier: Apache-2.0
#include "platform/http_client.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { URL_BYTES_MAX = 4096 };

/* What we use of libcurl. */
struct library {
    void *handle; /* stays open: what it started does not bear being unloaded */
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *easy);
    CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *easy);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

/* A question under way. */
struct asking {
    const struct library *library;
    const struct http_question *question;
    CURL *easy;
    struct curl_slist *headers;
    struct buffer *body;
    CURLcode refused; /* of the options set so far */
    char url[URL_BYTES_MAX];
    char reason[CURL_ERROR_SIZE];
};

static status open_library(const char *name, struct library *out_library, struct error *err) {
    struct library library = {.handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)};
    if (library.handle == NULL) {
        return fail(err, STATUS_NOT_FOUND,
                    "load '%.200s': it is not there; install the package libcurl3-gnutls "
                    "(libcurl3t64-gnutls from Debian 13 on)",
                    name);
    }
    const struct {
        const char *name;
        void *place;
    } wanted[] = {
        {"curl_global_init", &library.global_init},
        {"curl_easy_init", &library.easy_init},
        {"curl_easy_setopt", &library.easy_setopt},
        {"curl_easy_perform", &library.easy_perform},
        {"curl_easy_getinfo", &library.easy_getinfo},
        {"curl_easy_cleanup", &library.easy_cleanup},
        {"curl_easy_strerror", &library.easy_strerror},
        {"curl_slist_append", &library.slist_append},
        {"curl_slist_free_all", &library.slist_free_all},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *function = dlsym(library.handle, wanted[i].name);
        if (function == NULL) {
            (void)dlclose(library.handle);
            return fail(err, STATUS_NOT_FOUND, "load '%.200s': it has no '%s'", name,
                        wanted[i].name);
        }
        memcpy(wanted[i].place, &function, sizeof function); /* C has no cast for this */
    }
    /* Without TLS, which nobody needs here and which takes longest to start. */
    if (library.global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        (void)dlclose(library.handle);
        return fail(err, STATUS_NO_MEMORY, "load '%.200s': it does not start", name);
    }
    *out_library = library;
    return STATUS_OK;
}

static status use_library(const struct library **out_library, struct error *err) {
    static struct library library;
    if (library.handle == NULL) {
        const char *named = getenv("EBB_LIBCURL");
        TRY(open_library(named != NULL ? named : "libcurl-gnutls.so.4", &library, err));
    }
    *out_library = &library;
    return STATUS_OK;
}

static size_t body_came(char *bytes, size_t each, size_t count, void *owner) {
    struct asking *asking = owner;
    buffer_add(asking->body, (struct slice){.bytes = bytes, .count = each * count});
    return asking->body->failed == STATUS_OK ? each * count : 0;
}

static void asking_done(struct asking *asking) {
    if (asking->easy != NULL) {
        asking->library->easy_cleanup(asking->easy);
        asking->library->slist_free_all(asking->headers);
    }
}

static bool add_header(struct asking *asking, const char *line) {
    struct curl_slist *longer = asking->library->slist_append(asking->headers, line);
    asking->headers = longer != NULL ? longer : asking->headers;
    return longer != NULL;
}

static status make_url(struct asking *asking, struct error *err) {
    const struct http_question *question = asking->question;
    const bool is_path = slice_starts(question->path, "/");
    const bool on_socket = question->socket_path != NULL;
    if (on_socket != is_path || (!on_socket && !slice_starts(question->path, "http://"))) {
        return fail(err, STATUS_INVALID,
                    on_socket ? "a path begins with '/'" : "a URL begins with 'http://'");
    }
    const int count = snprintf(asking->url, sizeof asking->url, "%s%.*s",
                               on_socket ? "http://localhost" : "", SLICE_ARGS(question->path));
    if (count < 0 || (size_t)count >= sizeof asking->url) {
        return fail(err, STATUS_INVALID, "the URL has over %d bytes", URL_BYTES_MAX);
    }
    return STATUS_OK;
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

static void set_body(struct asking *asking) {
    const struct http_question *question = asking->question;
    if (strcmp(question->method, "HEAD") == 0) {
        set_number(asking, CURLOPT_NOBODY, 1);
    } else if (question->body.count > 0 || strcmp(question->method, "POST") == 0) {
        set_text(asking, CURLOPT_POSTFIELDS, question->body.count > 0 ? question->body.bytes : "");
        set_number(asking, CURLOPT_POSTFIELDSIZE, (long)question->body.count);
    }
}

static CURLcode set_up(struct asking *asking) {
    const struct http_question *question = asking->question;
    set_text(asking, CURLOPT_URL, asking->url);
    set_text(asking, CURLOPT_PROTOCOLS_STR, "http");
    set_number(asking, CURLOPT_NOSIGNAL, 1);
    set_number(asking, CURLOPT_TIMEOUT_MS, (long)question->timeout_ms);
    set_place(asking, CURLOPT_HTTPHEADER, asking->headers);
    set_place(asking, CURLOPT_ERRORBUFFER, asking->reason);
    set_place(asking, CURLOPT_WRITEDATA, asking);
    if (asking->refused == CURLE_OK) {
        asking->refused =
            asking->library->easy_setopt(asking->easy, CURLOPT_WRITEFUNCTION, body_came);
    }
    if (question->socket_path != NULL) {
        set_text(asking, CURLOPT_UNIX_SOCKET_PATH, question->socket_path);
        set_text(asking, CURLOPT_PROXY, "");
    }
    set_body(asking);
    set_text(asking, CURLOPT_CUSTOMREQUEST, question->method); /* last: it keeps the verb */
    return asking->refused;
}

static status class_of(const struct asking *asking, CURLcode code) {
    long number = 0;
    switch (code) {
    case CURLE_WRITE_ERROR:
        return asking->body->failed != STATUS_OK ? asking->body->failed : STATUS_SYSTEM;
    case CURLE_OPERATION_TIMEDOUT:
        return STATUS_TIMEOUT;
    case CURLE_COULDNT_CONNECT:
        (void)asking->library->easy_getinfo(asking->easy, CURLINFO_OS_ERRNO, &number);
        return number == EACCES || number == EPERM ? STATUS_DENIED : STATUS_OFFLINE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return STATUS_OFFLINE;
    case CURLE_UNSUPPORTED_PROTOCOL: /* what answers speaks no HTTP of this century */
    case CURLE_WEIRD_SERVER_REPLY:
        return STATUS_CORRUPT;
    case CURLE_URL_MALFORMAT:
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
        return fail(err, class, "the answer has more than %zu bytes", asking->body->count_max);
    }
    return fail(err, class, "%.200s",
                asking->reason[0] != '\0' ? asking->reason : asking->library->easy_strerror(code));
}

static status ask(struct asking *asking, int *out_code, struct error *err) {
    TRY(make_url(asking, err));
    TRY(use_library(&asking->library, err));
    asking->easy = asking->library->easy_init();
    if (asking->easy == NULL || !add_header(asking, "Content-Type: application/json") ||
        !add_header(asking, "Expect:")) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    CURLcode code = set_up(asking);
    if (code == CURLE_OK) {
        code = asking->library->easy_perform(asking->easy);
    }
    if (code != CURLE_OK) {
        return say_why(asking, code, err);
    }
    long answered = 0;
    (void)asking->library->easy_getinfo(asking->easy, CURLINFO_RESPONSE_CODE, &answered);
    *out_code = (int)answered;
    return STATUS_OK;
}

status http_ask(const struct http_question *question, int *out_code, struct buffer *out_body,
                struct error *err) {
    CLEANUP(asking_done)
    struct asking asking = {.question = question, .body = out_body};
    if (ask(&asking, out_code, err) == STATUS_OK) {
        return STATUS_OK;
    }
    const bool on_socket = question->socket_path != NULL;
    return fail_while(err, "%s %.*s%s%s", question->method, SLICE_ARGS(question->path),
                      on_socket ? " on " : "", on_socket ? question->socket_path : "");
}
