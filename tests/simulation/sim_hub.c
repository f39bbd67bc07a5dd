// SPDX-License-Identifier: Apache-2.0
#include "sim_hub.h"

#include <stdlib.h>
#include <string.h>

#include "sim_trouble.h"
#include "sim_world.h"

enum { SPREAD_MS = 2000, ARENA_BYTES = 16 << 20 };

static void sync_ended(void *owner, uint64_t life);

void sim_hub_init(struct sim_hub *hub, struct sim_world *world) {
    struct error err;
    *hub = (struct sim_hub){.world = world, .sync_us = 8000, .grant_bytes = 1 << 20};
    sim_shelf_init(&hub->shelf, world);
    arena_init(&hub->arena, ARENA_BYTES);
    hub->disk = world->on_disk ? sim_hub_disk_create(world) : NULL;
    sim_contacts_init(&hub->contacts);
    if (frame_reader_create(&hub->reader, &err) != STATUS_OK ||
        frame_writer_create(&hub->writer, &err) != STATUS_OK) {
        abort();
    }
}

static void forget(struct sim_hub *hub, struct sim_request *request) {
    struct sim_request **at = &hub->requests;
    while (*at != request) {
        at = &(*at)->next;
    }
    *at = request->next;
    buffer_done(&request->body);
    buffer_done(&request->out);
    free(request);
}

static void forget_all(struct sim_hub *hub) {
    while (hub->requests != NULL) {
        forget(hub, hub->requests);
    }
}

void sim_hub_done(struct sim_hub *hub) {
    forget_all(hub);
    sim_contacts_done(&hub->contacts);
    sim_shelf_done(&hub->shelf);
    sim_hub_disk_destroy(hub->disk);
    arena_done(&hub->arena);
    frame_reader_destroy(hub->reader);
    frame_writer_destroy(hub->writer);
}

static void note(struct sim_hub *hub, const char *text, uint64_t a, uint64_t b, uint64_t c,
                 uint64_t d) {
    sim_world_note(hub->world, SIM_HUB, text, (uint64_t[]){a, b, c, d});
}

/* In both stores, when it is nobody's yet. */
static struct sim_shelf_stream *claim(struct sim_hub *hub, struct id id, int device) {
    const bool is_new = sim_shelf_find(&hub->shelf, id) == NULL;
    if (is_new && hub->disk != NULL) {
        sim_hub_disk_claim(hub->disk, id, device);
    }
    return sim_shelf_claim(&hub->shelf, id, device);
}

static void meet(struct sim_hub *hub, enum sim_met met, bool met_it) {
    hub->world->met[met] += met_it ? 1 : 0;
}

/* An older machine still speaks after a newer one greeted: people are told, and the chain values
 * part the two. */
static void look_for_clone(struct sim_hub *hub, const struct sim_request *request) {
    struct contact *contact = sim_contacts_of(&hub->contacts, request->serial, request->device);
    meet(hub, SIM_MET_CONTESTED,
         contact != NULL && contact->connection > 0 && contact_is_contested(contact));
}

/* --- answers --------------------------------------------------------------------------------- */

static int64_t now_ms(const struct sim_hub *hub) {
    return SIM_HUB_MS + hub->world->events.now_us / 1000;
}

static struct grant grant_of(const struct sim_hub *hub) {
    return (struct grant){.bytes = hub->grant_bytes};
}

static void refuse(struct sim_hub *hub, struct sim_request *request, int code) {
    request->decided = true;
    request->code = code;
    meet(hub, SIM_MET_BUSY, code == SYNC_BUSY);
    meet(hub, SIM_MET_FULL, code == SYNC_FULL);
    request->retry_after_ms = code == SYNC_BUSY || code == SYNC_FULL ? 2000 : 0;
    if (code == SYNC_FULL && !request->is_hello) {
        const struct sim_shelf_stream *stream = sim_shelf_find(&hub->shelf, request->stream);
        request->answer = (struct answer){.code = SYNC_FULL, .grant = grant_of(hub)};
        if (stream != NULL) {
            receiver_answer_lane(&stream->lanes[request->lane].cursor, &request->answer.lane);
        }
        answer_write(&request->answer, &request->out);
    }
}

