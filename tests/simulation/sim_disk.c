// SPDX-License-Identifier: Apache-2.0
#include "sim_disk.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform/database_faults.h"
#include "sim_disk_mirror.h"
#include "sim_machine.h"
#include "sim_world.h"
#include "storage/core.h"

enum { WAITING_MAX = 64, KEEP_MS = 15000, EXPIRES_MS = 20000, WAL_BYTES = 64 << 10 };
enum { CHECKPOINT_PAGES = 24, LANES_BYTES_LEAST = 64 << 10 };

struct waiting {
    enum lane lane;
    uint64_t number;
    struct record_draft draft;
};

struct sim_disk {
    struct sim_device *device;                 /* not owned */
    struct fault_disk *living, *other, *image; /* owned; the first is the one that is used */
    char names[3][32];
    int living_name;
    struct core *core; /* owned; NULL: off */
    uint32_t workflow;
    struct waiting waiting[WAITING_MAX];
    int waiting_count;
    bool is_put_back;
    struct outbox_batch batch; /* of the sender */
    struct sim_disk_mirror mirror;
};

/* --- disks ----------------------------------------------------------------------------------- */

struct sim_disk *sim_disk_create(struct sim_device *device) {
    struct sim_disk *disk = calloc(1, sizeof(*disk));
    if (disk == NULL) {
        abort();
    }
    disk->device = device;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(disk->names[i], sizeof(disk->names[i]), "device-%d-%d", device->number, i);
    }
    disk->living = fault_disk_create(disk->names[0]);
    disk->other = fault_disk_create(disk->names[1]);
    disk->image = fault_disk_create(disk->names[2]);
    if (disk->living == NULL || disk->other == NULL || disk->image == NULL) {
        abort();
    }
    fault_disk_clear(disk->living);
    fault_disk_drop_syncs(disk->living, device->world->bug == SIM_SYNCS_DROPPED);
    fault_disk_drop_syncs(disk->other, device->world->bug == SIM_SYNCS_DROPPED);
    buffer_init(&disk->batch.room, OUTBOX_BATCH_BYTES_MAX);
    sim_disk_mirror_init(&disk->mirror, device);
    return disk;
}

void sim_disk_destroy(struct sim_disk *disk) {
    if (disk != NULL) {
        sim_machine_use(disk->device);
        core_close(disk->core);
        sim_machine_use(NULL);
        fault_disk_destroy(disk->living);
        fault_disk_destroy(disk->other);
        fault_disk_destroy(disk->image);
        buffer_done(&disk->batch.room);
        sim_disk_mirror_done(&disk->mirror);
        free(disk);
    }
}

/* What a cut of `from` after so many calls leaves. */
static void build(struct fault_disk *to, const struct fault_disk *from, size_t place,
                  enum fault_cut cut, uint64_t seed) {
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(from));
    if (cutter == NULL || !fault_cutter_go(cutter, place) ||
        !fault_disk_build(to, from, cutter, cut, seed)) {
        abort();
    }
    fault_cutter_destroy(cutter);
}

static size_t place_of(const struct fault_disk *disk) {
    return fault_disk_log(disk)->count;
}

static void swap_disks(struct sim_disk *disk) {
    struct fault_disk *kept = disk->living;
    disk->living = disk->other;
    disk->other = kept;
    disk->living_name = 1 - disk->living_name;
}

bool sim_disk_is_open(const struct sim_disk *disk) {
    return disk->core != NULL;
}

/* A job that must not fail. */
static void run_one(struct sim_disk *disk, struct store_job *job) {
    struct store_job *batch[] = {job};
    sim_machine_use(disk->device);
    core_run(disk->core, batch, 1);
    core_idle(disk->core);
    sim_machine_use(NULL);
}

static void look(struct sim_disk *disk, enum sim_look how) {
    sim_machine_use(disk->device);
    sim_disk_mirror_read(&disk->mirror, core_database(disk->core), how);
    sim_machine_use(NULL);
}

