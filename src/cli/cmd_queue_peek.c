// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/listing.h"

enum { LIMIT_DEFAULT = 10, LIMIT_MAX = 1000 };

static const struct listing_column COLUMNS[] = {{"SEQ", "seq", LISTING_COUNT},
                                                {"KIND", "kind", LISTING_TEXT},
                                                {"CREATED (UTC)", "created_at", LISTING_MOMENT},
                                                {"WORKFLOW", "workflow", LISTING_TEXT},
                                                {"NAME", "name", LISTING_TEXT},
                                                {"RESULT", "result", LISTING_TEXT}};

static const struct listing LISTING = {.member = "records",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "nothing waits in this lane"};

static status run(struct call *call, struct error *err) {
    const char *lane = call_argument(call, 0);
    TRY(daemon_check_lane(lane, err));
    int64_t limit = 0;
    TRY(call_number(call, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/queue/%s?limit=%" PRId64, lane, limit));
    return listing_answer(call, &LISTING, answer, err);
}

static const struct command_option OPTIONS[] = {{"limit", "N", "at most so many (10)"}, {0}};

const struct command cmd_queue_peek = {
    .noun = "queue",
    .verb = "peek",
    .arguments = "LANE",
    .least = 1,
    .most = 1,
    .summary = "Show what will leave a lane next, without taking it out",
    .example = "ebb queue peek urgent --limit 3",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
