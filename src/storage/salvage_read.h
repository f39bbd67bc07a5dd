/*
 * salvage_read: the rows of a damaged file, written into a new one as they are found.
 *
 * Each table is read through its b-tree as far as that goes. Where a tree is damaged, every page
 * that no tree reached and that is not free is looked at as well, and a row is known by its shape:
 * so a broken pointer, root or header loses no row. Rows that are there already stay.
 *
 * Not here: what is missing between the records, and the new stream (salvage_join).
 * Thread: database, with no connection to the damaged file open.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/pages.h"

/* Everything but the schema; `database` is a new file whose tables are empty. */
status salvage_read(struct pages *pages, struct database *database, struct error *err);
