// SPDX-License-Identifier: Apache-2.0
#include "sim_device.h"

#include <stdlib.h>
#include <string.h>

#include "sim_disk.h"
#include "sim_trouble.h"
#include "sim_world.h"
#include "sync/report.h"

enum { LATE_US = 20000000, COMMIT_US = 12000, STORE_US = 3000 };
enum { ACTIONS_MAX = 20000, BOOT_MS = 5000, ZSTD_LEVEL = 1, OFFER_SHARE = 20 };

static const int64_t WALL_MS = INT64_C(1800000000000);

struct sim_device *sim_device_create(struct sim_world *world, int number, int owner) {
    struct sim_device *device = calloc(1, sizeof(*device));
    if (device == NULL) {
        abort();
    }
    device->world = world;
    device->number = number;
    device->owner = owner;
    device->offers = world->dice;
    (void)sim_roll(&device->offers);
    sim_link_init(&device->link, device);
    sim_outbox_init(&device->box, world, number);
    if (world->on_disk) {
        device->disk = device->box.disk = sim_disk_create(device);
    }
    return device;
}

void sim_device_destroy(struct sim_device *device) {
    sender_destroy(device->sender);
    sim_link_done(&device->link);
    sim_outbox_done(&device->box);
    sim_outbox_done(&device->image);
    sim_disk_destroy(device->disk);
    free(device);
}

static void note(struct sim_device *device, const char *text, uint64_t a, uint64_t b, uint64_t c,
                 uint64_t d) {
    sim_world_note(device->world, device->number, text, (uint64_t[]){a, b, c, d});
}

static int64_t now_ms(const struct sim_device *device) {
    return BOOT_MS + (device->world->events.now_us - device->booted_us) / 1000;
}

struct moment sim_device_moment(const struct sim_device *device) {
    const int64_t wall_ms = WALL_MS + device->wall_offset_ms + device->world->events.now_us / 1000;
    return (struct moment){.wall_ms = wall_ms > 0 ? wall_ms : 0,
                           .boot_ns = now_ms(device) * 1000000,
                           .quality = CLOCK_BAD};
}

/* Everything that the sender is told or asked goes through here, so that its memory is counted. */
#define WITH_SENDER(device, call)                                                                  \
    do {                                                                                           \
        struct sim_account *counted = sim_account_begin(&(device)->account);                       \
        call;                                                                                      \
        sim_account_end(&counted);                                                                 \
    } while (0)

/* --- life and death -------------------------------------------------------------------------- */

void sim_device_boot(struct sim_device *device) {
    struct error err;
    const struct sender_options options = {.seed = sim_roll(&device->world->dice),
                                           .level = ZSTD_LEVEL};
    device->is_alive = true;
    device->booted_us = device->world->events.now_us;
    device->boot = sim_id(&device->world->dice);
    if (device->disk != NULL) {
        sim_disk_open(device->disk);
    }
    device->account = (struct sim_account){.bytes = 0};
    status code = STATUS_OK;
    WITH_SENDER(device, code = sender_create(&options, &device->sender, &err));
    if (code != STATUS_OK) {
        abort();
    }
    note(device, "boots", 0, 0, 0, 0);
    sim_device_turn(device);
}

void sim_device_power_cut(struct sim_device *device) {
    if (!device->is_alive) {
        return;
    }
    device->world->met[SIM_MET_UNCOMMITTED] += (uint64_t)device->pending_count;
    note(device, "power cut, # records not committed", (uint64_t)device->pending_count, 0, 0, 0);
    device->is_alive = false;
    device->life++;
    sim_link_break(&device->link);
    device->link.serial = 0;
    sender_destroy(device->sender);
    device->sender = NULL;
    device->pending_count = 0;
    device->is_committing = false;
    device->asked.act = SENDER_NOTHING;
    device->untaken_bytes = 0;
    device->is_reporting = false;
    sim_outbox_power_cut(&device->box);
}

void sim_device_make_image(struct sim_device *device) {
    sim_outbox_done(&device->image);
    if (device->disk != NULL) {
        sim_disk_make_image(device->disk);
    } else {
        sim_outbox_copy(&device->image, &device->box, device->number);
    }
    device->has_image = true;
    note(device, "an image is made", 0, 0, 0, 0);
}

void sim_device_put_back(struct sim_device *device) {
    struct sim_outbox old = device->box;
    note(device, "is put back to its image", 0, 0, 0, 0);
    device->has_kin = true;
    if (device->disk != NULL) {
        sim_disk_put_back(device->disk);
        return;
    }
    sim_outbox_copy(&device->box, &device->image, device->number);
    sim_judge_put_back(device->world, &old, &device->box);
    sim_outbox_done(&old);
}

