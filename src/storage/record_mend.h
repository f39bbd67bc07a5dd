/*
 * record_mend: what one flipped byte changed is put right, with the chain value as the witness.
 *
 * The chain says what a record's bytes were, so a change is tried for each byte that can have been
 * hit: in the record's own columns, in the row of its boot or its workflow, in the chain value
 * itself. What matches 128 bits is what was there. Only small records are tried in full: it is some
 * hundred thousand hashes.
 *
 * Thread: database, in an open transaction.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/outbox.h"

enum { RECORD_MEND_BYTES_MAX = 1024, RECORD_MEND_BITS_MAX = 8192 };

/* Tries to make the record at `key`, which follows `before`, match its chain value. *out_mended
 * says whether it does now. */
status record_mend(struct outbox *box, uint64_t key, struct id before, bool *out_mended,
                   struct error *err);
