// SPDX-License-Identifier: Apache-2.0
#include "sim_link.h"

#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

enum { SENT_BYTES_MAX = 16 << 20, REPLAY_US_MAX = 40000000, HEARD_US_MAX = 3000000 };

enum what { BEGINS, BYTES, ENDS, CUT, TAKEN, ANSWERED, CONNECTED, LOST };

/* Something on its way; in the world's arena. */
struct piece {
    struct sim_link *link;
    enum what what;
    uint64_t serial;
    struct slice bytes, path;
    size_t count; /* TAKEN */
    int code;
    int64_t retry_after_ms;
};

static void arrive(void *owner, uint64_t unused);

void sim_link_init(struct sim_link *link, struct sim_device *device) {
    *link = (struct sim_link){.device = device, .cut_after = -1};
    buffer_init(&link->sent, SENT_BYTES_MAX);
}

void sim_link_done(struct sim_link *link) {
    buffer_done(&link->sent);
}

static struct sim_world *world_of(const struct sim_link *link) {
    return link->device->world;
}

static int64_t now_of(const struct sim_link *link) {
    return world_of(link)->events.now_us;
}

static int64_t some_delay(struct sim_link *link) {
    return link->delay_us + sim_between(&world_of(link)->dice, 0, link->delay_us / 8);
}

static struct piece *piece_of(struct sim_link *link, enum what what, struct slice bytes) {
    struct piece *piece = arena_get(&world_of(link)->arena, 1, sizeof(*piece));
    if (piece == NULL) {
        abort();
    }
    *piece = (struct piece){.link = link,
                            .what = what,
                            .serial = link->serial,
                            .bytes = arena_copy(&world_of(link)->arena, bytes)};
    return piece;
}

/* At `at_us` on the device's side of the way up, or behind what went before. */
static void send_up(struct sim_link *link, struct piece *piece, int64_t at_us) {
    const int64_t due_us = at_us + some_delay(link);
    link->arrived_up_us = due_us > link->arrived_up_us ? due_us : link->arrived_up_us;
    sim_after(&world_of(link)->events, link->arrived_up_us - now_of(link), arrive, piece, 0);
}

static void send_down(struct sim_link *link, struct piece *piece, int64_t delay_us) {
    const int64_t due_us = now_of(link) + delay_us;
    link->arrived_down_us = due_us > link->arrived_down_us ? due_us : link->arrived_down_us;
    sim_after(&world_of(link)->events, link->arrived_down_us - now_of(link), arrive, piece, 0);
}

/* --- connections ----------------------------------------------------------------------------- */

void sim_link_connect(struct sim_link *link) {
    struct sim_world *world = world_of(link);
    link->serial = ++world->serials;
    link->is_silent = false;
    link->is_up = false;
    link->free_us = now_of(link);
    if (now_of(link) < link->away_until_us || world->hub.is_down) {
        send_down(link, piece_of(link, LOST, SLICE("")),
                  sim_between(&world->dice, 1000, HEARD_US_MAX));
        return;
    }
    link->is_up = true;
    send_down(link, piece_of(link, CONNECTED, SLICE("")), 4 * some_delay(link));
}

static void forget(struct sim_link *link) {
    link->serial = 0;
    link->is_up = false;
    link->cut_after = -1;
}

void sim_link_close(struct sim_link *link) {
    if (link->serial != 0 && link->is_up && !link->is_silent) {
        send_up(link, piece_of(link, CUT, SLICE("")), now_of(link));
    }
    forget(link);
}

void sim_link_break(struct sim_link *link) {
    if (link->serial == 0 || !link->is_up) {
        return;
    }
    if (!link->is_silent) {
        send_up(link, piece_of(link, CUT, SLICE("")), now_of(link));
        send_down(link, piece_of(link, LOST, SLICE("")),
                  sim_between(&world_of(link)->dice, 0, HEARD_US_MAX));
    }
    link->is_up = false;
}

/* --- requests -------------------------------------------------------------------------------- */

static int64_t some_cut(struct sim_dice *dice) {
    static const int64_t MOST[] = {64, 400, 4000, 60000, 300000};
    return sim_between(dice, 0, MOST[sim_below(dice, 5)]);
}

void sim_link_begin(struct sim_link *link, struct slice path) {
    struct sim_world *world = world_of(link);
    link->path = arena_copy(&world->arena, path);
    buffer_clear(&link->sent);
    link->cut_after = sim_chance(&world->dice, world->flaws.cut) ? some_cut(&world->dice) : -1;
    if (sim_chance(&world->dice, world->flaws.silence)) {
        link->is_silent = true;
    }
    if (link->is_up && !link->is_silent) {
        send_up(link, piece_of(link, BEGINS, path), link->free_us);
    }
}

static void flip(struct sim_link *link, struct piece *piece) {
    struct sim_dice *dice = &world_of(link)->dice;
    char *bytes = arena_get(&world_of(link)->arena, piece->bytes.count, 1);
    (void)memcpy(bytes, piece->bytes.bytes, piece->bytes.count);
    bytes[sim_below(dice, (uint32_t)piece->bytes.count)] ^= (char)(1 << sim_below(dice, 7));
    piece->bytes.bytes = bytes;
}

