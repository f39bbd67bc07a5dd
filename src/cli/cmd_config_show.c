// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/listing.h"
#include "platform/json.h"
#include "platform/secret.h"
#include "wire/device_file.h"

enum { ANSWER_BYTES_MAX = 8 << 20 };

static const struct listing_column COLUMNS[] = {
    {.head = "NAME", .member = "name"},
    {.head = "VALUE", .member = "value"},
    {.head = "ORIGIN", .member = "origin"},
    {.head = "DEFAULT", .member = "default"},
};

static const struct listing SETTINGS = {.member = "settings",
                                        .columns = COLUMNS,
                                        .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                        .nothing = "there are no settings"};

static const char *environment(const char *name) {
    return getenv(name);
}

static void say_faults(void *owner, const struct fault_list *faults) {
    const struct call *call = owner;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANSWER_BYTES_MAX);
    fault_list_write(faults, &text);
    (void)fprintf(call->talk, "%.*s", SLICE_ARGS(buffer_slice(&text)));
}

/* Where secrets lie is said by the environment, or follows from the file that was named. */
static void write_secrets(const char *named, struct buffer *json) {
    char folder[SECRET_PATH_BYTES_MAX];
    const char *variable = "EBB__SECRETS__PATH";
    if (named != NULL) {
        secret_use_folder_beside(named);
    }
    secret_folder(folder);
    buffer_add_text(json, ",{\"name\":\"secrets.path\",\"value\":");
    json_write_text(json, slice_of(folder));
    buffer_add_text(json, ",\"origin\":");
    json_write_text(json, slice_of(getenv(variable) != NULL ? variable
                                   : named != NULL          ? named
                                                            : "default"));
    buffer_add_text(json, "}]}");
}

static status run(struct call *call, struct error *err) {
    const char *named = call_option(call, "config");
    const struct device_files files = {
        .path = named, .environment = environment, .said = say_faults, .owner = call};
    struct device device = {0};
    struct value answer = {.kind = VALUE_NULL};
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    if (device_load(&call->arena, &files, &device, err) != STATUS_OK) {
        return named != NULL ? fail_while(err, "--config") : err->code;
    }
    buffer_add_text(&json, "{\"settings\":");
    device_write_settings(&device, &json);
    TRY(buffer_status(&json, err));
    json.count--; /* the list goes on */
    write_secrets(named, &json);
    TRY(buffer_status(&json, err));
    TRY(json_read(&call->arena, buffer_slice(&json), &answer, err));
    return listing_answer(call, &SETTINGS, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"config", "FILE", "the device's file (/etc/ebb/device.yaml, else edge_config.json there)"},
    {0}};

const struct command cmd_config_show = {
    .noun = "config",
    .verb = "show",
    .summary = "Show the settings of this device: what each is, and where it is said",
    .details =
        "The device's file, conf.d/*.yaml beside it and the environment are read as by a daemon.\n"
        "What `ebb serve` is told on its command line wins over all of them. Parameters of\n"
        "workflows are shown by `ebb param show`.\n",
    .example = "ebb config show\n"
               "ebb config show --config edge_config.json",
    .options = OPTIONS,
    .run = run};
