// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/hub_question.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"

enum { SECONDS_DEFAULT = 10, ROWS_SHOWN_MAX = 5000 };

/* --- what can be asked ------------------------------------------------------------------------ */

/* A row for each column, and the table's name in its first. */
static status write_tables(struct call *call, const struct value *tables, uint32_t count,
                           struct error *err) {
    static const struct table_column HEADS[] = {
        {"TABLE", false}, {"COLUMN", false}, {"TYPE", false}, {"UNIT", false}};
    struct table table;
    table_init(&table, &call->arena, HEADS, sizeof(HEADS) / sizeof(HEADS[0]));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t columns = 0;
        const struct value *column = human_items(tables[i], "columns", &columns);
        for (uint32_t k = 0; k < columns; k++) {
            const struct value *unit = value_get(column[k], SLICE("unit"));
            const struct slice cells[] = {k == 0 ? human_member(&call->arena, tables[i], "name")
                                                 : SLICE(""),
                                          human_member(&call->arena, column[k], "name"),
                                          human_member(&call->arena, column[k], "type"),
                                          unit != NULL ? value_text(*unit) : SLICE("")};
            table_add(&table, cells);
        }
    }
    return table_write(&table, call->out, &call->terminal, err);
}

static status list_tables(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    uint32_t count = 0;
    TRY(daemon_get(call, &answer, err, "/v1/query"));
    const struct value *tables = human_items(answer, "tables", &count);
    for (uint32_t i = 0; call->json && i < count; i++) {
        TRY(call_write_json(call, tables[i], false, err));
    }
    return call->json ? STATUS_OK : write_tables(call, tables, count, err);
}

/* --- a table of an answer --------------------------------------------------------------------- */

struct shown {
    struct call *call;
    struct table table;
    struct table_column heads[TABLE_COLUMNS_MAX];
    uint32_t columns;
    bool cut; /* there are more rows */
};

static bool is_number(struct value column) {
    const struct value *type = value_get(column, SLICE("type"));
    const struct slice word = type != NULL ? value_text(*type) : SLICE("");
    return slice_is(word, "number") || slice_is(word, "integer");
}

/* "t (Cel)"; milliseconds since 1970 are told by their column's name. */
static struct slice head_of(struct call *call, struct value column) {
    const struct slice name = human_member(&call->arena, column, "name");
    const struct value *unit = value_get(column, SLICE("unit"));
    if (unit == NULL || slice_is(value_text(*unit), "ms")) {
        return arena_copy(&call->arena, name);
    }
    return arena_print(&call->arena, "%.*s (%.*s)", SLICE_ARGS(name),
                       SLICE_ARGS(value_text(*unit)));
}

static status take_columns(void *owner, struct value columns, struct error *err) {
    struct shown *shown = owner;
    if (columns.count > TABLE_COLUMNS_MAX || columns.count == 0) {
        return fail(err, STATUS_INVALID,
                    "a table has at most %d columns, and this has %u: name fewer, or --json",
                    TABLE_COLUMNS_MAX, columns.count);
    }
    shown->columns = columns.count;
    for (uint32_t i = 0; i < columns.count; i++) {
        const struct slice head = head_of(shown->call, columns.items[i]);
        if (head.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
        }
        shown->heads[i] =
            (struct table_column){.head = head.bytes, .right = is_number(columns.items[i])};
    }
    table_init(&shown->table, &shown->call->arena, shown->heads, columns.count);
    return STATUS_OK;
}

static struct slice cell_of(struct arena *arena, struct value value) {
    return value.kind == VALUE_TEXT   ? value_text(value)
           : value.kind == VALUE_NULL ? SLICE("-")
                                      : human_json(arena, value);
}

static status take_row(void *owner, struct value row, struct error *err) {
    struct shown *shown = owner;
    struct slice cells[TABLE_COLUMNS_MAX] = {{0}};
    if (row.kind != VALUE_LIST || row.count != shown->columns) {
        return fail(err, STATUS_CORRUPT, "a row of the hub's answer is not as wide as its head");
    }
    for (uint32_t i = 0; i < row.count; i++) {
        cells[i] = cell_of(&shown->call->arena, row.items[i]);
    }
    table_add(&shown->table, cells);
    return STATUS_OK;
}

