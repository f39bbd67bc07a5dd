// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {{"NAME", "name", LISTING_TEXT},
                                                {"ROLE", "role", LISTING_TEXT},
                                                {"LOCKED", "locked", LISTING_TEXT},
                                                {"FIRST PASSWORD", "must_change", LISTING_TEXT},
                                                {"MADE (UTC)", "created_at", LISTING_MOMENT}};

static const struct listing LISTING = {.member = "people",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "nobody may log in"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/people"));
    return listing_answer(call, &LISTING, answer, err);
}

const struct command cmd_hub_person_list = {.noun = "hub person",
                                            .verb = "list",
                                            .summary = "List who may log in at the hub's page",
                                            .example = "ebb hub person list",
                                            .asks_hub = true,
                                            .run = run};
