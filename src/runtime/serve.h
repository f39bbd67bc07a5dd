/*
 * serve: `ebb serve`: the device's daemon in the foreground, until a signal.
 *
 * Where things are: --data, else `store.path` of the device file, else /var/lib/ebb for root and
 * $XDG_STATE_HOME/ebb (~/.local/state/ebb) for anybody else. The socket: --socket, else
 * DATA/ebb.sock when the data folder was named, else /run/ebb/ebb.sock for root and DATA/ebb.sock
 * for others.
 *
 * Thread: the program's first. Survives: what the store keeps.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"

struct serve_options {
    const char *config, *data, *workflows, *agents, *socket; /* each may be NULL */
};

/* INVALID: the configuration is wrong (faults were printed), which a supervisor must not retry. */
status serve(const struct serve_options *options, struct error *err);
