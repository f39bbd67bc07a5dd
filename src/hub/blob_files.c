// SPDX-License-Identifier: Apache-2.0
#include "hub/blob_files.h"

#include <stdio.h>

#include "base/media_type.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "sync/report.h"

enum { PATH_BYTES = BLOB_FILES_PATH_BYTES + ID_HEX_BYTES + 16 };

static const char PART[] = ".part";

static void path_of(const struct blob_files *files, struct id hash, const char *ending,
                    char path[PATH_BYTES]) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(hash, hex);
    (void)snprintf(path, PATH_BYTES, "%.*s/%s%s", BLOB_FILES_PATH_BYTES, files->folder, hex,
                   ending);
}

status blob_files_open(const char *data, struct blob_files *out_files, struct error *err) {
    const int count = snprintf(out_files->folder, BLOB_FILES_PATH_BYTES, "%s/blobs", data);
    if (count < 0 || count >= BLOB_FILES_PATH_BYTES) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", BLOB_FILES_PATH_BYTES - 1);
    }
    return file_make_folder(out_files->folder, err);
}

status blob_files_have(const struct blob_files *files, struct id hash, int64_t bytes,
                       int64_t *out_have, struct error *err) {
    char path[PATH_BYTES];
    struct file_facts facts = {.bytes = 0};
    path_of(files, hash, PART, path);
    struct error why;
    const status looked = file_facts(path, &facts, &why);
    if (looked != STATUS_OK && looked != STATUS_NOT_FOUND) {
        return fail(err, looked, "%s", why.text);
    }
    if (looked == STATUS_OK && facts.bytes > bytes) {
        TRY(file_remove(path, err));
        facts.bytes = 0;
    }
    *out_have = looked == STATUS_OK ? facts.bytes : 0;
    return STATUS_OK;
}

status blob_files_add(const struct blob_files *files, struct id hash, int64_t have,
                      struct slice piece, struct error *err) {
    char path[PATH_BYTES];
    path_of(files, hash, PART, path);
    return file_append(path, have, piece, err);
}

/* A part that was cut by a power cut has bytes that never came: the hash says so. */
status blob_files_finish(const struct blob_files *files, struct id hash, const char **out_type,
                         struct error *err) {
    char part[PATH_BYTES];
    char path[PATH_BYTES];
    path_of(files, hash, PART, part);
    path_of(files, hash, "", path);
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, BLOB_SENT_BYTES_MAX);
    TRY(file_read(part, &bytes, err));
    const struct slice whole = buffer_slice(&bytes);
    if (!id_equal(hash_128(whole, (struct slice){0}), hash)) {
        TRY(file_remove(part, err));
        return fail(err, STATUS_CORRUPT, "what came is not what its hash says");
    }
    TRY(file_replace(path, whole, err));
    *out_type = media_type_guess(slice_part(whole, 0, MEDIA_TYPE_START_BYTES), SLICE(""));
    return file_remove(part, err);
}

bool blob_files_is_there(const struct blob_files *files, struct id hash) {
    char path[PATH_BYTES];
    path_of(files, hash, "", path);
    return file_is_there(path);
}

status blob_files_read(const struct blob_files *files, struct id hash, int64_t from,
                       size_t bytes_max, struct buffer *out, struct error *err) {
    char path[PATH_BYTES];
    path_of(files, hash, "", path);
    return file_read_part(path, from, bytes_max, out, err);
}

void blob_files_remove(const struct blob_files *files, struct id hash) {
    static const char *const ENDINGS[] = {"", PART};
    char path[PATH_BYTES];
    for (int i = 0; i < 2; i++) {
        path_of(files, hash, ENDINGS[i], path);
        (void)file_remove(path, NULL); /* what stays is met again at the next start */
    }
}

/* --- at the start ---------------------------------------------------------------------------- */

struct sweep {
    const struct blob_files *files;
    bool (*wants)(void *owner, struct id hash, bool is_part);
    void *owner;
};

/* What has no name of ours was never finished, or is not ours: it goes as well. */
static bool sweep_name(void *owner, const char *name) {
    const struct sweep *sweep = owner;
    const struct slice text = slice_of(name);
    const bool is_part = slice_ends(text, PART);
    char path[PATH_BYTES + 256];
    struct id hash;
    const size_t count = text.count - (is_part ? sizeof(PART) - 1 : 0);
    const bool named = count == ID_HEX_BYTES && id_read(slice_part(text, 0, count), &hash);
    if (!named || !sweep->wants(sweep->owner, hash, is_part)) {
        (void)snprintf(path, sizeof(path), "%.*s/%.255s", BLOB_FILES_PATH_BYTES,
                       sweep->files->folder, name);
        (void)file_remove(path, NULL);
    }
    return true;
}

status blob_files_sweep(const struct blob_files *files,
                        bool (*wants)(void *owner, struct id hash, bool is_part), void *owner,
                        struct error *err) {
    struct sweep sweep = {.files = files, .wants = wants, .owner = owner};
    return file_list(files->folder, sweep_name, &sweep, err);
}
