/*
 * workflow_sums: which workflows run on how many devices, and what they have counted there, summed
 * up over the newest report of each device (hub/device_reports).
 *
 * Only devices that may come in count. A report is one device's word: what is no count in it counts
 * as none, and names beyond WORKFLOW_SUMS_MAX are left out. Counts are each since a device's daemon
 * began.
 *
 * Thread: the reading one. Survives nothing. Foreign bytes: yes, bounded by sync/report.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "hub/device_reports.h"

enum {
    WORKFLOW_SUMS_MAX = 1024, /* workflows, and steps or results of one */
    WORKFLOW_SUMS_MS = 2000   /* then it is too much */
};

/* {"workflows":[{"name","summary","devices":n,"digest"}]}, by name; the digest is that of the
 * newest face, null where none is known. */
status workflow_sums_list(struct device_reports *reports, struct database *database,
                          struct buffer *out, struct error *err);

/* {"name","devices":n,"digest","face":{...}|null,"digests":[{"digest","devices"}],
 *  "states":{"running":n},"counts":{"events":n,...},"steps":{"ID":{"runs","failures","skipped"}},
 *  "results_by_name":{"NAME":n}}. NOT_FOUND: no device runs it, and no face of it is known. */
status workflow_sums_show(struct device_reports *reports, struct database *database,
                          struct slice name, struct buffer *out, struct error *err);
