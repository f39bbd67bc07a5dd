// SPDX-License-Identifier: Apache-2.0
#include "hub/guide_sync.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "hub/access_rows.h"
#include "hub/device_rows.h"
#include "hub/hub_answer.h"
#include "hub/oddity.h"
#include "hub/people/rights.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "platform/compress.h"
#include "platform/json.h"
#include "sync/frame.h"
#include "wire/record.h"

enum { ARENA_BYTES_MAX = 64 << 20, BODY_BYTES_MAX = RECORD_BYTES_MAX, UNAUTHORIZED = 401 };
enum { NAME_BYTES_MAX = 255, ANSWER_BYTES_MAX = 4 << 10, SHOWN_BYTES_MAX = 32 << 10 };

struct guide_sync {
    struct guide_sync_options options;
    struct frame_writer *writer; /* the writing thread's */
};

struct delivery {
    struct ingest_job job; /* first */
    struct guide_sync *sync;
    struct http_request *request;
    struct buffer token, body;
    struct arena arena;
    char source[HTTP_SOURCE_BYTES];
    uint32_t received, stored, set_aside;
    bool is_wrong; /* the token */
};

/* What is being written: frames of new records behind what the lane holds. */
struct pen {
    struct lanes *lanes;
    struct lane_place place;
    uint64_t next_seq;
    struct id chain;
    struct buffer bytes; /* of records */
    struct buffer frame;
};

/* --- a result -------------------------------------------------------------------------------- */

static bool get_text(struct value object, const char *name, struct slice *out_text) {
    const struct value *member = value_get(object, slice_of(name));
    const bool good = member != NULL && member->kind == VALUE_TEXT && member->count > 0;
    *out_text = good ? value_text(*member) : SLICE("");
    return good && out_text->count <= NAME_BYTES_MAX;
}

/* As the guide's strings have it: UTC where no zone is said. */
static bool read_time(struct slice text, int64_t *out_ms) {
    char zoned[TIME_TEXT_BYTES + 2];
    if (time_read(text, out_ms)) {
        return true;
    }
    if (text.count == 0 || text.count > TIME_TEXT_BYTES) {
        return false;
    }
    (void)memcpy(zoned, text.bytes, text.count);
    zoned[text.count] = 'Z';
    return time_read((struct slice){.bytes = zoned, .count = text.count + 1}, out_ms);
}

/* A UUID stands for itself; any other text for the hash of it. */
static struct id id_of(struct slice text) {
    struct id id;
    return id_read(text, &id) ? id : hash_128(text, SLICE(""));
}

static status read_result(struct value row, uint32_t index, struct slice device_id,
                          struct record *out_record, struct id *out_id, struct error *err) {
    struct slice id;
    struct slice workflow;
    struct slice created_at;
    const struct value *result = value_get(row, SLICE("result"));
    const bool whole = row.kind == VALUE_OBJECT && get_text(row, "id", &id) &&
                       get_text(row, "workflow_id", &workflow) &&
                       get_text(row, "created_at", &created_at) && result != NULL;
    if (!whole) {
        return fail(err, STATUS_INVALID,
                    "results[%u] needs `id`, `workflow_id` and `created_at`, texts of at most %d "
                    "bytes, and `result`",
                    index, NAME_BYTES_MAX);
    }
    struct moment time = {.quality = CLOCK_UNSURE};
    if (!read_time(created_at, &time.wall_ms)) {
        return fail(err, STATUS_INVALID,
                    "results[%u].created_at is no time such as 2026-11-30T06:15:00.000", index);
    }
    *out_record = (struct record){.kind = RECORD_RESULT,
                                  .version = RECORD_VERSION,
                                  .priority = 1,
                                  .time = time,
                                  .workflow = workflow,
                                  .name = device_id};
    *out_id = id_of(id);
    return STATUS_OK;
}

/* --- writing --------------------------------------------------------------------------------- */

/* Where the lane ends. */
static status find_end(struct pen *pen, struct error *err) {
    struct answer_lane lane;
    TRY(lanes_answer(pen->lanes, &pen->place, &lane, err));
    pen->next_seq = ranges_top(&lane.held) + 1;
    pen->chain = lane.chain;
    return STATUS_OK;
}

/* One record as a frame of its own: batches come from the guide's hundreds, not from frames.
 * *out_stored is false for one that cannot be read, which is set aside. */
static status put(struct pen *pen, struct frame_writer *writer, const struct record *record,
                  struct id first_id, bool *out_stored, struct error *err) {
    struct answer answer = {.code = SYNC_STORED};
    buffer_clear(&pen->bytes);
    buffer_clear(&pen->frame);
    TRY(record_write(&pen->bytes, record, err));
    const struct slice bytes = buffer_slice(&pen->bytes);
    const struct frame_item item = {.seq = pen->next_seq,
                                    .last_seq = pen->next_seq,
                                    .record = bytes,
                                    .first_id = first_id,
                                    .chain = record_chain(pen->chain, bytes)};
    frame_begin(writer, pen->next_seq, pen->chain, COMPRESS_LEVEL);
    (void)frame_add(writer, &item); /* the first always fits */
    TRY(frame_end(writer, &pen->frame, err));
    TRY(lanes_take(pen->lanes, &pen->place, buffer_slice(&pen->frame), &answer, err));
    if (answer.code != SYNC_STORED && answer.code != SYNC_POISON) {
        return fail(err, STATUS_CONFLICT, "a result cannot be stored: its lane has another end");
    }
    *out_stored = answer.code == SYNC_STORED;
    pen->next_seq++;
    pen->chain = item.chain;
    return STATUS_OK;
}

