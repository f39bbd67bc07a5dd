// SPDX-License-Identifier: Apache-2.0
#include "cli/apply_plan.h"

#include <stdio.h>
#include <string.h>

#include "agents/catalog.h"
#include "base/buffer.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "platform/file.h"

enum { FAULTS_BYTES_MAX = 16 << 20 };

struct gathering {
    struct call *call;
    const char *folder;
    struct plan *plan;
    struct error error;
};

/* The file that an entry of the folder stands for: itself, or the workflow.yaml in it. */
static struct slice file_of(struct call *call, const char *folder, const char *name) {
    const struct slice plain = slice_of(name);
    struct file_facts facts;
    if (name[0] == '.' || workflow_is_schema_file(plain)) {
        return SLICE("");
    }
    if (slice_ends(plain, ".yaml") || slice_ends(plain, ".yml") || slice_ends(plain, ".json")) {
        return arena_print(&call->arena, "%s/%s", folder, name);
    }
    const struct slice inner = arena_print(&call->arena, "%s/%s/workflow.yaml", folder, name);
    const bool is_there = inner.bytes != NULL && file_facts(inner.bytes, &facts, NULL) == STATUS_OK;
    return is_there || inner.bytes == NULL ? inner : SLICE("");
}

static bool gather(void *owner, const char *name) {
    struct gathering *all = owner;
    struct plan *plan = all->plan;
    const struct slice path = file_of(all->call, all->folder, name);
    if (path.bytes == NULL) {
        (void)fail(&all->error, STATUS_NO_MEMORY, "no memory for the names of files");
        return false;
    }
    if (path.count == 0) {
        return true;
    }
    if (plan->count == PLAN_WORKFLOWS_MAX) {
        (void)fail(&all->error, STATUS_INVALID, "%s holds more than %d workflows", all->folder,
                   PLAN_WORKFLOWS_MAX);
        return false;
    }
    plan->workflows[plan->count++] = (struct plan_workflow){.path = path};
    return true;
}

/* Faults are the answer of a command that finds them; warnings alone are talk beside it. */
static status tell_faults(struct call *call, const struct checked *checked, struct error *err) {
    FILE *to = checked_is_correct(checked) ? call->talk : call->out;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, FAULTS_BYTES_MAX);
    fault_list_write(checked->faults, &text);
    TRY(buffer_status(&text, err));
    (void)fwrite(text.bytes, 1, text.count, to);
    return STATUS_OK;
}

static status check_one(struct call *call, struct plan_workflow *one, bool *faulty,
                        struct error *err) {
    const status code =
        checker_check(one->path.bytes, call_option(call, "agents"), NULL, &one->checked, err);
    if (code != STATUS_OK && one->checked.faults == NULL) {
        return code;
    }
    if (one->checked.faults != NULL) {
        TRY(tell_faults(call, &one->checked, err));
    }
    if (code != STATUS_OK) {
        *faulty = true;
        return STATUS_OK;
    }
    one->name = one->checked.workflow->name;
    one->digest = catalog_digest(one->checked.workflow);
    return STATUS_OK;
}

static status check_names(const struct plan *plan, struct error *err) {
    for (uint32_t i = 0; i < plan->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (slice_equal(plan->workflows[i].name, plan->workflows[j].name)) {
                return fail(err, STATUS_INVALID, "workflow '%.*s' stands in %s and in %s",
                            SLICE_ARGS(plan->workflows[i].name), plan->workflows[j].path.bytes,
                            plan->workflows[i].path.bytes);
            }
        }
    }
    return STATUS_OK;
}

