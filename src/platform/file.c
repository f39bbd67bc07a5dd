// SPDX-License-Identifier: Apache-2.0
#include "platform/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum { READ_BYTES = 64 * 1024 };

static void close_fd(const int *fd) {
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

static int open_again(const char *path, int flags, mode_t mode) {
    int fd = -1;
    do {
        fd = open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static void facts_from(const struct stat *stat, struct file_facts *out_facts) {
    *out_facts = (struct file_facts){.bytes = stat->st_size,
                                     .modified_ns = (int64_t)stat->st_mtim.tv_sec * 1000000000 +
                                                    stat->st_mtim.tv_nsec,
                                     .inode = stat->st_ino,
                                     .is_folder = S_ISDIR(stat->st_mode),
                                     .is_regular = S_ISREG(stat->st_mode)};
}

/* O_NONBLOCK, so that a pipe that lies in a folder does not hold the worker for ever. */
static status open_regular(const char *path, int *out_fd, int64_t *out_bytes, struct error *err) {
    CLEANUP(close_fd) int fd = open_again(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        return fail_errno(err, errno, "open '%s'", path);
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return fail_errno(err, errno, "look at '%s'", path);
    }
    if (!S_ISREG(stat.st_mode)) {
        return fail(err, STATUS_INVALID, "'%s' is %s, not a file", path,
                    S_ISDIR(stat.st_mode) ? "a folder" : "a pipe, socket or device");
    }
    *out_bytes = stat.st_size;
    *out_fd = fd;
    fd = -1;
    return STATUS_OK;
}

/* Appends up to `bytes_max` bytes; *out_more is whether the file goes on after them. */
static status read_bytes(int fd, const char *path, size_t bytes_max, struct buffer *out,
                         bool *out_more, struct error *err) {
    char block[READ_BYTES];
    size_t rest = bytes_max;
    for (;;) {
        const size_t ask = rest < sizeof(block) ? rest + 1 : sizeof(block);
        const ssize_t got = read(fd, block, ask);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno(err, errno, "read '%s'", path);
        }
        const size_t count = (size_t)got > rest ? rest : (size_t)got;
        buffer_add(out, (struct slice){.bytes = block, .count = count});
        rest -= count;
        if (got == 0 || count < (size_t)got) {
            *out_more = count < (size_t)got;
            return STATUS_OK;
        }
    }
}

/* Reads into `out`, which on failure is as it was. */
static status read_into(const char *path, int64_t offset, size_t bytes_max, struct buffer *out,
                        bool *out_more, int64_t *out_bytes, struct error *err) {
    CLEANUP(close_fd) int fd = -1;
    int64_t bytes = 0;
    TRY(open_regular(path, &fd, &bytes, err));
    if (lseek(fd, offset, SEEK_SET) < 0) {
        return fail_errno(err, errno, "read '%s' from byte %lld", path, (long long)offset);
    }
    const size_t before = out->count;
    status code = read_bytes(fd, path, bytes_max, out, out_more, err);
    if (code == STATUS_OK && buffer_status(out, err) != STATUS_OK) {
        code = fail_while(err, "read '%s'", path);
    }
    if (code != STATUS_OK) {
        out->count = before;
        return code;
    }
    *out_bytes = bytes;
    return STATUS_OK;
}

status file_read(const char *path, struct buffer *out, struct error *err) {
    const size_t before = out->count;
    const size_t room = out->count_max - before;
    int64_t bytes = 0;
    bool more = false;
    /* Files under /proc say 0 bytes, and any file may grow meanwhile: what is read counts. */
    TRY(read_into(path, 0, room, out, &more, &bytes, err));
    if (more) {
        out->count = before;
        return fail(err, STATUS_FULL, "'%s' has more than %zu bytes", path, room);
    }
    return STATUS_OK;
}

status file_read_start(const char *path, size_t bytes_max, struct buffer *out, int64_t *out_bytes,
                       struct error *err) {
    bool more = false;
    return read_into(path, 0, bytes_max, out, &more, out_bytes, err);
}

status file_read_part(const char *path, int64_t offset, size_t bytes_max, struct buffer *out,
                      struct error *err) {
    int64_t bytes = 0;
    bool more = false;
    return read_into(path, offset, bytes_max, out, &more, &bytes, err);
}

/* The folder that a path lies in, into `out`. */
static status folder_of(const char *path, char out[PATH_MAX], struct error *err) {
    const size_t count = strlen(path);
    if (count >= PATH_MAX) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 1);
    }
    (void)memcpy(out, path, count + 1);
    char *slash = strrchr(out, '/');
    if (slash == NULL) {
        (void)memcpy(out, ".", 2);
    } else if (slash == out) {
        out[1] = '\0';
    } else {
        *slash = '\0';
    }
    return STATUS_OK;
}

