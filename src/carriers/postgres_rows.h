/*
 * postgres_rows: a table of results in PostgreSQL: the statements that make it, look at it and fill
 * it, and results as the parameters of one INSERT.
 *
 * Each column is an array in PostgreSQL's binary form, so that nothing a device said is ever part
 * of a statement, and a batch of any size is one statement and one transaction. A result that is
 * there already stays, but for created_at, which follows what the hub has found out since.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "carriers/carrier.h"
#include "platform/postgres.h"

enum { POSTGRES_ROW_COLUMNS = 11 };

/* The name and type of a column, as PostgreSQL writes them. */
struct postgres_column {
    const char *name, *type;
};
extern const struct postgres_column POSTGRES_ROW_COLUMN[POSTGRES_ROW_COLUMNS];

/* Statements for a table of that name, ended by a zero each: makes it where it is not; its columns
 * (name and type a row, none when there is no such table); puts the rows in. */
void postgres_rows_write_create(struct buffer *out, struct slice table);
void postgres_rows_write_columns(struct buffer *out, struct slice table);
void postgres_rows_write_insert(struct buffer *out, struct slice table);

/* Fills the parameters of the INSERT, which point into `out`. FULL when `out` cannot hold them. */
status postgres_rows_fill(const struct parcel *parcels, uint32_t count, struct buffer *out,
                          struct postgres_parameter parameters[POSTGRES_ROW_COLUMNS],
                          struct error *err);
