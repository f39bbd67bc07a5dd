// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {{"WORKFLOW", "name", LISTING_TEXT},
                                                {"DEVICES", "devices", LISTING_COUNT},
                                                {"DIGEST", "digest", LISTING_TEXT},
                                                {"SUMMARY", "summary", LISTING_TEXT}};

static const struct listing LISTING = {
    .member = "workflows",
    .columns = COLUMNS,
    .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
    .nothing = "no device has reported a workflow; `ebb hub device list` shows the devices"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/workflows"));
    return listing_answer(call, &LISTING, answer, err);
}

const struct command cmd_hub_workflow_list = {
    .noun = "hub workflow",
    .verb = "list",
    .summary = "List the workflows that devices run, and on how many of them",
    .example = "ebb hub workflow list",
    .asks_hub = true,
    .run = run};
