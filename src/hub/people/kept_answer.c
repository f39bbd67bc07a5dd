// SPDX-License-Identifier: Apache-2.0
#include "hub/people/kept_answer.h"

#include "hub/people/people_sql.h"
#include "hub/row.h"

/* Method, path and body; the key itself is in the row. */
static struct digest request_of(const struct hub_call *call, struct slice path) {
    const struct digest head = hash_256(path);
    return hash_mac(digest_slice(&head), call->method, call->body);
}

static status check_key(struct slice key, struct error *err) {
    bool is_good = key.count <= KEPT_ANSWER_KEY_BYTES_MAX;
    for (size_t i = 0; i < key.count; i++) {
        is_good = is_good && key.bytes[i] >= ' ' && key.bytes[i] <= '~';
    }
    return is_good ? STATUS_OK
                   : fail(err, STATUS_INVALID, "an Idempotency-Key has at most %d signs of ASCII",
                          KEPT_ANSWER_KEY_BYTES_MAX);
}

status kept_answer_find(struct hub_call *call, struct slice path, struct database *database,
                        bool *out_found, struct error *err) {
    *out_found = false;
    TRY(check_key(call->key, err));
    CLEANUP(query_done) struct query query = query_on(database, SQL_ANSWER_GET);
    query_bind_text(&query, slice_of(call->caller.name));
    query_bind_text(&query, call->key);
    if (!query_next(&query)) {
        return query_status(&query, err);
    }
    if (!digest_equal(row_digest(&query, 0), request_of(call, path))) {
        return fail(err, STATUS_CONFLICT,
                    "this Idempotency-Key was used for another request: take a new one");
    }
    if (query_text(&query, 2).count == 0) {
        return fail(err, STATUS_CONFLICT,
                    "this was done already, and its answer had a secret that is told once");
    }
    *out_found = true;
    call->code = (int)query_number(&query, 1);
    buffer_add(&call->out, query_text(&query, 2));
    return STATUS_OK;
}

static status trim(const struct hub_call *call, struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ANSWER_TRIM);
    query_bind_number(&query, call->now_ms - KEPT_ANSWER_MS);
    return query_run(&query, err);
}

status kept_answer_put(const struct hub_call *call, struct slice path, struct database *database,
                       struct error *err) {
    const struct digest request = request_of(call, path);
    TRY(trim(call, database, err));
    CLEANUP(query_done) struct query query = query_on(database, SQL_ANSWER_PUT);
    query_bind_text(&query, slice_of(call->caller.name));
    query_bind_text(&query, call->key);
    query_bind_bytes(&query, digest_slice(&request));
    query_bind_number(&query, call->code);
    query_bind_text(&query, call->has_secret ? SLICE("") : buffer_slice(&call->out));
    query_bind_number(&query, call->now_ms);
    return query_run(&query, err);
}