bool sim_device_is_foreign(const struct sim_device *device, struct id stream) {
    const struct sim_shelf_stream *found = sim_shelf_find(&device->world->hub.shelf, stream);
    return found != NULL && found->owner != device->owner;
}

/* It may be sending again what a hub that was set back has lost: that is marked already. */
static bool is_busy(const struct sim_device *device) {
    struct sender_facts facts;
    sender_facts(device->sender, &facts);
    return strcmp(facts.state, "greeting") == 0 || strcmp(facts.state, "sending") == 0;
}

bool sim_device_is_drained(const struct sim_device *device) {
    if (!device->is_alive || device->pending_count > 0 || is_busy(device)) {
        return false;
    }
    for (int i = 0; i < device->box.stream_count; i++) {
        const bool foreign = sim_device_is_foreign(device, device->box.streams[i]->id);
        for (int lane = 0; lane < SYNC_LANES && !foreign; lane++) {
            const struct sim_lane *in = &device->box.streams[i]->lanes[lane];
            if (in->acked_seq < in->durable_seq) {
                return false;
            }
        }
    }
    return true;
}

/* --- the application ------------------------------------------------------------------------- */

/* Two round trips, a frame, and what the sim's own waits and commits add. */
static int64_t bound_of(const struct sim_device *device) {
    const struct sim_link *link = &device->link;
    return 2 * (2 * (link->delay_us + link->delay_us / 8)) +
           INT64_C(3) * FRAME_BYTES_MAX * 1000000 / link->bytes_per_s +
           4 * device->world->hub.sync_us + 30000;
}

/* Nothing else is urgent: what waits for itself says nothing of what it waits behind. */
static bool is_alone(struct sim_device *device) {
    const struct sim_lane *lanes = sim_outbox_stream(&device->box)->lanes;
    uint64_t waiting = 0;
    for (int lane = LANE_CONTROL; lane <= LANE_URGENT; lane++) {
        waiting += lanes[lane].durable_seq - lanes[lane].acked_seq;
    }
    return waiting == 1;
}

/* A planted bug that closes a connection is late, too: only one of them is to be found by that. */
static bool is_timed(const struct sim_world *world) {
    return world->shape.is_timed && (world->bug == SIM_NO_BUG || world->bug == SIM_URGENT_WAITS);
}

static void time_record(struct sim_device *device, struct sim_made *made) {
    struct sender_facts facts;
    struct sim_made *timed = sim_made(device->world, device->timed);
    if (made->lane == LANE_CONTROL && timed != NULL && !timed->held) {
        timed->durable_us = 0; /* it must wait for this one, which goes first */
    }
    sender_facts(device->sender, &facts);
    if (is_timed(device->world) && made->lane <= LANE_URGENT && is_alone(device) &&
        facts.connected &&
        (strcmp(facts.state, "idle") == 0 || strcmp(facts.state, "sending") == 0)) {
        made->durable_us = device->world->events.now_us;
        made->bound_us = bound_of(device);
        device->timed = (uint64_t)(made - device->world->judge.made) + 1;
    }
}

static void tell_sender(struct sim_device *device, enum lane lane) {
    const struct sim_lane *in = &sim_outbox_stream(&device->box)->lanes[lane];
    if (in->count > 0) {
        const struct sim_row *row = &in->rows[in->count - 1];
        WITH_SENDER(device,
                    sender_note(device->sender, lane, row->last_seq, (int64_t)row->bytes.count));
    }
}

static void tell_late(void *owner, uint64_t life) {
    struct sim_device *device = owner;
    if (life == device->life && device->is_alive) {
        tell_sender(device, LANE_CONTROL);
        tell_sender(device, LANE_URGENT);
        sim_device_turn(device);
    }
}

static void committed(void *owner, uint64_t life) {
    struct sim_device *device = owner;
    if (life != device->life) {
        return;
    }
    device->is_committing = false;
    sim_outbox_commit(&device->box);
    for (int i = 0; i < device->pending_count; i++) {
        struct sim_made *made = sim_made(device->world, device->pending[i]);
        if (made->refused) {
            continue;
        }
        made->promised = true;
        time_record(device, made);
        if (device->world->bug == SIM_URGENT_WAITS && made->lane <= LANE_URGENT) {
            sim_after(&device->world->events, LATE_US, tell_late, device, life);
        } else {
            tell_sender(device, made->lane);
        }
    }
    note(device, "# records are durable", (uint64_t)device->pending_count, 0, 0, 0);
    device->pending_count = 0;
    sim_device_turn(device);
}

