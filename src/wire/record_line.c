// SPDX-License-Identifier: Apache-2.0
#include "wire/record_line.h"

#include "base/time.h"
#include "platform/json.h"

void record_line_write(struct buffer *out, const struct record *record, struct slice units,
                       struct id id) {
    char uuid[ID_UUID_BYTES + 1];
    char run[ID_HEX_BYTES + 1];
    char created_at[TIME_TEXT_BYTES];
    id_write_uuid(id, uuid);
    id_write_hex(record->run, run);
    time_write_plain(record->time.wall_ms, created_at);
    buffer_print(out, "{\"id\":\"%s\",\"workflow\":", uuid);
    json_write_text(out, record->workflow);
    buffer_add_text(out, ",\"name\":");
    json_write_text(out, record->name);
    buffer_print(out, ",\"run\":\"%s\",\"priority\":%d,\"created_at\":\"%s\",\"result\":", run,
                 record->priority, created_at);
    buffer_add(out, record->body);
    if (units.count > 0) {
        buffer_add_text(out, ",\"units\":");
        buffer_add(out, units);
    }
    buffer_add_byte(out, '}');
}
