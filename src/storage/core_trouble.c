// SPDX-License-Identifier: Apache-2.0
#include "storage/core_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/json.h"
#include "storage/outbox_check.h"
#include "storage/outbox_room.h"
#include "storage/salvage.h"

/*
 * What a failing disk does, and what is done about it.
 *
 * | state   | acknowledges | entered by                       | left by                         |
 * |---------|--------------|----------------------------------|---------------------------------|
 * | well    | yes          | opening; a mend that went well   | an I/O error                    |
 * | failing | no           | an I/O error                     | mend: probe, reopen, full check |
 *
 * After a sync that failed, Linux holds the pages clean that it could not write: syncing once more
 * says OK and writes nothing. So the probe *writes* the next transaction over the place where the
 * failed one stood; only when that is on the disk, the file is read again from its start, and what
 * is found must end where the last acknowledged commit ended. Otherwise a new stream begins.
 */

enum { UNREADABLE_MAX = 3, SALVAGE_PAUSE_MS = 60 * 1000, ALARM_BYTES_MAX = 2048 };

/* --- alarms ---------------------------------------------------------------------------------- */

static void write_alarm(struct core *core, const char *name, const char *text) {
    CLEANUP(buffer_done) struct buffer body;
    struct error err;
    buffer_init(&body, ALARM_BYTES_MAX);
    buffer_add_text(&body, "{\"text\":");
    json_write_text(&body, slice_of(text));
    buffer_add_text(&body, "}");
    struct record_draft draft = {.record = {.kind = RECORD_ALARM,
                                            .priority = PRIORITY_MAX,
                                            .time = clock_now(),
                                            .name = slice_of(name),
                                            .body = buffer_slice(&body)},
                                 .lane = LANE_CONTROL};
    const struct store_job job = {.kind = STORE_RUN_END};
    /* An alarm that cannot be kept was at least said aloud. */
    if (buffer_status(&body, &err) != STATUS_OK ||
        database_begin(core->database, &err) != STATUS_OK) {
        return;
    }
    if (outbox_put(&core->outbox, &draft, &job, &err) != STATUS_OK) {
        core_take_back(core);
        return;
    }
    (void)core_commit(core, &err);
}

void core_alarm(struct core *core, const char *name, const char *text) {
    if (core->alarm_count < CORE_ALARMS_MAX) {
        (void)fail(&core->alarms[core->alarm_count++], STATUS_SYSTEM, "%s", text);
    }
    if (core->database != NULL && !core->counters.failing) {
        write_alarm(core, name, text);
    }
}

void core_note_full(struct core *core, const struct store_job *job) {
    if (job->error.code == STATUS_FULL) {
        core->counters.full = true;
        if (!core->full_said) {
            core->full_said = true;
            core_alarm(core, "store-full", job->error.text);
        }
    } else if (job->error.code == STATUS_OK && job->record_count > 0) {
        core->counters.full = false;
        core->full_said = false;
    }
}

/* --- a full disk ----------------------------------------------------------------------------- */

static bool make_room(struct core *core, const struct store_job *job) {
    struct error err;
    bool copied = false;
    const bool used = database_wal_pages(core->database) > 0;
    if (database_checkpoint(core->database, &copied, &err) == STATUS_OK && copied && used) {
        return true; /* the WAL begins anew: that may be all that was missing */
    }
    int64_t freed = 0;
    if (database_begin(core->database, &err) != STATUS_OK) {
        return false;
    }
    if (outbox_room_on_disk(&core->outbox, job, &freed, &err) != STATUS_OK || freed <= 0) {
        core_take_back(core);
        return false;
    }
    return core_commit(core, &err) == STATUS_OK;
}

/* --- a failing disk -------------------------------------------------------------------------- */

static void begin_failing(struct core *core, const char *text) {
    if (core->counters.failing) {
        return;
    }
    core->counters.failing = true;
    core->retry_ms = 0;
    const struct stream *stream = outbox_stream(&core->outbox);
    core->proven = *stream;
    char said[ERROR_TEXT_MAX];
    (void)snprintf(said, sizeof(said),
                   "the disk of the store fails, nothing is acknowledged: %.300s", text);
    core_alarm(core, "store-failing", said);
}

/* Writes where the transaction stood that failed. SQLite writes no row that is what it was, but the
 * mark in the header always. */
static status probe(struct core *core, struct error *err) {
    TRY(database_begin(core->database, err));
    const status marked = local_db_mark(core->database, err);
    if (marked != STATUS_OK) {
        core_take_back(core);
        return marked;
    }
    return core_commit(core, err);
}

