// SPDX-License-Identifier: Apache-2.0
#include "hub/welcome.h"

#include <stdlib.h>

#include "hub/api/resources.h"
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

/* As `ebb hub token new` does. */
static status make_token(struct hub_daemon *hub, struct hub_call *call, struct error *err) {
    struct hub_session *session = hub->session;
    call->authority = hub->authority;
    call->addresses = slice_of(hub->addresses);
    call->method = SLICE("POST");
    call->body = SLICE("{}");
    call->now_ms = clock_wall_ms();
    TRY(session->kind->begin(session, err));
    status made = hub_tokens(call, hub_store_sqlite_database(session), err);
    if (made == STATUS_OK) {
        made = session->kind->commit(session, err);
    }
    if (made != STATUS_OK) {
        session->kind->rollback(session);
    }
    return made;
}

static status say_token(struct hub_daemon *hub, struct hub_call *call, FILE *out,
                        struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    TRY(make_token(hub, call, err));
    TRY(json_read(call->arena, buffer_slice(&call->out), &answer, err));
    (void)fprintf(out,
                  "This hub is new. To have a device join it, type there within an hour:\n\n"
                  "    ebb join %.*s\n\n"
                  "`ebb hub token new` makes a token for the next one.\n",
                  SLICE_ARGS(hub_call_text(answer, "token")));
    return STATUS_OK;
}

static status offer_token(struct hub_daemon *hub, FILE *out, struct error *err) {
    struct arena arena;
    struct hub_call call = {.arena = &arena};
    arena_init(&arena, ARENA_BYTES_MAX);
    buffer_init(&call.out, HUB_CALL_ANSWER_BYTES_MAX);
    const status said = say_token(hub, &call, out, err);
    buffer_done(&call.out);
    arena_done(&arena);
    return said;
}

status welcome(struct hub_daemon *hub, FILE *out, struct error *err) {
    bool offers = false;
    (void)fprintf(out, "Devices reach this hub as %s (it listens on %s).\n", hub->addresses,
                  device_port_address(hub->port));
    TRY(is_new(hub_store_sqlite_database(hub->session), &offers, err));
    if (offers && getenv("JOURNAL_STREAM") == NULL) {
        TRY(offer_token(hub, out, err));
    } else {
        (void)fprintf(out, "`ebb hub token new` makes a token by which a device joins.\n");
    }
    (void)fflush(out);
    return STATUS_OK;
}