static void decide(struct sim_hub *hub, struct sim_request *request, enum sync_code code) {
    struct sim_shelf_stream *stream = claim(hub, request->stream, request->device);
    struct answer *answer = &request->answer;
    answer->code = code;
    answer->hub_ms = now_ms(hub);
    answer->spread_ms = SPREAD_MS;
    answer->grant = grant_of(hub);
    if (code == SYNC_FORK) {
        answer->verdict = VERDICT_NEW_STREAM;
    }
    receiver_answer_lane(&stream->lanes[request->lane].cursor, &answer->lane);
    answer_write(answer, &request->out);
    request->code = (int)code;
    request->decided = true;
    meet(hub, SIM_MET_MISSING, code == SYNC_MISSING);
    meet(hub, SIM_MET_FORK, code == SYNC_FORK);
    meet(hub, SIM_MET_POISON, code == SYNC_POISON);
    meet(hub, SIM_MET_HOLE, stream->lanes[request->lane].cursor.held.count > 1);
}

/* --- hello ----------------------------------------------------------------------------------- */

static status hello_stream(struct sim_hub *hub, const struct sim_request *request,
                           const struct hello_stream *hello, struct answer_stream *out_answer,
                           struct error *err) {
    struct sim_shelf_stream *stream = claim(hub, hello->id, request->device);
    if (stream->owner != request->device) {
        *out_answer = (struct answer_stream){.id = hello->id, .verdict = VERDICT_QUARANTINED};
        return STATUS_OK;
    }
    struct lane_cursor cursors[SYNC_LANES];
    struct receiver_store stores[SYNC_LANES];
    struct sim_desk desks[SYNC_LANES];
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        struct sim_shelf_lane *in = &stream->lanes[lane];
        desks[lane] = (struct sim_desk){
            .world = hub->world, .stream = hello->id, .number = (enum lane)lane, .lane = in};
        if (hub->world->bug == SIM_FORK_OVERWRITES && in->cursor.held.count > 0 &&
            hello->lanes[lane].highest_durable < ranges_top(&in->cursor.held)) {
            sim_shelf_cut(in, hello->lanes[lane].highest_durable);
        }
        stores[lane] = sim_shelf_store(&desks[lane]);
        cursors[lane] = in->cursor;
        if (hub->world->bug == SIM_OLD_ANSWER && in->put_back) {
            cursors[lane] = in->before;
        }
    }
    TRY(receiver_hello(hello, cursors, stores, out_answer, err));
    if (hub->disk != NULL) {
        sim_hub_disk_greet(hub->disk, request, hello, out_answer);
    }
    look_for_clone(hub, request);
    return STATUS_OK;
}

static void judge_hello(struct sim_hub *hub, const struct hello_answer *answer) {
    for (int i = 0; i < answer->stream_count; i++) {
        const struct answer_stream *said = &answer->streams[i];
        const struct sim_shelf_stream *stream = sim_shelf_find(&hub->shelf, said->id);
        meet(hub, SIM_MET_ROLLBACK, said->verdict == VERDICT_ROLLBACK);
        meet(hub, SIM_MET_NEW_STREAM, said->verdict == VERDICT_NEW_STREAM);
        meet(hub, SIM_MET_QUARANTINED, said->verdict == VERDICT_QUARANTINED);
        note(hub, "verdict # for stream #, held up to # in lane 3", said->verdict,
             said->id.bytes[0], ranges_top(&said->lanes[LANE_NORMAL].held), 0);
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            sim_judge_answer(hub->world, said->id, (enum lane)lane, &stream->lanes[lane],
                             &said->lanes[lane]);
        }
    }
}

