// SPDX-License-Identifier: Apache-2.0
#include "platform/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { PORT_TEXT_BYTES = 8, FIRST_LOOK_MS = 2, LOOK_MS_MOST = 100 };

/*
 * The C library's look-up cannot be stopped, so a thread of its own makes it. Whether that has
 * ended is looked at now and then, and only then is it joined. What is forgotten before is put on a
 * list, from which it is taken when another look-up begins or ends; at the program's end a thread
 * that still waits just ends with it.
 */
struct lookup {
    pthread_t thread;
    char host[LOOKUP_HOST_BYTES_MAX + 1];
    char service[PORT_TEXT_BYTES];
    struct addrinfo *list; /* the thread's until it has ended, as the code */
    int code;
    atomic_bool has_ended;

    struct lookup_asker asker;
    struct timer *timer; /* owned; NULL once forgotten */
    int64_t look_ms;     /* until the next look */
    struct lookup *next; /* of those forgotten */
};

static struct lookup *forgotten;
static int under_way; /* those forgotten among them */

bool lookup_read(const char *host, uint16_t port, struct sockaddr_storage *out_address) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    *out_address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(out_address, &v4, sizeof v4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(out_address, &v6, sizeof v6);
        return true;
    }
    return false;
}

socklen_t lookup_address_bytes(const struct sockaddr_storage *address) {
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void collect(const struct addrinfo *list, struct lookup_addresses *out_addresses) {
    for (; list != NULL && out_addresses->count < LOOKUP_ADDRESSES_MAX; list = list->ai_next) {
        if (list->ai_family == AF_INET || list->ai_family == AF_INET6) {
            memcpy(&out_addresses->addresses[out_addresses->count++], list->ai_addr,
                   list->ai_addrlen);
        }
    }
}

static void *work(void *argument) {
    struct lookup *lookup = argument;
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup->code = getaddrinfo(lookup->host, lookup->service, &wanted, &lookup->list);
    atomic_store(&lookup->has_ended, true);
    return NULL;
}

/* Its thread has nothing more to do with it. */
static void lookup_free(struct lookup *lookup) {
    if (lookup->list != NULL) {
        freeaddrinfo(lookup->list);
    }
    timer_close(lookup->timer);
    memory_free(lookup);
    under_way--;
}

static bool join_if_ended(struct lookup *lookup) {
    if (!atomic_load(&lookup->has_ended)) {
        return false;
    }
    (void)pthread_join(lookup->thread, NULL); /* it is at its last line */
    return true;
}

static void sweep_forgotten(void) {
    struct lookup **place = &forgotten;
    while (*place != NULL) {
        struct lookup *lookup = *place;
        if (join_if_ended(lookup)) {
            *place = lookup->next;
            lookup_free(lookup);
        } else {
            place = &lookup->next;
        }
    }
}

/* Looks whether it has ended. */
static void look(void *owner) {
    struct lookup *lookup = owner;
    if (!join_if_ended(lookup)) {
        lookup->look_ms = lookup->look_ms < LOOK_MS_MOST / 2 ? lookup->look_ms * 2 : LOOK_MS_MOST;
        timer_set(lookup->timer, lookup->look_ms);
        return;
    }
    struct lookup_addresses addresses = {0};
    struct error error = {0};
    collect(lookup->list, &addresses);
    if (addresses.count == 0) {
        (void)fail(&error, STATUS_OFFLINE, "look up '%.*s': %s", LOOKUP_HOST_BYTES_MAX,
                   lookup->host,
                   lookup->code != 0 ? gai_strerror(lookup->code) : "it has no address");
    }
    const struct lookup_asker asker = lookup->asker;
    lookup_free(lookup);
    sweep_forgotten();
    asker.found(asker.owner, &addresses, error.code != STATUS_OK ? &error : NULL);
}

/* A thread is born with its maker's mask: signals are the loop thread's. */
static status start(struct lookup *lookup, struct error *err) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int code = pthread_create(&lookup->thread, NULL, work, lookup);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 ? STATUS_OK
                     : fail(err, STATUS_OFFLINE, "look up '%.*s': %s", LOOKUP_HOST_BYTES_MAX,
                            lookup->host, strerror(code));
}

status lookup_begin(struct loop *loop, const char *host, uint16_t port,
                    const struct lookup_asker *asker, struct lookup **out_lookup,
                    struct error *err) {
    const size_t count = strlen(host);
    if (count == 0 || count > LOOKUP_HOST_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a host has a name of 1 to %d letters",
                    LOOKUP_HOST_BYTES_MAX);
    }
    sweep_forgotten();
    if (under_way >= LOOKUPS_MAX) {
        return fail(err, STATUS_OFFLINE, "look up '%.*s': %d earlier look-ups have not ended",
                    LOOKUP_HOST_BYTES_MAX, host, under_way);
    }
    struct lookup *lookup = memory_new(1, sizeof *lookup);
    if (lookup == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a look-up");
    }
    under_way++;
    lookup->asker = *asker;
    lookup->look_ms = FIRST_LOOK_MS;
    memcpy(lookup->host, host, count);
    (void)snprintf(lookup->service, sizeof lookup->service, "%u", port);
    status code = timer_open(loop, look, lookup, &lookup->timer, err);
    if (code == STATUS_OK) {
        code = start(lookup, err);
    }
    if (code != STATUS_OK) {
        lookup_free(lookup);
        return code;
    }
    timer_set(lookup->timer, lookup->look_ms);
    *out_lookup = lookup;
    return STATUS_OK;
}

void lookup_forget(struct lookup *lookup) {
    if (lookup == NULL) {
        return;
    }
    timer_close(lookup->timer);
    lookup->timer = NULL;
    lookup->next = forgotten;
    forgotten = lookup;
    sweep_forgotten();
}
