// SPDX-License-Identifier: Apache-2.0
/* /v1/workflows: what runs here; start, stop, add and remove. */
#include "runtime/api/api.h"

#include <string.h>

#include "platform/json.h"
#include "runtime/face.h"
#include "runtime/reload.h"
#include "runtime/workflow_folder.h"
#include "sync/report.h"

void api_write_workflow(struct buffer *out, const struct slot *slot) {
    const struct slot_counts *counts = &slot->counts;
    buffer_add_byte(out, '{');
    api_write_text(out, "name", slice_of(slot->name));
    buffer_print(out,
                 ",\"state\":\"%s\",\"queued\":%u,\"running\":%u,\"waiting\":%u,\"events\":%llu,"
                 "\"runs\":%llu,\"results\":%llu,\"failures\":%llu,\"skipped\":%llu,"
                 "\"dropped\":%llu,\"refused\":%llu,\"quarantined\":%llu,",
                 slot_state_name(slot->state), slot->queued + slot->lined,
                 slot->running + slot->ending, slot->waiting, (unsigned long long)counts->events,
                 (unsigned long long)counts->runs, (unsigned long long)counts->results,
                 (unsigned long long)counts->failures, (unsigned long long)counts->skipped,
                 (unsigned long long)counts->dropped, (unsigned long long)counts->refused,
                 (unsigned long long)counts->quarantined);
    api_write_text(out, "file", slice_of(slot_file(slot)));
    if (slot->fault != NULL) {
        buffer_add_byte(out, ',');
        api_write_text(out, "fault", slice_of(slot->fault));
    }
    buffer_add_byte(out, '}');
}

void api_write_workflows(struct buffer *out, const struct daemon *daemon) {
    uint32_t count = 0;
    buffer_add_byte(out, '[');
    for (const struct slot *slot = daemon->orchestrator->slots; slot != NULL; slot = slot->next) {
        buffer_add_text(out, count++ > 0 ? "," : "");
        api_write_workflow(out, slot);
    }
    buffer_add_byte(out, ']');
}

/* Which version of an agent a step has, and what it is made of. */
static void write_pinned(struct buffer *out, const struct agent_manifest *manifest) {
    char digest[ID_HEX_BYTES + 1];
    id_write_hex(manifest->digest, digest);
    api_write_text(out, "version", manifest->version_text);
    buffer_print(out, ",\"digest\":\"%s\"", digest);
}

static void write_tally(struct buffer *out, struct step_tally tally) {
    buffer_print(out, ",\"runs\":%llu,\"failures\":%llu,\"skipped\":%llu",
                 (unsigned long long)tally.runs, (unsigned long long)tally.failures,
                 (unsigned long long)tally.skipped);
}

/* Nothing of one that is too large to be drawn. */
static void write_face(const struct workflow *workflow, struct buffer *out) {
    struct error err;
    CLEANUP(buffer_done) struct buffer face;
    buffer_init(&face, REPORT_BYTES_MAX);
    if (face_write(workflow, &face, &err) == STATUS_OK) {
        buffer_add_text(out, ",\"face\":");
        buffer_add(out, buffer_slice(&face));
    }
}

static void show(struct api_call *call, const struct slot *slot) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    api_write_workflow(&json, slot);
    if (slot->version != NULL) {
        const struct workflow *workflow = slot->version->workflow;
        char digest[ID_HEX_BYTES + 1];
        id_write_hex(workflow->digest, digest);
        json.count--; /* the closing brace comes last */
        buffer_print(&json, ",\"digest\":\"%s\",\"steps\":[", digest);
        for (uint32_t i = 0; i < workflow->step_count; i++) {
            buffer_add_text(&json, i > 0 ? ",{" : "{");
            api_write_text(&json, "id", workflow->steps[i].id);
            buffer_add_byte(&json, ',');
            api_write_text(&json, "agent", workflow->steps[i].agent);
            buffer_add_byte(&json, ',');
            write_pinned(&json, catalog_manifest(workflow->steps[i].agent_pinned));
            write_tally(&json, tally_of_step(slot->tally, workflow->steps[i].id));
            buffer_add_byte(&json, '}');
        }
        buffer_add_text(&json, "],\"results_by_name\":");
        tally_write_results(slot->tally, &json);
        write_face(workflow, &json);
        buffer_add_text(&json, ",\"params\":");
        params_write(workflow->params, workflow->param_count, &json);
        id_write_hex(catalog_digest(workflow), digest);
        buffer_print(&json, ",\"pinned\":\"%s\",", digest);
        api_write_text(&json, "text", workflow->text);
        buffer_add_byte(&json, '}');
    }
    buffer_add_byte(&json, '\n');
    api_answer(call, &json);
}

