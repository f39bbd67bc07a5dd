// SPDX-License-Identifier: Apache-2.0
#include "runtime/endpoint_sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "platform/http_client.h"
#include "platform/json.h"
#include "platform/random.h"
#include "storage/outbox_reader.h"

enum {
    BATCH_BYTES_MAX = 2 * RECORD_BYTES_MAX,
    BODY_BYTES_MAX = 16 << 20,
    ANSWER_BYTES_MAX = 64 << 10,
    TIMEOUT_MS = 60 * 1000,
    DOUBLINGS_MAX = 10,
    QUOTE_BYTES_MAX = 160,
    SECRET_BYTES_LEAST = 6, /* a shorter value is found in any text */
    TOO_LARGE = 413
};

/*
 *   waiting  until the interval is over, or something is urgent
 *   looking  where the lanes stand
 *   reading  what of the first of them is not acknowledged
 *   asking   the endpoint takes it
 *   marking  it is acknowledged; then looking again, until nothing is left
 */
enum phase { PHASE_WAITING, PHASE_LOOKING, PHASE_READING, PHASE_ASKING, PHASE_MARKING };

struct sending {
    struct record record;
    struct id id;
};

struct endpoint_sync {
    struct endpoint_sync_options options;
    struct http_client *client; /* owned */
    struct timer *timer;        /* owned */
    enum phase phase;
    bool stopping;
    struct store_read read;
    struct store_job job;
    struct outbox_facts facts;
    struct outbox_batch batch;
    struct sending sendings[ENDPOINT_RESULTS_MAX];
    uint32_t sending_count;
    uint32_t results_max; /* fewer where a body was too large for it */
    struct id stream;
    enum lane lane;
    uint64_t last_seq;
    uint64_t urgent_seq; /* as looked at last */
    int failures;        /* one after the other */
    struct endpoint_sync_facts said;
    struct error failure;
};

static void look(struct endpoint_sync *sync);

/* --- waiting --- */

static void wait_for(struct endpoint_sync *sync, int64_t ms) {
    sync->phase = PHASE_WAITING;
    sync->said.retry_ms = clock_wall_ms() + ms;
    timer_set(sync->timer, ms);
}

static void fail_round(struct endpoint_sync *sync, const struct error *err,
                       int64_t retry_after_ms) {
    const int doublings = sync->failures < DOUBLINGS_MAX ? sync->failures : DOUBLINGS_MAX;
    int64_t ms = (int64_t)ENDPOINT_RETRY_MS_LEAST << doublings;
    ms = ms < ENDPOINT_RETRY_MS_MOST ? ms : ENDPOINT_RETRY_MS_MOST;
    ms = ms / 2 + (int64_t)random_below((uint32_t)ms / 2 + 1);
    if (sync->failures == 0 || strcmp(sync->failure.text, err->text) != 0) {
        log_line(LOG_WARN, "runtime", "sync_endpoint: %s", err->text);
    }
    sync->failures++;
    sync->failure = *err;
    sync->said.failing = true;
    retry_after_ms =
        retry_after_ms < ENDPOINT_RETRY_MS_MOST ? retry_after_ms : ENDPOINT_RETRY_MS_MOST;
    wait_for(sync, retry_after_ms > ms ? retry_after_ms : ms);
}

static void rang(void *owner) {
    struct endpoint_sync *sync = owner;
    if (!sync->stopping && sync->phase == PHASE_WAITING) {
        look(sync);
    }
}

/* --- acknowledging --- */

static void marked(struct store_job *job) {
    struct endpoint_sync *sync = job->owner;
    if (sync->stopping) {
        return;
    }
    if (job->error.code != STATUS_OK) {
        fail_round(sync, &job->error, 0);
        return;
    }
    look(sync);
}

static void mark(struct endpoint_sync *sync) {
    sync->phase = PHASE_MARKING;
    sync->job = (struct store_job){.kind = STORE_ACKNOWLEDGE,
                                   .done = marked,
                                   .owner = sync,
                                   .stream = sync->stream,
                                   .lane = sync->lane,
                                   .seq = sync->last_seq,
                                   .anchored_seq = sync->last_seq};
    store_submit(sync->options.store, &sync->job);
}

/* --- asking --- */

/* Bytes at the start of `text` that are a value of the URL's query: many a server says in its
 * refusals what it was asked. */
static size_t secret_bytes(struct slice url, struct slice text) {
    struct slice query = slice_part(url, slice_find(url, '?'), url.count);
    struct slice name, value;
    while (text_next_parameter(&query, &name, &value)) {
        if (value.count >= SECRET_BYTES_LEAST &&
            slice_equal(slice_part(text, 0, value.count), value)) {
            return value.count;
        }
    }
    return 0;
}

