// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/api.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time.h"
#include "platform/http_error.h"
#include "platform/json.h"

enum { METHOD_NOT_ALLOWED = 405 };

struct api {
    struct daemon *daemon; /* not owned */
    struct http_server *server;
    struct api_posting *postings[API_POSTINGS_MAX];
    uint32_t posting_count;
};

/* What a resource knows: itself, what is called ITEM below it, and what is below that. NULL: there
 * is no such thing. HEAD comes as GET. */
struct route {
    const char *path;
    const char *methods, *item_methods, *verb_methods;
    void (*handle)(struct api_call *call);
};

static const struct route ROUTES[] = {
    {"/healthz", "GET", NULL, NULL, api_health},
    {"/readyz", "GET", NULL, NULL, api_ready},
    {"/metrics", "GET", NULL, NULL, api_metrics},
    {"/v1/me", "GET", NULL, NULL, api_me},
    {"/v1/status", "GET", NULL, NULL, api_status},
    {"/v1/agents", "GET", "GET", NULL, api_agents},
    {"/v1/workflows", "GET, POST", "GET, DELETE", "POST", api_workflows},
    {"/v1/blobs", NULL, "GET", NULL, api_blobs},
    {"/v1/results", "GET", "GET", NULL, api_results},
    {"/v1/events", "GET", "GET", NULL, api_events},
    {"/v1/runs", "GET", "GET", "POST", api_runs},
    {"/v1/queue", "GET", "GET", NULL, api_queue},
    {"/v1/destinations", "GET", NULL, NULL, api_destinations},
    {"/v1/sync", "GET", "POST", NULL, api_sync},
    {"/v1/reload", "POST", NULL, NULL, api_reload},
    {"/v1/apply", "POST", NULL, NULL, api_apply},
    {"/v1/logs", "GET", NULL, NULL, api_logs},
};

void api_refuse_with(struct api_call *call, int code, const struct error *err) {
    http_error_answer_as(call->request, code, err);
}

void api_refuse(struct api_call *call, const struct error *err) {
    http_error_answer(call->request, err);
}

void api_answer(struct api_call *call, const struct buffer *json) {
    struct error err;
    if (buffer_status(json, &err) != STATUS_OK) {
        (void)fail_while(&err, "write the answer");
        api_refuse(call, &err);
        return;
    }
    http_answer(call->request, 200, "application/json", buffer_slice(json));
}

status api_number(const struct api_call *call, const char *name, uint64_t otherwise,
                  uint64_t *out_number, struct error *err) {
    const char *text = http_query(call->request, name);
    *out_number = otherwise;
    if (text == NULL || text[0] == '\0') {
        return STATUS_OK;
    }
    char *end = NULL;
    const unsigned long long number = strtoull(text, &end, 10);
    if (end == NULL || *end != '\0' || text[0] == '-') {
        return fail(err, STATUS_INVALID, "%s=%.40s is no whole number", name, text);
    }
    *out_number = number;
    return STATUS_OK;
}

void api_write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, "\"%s\":", name);
    json_write_text(out, text);
}

void api_write_time(struct buffer *out, const char *name, int64_t wall_ms) {
    char text[TIME_TEXT_BYTES];
    time_write(wall_ms, text);
    buffer_print(out, "\"%s\":\"%s\"", name, text);
}

/* --- reads that the store answers --- */
struct api_reading {
    struct store_read read; /* first */
    struct api_call call;
    void (*wrap)(struct api_call *call, const struct store_read *read, struct buffer *out);
    char workflow[128], name[128]; /* what the filters point at */
};

static void read_done(struct store_read *read) {
    struct api_reading *reading = (struct api_reading *)read;
    if (read->error.code != STATUS_OK) {
        api_refuse(&reading->call, &read->error);
    } else {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, API_ANSWER_BYTES_MAX);
        reading->wrap(&reading->call, read, &json);
        api_answer(&reading->call, &json);
    }
    buffer_done(&read->out);
    memory_free(reading);
}

static struct slice keep(char *room, size_t room_bytes, struct slice text) {
    const struct slice cut = slice_part(text, 0, room_bytes - 1);
    if (cut.count > 0) {
        (void)memcpy(room, cut.bytes, cut.count);
    }
    room[cut.count] = '\0';
    return (struct slice){.bytes = room, .count = cut.count};
}

