/*
 * search_journal: what a search has found so far, on disk, so that one that was ended goes on.
 *
 * Holds how each layer did alone and what whole models were tried. It belongs to one key, a hash
 * of all that the answers hang on; under another one, or damaged, it is not looked at. Each step is
 * written before the next begins; where the disk has no room the search does without.
 *
 * What to try next is model/quantize_search's, the key model/optimise's.
 *
 * Thread: one at a time. Survives: SIGKILL and power cuts, with all but the step at hand.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/quantize_search.h"
#include "platform/hash.h"

enum { SEARCH_JOURNAL_BYTES_MAX = 4 << 20, SEARCH_JOURNAL_SAID_BYTES = 160 };

struct search_journal;

/* Reads what is there. `out_said` becomes what a person should know of it, or "". NO_MEMORY. */
status search_journal_open(const char *path, struct digest key, struct search_journal **out_journal,
                           char out_said[SEARCH_JOURNAL_SAID_BYTES], struct error *err);
void search_journal_close(struct search_journal *journal); /* NULL is fine; the file stays */

/* How many layers there are; what is of another number of them is forgotten. */
status search_journal_begin(struct search_journal *journal, uint32_t layer_count,
                            struct error *err);

/* What was found. A journal that is NULL knows nothing. */
bool search_journal_layer(const struct search_journal *journal, uint32_t layer,
                          double *out_sqnr_db);
bool search_journal_try(const struct search_journal *journal, const bool *stays,
                        struct quantize_try *out_tried);

/* Keeps it; NULL is fine. */
void search_journal_put_layer(struct search_journal *journal, uint32_t layer, double sqnr_db);
void search_journal_put_try(struct search_journal *journal, const bool *stays,
                            const struct quantize_try *tried);
