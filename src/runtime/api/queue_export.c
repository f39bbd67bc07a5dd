// SPDX-License-Identifier: Apache-2.0
/* /v1/queue/export: what waits for the hub, a signed section at a time (wire/queue_file). `stream`,
 * `lane` and `after` in the query say what the asker has; an empty answer says that this is all. */
#include <string.h>

#include "base/memory.h"
#include "deployment/identity.h"
#include "platform/certificate_sign.h"
#include "runtime/api/api.h"
#include "storage/outbox_reader.h"
#include "storage/store.h"
#include "sync/frame.h"
#include "wire/queue_file.h"

enum { BATCH_BYTES_MAX = 256 << 10, LEVEL = 6 };

struct exporting {
    struct job job; /* first */
    struct api_call call;
    struct store_read read;
    struct outbox_facts facts;
    struct outbox_batch batch;
    struct id after_stream; /* zero: from the start */
    enum lane after_lane;
    uint64_t after_seq;
    struct queue_section section;
    struct buffer answer;
    struct error error;
};

static void end(struct exporting *exporting) {
    if (exporting->error.code != STATUS_OK) {
        api_refuse(&exporting->call, &exporting->error);
    } else {
        http_answer(exporting->call.request, 200, "application/octet-stream",
                    buffer_slice(&exporting->answer));
    }
    buffer_done(&exporting->batch.room);
    buffer_done(&exporting->answer);
    memory_free(exporting);
}

/* --- on a worker: frames, and the signature over them --- */

static status write_frames(const struct exporting *exporting, struct frame_writer *writer,
                           struct buffer *out, struct error *err) {
    const struct outbox_batch *batch = &exporting->batch;
    struct id chain = batch->chain_in;
    for (int i = 0; i < batch->count;) {
        frame_begin(writer, batch->items[i].seq, chain, LEVEL);
        for (bool fits = true; fits && i < batch->count; i += fits ? 1 : 0) {
            const struct outbox_item *item = &batch->items[i];
            const struct frame_item framed = {
                .seq = item->seq,
                .last_seq = item->last_seq,
                .record = slice_part(buffer_slice(&batch->room), item->from, item->to),
                .first_id = item->first_id,
                .chain = item->chain,
                .is_gap = item->is_gap};
            fits = frame_add(writer, &framed);
            chain = fits ? item->chain : chain;
        }
        TRY(frame_end(writer, out, err));
    }
    return STATUS_OK;
}

static status sign_section(struct exporting *exporting, const struct identity *identity,
                           struct slice frames, struct error *err) {
    struct queue_section *section = &exporting->section;
    CLEANUP(buffer_done) struct buffer head;
    CLEANUP(buffer_done) struct buffer plain;
    CLEANUP(buffer_done) struct buffer signature;
    buffer_init(&head, QUEUE_HEAD_BYTES_MAX);
    buffer_init(&plain, QUEUE_SECTION_BYTES_MAX);
    buffer_init(&signature, CERTIFICATE_SIGNATURE_BYTES_MAX);
    section->device = identity->device;
    section->certificates = identity->certificate;
    section->made_ms = clock_wall_ms();
    section->frames = frames;
    queue_section_head(section, &head);
    TRY(buffer_status(&head, err));
    queue_section_signed(section, buffer_slice(&head), &plain);
    TRY(buffer_status(&plain, err));
    TRY(certificate_sign(identity->key, buffer_slice(&plain), &signature, err));
    queue_section_write(section, buffer_slice(&head), buffer_slice(&signature), &exporting->answer);
    return buffer_status(&exporting->answer, err);
}

static status make_section(struct exporting *exporting, struct frame_writer *writer,
                           struct arena *arena, struct error *err) {
    CLEANUP(buffer_done) struct buffer frames;
    struct identity identity;
    buffer_init(&frames, QUEUE_FRAMES_BYTES_MAX);
    TRY(write_frames(exporting, writer, &frames, err));
    TRY(identity_load(exporting->call.daemon->options.data, arena, &identity, err));
    const status signed_now = sign_section(exporting, &identity, buffer_slice(&frames), err);
    identity_forget(&identity);
    return signed_now;
}

static void work(struct job *job, int worker) {
    struct exporting *exporting = (struct exporting *)job;
    struct frame_writer *writer = NULL;
    struct arena arena;
    (void)worker;
    arena_init(&arena, 4 * IDENTITY_FILE_BYTES_MAX);
    status code = frame_writer_create(&writer, &exporting->error);
    if (code == STATUS_OK) {
        code = make_section(exporting, writer, &arena, &exporting->error);
    }
    if (code == STATUS_NOT_FOUND) {
        (void)fail(&exporting->error, STATUS_CONFLICT,
                   "this device is not joined to a hub, so no hub would take what it exports: "
                   "`ebb join TOKEN`");
    }
    frame_writer_destroy(writer);
    arena_done(&arena);
}

