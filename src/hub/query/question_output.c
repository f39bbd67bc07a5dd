// SPDX-License-Identifier: Apache-2.0
#include "hub/query/question_output.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "hub/query/question_views.h"
#include "platform/json.h"

static const char *const FORMATS[OUTPUT_FORMATS] = {"json", "jsonl", "csv", "table"};

const char *output_format_name(enum output_format format) {
    return FORMATS[format];
}

enum output_format output_format_from(struct slice word) {
    int format = 0;
    while (format < OUTPUT_FORMATS && !slice_is(word, FORMATS[format])) {
        format++;
    }
    return (enum output_format)format;
}

void output_init(struct output *output) {
    buffer_init(&output->text, OUTPUT_BYTES_MAX);
    buffer_init(&output->kept, OUTPUT_BYTES_MAX);
}

void output_done(struct output *output) {
    buffer_done(&output->text);
    buffer_done(&output->kept);
}

static status flush(struct output *output, struct error *err) {
    TRY(buffer_status(&output->text, err));
    output->begun = true;
    TRY(output->write(output->owner, buffer_slice(&output->text), err));
    buffer_clear(&output->text);
    return STATUS_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static void add_hex(struct buffer *out, struct slice bytes) {
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.count; i++) {
        buffer_add_byte(out, (uint8_t)DIGITS[(unsigned char)bytes.bytes[i] >> 4]);
        buffer_add_byte(out, (uint8_t)DIGITS[(unsigned char)bytes.bytes[i] & 15]);
    }
}

/* SQL has no truth but 1 and 0; the column's type has. What is not finite is null. */
static void add_number(struct buffer *out, const struct output_column *column,
                       const struct question *question, int index) {
    struct value value = {.kind = VALUE_INTEGER, .integer = question_integer(question, index)};
    if (question_kind(question, index) == QUESTION_REAL) {
        const double real = question_real(question, index);
        value = isfinite(real) ? (struct value){.kind = VALUE_REAL, .real = real}
                               : (struct value){.kind = VALUE_NULL};
    } else if (slice_is(column->type, "boolean") && value.integer >= 0 && value.integer <= 1) {
        value = (struct value){.kind = VALUE_BOOLEAN, .boolean = value.integer == 1};
    }
    json_write(out, value);
}

static void add_json(struct buffer *out, const struct output_column *column,
                     const struct question *question, int index) {
    switch (question_kind(question, index)) {
    case QUESTION_INTEGER:
    case QUESTION_REAL:
        add_number(out, column, question, index);
        return;
    case QUESTION_TEXT:
        if (catalogue_is_json(column->type)) {
            buffer_add(out, question_text(question, index));
        } else {
            json_write_text(out, question_text(question, index));
        }
        return;
    case QUESTION_BYTES:
        buffer_add_byte(out, '"');
        add_hex(out, question_bytes(question, index));
        buffer_add_byte(out, '"');
        return;
    case QUESTION_NULL:
        buffer_add_text(out, "null");
    }
}

/* --- json and jsonl --------------------------------------------------------------------------- */

static void add_head(struct output *output) {
    struct buffer *out = &output->text;
    buffer_add_text(out, "{\"columns\":[");
    for (int i = 0; i < output->count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        question_views_write_column(out, output->columns[i].name, output->columns[i].type,
                                    output->columns[i].unit);
    }
    buffer_add_text(out, "],\"rows\":[");
}

static void add_row(struct output *output, const struct question *question) {
    buffer_add_text(&output->text, output->rows > 0 ? ",\n[" : "\n[");
    for (int i = 0; i < output->count; i++) {
        buffer_add_text(&output->text, i > 0 ? "," : "");
        add_json(&output->text, &output->columns[i], question, i);
    }
    buffer_add_byte(&output->text, ']');
}

static void add_object(struct output *output, const struct question *question) {
    buffer_add_byte(&output->text, '{');
    for (int i = 0; i < output->count; i++) {
        buffer_add_text(&output->text, i > 0 ? "," : "");
        json_write_text(&output->text, output->columns[i].name);
        buffer_add_byte(&output->text, ':');
        add_json(&output->text, &output->columns[i], question, i);
    }
    buffer_add_text(&output->text, "}\n");
}

