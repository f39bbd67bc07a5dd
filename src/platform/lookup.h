/*
 * lookup: the addresses of a host, which the C library is asked for on a thread for each question.
 *
 * Whoever has no network waits long for a name server: so nothing waits for a look-up that was
 * forgotten, neither the loop's end nor the program's. An address written in digits is its own
 * answer. Nothing is remembered: that is for the machine's resolver.
 *
 * Thread: that of one loop; `found` is never called inside a call of ours.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "platform/loop.h"

enum {
    LOOKUP_ADDRESSES_MAX = 8,
    LOOKUP_HOST_BYTES_MAX = 255,
    LOOKUPS_MAX = 8 /* at once, with those that were forgotten and have not ended */
};

struct lookup_addresses {
    struct sockaddr_storage addresses[LOOKUP_ADDRESSES_MAX];
    size_t count;
};

/* Whether the host is an address in digits, IPv4 or IPv6, and then that address. */
bool lookup_read(const char *host, uint16_t port, struct sockaddr_storage *out_address);

socklen_t lookup_address_bytes(const struct sockaddr_storage *address);

struct lookup; /* one question under way */

/* `found` is told once: at least one address and NULL, or none and why. OFFLINE: the name cannot be
 * asked for now, or there is none such, which nobody can tell from a resolver that is away. */
struct lookup_asker {
    void (*found)(void *owner, const struct lookup_addresses *addresses, const struct error *error);
    void *owner;
};

/* OFFLINE: LOOKUPS_MAX are under way. */
status lookup_begin(struct loop *loop, const char *host, uint16_t port,
                    const struct lookup_asker *asker, struct lookup **out_lookup,
                    struct error *err);

/* Nobody is told any more. NULL is fine. Not for what `found` has been told of, or is being told
 * of: that is gone by itself. */
void lookup_forget(struct lookup *lookup);
