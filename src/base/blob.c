// SPDX-License-Identifier: Apache-2.0
#include "base/blob.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

enum { FACT_TYPE, FACT_BYTES, FACT_COUNT };

struct blob {
    atomic_uint owners;
    size_t count;
    char *bytes; /* owned; NULL: not read yet */
    blob_reader *read;
    void *source; /* owned */
    void *derived;
    void (*release_derived)(void *thing);
    struct id id;
    struct member facts[FACT_COUNT]; /* what an expression sees */
    char type[];
};

static struct blob *new_blob(struct slice type, size_t count, struct error *err) {
    if (type.count > BLOB_TYPE_BYTES_MAX) {
        (void)fail(err, STATUS_INVALID, "a type of bytes has at most %d letters",
                   BLOB_TYPE_BYTES_MAX);
        return NULL;
    }
    struct blob *blob = memory_new(1, sizeof(*blob) + type.count + 1);
    if (blob == NULL) {
        (void)fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes", count);
        return NULL;
    }
    atomic_init(&blob->owners, 1);
    blob->count = count;
    if (type.count > 0) {
        (void)memcpy(blob->type, type.bytes, type.count);
    }
    const struct slice kept = {.bytes = blob->type, .count = type.count};
    blob->facts[FACT_TYPE] = (struct member){.name = SLICE("type"), .value = value_of_text(kept)};
    blob->facts[FACT_BYTES] =
        (struct member){.name = SLICE("bytes"), .value = value_of_integer((int64_t)count)};
    return blob;
}

static status check_count(size_t count, struct error *err) {
    if (count > BLOB_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "%zu bytes are more than the %d that may be opened at once", count,
                    BLOB_BYTES_MAX);
    }
    return STATUS_OK;
}

status blob_create(struct slice type, char *bytes, size_t count, struct blob **out_blob,
                   struct error *err) {
    assert(bytes != NULL);
    struct error why = {0};
    struct blob *blob = check_count(count, &why) == STATUS_OK ? new_blob(type, count, &why) : NULL;
    if (blob == NULL) {
        memory_free(bytes);
        return fail(err, why.code, "%s", why.text);
    }
    blob->bytes = bytes;
    *out_blob = blob;
    return STATUS_OK;
}

status blob_copy(struct slice type, struct slice bytes, struct blob **out_blob, struct error *err) {
    TRY(check_count(bytes.count, err));
    char *copy = memory_new(bytes.count, 1);
    if (copy == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes", bytes.count);
    }
    if (bytes.count > 0) {
        (void)memcpy(copy, bytes.bytes, bytes.count);
    }
    return blob_create(type, copy, bytes.count, out_blob, err);
}

status blob_create_unread(struct slice type, size_t count, blob_reader *read, const void *source,
                          size_t source_bytes, struct blob **out_blob, struct error *err) {
    assert(read != NULL);
    struct error why = {0};
    struct blob *blob = new_blob(type, count, &why);
    if (blob == NULL) {
        return fail(err, why.code, "%s", why.text);
    }
    blob->source = memory_new(1, source_bytes);
    if (blob->source == NULL) {
        memory_free(blob);
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes", source_bytes);
    }
    (void)memcpy(blob->source, source, source_bytes);
    blob->read = read;
    *out_blob = blob;
    return STATUS_OK;
}

struct blob *blob_share(struct blob *blob) {
    atomic_fetch_add_explicit(&blob->owners, 1, memory_order_relaxed);
    return blob;
}

void blob_release(struct blob *blob) {
    if (blob == NULL || atomic_fetch_sub_explicit(&blob->owners, 1, memory_order_acq_rel) > 1) {
        return;
    }
    blob_set_derived(blob, NULL, NULL);
    memory_free(blob->bytes);
    memory_free(blob->source);
    memory_free(blob);
}

void *blob_derived(const struct blob *blob, void (*release)(void *thing)) {
    return blob->release_derived == release ? blob->derived : NULL;
}

void blob_set_derived(struct blob *blob, void *thing, void (*release)(void *thing)) {
    if (blob->release_derived != NULL) {
        blob->release_derived(blob->derived);
    }
    blob->derived = thing;
    blob->release_derived = release;
}

struct slice blob_type(const struct blob *blob) {
    return value_text(blob->facts[FACT_TYPE].value);
}

size_t blob_count(const struct blob *blob) {
    return blob->count;
}

status blob_open(struct blob *blob, struct slice *out_bytes, struct error *err) {
    if (blob->bytes == NULL) {
        TRY(check_count(blob->count, err));
        char *bytes = memory_new(blob->count, 1);
        if (bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes", blob->count);
        }
        const status code = blob->read(blob->source, bytes, blob->count, err);
        if (code != STATUS_OK) {
            memory_free(bytes);
            return code;
        }
        blob->bytes = bytes;
    }
    *out_bytes = (struct slice){.bytes = blob->bytes, .count = blob->count};
    return STATUS_OK;
}

const void *blob_source(const struct blob *blob, blob_reader *read) {
    return blob->read == read ? blob->source : NULL;
}

struct id blob_id(const struct blob *blob) {
    return blob->id;
}

void blob_set_id(struct blob *blob, struct id id) {
    blob->id = id;
}

const struct value *blob_fact(const struct blob *blob, struct slice name) {
    for (int i = 0; i < FACT_COUNT; i++) {
        if (slice_equal(blob->facts[i].name, name)) {
            return &blob->facts[i].value;
        }
    }
    return NULL;
}

static void release(void *blob) {
    blob_release(blob);
}

bool value_of_blob(struct arena *arena, struct blob *blob, struct value *out_value) {
    if (!arena_hold(arena, blob, release)) {
        return false;
    }
    (void)blob_share(blob);
    *out_value = (struct value){.kind = VALUE_BLOB, .blob = blob};
    return true;
}
