// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <assert.h>

struct table_row {
    struct table_row *next;
    const struct slice *cells;
};

enum { GAP_COLUMNS = 2, TEXT_COLUMNS_LEAST = 4 };

void table_init(struct table *table, struct arena *arena, const struct table_column *columns,
                size_t column_count) {
    assert(column_count > 0 && column_count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.arena = arena, .columns = columns, .column_count = column_count};
}

void table_add(struct table *table, const struct slice *cells) {
    struct table_row *row = arena_get(table->arena, 1, sizeof(*row));
    struct slice *kept = arena_get(table->arena, table->column_count, sizeof(*kept));
    if (row == NULL || kept == NULL) {
        table->failed = true;
        return;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        kept[i] = cells[i];
    }
    row->cells = kept;
    if (table->last != NULL) {
        table->last->next = row;
    } else {
        table->first = row;
    }
    table->last = row;
    table->row_count++;
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX]) {
    for (size_t i = 0; i < table->column_count; i++) {
        widths[i] = terminal_columns(slice_of(table->columns[i].head));
    }
    for (const struct table_row *row = table->first; row != NULL; row = row->next) {
        for (size_t i = 0; i < table->column_count; i++) {
            const size_t columns = terminal_columns(row->cells[i]);
            widths[i] = columns > widths[i] ? columns : widths[i];
        }
    }
}

/* Columns of text give way, always the widest of them; a number that is cut would be another. */
static void fit(const struct table *table, size_t widths[TABLE_COLUMNS_MAX], size_t most) {
    size_t all = (table->column_count - 1) * GAP_COLUMNS;
    for (size_t i = 0; i < table->column_count; i++) {
        all += widths[i];
    }
    while (all > most) {
        size_t *widest = NULL;
        for (size_t i = 0; i < table->column_count; i++) {
            const bool gives = !table->columns[i].right && widths[i] > TEXT_COLUMNS_LEAST;
            if (gives && (widest == NULL || widths[i] >= *widest)) {
                widest = &widths[i];
            }
        }
        if (widest == NULL) {
            return;
        }
        --*widest;
        --all;
    }
}

static void write_blanks(FILE *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)fputc(' ', out);
    }
}

/* The text's first `columns` columns. */
static struct slice cut(struct slice text, size_t columns) {
    size_t to = text.count;
    while (terminal_columns(slice_part(text, 0, to)) > columns) {
        to--;
    }
    return slice_part(text, 0, to);
}

static void write_row(const struct table *table, const struct slice *cells, const size_t *widths,
                      FILE *out, const struct terminal *terminal, bool is_head) {
    size_t at = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        struct slice cell = cut(cells[i], widths[i]);
        const bool is_last = i + 1 == table->column_count;
        if (is_last && terminal->width > at && terminal_columns(cell) > terminal->width - at) {
            cell = cut(cell, terminal->width - at);
        }
        const size_t columns = terminal_columns(cell);
        const size_t blanks = widths[i] > columns ? widths[i] - columns : 0;
        if (table->columns[i].right) {
            write_blanks(out, blanks);
        }
        terminal_paint(out, terminal->out_colour, is_head ? COLOUR_BOLD : COLOUR_NONE, cell);
        if (!is_last) {
            write_blanks(out, (table->columns[i].right ? 0 : blanks) + GAP_COLUMNS);
        }
        at += widths[i] + GAP_COLUMNS;
    }
    (void)fputc('\n', out);
}

status table_write(const struct table *table, FILE *out, const struct terminal *terminal,
                   struct error *err) {
    if (table->failed) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a table of %zu rows", table->row_count);
    }
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    measure(table, widths);
    if (terminal->width > 0) {
        fit(table, widths, terminal->width);
    }
    struct slice heads[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++) {
        heads[i] = slice_of(table->columns[i].head);
    }
    write_row(table, heads, widths, out, terminal, true);
    for (const struct table_row *row = table->first; row != NULL; row = row->next) {
        write_row(table, row->cells, widths, out, terminal, false);
    }
    return STATUS_OK;
}