static bool ends_as_proven(const struct core *core, const struct stream *stream) {
    bool same = id_equal(stream->id, core->proven.id);
    for (int i = 0; same && i < LANE_COUNT; i++) {
        same = stream->lanes[i].next_seq == core->proven.kept[i].next_seq &&
               id_equal(stream->lanes[i].chain, core->proven.kept[i].chain);
    }
    return same;
}

static status begin_stream(struct core *core, const char *reason, struct error *err) {
    struct stream stream;
    TRY(database_begin(core->database, err));
    status begun = stream_begin(&stream, core->database, reason, err);
    if (begun == STATUS_OK) {
        begun = database_commit(core->database, err);
    }
    if (begun != STATUS_OK) {
        core_take_back(core);
        return begun;
    }
    return core_load(core, err);
}

static void tell_reopening(const struct core *core, bool done) {
    if (core->options.reopening != NULL) {
        core->options.reopening(core->options.owner, done);
    }
}

/* The versions that the program holds numbers of get their rows again. */
static status put_back_workflows(struct core *core, struct error *err) {
    if (!workflows_have_lost(&core->workflows)) {
        return STATUS_OK;
    }
    TRY(database_begin(core->database, err));
    const status put = workflows_restore(&core->workflows, core->database, err);
    if (put != STATUS_OK) {
        core_take_back(core);
        return put;
    }
    return core_commit(core, err);
}

/* The file, after it was closed or another one was put in its place. */
static status open_again(struct core *core, struct error *err) {
    struct local_db_found found;
    TRY(core_open_file(core, &found, err));
    return put_back_workflows(core, err);
}

static status reopen(struct core *core, struct error *err) {
    database_close(core->database);
    core->database = NULL;
    TRY(open_again(core, err));
    TRY(database_check(core->database, err));
    return core_check_chains(core, true, err);
}

static status mend(struct core *core, struct error *err) {
    struct store_opened opened = {0};
    if (core->database != NULL) {
        TRY(probe(core, err));
    }
    tell_reopening(core, false);
    status open = reopen(core, err);
    core->unreadable = open == STATUS_SYSTEM ? core->unreadable + 1 : 0;
    const bool lost = open == STATUS_CORRUPT || core->unreadable >= UNREADABLE_MAX;
    if (lost) {
        open = core_salvage(core, &opened, err);
    } else if (open == STATUS_OK && !ends_as_proven(core, outbox_stream(&core->outbox))) {
        open = begin_stream(core, "other records after an I/O error", err);
    }
    tell_reopening(core, true);
    TRY(open);
    core->unreadable = 0;
    core->counters.failing = false;
    core_alarm(core, "store-mended",
               "the store was opened and checked again after an I/O error: it is whole");
    return STATUS_OK;
}

status core_ready(struct core *core, struct error *err) {
    if (!core->counters.failing) {
        return STATUS_OK;
    }
    const int64_t now_ms = clock_monotonic_ns() / 1000000;
    if (now_ms < core->retry_ms) {
        return fail(err, STATUS_SYSTEM, "the disk of the store fails, nothing is written");
    }
    const status mended = mend(core, err);
    core->retry_ms = mended == STATUS_OK ? 0 : now_ms + core->options.retry_ms;
    return mended == STATUS_OK ? STATUS_OK : fail_while(err, "mend the store");
}

/* --- a damaged file -------------------------------------------------------------------------- */

status core_salvage(struct core *core, struct store_opened *opened, struct error *err) {
    struct salvage_report report;
    char why[ERROR_TEXT_MAX];
    char text[ERROR_TEXT_MAX];
    (void)snprintf(why, sizeof(why), "%.200s", err != NULL ? err->text : "damaged");
    database_close(core->database);
    core->database = NULL;
    const struct salvage_options options = {
        .path = core->path, .vfs = core->options.vfs, .wal_bytes = core->options.wal_bytes};
    TRY(salvage_run(&options, &report, err));
    core->salvaged_ms = clock_monotonic_ns() / 1000000;
    TRY(open_again(core, err));
    TRY(core_check_chains(core, true, err));
    opened->salvaged = true;
    opened->salvaged_records = report.records;
    opened->damaged_records = report.damaged;
    (void)snprintf(opened->aside, sizeof(opened->aside), "%s", report.aside);
    (void)snprintf(text, sizeof(text),
                   "the store was damaged (%.120s): %llu records are here, %llu are lost; the old "
                   "file is %.160s",
                   why, (unsigned long long)report.records, (unsigned long long)report.damaged,
                   report.aside);
    core_alarm(core, "store-damaged", text);
    return STATUS_OK;
}