void sim_disk_open(struct sim_disk *disk) {
    struct error err;
    struct store_opened opened;
    const int64_t lane_bytes = disk->device->world->shape.lane_bytes;
    const struct core_options options = {
        .folder = "store",
        .vfs = disk->names[disk->living_name],
        .wal_bytes = WAL_BYTES,
        .checkpoint_pages = CHECKPOINT_PAGES,
        .budget_bytes = (lane_bytes > LANES_BYTES_LEAST ? lane_bytes : LANES_BYTES_LEAST) * 8,
        .retry_ms = 1};
    fault_disk_begin_log(disk->living);
    sim_machine_use(disk->device);
    if (core_open(&options, &disk->core, &opened, &err) != STATUS_OK) {
        sim_breach(disk->device->world, "store", "device %d cannot open its store: %s",
                   disk->device->number, err.text);
        return;
    }
    if (opened.salvaged) {
        sim_breach(disk->device->world, "I1", "device %d salvages a store that only lost power",
                   disk->device->number);
    }
    struct store_job job = {.kind = STORE_WORKFLOW, .workflow_name = SLICE("triage")};
    run_one(disk, &job);
    disk->workflow = (uint32_t)job.out_number;
    look(disk, disk->is_put_back ? SIM_LOOK_PUT_BACK : SIM_LOOK_COMPARE);
    disk->is_put_back = false;
}

/* --- power, images --------------------------------------------------------------------------- */

static void run_waiting(struct sim_disk *disk);

void sim_disk_power_cut(struct sim_disk *disk) {
    struct sim_dice *dice = &disk->device->world->dice;
    const size_t before = place_of(disk->living);
    if (disk->waiting_count > 0 && sim_chance(dice, 700)) {
        run_waiting(disk);
    }
    disk->waiting_count = 0;
    const size_t place =
        (size_t)sim_between(dice, (int64_t)before, (int64_t)place_of(disk->living));
    sim_machine_use(disk->device);
    core_close(disk->core);
    sim_machine_use(NULL);
    disk->core = NULL;
    build(disk->other, disk->living, place, FAULT_CUT_RANDOM, sim_roll(dice));
    swap_disks(disk);
}

void sim_disk_make_image(struct sim_disk *disk) {
    build(disk->image, disk->living, place_of(disk->living), FAULT_CUT_ALL, 0);
}

void sim_disk_put_back(struct sim_disk *disk) {
    build(disk->living, disk->image, 0, FAULT_CUT_ALL, 0);
    disk->is_put_back = true;
}

void sim_disk_clone(struct sim_disk *disk, const struct sim_disk *from) {
    build(disk->living, from->living, place_of(from->living), FAULT_CUT_ALL, 0);
    disk->is_put_back = true;
}

/* --- the application ------------------------------------------------------------------------- */

void sim_disk_put(struct sim_disk *disk, enum lane lane, const struct sim_draft *draft,
                  uint32_t key) {
    struct sim_world *world = disk->device->world;
    struct waiting *waiting = &disk->waiting[disk->waiting_count++];
    *waiting = (struct waiting){.lane = lane,
                                .number = draft->number,
                                .draft = {.record = {.kind = RECORD_RESULT,
                                                     .priority = 3,
                                                     .time = draft->time,
                                                     .name = SLICE("verdict"),
                                                     .body = sim_record_body(&world->arena, draft)},
                                          .lane = lane,
                                          .keep_ms = KEEP_MS,
                                          .expires_ms = draft->number % 9 == 0 ? EXPIRES_MS : 0}};
    if (key != 0) {
        waiting->draft.key = arena_print(&world->arena, "key-%u", key);
    }
}

