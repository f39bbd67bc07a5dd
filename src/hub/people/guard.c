// SPDX-License-Identifier: Apache-2.0
#include "hub/people/guard.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/access_rows.h"
#include "hub/device_rows.h"
#include "hub/hub_answer.h"
#include "hub/people/deed_rows.h"
#include "hub/people/person_rows.h"
#include "hub/people/session_rows.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"

enum {
    UNAUTHORIZED = 401,
    FORBIDDEN = 403,
    TOO_MANY = 429,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    COOKIE_BYTES = 256,
    HEADER_BYTES = 128
};

enum proof { BY_NOTHING, BY_COOKIE, BY_TOKEN, BY_PROXY };

struct guard {
    struct guard_options options;
};

/* Somebody at the door. */
struct visit {
    struct reader_errand errand; /* first */
    struct guard *guard;
    struct http_request *request;
    enum proof proof;
    char shown[PERSON_NAME_BYTES_MAX + 2]; /* a token or a name; one letter too many shows */
    struct digest session;
    struct caller caller;
    int64_t now_ms, seen_ms; /* seen: as it was noted */
    struct id access;
    bool stolen, wrong;
};
_Static_assert((int)ACCESS_TOKEN_BYTES <= (int)PERSON_NAME_BYTES_MAX,
               "a name may have more letters");

/* That somebody was here, or tried another's cookie. */
struct note {
    struct ingest_job job; /* first */
    enum proof proof;
    bool stolen;
    struct caller caller;
    struct digest session;
    struct id access;
    int64_t now_ms;
};

/* --- the writing thread --- */

static status write_stolen(const struct note *note, struct database *database, struct error *err) {
    const struct deed deed = {.wall_ms = note->now_ms,
                              .what = SLICE("a log-in was used from another address, and ended"),
                              .subject = slice_of(note->caller.name),
                              .details = slice_of(note->caller.source)};
    TRY(session_rows_end(database, note->session, err));
    return deed_rows_put(database, &note->caller, &deed, err);
}

static status write_note(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct note *note = (const struct note *)job;
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    if (note->stolen) {
        return write_stolen(note, database, err);
    }
    return note->proof == BY_TOKEN ? access_rows_note(database, note->access, note->now_ms, err)
                                   : session_rows_note(database, note->session, note->now_ms, err);
}

/* --- the loop --- */

static void noted(struct ingest_job *job) {
    memory_free(job);
}

static void take_note(const struct visit *visit) {
    struct note *note = memory_new(1, sizeof(*note));
    if (note == NULL) {
        return; /* the next request notes it */
    }
    *note = (struct note){.job = {.work = write_note, .done = noted},
                          .proof = visit->proof,
                          .stolen = visit->stolen,
                          .caller = visit->caller,
                          .session = visit->session,
                          .access = visit->access,
                          .now_ms = visit->now_ms};
    ingest_run(visit->guard->options.ingest, &note->job);
}

static int64_t steady_ms(void) {
    return clock_monotonic_ns() / NS_PER_MS;
}

static bool asks_who(const struct http_request *request) {
    return slice_is(request->path, "/v1/me") && slice_is(request->method, "GET");
}

static void refuse(const struct visit *visit, const struct error *err) {
    const struct slice source = slice_of(visit->caller.source);
    struct attempts *attempts = visit->guard->options.attempts;
    if (visit->wrong && attempts_count(attempts, source, steady_ms())) {
        log_line(LOG_WARN, "hub", "too many wrong tokens: it must wait source=%.*s",
                 SLICE_ARGS(source));
    }
    if (visit->stolen) {
        log_line(LOG_WARN, "hub", "the log-in of %s was used from %s, and is ended",
                 visit->caller.name, visit->caller.source);
        take_note(visit);
    }
    if (err->code == STATUS_DENIED && asks_who(visit->request)) {
        const struct caller nobody = {.rights = 0};
        visit->guard->options.admitted(visit->guard->options.owner, visit->request, &nobody);
    } else if (err->code == STATUS_DENIED) {
        http_answer_header(visit->request, "WWW-Authenticate", "Bearer");
        hub_answer_error_as(visit->request, UNAUTHORIZED, err);
    } else {
        hub_answer_error(visit->request, err);
    }
}

static void dropped(struct reader_errand *errand) {
    memory_free(errand);
}

static bool changes(const struct http_request *request) {
    return !slice_is(request->method, "GET");
}