static status take_hello(struct sim_hub *hub, struct sim_request *request, struct error *err) {
    struct hello hello;
    arena_reset(&hub->arena);
    TRY(hello_read(&hub->arena, buffer_slice(&request->body), &hello, err));
    struct hello_answer *answer = &request->hello;
    *answer = (struct hello_answer){.protocol = PROTOCOL_MOST,
                                    .connection = ++hub->connections,
                                    .hub_store = hub->shelf.store_id,
                                    .hub_ms = now_ms(hub),
                                    .spread_ms = SPREAD_MS,
                                    .grant = grant_of(hub),
                                    .stream_count = hello.stream_count};
    answer->streams =
        arena_get(&hub->arena, (size_t)hello.stream_count + 1, sizeof(*answer->streams));
    for (int i = 0; i < hello.stream_count; i++) {
        TRY(hello_stream(hub, request, &hello.streams[i], &answer->streams[i], err));
    }
    struct contact *contact = sim_contacts_of(&hub->contacts, request->serial, request->device);
    if (contact != NULL) {
        contact_greeted(contact, hello.boot, answer->connection);
    }
    hello_answer_write(answer, &request->out);
    request->decided = true;
    request->code = SYNC_STORED;
    return STATUS_OK;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* A planted bug: the frame is hung on to the chain that is here, whatever it was cut from. */
static status hang_on(struct sim_hub *hub, struct sim_desk *desk, struct slice bytes,
                      struct buffer *out, struct error *err) {
    struct frame frame;
    TRY(frame_open(hub->reader, bytes, &frame, err));
    const uint64_t top = ranges_top(&desk->lane->cursor.held);
    struct id chain = top > 0 ? desk->lane->cursor.chain_end[0] : (struct id){0};
    int first = 0;
    while (first < frame.count && frame.items[first].seq <= top) {
        first++;
    }
    if (first == frame.count || frame.items[first].seq != top + 1) {
        return fail(err, STATUS_NOT_FOUND, "nothing to merge");
    }
    frame_begin(hub->writer, top + 1, chain, 1);
    for (int i = first; i < frame.count; i++) {
        chain = record_chain(chain, frame.items[i].record);
        frame.items[i].chain = chain;
        (void)frame_add(hub->writer, &frame.items[i]);
    }
    return frame_end(hub->writer, out, err);
}

/* A planted bug: the last record that is held is taken once more. */
static void forget_last(struct sim_hub *hub, struct sim_desk *desk, struct slice bytes) {
    struct lane_cursor *cursor = &desk->lane->cursor;
    const uint64_t top = ranges_top(&cursor->held);
    const struct sim_kept *before = sim_shelf_kept(desk->lane, top - 1);
    struct frame frame;
    struct error err;
    if (top > 1 && cursor->held.count == 1 && before != NULL && before->last_seq == top - 1 &&
        frame_open(hub->reader, bytes, &frame, &err) == STATUS_OK && frame.first <= top &&
        frame.last >= top) {
        cursor->held.items[0].to--;
        cursor->chain_end[0] = before->chain;
    }
}

static status take(struct sim_hub *hub, struct sim_request *request, struct sim_desk *desk,
                   struct slice bytes, struct error *err) {
    struct lane_cursor *cursor = &desk->lane->cursor;
    const struct receiver_store store = sim_shelf_store(desk);
    const enum sim_bug bug = hub->world->bug;
    const uint64_t gapped = cursor->gapped;
    CLEANUP(buffer_done) struct buffer other;
    buffer_init(&other, FRAME_WIRE_BYTES_MAX);
    if (bug == SIM_STORED_AGAIN) {
        forget_last(hub, desk, bytes);
    }
    status code =
        receiver_take(hub->reader, cursor, request->lane, bytes, &store, &request->answer, err);
    const bool is_fork = code == STATUS_OK && request->answer.code == SYNC_FORK;
    if (((bug == SIM_FORK_MERGED && is_fork) ||
         (bug == SIM_CHAIN_UNCHECKED && code == STATUS_CORRUPT)) &&
        hang_on(hub, desk, bytes, &other, err) == STATUS_OK) {
        code = receiver_take(hub->reader, cursor, request->lane, buffer_slice(&other), &store,
                             &request->answer, err);
    }
    if (bug == SIM_GAP_UNCOUNTED && cursor->gapped > gapped) {
        cursor->gapped--;
    }
    return code;
}

/* Takes the next whole frame; false: there is none, or the answer stands. */
static bool take_frame(struct sim_hub *hub, struct sim_request *request) {
    struct error err;
    size_t bytes = 0;
    struct slice left =
        slice_part(buffer_slice(&request->body), request->taken, request->body.count);
    if (frame_find(left, &bytes, &err) != STATUS_OK) {
        request->cut = true;
        return false;
    }
    if (bytes == 0) {
        return false;
    }
    struct sim_shelf_stream *stream = claim(hub, request->stream, request->device);
    struct sim_desk desk = {.world = hub->world,
                            .stream = request->stream,
                            .number = request->lane,
                            .lane = &stream->lanes[request->lane]};
    look_for_clone(hub, request);
    const struct lane_cursor kept = desk.lane->cursor;
    const int count = desk.lane->count;
    const status code = take(hub, request, &desk, slice_part(left, 0, bytes), &err);
    if (hub->disk != NULL) {
        sim_hub_disk_take(hub->disk, request, slice_part(left, 0, bytes), code);
    }
    request->taken += bytes;
    request->frames++;
    hub->frames++;
    meet(hub, SIM_MET_PREFIX, request->lost);
    if (code != STATUS_OK) {
        meet(hub, SIM_MET_FLIP, true);
        note(hub, "device #: a frame of lane # is damaged", (uint64_t)request->device,
             request->lane, 0, 0);
        request->cut = true;
        return false;
    }
    note(hub, "device #, lane #: code #, held up to #", (uint64_t)request->device, request->lane,
         request->answer.code, ranges_top(&desk.lane->cursor.held));
    desk.lane->changed = true;
    desk.lane->cursor.anchored = ranges_top(&desk.lane->cursor.held);
    request->poisoned = request->poisoned || request->answer.code == SYNC_POISON;
    if (request->answer.code == SYNC_POISON && hub->world->bug == SIM_POISON_BLOCKS) {
        sim_shelf_take_back(desk.lane, &kept, count);
        refuse(hub, request, 400);
    } else if (request->answer.code == SYNC_MISSING || request->answer.code == SYNC_FORK) {
        decide(hub, request, request->answer.code);
    }
    return !request->decided;
}

static void take_body(struct sim_hub *hub, struct sim_request *request) {
    while (!request->decided && !request->cut && take_frame(hub, request)) {
    }
    if (request->ended && !request->decided && !request->cut) {
        decide(hub, request, request->poisoned ? SYNC_POISON : SYNC_STORED);
        meet(hub, SIM_MET_FRAMES, request->frames > 1);
    }
}

/* A stream belongs to the certificate that delivered it first. */
static bool is_foreign(struct sim_hub *hub, const struct sim_request *request) {
    const struct sim_shelf_stream *stream = sim_shelf_find(&hub->shelf, request->stream);
    return stream != NULL && stream->owner != request->device;
}

/* Whatever is said of a report, records go on; an older hub knows none. */
static void take_report(struct sim_hub *hub, struct sim_request *request) {
    static const int CODES[] = {200, 200, 200, 404, 400, 507};
    if (request->ended) {
        request->code = CODES[request->body.count % 6];
        request->decided = true;
        buffer_add_text(&request->out, "{}");
        meet(hub, SIM_MET_REPORT, true);
    }
}

static void take_request(struct sim_hub *hub, struct sim_request *request) {
    struct error err;
    if (request->decided) {
        return;
    }
    if (request->is_report) {
        take_report(hub, request);
        return;
    }
    if (hub->refusal != 0 && hub->world->events.now_us < hub->refuse_until_us &&
        !(request->is_hello && hub->refusal == SYNC_FULL)) {
        refuse(hub, request, hub->refusal);
    } else if (!request->is_hello && is_foreign(hub, request)) {
        refuse(hub, request, 403);
    } else if (!request->is_hello) {
        take_body(hub, request);
    } else if (request->ended && take_hello(hub, request, &err) != STATUS_OK) {
        sim_breach(hub->world, "hello", "the hub cannot read a hello: %s", err.text);
        request->cut = true;
    }
}

/* --- transactions ---------------------------------------------------------------------------- */

static bool judge_answers(struct sim_hub *hub, const struct sim_request *request) {
    const struct sim_shelf_stream *stream = sim_shelf_find(&hub->shelf, request->stream);
    if (request->is_report) {
        return true;
    }
    if (request->out.count > 0 && request->is_hello) {
        struct hello_answer answer;
        struct error err;
        arena_reset(&hub->arena);
        if (hello_answer_read(&hub->arena, buffer_slice(&request->out), &answer, &err) !=
            STATUS_OK) {
            sim_breach(hub->world, "hello", "a hello's answer cannot be read: %s", err.text);
            return false;
        }
        judge_hello(hub, &answer);
    } else if (request->out.count > 0 && stream != NULL) {
        sim_judge_answer(hub->world, request->stream, request->lane, &stream->lanes[request->lane],
                         &request->answer.lane);
    }
    return true;
}

static void answer_all(struct sim_hub *hub) {
    for (struct sim_request *request = hub->requests, *next = NULL; request != NULL;
         request = next) {
        next = request->next;
        const bool due = request->decided && !request->answered;
        if (due && judge_answers(hub, request) && !request->lost && request->serial != 0) {
            sim_world_answer(hub->world, request);
        }
        request->answered = request->answered || due;
        if (request->cut || request->answered) {
            forget(hub, request);
        }
    }
}

/* Now and then the first frame is taken and taken back before all are taken. */
static void begin(struct sim_hub *hub) {
    const struct sim_request *request = hub->requests;
    struct error err;
    size_t bytes = 0;
    sim_hub_disk_begin(hub->disk);
    if (request == NULL || request->is_hello || request->is_report || request->decided ||
        !sim_chance(&hub->world->dice, 100)) {
        return;
    }
    const struct slice left =
        slice_part(buffer_slice(&request->body), request->taken, request->body.count);
    if (frame_find(left, &bytes, &err) == STATUS_OK && bytes > 0) {
        sim_hub_disk_rehearse(hub->disk, request, slice_part(left, 0, bytes));
    }
}

static void run(void *owner, uint64_t life) {
    struct sim_hub *hub = owner;
    if (life != hub->life || hub->is_syncing) {
        return;
    }
    hub->is_due = false;
    hub->is_behind = false;
    if (hub->disk != NULL) {
        begin(hub);
    }
    for (struct sim_request *request = hub->requests; request != NULL; request = request->next) {
        take_request(hub, request);
        request->cut = request->cut || request->lost;
    }
    hub->is_syncing = true;
    if (hub->world->bug == SIM_ANSWER_TOO_SOON) {
        answer_all(hub);
    }
    sim_trouble_hub_soon(hub->world, hub->sync_us);
    sim_after(&hub->world->events, sim_between(&hub->world->dice, 300, hub->sync_us), sync_ended,
              hub, hub->life);
}

static void plan(struct sim_hub *hub) {
    hub->is_behind = true;
    if (!hub->is_due && !hub->is_syncing && !hub->is_down) {
        hub->is_due = true;
        sim_after(&hub->world->events, 50, run, hub, hub->life);
    }
}

static void sync_ended(void *owner, uint64_t life) {
    struct sim_hub *hub = owner;
    if (life != hub->life) {
        return;
    }
    hub->is_syncing = false;
    if (hub->disk != NULL) {
        sim_hub_disk_commit(hub->disk);
    }
    sim_shelf_commit(&hub->shelf);
    answer_all(hub);
    if (hub->is_behind) {
        plan(hub);
    }
}

/* --- what arrives ---------------------------------------------------------------------------- */

struct sim_request *sim_hub_begin(struct sim_hub *hub, int device, uint64_t serial,
                                  struct slice path) {
    if (hub->is_down) {
        return NULL;
    }
    struct sim_request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        abort();
    }
    request->device = device;
    request->serial = serial;
    request->is_hello = slice_is(path, SIM_HELLO_PATH);
    request->is_report = slice_is(path, SIM_REPORT_PATH);
    request->answer.code = SYNC_STORED;
    buffer_init(&request->body, 64 << 20);
    buffer_init(&request->out, MESSAGE_BYTES_MAX);
    if (!request->is_hello && !request->is_report &&
        !stream_path_read(path, &request->stream, &request->lane, &request->first)) {
        sim_breach(hub->world, "path", "the hub cannot read the path '%.*s'", SLICE_ARGS(path));
    }
    struct sim_request **at = &hub->requests;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = request;
    return request;
}

