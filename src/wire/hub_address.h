/*
 * hub_address: where a hub is reached: HOST, HOST:PORT, or [IPv6]:PORT, with or without https://
 *
 * Plain data, pure: any thread. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum { HUB_PORT = 8443, HUB_HOST_BYTES_MAX = 128, HUB_ADDRESS_BYTES_MAX = HUB_HOST_BYTES_MAX + 10 };

struct hub_address {
    char host[HUB_HOST_BYTES_MAX + 1]; /* a name or an address, without brackets */
    uint16_t port;                     /* HUB_PORT where none is said */
};

/* INVALID with what is wrong. */
status hub_address_read(struct slice text, struct hub_address *out_address, struct error *err);

/* "host:port" or "[address]:port" and a zero. */
void hub_address_write(const struct hub_address *address, char out_text[HUB_ADDRESS_BYTES_MAX]);
