// SPDX-License-Identifier: Apache-2.0
#include "hub/device_rows.h"

#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "hub/registry_sql.h"
#include "hub/row.h"

enum { NAME_BYTES_MAX = 63, NAME_TRIES_MAX = 9, NAME_END_BYTES_MAX = 10, SHOWN_MAX = 64 };

const char *device_state_name(enum device_state state) {
    static const char *const NAMES[] = {"active", "revoked", "left", "removed"};
    return NAMES[state];
}

static enum device_state read_state(int64_t number) {
    return number >= DEVICE_ACTIVE && number <= DEVICE_REMOVED ? (enum device_state)number
                                                               : DEVICE_REVOKED;
}

static status read_row(const struct query *query, struct arena *arena, struct device_row *out,
                       struct error *err) {
    *out = (struct device_row){.id = row_id(query, 0),
                               .state = read_state(query_number(query, 4)),
                               .created_ms = query_number(query, 5),
                               .contact_ms = query_number(query, 6)};
    TRY(row_text(query, 1, arena, &out->name, err));
    TRY(row_text(query, 2, arena, &out->labels, err));
    return row_text(query, 3, arena, &out->facts, err);
}

static status read_one(struct query *query, struct arena *arena, struct slice asked,
                       struct device_row *out_row, struct error *err) {
    if (query_next(query)) {
        return read_row(query, arena, out_row, err);
    }
    TRY(query_status(query, err));
    return fail(err, STATUS_NOT_FOUND,
                "this hub has no device '%.*s'; `ebb hub device list` shows those that it has",
                SLICE_ARGS(slice_part(asked, 0, SHOWN_MAX)));
}

status device_rows_get(struct database *database, struct arena *arena, struct id id,
                       struct device_row *out_row, struct error *err) {
    char text[ID_UUID_BYTES + 1];
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_GET);
    id_write_uuid(id, text);
    query_bind_bytes(&query, id_slice(&id));
    return read_one(&query, arena, slice_of(text), out_row, err);
}

status device_rows_find(struct database *database, struct arena *arena, struct slice name_or_id,
                        struct device_row *out_row, struct error *err) {
    struct id id;
    if (id_read(name_or_id, &id)) {
        TRY(device_rows_get(database, arena, id, out_row, err));
        return out_row->state != DEVICE_REMOVED
                   ? STATUS_OK
                   : fail(err, STATUS_NOT_FOUND, "device '%.*s' was removed from this hub",
                          SLICE_ARGS(name_or_id));
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_NAMED);
    query_bind_text(&query, name_or_id);
    return read_one(&query, arena, name_or_id, out_row, err);
}

status device_rows_put(struct database *database, const struct device_row *row, struct error *err) {
    assert(text_is_name(row->name));
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_PUT);
    query_bind_bytes(&query, id_slice(&row->id));
    query_bind_text(&query, row->name);
    query_bind_text(&query, row->labels);
    query_bind_text(&query, row->facts);
    query_bind_number(&query, row->state);
    query_bind_number(&query, row->created_ms);
    query_bind_number(&query, row->contact_ms);
    return query_run(&query, err);
}

/* --- names ------------------------------------------------------------------------------------ */

/* Letters small, everything else a hyphen: what a host is called, as a name of ours. */
static void write_name(struct slice wish, char out_name[NAME_BYTES_MAX + 1]) {
    size_t count = 0;
    for (size_t i = 0; i < wish.count && count < NAME_BYTES_MAX - NAME_END_BYTES_MAX; i++) {
        const char c = wish.bytes[i];
        const char small = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        const bool is_letter = small >= 'a' && small <= 'z';
        if (count == 0 && !is_letter) {
            continue;
        }
        out_name[count++] = is_letter || (small >= '0' && small <= '9') ? small : '-';
    }
    while (count > 0 && out_name[count - 1] == '-') {
        count--;
    }
    out_name[count] = '\0';
    if (count == 0) {
        (void)snprintf(out_name, NAME_BYTES_MAX + 1, "device");
    }
}

static status name_is_free(struct database *database, const char *name, struct id id,
                           bool *out_free, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_NAMED);
    query_bind_text(&query, slice_of(name));
    *out_free = !query_next(&query) || id_equal(row_id(&query, 0), id);
    return query_status(&query, err);
}

