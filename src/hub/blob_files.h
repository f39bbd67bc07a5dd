/*
 * blob_files: the bytes of attachments as files blobs/HASH in the hub's data folder.
 *
 * What has not come whole is HASH.part; it gets its name when its bytes are all there and are what
 * the hash says, synced before that. Which of them count is for the rows to say (attachment_rows).
 *
 * Thread: any, one at a time for one hash; blocks. Survives: power cuts; a part may be shorter.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"

enum { BLOB_FILES_PATH_BYTES = 4096 };

struct blob_files {
    char folder[BLOB_FILES_PATH_BYTES];
};

/* Makes the folder. */
status blob_files_open(const char *data, struct blob_files *out_files, struct error *err);

/* How much of it has come; 0 when nothing has. A part that is longer than `bytes` goes. */
status blob_files_have(const struct blob_files *files, struct id hash, int64_t bytes,
                       int64_t *out_have, struct error *err);

/* Adds to the part that has `have` bytes. FULL: the disk is. */
status blob_files_add(const struct blob_files *files, struct id hash, int64_t have,
                      struct slice piece, struct error *err);

/* The part has all its bytes: it gets its name. CORRUPT: they are not what the hash says, and go.
 * *out_type is what they look like (base/media_type). */
status blob_files_finish(const struct blob_files *files, struct id hash, const char **out_type,
                         struct error *err);

/* A hub that was restored from a backup has rows without files. */
bool blob_files_is_there(const struct blob_files *files, struct id hash);

/* At most so many of its bytes from an offset on. NOT_FOUND. */
status blob_files_read(const struct blob_files *files, struct id hash, int64_t from,
                       size_t bytes_max, struct buffer *out, struct error *err);

/* With its part; no error when there is neither. */
void blob_files_remove(const struct blob_files *files, struct id hash);

/* Removes every file that `wants` does not want: whole ones and parts. */
status blob_files_sweep(const struct blob_files *files,
                        bool (*wants)(void *owner, struct id hash, bool is_part), void *owner,
                        struct error *err);
