/*
 * fault_cutter: builds from a log the files as a power cut after any of its calls leaves them.
 *
 * What was synced is there. Of what was not, each 512-byte sector is as old as any moment since the
 * last sync, or torn; so writes are lost, kept, and seem reordered. A file's size is that of some
 * moment as well. Names are as durable as the last sync of the folder and change in their order. A
 * sync that failed leaves its writes in doubt: they are in the cache and will not be written again.
 *
 * Linked by tests only. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/fault_log.h"

enum { FAULT_SECTOR_BYTES = 512 };

enum fault_cut {
    FAULT_CUT_SYNCED, /* all that was not synced is lost */
    FAULT_CUT_ALL,    /* all that was written is there */
    FAULT_CUT_RANDOM  /* each sector by the seed */
};

struct fault_cutter;

/* The log must stand as long. NULL: no memory. */
struct fault_cutter *fault_cutter_create(const struct fault_log *log);
void fault_cutter_destroy(struct fault_cutter *cutter);

/* Moves on to the cut after the first `index` calls of the log; never back. False: no memory. */
bool fault_cutter_go(struct fault_cutter *cutter, size_t index);

/* Writes the files as they would be found; what stood in `files` goes. False: no memory. */
bool fault_cutter_build(const struct fault_cutter *cutter, enum fault_cut cut, uint64_t seed,
                        struct fault_file files[FAULT_FILES_MAX]);
