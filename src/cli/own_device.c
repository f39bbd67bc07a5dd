// SPDX-License-Identifier: Apache-2.0
#include "cli/own_device.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/daemon.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/loop.h"
#include "platform/process.h"

enum { LOOK_MS = 2, NS_A_MS = 1000000, FILES_OPEN_MAX = 4096 };

struct own_device {
    struct call *call;                     /* not owned */
    struct slice folder, socket, log_path; /* of the call's arena */
    struct loop *loop;
    struct timer *timer;
    struct signal_watch *interrupt, *terminate;
    struct process *process; /* NULL: none runs */
    FILE *log;
    int exit_code;
    bool interrupted;
};

static void on_ring(void *owner) {
    loop_stop(((struct own_device *)owner)->loop);
}

static void on_signal(void *owner, int number) {
    (void)number;
    struct own_device *device = owner;
    device->interrupted = true;
    loop_stop(device->loop);
}

static void on_said(void *owner, struct slice bytes) {
    FILE *log = ((struct own_device *)owner)->log;
    (void)fwrite(bytes.bytes, 1, bytes.count, log);
    (void)fflush(log);
}

static void on_ended(void *owner, int exit_code, int number) {
    (void)number;
    struct own_device *device = owner;
    process_destroy(device->process);
    device->process = NULL;
    device->exit_code = exit_code;
    loop_stop(device->loop);
}

static status open_all(struct own_device *device, struct error *err) {
    device->log = fopen(device->log_path.bytes, "ae");
    if (device->log == NULL) {
        return fail_errno(err, errno, "create '%s'", device->log_path.bytes);
    }
    TRY(loop_create(&device->loop, err));
    TRY(timer_open(device->loop, on_ring, device, &device->timer, err));
    TRY(signal_watch_create(device->loop, SIGINT, on_signal, device, &device->interrupt, err));
    return signal_watch_create(device->loop, SIGTERM, on_signal, device, &device->terminate, err);
}

status own_device_create(struct call *call, const char *folder, struct own_device **out_device,
                         struct error *err) {
    struct arena *arena = &call->arena;
    struct own_device *device = memory_new(1, sizeof(*device));
    if (device == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a daemon");
    }
    *device = (struct own_device){.call = call,
                                  .folder = arena_copy(arena, slice_of(folder)),
                                  .socket = arena_print(arena, "%s/ebb.sock", folder),
                                  .log_path = arena_print(arena, "%s/daemon.log", folder)};
    status code = STATUS_OK;
    if (device->folder.bytes == NULL || device->socket.bytes == NULL ||
        device->log_path.bytes == NULL) {
        code = fail(err, STATUS_NO_MEMORY, "no memory for the paths of a daemon");
    } else if (device->socket.count >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        code = fail(err, STATUS_INVALID,
                    "%s is too long for a socket in it: a socket's path has at most %zu bytes",
                    folder, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    } else {
        code = open_all(device, err);
    }
    if (code != STATUS_OK) {
        own_device_destroy(device);
        return code;
    }
    call->socket = device->socket.bytes;
    *out_device = device;
    return STATUS_OK;
}

/* Runs the loop for a while, or until the daemon's end or a signal. */
static void turn(struct own_device *device, int64_t ms) {
    timer_set(device->timer, ms);
    loop_run(device->loop);
    timer_clear(device->timer);
}

static status fail_interrupted(struct error *err) {
    return fail(err, STATUS_INTERRUPTED, "interrupted");
}

static status fail_ended(const struct own_device *device, struct error *err) {
    return fail(err, STATUS_CRASH, "the daemon ended with code %d; see %s", device->exit_code,
                device->log_path.bytes);
}

status own_device_wait(struct own_device *device, int64_t ms, struct error *err) {
    const int64_t until_ns = clock_monotonic_ns() + ms * NS_A_MS;
    do {
        turn(device, LOOK_MS);
    } while (!device->interrupted && device->process != NULL && clock_monotonic_ns() < until_ns);
    if (device->interrupted) {
        return fail_interrupted(err);
    }
    return device->process != NULL ? STATUS_OK : fail_ended(device, err);
}

static status spawn(struct own_device *device, struct error *err) {
    struct arena *arena = &device->call->arena;
    const char *folder = device->folder.bytes;
    const char *const words[] = {arena_print(arena, "%s/ebb-device", file_program_folder()).bytes,
                                 "serve",
                                 "--data",
                                 arena_print(arena, "%s/data", folder).bytes,
                                 "--workflows",
                                 arena_print(arena, "%s/workflows", folder).bytes,
                                 "--socket",
                                 device->socket.bytes,
                                 NULL};
    for (size_t i = 0; i + 1 < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i] == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the words of a daemon");
        }
    }
    const struct process_options options = {
        .arguments = words,
        .environment = (const char *const *)environ,
        .limits = {.files = FILES_OPEN_MAX},
        .descriptor = -1,
        .events = {.output = on_said, .log = on_said, .ended = on_ended},
        .owner = device};
    return process_start(device->loop, &options, &device->process, err);
}

/* Ready, or why not. While it begins nobody listens, and then it says that it still loads. */
static bool is_ready(struct own_device *device) {
    struct value answer = {.kind = VALUE_NULL};
    struct error not_yet;
    return daemon_get(device->call, &answer, &not_yet, "/readyz") == STATUS_OK;
}

status own_device_start(struct own_device *device, int64_t *out_ready_ms, struct error *err) {
    const int64_t began_ns = clock_monotonic_ns();
    int64_t took_ms = 0;
    TRY(spawn(device, err));
    while (!is_ready(device)) {
        TRY(own_device_wait(device, LOOK_MS, err));
        took_ms = (clock_monotonic_ns() - began_ns) / NS_A_MS;
        if (took_ms > OWN_DEVICE_PATIENCE_MS) {
            return fail(err, STATUS_TIMEOUT, "the daemon is not ready after %d s; see %s",
                        OWN_DEVICE_PATIENCE_MS / 1000, device->log_path.bytes);
        }
    }
    *out_ready_ms = (clock_monotonic_ns() - began_ns) / NS_A_MS;
    return STATUS_OK;
}

static status wait_for_end(struct own_device *device, struct error *err) {
    const int64_t until_ns = clock_monotonic_ns() + (int64_t)OWN_DEVICE_PATIENCE_MS * NS_A_MS;
    while (device->process != NULL) {
        turn(device, LOOK_MS);
        if (device->process != NULL && device->interrupted) {
            return fail_interrupted(err);
        }
        if (device->process != NULL && clock_monotonic_ns() > until_ns) {
            return fail(err, STATUS_TIMEOUT, "the daemon does not end; see %s",
                        device->log_path.bytes);
        }
    }
    return STATUS_OK;
}

status own_device_kill(struct own_device *device, struct error *err) {
    process_kill(device->process);
    return wait_for_end(device, err);
}

status own_device_stop(struct own_device *device, struct error *err) {
    process_signal(device->process, SIGTERM);
    TRY(wait_for_end(device, err));
    return device->exit_code == 0 ? STATUS_OK : fail_ended(device, err);
}

void own_device_destroy(struct own_device *device) {
    if (device == NULL) {
        return;
    }
    process_destroy(device->process);
    signal_watch_destroy(device->interrupt);
    signal_watch_destroy(device->terminate);
    timer_close(device->timer);
    loop_destroy(device->loop);
    if (device->log != NULL) {
        (void)fclose(device->log);
    }
    device->call->socket = NULL;
    memory_free(device);
}
