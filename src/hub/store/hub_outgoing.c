// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_outgoing.h"

#include "hub/labels.h"
#include "hub/store/hub_result_row.h"
#include "hub/store/hub_sql.h"

enum {
    SCAN_MAX = 5000,      /* numbers looked at by one reading */
    MENDED_KEPT = 100000, /* of the noted changes */
    MENDED_NUMBER = 16,   /* column */
    LABELS_BYTES_MAX = 1 << 20,
    LINE_BYTES_MAX = 8 << 20
};

/* --- which --- */

static bool has_word(const struct hub_outgoing_words *words, struct slice word) {
    bool found = words->count == 0;
    for (uint32_t i = 0; i < words->count && !found; i++) {
        found = slice_equal(words->words[i], word);
    }
    return found;
}

/* By its name or its id. */
static bool is_device(const struct hub_outgoing_words *devices, const struct query *row) {
    const struct id id = id_from(query_bytes(row, ROW_DEVICE_ID));
    bool found = has_word(devices, query_text(row, ROW_DEVICE_NAME));
    for (uint32_t i = 0; i < devices->count && !found; i++) {
        struct id wished;
        found = id_read(devices->words[i], &wished) && id_equal(id, wished);
    }
    return found;
}

static bool has_label(const struct hub_outgoing_words *wishes, const struct query *row) {
    struct arena arena;
    struct value labels = {.kind = VALUE_NULL};
    bool found = wishes->count == 0;
    if (found) {
        return true;
    }
    arena_init(&arena, LABELS_BYTES_MAX);
    if (labels_read(&arena, query_text(row, ROW_DEVICE_LABELS), &labels, NULL) == STATUS_OK) {
        for (uint32_t i = 0; i < wishes->count && !found; i++) {
            found = labels_meet(labels, wishes->words[i]);
        }
    }
    arena_done(&arena);
    return found;
}

static bool is_wanted(const struct hub_outgoing_filter *filter, const struct query *row) {
    const int64_t lane = query_number(row, ROW_LANE);
    return (filter->lanes == 0 || (filter->lanes >> lane & 1U) != 0) &&
           query_number(row, ROW_PRIORITY) >= filter->priority &&
           has_word(&filter->workflows, query_text(row, ROW_WORKFLOW)) &&
           has_word(&filter->names, query_text(row, ROW_NAME)) &&
           is_device(&filter->devices, row) && has_label(&filter->labels, row);
}

/* --- beginning --- */

/* The last number of what arrived before. The hub's clock dates arrivals, which come in its order
 * but for a clock that was set back: then more is sent, or less, by as much. */
static status find_before(struct database *database, int64_t since_ms, int64_t newest,
                          int64_t *out_number, struct error *err) {
    int64_t least = 0;
    int64_t most = newest;
    while (least < most) {
        const int64_t middle = least + (most - least) / 2;
        int64_t number = newest;
        int64_t arrived_ms = INT64_MAX;
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_OUTGOING_ARRIVED);
        query_bind_number(&query, middle + 1);
        if (query_next(&query)) {
            number = query_number(&query, 0);
            arrived_ms = query_number(&query, 1);
        }
        TRY(query_status(&query, err));
        if (arrived_ms < since_ms) {
            least = number;
        } else {
            most = middle;
        }
    }
    *out_number = least;
    return STATUS_OK;
}

static status is_known(struct database *database, struct slice name, bool *out_known,
                       struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_OUTGOING_KNOWN);
    query_bind_text(&query, name);
    *out_known = query_next(&query);
    return query_status(&query, err);
}

status hub_outgoing_begin(struct database *database, struct slice name,
                          enum hub_outgoing_since since, int64_t since_ms, int64_t now_ms,
                          struct error *err) {
    int64_t number = 0;
    bool known = false;
    TRY(is_known(database, name, &known, err));
    if (known) {
        return STATUS_OK;
    }
    if (since != HUB_OUTGOING_ALL) {
        CLEANUP(query_done) struct query last = query_on(database, SQL_HUB_RECORD_LAST);
        TRY(query_one_number(&last, &number, err));
    }
    if (since == HUB_OUTGOING_DATE) {
        TRY(find_before(database, since_ms, number, &number, err));
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_OUTGOING_BEGIN);
    query_bind_text(&query, name);
    query_bind_number(&query, number);
    query_bind_number(&query, now_ms);
    return query_run(&query, err);
}

