// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/joining.h"
#include "cli/listing.h"

static const struct listing_column COLUMNS[] = {{"LANE", "lane", LISTING_TEXT},
                                                {"WAITING", "waiting", LISTING_COUNT},
                                                {"BYTES", "bytes", LISTING_BYTES},
                                                {"OLDEST (UTC)", "oldest_at", LISTING_MOMENT}};

static const struct listing LANES = {.member = "lanes",
                                     .columns = COLUMNS,
                                     .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                     .nothing = "no lane holds anything"};

static bool is_true(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && value_truth(*member);
}

/* "66.1 KiB of 64.0 KiB", or what was sent where there is no budget. */
static void say_span(struct call *call, struct value link, const char *span) {
    const struct value *member = value_get(link, slice_of(span));
    const struct value facts = member != NULL ? *member : (struct value){.kind = VALUE_NULL};
    const int64_t budget = human_number(facts, "budget_bytes");
    const struct slice sent = human_bytes(&call->arena, human_number(facts, "sent_bytes"));
    (void)fprintf(call->out, "%.*s", SLICE_ARGS(sent));
    if (budget > 0) {
        (void)fprintf(call->out, " of %.*s", SLICE_ARGS(human_bytes(&call->arena, budget)));
    }
}

static void say_link(struct call *call, struct value link) {
    const int64_t goes_on_ms = human_number(link, "goes_on_ms");
    const struct slice kind = human_member(&call->arena, link, "kind");
    (void)fprintf(call->out, "It goes by %.*s (%.*s%s), with ",
                  SLICE_ARGS(human_member(&call->arena, link, "interface")), SLICE_ARGS(kind),
                  is_true(link, "metered") ? ", metered" : "");
    say_span(call, link, "hour");
    (void)fprintf(call->out, " sent in the last hour and ");
    say_span(call, link, "day");
    (void)fprintf(call->out, " in the last day, besides control and urgent.\n");
    if (goes_on_ms > 0) {
        (void)fprintf(call->out,
                      "The budget of %.*s links is used up: control and urgent are sent, the rest "
                      "goes on in %.*s.\n",
                      SLICE_ARGS(kind), SLICE_ARGS(human_span(&call->arena, goes_on_ms)));
    }
}

/* What a person wants to know first, in a sentence. */
static void say(struct call *call, struct value sync) {
    const struct slice hub = human_member(&call->arena, sync, "hub");
    const struct slice refusal = human_member(&call->arena, sync, "refused");
    const bool refused = value_get(sync, SLICE("refused")) != NULL;
    const struct slice error = human_member(&call->arena, sync, "last_error");
    const int64_t wait_ms = human_number(sync, "next_attempt_ms");
    const struct value *endpoint = value_get(sync, SLICE("endpoint"));
    if (endpoint != NULL) {
        (void)fprintf(call->out, "Results go to %.*s%s.\n",
                      SLICE_ARGS(human_member(&call->arena, *endpoint, "url")),
                      is_true(*endpoint, "failing") ? ", which does not take them" : "");
        if (is_true(*endpoint, "failing")) {
            (void)fprintf(call->out, "Last trouble: %.*s\n",
                          SLICE_ARGS(human_member(&call->arena, *endpoint, "last_error")));
        }
    } else if (!is_true(sync, "joined")) {
        (void)fprintf(call->out, "This device is not joined to a hub%s\n",
                      is_true(sync, "offline") ? ", and its files say that it stays offline."
                                               : ": `ebb join TOKEN`.");
    } else if (refused) {
        (void)fprintf(call->out, "%.*s refuses this device: %.*s. %s\n", SLICE_ARGS(hub),
                      SLICE_ARGS(refusal), joining_again);
    } else if (is_true(sync, "connected")) {
        const struct slice address = human_member(&call->arena, sync, "address");
        (void)fprintf(call->out, "Connected to %.*s%s.\n", SLICE_ARGS(address),
                      is_true(sync, "paused") ? ", paused but for control and urgent" : "");
    } else {
        (void)fprintf(call->out, "%.*s is not reached; ", SLICE_ARGS(hub));
        if (wait_ms > 0) {
            (void)fprintf(call->out, "the next try is in %.*s (`ebb sync now`).\n",
                          SLICE_ARGS(human_span(&call->arena, wait_ms)));
        } else {
            (void)fprintf(call->out, "a try is under way.\n");
        }
    }
    if (is_true(sync, "connected") && value_get(sync, SLICE("link")) != NULL) {
        say_link(call, *value_get(sync, SLICE("link")));
    }
    if (is_true(sync, "joined") && !slice_is(error, "-") && !slice_equal(error, refusal)) {
        (void)fprintf(call->out, "Last trouble: %.*s\n", SLICE_ARGS(error));
    }
}

static status run(struct call *call, struct error *err) {
    struct value sync = {.kind = VALUE_NULL};
    struct value queue = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &sync, err, "/v1/sync"));
    if (call->json) {
        return listing_object(call, sync, err);
    }
    TRY(daemon_get(call, &queue, err, "/v1/queue"));
    say(call, sync);
    (void)fputc('\n', call->out);
    return listing_answer(call, &LANES, queue, err);
}

const struct command cmd_sync_status = {
    .noun = "sync",
    .verb = "status",
    .summary = "Show whether the hub is reached, and what waits for it",
    .example = "ebb sync status\n"
               "ebb sync status --json",
    .asks_daemon = true,
    .run = run};
