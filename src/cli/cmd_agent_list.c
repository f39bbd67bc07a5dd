// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {
    {"AGENT", "name", LISTING_TEXT},         {"VERSION", "version", LISTING_TEXT},
    {"KIND", "kind", LISTING_TEXT},          {"STATE", "state", LISTING_TEXT},
    {"CALLS", "calls", LISTING_COUNT},       {"FAILURES", "failures", LISTING_COUNT},
    {"RESTARTS", "restarts", LISTING_COUNT}, {"AVERAGE MS", "average_ms", LISTING_COUNT},
    {"SUMMARY", "summary", LISTING_TEXT}};

static const struct listing LISTING = {.member = "agents",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "no workflow of this device uses an agent"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/agents"));
    return listing_answer(call, &LISTING, answer, err);
}

const struct command cmd_agent_list = {
    .noun = "agent",
    .verb = "list",
    .summary = "List the agents of this device with what they did so far",
    .example = "ebb agent list",
    .asks_daemon = true,
    .run = run};
