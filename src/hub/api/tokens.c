// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "hub/api/resources.h"
#include "hub/labels.h"
#include "hub/token_rows.h"
#include "platform/random.h"
#include "wire/hub_address.h"
#include "wire/token.h"

enum { QUERY_LABEL };

static const int64_t TTL_MS = INT64_C(3600) * 1000;
static const int64_t TTL_MS_LEAST = INT64_C(1000) * TOKEN_LIFE_S_LEAST;
static const int64_t TTL_MS_MOST = INT64_C(1000) * TOKEN_LIFE_S_MOST;

/* --- listing ---------------------------------------------------------------------------------- */

static const char *state_of(const struct token_row *row, int64_t now_ms) {
    return row->used >= row->uses ? "used" : now_ms >= row->expires_ms ? "expired" : "open";
}

static void write_token(struct buffer *out, const struct token_row *row, int64_t now_ms) {
    char id[TOKEN_ID_HEX_BYTES + 1], device[ID_UUID_BYTES + 1];
    token_id_write(row->id, id);
    id_write_uuid(row->device, device);
    buffer_print(out, "{\"id\":\"%s\",\"state\":\"%s\",\"uses\":%lld,\"used\":%lld,", id,
                 state_of(row, now_ms), (long long)row->uses, (long long)row->used);
    hub_call_write_time(out, "created_at", row->created_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "expires_at", row->expires_ms);
    buffer_add_text(out, ",\"labels\":");
    buffer_add(out, row->labels);
    buffer_add_byte(out, ',');
    hub_call_write_text(out, "name", row->name);
    buffer_add_byte(out, ',');
    hub_call_write_text(out, "device", id_is_zero(row->device) ? SLICE("") : slice_of(device));
    buffer_add_byte(out, '}');
}

static status list(struct hub_call *call, struct database *database, struct error *err) {
    struct token_row *rows = NULL;
    struct value labels;
    const char *between = "";
    int count = 0;
    TRY(token_rows_list(database, call->arena, &rows, &count, err));
    buffer_add_text(&call->out, "{\"tokens\":[");
    for (int i = 0; i < count; i++) {
        TRY(labels_read(call->arena, rows[i].labels, &labels, err));
        if (labels_meet(labels, call->queries[QUERY_LABEL])) {
            buffer_add_text(&call->out, between);
            write_token(&call->out, &rows[i], call->now_ms);
            between = ",";
        }
    }
    buffer_add_text(&call->out, "]}\n");
    return buffer_status(&call->out, err);
}

/* --- making ----------------------------------------------------------------------------------- */

/* "HOST:PORT HOST:PORT" of what a person typed or the hub knows, each one whole. */
static status write_addresses(struct slice said, char out[TOKEN_ADDRESSES_BYTES_MAX + 1],
                              struct error *err) {
    size_t count = 0;
    out[0] = '\0';
    while (said.count > 0) {
        const size_t end = slice_find(said, ' ');
        const struct slice one = slice_part(said, 0, end);
        struct hub_address address;
        char text[HUB_ADDRESS_BYTES_MAX];
        said = slice_part(said, end + 1, said.count);
        if (one.count == 0) {
            continue;
        }
        TRY(hub_address_read(one, &address, err));
        hub_address_write(&address, text);
        const size_t bytes = strlen(text) + (count > 0 ? 1 : 0);
        if (count + bytes > TOKEN_ADDRESSES_BYTES_MAX) {
            return fail(err, STATUS_FULL, "the addresses in a token have at most %d bytes",
                        TOKEN_ADDRESSES_BYTES_MAX);
        }
        (void)snprintf(out + count, TOKEN_ADDRESSES_BYTES_MAX + 1 - count, "%s%s",
                       count > 0 ? " " : "", text);
        count += bytes;
    }
    return STATUS_OK;
}

static status read_wish(struct hub_call *call, struct database *database, struct value body,
                        struct token_row *row, struct error *err) {
    const struct slice device = hub_call_text(body, "device");
    const struct value labels = hub_call_value(body, "labels");
    int64_t ttl_ms = 0;
    TRY(hub_call_number(body, "uses", 1, TOKEN_USES_MAX, 1, &row->uses, err));
    TRY(hub_call_number(body, "ttl_ms", TTL_MS_LEAST, TTL_MS_MOST, TTL_MS, &ttl_ms, err));
    TRY(labels_check(labels, err));
    TRY(labels_merge(call->arena, (struct value){.kind = VALUE_NULL}, labels, &row->labels, err));
    row->expires_ms = call->now_ms + ttl_ms;
    row->name = hub_call_text(body, "name");
    if (row->name.count > 0 && !text_is_name(row->name)) {
        return fail(err, STATUS_INVALID,
                    "'%.*s' cannot be the name of a device: names are small letters, digits and "
                    "'-'",
                    SLICE_ARGS(slice_part(row->name, 0, 64)));
    }
    if (device.count > 0) {
        struct device_row bound;
        TRY(device_rows_find(database, call->arena, device, &bound, err));
        row->device = bound.id;
    }
    return !id_is_zero(row->device) && row->uses > 1
               ? fail(err, STATUS_INVALID, "a token for one device has one use")
               : STATUS_OK;
}

/* The secret is told once, here, and its verifier is kept. */
static status make(struct hub_call *call, struct database *database, struct error *err) {
    struct value body;
    struct token token = {0};
    struct token_row row = {.created_ms = call->now_ms};
    char text[TOKEN_TEXT_BYTES_MAX], id[TOKEN_ID_HEX_BYTES + 1];
    TRY(hub_call_body(call, &body, err));
    TRY(read_wish(call, database, body, &row, err));
    const struct slice said = hub_call_text(body, "addresses");
    TRY(write_addresses(said.count > 0 ? said : call->addresses, token.addresses, err));
    const struct id chance = random_id();
    const struct id secret = random_id();
    const struct digest pin = authority_pin(call->authority);
    (void)memcpy(token.id.bytes, chance.bytes, TOKEN_ID_BYTES);
    (void)memcpy(token.secret, secret.bytes, TOKEN_SECRET_BYTES);
    (void)memcpy(token.pin, pin.bytes, TOKEN_PIN_BYTES);
    row.id = token.id;
    row.verifier = token_verifier(token.secret);
    TRY(token_rows_put(database, &row, err));
    TRY(token_rows_forget(database, call->now_ms, err));
    token_write(&token, text);
    token_id_write(token.id, id);
    buffer_print(&call->out, "{\"token\":\"%s\",\"id\":\"%s\",\"uses\":%lld,", text, id,
                 (long long)row.uses);
    hub_call_write_time(&call->out, "expires_at", row.expires_ms);
    buffer_add_byte(&call->out, ',');
    hub_call_write_text(&call->out, "addresses", slice_of(token.addresses));
    buffer_add_text(&call->out, "}\n");
    call->has_secret = true;
    return buffer_status(&call->out, err);
}

static status withdraw(struct hub_call *call, struct database *database, struct error *err) {
    struct token_id id;
    if (!token_id_read(call->item, &id)) {
        return fail(err, STATUS_INVALID,
                    "a token's id is 16 hexadecimal digits, as `ebb hub token list` shows");
    }
    TRY(token_rows_remove(database, id, call->now_ms, err));
    buffer_add_text(&call->out, "{}\n");
    return buffer_status(&call->out, err);
}

status hub_tokens(struct hub_call *call, struct database *database, struct error *err) {
    if (call->item.count > 0) {
        return withdraw(call, database, err);
    }
    return slice_is(call->method, "POST") ? make(call, database, err) : list(call, database, err);
}
