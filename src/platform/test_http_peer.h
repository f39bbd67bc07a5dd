/*
 * test_http_peer: a server on 127.0.0.1 that says, connection after connection, just what it was
 * told to, and remembers what it was asked. For unit tests alone.
 *
 * Thread: its own, from peer_start to peer_stop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_ANSWERS_MAX = 8, PEER_SEEN_BYTES = 8192 };

struct http_peer {
    int listening;
    int port;
    pthread_t thread;
    const char *answers[PEER_ANSWERS_MAX + 1]; /* "": it closes at once; ended by NULL. A last one
                                                  that is PEER_SILENT is never given */
    int connections;
    char seen[PEER_ANSWERS_MAX][PEER_SEEN_BYTES]; /* what each of them asked */
};

#define PEER_SILENT "(silent)"

/* The request is whole: its head, and so much body as it says. */
static inline int peer_is_whole(const char *seen) {
    const char *end = strstr(seen, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    const char *length = strcasestr(seen, "Content-Length:");
    return strlen(end + 4) >= (length != NULL ? strtoul(length + 15, NULL, 10) : 0);
}

static inline void peer_serve(struct http_peer *peer, int line, int index) {
    char *seen = peer->seen[index];
    size_t count = 0;
    ssize_t got = 1;
    while (got > 0 && !peer_is_whole(seen)) {
        got = recv(line, seen + count, PEER_SEEN_BYTES - 1 - count, 0);
        count += got > 0 ? (size_t)got : 0;
        seen[count] = '\0';
    }
    const char *answer = peer->answers[index];
    if (strcmp(answer, PEER_SILENT) == 0) {
        char more;
        (void)recv(line, &more, 1, 0); /* until the other side has enough of it */
    } else {
        (void)send(line, answer, strlen(answer), MSG_NOSIGNAL);
    }
    (void)close(line);
}

static inline void *peer_main(void *argument) {
    struct http_peer *peer = argument;
    for (int i = 0; peer->answers[i] != NULL; i++) {
        const int line = accept4(peer->listening, NULL, NULL, SOCK_CLOEXEC);
        if (line < 0) {
            break;
        }
        peer->connections = i + 1;
        peer_serve(peer, line, i);
    }
    return NULL;
}

/* `peer->answers` stand; the rest is zero. */
static inline int peer_start(struct http_peer *peer) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t count = sizeof address;
    peer->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(peer->listening, (struct sockaddr *)&address, count) != 0 ||
        listen(peer->listening, PEER_ANSWERS_MAX) != 0 ||
        getsockname(peer->listening, (struct sockaddr *)&address, &count) != 0) {
        return -1;
    }
    peer->port = ntohs(address.sin_port);
    return pthread_create(&peer->thread, NULL, peer_main, peer);
}

/* What it was asked stands from here on. */
static inline void peer_stop(struct http_peer *peer) {
    (void)shutdown(peer->listening, SHUT_RDWR);
    (void)pthread_join(peer->thread, NULL);
    (void)close(peer->listening);
}
