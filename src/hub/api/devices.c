// SPDX-License-Identifier: Apache-2.0

#include "hub/access_rows.h"
#include "hub/api/device_json.h"
#include "hub/api/resources.h"
#include "hub/device_reports.h"
#include "hub/labels.h"
#include "hub/registry_sql.h"
#include "hub/row.h"
#include "platform/json.h"
#include "wire/record.h"

enum { CERTIFICATES_SHOWN_MAX = 32, LOSSES_SHOWN_MAX = 50 };

/* --- showing ---------------------------------------------------------------------------------- */

static void write_certificate(struct buffer *out, const struct certificate_row *row,
                              int64_t now_ms) {
    char serial[ID_HEX_BYTES + 1];
    id_write_hex(row->serial, serial);
    const char *state = row->revoked_ms != 0    ? "revoked"
                        : row->replaced_ms != 0 ? "replaced"
                        : now_ms > row->ends_ms ? "expired"
                                                : "good";
    buffer_print(out, "{\"serial\":\"%s\",\"state\":\"%s\",\"renews\":%s,", serial, state,
                 row->parent != 0 ? "true" : "false");
    hub_call_write_time(out, "issued_at", row->issued_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "ends_at", row->ends_ms);
    buffer_add_byte(out, '}');
}

/* What of its lanes was taken, went, or was set aside. */
static status write_lanes(struct hub_call *call, struct database *database, struct id device,
                          struct error *err) {
    const char *between = "";
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_LANES);
    query_bind_bytes(&query, id_slice(&device));
    buffer_add_text(&call->out, ",\"lanes\":[");
    while (query_next(&query)) {
        buffer_print(&call->out, "%s{\"lane\":\"%s\",\"stored\":%lld,\"gone\":%lld,\"aside\":%lld}",
                     between, lane_name((enum lane)query_number(&query, 0)),
                     (long long)query_number(&query, 1), (long long)query_number(&query, 2),
                     (long long)query_number(&query, 3));
        between = ",";
    }
    buffer_add_byte(&call->out, ']');
    return query_status(&query, err);
}

static status write_losses(struct hub_call *call, struct database *database, struct id device,
                           struct error *err) {
    const char *between = "";
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_LOSSES);
    query_bind_bytes(&query, id_slice(&device));
    query_bind_number(&query, LOSSES_SHOWN_MAX);
    buffer_add_text(&call->out, ",\"losses\":[");
    while (query_next(&query)) {
        buffer_print(&call->out, "%s{\"kind\":\"%s\",\"lane\":\"%s\",\"seqs\":[%lld,%lld],",
                     between, record_kind_name((enum record_kind)query_number(&query, 0)),
                     lane_name((enum lane)query_number(&query, 1)),
                     (long long)query_number(&query, 5), (long long)query_number(&query, 6));
        hub_call_write_time(&call->out, "made_at", query_number(&query, 2));
        buffer_add_byte(&call->out, ',');
        hub_call_write_time(&call->out, "arrived_at", query_number(&query, 3));
        buffer_add_byte(&call->out, ',');
        hub_call_write_text(&call->out, "workflow", query_text(&query, 4));
        buffer_add_text(&call->out, ",\"body\":");
        buffer_add(&call->out, query_text(&query, 7));
        buffer_add_byte(&call->out, '}');
        between = ",";
    }
    buffer_add_byte(&call->out, ']');
    return query_status(&query, err);
}

/* The newest report as it came, and behind it when that was, so that nothing in it can say
 * otherwise; null where there is none. */
static status write_report(struct hub_call *call, struct database *database, struct id device,
                           struct error *err) {
    struct slice text;
    int64_t came_ms = 0;
    TRY(device_reports_newest(call->reports, database, device, call->arena, &text, &came_ms, err));
    buffer_add_text(&call->out, ",\"report\":");
    text = slice_trim(text);
    if (text.count < 2) {
        buffer_add_text(&call->out, "null");
        return STATUS_OK;
    }
    const struct slice members = slice_trim(slice_part(text, 1, text.count - 1));
    buffer_add_byte(&call->out, '{');
    buffer_add(&call->out, members);
    buffer_add_text(&call->out, members.count > 0 ? "," : "");
    hub_call_write_time(&call->out, "came_at", came_ms);
    buffer_add_byte(&call->out, '}');
    return STATUS_OK;
}

static status show(struct hub_call *call, struct database *database, const struct device_row *row,
                   struct error *err) {
    struct certificate_row *certificates = NULL;
    char id[ID_UUID_BYTES + 1];
    int count = 0;
    TRY(certificate_rows_list(database, call->arena, row->id, CERTIFICATES_SHOWN_MAX, &certificates,
                              &count, err));
    id_write_uuid(row->id, id);
    buffer_add_byte(&call->out, '{');
    device_json_write(&call->out, row);
    buffer_add_text(&call->out, ",\"facts\":");
    buffer_add(&call->out, row->facts);
    buffer_add_text(&call->out, ",\"certificates\":[");
    for (int i = 0; i < count; i++) {
        buffer_add_text(&call->out, i > 0 ? "," : "");
        write_certificate(&call->out, &certificates[i], call->now_ms);
    }
    buffer_add_byte(&call->out, ']');
    TRY(write_lanes(call, database, row->id, err));
    TRY(write_losses(call, database, row->id, err));
    buffer_add_byte(&call->out, ',');
    TRY(hub_alarms_write(call, database, slice_of(id), err));
    TRY(write_report(call, database, row->id, err));
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}

