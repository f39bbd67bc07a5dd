/*
 * blob: counted bytes with a type: a picture, sound, a file, a tensor; what values pass by
 * reference.
 *
 * A blob has its bytes in memory, or knows how to read them when somebody opens it. They never
 * change. It is counted: a value that shows it (value_of_blob) shares it through the arena that the
 * value lives in, and the last one who lets go frees it.
 *
 * Not here: files and hashes. Who makes a blob of a file hands in the function that reads it, and
 * who keeps one under its hash says so with blob_set_id (storage/blobs).
 *
 * Thread: one run at a time opens it; sharing and letting go from any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/value.h"

struct blob;

enum {
    BLOB_BYTES_MAX = 64 << 20, /* in memory at once; one that is never opened may be larger */
    BLOB_TYPE_BYTES_MAX = 255  /* of a media type such as image/jpeg */
};

/* Reads `count` bytes of what `source` names into `bytes`. */
typedef status blob_reader(const void *source, char *bytes, size_t count, struct error *err);

/* Takes `bytes` (of memory_new; also on failure, then they are freed). INVALID when they or the
 * type are too many. */
status blob_create(struct slice type, char *bytes, size_t count, struct blob **out_blob,
                   struct error *err);

/* A copy of the bytes. */
status blob_copy(struct slice type, struct slice bytes, struct blob **out_blob, struct error *err);

/* One that is read when it is first opened. `source` is copied, `source_bytes` of it. */
status blob_create_unread(struct slice type, size_t count, blob_reader *read, const void *source,
                          size_t source_bytes, struct blob **out_blob, struct error *err);

/* Another owner, one owner less. NULL is fine to release. */
struct blob *blob_share(struct blob *blob);
void blob_release(struct blob *blob);

struct slice blob_type(const struct blob *blob);
size_t blob_count(const struct blob *blob);

/* The bytes, read now if they were not yet; they stay as long as the blob. INVALID when they are
 * more than BLOB_BYTES_MAX. */
status blob_open(struct blob *blob, struct slice *out_bytes, struct error *err);

/* What it was read from, as blob_create_unread was given it; NULL when it was made of bytes. For
 * who can use the file as it is. */
const void *blob_source(const struct blob *blob, blob_reader *read);

/* One thing that was made of the bytes and is worth keeping beside them, such as pixels: it goes
 * with the blob, or when another takes its place. NULL: there is none of that `release`. */
void *blob_derived(const struct blob *blob, void (*release)(void *thing));
void blob_set_derived(struct blob *blob, void *thing, void (*release)(void *thing));

/* The hash under which it lies on disk; zero: nowhere yet. Values then say it as JSON. */
struct id blob_id(const struct blob *blob);
void blob_set_id(struct blob *blob, struct id id);

/* What an expression finds in it under that name: `type`, `bytes`; else NULL. */
const struct value *blob_fact(const struct blob *blob, struct slice name);

/* A value that shows the blob and shares it for as long as the arena. An expression sees an object
 * of `type` and `bytes`. false: no room. */
bool value_of_blob(struct arena *arena, struct blob *blob, struct value *out_value);