static size_t some_fill(struct sim_world *world) {
    const uint32_t most = sim_chance(&world->dice, world->shape.large_share) ? 30000 : 160;
    return sim_below(&world->dice, most);
}

static void produce_one(struct sim_device *device) {
    static const enum lane LANES[] = {LANE_CONTROL, LANE_URGENT, LANE_URGENT,    LANE_HIGH,
                                      LANE_NORMAL,  LANE_NORMAL, LANE_NORMAL,    LANE_LOW,
                                      LANE_LOW,     LANE_BULK,   LANE_TELEMETRY, LANE_TELEMETRY};
    struct sim_world *world = device->world;
    struct sim_dice *dice = &world->dice;
    struct sim_made made = {.device = device->number,
                            .lane = LANES[sim_below(dice, 12)],
                            .fill_bytes = some_fill(world)};
    if (sim_chance(dice, world->shape.odd_share) && device->disk == NULL) {
        made.kind = sim_chance(dice, 500) ? SIM_STRANGER : SIM_POISON;
    }
    const uint32_t key = made.kind == SIM_RESULT && sim_chance(dice, world->shape.key_share)
                             ? 1 + sim_below(dice, 4)
                             : 0;
    if (!sim_outbox_make_room(&device->box, made.lane, (int64_t)made.fill_bytes + 128)) {
        note(device, "lane # is full", made.lane, 0, 0, 0);
        return;
    }
    const struct sim_draft draft = {.number = sim_judge_made(world, &made),
                                    .fill_bytes = made.fill_bytes,
                                    .kind = made.kind,
                                    .time = sim_device_moment(device),
                                    .boot = device->boot};
    device->pending[device->pending_count++] = draft.number;
    if (world->bug != SIM_PROMISE_LOST || draft.number % 16 != 3) {
        sim_outbox_put(&device->box, made.lane, &draft, key);
    }
    if (world->bug == SIM_UNCOMMITTED_READ) {
        tell_sender(device, made.lane);
    }
}

void sim_device_produce(struct sim_device *device, int count) {
    for (int i = 0; i < count && device->pending_count < SIM_PENDING_MAX; i++) {
        produce_one(device);
    }
    if (!device->is_committing && device->pending_count > 0) {
        device->is_committing = true;
        sim_trouble_soon(device, COMMIT_US);
        sim_after(&device->world->events, sim_between(&device->world->dice, 500, COMMIT_US),
                  committed, device, device->life);
    }
    if (device->world->bug == SIM_UNCOMMITTED_READ) {
        sim_device_turn(device);
    }
}

void sim_device_purge(struct sim_device *device, uint64_t pick) {
    const uint64_t rounds = device->disk != NULL ? 1 : 64;
    note(device, "purges", 0, 0, 0, 0);
    for (uint64_t i = 0; i < rounds; i++) {
        sim_outbox_purge(&device->box, pick + 65 * i);
    }
    sim_device_turn(device);
}

/* --- what the sender asks the store for ------------------------------------------------------ */

static void store_answers(void *owner, uint64_t life) {
    struct sim_device *device = owner;
    const struct sender_action asked = device->asked;
    if (life != device->life) {
        return;
    }
    device->asked.act = SENDER_NOTHING;
    if (asked.act == SENDER_READ) {
        const status code = sim_outbox_read(&device->box, &asked, &device->batch);
        note(device, "reads lane # from #: # items, status #", asked.lane, asked.first,
             (uint64_t)device->batch.batch.count, code);
        WITH_SENDER(device,
                    sender_read(device->sender, &device->batch.batch, code, now_ms(device)));
    } else if (asked.act == SENDER_MEND) {
        WITH_SENDER(device, sender_mended(device->sender, device->told, now_ms(device)));
    } else {
        WITH_SENDER(device, sender_renumbered(device->sender, device->told, now_ms(device)));
    }
    sim_device_turn(device);
}

static void ask_store(struct sim_device *device, const struct sender_action *action) {
    if (device->asked.act != SENDER_NOTHING) {
        sim_breach(device->world, "I16", "device %d is asked for a second thing of the store",
                   device->number);
        return;
    }
    device->asked = *action;
    device->asked.bytes = (struct slice){0};
    device->asked.positions = NULL;
    if (action->act == SENDER_MEND) {
        device->told = sim_outbox_mend(&device->box, action);
        device->world->met[SIM_MET_MENDED]++;
        note(device, "mends # of lane #: status #", action->first, action->lane, device->told, 0);
    } else if (action->act == SENDER_RENUMBER) {
        device->told = sim_outbox_renumber(&device->box, action);
        device->world->met[SIM_MET_RENUMBERED]++;
        note(device, "renumbers stream # behind # of lane 3: status #", action->stream.bytes[0],
             action->after[LANE_NORMAL], device->told, 0);
    }
    sim_trouble_soon(device, STORE_US);
    sim_after(&device->world->events, sim_between(&device->world->dice, 50, STORE_US),
              store_answers, device, device->life);
}

