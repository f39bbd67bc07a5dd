// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 1000 };

static const struct listing_column COLUMNS[] = {{"ID", "id", LISTING_COUNT},
                                                {"CREATED (UTC)", "created_at", LISTING_MOMENT},
                                                {"WORKFLOW", "workflow", LISTING_TEXT},
                                                {"SOURCE", "source", LISTING_TEXT},
                                                {"EVENT", "event_id", LISTING_TEXT},
                                                {"BYTES", "bytes", LISTING_BYTES},
                                                {"WHY IT DOES NOT FIT", "reason", LISTING_TEXT}};

static const struct listing LISTING = {.member = "events",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "no events are kept aside"};

static status run(struct call *call, struct error *err) {
    int64_t limit = 0;
    const char *workflow = call_option(call, "workflow");
    struct value answer = {.kind = VALUE_NULL};
    TRY(call_number(call, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit, err));
    if (workflow != NULL) {
        TRY(daemon_check_name("workflow", workflow, err));
    }
    TRY(daemon_get(call, &answer, err, "/v1/events?limit=%" PRId64 "%s%s", limit,
                   workflow != NULL ? "&workflow=" : "", workflow != NULL ? workflow : ""));
    TRY(listing_answer(call, &LISTING, answer, err));
    const int64_t gone = human_number(answer, "gone");
    if (gone > 0 && !call->json) {
        (void)fprintf(call->talk, "%" PRId64 " older ones have made room for these\n", gone);
    }
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"workflow", "NAME", "of this workflow alone"}, {"limit", "N", "at most so many (20)"}, {0}};

const struct command cmd_event_list = {
    .noun = "event",
    .verb = "list",
    .summary = "List events that did not fit and are kept aside, the newest first",
    .details = "A trigger's `schema:` and `event:` say what fits, `invalid:` what becomes of the\n"
               "rest. At most 1,000 of them and 8 MiB are kept.\n",
    .example = "ebb event list --workflow cold-room",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