static void looked(struct reader_errand *errand) {
    struct visit *visit = (struct visit *)errand;
    const struct guard_options *options = &visit->guard->options;
    struct error err = errand->error;
    if (err.code != STATUS_OK) {
        refuse(visit, &err);
        memory_free(visit);
        return;
    }
    if (visit->proof != BY_PROXY && visit->now_ms - visit->seen_ms > SESSION_SEEN_MS) {
        take_note(visit);
    }
    if (visit->proof != BY_TOKEN && changes(visit->request) &&
        guard_check_origin(visit->guard, visit->request, &err) != STATUS_OK) {
        hub_answer_error_as(visit->request, FORBIDDEN, &err);
    } else {
        options->admitted(options->owner, visit->request, &visit->caller);
    }
    memory_free(visit);
}

/* --- the reading thread --- */

static status find_token(struct visit *visit, struct database *database, struct error *err) {
    struct access_row row;
    const status found = access_rows_find(database, slice_of(visit->shown), &row, err);
    visit->wrong = found == STATUS_DENIED;
    TRY(found);
    TRY(access_rows_check(database, &row, 0, visit->now_ms, err));
    (void)snprintf(visit->caller.name, sizeof(visit->caller.name), "token:%s", row.name);
    visit->caller.rights = row.rights;
    visit->access = row.id;
    visit->seen_ms = row.used_ms;
    return STATUS_OK;
}

static status find_by_proxy(struct visit *visit, struct database *database, struct error *err) {
    struct person_row row;
    const struct hub_proxy *proxy = visit->guard->options.proxy;
    TRY(person_check_name(slice_of(visit->shown), err));
    (void)snprintf(visit->caller.name, sizeof(visit->caller.name), "%s", visit->shown);
    const status found = person_rows_get(database, slice_of(visit->shown), &row, err);
    if (found == STATUS_NOT_FOUND && proxy->rights != 0) {
        visit->caller.rights = proxy->rights;
        *err = (struct error){.code = STATUS_OK};
        return STATUS_OK;
    }
    if (found == STATUS_NOT_FOUND) {
        return fail(err, STATUS_DENIED, "'%s' has no role at this hub: `ebb hub person new %s`",
                    visit->shown, visit->shown);
    }
    TRY(found);
    visit->caller.rights = row.rights;
    return STATUS_OK;
}

static status find_session(struct visit *visit, struct database *database, struct error *err) {
    struct session_visit shown = {
        .id = visit->session, .source = slice_of(visit->caller.source), .now_ms = visit->now_ms};
    const status found = session_rows_find(database, &shown, &visit->caller, err);
    visit->seen_ms = shown.seen_ms;
    visit->stolen = shown.stolen;
    return found;
}

static status look(struct reader_errand *errand, struct database *database, struct error *err) {
    struct visit *visit = (struct visit *)errand;
    switch (visit->proof) {
    case BY_TOKEN:
        return find_token(visit, database, err);
    case BY_PROXY:
        return find_by_proxy(visit, database, err);
    case BY_COOKIE:
        return find_session(visit, database, err);
    default:
        return fail(err, STATUS_DENIED,
                    "log in first, or show a token (Authorization: Bearer ...; `ebb hub access new "
                    "NAME --may read` makes one)");
    }
}

/* --- what a request shows --- */

/* An address of a list with commas. */
static bool is_listed(struct slice list, struct slice address) {
    while (list.count > 0) {
        const size_t end = slice_find(list, ',');
        if (slice_equal(slice_trim(slice_part(list, 0, end)), address)) {
            return true;
        }
        list = slice_part(list, end + 1, list.count);
    }
    return false;
}

static bool is_from_proxy(const struct guard *guard, const struct http_request *request) {
    const struct hub_proxy *proxy = guard->options.proxy;
    char source[HTTP_SOURCE_BYTES];
    http_source(request, source);
    return proxy->header.count > 0 && is_listed(proxy->from, slice_of(source));
}

void guard_source(const struct guard *guard, const struct http_request *request,
                  char out_source[CALLER_SOURCE_BYTES]) {
    struct slice said = slice_of(http_header(request, "X-Forwarded-For"));
    char source[HTTP_SOURCE_BYTES];
    http_source(request, source);
    if (!is_from_proxy(guard, request) || said.count == 0) {
        said = slice_of(source);
    }
    size_t comma = slice_find(said, ',');
    while (comma < said.count) { /* the last is who the proxy saw */
        said = slice_part(said, comma + 1, said.count);
        comma = slice_find(said, ',');
    }
    (void)snprintf(out_source, CALLER_SOURCE_BYTES, "%.*s",
                   SLICE_ARGS(slice_part(slice_trim(said), 0, CALLER_SOURCE_BYTES - 1)));
}

static const char *cookie_name(const struct guard *guard) {
    return guard->options.is_secure ? "__Host-ebb" : "ebb";
}

