// SPDX-License-Identifier: Apache-2.0
/*
 * watch_feed: a file that became complete in a folder is an event.
 *
 * 1. The identity of an event is path, size and modification time; its hash has 40 bits of the
 *    path and 24 of the rest, so that all marks of a path can be forgotten when the file goes.
 * 2. inotify names files when they are closed or moved in. A scan (at the start, after an overflow,
 *    when the folder is back) names all files that are there; one that changed within the last
 *    second may still be written, and is looked at again a second later, as is one whose event is
 *    under way.
 * 3. Files are listed, read and deleted by a worker, one job at a time. A file that changed, went
 * or got another name while it was read makes no event: whoever changed it makes the kernel name it
 * again.
 * 4. With `after: delete` the file goes when the run's end is durable, or its event was dropped by
 *    the queue's policy, if it still is what was read.
 * 5. A mark is written when a run has ended. Where the file went meanwhile, the mark goes again.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/file.h"
#include "platform/watch.h"
#include "runtime/triggers/feed.h"
#include "runtime/triggers/name_list.h"
#include "runtime/triggers/watched_file.h"

enum { READ_FILES_MAX = 16, PENDING_NAMES_MAX = 10000, RETRY_MS_MOST = 60 * 1000 };

struct watch_feed {
    struct feed feed; /* first */
    enum watch_after after;
    char source_text[64];
    struct watched_folder folder; /* its source is source_text */
    char glob[256];
    struct watch *watch;
    struct timer *timer;      /* looks again at what may still be written */
    struct name_list pending; /* complete files, not yet read */
    struct name_list failed;  /* could not be read; looked at again after retry_ms */
    int64_t retry_ms, retry_at_ns;
    struct name_list unsure;   /* may still be written, or are under way; with their hashes */
    struct name_list went;     /* while their events were under way; with their paths' hashes */
    struct name_list finished; /* to be deleted: name and hash */
    bool scan_wanted, again_wanted;
    struct watch_job *job; /* under way; NULL: none */
    bool closed;           /* freed when the job is back */
    uint32_t under_way;    /* events that are not settled */
};

/* One job of a worker: first deletes, then scans or reads. */
struct watch_job {
    struct job job;          /* first */
    struct watch_feed *feed; /* its settings are read by the worker */
    struct name_list deletes;
    struct name_list names;  /* to read, or what the scan found */
    struct name_list failed; /* could not be read, with the error of the last */
    struct name_list young;  /* named by a scan, changed just now */
    bool scan;
    bool incomplete; /* there was no memory for all names: the next scan finds them */
    struct event *events, **events_end;
    struct error error;
};

/* --- on a worker --- */
static void delete_finished(const struct watch_feed *feed, const struct name_list *names) {
    for (size_t i = 0; i < names->count; i++) {
        char path[WATCHED_PATH_BYTES_MAX];
        struct stat facts;
        struct file_identity identity;
        watched_path(&feed->folder, names->items[i].name, path);
        if (lstat(path, &facts) != 0) {
            continue;
        }
        watched_identify(&feed->folder, names->items[i].name, &facts, &identity);
        if (identity.hash == names->items[i].hash) {
            (void)unlink(path); /* what stays is seen, and tried again after the next scan */
        }
    }
}

static bool scan_name(void *owner, const char *name) {
    struct watch_job *job = owner;
    char path[WATCHED_PATH_BYTES_MAX];
    struct stat facts;
    if (fnmatch(job->feed->glob, name, FNM_PERIOD) != 0) {
        return true;
    }
    watched_path(&job->feed->folder, name, path);
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return true;
    }
    struct file_identity identity;
    watched_identify(&job->feed->folder, name, &facts, &identity);
    struct name_list *list = watched_is_young(&facts) ? &job->young : &job->names;
    job->incomplete = !name_list_add(list, name, identity.hash);
    return !job->incomplete;
}

/* One that a scan has named, not the kernel, and that somebody writes. */
static bool put_off(struct watch_job *job, const struct name_item *item) {
    char path[WATCHED_PATH_BYTES_MAX];
    struct stat facts;
    watched_path(&job->feed->folder, item->name, path);
    return item->hash != 0 && stat(path, &facts) == 0 && watched_is_young(&facts) &&
           name_list_add(&job->young, item->name, item->hash);
}

