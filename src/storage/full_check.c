// SPDX-License-Identifier: Apache-2.0
#include "storage/full_check.h"

#include <string.h>

#include "storage/outbox_check.h"
#include "storage/sql.h"

static const char *const TABLES[] = {
    "PRAGMA integrity_check('stream')",   "PRAGMA integrity_check('boot')",
    "PRAGMA integrity_check('workflow')", "PRAGMA integrity_check('lane')",
    "PRAGMA integrity_check('latest')",   "PRAGMA integrity_check('run')",
    "PRAGMA integrity_check('step')",     "PRAGMA integrity_check('seen')",
    "PRAGMA integrity_check('state')",
};

enum { TABLE_COUNT = sizeof(TABLES) / sizeof(TABLES[0]), WHOLE_PAGES_MAX = 8192 };

/* The first stream of at least this number; *out_found is false behind the last. */
static status find_stream(struct database *database, uint32_t least, struct stream *out_stream,
                          bool *out_found, struct error *err) {
    uint32_t number = 0;
    struct id id = {0};
    *out_found = false;
    CLEANUP(query_done) struct query query = query_on(database, SQL_STREAM_LIST);
    while (!*out_found && query_next(&query)) {
        number = (uint32_t)query_number(&query, 0);
        const struct slice bytes = query_bytes(&query, 1);
        if (number >= least && bytes.count == ID_BYTES) {
            (void)memcpy(id.bytes, bytes.bytes, ID_BYTES);
            *out_found = true;
        }
    }
    TRY(query_status(&query, err));
    return *out_found ? stream_load(out_stream, database, number, id, err) : STATUS_OK;
}

static status check_rows(struct full_check *check, struct database *database,
                         const struct stream *stream, bool *out_damaged, struct error *err) {
    struct chain_check chain;
    struct chain_finding finding = {.fault = CHAIN_WHOLE};
    bool more = false;
    status checked = chain_check_begin(&chain, database, stream, check->lane, check->seq, err);
    if (checked == STATUS_OK) {
        checked = chain_check_go(&chain, FULL_CHECK_ROWS, &finding, &more, err);
    }
    check->seq = chain.next_seq;
    check->rows += chain.rows;
    chain_check_done(&chain);
    TRY(checked);
    *out_damaged = finding.fault != CHAIN_WHOLE;
    if (!more) {
        check->seq = 0;
        check->lane = (enum lane)(check->lane + 1);
    }
    if (check->lane == LANE_COUNT) {
        check->lane = LANE_CONTROL;
        check->stream = stream->number + 1;
    }
    return STATUS_OK;
}

static status check_table(struct full_check *check, struct database *database, struct error *err) {
    static const char WHOLE[] = "PRAGMA integrity_check";
    static const char PAGES[] = "PRAGMA page_count";
    int64_t pages = 0;
    {
        CLEANUP(query_done) struct query count = query_on(database, PAGES);
        TRY(query_one_number(&count, &pages, err));
    }
    const bool small = check->table == 0 && pages <= WHOLE_PAGES_MAX; /* at once, in no time */
    const char *pragma = small ? WHOLE : TABLES[check->table];
    check->table = small ? TABLE_COUNT : check->table + 1;
    return database_check_by(database, pragma, err);
}

status full_check_step(struct full_check *check, struct database *database, bool *out_damaged,
                       bool *out_more, struct error *err) {
    struct stream stream;
    bool found = false;
    *out_damaged = false;
    TRY(find_stream(database, check->stream, &stream, &found, err));
    if (found && stream.number != check->stream) {
        check->stream = stream.number;
        check->lane = LANE_CONTROL;
        check->seq = 0;
    }
    if (found) {
        TRY(check_rows(check, database, &stream, out_damaged, err));
    } else if (check->table < TABLE_COUNT) {
        TRY(check_table(check, database, err));
    }
    *out_more = found || check->table < TABLE_COUNT;
    return STATUS_OK;
}
