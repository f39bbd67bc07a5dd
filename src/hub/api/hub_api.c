// SPDX-License-Identifier: Apache-2.0
#include "hub/api/hub_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "hub/api/hub_desk.h"
#include "hub/api/hub_health.h"
#include "hub/api/hub_metrics.h"
#include "hub/api/hub_status.h"
#include "hub/api/workflows.h"
#include "hub/backups.h"
#include "hub/hub_answer.h"
#include "hub/hub_call.h"
#include "hub/people/deed_note.h"
#include "hub/people_port.h"
#include "hub/query/questions.h"
#include "hub/queue_import.h"
#include "hub/store/hub_results.h"
#include "hub/store/hub_retention.h"
#include "hub/tails.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "wire/queue_file.h"

enum { LIMIT_DEFAULT = 20, ANSWER_BYTES_MAX = 64 << 10 };

struct hub_api {
    struct hub_daemon *hub; /* not owned */
    struct http_server *server;
};

/* --- results --- */

static status look_at_results(const void *question, struct database *database, struct buffer *out,
                              struct error *err) {
    return hub_results_list(database, question, out, err);
}

static status look_at_result(const void *question, struct database *database, struct buffer *out,
                             struct error *err) {
    const struct id *id = question;
    return hub_results_get(database, *id, out, err);
}

static status read_word(const struct http_request *request, const char *name,
                        char out_word[HUB_RESULTS_WORD_BYTES], struct error *err) {
    const char *text = http_query(request, name);
    const int count = snprintf(out_word, HUB_RESULTS_WORD_BYTES, "%s", text != NULL ? text : "");
    return count < HUB_RESULTS_WORD_BYTES ? STATUS_OK
                                          : fail(err, STATUS_INVALID, "%s has at most %d bytes",
                                                 name, HUB_RESULTS_WORD_BYTES - 1);
}

static status read_number(const struct http_request *request, const char *name, int64_t most,
                          int64_t otherwise, int64_t *out_number, struct error *err) {
    const char *text = http_query(request, name);
    *out_number = otherwise;
    if (text == NULL || text[0] == '\0') {
        return STATUS_OK;
    }
    char *end = NULL;
    const long long number = strtoll(text, &end, 10);
    if (*end != '\0' || number < 0 || number > most) {
        return fail(err, STATUS_INVALID, "%s=%.40s is no whole number from 0 to %lld", name, text,
                    (long long)most);
    }
    *out_number = number;
    return STATUS_OK;
}

static status read_query(const struct http_request *request, struct hub_results_query *query,
                         struct error *err) {
    int64_t limit = 0;
    const char *before = http_query(request, "before");
    const struct slice lane = slice_of(http_query(request, "lane"));
    TRY(read_word(request, "workflow", query->workflow, err));
    TRY(read_word(request, "name", query->name, err));
    TRY(read_word(request, "device", query->device, err));
    TRY(read_word(request, "label", query->label, err));
    query->lane = lane.count > 0 ? lane_from_name(lane) : LANE_COUNT;
    if (lane.count > 0 && query->lane == LANE_COUNT) {
        return fail(err, STATUS_INVALID, "no lane is called '%.*s'",
                    SLICE_ARGS(slice_part(lane, 0, 40)));
    }
    TRY(read_number(request, "limit", HUB_RESULTS_MAX, LIMIT_DEFAULT, &limit, err));
    TRY(read_number(request, "since", INT64_MAX, 0, &query->since_ms, err));
    TRY(read_number(request, "until", INT64_MAX, 0, &query->until_ms, err));
    TRY(read_number(request, "after", INT64_MAX, 0, &query->after_number, err));
    query->is_since = http_query(request, "after") != NULL;
    query->limit = (int)limit;
    if (before != NULL && before[0] != '\0' && !hub_results_read_key(query, before)) {
        return fail(err, STATUS_INVALID, "before=%.40s is no `next` of a page", before);
    }
    return limit > 0 ? STATUS_OK : fail(err, STATUS_INVALID, "limit is at least 1");
}

