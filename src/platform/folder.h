/*
 * folder: small trees of files copied, exchanged and removed whole.
 *
 * What is copied is a workflow with its agents: bounded in files, bytes and depth, regular files
 * and folders alone (links are followed). A copy that failed is half there: the caller makes it
 * aside, renames or exchanges it, and removes what is left over.
 *
 * Blocking, like file. Survives: a copy's files are synced, and its names with folder_exchange.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"

enum {
    FOLDER_BYTES_MAX = 64 << 20, /* of a copied tree together */
    FOLDER_FILES_MAX = 1000,
    FOLDER_DEPTH_MAX = 8
};

/* Copies one file with its rights and its time. INVALID unless it is a regular one; FULL beyond
 * FOLDER_BYTES_MAX. */
status folder_copy_file(const char *from, const char *to, struct error *err);

/* Copies what is in the folder, but not what has a name that ends as `without` (NULL: all of it);
 * `to` is made. INVALID beyond the bounds, or where there is anything but files and folders. */
status folder_copy(const char *from, const char *to, const char *without, struct error *err);

/* Puts `fresh` in the place of `path`, at once: a reader sees the old or the new one. What was
 * there goes by the name `fresh` from then on; nothing is there when nothing was. */
status folder_exchange(const char *fresh, const char *path, struct error *err);

/* Moves what is in `from` into `to`, which is there. Folders that both have are joined; what else
 * both have stays in `from`, with the folders that hold it. */
status folder_join(const char *from, const char *to, struct error *err);

/* Removes the folder with all in it, links themselves and not what they lead to. No error when it
 * is not there. */
status folder_remove(const char *path, struct error *err);