static void note_refusal(const struct endpoint_sync *sync, const struct http_answer *answer,
                         struct error *err) {
    char quoted[QUOTE_BYTES_MAX + 1];
    struct slice rest = answer->body;
    size_t count = 0;
    while (rest.count > 0 && count < QUOTE_BYTES_MAX) {
        const size_t secret = secret_bytes(sync->options.url, rest);
        const char letter = secret > 0 ? '*' : rest.bytes[0];
        quoted[count++] = letter < ' ' || letter > '~' ? ' ' : letter;
        rest = slice_part(rest, secret > 0 ? secret : 1, rest.count);
    }
    quoted[count] = '\0';
    (void)fail(err, STATUS_BUSY, "it answered %d%s%s", answer->code, count > 0 ? ": " : "", quoted);
}

static void answered(void *owner, const struct http_answer *answer) {
    struct endpoint_sync *sync = owner;
    struct error err = answer->error;
    if (sync->stopping) {
        return;
    }
    if (err.code == STATUS_OK && (answer->code < 200 || answer->code > 299)) {
        note_refusal(sync, answer, &err);
        if (answer->code == TOO_LARGE && sync->results_max > 1) {
            sync->results_max /= 2;
        }
    }
    if (err.code != STATUS_OK) {
        fail_round(sync, &err, answer->retry_after_ms);
        return;
    }
    sync->failures = 0;
    sync->said.failing = false;
    sync->said.arrived += sync->sending_count;
    sync->said.success_ms = clock_wall_ms();
    mark(sync);
}

static void write_result(struct buffer *out, const struct sending *sending) {
    char uuid[ID_UUID_BYTES + 1];
    char created_at[TIME_TEXT_BYTES];
    id_write_uuid(sending->id, uuid);
    time_write_plain(sending->record.time.wall_ms, created_at);
    buffer_print(out, "{\"id\":\"%s\",\"workflow_id\":", uuid);
    json_write_text(out, sending->record.workflow);
    buffer_add_text(out, ",\"result\":");
    buffer_add(out, sending->record.body);
    buffer_print(out, ",\"created_at\":\"%s\"}", created_at);
}

static status ask(struct endpoint_sync *sync, struct error *err) {
    CLEANUP(buffer_done) struct buffer body;
    char timestamp[TIME_TEXT_BYTES];
    buffer_init(&body, BODY_BYTES_MAX);
    time_write_plain(clock_wall_ms(), timestamp);
    buffer_add_text(&body, "{\"device_id\":");
    json_write_text(&body, sync->options.device_id);
    buffer_print(&body, ",\"timestamp\":\"%s\",\"results\":[", timestamp);
    for (uint32_t i = 0; i < sync->sending_count; i++) {
        buffer_add_text(&body, i > 0 ? "," : "");
        write_result(&body, &sync->sendings[i]);
    }
    buffer_add_text(&body, "]}");
    TRY(buffer_status(&body, err));
    const struct http_question question = {.method = "POST",
                                           .path = sync->options.url,
                                           .body = buffer_slice(&body),
                                           .timeout_ms = TIMEOUT_MS};
    const struct http_asker asker = {
        .answered = answered, .owner = sync, .answer_bytes_max = ANSWER_BYTES_MAX};
    struct http_exchange *exchange = NULL; /* ended by its answer, or with the client */
    sync->phase = PHASE_ASKING;
    return http_client_ask(sync->client, &question, &asker, &exchange, err);
}

/* --- what is sent --- */

static int order(const void *a, const void *b) {
    const struct record *x = &((const struct sending *)a)->record;
    const struct record *y = &((const struct sending *)b)->record;
    if (x->priority != y->priority) {
        return x->priority > y->priority ? -1 : 1;
    }
    return (x->time.wall_ms > y->time.wall_ms) - (x->time.wall_ms < y->time.wall_ms);
}

/* The results among the first records of the batch, and up to which seq those reach. */
static status gather(struct endpoint_sync *sync, struct error *err) {
    const struct outbox_batch *batch = &sync->batch;
    sync->sending_count = 0;
    for (int i = 0; i < batch->count && sync->sending_count < sync->results_max; i++) {
        const struct outbox_item *item = &batch->items[i];
        struct sending *sending = &sync->sendings[sync->sending_count];
        TRY(record_read(slice_part(buffer_slice(&batch->room), item->from, item->to),
                        &sending->record, err));
        sending->id = id_is_zero(item->first_id)
                          ? record_public_id(sync->stream, sync->lane, item->seq)
                          : item->first_id;
        sync->last_seq = item->last_seq;
        sync->sending_count += sending->record.kind == RECORD_RESULT &&
                               record_is_known(sending->record.kind, sending->record.version);
    }
    qsort(sync->sendings, sync->sending_count, sizeof(sync->sendings[0]), order);
    return STATUS_OK;
}

