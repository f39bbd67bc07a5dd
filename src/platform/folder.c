// SPDX-License-Identifier: Apache-2.0
#include "platform/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/file.h"

/* One copying: what it has come to, and the folder of it that is being listed. */
struct copying {
    const char *from, *to;
    const char *without; /* the end of names that are left out; NULL: none */
    int depth, files;
    int64_t bytes;
    struct error error;
};

static status join(char out[PATH_MAX], const char *folder, const char *name, struct error *err) {
    const int count = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    if (count < 0 || count >= PATH_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 1);
    }
    return STATUS_OK;
}

static status copy_bytes(const char *from, const char *to, const struct stat *facts,
                         struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, FOLDER_BYTES_MAX);
    TRY(file_read(from, &bytes, err));
    TRY(file_replace(to, buffer_slice(&bytes), err));
    const struct timespec times[2] = {facts->st_atim, facts->st_mtim};
    if (chmod(to, facts->st_mode & 0777) != 0 || utimensat(AT_FDCWD, to, times, 0) != 0) {
        return fail_errno(err, errno, "set the mode and the time of '%s'", to);
    }
    return STATUS_OK;
}

static status copy_folder(struct copying *all, const char *from, const char *to, struct error *err);

static status copy_entry(struct copying *all, const char *from, const char *to, struct error *err) {
    struct stat facts;
    if (stat(from, &facts) != 0) {
        return fail_errno(err, errno, "look at '%s'", from);
    }
    if (S_ISDIR(facts.st_mode)) {
        return copy_folder(all, from, to, err);
    }
    all->bytes += facts.st_size;
    if (!S_ISREG(facts.st_mode) || ++all->files > FOLDER_FILES_MAX ||
        all->bytes > FOLDER_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "copy '%s': only regular files are copied, at most %d of them and %d MiB", from,
                    FOLDER_FILES_MAX, FOLDER_BYTES_MAX >> 20);
    }
    return copy_bytes(from, to, &facts, err);
}

static bool copy_named(void *owner, const char *name) {
    struct copying *all = owner;
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (all->without != NULL && slice_ends(slice_of(name), all->without)) {
        return true;
    }
    return join(from, all->from, name, &all->error) == STATUS_OK &&
           join(to, all->to, name, &all->error) == STATUS_OK &&
           copy_entry(all, from, to, &all->error) == STATUS_OK;
}

static status copy_folder(struct copying *all, const char *from, const char *to,
                          struct error *err) {
    if (all->depth == FOLDER_DEPTH_MAX) {
        return fail(err, STATUS_INVALID, "'%s' is too deep: at most %d folders in one another",
                    from, FOLDER_DEPTH_MAX);
    }
    TRY(file_make_folder(to, err));
    struct copying inner = {.from = from,
                            .to = to,
                            .without = all->without,
                            .depth = all->depth + 1,
                            .files = all->files,
                            .bytes = all->bytes};
    TRY(file_list(from, copy_named, &inner, err));
    all->files = inner.files;
    all->bytes = inner.bytes;
    if (inner.error.code != STATUS_OK) {
        *err = inner.error;
    }
    return inner.error.code;
}

status folder_copy_file(const char *from, const char *to, struct error *err) {
    struct stat facts;
    if (stat(from, &facts) != 0) {
        return fail_errno(err, errno, "look at '%s'", from);
    }
    return copy_bytes(from, to, &facts, err);
}

status folder_copy(const char *from, const char *to, const char *without, struct error *err) {
    struct copying all = {.without = without};
    return copy_folder(&all, from, to, err);
}

status folder_exchange(const char *fresh, const char *path, struct error *err) {
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
        return STATUS_OK;
    }
    if (errno != ENOENT) {
        return fail_errno(err, errno, "put '%s' in the place of '%s'", fresh, path);
    }
    return file_rename(fresh, path, err);
}

struct joining {
    const char *from, *to;
    struct error error;
};

static bool join_named(void *owner, const char *name) {
    struct joining *all = owner;
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct stat here;
    struct stat there;
    if (join(from, all->from, name, &all->error) != STATUS_OK ||
        join(to, all->to, name, &all->error) != STATUS_OK) {
        return false;
    }
    if (lstat(to, &there) != 0) {
        return file_rename(from, to, &all->error) == STATUS_OK;
    }
    if (lstat(from, &here) != 0 || !S_ISDIR(here.st_mode) || !S_ISDIR(there.st_mode)) {
        return true;
    }
    if (folder_join(from, to, &all->error) != STATUS_OK) {
        return false;
    }
    (void)rmdir(from); /* unless something stays in it */
    return true;
}

status folder_join(const char *from, const char *to, struct error *err) {
    struct joining all = {.from = from, .to = to};
    TRY(file_list(from, join_named, &all, err));
    if (all.error.code != STATUS_OK) {
        *err = all.error;
    }
    return all.error.code;
}

/* Deepest first; what cannot be removed is told of by the last rmdir. */
static bool remove_named(void *owner, const char *name) {
    const char *folder = owner;
    char path[PATH_MAX];
    struct stat facts;
    if (join(path, folder, name, &(struct error){0}) != STATUS_OK || lstat(path, &facts) != 0) {
        return true;
    }
    if (S_ISDIR(facts.st_mode)) {
        (void)file_list(path, remove_named, path, NULL);
        (void)rmdir(path);
    } else {
        (void)unlink(path);
    }
    return true;
}

status folder_remove(const char *path, struct error *err) {
    char room[PATH_MAX];
    (void)snprintf(room, sizeof(room), "%s", path);
    const status listed = file_list(room, remove_named, room, err);
    if (listed == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(listed);
    return rmdir(path) == 0 ? STATUS_OK : fail_errno(err, errno, "remove folder '%s'", path);
}
