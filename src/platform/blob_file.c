// SPDX-License-Identifier: Apache-2.0
#include "platform/blob_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/file.h"

static const int64_t NS_PER_S = 1000000000;

struct source {
    int64_t bytes;
    int64_t modified_ns;
    uint64_t inode;
    char path[];
};

static status check_same(const struct source *source, struct error *err) {
    struct file_facts facts;
    TRY(file_facts(source->path, &facts, err));
    if (facts.bytes != source->bytes || facts.modified_ns != source->modified_ns ||
        facts.inode != source->inode) {
        return fail(err, STATUS_INVALID, "'%s' was changed before it was read", source->path);
    }
    return STATUS_OK;
}

static status read_file(const void *owner, char *bytes, size_t count, struct error *err) {
    const struct source *source = owner;
    CLEANUP(buffer_done) struct buffer content;
    buffer_init(&content, count);
    TRY(file_read(source->path, &content, err));
    TRY(check_same(source, err));
    if (content.count != count) {
        return fail(err, STATUS_INVALID, "'%s' was changed while it was read", source->path);
    }
    if (count > 0) {
        (void)memcpy(bytes, content.bytes, count);
    }
    return STATUS_OK;
}

status blob_of_file(const char *path, struct slice type, struct blob **out_blob,
                    struct error *err) {
    struct file_facts facts;
    TRY(file_facts(path, &facts, err));
    if (!facts.is_regular) {
        return fail(err, STATUS_INVALID, "'%s' is no file", path);
    }
    const size_t path_bytes = strlen(path) + 1;
    struct source *source = memory_new(1, sizeof(*source) + path_bytes);
    if (source == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for '%s'", path);
    }
    source->bytes = facts.bytes;
    source->modified_ns = facts.modified_ns;
    source->inode = facts.inode;
    (void)memcpy(source->path, path, path_bytes);
    const status code = blob_create_unread(type, (size_t)facts.bytes, read_file, source,
                                           sizeof(*source) + path_bytes, out_blob, err);
    memory_free(source);
    return code;
}

const char *blob_file_path(const struct blob *blob) {
    const struct source *source = blob_source(blob, read_file);
    return source != NULL ? source->path : NULL;
}

static bool is_source(const struct source *source, const struct stat *facts) {
    const int64_t modified_ns = (int64_t)facts->st_mtim.tv_sec * NS_PER_S + facts->st_mtim.tv_nsec;
    return facts->st_ino == source->inode && facts->st_size == source->bytes &&
           modified_ns == source->modified_ns;
}

status blob_file_open(const struct blob *blob, int *out_descriptor, struct error *err) {
    const struct source *source = blob_source(blob, read_file);
    struct stat facts;
    if (source == NULL) {
        return fail(err, STATUS_INVALID, "the blob is no file");
    }
    /* Never waits, should there be a pipe by now; who reads it is not to know of that. */
    const int descriptor = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return fail_errno(err, errno, "open '%s'", source->path);
    }
    if (fstat(descriptor, &facts) != 0 || !is_source(source, &facts) ||
        fcntl(descriptor, F_SETFL, 0) != 0) {
        (void)close(descriptor); /* only read: nothing to lose */
        return fail(err, STATUS_INVALID, "'%s' was changed before it was handed over",
                    source->path);
    }
    *out_descriptor = descriptor;
    return STATUS_OK;
}

status blob_file_link(struct blob *blob, const char *path, struct error *err) {
    const struct source *source = blob_source(blob, read_file);
    if (source != NULL) {
        TRY(check_same(source, err));
        if (link(source->path, path) == 0) {
            return STATUS_OK;
        }
    }
    struct slice bytes;
    TRY(blob_open(blob, &bytes, err));
    return file_replace(path, bytes, err);
}
