/*
 * watched_file: a file of a watched folder: its identity, whether somebody may still write it, and
 * the event that it becomes.
 *
 * The identity is path, size and modification time; its hash has 40 bits of the path and 24 of the
 * rest, so that all marks of a path can be forgotten when the file goes (docs/decisions/0003).
 *
 * Thread: a worker's; blocks. Survives: the file is what survives.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "runtime/event.h"

enum {
    FOLDER_BYTES_MAX = 4096,
    WATCHED_PATH_BYTES_MAX = FOLDER_BYTES_MAX + 256, /* a folder, a slash and a name */
    WATCHED_SETTLE_MS = 1000                         /* younger may still be written */
};

#define WATCHED_VERSION_BITS UINT64_C(0xffffff) /* of a hash: not the path's */

struct watched_folder {
    char path[FOLDER_BYTES_MAX];
    struct slice source; /* of the events; not owned */
    bool text;           /* the content becomes `.event.text` */
};

struct file_identity {
    char text[WATCHED_PATH_BYTES_MAX + 64]; /* what stands as the event's id */
    uint64_t hash;
};

/* Names come from the kernel, at most 255 bytes: the path always fits. */
void watched_path(const struct watched_folder *folder, const char *name,
                  char path[WATCHED_PATH_BYTES_MAX]);

/* The hash with no version in it. */
uint64_t watched_path_hash(const struct watched_folder *folder, const char *name);

void watched_identify(const struct watched_folder *folder, const char *name,
                      const struct stat *facts, struct file_identity *out);

/* Changed so lately that somebody may still be writing it. */
bool watched_is_young(const struct stat *facts);

/* An event, or NULL: err->code is OK when the file is not (or no longer) what was named, else it
 * could not be read now. */
struct event *watched_read(const struct watched_folder *folder, const char *name,
                           struct error *err);
