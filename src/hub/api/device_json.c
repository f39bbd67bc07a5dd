// SPDX-License-Identifier: Apache-2.0
#include "hub/api/device_json.h"

void device_json_write(struct buffer *out, const struct device_row *row) {
    char id[ID_UUID_BYTES + 1];
    id_write_uuid(row->id, id);
    hub_call_write_text(out, "name", row->name);
    buffer_print(out, ",\"state\":\"%s\",", device_state_name(row->state));
    hub_call_write_time(out, "contact_at", row->contact_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "joined_at", row->created_ms);
    buffer_add_text(out, ",\"labels\":");
    buffer_add(out, row->labels);
    buffer_print(out, ",\"id\":\"%s\"", id);
}

void device_json_write_needs(struct buffer *out, unsigned needs) {
    const char *between = "";
    buffer_add_byte(out, '[');
    for (int i = 0; i < NEED_KINDS; i++) {
        if ((needs & (1U << i)) != 0) {
            buffer_print(out, "%s\"%s\"", between, need_name(i));
            between = ",";
        }
    }
    buffer_add_byte(out, ']');
}

void device_json_write_known(struct buffer *out, const struct fleet_device *device) {
    const struct device_row row = {.id = device->id,
                                   .name = device->name,
                                   .labels = device->labels,
                                   .state = device->state,
                                   .created_ms = device->created_ms,
                                   .contact_ms = device->contact_ms};
    device_json_write(out, &row);
    buffer_print(out,
                 ",\"stored\":%lld,\"gone\":%lld,\"aside\":%lld,\"alarms\":%lld,\"lost\":%lld,"
                 "\"failed\":%lld,",
                 (long long)device->stored, (long long)device->gone, (long long)device->aside,
                 (long long)device->alarms, (long long)device->lost, (long long)device->failed);
    buffer_print(out, "\"waiting\":%lld,", (long long)device->waiting);
    hub_call_write_time(out, "reported_at", device->reported_ms);
    buffer_add_byte(out, ',');
    buffer_print(out, "\"is_program\":%s,", device->is_program ? "true" : "false");
    hub_call_write_time(out, "certificate_ends_at", device->certificate_ends_ms);
    buffer_add_text(out, ",\"needs\":");
    device_json_write_needs(out, device->needs);
}
