// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/doctor_report.h"
#include "cli/hub_doctor.h"
#include "cli/human.h"
#include "platform/dial.h"
#include "platform/file.h"

enum { REACH_MS = 3000, TRIES = 5, NS_PER_MS = 1000000, PORT_MAX = 65535 };

/* One look at the hub. */
struct visit {
    struct call *call;
    struct doctor *doctor;
    struct slice data; /* its folder */
};

/* --- what the hub says --- */

static status look_at_hub(struct visit *visit, struct value *out_health, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(visit->call, &answer, err, "/v1/status"));
    TRY(daemon_get(visit->call, out_health, err, "/v1/health"));
    hub_doctor_judge_status(visit->doctor, answer, clock_wall_ms());
    hub_doctor_judge_health(visit->doctor, *out_health, answer, clock_wall_ms());
    return STATUS_OK;
}

/* --- whether its port is reached --- */

struct reach {
    struct loop *loop;
    struct error error; /* OK: somebody took the connection */
};

static void connected(void *owner, int descriptor, int place) {
    struct reach *reach = owner;
    (void)place;
    (void)close(descriptor);
    loop_stop(reach->loop);
}

static void failed(void *owner, const struct error *error) {
    struct reach *reach = owner;
    reach->error = *error;
    loop_stop(reach->loop);
}

static void too_long(void *owner) {
    struct reach *reach = owner;
    (void)fail(&reach->error, STATUS_TIMEOUT, "nobody answers within %d s", REACH_MS / 1000);
    loop_stop(reach->loop);
}

/* "hub.example:8443", "[2001:db8::7]:8443". */
static bool read_address(struct slice address, struct dial_place *out_place) {
    size_t colon = address.count;
    uint64_t port = 0;
    while (colon > 0 && address.bytes[colon - 1] != ':') {
        colon--;
    }
    struct slice host = slice_part(address, 0, colon > 0 ? colon - 1 : 0);
    if (slice_starts(host, "[") && slice_ends(host, "]")) {
        host = slice_part(host, 1, host.count - 1);
    }
    if (host.count == 0 || host.count > DIAL_HOST_BYTES_MAX ||
        !text_number(slice_part(address, colon, address.count), PORT_MAX, &port)) {
        return false;
    }
    (void)memcpy(out_place->host, host.bytes, host.count);
    out_place->host[host.count] = '\0';
    out_place->port = (uint16_t)port;
    return true;
}

static status dial_on(struct reach *reach, const struct dial_place *place, struct error *err) {
    static const struct dial_events EVENTS = {.connected = connected, .failed = failed};
    const struct dial_options options = {
        .places = place, .place_count = 1, .address_ms = REACH_MS, .silence_ms = REACH_MS};
    struct timer *timer = NULL;
    struct dial *dial = NULL;
    status code = timer_open(reach->loop, too_long, reach, &timer, err);
    if (code == STATUS_OK) {
        timer_set(timer, REACH_MS);
        code = dial_open(reach->loop, &options, &EVENTS, reach, &dial, err);
    }
    if (code == STATUS_OK) {
        loop_run(reach->loop);
    }
    dial_close(dial);
    timer_close(timer);
    loop_run(reach->loop); /* until what was closed is gone */
    return code;
}

static void look_at_address(struct visit *visit, struct slice address) {
    struct dial_place place;
    struct reach reach = {.error = {.code = STATUS_OK}};
    if (!read_address(address, &place)) {
        return;
    }
    status code = loop_create(&reach.loop, &reach.error);
    if (code == STATUS_OK) {
        code = dial_on(&reach, &place, &reach.error);
        loop_destroy(reach.loop);
    }
    reach.error.code = code != STATUS_OK ? code : reach.error.code;
    hub_doctor_judge_address(visit->doctor, address, &reach.error);
}

static void look_at_addresses(struct visit *visit, struct value health) {
    uint32_t count = 0;
    const struct value *rows = human_items(health, "addresses", &count);
    for (uint32_t i = 0; i < count; i++) {
        look_at_address(visit, value_text(rows[i]));
    }
}

/* --- its folder --- */

static struct slice usual_folder(struct arena *arena) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (geteuid() == 0) {
        return SLICE("/var/lib/ebb-hub");
    }
    if (state != NULL && state[0] == '/') {
        return arena_print(arena, "%s/ebb-hub", state);
    }
    return home != NULL ? arena_print(arena, "%s/.local/state/ebb-hub", home) : SLICE("");
}

/* The one that was said, or where the socket lies, or the usual one. */
static struct slice choose_folder(struct call *call) {
    const char *said = call_option(call, "data");
    struct slice socket = {0};
    if (said != NULL) {
        return slice_of(said);
    }
    if (daemon_socket(call, &socket, NULL) == STATUS_OK && slice_ends(socket, "/hub.sock")) {
        return arena_copy(&call->arena,
                          slice_part(socket, 0, socket.count - (sizeof("/hub.sock") - 1)));
    }
    return usual_folder(&call->arena);
}