static void work(struct job *base, int worker) {
    struct watch_job *job = (struct watch_job *)base;
    (void)worker;
    delete_finished(job->feed, &job->deletes);
    if (job->scan) {
        (void)file_list(job->feed->folder.path, scan_name, job, &job->error);
        return;
    }
    for (size_t i = 0; i < job->names.count; i++) {
        struct error err;
        if (put_off(job, &job->names.items[i])) {
            continue;
        }
        struct event *event = watched_read(&job->feed->folder, job->names.items[i].name, &err);
        if (event != NULL) {
            *job->events_end = event;
            job->events_end = &event->next;
        } else if (err.code != STATUS_OK) {
            job->error = err;
            const bool named = name_list_add(&job->failed, job->names.items[i].name, 0);
            job->incomplete = job->incomplete || !named;
        }
    }
}

/* --- on the loop --- */
static void free_feed(struct watch_feed *feed) {
    name_list_done(&feed->pending);
    name_list_done(&feed->unsure);
    name_list_done(&feed->failed);
    name_list_done(&feed->went);
    name_list_done(&feed->finished);
    memory_free(feed);
}

static void free_job(struct watch_job *job) {
    while (job->events != NULL) {
        struct event *event = job->events;
        job->events = event->next;
        event_destroy(event);
    }
    name_list_done(&job->deletes);
    name_list_done(&job->failed);
    name_list_done(&job->names);
    name_list_done(&job->young);
    memory_free(job);
}

static void add_pending(struct watch_feed *feed, const char *name, uint64_t hash) {
    /* Beyond the bound nothing is remembered but that there is more: a scan finds it again. */
    if (feed->pending.count >= PENDING_NAMES_MAX || !name_list_add(&feed->pending, name, hash)) {
        feed->again_wanted = true;
    }
}

static bool is_seen(const struct watch_feed *feed, uint64_t hash) {
    return feed->feed.door.seen(feed->feed.door.owner, feed->folder.source, hash);
}

static bool is_known(const struct watch_feed *feed, uint64_t hash) {
    return feed->feed.door.under_way(feed->feed.door.owner, hash) || is_seen(feed, hash);
}

static void finish(struct watch_feed *feed, const char *name, uint64_t hash) {
    if (!name_list_add(&feed->finished, name, hash)) {
        feed->again_wanted = true;
    }
}

static void finish_event(struct watch_feed *feed, struct event *event) {
    const struct value *name = value_get(event->value, SLICE("name"));
    const char *plain = name != NULL ? arena_copy(&event->arena, value_text(*name)).bytes : NULL;
    if (plain != NULL) {
        finish(feed, plain, event->seen_hash);
    } else {
        feed->again_wanted = true;
    }
}

/* Looks at everything again, before long. */
static void scan_later(struct watch_feed *feed) {
    feed->again_wanted = true;
    timer_set(feed->timer, WATCHED_SETTLE_MS);
}

/* The file went before the mark came: the mark goes, too. */
static void forget_went(struct watch_feed *feed, uint64_t hash) {
    const uint64_t first = hash & ~WATCHED_VERSION_BITS;
    for (size_t i = 0; i < feed->went.count; i++) {
        if (feed->went.items[i].hash == first) {
            feed->feed.door.forget(feed->feed.door.owner, feed->folder.source, first,
                                   WATCHED_VERSION_BITS);
        }
    }
    if (feed->under_way == 0) {
        name_list_done(&feed->went);
    }
}

static void settled(struct event *event, enum event_outcome outcome) {
    struct watch_feed *feed = event->trigger;
    feed->under_way--;
    if (feed->closed) {
        if (feed->under_way == 0 && feed->job == NULL) {
            free_feed(feed);
        }
        return;
    }
    if (outcome == EVENT_REFUSED) {
        scan_later(feed); /* for want of memory, or it would be closed */
    } else if (feed->after == WATCH_DELETE) {
        finish_event(feed, event);
    }
    forget_went(feed, event->seen_hash);
}

static void offer_events(struct watch_feed *feed, struct watch_job *job) {
    while (job->events != NULL) {
        struct event *event = job->events;
        job->events = event->next;
        event->next = NULL;
        if (is_known(feed, event->seen_hash)) {
            event_destroy(event);
            continue;
        }
        event->settle = settled;
        event->trigger = feed;
        feed->under_way++;
        (void)feed_give(&feed->feed, event); /* without memory it is refused: looked at again */
    }
}

static void look_later(struct watch_feed *feed, const char *name, uint64_t hash) {
    if (!name_list_add(&feed->unsure, name, hash)) {
        feed->again_wanted = true;
    }
    timer_set(feed->timer, WATCHED_SETTLE_MS);
}

