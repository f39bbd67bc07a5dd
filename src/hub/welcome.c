// SPDX-License-Identifier: Apache-2.0
#include "hub/welcome.h"

#include <stdlib.h>

#include "hub/api/resources.h"
#include "hub/people/person_rows.h"
#include "hub/people_port.h"
#include "hub/registry_sql.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "platform/json.h"

enum { ARENA_BYTES_MAX = 1 << 20 };

static status is_new(struct database *database, bool *out_new, struct error *err) {
    int64_t answer = 0;
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_IS_NEW);
    TRY(query_one_number(&query, &answer, err));
    *out_new = answer != 0;
    return STATUS_OK;
}

/* As `ebb hub token new` and `ebb hub person new` do. */
static status make(struct hub_daemon *hub, hub_handler *handler, struct hub_call *call,
                   struct error *err) {
    struct hub_session *session = hub->session;
    call->authority = hub->authority;
    call->addresses = slice_of(hub->addresses);
    call->method = SLICE("POST");
    call->now_ms = clock_wall_ms();
    call->caller.rights = ROLE_ADMIN;
    TRY(session->kind->begin(session, err));
    status made = handler(call, hub_store_sqlite_database(session), err);
    if (made == STATUS_OK) {
        made = session->kind->commit(session, err);
    }
    if (made != STATUS_OK) {
        session->kind->rollback(session);
    }
    return made;
}

typedef status sayer(struct hub_daemon *hub, struct hub_call *call, FILE *out, struct error *err);

static status say_token(struct hub_daemon *hub, struct hub_call *call, FILE *out,
                        struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    call->body = SLICE("{}");
    TRY(make(hub, hub_tokens, call, err));
    TRY(json_read(call->arena, buffer_slice(&call->out), &answer, err));
    (void)fprintf(out,
                  "This hub is new. To have a device join it, type there within an hour:\n\n"
                  "    ebb join %.*s\n\n"
                  "`ebb hub token new` makes a token for the next one.\n",
                  SLICE_ARGS(hub_call_text(answer, "token")));
    return STATUS_OK;
}

static status say_password(struct hub_daemon *hub, struct hub_call *call, FILE *out,
                           struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    char url[PEOPLE_URL_BYTES];
    call->body = SLICE("{\"name\":\"admin\",\"role\":\"admin\"}");
    TRY(make(hub, hub_people, call, err));
    TRY(json_read(call->arena, buffer_slice(&call->out), &answer, err));
    people_port_url(hub->people, url);
    (void)fprintf(out,
                  "Its page is %s\nLog in there as admin, with the password %.*s, which is to be "
                  "changed then.\n",
                  url, SLICE_ARGS(hub_call_text(answer, "password")));
    return STATUS_OK;
}

static status offer(struct hub_daemon *hub, sayer *say, FILE *out, struct error *err) {
    struct arena arena;
    struct hub_call call = {.arena = &arena};
    arena_init(&arena, ARENA_BYTES_MAX);
    buffer_init(&call.out, HUB_CALL_ANSWER_BYTES_MAX);
    const status said = say(hub, &call, out, err);
    buffer_done(&call.out);
    arena_done(&arena);
    return said;
}

static status welcome_people(struct hub_daemon *hub, bool may_tell, FILE *out, struct error *err) {
    struct error nobody;
    char url[PEOPLE_URL_BYTES];
    struct database *database = hub_store_sqlite_database(hub->session);
    const bool has_admin = person_rows_check_admins(database, &nobody) == STATUS_OK;
    if (!has_admin && may_tell) {
        return offer(hub, say_password, out, err);
    }
    people_port_url(hub->people, url);
    (void)fprintf(out, "Its page is %s%s\n", url,
                  has_admin ? ""
                            : " (`ebb hub person new NAME --role admin` makes the first log-in)");
    return STATUS_OK;
}

status welcome(struct hub_daemon *hub, FILE *out, struct error *err) {
    const bool may_tell = getenv("JOURNAL_STREAM") == NULL; /* no secrets in a log */
    bool offers = false;
    (void)fprintf(out, "Devices reach this hub as %s (it listens on %s).\n", hub->addresses,
                  device_port_address(hub->port));
    TRY(is_new(hub_store_sqlite_database(hub->session), &offers, err));
    if (offers && may_tell) {
        TRY(offer(hub, say_token, out, err));
    } else {
        (void)fprintf(out, "`ebb hub token new` makes a token by which a device joins.\n");
    }
    if (hub->people != NULL) {
        TRY(welcome_people(hub, may_tell, out, err));
    } else {
        (void)fprintf(out, "With --people 127.0.0.1:8080 it shows a page.\n");
    }
    (void)fflush(out);
    return STATUS_OK;
}