static struct slice token_of(const struct http_request *request) {
    static const char BEARER[] = "Bearer ";
    const struct slice bearer = slice_of(http_header(request, "Authorization"));
    return slice_starts(bearer, BEARER)
               ? slice_trim(slice_part(bearer, sizeof(BEARER) - 1, bearer.count))
               : slice_trim(slice_of(http_header(request, "X-Api-Token")));
}

static void keep_shown(struct visit *visit, enum proof proof, struct slice text) {
    visit->proof = proof;
    (void)snprintf(visit->shown, sizeof(visit->shown), "%.*s",
                   SLICE_ARGS(slice_part(text, 0, sizeof(visit->shown) - 1)));
}

/* Who it says that this is; empty: nobody, or it is not believed. */
static struct slice said_by_proxy(const struct guard *guard, const struct http_request *request) {
    char name[HEADER_BYTES];
    const struct slice header = guard->options.proxy->header;
    if (!is_from_proxy(guard, request) || header.count >= HEADER_BYTES) {
        return SLICE("");
    }
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGS(header));
    return slice_of(http_header(request, name));
}

static void see(struct visit *visit) {
    const struct http_request *request = visit->request;
    const struct guard *guard = visit->guard;
    const struct slice token = token_of(request);
    const struct slice cookie = slice_of(http_cookie(request, cookie_name(guard)));
    const struct slice said = said_by_proxy(guard, request);
    if (said.count > 0) {
        keep_shown(visit, BY_PROXY, said);
    } else if (token.count > 0) {
        keep_shown(visit, BY_TOKEN, token);
    } else if (cookie.count > 0) {
        visit->proof = BY_COOKIE;
        visit->session = session_id(cookie);
    }
}

void guard_ask(struct guard *guard, struct http_request *request) {
    struct error err;
    char source[CALLER_SOURCE_BYTES];
    guard_source(guard, request, source);
    const int64_t wait_ms =
        attempts_wait_ms(guard->options.attempts, slice_of(source), steady_ms());
    struct visit *visit = wait_ms <= 0 ? memory_new(1, sizeof(*visit)) : NULL;
    if (visit == NULL) {
        (void)fail(&err, STATUS_BUSY, "too many wrong passwords or tokens came from %s: wait",
                   source);
        http_retry_after(request, (int)(wait_ms / MS_PER_S) + 1);
        hub_answer_error_as(request, TOO_MANY, &err);
        return;
    }
    visit->errand = (struct reader_errand){.look = look, .done = looked, .dropped = dropped};
    visit->guard = guard;
    visit->request = request;
    visit->now_ms = clock_wall_ms();
    (void)snprintf(visit->caller.source, sizeof(visit->caller.source), "%s", source);
    see(visit);
    reader_run(guard->options.reader, &visit->errand);
}

/* "http://hub.example:8080" ends with "://" and the host. */
static bool is_own(struct slice origin, struct slice host) {
    static const char MARK[] = "://";
    const size_t head = origin.count > host.count ? origin.count - host.count : 0;
    return host.count > 0 && slice_equal(slice_part(origin, head, origin.count), host) &&
           head > sizeof(MARK) - 1 &&
           slice_is(slice_part(origin, head - (sizeof(MARK) - 1), head), MARK);
}

status guard_check_origin(const struct guard *guard, const struct http_request *request,
                          struct error *err) {
    const struct slice origin = slice_of(http_header(request, "Origin"));
    const struct slice site = slice_of(http_header(request, "Sec-Fetch-Site"));
    const struct slice forwarded = is_from_proxy(guard, request)
                                       ? slice_of(http_header(request, "X-Forwarded-Host"))
                                       : SLICE("");
    const struct slice host =
        forwarded.count > 0 ? forwarded : slice_of(http_header(request, "Host"));
    if (is_own(origin, host) && (site.count == 0 || slice_is(site, "same-origin"))) {
        return STATUS_OK;
    }
    return fail(err, STATUS_DENIED,
                "this request comes from another page ('%.*s'), not from this hub's own",
                SLICE_ARGS(slice_part(origin, 0, 80)));
}

void guard_set_cookie(const struct guard *guard, struct http_request *request, const char *secret) {
    char text[COOKIE_BYTES];
    (void)snprintf(text, sizeof(text), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
                   cookie_name(guard), secret != NULL ? secret : "",
                   guard->options.is_secure ? "; Secure" : "", secret != NULL ? "" : "; Max-Age=0");
    http_answer_header(request, "Set-Cookie", text);
}

/* --- birth and end --- */

status guard_create(const struct guard_options *options, struct guard **out_guard,
                    struct error *err) {
    struct guard *guard = memory_new(1, sizeof(*guard));
    if (guard == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the people's port");
    }
    guard->options = *options;
    *out_guard = guard;
    return STATUS_OK;
}

void guard_destroy(struct guard *guard) {
    memory_free(guard);
}
