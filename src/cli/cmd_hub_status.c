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

static const struct listing LISTING = {.member = "workflows",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = ""};

/* The list is for people a table of its own. */
static status write_without_list(struct call *call, struct value answer, struct error *err) {
    struct value rest;
    struct member *members = value_new_object(&call->arena, answer.count, &rest);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    rest.count = 0;
    for (uint32_t i = 0; i < answer.count; i++) {
        if (!slice_is(answer.members[i].name, LISTING.member)) {
            members[rest.count++] = answer.members[i];
        }
    }
    return listing_object(call, rest, err);
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    uint32_t count = 0;
    TRY(daemon_get(call, &answer, err, "/v1/status"));
    if (call->json || answer.kind != VALUE_OBJECT) {
        return listing_object(call, answer, err);
    }
    TRY(write_without_list(call, answer, err));
    const struct value *items = human_items(answer, LISTING.member, &count);
    if (count == 0) {
        return STATUS_OK;
    }
    (void)fputc('\n', call->out);
    return listing_write(call, &LISTING, items, count, err);
}

const struct command cmd_hub_status = {
    .noun = "hub",
    .verb = "status",
    .summary = "Show what the hub has, who is connected, and whether anything is wrong",
    .details = "Workflows with the most bytes first, and what was removed of them (`ebb hub serve\n"
               "--config`).\n",
    .example = "ebb hub status\n"
               "ebb hub status --json | jq .records",
    .asks_hub = true,
    .run = run};
