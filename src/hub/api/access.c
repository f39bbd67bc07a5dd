// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "hub/access_rows.h"
#include "hub/api/resources.h"
#include "hub/labels.h"

enum { QUERY_LABEL };

/* Unless its labels are others than those that were asked for. */
static status write_one(struct hub_call *call, struct database *database,
                        const struct access_row *row, const char **between, struct error *err) {
    struct device_row device;
    struct value labels;
    char id[ID_HEX_BYTES + 1];
    TRY(device_rows_get(database, call->arena, row->device, &device, err));
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
    buffer_add_byte(&call->out, '}');
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

/* The token is told once, here. */
static status make(struct hub_call *call, struct database *database, struct error *err) {
    struct value body;
    struct access_row row = {.created_ms = call->now_ms};
    struct device_row device = {.state = DEVICE_ACTIVE, .created_ms = call->now_ms};
    char token[ACCESS_TOKEN_BYTES + 1];
    char id[ID_HEX_BYTES + 1];
    TRY(hub_call_body(call, &body, err));
    const struct slice name = hub_call_text(body, "name");
    const struct value labels = hub_call_value(body, "labels");
    if (!text_is_name(name)) {
        return fail(err, STATUS_INVALID,
                    "`name` is what the program is called: small letters, digits and '-'");
    }
    TRY(labels_check(labels, err));
    TRY(labels_merge(call->arena, (struct value){.kind = VALUE_NULL}, labels, &device.labels, err));
    access_token_make(&row, token);
    device.id = row.id;
    device.facts = SLICE("{\"access\":true}");
    row.device = device.id;
    TRY(device_rows_free_name(database, call->arena, name, device.id, &device.name, err));
    TRY(device_rows_put(database, &device, err));
    TRY(access_rows_put(database, &row, err));
    TRY(device_rows_changed(database, call->arena, device.id, &call->change, err));
    id_write_hex(row.id, id);
    buffer_print(&call->out, "{\"token\":\"%s\",\"id\":\"%s\",", token, id);
    hub_call_write_text(&call->out, "name", device.name);
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}

status hub_access(struct hub_call *call, struct database *database, struct error *err) {
    struct id id;
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
