// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {{"LAST (UTC)", "last_at", LISTING_MOMENT},
                                                {"TIMES", "count", LISTING_COUNT},
                                                {"ALARM", "text", LISTING_TEXT}};

static const struct listing LISTING = {.member = "alarms",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "nothing is wrong with devices or tokens"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/alarms"));
    return listing_answer(call, &LISTING, answer, err);
}

const struct command cmd_hub_alarm_list = {
    .noun = "hub alarm",
    .verb = "list",
    .summary = "List what is wrong with devices and tokens: tokens used twice, revoked ones shown",
    .example = "ebb hub alarm list",
    .asks_hub = true,
    .run = run};
