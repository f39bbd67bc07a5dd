// SPDX-License-Identifier: Apache-2.0
#include "platform/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/memory.h"

enum { PORT_TEXT_BYTES = 8 };

struct lookup {
    uv_getaddrinfo_t raw;
    struct lookup_asker asker;
    bool forgotten; /* its memory is libuv's until that answers */
    char host[LOOKUP_HOST_BYTES_MAX + 1];
};

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

static void answered(uv_getaddrinfo_t *raw, int code, struct addrinfo *list) {
    struct lookup *lookup = raw->data;
    struct lookup_addresses addresses = {0};
    struct error error = {0};
    collect(list, &addresses);
    uv_freeaddrinfo(list);
    if (code != 0 || addresses.count == 0) {
        (void)fail(&error, STATUS_OFFLINE, "look up '%.*s': %s", LOOKUP_HOST_BYTES_MAX,
                   lookup->host, code != 0 ? uv_strerror(code) : "it has no address");
    }
    if (!lookup->forgotten) {
        lookup->asker.found(lookup->asker.owner, &addresses,
                            error.code != STATUS_OK ? &error : NULL);
    }
    memory_free(lookup);
}

status lookup_begin(struct loop *loop, const char *host, uint16_t port,
                    const struct lookup_asker *asker, struct lookup **out_lookup,
                    struct error *err) {
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char service[PORT_TEXT_BYTES];
    const size_t count = strlen(host);
    if (count == 0 || count > LOOKUP_HOST_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a host has a name of 1 to %d letters",
                    LOOKUP_HOST_BYTES_MAX);
    }
    struct lookup *lookup = memory_new(1, sizeof *lookup);
    if (lookup == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a look-up");
    }
    lookup->raw.data = lookup;
    lookup->asker = *asker;
    memcpy(lookup->host, host, count);
    (void)snprintf(service, sizeof service, "%u", port);
    const int code = uv_getaddrinfo(loop_raw(loop), &lookup->raw, answered, host, service, &wanted);
    if (code != 0) {
        memory_free(lookup);
        return fail(err, STATUS_OFFLINE, "look up '%.*s': %s", LOOKUP_HOST_BYTES_MAX, host,
                    uv_strerror(code));
    }
    *out_lookup = lookup;
    return STATUS_OK;
}

void lookup_forget(struct lookup *lookup) {
    if (lookup != NULL) {
        lookup->forgotten = true;
        (void)uv_cancel((uv_req_t *)&lookup->raw); /* BUSY: a thread has begun, and will answer */
    }
}