status device_rows_free_name(struct database *database, struct arena *arena, struct slice wish,
                             struct id id, struct slice *out_name, struct error *err) {
    char base[NAME_BYTES_MAX + 1], name[NAME_BYTES_MAX + 1];
    bool is_free = false;
    write_name(wish, base);
    (void)snprintf(name, sizeof(name), "%s", base);
    TRY(name_is_free(database, name, id, &is_free, err));
    for (int i = 2; !is_free && i <= NAME_TRIES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%.*s-%d", NAME_BYTES_MAX - NAME_END_BYTES_MAX, base, i);
        TRY(name_is_free(database, name, id, &is_free, err));
    }
    if (!is_free) {
        /* Of many of one name each is told by the start of its id. */
        (void)snprintf(name, sizeof(name), "%.*s-%02x%02x%02x%02x",
                       NAME_BYTES_MAX - NAME_END_BYTES_MAX, base, id.bytes[0], id.bytes[1],
                       id.bytes[2], id.bytes[3]);
        TRY(name_is_free(database, name, id, &is_free, err));
    }
    if (!is_free) {
        return fail(err, STATUS_CONFLICT, "too many devices are called '%s': choose another name",
                    base);
    }
    *out_name = arena_copy(arena, slice_of(name));
    return out_name->bytes != NULL ? STATUS_OK
                                   : fail(err, STATUS_NO_MEMORY, "no memory for a name");
}

/* --- many ------------------------------------------------------------------------------------- */

status device_rows_list(struct database *database, struct arena *arena, struct slice after,
                        struct device_row **out_rows, int *out_count, struct error *err) {
    struct device_row *rows = arena_get(arena, DEVICE_LISTED_MAX, sizeof(*rows));
    int count = 0;
    if (rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a list of devices");
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_LIST);
    query_bind_text(&query, after);
    query_bind_number(&query, DEVICE_LISTED_MAX);
    while (count < DEVICE_LISTED_MAX && query_next(&query)) {
        TRY(read_row(&query, arena, &rows[count], err));
        count++;
    }
    TRY(query_status(&query, err));
    *out_rows = rows;
    *out_count = count;
    return STATUS_OK;
}

status device_rows_each(struct database *database,
                        status (*each)(void *owner, const struct device_row *row,
                                       struct error *err),
                        void *owner, struct error *err) {
    struct arena arena;
    status code = STATUS_OK;
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_ALL);
    arena_init(&arena, 1 << 20);
    while (code == STATUS_OK && query_next(&query)) {
        struct device_row row;
        arena_reset(&arena);
        code = read_row(&query, &arena, &row, err);
        if (code == STATUS_OK) {
            code = each(owner, &row, err);
        }
    }
    arena_done(&arena);
    return code == STATUS_OK ? query_status(&query, err) : code;
}

/* --- for the registry, and from it ------------------------------------------------------------ */

status device_rows_changed(struct database *database, struct arena *arena, struct id id,
                           struct device_change *change, struct error *err) {
    assert(change->count < DEVICE_CHANGE_MAX);
    struct device_view *view = &change->views[change->count];
    struct certificate_row *rows = NULL;
    int count = 0;
    *view = (struct device_view){0};
    TRY(device_rows_get(database, arena, id, &view->row, err));
    TRY(certificate_rows_list(database, arena, id, CERTIFICATE_VIEWS_MAX, &rows, &count, err));
    for (int i = 0; i < count; i++) {
        view->certificates[i] = (struct certificate_view){.fingerprint = rows[i].fingerprint,
                                                          .revoked = rows[i].revoked_ms != 0,
                                                          .replaced = rows[i].replaced_ms != 0};
    }
    view->certificate_count = count;
    change->count++;
    return STATUS_OK;
}

static status write_note(struct database *database, const struct device_note *note,
                         struct error *err) {
    CLEANUP(query_done) struct query contact = query_on(database, SQL_DEVICE_CONTACT);
    query_bind_bytes(&contact, digest_slice(&note->fingerprint));
    query_bind_number(&contact, note->contact_ms);
    TRY(query_run(&contact, err));
    if (!note->replaces) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query replace = query_on(database, SQL_CERTIFICATE_REPLACE);
    query_bind_bytes(&replace, digest_slice(&note->fingerprint));
    query_bind_number(&replace, note->contact_ms);
    return query_run(&replace, err);
}

status device_rows_write_notes(struct database *database, const struct device_notes *notes,
                               struct error *err) {
    for (int i = 0; i < notes->count; i++) {
        TRY(write_note(database, &notes->items[i], err));
    }
    return STATUS_OK;
}
