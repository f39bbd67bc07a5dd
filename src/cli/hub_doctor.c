// SPDX-License-Identifier: Apache-2.0
#include "cli/hub_doctor.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "cli/human.h"

enum { OTHERS_WRITE = 022, OTHERS_READ = 077 };

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

static bool is_true(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && value_truth(*member);
}

static double real_in(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    if (member == NULL) {
        return 0;
    }
    return member->kind == VALUE_REAL      ? member->real
           : member->kind == VALUE_INTEGER ? (double)member->integer
                                           : 0;
}

static struct value object_in(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL ? *member : (struct value){.kind = VALUE_NULL};
}

/* The moment as milliseconds; 0: there is none. */
static int64_t moment_in(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    int64_t wall_ms = 0;
    if (member == NULL || member->kind != VALUE_TEXT || !time_read(value_text(*member), &wall_ms)) {
        return 0;
    }
    return wall_ms;
}

void hub_doctor_judge_refusal(struct doctor *doctor, const struct error *why) {
    const char *remedy = "Look at its log for the reason, then start it again.";
    if (why->code == STATUS_OFFLINE) {
        remedy = "Start it with `ebb hub serve`, or name its socket with --socket.";
    } else if (why->code == STATUS_DENIED) {
        remedy = "Ask as root, as the hub's user, or be put into the socket's group.";
    } else if (why->code == STATUS_NOT_FOUND) {
        remedy =
            "Install libcurl3-gnutls (libcurl3t64-gnutls from Debian 13 on): commands reach the "
            "hub by it.";
    }
    doctor_find(doctor, "hub", why->code, remedy, "%s", why->text);
}

/* --- the database --- */

static void judge_database(struct doctor *doctor, struct value answer) {
    const int64_t faults = human_number(answer, "faults");
    const int64_t aside = human_number(answer, "quarantined");
    if (is_true(answer, "disk_full")) {
        doctor_find(doctor, "disk", STATUS_FULL, "Make room where the data folder lies.",
                    "the disk is full: devices keep what they have and come again");
    }
    if (is_true(answer, "disk_fails")) {
        doctor_find(doctor, "disk", STATUS_SYSTEM,
                    "Look at the hub's log and at `dmesg`: the disk may be at its end.",
                    "the disk fails, and nothing is acknowledged until it does not");
    }
    if (faults > 0) {
        doctor_find(doctor, "database", STATUS_CORRUPT,
                    "See that the disk is good; the last backup has what was there before.",
                    "of %" PRId64 " lane%s what is there is not what was taken: its log names them",
                    faults, faults == 1 ? "" : "s");
    }
    if (aside > 0) {
        doctor_find(doctor, "records", STATUS_OK,
                    "`quarantine` in hub.db has them and why; mend or update who sends them.",
                    "%" PRId64 " record%s could not be read and %s kept aside", aside,
                    aside == 1 ? "" : "s", aside == 1 ? "is" : "are");
    }
    if (faults == 0 && !is_true(answer, "disk_fails")) {
        doctor_praise(doctor, "database", "%" PRId64 " records, which add up as far as was looked",
                      human_number(answer, "records"));
    }
    hub_doctor_judge_wal(doctor, human_number(answer, "wal_bytes"));
}

void hub_doctor_judge_wal(struct doctor *doctor, int64_t bytes) {
    const struct slice size = human_bytes(doctor->arena, bytes);
    if (bytes >= HUB_DOCTOR_WAL_BYTES) {
        doctor_find(doctor, "wal", STATUS_OK,
                    "End who holds hub.db open for reading, or let the backup end; the hub does "
                    "not make the file smaller, but uses it again.",
                    "hub.db-wal has %.*s: a backup or another reader held it back",
                    SLICE_ARGS(size));
    } else {
        doctor_praise(doctor, "wal", "hub.db-wal has %.*s", SLICE_ARGS(size));
    }
}

static void judge_speed(struct doctor *doctor, struct value answer) {
    const struct value ingest = object_in(answer, "ingest");
    const double p99_ms = real_in(ingest, "commit_p99_ms");
    if (p99_ms >= HUB_DOCTOR_COMMIT_MS_MOST) {
        doctor_find(doctor, "ingest", STATUS_OK,
                    "A faster disk, or one that nobody else writes to, makes it quicker.",
                    "one of a hundred transactions of the last minute took %.0f ms", p99_ms);
    } else {
        doctor_praise(doctor, "ingest",
                      "%.1f records a second over the last minute, transactions of %.1f ms and at "
                      "most %.1f ms",
                      real_in(ingest, "records_per_s"), real_in(ingest, "commit_p50_ms"), p99_ms);
    }
}

