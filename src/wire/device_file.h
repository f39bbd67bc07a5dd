/*
 * device_file: the files that a device's settings are read from: /etc/ebb/device.yaml (where it is
 * not there, /etc/ebb/edge_config.json), or the file that was named, and conf.d/NAME.yaml beside it
 * in the order of their names.
 *
 * A later file wins, key by key; the environment wins over all of them.
 *
 * Thread: any; blocks on the disk (small files).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/device.h"

extern const char DEVICE_FILE[]; /* /etc/ebb/device.yaml */

struct device_files {
    const char *path; /* as the caller was told; NULL: DEVICE_FILE, which need not be there */
    const char *(*environment)(const char *name); /* getenv, or a test's */
    /* Every file of which something is to be said; may be NULL. */
    void (*said)(void *owner, const struct fault_list *faults);
    void *owner;
};

enum { DEVICE_FOLDER_BYTES_MAX = 4096 };

/* Where a daemon keeps everything: `named` (--data), else store.path, else /var/lib/ebb for root
 * and $XDG_STATE_HOME/ebb (~/.local/state/ebb) for anybody else. INVALID where nothing says
 * where. */
status device_data_folder(const struct device *device, const char *named,
                          const char *(*environment)(const char *name),
                          char out_path[DEVICE_FOLDER_BYTES_MAX], struct error *err);

/* Reads them all into *out_device. INVALID when a file has faults, which were said, or a variable
 * is wrong; NOT_FOUND when the named file is not there. */
status device_load(struct arena *arena, const struct device_files *files, struct device *out_device,
                   struct error *err);
