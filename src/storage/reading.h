/*
 * reading: listings of what is committed, as JSON, for people and the local API.
 *
 * Results are merged over lanes by walking keys backwards, newest first; nothing has an index but
 * the key. A page is named by the time and the count at that time where the last one ended, so it
 * stays true while new results come in.
 *
 * Thread: that of the connection (the reader's). Sees: committed rows only.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"
#include "storage/store_job.h"

/* Fills read->out, out_next_key and error. */
void reading_run(struct database *database, struct store_read *read);
