// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/http_agent.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agents/adapters/edge_agent_adapter.h"
#include "agents/manifest_http.h"
#include "base/memory.h"
#include "platform/http_client.h"
#include "platform/http_headers.h"
#include "platform/json.h"

struct agent {
    const struct agent_manifest *manifest; /* not owned */
    struct edge_adapter adapter;
    struct http_client *client; /* owned */
};

/* A call under way; in the call's arena. */
struct asked {
    struct agent *agent;
    struct agent_call *call;
    struct http_exchange *exchange; /* NULL: it has been answered */
};

/* --- the request --- */

static void add_encoded(struct buffer *out, struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        const unsigned char c = (unsigned char)text.bytes[i];
        if (isalnum(c) || strchr("-._~", c) != NULL) {
            buffer_add_byte(out, c);
        } else {
            buffer_print(out, "%%%02X", c);
        }
    }
}

/* Text as it stands, anything else as JSON; what is null is left out. */
static void add_query(struct buffer *url, struct value with) {
    char joint = slice_find(buffer_slice(url), '?') < url->count ? '&' : '?';
    for (uint32_t i = 0; i < with.count; i++) {
        const struct member *member = &with.members[i];
        if (member->value.kind == VALUE_NULL) {
            continue;
        }
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, HTTP_URL_BYTES_MAX);
        if (member->value.kind == VALUE_TEXT) {
            buffer_add(&json, value_text(member->value));
        } else {
            json_write(&json, member->value);
        }
        if (json.failed != STATUS_OK) {
            buffer_fail(url, json.failed);
        }
        buffer_add_byte(url, (uint8_t)joint);
        add_encoded(url, member->name);
        buffer_add_byte(url, '=');
        add_encoded(url, buffer_slice(&json));
        joint = '&';
    }
}

static bool has_body(const struct agent_manifest *manifest) {
    return strcmp(manifest->method, "GET") != 0 && strcmp(manifest->method, "DELETE") != 0;
}

/* The manifest's headers and the call's own. */
static status gather_headers(const struct agent_manifest *manifest, const struct agent_call *call,
                             struct http_headers *headers, struct error *err) {
    char key[ID_HEX_BYTES + 1];
    id_write_hex(call->key, key);
    char own[sizeof "Idempotency-Key: " + ID_HEX_BYTES];
    (void)snprintf(own, sizeof own, "Idempotency-Key: %s", key);
    for (uint32_t i = 0; i < manifest->header_count; i++) {
        TRY(http_headers_add(headers, manifest->headers[i].text, manifest->headers[i].secret, err));
    }
    return http_headers_add(headers, slice_of(own), (struct slice){0}, err);
}

static status write_request(const struct agent_manifest *manifest, struct value with,
                            struct buffer *url, struct buffer *body, struct error *err) {
    buffer_add(url, manifest->url);
    if (has_body(manifest)) {
        json_write(body, with);
    } else {
        add_query(url, with);
    }
    if (buffer_status(url, err) != STATUS_OK) {
        return fail_while(err, "the URL with its inputs");
    }
    return buffer_status(body, err) == STATUS_OK ? STATUS_OK : fail_while(err, "its inputs");
}

static void take_answer(void *owner, const struct http_answer *answer);

static status ask(struct agent *agent, struct asked *asked, struct error *err) {
    const struct agent_manifest *manifest = agent->manifest;
    CLEANUP(buffer_done) struct buffer url;
    buffer_init(&url, HTTP_URL_BYTES_MAX - 1);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, HTTP_AGENT_BODY_BYTES_MAX);
    TRY(write_request(manifest, asked->call->with, &url, &body, err));
    CLEANUP(http_headers_done) struct http_headers headers = {0};
    TRY(gather_headers(manifest, asked->call, &headers, err));
    const struct http_question question = {
        .method = manifest->method,
        .path = buffer_slice(&url),
        .body = buffer_slice(&body),
        .headers = headers.list,
        .proxy = manifest->proxy.count > 0 ? manifest->proxy.bytes : NULL,
        .ca_file = manifest->ca_file.count > 0 ? manifest->ca_file.bytes : NULL,
        .once = asked->call->once,
    };
    const struct http_asker asker = {.answered = take_answer,
                                     .owner = asked,
                                     .answer_bytes_max = (size_t)manifest->output_bytes};
    return http_client_ask(agent->client, &question, &asker, &asked->exchange, err);
}

/* --- the answer --- */

static status class_of_code(int code) {
    switch (code) {
    case 401:
    case 403:
    case 407:
        return STATUS_DENIED;
    case 408:
        return STATUS_TIMEOUT;
    case 429:
    case 503:
        return STATUS_BUSY;
    default:
        return code >= 500 ? STATUS_CRASH : STATUS_INVALID;
    }
}

static void refuse(const struct agent *agent, struct agent_call *call,
                   const struct http_answer *answer) {
    const struct agent_manifest *manifest = agent->manifest;
    if (answer->place[0] != '\0') {
        (void)fail(&call->error, STATUS_INVALID,
                   "agent '%.*s' answered %d: it lies at '%.200s' now; redirects are not followed, "
                   "`url` is to name that",
                   SLICE_ARGS(manifest->name), answer->code, answer->place);
        return;
    }
    char quote[ADAPTER_QUOTE_BYTES];
    edge_adapter_quote(answer->body, quote);
    call->retry_after_ms = answer->retry_after_ms < HTTP_AGENT_RETRY_AFTER_MS_MAX
                               ? answer->retry_after_ms
                               : HTTP_AGENT_RETRY_AFTER_MS_MAX;
    (void)fail(&call->error, class_of_code(answer->code), "agent '%.*s' answered %d%s%s",
               SLICE_ARGS(manifest->name), answer->code, quote[0] != '\0' ? ": " : "", quote);
}

