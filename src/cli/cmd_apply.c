// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "cli/apply_plan.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/device_program.h"
#include "cli/human.h"
#include "platform/json.h"

enum { BODY_BYTES_MAX = 1 << 20 };

/* The daemon has another working folder, so the paths must be whole. */
static status add_file(struct buffer *out, const struct plan_workflow *one, struct error *err) {
    char whole[PATH_MAX];
    char digest[ID_HEX_BYTES + 1];
    if (realpath(one->path.bytes, whole) == NULL) {
        return fail_errno(err, errno, "find %s", one->path.bytes);
    }
    id_write_hex(one->digest, digest);
    buffer_add_text(out, "{\"file\":");
    json_write_text(out, slice_of(whole));
    buffer_print(out, ",\"digest\":\"%s\"}", digest);
    return STATUS_OK;
}

static status write_body(const struct plan *plan, bool prune, struct buffer *out,
                         struct error *err) {
    const char *comma = "";
    buffer_add_text(out, "{\"workflows\":[");
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->workflows[i].change != PLAN_SAME) {
            buffer_add_text(out, comma);
            TRY(add_file(out, &plan->workflows[i], err));
            comma = ",";
        }
    }
    buffer_add_text(out, "],\"remove\":[");
    for (uint32_t i = 0; prune && i < plan->removed_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, value_text(plan->removed[i]));
    }
    buffer_add_text(out, "]}");
    return buffer_status(out, err);
}

static uint32_t count_changes(const struct plan *plan, bool prune) {
    uint32_t count = prune ? plan->removed_count : 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        count += plan->workflows[i].change != PLAN_SAME;
    }
    return count;
}

static status say(struct call *call, struct slice name, const char *change, const char *state,
                  struct error *err) {
    if (!call->json) {
        (void)fprintf(call->out, "%-8s %.*s%s%s\n", change, SLICE_ARGS(name),
                      *state != '\0' ? ": " : "", state);
        return STATUS_OK;
    }
    struct value row;
    struct member *members = value_new_object(&call->arena, 3, &row);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){SLICE("workflow"), value_of_text(name)};
    members[1] = (struct member){SLICE("change"), value_of_text(slice_of(change))};
    members[2] = (struct member){SLICE("state"), value_of_text(slice_of(state))};
    return call_write_json(call, row, false, err);
}

/* It runs, from the very files that were checked; one that a person stopped stays so. */
static status confirm(struct call *call, const struct plan_workflow *one, struct error *err) {
    struct value row = {.kind = VALUE_NULL};
    char digest[ID_HEX_BYTES + 1];
    id_write_hex(one->digest, digest);
    TRY(daemon_get(call, &row, err, "/v1/workflows/%.*s", SLICE_ARGS(one->name)));
    TRY(daemon_wait_loaded(call, &row, err));
    TRY(daemon_get(call, &row, err, "/v1/workflows/%.*s", SLICE_ARGS(one->name)));
    if (!slice_is(human_member(&call->arena, row, "pinned"), digest)) {
        return fail(err, STATUS_CONFLICT,
                    "workflow '%.*s' runs, but with another agent of the same version than the one "
                    "beside it: an agent that changed wants a new version",
                    SLICE_ARGS(one->name));
    }
    const struct slice state = human_member(&call->arena, row, "state");
    return say(call, one->name, plan_change_name(one->change),
               slice_is(state, "stopped") ? "stopped" : "running", err);
}

static status change(struct call *call, const struct plan *plan, bool prune, struct error *err) {
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(write_body(plan, prune, &body, err));
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/apply"), .body = buffer_slice(&body)};
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_ask(call, &request, &answer, err));
    status worst = STATUS_OK;
    for (uint32_t i = 0; i < plan->count; i++) {
        struct error one;
        if (plan->workflows[i].change == PLAN_SAME) {
            continue;
        }
        const status ended = confirm(call, &plan->workflows[i], &one);
        if (ended != STATUS_OK && worst != STATUS_OK) {
            (void)fprintf(call->talk, "ebb: %s\n", err->text);
        }
        if (ended != STATUS_OK) {
            *err = one;
            worst = ended;
        }
    }
    for (uint32_t i = 0; prune && i < plan->removed_count; i++) {
        TRY(say(call, value_text(plan->removed[i]), "removed", "", err));
    }
    return worst;
}

static status rehearse(struct call *call, const struct plan *plan, bool prune) {
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct plan_workflow *one = &plan->workflows[i];
        if (one->change != PLAN_SAME) {
            (void)fprintf(call->talk, "would %s workflow '%.*s' from %s\n",
                          one->change == PLAN_ADDED ? "add" : "change", SLICE_ARGS(one->name),
                          one->path.bytes);
        }
    }
    for (uint32_t i = 0; prune && i < plan->removed_count; i++) {
        (void)fprintf(call->talk, "would remove workflow '%.*s'\n",
                      SLICE_ARGS(value_text(plan->removed[i])));
    }
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    const char *folder = call_argument(call, 0);
    const bool prune = call_has(call, "prune");
    TRY(device_program_check_folder(call, "agents", err));
    CLEANUP(plan_done) struct plan plan = {.count = 0};
    TRY(plan_read(call, folder, &plan, err));
    TRY(plan_compare(call, &plan, err));
    if (count_changes(&plan, prune) == 0) {
        (void)fprintf(call->talk, "nothing to change: the device has what %s holds\n", folder);
        return STATUS_OK;
    }
    return call->dry_run ? rehearse(call, &plan, prune) : change(call, &plan, prune, err);
}

static const struct command_option OPTIONS[] = {
    {"prune", NULL, "remove workflows that were applied or added before and are not in DIR"},
    {"agents", "DIR", "look for agents here as well as in agents/ beside a file"},
    {0}};

const struct command cmd_apply = {
    .verb = "apply",
    .arguments = "DIR",
    .least = 1,
    .most = 1,
    .summary = "Put the workflows of a folder, with their agents, on this device and start them",
    .details =
        "Every file is checked first: where one has faults nothing is changed. The daemon copies\n"
        "workflows and agents, takes them only when they are what was checked, puts all of them\n"
        "in place at once, and goes on with what runs. Files that lie in a workflow's own folder\n"
        "on the device (a watched folder, say) stay. What does not run in the end is an error.\n",
    .example = "ebb diff workflows\n"
               "ebb apply workflows",
    .options = OPTIONS,
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