static void look_at_mode(struct visit *visit, const char *below, bool is_key) {
    struct stat facts;
    const struct slice path =
        arena_print(&visit->call->arena, "%.*s%s", SLICE_ARGS(visit->data), below);
    if (path.bytes != NULL && stat(path.bytes, &facts) == 0) {
        hub_doctor_judge_mode(visit->doctor, path.bytes, is_key, facts.st_mode);
    }
}

/* In the middle of some: one alone may have met somebody else's. */
static void look_at_speed(struct visit *visit) {
    double took_ms[TRIES];
    const struct slice path =
        arena_print(&visit->call->arena, "%.*s/.doctor-%d", SLICE_ARGS(visit->data), (int)getpid());
    if (path.bytes == NULL || access(visit->data.bytes, W_OK | X_OK) != 0) {
        return; /* it is the hub's, and we are not */
    }
    for (int i = 0; i < TRIES; i++) {
        const int64_t began_ns = clock_monotonic_ns();
        if (file_replace_private(path.bytes, SLICE("how long this takes"), NULL) != STATUS_OK) {
            (void)unlink(path.bytes);
            return; /* a full disk is said elsewhere */
        }
        took_ms[i] = (double)(clock_monotonic_ns() - began_ns) / NS_PER_MS;
        for (int j = i; j > 0 && took_ms[j] < took_ms[j - 1]; j--) {
            const double more = took_ms[j - 1];
            took_ms[j - 1] = took_ms[j];
            took_ms[j] = more;
        }
    }
    (void)unlink(path.bytes);
    hub_doctor_judge_commit(visit->doctor, took_ms[TRIES / 2], visit->data.bytes);
}

static void look_at_room(struct visit *visit) {
    struct statvfs space;
    if (statvfs(visit->data.bytes, &space) == 0) {
        const struct doctor_room room = {.free_bytes = (int64_t)(space.f_bavail * space.f_frsize),
                                         .all_bytes = (int64_t)(space.f_blocks * space.f_frsize),
                                         .free_files = (int64_t)space.f_favail,
                                         .all_files = (int64_t)space.f_files};
        doctor_judge_hub_room(visit->doctor, visit->data.bytes, &room);
    }
}

/* Of a hub that answers, the rest is in its answers. */
static void look_at_folder(struct visit *visit, bool answers) {
    struct file_facts wal = {.bytes = 0};
    struct arena *arena = &visit->call->arena;
    const struct slice database = arena_print(arena, "%.*s/hub.db", SLICE_ARGS(visit->data));
    const struct slice log = arena_print(arena, "%.*s/hub.db-wal", SLICE_ARGS(visit->data));
    if (visit->data.count == 0 || database.bytes == NULL || log.bytes == NULL) {
        return;
    }
    if (!answers && !file_is_there(database.bytes)) {
        doctor_find(visit->doctor, "data", STATUS_NOT_FOUND,
                    "Name its folder with --data, or its socket with --socket.",
                    "there is no hub in %.*s", SLICE_ARGS(visit->data));
        return;
    }
    if (!answers && file_facts(log.bytes, &wal, NULL) == STATUS_OK) {
        hub_doctor_judge_wal(visit->doctor, wal.bytes);
    }
    look_at_mode(visit, "", false);
    look_at_mode(visit, "/authority", false);
    look_at_mode(visit, "/authority/key.pem", true);
    look_at_room(visit);
    look_at_speed(visit);
}

/* --- all of it --- */

static status run(struct call *call, struct error *err) {
    struct doctor *doctor = arena_get(&call->arena, 1, sizeof(*doctor));
    struct value health = {.kind = VALUE_NULL};
    struct error refusal = {.code = STATUS_OK};
    if (doctor == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what is found");
    }
    doctor->arena = &call->arena;
    struct visit visit = {.call = call, .doctor = doctor, .data = choose_folder(call)};
    const bool answers = look_at_hub(&visit, &health, &refusal) == STATUS_OK;
    if (answers) {
        look_at_addresses(&visit, health);
    } else {
        hub_doctor_judge_refusal(doctor, &refusal);
    }
    look_at_folder(&visit, answers);
    doctor_judge_clock(doctor, clock_now());
    if (clock_now().quality == CLOCK_GOOD) {
        doctor_praise(doctor, "clock", "it is synchronised");
    }
    return doctor_report(call, doctor, err);
}

static const struct command_option OPTIONS[] = {
    {"data", "DIR", "the hub's folder (else the socket's, or the usual one)"}, {0}};

const struct command cmd_hub_doctor = {
    .noun = "hub",
    .verb = "doctor",
    .summary = "Say what is wrong with the hub, and what to do about it",
    .details =
        "It looks at the disk and how long it lasts, how fast it is, the database and its log,\n"
        "files that may be open, certificates, the last backup, devices that are silent,\n"
        "destinations, names that devices are told, keys and folders, and the clock. Of a hub\n"
        "that does not run it says what its folder shows. The exit code is 0 when there is no\n"
        "fault, whatever the warnings, else that of the first fault. Nothing is changed; a small\n"
        "file is in its folder for a moment, to see how fast the disk is.\n",
    .example = "ebb hub doctor\n"
               "ebb hub doctor --json | jq '.findings[].text'",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