/* --- csv -------------------------------------------------------------------------------------- */

static void add_cell(struct buffer *out, struct slice text) {
    bool plain = text.count > 0;
    for (size_t i = 0; i < text.count && plain; i++) {
        const char byte = text.bytes[i];
        plain = byte != '"' && byte != ',' && byte != '\n' && byte != '\r';
    }
    if (plain) {
        buffer_add(out, text);
        return;
    }
    buffer_add_byte(out, '"');
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] == '"') {
            buffer_add_byte(out, '"');
        }
        buffer_add_byte(out, (uint8_t)text.bytes[i]);
    }
    buffer_add_byte(out, '"');
}

static void add_csv_head(struct output *output) {
    for (int i = 0; i < output->count; i++) {
        const struct output_column *column = &output->columns[i];
        CLEANUP(buffer_done) struct buffer head;
        buffer_init(&head, OUTPUT_HELD_BYTES);
        buffer_add(&head, column->name);
        if (output->units && column->unit.count > 0) {
            buffer_print(&head, " (%.*s)", SLICE_ARGS(column->unit));
        }
        buffer_add_text(&output->text, i > 0 ? "," : "");
        add_cell(&output->text, buffer_slice(&head));
    }
    buffer_add_text(&output->text, "\r\n");
}

/* As it stands between commas, but for a text's quotes. */
static void add_plain(struct buffer *out, const struct output_column *column,
                      const struct question *question, int index) {
    switch (question_kind(question, index)) {
    case QUESTION_TEXT:
        buffer_add(out, question_text(question, index));
        return;
    case QUESTION_BYTES:
        add_hex(out, question_bytes(question, index));
        return;
    case QUESTION_NULL:
        return;
    case QUESTION_INTEGER:
    case QUESTION_REAL:
        add_number(out, column, question, index);
    }
}

static void add_csv_row(struct output *output, const struct question *question) {
    for (int i = 0; i < output->count; i++) {
        buffer_add_text(&output->text, i > 0 ? "," : "");
        if (question_kind(question, i) == QUESTION_TEXT) {
            add_cell(&output->text, question_text(question, i));
        } else {
            add_plain(&output->text, &output->columns[i], question, i);
        }
    }
    buffer_add_text(&output->text, "\r\n");
}

/* --- table ------------------------------------------------------------------------------------ */

