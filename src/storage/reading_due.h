/*
 * reading_due: what a destination has yet to get, for who sends it and for people.
 *
 * Part of reading. A lane is read from the destination's cursor on, an older stream before a newer
 * one, in the order of seq; rows of one stream at a time.
 *
 * Thread: that of the connection (the reader's). Sees: committed rows only.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"
#include "storage/store_job.h"

enum { DUE_ROWS_MAX = 100, DUE_BYTES_MAX = 1 << 20 /* about */ };

/* READ_DUE: [{"stream","seq","age_ms","id","line":{...}}], at most DUE_ROWS_MAX of a lane. The age
 * is 0 where no clock can be believed. */
status reading_due(struct database *database, struct store_read *read, struct error *err);

/* READ_DESTINATIONS, of all that were ever configured:
 * [{"name","waiting","oldest_at","missed":[{"lane","reason","count","from","to"}]}]. */
status reading_destinations(struct database *database, struct store_read *read, struct error *err);
