// SPDX-License-Identifier: Apache-2.0
#include "hub/query/question_run.h"

#include <string.h>

#include "hub/query/question_functions.h"
#include "hub/query/question_views.h"
#include "hub/store/hub_db.h"
#include "platform/json.h"

enum { ARENA_BYTES_MAX = 64 << 20, LIST_BYTES_MAX = 64 << 20, MS_A_SECOND = 1000 };

/* A question under way; all that is open. */
struct asking {
    const struct question_options *options;
    struct arena arena;
    struct catalogue catalogue;
    struct database *database, *mirror;
    struct question *question, *reflection;
    struct question_streams *streams;
    struct output_column columns[GUEST_COLUMNS_MAX];
    struct output output;
};

static void asking_done(struct asking *asking) {
    question_close(asking->question);
    question_close(asking->reflection);
    database_close(asking->database);
    database_close(asking->mirror);
    question_streams_destroy(asking->streams);
    output_done(&asking->output);
    arena_done(&asking->arena);
}

/* --- what is said of a failure ---------------------------------------------------------------- */

static status explain(const struct question_options *options, status code, struct error *err) {
    switch (code) {
    case STATUS_TIMEOUT:
        return fail(err, code,
                    "the question takes longer than %d s: ask for less, such as one workflow and "
                    "`created_ms > ago('1d')`, which go by an index, or give it more seconds (at "
                    "most %d)",
                    options->seconds, QUESTION_SECONDS_MAX);
    case STATUS_NO_MEMORY:
        return fail(err, code,
                    "the question needs more than %d MiB of memory, or more than %lld MiB to sort "
                    "in: what sorts or groups keeps all its rows; ask for fewer of them, such as "
                    "`created_ms > ago('1d')`, or for fewer columns",
                    QUESTION_HEAP_BYTES >> 20, (long long)options->spill_bytes >> 20);
    default:
        if (strstr(err->text, "no such table: ") != NULL) {
            struct error said = *err;
            return fail(err, code, "%.200s; `ebb hub query` without a question lists what there is",
                        said.text);
        }
        return code;
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static status open_database(struct asking *asking, struct error *err) {
    const struct question_options *options = asking->options;
    TRY(hub_db_open_guest(options->path, options->spill_bytes > 0, &asking->database, err));
    database_set_deadline(asking->database, (int64_t)options->seconds * MS_A_SECOND);
    const struct slice *sql = options->sql.count > 0 ? &options->sql : NULL;
    return catalogue_load(&asking->catalogue, &asking->arena, asking->database, sql, err);
}

/* First where there are names alone: what is wrong with it is said by that. */
static status open_question(struct asking *asking, struct error *err) {
    const struct slice sql = asking->options->sql;
    TRY(question_views_mirror(&asking->catalogue, &asking->mirror, err));
    TRY(database_guest_bind(asking->mirror, &QUESTION_MIRROR_RULES, err));
    TRY(question_open(asking->mirror, sql, &asking->reflection, err));
    TRY(question_streams_create(asking->database, &asking->streams, err));
    TRY(question_views_make(&asking->catalogue, asking->database, asking->streams, err));
    TRY(database_guest_bind(asking->database, &QUESTION_RULES, err));
    return question_open(asking->database, sql, &asking->question, err);
}

/* --- columns ---------------------------------------------------------------------------------- */

static struct slice type_of(enum question_kind kind) {
    return kind == QUESTION_INTEGER ? SLICE("integer")
           : kind == QUESTION_REAL  ? SLICE("number")
           : kind == QUESTION_NULL  ? SLICE("any")
                                    : SLICE("string");
}

/* As the catalogue has it, where it is a column of that; else as in the first row. */
static void describe(struct asking *asking, bool has_row) {
    for (int i = 0; i < asking->output.count; i++) {
        const struct catalogue_column *column = question_views_column(
            &asking->catalogue, question_column_declared(asking->reflection, i));
        struct output_column *out = &asking->columns[i];
        *out = (struct output_column){.name = question_column_name(asking->question, i)};
        if (column != NULL) {
            out->type = column->type;
            out->unit = column->unit;
        } else {
            out->type = type_of(has_row ? question_kind(asking->question, i) : QUESTION_NULL);
        }
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static status write_rows(struct asking *asking, struct error *err) {
    struct output *output = &asking->output;
    bool has_row = question_next(asking->question);
    describe(asking, has_row);
    while (has_row && !output->truncated) {
        TRY(output_row(output, asking->question, err));
        has_row = question_next(asking->question);
        output->truncated = has_row && output->rows == asking->options->rows;
    }
    TRY(question_status(asking->question, err));
    return output_end(output, err);
}

static status write_list(struct asking *asking, struct error *err) {
    CLEANUP(buffer_done) struct buffer list;
    buffer_init(&list, LIST_BYTES_MAX);
    question_views_list(&asking->catalogue, &list);
    TRY(buffer_status(&list, err));
    asking->output.begun = true;
    return asking->options->write(asking->options->owner, buffer_slice(&list), err);
}

static status ask(struct asking *asking, struct error *err) {
    TRY(open_database(asking, err));
    if (asking->options->sql.count == 0) {
        return write_list(asking, err);
    }
    TRY(open_question(asking, err));
    asking->output.count = question_column_count(asking->question);
    return write_rows(asking, err);
}

status question_run(const struct question_options *options, bool *out_begun, struct error *err) {
    CLEANUP(asking_done) struct asking asking = {.options = options};
    asking.output = (struct output){.format = options->format,
                                    .units = options->units,
                                    .columns = asking.columns,
                                    .write = options->write,
                                    .owner = options->owner};
    arena_init(&asking.arena, ARENA_BYTES_MAX);
    output_init(&asking.output);
    status code = ask(&asking, err);
    if (code != STATUS_OK) {
        code = explain(options, code, err);
        output_fail(&asking.output, err);
    }
    *out_begun = asking.output.begun;
    return code;
}