/* A file that a scan has named, and that nobody writes. */
static void take_named(struct watch_feed *feed, const char *name, uint64_t hash) {
    if (feed->feed.door.under_way(feed->feed.door.owner, hash)) {
        if (feed->after == WATCH_DELETE) {
            look_later(feed, name, hash); /* perhaps nobody tells us of its end: a recovered run */
        }
    } else if (!is_seen(feed, hash)) {
        add_pending(feed, name, hash);
    } else if (feed->after == WATCH_DELETE) {
        finish(feed, name, hash);
    }
}

static void take_scan(struct watch_feed *feed, const struct watch_job *job) {
    for (size_t i = 0; i < job->names.count; i++) {
        take_named(feed, job->names.items[i].name, job->names.items[i].hash);
    }
}

static void take_young(struct watch_feed *feed, const struct watch_job *job) {
    for (size_t i = 0; i < job->young.count; i++) {
        look_later(feed, job->young.items[i].name, job->young.items[i].hash);
    }
}

/* A file that could not be read (no rights yet, no descriptors, no memory) is tried again, less and
 * less often; it is told of once. */
static void take_failed(struct watch_feed *feed, struct watch_job *job) {
    if (job->failed.count == 0) {
        feed->retry_ms = feed->failed.count > 0 || job->scan ? feed->retry_ms : 0;
        return;
    }
    if (feed->retry_ms == 0) {
        feed->feed.door.refused(feed->feed.door.owner, &job->error);
    }
    name_list_take(&job->failed, job->failed.count, &feed->failed);
    job->incomplete = job->incomplete || job->failed.count > 0;
    feed->retry_ms = feed->retry_ms == 0 ? WATCHED_SETTLE_MS : feed->retry_ms * 2;
    feed->retry_ms = feed->retry_ms < RETRY_MS_MOST ? feed->retry_ms : RETRY_MS_MOST;
    feed->retry_at_ns = clock_boot_ns() + feed->retry_ms * 1000000;
    timer_set(feed->timer, WATCHED_SETTLE_MS);
}

static void done(struct job *base) {
    struct watch_job *job = (struct watch_job *)base;
    struct watch_feed *feed = job->feed;
    feed->job = NULL;
    if (feed->closed) {
        free_job(job);
        if (feed->under_way == 0) {
            free_feed(feed);
        }
        return;
    }
    if (job->error.code != STATUS_OK && job->failed.count == 0) {
        feed->feed.door.refused(feed->feed.door.owner, &job->error);
    }
    take_failed(feed, job);
    if (job->scan) {
        take_scan(feed, job);
    } else {
        offer_events(feed, job);
    }
    take_young(feed, job);
    if (job->incomplete) {
        scan_later(feed);
    }
    free_job(job);
    feed_resume(&feed->feed);
}

static void start_job(struct watch_feed *feed, uint32_t room) {
    struct watch_job *job = memory_new(1, sizeof(*job));
    if (job == NULL) {
        timer_set(feed->timer, WATCHED_SETTLE_MS);
        return;
    }
    *job = (struct watch_job){.job = {.work = work, .done = done}, .feed = feed};
    job->events_end = &job->events;
    job->scan = feed->scan_wanted;
    job->deletes = feed->finished;
    feed->finished = (struct name_list){0};
    if (job->scan) {
        feed->scan_wanted = false;
    } else {
        name_list_take(&feed->pending, room < READ_FILES_MAX ? room : READ_FILES_MAX, &job->names);
    }
    feed->job = job;
    pool_submit(feed->feed.door.pool, &job->job);
}

static void watch_resume(struct feed *base) {
    struct watch_feed *feed = (struct watch_feed *)base;
    if (feed->job != NULL || feed->closed) {
        return;
    }
    if (feed->pending.count == 0 && feed->again_wanted) {
        feed->again_wanted = false;
        feed->scan_wanted = true;
    }
    const uint32_t room = base->door.room(base->door.owner);
    if (feed->scan_wanted || feed->finished.count > 0 || (feed->pending.count > 0 && room > 0)) {
        start_job(feed, room);
    }
}

static void found(void *owner, const char *name) {
    struct watch_feed *feed = owner;
    if (fnmatch(feed->glob, name, FNM_PERIOD) == 0) {
        add_pending(feed, name, 0);
        watch_resume(&feed->feed);
    }
}

