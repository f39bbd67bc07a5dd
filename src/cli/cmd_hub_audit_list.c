// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"
#include "cli/pairs.h"

static const struct listing_column COLUMNS[] = {{"WHEN (UTC)", "at", LISTING_MOMENT},
                                                {"WHO", "who", LISTING_TEXT},
                                                {"FROM", "source", LISTING_TEXT},
                                                {"WHAT", "what", LISTING_TEXT},
                                                {"DETAILS", "details", LISTING_TEXT}};

static const struct listing LISTING = {.member = "deeds",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "nobody did anything like that"};

static struct slice encoded(struct call *call, const char *option) {
    const char *text = call_option(call, option);
    return pairs_encode(&call->arena, slice_of(text != NULL ? text : ""));
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const struct slice who = encoded(call, "who");
    const struct slice words = encoded(call, "words");
    TRY(daemon_get(call, &answer, err, "/v1/audit?who=%.*s&words=%.*s", SLICE_ARGS(who),
                   SLICE_ARGS(words)));
    return listing_answer(call, &LISTING, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"who", "NAME", "of that person or program alone"},
    {"words", "WORDS", "that stand in what was done, with what, or in its details"},
    {0}};

const struct command cmd_hub_audit_list = {
    .noun = "hub audit",
    .verb = "list",
    .summary = "List who did what at this hub, the newest hundred first",
    .details = "A person is called by their name, a program token:NAME, who came by the socket\n"
               "local:UID.\n",
    .example = "ebb hub audit list --words north",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
