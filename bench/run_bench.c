// SPDX-License-Identifier: Apache-2.0
/*
 * run_bench: whole runs through the runtime, events made in this process, FLIGHT under way.
 *
 *   run_bench durable FOLDER FLIGHT COUNT    event kept, two steps, a result that is stored
 *   run_bench memory FOLDER FLIGHT COUNT     nothing is stored: make an object of three fields,
 * compare a number, drop a field
 */
#include <string.h>

#include "platform/file.h"
#include "runtime/daemon.h"

#include "measured.h"

enum { FLIGHT_MAX = 256 };

struct running {
    struct daemon *daemon;
    struct slot *slot;
    uint32_t flight, wanted, started, failed;
    struct measured measured;
};

static const char DURABLE[] = "ebb: 1\n"
                              "workflow: bench\n"
                              "trigger: { stdin: json, queue: { max: 256 } }\n"
                              "durability: { runs: each, results: each }\n"
                              "concurrency: 64\n"
                              "steps:\n"
                              "  - id: make\n"
                              "    agent: bench-make\n"
                              "    with: { in: '${ .event.data }' }\n"
                              "  - id: compare\n"
                              "    needs: [make]\n"
                              "    agent: bench-compare\n"
                              "    with: { in: '${ .steps.make }' }\n"
                              "results:\n"
                              "  - name: reading\n"
                              "    from:\n"
                              "      room: ${ .steps.make.room }\n"
                              "      t: ${ .steps.make.t }\n"
                              "      warm: ${ .steps.compare.warm }\n";
static const char MEMORY[] = "ebb: 1\n"
                             "workflow: bench\n"
                             "trigger: { stdin: json, queue: { max: 256 } }\n"
                             "durability: { runs: none, results: none }\n"
                             "concurrency: 64\n"
                             "steps:\n"
                             "  - id: make\n"
                             "    agent: bench-make\n"
                             "    with: { in: '${ .event.data }' }\n"
                             "  - id: compare\n"
                             "    needs: [make]\n"
                             "    agent: bench-compare\n"
                             "    with: { in: '${ .steps.make }' }\n"
                             "  - id: drop\n"
                             "    needs: [compare]\n"
                             "    agent: bench-drop\n"
                             "    with: { in: '${ .steps.make }' }\n"
                             "results:\n"
                             "  - name: reading\n"
                             "    from:\n"
                             "      kept: ${ .steps.drop }\n"
                             "      warm: ${ .steps.compare.warm }\n";
static const char MAKE[] = "ebb: 1\nagent: bench-make\nversion: 1.0.0\nkind: jq\n"
                           "filter: \"{room: .in.room, t: .in.t, n: .in.n}\"\n";
static const char COMPARE[] = "ebb: 1\nagent: bench-compare\nversion: 1.0.0\nkind: jq\n"
                              "filter: \"{warm: (.in.t > -15)}\"\n";
static const char DROP[] = "ebb: 1\nagent: bench-drop\nversion: 1.0.0\nkind: jq\n"
                           "filter: \"{room: .in.room, t: .in.t}\"\n";

static int complain(const struct error *err) {
    (void)fprintf(stderr, "run_bench: %s\n", err->text);
    return status_exit_code(err->code);
}

static void offer(struct running *running) {
    struct error err;
    struct event *event = event_new();
    struct value data;
    struct member *members = value_new_object(&event->arena, 3, &data);
    members[0] = (struct member){.name = SLICE("room"), .value = value_of_text(SLICE("a1"))};
    members[1] = (struct member){.name = SLICE("t"), .value = value_of_real(-18.5)};
    members[2] = (struct member){.name = SLICE("n"), .value = value_of_integer(running->started)};
    const struct event_extra extra = {.name = "data", .value = data};
    event->source = SLICE("bench");
    event->type = SLICE("message");
    running->started++;
    if (event_seal(event, &extra, 1, &err) == STATUS_OK) {
        orchestrator_offer(running->slot, event);
    }
}

static void run_ended(void *owner, const struct run *run) {
    struct running *running = owner;
    running->failed += run->outcome != OUTCOME_DONE || run->record_count != 1;
    running->measured.latencies_ns[running->measured.count++] = clock_boot_ns() - run->began_ns;
    if (running->started < running->wanted) {
        offer(running);
    } else if (running->measured.count == running->wanted) {
        measured_report(&running->measured);
        daemon_stop(running->daemon);
    }
}

static void loaded(void *owner) {
    struct running *running = owner;
    running->slot = running->daemon->orchestrator->slots;
    if (running->slot == NULL || running->slot->version == NULL) {
        daemon_stop(running->daemon); /* its faults were logged */
        return;
    }
    measured_begin(&running->measured, running->wanted);
    for (uint32_t i = 0; i < running->flight && i < running->wanted; i++) {
        offer(running);
    }
}

static status write_agent(const char *folder, const char *name, const char *text,
                          struct error *err) {
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/agents/%s", folder, name);
    TRY(file_make_folder(path, err));
    (void)snprintf(path, sizeof(path), "%s/agents/%s/agent.yaml", folder, name);
    return file_replace(path, slice_of(text), err);
}

static int run_whole(const char *folder, bool durable, uint32_t flight, uint32_t count) {
    static struct running running;
    char path[4096];
    struct error err = {0};
    const char *data = folder;
    (void)snprintf(path, sizeof(path), "%s/bench.yaml", folder);
    if (file_make_folder(folder, &err) != STATUS_OK ||
        file_replace(path, slice_of(durable ? DURABLE : MEMORY), &err) != STATUS_OK ||
        write_agent(folder, "bench-make", MAKE, &err) != STATUS_OK ||
        write_agent(folder, "bench-compare", COMPARE, &err) != STATUS_OK ||
        write_agent(folder, "bench-drop", DROP, &err) != STATUS_OK) {
        return complain(&err);
    }
    running.flight = flight;
    running.wanted = count;
    const struct daemon_options options = {
        .data = data,
        .places = {.file = path},
        .feeds_closed = true,
        .stdin_allowed = true,
        .on_ended = run_ended,
        .on_loaded = loaded,
        .owner = &running,
    };
    if (daemon_create(&options, &running.daemon, &err) != STATUS_OK) {
        return complain(&err);
    }
    daemon_run(running.daemon);
    daemon_destroy(running.daemon);
    return running.failed == 0 && running.measured.count == count ? 0 : 1;
}

int main(int count, char **arguments) {
    const bool durable = count == 5 && strcmp(arguments[1], "durable") == 0;
    if (count != 5 || (!durable && strcmp(arguments[1], "memory") != 0)) {
        (void)fprintf(stderr, "usage: run_bench durable|memory FOLDER FLIGHT COUNT\n");
        return 2;
    }
    const uint32_t flight = (uint32_t)strtoul(arguments[3], NULL, 10);
    const uint32_t wanted = (uint32_t)strtoul(arguments[4], NULL, 10);
    if (flight < 1 || flight > FLIGHT_MAX || wanted < 1) {
        return 2;
    }
    return run_whole(arguments[2], durable, flight, wanted);
}
