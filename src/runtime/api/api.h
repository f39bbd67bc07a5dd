/*
 * api: the local API: HTTP and JSON on a Unix socket, a row for each resource.
 *
 * Reading, and posting events, is for whoever may open the socket (its group); changing is for
 * root and the daemon's own user. A handler answers from memory, or gives the request to the
 * store's reader and is called again. Errors are {"error":{"class","text"}}; a method that a
 * resource does not know is 405. Version: /v1.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "platform/http_server.h"
#include "runtime/daemon.h"

enum {
    API_ANSWER_BYTES_MAX = 16 << 20,
    API_POSTINGS_MAX = HTTP_CONNECTIONS_MAX - 8 /* that wait at once: others must be heard, too */
};

struct api;

struct api_call {
    struct api *api;
    struct daemon *daemon;
    struct http_request *request;
    struct slice item, verb; /* of /v1/NOUN/ITEM/VERB; empty where there is none */
};

status api_create(struct daemon *daemon, const char *socket_path, struct api **out_api,
                  struct error *err);
void api_destroy(struct api *api);

/* Answers with JSON and 200; with a failed buffer, with 500. */
void api_answer(struct api_call *call, const struct buffer *json);

/* Answers with the error and the HTTP code of its class, or with another code. */
void api_refuse(struct api_call *call, const struct error *err);
void api_refuse_with(struct api_call *call, int code, const struct error *err);

/* A whole number of the query, within bounds; `otherwise` when it is not given. */
status api_number(const struct api_call *call, const char *name, uint64_t otherwise,
                  uint64_t *out_number, struct error *err);

/* Asks the store's reader; `wrap` makes the answer of what was read, and the call is answered. */
struct store_read;
void api_read(struct api_call *call, const struct store_read *read,
              void (*wrap)(struct api_call *call, const struct store_read *read,
                           struct buffer *out));

/* One handler a resource. */
void api_health(struct api_call *call);
void api_ready(struct api_call *call);
void api_metrics(struct api_call *call);
void api_me(struct api_call *call);
void api_status(struct api_call *call);
void api_agents(struct api_call *call);
void api_blobs(struct api_call *call);
void api_workflows(struct api_call *call);
void api_results(struct api_call *call);
void api_runs(struct api_call *call);
void api_queue(struct api_call *call);
void api_queue_export(struct api_call *call);
void api_destinations(struct api_call *call);
void api_sync(struct api_call *call);
void api_reload(struct api_call *call);
void api_events(struct api_call *call);
void api_apply(struct api_call *call);
void api_logs(struct api_call *call);
void api_post_event(struct api_call *call);

/* Events that were posted and wait to be taken. false: there are too many. What still waits when
 * the API ends is dropped. */
struct api_posting;
bool api_posting_came(struct api *api, struct api_posting *posting);
void api_posting_left(struct api *api, const struct api_posting *posting);
void api_posting_drop(struct api_posting *posting);

/* JSON pieces that several resources show. */
void api_write_text(struct buffer *out, const char *name, struct slice text); /* "name":"text" */
void api_write_time(struct buffer *out, const char *name, int64_t wall_ms);
void api_write_workflow(struct buffer *out, const struct slot *slot);
void api_write_agent(struct buffer *out, const struct catalog_agent *agent);
void api_write_agents(struct buffer *out, const struct daemon *daemon); /* a list */
void api_write_workflows(struct buffer *out, const struct daemon *daemon);
