// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/api.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time.h"
#include "platform/json.h"

struct api {
    struct daemon *daemon; /* not owned */
    struct http_server *server;
};

struct route {
    const char *path; /* "/v1/results" also takes what is below it */
    bool below;
    void (*handle)(struct api_call *call);
};

static const struct route ROUTES[] = {
    {"/healthz", false, api_health},    {"/readyz", false, api_ready},
    {"/metrics", false, api_metrics},   {"/v1/status", false, api_status},
    {"/v1/agents", true, api_agents},   {"/v1/workflows", true, api_workflows},
    {"/v1/results", true, api_results}, {"/v1/runs", true, api_runs},
    {"/v1/queue", true, api_queue},     {"/v1/reload", false, api_reload},
};

static int http_code(status code) {
    switch (code) {
    case STATUS_OK:
        return 200;
    case STATUS_INVALID:
        return 400;
    case STATUS_NOT_FOUND:
        return 404;
    case STATUS_CONFLICT:
        return 409;
    case STATUS_DENIED:
        return 403;
    case STATUS_BUSY:
    case STATUS_OFFLINE:
        return 503;
    case STATUS_FULL:
        return 507;
    default:
        return 500;
    }
}

void api_refuse(struct api_call *call, const struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    buffer_print(&json, "{\"error\":{\"class\":\"%s\",\"text\":", status_name(err->code));
    json_write_text(&json, slice_of(err->text));
    buffer_add_text(&json, "}}\n");
    http_answer(call->request, http_code(err->code), "application/json", buffer_slice(&json));
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

/* --- routing --- */

static const struct route *find_route(struct slice path, struct slice *out_rest) {
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
        const size_t count = strlen(ROUTES[i].path);
        *out_rest = slice_part(path, count, path.count);
        if (slice_starts(path, ROUTES[i].path) &&
            (out_rest->count == 0 || (ROUTES[i].below && out_rest->bytes[0] == '/'))) {
            return &ROUTES[i];
        }
    }
    return NULL;
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
    if (route == NULL) {
        (void)fail(&err, STATUS_NOT_FOUND, "no resource at %.*s", SLICE_ARGS(request->path));
        api_refuse(&call, &err);
        return;
    }
    const bool reads = slice_is(request->method, "GET") || slice_is(request->method, "HEAD");
    if (!reads && !may_change(request)) {
        (void)fail(&err, STATUS_DENIED,
                   "only root and the daemon's own user may change things here");
        api_refuse(&call, &err);
        return;
    }
    rest = slice_part(rest, 1, rest.count);
    const size_t end = slice_find(rest, '/');
    call.item = slice_part(rest, 0, end);
    call.verb = slice_part(rest, end + 1, rest.count);
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
        return fail_while(err, "listen on %s", socket_path);
    }
    *out_api = api;
    return STATUS_OK;
}

void api_destroy(struct api *api) {
    if (api != NULL) {
        http_server_destroy(api->server);
        memory_free(api);
    }
}