status file_sync_folder(const char *path, struct error *err) {
    CLEANUP(close_fd) const int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        return fail_errno(err, errno, "open folder '%s'", path);
    }
    /* Some file systems cannot sync a folder and say EINVAL: there a rename is as safe as it gets.
     */
    if (fsync(fd) != 0 && errno != EINVAL) {
        return fail_errno(err, errno, "sync folder '%s'", path);
    }
    return STATUS_OK;
}

static status write_all(int fd, const char *path, struct slice bytes, struct error *err) {
    while (bytes.count > 0) {
        const ssize_t put = write(fd, bytes.bytes, bytes.count);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return fail_errno(err, errno, "write '%s'", path);
        }
        bytes = slice_part(bytes, (size_t)put, bytes.count);
    }
    return STATUS_OK;
}

status file_append(const char *path, int64_t at, struct slice bytes, struct error *err) {
    struct stat facts;
    const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | (at == 0 ? O_CREAT : 0);
    CLEANUP(close_fd) const int fd = open_again(path, flags, 0600);
    if (fd < 0) {
        return fail_errno(err, errno, "open '%s'", path);
    }
    if (fstat(fd, &facts) != 0) {
        return fail_errno(err, errno, "look at '%s'", path);
    }
    if (facts.st_size != at) {
        return fail(err, STATUS_CONFLICT, "'%s' has %lld bytes, not %lld", path,
                    (long long)facts.st_size, (long long)at);
    }
    const status written = write_all(fd, path, bytes, err);
    if (written != STATUS_OK && ftruncate(fd, at) != 0) {
        return fail_errno(err, errno, "take back what was written to '%s'", path);
    }
    return written;
}

/* A new file: with these rights whatever the umask says, or with the usual ones. */
static status write_synced(const char *path, const mode_t *rights, const struct slice *parts,
                           size_t count, struct error *err) {
    const mode_t mode = rights != NULL ? *rights : 0644;
    CLEANUP(close_fd) int fd = open_again(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd < 0) {
        return fail_errno(err, errno, "create '%s'", path);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(write_all(fd, path, parts[i], err));
    }
    if ((rights != NULL && fchmod(fd, mode) != 0) || fsync(fd) != 0) {
        return fail_errno(err, errno, "sync '%s'", path);
    }
    const int closing = fd;
    fd = -1;
    if (close(closing) != 0) {
        return fail_errno(err, errno, "close '%s'", path);
    }
    return STATUS_OK;
}

static status replace(const char *path, const mode_t *rights, const struct slice *parts,
                      size_t parts_count, struct error *err) {
    char folder[PATH_MAX];
    char temporary[PATH_MAX];
    TRY(folder_of(path, folder, err));
    const int count = snprintf(temporary, sizeof(temporary), "%s.%ld.new", path, (long)getpid());
    if (count < 0 || (size_t)count >= sizeof(temporary)) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 16);
    }
    (void)unlink(temporary); /* of a process of the same number that a power cut ended */
    status code = write_synced(temporary, rights, parts, parts_count, err);
    if (code == STATUS_OK) {
        code = file_rename(temporary, path, err);
    }
    if (code == STATUS_OK) {
        return file_sync_folder(folder, err);
    }
    (void)unlink(temporary);
    return code;
}

/* It takes the rights of the file whose place it takes. */
status file_replace_parts(const char *path, const struct slice *parts, size_t count,
                          struct error *err) {
    struct stat old;
    const bool is_there = stat(path, &old) == 0;
    const mode_t rights = is_there ? old.st_mode & 0777 : 0;
    return replace(path, is_there ? &rights : NULL, parts, count, err);
}

status file_replace(const char *path, struct slice bytes, struct error *err) {
    return file_replace_parts(path, &bytes, 1, err);
}

status file_replace_private(const char *path, struct slice bytes, struct error *err) {
    const mode_t rights = 0600;
    return replace(path, &rights, &bytes, 1, err);
}

/* Where the file system knows no files without names, it has one for a moment. */
static int make_unlinked(const char *beside) {
    char path[PATH_MAX];
    const int count = snprintf(path, sizeof(path), "%s.%ld.new", beside, (long)getpid());
    if (count < 0 || (size_t)count >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)unlink(path);
    const int fd = open_again(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)unlink(path);
    }
    return fd;
}

