// SPDX-License-Identifier: Apache-2.0
#include "wire/device_file.h"

#include <stdio.h>
#include <unistd.h>

#include "platform/file.h"

const char DEVICE_FILE[] = "/etc/ebb/device.yaml";
static const char GUIDES_FILE[] = "/etc/ebb/edge_config.json";

/* One loading under way. */
struct loading {
    struct arena *arena;
    const struct device_files *files;
    struct device *device;
    struct slice folder; /* conf.d */
    struct error error;
    status code;
};

static status read_one(struct loading *loading, const char *path, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    struct fault_list *faults = NULL;
    buffer_init(&text, DEVICE_FILE_BYTES_MAX);
    TRY(file_read(path, &text, err));
    const status code = device_read(loading->arena, slice_of(path), buffer_slice(&text),
                                    loading->device, &faults, err);
    if (faults != NULL && faults->count > 0 && loading->files->said != NULL) {
        loading->files->said(loading->files->owner, faults);
    }
    fault_list_release(faults);
    return code;
}

static bool read_named(void *owner, const char *name) {
    struct loading *loading = owner;
    const struct slice text = slice_of(name);
    if (name[0] == '.' || !slice_ends(text, ".yaml")) {
        return true;
    }
    const struct slice path =
        arena_print(loading->arena, "%.*s/%s", SLICE_ARGS(loading->folder), name);
    loading->code = path.bytes != NULL
                        ? read_one(loading, path.bytes, &loading->error)
                        : fail(&loading->error, STATUS_NO_MEMORY, "out of memory for '%s'", name);
    return loading->code == STATUS_OK;
}

/* The folder of a path, "." where it names none. */
static struct slice folder_of(const char *path) {
    const struct slice text = slice_of(path);
    size_t count = text.count;
    while (count > 0 && text.bytes[count - 1] != '/') {
        count--;
    }
    return count > 1 ? slice_part(text, 0, count - 1) : count == 1 ? SLICE("/") : SLICE(".");
}

static status read_more(struct loading *loading, const char *beside, struct error *err) {
    loading->folder = arena_print(loading->arena, "%.*s/conf.d", SLICE_ARGS(folder_of(beside)));
    if (loading->folder.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the device's files");
    }
    const status listed = file_list(loading->folder.bytes, read_named, loading, err);
    if (listed != STATUS_OK && listed != STATUS_NOT_FOUND) {
        return listed;
    }
    if (loading->code != STATUS_OK) {
        *err = loading->error;
    }
    return loading->code;
}

status device_load(struct arena *arena, const struct device_files *files, struct device *out_device,
                   struct error *err) {
    struct device device = {0};
    struct loading loading = {.arena = arena, .files = files, .device = &device};
    const char *path = files->path != NULL          ? files->path
                       : file_is_there(DEVICE_FILE) ? DEVICE_FILE
                                                    : GUIDES_FILE;
    if (files->path != NULL || file_is_there(path)) {
        TRY(read_one(&loading, path, err));
    }
    TRY(read_more(&loading, path, err));
    TRY(device_override(arena, &device, files->environment, err));
    *out_device = device;
    return STATUS_OK;
}

status device_data_folder(const struct device *device, const char *named,
                          const char *(*environment)(const char *name),
                          char out_path[DEVICE_FOLDER_BYTES_MAX], struct error *err) {
    const char *state = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");
    if (named != NULL) {
        (void)snprintf(out_path, DEVICE_FOLDER_BYTES_MAX, "%s", named);
    } else if (device->path.count > 0) {
        (void)snprintf(out_path, DEVICE_FOLDER_BYTES_MAX, "%.*s", SLICE_ARGS(device->path));
    } else if (geteuid() == 0) {
        (void)snprintf(out_path, DEVICE_FOLDER_BYTES_MAX, "/var/lib/ebb");
    } else if (state != NULL && state[0] == '/') {
        (void)snprintf(out_path, DEVICE_FOLDER_BYTES_MAX, "%s/ebb", state);
    } else if (home != NULL && home[0] == '/') {
        (void)snprintf(out_path, DEVICE_FOLDER_BYTES_MAX, "%s/.local/state/ebb", home);
    } else {
        return fail(err, STATUS_INVALID, "no data folder: name one with --data");
    }
    return STATUS_OK;
}
