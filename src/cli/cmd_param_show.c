// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/buffer.h"
#include "cli/bound.h"
#include "cli/checker.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/device_program.h"
#include "cli/listing.h"
#include "platform/json.h"

enum { ANSWER_BYTES_MAX = 16 << 20 };

static const struct listing_column COLUMNS[] = {
    {.head = "NAME", .member = "name"},   {.head = "VALUE", .member = "value"},
    {.head = "UNIT", .member = "unit"},   {.head = "TYPE", .member = "type"},
    {.head = "RANGE", .member = "range"}, {.head = "ORIGIN", .member = "origin"},
    {.head = "HELP", .member = "help"}};

static const struct listing PARAMS = {.member = "params",
                                      .columns = COLUMNS,
                                      .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                      .nothing = "this workflow has no parameters"};

static void say_faults(const struct call *call, const struct checked *checked) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANSWER_BYTES_MAX);
    fault_list_write(checked->faults, &text);
    (void)fprintf(call->talk, "%.*s", SLICE_ARGS(buffer_slice(&text)));
}

/* The file itself, without a daemon. */
static status show_file(struct call *call, const char *path, struct error *err) {
    CLEANUP(checked_done) struct checked checked = {0};
    CLEANUP(buffer_done) struct buffer json;
    struct bound bound;
    struct value answer = {.kind = VALUE_NULL};
    buffer_init(&json, ANSWER_BYTES_MAX);
    TRY(bound_read(call, &bound, err));
    const status ended =
        checker_check(path, call_option(call, "agents"), bound_binding(&bound), &checked, err);
    if (ended != STATUS_OK && checked.faults != NULL) {
        say_faults(call, &checked);
        return fail(err, ended, "%s", "");
    }
    TRY(ended);
    if (checked.workflow == NULL) {
        return fail(err, STATUS_INVALID, "%s is an agent's manifest: workflows have parameters",
                    path);
    }
    buffer_add_text(&json, "{\"params\":");
    params_write(checked.workflow->params, checked.workflow->param_count, &json);
    buffer_add_byte(&json, '}');
    TRY(buffer_status(&json, err));
    TRY(json_read(&call->arena, buffer_slice(&json), &answer, err));
    return listing_answer(call, &PARAMS, answer, err);
}

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    TRY(device_program_check_folder(call, "agents", err));
    if (strchr(name, '/') != NULL || strchr(name, '.') != NULL) {
        return show_file(call, name, err);
    }
    TRY(daemon_check_name("workflow", name, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/workflows/%s", name));
    const struct value *fault = value_get(answer, SLICE("fault"));
    if (fault != NULL && value_get(answer, SLICE("params")) == NULL) {
        return fail(err, STATUS_INVALID, "workflow '%s' does not run: %.*s", name,
                    SLICE_ARGS(value_text(*fault)));
    }
    return listing_answer(call, &PARAMS, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"config", "FILE", "of a file: the device's file that sets its parameters"},
    {"set", "PARAM=VALUE", "of a file: a parameter's value; may stand several times"},
    {"agents", "DIR", "of a file: look for agents here as well as in agents/ beside it"},
    {0}};

const struct command cmd_param_show = {
    .noun = "param",
    .verb = "show",
    .arguments = "NAME|FILE",
    .least = 1,
    .most = 1,
    .summary = "Show the parameters of a workflow: value, unit, range, and where the value is from",
    .details =
        "Of a name the daemon is asked. A FILE is read here, with what --config and --set say.\n",
    .example = "ebb param show cold-room\n"
               "ebb param show cold-room.yaml --config device.yaml",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
