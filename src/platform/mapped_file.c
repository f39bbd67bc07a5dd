// SPDX-License-Identifier: Apache-2.0
#include "platform/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static status map(int descriptor, const char *path, struct mapped_file *out_file,
                  struct error *err) {
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) {
        return fail_errno(err, errno, "read %.300s", path);
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(err, STATUS_INVALID, "%.300s is no file", path);
    }
    *out_file = (struct mapped_file){0};
    if (facts.st_size == 0) {
        return STATUS_OK;
    }
    const void *bytes = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        return fail_errno(err, errno, "map %.300s", path);
    }
    out_file->bytes = (struct slice){.bytes = bytes, .count = (size_t)facts.st_size};
    return STATUS_OK;
}

status mapped_file_open(const char *path, struct mapped_file *out_file, struct error *err) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return fail_errno(err, errno, "read %.300s", path);
    }
    const status code = map(descriptor, path, out_file, err);
    (void)close(descriptor);
    return code;
}

void mapped_file_close(struct mapped_file *file) {
    union {
        const char *shown;
        void *owned;
    } bytes = {.shown = file->bytes.bytes};
    if (bytes.owned != NULL) {
        (void)munmap(bytes.owned, file->bytes.count);
    }
    *file = (struct mapped_file){0};
}
