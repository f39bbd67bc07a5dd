// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/text.h"
#include "hub/access_rows.h"
#include "hub/api/resources.h"
#include "hub/labels.h"

enum { QUERY_LABEL };

static const int64_t TTL_MS_LEAST = 1000;
static const int64_t TTL_MS_MOST = INT64_C(10) * 366 * 24 * 3600 * 1000;

/* Unless its labels are others than those that were asked for. */
static status write_one(struct hub_call *call, struct database *database,
                        const struct access_row *row, const char **between, struct error *err) {
    struct device_row device = {.labels = SLICE("{}"), .name = slice_of(row->name)};
    struct value labels;
    char id[ID_HEX_BYTES + 1];
    char may[RIGHTS_TEXT_BYTES];
    if (!id_is_zero(row->device)) {
        TRY(device_rows_get(database, call->arena, row->device, &device, err));
    }
    TRY(labels_read(call->arena, device.labels, &labels, err));
    if (!labels_meet(labels, call->queries[QUERY_LABEL])) {
        return STATUS_OK;
    }
    buffer_add_text(&call->out, *between);
    *between = ",";
    id_write_hex(row->id, id);
    buffer_print(&call->out, "{\"id\":\"%s\",", id);
    hub_call_write_text(&call->out, "name", device.name);
    buffer_add_byte(&call->out, ',');
    hub_call_write_text(&call->out, "state", slice_of(device_state_name(device.state)));
    buffer_add_byte(&call->out, ',');
    hub_call_write_time(&call->out, "created_at", row->created_ms);
    buffer_add_byte(&call->out, ',');
    hub_call_write_time(&call->out, "used_at", row->used_ms);
    buffer_add_byte(&call->out, ',');
    hub_call_write_time(&call->out, "expires_at", row->expires_ms);
    rights_write(row->rights, may);
    buffer_print(&call->out, ",\"may\":\"%s\"}", may);
    return STATUS_OK;
}

static status list(struct hub_call *call, struct database *database, struct error *err) {
    struct access_row *rows = NULL;
    const char *between = "";
    int count = 0;
    TRY(access_rows_list(database, call->arena, &rows, &count, err));
    buffer_add_text(&call->out, "{\"access\":[");
    for (int i = 0; i < count; i++) {
        TRY(write_one(call, database, &rows[i], &between, err));
    }
    buffer_add_text(&call->out, "]}\n");
    return buffer_status(&call->out, err);
}

/* One that brings results is a device of its own in every list. */
static status make_device(struct hub_call *call, struct database *database, struct value body,
                          struct access_row *row, struct error *err) {
    struct device_row device = {.id = row->id,
                                .facts = SLICE("{\"access\":true}"),
                                .state = DEVICE_ACTIVE,
                                .created_ms = call->now_ms};
    const struct value labels = hub_call_value(body, "labels");
    TRY(labels_check(labels, err));
    TRY(labels_merge(call->arena, (struct value){.kind = VALUE_NULL}, labels, &device.labels, err));
    row->device = device.id;
    TRY(device_rows_free_name(database, call->arena, slice_of(row->name), device.id, &device.name,
                              err));
    (void)snprintf(row->name, sizeof(row->name), "%.*s", SLICE_ARGS(device.name));
    TRY(device_rows_put(database, &device, err));
    return device_rows_changed(database, call->arena, device.id, &call->change, err);
}

static status read_wish(struct hub_call *call, struct value body, struct access_row *row,
                        struct error *err) {
    const struct slice name = hub_call_text(body, "name");
    const struct slice may = hub_call_text(body, "may");
    int64_t ttl_ms = 0;
    if (!text_is_name(name)) {
        return fail(err, STATUS_INVALID,
                    "`name` is what the program is called: small letters, digits and '-'");
    }
    (void)snprintf(row->name, sizeof(row->name), "%.*s", SLICE_ARGS(name));
    TRY(hub_call_number(body, "ttl_ms", TTL_MS_LEAST, TTL_MS_MOST, 0, &ttl_ms, err));
    row->expires_ms = ttl_ms != 0 ? call->now_ms + ttl_ms : 0;
    row->rights = RIGHT_BRING;
    return may.count > 0 ? rights_read(may, &row->rights, err) : STATUS_OK;
}

/* The token is told once, here. */
static status make(struct hub_call *call, struct database *database, struct error *err) {
    struct value body;
    struct access_row row = {.created_ms = call->now_ms};
    char token[ACCESS_TOKEN_BYTES + 1];
    char id[ID_HEX_BYTES + 1];
    TRY(hub_call_body(call, &body, err));
    TRY(read_wish(call, body, &row, err));
    access_token_make(&row, token);
    if ((row.rights & RIGHT_BRING) != 0) {
        TRY(make_device(call, database, body, &row, err));
    }
    TRY(access_rows_put(database, &row, err));
    id_write_hex(row.id, id);
    buffer_print(&call->out, "{\"token\":\"%s\",\"id\":\"%s\",", token, id);
    hub_call_write_text(&call->out, "name", slice_of(row.name));
    buffer_add_byte(&call->out, ',');
    hub_call_write_time(&call->out, "expires_at", row.expires_ms);
    buffer_add_text(&call->out, "}\n");
    call->has_secret = true;
    return buffer_status(&call->out, err);
}

status hub_access(struct hub_call *call, struct database *database, struct error *err) {
    struct id id;
    TRY(hub_call_changes(call) ? caller_needs(&call->caller, RIGHT_ADMIN, err) : STATUS_OK);
    if (call->item.count == 0) {
        return slice_is(call->method, "POST") ? make(call, database, err)
                                              : list(call, database, err);
    }
    if (!id_read(call->item, &id)) {
        return fail(err, STATUS_INVALID,
                    "the id of an access is 32 hexadecimal digits, as `ebb hub access list` shows");
    }
    TRY(access_rows_remove(database, id, err));
    buffer_add_text(&call->out, "{}\n");
    return buffer_status(&call->out, err);
}
