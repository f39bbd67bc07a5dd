/*
 * cells: the rows that lie in a page of a b-tree, read without SQLite.
 *
 * For a salvage: a cell that cannot be is passed over, and the next one is read. Tables with a
 * rowid keep their rows in leaves; tables without one keep them in every page of an index b-tree.
 *
 * Foreign bytes: every offset, length and page number is checked. Changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/pages.h"

enum { CELL_COLUMNS_MAX = 16, CELL_BYTES_MAX = 4 << 20 };

enum column_type { COLUMN_NULL, COLUMN_INTEGER, COLUMN_REAL, COLUMN_TEXT, COLUMN_BLOB };

struct cell_column {
    enum column_type type;
    int64_t integer;
    struct slice bytes; /* of text and blob */
};

struct cell {
    uint32_t page;
    bool has_rowid;
    int64_t rowid;
    int column_count;
    struct cell_column columns[CELL_COLUMNS_MAX];
};

/* What an interior page of a table with a rowid, or of one without, points at. */
struct cells_children {
    uint32_t pages[DATABASE_PAGE_BYTES / 4];
    int count;
};

enum page_kind {
    PAGE_OTHER, /* no page of a b-tree: free, overflow, damaged */
    PAGE_TABLE_LEAF,
    PAGE_TABLE_INTERIOR,
    PAGE_INDEX_LEAF,
    PAGE_INDEX_INTERIOR
};

/* What the page seems to be. */
enum page_kind cells_kind(const uint8_t page[DATABASE_PAGE_BYTES], uint32_t number);

/* Who is called for every row; ends the reading with anything but OK. Slices are valid during the
 * call. */
struct cell_reader {
    struct pages *pages;  /* not owned */
    struct buffer *bytes; /* not owned: room for rows that go on in other pages */
    status (*each)(void *owner, const struct cell *cell, struct error *err);
    void *owner;
};

/* Reads the page as one of this kind, whatever its first byte says. */
status cells_each(const struct cell_reader *reader, uint32_t number, enum page_kind kind,
                  const uint8_t page[DATABASE_PAGE_BYTES], struct error *err);

/* Tries every place of a leaf of a table with a rowid: rows that the page's own pointers do not
 * name any more, those that were deleted among them. */
status cells_scan(const struct cell_reader *reader, uint32_t number,
                  const uint8_t page[DATABASE_PAGE_BYTES], struct error *err);

/* The pages below an interior page. */
void cells_children(const uint8_t page[DATABASE_PAGE_BYTES], uint32_t number,
                    struct cells_children *out_children);
