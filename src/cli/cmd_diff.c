// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "agents/catalog.h"
#include "base/buffer.h"
#include "cli/apply_plan.h"
#include "cli/commands.h"
#include "cli/device_program.h"
#include "cli/human.h"
#include "cli/text_diff.h"

enum { DIFF_BYTES_MAX = 16 << 20 };

static enum terminal_colour colour_of(struct slice line) {
    return slice_starts(line, "+")   ? COLOUR_GREEN
           : slice_starts(line, "-") ? COLOUR_RED
           : slice_starts(line, "@") ? COLOUR_YELLOW
                                     : COLOUR_NONE;
}

/* For programs as it is; for people without what would move their terminal. */
static void show_diff(struct call *call, struct slice text) {
    while (text.count > 0) {
        const size_t end = slice_find(text, '\n');
        const struct slice line = slice_part(text, 0, end);
        if (call->terminal.width == 0) {
            (void)fprintf(call->out, "%.*s", SLICE_ARGS(line));
        } else if (call->terminal.out_colour && colour_of(line) != COLOUR_NONE) {
            terminal_paint(call->out, true, colour_of(line), line);
        } else {
            terminal_write(call->out, line);
        }
        (void)fputc('\n', call->out);
        text = slice_part(text, end + 1, text.count);
    }
}

static status write_diff(struct call *call, const struct plan_workflow *one, struct buffer *out,
                         struct error *err) {
    const struct value *text = value_get(one->running, SLICE("text"));
    const bool is_new = one->change == PLAN_ADDED;
    const struct slice before = is_new || text == NULL ? SLICE("") : value_text(*text);
    if (slice_equal(before, one->checked.workflow->text)) {
        return STATUS_OK;
    }
    if (is_new) {
        buffer_add_text(out, "--- /dev/null\n");
    } else {
        buffer_print(out, "--- device/%.*s\n", SLICE_ARGS(one->name));
    }
    buffer_print(out, "+++ %.*s\n", SLICE_ARGS(one->path));
    return text_diff_write(out, &call->arena, before, one->checked.workflow->text, err);
}

/* The step of the daemon's that has the same id, or NULL. */
static const struct value *running_step(const struct plan_workflow *one, struct slice id) {
    uint32_t count = 0;
    const struct value *steps = human_items(one->running, "steps", &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct value *member = value_get(steps[i], SLICE("id"));
        if (member != NULL && slice_equal(value_text(*member), id)) {
            return &steps[i];
        }
    }
    return NULL;
}

/* "step score: agent drift 1.0.0 becomes 1.1.0", for each step whose agent is another one. */
static void show_agents(struct call *call, const struct plan_workflow *one) {
    const struct workflow *workflow = one->checked.workflow;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        const struct agent_manifest *manifest = catalog_manifest(step->agent_pinned);
        const struct value *before = running_step(one, step->id);
        char digest[ID_HEX_BYTES + 1];
        id_write_hex(manifest->digest, digest);
        if (before == NULL || slice_is(human_member(&call->arena, *before, "digest"), digest)) {
            continue;
        }
        const struct slice version = human_member(&call->arena, *before, "version");
        (void)fprintf(call->out, "  step %.*s: agent %.*s ", SLICE_ARGS(step->id),
                      SLICE_ARGS(manifest->name));
        if (slice_equal(version, manifest->version_text)) {
            (void)fprintf(call->out, "%.*s, its files have changed\n", SLICE_ARGS(version));
        } else {
            (void)fprintf(call->out, "%.*s becomes %.*s\n", SLICE_ARGS(version),
                          SLICE_ARGS(manifest->version_text));
        }
    }
}

static status answer_json(struct call *call, struct slice name, const char *change,
                          struct slice diff, struct error *err) {
    struct value row;
    struct member *members = value_new_object(&call->arena, 3, &row);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){SLICE("workflow"), value_of_text(name)};
    members[1] = (struct member){SLICE("change"), value_of_text(slice_of(change))};
    members[2] = (struct member){SLICE("diff"), value_of_text(diff)};
    return call_write_json(call, row, false, err);
}

static status show_one(struct call *call, const struct plan_workflow *one, struct error *err) {
    CLEANUP(buffer_done) struct buffer diff;
    buffer_init(&diff, DIFF_BYTES_MAX);
    if (one->change != PLAN_SAME) {
        TRY(write_diff(call, one, &diff, err));
    }
    if (call->json) {
        return answer_json(call, one->name, plan_change_name(one->change), buffer_slice(&diff),
                           err);
    }
    if (one->change == PLAN_SAME) {
        return STATUS_OK;
    }
    (void)fprintf(call->out, "workflow %.*s: %s\n", SLICE_ARGS(one->name),
                  plan_change_name(one->change));
    show_agents(call, one);
    show_diff(call, buffer_slice(&diff));
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    const char *folder = call_argument(call, 0) != NULL ? call_argument(call, 0) : ".";
    TRY(device_program_check_folder(call, "agents", err));
    CLEANUP(plan_done) struct plan plan = {.count = 0};
    TRY(plan_read(call, folder, &plan, err));
    TRY(plan_compare(call, &plan, err));
    bool same = plan.removed_count == 0;
    for (uint32_t i = 0; i < plan.count; i++) {
        TRY(show_one(call, &plan.workflows[i], err));
        same = same && plan.workflows[i].change == PLAN_SAME;
    }
    for (uint32_t i = 0; i < plan.removed_count; i++) {
        const struct slice name = value_text(plan.removed[i]);
        if (call->json) {
            TRY(answer_json(call, name, "removed", SLICE(""), err));
        } else {
            (void)fprintf(call->out, "workflow %.*s: not in %s; `ebb apply --prune` removes it\n",
                          SLICE_ARGS(name), folder);
        }
    }
    if (same && !call->json) {
        (void)fprintf(call->talk, "the device has what %s holds\n", folder);
    }
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"agents", "DIR", "look for agents here as well as in agents/ beside a file"}, {0}};

const struct command cmd_diff = {
    .verb = "diff",
    .arguments = "[DIR]",
    .most = 1,
    .summary = "Show what `ebb apply` would change on this device",
    .details = "DIR is the current folder when it is left out. Texts are shown as `diff -u` shows\n"
               "them, agents by their versions; nothing is changed.\n",
    .example = "ebb diff workflows",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
