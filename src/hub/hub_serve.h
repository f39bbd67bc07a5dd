/*
 * hub_serve: `ebb hub serve`: the hub in the foreground, until a signal.
 *
 * Where things are: --data, else /var/lib/ebb-hub for root and $XDG_STATE_HOME/ebb-hub
 * (~/.local/state/ebb-hub) for anybody else. The socket: --socket, else DATA/hub.sock. It listens
 * on port 8443 of every address unless told otherwise.
 *
 * Thread: the program's first. Survives: what the store keeps.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdio.h>

#include "base/error.h"

struct hub_serve_options {
    const char *data, *listen, *people, *socket, *names;        /* each may be NULL */
    const char *authority, *authority_key, *site, *device_life; /* likewise */
    const char *config;                                         /* hub.yaml; may be NULL */
    FILE *out; /* for what is said to a person at the start */
};

/* INVALID: what was asked for cannot be, which a supervisor must not retry. */
status hub_serve(const struct hub_serve_options *options, struct error *err);
