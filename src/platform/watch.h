/*
 * watch: what became complete in a folder (inotify: CLOSE_WRITE and MOVED_TO), and what went.
 *
 * A full rescan at the start, when the kernel's queue overflowed, and when the folder came back; a
 * rescan names files that were named before: who listens keeps its own marks. Folders below are not
 * watched. A hard or symbolic link that was made in the folder is complete at once.
 *
 * A folder that another took the place of under the same name (its parent was renamed) is noticed
 * within ten seconds.
 *
 * What is written over a network file system by another machine is not seen: the kernel tells of
 * its own writers only.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"

struct watch;

/* All called on the loop; any may be NULL. Any of them may call watch_destroy. */
struct watch_events {
    void (*found)(void *owner, const char *name); /* a file is complete */
    void (*gone)(void *owner, const char *name);  /* deleted or moved away */
    void (*rescan)(
        void *owner);          /* the folder must be listed again (start, overflow, folder back) */
    void (*lost)(void *owner); /* the folder itself went away; looked for again every second */
};

/* `folder` must exist. The first rescan comes from the loop, not from this call. */
status watch_create(struct loop *loop, const char *folder, struct watch_events events, void *owner,
                    struct watch **out_watch, struct error *err);
void watch_destroy(struct watch *watch); /* NULL is fine */

/* For tests: looks this often whether the folder is still the same, and for one that was lost. */
void watch_set_pace(struct watch *watch, int64_t pace_ms);

/* For tests: handles bytes as if the kernel had given them. */
void watch_take(struct watch *watch, struct slice bytes);
