/*
 * workflow_folder: workflows that were added to a device through the API: DATA/workflows/NAME/.
 *
 * Adding copies the file and the agents beside it, so that the device does not depend on where a
 * person had them. The copy is made aside and renamed: there or not, never half.
 *
 * Thread: loop (small files). Survives: yes, it is files.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "runtime/slot.h"

enum {
    WORKFLOW_FOLDER_BYTES_MAX = 64 << 20, /* of one workflow's agents together */
    WORKFLOW_FOLDER_FILES_MAX = 1000,
    WORKFLOW_FOLDER_DEPTH_MAX = 8
};

/* Copies `file` and its agents/; puts the workflow's name out. An older copy of that name goes. */
status workflow_folder_add(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                           struct error *err);

/* Removes the copy. DENIED when the workflow's file stands somewhere else. */
status workflow_folder_remove(const char *data, const char *name, const char *file,
                              struct error *err);