static void peek(struct sim_device *device, const struct sender_action *action) {
    struct sender_stream *streams = device->world->streams;
    const int count = sim_outbox_peek(&device->box, action, streams);
    note(device, "looks at # streams, # positions", (uint64_t)count,
         (uint64_t)action->position_count, 0, 0);
    WITH_SENDER(device, sender_peeked(device->sender, streams, count, STATUS_OK, now_ms(device)));
}

static void acknowledge(struct sim_device *device, const struct sender_action *action) {
    const status code = sim_outbox_acknowledge(&device->box, action);
    sim_trouble_soon(device, COMMIT_US);
    note(device, "lane # is held up to #: status #", action->lane, action->last, code, 0);
}

/* --- and the link ---------------------------------------------------------------------------- */

static void hello(struct sim_device *device, struct slice bytes) {
    note(device, "says hello in # bytes", bytes.count, 0, 0, 0);
    sim_link_begin(&device->link, SLICE(SIM_HELLO_PATH));
    sim_link_bytes(&device->link, bytes);
    sim_link_end(&device->link);
}

static void put_begin(struct sim_device *device, const struct sender_action *action) {
    CLEANUP(buffer_done) struct buffer path;
    buffer_init(&path, 256);
    stream_path_write(&path, action->stream, action->lane, action->first);
    note(device, "begins to send lane # from #", action->lane, action->first, 0, 0);
    device->body_bytes = 0;
    device->sending = action->lane;
    device->untaken_bytes = 0;
    sim_link_begin(&device->link, buffer_slice(&path));
}

/* Whether a body ends while its lane has more and an urgent one has something. */
static bool makes_way(struct sim_device *device) {
    const struct sim_lane *lanes = sim_outbox_stream(&device->box)->lanes;
    return device->sending > LANE_URGENT &&
           lanes[device->sending].sent_seq < lanes[device->sending].durable_seq &&
           (lanes[LANE_CONTROL].acked_seq < lanes[LANE_CONTROL].durable_seq ||
            lanes[LANE_URGENT].acked_seq < lanes[LANE_URGENT].durable_seq);
}

static void put_body(struct sim_device *device, struct slice bytes) {
    const int64_t grant = device->world->hub.grant_bytes;
    note(device, "sends a frame of # bytes", bytes.count, 0, 0, 0);
    if (bytes.count > FRAME_WIRE_BYTES_MAX || device->untaken_bytes > 0) {
        sim_breach(device->world, "I16", "device %d sends %zu bytes while %zu wait for the link",
                   device->number, bytes.count, device->untaken_bytes);
    }
    if (device->body_bytes > 0 && (int64_t)(device->body_bytes + bytes.count) > grant) {
        sim_breach(device->world, "I16", "device %d sends %zu bytes, granted are %lld",
                   device->number, device->body_bytes + bytes.count, (long long)grant);
    }
    device->body_bytes += bytes.count;
    device->untaken_bytes += bytes.count;
    sim_link_bytes(&device->link, bytes);
}

/* --- the turn -------------------------------------------------------------------------------- */

static void wake(void *owner, uint64_t life) {
    struct sim_device *device = owner;
    if (life == device->life && device->wake_ms != 0 && now_ms(device) >= device->wake_ms) {
        device->wake_ms = 0;
        sim_device_turn(device);
    }
}

static void plan_wake(struct sim_device *device, int64_t wake_ms) {
    if (wake_ms == 0 || wake_ms == device->wake_ms) {
        device->wake_ms = wake_ms;
        return;
    }
    const int64_t at_us = device->booted_us + (wake_ms - BOOT_MS) * 1000;
    const int64_t now_us = device->world->events.now_us;
    device->wake_ms = wake_ms;
    sim_after(&device->world->events, at_us > now_us ? at_us - now_us : 0, wake, device,
              device->life);
}

/* Now and then a device has something to say of itself; whether it arrives matters to nobody, and
 * records must not mind. */
static void offer(struct sim_device *device) {
    struct sim_dice *dice = &device->offers;
    if (device->is_reporting || !sim_chance(dice, OFFER_SHARE)) {
        return;
    }
    const struct sender_offer said = {.bytes = sim_between(dice, 1, REPORT_BYTES_MAX),
                                      .due_ms = now_ms(device) + sim_below(dice, 2000),
                                      .bulk = sim_chance(dice, 300)};
    device->report_bytes = (size_t)said.bytes;
    sender_offer(device->sender, &said);
}

