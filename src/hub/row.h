/*
 * row: columns of hub.db that are ids, digests and texts to keep.
 *
 * Thread: that of the query.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "platform/hash.h"

/* All zero where the column holds something else. */
struct id row_id(const struct query *query, int column);
struct digest row_digest(const struct query *query, int column);

/* A copy in the arena. */
status row_text(const struct query *query, int column, struct arena *arena, struct slice *out_text,
                struct error *err);
