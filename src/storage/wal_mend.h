/*
 * wal_mend: a write-ahead log of which bytes were flipped is made to verify again.
 *
 * SQLite would end at the first frame that does not verify, and lose what was acknowledged behind
 * it. A frame's checksum often says which single byte was changed, and to what: that byte is put
 * back. Where it does not, but the frame is known to have been committed, the frame is taken as it
 * is and the checksums are written anew; what is wrong in its page is found by the chains. What a
 * power cut left of a transaction is struck out (wal_tail).
 *
 * Thread: database, with no connection open. Survives: power cuts; the log is replaced whole.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/wal_file.h"

enum wal_state {
    WAL_WHOLE,    /* or ends as a power cut leaves it */
    WAL_RESTORED, /* each byte is again what it was */
    WAL_ACCEPTED  /* some page holds a byte that is not */
};

/* No error when there is no log. */
status wal_mend(const char *path, const char *vfs, enum wal_state *out_state, struct error *err);
