/*
 * blob_files: blobs as files of a call's own folder, for agents that are programs.
 *
 * A blob goes in as {"blob": PATH, "type", "bytes"}, a link where the disk can, read only by
 * agreement. Where descriptors are handed over it is {"blob": {"fd": INDEX}, "type", "bytes"}: the
 * file is made as well, and opened when its call is told to a process. A file comes back as
 * {"$file": NAME}, a plain name in that folder, with "type" where the program knows it; its bytes
 * are read when somebody opens it. The folder goes with the run, and is the runner's to make and
 * remove.
 *
 * Thread: showing blocks and is a worker's; opening is the loop's, for files that are there and
 * were made just before; taking looks at files and reads the first bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/process.h"

enum { BLOB_FILES_MAX = 256 /* of one call, each way */ };

/* The value with a file in place of every blob: its path, or a blob of that file
 * (`by_descriptor`). */
status blob_files_show(const char *folder, bool by_descriptor, struct arena *arena,
                       struct value value, struct value *out_value, struct error *err);

/* The value with an index in place of every blob of a file. They are opened anew, to be read from
 * their start, and stand behind those that `descriptors` has already. FULL or INVALID when they
 * are too many; what was opened stays the caller's then too. */
status blob_files_open(struct arena *arena, struct value value, struct value *out_value,
                       struct process_descriptors *descriptors, struct error *err);

/* The value with a blob in place of every file. INVALID: a name that is not plain, or a file that
 * is not there or is none. */
status blob_files_take(const char *folder, struct arena *arena, struct value value,
                       struct value *out_value, struct error *err);
