// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow_folder.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/manifest_onnx.h"
#include "platform/file.h"
#include "platform/folder.h"
#include "wire/workflow.h"

enum { PATH_BYTES_MAX = 4096 };

struct places {
    char place[PATH_BYTES_MAX]; /* where it is read */
    char half[PATH_BYTES_MAX];  /* a copy that is being made */
    char aside[PATH_BYTES_MAX]; /* a whole copy; after the exchange, the older one */
};

struct recovering {
    const char *data;
    status code;
    struct error error;
};

struct removing {
    const char *folder;
    status code;
    struct error error;
};

static status read_workflow(const char *file, struct workflow **out_workflow, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    TRY(file_read(file, &text, err));
    struct fault_list *faults = NULL;
    const struct workflow_doors doors = {0};
    const status code =
        workflow_read(slice_of(file), buffer_slice(&text), &doors, out_workflow, &faults, err);
    fault_list_release(faults);
    return code;
}

/* What is called `name` in the one folder, into the other. */
static status copy_beside(const char *beside, const char *name, const char *folder,
                          struct error *err) {
    char from[PATH_BYTES_MAX];
    char to[PATH_BYTES_MAX];
    if (snprintf(from, sizeof(from), "%s/%s", beside, name) >= PATH_BYTES_MAX ||
        snprintf(to, sizeof(to), "%s/%s", folder, name) >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_BYTES_MAX - 1);
    }
    return folder_copy_file(from, to, err);
}

static status copy_workflow(const char *file, const struct workflow *workflow, const char *folder,
                            struct error *err) {
    char room[PATH_BYTES_MAX];
    char agents[PATH_BYTES_MAX];
    char to[PATH_BYTES_MAX];
    struct file_facts facts;
    (void)snprintf(room, sizeof(room), "%s", file);
    const char *beside = dirname(room);
    if (snprintf(agents, sizeof(agents), "%s/agents", beside) >= PATH_BYTES_MAX ||
        snprintf(to, sizeof(to), "%s/workflow.yaml", folder) >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_BYTES_MAX - 1);
    }
    TRY(file_make_folder(folder, err));
    TRY(folder_copy_file(file, to, err));
    for (uint32_t i = 0; i < workflow->schema_file_count; i++) {
        TRY(copy_beside(beside, workflow->schema_files[i].bytes, folder, err));
    }
    if (file_facts(agents, &facts, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    (void)snprintf(to, sizeof(to), "%.4000s/agents", folder);
    /* What was compiled there is compiled here, if it is to be. */
    return folder_copy(agents, to, ONNX_COMPILED_ENDING, err);
}

/* DATA/workflows/NAME, and .NAME.SUFFIX beside it. */
static void write_places(const char *data, const char *name, struct places *out) {
    (void)snprintf(out->place, PATH_BYTES_MAX, "%.3000s/workflows/%s", data, name);
    (void)snprintf(out->half, PATH_BYTES_MAX, "%.3000s/workflows/.%s.new", data, name);
    (void)snprintf(out->aside, PATH_BYTES_MAX, "%.3000s/workflows/.%s.next", data, name);
}

static status stage_copy(const char *file, const struct workflow *workflow,
                         const struct places *places, struct error *err) {
    TRY(folder_remove(places->half, err));
    status code = copy_workflow(file, workflow, places->half, err);
    if (code == STATUS_OK) {
        code = file_rename(places->half, places->aside, err);
    }
    if (code != STATUS_OK) {
        (void)folder_remove(places->half, NULL); /* the copy's own error is the one to tell */
        return fail_while(err, "add workflow '%.*s'", SLICE_ARGS(workflow->name));
    }
    return STATUS_OK;
}

status workflow_folder_stage(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                             struct error *err) {
    struct places places;
    char name[SLOT_NAME_BYTES];
    struct workflow *workflow = NULL;
    if (file[0] != '/') {
        return fail(err, STATUS_INVALID, "'%s' is no absolute path", file);
    }
    TRY(read_workflow(file, &workflow, err));
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGS(workflow->name));
    write_places(data, name, &places);
    status code = workflow_folder_settle(data, name, err);
    if (code == STATUS_OK) {
        code = stage_copy(file, workflow, &places, err);
    }
    workflow_release(workflow);
    TRY(code);
    (void)memcpy(out_name, name, sizeof(name));
    return STATUS_OK;
}

void workflow_folder_staged(const char *data, const char *name, char *out_path, size_t bytes) {
    struct places places;
    write_places(data, name, &places);
    (void)snprintf(out_path, bytes, "%s", places.aside);
}

