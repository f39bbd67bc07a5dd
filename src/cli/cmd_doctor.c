// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/checker.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/doctor_report.h"
#include "cli/human.h"
#include "platform/file.h"
#include "wire/device_file.h"

enum { GROUP_BYTES_MAX = 4096, RECORDS_MAX = 1000 };

/* One look at the box: what is found, and what one part needs of another. */
struct visit {
    struct call *call;
    struct doctor *doctor;
    struct slice data; /* the data folder; empty: nobody knows */
    struct device device;
    struct binding binding; /* of workflows that a daemon would load */
    bool answers;           /* the daemon does */
};

/* The name of the group that may use the socket; "" when there is none. */
static const char *socket_group(struct call *call, char out_text[GROUP_BYTES_MAX]) {
    struct slice path;
    struct stat facts;
    struct group entry, *found = NULL;
    const bool there =
        daemon_socket(call, &path, NULL) == STATUS_OK && stat(path.bytes, &facts) == 0;
    if (!there || getgrgid_r(facts.st_gid, &entry, out_text, GROUP_BYTES_MAX, &found) != 0 ||
        found == NULL) {
        return "";
    }
    return entry.gr_name;
}

/* What went unsent stands at the beginning of its lane. */
static status look_at_lanes(struct visit *visit, struct error *err) {
    struct value lanes = {.kind = VALUE_NULL};
    struct value records = {.kind = VALUE_NULL};
    uint32_t count = 0;
    TRY(daemon_get(visit->call, &lanes, err, "/v1/queue"));
    const struct value *rows = human_items(lanes, "lanes", &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct slice lane = human_member(&visit->call->arena, rows[i], "lane");
        if (human_number(rows[i], "gaps") > 0) {
            TRY(daemon_get(visit->call, &records, err, "/v1/queue/%.*s?limit=%d", SLICE_ARGS(lane),
                           RECORDS_MAX));
            doctor_judge_gaps(visit->doctor, lane, records);
        }
    }
    return STATUS_OK;
}

/* What an answer of the daemon says. */
static status look_at_answers(struct visit *visit, struct error *err) {
    struct doctor *doctor = visit->doctor;
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(visit->call, &answer, err, "/v1/runs?parked=1"));
    doctor_judge_runs(doctor, answer);
    TRY(daemon_get(visit->call, &answer, err, "/v1/runs?limit=%d", RECORDS_MAX));
    doctor_judge_ended(doctor, answer);
    TRY(daemon_get(visit->call, &answer, err, "/v1/destinations"));
    doctor_judge_destinations(doctor, answer, clock_wall_ms());
    TRY(daemon_get(visit->call, &answer, err, "/v1/sync"));
    doctor_judge_hub(doctor, answer, clock_wall_ms());
    TRY(daemon_get(visit->call, &answer, err, "/v1/events?limit=1"));
    doctor_judge_events(doctor, answer);
    return look_at_lanes(visit, err);
}

static void look_at_daemon(struct visit *visit) {
    char text[GROUP_BYTES_MAX];
    struct error err = {.code = STATUS_OK};
    struct value answer = {.kind = VALUE_NULL};
    if (daemon_get(visit->call, &answer, &err, "/v1/status") != STATUS_OK) {
        doctor_judge_refusal(visit->doctor, &err, socket_group(visit->call, text));
        return;
    }
    visit->answers = true;
    const struct value *data = value_get(answer, SLICE("data"));
    if (data != NULL && visit->data.count == 0) {
        visit->data = arena_copy(&visit->call->arena, value_text(*data));
    }
    doctor_judge_status(visit->doctor, answer);
    if (look_at_answers(visit, &err) != STATUS_OK) {
        doctor_judge_refusal(visit->doctor, &err, "");
    }
}

static const char *environment(const char *name) {
    return getenv(name);
}