status file_nameless_make(const char *beside, struct file_nameless *out_file, struct error *err) {
    char folder[PATH_MAX];
    TRY(folder_of(beside, folder, err));
    out_file->descriptor = open_again(folder, O_RDWR | O_TMPFILE, 0600);
    if (out_file->descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        out_file->descriptor = make_unlinked(beside);
    }
    if (out_file->descriptor < 0) {
        return fail_errno(err, errno, "write into folder '%s'", folder);
    }
    (void)snprintf(out_file->path, sizeof(out_file->path), "/proc/self/fd/%d",
                   out_file->descriptor);
    return STATUS_OK;
}

void file_nameless_close(struct file_nameless *file) {
    (void)close(file->descriptor);
    file->descriptor = -1;
}

status file_facts(const char *path, struct file_facts *out_facts, struct error *err) {
    struct stat found;
    if (stat(path, &found) != 0) {
        return fail_errno(err, errno, "look at '%s'", path);
    }
    facts_from(&found, out_facts);
    return STATUS_OK;
}

bool file_is_there(const char *path) {
    struct file_facts facts;
    return file_facts(path, &facts, NULL) == STATUS_OK;
}

static status make_one_folder(const char *path, struct error *err) {
    if (mkdir(path, 0777) == 0) {
        return STATUS_OK;
    }
    const int number = errno;
    struct stat found;
    if (number == EEXIST && stat(path, &found) == 0) {
        return S_ISDIR(found.st_mode)
                   ? STATUS_OK
                   : fail(err, STATUS_INVALID, "'%s' is there and is no folder", path);
    }
    return fail_errno(err, number, "make folder '%s'", path);
}

status file_make_folder(const char *path, struct error *err) {
    char part[PATH_MAX];
    const size_t count = strlen(path);
    if (count == 0 || count >= sizeof(part)) {
        return fail(err, STATUS_INVALID, "a path has 1 to %d bytes", PATH_MAX - 1);
    }
    struct stat found;
    if (stat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
        return STATUS_OK; /* also where a folder above it may not be looked at */
    }
    (void)memcpy(part, path, count + 1);
    for (size_t i = 1; i < count; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            part[i] = '\0';
            TRY(make_one_folder(part, err));
            part[i] = '/';
        }
    }
    return make_one_folder(path, err);
}

status file_remove(const char *path, struct error *err) {
    return unlink(path) == 0 ? STATUS_OK : fail_errno(err, errno, "remove '%s'", path);
}

status file_rename(const char *from, const char *to, struct error *err) {
    return rename(from, to) == 0 ? STATUS_OK
                                 : fail_errno(err, errno, "rename '%s' to '%s'", from, to);
}

/* ---- listing ---------------------------------------------------------------------------- */

/* Names of a folder: their bytes behind one another, and where each begins. */
struct names {
    struct buffer bytes;
    struct buffer starts; /* of size_t */
};

static void names_done(struct names *names) {
    buffer_done(&names->bytes);
    buffer_done(&names->starts);
}

static void close_folder(DIR *const *folder) {
    if (*folder != NULL) {
        (void)closedir(*folder);
    }
}