static status start(struct daemon *daemon, struct slot *slot, struct error *err) {
    TRY(reload_set_stopped(daemon->orchestrator, slot->name, false, err));
    if (slot->state == SLOT_RUNNING || slot->state == SLOT_LOADING) {
        return STATUS_OK;
    }
    if (slot->version == NULL) {
        return daemon_reload(daemon, err);
    }
    return orchestrator_start_slot(slot, err);
}

static status stop(struct daemon *daemon, struct slot *slot, struct error *err) {
    TRY(reload_set_stopped(daemon->orchestrator, slot->name, true, err));
    if (slot->state == SLOT_RUNNING || slot->state == SLOT_LOADING) {
        orchestrator_stop_slot(slot);
    }
    return STATUS_OK;
}

static status remove_it(struct daemon *daemon, struct slot *slot, struct error *err) {
    TRY(workflow_folder_remove(daemon->options.data, slot->name, slot_file(slot), err));
    TRY(reload_set_stopped(daemon->orchestrator, slot->name, false, err));
    return daemon_reload(daemon, err);
}

static void answer_slot(struct api_call *call, const struct slot *slot) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    api_write_workflow(&json, slot);
    buffer_add_byte(&json, '\n');
    api_answer(call, &json);
}

static status add(struct api_call *call, struct slot **out_slot, struct error *err) {
    struct daemon *daemon = call->daemon;
    struct arena arena;
    struct value body;
    char name[SLOT_NAME_BYTES];
    arena_init(&arena, 4 << 20);
    status code = json_read(&arena, call->request->body, &body, err);
    const struct value *file = code == STATUS_OK ? value_get(body, SLICE("file")) : NULL;
    if (code == STATUS_OK && (file == NULL || value_text(*file).count == 0)) {
        code = fail(err, STATUS_INVALID, "the body is {\"file\":\"/absolute/path.yaml\"}");
    }
    if (code == STATUS_OK) {
        const char *path = arena_copy(&arena, value_text(*file)).bytes;
        code = workflow_folder_add(daemon->options.data, path, name, err);
    }
    arena_done(&arena);
    TRY(code);
    TRY(reload_set_stopped(daemon->orchestrator, name, false, err));
    TRY(daemon_reload(daemon, err));
    *out_slot = orchestrator_slot(daemon->orchestrator, slice_of(name));
    if (*out_slot == NULL) {
        return fail(err, STATUS_NOT_FOUND, "workflow '%s' was added, but is not there", name);
    }
    return STATUS_OK;
}

/* Its file is gone already: it is shown once more. */
static void forget(struct api_call *call, struct slot *slot) {
    struct error err;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    api_write_workflow(&json, slot);
    buffer_add_byte(&json, '\n');
    status code = reload_set_stopped(call->daemon->orchestrator, slot->name, false, &err);
    if (code == STATUS_OK) {
        code = orchestrator_forget_slot(slot, &err);
    }
    if (code != STATUS_OK) {
        api_refuse(call, &err);
    } else {
        api_answer(call, &json);
    }
}

static void change(struct api_call *call, struct slot *slot) {
    struct daemon *daemon = call->daemon;
    struct error err;
    status code;
    if (call->verb.count == 0 && slot->state == SLOT_LEFT) {
        forget(call, slot);
        return;
    }
    if (call->verb.count == 0) {
        code = remove_it(daemon, slot, &err);
    } else if (slice_is(call->verb, "start")) {
        code = start(daemon, slot, &err);
    } else if (slice_is(call->verb, "stop")) {
        code = stop(daemon, slot, &err);
    } else {
        code = fail(&err, STATUS_NOT_FOUND, "a workflow has start, stop and events, no '%.*s'",
                    SLICE_ARGS(call->verb));
    }
    if (code != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    answer_slot(call, slot);
}

void api_workflows(struct api_call *call) {
    struct error err;
    const bool reads = slice_is(call->request->method, "GET");
    if (call->item.count == 0 && reads) {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, API_ANSWER_BYTES_MAX);
        buffer_add_text(&json, "{\"workflows\":");
        api_write_workflows(&json, call->daemon);
        buffer_add_text(&json, "}\n");
        api_answer(call, &json);
        return;
    }
    struct slot *slot = NULL;
    if (call->item.count == 0) {
        if (add(call, &slot, &err) != STATUS_OK) {
            api_refuse(call, &err);
        } else {
            answer_slot(call, slot);
        }
        return;
    }
    if (slice_is(call->verb, "events")) {
        api_post_event(call);
        return;
    }
    slot = orchestrator_slot(call->daemon->orchestrator, call->item);
    if (slot == NULL) {
        (void)fail(&err, STATUS_NOT_FOUND, "no workflow is called '%.*s'", SLICE_ARGS(call->item));
        api_refuse(call, &err);
    } else if (reads) {
        show(call, slot);
    } else {
        change(call, slot);
    }
}
