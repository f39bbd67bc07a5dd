// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_files.h"

#include <string.h>

#include "base/buffer.h"
#include "platform/file.h"
#include "platform/hash.h"

static bool is_absolute(struct slice path) {
    return slice_starts(path, "/");
}

struct slice manifest_path(struct arena *arena, const struct agent_manifest *manifest,
                           struct slice path) {
    if (is_absolute(path)) {
        return arena_copy(arena, path);
    }
    while (slice_starts(path, "./")) {
        path = slice_part(path, 2, path.count);
    }
    return arena_print(arena, "%.*s/%.*s", SLICE_ARGS(manifest->folder), SLICE_ARGS(path));
}

/* What is taken of a file. */
struct taken {
    struct slice path;
    int64_t bytes;
    struct id digest;
    bool is_digest; /* of its bytes; else of its size and time, or nothing */
};

static void digest_file(struct agent_manifest *manifest, struct taken *file,
                        const struct file_facts *facts) {
    const struct id before = manifest->digest;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, AGENT_DIGEST_BYTES_MAX);
    file->is_digest = facts->bytes <= AGENT_DIGEST_BYTES_MAX &&
                      file_read(file->path.bytes, &bytes, NULL) == STATUS_OK;
    if (!file->is_digest) {
        buffer_clear(&bytes);
        buffer_add_u64(&bytes, (uint64_t)facts->bytes);
        buffer_add_u64(&bytes, (uint64_t)facts->modified_ns);
    }
    file->digest = hash_128(buffer_slice(&bytes), (struct slice){0});
    manifest->digest = hash_128(id_slice(&before), id_slice(&file->digest));
}

static bool take(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                 struct taken *out_file) {
    if (path.count == 0 || memchr(path.bytes, 0, path.count) != NULL) {
        return false;
    }
    struct taken file = {.path = manifest_path(reading->arena, manifest, path)};
    if (file.path.bytes == NULL) {
        reading->faults->no_memory = true;
        return false;
    }
    struct file_facts facts;
    if (file_facts(file.path.bytes, &facts, NULL) != STATUS_OK || !facts.is_regular) {
        return false;
    }
    file.bytes = facts.bytes;
    if (!is_absolute(path)) {
        digest_file(manifest, &file, &facts);
    }
    *out_file = file;
    return true;
}

static bool need(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                 struct place place, struct taken *out_file) {
    if (take(reading, manifest, path, out_file)) {
        return true;
    }
    if (!reading->faults->no_memory) {
        faults_add(reading->faults, place, "no file `%.*s`%s%.*s", QUOTED(path),
                   is_absolute(path) ? "" : " in ",
                   SLICE_ARGS(is_absolute(path) ? (struct slice){0} : manifest->folder));
    }
    return false;
}

bool manifest_take_file(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                        struct slice *out_path, int64_t *out_bytes) {
    struct taken file;
    if (!take(reading, manifest, path, &file)) {
        return false;
    }
    *out_path = file.path;
    *out_bytes = file.bytes;
    return true;
}

bool manifest_need_file(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                        struct place place, struct slice *out_path, int64_t *out_bytes) {
    struct taken file;
    if (!need(reading, manifest, path, place, &file)) {
        return false;
    }
    *out_path = file.path;
    *out_bytes = file.bytes;
    return true;
}

void manifest_need_model(struct reading *reading, struct agent_manifest *manifest,
                         struct slice path, struct place place) {
    struct taken file;
    if (need(reading, manifest, path, place, &file)) {
        manifest->model_file = file.path;
        manifest->model_bytes = file.bytes;
        manifest->model_digest = file.digest;
        manifest->has_model_digest = file.is_digest;
    }
}