static void find_faults(void *owner, const struct fault_list *faults) {
    const struct visit *visit = owner;
    for (uint32_t i = 0; i < faults->count; i++) {
        if (!faults->faults[i].warning) {
            doctor_find(visit->doctor, "device file", STATUS_INVALID,
                        "Mend it: a daemon does not start with it.", "%.*s:%d: %.*s",
                        SLICE_ARGS(faults->file), faults->faults[i].place.line,
                        SLICE_ARGS(faults->faults[i].text));
            return;
        }
    }
}

/* The device's files, if there are any; their faults are findings. */
static void look_at_config(struct visit *visit) {
    const char *named = call_option(visit->call, "config");
    struct error err = {.code = STATUS_OK};
    const struct device_files files = {
        .path = named, .environment = environment, .said = find_faults, .owner = visit};
    const uint32_t before = visit->doctor->count;
    const status ended = device_load(&visit->call->arena, &files, &visit->device, &err);
    if (ended != STATUS_OK && visit->doctor->count == before) {
        doctor_find(visit->doctor, "device file", ended,
                    "Mend it: a daemon does not start with it.", "%s", err.text);
    }
    visit->binding = (struct binding){.device = &visit->device,
                                      .file = named != NULL ? named : DEVICE_FILE,
                                      .environment = environment};
    visit->data = visit->data.count == 0 ? visit->device.path : visit->data;
}

/* Where a daemon of this user keeps its data when nobody says otherwise. */
static struct slice usual_folder(struct arena *arena) {
    const char *said = getenv("EBB__STORE__PATH");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (said != NULL && said[0] != '\0') {
        return slice_of(said);
    }
    if (geteuid() == 0) {
        return SLICE("/var/lib/ebb");
    }
    if (state != NULL && state[0] == '/') {
        return arena_print(arena, "%s/ebb", state);
    }
    return home != NULL ? arena_print(arena, "%s/.local/state/ebb", home) : SLICE("");
}

/* The folder, or where it is not there yet the nearest one above it that is. */
static struct slice nearest_folder(struct arena *arena, struct slice path) {
    struct file_facts facts;
    struct slice at = arena_copy(arena, path);
    while (at.bytes != NULL && at.count > 1 && file_facts(at.bytes, &facts, NULL) != STATUS_OK) {
        do {
            at.count--;
        } while (at.count > 1 && at.bytes[at.count] != '/');
        at = arena_copy(arena, at);
    }
    return at;
}

static void look_at_data(struct visit *visit) {
    struct arena *arena = &visit->call->arena;
    const struct slice data = visit->data.count > 0 ? visit->data : usual_folder(arena);
    visit->data = data;
    const struct slice folder = nearest_folder(arena, data);
    struct file_facts facts;
    struct statvfs space;
    if (data.count == 0 || folder.bytes == NULL ||
        file_facts(folder.bytes, &facts, NULL) != STATUS_OK) {
        return;
    }
    if (!facts.is_folder) {
        doctor_find(visit->doctor, "data", STATUS_INVALID, "Name a folder with `store: { path }`.",
                    "the data folder %.*s cannot be: %.*s is a file", SLICE_ARGS(data),
                    SLICE_ARGS(folder));
        return;
    }
    if (!visit->answers && access(folder.bytes, W_OK | X_OK) != 0) {
        const int why = errno;
        doctor_find(visit->doctor, "data", why == EROFS ? STATUS_SYSTEM : STATUS_DENIED,
                    why == EROFS ? "Mount it so that it can be written."
                                 : "Give it to the daemon's user, or ask as that user.",
                    "the data folder %.*s cannot be written: %s", SLICE_ARGS(folder),
                    strerrordesc_np(why));
    }
    if (statvfs(folder.bytes, &space) == 0) {
        const struct doctor_room room = {.free_bytes = (int64_t)(space.f_bavail * space.f_frsize),
                                         .all_bytes = (int64_t)(space.f_blocks * space.f_frsize),
                                         .free_files = (int64_t)space.f_favail,
                                         .all_files = (int64_t)space.f_files};
        doctor_judge_room(visit->doctor, folder.bytes, &room);
    }
}

