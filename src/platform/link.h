/*
 * link: one connection to the hub, HTTP/1.1 over TLS over TCP, kept for hours.
 *
 * One request at a time. When to connect, what to ask, how long an answer may take and when to come
 * again is for its owner (runtime/sync_manager, deployment/enrolment), who closes what takes too
 * long. The hub is known by its authority's pin (platform/tls), not by its name; nothing but the
 * opening of the handshake is sent before that is checked. It reads only what our hub and a proxy
 * before it answer: no redirects, no cookies, nothing compressed.
 *
 *     away --link_connect--> connecting --connected--> idle --link_ask, link_begin--> asking
 *      ^                          |                    |  ^                             |  |
 *      +-----lost, link_close-----+--------------------+  +----------answered-----------+  |
 *      +----------------------------------lost, link_close---------------------------------+
 *
 * Thread: loop; never blocks. What is told is told from the loop, never inside a call of ours; in
 * what is told everything may be called, link_close and link_destroy as well. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/link_kind.h"
#include "platform/loop.h"

enum {
    LINK_ANSWER_BYTES_MAX = 1 << 20, /* of a body */
    LINK_QUEUE_BYTES_MAX = 2 << 20,  /* of a body, not taken by the kernel yet */
    LINK_PATH_BYTES_MAX = 1024,      /* of a request */
    LINK_HUBS_MAX = 8,               /* and so many addresses of each */
    LINK_CONNECT_MS = 30 * 1000,     /* from link_connect to `connected` */
    LINK_SILENCE_MS = 30 * 1000,     /* what was sent is acknowledged by then, or it is lost */
    LINK_KERNEL_BYTES = 16 << 10     /* of what is not sent yet, the kernel takes about so much */
};

struct link;

/* Only needed while link_connect is called: the link keeps copies, in memory alone. */
struct link_options {
    const char *const *hubs;  /* "https://host:port", "host:port", "[2001:db8::1]:port": tried in
                                 turn, with all their addresses; ended by NULL */
    struct slice pin;         /* SHA-256 of the authority's SubjectPublicKeyInfo, 32 bytes or the
                                 first 16 of them */
    struct slice certificate; /* ours and what it is signed by, in PEM; empty: none, to enrol */
    struct slice key;         /* its private key, in PEM */
    const char *proxy;        /* "http://user:password@host:port", what is before @ is optional and
                                 percent-encoded; NULL: none */
    int64_t clock_floor_ms;   /* it is at least that late: what ended before is refused */
    int64_t connect_ms;       /* 0: LINK_CONNECT_MS */
};

struct link_answer {
    int code;
    int64_t retry_after_ms; /* what it says of when to come again; 0: nothing */
    struct slice body;      /* during the call */
    bool early;             /* it came before our body had ended: the rest of that is not sent */
};

struct link_events {
    void (*connected)(void *owner);

    /* The kernel has taken so many more bytes of the body that was handed over. May be NULL. */
    void (*taken)(void *owner, size_t bytes);

    /* Once a request, unless the connection is lost or closed before. */
    void (*answered)(void *owner, const struct link_answer *answer);

    /* The connection is gone, or never came about; the link is away. OFFLINE: nobody there, or the
     * line broke, or the hub closed it, also after an answer. TIMEOUT: not connected in time.
     * DENIED: who answers is not our hub, or does not take our certificate, or the proxy does not
     * let us through. CORRUPT: what came is not what we speak. FULL: the answer is too large. */
    void (*lost)(void *owner, const struct error *error);
};

status link_create(struct loop *loop, const struct link_events *events, void *owner,
                   struct link **out_link, struct error *err);

/* NULL is fine. Nobody is told. */
void link_destroy(struct link *link);

/* Then `connected` or `lost`. INVALID: the options name the place; CONFLICT: it is not away. */
status link_connect(struct link *link, const struct link_options *options, struct error *err);

/* The link is away from here on; nobody is told. */
void link_close(struct link *link);

/* Needed only while it is handed over. */
struct link_request {
    const char *method;
    struct slice path; /* "/v1/hello", encoded */
    const char *type;  /* of the body: "application/json"; NULL: there is none */
};

/* A request whose body is whole, of at most LINK_QUEUE_BYTES_MAX. OFFLINE: not connected; CONFLICT:
 * another one is under way. */
status link_ask(struct link *link, const struct link_request *request, struct slice body,
                struct error *err);

/* A request whose body follows in pieces, chunked. The same classes. */
status link_begin(struct link *link, const struct link_request *request, struct error *err);

/* The next piece, copied. FULL: more than LINK_QUEUE_BYTES_MAX would wait, nothing of it is taken.
 * CONFLICT: no body is under way, for instance since the hub has answered. OFFLINE: not connected.
 */
status link_write(struct link *link, struct slice piece, struct error *err);

/* The body ends after what was written. Nothing happens when none is under way. */
void link_end(struct link *link);

enum link_state { LINK_AWAY, LINK_CONNECTING, LINK_IDLE, LINK_ASKING };

struct link_facts {
    enum link_state state;
    char address[64];                     /* "203.0.113.7:8443", also while it is tried; or "" */
    char interface[LINK_INTERFACE_BYTES]; /* that it goes by, "eth0"; "": none yet, or not known */
    uint64_t sent_bytes, received_bytes;  /* over TCP, TLS included, since link_create */
    size_t waiting_bytes;                 /* of a body, not taken yet */
};
void link_facts(const struct link *link, struct link_facts *out_facts);
