// SPDX-License-Identifier: Apache-2.0
#include "platform/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { READ_BYTES = 16 * 1024, SEEK_MS = 1000, COMPARE_MS = 10000 };

static const uint32_t WANTED = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE |
                               IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/*
 * States, by `number` and `fresh`:
 *
 *   fresh     watched, the first rescan not yet told   made so by create; left by the timer
 *   watched   number >= 0                              made so by the timer
 *   lost      number < 0                               made so by the kernel's word, or by the
 * timer that finds another folder under the name
 */
struct watch {
    struct watch_events events;
    void *owner;
    struct poll *poll;
    struct timer *timer;
    bool telling;   /* events: whoever destroys it then leaves the memory to watch_take */
    bool destroyed; /* while telling */
    int descriptor;
    int number; /* the kernel's for our folder */
    bool fresh;
    int64_t seek_ms;    /* between looks for a folder that was lost */
    int64_t compare_ms; /* between looks whether it is still the same */
    dev_t device;       /* which folder it is that we watch */
    ino_t inode;
    char folder[]; /* its path */
};

static status refuse(struct error *err, int number, const char *folder) {
    if (number == ENOTDIR) {
        return fail(err, STATUS_INVALID, "watch '%.300s': it is not a folder", folder);
    }
    if (number == ENOSPC || number == EMFILE) {
        return fail(err, STATUS_FULL,
                    "watch '%.300s': the kernel's bound is reached (sysctl fs.inotify.%s)", folder,
                    number == ENOSPC ? "max_user_watches" : "max_user_instances");
    }
    return fail_errno(err, number, "watch '%.300s'", folder);
}

/* Watched before it is listed, so that nothing can come in between unseen. */
static bool take_hold(struct watch *watch) {
    watch->number = inotify_add_watch(watch->descriptor, watch->folder, WANTED);
    struct stat facts;
    if (watch->number >= 0 && stat(watch->folder, &facts) == 0) {
        watch->device = facts.st_dev;
        watch->inode = facts.st_ino;
    }
    return watch->number >= 0;
}

/* The folder's parent may have been renamed, which the kernel does not tell. */
static bool is_same(const struct watch *watch) {
    struct stat facts;
    return stat(watch->folder, &facts) == 0 && facts.st_dev == watch->device &&
           facts.st_ino == watch->inode;
}

static void lose(struct watch *watch) {
    (void)inotify_rm_watch(watch->descriptor, watch->number); /* refused when it went by itself */
    watch->number = -1;
    watch->fresh = false;
    timer_set(watch->timer, 0); /* another folder may have the name already */
    if (watch->events.lost != NULL) {
        watch->events.lost(watch->owner);
    }
}

static void tell_rescan(struct watch *watch) {
    if (watch->events.rescan != NULL) {
        watch->events.rescan(watch->owner);
    }
}

static void timer_rang(void *owner) {
    struct watch *watch = owner;
    if (watch->fresh || (watch->number < 0 && take_hold(watch))) {
        watch->fresh = false;
        timer_set(watch->timer, watch->compare_ms);
        tell_rescan(watch);
    } else if (watch->number < 0) {
        timer_set(watch->timer, watch->seek_ms);
    } else if (is_same(watch)) {
        timer_set(watch->timer, watch->compare_ms);
    } else {
        lose(watch);
    }
}

/* A file being written begins like a link, so only what has another name already, or is one, counts
 * as complete. */
static bool is_link(const struct watch *watch, const char *name) {
    char path[PATH_MAX];
    const int count = snprintf(path, sizeof path, "%s/%s", watch->folder, name);
    struct stat facts;
    return count > 0 && (size_t)count < sizeof path && lstat(path, &facts) == 0 &&
           (S_ISLNK(facts.st_mode) || (S_ISREG(facts.st_mode) && facts.st_nlink > 1));
}

