// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {{"WORKFLOW", "workflow", LISTING_TEXT},
                                                {"RECORDS", "records", LISTING_COUNT},
                                                {"BYTES", "bytes", LISTING_BYTES},
                                                {"REMOVED", "removed_records", LISTING_COUNT},
                                                {"BYTES", "removed_bytes", LISTING_BYTES}};

static const struct listing WORKFLOWS = {.member = "workflows",
                                         .columns = COLUMNS,
                                         .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                         .nothing = ""};

static const struct listing_column PLACES[] = {
    {"DESTINATION", "name", LISTING_TEXT},    {"KIND", "kind", LISTING_TEXT},
    {"SENT", "sent", LISTING_COUNT},          {"WAITING", "waiting", LISTING_COUNT},
    {"REFUSED", "refused", LISTING_COUNT},    {"GIVEN UP", "given_up", LISTING_COUNT},
    {"REMOVED", "removed", LISTING_COUNT},    {"FAILING", "failing", LISTING_TEXT},
    {"LAST FAILURE", "failure", LISTING_TEXT}};

static const struct listing DESTINATIONS = {.member = "destinations",
                                            .columns = PLACES,
                                            .column_count = sizeof(PLACES) / sizeof(PLACES[0]),
                                            .nothing = ""};

/* The lists are for people tables of their own. */
static status write_without_lists(struct call *call, struct value answer, struct error *err) {
    struct value rest;
    struct member *members = value_new_object(&call->arena, answer.count, &rest);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    rest.count = 0;
    for (uint32_t i = 0; i < answer.count; i++) {
        if (!slice_is(answer.members[i].name, WORKFLOWS.member) &&
            !slice_is(answer.members[i].name, DESTINATIONS.member)) {
            members[rest.count++] = answer.members[i];
        }
    }
    return listing_object(call, rest, err);
}

static status write_list(struct call *call, const struct listing *listing, struct value answer,
                         struct error *err) {
    uint32_t count = 0;
    const struct value *items = human_items(answer, listing->member, &count);
    if (count == 0) {
        return STATUS_OK;
    }
    (void)fputc('\n', call->out);
    return listing_write(call, listing, items, count, err);
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/status"));
    if (call->json || answer.kind != VALUE_OBJECT) {
        return listing_object(call, answer, err);
    }
    TRY(write_without_lists(call, answer, err));
    TRY(write_list(call, &DESTINATIONS, answer, err));
    return write_list(call, &WORKFLOWS, answer, err);
}

const struct command cmd_hub_status = {
    .noun = "hub",
    .verb = "status",
    .summary = "Show what the hub has, who is connected, and whether anything is wrong",
    .details =
        "Destinations of the hub's own file, and workflows: those with the most bytes first,\n"
        "and what was removed of them (`ebb hub serve --config`).\n",
    .example = "ebb hub status\n"
               "ebb hub status --json | jq .records",
    .asks_hub = true,
    .run = run};
