// SPDX-License-Identifier: Apache-2.0
#include "platform/dial.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/lookup.h"

enum { PROBE_EVERY_S = 30, PROBES = 3 };

struct dial {
    struct loop *loop; /* not owned */
    struct dial_events events;
    void *owner;
    struct dial_place places[DIAL_PLACES_MAX];
    int place_count;
    int64_t address_ms;
    int silence_ms;
    int unsent_bytes_max;

    int place;                         /* whose addresses these are; -1: none yet */
    struct lookup_addresses addresses; /* of that place, from `next` on not tried */
    size_t next;
    struct lookup *lookup; /* owned, as what follows */
    struct timer *timer;   /* the patience with one address, and the way out of a call of ours */
    struct poll *poll;
    int descriptor;     /* -1: none is tried */
    struct error error; /* of the last that was tried */
    char address[DIAL_ADDRESS_TEXT_BYTES];
};

static void go_on(struct dial *dial);

static void note_address(struct dial *dial, const struct sockaddr_storage *address) {
    char digits[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, digits, sizeof digits);
        (void)snprintf(dial->address, sizeof dial->address, "%s:%u", digits, ntohs(v4.sin_port));
    } else {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, digits, sizeof digits);
        (void)snprintf(dial->address, sizeof dial->address, "[%s]:%u", digits, ntohs(v6.sin6_port));
    }
}

static void give_up_address(struct dial *dial) {
    timer_clear(dial->timer);
    poll_close(dial->poll);
    dial->poll = NULL;
    if (dial->descriptor >= 0) {
        (void)close(dial->descriptor); /* of a connection that never stood */
        dial->descriptor = -1;
    }
}

static bool is_last(const struct dial *dial) {
    return dial->next >= dial->addresses.count && dial->place + 1 >= dial->place_count;
}

/* None of these decides whether it works: an old kernel may refuse one. */
static void set_options(const struct dial *dial, int descriptor) {
    const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, dial->silence_ms},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, dial->unsent_bytes_max},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, DIAL_PROBE_AFTER_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, PROBES},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        (void)setsockopt(descriptor, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
    }
}

static void connection_is_ready(void *owner) {
    struct dial *dial = owner;
    int number = 0;
    socklen_t bytes = sizeof number;
    if (getsockopt(dial->descriptor, SOL_SOCKET, SO_ERROR, &number, &bytes) != 0) {
        number = errno;
    }
    if (number != 0) {
        (void)fail(&dial->error, STATUS_OFFLINE, "connect to %s: %s", dial->address,
                   strerror(number));
        give_up_address(dial);
        go_on(dial);
        return;
    }
    const int descriptor = dial->descriptor;
    dial->descriptor = -1;
    give_up_address(dial);
    dial->events.connected(dial->owner, descriptor, dial->place);
}

/* Begins with the next address of the place. False: that is none, and `error` says why. */
static bool try_address(struct dial *dial) {
    const struct sockaddr_storage *address = &dial->addresses.addresses[dial->next++];
    note_address(dial, address);
    const int descriptor =
        socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        (void)fail_errno(&dial->error, errno, "connect to %s", dial->address);
        dial->error.code = STATUS_OFFLINE; /* a machine without IPv6, or without descriptors */
        return false;
    }
    dial->descriptor = descriptor;
    set_options(dial, descriptor);
    if (connect(descriptor, (const struct sockaddr *)address, lookup_address_bytes(address)) != 0 &&
        errno != EINPROGRESS) {
        (void)fail(&dial->error, STATUS_OFFLINE, "connect to %s: %s", dial->address,
                   strerror(errno));
        give_up_address(dial);
        return false;
    }
    if (poll_open(dial->loop, descriptor, true, connection_is_ready, dial, &dial->poll,
                  &dial->error) != STATUS_OK) {
        give_up_address(dial);
        return false;
    }
    if (!is_last(dial)) {
        timer_set(dial->timer, dial->address_ms);
    }
    return true;
}

static void found(void *owner, const struct lookup_addresses *addresses,
                  const struct error *error) {
    struct dial *dial = owner;
    timer_clear(dial->timer);
    dial->lookup = NULL;
    dial->addresses = *addresses;
    if (error != NULL) {
        dial->error = *error;
    }
    go_on(dial);
}

/* Goes to the next place. False: its addresses are not known, now or at all. */
static bool take_place(struct dial *dial) {
    dial->place++;
    dial->next = 0;
    dial->addresses.count = 0;
    const struct dial_place *place = &dial->places[dial->place];
    if (lookup_read(place->host, place->port, &dial->addresses.addresses[0])) {
        dial->addresses.count = 1;
        return true;
    }
    (void)snprintf(dial->address, sizeof dial->address, "%.48s:%u", place->host, place->port);
    const struct lookup_asker asker = {.found = found, .owner = dial};
    if (lookup_begin(dial->loop, place->host, place->port, &asker, &dial->lookup, &dial->error) !=
        STATUS_OK) {
        return false;
    }
    if (!is_last(dial)) {
        timer_set(dial->timer, dial->address_ms);
    }
    return true;
}

/* Until something is awaited, or nothing is left. On the loop, never inside a call of ours. */
static void go_on(struct dial *dial) {
    for (;;) {
        if (dial->next < dial->addresses.count) {
            if (try_address(dial)) {
                return;
            }
        } else if (dial->place + 1 >= dial->place_count) {
            dial->events.failed(dial->owner, &dial->error);
            return;
        } else if (take_place(dial) && dial->lookup != NULL) {
            return;
        }
    }
}

/* What is tried was silent too long, or somebody asked to go on. */
static void rang(void *owner) {
    struct dial *dial = owner;
    if (dial->lookup != NULL || dial->descriptor >= 0) {
        (void)fail(&dial->error, STATUS_OFFLINE, "%s %s: no answer within %lld ms",
                   dial->lookup != NULL ? "look up" : "connect to", dial->address,
                   (long long)dial->address_ms);
    }
    lookup_forget(dial->lookup);
    dial->lookup = NULL;
    give_up_address(dial);
    go_on(dial);
}

void dial_next(struct dial *dial, const struct error *error) {
    assert(dial->descriptor < 0 && dial->lookup == NULL);
    dial->error = *error;
    timer_set(dial->timer, 0);
}

status dial_open(struct loop *loop, const struct dial_options *options,
                 const struct dial_events *events, void *owner, struct dial **out_dial,
                 struct error *err) {
    assert(options->place_count > 0 && options->place_count <= DIAL_PLACES_MAX);
    struct dial *dial = memory_new(1, sizeof *dial);
    if (dial == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory to connect");
    }
    *dial = (struct dial){.loop = loop,
                          .events = *events,
                          .owner = owner,
                          .place_count = options->place_count,
                          .address_ms = options->address_ms,
                          .silence_ms = options->silence_ms,
                          .unsent_bytes_max = options->unsent_bytes_max,
                          .place = -1,
                          .descriptor = -1};
    memcpy(dial->places, options->places, sizeof *dial->places * (size_t)options->place_count);
    const status code = timer_open(loop, rang, dial, &dial->timer, err);
    if (code != STATUS_OK) {
        memory_free(dial);
        return code;
    }
    timer_set(dial->timer, 0);
    *out_dial = dial;
    return STATUS_OK;
}

const char *dial_address(const struct dial *dial) {
    return dial->address;
}

void dial_close(struct dial *dial) {
    if (dial == NULL) {
        return;
    }
    give_up_address(dial);
    lookup_forget(dial->lookup);
    timer_close(dial->timer);
    memory_free(dial);
}