static void tell(struct watch *watch, uint32_t mask, const char *name) {
    const bool complete = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0 ||
                          ((mask & IN_CREATE) != 0 && is_link(watch, name));
    if (complete && watch->events.found != NULL) {
        watch->events.found(watch->owner, name);
    }
    if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0 && watch->events.gone != NULL) {
        watch->events.gone(watch->owner, name);
    }
}

/* Takes one event off the bytes; false when they are not whole. */
static bool next_event(struct slice *bytes, struct inotify_event *out_event,
                       const char **out_name) {
    if (bytes->count < sizeof *out_event) {
        return false;
    }
    memcpy(out_event, bytes->bytes, sizeof *out_event);
    const struct slice rest = slice_part(*bytes, sizeof *out_event, bytes->count);
    if (out_event->len > rest.count ||
        (out_event->len > 0 && memchr(rest.bytes, '\0', out_event->len) == NULL)) {
        return false;
    }
    *out_name = out_event->len > 0 ? rest.bytes : "";
    *bytes = slice_part(rest, out_event->len, rest.count);
    return true;
}

void watch_take(struct watch *watch, struct slice bytes) {
    bool missed = false;
    watch->telling = true;
    while (!watch->destroyed && bytes.count > 0) {
        struct inotify_event event;
        const char *name = "";
        if (!next_event(&bytes, &event, &name)) {
            missed = true;
            break;
        }
        if ((event.mask & IN_Q_OVERFLOW) != 0) {
            missed = true;
        } else if (event.wd != watch->number) {
            continue; /* of a folder that we let go */
        } else if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0) {
            lose(watch);
        } else if ((event.mask & IN_ISDIR) == 0 && *name != '\0') {
            tell(watch, event.mask, name);
        }
    }
    watch->telling = false;
    if (watch->destroyed) {
        memory_free(watch);
    } else if (missed && watch->number >= 0) {
        tell_rescan(watch);
    }
}

static void descriptor_ready(void *owner) {
    struct watch *watch = owner;
    char bytes[READ_BYTES];
    const ssize_t count = read(watch->descriptor, bytes, sizeof bytes);
    if (count > 0) {
        watch_take(watch, (struct slice){.bytes = bytes, .count = (size_t)count});
    }
}

static status begin(struct watch *watch, struct loop *loop, struct error *err) {
    watch->descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->descriptor < 0 || !take_hold(watch)) {
        return refuse(err, errno, watch->folder);
    }
    TRY(poll_open(loop, watch->descriptor, false, descriptor_ready, watch, &watch->poll, err));
    TRY(timer_open(loop, timer_rang, watch, &watch->timer, err));
    watch->fresh = true;
    timer_set(watch->timer, 0);
    return STATUS_OK;
}

status watch_create(struct loop *loop, const char *folder, struct watch_events events, void *owner,
                    struct watch **out_watch, struct error *err) {
    const size_t bytes = strlen(folder) + 1;
    struct watch *watch = memory_new(1, sizeof *watch + bytes);
    if (watch == NULL) {
        return fail(err, STATUS_NO_MEMORY, "watch '%.300s': out of memory", folder);
    }
    memcpy(watch->folder, folder, bytes);
    watch->events = events;
    watch->owner = owner;
    watch->descriptor = watch->number = -1;
    watch->seek_ms = SEEK_MS;
    watch->compare_ms = COMPARE_MS;
    const status code = begin(watch, loop, err);
    if (code != STATUS_OK) {
        watch_destroy(watch);
        return code;
    }
    *out_watch = watch;
    return STATUS_OK;
}

void watch_set_pace(struct watch *watch, int64_t pace_ms) {
    watch->seek_ms = watch->compare_ms = pace_ms;
    timer_set(watch->timer, pace_ms);
}

void watch_destroy(struct watch *watch) {
    if (watch == NULL) {
        return;
    }
    poll_close(watch->poll);
    timer_close(watch->timer);
    if (watch->descriptor >= 0) {
        (void)close(watch->descriptor);
    }
    if (watch->telling) {
        watch->destroyed = true;
    } else {
        memory_free(watch);
    }
}