/* The bytes that still go before the connection is cut. */
static struct slice before_cut(struct sim_link *link, struct slice bytes) {
    if (link->cut_after < 0 || (int64_t)bytes.count < link->cut_after) {
        link->cut_after -= link->cut_after < 0 ? 0 : (int64_t)bytes.count;
        return bytes;
    }
    const struct slice part = slice_part(bytes, 0, (size_t)link->cut_after);
    link->cut_after = -2;
    return part;
}

void sim_link_bytes(struct sim_link *link, struct slice bytes) {
    struct sim_world *world = world_of(link);
    if (!link->is_up) {
        return;
    }
    buffer_add(&link->sent, bytes);
    const int64_t from_us = link->free_us > now_of(link) ? link->free_us : now_of(link);
    link->free_us = from_us + (int64_t)bytes.count * 1000000 / link->bytes_per_s;
    struct piece *piece = piece_of(link, BYTES, before_cut(link, bytes));
    if (piece->bytes.count > 0 && !slice_is(link->path, SIM_HELLO_PATH) &&
        sim_chance(&world->dice, world->flaws.flip)) {
        flip(link, piece);
    }
    if (!link->is_silent) {
        send_up(link, piece, link->free_us);
    }
    struct piece *taken = piece_of(link, TAKEN, SLICE(""));
    taken->count = bytes.count;
    sim_after(&world->events, link->free_us - now_of(link), arrive, taken, 0);
    if (link->cut_after == -2) {
        sim_link_break(link);
    }
}

static void replay(void *owner, uint64_t unused) {
    const struct piece *piece = owner;
    struct sim_hub *hub = &world_of(piece->link)->hub;
    (void)unused;
    struct sim_request *request = sim_hub_begin(hub, piece->link->device->owner, 0, piece->path);
    if (request != NULL) {
        sim_world_note(world_of(piece->link), SIM_HUB, "a request of device # comes again",
                       (uint64_t[]){(uint64_t)piece->link->device->number, 0, 0, 0});
        world_of(piece->link)->met[SIM_MET_REPEAT]++;
        sim_hub_bytes(hub, request, piece->bytes);
        sim_hub_end(hub, request);
    }
}

/* A proxy keeps it, and hands in all of it or the beginning once more. */
static void keep_for_replay(struct sim_link *link) {
    struct sim_world *world = world_of(link);
    if (slice_is(link->path, SIM_HELLO_PATH) || !sim_chance(&world->dice, world->flaws.replay) ||
        link->sent.count == 0) {
        return;
    }
    struct slice body = buffer_slice(&link->sent);
    if (sim_chance(&world->dice, 300)) {
        body = slice_part(body, 0, sim_below(&world->dice, (uint32_t)body.count + 1));
    }
    struct piece *piece = piece_of(link, BYTES, body);
    piece->path = link->path;
    sim_after(&world->events,
              sim_chance(&world->dice, 500) ? link->delay_us
                                            : sim_between(&world->dice, 0, REPLAY_US_MAX),
              replay, piece, 0);
}

void sim_link_end(struct sim_link *link) {
    keep_for_replay(link);
    if (link->is_up && !link->is_silent) {
        send_up(link, piece_of(link, ENDS, SLICE("")), link->free_us);
    }
}

void sim_link_answer(struct sim_link *link, const struct sim_request *request) {
    struct sim_world *world = world_of(link);
    if (link->serial != request->serial || link->is_silent || !link->is_up) {
        return;
    }
    if (sim_chance(&world->dice, world->flaws.lost_answer)) {
        sim_link_break(link);
        return;
    }
    struct piece *piece = piece_of(link, ANSWERED, buffer_slice(&request->out));
    piece->code = request->code;
    piece->retry_after_ms = request->retry_after_ms;
    send_down(link, piece,
              some_delay(link) + (int64_t)request->out.count * 1000000 / link->bytes_per_s);
    if (request->code == SYNC_BUSY) {
        sim_link_break(link);
    }
}

/* --- what arrives ---------------------------------------------------------------------------- */

static void arrive_up(const struct piece *piece) {
    struct sim_hub *hub = &world_of(piece->link)->hub;
    struct sim_request *request = sim_hub_request(hub, piece->serial);
    if (piece->what == BEGINS) {
        (void)sim_hub_begin(hub, piece->link->device->owner, piece->serial, piece->bytes);
    } else if (piece->what == CUT) {
        sim_hub_cut(hub, piece->serial);
    } else if (request != NULL && piece->what == BYTES) {
        sim_hub_bytes(hub, request, piece->bytes);
    } else if (request != NULL) {
        sim_hub_end(hub, request);
    }
}

static void arrive(void *owner, uint64_t unused) {
    struct piece *piece = owner;
    struct sim_link *link = piece->link;
    (void)unused;
    if (piece->what <= CUT) {
        arrive_up(piece);
        return;
    }
    if (piece->serial != link->serial) {
        return;
    }
    if (piece->what == TAKEN) {
        sim_device_taken(link->device, piece->count);
    } else if (piece->what == ANSWERED) {
        sim_device_answered(link->device, piece->code, piece->retry_after_ms, piece->bytes);
    } else if (piece->what == CONNECTED) {
        sim_device_connected(link->device);
    } else {
        forget(link);
        sim_device_lost(link->device);
    }
}
