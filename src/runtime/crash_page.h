/*
 * crash_page: the ids of the runs that this process is executing, in a mapped file of one page.
 *
 * Written without a system call, outlives the process's crash, and is not waited for. At the next
 * start it tells which runs were on a worker when the process ended; after a power cut (another
 * boot) nobody is blamed. Survives: a crash of the process, not of the machine.
 *
 * Thread: each worker writes its own line; open and close on the loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/id.h"
#include "platform/worker.h"

struct crash_page;

/* Opens `folder`/running and takes out what an earlier process left there: at most POOL_WORKERS_MAX
 * ids, none when it ended well or when the machine was started since. */
status crash_page_open(const char *folder, struct crash_page **out_page,
                       struct id out_blamed[POOL_WORKERS_MAX], int *out_count, struct error *err);

void crash_page_enter(struct crash_page *page, int worker, struct id run);
void crash_page_leave(struct crash_page *page, int worker);

void crash_page_close(struct crash_page *page);
