// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {{"ID", "id", LISTING_TEXT},
                                                {"WORKFLOW", "workflow", LISTING_TEXT},
                                                {"STATE", "state", LISTING_TEXT},
                                                {"RECOVERIES", "recoveries", LISTING_COUNT},
                                                {"BEGAN (UTC)", "began_at", LISTING_MOMENT},
                                                {"TOOK", "took_ms", LISTING_SPAN},
                                                {"EVENT", "event_id", LISTING_TEXT},
                                                {"ERROR", "error", LISTING_TEXT}};

static const struct listing LISTING = {.member = "runs",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "no such runs"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/runs%s", call_has(call, "parked") ? "?parked=1" : ""));
    return listing_answer(call, &LISTING, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"parked", NULL, "those alone that were set aside because they kept ending the daemon"}, {0}};

const struct command cmd_runs_list = {
    .noun = "runs",
    .verb = "list",
    .summary = "List the runs that are open, waiting or parked, and those that ended lately",
    .example = "ebb runs list --parked",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
