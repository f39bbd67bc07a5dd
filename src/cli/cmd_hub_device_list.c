// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/pairs.h"

enum { AFTER_BYTES_MAX = 64 };

static const struct listing_column COLUMNS[] = {
    {"NAME", "name", LISTING_TEXT},
    {"STATE", "state", LISTING_TEXT},
    {"LAST CONTACT (UTC)", "contact_at", LISTING_MOMENT},
    {"JOINED (UTC)", "joined_at", LISTING_MOMENT},
    {"LABELS", "labels", LISTING_TEXT},
    {"ID", "id", LISTING_TEXT}};

static const struct listing LISTING = {
    .member = "devices",
    .columns = COLUMNS,
    .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
    .nothing = "no such devices; `ebb hub token new` makes a token by which one can join"};

/* Where the next page begins; false: this was the last. */
static bool read_after(struct value answer, char after[AFTER_BYTES_MAX]) {
    const struct value *member = value_get(answer, SLICE("after"));
    const struct slice text = member != NULL ? value_text(*member) : SLICE("");
    if (text.count == 0 || text.count >= AFTER_BYTES_MAX) {
        return false;
    }
    (void)snprintf(after, AFTER_BYTES_MAX, "%.*s", SLICE_ARGS(text));
    return true;
}

static status run(struct call *call, struct error *err) {
    const char *label = call_option(call, "label");
    const struct slice wish = pairs_encode(&call->arena, slice_of(label != NULL ? label : ""));
    char after[AFTER_BYTES_MAX] = "";
    struct value *all = NULL;
    uint32_t count = 0;
    bool more = true;
    while (more) {
        struct value answer = {.kind = VALUE_NULL};
        uint32_t page_count = 0;
        TRY(daemon_get(call, &answer, err, "/v1/devices?label=%.*s&after=%s", SLICE_ARGS(wish),
                       after));
        const struct value *page = human_items(answer, LISTING.member, &page_count);
        more = read_after(answer, after);
        TRY(call->json ? listing_answer(call, &LISTING, answer, err)
                       : listing_join(call, &all, &count, page, page_count, err));
    }
    return call->json ? STATUS_OK : listing_write(call, &LISTING, all, count, err);
}

static const struct command_option OPTIONS[] = {
    {"label", "NAME=VALUE", "those of this label alone (-l); NAME: with any value"}, {0}};

const struct command cmd_hub_device_list = {
    .noun = "hub device",
    .verb = "list",
    .summary = "List the devices that have joined the hub, and when they were heard of",
    .example = "ebb hub device list -l line=3\n"
               "ebb hub device list --json | jq -r 'select(.state == \"active\").name'",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
