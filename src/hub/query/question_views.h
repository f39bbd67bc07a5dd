/*
 * question_views: the catalogue as SQL: views over the hub's tables, and the same names as empty
 * tables in a database of its own.
 *
 * A question is prepared over the empty tables first. So what it names can only be what the
 * catalogue has, whatever else is in the hub's file; and SQLite says which column of the catalogue
 * each column of the answer is, where it is one as it stands there.
 *
 * Thread: that of the connections. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "hub/query/question_catalogue.h"
#include "hub/query/question_streams.h"
#include "platform/database_guest.h"

/* TEMP views, before the connection is bound, with functions that look at `streams`. */
status question_views_make(const struct catalogue *catalogue, struct database *database,
                           struct question_streams *streams, struct error *err);

/* An empty database with a table for each view. */
status question_views_mirror(const struct catalogue *catalogue, struct database **out_mirror,
                             struct error *err);

/* The column that was declared so in the mirror, or NULL. */
const struct catalogue_column *question_views_column(const struct catalogue *catalogue,
                                                     struct slice declared);

/* Appends {"tables":[{"name","help","columns":[{"name","type","unit"},...]},...]}, by their
 * shorter names where they have one. */
void question_views_list(const struct catalogue *catalogue, struct buffer *out);

/* Appends {"name","type","unit"}; an empty unit is left out. */
void question_views_write_column(struct buffer *out, struct slice name, struct slice type,
                                 struct slice unit);
