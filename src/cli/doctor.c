// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/human.h"
#include "cli/joining.h"

enum { SENTENCE_BYTES_MAX = 1024, BYTES_LOW = 16 << 20, FILES_LOW = 100, SHARE_LOW = 20 };

/* Blobs are near their bound when less than one part of so many is left. */
enum { BLOBS_NEAR = 10 };

static const int64_t BYTES_PLENTY = INT64_C(1) << 30;
static const int64_t FILES_PLENTY = 10000;

static void add(struct doctor *doctor, const struct finding *finding, const char *sentence) {
    const struct slice text = arena_copy(doctor->arena, slice_of(sentence));
    if (doctor->count == DOCTOR_FINDINGS_MAX || text.bytes == NULL) {
        doctor->more += finding->is_good ? 0 : 1;
        return;
    }
    doctor->findings[doctor->count] = *finding;
    doctor->findings[doctor->count++].text = text;
}

void doctor_find(struct doctor *doctor, const char *what, status code, const char *remedy,
                 const char *format, ...) {
    const struct finding finding = {.what = what, .code = code, .remedy = slice_of(remedy)};
    char sentence[SENTENCE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    add(doctor, &finding, sentence);
}

void doctor_praise(struct doctor *doctor, const char *what, const char *format, ...) {
    const struct finding finding = {.what = what, .is_good = true};
    char sentence[SENTENCE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    add(doctor, &finding, sentence);
}

uint32_t doctor_count_bad(const struct doctor *doctor) {
    uint32_t count = doctor->more;
    for (uint32_t i = 0; i < doctor->count; i++) {
        count += doctor->findings[i].is_good ? 0 : 1;
    }
    return count;
}

status doctor_worst(const struct doctor *doctor) {
    for (uint32_t i = 0; i < doctor->count; i++) {
        if (doctor->findings[i].code != STATUS_OK) {
            return doctor->findings[i].code;
        }
    }
    return STATUS_OK;
}

void doctor_judge_refusal(struct doctor *doctor, const struct error *why, const char *group) {
    if (why->code == STATUS_OFFLINE) {
        doctor_find(doctor, "daemon", STATUS_OFFLINE,
                    "Start it with `ebb serve`, or name its socket with --socket.", "%s",
                    why->text);
    } else if (why->code == STATUS_DENIED && group[0] != '\0') {
        doctor_find(doctor, "socket", STATUS_DENIED,
                    "Ask as root or as the daemon's user, or be put into that group.",
                    "%s; the socket is for the group '%s'", why->text, group);
    } else if (why->code == STATUS_DENIED) {
        doctor_find(doctor, "socket", STATUS_DENIED, "Ask as root or as the daemon's user.", "%s",
                    why->text);
    } else if (why->code == STATUS_NOT_FOUND) {
        doctor_find(
            doctor, "libcurl", STATUS_NOT_FOUND,
            "Install libcurl3-gnutls (libcurl3t64-gnutls from Debian 13 on): commands reach "
            "the daemon by it.",
            "%s", why->text);
    } else {
        doctor_find(doctor, "daemon", why->code,
                    "Look at its log for the reason, then start it again.", "%s", why->text);
    }
}

static bool is_true(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && value_truth(*member);
}

static void judge_store(struct doctor *doctor, struct value answer) {
    const struct value *store = value_get(answer, SLICE("store"));
    if (store != NULL && is_true(*store, "failing")) {
        doctor_find(doctor, "database", STATUS_SYSTEM,
                    "Look at the daemon's log and at `dmesg`: the card or disk may be at its end.",
                    "the database fails, and nothing is acknowledged until it does not");
    }
    if (store != NULL && is_true(*store, "full")) {
        doctor_find(doctor, "database", STATUS_FULL, "Make room on the disk of the data folder.",
                    "the disk is full: events wait where they come from");
    }
}

static void judge_blobs(struct doctor *doctor, struct value store) {
    const int64_t bytes = human_number(store, "blob_bytes");
    const int64_t most = human_number(store, "blob_bytes_max");
    const int64_t went = human_number(store, "blobs_evicted");
    if (went == 0 && bytes <= most - most / BLOBS_NEAR) {
        return;
    }
    const struct slice is = human_bytes(doctor->arena, bytes);
    const struct slice may = human_bytes(doctor->arena, most);
    char gone[64] = "";
    if (went > 0) {
        (void)snprintf(gone, sizeof(gone), ", and %" PRId64 " went to make room", went);
    }
    doctor_find(doctor, "blobs", STATUS_OK,
                "Say a larger `store: { budget }`, of which they may take half, or a shorter "
                "`keep:` where a result attaches them.",
                "what results attach takes %.*s of %.*s%s", SLICE_ARGS(is), SLICE_ARGS(may), gone);
}

static void judge_workflow(struct doctor *doctor, struct value row) {
    const struct slice name = human_member(doctor->arena, row, "name");
    const struct slice file = human_member(doctor->arena, row, "file");
    const struct value *fault = value_get(row, SLICE("fault"));
    if (fault == NULL) {
        return;
    }
    const struct slice why = value_text(*fault);
    const bool runs = slice_is(human_member(doctor->arena, row, "state"), "running");
    doctor_find(doctor, "workflow", STATUS_INVALID,
                "`ebb check FILE` shows every fault with its place; the mended file is taken up.",
                "workflow '%.*s' %s: %.*s (%.*s)", SLICE_ARGS(name),
                runs ? "runs its older version" : "does not run", SLICE_ARGS(why),
                SLICE_ARGS(file));
}

static void judge_agent(struct doctor *doctor, struct value row) {
    const struct slice name = human_member(doctor->arena, row, "name");
    if (slice_is(human_member(doctor->arena, row, "state"), "broken")) {
        doctor_find(doctor, "agent", STATUS_CRASH,
                    "Its last words are in the daemon's log; mend it and raise its `version`, or "
                    "start the daemon again.",
                    "agent '%.*s' is broken: it ended again and again (%" PRId64 " restarts)",
                    SLICE_ARGS(name), human_number(row, "restarts"));
    }
}

void doctor_judge_status(struct doctor *doctor, struct value answer) {
    const struct slice version = human_member(doctor->arena, answer, "version");
    if (!slice_is(version, EBB_VERSION)) {
        doctor_find(doctor, "daemon", STATUS_OK, "Start the daemon again after an update.",
                    "the daemon is ebb %.*s, this command ebb " EBB_VERSION, SLICE_ARGS(version));
    }
    judge_store(doctor, answer);
    const struct value *store = value_get(answer, SLICE("store"));
    judge_blobs(doctor, store != NULL ? *store : (struct value){.kind = VALUE_NULL});
    uint32_t count = 0;
    const struct value *rows = human_items(answer, "workflows", &count);
    for (uint32_t i = 0; i < count; i++) {
        judge_workflow(doctor, rows[i]);
    }
    rows = human_items(answer, "agents", &count);
    for (uint32_t i = 0; i < count; i++) {
        judge_agent(doctor, rows[i]);
    }
}

void doctor_judge_runs(struct doctor *doctor, struct value answer) {
    uint32_t count = 0;
    const struct value *rows = human_items(answer, "runs", &count);
    if (count > 0) {
        const struct slice workflow = human_member(doctor->arena, rows[0], "workflow");
        doctor_find(doctor, "runs", STATUS_CRASH,
                    "`ebb runs list --parked` shows them, `ebb runs resume ID` tries one again.",
                    "%" PRIu32 " run%s parked, since the daemon ended under %s three times "
                    "(workflow '%.*s'%s)",
                    count, count == 1 ? " is" : "s are", count == 1 ? "it" : "them",
                    SLICE_ARGS(workflow), count == 1 ? "" : " and perhaps others");
    }
}

/* --- runs that end badly --- */

static bool has_failed(struct doctor *doctor, struct value run) {
    const struct slice state = human_member(doctor->arena, run, "state");
    return slice_is(state, "failed");
}

/* Of the ended runs from the newest on, all of one workflow. */
static void judge_runs_of(struct doctor *doctor, struct slice name, const struct value *rows,
                          uint32_t count) {
    int64_t ended = 0, failed = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (value_get(rows[i], SLICE("ended_at")) != NULL &&
            slice_equal(human_member(doctor->arena, rows[i], "workflow"), name)) {
            ended++;
            failed += has_failed(doctor, rows[i]) ? 1 : 0;
        }
    }
    if (failed * 2 >= ended) {
        const struct slice why = human_member(doctor->arena, rows[0], "error");
        doctor_find(doctor, "runs", STATUS_OK,
                    "Mend what the sentence says; `ebb runs list` shows each of them.",
                    "%" PRId64 " of the last %" PRId64 " run%s of workflow '%.*s' failed, the "
                    "newest so: %.*s",
                    failed, ended, ended == 1 ? "" : "s", SLICE_ARGS(name), SLICE_ARGS(why));
    }
}

static bool is_newest(struct doctor *doctor, const struct value *rows, uint32_t index) {
    const struct slice name = human_member(doctor->arena, rows[index], "workflow");
    bool newest = value_get(rows[index], SLICE("ended_at")) != NULL;
    for (uint32_t i = 0; newest && i < index; i++) {
        newest = value_get(rows[i], SLICE("ended_at")) == NULL ||
                 !slice_equal(human_member(doctor->arena, rows[i], "workflow"), name);
    }
    return newest;
}

void doctor_judge_ended(struct doctor *doctor, struct value answer) {
    uint32_t count = 0;
    const struct value *rows = human_items(answer, "runs", &count);
    for (uint32_t i = 0; i < count; i++) {
        if (has_failed(doctor, rows[i]) && is_newest(doctor, rows, i)) {
            judge_runs_of(doctor, human_member(doctor->arena, rows[i], "workflow"), rows + i,
                          count - i);
        }
    }
}

/* --- what goes elsewhere, and what was kept aside --- */

/* Times as the API writes them are in the order of their letters. */
static bool is_before(struct value row, const char *name, int64_t wall_ms) {
    char limit[TIME_TEXT_BYTES];
    const struct value *moment = value_get(row, slice_of(name));
    time_write_plain(wall_ms, limit);
    return moment != NULL && moment->kind == VALUE_TEXT &&
           slice_compare(value_text(*moment), slice_of(limit)) < 0;
}

static void judge_destination(struct doctor *doctor, struct value row, int64_t wall_ms) {
    struct arena *arena = doctor->arena;
    const struct slice name = human_member(arena, row, "name");
    const int64_t waiting = human_number(row, "waiting");
    const int64_t missed = human_number(row, "missed");
    if (is_true(row, "failing")) {
        const struct slice why = human_member(arena, row, "failure");
        const struct slice oldest = human_moment(arena, human_member(arena, row, "oldest_at"));
        const struct slice since =
            waiting > 0 ? arena_print(arena, ", the oldest of %.*s", SLICE_ARGS(oldest))
                        : SLICE("");
        doctor_find(
            doctor, "destination",
            is_before(row, "oldest_at", wall_ms - DOCTOR_PATIENCE_MS) ? STATUS_OFFLINE : STATUS_OK,
            "It is tried again by itself; mend what the sentence says.",
            "destination '%.*s' is down, %" PRId64 " result%s for it%.*s: %.*s", SLICE_ARGS(name),
            waiting, waiting == 1 ? " waits" : "s wait", SLICE_ARGS(since), SLICE_ARGS(why));
    }
    if (missed > 0) {
        doctor_find(doctor, "gaps", STATUS_OK,
                    "Say a longer `give_up:`, or a larger `store: { budget }`.",
                    "destination '%.*s' missed %" PRId64 " result%s", SLICE_ARGS(name), missed,
                    missed == 1 ? "" : "s");
    }
}

void doctor_judge_destinations(struct doctor *doctor, struct value answer, int64_t wall_ms) {
    uint32_t count = 0;
    const struct value *rows = human_items(answer, "destinations", &count);
    for (uint32_t i = 0; i < count; i++) {
        judge_destination(doctor, rows[i], wall_ms);
    }
}

/* --- the hub --- */

static void judge_certificate(struct doctor *doctor, struct value answer, int64_t wall_ms) {
    if (is_before(answer, "certificate_ends_at", wall_ms + DOCTOR_CERTIFICATE_MS)) {
        const struct slice ends =
            human_moment(doctor->arena, human_member(doctor->arena, answer, "certificate_ends_at"));
        doctor_find(doctor, "certificate", STATUS_OK,
                    "It is renewed by itself when the hub is reached, also when it has ended.",
                    "the certificate of this device %s %.*s",
                    is_before(answer, "certificate_ends_at", wall_ms) ? "has ended:" : "ends:",
                    SLICE_ARGS(ends));
    }
}

void doctor_judge_hub(struct doctor *doctor, struct value answer, int64_t wall_ms) {
    struct arena *arena = doctor->arena;
    const struct slice hub = human_member(arena, answer, "hub");
    const struct slice refusal = human_member(arena, answer, "refused");
    const struct slice trouble = human_member(arena, answer, "last_error");
    const struct slice since = human_moment(arena, human_member(arena, answer, "last_contact_at"));
    if (!is_true(answer, "joined")) {
        return;
    }
    if (value_get(answer, SLICE("refused")) != NULL) {
        doctor_find(doctor, "hub", STATUS_DENIED, joining_again,
                    "hub %.*s refuses this device: %.*s", SLICE_ARGS(hub), SLICE_ARGS(refusal));
        return;
    }
    if (!is_true(answer, "connected") && value_get(answer, SLICE("last_error")) != NULL) {
        const bool ever = value_get(answer, SLICE("last_contact_at")) != NULL;
        doctor_find(doctor, "hub", STATUS_OK,
                    "It is tried again by itself, and nothing is lost meanwhile; mend what the "
                    "sentence says.",
                    "hub %.*s is not reached, %s%.*s: %.*s", SLICE_ARGS(hub),
                    ever ? "last heard of at " : "nor was it since the daemon began",
                    SLICE_ARGS(ever ? since : SLICE("")), SLICE_ARGS(trouble));
    }
    judge_certificate(doctor, answer, wall_ms);
}

void doctor_judge_events(struct doctor *doctor, struct value answer) {
    const int64_t kept = human_number(answer, "kept");
    const int64_t gone = human_number(answer, "gone");
    if (kept + gone == 0) {
        return;
    }
    char also[64] = "";
    if (gone > 0) {
        (void)snprintf(also, sizeof(also), ", and %" PRId64 " more went to make room", gone);
    }
    doctor_find(doctor, "events", STATUS_OK,
                "`ebb event list` says why, `ebb event show ID` what came: mend who sends them, or "
                "the trigger's `schema:`.",
                "%" PRId64 " event%s not fit and %s kept aside%s", kept,
                kept == 1 ? " did" : "s did", kept == 1 ? "is" : "are", also);
}

void doctor_judge_gaps(struct doctor *doctor, struct slice lane, struct value answer) {
    static const struct {
        const char *reason, *why, *remedy;
    } LOSSES[] = {
        {"evicted", "to make room",
         "Say a larger `store: { budget }`, or let fewer results wait for so long."},
        {"expired", "since their `expires:` had passed", "Say a longer `expires:`, or none."},
        {"damaged", "since the database was damaged",
         "The damaged file stands aside in the data folder; see that the card or disk is good."}};
    uint32_t count = 0;
    const struct value *records = human_items(answer, "records", &count);
    for (size_t i = 0; i < sizeof(LOSSES) / sizeof(LOSSES[0]); i++) {
        int64_t lost = 0;
        for (uint32_t j = 0; j < count; j++) {
            const struct value *gap = value_get(records[j], SLICE("result"));
            const bool ours =
                slice_is(human_member(doctor->arena, records[j], "kind"), "gap") && gap != NULL &&
                slice_is(human_member(doctor->arena, *gap, "reason"), LOSSES[i].reason);
            lost += ours ? human_number(*gap, "count") : 0;
        }
        if (lost > 0) {
            doctor_find(doctor, "gaps", STATUS_OK, LOSSES[i].remedy,
                        "%" PRId64 " record%s of lane '%.*s' went unsent %s", lost,
                        lost == 1 ? "" : "s", SLICE_ARGS(lane), LOSSES[i].why);
        }
    }
}

static void judge_room(struct doctor *doctor, const char *folder, const struct doctor_room *room,
                       const char *remedy) {
    const bool few_bytes =
        room->free_bytes < BYTES_LOW ||
        (room->free_bytes < room->all_bytes / SHARE_LOW && room->free_bytes < BYTES_PLENTY);
    const bool few_files =
        room->all_files > 0 &&
        (room->free_files < FILES_LOW ||
         (room->free_files < room->all_files / SHARE_LOW && room->free_files < FILES_PLENTY));
    if (few_bytes) {
        const struct slice left = human_bytes(doctor->arena, room->free_bytes);
        const struct slice all = human_bytes(doctor->arena, room->all_bytes);
        doctor_find(doctor, "disk", STATUS_FULL, remedy,
                    "the disk of %s is nearly full: %.*s of %.*s are free", folder,
                    SLICE_ARGS(left), SLICE_ARGS(all));
    }
    if (few_files) {
        doctor_find(doctor, "inodes", STATUS_FULL,
                    "Remove small files there: each takes an inode, however short it is.",
                    "the file system of %s has room for %" PRId64 " more files only (inodes)",
                    folder, room->free_files);
    }
}

void doctor_judge_room(struct doctor *doctor, const char *folder, const struct doctor_room *room) {
    judge_room(doctor, folder, room,
               "Make room there, or say `store: { budget }` in the device file.");
}

void doctor_judge_hub_room(struct doctor *doctor, const char *folder,
                           const struct doctor_room *room) {
    judge_room(doctor, folder, room,
               "Make room there, or say in hub.yaml how long results stay (`retention`).");
}

void doctor_judge_clock(struct doctor *doctor, struct moment now) {
    char text[TIME_TEXT_BYTES];
    time_write(now.wall_ms, text);
    if (now.quality == CLOCK_BAD) {
        doctor_find(doctor, "clock", STATUS_INVALID,
                    "Set it (`timedatectl set-ntp true`, or `date -s`); order and identity of "
                    "results do not depend on it, their times do.",
                    "the clock says %s, which is before this ebb was built", text);
    } else if (now.quality == CLOCK_UNSURE) {
        doctor_find(doctor, "clock", STATUS_OK,
                    "`timedatectl set-ntp true` lets a time server set it; until then times are "
                    "marked as unsure.",
                    "the clock is not synchronised (it says %s)", text);
    }
}