static void report(struct sim_device *device) {
    static const char TEXT[REPORT_BYTES_MAX];
    note(device, "says # bytes of itself", device->report_bytes, 0, 0, 0);
    device->is_reporting = true;
    sim_link_begin(&device->link, SLICE(SIM_REPORT_PATH));
    sim_link_bytes(&device->link, (struct slice){.bytes = TEXT, .count = device->report_bytes});
    sim_link_end(&device->link);
}

static void act(struct sim_device *device, const struct sender_action *action) {
    switch (action->act) {
    case SENDER_CONNECT:
        note(device, "connects", 0, 0, 0, 0);
        sim_link_connect(&device->link);
        break;
    case SENDER_CLOSE:
        note(device, "closes", 0, 0, 0, 0);
        device->is_reporting = false;
        sim_link_close(&device->link);
        break;
    case SENDER_PEEK:
        peek(device, action);
        break;
    case SENDER_HELLO:
        hello(device, action->bytes);
        break;
    case SENDER_READ:
    case SENDER_MEND:
    case SENDER_RENUMBER:
        ask_store(device, action);
        break;
    case SENDER_PUT_BEGIN:
        put_begin(device, action);
        break;
    case SENDER_PUT_BODY:
        put_body(device, action->bytes);
        break;
    case SENDER_PUT_END:
        device->world->met[SIM_MET_YIELD] += makes_way(device) ? 1 : 0;
        sim_link_end(&device->link);
        break;
    case SENDER_REPORT:
        report(device);
        break;
    case SENDER_ACKNOWLEDGE:
        acknowledge(device, action);
        break;
    case SENDER_ALARM:
        note(device, "a person must hear # bytes", action->bytes.count, 0, 0, 0);
        break;
    case SENDER_TIME:
    case SENDER_NOTHING:
    default:
        break;
    }
}

/* A real store writes records of its own as well. */
static void tell_news(struct sim_device *device) {
    for (int lane = 0; device->disk != NULL && lane < SYNC_LANES; lane++) {
        const uint64_t seq = sim_outbox_stream(&device->box)->lanes[lane].durable_seq;
        if (seq > device->told_seq[lane]) {
            tell_sender(device, (enum lane)lane);
        }
        device->told_seq[lane] = seq;
    }
}

void sim_device_turn(struct sim_device *device) {
    struct error err;
    if (!device->is_alive) {
        return;
    }
    tell_news(device);
    offer(device);
    for (int i = 0; i < ACTIONS_MAX; i++) {
        const struct sender_now now = {
            .now_ms = now_ms(device), .time = sim_device_moment(device), .boot = device->boot};
        struct sender_action action = {.act = SENDER_NOTHING};
        status code = STATUS_OK;
        WITH_SENDER(device, code = sender_next(device->sender, &now, &action, &err));
        if (code != STATUS_OK) {
            sim_breach(device->world, "sender", "%s", err.text);
            return;
        }
        if (action.act == SENDER_NOTHING) {
            plan_wake(device, action.wake_ms);
            return;
        }
        act(device, &action);
        sim_judge_memory(device->world, device->number, device->account.bytes);
        if (device->world->judge.invariant != NULL) {
            return;
        }
    }
    sim_breach(device->world, "sender", "device %d is told to do something without end",
               device->number);
}

/* --- what the link tells --------------------------------------------------------------------- */

void sim_device_connected(struct sim_device *device) {
    note(device, "is connected", 0, 0, 0, 0);
    WITH_SENDER(device, sender_connected(device->sender, now_ms(device)));
    sim_device_turn(device);
}

void sim_device_lost(struct sim_device *device) {
    note(device, "lost its connection", 0, 0, 0, 0);
    device->is_reporting = false;
    WITH_SENDER(device, sender_lost(device->sender, now_ms(device)));
    sim_device_turn(device);
}

void sim_device_taken(struct sim_device *device, size_t bytes) {
    device->untaken_bytes -= bytes < device->untaken_bytes ? bytes : device->untaken_bytes;
    WITH_SENDER(device, sender_taken(device->sender, bytes, now_ms(device)));
    sim_device_turn(device);
}

void sim_device_answered(struct sim_device *device, int code, int64_t retry_after_ms,
                         struct slice body) {
    note(device, "is answered #", (uint64_t)code, 0, 0, 0);
    device->is_reporting = false;
    WITH_SENDER(device,
                sender_answered(device->sender, code, retry_after_ms, body, now_ms(device)));
    sim_device_turn(device);
}
