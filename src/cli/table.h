/*
 * table: rows of text in aligned columns, for people.
 *
 * Columns are as wide as their widest cell; where the terminal is narrower, the widest columns of
 * text are cut, and the end of a line at last. Cells may hold foreign text: it is made harmless
 * when it is written. Everything lives in the arena it was made with.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "cli/terminal.h"

enum { TABLE_COLUMNS_MAX = 48 };

struct table_column {
    const char *head;
    bool right; /* numbers */
};

struct table_row;

struct table {
    struct arena *arena; /* not owned */
    const struct table_column *columns;
    size_t column_count;
    struct table_row *first, *last;
    size_t row_count;
    bool failed; /* the arena had no room */
};

/* An empty table over columns that outlive it. */
void table_init(struct table *table, struct arena *arena, const struct table_column *columns,
                size_t column_count);

/* One more row; as many cells as there are columns. The bytes of the cells must outlive the table.
 */
void table_add(struct table *table, const struct slice *cells);

/* The heads and the rows. NO_MEMORY when a row did not fit into the arena. */
status table_write(const struct table *table, FILE *out, const struct terminal *terminal,
                   struct error *err);
