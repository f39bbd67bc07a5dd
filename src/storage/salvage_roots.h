/*
 * salvage_roots: where the trees of the tables begin, when the schema cannot be read.
 *
 * The tables of a file are made one after the other, in one go, so that most of their roots lie
 * side by side, and a root never moves. Twelve pages in a row of the right kinds are found whatever
 * else is damaged; two of them may be.
 *
 * Changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/pages.h"

/* The root of `record`; 0 when no such place is found. */
uint32_t salvage_find_roots(struct pages *pages);

/* The root of a table in a file where that of `record` is `record_root`; 0 when it may lie
 * anywhere. */
uint32_t salvage_root_of(const char *table, uint32_t record_root);
