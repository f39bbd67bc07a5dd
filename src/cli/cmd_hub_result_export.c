// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/hub_question.h"
#include "cli/moment.h"
#include "platform/file.h"
#include "platform/interrupt.h"

enum {
    PATH_BYTES = 4096,
    SQL_BYTES_MAX = 16 << 10,
    ROWS_A_QUESTION = 50000, /* fewer where they are large */
    ROWS_LEAST = 50,
    SMALLER = 8,
    BUSY_MS = 1000,
    BUSY_TRIES = 120
};

/* A clock may be ahead of the hub's by so much and be believed: what was made since then has not
 * arrived earlier than that. */
static const int64_t AHEAD_MS = INT64_C(24) * 3600 * 1000;

struct export {
    struct call *call;
    const char *format; /* "csv", "jsonl" */
    struct slice where; /* " AND ...", the filters */
    int64_t since_ms;
    int64_t first, last; /* rows in the order of arrival, as far as they go now */
    int64_t at, step;
    bool has_head;
    FILE *file;
    const char *path; /* that it is to have; NULL: standard output */
    char temporary[PATH_BYTES];
};

/* --- the question ----------------------------------------------------------------------------- */

static void add_text(struct buffer *sql, const char *text) {
    buffer_add_byte(sql, '\'');
    for (; *text != '\0'; text++) {
        buffer_add_text(sql, *text == '\'' ? "'" : "");
        buffer_add_byte(sql, (uint8_t)*text);
    }
    buffer_add_byte(sql, '\'');
}

/* The plus keeps SQLite from going by the index of workflows, since rows come by their numbers. */
static void add_equal(struct buffer *sql, struct call *call, const char *option,
                      const char *column) {
    const char *text = call_option(call, option);
    if (text != NULL) {
        buffer_print(sql, " AND +%s=", column);
        add_text(sql, text);
    }
}

static void add_device(struct buffer *sql, const char *device) {
    struct id id;
    if (device != NULL && id_read(slice_of(device), &id)) {
        char uuid[ID_UUID_BYTES + 1];
        id_write_uuid(id, uuid);
        buffer_print(sql, " AND device_id='%s'", uuid);
    } else if (device != NULL) {
        buffer_add_text(sql, " AND device=");
        add_text(sql, device);
    }
}

static status add_label(struct buffer *sql, struct call *call, const char *label,
                        struct error *err) {
    if (label == NULL) {
        return STATUS_OK;
    }
    const char *equals = strchr(label, '=');
    const struct slice name =
        arena_copy(&call->arena, slice_part(slice_of(label), 0, slice_find(slice_of(label), '=')));
    if (name.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the question");
    }
    buffer_add_text(sql, " AND ebb_field(labels,");
    add_text(sql, name.bytes);
    buffer_add_text(sql, equals != NULL ? ")=" : ") IS NOT NULL");
    if (equals != NULL) {
        add_text(sql, equals + 1);
    }
    return STATUS_OK;
}

static status add_filters(struct buffer *sql, struct export *export, struct error *err) {
    struct call *call = export->call;
    int64_t until_ms = 0;
    if (call_option(call, "lane") != NULL) {
        TRY(daemon_check_lane(call_option(call, "lane"), err));
    }
    TRY(moment_option(call, "since", &export->since_ms, err));
    TRY(moment_option(call, "until", &until_ms, err));
    if (export->since_ms > 0) {
        buffer_print(sql, " AND created_ms>=%" PRId64, export->since_ms);
    }
    if (until_ms > 0) {
        buffer_print(sql, " AND created_ms<=%" PRId64, until_ms);
    }
    add_equal(sql, call, "workflow", "workflow");
    add_equal(sql, call, "name", "name");
    add_equal(sql, call, "lane", "lane");
    add_device(sql, call_option(call, "device"));
    TRY(add_label(sql, call, call_option(call, "label"), err));
    return buffer_status(sql, err);
}

/* --- how far it goes -------------------------------------------------------------------------- */

static status take_columns(void *owner, struct value columns, struct error *err) {
    (void)owner;
    (void)columns;
    (void)err;
    return STATUS_OK;
}

static status take_numbers(void *owner, struct value row, struct error *err) {
    struct export *export = owner;
    if (row.kind != VALUE_LIST || row.count != 2) {
        return fail(err, STATUS_CORRUPT, "the hub does not say how far its results go");
    }
    export->first = row.items[0].kind == VALUE_INTEGER ? row.items[0].integer : 0;
    export->last = row.items[1].kind == VALUE_INTEGER ? row.items[1].integer : -1;
    return STATUS_OK;
}

