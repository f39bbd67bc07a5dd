// SPDX-License-Identifier: Apache-2.0
#include "platform/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, PORT_BACKLOG = 1024, PORT_DIGITS = 8, PORT_MAX = 65535 };

void listener_init(struct listener *listener) {
    *listener = (struct listener){.descriptor = -1};
}

/* --- a file --- */

/* Whether somebody listens under the name; a file that nobody listens on is removed. */
static status make_room(const struct sockaddr_un *address, struct error *err) {
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0) {
        return errno == ENOENT ? STATUS_OK : fail_errno(err, errno, "look for it");
    }
    if (!S_ISSOCK(facts.st_mode)) {
        return fail(err, STATUS_CONFLICT, "something that is no socket has this name");
    }
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return fail_errno(err, errno, "ask whether somebody listens");
    }
    const int number =
        connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    (void)close(probe);
    if (number == 0 || number == EAGAIN) {
        return fail(err, STATUS_CONFLICT, "another process listens there");
    }
    if (number != ECONNREFUSED) {
        return fail_errno(err, number, "ask whether somebody listens");
    }
    if (unlink(address->sun_path) != 0 && errno != ENOENT) {
        return fail_errno(err, errno, "remove the socket that was left there");
    }
    return STATUS_OK;
}

/* The mode is set before anybody can connect: nobody listens until then. */
static status bind_file(struct listener *listener, mode_t mode, struct error *err) {
    const struct sockaddr_un *address = &listener->file;
    TRY(make_room(address, err));
    listener->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->descriptor < 0) {
        return fail_errno(err, errno, "make a socket");
    }
    if (bind(listener->descriptor, (const struct sockaddr *)address, sizeof *address) != 0) {
        return errno == EADDRINUSE ? fail(err, STATUS_CONFLICT, "another process listens there")
                                   : fail_errno(err, errno, "make the socket file");
    }
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0) {
        return fail_errno(err, errno, "find the socket file just made");
    }
    listener->device = facts.st_dev;
    listener->inode = facts.st_ino;
    if (chmod(address->sun_path, mode) != 0) {
        return fail_errno(err, errno, "set its mode");
    }
    if (listen(listener->descriptor, BACKLOG) != 0) {
        return fail_errno(err, errno, "listen");
    }
    return STATUS_OK;
}

status listener_open_file(struct listener *listener, const char *path, mode_t mode,
                          struct error *err) {
    listener_init(listener);
    const size_t count = strlen(path);
    if (count == 0 || count >= sizeof listener->file.sun_path) {
        return fail(err, STATUS_INVALID, "the path of a socket has 1 to %zu bytes",
                    sizeof listener->file.sun_path - 1);
    }
    listener->file.sun_family = AF_UNIX;
    memcpy(listener->file.sun_path, path, count + 1);
    return bind_file(listener, mode, err);
}

/* --- a port --- */

/* Takes "HOST:PORT" apart; brackets stand around an address that has colons of its own. */
static status split(const char *address, char host[LISTENER_NAME_BYTES], char port[PORT_DIGITS],
                    struct error *err) {
    const char *colon = strrchr(address, ':');
    const size_t digits = colon != NULL ? strlen(colon + 1) : 0;
    size_t count = colon != NULL ? (size_t)(colon - address) : 0;
    if (digits == 0 || digits > 5 || strspn(colon + 1, "0123456789") != digits ||
        strtol(colon + 1, NULL, 10) > PORT_MAX || count >= LISTENER_NAME_BYTES) {
        return fail(err, STATUS_INVALID,
                    "an address is written 192.0.2.1:8443 or [2001:db8::1]:8443");
    }
    const char *from = address;
    if (count >= 2 && from[0] == '[' && from[count - 1] == ']') {
        from++;
        count -= 2;
    }
    (void)snprintf(host, LISTENER_NAME_BYTES, "%.*s", (int)count, from);
    (void)snprintf(port, PORT_DIGITS, "%s", colon + 1);
    return STATUS_OK;
}

static void name_port(struct listener *listener) {
    struct sockaddr_storage own = {0};
    socklen_t bytes = sizeof own;
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (getsockname(listener->descriptor, (struct sockaddr *)&own, &bytes) != 0 ||
        getnameinfo((const struct sockaddr *)&own, bytes, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return;
    }
    const bool has_colons = own.ss_family == AF_INET6;
    (void)snprintf(listener->name, LISTENER_NAME_BYTES, "%s%.64s%s:%.8s", has_colons ? "[" : "",
                   host, has_colons ? "]" : "", port);
}

static status bind_port(struct listener *listener, const struct addrinfo *place,
                        struct error *err) {
    const int yes = 1;
    listener->descriptor = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->descriptor < 0) {
        return fail_errno(err, errno, "make a socket");
    }
    /* What a process that ended has left in the kernel is in nobody's way. */
    (void)setsockopt(listener->descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener->descriptor, place->ai_addr, place->ai_addrlen) != 0) {
        return errno == EADDRINUSE ? fail(err, STATUS_CONFLICT, "another process listens there")
                                   : fail_errno(err, errno, "take the port");
    }
    if (listen(listener->descriptor, PORT_BACKLOG) != 0) {
        return errno == EADDRINUSE ? fail(err, STATUS_CONFLICT, "another process listens there")
                                   : fail_errno(err, errno, "listen");
    }
    name_port(listener);
    return STATUS_OK;
}

status listener_open_port(struct listener *listener, const char *address, struct error *err) {
    char host[LISTENER_NAME_BYTES];
    char port[PORT_DIGITS];
    listener_init(listener);
    TRY(split(address, host, port, err));
    /* Every address: a socket of IPv6 takes both kinds. */
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *places = NULL;
    const int code = getaddrinfo(host[0] != '\0' ? host : "::", port, &wanted, &places);
    if (code != 0) {
        return fail(err, STATUS_INVALID, "'%s' is no address: %s", host, gai_strerror(code));
    }
    const status bound = bind_port(listener, places, err);
    freeaddrinfo(places);
    return bound;
}

void listener_close(struct listener *listener) {
    struct stat facts;
    if (listener->inode != 0 && lstat(listener->file.sun_path, &facts) == 0 &&
        facts.st_dev == listener->device && facts.st_ino == listener->inode) {
        (void)unlink(listener->file.sun_path); /* what is left is replaced at the next start */
    }
    if (listener->descriptor >= 0) {
        (void)close(listener->descriptor);
    }
    listener_init(listener);
}
