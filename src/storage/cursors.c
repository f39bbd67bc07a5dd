// SPDX-License-Identifier: Apache-2.0
#include "storage/cursors.h"

#include <string.h>

#include "storage/sql.h"
#include "storage/stream.h"

static uint64_t bit_of(int number) {
    return UINT64_C(1) << number;
}

static int find(const struct cursors *cursors, struct slice name) {
    for (int i = 0; i < cursors->count; i++) {
        if (slice_is(name, cursors->items[i].name)) {
            return i;
        }
    }
    return -1;
}

/* --- names and numbers ------------------------------------------------------------------------ */

static int free_number(const struct cursors *cursors) {
    uint64_t taken = 0;
    for (int i = 0; i < cursors->count; i++) {
        taken |= bit_of(cursors->items[i].number);
    }
    int number = 0;
    while (number < STORE_DESTINATIONS_MAX && (taken & bit_of(number)) != 0) {
        number++;
    }
    return number;
}

static status put_row(struct database *database, struct slice name, uint32_t stream, int lane,
                      uint64_t seq, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CURSOR_PUT);
    query_bind_text(&query, name);
    query_bind_number(&query, stream);
    query_bind_number(&query, lane);
    query_bind_number(&query, (int64_t)seq);
    return query_run(&query, err);
}

/* Room for one more is the caller's to see to. */
static void add(struct cursors *cursors, struct slice name, int number) {
    (void)memcpy(cursors->items[cursors->count].name, name.bytes, name.count);
    cursors->items[cursors->count].name[name.count] = '\0';
    cursors->items[cursors->count].number = number;
    cursors->items[cursors->count++].configured = false;
}

static status read_numbers(struct cursors *cursors, struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CURSOR_NUMBERS);
    while (query_next(&query)) {
        const struct slice name = query_text(&query, 0);
        const int64_t number = query_number(&query, 1);
        const bool sound = name.count > 0 && name.count <= STORE_DESTINATION_BYTES_MAX &&
                           number >= 0 && number < STORE_DESTINATIONS_MAX;
        if (sound && cursors->count < STORE_DESTINATIONS_MAX) {
            add(cursors, name, (int)number);
        }
    }
    return query_status(&query, err);
}

status cursors_load(struct cursors *cursors, struct database *database, struct error *err) {
    const struct cursors before = *cursors;
    *cursors = (struct cursors){0};
    TRY(read_numbers(cursors, database, err));
    for (int i = 0; i < before.count; i++) {
        const struct slice name = slice_of(before.items[i].name);
        int at = find(cursors, name);
        if (at < 0 && cursors->count < STORE_DESTINATIONS_MAX) {
            at = cursors->count;
            add(cursors, name, before.items[i].number);
        }
        if (at >= 0 && before.items[i].configured) {
            cursors->items[at].configured = true;
            cursors->configured |= bit_of(cursors->items[at].number);
        }
    }
    return STATUS_OK;
}

static status configure_one(struct cursors *cursors, struct slice name, uint64_t *out_bit,
                            bool *out_new, struct error *err) {
    if (name.count == 0 || name.count > STORE_DESTINATION_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a destination's name has 1 to %d bytes",
                    STORE_DESTINATION_BYTES_MAX);
    }
    int at = find(cursors, name);
    if (at < 0) {
        const int number = free_number(cursors);
        if (number == STORE_DESTINATIONS_MAX) {
            return fail(err, STATUS_FULL,
                        "%d destinations have had a name on this device, and there is no number "
                        "for '%.*s'",
                        STORE_DESTINATIONS_MAX, SLICE_ARGS(name));
        }
        at = cursors->count;
        add(cursors, name, number);
        *out_new = true;
    }
    cursors->items[at].configured = true;
    *out_bit = bit_of(cursors->items[at].number);
    cursors->configured |= *out_bit;
    return STATUS_OK;
}

status cursors_configure(struct cursors *cursors, const struct slice *names, uint32_t count,
                         uint64_t *out_bits, bool *out_new, struct error *err) {
    *out_new = false;
    for (int i = 0; i < cursors->count; i++) {
        cursors->items[i].configured = false;
    }
    cursors->configured = 0;
    for (uint32_t i = 0; i < count; i++) {
        TRY(configure_one(cursors, names[i], &out_bits[i], out_new, err));
    }
    return STATUS_OK;
}

static status keep_number(const struct cursors *cursors, struct database *database, int index,
                          struct error *err) {
    return put_row(database, slice_of(cursors->items[index].name), 0, 0,
                   (uint64_t)cursors->items[index].number, err);
}

