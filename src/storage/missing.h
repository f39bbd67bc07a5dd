/*
 * missing: what stands in a folder whose database is gone, or empty.
 *
 * SQLite makes a new file then and deletes the log that stands beside it, and nobody hears of what
 * was there. A making that the power ended leaves an empty file too, but neither a log nor anything
 * that is written later: by those the two are told apart.
 *
 * What is done about it is storage/core's: the log is salvaged, a person is told.
 * Thread: database, with no connection open. Changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"

enum { MISSING_TRACE_BYTES = 64 };

/* CORRUPT when the log of the database at `path` is there, and the database is not or is empty. */
status missing_check_log(const char *path, const char *vfs, struct error *err);

/* What is in the folder only once a store was made in it, for a sentence; "" when nothing is. */
void missing_find_trace(const char *path, const char *vfs, char out_trace[MISSING_TRACE_BYTES]);
