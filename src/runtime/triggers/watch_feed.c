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
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/watch.h"
#include "runtime/triggers/feed.h"
#include "runtime/triggers/name_list.h"

enum {
    READ_FILES_MAX = 16,
    PENDING_NAMES_MAX = 10000,
    FOLDER_BYTES_MAX = 4096,
    PATH_BYTES_MAX = FOLDER_BYTES_MAX + 256, /* a folder, a slash and a name */
    SETTLE_MS = 1000
};

static const uint64_t VERSION_BITS = 0xffffff; /* of a hash: not the path's */

struct watch_feed {
    struct feed feed; /* first */
    bool text;        /* hand over the content */
    enum watch_after after;
    char source_text[64];
    struct slice source; /* of source_text */
    char folder[FOLDER_BYTES_MAX];
    char glob[256];
    struct watch *watch;
    struct timer *timer;       /* looks again at what may still be written */
    struct name_list pending;  /* complete files, not yet read */
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
    struct name_list names; /* to read, or what the scan found */
    struct name_list young; /* named by a scan, changed just now */
    bool scan;
    struct event *events, **events_end;
    struct error error;
};

/* --- on a worker --- */
struct file_identity {
    char text[PATH_BYTES_MAX + 64]; /* what stands as the event's id */
    uint64_t hash;
};

/* Names come from the kernel, at most 255 bytes: the path always fits. */
static void join_path(const struct watch_feed *feed, const char *name, char path[PATH_BYTES_MAX]) {
    (void)snprintf(path, PATH_BYTES_MAX, "%s/%.255s", feed->folder, name);
}

static uint64_t path_hash(const struct watch_feed *feed, const char *name) {
    char path[PATH_BYTES_MAX];
    join_path(feed, name, path);
    return hash_64(feed->source, slice_of(path)) & ~VERSION_BITS;
}

static void identify(const struct watch_feed *feed, const char *name, const struct stat *facts,
                     struct file_identity *out) {
    char rest[64];
    (void)snprintf(rest, sizeof(rest), "%lld:%lld.%09ld", (long long)facts->st_size,
                   (long long)facts->st_mtim.tv_sec, facts->st_mtim.tv_nsec);
    (void)snprintf(out->text, sizeof(out->text), "%s/%.255s:%s", feed->folder, name, rest);
    const uint64_t version = hash_64(slice_of(name), slice_of(rest)) & VERSION_BITS;
    out->hash = path_hash(feed, name) | version;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static status add_text(struct event *event, int file, struct event_extra *extras, uint32_t *count,
                       struct error *err) {
    CLEANUP(buffer_done) struct buffer raw;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&raw, EVENT_TEXT_BYTES_MAX + 1);
    buffer_init(&text, (size_t)EVENT_TEXT_BYTES_MAX * 3 + 16);
    for (;;) {
        char *room = buffer_reserve(&raw, raw.count_max - raw.count);
        const ssize_t got = room != NULL && raw.count < raw.count_max
                                ? read(file, room, raw.count_max - raw.count)
                                : 0;
        if (got < 0 && errno != EINTR) {
            return fail_errno(err, errno, "read");
        }
        if (got == 0) {
            break;
        }
        buffer_took(&raw, got > 0 ? (size_t)got : 0);
    }
    TRY(buffer_status(&raw, err));
    const bool cut = raw.count > EVENT_TEXT_BYTES_MAX;
    const struct slice whole = text_cut(buffer_slice(&raw), EVENT_TEXT_BYTES_MAX);
    const size_t replaced = text_repair(&text, whole);
    TRY(buffer_status(&text, err));
    const struct slice kept = arena_copy(&event->arena, buffer_slice(&text));
    if (kept.bytes == NULL) {
        return fail(err, STATUS_FULL, "an event has at most %d bytes", EVENT_BYTES_MAX);
    }
    extras[(*count)++] = (struct event_extra){.name = "text", .value = value_of_text(kept)};
    if (cut) {
        extras[(*count)++] = (struct event_extra){.name = "cut", .value = value_of_boolean(true)};
    }
    if (replaced > 0) {
        extras[(*count)++] =
            (struct event_extra){.name = "replaced", .value = value_of_integer((int64_t)replaced)};
    }
    return STATUS_OK;
}

static status fill_event(const struct watch_feed *feed, const char *name, int file,
                         const struct stat *facts, struct event *event, struct error *err) {
    struct file_identity identity;
    identify(feed, name, facts, &identity);
    const struct slice path = arena_print(&event->arena, "%s/%s", feed->folder, name);
    event->id = arena_copy(&event->arena, slice_of(identity.text));
    event->source = arena_copy(&event->arena, feed->source);
    event->type = SLICE("file");
    event->repeatable = true;
    const struct slice plain = arena_copy(&event->arena, slice_of(name));
    if (path.bytes == NULL || event->id.bytes == NULL || plain.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for an event");
    }
    struct event_extra extras[EVENT_EXTRAS_MAX] = {
        {.name = "path", .value = value_of_text(path)},
        {.name = "name", .value = value_of_text(plain)},
        {.name = "bytes", .value = value_of_integer(facts->st_size)},
    };
    uint32_t count = 3;
    if (feed->text) {
        TRY(add_text(event, file, extras, &count, err));
    }
    event->arrived = clock_now();
    event->boot = clock_boot_id();
    event->time = event->arrived;
    event->time.wall_ms = facts->st_mtim.tv_sec * 1000 + facts->st_mtim.tv_nsec / 1000000;
    TRY(event_seal(event, extras, count, err));
    event->seen_hash = identity.hash;
    event->seen_mask = VERSION_BITS;
    return STATUS_OK;
}