void sim_hub_bytes(struct sim_hub *hub, struct sim_request *request, struct slice bytes) {
    buffer_add(&request->body, bytes);
    plan(hub);
}

void sim_hub_end(struct sim_hub *hub, struct sim_request *request) {
    request->ended = true;
    plan(hub);
}

struct sim_request *sim_hub_request(struct sim_hub *hub, uint64_t serial) {
    struct sim_request *request = hub->requests;
    while (request != NULL && request->serial != serial) {
        request = request->next;
    }
    return request;
}

void sim_hub_cut(struct sim_hub *hub, uint64_t serial) {
    struct sim_request *request = sim_hub_request(hub, serial);
    sim_contacts_drop(&hub->contacts, serial);
    if (request != NULL) {
        request->lost = true;
        plan(hub);
    }
}

void sim_hub_crash(struct sim_hub *hub) {
    hub->life++;
    hub->is_down = true;
    hub->is_syncing = false;
    hub->is_due = false;
    forget_all(hub);
    sim_contacts_drop_all(&hub->contacts);
    if (hub->disk != NULL && sim_hub_disk_crash(hub->disk, &hub->shelf)) {
        sim_shelf_commit(&hub->shelf);
    }
    sim_shelf_roll_back(&hub->shelf);
}

void sim_hub_back_up(struct sim_hub *hub) {
    sim_shelf_back_up(&hub->shelf);
    if (hub->disk != NULL) {
        sim_hub_disk_back_up(hub->disk);
    }
}

void sim_hub_put_back(struct sim_hub *hub, bool with_tools) {
    sim_shelf_put_back(&hub->shelf, with_tools);
    if (hub->disk != NULL) {
        sim_hub_disk_put_back(hub->disk);
    }
}

void sim_hub_lose(struct sim_hub *hub) {
    sim_shelf_lose(&hub->shelf);
    if (hub->disk != NULL) {
        sim_hub_disk_lose(hub->disk);
    }
}

void sim_hub_start(struct sim_hub *hub) {
    hub->is_down = false;
    hub->refusal = 0;
}