/* --- changing --------------------------------------------------------------------------------- */

/* The answer to every change: the device as it is now. */
static status changed(struct hub_call *call, struct database *database, struct id id,
                      struct error *err) {
    TRY(device_rows_changed(database, call->arena, id, &call->change, err));
    buffer_add_byte(&call->out, '{');
    device_json_write(&call->out, &call->change.views[call->change.count - 1].row);
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}

static status close_down(struct hub_call *call, struct database *database, struct device_row *row,
                         enum device_state state, struct error *err) {
    row->state = state;
    TRY(device_rows_put(database, row, err));
    TRY(certificate_rows_revoke(database, row->id, call->now_ms, err));
    return changed(call, database, row->id, err);
}

static status label(struct hub_call *call, struct database *database, struct device_row *row,
                    struct error *err) {
    struct value wished, had;
    TRY(hub_call_body(call, &wished, err));
    TRY(labels_check(wished, err));
    TRY(labels_read(call->arena, row->labels, &had, err));
    TRY(labels_merge(call->arena, had, wished, &row->labels, err));
    TRY(device_rows_put(database, row, err));
    return changed(call, database, row->id, err);
}

static status move_streams(struct database *database, struct id from, struct id to,
                           struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEVICE_STREAMS);
    query_bind_bytes(&query, id_slice(&to));
    query_bind_bytes(&query, id_slice(&from));
    return query_run(&query, err);
}

/* A program has a token and no certificate: it can take no device's place, nor a device its. */
static status check_machine(struct database *database, const struct device_row *row,
                            struct error *err) {
    bool is_program = false;
    TRY(access_rows_is_program(database, row->id, &is_program, err));
    return !is_program ? STATUS_OK
                       : fail(err, STATUS_CONFLICT,
                              "'%.*s' is a program with a token (`ebb hub access`), not a device: "
                              "replace is for devices",
                              SLICE_ARGS(row->name));
}

/* A new card or a new machine: whoever joined as `by` is this device from now on, with what it has
 * sent; what this device had for certificates is over. */
static status replace(struct hub_call *call, struct database *database, struct device_row *row,
                      struct error *err) {
    struct value body;
    struct device_row by;
    TRY(hub_call_body(call, &body, err));
    TRY(device_rows_find(database, call->arena, hub_call_text(body, "by"), &by, err));
    if (id_equal(by.id, row->id)) {
        return fail(err, STATUS_INVALID, "'%.*s' cannot take its own place", SLICE_ARGS(by.name));
    }
    if (by.state != DEVICE_ACTIVE) {
        return fail(err, STATUS_CONFLICT, "'%.*s' is %s: it cannot take another's place",
                    SLICE_ARGS(by.name), device_state_name(by.state));
    }
    TRY(check_machine(database, row, err));
    TRY(check_machine(database, &by, err));
    TRY(certificate_rows_revoke(database, row->id, call->now_ms, err));
    TRY(certificate_rows_move(database, by.id, row->id, err));
    TRY(move_streams(database, by.id, row->id, err));
    row->state = DEVICE_ACTIVE;
    row->facts = by.facts;
    row->contact_ms = by.contact_ms;
    by.state = DEVICE_REMOVED;
    TRY(device_rows_put(database, &by, err));
    TRY(device_rows_put(database, row, err));
    TRY(device_rows_changed(database, call->arena, by.id, &call->change, err));
    return changed(call, database, row->id, err);
}

static status change(struct hub_call *call, struct database *database, struct device_row *row,
                     struct error *err) {
    if (!slice_is(call->verb, "labels")) { /* which alone can be taken back */
        TRY(caller_needs(&call->caller, RIGHT_ADMIN, err));
    }
    if (slice_is(call->verb, "revoke")) {
        return close_down(call, database, row, DEVICE_REVOKED, err);
    }
    if (slice_is(call->verb, "labels")) {
        return label(call, database, row, err);
    }
    if (slice_is(call->verb, "replace")) {
        return replace(call, database, row, err);
    }
    return fail(err, STATUS_NOT_FOUND, "a device knows revoke, labels and replace, not '%.*s'",
                SLICE_ARGS(slice_part(call->verb, 0, 64)));
}

status hub_devices(struct hub_call *call, struct database *database, struct error *err) {
    struct device_row row;
    if (call->item.count == 0) {
        return hub_device_list(call, database, err);
    }
    TRY(device_rows_find(database, call->arena, call->item, &row, err));
    if (call->verb.count > 0) {
        return change(call, database, &row, err);
    }
    if (!slice_is(call->method, "DELETE")) {
        return show(call, database, &row, err);
    }
    TRY(caller_needs(&call->caller, RIGHT_ADMIN, err));
    return close_down(call, database, &row, DEVICE_REMOVED, err);
}
