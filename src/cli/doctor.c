// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/human.h"

enum { SENTENCE_BYTES_MAX = 1024, BYTES_LOW = 16 << 20, FILES_LOW = 100, SHARE_LOW = 20 };

static const int64_t BYTES_PLENTY = INT64_C(1) << 30;
static const int64_t FILES_PLENTY = 10000;

void doctor_find(struct doctor *doctor, const char *what, status code, const char *remedy,
                 const char *format, ...) {
    char sentence[SENTENCE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    const struct slice text = arena_copy(doctor->arena, slice_of(sentence));
    if (doctor->count == DOCTOR_FINDINGS_MAX || text.bytes == NULL) {
        doctor->more++;
        return;
    }
    doctor->findings[doctor->count++] =
        (struct finding){.what = what, .code = code, .text = text, .remedy = slice_of(remedy)};
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

void doctor_judge_room(struct doctor *doctor, const char *folder, const struct doctor_room *room) {
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
        doctor_find(doctor, "disk", STATUS_FULL,
                    "Make room there, or say `store: { budget }` in the device file.",
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
