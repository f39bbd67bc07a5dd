// SPDX-License-Identifier: Apache-2.0
#include "sim_trouble.h"

#include "sim_disk.h"
#include "sim_world.h"

static void note(struct sim_world *world, int who, const char *text, uint64_t number) {
    sim_world_note(world, who, text, (uint64_t[]){number, 0, 0, 0});
}

static struct sim_device *some_device(struct sim_world *world) {
    return world->devices[sim_below(&world->dice, (uint32_t)world->device_count)];
}

/* --- power ----------------------------------------------------------------------------------- */

static void power_on(void *owner, uint64_t life) {
    struct sim_device *device = owner;
    if (device->life == life && !device->is_alive) {
        sim_device_boot(device);
    }
}

static void power_cut(struct sim_world *world, struct sim_device *device) {
    sim_device_power_cut(device);
    sim_after(&world->events, sim_between(&world->dice, 100000, 8000000), power_on, device,
              device->life);
}

static void power_off(void *owner, uint64_t life) {
    struct sim_device *device = owner;
    if (device->life == life && device->is_alive && !device->world->is_ending) {
        power_cut(device->world, device);
    }
}

void sim_trouble_soon(struct sim_device *device, int64_t within_us) {
    struct sim_world *world = device->world;
    if (sim_chance(&world->dice, world->flaws.power)) {
        sim_after(&world->events, sim_between(&world->dice, 0, within_us), power_off, device,
                  device->life);
    }
}

static void trouble_power(struct sim_world *world) {
    power_cut(world, some_device(world));
}

/* --- links ----------------------------------------------------------------------------------- */

static void trouble_links(struct sim_world *world) {
    struct sim_device *device = some_device(world);
    struct sim_link *link = &device->link;
    switch (sim_below(&world->dice, 4)) {
    case 0:
        note(world, device->number, "the connection breaks", 0);
        sim_link_break(link);
        break;
    case 1:
        note(world, device->number, "the connection dies without a word", 0);
        link->is_silent = true;
        break;
    case 2:
        note(world, device->number, "is cut off", 0);
        link->away_until_us = world->events.now_us + sim_between(&world->dice, 1000000, 20000000);
        sim_link_break(link);
        break;
    default:
        sim_shape_link(&world->shape, link, &world->dice);
        note(world, device->number, "has another link of # bytes a second",
             (uint64_t)link->bytes_per_s);
        break;
    }
}

/* --- the hub --------------------------------------------------------------------------------- */

static void hub_on(void *owner, uint64_t life) {
    struct sim_hub *hub = owner;
    if (hub->life == life && hub->is_down) {
        sim_hub_start(hub);
        note(hub->world, SIM_HUB, "is back", 0);
    }
}

static void hub_down(struct sim_world *world) {
    sim_hub_crash(&world->hub);
    for (int i = 0; i < world->device_count; i++) {
        sim_link_break(&world->devices[i]->link);
    }
    sim_after(&world->events, sim_between(&world->dice, 10000, 5000000), hub_on, &world->hub,
              world->hub.life);
}

static void hub_off(void *owner, uint64_t life) {
    struct sim_hub *hub = owner;
    if (hub->life == life && !hub->is_down && !hub->world->is_ending) {
        note(hub->world, SIM_HUB, "crashes", 0);
        hub_down(hub->world);
    }
}

void sim_trouble_hub_soon(struct sim_world *world, int64_t within_us) {
    if (sim_chance(&world->dice, world->flaws.hub)) {
        sim_after(&world->events, sim_between(&world->dice, 0, within_us), hub_off, &world->hub,
                  world->hub.life);
    }
}

static void refuse(struct sim_world *world) {
    world->hub.refusal = sim_chance(&world->dice, 500) ? SYNC_BUSY : SYNC_FULL;
    world->hub.refuse_until_us = world->events.now_us + sim_between(&world->dice, 200000, 10000000);
    note(world, SIM_HUB, "answers # for a while", (uint64_t)world->hub.refusal);
}

