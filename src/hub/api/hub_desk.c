// SPDX-License-Identifier: Apache-2.0
#include "hub/api/hub_desk.h"

#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/hub_answer.h"
#include "hub/people/deed_rows.h"
#include "hub/people/kept_answer.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"

enum {
    ARENA_BYTES_MAX = 64 << 20,
    METHOD_NOT_ALLOWED = 405,
    TOO_MANY = 429,
    MS_PER_S = 1000,
    DEED_WHAT_BYTES_MAX = 512
};

static const int64_t NS_PER_MS = 1000000;

struct hub_desk {
    struct hub_desk_options options;
    struct attempts *attempts;
};

/* A request on its way to the writing or the reading thread and back. */
struct errand {
    struct ingest_job job; /* first */
    struct reader_errand reading;
    struct hub_desk *desk; /* not owned */
    struct http_request *request;
    const struct hub_route *route;
    struct arena arena;
    struct slice path; /* the arena's */
    struct hub_call call;
};

static void destroy(struct errand *errand) {
    buffer_done(&errand->call.out);
    arena_done(&errand->arena);
    memory_free(errand);
}

static void clear_answer(struct hub_call *call) {
    buffer_clear(&call->out);
    call->code = 0;
    call->is_wrong = call->has_secret = call->hides_body = false;
    call->alarm[0] = '\0';
    call->change.count = 0;
}

/* --- the writing thread --- */

static status note_deed(const struct errand *errand, struct database *database, struct error *err) {
    const struct hub_call *call = &errand->call;
    CLEANUP(buffer_done) struct buffer what;
    buffer_init(&what, DEED_WHAT_BYTES_MAX);
    buffer_print(&what, "%.*s %.*s", SLICE_ARGS(call->method),
                 SLICE_ARGS(text_cut(errand->path, DEED_WHAT_BYTES_MAX / 2)));
    const struct deed deed = {.wall_ms = call->now_ms,
                              .what = buffer_slice(&what),
                              .subject = call->item,
                              .details = call->hides_body ? SLICE("") : call->body};
    return deed_rows_put(database, &call->caller, &deed, err);
}

/* What somebody with a name asks for. */
static status do_once(struct errand *errand, struct database *database, struct error *err) {
    struct hub_call *call = &errand->call;
    bool found = false;
    if (call->key.count > 0) {
        TRY(kept_answer_find(call, errand->path, database, &found, err));
    }
    if (found) {
        return STATUS_OK;
    }
    TRY(errand->route->handle(call, database, err));
    TRY(note_deed(errand, database, err));
    return call->key.count > 0 ? kept_answer_put(call, errand->path, database, err) : STATUS_OK;
}

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct errand *errand = (struct errand *)job;
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    clear_answer(&errand->call);
    return errand->call.caller.name[0] != '\0'
               ? do_once(errand, database, err)
               : errand->route->handle(&errand->call, database, err);
}

/* --- the reading thread --- */

static struct errand *errand_of(struct reader_errand *reading) {
    return (struct errand *)(void *)((char *)reading - offsetof(struct errand, reading));
}

static status look(struct reader_errand *reading, struct database *database, struct error *err) {
    struct errand *errand = errand_of(reading);
    clear_answer(&errand->call);
    return errand->route->handle(&errand->call, database, err);
}

/* --- the loop --- */

static void count_wrong(struct hub_desk *desk, const struct hub_call *call) {
    const int64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
    if (call->is_wrong && attempts_count(desk->attempts, call->source, now_ms)) {
        log_line(LOG_WARN, "hub", "too many wrong tokens: it must wait source=%.*s",
                 SLICE_ARGS(call->source));
    }
}

static void dropped(struct reader_errand *reading) {
    destroy(errand_of(reading));
}

static void looked(struct reader_errand *reading) {
    struct errand *errand = errand_of(reading);
    if (reading->error.code != STATUS_OK) {
        hub_answer_error(errand->request, &reading->error);
    } else {
        hub_answer_json(errand->request, 200, &errand->call.out);
    }
    destroy(errand);
}

static void done(struct ingest_job *job) {
    struct errand *errand = (struct errand *)job;
    struct hub_call *call = &errand->call;
    count_wrong(errand->desk, call);
    if (job->error.code != STATUS_OK) {
        hub_answer_error(errand->request, &job->error);
        destroy(errand);
        return;
    }
    registry_take(errand->desk->options.registry, &call->change);
    if (call->alarm[0] != '\0') {
        log_line(LOG_WARN, "hub", "%s", call->alarm);
    }
    hub_answer_json(errand->request, call->code != 0 ? call->code : 200, &call->out);
    destroy(errand);
}

/* The route of a path, and what is behind it. */
static const struct hub_route *find_route(const struct hub_route *routes, struct slice path,
                                          struct slice *out_rest) {
    for (; routes->path != NULL; routes++) {
        const size_t count = strlen(routes->path);
        *out_rest = slice_part(path, count + 1, path.count);
        if (slice_starts(path, routes->path) && (path.count == count || path.bytes[count] == '/')) {
            return routes;
        }
    }
    return NULL;
}

static bool knows(const char *methods, struct slice method) {
    const char *found = memmem(methods, strlen(methods), method.bytes, method.count);
    const char end = found != NULL && method.count > 0 ? found[method.count] : 'x';
    return (end == ',' || end == '\0') && (found == methods || found[-1] == ' ');
}