/* --- reading --- */

static status read_row(struct database *database, struct slice name, struct hub_outgoing_row *row,
                       struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_OUTGOING_GET);
    query_bind_text(&query, name);
    if (query_next(&query)) {
        *row = (struct hub_outgoing_row){.number = query_number(&query, 0),
                                         .mended = query_number(&query, 1),
                                         .sent = query_number(&query, 2),
                                         .refused = query_number(&query, 3),
                                         .given_up = query_number(&query, 4),
                                         .removed = query_number(&query, 5),
                                         .newest = query_number(&query, 6),
                                         .oldest = query_number(&query, 7),
                                         .newest_mended = query_number(&query, 8)};
        return query_status(&query, err);
    }
    TRY(query_status(&query, err));
    return fail(err, STATUS_NOT_FOUND, "the destination has no row");
}

/* The id as text, and the line; the result is its end. */
static status add_parcel(struct hub_outgoing_batch *batch, struct arena *arena,
                         const struct query *row, struct buffer *line, struct error *err) {
    char id[ID_UUID_BYTES + 1];
    const size_t body_bytes = query_text(row, ROW_BODY).count;
    struct parcel *parcel = &batch->parcels[batch->count];
    struct parcel_parts *parts = arena_get(arena, 1, sizeof(*parts));
    buffer_clear(line);
    hub_result_row_write(line, row);
    TRY(buffer_status(line, err));
    id_write_uuid(hub_result_row_id(row), id);
    *parcel = (struct parcel){.id = arena_copy(arena, slice_of(id)),
                              .line = arena_copy(arena, buffer_slice(line)),
                              .parts = parts};
    if (parts == NULL || parcel->id.bytes == NULL || parcel->line.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what a destination is to have");
    }
    const size_t end = parcel->line.count - 1;
    *parts =
        (struct parcel_parts){.id = hub_result_row_id(row),
                              .device = id_from(query_bytes(row, ROW_DEVICE_ID)),
                              .run = id_from(query_bytes(row, ROW_RUN)),
                              .device_name = arena_copy(arena, query_text(row, ROW_DEVICE_NAME)),
                              .workflow = arena_copy(arena, query_text(row, ROW_WORKFLOW)),
                              .name = arena_copy(arena, query_text(row, ROW_NAME)),
                              .lane = (enum lane)query_number(row, ROW_LANE),
                              .priority = query_number(row, ROW_PRIORITY),
                              .created_ms = query_number(row, ROW_WALL_MS),
                              .arrived_ms = query_number(row, ROW_ARRIVED_MS),
                              .result = slice_part(parcel->line, end - body_bytes, end)};
    parcel->age_ms = 0;
    batch->count++;
    return STATUS_OK;
}

static uint32_t most_of(const struct hub_outgoing *outgoing) {
    return outgoing->rows_max > 0 && outgoing->rows_max < HUB_OUTGOING_ROWS_MAX
               ? outgoing->rows_max
               : HUB_OUTGOING_ROWS_MAX;
}

/* Until the rows end or the batch is full, and which it was; each that was looked at is noted as
 * the last. */
static status add_rows(struct hub_outgoing_batch *batch, const struct hub_outgoing *outgoing,
                       struct arena *arena, struct query *rows, bool *out_full, struct error *err) {
    const int number_column = batch->is_mended ? MENDED_NUMBER : ROW_NUMBER;
    size_t bytes = 0;
    *out_full = true;
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, LINE_BYTES_MAX);
    while (batch->count < most_of(outgoing) && bytes < HUB_OUTGOING_BYTES_MAX &&
           (*out_full = query_next(rows))) {
        batch->last = query_number(rows, number_column);
        if (is_wanted(&outgoing->filter, rows)) {
            batch->numbers[batch->count] = batch->last;
            TRY(add_parcel(batch, arena, rows, &line, err));
            bytes += line.count;
        }
    }
    return query_status(rows, err);
}

