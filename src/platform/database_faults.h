/*
 * database_faults: a disk in memory for SQLite that remembers every call, and can fail or lose
 * power.
 *
 * Linked by tests only. A disk is a VFS: open a database on it by the disk's name. Every write,
 * truncation, sync, creation, removal and move is logged with its bytes. From the log the disk can
 * be built as a power cut would have left it after any call: what was synced is there, of what was
 * not each 512-byte sector is old, new, of a write before, or torn, by a seed. Names are as durable
 * as the last sync of the folder. Calls can be made to fail (EIO, no space, half a write), and a
 * sync that failed leaves what it should have written clean in the cache and in doubt on the disk,
 * as Linux does.
 *
 * Not here: what a database must be like after that; the tests in tests/power say it.
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/fault_cutter.h"

struct fault_disk;

/* Registers a VFS of this name (it must stand as long as the disk); NULL without memory. */
struct fault_disk *fault_disk_create(const char *name);

/* No database may be open on it; NULL is fine. */
void fault_disk_destroy(struct fault_disk *disk);

/* Forgets all files, the log and every fault. */
void fault_disk_clear(struct fault_disk *disk);

/* --- the log and power cuts ------------------------------------------------------------------- */

/* Every call that changed the disk, for a cutter; its count is the place of a cut now. */
const struct fault_log *fault_disk_log(const struct fault_disk *disk);

/* "write ebb.db-wal 4096+24": for a person who reads a failing seed. */
void fault_disk_describe(const struct fault_disk *disk, size_t index, char *out_text, size_t bytes);

/* Begins the log anew: what stands now counts as synced. */
void fault_disk_begin_log(struct fault_disk *disk);

/* Puts the disk into the state that a cut of another disk's log leaves. False: no memory. */
bool fault_disk_build(struct fault_disk *disk, const struct fault_disk *from,
                      const struct fault_cutter *cutter, enum fault_cut cut, uint64_t seed);

/* --- failing calls --------------------------------------------------------------------------- */

enum fault_what {
    FAULT_READ = 1,
    FAULT_WRITE = 2,
    FAULT_SYNC = 4,
    FAULT_TRUNCATE = 8, /* and growing ahead */
    FAULT_OPEN = 16,
    FAULT_ANY = 31
};

enum fault_kind {
    FAULT_EIO,
    FAULT_NO_SPACE,
    FAULT_HALF_WRITE, /* half of the bytes are written, then EIO */
    FAULT_SILENT      /* a sync that fails and says OK: a bug that a harness must find */
};

struct fault {
    unsigned calls; /* of enum fault_what, added up */
    enum fault_kind kind;
    size_t index;  /* the call of those kinds from now on that fails first; 0 is the next */
    bool persists; /* all after it fail as well */
};

/* One fault at a time; NULL: none. */
void fault_disk_fail(struct fault_disk *disk, const struct fault *fault);

/* How many calls of the fault's kinds were made since fault_disk_fail, and how many of them failed.
 */
size_t fault_disk_calls(const struct fault_disk *disk);
size_t fault_disk_failures(const struct fault_disk *disk);

/* All files together may have so many bytes; 0: no bound. */
void fault_disk_set_quota(struct fault_disk *disk, int64_t bytes);
int64_t fault_disk_bytes(const struct fault_disk *disk);

/* Syncs say that they did, and do nothing: the bug that the harness must find. */
void fault_disk_drop_syncs(struct fault_disk *disk, bool drop);

/* Calls `before` ahead of each sync, when what is being committed must not be visible yet. It may
 * read through another connection. NULL: nobody. */
void fault_disk_watch_syncs(struct fault_disk *disk, void (*before)(void *owner), void *owner);

/* --- damage ---------------------------------------------------------------------------------- */

/* Bytes of a file, 0 when it is not there. */
int64_t fault_disk_file_bytes(const struct fault_disk *disk, const char *name);

/* Flips bits of one byte; false when it is not there. */
bool fault_disk_flip(struct fault_disk *disk, const char *name, int64_t offset, uint8_t mask);
