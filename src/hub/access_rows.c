// SPDX-License-Identifier: Apache-2.0
#include "hub/access_rows.h"

#include <stdio.h>

#include "hub/device_rows.h"
#include "hub/people/rights.h"
#include "hub/registry_sql.h"
#include "hub/row.h"
#include "platform/random.h"

static const char PREFIX[] = "ebba_";

static struct digest verifier_of(struct id secret) {
    return hash_256(id_slice(&secret));
}

void access_token_make(struct access_row *row, char out_token[ACCESS_TOKEN_BYTES + 1]) {
    char id[ID_HEX_BYTES + 1];
    char secret[ID_HEX_BYTES + 1];
    const struct id chance = random_id();
    row->id = random_id();
    row->stream = random_id();
    row->verifier = verifier_of(chance);
    id_write_hex(row->id, id);
    id_write_hex(chance, secret);
    (void)snprintf(out_token, ACCESS_TOKEN_BYTES + 1, "%s%s%s", PREFIX, id, secret);
}

static struct access_row read_row(const struct query *query) {
    struct access_row row = {.id = row_id(query, 0),
                             .verifier = row_digest(query, 1),
                             .device = row_id(query, 2),
                             .stream = row_id(query, 3),
                             .created_ms = query_number(query, 4),
                             .used_ms = query_number(query, 5),
                             .rights = (unsigned)query_number(query, 6),
                             .expires_ms = query_number(query, 7)};
    (void)snprintf(row.name, sizeof(row.name), "%.*s", SLICE_ARGS(query_text(query, 8)));
    return row;
}

static bool read_token(struct slice token, struct id *out_id, struct id *out_secret) {
    const size_t from = sizeof(PREFIX) - 1;
    return token.count == ACCESS_TOKEN_BYTES && slice_starts(token, PREFIX) &&
           id_read(slice_part(token, from, from + ID_HEX_BYTES), out_id) &&
           id_read(slice_part(token, from + ID_HEX_BYTES, token.count), out_secret);
}

static status get(struct database *database, struct id id, struct access_row *row, bool *out_found,
                  struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_GET);
    query_bind_bytes(&query, id_slice(&id));
    *out_found = query_next(&query);
    if (*out_found) {
        *row = read_row(&query);
    }
    return query_status(&query, err);
}

/* A token whose program was revoked as a device is is good for nothing. */
static status check_device(struct database *database, const struct access_row *row,
                           struct error *err) {
    if (id_is_zero(row->device)) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_STATE);
    int64_t state = DEVICE_ACTIVE;
    query_bind_bytes(&query, id_slice(&row->device));
    TRY(query_one_number(&query, &state, err));
    return state == DEVICE_ACTIVE ? STATUS_OK
                                  : fail(err, STATUS_DENIED, "'%s' is %s", row->name,
                                         device_state_name((enum device_state)state));
}

status access_rows_find(struct database *database, struct slice token, struct access_row *out_row,
                        struct error *err) {
    struct id id;
    struct id secret;
    bool found = false;
    if (read_token(token, &id, &secret)) {
        TRY(get(database, id, out_row, &found, err));
    }
    return found && digest_equal(out_row->verifier, verifier_of(secret))
               ? STATUS_OK
               : fail(err, STATUS_DENIED,
                      "this is no token for access that this hub has given; `ebb hub access new "
                      "NAME` makes one");
}

status access_rows_check(struct database *database, const struct access_row *row, unsigned rights,
                         int64_t now_ms, struct error *err) {
    if (row->expires_ms != 0 && row->expires_ms <= now_ms) {
        return fail(err, STATUS_DENIED,
                    "the time of this token for access is up; `ebb hub access new %s` makes one",
                    row->name);
    }
    if ((row->rights & rights) != rights) {
        char may[RIGHTS_TEXT_BYTES];
        rights_write(row->rights, may);
        return fail(err, STATUS_DENIED, "this token for access may %s, and nothing else", may);
    }
    return check_device(database, row, err);
}

status access_rows_note(struct database *database, struct id id, int64_t now_ms,
                        struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_USED);
    query_bind_bytes(&query, id_slice(&id));
    query_bind_number(&query, now_ms);
    return query_run(&query, err);
}

status access_rows_put(struct database *database, const struct access_row *row, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_PUT);
    query_bind_bytes(&query, id_slice(&row->id));
    query_bind_bytes(&query, digest_slice(&row->verifier));
    query_bind_bytes(&query, id_slice(&row->device));
    query_bind_bytes(&query, id_slice(&row->stream));
    query_bind_number(&query, row->created_ms);
    query_bind_number(&query, row->rights);
    query_bind_number(&query, row->expires_ms);
    query_bind_text_or_null(&query, slice_of(id_is_zero(row->device) ? row->name : ""));
    return query_run(&query, err);
}

status access_rows_remove(struct database *database, struct id id, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_REMOVE);
    query_bind_bytes(&query, id_slice(&id));
    TRY(query_run(&query, err));
    return database_changes(database) > 0
               ? STATUS_OK
               : fail(err, STATUS_NOT_FOUND,
                      "this hub has no such access; `ebb hub access list` shows those it has");
}

status access_rows_list(struct database *database, struct arena *arena,
                        struct access_row **out_rows, int *out_count, struct error *err) {
    struct access_row *rows = arena_get(arena, ACCESS_LISTED_MAX, sizeof(*rows));
    int count = 0;
    if (rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a list");
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_LIST);
    query_bind_number(&query, ACCESS_LISTED_MAX);
    while (count < ACCESS_LISTED_MAX && query_next(&query)) {
        rows[count++] = read_row(&query);
    }
    TRY(query_status(&query, err));
    *out_rows = rows;
    *out_count = count;
    return STATUS_OK;
}

status access_rows_is_program(struct database *database, struct id device, bool *out_is,
                              struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_IS_PROGRAM);
    int64_t count = 0;
    query_bind_bytes(&query, id_slice(&device));
    TRY(query_one_number(&query, &count, err));
    *out_is = count > 0;
    return STATUS_OK;
}

status access_rows_has_result(struct database *database, struct id first_id, struct id stream,
                              bool *out_held, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ACCESS_HAS_RESULT);
    int64_t count = 0;
    query_bind_bytes(&query, id_slice(&first_id));
    query_bind_bytes(&query, id_slice(&stream));
    TRY(query_one_number(&query, &count, err));
    *out_held = count > 0;
    return STATUS_OK;
}
