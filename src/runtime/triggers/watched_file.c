// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/buffer.h"
#include "base/media_type.h"
#include "base/text.h"
#include "platform/blob_file.h"
#include "platform/clock.h"
#include "platform/hash.h"

void watched_path(const struct watched_folder *folder, const char *name,
                  char path[WATCHED_PATH_BYTES_MAX]) {
    (void)snprintf(path, WATCHED_PATH_BYTES_MAX, "%s/%.255s", folder->path, name);
}

uint64_t watched_path_hash(const struct watched_folder *folder, const char *name) {
    char path[WATCHED_PATH_BYTES_MAX];
    watched_path(folder, name, path);
    return hash_64(folder->source, slice_of(path)) & ~WATCHED_VERSION_BITS;
}

void watched_identify(const struct watched_folder *folder, const char *name,
                      const struct stat *facts, struct file_identity *out) {
    char rest[64];
    (void)snprintf(rest, sizeof(rest), "%lld:%lld.%09ld", (long long)facts->st_size,
                   (long long)facts->st_mtim.tv_sec, facts->st_mtim.tv_nsec);
    (void)snprintf(out->text, sizeof(out->text), "%s/%.255s:%s", folder->path, name, rest);
    const uint64_t version = hash_64(slice_of(name), slice_of(rest)) & WATCHED_VERSION_BITS;
    out->hash = watched_path_hash(folder, name) | version;
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

/* `.event.file`, and where its kind is known, `.event.image` or `.event.audio`: the same bytes,
 * which nobody reads before an agent opens them. */
static status add_blob(struct event *event, int file, const char *path, struct slice name,
                       struct event_extra *extras, uint32_t *count, struct error *err) {
    char start[MEDIA_TYPE_START_BYTES];
    const ssize_t got = pread(file, start, sizeof(start), 0);
    const struct slice first = {.bytes = start, .count = got > 0 ? (size_t)got : 0};
    const char *type = media_type_guess(first, name);
    struct blob *blob = NULL;
    struct value value;
    TRY(blob_of_file(path, slice_of(type), &blob, err));
    const bool kept = value_of_blob(&event->arena, blob, &value);
    blob_release(blob);
    if (!kept) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for an event");
    }
    extras[(*count)++] = (struct event_extra){.name = "file", .value = value};
    if (strncmp(type, "image/", 6) == 0) {
        extras[(*count)++] = (struct event_extra){.name = "image", .value = value};
    } else if (strncmp(type, "audio/", 6) == 0) {
        extras[(*count)++] = (struct event_extra){.name = "audio", .value = value};
    }
    return STATUS_OK;
}

static status fill_event(const struct watched_folder *folder, const char *name, int file,
                         const struct stat *facts, struct event *event, struct error *err) {
    struct file_identity identity;
    watched_identify(folder, name, facts, &identity);
    const struct slice path = arena_print(&event->arena, "%s/%s", folder->path, name);
    event->id = arena_copy(&event->arena, slice_of(identity.text));
    event->source = arena_copy(&event->arena, folder->source);
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
    if (folder->text) {
        TRY(add_text(event, file, extras, &count, err));
    } else {
        TRY(add_blob(event, file, path.bytes, plain, extras, &count, err));
    }
    event->arrived = clock_now();
    event->boot = clock_boot_id();
    event->time = event->arrived;
    event->time.wall_ms = facts->st_mtim.tv_sec * 1000 + facts->st_mtim.tv_nsec / 1000000;
    TRY(event_seal(event, extras, count, err));
    event->seen_hash = identity.hash;
    event->seen_mask = WATCHED_VERSION_BITS;
    return STATUS_OK;
}

struct event *watched_read(const struct watched_folder *folder, const char *name,
                           struct error *err) {
    char path[WATCHED_PATH_BYTES_MAX];
    watched_path(folder, name, path);
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
        if (event == NULL) {
            (void)fail(err, STATUS_NO_MEMORY, "out of memory for '%s'", path);
        }
        if (event != NULL && fill_event(folder, name, file, &before, event, err) != STATUS_OK) {
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

bool watched_is_young(const struct stat *facts) {
    const int64_t age_ms =
        clock_wall_ms() - facts->st_mtim.tv_sec * 1000 - facts->st_mtim.tv_nsec / 1000000;
    return age_ms > -WATCHED_SETTLE_MS && age_ms < WATCHED_SETTLE_MS;
}
