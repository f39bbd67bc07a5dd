/*
 * workflow_folder: workflows that were added to a device through the API: DATA/workflows/NAME/.
 *
 * Adding copies the file and the agents beside it, so that the device does not depend on where a
 * person had them. The copy is made aside and exchanged: the old or the new, never half.
 *
 * Thread: loop (small files). Survives: yes, it is files.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "runtime/slot.h"

/* Copies `file` and its agents/; puts the workflow's name out. An older copy of that name goes. */
status workflow_folder_add(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                           struct error *err);

/* Removes the copy. DENIED when the workflow's file stands somewhere else. */
status workflow_folder_remove(const char *data, const char *name, const char *file,
                              struct error *err);
