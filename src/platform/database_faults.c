// SPDX-License-Identifier: Apache-2.0
#include "platform/database_faults.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/fault_locks.h"

enum { SHM_REGIONS_MAX = 8, SHM_BYTES = 32768 };

/* What connections to one file share. */
struct shared {
    uint8_t *regions[SHM_REGIONS_MAX]; /* owned */
    int users;                         /* handles that have them mapped */
    struct fault_locks locks;
};

struct fault_disk {
    sqlite3_vfs vfs;
    struct fault_file files[FAULT_FILES_MAX];
    struct shared shared[FAULT_FILES_MAX];
    int file_count;
    struct fault_log log;
    struct fault fault;
    bool has_fault, drop_syncs;
    size_t fault_calls, fault_failures;
    int64_t quota;
    void (*before_sync)(void *owner); /* NULL: nobody watches */
    void *watcher;
};

struct handle {
    sqlite3_file base;
    struct fault_disk *disk; /* not owned */
    int file;
    struct fault_holder holder;
    bool is_log; /* WAL or journal: its first sync syncs the folder too */
    bool folder_synced;
    bool remove_at_close;
    bool shm_used;
    bool persists_wal;
    int chunk;
};

static int find_file(const struct fault_disk *disk, const char *name) {
    for (int i = 0; i < disk->file_count; i++) {
        if (strcmp(disk->files[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* The index of a name for ever: a file that was removed keeps it. */
static int name_file(struct fault_disk *disk, const char *name) {
    const int found = find_file(disk, name);
    if (found >= 0) {
        return found;
    }
    assert(disk->file_count < FAULT_FILES_MAX);
    (void)snprintf(disk->files[disk->file_count].name, FAULT_NAME_BYTES, "%s", name);
    return disk->file_count++;
}

static void log_call(struct fault_disk *disk, enum fault_call_kind kind, int file) {
    fault_log_add(&disk->log, (struct fault_call){.kind = kind, .file = file}, NULL);
}

const struct fault_log *fault_disk_log(const struct fault_disk *disk) {
    return &disk->log;
}

void fault_disk_describe(const struct fault_disk *disk, size_t index, char *out_text,
                         size_t bytes) {
    static const char *const WORDS[] = {"create",        "write",  "resize", "sync",
                                        "sync (failed)", "remove", "move",   "sync folder of"};
    if (index >= disk->log.count) {
        (void)snprintf(out_text, bytes, "the end");
        return;
    }
    const struct fault_call *call = &disk->log.calls[index];
    (void)snprintf(out_text, bytes, "%s %s %zu+%zu", WORDS[call->kind],
                   disk->files[call->file].name, call->offset, call->count);
}

void fault_disk_begin_log(struct fault_disk *disk) {
    fault_log_begin(&disk->log, disk->files);
}

/* --- faults ---------------------------------------------------------------------------------- */

void fault_disk_fail(struct fault_disk *disk, const struct fault *fault) {
    disk->has_fault = fault != NULL;
    disk->fault = fault != NULL ? *fault : (struct fault){0};
    disk->fault_calls = 0;
    disk->fault_failures = 0;
}

size_t fault_disk_calls(const struct fault_disk *disk) {
    return disk->fault_calls;
}

size_t fault_disk_failures(const struct fault_disk *disk) {
    return disk->fault_failures;
}

static bool fails(struct fault_disk *disk, enum fault_what call) {
    if (!disk->has_fault || (disk->fault.calls & (unsigned)call) == 0) {
        return false;
    }
    const size_t number = disk->fault_calls++;
    const bool hit =
        disk->fault.persists ? number >= disk->fault.index : number == disk->fault.index;
    disk->fault_failures += hit ? 1 : 0;
    return hit;
}

static int code_of(const struct fault_disk *disk, int code) {
    return disk->fault.kind == FAULT_NO_SPACE ? SQLITE_FULL : code;
}

void fault_disk_set_quota(struct fault_disk *disk, int64_t bytes) {
    disk->quota = bytes;
}

int64_t fault_disk_bytes(const struct fault_disk *disk) {
    int64_t bytes = 0;
    for (int i = 0; i < disk->file_count; i++) {
        bytes += disk->files[i].exists ? (int64_t)disk->files[i].content.count : 0;
    }
    return bytes;
}

static bool has_room(const struct fault_disk *disk, const struct fault_file *file, size_t count) {
    return disk->quota == 0 || count <= file->content.count ||
           fault_disk_bytes(disk) + (int64_t)(count - file->content.count) <= disk->quota;
}

void fault_disk_drop_syncs(struct fault_disk *disk, bool drop) {
    disk->drop_syncs = drop;
}

void fault_disk_watch_syncs(struct fault_disk *disk, void (*before)(void *owner), void *owner) {
    disk->before_sync = before;
    disk->watcher = owner;
}

int64_t fault_disk_file_bytes(const struct fault_disk *disk, const char *name) {
    const int file = find_file(disk, name);
    return file >= 0 && disk->files[file].exists ? (int64_t)disk->files[file].content.count : 0;
}

bool fault_disk_flip(struct fault_disk *disk, const char *name, int64_t offset, uint8_t mask) {
    if (offset < 0 || offset >= fault_disk_file_bytes(disk, name)) {
        return false;
    }
    disk->files[find_file(disk, name)].content.bytes[offset] ^= mask;
    return true;
}

/* --- SQLite's calls on a file --- */

static struct fault_file *file_of(const struct handle *handle) {
    return &handle->disk->files[handle->file];
}

static struct shared *shared_of(const struct handle *handle) {
    return &handle->disk->shared[handle->file];
}

static int on_read(sqlite3_file *base, void *out, int count, sqlite3_int64 offset) {
    const struct handle *handle = (const struct handle *)base;
    const struct fault_file *file = file_of(handle);
    if (fails(handle->disk, FAULT_READ)) {
        return SQLITE_IOERR_READ;
    }
    const size_t start = (size_t)offset;
    const size_t want = (size_t)count;
    const size_t there = start < file->content.count ? file->content.count - start : 0;
    const size_t taken = there < want ? there : want;
    if (taken > 0) {
        (void)memcpy(out, file->content.bytes + start, taken);
    }
    (void)memset((char *)out + taken, 0, want - taken);
    return taken == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int write_bytes(const struct handle *handle, const void *bytes, size_t count,
                       size_t offset) {
    struct fault_file *file = file_of(handle);
    if (!has_room(handle->disk, file, offset + count)) {
        return SQLITE_FULL;
    }
    if (!fault_bytes_put(&file->content, offset, bytes, count)) {
        return SQLITE_IOERR_NOMEM;
    }
    fault_log_add(
        &handle->disk->log,
        (struct fault_call){
            .kind = FAULT_CALL_WRITE, .file = handle->file, .offset = offset, .count = count},
        bytes);
    return SQLITE_OK;
}

static int on_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
    const struct handle *handle = (const struct handle *)base;
    if (fails(handle->disk, FAULT_WRITE)) {
        if (handle->disk->fault.kind == FAULT_HALF_WRITE) {
            (void)write_bytes(handle, bytes, (size_t)count / 2, (size_t)offset);
        }
        return code_of(handle->disk, SQLITE_IOERR_WRITE);
    }
    return write_bytes(handle, bytes, (size_t)count, (size_t)offset);
}

static int resize(const struct handle *handle, size_t count) {
    struct fault_file *file = file_of(handle);
    if (!has_room(handle->disk, file, count)) {
        return SQLITE_FULL;
    }
    if (!fault_bytes_resize(&file->content, count)) {
        return SQLITE_IOERR_NOMEM;
    }
    fault_log_add(
        &handle->disk->log,
        (struct fault_call){.kind = FAULT_CALL_RESIZE, .file = handle->file, .offset = count},
        NULL);
    return SQLITE_OK;
}

static size_t round_up(const struct handle *handle, sqlite3_int64 count) {
    const size_t chunk = handle->chunk > 0 ? (size_t)handle->chunk : 1;
    return ((size_t)count + chunk - 1) / chunk * chunk;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 count) {
    const struct handle *handle = (const struct handle *)base;
    if (fails(handle->disk, FAULT_TRUNCATE)) {
        return code_of(handle->disk, SQLITE_IOERR_TRUNCATE);
    }
    return resize(handle, round_up(handle, count));
}

static int on_sync(sqlite3_file *base, int flags) {
    (void)flags;
    struct handle *handle = (struct handle *)base;
    if (handle->disk->before_sync != NULL) {
        handle->disk->before_sync(handle->disk->watcher);
    }
    if (fails(handle->disk, FAULT_SYNC)) {
        log_call(handle->disk, FAULT_CALL_SYNC_FAILED, handle->file);
        return handle->disk->fault.kind == FAULT_SILENT ? SQLITE_OK : SQLITE_IOERR_FSYNC;
    }
    if (handle->disk->drop_syncs) {
        return SQLITE_OK;
    }
    log_call(handle->disk, FAULT_CALL_SYNC, handle->file);
    if (handle->is_log && !handle->folder_synced) {
        log_call(handle->disk, FAULT_CALL_SYNC_FOLDER, handle->file);
        handle->folder_synced = true;
    }
    return SQLITE_OK;
}

static int on_file_size(sqlite3_file *base, sqlite3_int64 *out_count) {
    *out_count = (sqlite3_int64)file_of((const struct handle *)base)->content.count;
    return SQLITE_OK;
}

/* --- locks, and memory that connections share --- */

static int on_lock(sqlite3_file *base, int level) {
    struct handle *handle = (struct handle *)base;
    return fault_locks_raise(&shared_of(handle)->locks, &handle->holder, (enum fault_level)level)
               ? SQLITE_OK
               : SQLITE_BUSY;
}

static int on_unlock(sqlite3_file *base, int level) {
    struct handle *handle = (struct handle *)base;
    fault_locks_lower(&shared_of(handle)->locks, &handle->holder, (enum fault_level)level);
    return SQLITE_OK;
}

static int on_check_reserved(sqlite3_file *base, int *out_reserved) {
    *out_reserved = shared_of((const struct handle *)base)->locks.reserved;
    return SQLITE_OK;
}

static int on_shm_lock(sqlite3_file *base, int first, int count, int flags) {
    struct handle *handle = (struct handle *)base;
    struct fault_locks *locks = &shared_of(handle)->locks;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        fault_locks_drop_slots(locks, &handle->holder, first, count);
        return SQLITE_OK;
    }
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    return fault_locks_take_slots(locks, &handle->holder, first, count, exclusive) ? SQLITE_OK
                                                                                   : SQLITE_BUSY;
}

static int on_shm_map(sqlite3_file *base, int region, int bytes, int extend,
                      void volatile **out_region) {
    struct handle *handle = (struct handle *)base;
    struct shared *shared = shared_of(handle);
    shared->users += handle->shm_used ? 0 : 1;
    handle->shm_used = true;
    *out_region = NULL;
    if (bytes != SHM_BYTES || region >= SHM_REGIONS_MAX) {
        return SQLITE_IOERR_SHMMAP;
    }
    if (shared->regions[region] == NULL && extend != 0) {
        shared->regions[region] = memory_new(1, SHM_BYTES);
        if (shared->regions[region] == NULL) {
            return SQLITE_IOERR_NOMEM;
        }
    }
    *out_region = shared->regions[region];
    return SQLITE_OK;
}

static void on_shm_barrier(sqlite3_file *base) {
    (void)base;
}

/* The system's VFS empties it for the first connection that comes: the WAL is then read anew. */
static int on_shm_unmap(sqlite3_file *base, int remove) {
    (void)remove;
    struct handle *handle = (struct handle *)base;
    struct shared *shared = shared_of(handle);
    fault_locks_drop_slots(&shared->locks, &handle->holder, 0, FAULT_SLOTS);
    shared->users -= handle->shm_used ? 1 : 0;
    handle->shm_used = false;
    for (int i = 0; shared->users == 0 && i < SHM_REGIONS_MAX; i++) {
        memory_free(shared->regions[i]);
        shared->regions[i] = NULL;
    }
    return SQLITE_OK;
}

/* --- the rest of a file's calls --- */

static int on_file_control(sqlite3_file *base, int what, void *argument) {
    struct handle *handle = (struct handle *)base;
    if (what == SQLITE_FCNTL_CHUNK_SIZE) {
        handle->chunk = *(int *)argument;
        return SQLITE_OK;
    }
    if (what == SQLITE_FCNTL_PERSIST_WAL) {
        int *persists = argument;
        handle->persists_wal = *persists < 0 ? handle->persists_wal : *persists != 0;
        *persists = handle->persists_wal ? 1 : 0;
        return SQLITE_OK;
    }
    if (what == SQLITE_FCNTL_SIZE_HINT && handle->chunk > 0) {
        const size_t count = round_up(handle, *(sqlite3_int64 *)argument);
        if (count <= file_of(handle)->content.count) {
            return SQLITE_OK;
        }
        return fails(handle->disk, FAULT_TRUNCATE) ? code_of(handle->disk, SQLITE_IOERR_WRITE)
                                                   : resize(handle, count);
    }
    return SQLITE_NOTFOUND;
}

static int on_sector_size(sqlite3_file *base) {
    (void)base;
    return 4096; /* as the system's VFS says */
}

static int on_device_characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static void remove_file(struct fault_disk *disk, int index) {
    disk->files[index].exists = false;
    disk->files[index].content.count = 0;
    log_call(disk, FAULT_CALL_REMOVE, index);
}

static int on_close(sqlite3_file *base) {
    struct handle *handle = (struct handle *)base;
    (void)on_unlock(base, SQLITE_LOCK_NONE);
    if (handle->shm_used) {
        (void)on_shm_unmap(base, 0);
    }
    if (handle->remove_at_close) {
        remove_file(handle->disk, handle->file);
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_device_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

/* --- SQLite's calls on the disk --- */

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                   int *out_flags) {
    struct fault_disk *disk = vfs->pAppData;
    struct handle *handle = (struct handle *)base;
    *handle = (struct handle){.disk = disk};
    if (fails(disk, FAULT_OPEN)) {
        return SQLITE_CANTOPEN;
    }
    const int file = name_file(disk, name != NULL ? name : "temporary");
    if (!disk->files[file].exists) {
        if ((flags & SQLITE_OPEN_CREATE) == 0) {
            return SQLITE_CANTOPEN;
        }
        disk->files[file].exists = true;
        disk->files[file].content.count = 0;
        log_call(disk, FAULT_CALL_CREATE, file);
    }
    handle->file = file;
    /* The system's VFS does so too whether or not the file is there: a life before may have made it
     * and not have come to syncing the folder. */
    handle->is_log = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0 &&
                     (flags & SQLITE_OPEN_CREATE) != 0;
    handle->remove_at_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    handle->base.pMethods = &METHODS;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    struct fault_disk *disk = vfs->pAppData;
    const int file = find_file(disk, name);
    if (file < 0 || !disk->files[file].exists) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    remove_file(disk, file);
    if (sync_folder != 0 && !disk->drop_syncs) {
        log_call(disk, FAULT_CALL_SYNC_FOLDER, file);
    }
    return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int what, int *out_yes) {
    (void)what;
    const struct fault_disk *disk = vfs->pAppData;
    const int file = find_file(disk, name);
    /* As the system's VFS: an empty file is as good as none. */
    *out_yes = file >= 0 && disk->files[file].exists && fault_disk_file_bytes(disk, name) > 0;
    return SQLITE_OK;
}

static int on_full_pathname(sqlite3_vfs *vfs, const char *name, int bytes, char *out_name) {
    (void)vfs;
    (void)snprintf(out_name, (size_t)bytes, "%s", name);
    return SQLITE_OK;
}

/* Under the new name and durable: what stood there before is gone. */
static int on_move(sqlite3_vfs *vfs, const char *from, const char *to) {
    struct fault_disk *disk = vfs->pAppData;
    const int file = find_file(disk, from);
    if (file < 0 || !disk->files[file].exists || fails(disk, FAULT_TRUNCATE)) {
        return SQLITE_IOERR;
    }
    const int target = name_file(disk, to);
    struct fault_bytes content = disk->files[target].content;
    disk->files[target].content = disk->files[file].content;
    disk->files[target].exists = true;
    content.count = 0;
    disk->files[file].content = content;
    disk->files[file].exists = false;
    fault_log_add(&disk->log,
                  (struct fault_call){.kind = FAULT_CALL_MOVE, .file = file, .to = target}, NULL);
    log_call(disk, FAULT_CALL_SYNC_FOLDER, file);
    return SQLITE_OK;
}

static sqlite3_syscall_ptr on_get_system_call(sqlite3_vfs *vfs, const char *name) {
    (void)vfs;
    int (*const move)(sqlite3_vfs *, const char *, const char *) = on_move;
    sqlite3_syscall_ptr call = NULL;
    (void)memcpy(&call, &move, sizeof(call));
    return strcmp(name, "move") == 0 ? call : NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

struct fault_disk *fault_disk_create(const char *name) {
    struct fault_disk *disk = memory_new(1, sizeof(*disk));
    const sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (disk == NULL || real == NULL) {
        memory_free(disk);
        return NULL;
    }
    disk->vfs = (sqlite3_vfs){.iVersion = 3,
                              .szOsFile = sizeof(struct handle),
                              .mxPathname = FAULT_NAME_BYTES,
                              .zName = name,
                              .pAppData = disk,
                              .xOpen = on_open,
                              .xDelete = on_delete,
                              .xAccess = on_access,
                              .xFullPathname = on_full_pathname,
                              .xRandomness = real->xRandomness,
                              .xSleep = real->xSleep,
                              .xCurrentTime = real->xCurrentTime,
                              .xGetLastError = real->xGetLastError,
                              .xCurrentTimeInt64 = real->xCurrentTimeInt64,
                              .xGetSystemCall = on_get_system_call};
    if (sqlite3_vfs_register(&disk->vfs, 0) != SQLITE_OK) {
        memory_free(disk);
        return NULL;
    }
    return disk;
}

static void clear_file(struct fault_disk *disk, int index) {
    fault_bytes_done(&disk->files[index].content);
    disk->files[index].exists = false;
    assert(disk->shared[index].locks.shared == 0);
    for (int i = 0; i < SHM_REGIONS_MAX; i++) {
        memory_free(disk->shared[index].regions[i]);
    }
    disk->shared[index] = (struct shared){0};
}

void fault_disk_clear(struct fault_disk *disk) {
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        clear_file(disk, i);
    }
    fault_disk_fail(disk, NULL);
    disk->quota = 0;
    disk->drop_syncs = false;
    fault_disk_begin_log(disk);
}

bool fault_disk_build(struct fault_disk *disk, const struct fault_disk *from,
                      const struct fault_cutter *cutter, enum fault_cut cut, uint64_t seed) {
    fault_disk_clear(disk);
    disk->file_count = from->file_count;
    for (int i = 0; i < from->file_count; i++) {
        (void)memcpy(disk->files[i].name, from->files[i].name, FAULT_NAME_BYTES);
    }
    const bool built = fault_cutter_build(cutter, cut, seed, disk->files);
    fault_disk_begin_log(disk);
    return built && !disk->log.out_of_memory;
}

void fault_disk_destroy(struct fault_disk *disk) {
    if (disk == NULL) {
        return;
    }
    (void)sqlite3_vfs_unregister(&disk->vfs);
    for (int i = 0; i < FAULT_FILES_MAX; i++) {
        clear_file(disk, i);
    }
    fault_log_done(&disk->log);
    memory_free(disk);
}
