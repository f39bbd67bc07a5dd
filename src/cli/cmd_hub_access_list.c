// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"
#include "cli/pairs.h"

static const struct listing_column COLUMNS[] = {{"NAME", "name", LISTING_TEXT},
                                                {"MAY", "may", LISTING_TEXT},
                                                {"STATE", "state", LISTING_TEXT},
                                                {"MADE (UTC)", "created_at", LISTING_MOMENT},
                                                {"USED (UTC)", "used_at", LISTING_MOMENT},
                                                {"ENDS (UTC)", "expires_at", LISTING_MOMENT},
                                                {"ID", "id", LISTING_TEXT}};

static const struct listing LISTING = {.member = "access",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "no program has access"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const char *label = call_option(call, "label");
    const struct slice wish = pairs_encode(&call->arena, slice_of(label != NULL ? label : ""));
    TRY(daemon_get(call, &answer, err, "/v1/access?label=%.*s", SLICE_ARGS(wish)));
    return listing_answer(call, &LISTING, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"label", "NAME=VALUE", "those of this label alone (-l); NAME: with any value"}, {0}};

const struct command cmd_hub_access_list = {.noun = "hub access",
                                            .verb = "list",
                                            .summary =
                                                "List programs with a token, and what they may",
                                            .example = "ebb hub access list",
                                            .options = OPTIONS,
                                            .asks_hub = true,
                                            .run = run};
