/*
 * watch: what became complete in a folder (inotify: CLOSE_WRITE and MOVED_TO), and what went.
 *
 * A full rescan at the start and when the kernel's queue overflowed; a rescan names files that were named before:
 * who listens keeps its own marks. Folders below are not watched.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "platform/loop.h"

struct watch;

struct watch_events {
    void (*found)(void *owner, const char *name);  /* a file is complete, or was there at a scan */
    void (*gone)(void *owner, const char *name);   /* deleted or moved away */
    void (*rescan)(void *owner);                   /* the folder must be listed again (start, overflow, folder back) */
    void (*lost)(void *owner);                     /* the folder itself went away; looked for again every second */
};

/* `folder` must exist. The first rescan comes from the loop, not from this call. */
status watch_create(struct loop *loop, const char *folder, struct watch_events events, void *owner,
                    struct watch **out_watch, struct error *err);
void watch_destroy(struct watch *watch);
