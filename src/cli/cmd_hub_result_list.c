// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/moment.h"
#include "platform/json.h"

enum {
    LIMIT_DEFAULT = 20,
    LIMIT_MAX = 1000000,
    PAGE_MAX = 500,
    FOLLOW_MS = 500,
    CELL_BYTES_MAX = 4 << 20
};

static const struct listing_column COLUMNS[] = {{"CREATED (UTC)", "created_at", LISTING_MOMENT},
                                                {"DEVICE", "device_name", LISTING_TEXT},
                                                {"WORKFLOW", "workflow", LISTING_TEXT},
                                                {"NAME", "name", LISTING_TEXT},
                                                {"LANE", "lane", LISTING_TEXT},
                                                {"RESULT", "result", LISTING_TEXT},
                                                {"ID", "id", LISTING_TEXT}};

static const struct listing LISTING = {.member = "results",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "the hub has no such results"};

/* --- the question --- */

static bool is_plain(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL;
}

static void write_query(struct buffer *out, const char *name, const char *value) {
    buffer_print(out, "&%s=", name);
    for (; *value != '\0'; value++) {
        if (is_plain(*value)) {
            buffer_add_byte(out, (uint8_t)*value);
        } else {
            buffer_print(out, "%%%02X", (unsigned)(uint8_t)*value);
        }
    }
}

static status write_moment(const struct call *call, struct buffer *out, const char *name,
                           struct error *err) {
    int64_t ms = 0;
    TRY(moment_option(call, name, &ms, err));
    if (ms > 0) {
        buffer_print(out, "&%s=%" PRId64, name, ms);
    }
    return STATUS_OK;
}

/* The part of the question that stays the same from page to page. Workflows and names may be any
 * text: programs of the guide's shape call theirs as they like. */
static status write_filters(struct call *call, struct buffer *out, struct error *err) {
    static const char *const WORDS[] = {"workflow", "name", "device", "lane", "label"};
    if (call_option(call, "lane") != NULL) {
        TRY(daemon_check_lane(call_option(call, "lane"), err));
    }
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        const char *value = call_option(call, WORDS[i]);
        if (value != NULL) {
            write_query(out, WORDS[i], value);
        }
    }
    TRY(write_moment(call, out, "since", err));
    TRY(write_moment(call, out, "until", err));
    return buffer_status(out, err);
}

/* --- the answer --- */

/* A page on its way out, as one of three. */
struct output {
    struct call *call;
    bool is_csv;
    bool away;          /* the hub did not answer the last look */
    bool keeps;         /* a table wants to know all rows, who follows begins with the oldest */
    struct value *rows; /* that were kept */
    uint32_t row_count;
};

static void write_cell(FILE *out, struct slice text) {
    (void)fputc('"', out);
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] == '"') {
            (void)fputc('"', out);
        }
        (void)fputc(text.bytes[i], out);
    }
    (void)fputc('"', out);
}

static const char *const CSV_COLUMNS[] = {"id",         "device", "device_name", "workflow",
                                          "name",       "lane",   "priority",    "created_at",
                                          "arrived_at", "result"};

static status write_csv(struct call *call, const struct value *rows, uint32_t count,
                        struct error *err) {
    const size_t columns = sizeof(CSV_COLUMNS) / sizeof(CSV_COLUMNS[0]);
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, CELL_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        for (size_t k = 0; k < columns; k++) {
            const struct value *cell = value_get(rows[i], slice_of(CSV_COLUMNS[k]));
            buffer_clear(&text);
            if (cell != NULL && cell->kind == VALUE_TEXT) {
                buffer_add(&text, value_text(*cell));
            } else if (cell != NULL) {
                json_write(&text, *cell);
            }
            TRY(buffer_status(&text, err));
            write_cell(call->out, buffer_slice(&text));
            (void)fputs(k + 1 < columns ? "," : "\r\n", call->out);
        }
    }
    return STATUS_OK;
}

static void write_csv_head(struct call *call) {
    const size_t columns = sizeof(CSV_COLUMNS) / sizeof(CSV_COLUMNS[0]);
    for (size_t k = 0; k < columns; k++) {
        (void)fprintf(call->out, "%s%s", CSV_COLUMNS[k], k + 1 < columns ? "," : "\r\n");
    }
}

