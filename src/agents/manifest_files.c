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

static void digest_file(struct agent_manifest *manifest, const char *path,
                        const struct file_facts *facts) {
    const struct id before = manifest->digest;
    const struct slice chain = id_slice(&before);
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, AGENT_DIGEST_BYTES_MAX);
    if (facts->bytes > AGENT_DIGEST_BYTES_MAX || file_read(path, &bytes, NULL) != STATUS_OK) {
        buffer_clear(&bytes);
        buffer_add_u64(&bytes, (uint64_t)facts->bytes);
        buffer_add_u64(&bytes, (uint64_t)facts->modified_ns);
    }
    manifest->digest = hash_128(chain, buffer_slice(&bytes));
}

bool manifest_take_file(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                        struct slice *out_path, int64_t *out_bytes) {
    if (path.count == 0 || memchr(path.bytes, 0, path.count) != NULL) {
        return false;
    }
    const struct slice whole = manifest_path(reading->arena, manifest, path);
    if (whole.bytes == NULL) {
        reading->faults->no_memory = true;
        return false;
    }
    struct file_facts facts;
    if (file_facts(whole.bytes, &facts, NULL) != STATUS_OK || !facts.is_regular) {
        return false;
    }
    if (!is_absolute(path)) {
        digest_file(manifest, whole.bytes, &facts);
    }
    *out_path = whole;
    *out_bytes = facts.bytes;
    return true;
}

bool manifest_need_file(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                        struct place place, struct slice *out_path, int64_t *out_bytes) {
    if (manifest_take_file(reading, manifest, path, out_path, out_bytes)) {
        return true;
    }
    if (!reading->faults->no_memory) {
        faults_add(reading->faults, place, "no file `%.*s`%s%.*s", QUOTED(path),
                   is_absolute(path) ? "" : " in ",
                   SLICE_ARGS(is_absolute(path) ? (struct slice){0} : manifest->folder));
    }
    return false;
}
