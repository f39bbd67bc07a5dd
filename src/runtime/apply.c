// SPDX-License-Identifier: Apache-2.0
#include "runtime/apply.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "platform/file.h"
#include "runtime/reload.h"
#include "runtime/workflow_folder.h"

enum { PATH_BYTES_MAX = 4096 };

/* Agents as the daemon will find them: beside the file, in named folders, with ebb itself. */
static status fill_catalog(const struct daemon *daemon, struct catalog *catalog, const char *folder,
                           struct error *err) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%.4000s/agents", folder);
    TRY(catalog_add_folder(catalog, path, err));
    for (int i = 0; daemon->options.places.agents[i] != NULL; i++) {
        TRY(catalog_add_folder(catalog, daemon->options.places.agents[i], err));
    }
    (void)snprintf(path, sizeof(path), "%.4000s/../share/ebb/agents", file_program_folder());
    return catalog_add_folder(catalog, path, err);
}

/* The first of them, since an answer has one sentence. */
static status fail_fault(const struct fault_list *faults, struct error *err) {
    uint32_t first = 0;
    while (first + 1 < faults->count && faults->faults[first].warning) {
        first++;
    }
    const struct fault *fault = &faults->faults[first];
    return fail(err, STATUS_INVALID, "line %d, column %d: %.*s", fault->place.line,
                fault->place.column, SLICE_ARGS(fault->text));
}

/* Faults that only this device has, such as a parameter without a value, come out here as well. */
static status read_staged(const struct daemon *daemon, struct catalog *catalog, const char *folder,
                          struct id *out_digest, struct error *err) {
    char path[PATH_BYTES_MAX];
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    (void)snprintf(path, sizeof(path), "%.4000s/workflow.yaml", folder);
    TRY(file_read(path, &text, err));
    const struct workflow_doors doors = {
        .owner = catalog, .resolve = catalog_resolve, .binding = daemon->options.places.binding};
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    status code =
        workflow_read(slice_of(path), buffer_slice(&text), &doors, &workflow, &faults, err);
    if (code != STATUS_OK && faults != NULL) {
        code = fail_fault(faults, err);
    }
    fault_list_release(faults);
    TRY(code);
    *out_digest = catalog_digest(workflow);
    workflow_release(workflow);
    return STATUS_OK;
}

/* What was copied is what was checked. */
static status verify(const struct daemon *daemon, const struct applied *one, struct error *err) {
    char folder[PATH_BYTES_MAX];
    struct id digest;
    struct catalog *catalog = NULL;
    workflow_folder_staged(daemon->options.data, one->name, folder, sizeof(folder));
    TRY(catalog_create(&catalog, err));
    status code = fill_catalog(daemon, catalog, folder, err);
    if (code == STATUS_OK) {
        code = read_staged(daemon, catalog, folder, &digest, err);
    }
    catalog_destroy(catalog);
    if (code != STATUS_OK) {
        return fail_while(err, "%s, on this device", one->file);
    }
    if (!id_equal(digest, one->digest)) {
        return fail(err, STATUS_CONFLICT,
                    "%s, or an agent of it, is not what was checked: it changed meanwhile, or this "
                    "device has other agents",
                    one->file);
    }
    return STATUS_OK;
}

/* Two files of one name would both be read, and one of them refused. */
static status check_place(const struct daemon *daemon, const struct applied *one,
                          struct error *err) {
    const struct slot *slot = orchestrator_slot(daemon->orchestrator, slice_of(one->name));
    if (slot != NULL && slot->state != SLOT_LEFT && *slot_file(slot) != '\0' &&
        !workflow_folder_holds(daemon->options.data, one->name, slot_file(slot))) {
        return fail(err, STATUS_CONFLICT,
                    "workflow '%s' stands in %s on this device: change it there, or take it away",
                    one->name, slot_file(slot));
    }
    return STATUS_OK;
}

static status stage(const struct daemon *daemon, struct applied *one, struct error *err) {
    TRY(workflow_folder_stage(daemon->options.data, one->file, one->name, err));
    TRY(check_place(daemon, one, err));
    return verify(daemon, one, err);
}

static status swap_all(const struct daemon *daemon, struct applied *applied, uint32_t count,
                       struct error *err) {
    for (uint32_t i = 0; i < count; i++) {
        TRY(workflow_folder_swap(daemon->options.data, applied[i].name, err));
        applied[i].swapped = true;
    }
    return STATUS_OK;
}

/* Whether it came through or not; what cannot be tidied up now is settled by the next start. */
static void settle_all(const struct daemon *daemon, const struct applied *applied, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct error err;
        if (applied[i].name[0] != '\0' &&
            workflow_folder_settle(daemon->options.data, applied[i].name, &err) != STATUS_OK) {
            log_line(LOG_WARN, "runtime", "workflow=%s %s", applied[i].name, err.text);
        }
    }
}

static void take_back_all(const struct daemon *daemon, const struct applied *applied,
                          uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct error err;
        if (applied[i].swapped &&
            workflow_folder_take_back(daemon->options.data, applied[i].name, &err) != STATUS_OK) {
            log_line(LOG_ERROR, "runtime", "workflow=%s %s", applied[i].name, err.text);
        }
    }
}

static status check_removed(const struct daemon *daemon, const char *name, struct error *err) {
    const struct slot *slot = orchestrator_slot(daemon->orchestrator, slice_of(name));
    if (slot == NULL) {
        return fail(err, STATUS_NOT_FOUND, "no workflow is called '%s'", name);
    }
    if (!workflow_folder_holds(daemon->options.data, name, slot_file(slot))) {
        return fail(err, STATUS_DENIED,
                    "workflow '%s' stands in %s: it was never applied, take it away there", name,
                    slot_file(slot));
    }
    return STATUS_OK;
}

static status remove_all(struct daemon *daemon, const char *const *removed, struct error *err) {
    for (uint32_t i = 0; removed[i] != NULL; i++) {
        const struct slot *slot = orchestrator_slot(daemon->orchestrator, slice_of(removed[i]));
        TRY(workflow_folder_remove(daemon->options.data, removed[i], slot_file(slot), err));
        TRY(reload_set_stopped(daemon->orchestrator, removed[i], false, err));
    }
    return STATUS_OK;
}

status apply_workflows(struct daemon *daemon, struct applied *applied, uint32_t count,
                       const char *const *removed, struct error *err) {
    status code = STATUS_OK;
    for (uint32_t i = 0; code == STATUS_OK && removed[i] != NULL; i++) {
        code = check_removed(daemon, removed[i], err);
    }
    for (uint32_t i = 0; code == STATUS_OK && i < count; i++) {
        code = stage(daemon, &applied[i], err);
    }
    if (code == STATUS_OK) {
        code = swap_all(daemon, applied, count, err);
        if (code != STATUS_OK) {
            take_back_all(daemon, applied, count);
        }
    }
    settle_all(daemon, applied, count);
    TRY(code);
    TRY(remove_all(daemon, removed, err));
    return daemon_reload(daemon, err);
}
