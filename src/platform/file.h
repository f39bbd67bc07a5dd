/*
 * file: whole files read with a bound, written so that a power cut leaves the old or the new.
 *
 * Blocking: workers and programs, not the loop. Descriptors are close-on-exec at birth.
 * Survives: file_replace writes a temporary, fsyncs it, renames, fsyncs the folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
    FILE_LIST_BYTES_MAX = 32 << 20, /* names of one folder, taken together */
    FILE_ROOM_BYTES = 64 << 10
};

struct file_facts {
    int64_t bytes;
    int64_t modified_ns; /* wall clock */
    uint64_t inode;
    bool is_folder;
    bool is_regular;
};

/* Appends the file to `out`; FULL "more than N bytes" when it does not fit the buffer's bound. Only
 * regular files (links are followed): anything else is INVALID. */
status file_read(const char *path, struct buffer *out, struct error *err);

/* Appends at most `bytes_max`; *out_bytes is the file's whole size. */
status file_read_start(const char *path, size_t bytes_max, struct buffer *out, int64_t *out_bytes,
                       struct error *err);

/* Appends at most `bytes_max` from `offset` on; nothing behind the end. */
status file_read_part(const char *path, int64_t offset, size_t bytes_max, struct buffer *out,
                      struct error *err);

/* Writes PATH.PID.new beside it, syncs, renames, syncs the folder. An old file's rights stay. */
status file_replace(const char *path, struct slice bytes, struct error *err);

/* The same with bytes that lie in several places, written one after another. */
status file_replace_parts(const char *path, const struct slice *parts, size_t count,
                          struct error *err);

/* The same as file_replace, and only the owner may read and write it, whatever an older file's
 * rights were. */
status file_replace_private(const char *path, struct slice bytes, struct error *err);

/* Writes behind the first `at` bytes of the file, which has as many (0: it is made when it is not
 * there); CONFLICT when it has more or fewer. Not synced. When it fails the file is as it was. */
status file_append(const char *path, int64_t at, struct slice bytes, struct error *err);

/* A new empty file without a name, where `beside` is: for a library that only writes to a path. It
 * goes when it is closed, or with the process however that ends. */
enum { FILE_NAMELESS_PATH_BYTES = 32 };
struct file_nameless {
    int descriptor;
    char path[FILE_NAMELESS_PATH_BYTES]; /* that opens it, in this process alone */
};
status file_nameless_make(const char *beside, struct file_nameless *out_file, struct error *err);
void file_nameless_close(struct file_nameless *file);

/* NOT_FOUND when there is nothing; links are followed. */
status file_facts(const char *path, struct file_facts *out_facts, struct error *err);

/* Whether it can be looked at; links are followed. */
bool file_is_there(const char *path);

/* Makes the folder and those above it; no error when it is there. */
status file_make_folder(const char *path, struct error *err);
status file_remove(const char *path, struct error *err);
status file_rename(const char *from, const char *to, struct error *err);
/* Makes names in the folder last: new, renamed and removed ones. */
status file_sync_folder(const char *path, struct error *err);

/* Calls `each` for the names in a folder but . and .., in the order of their bytes; false from
 * `each` ends it early. Nothing is open while `each` runs: it may remove and rename. */
status file_list(const char *folder, bool (*each)(void *owner, const char *name), void *owner,
                 struct error *err);

/* Takes the lock of a folder's "lock" file until the process ends or the lock is dropped; CONFLICT
 * names the process that holds it. The file itself stays. */
struct file_lock;
status file_lock_take(const char *folder, struct file_lock **out_lock, struct error *err);
void file_lock_drop(struct file_lock *lock);

/* False when the file system of `path` has no room for another file of FILE_ROOM_BYTES, be it bytes
 * or inodes that are missing. */
bool file_has_room(const char *path);

/* Bytes free for us and in all where `path` lies. */
status file_space(const char *path, int64_t *out_free_bytes, int64_t *out_all_bytes,
                  struct error *err);

/* First in every main: who closed standard input, output or error of the program gets the null
 * device in its place, so that nothing that is opened later takes the number and is read or printed
 * to. */
void file_keep_standard_descriptors(void);

/* The path of the running program's folder, without a slash at the end; static storage. */
const char *file_program_folder(void);
