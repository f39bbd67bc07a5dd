// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/hub_devices.h"
#include "cli/human.h"
#include "cli/listing.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static const struct listing_column CERTIFICATE_COLUMNS[] = {
    {"CERTIFICATE", "serial", LISTING_TEXT},
    {"STATE", "state", LISTING_TEXT},
    {"ISSUED (UTC)", "issued_at", LISTING_MOMENT},
    {"ENDS (UTC)", "ends_at", LISTING_MOMENT}};

static const struct listing_column ALARM_COLUMNS[] = {{"LAST (UTC)", "last_at", LISTING_MOMENT},
                                                      {"TIMES", "count", LISTING_COUNT},
                                                      {"ALARM", "text", LISTING_TEXT}};

static const struct listing_column LANE_COLUMNS[] = {{"LANE", "lane", LISTING_TEXT},
                                                     {"WAITING", "waiting", LISTING_COUNT},
                                                     {"BYTES", "bytes", LISTING_BYTES}};

static const struct listing_column WORKFLOW_COLUMNS[] = {
    {"WORKFLOW", "name", LISTING_TEXT},    {"STATE", "state", LISTING_TEXT},
    {"QUEUED", "queued", LISTING_COUNT},   {"RUNS", "runs", LISTING_COUNT},
    {"RESULTS", "results", LISTING_COUNT}, {"FAILURES", "failures", LISTING_COUNT}};

/* Of the device's report. */
static const struct listing REPORTED[] = {
    {"lanes", LANE_COLUMNS, COUNT_OF(LANE_COLUMNS), NULL},
    {"workflows", WORKFLOW_COLUMNS, COUNT_OF(WORKFLOW_COLUMNS), NULL}};

static const struct listing LISTS[] = {
    {"certificates", CERTIFICATE_COLUMNS, COUNT_OF(CERTIFICATE_COLUMNS), NULL},
    {"alarms", ALARM_COLUMNS, COUNT_OF(ALARM_COLUMNS), NULL}};

static bool is_list(struct slice name) {
    return slice_is(name, LISTS[0].member) || slice_is(name, LISTS[1].member) ||
           slice_is(name, "report");
}

/* The members that are one line each. */
static status write_head(struct call *call, struct value answer, struct error *err) {
    struct value head;
    struct member *members = value_new_object(&call->arena, answer.count, &head);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    head.count = 0;
    for (uint32_t i = 0; i < answer.count; i++) {
        if (!is_list(answer.members[i].name)) {
            members[head.count++] = answer.members[i];
        }
    }
    return listing_object(call, head, err);
}

static status write_lists(struct call *call, struct value answer, const struct listing lists[2],
                          struct error *err) {
    for (int i = 0; i < 2; i++) {
        uint32_t count = 0;
        const struct value *items = human_items(answer, lists[i].member, &count);
        if (count > 0) {
            (void)fputc('\n', call->out);
            TRY(listing_write(call, &lists[i], items, count, err));
        }
    }
    return STATUS_OK;
}

static status write_report(struct call *call, struct value report, struct error *err) {
    const struct slice came = human_member(&call->arena, report, "came_at");
    (void)fprintf(call->out, "\nreported %.*s\n", SLICE_ARGS(human_moment(&call->arena, came)));
    return write_lists(call, report, REPORTED, err);
}

static status run(struct call *call, struct error *err) {
    const char *device = call_argument(call, 0);
    struct value answer = {.kind = VALUE_NULL};
    TRY(hub_devices_check(device, err));
    TRY(daemon_get(call, &answer, err, "/v1/devices/%s", device));
    if (call->json || answer.kind != VALUE_OBJECT) {
        return call_write_json(call, answer, false, err);
    }
    TRY(write_head(call, answer, err));
    TRY(write_lists(call, answer, LISTS, err));
    const struct value *report = value_get(answer, SLICE("report"));
    return report != NULL && report->kind == VALUE_OBJECT ? write_report(call, *report, err)
                                                          : STATUS_OK;
}

const struct command cmd_hub_device_show = {
    .noun = "hub device",
    .verb = "show",
    .arguments = "DEVICE",
    .least = 1,
    .most = 1,
    .summary = "Show one device: labels, certificates, alarms, what it reported last",
    .example = "ebb hub device show line-3",
    .asks_hub = true,
    .run = run};
