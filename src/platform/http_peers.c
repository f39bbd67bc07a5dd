// SPDX-License-Identifier: Apache-2.0
#include "platform/http_peers.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/clock.h"

enum { LOOKS_A_PATIENCE = 16 };

static const int64_t NS_PER_MS = 1000000;

void http_peer_enter(struct http_peer *peer, enum peer_state state) {
    if (peer->state != PEER_CUT_OFF) {
        const int64_t ms = state == PEER_RESTS ? peer->rest_ms : peer->peers->patience_ms;
        peer->state = state;
        peer->progress_bytes = 0;
        peer->patience_ends_ns = clock_monotonic_ns() + ms * NS_PER_MS;
    }
}

void http_peer_rest(struct http_peer *peer) {
    http_peer_enter(peer, peer->rest_ms > 0 ? PEER_RESTS : PEER_SENDS);
}

void http_peer_progress(struct http_peer *peer, size_t bytes) {
    peer->progress_bytes += bytes;
    if (peer->progress_bytes >= HTTP_PROGRESS_BYTES) {
        http_peer_enter(peer, PEER_STREAMS);
    }
}

void http_peer_source(const struct http_peer *peer, char out_source[HTTP_SOURCE_BYTES]) {
    struct sockaddr_storage other = {0};
    socklen_t bytes = sizeof other;
    out_source[0] = '\0';
    if (getpeername(peer->descriptor, (struct sockaddr *)&other, &bytes) != 0 ||
        (other.ss_family != AF_INET && other.ss_family != AF_INET6) ||
        getnameinfo((const struct sockaddr *)&other, bytes, out_source, HTTP_SOURCE_BYTES, NULL, 0,
                    NI_NUMERICHOST) != 0) {
        out_source[0] = '\0';
    }
}

void http_peer_cut_off(struct http_peer *peer) {
    (void)shutdown(peer->descriptor, SHUT_RDWR);
    peer->state = PEER_CUT_OFF;
}

int64_t http_peers_look_ms(const struct http_peers *peers) {
    return peers->patience_ms / LOOKS_A_PATIENCE;
}

bool http_peer_has_left(const struct http_peer *peer) {
    struct pollfd descriptor = {.fd = peer->descriptor, .events = POLLRDHUP};
    return poll(&descriptor, 1, 0) == 1 &&
           (descriptor.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* A connection that is not read from says nothing of its end by itself. */
static bool has_left(const struct http_peer *peer) {
    return peer->flows && peer->state == PEER_WAITS && http_peer_has_left(peer);
}

/* Who trickles keeps setting the timer anew, so that this looks at the time itself. */
void http_peers_cut_off_the_slow(struct http_peers *peers) {
    const int64_t now_ns = clock_monotonic_ns();
    if (now_ns < peers->look_ns) {
        return;
    }
    peers->look_ns = now_ns + http_peers_look_ms(peers) * NS_PER_MS;
    for (struct http_peer *peer = peers->first; peer != NULL; peer = peer->next) {
        const bool is_awaited = peer->state != PEER_WAITS && peer->state != PEER_CUT_OFF;
        if ((is_awaited && peer->patience_ends_ns <= now_ns) || has_left(peer)) {
            http_peer_cut_off(peer);
        }
    }
}

/* Who goes first when places are scarce; 0: whoever waits for us or streams, and our own who take
 * an answer. */
static int dispensability(const struct http_peer *peer) {
    const bool is_ours = peer->user == 0 || peer->user == geteuid() || peer->rest_ms > 0;
    if (peer->state == PEER_SENDS || peer->state == PEER_RESTS) {
        return is_ours ? 1 : 3;
    }
    return peer->state == PEER_TAKES && !is_ours ? 2 : 0;
}

/* Who connects and says nothing must not keep others from being heard. */
static void make_place(struct http_peers *peers) {
    struct http_peer *spared = NULL;
    int most = 0;
    for (struct http_peer *peer = peers->first; peer != NULL; peer = peer->next) {
        const int rank = dispensability(peer);
        const bool is_older = spared != NULL && peer->patience_ends_ns <= spared->patience_ends_ns;
        if (rank > most || (rank > 0 && rank == most && is_older)) {
            spared = peer;
            most = rank;
        }
    }
    if (spared != NULL) {
        http_peer_cut_off(spared);
    }
}

struct http_peer *http_peers_add(struct http_peers *peers, int descriptor) {
    struct http_peer *peer = memory_new(1, sizeof *peer);
    if (peer == NULL) {
        return NULL;
    }
    struct ucred who = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t bytes = sizeof who;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0) {
        who = (struct ucred){.uid = (uid_t)-1, .gid = (gid_t)-1};
    }
    *peer = (struct http_peer){
        .peers = peers,
        .next = peers->first,
        .descriptor = descriptor,
        .user = who.uid,
        .group = who.gid,
        .process = who.pid,
    };
    http_peer_enter(peer, PEER_SENDS);
    if (++peers->count == peers->count_max) {
        make_place(peers);
    }
    if (peer->next != NULL) {
        peer->next->before = peer;
    }
    peers->first = peer;
    return peer;
}

void http_peers_remove(struct http_peer *peer) {
    *(peer->before != NULL ? &peer->before->next : &peer->peers->first) = peer->next;
    if (peer->next != NULL) {
        peer->next->before = peer->before;
    }
    peer->peers->count--;
    memory_free(peer);
}
