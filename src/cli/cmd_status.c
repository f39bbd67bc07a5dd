// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"

static const struct listing_column WORKFLOW_COLUMNS[] = {
    {"WORKFLOW", "name", LISTING_TEXT},      {"STATE", "state", LISTING_TEXT},
    {"QUEUED", "queued", LISTING_COUNT},     {"RUNNING", "running", LISTING_COUNT},
    {"WAITING", "waiting", LISTING_COUNT},   {"RESULTS", "results", LISTING_COUNT},
    {"FAILURES", "failures", LISTING_COUNT}, {"DROPPED", "dropped", LISTING_COUNT}};

static const struct listing_column AGENT_COLUMNS[] = {
    {"AGENT", "name", LISTING_TEXT},         {"KIND", "kind", LISTING_TEXT},
    {"STATE", "state", LISTING_TEXT},        {"CALLS", "calls", LISTING_COUNT},
    {"FAILURES", "failures", LISTING_COUNT}, {"AVERAGE MS", "average_ms", LISTING_COUNT}};

static const struct listing_column LANE_COLUMNS[] = {{"LANE", "lane", LISTING_TEXT},
                                                     {"WAITING", "waiting", LISTING_COUNT},
                                                     {"BYTES", "bytes", LISTING_BYTES}};

static const struct listing_column DESTINATION_COLUMNS[] = {
    {"DESTINATION", "name", LISTING_TEXT},
    {"KIND", "kind", LISTING_TEXT},
    {"WAITING", "waiting", LISTING_COUNT},
    {"MISSED", "missed", LISTING_COUNT},
    {"LAST SUCCESS (UTC)", "success_at", LISTING_MOMENT},
    {"LAST ERROR (UTC)", "failure_at", LISTING_MOMENT},
    {"ERROR", "failure", LISTING_TEXT}};

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static const struct listing PARTS[] = {
    {"workflows", WORKFLOW_COLUMNS, COUNT_OF(WORKFLOW_COLUMNS),
     "no workflow is on this device; `ebb workflow start FILE` adds one"},
    {"agents", AGENT_COLUMNS, COUNT_OF(AGENT_COLUMNS), NULL},
    {"lanes", LANE_COLUMNS, COUNT_OF(LANE_COLUMNS), "nothing waits to be sent"}};

static const struct listing DESTINATIONS = {"destinations", DESTINATION_COLUMNS,
                                            COUNT_OF(DESTINATION_COLUMNS), NULL};

static bool is_true(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && value_truth(*member);
}

static void write_line(struct call *call, const char *label, struct slice text) {
    terminal_paint(call->out, call->terminal.out_colour, COLOUR_BOLD, slice_of(label));
    (void)fputs("  ", call->out);
    terminal_write(call->out, text);
    (void)fputc('\n', call->out);
}

static void write_store(struct call *call, struct value store) {
    struct arena *arena = &call->arena;
    const struct slice bytes = human_bytes(arena, human_number(store, "bytes"));
    write_line(call, "store ",
               arena_print(arena,
                           "%" PRId64 " records, %.*s, in %" PRId64 " commits since the start",
                           human_number(store, "records"), SLICE_ARGS(bytes),
                           human_number(store, "commits")));
    if (is_true(store, "full")) {
        terminal_paint(call->out, call->terminal.out_colour, COLOUR_YELLOW,
                       SLICE("        the disk is full: events wait where they come from"));
        (void)fputc('\n', call->out);
    }
    if (is_true(store, "failing")) {
        terminal_paint(call->out, call->terminal.out_colour, COLOUR_RED,
                       SLICE("        the disk fails: nothing is acknowledged until it does not"));
        (void)fputc('\n', call->out);
    }
}

static void write_head(struct call *call, struct value answer) {
    struct arena *arena = &call->arena;
    const struct slice version = human_member(arena, answer, "version");
    const struct slice quality = human_member(arena, answer, "time_quality");
    const struct slice span = human_span(arena, human_number(answer, "uptime_ms"));
    write_line(call, "ebb   ",
               arena_print(arena, "%.*s, up %.*s, process %" PRId64 ", clock %.*s",
                           SLICE_ARGS(version), SLICE_ARGS(span), human_number(answer, "pid"),
                           SLICE_ARGS(quality)));
    write_line(call, "data  ", human_member(arena, answer, "data"));
    write_line(call, "stream", human_member(arena, answer, "stream"));
    const struct value *store = value_get(answer, SLICE("store"));
    if (store != NULL) {
        write_store(call, *store);
    }
}

/* Lanes that hold nothing are no news: the list without them, in place. */
static status leave_out_empty(struct call *call, const struct value **items, uint32_t *count,
                              struct error *err) {
    struct value *kept = arena_get(&call->arena, *count, sizeof(*kept));
    if (kept == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (human_number((*items)[i], "waiting") > 0) {
            kept[kept_count++] = (*items)[i];
        }
    }
    *items = kept;
    *count = kept_count;
    return STATUS_OK;
}

/* Only who has some reads of them; a daemon of before them has none. */
static status write_destinations(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    const status asked = daemon_get(call, &answer, err, "/v1/destinations");
    if (asked != STATUS_OK) {
        return asked == STATUS_NOT_FOUND ? STATUS_OK : asked;
    }
    uint32_t count = 0;
    const struct value *items = human_items(answer, DESTINATIONS.member, &count);
    if (count == 0) {
        return STATUS_OK;
    }
    (void)fputc('\n', call->out);
    return listing_write(call, &DESTINATIONS, items, count, err);
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/status"));
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    write_head(call, answer);
    for (size_t i = 0; i < COUNT_OF(PARTS); i++) {
        uint32_t count = 0;
        const struct value *items = human_items(answer, PARTS[i].member, &count);
        if (PARTS[i].columns == LANE_COLUMNS) {
            TRY(leave_out_empty(call, &items, &count, err));
        }
        if (count == 0 && PARTS[i].nothing == NULL) {
            continue;
        }
        (void)fputc('\n', call->out);
        TRY(listing_write(call, &PARTS[i], items, count, err));
    }
    return write_destinations(call, err);
}

const struct command cmd_status = {
    .verb = "status",
    .summary = "Show how the daemon of this device fares: workflows, agents, lanes, store",
    .example = "ebb status",
    .asks_daemon = true,
    .run = run};
