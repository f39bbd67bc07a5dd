// SPDX-License-Identifier: Apache-2.0
#include "runtime/serve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/size.h"
#include "platform/file.h"
#include "platform/secret.h"
#include "runtime/daemon.h"
#include "runtime/workflow_folder.h"
#include "wire/device_file.h"

enum { PATH_BYTES_MAX = 4096, SETTINGS_BYTES_MAX = 8 << 20, SOCKET_PATH_BYTES_MAX = 108 };

struct serving {
    const struct serve_options *options;
    struct arena arena;
    struct device device;
    struct arena again; /* of `bound`, once the files were read again */
    struct device bound;
    struct binding binding; /* of the workflows */
    char data[PATH_BYTES_MAX];
    char workflows[PATH_BYTES_MAX];
    char socket[PATH_BYTES_MAX];
};

static const char *environment(const char *name) {
    return getenv(name);
}

static void print_faults(void *owner, const struct fault_list *faults) {
    CLEANUP(buffer_done) struct buffer said;
    (void)owner;
    buffer_init(&said, 1 << 20);
    fault_list_write(faults, &said);
    (void)fprintf(stderr, "%.*s", SLICE_ARGS(buffer_slice(&said)));
}

static status read_files(const struct serving *serving, struct arena *arena,
                         struct device *out_device, struct error *err) {
    const struct device_files files = {
        .path = serving->options->config, .environment = environment, .said = print_faults};
    return device_load(arena, &files, out_device, err);
}

static status read_settings(struct serving *serving, struct error *err) {
    char host[256] = "";
    TRY(read_files(serving, &serving->arena, &serving->device, err));
    if (serving->device.name.count == 0 && gethostname(host, sizeof(host) - 1) == 0) {
        serving->device.name = arena_copy(&serving->arena, slice_of(host));
    }
    const char *named = serving->options->config;
    if (named != NULL) {
        secret_use_folder_beside(named);
    }
    serving->binding = (struct binding){.device = &serving->device,
                                        .file = named != NULL ? named : DEVICE_FILE,
                                        .environment = environment};
    return STATUS_OK;
}

/* By name, kind and place. */
static bool is_same_destinations(const struct device *a, const struct device *b) {
    const struct device_destination *x = a->destinations;
    const struct device_destination *y = b->destinations;
    while (x != NULL && y != NULL && slice_equal(x->name, y->name) && x->kind == y->kind &&
           slice_equal(x->path, y->path) && slice_equal(x->hook.url, y->hook.url) &&
           slice_equal(x->hook.sign, y->hook.sign) && x->give_up_ms == y->give_up_ms) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL;
}

static bool is_same_hub(const struct device *a, const struct device *b) {
    bool same = slice_equal(a->proxy, b->proxy);
    for (int i = 0; i < LINK_KIND_COUNT; i++) {
        const enum link_kind kind = (enum link_kind)i;
        same = same && device_link_is_metered(a, kind) == device_link_is_metered(b, kind) &&
               a->links[i].bytes_hour == b->links[i].bytes_hour &&
               a->links[i].bytes_day == b->links[i].bytes_day;
    }
    return same;
}

static void say_that_waits(const char *section) {
    log_line(LOG_WARN, "runtime",
             "`%s` of the device's files has changed: that counts from the next start of the "
             "daemon on",
             section);
}

/* What workflows are bound to follows the files at a reload; who the device is and where its store
 * lies does not, nor where results are sent and by which way. With faults in them what was known
 * stays. */
static void read_again(void *owner) {
    struct serving *serving = owner;
    struct arena fresh;
    struct device device;
    struct error err;
    arena_init(&fresh, SETTINGS_BYTES_MAX);
    if (read_files(serving, &fresh, &device, &err) != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "read the device's files again: %s", err.text);
        arena_done(&fresh);
        return;
    }
    arena_done(&serving->again);
    serving->again = fresh;
    if (!is_same_destinations(&device, &serving->device)) {
        say_that_waits("destinations");
    }
    if (!is_same_hub(&device, &serving->device)) {
        say_that_waits("hub");
    }
    device.destinations = serving->device.destinations;
    serving->bound = device;
    serving->binding.device = &serving->bound;
}

static status choose_data(struct serving *serving, const char *named, struct error *err) {
    char *data = serving->data;
    static_assert(DEVICE_FOLDER_BYTES_MAX == sizeof(serving->data), "a path is a path");
    TRY(device_data_folder(&serving->device, named, environment, data, err));
    TRY(file_make_folder(data, err));
    char real[PATH_BYTES_MAX];
    if (realpath(data, real) != NULL) {
        (void)memcpy(data, real, sizeof(real));
    }
    return STATUS_OK;
}