/* A workflow that a daemon would load, while none runs that has said what it thinks of it. */
static void look_at_workflow(struct visit *visit, const char *path) {
    CLEANUP(checked_done) struct checked checked = {0};
    struct error err = {.code = STATUS_OK};
    const status ended =
        checker_check(path, call_option(visit->call, "agents"), &visit->binding, &checked, &err);
    if (ended == STATUS_OK) {
        return;
    }
    const struct fault_list *faults = checked.faults;
    for (uint32_t i = 0; faults != NULL && i < faults->count; i++) {
        if (!faults->faults[i].warning) {
            doctor_find(visit->doctor, "workflow", ended,
                        "`ebb check FILE` shows every fault with its place.", "%s:%d: %.*s", path,
                        faults->faults[i].place.line, SLICE_ARGS(faults->faults[i].text));
            return;
        }
    }
    doctor_find(visit->doctor, "workflow", ended, "See that it can be read.", "%s", err.text);
}

static bool look_at_name(void *owner, const char *name) {
    struct visit *visit = owner;
    struct arena *arena = &visit->call->arena;
    const struct slice data = visit->data;
    const bool is_file = slice_ends(slice_of(name), ".yaml");
    const struct slice path =
        is_file ? arena_print(arena, "%.*s/workflows/%s", SLICE_ARGS(data), name)
                : arena_print(arena, "%.*s/workflows/%s/%s.yaml", SLICE_ARGS(data), name, name);
    struct file_facts facts;
    if (path.bytes != NULL && file_facts(path.bytes, &facts, NULL) == STATUS_OK) {
        look_at_workflow(visit, path.bytes);
    }
    return true;
}

static void look_at_workflows(struct visit *visit) {
    const struct slice folder =
        arena_print(&visit->call->arena, "%.*s/workflows", SLICE_ARGS(visit->data));
    struct file_facts facts;
    struct error err = {.code = STATUS_OK};
    if (visit->answers || folder.bytes == NULL ||
        file_facts(folder.bytes, &facts, NULL) != STATUS_OK) {
        return;
    }
    const status ended = file_list(folder.bytes, look_at_name, visit, &err);
    if (ended != STATUS_OK) {
        doctor_find(visit->doctor, "workflow", ended, "See that it can be read.", "%s", err.text);
    }
}

static status run(struct call *call, struct error *err) {
    struct doctor *doctor = arena_get(&call->arena, 1, sizeof(*doctor));
    if (doctor == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what is found");
    }
    doctor->arena = &call->arena;
    const char *data = call_option(call, "data");
    struct visit visit = {
        .call = call, .doctor = doctor, .data = data != NULL ? slice_of(data) : SLICE("")};
    look_at_daemon(&visit);
    look_at_config(&visit);
    look_at_data(&visit);
    look_at_workflows(&visit);
    doctor_judge_clock(doctor, clock_now());
    return doctor_report(call, doctor, err);
}

static const struct command_option OPTIONS[] = {
    {"data", "DIR", "the data folder (else the daemon's, the device file's, the usual one)"},
    {"config", "FILE", "the device file (/etc/ebb/device.yaml, where there is one)"},
    {"agents", "DIR", "look for agents here as well, while no daemon runs"},
    {0}};

const struct command cmd_doctor = {
    .verb = "doctor",
    .summary = "Say what is wrong on this box, and what to do about it",
    .details =
        "It looks at the daemon, its socket and database, the data folder and its disk, the\n"
        "clock, workflows, agents, runs that failed or are parked, events kept aside,\n"
        "destinations, the hub, attachments and gaps. The exit code is 0 when there is no fault,\n"
        "whatever the warnings, else that of the first fault. Nothing is changed.\n",
    .example = "ebb doctor",
    .options = OPTIONS,
    .asks_daemon = true,
    .run = run};
