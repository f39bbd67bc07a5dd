// SPDX-License-Identifier: Apache-2.0
#include "hub/device_alarm.h"

#include <stdio.h>

#include "base/text.h"
#include "hub/alarm_rows.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/json.h"

enum { TEXT_BYTES = 512, NAME_BYTES = 40, SAID_BYTES = 400, ARENA_BYTES_MAX = 4 << 20 };

/* Its member `text`, or all of it. */
static struct slice said(struct arena *arena, const struct record *record) {
    struct value body;
    if (json_read(arena, record->body, &body, NULL) == STATUS_OK) {
        const struct value *text = value_get(body, SLICE("text"));
        if (text != NULL && text->kind == VALUE_TEXT) {
            return value_text(*text);
        }
    }
    return record->body;
}

status device_alarm_raise(struct hub_session *session, struct id device,
                          const struct record *record, int64_t now_ms, struct error *err) {
    char subject[ID_UUID_BYTES + 1];
    char text[TEXT_BYTES];
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    id_write_uuid(device, subject);
    (void)snprintf(text, sizeof(text), "DEVICE_ALARM: %.*s: %.*s",
                   SLICE_ARGS(text_cut(record->name, NAME_BYTES)),
                   SLICE_ARGS(text_cut(said(&arena, record), SAID_BYTES)));
    return alarm_rows_raise(hub_store_sqlite_database(session), "DEVICE_ALARM", slice_of(subject),
                            slice_of(text), now_ms, err);
}