static status fill_queries(struct errand *errand, struct error *err) {
    const char *const *names = errand->route->queries;
    for (size_t i = 0; names != NULL && names[i] != NULL && i < HUB_CALL_QUERIES_MAX; i++) {
        const struct slice value = slice_of(http_query(errand->request, names[i]));
        errand->call.queries[i] = arena_copy(&errand->arena, value);
        if (errand->call.queries[i].bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the request");
        }
    }
    return STATUS_OK;
}

/* Everything that the writing thread looks at is the errand's own. */
static status fill(struct errand *errand, struct slice rest, struct error *err) {
    const struct hub_desk_options *options = &errand->desk->options;
    const struct http_request *request = errand->request;
    struct http_certificate certificate;
    char source[HTTP_SOURCE_BYTES];
    struct arena *arena = &errand->arena;
    const size_t end = slice_find(rest, '/');
    http_peer_certificate(errand->request, &certificate);
    http_source(request, source);
    errand->call.authority = options->authority;
    errand->call.settings = options->settings;
    errand->call.reports = options->reports;
    errand->call.addresses = arena_copy(arena, slice_of(options->addresses));
    errand->call.arena = arena;
    errand->call.method = arena_copy(arena, request->method);
    errand->call.item = arena_copy(arena, slice_part(rest, 0, end));
    errand->call.verb = arena_copy(arena, slice_part(rest, end + 1, rest.count));
    errand->call.body = arena_copy(arena, request->body);
    errand->call.certificate = arena_copy(arena, certificate.der);
    errand->call.source = arena_copy(arena, slice_of(source));
    errand->call.key = arena_copy(arena, slice_of(http_header(request, "Idempotency-Key")));
    errand->path = arena_copy(arena, request->path);
    errand->call.now_ms = clock_wall_ms();
    return errand->call.source.bytes != NULL && errand->call.body.bytes != NULL &&
                   errand->call.certificate.bytes != NULL
               ? fill_queries(errand, err)
               : fail(err, STATUS_NO_MEMORY, "no memory for the request");
}

static status check(struct errand *errand, struct error *err) {
    const struct hub_route *route = errand->route;
    const struct hub_call *call = &errand->call;
    const char *methods = call->verb.count > 0   ? route->verb_methods
                          : call->item.count > 0 ? route->item_methods
                                                 : route->methods;
    if (methods == NULL) {
        return fail(err, STATUS_NOT_FOUND, "no resource at %.*s",
                    SLICE_ARGS(errand->request->path));
    }
    if (!knows(methods, call->method)) {
        return fail(err, STATUS_INVALID, "%.*s knows %s", SLICE_ARGS(errand->request->path),
                    methods);
    }
    return STATUS_OK;
}

/* True: the source must wait, and is told so. Only who joins can guess. */
static bool must_wait(struct errand *errand) {
    if (strcmp(errand->route->path, "/v1/enrol") != 0) {
        return false;
    }
    const int64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
    const int64_t wait_ms = attempts_wait_ms(errand->desk->attempts, errand->call.source, now_ms);
    if (wait_ms <= 0) {
        return false;
    }
    struct error err;
    const int64_t wait_s = wait_ms / MS_PER_S + 1;
    (void)fail(&err, STATUS_BUSY, "too many wrong attempts from here: try again in %lld s",
               (long long)wait_s);
    http_retry_after(errand->request, (int)wait_s);
    hub_answer_error_as(errand->request, TOO_MANY, &err);
    return true;
}

static void take(struct errand *errand, struct slice rest) {
    struct error err;
    struct http_request *request = errand->request;
    arena_init(&errand->arena, ARENA_BYTES_MAX);
    buffer_init(&errand->call.out, HUB_CALL_ANSWER_BYTES_MAX);
    status code = fill(errand, rest, &err);
    if (code == STATUS_OK && must_wait(errand)) {
        destroy(errand);
        return;
    }
    if (code == STATUS_OK) {
        code = check(errand, &err);
    }
    if (code != STATUS_OK) {
        destroy(errand);
        if (code == STATUS_INVALID) {
            hub_answer_error_as(request, METHOD_NOT_ALLOWED, &err);
        } else {
            hub_answer_error(request, &err);
        }
        return;
    }
    if (slice_is(errand->call.method, "GET")) {
        errand->reading = (struct reader_errand){.look = look, .done = looked, .dropped = dropped};
        reader_run(errand->desk->options.reader, &errand->reading);
        return;
    }
    errand->job = (struct ingest_job){.work = work, .done = done};
    ingest_run(errand->desk->options.ingest, &errand->job);
}

bool hub_desk_take(struct hub_desk *desk, const struct hub_route *routes,
                   const struct caller *caller, struct http_request *request) {
    struct slice rest;
    const struct hub_route *route = find_route(routes, request->path, &rest);
    if (route == NULL) {
        return false;
    }
    struct errand *errand = memory_new(1, sizeof(*errand));
    if (errand == NULL) {
        struct error err;
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return true;
    }
    errand->desk = desk;
    errand->request = request;
    errand->route = route;
    if (caller != NULL) {
        errand->call.caller = *caller;
    }
    take(errand, rest);
    return true;
}

status hub_desk_create(const struct hub_desk_options *options, struct hub_desk **out_desk,
                       struct error *err) {
    struct hub_desk *desk = memory_new(1, sizeof(*desk));
    if (desk == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the desk");
    }
    desk->options = *options;
    const status made = attempts_create(&desk->attempts, err);
    if (made != STATUS_OK) {
        memory_free(desk);
        return made;
    }
    *out_desk = desk;
    return STATUS_OK;
}

void hub_desk_destroy(struct hub_desk *desk) {
    if (desk != NULL) {
        attempts_destroy(desk->attempts);
        memory_free(desk);
    }
}