/* Whether what arrived in the middle came late enough. */
#define LATER                                                                                      \
    "(SELECT arrived_ms FROM results WHERE number>=(low+high)/2 ORDER BY number LIMIT 1)>=%" PRId64

/* The first row that may be wanted is looked for by halves, since rows stand as they arrived. */
static status find_ends(struct export *export, struct error *err) {
    char sql[1024];
    const int64_t from_ms = export->since_ms > AHEAD_MS ? export->since_ms - AHEAD_MS : 0;
    (void)snprintf(sql, sizeof(sql),
                   "WITH RECURSIVE half(low, high) AS (SELECT "
                   "(SELECT number FROM results ORDER BY number LIMIT 1),"
                   "(SELECT number FROM results ORDER BY number DESC LIMIT 1) UNION ALL "
                   "SELECT iif(" LATER ", low, (low+high)/2+1), iif(" LATER
                   ", (low+high)/2, high) FROM half WHERE low<high) "
                   "SELECT max(low), (SELECT number FROM results ORDER BY number DESC LIMIT 1) "
                   "FROM half",
                   from_ms, from_ms);
    const struct hub_question question = {.sql = slice_of(sql),
                                          .seconds = HUB_QUESTION_SECONDS_MAX};
    const struct hub_question_taker taker = {
        .columns = take_columns, .row = take_numbers, .owner = export};
    return hub_question_ask(export->call, &question, &taker, err);
}

/* --- parts ------------------------------------------------------------------------------------ */

/* A part that fails leaves nothing in the file. */
static status take_back(struct export *export, off_t to, struct error *err) {
    if (fflush(export->file) != 0 || ftruncate(fileno(export->file), to) != 0 ||
        fseeko(export->file, to, SEEK_SET) != 0) {
        return fail_errno(err, errno, "write %s", export->path);
    }
    return STATUS_OK;
}

static status ask_part(struct export *export, struct error *err) {
    CLEANUP(buffer_done) struct buffer sql;
    buffer_init(&sql, SQL_BYTES_MAX);
    buffer_print(&sql,
                 "SELECT id, device_id AS device, device AS device_name, labels, workflow, name, "
                 "lane, priority, created_at, arrived_at, run, result FROM results "
                 "WHERE number BETWEEN %" PRId64 " AND %" PRId64 "%.*s ORDER BY number",
                 export->at, export->at + export->step - 1, SLICE_ARGS(export->where));
    TRY(buffer_status(&sql, err));
    const struct hub_question question = {.sql = buffer_slice(&sql),
                                          .seconds = HUB_QUESTION_SECONDS_MAX};
    const bool is_csv = strcmp(export->format, "csv") == 0;
    TRY(hub_question_relay(export->call, &question, export->format, is_csv && export->has_head,
                           export->file, err));
    export->has_head = true;
    return STATUS_OK;
}

/* Rows that are too large to come in a minute are asked for in smaller parts; a hub that is busy
 * with other questions is waited for. */
static status export_part(struct export *export, struct error *err) {
    for (int tries = 0; tries < BUSY_TRIES; tries++) {
        const off_t from = export->path != NULL ? ftello(export->file) : 0;
        const status code = ask_part(export, err);
        if (code == STATUS_BUSY) {
            daemon_pause(BUSY_MS);
            continue;
        }
        if (code != STATUS_TIMEOUT || export->step <= ROWS_LEAST || export->path == NULL) {
            return code;
        }
        TRY(take_back(export, from, err));
        export->step = export->step / SMALLER > ROWS_LEAST ? export->step / SMALLER : ROWS_LEAST;
    }
    return fail_while(err, "the hub was busy for %d s", BUSY_TRIES * BUSY_MS / 1000);
}

