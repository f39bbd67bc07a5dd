/*
 * question_functions: what questions can call beside SQLite's own functions, and what the views
 * that they look at are made with.
 *
 *   ago('7d')        the moment so long ago, in milliseconds since 1970
 *   ms('2026-11-23') that day's beginning, or a moment with its time, in the same
 *   iso(created_ms)  such a number as text, "2026-11-23T10:00:00.120"
 *
 * Pure, but for the clock of ago(): any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database_guest.h"

/* Ended by one without a name. Their owner is a struct question_streams, or NULL where there are
 * names alone. */
extern const struct database_function QUESTION_FUNCTIONS[];

/* What a question may read and call. */
extern const struct database_rules QUESTION_RULES;

/* The same where there are the names alone (hub/query/question_views). */
extern const struct database_rules QUESTION_MIRROR_RULES;