/* A result that is wrong must not stop those behind it: the guide's client sends its oldest until
 * they are taken. So it is taken as a record whose body, a sentence and what came, is no JSON. */
static status set_aside(struct delivery *delivery, struct pen *pen, struct value row,
                        const struct error *why, struct error *err) {
    struct record record = {.kind = RECORD_RESULT, .version = RECORD_VERSION, .time = clock_now()};
    bool stored = false;
    CLEANUP(buffer_done) struct buffer body, came;
    buffer_init(&body, sizeof(why->text) + SHOWN_BYTES_MAX + 1);
    buffer_init(&came, 2 * GUIDE_BODY_BYTES_MAX);
    json_write(&came, row);
    buffer_print(&body, "%s\n%.*s", why->text,
                 SLICE_ARGS(text_cut(buffer_slice(&came), SHOWN_BYTES_MAX)));
    TRY(buffer_status(&body, err));
    record.body = buffer_slice(&body);
    delivery->set_aside++;
    return put(pen, delivery->sync->writer, &record, (struct id){0}, &stored, err);
}

static status take_result(struct delivery *delivery, struct pen *pen, struct value row,
                          const struct record *record, struct id id, struct error *err) {
    struct database *database = hub_store_sqlite_database(lanes_session(pen->lanes));
    struct record whole = *record;
    struct error why;
    bool held = false;
    bool stored = false;
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(access_rows_has_result(database, id, pen->place.stream, &held, err));
    if (held) {
        return STATUS_OK;
    }
    json_write(&body, *value_get(row, SLICE("result")));
    const status written = buffer_status(&body, &why);
    if (written == STATUS_FULL) {
        return set_aside(delivery, pen, row, &why, err);
    }
    if (written != STATUS_OK) {
        return fail(err, written, "%s", why.text);
    }
    whole.body = buffer_slice(&body);
    TRY(put(pen, delivery->sync->writer, &whole, id, &stored, err));
    *(stored ? &delivery->stored : &delivery->set_aside) += 1;
    return STATUS_OK;
}

static status take_results(struct delivery *delivery, struct pen *pen, struct value payload,
                           struct error *err) {
    const struct value *results = value_get(payload, SLICE("results"));
    struct slice device_id;
    if (!get_text(payload, "device_id", &device_id)) {
        return fail(err, STATUS_INVALID, "`device_id` is a text of at most %d bytes",
                    NAME_BYTES_MAX);
    }
    if (results == NULL || results->kind != VALUE_LIST || results->count > GUIDE_RESULTS_MAX) {
        return fail(err, STATUS_INVALID, "`results` is a list of at most %d results",
                    (int)GUIDE_RESULTS_MAX);
    }
    TRY(find_end(pen, err));
    for (uint32_t i = 0; i < results->count; i++) {
        const struct value row = results->items[i];
        struct record record;
        struct error why;
        struct id id;
        const bool good = read_result(row, i, device_id, &record, &id, &why) == STATUS_OK;
        TRY(good ? take_result(delivery, pen, row, &record, id, err)
                 : set_aside(delivery, pen, row, &why, err));
        delivery->received++;
    }
    return delivery->set_aside > 0
               ? oddity_raise(ODDITY_POISON, pen->lanes, pen->place.device, pen->place.stream, err)
               : STATUS_OK;
}

/* --- what came ------------------------------------------------------------------------------- */

/* How long the word at `text` is that Python writes for a number which JSON does not have. */
static size_t no_number(struct slice text) {
    static const char *const WORDS[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (slice_starts(text, WORDS[i])) {
            return strlen(WORDS[i]);
        }
    }
    return 0;
}

/* The same with null for each of them. */
static void write_without(struct slice text, struct buffer *out) {
    bool inside = false; /* of a text */
    for (size_t at = 0; at < text.count;) {
        const char byte = text.bytes[at];
        const size_t skipped = inside ? 0 : no_number(slice_part(text, at, text.count));
        if (skipped > 0) {
            buffer_add_text(out, "null");
            at += skipped;
            continue;
        }
        if (inside && byte == '\\' && at + 1 < text.count) {
            buffer_add_byte(out, (uint8_t)byte);
            at++;
        } else if (byte == '"') {
            inside = !inside;
        }
        buffer_add_byte(out, (uint8_t)text.bytes[at++]);
    }
}