status plan_read(struct call *call, const char *folder, struct plan *out_plan, struct error *err) {
    CLEANUP(plan_done) struct plan plan = {.count = 0};
    plan.workflows = arena_get(&call->arena, PLAN_WORKFLOWS_MAX, sizeof(*plan.workflows));
    if (plan.workflows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the workflows of a folder");
    }
    struct gathering all = {.call = call, .folder = folder, .plan = &plan};
    TRY(file_list(folder, gather, &all, err));
    if (all.error.code != STATUS_OK) {
        *err = all.error;
        return all.error.code;
    }
    if (plan.count == 0) {
        return fail(err, STATUS_INVALID,
                    "there is no workflow in %s: neither NAME.yaml nor NAME/workflow.yaml", folder);
    }
    bool faulty = false;
    for (uint32_t i = 0; i < plan.count; i++) {
        TRY(check_one(call, &plan.workflows[i], &faulty, err));
    }
    if (faulty) {
        (void)fflush(call->out);
        (void)fprintf(call->talk, "nothing was changed\n");
        return fail(err, STATUS_INVALID, "%s", "");
    }
    TRY(check_names(&plan, err));
    *out_plan = plan;
    plan.count = 0;
    return STATUS_OK;
}

void plan_done(struct plan *plan) {
    for (uint32_t i = 0; i < plan->count; i++) {
        checked_done(&plan->workflows[i].checked);
    }
    plan->count = 0;
}

static const struct value *find_row(const struct value *rows, uint32_t count, struct slice name) {
    for (uint32_t i = 0; i < count; i++) {
        const struct value *member = value_get(rows[i], SLICE("name"));
        if (member != NULL && slice_equal(value_text(*member), name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool is_state(struct arena *arena, struct value row, const char *state) {
    return slice_is(human_member(arena, row, "state"), state);
}

static status compare_one(struct call *call, struct plan_workflow *one, const struct value *row,
                          struct error *err) {
    one->running = (struct value){.kind = VALUE_NULL};
    one->change = PLAN_ADDED;
    if (row == NULL || is_state(&call->arena, *row, "left")) {
        return STATUS_OK;
    }
    char digest[ID_HEX_BYTES + 1];
    id_write_hex(one->digest, digest);
    TRY(daemon_get(call, &one->running, err, "/v1/workflows/%.*s", SLICE_ARGS(one->name)));
    const bool same = slice_is(human_member(&call->arena, one->running, "pinned"), digest) &&
                      !is_state(&call->arena, one->running, "faulty");
    one->change = same ? PLAN_SAME : PLAN_CHANGED;
    return STATUS_OK;
}

/* The daemon says DATA/workflows/NAME/workflow.yaml of one that was applied or added. */
static bool was_applied(struct call *call, struct value row, struct slice data) {
    const struct slice file = human_member(&call->arena, row, "file");
    const struct slice place = arena_print(&call->arena, "%.*s/workflows/%.*s/", SLICE_ARGS(data),
                                           SLICE_ARGS(human_member(&call->arena, row, "name")));
    return place.bytes != NULL && slice_starts(file, place.bytes);
}

static bool is_planned(const struct plan *plan, struct slice name) {
    for (uint32_t i = 0; i < plan->count; i++) {
        if (slice_equal(plan->workflows[i].name, name)) {
            return true;
        }
    }
    return false;
}

static status find_removed(struct call *call, struct plan *plan, struct value daemon,
                           struct error *err) {
    uint32_t count = 0;
    const struct value *rows = human_items(daemon, "workflows", &count);
    const struct slice data = human_member(&call->arena, daemon, "data");
    struct value *removed = arena_get(&call->arena, count + 1U, sizeof(*removed));
    if (removed == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the daemon's workflows");
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct slice name = human_member(&call->arena, rows[i], "name");
        if (!is_planned(plan, name) && !is_state(&call->arena, rows[i], "left") &&
            was_applied(call, rows[i], data)) {
            removed[plan->removed_count++] = value_of_text(name);
        }
    }
    plan->removed = removed;
    return STATUS_OK;
}

status plan_compare(struct call *call, struct plan *plan, struct error *err) {
    struct value daemon = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &daemon, err, "/v1/status"));
    uint32_t count = 0;
    const struct value *rows = human_items(daemon, "workflows", &count);
    for (uint32_t i = 0; i < plan->count; i++) {
        struct plan_workflow *one = &plan->workflows[i];
        TRY(compare_one(call, one, find_row(rows, count, one->name), err));
    }
    return find_removed(call, plan, daemon, err);
}

const char *plan_change_name(enum plan_change change) {
    static const char *const NAMES[] = {"same", "added", "changed"};
    return NAMES[change];
}
