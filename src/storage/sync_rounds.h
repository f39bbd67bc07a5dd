/*
 * sync_rounds: what was sent, and what destinations other than the hub lost; a bounded ring.
 *
 * The guide's sync_log is a view of it.
 *
 * Thread: database, in an open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"
#include "storage/outbox_gap.h"

enum { SYNC_ROUNDS_MAX = 1000 };

/* `details` is JSON. The oldest row goes when there are too many. */
status sync_rounds_add(struct database *database, const char *word, struct slice details,
                       struct error *err);

/* That records of lane 7 went before their time. */
status sync_rounds_note_dropped(struct database *database, const char *word, struct seq_range range,
                                struct error *err);
