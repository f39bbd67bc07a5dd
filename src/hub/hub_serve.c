// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "hub/hub_daemon.h"
#include "hub/hub_folder.h"
#include "hub/people_port.h"
#include "hub/welcome.h"
#include "platform/file.h"
#include "platform/secret.h"
#include "platform/yaml.h"

enum {
    SOCKET_PATH_BYTES_MAX = 108,
    FILES_BESIDE = 64,   /* that are open beside connections */
    FILES_DEVICES = 64,  /* with fewer for devices it is no hub */
    FILES_WANTED = 4096, /* fewer are worth a word */
    SETTINGS_BYTES_MAX = 8 << 20,
    FAULTS_BYTES_MAX = 64 << 10
};

struct places {
    char data[HUB_FOLDER_BYTES_MAX];
    char socket[HUB_FOLDER_BYTES_MAX];
};

static status choose_places(const struct hub_serve_options *options, struct places *places,
                            struct error *err) {
    TRY(hub_folder_choose(options->data, places->data, err));
    const int count =
        options->socket != NULL
            ? snprintf(places->socket, HUB_FOLDER_BYTES_MAX, "%s", options->socket)
            : snprintf(places->socket, HUB_FOLDER_BYTES_MAX, "%.4000s/hub.sock", places->data);
    if (count < 0 || count >= SOCKET_PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "the path of the socket has more than %d bytes: name another with --socket",
                    SOCKET_PATH_BYTES_MAX - 1);
    }
    return STATUS_OK;
}

/* As many files as the system lets us have; each connection is one. *out_devices: what is left of
 * them for devices. */
static status raise_files(bool has_people, unsigned *out_devices, struct error *err) {
    const rlim_t beside = FILES_BESIDE + (has_people ? PEOPLE_CONNECTIONS_MAX : 0);
    struct rlimit limit = {.rlim_cur = 1024, .rlim_max = 1024};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        const struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    if (limit.rlim_cur < beside + FILES_DEVICES) {
        return fail(err, STATUS_INVALID,
                    "this process may open %llu files, and a hub wants at least %llu: raise "
                    "LimitNOFILE (systemd) or `ulimit -n`",
                    (unsigned long long)limit.rlim_cur,
                    (unsigned long long)(beside + FILES_DEVICES));
    }
    if (limit.rlim_cur < FILES_WANTED) {
        log_line(LOG_WARN, "hub",
                 "this process may open %llu files, which bounds the devices that connect at once: "
                 "raise LimitNOFILE (systemd) or `ulimit -n`",
                 (unsigned long long)limit.rlim_cur);
    }
    const rlim_t most = DEVICE_CONNECTIONS_MAX + beside;
    *out_devices = (unsigned)((limit.rlim_cur < most ? limit.rlim_cur : most) - beside);
    return STATUS_OK;
}

/* "90d" as days; 0 where nothing is said. */
static status read_life(const char *text, int *out_days, struct error *err) {
    static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;
    int64_t ms = 0;
    if (text == NULL) {
        return STATUS_OK;
    }
    if (!time_read_span(slice_of(text), &ms) || ms % DAY_MS != 0 ||
        ms < AUTHORITY_LIFE_DAYS_LEAST * DAY_MS || ms > AUTHORITY_LIFE_DAYS_MOST * DAY_MS) {
        return fail(err, STATUS_INVALID, "--device-life wants %dd to %dd, not '%.40s'",
                    AUTHORITY_LIFE_DAYS_LEAST, AUTHORITY_LIFE_DAYS_MOST, text);
    }
    *out_days = (int)(ms / DAY_MS);
    return STATUS_OK;
}

static void say_faults(const struct fault_list *faults) {
    CLEANUP(buffer_done) struct buffer sentences;
    buffer_init(&sentences, FAULTS_BYTES_MAX);
    fault_list_write(faults, &sentences);
    (void)fprintf(stderr, "%.*s\n", SLICE_ARGS(slice_trim(buffer_slice(&sentences))));
}

static status read_settings(struct arena *arena, const char *path, struct hub_settings *out,
                            struct error *err) {
    struct fault_list *faults = NULL;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, YAML_BYTES_MAX);
    *out = (struct hub_settings){.overdue_ms = HUB_OVERDUE_MS};
    if (path == NULL) {
        return STATUS_OK;
    }
    secret_use_folder_beside(path);
    TRY(file_read(path, &text, err));
    const status code =
        hub_file_read(arena, slice_of(path), buffer_slice(&text), out, &faults, err);
    if (faults != NULL) {
        say_faults(faults);
    }
    fault_list_release(faults);
    return code;
}

static status serve(const struct hub_serve_options *options, const struct hub_settings *settings,
                    struct error *err) {
    struct places places;
    struct hub_daemon *hub = NULL;
    unsigned connections_max = 0;
    int life_days = 0;
    if ((options->authority == NULL) != (options->authority_key == NULL)) {
        return fail(err, STATUS_INVALID, "--authority and --authority-key go together");
    }
    TRY(read_life(options->device_life, &life_days, err));
    TRY(raise_files(options->people != NULL, &connections_max, err));
    TRY(choose_places(options, &places, err));
    const struct hub_daemon_options daemon = {.data = places.data,
                                              .socket = places.socket,
                                              .listen = options->listen != NULL ? options->listen
                                                                                : ":8443",
                                              .people = options->people,
                                              .names = options->names,
                                              .connections_max = connections_max,
                                              .authority = options->authority,
                                              .authority_key = options->authority_key,
                                              .settings = settings,
                                              .site = options->site,
                                              .device_life_days = life_days};
    TRY(hub_daemon_create(&daemon, &hub, err));
    log_line(LOG_INFO, "hub", "data=%s socket=%s listen=%s people=%s ebb %s is ready", places.data,
             places.socket, device_port_address(hub->port),
             hub->people != NULL ? people_port_address(hub->people) : "-", EBB_VERSION);
    if (welcome(hub, options->out, err) != STATUS_OK) {
        log_line(LOG_WARN, "hub", "make a first token: %s", err->text);
    }
    hub_daemon_run(hub);
    hub_daemon_destroy(hub);
    log_line(LOG_INFO, "hub", "ended");
    return STATUS_OK;
}

status hub_serve(const struct hub_serve_options *options, struct error *err) {
    struct arena arena;
    struct hub_settings settings;
    arena_init(&arena, SETTINGS_BYTES_MAX);
    status code = read_settings(&arena, options->config, &settings, err);
    if (code == STATUS_OK) {
        code = serve(options, &settings, err);
    }
    arena_done(&arena);
    return code;
}