static status collect(const char *path, struct names *names, struct error *err) {
    CLEANUP(close_folder) DIR *folder = opendir(path);
    if (folder == NULL) {
        return fail_errno(err, errno, "list folder '%s'", path);
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            return errno == 0 ? STATUS_OK : fail_errno(err, errno, "list folder '%s'", path);
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        const size_t start = names->bytes.count;
        buffer_add(&names->bytes,
                   (struct slice){.bytes = entry->d_name, .count = strlen(entry->d_name) + 1});
        buffer_add(&names->starts,
                   (struct slice){.bytes = (const char *)&start, .count = sizeof(start)});
        if (buffer_status(&names->bytes, err) != STATUS_OK ||
            buffer_status(&names->starts, err) != STATUS_OK) {
            return fail_while(err, "list folder '%s'", path);
        }
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

status file_list(const char *folder, bool (*each)(void *owner, const char *name), void *owner,
                 struct error *err) {
    CLEANUP(names_done) struct names names;
    buffer_init(&names.bytes, FILE_LIST_BYTES_MAX);
    buffer_init(&names.starts, FILE_LIST_BYTES_MAX);
    TRY(collect(folder, &names, err));

    const size_t count = names.starts.count / sizeof(size_t);
    const char **sorted = memory_new(count, sizeof(*sorted));
    if (sorted == NULL) {
        return fail(err, STATUS_NO_MEMORY, "list folder '%s': out of memory", folder);
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = 0;
        (void)memcpy(&start, names.starts.bytes + i * sizeof(start), sizeof(start));
        sorted[i] = names.bytes.bytes + start;
    }
    qsort(sorted, count, sizeof(*sorted), compare_names);
    bool going = true;
    for (size_t i = 0; going && i < count; i++) {
        going = each(owner, sorted[i]);
    }
    memory_free(sorted);
    return STATUS_OK;
}

/* ---- lock ------------------------------------------------------------------------------- */

enum { LOCK_PAUSE_NS = 5 * 1000 * 1000, LOCK_PAUSES_MAX = 400 };

struct file_lock {
    int fd;
};

/* The lock is the kernel's and goes with the process; the number in the file is for people. */
static long holder(int fd) {
    char text[32] = {0};
    const ssize_t count = pread(fd, text, sizeof(text) - 1, 0);
    return count > 0 ? strtol(text, NULL, 10) : 0;
}

/* A process that was killed while it started a child leaves the lock to it, until that has become
 * another program: a moment, in which who starts next need not be turned away. */
static bool lock_soon(int fd) {
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_PAUSES_MAX; i++) {
        const long pid = holder(fd);
        if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
    }
    return false;
}

static status fail_locked(int fd, const char *folder, struct error *err) {
    const long pid = holder(fd);
    if (pid <= 0) {
        return fail(err, STATUS_CONFLICT, "folder '%s' is used by another process", folder);
    }
    return fail(err, STATUS_CONFLICT, "folder '%s' is used by process %ld", folder, pid);
}

status file_lock_take(const char *folder, struct file_lock **out_lock, struct error *err) {
    char path[PATH_MAX];
    const int count = snprintf(path, sizeof(path), "%s/lock", folder);
    if (count < 0 || (size_t)count >= sizeof(path)) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", PATH_MAX - 1);
    }
    CLEANUP(close_fd) int fd = open_again(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return fail_errno(err, errno, "open '%s'", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fail_errno(err, errno, "lock '%s'", path);
        }
        if (!lock_soon(fd)) {
            return fail_locked(fd, folder, err);
        }
    }
    struct file_lock *lock = memory_new(1, sizeof(*lock));
    if (lock == NULL) {
        return fail(err, STATUS_NO_MEMORY, "lock '%s': out of memory", path);
    }
    char text[32];
    const int digits = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    /* On a full disk the number is missing or old, the lock is not. */
    const bool told = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)digits, 0) == digits;
    (void)told;
    lock->fd = fd;
    fd = -1;
    *out_lock = lock;
    return STATUS_OK;
}

void file_lock_drop(struct file_lock *lock) {
    if (lock != NULL) {
        (void)close(lock->fd);
        memory_free(lock);
    }
}

/* ---- places ----------------------------------------------------------------------------- */

status file_space(const char *path, int64_t *out_free_bytes, int64_t *out_all_bytes,
                  struct error *err) {
    struct statvfs space;
    if (statvfs(path, &space) != 0) {
        return fail_errno(err, errno, "ask for the space at '%s'", path);
    }
    *out_free_bytes = (int64_t)(space.f_bavail * space.f_frsize);
    *out_all_bytes = (int64_t)(space.f_blocks * space.f_frsize);
    return STATUS_OK;
}

bool file_has_room(const char *path) {
    struct statvfs space;
    if (statvfs(path, &space) != 0) {
        return true;
    }
    const bool counts_files = space.f_files > 0; /* some file systems have no bound */
    return space.f_bavail * space.f_frsize >= FILE_ROOM_BYTES &&
           (!counts_files || space.f_favail > 0);
}

void file_keep_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            (void)open("/dev/null", O_RDWR); /* the lowest free number; children may have it too */
        }
    }
}

static char program_folder[PATH_MAX];
static pthread_once_t program_folder_once = PTHREAD_ONCE_INIT;

static void find_program_folder(void) {
    const ssize_t count = readlink("/proc/self/exe", program_folder, sizeof(program_folder) - 1);
    program_folder[count > 0 ? count : 0] = '\0';
    char *slash = strrchr(program_folder, '/');
    if (slash == NULL) {
        (void)memcpy(program_folder, ".", 2);
    } else {
        *slash = '\0';
    }
}

const char *file_program_folder(void) {
    (void)pthread_once(&program_folder_once, find_program_folder);
    return program_folder;
}