void api_read(struct api_call *call, const struct store_read *read,
              void (*wrap)(struct api_call *call, const struct store_read *read,
                           struct buffer *out)) {
    struct api_reading *reading = memory_new(1, sizeof(*reading));
    if (reading == NULL) {
        struct error err;
        (void)fail(&err, STATUS_NO_MEMORY, "out of memory for a listing");
        api_refuse(call, &err);
        return;
    }
    *reading = (struct api_reading){.read = *read, .call = *call, .wrap = wrap};
    reading->read.workflow = keep(reading->workflow, sizeof(reading->workflow), read->workflow);
    reading->read.name = keep(reading->name, sizeof(reading->name), read->name);
    reading->read.done = read_done;
    buffer_init(&reading->read.out, STORE_READ_BYTES_MAX);
    store_read(call->daemon->store, &reading->read);
}

/* --- events that wait to be taken --- */

bool api_posting_came(struct api *api, struct api_posting *posting) {
    if (api->posting_count == API_POSTINGS_MAX) {
        return false;
    }
    api->postings[api->posting_count++] = posting;
    return true;
}

void api_posting_left(struct api *api, const struct api_posting *posting) {
    for (uint32_t i = 0; i < api->posting_count; i++) {
        if (api->postings[i] == posting) {
            api->postings[i] = api->postings[--api->posting_count];
            return;
        }
    }
}

/* --- routing --- */

static const struct route *find_route(struct slice path, struct slice *out_rest) {
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        const size_t count = strlen(ROUTES[i].path);
        *out_rest = slice_part(path, count, path.count);
        if (slice_starts(path, ROUTES[i].path) &&
            (out_rest->count == 0 || out_rest->bytes[0] == '/')) {
            return &ROUTES[i];
        }
    }
    return NULL;
}

/* The methods of what was asked for; NULL when there is no such resource. */
static const char *find_methods(struct api_call *call, const struct route *route,
                                struct slice rest) {
    const bool is_below = rest.count > 0;
    rest = slice_part(rest, 1, rest.count);
    const size_t end = slice_find(rest, '/');
    call->item = slice_part(rest, 0, end);
    call->verb = slice_part(rest, end + 1, rest.count);
    if (call->verb.count > 0) {
        return route->verb_methods;
    }
    if (call->item.count > 0) {
        return route->item_methods;
    }
    return is_below && route->item_methods == NULL ? NULL : route->methods;
}

static bool knows(const char *methods, struct slice method) {
    const char *found = memmem(methods, strlen(methods), method.bytes, method.count);
    const char end = found != NULL && method.count > 0 ? found[method.count] : 'x';
    return (end == ',' || end == '\0') && (found == methods || found[-1] == ' ');
}

/* An event is news for a workflow and changes nothing here: it is taken from the whole group. */
static bool is_event(const struct api_call *call, const struct route *route) {
    return route->handle == api_workflows && slice_is(call->verb, "events");
}

static bool may_change(const struct http_request *request) {
    return request->peer_user == 0 || request->peer_user == geteuid();
}

static void handle(void *owner, struct http_request *request) {
    struct api *api = owner;
    struct api_call call = {.api = api, .daemon = api->daemon, .request = request};
    struct slice rest;
    struct error err;
    const struct route *route = find_route(request->path, &rest);
    const char *methods = route != NULL ? find_methods(&call, route, rest) : NULL;
    if (methods == NULL) {
        (void)fail(&err, STATUS_NOT_FOUND, "no resource at %.*s", SLICE_ARGS(request->path));
        api_refuse(&call, &err);
        return;
    }
    if (!knows(methods, request->method)) {
        (void)fail(&err, STATUS_INVALID, "%.*s knows %s", SLICE_ARGS(request->path), methods);
        api_refuse_with(&call, METHOD_NOT_ALLOWED, &err);
        return;
    }
    if (!slice_is(request->method, "GET") && !is_event(&call, route) && !may_change(request)) {
        (void)fail(&err, STATUS_DENIED,
                   "only root and the daemon's own user may change things here");
        api_refuse(&call, &err);
        return;
    }
    route->handle(&call);
}

status api_create(struct daemon *daemon, const char *socket_path, struct api **out_api,
                  struct error *err) {
    struct api *api = memory_new(1, sizeof(*api));
    if (api == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the API");
    }
    api->daemon = daemon;
    const status code =
        http_server_create(daemon->loop, socket_path, 0660, handle, api, &api->server, err);
    if (code != STATUS_OK) {
        memory_free(api);
        return code;
    }
    *out_api = api;
    return STATUS_OK;
}

void api_destroy(struct api *api) {
    if (api != NULL) {
        while (api->posting_count > 0) {
            api_posting_drop(api->postings[--api->posting_count]);
        }
        http_server_destroy(api->server);
        memory_free(api);
    }
}
