/*
 * wal_tail: what a power cut left in the log behind the last commit that SQLite reads.
 *
 * Frames of a transaction that was never acknowledged may stand there, whole but for some sectors.
 * The next transaction is written over them, often with the same pages; were its first writes to
 * supply just what was missing when the power goes out again, the old transaction would come to
 * life after all, long after everybody was told that it is not there. So it is struck out first.
 *
 * Thread: database, with no connection open. Survives: power cuts; what was struck out halfway is
 * struck out by the next opening.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/wal_file.h"

/* Empties the header of every frame behind the last commit that bears the salts of this log, as a
 * wal_look has just found it. */
status wal_tail_strike(const char *path, const char *vfs, const struct wal_findings *found,
                       struct error *err);
