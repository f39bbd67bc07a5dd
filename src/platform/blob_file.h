/*
 * blob_file: a blob whose bytes are a file on disk, read when somebody opens it.
 *
 * The file must stay as it was when the blob was made: one that has changed since is not read, so
 * that nobody takes two halves for a whole. A file may be larger than a blob that is opened: who
 * can use the file as it is asks for its path.
 *
 * Thread: making one looks at the disk; opening it reads.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/blob.h"

/* NOT_FOUND when there is no such file, INVALID when it is none. */
status blob_of_file(const char *path, struct slice type, struct blob **out_blob, struct error *err);

/* The path, or NULL when the blob was not made here. */
const char *blob_file_path(const struct blob *blob);

/* A descriptor of the file, close-on-exec, to be read from its start; the caller closes it. INVALID
 * when the blob was not made here, or the file is another one by now. */
status blob_file_open(const struct blob *blob, int *out_descriptor, struct error *err);

/* The blob's bytes under a new name: a link where the file system can, else a copy. The name must
 * be free. */
status blob_file_link(struct blob *blob, const char *path, struct error *err);
