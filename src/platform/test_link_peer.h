/*
 * test_link_peer: hubs and proxies that answer as a test wants it: a TLS server (GnuTLS itself) or
 * a plain one on a port of this machine, one connection after another. For unit tests alone.
 *
 * Thread: its own, from link_peer_start to link_peer_stop; a test looks at what it has seen after
 * that, or through counters that only grow.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "platform/test_tls.h"

enum { PEER_REQUEST_BYTES_MAX = 4 << 20, PEER_WAIT_S = 60, PEER_BACKLOG = 64 };

struct link_peer {
    struct test_server_wish wish; /* identity NULL: no TLS, `talk_plain` */
    void (*talk)(struct link_peer *peer, gnutls_session_t session);
    void (*talk_plain)(struct link_peer *peer, int line);
    void *owner;
    bool is_ipv6;
    int receive_bytes; /* of its socket's buffer; 0: the system's */

    int listening, port, onward_port; /* of whom a proxy or a relay leads to */
    pthread_t thread;
    atomic_int connections, handshakes, requests;
    atomic_bool stopping;
    atomic_size_t cut_after_bytes; /* a relay: so many of the hub's bytes, then the line breaks */
    char *head;                    /* of the last request, ended by a zero */
    char *body;
    size_t body_bytes;
};

/* --- what a peer says and hears --- */

static inline bool peer_say_bytes(gnutls_session_t session, const char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t sent = gnutls_record_send(session, bytes, count);
        if (sent < 0 && sent != GNUTLS_E_AGAIN && sent != GNUTLS_E_INTERRUPTED) {
            return false;
        }
        bytes += sent > 0 ? sent : 0;
        count -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static inline bool peer_say(gnutls_session_t session, const char *text) {
    return peer_say_bytes(session, text, strlen(text));
}

/* One byte, whatever kind of line it is. */
static inline bool peer_hear_byte(gnutls_session_t session, int line, char *out_byte) {
    ssize_t got = GNUTLS_E_AGAIN;
    if (session == NULL) {
        return recv(line, out_byte, 1, 0) == 1;
    }
    while (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_AGAIN) {
        got = gnutls_record_recv(session, out_byte, 1);
    }
    return got == 1;
}

/* Up to the empty line. */
static inline bool peer_hear_head(struct link_peer *peer, gnutls_session_t session, int line) {
    size_t count = 0;
    while (count < PEER_REQUEST_BYTES_MAX - 1 &&
           peer_hear_byte(session, line, &peer->head[count])) {
        count++;
        peer->head[count] = '\0';
        if (count >= 4 && strcmp(peer->head + count - 4, "\r\n\r\n") == 0) {
            return true;
        }
    }
    return false;
}

static inline bool peer_hear_exactly(struct link_peer *peer, gnutls_session_t session,
                                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (peer->body_bytes >= PEER_REQUEST_BYTES_MAX ||
            !peer_hear_byte(session, -1, &peer->body[peer->body_bytes])) {
            return false;
        }
        peer->body_bytes++;
    }
    return true;
}

/* One chunk onto the body; its size, 0 for the last one, -1 when the line broke. */
static inline long peer_hear_chunk(struct link_peer *peer, gnutls_session_t session) {
    char line[64] = "";
    for (size_t i = 0; i < sizeof line - 1; i++) {
        if (!peer_hear_byte(session, -1, &line[i])) {
            return -1;
        }
        if (line[i] == '\n') {
            break;
        }
    }
    char *end = NULL;
    const long bytes = strtol(line, &end, 16);
    char ended[2] = "";
    return end != line && strcmp(end, "\r\n") == 0 &&
                   peer_hear_exactly(peer, session, (size_t)bytes) &&
                   peer_hear_byte(session, -1, &ended[0]) && ended[0] == '\r' &&
                   peer_hear_byte(session, -1, &ended[1]) && ended[1] == '\n'
               ? bytes
               : -1;
}

/* A request with its body. */
static inline bool peer_hear(struct link_peer *peer, gnutls_session_t session) {
    peer->body_bytes = 0;
    if (!peer_hear_head(peer, session, -1)) {
        return false;
    }
    peer->requests++;
    if (strcasestr(peer->head, "\r\nTransfer-Encoding: chunked\r\n") != NULL) {
        long bytes = 1;
        while (bytes > 0) {
            bytes = peer_hear_chunk(peer, session);
        }
        return bytes == 0;
    }
    const char *length = strcasestr(peer->head, "\r\nContent-Length: ");
    return length == NULL || peer_hear_exactly(peer, session, strtoul(length + 18, NULL, 10));
}

