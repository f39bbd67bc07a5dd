/*
 * wal_file: SQLite's write-ahead log as bytes: its frames, their checksums, and one flipped byte.
 *
 * SQLite ends at the first frame whose checksum is wrong, which is right after a power cut and
 * loses what was acknowledged when a byte was flipped in the middle. The two are told apart by what
 * comes behind: a power cut leaves at most one transaction behind the last that was synced.
 *
 * What is done about it is wal_mend.
 *
 * Thread: database, with no connection open.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/database.h"

enum {
    WAL_HEADER_BYTES = 32,
    WAL_FRAME_HEADER_BYTES = 24,
    WAL_FRAME_BYTES = WAL_FRAME_HEADER_BYTES + DATABASE_PAGE_BYTES,
    WAL_SUMMED_BYTES = 8 /* of a frame's header: page and commit_pages */
};

struct wal_sum {
    uint32_t a, b;
};

struct wal_head {
    bool big_endian; /* how the checksums read words */
    uint32_t salt_1, salt_2;
    struct wal_sum sum;
    bool whole; /* its own checksum is right */
};

struct wal_frame {
    uint32_t page;
    uint32_t commit_pages; /* size of the file after the commit that this frame ends; 0: none */
    uint32_t salt_1, salt_2;
    struct wal_sum sum;
    bool whole; /* its checksum is right after the frame before it as that says itself */
};

/* What a look at the whole log found. */
struct wal_findings {
    uint64_t frames;      /* with the log's salts, from its start on */
    uint64_t whole;       /* of them, up to the first that is not */
    uint64_t recovered;   /* frames up to the last commit among those: what SQLite reads */
    uint64_t committed;   /* frames up to the last commit that is known to have been synced */
    uint64_t seen_commit; /* frames up to the last commit, synced or not */
    bool head_whole;      /* the header verifies */
    bool damaged;         /* what was committed does not verify */
};

/* Reads the header. CORRUPT when the file is shorter than it. */
status wal_read_head(struct database_file *wal, struct wal_head *out_head, struct error *err);

/* Reads frame `index` (from 0) and its page; `before` is the checksum that the one before it says.
 */
status wal_read_frame(struct database_file *wal, const struct wal_head *head, uint64_t index,
                      struct wal_sum before, struct wal_frame *out_frame,
                      uint8_t out_page[DATABASE_PAGE_BYTES], struct error *err);

/* Looks at all frames. NOT_FOUND when there is no log. */
status wal_look(const char *path, const char *vfs, struct wal_findings *out_findings,
                struct error *err);

/* Adds bytes (a multiple of eight) to a checksum. */
struct wal_sum wal_add_up(struct wal_sum sum, const uint8_t *bytes, size_t count, bool big_endian);

/* The header or a frame as bytes; `before` is the checksum that the frame follows. */
struct wal_head wal_parse_head(const uint8_t bytes[WAL_HEADER_BYTES]);
/* Without its page, `whole` is not known. */
struct wal_frame wal_parse_frame_header(const uint8_t bytes[WAL_FRAME_HEADER_BYTES]);
struct wal_frame wal_parse_frame(const uint8_t bytes[WAL_FRAME_BYTES], const struct wal_head *head,
                                 struct wal_sum before);

/* Where frame `index` begins. */
int64_t wal_offset(uint64_t index);
