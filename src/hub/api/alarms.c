// SPDX-License-Identifier: Apache-2.0
#include "hub/alarm_rows.h"
#include "hub/api/resources.h"

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

status hub_alarms_write(struct hub_call *call, struct database *database, struct slice subject,
                        struct error *err) {
    struct alarm_row *rows = NULL;
    int count = 0;
    TRY(alarm_rows_list(database, call->arena, subject, &rows, &count, err));
    buffer_add_text(&call->out, "\"alarms\":[");
    for (int i = 0; i < count; i++) {
        buffer_add_text(&call->out, i > 0 ? "," : "");
        write_alarm(&call->out, &rows[i]);
    }
    buffer_add_text(&call->out, "]");
    return buffer_status(&call->out, err);
}

status hub_alarms(struct hub_call *call, struct database *database, struct error *err) {
    buffer_add_byte(&call->out, '{');
    TRY(hub_alarms_write(call, database, SLICE(""), err));
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}
