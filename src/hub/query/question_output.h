/*
 * question_output: the rows of an answer, as text of one of four kinds, on their way out.
 *
 *   json    {"columns":[{"name","type","unit"},...],"rows":[...]}, a row a line; `truncated` where
 *           there are more; what failed behind the first rows is its `error`
 *   jsonl   an object a line; what failed is the last line, {"error":{"class","text"}}
 *   csv     RFC 4180, with the names in its first line; NULL is nothing, an empty text is ""
 *   table   for people, in aligned columns, as wide as the first rows want them
 *
 * What failed is written behind what had gone out; csv and table have no words for it, and end with
 * a line "error: CLASS: TEXT". Nothing goes out before OUTPUT_HELD_BYTES are there, or the
 * end: so an early failure leaves nothing behind.
 *
 * Thread: one. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "platform/database_question.h"

enum {
    OUTPUT_HELD_BYTES = 64 << 10,
    OUTPUT_BYTES_MAX = 64 << 20, /* of one row, as text, and what is held */
    OUTPUT_TABLE_ROWS = 100,     /* by which the columns of a table are measured */
    OUTPUT_CELL_COLUMNS = 60     /* of a table */
};

enum output_format { OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV, OUTPUT_TABLE, OUTPUT_FORMATS };

/* "json", "jsonl", "csv", "table". */
const char *output_format_name(enum output_format format);

/* The format of a word, or OUTPUT_FORMATS. */
enum output_format output_format_from(struct slice word);

/* What is known of a column of the answer. */
struct output_column {
    struct slice name, type, unit;
};

struct output {
    enum output_format format;
    bool units; /* csv: heads are "t (Cel)" where there is a unit */
    const struct output_column *columns;
    int count;
    status (*write)(void *owner, struct slice bytes, struct error *err);
    void *owner;

    bool truncated; /* there are more rows than are wanted */

    struct buffer text; /* from here on its own */
    bool begun;         /* some has gone out */
    uint64_t rows;
    size_t widths[GUEST_COLUMNS_MAX]; /* of a table, once they are known */
    struct buffer kept;               /* cells of a table's first rows, each ended by a zero */
};

/* The columns outlive it. */
void output_init(struct output *output);
void output_done(struct output *output);

status output_row(struct output *output, const struct question *question, struct error *err);

/* All is there, and goes out. */
status output_end(struct output *output, struct error *err);

/* What failed, behind what has gone out; nothing where nothing has. */
void output_fail(struct output *output, const struct error *failed);
