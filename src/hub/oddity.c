// SPDX-License-Identifier: Apache-2.0
#include "hub/oddity.h"

#include <stdio.h>

#include "base/log.h"
#include "hub/alarm_rows.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"

enum { TEXT_BYTES = 256 };

struct wording {
    const char *kind; /* of the alarm; NULL: none */
    const char *text;
};

static const struct wording WORDINGS[] = {
    [ODDITY_ROLLBACK] = {NULL, "the hub holds less than it once said: the device sends it again"},
    [ODDITY_FORK] = {"STREAM_FORK", "the device's store is not the one that the hub knows: it goes "
                                    "on in a new stream"},
    [ODDITY_CLONE] = {"CLONE_SUSPECTED", "two machines answer for one device: where what they "
                                         "have parts one goes on in a stream of its own; let "
                                         "one of them join again"},
    [ODDITY_STRANGER] = {"STREAM_OF_ANOTHER",
                         "the stream belongs to another device and is not taken"},
    [ODDITY_POISON] = {"RECORDS_SET_ASIDE", "records that cannot be read are set aside"},
};

enum oddity oddity_of(enum verdict verdict, bool contested) {
    if (contested) {
        return ODDITY_CLONE;
    }
    switch (verdict) {
    case VERDICT_ROLLBACK:
        return ODDITY_ROLLBACK;
    case VERDICT_NEW_STREAM:
        return ODDITY_FORK;
    case VERDICT_QUARANTINED:
        return ODDITY_STRANGER;
    default:
        return ODDITY_NONE;
    }
}

status oddity_raise(enum oddity oddity, struct lanes *lanes, struct id device, struct id stream,
                    struct error *err) {
    const struct wording *wording = &WORDINGS[oddity];
    char subject[ID_UUID_BYTES + 1];
    char hex[ID_HEX_BYTES + 1];
    char text[TEXT_BYTES];
    if (oddity == ODDITY_NONE || wording->kind == NULL) {
        return STATUS_OK;
    }
    id_write_uuid(device, subject);
    id_write_hex(stream, hex);
    (void)snprintf(text, sizeof(text), "%s: %.180s (stream %s)", wording->kind, wording->text, hex);
    return alarm_rows_raise(hub_store_sqlite_database(lanes_session(lanes)), wording->kind,
                            slice_of(subject), slice_of(text), clock_wall_ms(), err);
}

void oddity_log(enum oddity oddity, struct id device, struct id stream) {
    char uuid[ID_UUID_BYTES + 1];
    char hex[ID_HEX_BYTES + 1];
    if (oddity != ODDITY_NONE) {
        id_write_uuid(device, uuid);
        id_write_hex(stream, hex);
        log_line(LOG_WARN, "hub", "%s device=%s stream=%s", WORDINGS[oddity].text, uuid, hex);
    }
}
