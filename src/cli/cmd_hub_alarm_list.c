// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"
#include "cli/pairs.h"

static const struct listing_column COLUMNS[] = {{"LAST (UTC)", "last_at", LISTING_MOMENT},
                                                {"TIMES", "count", LISTING_COUNT},
                                                {"DEVICE", "device", LISTING_TEXT},
                                                {"ALARM", "text", LISTING_TEXT}};

static const struct listing LISTING = {.member = "alarms",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "nothing is wrong with devices or tokens"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const char *label = call_option(call, "label");
    const struct slice wish = pairs_encode(&call->arena, slice_of(label != NULL ? label : ""));
    TRY(daemon_get(call, &answer, err, "/v1/alarms?label=%.*s", SLICE_ARGS(wish)));
    return listing_answer(call, &LISTING, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"label", "NAME=VALUE", "of devices with this label alone (-l); NAME: with any value"}, {0}};

const struct command cmd_hub_alarm_list = {
    .noun = "hub alarm",
    .verb = "list",
    .summary = "List what is wrong with devices and tokens: tokens used twice, revoked ones shown",
    .example = "ebb hub alarm list",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