static void run_waiting(struct sim_disk *disk) {
    struct store_job jobs[WAITING_MAX];
    struct store_job *batch[WAITING_MAX];
    const struct id stream = core_stream(disk->core);
    for (int i = 0; i < disk->waiting_count; i++) {
        jobs[i] = (struct store_job){.kind = STORE_RUN_END,
                                     .workflow = disk->workflow,
                                     .records = &disk->waiting[i].draft,
                                     .record_count = 1,
                                     .drop_oldest = true};
        batch[i] = &jobs[i];
    }
    sim_machine_use(disk->device);
    core_run(disk->core, batch, disk->waiting_count);
    sim_machine_use(NULL);
    for (int i = 0; i < disk->waiting_count; i++) {
        struct sim_made *made = sim_made(disk->device->world, disk->waiting[i].number);
        made->refused = jobs[i].error.code != STATUS_OK;
        made->stream = stream;
        made->seq = disk->waiting[i].draft.out_seq;
    }
}

void sim_disk_commit(struct sim_disk *disk) {
    if (disk->waiting_count > 0) {
        run_waiting(disk);
    }
    disk->waiting_count = 0;
    sim_machine_use(disk->device);
    core_idle(disk->core);
    sim_machine_use(NULL);
    look(disk, SIM_LOOK_COMPARE);
}

void sim_disk_purge(struct sim_disk *disk) {
    struct store_job job = {.kind = STORE_PURGE};
    run_one(disk, &job);
    look(disk, SIM_LOOK_COMPARE);
}

void sim_disk_damage(struct sim_disk *disk, uint64_t pick) {
    static const char DAMAGE[] =
        "UPDATE record SET wall_ms = wall_ms + 1 WHERE last_seq IS NULL AND key ="
        " (SELECT number FROM stream WHERE id = ?1) << 43 | ?2 << 40 | ?3";
    struct error err;
    struct sim_stream *stream = sim_outbox_stream(&disk->device->box);
    const struct sim_lane *lane = &stream->lanes[pick % SYNC_LANES];
    if (lane->count == 0) {
        return;
    }
    const struct sim_row *row = &lane->rows[pick / SYNC_LANES % (uint64_t)lane->count];
    CLEANUP(query_done) struct query query = query_on(core_database(disk->core), DAMAGE);
    query_bind_bytes(&query, id_slice(&stream->id));
    query_bind_number(&query, (int64_t)(pick % SYNC_LANES));
    query_bind_number(&query, (int64_t)row->seq);
    if (query_run(&query, &err) != STATUS_OK) {
        sim_breach(disk->device->world, "store", "damage: %s", err.text);
    }
    look(disk, SIM_LOOK_COMPARE);
}

/* --- what the sender asks for ---------------------------------------------------------------- */

static void fill_stream(const struct outbox_facts *facts, const struct outbox_stream_facts *from,
                        struct sender_stream *to) {
    *to = (struct sender_stream){.hello = {.id = from->id, .current = from->current}};
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        const struct lane_facts *known = &from->lanes[lane];
        to->hello.lanes[lane] = (struct hello_lane){.lowest_kept = known->lowest_kept,
                                                    .highest_durable = known->highest_durable,
                                                    .acked_seq = known->acked_seq,
                                                    .anchored_seq = known->anchored_seq,
                                                    .acked_chain = known->acked_chain};
        to->bytes[lane] = known->bytes;
    }
    if (id_equal(from->id, facts->positions_of)) {
        to->hello.position_count = facts->position_count;
        for (int i = 0; i < facts->position_count; i++) {
            to->hello.positions[i] = (struct position){.lane = facts->positions[i].lane,
                                                       .seq = facts->positions[i].seq,
                                                       .chain = facts->positions[i].chain};
        }
    }
}

int sim_disk_peek(struct sim_disk *disk, const struct sender_action *action,
                  struct sender_stream *out_streams) {
    struct outbox_facts *facts = &disk->mirror.facts;
    struct error err;
    facts->positions_of = action->stream;
    facts->position_count = action->position_count;
    for (int i = 0; i < action->position_count; i++) {
        facts->positions[i] = (struct outbox_position){.lane = action->positions[i].lane,
                                                       .seq = action->positions[i].seq};
    }
    if (outbox_reader_peek(core_database(disk->core), facts, &err) != STATUS_OK) {
        sim_breach(disk->device->world, "store", "peek: %s", err.text);
        return 0;
    }
    for (int i = 0; i < facts->stream_count; i++) {
        fill_stream(facts, &facts->streams[i], &out_streams[i]);
    }
    return facts->stream_count;
}

