// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow_folder.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "platform/file.h"
#include "platform/folder.h"
#include "wire/workflow.h"

enum { PATH_BYTES_MAX = 4096 };

static status read_name(const char *file, char out_name[SLOT_NAME_BYTES], struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    TRY(file_read(file, &text, err));
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    const struct workflow_doors doors = {0};
    const status code =
        workflow_read(slice_of(file), buffer_slice(&text), &doors, &workflow, &faults, err);
    fault_list_release(faults);
    TRY(code);
    (void)snprintf(out_name, SLOT_NAME_BYTES, "%.*s", SLICE_ARGS(workflow->name));
    workflow_release(workflow);
    return STATUS_OK;
}

static status copy_workflow(const char *file, const char *folder, struct error *err) {
    char from[PATH_BYTES_MAX];
    char agents[PATH_BYTES_MAX];
    char to[PATH_BYTES_MAX];
    struct file_facts facts;
    (void)snprintf(from, sizeof(from), "%s", file);
    if (snprintf(agents, sizeof(agents), "%s/agents", dirname(from)) >= PATH_BYTES_MAX ||
        snprintf(to, sizeof(to), "%s/workflow.yaml", folder) >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_BYTES_MAX - 1);
    }
    TRY(file_make_folder(folder, err));
    TRY(folder_copy_file(file, to, err));
    if (file_facts(agents, &facts, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    (void)snprintf(to, sizeof(to), "%.4000s/agents", folder);
    return folder_copy(agents, to, err);
}

status workflow_folder_add(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                           struct error *err) {
    char aside[PATH_BYTES_MAX];
    char place[PATH_BYTES_MAX];
    char name[SLOT_NAME_BYTES];
    if (file[0] != '/') {
        return fail(err, STATUS_INVALID, "'%s' is no absolute path", file);
    }
    TRY(read_name(file, name, err));
    (void)snprintf(aside, sizeof(aside), "%.3000s/workflows/.%s.new", data, name);
    (void)snprintf(place, sizeof(place), "%.3000s/workflows/%s", data, name);
    TRY(folder_remove(aside, err));
    status code = copy_workflow(file, aside, err);
    if (code == STATUS_OK) {
        code = folder_exchange(aside, place, err);
    }
    (void)folder_remove(aside, NULL); /* half a copy, whose error is the one to tell, or the old */
    if (code != STATUS_OK) {
        return fail_while(err, "add workflow '%s'", name);
    }
    (void)memcpy(out_name, name, sizeof(name));
    return STATUS_OK;
}

status workflow_folder_remove(const char *data, const char *name, const char *file,
                              struct error *err) {
    char place[PATH_BYTES_MAX];
    (void)snprintf(place, sizeof(place), "%.3000s/workflows/%s", data, name);
    if (strncmp(file, place, strlen(place)) != 0 || file[strlen(place)] != '/') {
        return fail(err, STATUS_DENIED,
                    "workflow '%s' stands in %s: remove the file there and reload, or stop the "
                    "workflow",
                    name, file);
    }
    return folder_remove(place, err);
}
