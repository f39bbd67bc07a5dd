// SPDX-License-Identifier: Apache-2.0
#include "sim_hub_disk.h"

#include <stdlib.h>
#include <string.h>

#include "hub/lanes.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/database_faults.h"
#include "sim_machine.h"
#include "sim_world.h"

static const char *const NAMES[] = {"hub-0", "hub-1", "hub-2"};

struct sim_hub_disk {
    struct sim_world *world;                    /* not owned */
    struct fault_disk *living, *other, *backup; /* owned */
    int living_name;
    struct hub_session *session; /* owned, as is the next */
    struct lanes *lanes;
    size_t before; /* place in the log when the transaction began */
    bool is_open;  /* a transaction */
    bool has_backup;
};

static void must(struct sim_hub_disk *disk, status code, const struct error *err,
                 const char *what) {
    if (code != STATUS_OK) {
        sim_breach(disk->world, "hub", "%s: %s", what, err->text);
    }
}

static struct id device_of(int device) {
    return (struct id){{(uint8_t)(1 + device)}};
}

/* --- opening --------------------------------------------------------------------------------- */

static void open_store(struct sim_hub_disk *disk) {
    struct error err;
    sim_machine_use_hub(disk->world, NAMES[disk->living_name]);
    fault_disk_begin_log(disk->living);
    must(disk, hub_store_sqlite_open("hub.db", &disk->session, &err), &err, "open the hub's store");
    if (disk->session == NULL || lanes_create(disk->session, &disk->lanes, &err) != STATUS_OK) {
        abort();
    }
    sim_machine_use_hub(NULL, NULL);
}

static void close_store(struct sim_hub_disk *disk) {
    sim_machine_use_hub(disk->world, NAMES[disk->living_name]);
    lanes_destroy(disk->lanes);
    if (disk->session != NULL) {
        disk->session->kind->close(disk->session);
    }
    disk->lanes = NULL;
    disk->session = NULL;
    disk->is_open = false;
    sim_machine_use_hub(NULL, NULL);
}

struct sim_hub_disk *sim_hub_disk_create(struct sim_world *world) {
    struct sim_hub_disk *disk = calloc(1, sizeof(*disk));
    if (disk == NULL) {
        abort();
    }
    disk->world = world;
    disk->living = fault_disk_create(NAMES[0]);
    disk->other = fault_disk_create(NAMES[1]);
    disk->backup = fault_disk_create(NAMES[2]);
    if (disk->living == NULL || disk->other == NULL || disk->backup == NULL) {
        abort();
    }
    fault_disk_clear(disk->living);
    fault_disk_drop_syncs(disk->living, world->bug == SIM_HUB_SYNCS_DROPPED);
    fault_disk_drop_syncs(disk->other, world->bug == SIM_HUB_SYNCS_DROPPED);
    open_store(disk);
    return disk;
}

void sim_hub_disk_destroy(struct sim_hub_disk *disk) {
    if (disk != NULL) {
        close_store(disk);
        fault_disk_destroy(disk->living);
        fault_disk_destroy(disk->other);
        fault_disk_destroy(disk->backup);
        free(disk);
    }
}

/* --- transactions ---------------------------------------------------------------------------- */

void sim_hub_disk_begin(struct sim_hub_disk *disk) {
    struct error err;
    sim_machine_use_hub(disk->world, NULL);
    disk->before = fault_disk_log(disk->living)->count;
    disk->is_open = true;
    must(disk, disk->session->kind->begin(disk->session, &err), &err, "begin");
    sim_machine_use_hub(NULL, NULL);
}

void sim_hub_disk_commit(struct sim_hub_disk *disk) {
    struct error err;
    if (!disk->is_open) {
        return;
    }
    sim_machine_use_hub(disk->world, NULL);
    must(disk, lanes_save(disk->lanes, &err), &err, "save the lanes");
    must(disk, disk->session->kind->commit(disk->session, &err), &err, "commit");
    disk->session->kind->tidy(disk->session, false);
    disk->is_open = false;
    sim_machine_use_hub(NULL, NULL);
}

/* --- taking and greeting --------------------------------------------------------------------- */

static bool is_same(const struct answer_lane *a, const struct answer_lane *b) {
    return a->held.count == b->held.count && id_equal(a->chain, b->chain) &&
           memcmp(a->held.items, b->held.items, (size_t)a->held.count * sizeof(struct range)) == 0;
}

