// SPDX-License-Identifier: Apache-2.0
#include "hub/alarm_rows.h"
#include "hub/api/resources.h"
#include "hub/labels.h"

enum { QUERY_LABEL };

static void write_alarm(struct buffer *out, const struct alarm_row *row) {
    buffer_add_byte(out, '{');
    hub_call_write_text(out, "kind", row->kind);
    buffer_add_byte(out, ',');
    hub_call_write_text(out, "subject", row->subject);
    buffer_add_byte(out, ',');
    hub_call_write_text(out, "text", row->text);
    buffer_print(out, ",\"count\":%lld,", (long long)row->count);
    hub_call_write_time(out, "first_at", row->first_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "last_at", row->last_ms);
    buffer_add_byte(out, '}');
}

/* Of a device that has the label; a token's alarm is of no device. */
static status has_label(struct hub_call *call, struct database *database,
                        const struct alarm_row *row, struct slice label, bool *out_has,
                        struct error *err) {
    struct device_row device;
    struct value labels;
    struct id id;
    *out_has = label.count == 0;
    if (*out_has || !id_read(row->subject, &id)) {
        return STATUS_OK;
    }
    const status found = device_rows_get(database, call->arena, id, &device, err);
    if (found != STATUS_OK) {
        return found == STATUS_NOT_FOUND ? STATUS_OK : found;
    }
    TRY(labels_read(call->arena, device.labels, &labels, err));
    *out_has = labels_meet(labels, label);
    return STATUS_OK;
}

static status write_those(struct hub_call *call, struct database *database, struct slice subject,
                          struct slice label, struct error *err) {
    struct alarm_row *rows = NULL;
    const char *between = "";
    int count = 0;
    TRY(alarm_rows_list(database, call->arena, subject, &rows, &count, err));
    buffer_add_text(&call->out, "\"alarms\":[");
    for (int i = 0; i < count; i++) {
        bool is_wanted = false;
        TRY(has_label(call, database, &rows[i], label, &is_wanted, err));
        if (is_wanted) {
            buffer_add_text(&call->out, between);
            write_alarm(&call->out, &rows[i]);
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

status hub_alarms(struct hub_call *call, struct database *database, struct error *err) {
    buffer_add_byte(&call->out, '{');
    TRY(write_those(call, database, SLICE(""), call->queries[QUERY_LABEL], err));
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}
