/*
 * workflow_folder: workflows that were added to a device through the API: DATA/workflows/NAME/.
 *
 * Adding copies the file, the schemas that it names and the agents beside it, so that the device
 * does not depend on where a person had them. What else lies in the folder is the workflow's own (a
 * watched folder that it names by a relative path) and stays, whatever is added over it.
 *
 *   .NAME.new    a copy that is being made          removed by the next start
 *   .NAME.next   a whole copy; after the exchange   settled: what is the workflow's own is moved
 *                the older one                      back, the rest removed; also by the next start
 *
 * Thread: loop (small files). Survives: yes, it is files; between the steps as the table says.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "runtime/slot.h"

/* Copies `file`, its schemas and agents/; puts the workflow's name out. An older copy of that name
 * goes. */
status workflow_folder_add(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                           struct error *err);

/* The same in steps, for several at once: all are staged, then all are swapped, then all are
 * settled. What was swapped can be taken back until it is settled; what was staged and not swapped
 * is settled as well. */
status workflow_folder_stage(const char *data, const char *file, char out_name[SLOT_NAME_BYTES],
                             struct error *err);
status workflow_folder_swap(const char *data, const char *name, struct error *err);
status workflow_folder_take_back(const char *data, const char *name, struct error *err);
status workflow_folder_settle(const char *data, const char *name, struct error *err);

/* Where a staged copy lies. */
void workflow_folder_staged(const char *data, const char *name, char *out_path, size_t bytes);

/* Before workflows are loaded for the first time: settles what a crash left. */
status workflow_folder_recover(const char *data, struct error *err);

/* Whether the file is a copy of this kind. */
bool workflow_folder_holds(const char *data, const char *name, const char *file);

/* Removes the copy. DENIED when the workflow's file stands somewhere else. */
status workflow_folder_remove(const char *data, const char *name, const char *file,
                              struct error *err);