static status write_rows(struct output *output, const struct value *rows, uint32_t count,
                         struct error *err) {
    if (output->is_csv) {
        return write_csv(output->call, rows, count, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(call_write_json(output->call, rows[i], false, err));
    }
    return STATUS_OK;
}

static status write_page(struct output *output, struct value answer, struct error *err) {
    struct call *call = output->call;
    uint32_t count = 0;
    const struct value *rows = human_items(answer, "results", &count);
    if (output->keeps) {
        return listing_join(call, &output->rows, &output->row_count, rows, count, err);
    }
    const status written = write_rows(output, rows, count, err);
    arena_reset(&call->arena); /* what is printed need not be kept */
    return written;
}

/* Who follows reads on in the order in which things arrive. */
static status write_kept_backwards(struct output *output, struct error *err) {
    for (uint32_t i = output->row_count; i > 0; i--) {
        TRY(write_rows(output, &output->rows[i - 1], 1, err));
    }
    output->keeps = false;
    arena_reset(&output->call->arena);
    return STATUS_OK;
}

/* Page after page; *out_last is the newest row that the hub had at the first. */
static status list(struct output *output, struct slice filters, int64_t left, int64_t *out_last,
                   struct error *err) {
    char key[LISTING_KEY_BYTES] = "";
    bool more = true;
    *out_last = 0;
    while (more && left > 0) {
        struct value answer = {.kind = VALUE_NULL};
        TRY(daemon_get(output->call, &answer, err, "/v1/results?limit=%" PRId64 "%.*s%s%s",
                       left < PAGE_MAX ? left : PAGE_MAX, SLICE_ARGS(filters),
                       *key != '\0' ? "&before=" : "", key));
        uint32_t count = 0;
        (void)human_items(answer, "results", &count);
        *out_last = *out_last == 0 ? human_number(answer, "last") : *out_last;
        left -= count;
        more = listing_next_key(answer, key);
        TRY(write_page(output, answer, err));
    }
    return STATUS_OK;
}

/* One look at what came; a hub that is away is waited for, which is said once. */
static status look(struct output *output, struct slice filters, int64_t *last, bool *out_more,
                   struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    char key[LISTING_KEY_BYTES] = "";
    *out_more = false;
    const status code =
        daemon_get(output->call, &answer, err, "/v1/results?limit=%d&after=%" PRId64 "%.*s",
                   (int)PAGE_MAX, *last, SLICE_ARGS(filters));
    if (code == STATUS_OFFLINE) {
        if (!output->away) {
            (void)fprintf(output->call->talk, "ebb: the hub is away; waiting for it\n");
        }
        output->away = true;
        return STATUS_OK;
    }
    TRY(code);
    output->away = false;
    *out_more = listing_next_key(answer, key);
    *last = *out_more ? (int64_t)strtoll(key, NULL, 10) : human_number(answer, "last");
    return write_page(output, answer, err);
}

/* What comes from now on, until the command is interrupted or nobody takes what it writes. */
static status follow(struct output *output, struct slice filters, int64_t last, struct error *err) {
    FILE *out = output->call->out;
    for (;;) {
        bool more = false;
        TRY(look(output, filters, &last, &more, err));
        if (fflush(out) != 0 || ferror(out) != 0) {
            return fail(err, STATUS_SYSTEM, "the answer could not be written to standard output");
        }
        arena_reset(&output->call->arena);
        if (!more) {
            daemon_pause(FOLLOW_MS);
        }
    }
}

/* Everything, the oldest first, is what came since nothing: none of it need be kept. A hub that is
 * away at the beginning is an error, as it is without --all. */
static status follow_from_the_first(struct output *output, struct slice filters,
                                    struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    output->keeps = false;
    TRY(daemon_get(output->call, &answer, err, "/v1/results?limit=1%.*s", SLICE_ARGS(filters)));
    return follow(output, filters, 0, err);
}

static status run(struct call *call, struct error *err) {
    struct output output = {.call = call, .is_csv = call_has(call, "csv")};
    const bool follows = call_has(call, "follow");
    const bool all = call_has(call, "all");
    int64_t left = 0;
    int64_t last = 0;
    TRY(call_number(call, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &left, err));
    if (output.is_csv && call->json) {
        return fail(err, STATUS_INVALID, "--csv and --json are two answers: choose one");
    }
    const bool is_table = !output.is_csv && !call->json && !follows;
    output.keeps = is_table || follows;
    call->json = call->json || (follows && !output.is_csv); /* a table has an end */
    CLEANUP(buffer_done) struct buffer filters;
    buffer_init(&filters, 1024);
    TRY(write_filters(call, &filters, err));
    if (output.is_csv) {
        write_csv_head(call);
    }
    if (follows && all) {
        return follow_from_the_first(&output, buffer_slice(&filters), err);
    }
    TRY(list(&output, buffer_slice(&filters), all ? LIMIT_MAX : left, &last, err));
    if (follows) {
        TRY(write_kept_backwards(&output, err));
        return follow(&output, buffer_slice(&filters), last, err);
    }
    return is_table ? listing_write(call, &LISTING, output.rows, output.row_count, err) : STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"workflow", "NAME", "of this workflow alone"},
    {"name", "NAME", "of this name alone"},
    {"device", "NAME", "of this device alone: its name or id"},
    {"label", "NAME=VALUE", "of devices with this label alone (-l)"},
    {"lane", "LANE", "in this lane alone: urgent, high, normal, low ..."},
    {"since", "WHEN", "made then or later: 2026-11-23, 2026-11-23T10:00:00Z, or 2h ago"},
    {"until", "WHEN", "made then or earlier"},
    {"limit", "N", "at most so many (20)"},
    {"all", NULL, "all there are"},
    {"csv", NULL, "as comma-separated values with a head, for spreadsheets"},
    {"follow", NULL, "go on with what arrives, a line of JSON (or CSV) each, until interrupted"},
    {0}};

const struct command cmd_hub_result_list = {
    .noun = "hub result",
    .verb = "list",
    .summary = "List the results that the hub has, the newest first",
    .details =
        "Newest is what arrived last; with --workflow, what was made last. --follow begins with\n"
        "the oldest of those it lists.\n",
    .example = "ebb hub result list --workflow inbox-triage -l line=3 --since 2h\n"
               "ebb hub result list --all --csv > results.csv",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
