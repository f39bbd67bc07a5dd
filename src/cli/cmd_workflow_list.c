// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {
    {"WORKFLOW", "name", LISTING_TEXT},      {"STATE", "state", LISTING_STATE},
    {"QUEUED", "queued", LISTING_COUNT},     {"RUNNING", "running", LISTING_COUNT},
    {"WAITING", "waiting", LISTING_COUNT},   {"EVENTS", "events", LISTING_COUNT},
    {"RUNS", "runs", LISTING_COUNT},         {"RESULTS", "results", LISTING_COUNT},
    {"FAILURES", "failures", LISTING_COUNT}, {"DROPPED", "dropped", LISTING_COUNT}};

static const struct listing LISTING = {
    .member = "workflows",
    .columns = COLUMNS,
    .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
    .nothing = "no workflow is on this device; `ebb workflow start FILE` adds one"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/workflows"));
    return listing_answer(call, &LISTING, answer, err);
}

const struct command cmd_workflow_list = {
    .noun = "workflow",
    .verb = "list",
    .summary = "List the workflows of this device and what went through them",
    .example = "ebb workflow list",
    .asks_daemon = true,
    .run = run};
