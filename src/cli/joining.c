// SPDX-License-Identifier: Apache-2.0
#include "cli/joining.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/daemon.h"
#include "cli/device_program.h"

const char joining_again[] =
    "`ebb leave`, then `ebb join TOKEN` with a token of `ebb hub token new --device NAME`.";

/* Of ebb-device, beside those that were typed. */
static const struct command_option DATA_OPTION = {"data", "DIR", ""};
static const struct command_option TELL_OPTION = {"tell", "SOCKET", ""};

static bool is_same_folder(const char *a, const char *b) {
    char real_a[PATH_MAX], real_b[PATH_MAX];
    return realpath(a, real_a) != NULL && realpath(b, real_b) != NULL &&
           strcmp(real_a, real_b) == 0;
}

static status choose_folder(struct call *call, const char *data, struct error *err) {
    const char *typed = call_option(call, "data");
    struct slice socket = {0};
    TRY(daemon_socket(call, &socket, err));
    if (typed == NULL) {
        TRY(call_add(call, &DATA_OPTION, data, err));
    } else if (!is_same_folder(typed, data)) {
        (void)fprintf(call->talk,
                      "the daemon on %.*s keeps its data in %s and is not told; `ebb serve --data "
                      "%s` is the one that this is for\n",
                      SLICE_ARGS(socket), data, typed);
        return STATUS_OK;
    }
    return call_add(call, &TELL_OPTION, socket.bytes, err);
}

/* A daemon that may not be asked may still be the one: then the folder must be said. */
static status look_for_daemon(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const status asked = daemon_get(call, &answer, err, "/v1/status");
    const struct value *data = value_get(answer, SLICE("data"));
    if (asked == STATUS_DENIED && call_option(call, "data") == NULL) {
        return fail_while(err, "find the daemon's data folder (--data DIR names one)");
    }
    if (asked != STATUS_OK || data == NULL) {
        return STATUS_OK;
    }
    const struct slice path = arena_copy(&call->arena, value_text(*data));
    return path.bytes != NULL ? choose_folder(call, path.bytes, err)
                              : fail(err, STATUS_NO_MEMORY, "no memory for the data folder");
}

status joining_become(struct call *call, const char *verb, struct error *err) {
    TRY(look_for_daemon(call, err));
    return device_program_become(call, verb, err);
}
