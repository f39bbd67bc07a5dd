// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow_folder.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* DATA/workflows/NAME, and .NAME.SUFFIX beside it. */
static void write_places(const char *data, const char *name, struct places *out) {
    (void)snprintf(out->place, PATH_BYTES_MAX, "%.3000s/workflows/%s", data, name);
    (void)snprintf(out->half, PATH_BYTES_MAX, "%.3000s/workflows/.%s.new", data, name);
    (void)snprintf(out->aside, PATH_BYTES_MAX, "%.3000s/workflows/.%s.next", data, name);
}

status workflow_folder_stage(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                             struct error *err) {
    struct places places;
    char name[SLOT_NAME_BYTES];
    if (file[0] != '/') {
        return fail(err, STATUS_INVALID, "'%s' is no absolute path", file);
    }
    TRY(read_name(file, name, err));
    write_places(data, name, &places);
    TRY(workflow_folder_settle(data, name, err));
    TRY(folder_remove(places.half, err));
    status code = copy_workflow(file, places.half, err);
    if (code == STATUS_OK) {
        code = file_rename(places.half, places.aside, err);
    }
    if (code != STATUS_OK) {
        (void)folder_remove(places.half, NULL); /* the copy's own error is the one to tell */
        return fail_while(err, "add workflow '%s'", name);
    }
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
