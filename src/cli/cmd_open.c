// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/tunnel.h"
#include "platform/json.h"

enum { PORT_MAX = 65535 };

static status say(struct call *call, const char *url, struct error *err) {
    if (call->json) {
        CLEANUP(buffer_done) struct buffer line;
        buffer_init(&line, 4 * TUNNEL_URL_BYTES);
        buffer_add_text(&line, "{\"url\":");
        json_write_text(&line, slice_of(url));
        buffer_add_byte(&line, '}');
        TRY(buffer_status(&line, err));
        (void)fprintf(call->out, "%.*s\n", SLICE_ARGS(buffer_slice(&line)));
    } else {
        (void)fprintf(call->out, "%s\n", url);
        (void)fprintf(
            call->talk,
            "Open this in a browser here; it is good once. Ctrl-C ends it.\n"
            "From another machine, before you open it: ssh -L PORT:127.0.0.1:PORT HOST\n");
    }
    (void)fflush(call->out);
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    struct tunnel *tunnel = NULL;
    struct value answer = {.kind = VALUE_NULL};
    struct slice socket_path;
    char url[TUNNEL_URL_BYTES];
    int64_t port = 0;
    TRY(call_number(call, "port", 1, PORT_MAX, 0, &port, err));
    TRY(daemon_get(call, &answer, err, "/v1/status")); /* somebody is there */
    TRY(daemon_socket(call, &socket_path, err));
    const struct slice path =
        arena_print(&call->arena, "%.*s", SLICE_ARGS(socket_path)); /* with a zero behind it */
    TRY(tunnel_open(path.bytes, (unsigned)port, &tunnel, url, err));
    const status said = say(call, url, err);
    if (said == STATUS_OK) {
        tunnel_run(tunnel);
    }
    tunnel_close(tunnel);
    return said;
}

static const struct command_option OPTIONS[] = {{"port", "PORT", "of 127.0.0.1; any that is free"},
                                                {0}};

const struct command cmd_open = {
    .verb = "open",
    .summary = "Open this device's own page in a browser of this machine",
    .details =
        "It shows what `ebb status` knows, also when the hub is unreachable. The link opens the\n"
        "page once, and for one browser; the page may what you may at the socket.\n",
    .example = "ebb open\n"
               "ebb open --port 8088",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
