/*
 * hub_call: one request about devices, tokens, people and so on, taken whole to the writing thread
 * and back.
 *
 * Whoever has the socket copies the request in (loop), has `handle` called inside an open
 * transaction (writing thread), and after the commit shows `change` to the registry and sends the
 * answer (loop). A handler that returns a failure has its transaction taken back and is answered
 * with its class; a refusal that must be remembered (a token that was used again) is an answer like
 * any other, by hub_call_refuse, and is committed. Handlers may be called anew for the same request
 * when the transaction of their batch was taken back: the caller clears the answer before.
 *
 * Thread: one at a time, as above. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/value.h"
#include "hub/authority.h"
#include "hub/device_rows.h"
#include "hub/hub_file.h"
#include "hub/people/rights.h"

struct device_reports;

enum { HUB_CALL_QUERIES_MAX = 8, HUB_CALL_ANSWER_BYTES_MAX = 16 << 20, HUB_CALL_ALARM_BYTES = 256 };

struct hub_call {
    /* The hub's, the same for every call. */
    const struct authority *authority;
    const struct hub_settings *settings;
    struct device_reports *reports; /* NULL: devices report nothing here */
    struct slice addresses; /* "HOST:PORT HOST:PORT", as devices reach this hub; may be "" */

    /* The request; all texts live in `arena` or longer. */
    struct arena *arena;
    struct slice method;     /* "GET" */
    struct slice item, verb; /* of /v1/NOUN/ITEM/VERB */
    struct slice body;
    struct slice queries[HUB_CALL_QUERIES_MAX]; /* values of the route's queries, in its order */
    struct slice certificate;                   /* DER, that the TLS session has proved; or empty */
    struct slice source;                        /* "203.0.113.7": who asks; or empty */
    struct caller caller;                       /* who that is; a device's has no rights */
    struct slice key;                           /* Idempotency-Key, or empty */
    int64_t now_ms;                             /* wall clock */

    /* The answer. */
    int code;          /* 0: 200, or what the error's class says */
    struct buffer out; /* JSON; initialised by the caller with HUB_CALL_ANSWER_BYTES_MAX */
    bool is_wrong;     /* a token or proof was wrong: counts against the source (hub/attempts) */
    struct device_change change;
    char alarm[HUB_CALL_ALARM_BYTES]; /* a sentence for the log, at WARN; "" */
    bool has_secret;                  /* in the answer, which is told once */
    bool hides_body;                  /* it has a secret: no deed tells of it */
};

typedef status hub_handler(struct hub_call *call, struct database *database, struct error *err);

/* A row of the table of resources: what it knows of itself, of /ITEM and of /ITEM/VERB; NULL: there
 * is no such thing. */
struct hub_route {
    const char *path;
    const char *methods, *item_methods, *verb_methods; /* "GET, POST" */
    const char *const *queries;                        /* names, ended by NULL; NULL: none */
    hub_handler *handle;
};

/* For people and programs (hub/api/resources); ended by a NULL path. */
extern const struct hub_route HUB_REGISTRY_ROUTES[];

/* On the devices' port: /v1/enrol (no certificate needed), /v1/renew (one that may be expired),
 * /v1/leave (one that is good). Before /v1/enrol hub/attempts is asked. */
extern const struct hub_route HUB_ENROLMENT_ROUTES[];

/* --- for handlers --- */

/* Makes the error, which is there, the answer: also for a failure that is committed, after which OK
 * is returned. */
void hub_call_refuse(struct hub_call *call, const struct error *err);

/* It asks for more than a look. */
bool hub_call_changes(const struct hub_call *call);

/* The body as an object; INVALID: it is none. */
status hub_call_body(struct hub_call *call, struct value *out_body, struct error *err);

/* Members of it: empty, null or `otherwise` where there is no such one. */
struct slice hub_call_text(struct value body, const char *name);
struct value hub_call_value(struct value body, const char *name);
status hub_call_number(struct value body, const char *name, int64_t least, int64_t most,
                       int64_t otherwise, int64_t *out_number, struct error *err);

/* "name":"text"; "name":"2026-11-23T10:00:00.120Z", or null where the moment is 0. */
void hub_call_write_text(struct buffer *out, const char *name, struct slice text);
void hub_call_write_time(struct buffer *out, const char *name, int64_t wall_ms);