static void done(struct job *job) {
    end((struct exporting *)job);
}

/* --- on the loop: what is next, and its records --- */

static void was_read(struct store_read *read) {
    struct exporting *exporting = read->owner;
    exporting->error = read->error;
    if (read->error.code == STATUS_FULL &&
        exporting->batch.room.count_max < OUTBOX_BATCH_BYTES_MAX) {
        exporting->batch.room.count_max = OUTBOX_BATCH_BYTES_MAX; /* one large record */
        store_read(exporting->call.daemon->store, &exporting->read);
        return;
    }
    if (read->error.code != STATUS_OK || exporting->batch.count == 0) {
        end(exporting);
        return;
    }
    exporting->section.first = exporting->batch.items[0].seq;
    exporting->section.last = exporting->batch.items[exporting->batch.count - 1].last_seq;
    pool_submit(exporting->call.daemon->pool, &exporting->job);
}

/* The first place behind what the asker has where something waits, in the order of streams and
 * lanes. */
static bool choose(struct exporting *exporting) {
    bool behind = id_is_zero(exporting->after_stream);
    for (int i = 0; i < exporting->facts.stream_count; i++) {
        const struct outbox_stream_facts *stream = &exporting->facts.streams[i];
        const bool is_same = id_equal(stream->id, exporting->after_stream);
        for (int lane = is_same ? (int)exporting->after_lane : 0;
             (behind || is_same) && lane < LANE_LOCAL; lane++) {
            const bool goes_on = is_same && lane == (int)exporting->after_lane;
            const uint64_t acked = stream->lanes[lane].acked_seq;
            const uint64_t from =
                goes_on && exporting->after_seq > acked ? exporting->after_seq : acked;
            if (stream->lanes[lane].highest_durable > from) {
                exporting->section.stream = stream->id;
                exporting->section.lane = (enum lane)lane;
                exporting->section.first = from + 1;
                return true;
            }
        }
        behind = behind || is_same;
    }
    return false;
}

static void looked(struct store_read *read) {
    struct exporting *exporting = read->owner;
    exporting->error = read->error;
    if (read->error.code != STATUS_OK || !choose(exporting)) {
        end(exporting);
        return;
    }
    exporting->read = (struct store_read){.kind = READ_BATCH,
                                          .done = was_read,
                                          .owner = exporting,
                                          .id = exporting->section.stream,
                                          .lane = exporting->section.lane,
                                          .from_seq = exporting->section.first,
                                          .to_seq = UINT64_MAX,
                                          .batch = &exporting->batch};
    store_read(exporting->call.daemon->store, &exporting->read);
}

static status read_place(const struct api_call *call, struct exporting *exporting,
                         struct error *err) {
    const char *stream = http_query(call->request, "stream");
    uint64_t lane = 0;
    TRY(api_number(call, "lane", 0, &lane, err));
    TRY(api_number(call, "after", 0, &exporting->after_seq, err));
    if (stream != NULL && !id_read(slice_of(stream), &exporting->after_stream)) {
        return fail(err, STATUS_INVALID, "stream=%.40s is no stream's id", stream);
    }
    if (lane >= LANE_LOCAL) {
        return fail(err, STATUS_INVALID, "lane=%llu: lanes 0 to %d go to the hub",
                    (unsigned long long)lane, LANE_LOCAL - 1);
    }
    exporting->after_lane = (enum lane)lane;
    return STATUS_OK;
}

void api_queue_export(struct api_call *call) {
    struct error err;
    struct exporting *exporting = memory_new(1, sizeof(*exporting));
    if (exporting == NULL) {
        (void)fail(&err, STATUS_NO_MEMORY, "out of memory to export");
        api_refuse(call, &err);
        return;
    }
    *exporting = (struct exporting){.job = {.work = work, .done = done}, .call = *call};
    if (read_place(call, exporting, &err) != STATUS_OK) {
        memory_free(exporting);
        api_refuse(call, &err);
        return;
    }
    buffer_init(&exporting->batch.room, BATCH_BYTES_MAX);
    buffer_init(&exporting->answer, QUEUE_SECTION_BYTES_MAX);
    exporting->read = (struct store_read){
        .kind = READ_FACTS, .done = looked, .owner = exporting, .facts = &exporting->facts};
    store_read(call->daemon->store, &exporting->read);
}
