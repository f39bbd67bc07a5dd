// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"
#include "cli/pairs.h"

static const struct listing_column COLUMNS[] = {
    {"ID", "id", LISTING_TEXT},        {"STATE", "state", LISTING_TEXT},
    {"USES", "uses", LISTING_COUNT},   {"USED", "used", LISTING_COUNT},
    {"NAME", "name", LISTING_TEXT},    {"EXPIRES (UTC)", "expires_at", LISTING_MOMENT},
    {"LABELS", "labels", LISTING_TEXT}};

static const struct listing LISTING = {.member = "tokens",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "there are no such tokens"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const char *label = call_option(call, "label");
    const struct slice wish = pairs_encode(&call->arena, slice_of(label != NULL ? label : ""));
    TRY(daemon_get(call, &answer, err, "/v1/tokens?label=%.*s", SLICE_ARGS(wish)));
    return listing_answer(call, &LISTING, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"label", "NAME=VALUE", "those of this label alone (-l); NAME: with any value"}, {0}};

const struct command cmd_hub_token_list = {
    .noun = "hub token",
    .verb = "list",
    .summary = "List tokens, open, used up and expired ones; what was in them is not kept",
    .example = "ebb hub token list",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
