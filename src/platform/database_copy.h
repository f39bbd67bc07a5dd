/*
 * database_copy: a database copied page by page while others write to it.
 *
 * What is copied is one moment: that at which it begins. Who writes is not held up, but the WAL
 * grows by what is written until the copy is done. The copy has no WAL (database_options.plain).
 *
 * Thread: that of both connections; blocks as long as it takes. Survives: the copy is on the disk
 * when it returns OK, and is nothing before.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"

struct database_copy_watch {
    /* Called every few pages; false: it is to end, with TIMEOUT. */
    bool (*go_on)(void *owner, int64_t done_bytes, int64_t all_bytes);
    void *owner;
};

/* `to` was opened plain and is empty; nothing else is under way on either connection. */
status database_copy(struct database *from, struct database *to,
                     const struct database_copy_watch *watch, struct error *err);
