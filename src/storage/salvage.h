/*
 * salvage: what is readable of a damaged file goes into a new one.
 *
 * Records keep their stream, lane and seq; what is missing between them becomes a gap of reason
 * `damaged`, and a new stream begins, since nobody can say what stood at the ends. The damaged file
 * and its WAL are moved aside, never changed and never deleted. Of a file that is gone its WAL is
 * read alone.
 *
 * Thread: database, with no connection open. Survives: power cuts: the new file is finished and
 * synced under another name (".new") before the old one is moved, and the move goes on at the next
 * opening.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/local_db.h"

struct salvage_options {
    const char *path;
    const char *vfs;
    int64_t wal_bytes;
};

struct salvage_report {
    char aside[256];
    uint64_t records; /* that are here */
    uint64_t damaged; /* that were there and are lost */
};

status salvage_run(const struct salvage_options *options, struct salvage_report *out_report,
                   struct error *err);

/* Whether the first file that was set aside stands beside it. */
bool salvage_was_here(const char *path, const char *vfs);

/* Finishes the move of a salvage that a power cut ended, and removes what one began. */
status salvage_finish(const char *path, const char *vfs, struct error *err);
