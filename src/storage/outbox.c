// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "platform/hash.h"
#include "storage/outbox_gap.h"
#include "storage/outbox_room.h"
#include "storage/record_row.h"
#include "storage/sql.h"

/* --- streams --------------------------------------------------------------------------------- */

struct streams {
    struct stream *streams;
    int count;
};

static void streams_done(struct streams *streams) {
    memory_free(streams->streams);
}

static struct stream *add_stream(struct streams *all) {
    struct stream *streams =
        memory_resize(all->streams, ((size_t)all->count + 1) * sizeof(*streams));
    if (streams == NULL) {
        return NULL;
    }
    all->streams = streams;
    streams[all->count] = (struct stream){0};
    return &streams[all->count++];
}

/* Keeps the stream that was loaded last only if it has records, or is the newest. */
static status load_stream(struct streams *all, struct database *database, uint32_t number,
                          struct id id, struct error *err) {
    if (all->count > 0 && stream_is_empty(&all->streams[all->count - 1])) {
        all->count--;
    }
    struct stream *stream = add_stream(all);
    if (stream == NULL) {
        return fail(err, STATUS_NO_MEMORY, "read the streams: out of memory");
    }
    return stream_load(stream, database, number, id, err);
}

static status load_streams(struct streams *all, struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_STREAM_LIST);
    while (query_next(&query)) {
        const struct slice bytes = query_bytes(&query, 1);
        struct id id = {0};
        if (bytes.count != ID_BYTES) {
            return fail(err, STATUS_CORRUPT, "a stream's id has %zu bytes", bytes.count);
        }
        (void)memcpy(id.bytes, bytes.bytes, ID_BYTES);
        TRY(load_stream(all, database, (uint32_t)query_number(&query, 0), id, err));
    }
    TRY(query_status(&query, err));
    return all->count > 0 ? STATUS_OK : fail(err, STATUS_CORRUPT, "there is no stream");
}

/* What was handed out of another stream says nothing of the one that is written to now. */
static void forget_sent(struct outbox *box) {
    for (int i = 0; i < LANE_COUNT; i++) {
        atomic_store(&box->sent[i], 0);
    }
}

status outbox_load(struct outbox *box, struct error *err) {
    CLEANUP(streams_done) struct streams loaded = {0};
    TRY(load_streams(&loaded, box->database, err));
    if (box->stream_count > 0 &&
        !id_equal(outbox_stream(box)->id, loaded.streams[loaded.count - 1].id)) {
        forget_sent(box);
    }
    outbox_done(box);
    buffer_init(&box->bytes, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
    buffer_init(&box->text, RECORD_BYTES_MAX);
    box->streams = loaded.streams;
    box->stream_count = loaded.count;
    box->kept_count = loaded.count;
    loaded.streams = NULL;
    return STATUS_OK;
}

void outbox_done(struct outbox *box) {
    memory_free(box->streams);
    buffer_done(&box->bytes);
    buffer_done(&box->text);
    box->streams = NULL;
    box->stream_count = 0;
    box->kept_count = 0;
}

struct stream *outbox_stream(struct outbox *box) {
    return &box->streams[box->stream_count - 1];
}

struct stream *outbox_find_stream(struct outbox *box, struct id id) {
    if (id_is_zero(id)) {
        return outbox_stream(box);
    }
    for (int i = 0; i < box->stream_count; i++) {
        if (id_equal(box->streams[i].id, id)) {
            return &box->streams[i];
        }
    }
    return NULL;
}

status outbox_begin_stream(struct outbox *box, const char *reason, struct error *err) {
    struct streams all = {.streams = box->streams, .count = box->stream_count};
    struct stream *stream = add_stream(&all);
    if (stream == NULL) {
        return fail(err, STATUS_NO_MEMORY, "begin a stream: out of memory");
    }
    box->streams = all.streams;
    TRY(stream_begin(stream, box->database, reason, err));
    box->stream_count = all.count;
    return STATUS_OK;
}

status outbox_write_rows(struct outbox *box, bool all, struct error *err) {
    for (int i = 0; i < box->stream_count; i++) {
        TRY(stream_write_rows(&box->streams[i], box->database, all, err));
    }
    return STATUS_OK;
}

void outbox_settle(struct outbox *box) {
    for (int i = 0; i < box->stream_count; i++) {
        stream_settle(&box->streams[i]);
    }
    if (box->stream_count > box->kept_count) {
        forget_sent(box);
    }
    box->kept_count = box->stream_count;
}

void outbox_take_back(struct outbox *box) {
    box->stream_count = box->kept_count;
    for (int i = 0; i < box->stream_count; i++) {
        stream_take_back(&box->streams[i]);
    }
}

/* --- keys: a result that stands for an unsent one of its key ---------------------------------- */

/* The word and a zero; where the next one stands. */
static char *put_word(char *to, struct slice word) {
    if (word.count > 0) {
        (void)memcpy(to, word.bytes, word.count);
    }
    to[word.count] = '\0';
    return to + word.count + 1;
}

static struct id key_hash(const struct record *record, struct slice key) {
    char head[2 * OUTBOX_NAME_BYTES_MAX + 2];
    const char *end = put_word(put_word(head, record->workflow), record->name);
    return hash_128((struct slice){.bytes = head, .count = (size_t)(end - head)}, key);
}

static status find_latest(struct outbox *box, const struct id *hash, uint64_t *out_key,
                          struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_LATEST_GET);
    query_bind_bytes(&query, id_slice(hash));
    int64_t key = 0;
    TRY(query_one_number(&query, &key, err));
    *out_key = (uint64_t)key;
    return STATUS_OK;
}

