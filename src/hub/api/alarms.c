// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "hub/alarm_rows.h"
#include "hub/api/resources.h"
#include "hub/labels.h"

enum { QUERY_LABEL };

/* `device`: its name; empty where it is about none that is known. */
static void write_alarm(struct buffer *out, const struct alarm_row *row, struct slice device) {
    buffer_add_byte(out, '{');
    hub_call_write_text(out, "kind", row->kind);
    buffer_add_byte(out, ',');
    hub_call_write_text(out, "subject", row->subject);
    buffer_add_byte(out, ',');
    if (device.count > 0) {
        hub_call_write_text(out, "device", device);
        buffer_add_byte(out, ',');
    }
    hub_call_write_text(out, "text", row->text);
    buffer_print(out, ",\"count\":%lld,", (long long)row->count);
    hub_call_write_time(out, "first_at", row->first_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "last_at", row->last_ms);
    buffer_print(out, ",\"number\":%lld,", (long long)row->number);
    hub_call_write_time(out, "seen_at", row->seen_ms >= row->last_ms ? row->seen_ms : 0);
    if (row->seen_ms >= row->last_ms) {
        buffer_add_byte(out, ',');
        hub_call_write_text(out, "seen_by", row->seen_by);
    }
    buffer_add_byte(out, '}');
}

/* The device that the alarm is about; all empty: it is about a token, or one that is gone. */
static status find_device(struct hub_call *call, struct database *database, struct slice subject,
                          struct device_row *out_device, struct error *err) {
    struct id id;
    *out_device = (struct device_row){.labels = SLICE("{}")};
    if (!id_read(subject, &id)) {
        return STATUS_OK;
    }
    const status found = device_rows_get(database, call->arena, id, out_device, err);
    if (found == STATUS_NOT_FOUND) {
        *out_device = (struct device_row){.labels = SLICE("{}")};
        return STATUS_OK;
    }
    return found;
}

static status write_those(struct hub_call *call, struct database *database, struct slice subject,
                          struct slice label, struct error *err) {
    struct alarm_row *rows = NULL;
    const char *between = "";
    int count = 0;
    TRY(alarm_rows_list(database, call->arena, subject, &rows, &count, err));
    buffer_add_text(&call->out, "\"alarms\":[");
    for (int i = 0; i < count; i++) {
        struct device_row device;
        struct value labels;
        TRY(find_device(call, database, rows[i].subject, &device, err));
        TRY(labels_read(call->arena, device.labels, &labels, err));
        if (labels_meet(labels, label)) {
            buffer_add_text(&call->out, between);
            write_alarm(&call->out, &rows[i], device.name);
            between = ",";
        }
    }
    buffer_add_text(&call->out, "]");
    return buffer_status(&call->out, err);
}

status hub_alarms_write(struct hub_call *call, struct database *database, struct slice subject,
                        struct error *err) {
    return write_those(call, database, subject, SLICE(""), err);
}

/* What it said so far; when it comes again, it wants to be seen again. */
static status see(struct hub_call *call, struct database *database, struct error *err) {
    uint64_t number = 0;
    if (!slice_is(call->verb, "seen") || !text_number(call->item, INT64_MAX, &number)) {
        return fail(err, STATUS_NOT_FOUND, "an alarm has a number, and knows seen");
    }
    TRY(alarm_rows_see(database, (int64_t)number, slice_of(call->caller.name), call->now_ms, err));
    buffer_add_text(&call->out, "{}\n");
    return buffer_status(&call->out, err);
}

status hub_alarms(struct hub_call *call, struct database *database, struct error *err) {
    if (call->verb.count > 0) {
        return see(call, database, err);
    }
    buffer_add_byte(&call->out, '{');
    TRY(write_those(call, database, SLICE(""), call->queries[QUERY_LABEL], err));
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}
