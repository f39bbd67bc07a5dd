// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"

/* The object as people read it: its state says more than the API's word. */
static status show(struct call *call, struct value workflow, struct error *err) {
    struct value shown;
    struct member *members = value_new_object(&call->arena, workflow.count, &shown);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the workflow");
    }
    for (uint32_t i = 0; i < workflow.count; i++) {
        members[i] = workflow.members[i];
        if (slice_is(members[i].name, "state")) {
            members[i].value = value_of_text(human_state(&call->arena, workflow));
        }
    }
    return listing_object(call, shown, err);
}

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    TRY(daemon_check_name("workflow", name, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/workflows/%s", name));
    const struct value *text = value_get(answer, SLICE("text"));
    if (call_has(call, "text") && text != NULL) {
        const struct slice file = value_text(*text);
        (void)fwrite(file.bytes, 1, file.count, call->out);
        return STATUS_OK;
    }
    if (call->json || answer.kind != VALUE_OBJECT) {
        return listing_object(call, answer, err);
    }
    return show(call, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"text", NULL, "the workflow's file alone, as the daemon runs it"}, {0}};

const struct command cmd_workflow_show = {
    .noun = "workflow",
    .verb = "show",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Show one workflow: its numbers, its steps, its file",
    .example = "ebb workflow show inbox-triage\n"
               "ebb workflow show inbox-triage --text > copy.yaml",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