static status supersede(struct outbox *box, const struct id *hash, struct error *err) {
    uint64_t key = 0;
    TRY(find_latest(box, hash, &key, err));
    struct stream *stream = outbox_stream(box);
    const enum lane lane = record_key_lane(key);
    const uint64_t seq = record_key_seq(key);
    if (key == 0 || record_key_stream(key) != stream->number ||
        seq <= outbox_gap_border(box, stream, lane)) {
        return STATUS_OK; /* what was sent is never replaced */
    }
    bool stands = false;
    TRY(outbox_gap_is_record(box, key, &stands, err));
    return stands ? outbox_gap_write(box, stream, lane, (struct seq_range){.from = seq, .to = seq},
                                     GAP_SUPERSEDED, err)
                  : STATUS_OK;
}

static status note_latest(struct outbox *box, const struct id *hash, uint64_t key,
                          struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_LATEST_PUT);
    query_bind_bytes(&query, id_slice(hash));
    query_bind_number(&query, (int64_t)key);
    return query_run(&query, err);
}

/* --- putting --------------------------------------------------------------------------------- */

/* The record with what the draft may leave open filled in. */
static status complete(const struct outbox *box, const struct record_draft *draft,
                       uint32_t workflow, struct record *out_record, struct error *err) {
    struct record record = draft->record;
    if (draft->lane >= LANE_COUNT) {
        return fail(err, STATUS_INVALID, "there is no lane %u", (unsigned)draft->lane);
    }
    if (record.name.count > OUTBOX_NAME_BYTES_MAX || draft->key.count > STORE_KEY_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a record's name has at most %d bytes and its key %d",
                    OUTBOX_NAME_BYTES_MAX, STORE_KEY_BYTES_MAX);
    }
    if (draft->keep_ms < 0 || draft->expires_ms < 0) {
        return fail(err, STATUS_INVALID, "a record is kept for a time that is negative");
    }
    const struct workflow_version *version = workflows_find(box->workflows, workflow);
    if (version == NULL && workflow != 0) {
        return fail(err, STATUS_INVALID, "there is no workflow of number %u", workflow);
    }
    record.workflow = (struct slice){0};
    if (version != NULL) {
        record.workflow = (struct slice){.bytes = version->name, .count = version->name_bytes};
    }
    record.version = record.version == 0 ? RECORD_VERSION : record.version;
    record.boot = id_is_zero(record.boot) ? box->boot : record.boot;
    *out_record = record;
    return STATUS_OK;
}

/* The bytes of the next record stand in box->bytes. */
static status write_bytes(struct outbox *box, const struct record *record, struct error *err) {
    buffer_clear(&box->bytes);
    const status written = record_write(&box->bytes, record, err);
    if (written == STATUS_FULL) { /* no room ever comes for it: the maker must put less into it */
        return fail(err, STATUS_INVALID, "a record may have %d bytes", RECORD_BYTES_MAX);
    }
    return written;
}

