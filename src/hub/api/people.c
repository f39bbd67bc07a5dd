// SPDX-License-Identifier: Apache-2.0
#include "hub/api/resources.h"
#include "hub/people/deed_rows.h"
#include "hub/people/person_rows.h"
#include "hub/people/session_rows.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { QUERY_WHO, QUERY_WORDS, QUERY_SINCE, QUERY_BEFORE, DEEDS_SHOWN = 100 };

/* --- people ----------------------------------------------------------------------------------- */

static void write_person(struct hub_call *call, const struct person_row *row) {
    struct buffer *out = &call->out;
    hub_call_write_text(out, "name", slice_of(row->name));
    buffer_print(out, ",\"role\":\"%s\",\"must_change\":%s,\"locked\":%s,\"has_password\":%s,",
                 role_name(row->rights), row->must_change ? "true" : "false",
                 row->locked_ms > call->now_ms ? "true" : "false",
                 row->verifier[0] != '\0' ? "true" : "false");
    hub_call_write_time(out, "created_at", row->created_ms);
}

struct listing {
    struct hub_call *call;
    struct database *database;
    const char *between;
};

static status list_one(void *owner, const struct person_row *row, struct error *err) {
    struct listing *listing = owner;
    struct hub_call *call = listing->call;
    buffer_print(&call->out, "%s{", listing->between);
    write_person(call, row);
    buffer_add_text(&call->out, ",\"sessions\":");
    TRY(session_rows_write(listing->database, slice_of(row->name), call->now_ms, &call->out, err));
    buffer_add_byte(&call->out, '}');
    listing->between = ",";
    return STATUS_OK;
}

static status list(struct hub_call *call, struct database *database, struct error *err) {
    struct listing listing = {.call = call, .database = database, .between = ""};
    buffer_add_text(&call->out, "{\"people\":[");
    TRY(person_rows_each(database, list_one, &listing, err));
    buffer_add_text(&call->out, "]}\n");
    return buffer_status(&call->out, err);
}

/* The answer to every change; with a password that was made just now, which is told once. */
static status changed(struct hub_call *call, struct database *database,
                      const struct person_row *row, const char *password, struct error *err) {
    TRY(person_rows_put(database, row, err));
    TRY(person_rows_check_admins(database, err));
    buffer_add_byte(&call->out, '{');
    write_person(call, row);
    if (password != NULL) {
        buffer_add_byte(&call->out, ',');
        hub_call_write_text(&call->out, "password", slice_of(password));
        call->has_secret = true;
    }
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}

static status read_role(struct slice name, unsigned *out_rights, struct error *err) {
    *out_rights = role_from_name(name);
    return *out_rights != 0
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "`role` is viewer, operator or admin, not '%.*s'",
                      SLICE_ARGS(slice_part(name, 0, 40)));
}

static status make(struct hub_call *call, struct database *database, struct error *err) {
    struct value body;
    struct error none;
    char password[PASSWORD_RANDOM_BYTES];
    struct person_row row = {.created_ms = call->now_ms, .must_change = true};
    TRY(hub_call_body(call, &body, err));
    const struct slice name = hub_call_text(body, "name");
    const struct value *has_password = value_get(body, SLICE("password"));
    TRY(person_check_name(name, err));
    TRY(read_role(hub_call_text(body, "role"), &row.rights, err));
    if (person_rows_get(database, name, &row, &none) == STATUS_OK) {
        return fail(err, STATUS_CONFLICT, "'%s' is there already", row.name);
    }
    (void)snprintf(row.name, sizeof(row.name), "%.*s", SLICE_ARGS(name));
    if (has_password != NULL && has_password->kind == VALUE_BOOLEAN && !has_password->boolean) {
        row.must_change = false;
        return changed(call, database, &row, NULL, err); /* who comes by a proxy */
    }
    TRY(password_make_random(password, row.verifier, err));
    return changed(call, database, &row, password, err);
}

static status reset(struct hub_call *call, struct database *database, struct person_row *row,
                    struct error *err) {
    char password[PASSWORD_RANDOM_BYTES];
    TRY(password_make_random(password, row->verifier, err));
    TRY(session_rows_end_all(database, slice_of(row->name), (struct digest){0}, err));
    row->must_change = true;
    row->wrong = 0;
    row->locked_ms = 0;
    return changed(call, database, row, password, err);
}

static status change(struct hub_call *call, struct database *database, struct person_row *row,
                     struct error *err) {
    if (slice_is(call->verb, "reset")) {
        return reset(call, database, row, err);
    }
    if (slice_is(call->verb, "unlock")) {
        row->wrong = 0;
        row->locked_ms = 0;
    } else if (slice_is(call->verb, "log-out")) {
        TRY(session_rows_end_all(database, slice_of(row->name), (struct digest){0}, err));
    } else if (slice_is(call->verb, "role")) {
        struct value body;
        TRY(hub_call_body(call, &body, err));
        TRY(read_role(hub_call_text(body, "role"), &row->rights, err));
    } else {
        return fail(err, STATUS_NOT_FOUND,
                    "a person knows role, reset, unlock and log-out, not '%.*s'",
                    SLICE_ARGS(slice_part(call->verb, 0, 64)));
    }
    return changed(call, database, row, NULL, err);
}

static status remove_person(struct hub_call *call, struct database *database,
                            const struct person_row *row, struct error *err) {
    TRY(person_rows_remove(database, slice_of(row->name), err));
    TRY(person_rows_check_admins(database, err));
    buffer_add_text(&call->out, "{}\n");
    return buffer_status(&call->out, err);
}

status hub_people(struct hub_call *call, struct database *database, struct error *err) {
    struct person_row row;
    TRY(caller_needs(&call->caller, RIGHT_ADMIN, err));
    if (call->item.count == 0) {
        return slice_is(call->method, "POST") ? make(call, database, err)
                                              : list(call, database, err);
    }
    TRY(person_rows_get(database, call->item, &row, err));
    return call->verb.count > 0 ? change(call, database, &row, err)
                                : remove_person(call, database, &row, err);
}

/* --- deeds ------------------------------------------------------------------------------------ */

static status read_number(struct slice text, const char *name, int64_t *out, struct error *err) {
    uint64_t number = 0;
    if (text.count > 0 && !text_number(text, INT64_MAX, &number)) {
        return fail(err, STATUS_INVALID, "%s=%.*s is no whole number", name,
                    SLICE_ARGS(slice_part(text, 0, 40)));
    }
    *out = (int64_t)number;
    return STATUS_OK;
}

status hub_deeds(struct hub_call *call, struct database *database, struct error *err) {
    struct deed_query wish = {
        .who = call->queries[QUERY_WHO], .words = call->queries[QUERY_WORDS], .limit = DEEDS_SHOWN};
    TRY(caller_needs(&call->caller, RIGHT_OPERATE, err));
    TRY(read_number(call->queries[QUERY_SINCE], "since", &wish.since_ms, err));
    TRY(read_number(call->queries[QUERY_BEFORE], "before", &wish.before, err));
    return deed_rows_list(database, &wish, &call->out, err);
}