static void fill_batch(struct sim_disk *disk, struct sim_batch *out_batch) {
    const struct outbox_batch *batch = &disk->batch;
    disk->device->world->met[SIM_MET_PURGED] +=
        batch->count == 1 && batch->items[0].is_gap && id_is_zero(batch->chain_in) ? 1 : 0;
    out_batch->batch =
        (struct sender_batch){.items = out_batch->items, .chain_in = batch->chain_in};
    for (int i = 0; i < batch->count && i < SIM_BATCH_MAX; i++) {
        const struct outbox_item *item = &batch->items[i];
        out_batch->items[i] = (struct frame_item){
            .seq = item->seq,
            .last_seq = item->last_seq,
            .record = slice_part(buffer_slice(&batch->room), item->from, item->to),
            .first_id = item->first_id,
            .chain = item->chain,
            .is_gap = item->is_gap};
        out_batch->batch.count++;
    }
}

status sim_disk_read(struct sim_disk *disk, const struct sender_action *action,
                     struct sim_batch *out_batch) {
    struct error err;
    const struct seq_range range = {.from = action->first, .to = action->last};
    disk->batch.room.count_max = action->bytes_max;
    sim_machine_use(disk->device);
    status code = outbox_reader_read(core_database(disk->core), action->stream, action->lane, range,
                                     &disk->batch, &err);
    if (code == STATUS_FULL) {
        disk->batch.room.count_max = OUTBOX_BATCH_BYTES_MAX;
        code = outbox_reader_read(core_database(disk->core), action->stream, action->lane, range,
                                  &disk->batch, &err);
    }
    sim_machine_use(NULL);
    fill_batch(disk, out_batch);
    if (code == STATUS_OK && out_batch->batch.count > 0 &&
        id_equal(action->stream, core_stream(disk->core))) {
        core_note_sent(disk->core, action->lane,
                       out_batch->items[out_batch->batch.count - 1].last_seq);
    }
    return code == STATUS_OK && out_batch->batch.count == 0 ? STATUS_NOT_FOUND : code;
}

status sim_disk_acknowledge(struct sim_disk *disk, const struct sender_action *action) {
    struct store_job job = {.kind = STORE_ACKNOWLEDGE,
                            .stream = action->stream,
                            .lane = action->lane,
                            .seq = action->last,
                            .chain = action->chain,
                            .anchored_seq = action->anchored};
    run_one(disk, &job);
    if (job.error.code != STATUS_OK) {
        sim_breach(disk->device->world, "I5", "device %d refuses an acknowledgement: %s",
                   disk->device->number, job.error.text);
    }
    look(disk, SIM_LOOK_COMPARE);
    return job.error.code;
}

status sim_disk_mend(struct sim_disk *disk, const struct sender_action *action) {
    struct store_job job = {.kind = STORE_GAP,
                            .stream = action->stream,
                            .lane = action->lane,
                            .seq = action->first,
                            .gap_reason = action->reason};
    if (action->reason == GAP_DAMAGED) {
        sim_machine_use(disk->device);
        core_mend_found(disk->core, false);
        sim_machine_use(NULL);
    } else {
        run_one(disk, &job);
    }
    look(disk, SIM_LOOK_COMPARE);
    return job.error.code;
}

status sim_disk_renumber(struct sim_disk *disk, const struct sender_action *action) {
    struct store_job job = {
        .kind = STORE_RENUMBER, .stream = action->stream, .after = action->after};
    run_one(disk, &job);
    look(disk, SIM_LOOK_COMPARE);
    return job.error.code;
}
