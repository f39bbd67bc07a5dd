// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "wire/lane.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 1000000, PAGE_MAX = 500 };

static const struct listing_column COLUMNS[] = {{"ID", "id", LISTING_TEXT},
                                                {"CREATED (UTC)", "created_at", LISTING_MOMENT},
                                                {"WORKFLOW", "workflow", LISTING_TEXT},
                                                {"NAME", "name", LISTING_TEXT},
                                                {"LANE", "lane", LISTING_TEXT},
                                                {"STATE", "state", LISTING_TEXT},
                                                {"RESULT", "result", LISTING_TEXT}};

static const struct listing LISTING = {.member = "results",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "no such results"};

/* The part of the question that stays the same from page to page. */
static status write_filters(struct call *call, struct buffer *out, struct error *err) {
    static const char *const NAMES[] = {"workflow", "name"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const char *value = call_option(call, NAMES[i]);
        if (value != NULL) {
            TRY(daemon_check_name(NAMES[i], value, err));
            buffer_print(out, "&%s=%s", NAMES[i], value);
        }
    }
    const char *lane = call_option(call, "lane");
    if (lane != NULL) {
        TRY(daemon_check_lane(lane, err));
        buffer_print(out, "&lane=%s", lane);
    }
    return STATUS_OK;
}

/* Page after page into one list, since a table wants to know all its rows. */
static status run(struct call *call, struct error *err) {
    int64_t left = 0;
    TRY(call_number(call, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &left, err));
    if (call_has(call, "all")) {
        left = LIMIT_MAX;
    }
    CLEANUP(buffer_done) struct buffer filters;
    buffer_init(&filters, 1024);
    TRY(write_filters(call, &filters, err));
    char key[LISTING_KEY_BYTES] = "";
    bool more = true;
    struct value *all = NULL;
    uint32_t count = 0;
    while (more && left > 0) {
        struct value answer = {.kind = VALUE_NULL};
        TRY(daemon_get(call, &answer, err, "/v1/results?limit=%" PRId64 "%.*s%s%s",
                       left < PAGE_MAX ? left : PAGE_MAX, SLICE_ARGS(buffer_slice(&filters)),
                       *key != '\0' ? "&before=" : "", key));
        uint32_t page_count = 0;
        const struct value *page = human_items(answer, "results", &page_count);
        if (call->json) {
            TRY(listing_answer(call, &LISTING, answer, err));
            more = page_count > 0 && listing_next_key(answer, key);
            arena_reset(&call->arena); /* what is printed need not be kept */
        } else {
            TRY(listing_join(call, &all, &count, page, page_count, err));
            more = page_count > 0 && listing_next_key(answer, key);
        }
        left -= page_count;
    }
    return call->json ? STATUS_OK : listing_write(call, &LISTING, all, count, err);
}

static const struct command_option OPTIONS[] = {
    {"workflow", "NAME", "of this workflow alone"},
    {"name", "NAME", "of this name alone"},
    {"lane", "LANE", "in this lane alone: urgent, high, normal, low, local ..."},
    {"limit", "N", "at most so many (20)"},
    {"all", NULL, "all there are"},
    {0}};

const struct command cmd_result_list = {
    .noun = "result",
    .verb = "list",
    .summary = "List results, the newest first, those that wait and those that are kept",
    .example = "ebb result list --workflow inbox-triage --lane urgent\n"
               "ebb result list --all --json | jq -r .result.label | sort | uniq -c",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
