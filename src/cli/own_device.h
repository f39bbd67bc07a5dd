/*
 * own_device: a daemon that a command starts for itself, kills and starts again.
 *
 * Everything of it lies in one folder: DATA in data/, its workflow in workflow/, what it says in
 * daemon.log, its socket. It is a child: it ends with this process, however that ends. While a
 * command waits for it, Ctrl-C and SIGTERM are seen and end the waiting.
 *
 * Thread: the CLI's only one, which is a loop while it waits.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/call.h"

enum { OWN_DEVICE_PATIENCE_MS = 30000 };

struct own_device;

/* In a folder that is there. The call's questions go to this device from then on. */
status own_device_create(struct call *call, const char *folder, struct own_device **out_device,
                         struct error *err);

/* Starts the daemon and waits until it is ready. CRASH when it ends instead: the sentence names its
 * log. */
status own_device_start(struct own_device *device, int64_t *out_ready_ms, struct error *err);

/* SIGKILL, and waits until it is gone. */
status own_device_kill(struct own_device *device, struct error *err);

/* SIGTERM, and waits for its end. CRASH unless it ends well. */
status own_device_stop(struct own_device *device, struct error *err);

/* Lets time pass. CRASH when the daemon ended meanwhile; SYSTEM when the person wants to end: that
 * stays so. */
status own_device_wait(struct own_device *device, int64_t ms, struct error *err);

/* Kills it if it still runs. NULL is fine. */
void own_device_destroy(struct own_device *device);
