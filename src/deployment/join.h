/*
 * join: `ebb join` and `ebb leave`, whole: from a token to hub.json, and back to none.
 *
 * What is interrupted anywhere is simply done again: the key is made once, and the hub answers the
 * same key with the same certificate. As root it works as the user whom the data folder belongs to,
 * so that the daemon can read what it leaves.
 *
 * Blocking; for programs of one thread. Survives: deployment/identity.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "deployment/identity.h"
#include "wire/device_file.h"

struct join_options {
    const char *token;
    const char *name;          /* NULL: the device's file says it, or the hub chooses */
    const char *const *labels; /* "key=value", ended by NULL; NULL: none; before the files' */
    const char *hub;           /* an address before those in the token; NULL: none */
    const char *data, *config; /* as for `ebb serve`; NULL */
    const char *proxy;         /* kept with the identity; NULL: that of the device's file */
};

struct joined {
    struct identity identity;
    char data[DEVICE_FOLDER_BYTES_MAX];
    bool hub_knows; /* that it has joined, or that it has left */
};

/* CONFLICT: the device has joined already, or the token was used up; DENIED, BUSY ...: the hub's
 * own, or the link's. Everything lives in the arena. */
status join_hub(const struct join_options *options, struct arena *arena, struct joined *out_joined,
                struct error *err);

/* NOT_FOUND: it has joined none. A hub that cannot be reached is not waited for. */
status join_leave(const char *data, const char *config, struct arena *arena,
                  struct joined *out_joined, struct error *err);

/* Tells the daemon on that socket that its folder has joined or left a hub. */
status join_tell(const char *socket, struct error *err);