static status export_parts(struct export *export, struct error *err) {
    export->at = export->first;
    export->step = ROWS_A_QUESTION;
    do {
        char note[64];
        const double all = (double)(export->last - export->first) + 1;
        (void)snprintf(note, sizeof(note), "result %" PRId64 " of %" PRId64,
                       export->at - export->first,
                       export->last >= export->first ? export->last - export->first + 1 : 0);
        terminal_progress(&export->call->terminal, export->call->talk, "exporting",
                          all > 0 ? (double)(export->at - export->first) / all : 1, note);
        TRY(export_part(export, err));
        arena_reset(&export->call->arena);
        export->at += export->step;
    } while (export->at <= export->last);
    return STATUS_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

static status open_file(struct export *export, struct error *err) {
    export->path = call_option(export->call, "to");
    export->file = export->call->out;
    if (export->path == NULL) {
        return STATUS_OK;
    }
    const int count = snprintf(export->temporary, sizeof(export->temporary), "%s.%d.new",
                               export->path, (int)getpid());
    if (count < 0 || count >= PATH_BYTES) {
        return fail(err, STATUS_INVALID, "the path '%.100s...' is too long", export->path);
    }
    export->file = fopen(export->temporary, "wbe");
    return export->file != NULL ? STATUS_OK
                                : fail_errno(err, errno, "make '%.300s'", export->temporary);
}

static status keep_file(const struct export *export, struct error *err) {
    if (fflush(export->file) != 0 || fsync(fileno(export->file)) != 0) {
        return fail_errno(err, errno, "write '%.300s'", export->temporary);
    }
    TRY(file_rename(export->temporary, export->path, err));
    const char *slash = strrchr(export->path, '/');
    const struct slice folder =
        arena_copy(&export->call->arena,
                   slash != NULL ? (struct slice){export->path, (size_t)(slash - export->path) + 1}
                                 : SLICE("."));
    return folder.bytes != NULL ? file_sync_folder(folder.bytes, err)
                                : fail(err, STATUS_NO_MEMORY, "no memory for a path");
}

/* Under its own name there is a whole file, or what there was before. */
static status close_file(const struct export *export, status code, struct error *err) {
    if (export->path == NULL) {
        return code;
    }
    if (code == STATUS_OK) {
        code = keep_file(export, err);
    }
    if (fclose(export->file) != 0 && code == STATUS_OK) {
        code = fail_errno(err, errno, "write '%.300s'", export->temporary);
    }
    if (code != STATUS_OK) {
        (void)remove(
            export->temporary); /* half of a file helps nobody; it may be renamed already */
    }
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static status export_all(struct export *export, struct error *err) {
    TRY(find_ends(export, err));
    TRY(open_file(export, err));
    interrupt_watch();
    status code = export_parts(export, err);
    terminal_progress_done(&export->call->terminal, export->call->talk);
    if (code == STATUS_OK && interrupt_came()) {
        code = fail(err, STATUS_INTERRUPTED, "interrupted");
    }
    code = close_file(export, code, err);
    interrupt_unwatch();
    return code;
}

static status run(struct call *call, struct error *err) {
    const char *format = call_option(call, "format");
    struct export export = {.call = call, .format = format != NULL ? format : "csv"};
    if (strcmp(export.format, "csv") != 0 && strcmp(export.format, "jsonl") != 0) {
        return fail(err, STATUS_INVALID, "--format is csv or jsonl, not '%.40s'", export.format);
    }
    if (call->json) {
        export.format = "jsonl";
    }
    CLEANUP(buffer_done) struct buffer where;
    buffer_init(&where, SQL_BYTES_MAX);
    TRY(add_filters(&where, &export, err));
    export.where = buffer_slice(&where);
    return export_all(&export, err);
}

static const struct command_option OPTIONS[] = {
    {"to", "FILE", "into this file, which is replaced when all of it is there"},
    {"format", "FORMAT", "csv (with a head) or jsonl (an object a line, as under --json)"},
    {"workflow", "NAME", "of this workflow alone"},
    {"name", "NAME", "of this name alone"},
    {"device", "NAME", "of this device alone: its name or id"},
    {"label", "NAME=VALUE", "of devices with this label alone (-l)"},
    {"lane", "LANE", "in this lane alone: urgent, high, normal, low ..."},
    {"since", "WHEN", "made then or later: 2026-11-23, 2026-11-23T10:00:00Z, or 2h ago"},
    {"until", "WHEN", "made then or earlier"},
    {0}};

const struct command cmd_hub_result_export = {
    .noun = "hub result",
    .verb = "export",
    .summary = "Write the results that the hub has to a file, the oldest first",
    .details =
        "All that the hub had when it began, in the order of their arrival, in many small\n"
        "questions, so that the hub is not held up. The file has its name when it is whole;\n"
        "what is interrupted or fails leaves what was there before.\n",
    .example = "ebb hub result export --since 30d --to month.csv\n"
               "ebb hub result export --workflow inbox-triage --format jsonl --to triage.jsonl",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