static void was_read(struct store_read *read) {
    struct endpoint_sync *sync = read->owner;
    struct error err = read->error;
    if (sync->stopping) {
        return;
    }
    if (err.code == STATUS_OK && sync->batch.count == 0) {
        (void)fail(&err, STATUS_BUSY, "lane '%s' is not as it was", lane_name(sync->lane));
    }
    if (err.code == STATUS_OK) {
        err.code = gather(sync, &err);
    }
    if (err.code == STATUS_OK && sync->sending_count == 0) {
        mark(sync); /* nothing of it is for such an endpoint */
        return;
    }
    if (err.code == STATUS_OK) {
        err.code = ask(sync, &err);
    }
    if (err.code != STATUS_OK) {
        fail_round(sync, &err, 0);
    }
}

/* The first lane of the oldest stream that has something. */
static bool choose(struct endpoint_sync *sync, uint64_t *out_first) {
    for (int i = 0; i < sync->facts.stream_count; i++) {
        const struct outbox_stream_facts *stream = &sync->facts.streams[i];
        for (int lane = 0; lane < LANE_LOCAL; lane++) {
            if (stream->lanes[lane].highest_durable > stream->lanes[lane].acked_seq) {
                sync->stream = stream->id;
                sync->lane = (enum lane)lane;
                *out_first = stream->lanes[lane].acked_seq + 1;
                return true;
            }
        }
    }
    return false;
}

static void looked(struct store_read *read) {
    struct endpoint_sync *sync = read->owner;
    uint64_t first = 0;
    if (sync->stopping) {
        return;
    }
    if (read->error.code != STATUS_OK) {
        fail_round(sync, &read->error, 0);
        return;
    }
    if (!choose(sync, &first)) {
        buffer_done(&sync->batch.room);
        buffer_init(&sync->batch.room, BATCH_BYTES_MAX);
        wait_for(sync, sync->options.interval_ms);
        return;
    }
    sync->phase = PHASE_READING;
    sync->read = (struct store_read){.kind = READ_BATCH,
                                     .done = was_read,
                                     .owner = sync,
                                     .id = sync->stream,
                                     .lane = sync->lane,
                                     .from_seq = first,
                                     .to_seq = UINT64_MAX,
                                     .batch = &sync->batch};
    store_read(sync->options.store, &sync->read);
}

static void look(struct endpoint_sync *sync) {
    sync->phase = PHASE_LOOKING;
    sync->said.retry_ms = 0;
    sync->facts.position_count = 0;
    sync->read = (struct store_read){
        .kind = READ_FACTS, .done = looked, .owner = sync, .facts = &sync->facts};
    store_read(sync->options.store, &sync->read);
}

void endpoint_sync_look(struct endpoint_sync *sync) {
    struct store_counters counters;
    store_counters(sync->options.store, &counters);
    const uint64_t seq = counters.lane_next_seq[LANE_URGENT];
    if (seq != sync->urgent_seq) {
        sync->urgent_seq = seq;
        if (sync->failures == 0) {
            endpoint_sync_hurry(sync);
        }
    }
}

void endpoint_sync_hurry(struct endpoint_sync *sync) {
    if (!sync->stopping && sync->phase == PHASE_WAITING) {
        timer_set(sync->timer, 0);
    }
}

/* --- life --- */

status endpoint_sync_create(const struct endpoint_sync_options *options,
                            struct endpoint_sync **out_sync, struct error *err) {
    struct endpoint_sync *sync = memory_new(1, sizeof(*sync));
    if (sync == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for sync_endpoint");
    }
    sync->options = *options;
    if (options->interval_ms <= 0) {
        sync->options.interval_ms = ENDPOINT_INTERVAL_MS_DEFAULT;
    }
    sync->results_max = ENDPOINT_RESULTS_MAX;
    buffer_init(&sync->batch.room, BATCH_BYTES_MAX);
    status code = timer_open(options->loop, rang, sync, &sync->timer, err);
    if (code == STATUS_OK) {
        code = http_client_create(options->loop, &sync->client, err);
    }
    if (code != STATUS_OK) {
        endpoint_sync_destroy(sync);
        return code;
    }
    wait_for(sync, 0);
    *out_sync = sync;
    return STATUS_OK;
}

void endpoint_sync_stop(struct endpoint_sync *sync) {
    if (sync != NULL) {
        sync->stopping = true;
        timer_clear(sync->timer);
    }
}

void endpoint_sync_destroy(struct endpoint_sync *sync) {
    if (sync != NULL) {
        http_client_destroy(sync->client);
        timer_close(sync->timer);
        buffer_done(&sync->batch.room);
        memory_free(sync);
    }
}

void endpoint_sync_facts(const struct endpoint_sync *sync, struct endpoint_sync_facts *out_facts) {
    *out_facts = sync->said;
    out_facts->url = sync->options.url;
    out_facts->failure = sync->failure.text;
}