/* No answer came. That the line broke is OFFLINE only where nothing had gone out. */
static void explain(const struct agent *agent, struct agent_call *call,
                    const struct http_answer *answer) {
    const struct agent_manifest *manifest = agent->manifest;
    call->error = answer->error;
    if (answer->error.code == STATUS_FULL) {
        (void)fail(&call->error, STATUS_INVALID, "%.200s (limits.output)", answer->error.text);
    } else if (answer->error.code == STATUS_CORRUPT) {
        call->error.code = STATUS_INVALID;
    } else if (answer->error.code == STATUS_OFFLINE && answer->sent) {
        call->error.code = STATUS_CRASH;
    }
    (void)fail_while(&call->error, "ask agent '%.*s'", SLICE_ARGS(manifest->name));
}

static void take_answer(void *owner, const struct http_answer *answer) {
    struct asked *asked = owner;
    struct agent *agent = asked->agent;
    struct agent_call *call = asked->call;
    asked->exchange = NULL;
    if (answer->error.code != STATUS_OK) {
        explain(agent, call, answer);
    } else if (answer->code < 200 || answer->code >= 300) {
        refuse(agent, call, answer);
    } else {
        /* Nothing at all is a good answer of a service that only does something. */
        const struct slice body = answer->body.count > 0 ? answer->body : SLICE("{}");
        (void)edge_adapter_answer(&agent->adapter, call, body); /* either way the call ends so */
    }
    edge_adapter_end(&agent->adapter, call);
}

/* --- calls --- */

static void begin_calls(struct agent *agent) {
    struct edge_adapter *adapter = &agent->adapter;
    while (adapter->waiting.count > 0 && adapter->running.count < HTTP_AGENT_CALLS_MAX) {
        struct agent_call *call = edge_adapter_begin(adapter);
        struct error why;
        struct asked *asked = arena_get(call->arena, 1, sizeof *asked);
        status code = STATUS_OK;
        if (asked == NULL) {
            code = fail(&why, STATUS_NO_MEMORY, "out of memory");
        } else {
            *asked = (struct asked){.agent = agent, .call = call};
            call->agent_private = asked;
            code = ask(agent, asked, &why);
        }
        if (code != STATUS_OK) {
            (void)fail_while(&why, "ask agent '%.*s'", SLICE_ARGS(agent->manifest->name));
            edge_adapter_fail(adapter, call, &why);
        }
    }
}

static void take_turn(void *owner) {
    begin_calls(owner);
}

static void take_stop(void *owner, struct agent_call *call) {
    const struct agent *agent = owner;
    const struct asked *asked = call->agent_private;
    if (call->error.code == STATUS_TIMEOUT && !http_exchange_is_sent(asked->exchange)) {
        (void)fail(&call->error, STATUS_OFFLINE, "ask agent '%.*s': no connection in time",
                   SLICE_ARGS(agent->manifest->name));
    }
    http_exchange_cancel(asked->exchange);
}

static void take_ring(void *owner, int64_t now_ns) {
    (void)owner; /* it has no moments of its own */
    (void)now_ns;
}

static const struct edge_adapter_events ADAPTER_EVENTS = {
    .stop = take_stop, .turn = take_turn, .rung = take_ring};

static void http_agent_close(struct agent *agent) {
    if (agent == NULL) {
        return;
    }
    http_client_destroy(agent->client);
    edge_adapter_close(&agent->adapter);
    memory_free(agent);
}

static status http_agent_open(struct loop *loop, const struct agent_manifest *manifest,
                              struct agent **out_agent, struct error *err) {
    struct agent *agent = memory_new(1, sizeof *agent);
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    agent->manifest = manifest;
    status code = edge_adapter_open(&agent->adapter, loop, manifest, &ADAPTER_EVENTS, agent, err);
    if (code == STATUS_OK) {
        code = http_client_create(loop, &agent->client, err);
    }
    if (code != STATUS_OK) {
        http_agent_close(agent);
        return code;
    }
    *out_agent = agent;
    return STATUS_OK;
}

static status http_agent_check(const struct agent_manifest *manifest, struct error *err) {
    (void)manifest; /* it has said all; what it needs is the machine's */
    return http_client_check(err);
}

static void http_agent_run(struct agent *agent, struct agent_call *call) {
    call->retry_after_ms = 0;
    edge_adapter_take(&agent->adapter, call);
    begin_calls(agent);
}

static void http_agent_cancel(struct agent *agent, struct agent_call *call) {
    edge_adapter_cancel(&agent->adapter, call);
}

static void http_agent_requirements(const struct agent *agent,
                                    struct agent_requirements *out_requirements) {
    agent_requirements_of(agent->manifest, out_requirements);
}

const struct agent_kind HTTP_AGENT = {.name = "http",
                                      .place = AGENT_ON_LOOP,
                                      .check = http_agent_check,
                                      .open = http_agent_open,
                                      .run = http_agent_run,
                                      .cancel = http_agent_cancel,
                                      .close = http_agent_close,
                                      .requirements = http_agent_requirements};