static void trouble_hub(struct sim_world *world) {
    struct sim_hub *hub = &world->hub;
    switch (sim_below(&world->dice, 8)) {
    case 0:
    case 1:
        note(world, SIM_HUB, "is backed up", 0);
        sim_hub_back_up(hub);
        break;
    case 2:
        note(world, SIM_HUB, "is put back to its backup", 0);
        hub_down(world);
        sim_hub_put_back(hub, sim_chance(&world->dice, 500));
        break;
    case 3:
        if (sim_chance(&world->dice, 300)) {
            note(world, SIM_HUB, "loses everything", 0);
            hub_down(world);
            sim_hub_lose(hub);
        }
        break;
    case 4:
        refuse(world);
        break;
    default:
        note(world, SIM_HUB, "crashes", 0);
        hub_down(world);
        break;
    }
}

/* --- images ---------------------------------------------------------------------------------- */

static void clone(struct sim_world *world, struct sim_device *device) {
    if (world->device_count == SIM_DEVICES_MAX) {
        return;
    }
    const bool stolen = sim_chance(&world->dice, 250);
    struct sim_device *copy =
        sim_device_create(world, world->device_count, stolen ? world->device_count : device->owner);
    note(world, copy->number, "is a copy of device #", (uint64_t)device->number);
    if (copy->disk != NULL) {
        sim_disk_clone(copy->disk, device->disk);
    } else {
        const bool old = device->has_image && sim_chance(&world->dice, 300);
        sim_outbox_copy(&copy->box, old ? &device->image : &device->box, copy->number);
    }
    sim_shape_link(&world->shape, &copy->link, &world->dice);
    copy->has_kin = true;
    device->has_kin = true;
    world->devices[world->device_count++] = copy;
    sim_judge_cloned(world, &copy->box);
    sim_world_employ(copy);
    sim_device_boot(copy);
}

static void trouble_images(struct sim_world *world) {
    struct sim_device *device = some_device(world);
    const uint32_t what = sim_below(&world->dice, 8);
    if (what < 3 || (what < 6 && !device->has_image)) {
        sim_device_make_image(device);
    } else if (what < 6) {
        power_cut(world, device);
        sim_device_put_back(device);
    } else {
        clone(world, device);
    }
}

/* --- stores and clocks ----------------------------------------------------------------------- */

static void trouble_stores(struct sim_world *world) {
    struct sim_device *device = some_device(world);
    const uint64_t pick = sim_roll(&world->dice) >> 1;
    bool dropped = false;
    if (device->disk != NULL && !sim_disk_is_open(device->disk)) {
        return;
    }
    switch (sim_below(&world->dice, 4)) {
    case 0:
        note(world, device->number, "has flipped bits", 0);
        for (uint64_t i = 0; i < 3; i++) {
            sim_outbox_damage(&device->box, pick / 3 * (i + 1));
        }
        sim_device_turn(device);
        break;
    case 1:
        dropped = sim_outbox_drop(&device->box, GAP_EXPIRED, pick);
        note(world, device->number, "lets # record expire", dropped ? 1 : 0);
        break;
    default:
        sim_device_purge(device, pick);
        break;
    }
}

static void trouble_clocks(struct sim_world *world) {
    static const int64_t OFFSETS_MS[] = {-INT64_C(2000000000000), 315360000000, -86400000, 3600000};
    struct sim_device *device = some_device(world);
    device->wall_offset_ms = OFFSETS_MS[sim_below(&world->dice, 4)];
    note(world, device->number, "has another clock", 0);
}

/* --- which ----------------------------------------------------------------------------------- */

void sim_trouble(struct sim_world *world) {
    const struct sim_shape *shape = &world->shape;
    const bool may[] = {shape->links,  shape->power,  shape->hub,
                        shape->images, shape->stores, shape->clocks};
    static void (*const HAPPEN[])(struct sim_world *) = {
        trouble_links, trouble_power, trouble_hub, trouble_images, trouble_stores, trouble_clocks};
    uint32_t which = sim_below(&world->dice, 6);
    for (int i = 0; i < 6 && !may[which]; i++) {
        which = (which + 1) % 6;
    }
    if (may[which]) {
        HAPPEN[which](world);
    }
}

void sim_trouble_ends(struct sim_world *world) {
    world->flaws = (struct sim_flaws){0};
    world->hub.refusal = 0;
    if (world->hub.is_down) {
        sim_hub_start(&world->hub);
    }
    for (int i = 0; i < world->device_count; i++) {
        world->devices[i]->link.away_until_us = 0;
        if (!world->devices[i]->is_alive) {
            sim_device_boot(world->devices[i]);
        }
    }
}
