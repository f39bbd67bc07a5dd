// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"

static const struct listing_column STEP_COLUMNS[] = {{"STEP", "id", LISTING_TEXT},
                                                     {"AGENT", "agent", LISTING_TEXT},
                                                     {"NEEDS", "needs", LISTING_TEXT},
                                                     {"RUNS", "runs", LISTING_COUNT},
                                                     {"FAILURES", "failures", LISTING_COUNT},
                                                     {"SKIPPED", "skipped", LISTING_COUNT}};

static const struct listing STEPS = {
    .columns = STEP_COLUMNS, .column_count = sizeof(STEP_COLUMNS) / sizeof(STEP_COLUMNS[0])};

/* The members of two objects in one; where the second is none, the first's. */
static status join(struct call *call, struct value a, const struct value *b, struct value *out,
                   struct error *err) {
    const uint32_t more = b != NULL && b->kind == VALUE_OBJECT ? b->count : 0;
    struct member *members = value_new_object(&call->arena, a.count + more, out);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the workflow");
    }
    for (uint32_t i = 0; i < a.count; i++) {
        members[i] = a.members[i];
    }
    for (uint32_t i = 0; i < more; i++) {
        members[a.count + i] = b->members[i];
    }
    return STATUS_OK;
}

/* Steps as the face has them, with what devices have counted of each. */
static status write_steps(struct call *call, struct value answer, struct error *err) {
    struct value list;
    uint32_t count = 0;
    const struct value *face = value_get(answer, SLICE("face"));
    const struct value *counts = value_get(answer, SLICE("steps"));
    const struct value *steps = face != NULL ? human_items(*face, "steps", &count) : NULL;
    struct value *items = value_new_list(&call->arena, count, &list);
    if (count == 0 || items == NULL) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct value *id = value_get(steps[i], SLICE("id"));
        const struct value *counted =
            id != NULL && counts != NULL ? value_get(*counts, value_text(*id)) : NULL;
        TRY(join(call, steps[i], counted, &items[i], err));
    }
    (void)fputc('\n', call->out);
    return listing_write(call, &STEPS, items, count, err);
}

static bool is_drawn(struct slice name) {
    return slice_is(name, "face") || slice_is(name, "steps");
}

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    struct value answer = {.kind = VALUE_NULL};
    struct value head;
    TRY(daemon_check_name("workflow", name, err));
    TRY(daemon_get(call, &answer, err, "/v1/workflows/%s", name));
    if (call->json || answer.kind != VALUE_OBJECT) {
        return call_write_json(call, answer, false, err);
    }
    struct member *members = value_new_object(&call->arena, answer.count, &head);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the workflow");
    }
    head.count = 0;
    for (uint32_t i = 0; i < answer.count; i++) {
        if (!is_drawn(answer.members[i].name)) {
            members[head.count++] = answer.members[i];
        }
    }
    TRY(listing_object(call, head, err));
    return write_steps(call, answer, err);
}

const struct command cmd_hub_workflow_show = {
    .noun = "hub workflow",
    .verb = "show",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Show what a workflow looks like, and its counts over all devices",
    .details = "Counts are since each device's daemon began, as the devices reported last: each\n"
               "minute, or on a metered link each quarter of an hour.\n",
    .example = "ebb hub workflow show inbox-triage\n"
               "ebb hub workflow show inbox-triage --json | jq .face.results",
    .asks_hub = true,
    .run = run};