void sim_hub_disk_take(struct sim_hub_disk *disk, const struct sim_request *request,
                       struct slice frame, status code) {
    struct error err = {.text = ""};
    struct hub_stream stream;
    struct answer answer = {.code = SYNC_STORED};
    struct answer_lane shelf_lane;
    const struct lane_place place = {.stream = request->stream, .lane = request->lane};
    sim_machine_use_hub(disk->world, NULL);
    must(disk,
         disk->session->kind->claim(disk->session, request->stream, device_of(request->device),
                                    &stream, &err),
         &err, "claim");
    const status taken = lanes_take(disk->lanes, &place, frame, &answer, &err);
    must(disk, lanes_answer(disk->lanes, &place, &answer.lane, &err), &err, "answer");
    sim_machine_use_hub(NULL, NULL);
    const struct sim_shelf_stream *kept = sim_shelf_find(&disk->world->hub.shelf, request->stream);
    receiver_answer_lane(&kept->lanes[request->lane].cursor, &shelf_lane);
    if ((taken == STATUS_OK) != (code == STATUS_OK) || !is_same(&answer.lane, &shelf_lane)) {
        sim_breach(disk->world, "I6", "the real hub holds lane %d up to %llu, the other up to %llu",
                   (int)request->lane, (unsigned long long)ranges_highest(&answer.lane.held),
                   (unsigned long long)ranges_highest(&shelf_lane.held));
    }
}

void sim_hub_disk_claim(struct sim_hub_disk *disk, struct id stream, int device) {
    struct error err;
    struct hub_stream claimed;
    sim_machine_use_hub(disk->world, NULL);
    must(disk, disk->session->kind->claim(disk->session, stream, device_of(device), &claimed, &err),
         &err, "claim");
    sim_machine_use_hub(NULL, NULL);
}

void sim_hub_disk_rehearse(struct sim_hub_disk *disk, const struct sim_request *request,
                           struct slice frame) {
    struct error err = {.text = ""};
    struct hub_stream stream;
    struct answer answer = {.code = SYNC_STORED};
    const struct lane_place place = {.stream = request->stream, .lane = request->lane};
    sim_machine_use_hub(disk->world, NULL);
    must(disk,
         disk->session->kind->claim(disk->session, request->stream, device_of(request->device),
                                    &stream, &err),
         &err, "claim");
    const status taken = lanes_take(disk->lanes, &place, frame, &answer, &err);
    if (taken != STATUS_OK && taken != STATUS_INVALID) {
        must(disk, taken, &err, "rehearse");
    }
    disk->session->kind->rollback(disk->session);
    lanes_forget(disk->lanes);
    must(disk, disk->session->kind->begin(disk->session, &err), &err, "begin");
    sim_machine_use_hub(NULL, NULL);
}

void sim_hub_disk_greet(struct sim_hub_disk *disk, const struct sim_request *request,
                        const struct hello_stream *hello, const struct answer_stream *said) {
    struct error err;
    struct hub_stream stream = {0};
    struct answer_stream answer;
    bool same = true;
    sim_machine_use_hub(disk->world, NULL);
    must(disk,
         disk->session->kind->claim(disk->session, hello->id, device_of(request->device), &stream,
                                    &err),
         &err, "claim");
    must(disk, lanes_greet(disk->lanes, hello, 1, &answer, &err), &err, "greet");
    sim_machine_use_hub(NULL, NULL);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        same = same && is_same(&answer.lanes[lane], &said->lanes[lane]);
    }
    for (int i = 0; i < said->position_count; i++) {
        same = same && id_equal(answer.positions[i].chain, said->positions[i].chain);
    }
    if (!same || answer.verdict != said->verdict ||
        !id_equal(stream.device, device_of(request->device))) {
        sim_breach(disk->world, "I6", "the real hub answers a hello otherwise (verdicts %d and %d)",
                   (int)answer.verdict, (int)said->verdict);
    }
}

/* --- crashes --------------------------------------------------------------------------------- */

/* Which of the two a lane is, added to `counts`; neither is a breach. */
static void compare_lane(struct sim_hub_disk *disk, const struct sim_shelf_stream *stream,
                         enum lane number, int counts[2]) {
    struct error err = {.text = ""};
    struct hub_cursor cursor = {.stream = stream->id};
    struct answer_lane real;
    struct answer_lane shelf[2];
    const struct sim_shelf_lane *lane = &stream->lanes[number];
    const status code =
        disk->session->kind->load_cursor(disk->session, stream->id, number, &cursor, &err);
    if (code != STATUS_NOT_FOUND) {
        must(disk, code, &err, "load a cursor");
    }
    receiver_answer_lane(&cursor.lane_cursor, &real);
    receiver_answer_lane(&lane->committed, &shelf[0]);
    receiver_answer_lane(&lane->cursor, &shelf[1]);
    const bool is_before = is_same(&real, &shelf[0]);
    const bool is_after = is_same(&real, &shelf[1]);
    if (!is_before && !is_after) {
        sim_breach(disk->world, "I4", "after a crash lane %d holds up to %llu: before were %llu",
                   (int)number, (unsigned long long)ranges_highest(&real.held),
                   (unsigned long long)ranges_highest(&shelf[0].held));
    }
    counts[0] += is_before && !is_after ? 1 : 0;
    counts[1] += is_after && !is_before ? 1 : 0;
}