static status choose_places(struct serving *serving, const struct serve_options *options,
                            struct error *err) {
    struct file_facts facts;
    TRY(choose_data(serving, options->data, err));
    if (options->workflows != NULL &&
        (file_facts(options->workflows, &facts, NULL) != STATUS_OK || !facts.is_folder)) {
        return fail(err, STATUS_NOT_FOUND, "--workflows: '%s' is no folder", options->workflows);
    }
    const bool named = options->data != NULL || serving->device.path.count > 0;
    int count;
    if (options->socket != NULL) {
        count = snprintf(serving->socket, PATH_BYTES_MAX, "%s", options->socket);
    } else if (!named && geteuid() == 0) {
        TRY(file_make_folder("/run/ebb", err));
        count = snprintf(serving->socket, PATH_BYTES_MAX, "/run/ebb/ebb.sock");
    } else {
        count = snprintf(serving->socket, PATH_BYTES_MAX, "%.4000s/ebb.sock", serving->data);
    }
    if (count < 0 || count >= SOCKET_PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "the socket's path '%s' is longer than the %d bytes that the system takes: "
                    "name a shorter one with --socket",
                    serving->socket, SOCKET_PATH_BYTES_MAX - 1);
    }
    (void)snprintf(serving->workflows, PATH_BYTES_MAX, "%.4000s/workflows", serving->data);
    TRY(file_make_folder(serving->workflows, err));
    return workflow_folder_recover(serving->data, err);
}

static void on_refused(void *owner, const struct slot *slot, const struct error *err) {
    (void)owner;
    log_line(LOG_WARN, "runtime", "workflow=%s %s", slot->name, err->text);
}

static void on_ended(void *owner, const struct run *run) {
    (void)owner;
    if (run->outcome == OUTCOME_FAILED || run->outcome == OUTCOME_EXPIRED) {
        char id[RUN_ID_TEXT_BYTES];
        id_write_hex(run->id, id);
        log_line(LOG_WARN, "runtime", "workflow=%.*s run=%s %s: %.*s",
                 SLICE_ARGS(run->version->workflow->name), id, run_outcome_name(run->outcome),
                 SLICE_ARGS(run->error));
    }
}

/* Adds a folder to a list that is ended by NULL and has room for it. */
static void add_folder(const char **folders, const char *folder) {
    while (*folders != NULL) {
        folders++;
    }
    *folders = folder;
}

/* Workflows and agents stand where the command line says, and where the guide's file does. */
static void add_folders(const struct serving *serving, struct reload_places *places) {
    const struct serve_options *options = serving->options;
    const struct device *device = &serving->device;
    add_folder(places->workflows, serving->workflows);
    add_folder(places->workflows, options->workflows);
    add_folder(places->agents, options->agents);
    if (device->workflows_folder.count > 0) {
        add_folder(places->workflows, device->workflows_folder.bytes);
    }
    if (device->agents_folder.count > 0) {
        add_folder(places->agents, device->agents_folder.bytes);
    }
}

static status serve_from(struct serving *serving, const struct serve_options *options,
                         struct error *err) {
    TRY(read_settings(serving, err));
    TRY(choose_places(serving, options, err));
    struct daemon_options daemon = {
        .data = serving->data,
        .socket = serving->socket,
        .places = {.binding = &serving->binding, .refresh = read_again, .owner = serving},
        .settings = &serving->device,
        .syncs = true,
        .budget_bytes = serving->device.budget_bytes,
        .commit_ms = serving->device.commit_ms,
        .on_ended = on_ended,
        .on_refused = on_refused,
    };
    add_folders(serving, &daemon.places);
    TRY(device_value(&serving->arena, &serving->device, &daemon.device, err));
    struct daemon *made = NULL;
    TRY(daemon_create(&daemon, &made, err));
    log_line(LOG_INFO, "runtime", "data=%s socket=%s ebb %s is ready", serving->data,
             serving->socket, EBB_VERSION);
    daemon_run(made);
    *err = made->error;
    daemon_destroy(made);
    log_line(LOG_INFO, "runtime", "ended");
    return err->code;
}

status serve(const struct serve_options *options, struct error *err) {
    struct serving *serving = memory_new(1, sizeof(*serving));
    if (serving == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    serving->options = options;
    arena_init(&serving->arena, SETTINGS_BYTES_MAX);
    const status code = serve_from(serving, options, err);
    arena_done(&serving->again);
    arena_done(&serving->arena);
    memory_free(serving);
    return code;
}
