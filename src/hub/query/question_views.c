// SPDX-License-Identifier: Apache-2.0
#include "hub/query/question_views.h"

#include "base/text.h"
#include "hub/query/question_functions.h"
#include "platform/json.h"

enum { SCRIPT_BYTES_MAX = 1 << 20, NUMBER_BYTES_MAX = 12 };

/* Text between quotes of that kind, which are doubled inside. */
static void add_quoted(struct buffer *out, struct slice text, char quote) {
    buffer_add_byte(out, (uint8_t)quote);
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] == quote) {
            buffer_add_byte(out, (uint8_t)quote);
        }
        buffer_add_byte(out, (uint8_t)text.bytes[i]);
    }
    buffer_add_byte(out, (uint8_t)quote);
}

/* --- views ------------------------------------------------------------------------------------ */

static void add_expression(struct buffer *out, const struct catalogue_column *column) {
    if (column->expression.count > 0) {
        buffer_add(out, column->expression);
        return;
    }
    buffer_add_text(out,
                    catalogue_is_json(column->type) ? "ebb_part(r.body," : "ebb_field(r.body,");
    add_quoted(out, column->member, '\'');
    buffer_add_byte(out, ')');
}

static status run_script(struct database *database, struct buffer *script, struct error *err) {
    buffer_add_byte(script, '\0');
    TRY(buffer_status(script, err));
    return database_run(database, script->bytes, err);
}

/* Where two have one name the first keeps it. */
static status make_view(struct database *database, const struct catalogue_view *view,
                        struct slice name, struct error *err) {
    CLEANUP(buffer_done) struct buffer script;
    buffer_init(&script, SCRIPT_BYTES_MAX);
    buffer_add_text(&script, "CREATE TEMP VIEW IF NOT EXISTS ");
    add_quoted(&script, name, '"');
    buffer_add_text(&script, " AS SELECT ");
    for (uint32_t i = 0; i < view->count; i++) {
        buffer_add_text(&script, i > 0 ? "," : "");
        add_expression(&script, &view->columns[i]);
        buffer_add_text(&script, " AS ");
        add_quoted(&script, view->columns[i].name, '"');
    }
    buffer_add_byte(&script, ' ');
    buffer_add(&script, view->from);
    return run_script(database, &script, err);
}

status question_views_make(const struct catalogue *catalogue, struct database *database,
                           struct question_streams *streams, struct error *err) {
    TRY(database_add_functions(database, QUESTION_FUNCTIONS, streams, err));
    for (uint32_t i = 0; i < catalogue->count; i++) {
        const struct catalogue_view *view = &catalogue->views[i];
        TRY(make_view(database, view, view->name, err));
        if (view->alias.count > 0) {
            TRY(make_view(database, view, view->alias, err));
        }
    }
    return STATUS_OK;
}

/* --- the mirror ------------------------------------------------------------------------------- */

/* A column is declared as "c", the number of its view, "_" and its own. */
static status make_table(struct database *mirror, const struct catalogue *catalogue, uint32_t index,
                         struct slice name, struct error *err) {
    const struct catalogue_view *view = &catalogue->views[index];
    CLEANUP(buffer_done) struct buffer script;
    buffer_init(&script, SCRIPT_BYTES_MAX);
    buffer_add_text(&script, "CREATE TABLE IF NOT EXISTS ");
    add_quoted(&script, name, '"');
    buffer_add_byte(&script, '(');
    for (uint32_t i = 0; i < view->count; i++) {
        buffer_add_text(&script, i > 0 ? "," : "");
        add_quoted(&script, view->columns[i].name, '"');
        buffer_print(&script, " c%u_%u", index, i);
    }
    buffer_add_byte(&script, ')');
    return run_script(mirror, &script, err);
}

static status make_tables(struct database *mirror, const struct catalogue *catalogue,
                          struct error *err) {
    TRY(database_add_functions(mirror, QUESTION_FUNCTIONS, NULL, err));
    for (uint32_t i = 0; i < catalogue->count; i++) {
        TRY(make_table(mirror, catalogue, i, catalogue->views[i].name, err));
        if (catalogue->views[i].alias.count > 0) {
            TRY(make_table(mirror, catalogue, i, catalogue->views[i].alias, err));
        }
    }
    return STATUS_OK;
}

/* What the mirror's tables are called, a question may read there: rules would forbid nothing more
 * than the true ones do. */
status question_views_mirror(const struct catalogue *catalogue, struct database **out_mirror,
                             struct error *err) {
    const struct database_guest_options options = {.path = NULL};
    struct database *mirror = NULL;
    TRY(database_open_guest(&options, &mirror, err));
    const status made = make_tables(mirror, catalogue, err);
    if (made != STATUS_OK) {
        database_close(mirror);
        return made;
    }
    *out_mirror = mirror;
    return STATUS_OK;
}

const struct catalogue_column *question_views_column(const struct catalogue *catalogue,
                                                     struct slice declared) {
    const size_t between = slice_find(declared, '_');
    uint64_t view = 0;
    uint64_t column = 0;
    if (slice_starts(declared, "c") &&
        text_number(slice_part(declared, 1, between), CATALOGUE_VIEWS_MAX, &view) &&
        text_number(slice_part(declared, between + 1, declared.count), GUEST_COLUMNS_MAX,
                    &column) &&
        view < catalogue->count && column < catalogue->views[view].count) {
        return &catalogue->views[view].columns[column];
    }
    return NULL;
}

/* --- the list --------------------------------------------------------------------------------- */

void question_views_write_column(struct buffer *out, struct slice name, struct slice type,
                                 struct slice unit) {
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, name);
    buffer_add_text(out, ",\"type\":");
    json_write_text(out, type);
    if (unit.count > 0) {
        buffer_add_text(out, ",\"unit\":");
        json_write_text(out, unit);
    }
    buffer_add_byte(out, '}');
}

static void write_view(struct buffer *out, const struct catalogue_view *view) {
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, view->alias.count > 0 ? view->alias : view->name);
    buffer_add_text(out, ",\"help\":");
    json_write_text(out, view->help);
    buffer_add_text(out, ",\"columns\":[");
    for (uint32_t i = 0; i < view->count; i++) {
        const struct catalogue_column *column = &view->columns[i];
        buffer_add_text(out, i > 0 ? "," : "");
        question_views_write_column(out, column->name, column->type, column->unit);
    }
    buffer_add_text(out, "]}");
}

void question_views_list(const struct catalogue *catalogue, struct buffer *out) {
    buffer_add_text(out, "{\"tables\":[");
    for (uint32_t i = 0; i < catalogue->count; i++) {
        buffer_add_text(out, i > 0 ? ",\n" : "\n");
        write_view(out, &catalogue->views[i]);
    }
    buffer_add_text(out, "\n]}\n");
}