void hub_doctor_judge_commit(struct doctor *doctor, double ms, const char *folder) {
    if (ms >= HUB_DOCTOR_COMMIT_MS) {
        doctor_find(doctor, "disk speed", STATUS_OK,
                    "Each acknowledgement waits for the disk once: give the hub a faster one.",
                    "to have a few bytes on the disk of %s takes %.0f ms", folder, ms);
    } else {
        doctor_praise(doctor, "disk speed", "a few bytes are on the disk of %s within %.1f ms",
                      folder, ms);
    }
}

/* --- devices, backups --- */

static void judge_devices(struct doctor *doctor, struct value answer) {
    const int64_t overdue = human_number(answer, "overdue");
    if (overdue > 0) {
        doctor_find(doctor, "devices", STATUS_OK,
                    "`ebb hub device list` says when each was heard of; see to its power and its "
                    "line, or take it out with `ebb hub device rm`.",
                    "%" PRId64 " of %" PRId64 " device%s not been heard of for too long", overdue,
                    human_number(answer, "devices"), overdue == 1 ? " has" : "s have");
    } else {
        doctor_praise(doctor, "devices", "%" PRId64 ", none of them silent for too long",
                      human_number(answer, "devices"));
    }
}

static void judge_backup(struct doctor *doctor, struct value answer, int64_t wall_ms) {
    const int64_t made_ms = moment_in(answer, "backup_at");
    static const char REMEDY[] = "`ebb hub backup FILE` makes one, beside the running hub; have a "
                                 "timer do it each night.";
    if (made_ms == 0) {
        if (human_number(answer, "records") > 0) {
            doctor_find(doctor, "backup", STATUS_OK, REMEDY, "there was never a backup");
        }
    } else if (wall_ms - made_ms > HUB_DOCTOR_BACKUP_DAYS * DAY_MS) {
        doctor_find(doctor, "backup", STATUS_OK, REMEDY, "the last backup is %" PRId64 " days old",
                    (wall_ms - made_ms) / DAY_MS);
    } else {
        doctor_praise(doctor, "backup", "the last one is %.*s old",
                      SLICE_ARGS(human_span(doctor->arena, wall_ms - made_ms)));
    }
}

/* --- destinations --- */

static void judge_destination(struct doctor *doctor, struct value row, int64_t wall_ms) {
    struct arena *arena = doctor->arena;
    const struct slice name = human_member(arena, row, "name");
    const int64_t missed =
        human_number(row, "refused") + human_number(row, "given_up") + human_number(row, "removed");
    if (is_true(row, "failing")) {
        const int64_t good_ms = moment_in(row, "success_at");
        const bool is_long = good_ms > 0 && wall_ms - good_ms > DOCTOR_PATIENCE_MS;
        doctor_find(doctor, "destination", is_long ? STATUS_OFFLINE : STATUS_OK,
                    "It is tried again by itself; mend what the sentence says.",
                    "destination '%.*s' does not take results, at most %" PRId64 " wait: %.*s",
                    SLICE_ARGS(name), human_number(row, "waiting"),
                    SLICE_ARGS(human_member(arena, row, "failure")));
    }
    if (missed > 0) {
        doctor_find(doctor, "destination", STATUS_OK,
                    "The hub's log has each reason; see `retention` and `give_up` in hub.yaml.",
                    "destination '%.*s' missed %" PRId64 " result%s", SLICE_ARGS(name), missed,
                    missed == 1 ? "" : "s");
    }
    if (missed == 0 && !is_true(row, "failing")) {
        doctor_praise(doctor, "destination", "'%.*s' has %" PRId64 " result%s", SLICE_ARGS(name),
                      human_number(row, "sent"), human_number(row, "sent") == 1 ? "" : "s");
    }
}

void hub_doctor_judge_status(struct doctor *doctor, struct value answer, int64_t wall_ms) {
    const struct slice version = human_member(doctor->arena, answer, "version");
    uint32_t count = 0;
    if (!slice_is(version, EBB_VERSION)) {
        doctor_find(doctor, "hub", STATUS_OK, "Start the hub again after an update.",
                    "the hub is ebb %.*s, this command ebb " EBB_VERSION, SLICE_ARGS(version));
    } else {
        doctor_praise(doctor, "hub", "ebb %.*s answers, up for %.*s", SLICE_ARGS(version),
                      SLICE_ARGS(human_span(doctor->arena, 1000 * human_number(answer, "up_s"))));
    }
    judge_database(doctor, answer);
    judge_speed(doctor, answer);
    judge_devices(doctor, answer);
    judge_backup(doctor, answer, wall_ms);
    const struct value *rows = human_items(answer, "destinations", &count);
    for (uint32_t i = 0; i < count; i++) {
        judge_destination(doctor, rows[i], wall_ms);
    }
}

/* --- health --- */

