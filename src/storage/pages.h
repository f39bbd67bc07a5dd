/*
 * pages: the pages of a damaged database file with its WAL laid over them, read without SQLite.
 *
 * For a salvage: the file's own header is not believed. Only files with pages of
 * DATABASE_PAGE_BYTES, as ours are. The frames of the WAL count that verify, up to the last commit
 * among them; what was flipped in it wal_mend has seen to before.
 *
 * Thread: database, with no connection open. Changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "platform/database.h"
#include "storage/number_map.h"

enum { PAGES_COUNT_MAX = 1 << 24, PAGES_WAL_BYTES_MAX = 256 << 20 };

struct pages {
    struct database_file *file; /* owned; NULL: gone, and the WAL is all there is */
    struct database_file *wal;  /* owned; NULL: none */
    struct number_map frames;   /* where in the WAL a page's newest content lies */
    uint32_t count;
};

/* NOT_FOUND when there is neither the file nor its WAL. */
status pages_open(struct pages *pages, const char *path, const char *vfs, struct error *err);
void pages_close(struct pages *pages);

/* Reads page `number`, from 1; CORRUPT when it is beyond the end. */
status pages_read(struct pages *pages, uint32_t number, uint8_t out_page[DATABASE_PAGE_BYTES],
                  struct error *err);
