/*
 * fault_log: what a disk was told, call by call, with the bytes; and files as plain memory.
 *
 * Linked by tests only, through database_faults.
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_FILES_MAX = 64, FAULT_NAME_BYTES = 96 };

struct fault_bytes {
    uint8_t *bytes; /* owned */
    size_t count, room;
};

/* What is gained is zero. False: no memory. */
bool fault_bytes_resize(struct fault_bytes *bytes, size_t count);
bool fault_bytes_copy(struct fault_bytes *to, const struct fault_bytes *from);
bool fault_bytes_put(struct fault_bytes *bytes, size_t offset, const uint8_t *from, size_t count);
void fault_bytes_done(struct fault_bytes *bytes);

/* A name and what stands under it. A file that was removed keeps its place. */
struct fault_file {
    char name[FAULT_NAME_BYTES];
    bool exists;
    struct fault_bytes content;
};

enum fault_call_kind {
    FAULT_CALL_CREATE,
    FAULT_CALL_WRITE,
    FAULT_CALL_RESIZE,
    FAULT_CALL_SYNC,
    FAULT_CALL_SYNC_FAILED,
    FAULT_CALL_REMOVE,
    FAULT_CALL_MOVE,
    FAULT_CALL_SYNC_FOLDER
};

struct fault_call {
    enum fault_call_kind kind;
    int file;      /* index of its name */
    int to;        /* MOVE: index of the new name */
    size_t offset; /* WRITE; RESIZE: the new size */
    size_t count;  /* WRITE */
    size_t data;   /* WRITE: where its bytes begin in the log's data */
};

struct fault_log {
    struct fault_file base[FAULT_FILES_MAX]; /* what was on the disk when the log began */
    struct fault_call *calls;                /* owned */
    size_t count, room;
    struct fault_bytes data;
    bool out_of_memory;
};

/* Begins anew: what stands in `files` is on the disk. */
void fault_log_begin(struct fault_log *log, const struct fault_file files[FAULT_FILES_MAX]);
void fault_log_add(struct fault_log *log, struct fault_call call, const void *data);
void fault_log_done(struct fault_log *log);