status workflow_folder_swap(const char *data, const char *name, struct error *err) {
    struct places places;
    write_places(data, name, &places);
    if (folder_exchange(places.aside, places.place, err) != STATUS_OK) {
        return fail_while(err, "add workflow '%s'", name);
    }
    return STATUS_OK;
}

status workflow_folder_take_back(const char *data, const char *name, struct error *err) {
    struct places places;
    struct file_facts facts;
    write_places(data, name, &places);
    return file_facts(places.aside, &facts, NULL) == STATUS_OK
               ? folder_exchange(places.aside, places.place, err)
               : file_rename(places.place, places.aside, err);
}

static bool remove_schema(void *owner, const char *name) {
    struct removing *removing = owner;
    char path[PATH_BYTES_MAX];
    if (workflow_is_schema_file(slice_of(name))) {
        (void)snprintf(path, sizeof(path), "%.4000s/%s", removing->folder, name);
        removing->code = file_remove(path, &removing->error);
    }
    return removing->code == STATUS_OK;
}

/* They came with the workflow's file and go with it. */
static status remove_schemas(const char *folder, struct error *err) {
    struct removing removing = {.folder = folder};
    TRY(file_list(folder, remove_schema, &removing, err));
    if (removing.code != STATUS_OK) {
        *err = removing.error;
    }
    return removing.code;
}

status workflow_folder_settle(const char *data, const char *name, struct error *err) {
    struct places places;
    struct file_facts facts;
    char path[PATH_BYTES_MAX];
    write_places(data, name, &places);
    if (file_facts(places.aside, &facts, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    (void)snprintf(path, sizeof(path), "%.4000s/agents", places.aside);
    TRY(folder_remove(path, err));
    (void)snprintf(path, sizeof(path), "%.4000s/workflow.yaml", places.aside);
    const status gone = file_remove(path, err);
    if (gone != STATUS_OK && gone != STATUS_NOT_FOUND) {
        return gone;
    }
    TRY(remove_schemas(places.aside, err));
    if (file_facts(places.place, &facts, NULL) != STATUS_OK) {
        return folder_remove(places.aside, err);
    }
    TRY(folder_join(places.aside, places.place, err));
    if (rmdir(places.aside) != 0) {
        return fail(err, STATUS_CONFLICT,
                    "'%s' and '%s' both hold files of one name: move those away that should not be "
                    "there",
                    places.aside, places.place);
    }
    return STATUS_OK;
}

status workflow_folder_add(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                           struct error *err) {
    char name[SLOT_NAME_BYTES];
    TRY(workflow_folder_stage(data, file, name, err));
    TRY(workflow_folder_swap(data, name, err));
    TRY(workflow_folder_settle(data, name, err));
    (void)memcpy(out_name, name, sizeof(name));
    return STATUS_OK;
}

/* A name of .NAME.next or .NAME.new; false for any other. */
static bool recover_named(void *owner, const char *entry) {
    struct recovering *all = owner;
    const struct slice whole = slice_of(entry);
    char name[SLOT_NAME_BYTES];
    struct places places;
    const size_t tail = slice_ends(whole, ".next") ? 5 : slice_ends(whole, ".new") ? 4 : 0;
    if (entry[0] != '.' || tail == 0 || whole.count - tail - 1 >= sizeof(name)) {
        return true;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(whole.count - tail - 1), entry + 1);
    write_places(all->data, name, &places);
    all->code = tail == 5 ? workflow_folder_settle(all->data, name, &all->error)
                          : folder_remove(places.half, &all->error);
    return all->code == STATUS_OK;
}

status workflow_folder_recover(const char *data, struct error *err) {
    struct recovering all = {.data = data};
    char folder[PATH_BYTES_MAX];
    (void)snprintf(folder, sizeof(folder), "%.3000s/workflows", data);
    const status listed = file_list(folder, recover_named, &all, err);
    if (listed == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(listed);
    if (all.code != STATUS_OK) {
        *err = all.error;
        return fail_while(err, "mend %s after an add that was cut short", folder);
    }
    return STATUS_OK;
}

bool workflow_folder_holds(const char *data, const char *name, const char *file) {
    struct places places;
    write_places(data, name, &places);
    const size_t count = strlen(places.place);
    return strncmp(file, places.place, count) == 0 && file[count] == '/';
}

status workflow_folder_remove(const char *data, const char *name, const char *file,
                              struct error *err) {
    struct places places;
    if (!workflow_folder_holds(data, name, file)) {
        return fail(err, STATUS_DENIED,
                    "workflow '%s' stands in %s: remove the file there and reload, or stop the "
                    "workflow",
                    name, file);
    }
    write_places(data, name, &places);
    return folder_remove(places.place, err);
}
