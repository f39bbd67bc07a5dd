/*
 * tunnel: a daemon's Unix socket for a browser of this machine: the page, and behind it /v1, on a
 * port of 127.0.0.1 that opens to one link, once.
 *
 * Whoever opens the link first gets a cookie that is good until the tunnel ends; nobody else gets
 * in, whatever runs on this machine. Other pages in the same browser are kept out by the cookie
 * (SameSite), Origin and Host. What may be done is what the one who began the tunnel may do at the
 * socket.
 *
 * Thread: the CLI's only one; runs a loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdio.h>

#include "base/error.h"

enum { TUNNEL_URL_BYTES = 160 };

struct tunnel;

/* `port` 0: any that is free. The link is in *out_url. */
status tunnel_open(const char *socket_path, unsigned port, struct tunnel **out_tunnel,
                   char out_url[TUNNEL_URL_BYTES], struct error *err);

/* Until SIGINT or SIGTERM. */
void tunnel_run(struct tunnel *tunnel);
void tunnel_close(struct tunnel *tunnel); /* NULL is fine */