/* Whether it is claimed, which may be all that a transaction did. */
static void look_up(struct sim_hub_disk *disk, struct sim_shelf_stream *stream) {
    static const char CLAIMED[] = "SELECT 1 FROM stream WHERE id = ?1";
    CLEANUP(query_done)
    struct query query = query_on(hub_store_sqlite_database(disk->session), CLAIMED);
    query_bind_bytes(&query, id_slice(&stream->id));
    const bool stands = query_next(&query);
    if (stream->claimed_committed && !stands) {
        sim_breach(disk->world, "I4", "after a crash a stream is nobody's any more");
    }
    stream->claimed_committed = stands;
}

/* The cursors of a store say how many rows there must be. */
static void count_rows(struct sim_hub_disk *disk) {
    static const char ROWS[] =
        "SELECT (SELECT total(stored + gapped + quarantined) FROM cursor) -"
        " (SELECT count(*) FROM record WHERE last_seq IS NULL) -"
        " (SELECT total(last_seq - seq + 1) FROM record WHERE last_seq IS NOT NULL) -"
        " (SELECT total(last_seq - seq + 1) FROM quarantine)";
    struct error err;
    int64_t difference = 0;
    CLEANUP(query_done)
    struct query query = query_on(hub_store_sqlite_database(disk->session), ROWS);
    must(disk, query_one_number(&query, &difference, &err), &err, "count");
    if (difference != 0) {
        sim_breach(disk->world, "I4", "after a crash the cursors say %lld more than there is",
                   (long long)difference);
    }
}

static void build(struct fault_disk *to, const struct fault_disk *from, size_t place,
                  enum fault_cut cut, uint64_t seed) {
    struct fault_cutter *cutter = fault_cutter_create(fault_disk_log(from));
    if (cutter == NULL || !fault_cutter_go(cutter, place) ||
        !fault_disk_build(to, from, cutter, cut, seed)) {
        abort();
    }
    fault_cutter_destroy(cutter);
}

bool sim_hub_disk_crash(struct sim_hub_disk *disk, struct sim_shelf *shelf) {
    struct sim_dice *dice = &disk->world->dice;
    int counts[2] = {0};
    size_t place = fault_disk_log(disk->living)->count;
    if (disk->is_open && sim_chance(dice, 700)) {
        sim_hub_disk_commit(disk);
        place = (size_t)sim_between(dice, (int64_t)disk->before,
                                    (int64_t)fault_disk_log(disk->living)->count);
    }
    close_store(disk);
    build(disk->other, disk->living, place, FAULT_CUT_RANDOM, sim_roll(dice));
    struct fault_disk *kept = disk->living;
    disk->living = disk->other;
    disk->other = kept;
    disk->living_name = 1 - disk->living_name;
    open_store(disk);
    for (int i = 0; i < shelf->stream_count; i++) {
        look_up(disk, shelf->streams[i]);
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            compare_lane(disk, shelf->streams[i], (enum lane)lane, counts);
        }
    }
    if (counts[0] > 0 && counts[1] > 0) {
        sim_breach(disk->world, "I4", "a crash leaves a part of a transaction");
    }
    count_rows(disk);
    return counts[1] > 0;
}

/* --- backups --------------------------------------------------------------------------------- */

void sim_hub_disk_back_up(struct sim_hub_disk *disk) {
    build(disk->backup, disk->living, fault_disk_log(disk->living)->count, FAULT_CUT_ALL, 0);
    disk->has_backup = true;
}

void sim_hub_disk_put_back(struct sim_hub_disk *disk) {
    close_store(disk);
    if (disk->has_backup) {
        build(disk->living, disk->backup, 0, FAULT_CUT_ALL, 0);
    } else {
        fault_disk_clear(disk->living);
    }
    open_store(disk);
}

void sim_hub_disk_lose(struct sim_hub_disk *disk) {
    close_store(disk);
    fault_disk_clear(disk->living);
    disk->has_backup = false;
    open_store(disk);
}
