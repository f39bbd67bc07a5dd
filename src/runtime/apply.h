/*
 * apply: several workflows put on a device at once, as `ebb apply` asks.
 *
 * Nothing changes before all of them are staged and found to be what was checked: each comes with
 * the digest (catalog_digest) that who asks has seen. Then all are swapped in; where one cannot be,
 * those before it are taken back. Then the daemon reads its workflows again. What runs goes on
 * meanwhile. A workflow that a person has stopped stays stopped.
 *
 * Thread: loop (small files). Survives: files; a crash in between leaves each workflow whole, the
 * older or the newer one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "runtime/daemon.h"
#include "runtime/slot.h"

enum { APPLY_WORKFLOWS_MAX = 200 };

struct applied {
    const char *file; /* absolute; its agents stand in agents/ beside it */
    struct id digest;
    char name[SLOT_NAME_BYTES]; /* put out */
    bool swapped;
};

/* `removed` are names of workflows that were added or applied before, NULL at the end. CONFLICT
 * when a file is not what the digest says, or a workflow of that name stands in a folder that is
 * not ours; DENIED when one to be removed does. */
status apply_workflows(struct daemon *daemon, struct applied *applied, uint32_t count,
                       const char *const *removed, struct error *err);