status cursors_keep_numbers(const struct cursors *cursors, struct database *database,
                            struct error *err) {
    for (int i = 0; i < cursors->count; i++) {
        TRY(keep_number(cursors, database, i, err));
    }
    return STATUS_OK;
}

/* --- how far --- */

static status get_seq(struct database *database, const char *name, uint32_t stream, enum lane lane,
                      uint64_t *out_seq, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CURSOR_GET);
    query_bind_text(&query, slice_of(name));
    query_bind_number(&query, stream);
    query_bind_number(&query, lane);
    int64_t seq = 0;
    TRY(query_one_number(&query, &seq, err));
    *out_seq = (uint64_t)seq;
    return STATUS_OK;
}

status cursors_want(const struct cursors *cursors, struct database *database,
                    const struct record_row *row, bool *out_wanted, struct error *err) {
    bool wanted = false;
    const uint64_t asked = cursors != NULL ? row->destinations & cursors->configured : 0;
    for (int i = 0; asked != 0 && !wanted && i < cursors->count; i++) {
        uint64_t seq = 0;
        if ((asked & bit_of(cursors->items[i].number)) != 0) {
            TRY(get_seq(database, cursors->items[i].name, record_key_stream(row->key),
                        record_key_lane(row->key), &seq, err));
            wanted = row->seq > seq;
        }
    }
    *out_wanted = wanted;
    return STATUS_OK;
}

/* --- what was missed --- */

struct missed {
    int64_t count, from_ms, to_ms;
};

static status count_missed(struct database *database, uint64_t first, uint64_t last, uint64_t bit,
                           struct missed *out_missed, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_RECORD_FOR);
    query_bind_number(&query, (int64_t)first);
    query_bind_number(&query, (int64_t)last);
    query_bind_number(&query, (int64_t)bit);
    *out_missed = (struct missed){0};
    if (query_next(&query)) {
        *out_missed = (struct missed){.count = query_number(&query, 0),
                                      .from_ms = query_number(&query, 1),
                                      .to_ms = query_number(&query, 2)};
    }
    return query_status(&query, err);
}

static status add_missed(struct database *database, const char *name, enum lane lane,
                         const char *reason, const struct missed *missed, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_MISSED_ADD);
    query_bind_text(&query, slice_of(name));
    query_bind_text(&query, slice_of(lane_name(lane)));
    query_bind_text(&query, slice_of(reason));
    query_bind_number(&query, missed->count);
    query_bind_number(&query, missed->from_ms);
    query_bind_number(&query, missed->to_ms);
    return query_run(&query, err);
}

/* What goes, or is given up. */
struct loss {
    uint32_t stream;
    enum lane lane;
    struct seq_range range;
    const char *reason;
};

static status note_loss_of(const struct cursors *cursors, struct database *database, int index,
                           const struct loss *loss, struct error *err) {
    const char *name = cursors->items[index].name;
    uint64_t seq = 0;
    struct missed missed;
    TRY(get_seq(database, name, loss->stream, loss->lane, &seq, err));
    const uint64_t from = loss->range.from > seq ? loss->range.from : seq + 1;
    if (from > loss->range.to) {
        return STATUS_OK;
    }
    TRY(count_missed(database, record_key(loss->stream, loss->lane, from),
                     record_key(loss->stream, loss->lane, loss->range.to),
                     bit_of(cursors->items[index].number), &missed, err));
    return missed.count > 0 ? add_missed(database, name, loss->lane, loss->reason, &missed, err)
                            : STATUS_OK;
}

status cursors_note_loss(const struct cursors *cursors, struct database *database,
                         const struct stream *stream, enum lane lane, struct seq_range range,
                         const char *reason, struct error *err) {
    const struct loss loss = {
        .stream = stream->number, .lane = lane, .range = range, .reason = reason};
    for (int i = 0; cursors != NULL && i < cursors->count; i++) {
        if (cursors->items[i].configured) {
            TRY(note_loss_of(cursors, database, i, &loss, err));
        }
    }
    return STATUS_OK;
}

status cursors_move(const struct cursors *cursors, struct database *database,
                    const struct store_job *job, uint32_t stream, struct error *err) {
    const int at = find(cursors, job->destination);
    if (at < 0) {
        return fail(err, STATUS_NOT_FOUND, "no destination '%.*s' is configured",
                    SLICE_ARGS(job->destination));
    }
    const struct loss loss = {.stream = stream,
                              .lane = job->lane,
                              .range = {.from = 1, .to = job->seq},
                              .reason = "given_up"};
    if (job->gave_up) {
        TRY(note_loss_of(cursors, database, at, &loss, err));
    }
    TRY(keep_number(cursors, database, at, err)); /* it may have been lost to damage */
    return put_row(database, job->destination, stream, (int)job->lane, job->seq, err);
}
