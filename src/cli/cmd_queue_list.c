// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {
    {"LANE", "lane", LISTING_TEXT},          {"WAITING", "waiting", LISTING_COUNT},
    {"BYTES", "bytes", LISTING_BYTES},       {"OLDEST (UTC)", "oldest_at", LISTING_MOMENT},
    {"NEXT SEQ", "next_seq", LISTING_COUNT}, {"ACKNOWLEDGED", "acknowledged", LISTING_COUNT},
    {"GAPS", "gaps", LISTING_COUNT}};

static const struct listing LISTING = {.member = "lanes",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "no lane holds anything"};

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/queue"));
    return listing_answer(call, &LISTING, answer, err);
}

const struct command cmd_queue_list = {
    .noun = "queue",
    .verb = "list",
    .summary = "List the lanes: what waits to be sent, how much, since when",
    .example = "ebb queue list",
    .asks_daemon = true,
    .run = run};
