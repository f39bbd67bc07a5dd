/*
 * alarm_record: what a person must hear about this device, as a record of the control lane: the hub
 * makes an alarm of it.
 *
 * Not what is wrong with the store itself: that the store writes (storage/core_trouble). Whoever
 * calls has said it in the log.
 *
 * Thread: loop. Survives: power cuts, once the store has committed it.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/store.h"

struct alarm_record {
    const char *name;  /* for programs: "parked"; static text */
    uint32_t workflow; /* its number in the store; 0: none */
    struct id run;     /* zero: none */
    struct slice body; /* JSON, with a member `text` for people; copied */
};

/* One that cannot be kept is said in the log. */
void alarm_record_put(struct store *store, const struct alarm_record *record);