static status insert(struct outbox *box, uint64_t key, const struct record *record,
                     const struct record_draft *draft, uint32_t workflow, struct error *err) {
    uint32_t boot = 0;
    TRY(boots_keep(box->boots, box->database, record->boot, &record->time, &boot, err));
    struct lane_head *head = stream_change(outbox_stream(box), draft->lane);
    const struct id chain = record_chain(head->chain, buffer_slice(&box->bytes));
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_PUT);
    query_bind_number(&query, (int64_t)key);
    query_bind_number(&query, record_row_kind(record, draft->destinations));
    query_bind_number_or_null(&query, workflow);
    query_bind_text_or_null(&query, record->name);
    if (id_is_zero(record->run)) {
        query_bind_null(&query);
    } else {
        query_bind_bytes(&query, id_slice(&record->run));
    }
    query_bind_number(&query, record->priority);
    query_bind_number(&query, boot);
    query_bind_number(&query, record->time.boot_ns);
    query_bind_number(&query, record->time.wall_ms);
    const bool expires = draft->expires_ms > 0;
    query_bind_number_or_null(&query, expires ? record->time.wall_ms + draft->expires_ms : 0);
    query_bind_number_or_null(&query, draft->keep_ms);
    query_bind_bytes(&query, id_slice(&chain));
    if (record_is_known(record->kind, record->version)) {
        query_bind_text(&query, record->body);
    } else {
        query_bind_bytes(&query, record->tail);
    }
    TRY(query_run(&query, err));
    head->chain = chain;
    return STATUS_OK;
}

status outbox_put(struct outbox *box, struct record_draft *draft, const struct store_job *job,
                  struct error *err) {
    struct record record;
    TRY(complete(box, draft, job->workflow, &record, err));
    TRY(write_bytes(box, &record, err));
    const bool keyed = draft->key.count > 0;
    const struct id hash = keyed ? key_hash(&record, draft->key) : (struct id){0};
    if (keyed) {
        TRY(supersede(box, &hash, err));
    }
    const int64_t cost = record_row_cost(&record);
    TRY(outbox_room_for(box, draft->lane, cost, job, err));

    struct stream *stream = outbox_stream(box);
    struct lane_head *head = stream_change(stream, draft->lane);
    const uint64_t seq = head->next_seq;
    const uint64_t key = record_key(stream->number, draft->lane, seq);
    TRY(insert(box, key, &record, draft, job->workflow, err));
    if (keyed) {
        TRY(note_latest(box, &hash, key, err));
    }
    head->next_seq++;
    head->bytes += cost;
    box->put_bytes += box->bytes.count;
    draft->out_seq = seq;
    draft->out_id = record_public_id(stream->id, draft->lane, seq);
    return STATUS_OK;
}

/* --- acknowledging --------------------------------------------------------------------------- */

/* What it says of a record that is gone cannot be compared. */
static status check_chain(struct outbox *box, const struct stream *stream,
                          const struct store_job *job, struct error *err) {
    struct id ours = {0};
    if (id_is_zero(job->chain)) {
        return STATUS_OK;
    }
    const status found = outbox_gap_chain_at(box, stream, job->lane, job->seq, &ours, err);
    if (found != STATUS_OK) {
        return found == STATUS_NOT_FOUND ? STATUS_OK : found;
    }
    return id_equal(ours, job->chain)
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT, "the hub holds another record %llu of lane '%s'",
                      (unsigned long long)job->seq, lane_name(job->lane));
}

status outbox_acknowledge(struct outbox *box, const struct store_job *job, struct error *err) {
    struct stream *stream = outbox_find_stream(box, job->stream);
    const enum lane lane = job->lane;
    if (stream == NULL) {
        return fail(err, STATUS_NOT_FOUND, "no record of that stream is here");
    }
    if (lane >= LANE_COUNT || lane == LANE_LOCAL || job->seq >= stream->lanes[lane].next_seq ||
        job->anchored_seq > job->seq) {
        return fail(err, STATUS_INVALID, "lane '%s' has no record %llu to acknowledge",
                    lane_name(lane), (unsigned long long)job->seq);
    }
    TRY(check_chain(box, stream, job, err));
    struct lane_head *head = stream_change(stream, lane);
    if (job->seq > head->acked_seq) {
        head->acked_seq = job->seq;
        head->row_due = true;
    }
    if (job->anchored_seq > head->anchored_seq) {
        head->anchored_seq = job->anchored_seq;
        head->row_due = true;
    }
    return STATUS_OK;
}
