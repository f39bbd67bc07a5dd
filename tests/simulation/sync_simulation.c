/*
 * T7, T9, T12, T13: devices and a hub in one process, with time, links and disks of their own; the
 * engine is the one that ships.
 *
 * usage: sync_simulation [SEEDS [FIRST]] [--trace] [--disk] [--bugs]
 *   SEEDS worlds (1000), from the seed FIRST (1) on; a broken one prints how it is lived again
 *   --trace  prints every event
 *   --disk   devices have real stores, on disks that lose power
 *   --bugs   plants each bug of sim_bug.h, which must be found by the invariant that it breaks
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power_report.h"
#include "sim_world.h"

enum { BUG_SEEDS = 600, MET_SEEDS = 500, TWICE = 16, BROKEN_MAX = 3 };

struct tally {
    const char *name;
    uint64_t worlds, events, records, frames, questions;
    int64_t virtual_s;
    int broken;
};

struct run {
    struct tally tallies[SIM_SHAPES];
    uint64_t met[SIM_MET_COUNT];
    int64_t memory_bytes;
    int broken;
};

static void say(const struct sim_world *world) {
    (void)printf("# seed %llu (%s) breaks %s: %s\n", (unsigned long long)world->seed,
                 world->shape.name, world->judge.invariant, world->judge.breach);
    if (!world->trace.loud) {
        sim_trace_print(&world->trace);
    }
    (void)printf("# again: sync_simulation 1 %llu%s --trace\n", (unsigned long long)world->seed,
                 world->on_disk ? " --disk" : "");
}

static void add(struct run *run, const struct sim_world *world) {
    struct tally *tally = &run->tallies[world->seed % SIM_SHAPES];
    tally->name = world->shape.name;
    tally->worlds++;
    tally->events += world->events.order;
    tally->virtual_s += world->events.now_us / 1000000;
    tally->records += world->judge.made_count;
    tally->questions += world->judge.questions;
    tally->frames += world->hub.frames;
    for (int i = 0; i < SIM_MET_COUNT; i++) {
        run->met[i] += world->met[i];
    }
    run->memory_bytes = world->judge.memory_bytes > run->memory_bytes ? world->judge.memory_bytes
                                                                      : run->memory_bytes;
    if (world->judge.invariant != NULL) {
        say(world);
        tally->broken++;
        run->broken++;
    }
}

static void report_tally(struct power_report *report, const struct tally *t) {
    if (t->worlds > 0) {
        power_report_line(report, t->broken == 0,
                          "T7 %s: %llu worlds, %lld hours, %llu events, %llu records in %llu "
                          "frames, %llu questions",
                          t->name, (unsigned long long)t->worlds, (long long)t->virtual_s / 3600,
                          (unsigned long long)t->events, (unsigned long long)t->records,
                          (unsigned long long)t->frames, (unsigned long long)t->questions);
    }
}

/* What was met with; a long run must have met everything. */
static void report_met(struct power_report *report, const struct run *run, uint64_t seeds,
                       bool on_disk) {
    bool all = true;
    for (int i = 0; i < SIM_MET_COUNT; i++) {
        (void)printf("# %llu %s\n", (unsigned long long)run->met[i], sim_met_name((enum sim_met)i));
        all = all && run->met[i] > 0;
    }
    if (seeds >= MET_SEEDS && !on_disk) {
        power_report_line(report, all,
                          "all that can happen has happened; a sender had at most "
                          "%lld KiB",
                          (long long)run->memory_bytes >> 10);
    }
}

static void live_all(struct power_report *report, uint64_t seeds, uint64_t first,
                     const struct sim_choice *choice) {
    static struct sim_world world;
    static struct run run;
    for (uint64_t seed = first; seed < first + seeds && run.broken < BROKEN_MAX; seed++) {
        sim_world_live(&world, seed, choice);
        add(&run, &world);
        sim_world_done(&world);
    }
    for (int i = 0; i < SIM_SHAPES; i++) {
        report_tally(report, &run.tallies[i]);
    }
    report_met(report, &run, seeds, choice->on_disk);
}

static void live_twice(struct power_report *report) {
    static struct sim_world world;
    bool good = true;
    for (uint64_t seed = 1; seed <= TWICE; seed++) {
        uint64_t hashes[2];
        for (int i = 0; i < 2; i++) {
            sim_world_live(&world, seed, &(struct sim_choice){.on_disk = seed % 4 == 0});
            hashes[i] = world.trace.hash;
            sim_world_done(&world);
        }
        good = good && hashes[0] == hashes[1];
    }
    power_report_line(report, good, "the same seed is the same world, event by event");
}

static void plant(struct power_report *report, const struct sim_plant *plant) {
    static struct sim_world world;
    const struct sim_choice choice = {.bug = plant->bug, .on_disk = plant->on_disk};
    bool found = false;
    bool named = false;
    uint64_t seed = 0;
    while (!found && seed < BUG_SEEDS) {
        sim_world_live(&world, ++seed, &choice);
        found = world.judge.invariant != NULL;
        named = found && strcmp(world.judge.invariant, plant->invariant) == 0;
        if (found && !named) {
            say(&world);
        }
        sim_world_done(&world);
    }
    power_report_line(report, named, "a planted bug is found by %s: %s (seed %llu)",
                      plant->invariant, plant->text, (unsigned long long)seed);
}

int main(int argc, char **argv) {
    struct power_report report = {0};
    uint64_t numbers[2] = {1000, 1};
    int number_count = 0;
    struct sim_choice choice = {.bug = SIM_NO_BUG};
    bool bugs = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            choice.loud = true;
        } else if (strcmp(argv[i], "--disk") == 0) {
            choice.on_disk = true;
        } else if (strcmp(argv[i], "--bugs") == 0) {
            bugs = true;
        } else if (number_count < 2) {
            numbers[number_count++] = strtoull(argv[i], NULL, 10);
        }
    }
    if (bugs) {
        for (int i = 0; i < SIM_BUGS - 1; i++) {
            plant(&report, &SIM_PLANTS[i]);
        }
        live_twice(&report);
    } else {
        live_all(&report, numbers[0], numbers[1], &choice);
    }
    return power_report_end(&report);
}