static bool salvage_now(struct core *core, const char *why) {
    struct store_opened opened = {0};
    struct error err;
    const int64_t now_ms = clock_monotonic_ns() / 1000000;
    if (core->salvaged_ms != 0 && now_ms - core->salvaged_ms < SALVAGE_PAUSE_MS) {
        return false; /* what is wrong is not the file */
    }
    (void)fail(&err, STATUS_CORRUPT, "%s", why);
    tell_reopening(core, false);
    const status salvaged = core_salvage(core, &opened, &err);
    tell_reopening(core, true);
    if (salvaged != STATUS_OK) {
        begin_failing(core, err.text);
    }
    return salvaged == STATUS_OK;
}

bool core_treat(struct core *core, const struct error *failed, struct store_job *const *jobs,
                int count) {
    if (core->counters.failing) {
        return false; /* mending was tried just now */
    }
    const status trouble =
        failed->code == STATUS_CORRUPT ? STATUS_CORRUPT : database_trouble(core->database);
    switch (trouble) {
    case STATUS_FULL:
        return make_room(core, count == 1 ? jobs[0] : NULL);
    case STATUS_SYSTEM:
    case STATUS_DENIED:
        begin_failing(core, failed->text);
        return true; /* core_ready mends, or says why not */
    case STATUS_CORRUPT:
        return salvage_now(core, failed->text);
    case STATUS_BUSY:
        return core->busy_rounds++ == 0;
    default:
        return false;
    }
}

/* --- chains ---------------------------------------------------------------------------------- */

static void keep_damaged(struct core *core, const struct stream *stream, enum lane lane,
                         uint64_t seq, struct slice bytes) {
    char path[LOCAL_DB_PATH_BYTES + 96];
    struct database_file *file = NULL;
    struct error err;
    (void)snprintf(path, sizeof(path), "%s/damaged-%u-%s-%llu.record", core->folder, stream->number,
                   lane_name(lane), (unsigned long long)seq);
    /* For a person to look at; the gap says that it was lost. */
    if (bytes.count > 0 &&
        database_file_open(core->options.vfs, path, DATABASE_FILE_MAKE, &file, &err) == STATUS_OK) {
        (void)database_file_write(file, 0, bytes, &err);
        database_file_close(file);
    }
}

static status mend_record(struct core *core, struct stream *stream, enum lane lane,
                          const struct chain_finding *finding, struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    char text[ERROR_TEXT_MAX];
    buffer_init(&bytes, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
    TRY(database_begin(core->database, err));
    const status mended = outbox_mend(&core->outbox, stream, lane, finding, &bytes, err);
    if (mended != STATUS_OK) {
        core_take_back(core);
        return mended;
    }
    TRY(core_commit(core, err));
    if (bytes.count > 0) {
        keep_damaged(core, stream, lane, finding->range.from, buffer_slice(&bytes));
        (void)snprintf(text, sizeof(text), "record %llu of lane '%s' was damaged on the disk",
                       (unsigned long long)finding->range.from, lane_name(lane));
        core_alarm(core, "record-damaged", text);
    }
    return STATUS_OK;
}

static status check_lane(struct core *core, struct stream *stream, enum lane lane, bool all,
                         struct error *err) {
    const uint64_t next = stream->lanes[lane].next_seq;
    const uint64_t from = all || next <= OUTBOX_CHECK_ROWS ? 0 : next - OUTBOX_CHECK_ROWS;
    struct chain_check check;
    struct chain_finding finding;
    bool more = true;
    status checked = chain_check_begin(&check, core->database, stream, lane, from, err);
    while (checked == STATUS_OK && more) {
        checked = chain_check_go(&check, UINT64_MAX, &finding, &more, err);
        if (checked == STATUS_OK && finding.fault != CHAIN_WHOLE) {
            checked = mend_record(core, stream, lane, &finding, err);
        }
    }
    chain_check_done(&check);
    return checked;
}

status core_check_chains(struct core *core, bool all, struct error *err) {
    for (int i = 0; i < core->outbox.stream_count; i++) {
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            TRY(check_lane(core, &core->outbox.streams[i], (enum lane)lane, all, err));
        }
    }
    return STATUS_OK;
}

status core_check_stream(struct core *core, struct id id, struct error *err) {
    struct stream *stream = outbox_find_stream(&core->outbox, id);
    for (int lane = 0; stream != NULL && lane < LANE_COUNT; lane++) {
        TRY(check_lane(core, stream, (enum lane)lane, true, err));
    }
    return STATUS_OK;
}

void core_mend_found(struct core *core, bool whole_file) {
    struct error err = {.code = STATUS_OK};
    if (core->database == NULL || core->counters.failing) {
        return;
    }
    const status checked = whole_file ? fail(&err, STATUS_CORRUPT, "found by the daily check")
                                      : core_check_chains(core, true, &err);
    if (checked == STATUS_CORRUPT) {
        (void)salvage_now(core, err.text);
    } else if (checked == STATUS_SYSTEM) {
        begin_failing(core, err.text);
    }
}