/* An event, or NULL when the file is not (or no longer) what was named. */
static struct event *read_file(const struct watch_feed *feed, const char *name, struct error *err) {
    char path[PATH_BYTES_MAX];
    join_path(feed, name, path);
    err->code = STATUS_OK;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        if (errno != ENOENT) {
            (void)fail_errno(err, errno, "open '%s'", path);
        }
        return NULL;
    }
    struct stat before;
    struct stat after;
    struct stat named;
    struct event *event = NULL;
    if (fstat(file, &before) == 0 && S_ISREG(before.st_mode)) {
        event = event_new();
        if (event != NULL && fill_event(feed, name, file, &before, event, err) != STATUS_OK) {
            (void)fail_while(err, "'%s'", path);
            event_destroy(event);
            event = NULL;
        }
        if (event != NULL && (fstat(file, &after) != 0 || !same_file(&before, &after) ||
                              stat(path, &named) != 0 || !same_file(&before, &named))) {
            event_destroy(event);
            event = NULL;
        }
    }
    (void)close(file);
    return event;
}

static void delete_finished(const struct watch_feed *feed, const struct name_list *names) {
    for (size_t i = 0; i < names->count; i++) {
        char path[PATH_BYTES_MAX];
        struct stat facts;
        struct file_identity identity;
        join_path(feed, names->items[i].name, path);
        if (lstat(path, &facts) != 0) {
            continue;
        }
        identify(feed, names->items[i].name, &facts, &identity);
        if (identity.hash == names->items[i].hash) {
            (void)unlink(path); /* what stays is seen, and tried again after the next scan */
        }
    }
}

/* May still be written. */
static bool is_young(const struct stat *facts) {
    const int64_t age_ms =
        clock_wall_ms() - facts->st_mtim.tv_sec * 1000 - facts->st_mtim.tv_nsec / 1000000;
    return age_ms > -SETTLE_MS && age_ms < SETTLE_MS;
}

static bool scan_name(void *owner, const char *name) {
    struct watch_job *job = owner;
    char path[PATH_BYTES_MAX];
    struct stat facts;
    if (fnmatch(job->feed->glob, name, FNM_PERIOD) != 0) {
        return true;
    }
    join_path(job->feed, name, path);
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return true;
    }
    struct file_identity identity;
    identify(job->feed, name, &facts, &identity);
    return name_list_add(is_young(&facts) ? &job->young : &job->names, name, identity.hash);
}

/* One that a scan has named, not the kernel, and that somebody writes. */
static bool put_off(struct watch_job *job, const struct name_item *item) {
    char path[PATH_BYTES_MAX];
    struct stat facts;
    join_path(job->feed, item->name, path);
    return item->hash != 0 && stat(path, &facts) == 0 && is_young(&facts) &&
           name_list_add(&job->young, item->name, item->hash);
}

static void work(struct job *base, int worker) {
    struct watch_job *job = (struct watch_job *)base;
    (void)worker;
    delete_finished(job->feed, &job->deletes);
    if (job->scan) {
        (void)file_list(job->feed->folder, scan_name, job, &job->error);
        return;
    }
    for (size_t i = 0; i < job->names.count; i++) {
        struct error err;
        if (put_off(job, &job->names.items[i])) {
            continue;
        }
        struct event *event = read_file(job->feed, job->names.items[i].name, &err);
        if (event != NULL) {
            *job->events_end = event;
            job->events_end = &event->next;
        } else if (err.code != STATUS_OK) {
            job->error = err;
        }
    }
}

/* --- on the loop --- */
static void free_feed(struct watch_feed *feed) {
    name_list_done(&feed->pending);
    name_list_done(&feed->unsure);
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
    return feed->feed.door.seen(feed->feed.door.owner, feed->source, hash);
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

/* The file went before the mark came: the mark goes, too. */
static void forget_went(struct watch_feed *feed, uint64_t hash) {
    const uint64_t first = hash & ~VERSION_BITS;
    for (size_t i = 0; i < feed->went.count; i++) {
        if (feed->went.items[i].hash == first) {
            feed->feed.door.forget(feed->feed.door.owner, feed->source, first, VERSION_BITS);
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
        feed->again_wanted = true; /* for want of memory, or it would be closed */
        timer_set(feed->timer, SETTLE_MS);
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
        feed->feed.door.offer(feed->feed.door.owner, event);
    }
}

static void look_later(struct watch_feed *feed, const char *name, uint64_t hash) {
    if (!name_list_add(&feed->unsure, name, hash)) {
        feed->again_wanted = true;
    }
    timer_set(feed->timer, SETTLE_MS);
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
    if (job->error.code != STATUS_OK) {
        feed->feed.door.refused(feed->feed.door.owner, &job->error);
    }
    if (job->scan) {
        take_scan(feed, job);
    } else {
        offer_events(feed, job);
    }
    take_young(feed, job);
    free_job(job);
    feed_resume(&feed->feed);
}

static void start_job(struct watch_feed *feed, uint32_t room) {
    struct watch_job *job = memory_new(1, sizeof(*job));
    if (job == NULL) {
        return; /* resumed with the next event that ends */
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
        const uint64_t first = path_hash(feed, name);
        feed->feed.door.forget(feed->feed.door.owner, feed->source, first, VERSION_BITS);
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
               "the watched folder '%s' is gone; it is looked for every second", feed->folder);
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
    if (realpath(path, feed->folder) == NULL) {
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
    feed->source = slice_of(feed->source_text);
    feed->text = trigger->text;
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
        code = watch_create(door->loop, feed->folder, events, feed, &feed->watch, err);
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