static void get_results(struct hub_api *api, struct http_request *request, struct slice item) {
    struct hub_results_query query = {.limit = 0};
    struct error err;
    struct id id;
    if (item.count > 0) {
        if (!id_read(item, &id)) {
            (void)fail(&err, STATUS_INVALID, "'%.*s' is no id of a result",
                       SLICE_ARGS(slice_part(item, 0, 60)));
            hub_answer_error(request, &err);
            return;
        }
        reader_ask(api->hub->reader, request, look_at_result, &id, sizeof(id));
    } else if (read_query(request, &query, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
    } else {
        reader_ask(api->hub->reader, request, look_at_results, &query, sizeof(query));
    }
}

static void get_tail(struct hub_api *api, struct http_request *request) {
    struct hub_results_query filter = {.limit = 0};
    struct error err;
    if (read_query(request, &filter, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
    } else {
        tails_take(api->hub->tails, &filter, request);
    }
}

/* --- routing --- */

/* "/v1/results" and what is behind it; false: another path. */
static bool is_at(struct slice path, const char *resource, struct slice *out_item) {
    const size_t count = strlen(resource);
    *out_item = slice_part(path, count + 1, path.count);
    return slice_starts(path, resource) && (path.count == count || path.bytes[count] == '/');
}

static bool read_own(struct hub_api *api, struct http_request *request) {
    struct slice item;
    if (slice_is(request->path, "/v1/tail")) {
        get_tail(api, request);
    } else if (is_at(request->path, "/v1/results", &item)) {
        get_results(api, request, item);
    } else if (slice_is(request->path, "/v1/status")) {
        hub_status_take(api->hub, request);
    } else if (slice_is(request->path, "/v1/health")) {
        hub_health_take(api->hub, request);
    } else if (slice_is(request->path, "/v1/destinations")) {
        hub_status_take_destinations(api->hub, request);
    } else if (slice_is(request->path, "/metrics")) {
        hub_metrics_take(api->hub, request);
    } else if (slice_is(request->path, "/healthz")) {
        http_answer(request, 200, "application/json", SLICE("{\"status\":\"ok\"}\n"));
    } else {
        return false;
    }
    return true;
}

/* What is for admins, whatever is done with it. */
static bool take_upkeep(struct hub_api *api, struct http_request *request) {
    const bool posts = slice_is(request->method, "POST");
    if (slice_is(request->path, "/v1/queue") && posts) {
        queue_import_take(api->hub->ingest, api->hub->authority, request);
        return true;
    }
    if (slice_is(request->path, "/v1/backup") && (posts || slice_is(request->method, "GET"))) {
        backups_take(api->hub->backups, request);
        return true;
    }
    return false;
}

static bool is_upkeep(const struct http_request *request) {
    return slice_is(request->path, "/v1/queue") || slice_is(request->path, "/v1/backup");
}

static void answer_who(const struct caller *caller, struct http_request *request) {
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, ANSWER_BYTES_MAX);
    caller_write(caller, &out);
    hub_answer_json(request, 200, &out);
}

/* What is no transaction of its own; of all others hub_desk writes the deed. */
static bool is_noted(const struct http_request *request) {
    return slice_is(request->method, "POST") &&
           (slice_is(request->path, "/v1/backup") || slice_starts(request->path, "/v1/blobs/"));
}

/* Somebody may do it. */
static void do_it(struct hub_api *api, struct http_request *request, const struct caller *caller) {
    const struct hub_workflows workflows = {.reader = api->hub->reader,
                                            .reports = api->hub->reports,
                                            .attachments = api->hub->attachments};
    const bool reads = slice_is(request->method, "GET");
    struct error err;
    if (is_noted(request)) {
        deed_note(api->hub->ingest, caller, request);
    }
    if (!take_upkeep(api, request) && !(reads && read_own(api, request)) &&
        !hub_workflows_take(&workflows, request) &&
        !hub_desk_take(api->hub->desk, HUB_REGISTRY_ROUTES, caller, request)) {
        (void)fail(&err, STATUS_NOT_FOUND, "no resource at %.*s",
                   SLICE_ARGS(slice_part(request->path, 0, 200)));
        hub_answer_error(request, &err);
    }
}

void hub_api_take(struct hub_api *api, struct http_request *request, const struct caller *caller) {
    struct error err;
    const bool reads = slice_is(request->method, "GET");
    const bool asks =
        slice_is(request->path, "/v1/query") && (reads || slice_is(request->method, "POST"));
    const enum right right = is_upkeep(request) ? RIGHT_ADMIN
                             : reads || asks    ? RIGHT_READ
                                                : RIGHT_OPERATE;
    if (slice_is(request->path, "/v1/me") && reads) {
        answer_who(caller, request);
    } else if (caller_needs(caller, right, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
    } else if (asks) {
        questions_take(api->hub->questions, request);
    } else {
        do_it(api, request, caller);
    }
}

/* --- the socket --- */

static void handle(void *owner, struct http_request *request) {
    const bool may_change = request->peer_user == 0 || request->peer_user == geteuid();
    struct caller caller = {.rights = may_change ? ROLE_ADMIN : ROLE_VIEWER};
    (void)snprintf(caller.name, sizeof(caller.name), "local:%u", (unsigned)request->peer_user);
    hub_api_take(owner, request, &caller);
}

status hub_api_open(struct hub_daemon *hub, const char *socket_path, struct hub_api **out_api,
                    struct error *err) {
    struct hub_api *api = memory_new(1, sizeof(*api));
    if (api == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the API");
    }
    api->hub = hub;
    const struct http_options options = {.socket_path = socket_path,
                                         .mode = 0660,
                                         .body_bytes_max = QUEUE_SECTION_BYTES_MAX,
                                         .handler = handle,
                                         .owner = api};
    const status code = http_server_open(hub->loop, &options, &api->server, err);
    if (code != STATUS_OK) {
        memory_free(api);
        return code;
    }
    *out_api = api;
    return STATUS_OK;
}

void hub_api_close(struct hub_api *api) {
    if (api != NULL) {
        http_server_destroy(api->server);
        memory_free(api);
    }
}