static inline void peer_wait_for_end(gnutls_session_t session) {
    char byte;
    while (peer_hear_byte(session, -1, &byte)) {
    }
}

/* --- what a peer does --- */

static inline void peer_serve_tls(struct link_peer *peer, int line) {
    struct test_server server;
    test_server_open(&server, peer->wish);
    gnutls_transport_set_int(server.session, line);
    int code = GNUTLS_E_AGAIN;
    while (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
        code = gnutls_handshake(server.session);
    }
    if (code == 0) {
        peer->handshakes++;
        peer->talk(peer, server.session);
    } else {
        (void)gnutls_alert_send_appropriate(server.session, code);
    }
    test_server_close(&server);
}

static inline void *peer_main_loop(void *argument) {
    struct link_peer *peer = argument;
    const struct timeval patience = {.tv_sec = PEER_WAIT_S};
    const int at_once = 1;
    while (!peer->stopping) {
        const int line = accept4(peer->listening, NULL, NULL, SOCK_CLOEXEC);
        if (line < 0) {
            break;
        }
        peer->connections++;
        (void)setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        if (peer->wish.identity != NULL) {
            peer_serve_tls(peer, line);
        } else {
            peer->talk_plain(peer, line);
        }
        (void)close(line);
    }
    return NULL;
}

static inline int peer_listen(bool is_ipv6, int receive_bytes, int backlog, int *out_port) {
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = is_ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t bytes = is_ipv6 ? sizeof v6 : sizeof v4;
    const int line = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_bytes > 0) {
        (void)setsockopt(line, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    if (line < 0 || bind(line, address, bytes) != 0 || listen(line, backlog) != 0 ||
        getsockname(line, address, &bytes) != 0) {
        return -1;
    }
    *out_port = ntohs(is_ipv6 ? v6.sin6_port : v4.sin_port);
    return line;
}

/* `wish` and what stands before it is set, the rest is zero. */
static inline void link_peer_start(struct link_peer *peer) {
    peer->head = calloc(1, PEER_REQUEST_BYTES_MAX);
    peer->body = calloc(1, PEER_REQUEST_BYTES_MAX);
    peer->listening = peer_listen(peer->is_ipv6, peer->receive_bytes, PEER_BACKLOG, &peer->port);
    test_need(peer->head != NULL && peer->body != NULL && peer->listening >= 0, "a port");
    test_need(pthread_create(&peer->thread, NULL, peer_main_loop, peer) == 0, "a thread");
}

static inline void link_peer_stop(struct link_peer *peer) {
    peer->stopping = true;
    (void)shutdown(peer->listening, SHUT_RDWR);
    (void)pthread_join(peer->thread, NULL);
    (void)close(peer->listening);
    free(peer->head);
    free(peer->body);
}

/* --- plain ones --- */

static inline int peer_connect(int port) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((uint16_t)port)};
    const int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(line, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(line);
        return -1;
    }
    return line;
}

/* Hands on what comes from either side, until one of them ends or so many bytes came from there. */
static inline void peer_relay(int here, int there, size_t cut_after_bytes) {
    struct pollfd lines[2] = {{.fd = here, .events = POLLIN}, {.fd = there, .events = POLLIN}};
    size_t came = 0;
    while (came < cut_after_bytes && poll(lines, 2, PEER_WAIT_S * 1000) > 0) {
        for (int i = 0; i < 2; i++) {
            char bytes[4096];
            if (lines[i].revents == 0) {
                continue;
            }
            ssize_t count = recv(lines[i].fd, bytes, sizeof bytes, 0);
            if (count <= 0) {
                return;
            }
            if (i == 1 && (size_t)count > cut_after_bytes - came) {
                count = (ssize_t)(cut_after_bytes - came);
            }
            came += i == 1 ? (size_t)count : 0;
            if (send(lines[1 - i].fd, bytes, (size_t)count, MSG_NOSIGNAL) != count) {
                return;
            }
        }
    }
}

/* A relay that breaks after `cut_after_bytes` from onward. */
static inline void peer_talk_relay(struct link_peer *peer, int line) {
    const int onward = peer_connect(peer->onward_port);
    if (onward >= 0) {
        peer_relay(line, onward, peer->cut_after_bytes);
        (void)close(onward);
    }
}

/* A proxy that lets everybody through to `onward_port`. */
static inline void peer_talk_proxy(struct link_peer *peer, int line) {
    static const char YES[] = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
    if (peer_hear_head(peer, NULL, line) &&
        send(line, YES, sizeof YES - 1, MSG_NOSIGNAL) == (ssize_t)sizeof YES - 1) {
        peer_talk_relay(peer, line);
    }
}