static status read_due(struct database *database, const struct hub_outgoing *outgoing,
                       int64_t after, struct arena *arena, struct hub_outgoing_batch *batch,
                       struct error *err) {
    const bool is_behind = after <= batch->row.number && batch->row.oldest > 0;
    const int64_t from = is_behind ? batch->row.oldest : after + 1;
    const int64_t end = from + SCAN_MAX - 1;
    const int64_t to = end < batch->row.newest ? end : batch->row.newest;
    batch->last = after;
    if (from > to) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query rows = query_on(database, SQL_HUB_OUTGOING_READ);
    query_bind_number(&rows, from);
    query_bind_number(&rows, to);
    query_bind_text(&rows, SLICE(""));
    bool is_full = false;
    TRY(add_rows(batch, outgoing, arena, &rows, &is_full, err));
    batch->last = is_full ? batch->last : to;
    return STATUS_OK;
}

static status read_mended(struct database *database, const struct hub_outgoing *outgoing,
                          struct arena *arena, struct hub_outgoing_batch *batch,
                          struct error *err) {
    batch->is_mended = true;
    CLEANUP(query_done) struct query rows = query_on(database, SQL_HUB_OUTGOING_MENDED);
    query_bind_number(&rows, batch->row.mended);
    query_bind_number(&rows, batch->last);
    batch->last = batch->row.mended;
    bool is_full = false;
    TRY(add_rows(batch, outgoing, arena, &rows, &is_full, err));
    if (!is_full && batch->last < batch->row.newest_mended) {
        batch->last = batch->row.newest_mended; /* what is not there was removed since */
    }
    return STATUS_OK;
}

status hub_outgoing_read(struct database *database, const struct hub_outgoing *outgoing,
                         int64_t after, bool wants_mended, struct arena *arena,
                         struct hub_outgoing_batch *out_batch, struct error *err) {
    out_batch->count = 0;
    out_batch->is_mended = false;
    TRY(read_row(database, outgoing->name, &out_batch->row, err));
    const struct hub_outgoing_row *row = &out_batch->row;
    TRY(read_due(database, outgoing, after > row->number ? after : row->number, arena, out_batch,
                 err));
    if (wants_mended && out_batch->count == 0 && out_batch->last >= row->newest &&
        row->mended < row->newest_mended) {
        return read_mended(database, outgoing, arena, out_batch, err);
    }
    return STATUS_OK;
}

/* --- moving --- */

status hub_outgoing_move(struct database *database, struct slice name,
                         const struct hub_outgoing_move *move, struct error *err) {
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_OUTGOING_MOVE);
        query_bind_text(&query, name);
        query_bind_number(&query, move->number);
        query_bind_number(&query, move->mended);
        query_bind_number(&query, move->sent);
        query_bind_number(&query, move->refused);
        query_bind_number(&query, move->given_up);
        TRY(query_run(&query, err));
    }
    if (move->mended <= MENDED_KEPT) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_MENDED_TRIM);
    query_bind_number(&query, move->mended - MENDED_KEPT);
    return query_run(&query, err);
}

/* --- what is removed --- */

static status count_wanted(struct database *database, const struct hub_outgoing *outgoing,
                           struct slice workflow, int64_t first, int64_t last, int64_t *out_count,
                           struct error *err) {
    CLEANUP(query_done) struct query rows = query_on(database, SQL_HUB_OUTGOING_READ);
    query_bind_number(&rows, first);
    query_bind_number(&rows, last);
    query_bind_text(&rows, workflow);
    *out_count = 0;
    while (query_next(&rows)) {
        *out_count += is_wanted(&outgoing->filter, &rows) ? 1 : 0;
    }
    return query_status(&rows, err);
}

static status count_for(struct database *database, const struct hub_outgoing *outgoing,
                        struct slice workflow, int64_t first, int64_t last, struct error *err) {
    struct hub_outgoing_row row;
    int64_t count = 0;
    const status code = read_row(database, outgoing->name, &row, err);
    if (code == STATUS_NOT_FOUND || (code == STATUS_OK && row.number >= last)) {
        return STATUS_OK; /* it has yet to begin, or has them */
    }
    TRY(code);
    TRY(count_wanted(database, outgoing, workflow, row.number >= first ? row.number + 1 : first,
                     last, &count, err));
    if (count == 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_OUTGOING_REMOVED);
    query_bind_text(&query, outgoing->name);
    query_bind_number(&query, count);
    return query_run(&query, err);
}

status hub_outgoing_count_removed(struct database *database, const struct hub_outgoing_list *list,
                                  struct slice workflow, int64_t first, int64_t last,
                                  struct error *err) {
    for (uint32_t i = 0; i < list->count; i++) {
        TRY(count_for(database, &list->items[i], workflow, first, last, err));
    }
    return STATUS_OK;
}