/* Code points; a terminal's own width of them is not known here. */
static size_t columns_of(struct slice text) {
    size_t columns = 0;
    for (size_t i = 0; i < text.count; i++) {
        columns += ((unsigned char)text.bytes[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return columns;
}

/* What would move a terminal's cursor is a question mark, and what is long is cut. */
static void keep_cell(struct buffer *kept, struct slice text) {
    size_t columns = 0;
    for (size_t i = 0; i < text.count && columns < OUTPUT_CELL_COLUMNS; columns++) {
        const size_t count = text_next(slice_part(text, i, text.count));
        const unsigned char first = (unsigned char)text.bytes[i];
        const bool harmless = count > 0 && first >= ' ' && first != 0x7f &&
                              !(first == 0xc2 && (unsigned char)text.bytes[i + 1] < 0xa0);
        if (harmless) {
            buffer_add(kept, slice_part(text, i, i + count));
        } else {
            buffer_add_byte(kept, first == '\n' || first == '\t' ? ' ' : '?');
        }
        i += count > 0 ? count : 1;
    }
    buffer_add_byte(kept, '\0');
}

static void keep_row(struct output *output, const struct question *question) {
    CLEANUP(buffer_done) struct buffer cell;
    buffer_init(&cell, OUTPUT_BYTES_MAX);
    for (int i = 0; i < output->count; i++) {
        buffer_clear(&cell);
        add_plain(&cell, &output->columns[i], question, i);
        keep_cell(&output->kept, buffer_slice(&cell));
    }
}

static struct slice next_cell(const struct buffer *kept, size_t *at) {
    const struct slice cell = slice_of(kept->bytes + *at);
    *at += cell.count + 1;
    return cell;
}

static void pad(struct buffer *out, struct slice cell, size_t width, bool is_last) {
    buffer_add(out, cell);
    for (size_t at = columns_of(cell); !is_last && at < width + 2; at++) {
        buffer_add_byte(out, ' ');
    }
}

static void measure(struct output *output) {
    size_t at = 0;
    for (int i = 0; i < output->count; i++) {
        output->widths[i] = columns_of(output->columns[i].name);
    }
    for (int i = 0; at < output->kept.count; i = (i + 1) % output->count) {
        const size_t columns = columns_of(next_cell(&output->kept, &at));
        output->widths[i] = columns > output->widths[i] ? columns : output->widths[i];
    }
}

static void add_kept(struct output *output) {
    size_t at = 0;
    for (int i = 0; at < output->kept.count; i = (i + 1) % output->count) {
        const bool is_last = i + 1 == output->count;
        pad(&output->text, next_cell(&output->kept, &at), output->widths[i], is_last);
        buffer_add_text(&output->text, is_last ? "\n" : "");
    }
    buffer_clear(&output->kept);
}

static void begin_table(struct output *output) {
    measure(output);
    for (int i = 0; i < output->count; i++) {
        const bool is_last = i + 1 == output->count;
        pad(&output->text, output->columns[i].name, output->widths[i], is_last);
    }
    buffer_add_byte(&output->text, '\n');
    add_kept(output);
}

static void add_table_row(struct output *output, const struct question *question) {
    keep_row(output, question);
    if (output->kept.failed != STATUS_OK) {
        buffer_fail(&output->text, output->kept.failed);
        return;
    }
    if (output->rows + 1 == OUTPUT_TABLE_ROWS) {
        begin_table(output);
    } else if (output->rows >= OUTPUT_TABLE_ROWS) {
        add_kept(output);
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

static void begin(struct output *output) {
    if (output->format == OUTPUT_JSON) {
        add_head(output);
    } else if (output->format == OUTPUT_CSV) {
        add_csv_head(output);
    }
}

status output_row(struct output *output, const struct question *question, struct error *err) {
    static void (*const ADD[OUTPUT_FORMATS])(struct output *, const struct question *) = {
        add_row, add_object, add_csv_row, add_table_row};
    if (output->rows == 0) {
        begin(output);
    }
    ADD[output->format](output, question);
    output->rows++;
    return output->text.count >= OUTPUT_HELD_BYTES || output->text.failed != STATUS_OK
               ? flush(output, err)
               : STATUS_OK;
}

status output_end(struct output *output, struct error *err) {
    if (output->rows == 0) {
        begin(output);
    }
    if (output->format == OUTPUT_TABLE && output->rows < OUTPUT_TABLE_ROWS) {
        begin_table(output);
    }
    if (output->format == OUTPUT_JSON) {
        buffer_add_text(&output->text, output->truncated ? "\n],\"truncated\":true}\n" : "\n]}\n");
    }
    return flush(output, err);
}

void output_fail(struct output *output, const struct error *failed) {
    struct error err;
    if (!output->begun) {
        return;
    }
    if (output->text.failed != STATUS_OK) {
        buffer_clear(&output->text);
    }
    if (output->format == OUTPUT_JSON || output->format == OUTPUT_JSONL) {
        buffer_add_text(&output->text, output->format == OUTPUT_JSON ? "\n]," : "{");
        buffer_print(&output->text,
                     "\"error\":{\"class\":\"%s\",\"text\":", status_name(failed->code));
        json_write_text(&output->text, slice_of(failed->text));
        buffer_add_text(&output->text, "}}\n");
    } else {
        buffer_print(&output->text, "error: %s: %s\n", status_name(failed->code), failed->text);
    }
    (void)flush(output, &err); /* who does not take it has seen that it is not whole */
}