static void take_more(void *owner) {
    struct shown *shown = owner;
    shown->cut = true;
}

static status show(struct call *call, const struct hub_question *question, struct error *err) {
    struct shown shown = {.call = call};
    const struct hub_question_taker taker = {
        .columns = take_columns, .row = take_row, .more = take_more, .owner = &shown};
    TRY(hub_question_ask(call, question, &taker, err));
    if (shown.table.row_count == 0) {
        (void)fprintf(call->talk, "no rows\n");
        return STATUS_OK;
    }
    TRY(table_write(&shown.table, call->out, &call->terminal, err));
    if (shown.cut) {
        (void)fprintf(call->talk, "these are the first %d rows; --csv and --json print all\n",
                      ROWS_SHOWN_MAX);
    }
    return STATUS_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

/* "-": what is on standard input. */
static status read_sql(struct call *call, struct buffer *sql, struct error *err) {
    const char *text = call_argument(call, 0);
    char part[4096];
    ssize_t count = 0;
    if (strcmp(text, "-") != 0) {
        buffer_add_text(sql, text);
    } else {
        do {
            count = read(STDIN_FILENO, part, sizeof(part));
            if (count > 0) {
                buffer_add(sql, (struct slice){.bytes = part, .count = (size_t)count});
            }
        } while ((count > 0 && sql->failed == STATUS_OK) || (count < 0 && errno == EINTR));
    }
    if (count < 0) {
        return fail_errno(err, errno, "read the question from standard input");
    }
    return sql->failed == STATUS_OK ? STATUS_OK
                                    : fail(err, STATUS_INVALID, "a question has at most %d KiB",
                                           HUB_QUESTION_SQL_BYTES_MAX >> 10);
}

static status run(struct call *call, struct error *err) {
    int64_t seconds = 0;
    const bool is_csv = call_has(call, "csv");
    CLEANUP(buffer_done) struct buffer sql;
    buffer_init(&sql, HUB_QUESTION_SQL_BYTES_MAX);
    TRY(call_number(call, "seconds", 1, HUB_QUESTION_SECONDS_MAX, SECONDS_DEFAULT, &seconds, err));
    if (is_csv && call->json) {
        return fail(err, STATUS_INVALID, "--csv and --json are two answers: choose one");
    }
    if (call_argument(call, 0) == NULL || call_has(call, "tables")) {
        return list_tables(call, err);
    }
    TRY(read_sql(call, &sql, err));
    const bool is_table = !is_csv && !call->json;
    const struct hub_question question = {.sql = buffer_slice(&sql),
                                          .seconds = (int)seconds,
                                          .rows = is_table ? ROWS_SHOWN_MAX : 0,
                                          .units = call_has(call, "units")};
    return is_table ? show(call, &question, err)
                    : hub_question_relay(call, &question, is_csv ? "csv" : "jsonl", false,
                                         call->out, err);
}

static const struct command_option OPTIONS[] = {
    {"tables", NULL, "list what can be asked, with types and units; so does no question at all"},
    {"csv", NULL, "as comma-separated values with a head, for spreadsheets"},
    {"units", NULL, "with --csv: units in the head, as in \"t (Cel)\""},
    {"seconds", "N", "how long it may take (10, at most 60)"},
    {0}};

const struct command cmd_hub_query = {
    .noun = "hub",
    .verb = "query",
    .arguments = "[SQL | -]",
    .most = 1,
    .summary = "Ask the hub a question in SQL over all results, devices, gaps and alarms",
    .details =
        "A question is one SELECT. There is a table for each result of each workflow, named\n"
        "\"WORKFLOW.NAME\" (\"WORKFLOW\" where there is one name), with a column for each field;\n"
        "`results` has all of them. `created_ms > ago('7d')` and a workflow go by an index.\n"
        "It only reads, and has 10 seconds and a bound of memory. - reads it from standard\n"
        "input; --json prints an object a row.\n",
    .example =
        "ebb hub query 'select device, max(t) from \"cold-room\" group by device'\n"
        "ebb hub query --csv \"select * from results where created_ms > ago('1d')\" > day.csv",
    .options = OPTIONS,
    .asks_hub = true,
    .run = run};
