// SPDX-License-Identifier: Apache-2.0
#include "platform/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/file.h"

enum { CHUNK_BYTES = 16 << 10 };

static status sync_folder_of(const char *path, struct error *err) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int count = slash == NULL || slash == path ? 1 : (int)(slash - path);
    (void)snprintf(folder, sizeof folder, "%.*s", count, slash == NULL ? "." : path);
    return file_sync_folder(folder, err);
}

static status read_at(int descriptor, int64_t from, char *bytes, size_t count, struct error *err) {
    for (size_t done = 0; done < count;) {
        const ssize_t got =
            pread(descriptor, bytes + done, count - done, (off_t)from + (off_t)done);
        if (got < 0 && errno != EINTR) {
            return fail_errno(err, errno, "read the end of the file");
        }
        if (got == 0) {
            return fail(err, STATUS_BUSY, "the file became shorter while its end was read");
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return STATUS_OK;
}

/* Where what follows the last line end before `end` begins; 0 where there is none. */
static status find_line(int descriptor, int64_t end, int64_t *out_start, struct error *err) {
    char chunk[CHUNK_BYTES];
    int64_t at = end;
    while (at > 0 && end - at <= LINE_FILE_LINE_BYTES_MAX) {
        const int64_t from = at > CHUNK_BYTES ? at - CHUNK_BYTES : 0;
        TRY(read_at(descriptor, from, chunk, (size_t)(at - from), err));
        const char *found = memrchr(chunk, '\n', (size_t)(at - from));
        if (found != NULL) {
            *out_start = from + (found - chunk) + 1;
            return STATUS_OK;
        }
        at = from;
    }
    if (at > 0) {
        return fail(err, STATUS_INVALID, "its last line has over %d bytes: it is no file of lines",
                    LINE_FILE_LINE_BYTES_MAX);
    }
    *out_start = 0;
    return STATUS_OK;
}

/* Cuts off what is no whole line, and reads how the last one begins. */
static status settle(struct line_file *file, struct error *err) {
    int64_t end = 0;
    TRY(find_line(file->descriptor, file->bytes, &end, err));
    if (end < file->bytes) {
        if (ftruncate(file->descriptor, (off_t)end) != 0) {
            return fail_errno(err, errno, "cut off a line that was not whole");
        }
        file->bytes = end;
    }
    if (end == 0) {
        return STATUS_OK;
    }
    int64_t start = 0;
    TRY(find_line(file->descriptor, end - 1, &start, err));
    const int64_t count = end - 1 - start;
    const size_t shown = count < LINE_FILE_START_BYTES ? (size_t)count : LINE_FILE_START_BYTES;
    return read_at(file->descriptor, start, file->last, shown, err);
}

static status open_it(const char *path, struct line_file *file, struct error *err) {
    struct stat facts;
    const bool is_new = stat(path, &facts) != 0;
    file->descriptor =
        open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    if (file->descriptor < 0) {
        return fail_errno(err, errno, "open it");
    }
    if (fstat(file->descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return fail(err, STATUS_INVALID, "it is no file");
    }
    file->bytes = (int64_t)facts.st_size;
    if (is_new) {
        TRY(sync_folder_of(path, err));
    }
    return settle(file, err);
}

status line_file_open(const char *path, struct line_file *out_file, struct error *err) {
    *out_file = (struct line_file){.descriptor = -1};
    if (open_it(path, out_file, err) != STATUS_OK) {
        line_file_close(out_file);
        return fail_while(err, "append to '%.200s'", path);
    }
    return STATUS_OK;
}

static status append(struct line_file *file, struct slice lines, struct error *err) {
    for (size_t done = 0; done < lines.count;) {
        const ssize_t count = write(file->descriptor, lines.bytes + done, lines.count - done);
        if (count < 0 && errno != EINTR) {
            return fail_errno(err, errno, "append lines");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return fdatasync(file->descriptor) == 0 ? STATUS_OK
                                            : fail_errno(err, errno, "bring lines to the disk");
}

status line_file_append(struct line_file *file, struct slice lines, struct error *err) {
    const status code = append(file, lines, err);
    if (code == STATUS_OK) {
        file->bytes += (int64_t)lines.count;
    } else if (ftruncate(file->descriptor, (off_t)file->bytes) != 0) {
        (void)fail_while(err, "(and what was written stays)");
    }
    return code;
}

status line_file_rotate(struct line_file *file, const char *path, struct error *err) {
    char old[PATH_MAX];
    const int count = snprintf(old, sizeof old, "%s.1", path);
    if (count < 0 || (size_t)count >= sizeof old) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 3);
    }
    TRY(file_rename(path, old, err));
    line_file_close(file);
    return line_file_open(path, file, err);
}

void line_file_close(struct line_file *file) {
    if (file->descriptor >= 0) {
        (void)close(file->descriptor); /* what counts is on disk already */
        file->descriptor = -1;
    }
}
