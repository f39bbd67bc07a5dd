// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow_folder.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/file.h"
#include "wire/workflow.h"

enum { PATH_BYTES_MAX = 4096 };

struct copying {
    const char *from, *to; /* the folder that is being copied */
    int depth;
    int files;
    int64_t bytes;
    struct error error;
};

static status copy_folder(struct copying *all, const char *from, const char *to, struct error *err);

static status copy_entry(struct copying *all, const char *from, const char *to, struct error *err) {
    struct stat facts;
    if (stat(from, &facts) != 0) {
        return fail_errno(err, errno, "look at '%s'", from);
    }
    if (S_ISDIR(facts.st_mode)) {
        return copy_folder(all, from, to, err);
    }
    all->bytes += facts.st_size;
    if (!S_ISREG(facts.st_mode) || ++all->files > WORKFLOW_FOLDER_FILES_MAX ||
        all->bytes > WORKFLOW_FOLDER_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "copy '%s': agents are regular files, at most %d of them and %d MiB", from,
                    WORKFLOW_FOLDER_FILES_MAX, WORKFLOW_FOLDER_BYTES_MAX >> 20);
    }
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, WORKFLOW_FOLDER_BYTES_MAX);
    TRY(file_read(from, &bytes, err));
    TRY(file_replace(to, buffer_slice(&bytes), err));
    if (chmod(to, facts.st_mode & 0777) != 0) {
        return fail_errno(err, errno, "set the mode of '%s'", to);
    }
    return STATUS_OK;
}

static bool copy_named(void *owner, const char *name) {
    struct copying *all = owner;
    char from[PATH_BYTES_MAX];
    char to[PATH_BYTES_MAX];
    const int count = snprintf(from, sizeof(from), "%s/%s", all->from, name);
    const int other = snprintf(to, sizeof(to), "%s/%s", all->to, name);
    if (count < 0 || count >= PATH_BYTES_MAX || other < 0 || other >= PATH_BYTES_MAX) {
        (void)fail(&all->error, STATUS_INVALID, "a path has at most %d bytes", PATH_BYTES_MAX - 1);
        return false;
    }
    return copy_entry(all, from, to, &all->error) == STATUS_OK;
}

static status copy_folder(struct copying *all, const char *from, const char *to,
                          struct error *err) {
    const struct copying outer = *all;
    if (all->depth >= WORKFLOW_FOLDER_DEPTH_MAX) {
        return fail(err, STATUS_INVALID, "'%s' is too deep", from);
    }
    TRY(file_make_folder(to, err));
    all->depth++;
    all->from = from;
    all->to = to;
    all->error.code = STATUS_OK;
    const status listed = file_list(from, copy_named, all, err);
    const struct error inner = all->error;
    all->depth = outer.depth;
    all->from = outer.from;
    all->to = outer.to;
    if (listed == STATUS_OK && inner.code != STATUS_OK) {
        if (err != &all->error) {
            *err = inner;
        }
        return inner.code;
    }
    return listed;
}

/* Deepest first; what cannot be removed is left and said by the last rmdir. */
static bool remove_named(void *owner, const char *name) {
    const char *folder = owner;
    char path[PATH_BYTES_MAX];
    struct stat facts;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) < PATH_BYTES_MAX &&
        lstat(path, &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) {
            (void)file_list(path, remove_named, path, NULL); /* said by the rmdir below */
            (void)rmdir(path);
        } else {
            (void)unlink(path);
        }
    }
    return true;
}

static status remove_folder(char *path, struct error *err) {
    const status listed = file_list(path, remove_named, path, err);
    if (listed == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(listed);
    return rmdir(path) == 0 ? STATUS_OK : fail_errno(err, errno, "remove '%s'", path);
}

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
    struct copying all = {0};
    struct file_facts facts;
    (void)snprintf(from, sizeof(from), "%s", file);
    if (snprintf(agents, sizeof(agents), "%s/agents", dirname(from)) >= PATH_BYTES_MAX ||
        snprintf(to, sizeof(to), "%s/workflow.yaml", folder) >= PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_BYTES_MAX - 1);
    }
    TRY(file_make_folder(folder, err));
    TRY(copy_entry(&all, file, to, err));
    if (file_facts(agents, &facts, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    (void)snprintf(to, sizeof(to), "%.4000s/agents", folder);
    return copy_folder(&all, agents, to, err);
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
    TRY(remove_folder(aside, err));
    status code = copy_workflow(file, aside, err);
    if (code == STATUS_OK) {
        code = remove_folder(place, err);
    }
    if (code == STATUS_OK) {
        code = file_rename(aside, place, err);
    }
    if (code != STATUS_OK) {
        (void)remove_folder(aside, NULL); /* the copy's own error is the one to tell */
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
    return remove_folder(place, err);
}