static void judge_end(struct doctor *doctor, int64_t ends_ms, int64_t wall_ms, int64_t patience_ms,
                      const char *what, const char *remedy) {
    char text[TIME_TEXT_BYTES];
    if (ends_ms == 0) {
        return; /* nobody could read it, and the hub does not start with such a one */
    }
    time_write(ends_ms, text);
    if (ends_ms > wall_ms + patience_ms) {
        doctor_praise(doctor, "certificate", "that of the %s ends %s", what, text);
        return;
    }
    doctor_find(doctor, "certificate", ends_ms <= wall_ms ? STATUS_DENIED : STATUS_OK, remedy,
                "the certificate of the %s %s %s", what,
                ends_ms <= wall_ms ? "has ended:" : "ends:", text);
}

static void judge_files(struct doctor *doctor, struct value health, struct value answer) {
    const int64_t most = human_number(health, "connections_max");
    const int64_t devices = human_number(answer, "devices");
    if (most > 0 && devices + devices / 8 > most) {
        doctor_find(doctor, "files", devices > most ? STATUS_FULL : STATUS_OK,
                    "Raise LimitNOFILE= in the unit, or `ulimit -n`, and start the hub again.",
                    "the hub may have %" PRId64
                    " connections of devices at once, since it may open "
                    "%" PRId64 " files, and there are %" PRId64 " devices",
                    most, human_number(health, "files"), devices);
    } else {
        doctor_praise(doctor, "files", "up to %" PRId64 " devices may be connected at once", most);
    }
}

static void judge_room(struct doctor *doctor, struct value health, struct value answer) {
    struct arena *arena = doctor->arena;
    const struct value *growth = value_get(health, SLICE("growth_day_bytes"));
    const int64_t room = human_number(object_in(answer, "disk"), "free_bytes") +
                         human_number(health, "reusable_bytes");
    if (growth == NULL || growth->kind != VALUE_INTEGER || growth->integer <= 0) {
        const bool is_known = growth != NULL && growth->kind == VALUE_INTEGER;
        doctor_praise(doctor, "disk", "%.*s are free, and %s", SLICE_ARGS(human_bytes(arena, room)),
                      is_known ? "hub.db does not grow" : "how fast they fill is not known yet");
        return;
    }
    const int64_t days = room / growth->integer;
    if (days >= HUB_DOCTOR_DISK_DAYS) {
        doctor_praise(doctor, "disk",
                      "%.*s are free, at the rate of the last day for %" PRId64 " days",
                      SLICE_ARGS(human_bytes(arena, room)), days);
        return;
    }
    doctor_find(doctor, "disk", days < HUB_DOCTOR_DISK_DAYS_LEAST ? STATUS_FULL : STATUS_OK,
                "Say in hub.yaml how long results stay (`retention`), or give it a larger disk.",
                "at the rate of the last day (%.*s) the disk is full in %" PRId64
                " day%s: %.*s are "
                "free",
                SLICE_ARGS(human_bytes(arena, growth->integer)), days, days == 1 ? "" : "s",
                SLICE_ARGS(human_bytes(arena, room)));
}

void hub_doctor_judge_health(struct doctor *doctor, struct value health, struct value answer,
                             int64_t wall_ms) {
    judge_end(doctor, moment_in(health, "authority_ends_at"), wall_ms,
              HUB_DOCTOR_AUTHORITY_DAYS * DAY_MS, "hub's authority",
              "Every device believes this one: have them join a hub with a new authority in time.");
    judge_end(doctor, moment_in(health, "server_ends_at"), wall_ms, DOCTOR_CERTIFICATE_MS,
              "hub's server", "The hub makes it anew by itself: see its log, and its clock.");
    judge_files(doctor, health, answer);
    judge_room(doctor, health, answer);
}

/* --- the machine --- */

void hub_doctor_judge_mode(struct doctor *doctor, const char *path, bool is_key, unsigned mode) {
    if (is_key && (mode & OTHERS_READ) != 0) {
        doctor_find(
            doctor, "key", STATUS_DENIED,
            "`chmod 600` it; whoever has read it can be the hub, so think of a new authority.",
            "the key %s is open to others (mode %03o)", path, mode & 0777U);
    } else if (!is_key && (mode & OTHERS_WRITE) != 0) {
        doctor_find(doctor, "folder", STATUS_DENIED, "`chmod go-w` it.",
                    "others may write in %s (mode %03o)", path, mode & 0777U);
    } else {
        doctor_praise(doctor, is_key ? "key" : "folder", "%s is for its owner alone to %s", path,
                      is_key ? "read" : "change");
    }
}

void hub_doctor_judge_address(struct doctor *doctor, struct slice address,
                              const struct error *why) {
    if (why->code == STATUS_OK) {
        doctor_praise(doctor, "port", "devices are told %.*s, and somebody answers there",
                      SLICE_ARGS(address));
        return;
    }
    doctor_find(doctor, "port", STATUS_OK,
                "See that the name leads here and that no firewall is in between; `--names` says "
                "what devices are told.",
                "devices are told %.*s, which is not reached from here: %s", SLICE_ARGS(address),
                why->text);
}
