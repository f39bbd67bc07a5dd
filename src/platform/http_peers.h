/*
 * http_peers: who is connected to an HTTP server of ours, and how long that is borne.
 *
 *   sends     a request, not yet whole, or nothing since it connected
 *   streams   a body that is taken in pieces: HTTP_PROGRESS_BYTES of it in a patience
 *   waits     for us: as long as that takes; who has left meanwhile is seen where an answer flows
 *   takes     the answer
 *   rests     between requests, as long as it was allowed to
 *   cut off   the library will see it
 *
 * Not the library's: it says who came and went. Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "platform/http_server.h"

enum peer_state { PEER_SENDS, PEER_STREAMS, PEER_WAITS, PEER_TAKES, PEER_RESTS, PEER_CUT_OFF };

struct http_peers;

struct http_peer {
    struct http_peers *peers; /* not owned */
    struct http_peer *next;
    struct http_peer *before;
    int descriptor; /* the library's */
    uid_t user;     /* -1: nobody of this machine, or not known */
    gid_t group;
    pid_t process;
    enum peer_state state;
    int64_t patience_ends_ns; /* in all states but `waits` */
    int64_t rest_ms;          /* between requests; 0: the patience, and it is a stranger */
    size_t progress_bytes;    /* of its body since the patience began */
    int64_t verified_ns;      /* when its certificate was looked at; 0: never */
    bool trusted, expired;    /* what was seen then */
    struct digest fingerprint;
    bool flows; /* its answer is being made: when it leaves, that is to be seen */
    void *keep; /* the handler's, for the whole connection; NULL at first */
};

struct http_peers {
    struct http_peer *first;
    unsigned count, count_max;
    int64_t patience_ms;
    int64_t look_ns; /* when the slow are looked for next */
};

/* Somebody connected; NULL: out of memory. When the last place is taken, one is made for the next:
 * by whoever can best be spared. */
struct http_peer *http_peers_add(struct http_peers *peers, int descriptor);
void http_peers_remove(struct http_peer *peer);

void http_peer_enter(struct http_peer *peer, enum peer_state state);

/* The request is over: it rests, or is awaited anew. */
void http_peer_rest(struct http_peer *peer);

/* So much of its body has come. */
void http_peer_progress(struct http_peer *peer, size_t bytes);

/* The address that it comes from, "192.0.2.7"; empty for a Unix socket. */
void http_peer_source(const struct http_peer *peer, char out_source[HTTP_SOURCE_BYTES]);

/* Shutting the descriptor makes the library see the end of the stream and close it properly. */
void http_peer_cut_off(struct http_peer *peer);

/* Its end is closed, or broken. */
bool http_peer_has_left(const struct http_peer *peer);

/* Looks, once in a while, for those whose patience has ended. */
void http_peers_cut_off_the_slow(struct http_peers *peers);

/* How long to sleep at most while anybody is connected. */
int64_t http_peers_look_ms(const struct http_peers *peers);