static void gone(void *owner, const char *name) {
    struct watch_feed *feed = owner;
    if (fnmatch(feed->glob, name, FNM_PERIOD) == 0) {
        const uint64_t first = watched_path_hash(&feed->folder, name);
        feed->feed.door.forget(feed->feed.door.owner, feed->folder.source, first,
                               WATCHED_VERSION_BITS);
        if (feed->under_way > 0) {
            /* Without memory a mark stays for a file that is gone: eight bytes, for some days. */
            (void)name_list_add(&feed->went, name, first);
        }
    }
}

static void rescan(void *owner) {
    struct watch_feed *feed = owner;
    feed->scan_wanted = true;
    watch_resume(&feed->feed);
}

static void lost(void *owner) {
    struct watch_feed *feed = owner;
    struct error err;
    (void)fail(&err, STATUS_NOT_FOUND,
               "the watched folder '%s' is gone; it is looked for every second", feed->folder.path);
    feed->feed.door.refused(feed->feed.door.owner, &err);
}

static void look_again(void *owner) {
    struct watch_feed *feed = owner;
    struct name_list unsure = feed->unsure;
    feed->unsure = (struct name_list){0};
    for (size_t i = 0; i < unsure.count; i++) {
        take_named(feed, unsure.items[i].name, unsure.items[i].hash);
    }
    name_list_done(&unsure);
    if (feed->failed.count > 0 && clock_boot_ns() >= feed->retry_at_ns) {
        name_list_take(&feed->failed, feed->failed.count, &feed->pending);
    } else if (feed->failed.count > 0) {
        timer_set(feed->timer, WATCHED_SETTLE_MS);
    }
    watch_resume(&feed->feed);
}

static void watch_feed_close(struct feed *base) {
    struct watch_feed *feed = (struct watch_feed *)base;
    watch_destroy(feed->watch);
    timer_close(feed->timer);
    feed->watch = NULL;
    feed->timer = NULL;
    feed->closed = true;
    if (feed->job == NULL && feed->under_way == 0) {
        free_feed(feed);
    }
}

static status resolve_folder(struct watch_feed *feed, struct slice written, struct error *err) {
    char path[FOLDER_BYTES_MAX];
    const bool absolute = slice_starts(written, "/");
    const int count = absolute ? snprintf(path, sizeof(path), "%.*s", SLICE_ARGS(written))
                               : snprintf(path, sizeof(path), "%s/%.*s", feed->feed.door.folder,
                                          SLICE_ARGS(written));
    if (count < 0 || (size_t)count >= sizeof(path)) {
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", FOLDER_BYTES_MAX - 1);
    }
    TRY(file_make_folder(path, err));
    if (realpath(path, feed->folder.path) == NULL) {
        return fail_errno(err, errno, "find folder '%s'", path);
    }
    return STATUS_OK;
}

static status watch_feed_open(const struct trigger *trigger, const struct feed_door *door,
                              struct feed **out_feed, struct error *err) {
    struct watch_feed *feed = memory_new(1, sizeof(*feed));
    if (feed == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a watched folder");
    }
    *feed = (struct watch_feed){.feed = {.kind = &WATCH_FEED, .door = *door}};
    const struct slice source = trigger->source.count > 0 ? trigger->source : SLICE("watch");
    (void)snprintf(feed->source_text, sizeof(feed->source_text), "%.*s", SLICE_ARGS(source));
    feed->folder.source = slice_of(feed->source_text);
    feed->folder.text = trigger->text;
    feed->after = trigger->after;
    const struct slice glob = trigger->glob.count > 0 ? trigger->glob : SLICE("*");
    (void)snprintf(feed->glob, sizeof(feed->glob), "%.*s", SLICE_ARGS(glob));
    const struct watch_events events = {
        .found = found, .gone = gone, .rescan = rescan, .lost = lost};
    status code = resolve_folder(feed, trigger->path, err);
    if (code == STATUS_OK) {
        code = timer_open(door->loop, look_again, feed, &feed->timer, err);
    }
    if (code == STATUS_OK) {
        code = watch_create(door->loop, feed->folder.path, events, feed, &feed->watch, err);
    }
    if (code != STATUS_OK) {
        watch_feed_close(&feed->feed);
        return fail_while(err, "watch '%.*s'", SLICE_ARGS(trigger->path));
    }
    *out_feed = &feed->feed;
    return STATUS_OK;
}

const struct feed_kind WATCH_FEED = {
    .open = watch_feed_open,
    .resume = watch_resume,
    .close = watch_feed_close,
};