static status read_payload(struct delivery *delivery, struct value *out_payload,
                           struct error *err) {
    const struct slice text = buffer_slice(&delivery->body);
    if (json_read(&delivery->arena, text, out_payload, err) == STATUS_OK) {
        return STATUS_OK;
    }
    CLEANUP(buffer_done) struct buffer mended;
    buffer_init(&mended, 2 * GUIDE_BODY_BYTES_MAX);
    write_without(text, &mended);
    TRY(buffer_status(&mended, err));
    const struct slice again = arena_copy(&delivery->arena, buffer_slice(&mended));
    return json_read(&delivery->arena, again, out_payload, err) == STATUS_OK
               ? STATUS_OK
               : fail_while(err, "what was sent");
}

/* --- the writing thread ---------------------------------------------------------------------- */

/* Whose token it is, and whether they may bring anything. */
static status admit(struct delivery *delivery, struct hub_session *session, struct pen *pen,
                    struct error *err) {
    struct database *database = hub_store_sqlite_database(session);
    struct access_row access;
    struct hub_stream stream = {0};
    delivery->is_wrong = true;
    TRY(access_rows_find(database, buffer_slice(&delivery->token), &access, err));
    delivery->is_wrong = false;
    TRY(access_rows_check(database, &access, RIGHT_BRING, clock_wall_ms(), err));
    TRY(access_rows_note(database, access.id, clock_wall_ms(), err));
    TRY(session->kind->claim(session, access.stream, access.device, &stream, err));
    pen->place = (struct lane_place){.device = access.device,
                                     .stream = access.stream,
                                     .lane = LANE_NORMAL,
                                     .arrived = clock_now()};
    return STATUS_OK;
}

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct delivery *delivery = (struct delivery *)job;
    struct pen pen = {.lanes = lanes};
    struct value payload = {.kind = VALUE_NULL};
    arena_reset(&delivery->arena);
    delivery->received = delivery->stored = delivery->set_aside = 0;
    TRY(admit(delivery, lanes_session(lanes), &pen, err));
    TRY(read_payload(delivery, &payload, err));
    buffer_init(&pen.bytes, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
    buffer_init(&pen.frame, FRAME_WIRE_BYTES_MAX + 8);
    const status taken = take_results(delivery, &pen, payload, err);
    buffer_done(&pen.bytes);
    buffer_done(&pen.frame);
    return taken;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void destroy(struct delivery *delivery) {
    buffer_done(&delivery->token);
    buffer_done(&delivery->body);
    arena_done(&delivery->arena);
    memory_free(delivery);
}

static void done(struct ingest_job *job) {
    struct delivery *delivery = (struct delivery *)job;
    const struct guide_sync_options *options = &delivery->sync->options;
    if (delivery->is_wrong) {
        options->wrong(options->owner, slice_of(delivery->source));
        hub_answer_error_as(delivery->request, UNAUTHORIZED, &job->error);
    } else if (job->error.code != STATUS_OK) {
        hub_answer_outside(delivery->request, &job->error);
    } else {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, ANSWER_BYTES_MAX);
        buffer_print(&json, "{\"status\":\"success\",\"received\":%u,\"stored\":%u",
                     delivery->received, delivery->stored);
        if (delivery->set_aside > 0) {
            buffer_print(&json, ",\"set_aside\":%u", delivery->set_aside);
        }
        buffer_add_text(&json, "}\n");
        hub_answer_json(delivery->request, 200, &json);
    }
    destroy(delivery);
}

void guide_sync_take(struct guide_sync *sync, struct slice token, struct http_request *request) {
    struct error err;
    struct delivery *delivery = memory_new(1, sizeof(*delivery));
    if (delivery == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return;
    }
    *delivery = (struct delivery){.job = {.work = work, .done = done, .bytes = request->body.count},
                                  .sync = sync,
                                  .request = request};
    http_source(request, delivery->source);
    arena_init(&delivery->arena, ARENA_BYTES_MAX);
    buffer_init(&delivery->token, ACCESS_TOKEN_BYTES);
    buffer_init(&delivery->body, GUIDE_BODY_BYTES_MAX);
    buffer_add(&delivery->token, slice_part(token, 0, ACCESS_TOKEN_BYTES));
    buffer_add(&delivery->body, request->body);
    if (buffer_status(&delivery->body, &err) != STATUS_OK) {
        destroy(delivery);
        hub_answer_error(request, &err);
        return;
    }
    ingest_run(sync->options.ingest, &delivery->job);
}

/* --- birth and end ---------------------------------------------------------------------------- */

status guide_sync_create(const struct guide_sync_options *options, struct guide_sync **out_sync,
                         struct error *err) {
    struct guide_sync *sync = memory_new(1, sizeof(*sync));
    if (sync == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for /api/sync");
    }
    sync->options = *options;
    const status made = frame_writer_create(&sync->writer, err);
    if (made != STATUS_OK) {
        memory_free(sync);
        return made;
    }
    *out_sync = sync;
    return STATUS_OK;
}

void guide_sync_destroy(struct guide_sync *sync) {
    if (sync != NULL) {
        frame_writer_destroy(sync->writer);
        memory_free(sync);
    }
}
