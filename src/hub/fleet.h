/*
 * fleet: every device with what a person should know of it, at one moment: who needs somebody, and
 * why.
 *
 * Made anew for each question out of a few queries that pass over each table once: for 2,000
 * devices that takes some milliseconds.
 *
 * Thread: that of the database. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "hub/device_rows.h"
#include "sync/report.h"

/* Why it needs somebody; a device may have several reasons. */
enum need {
    NEED_OVERDUE = 1,      /* it was silent for too long */
    NEED_ALARM = 2,        /* nobody has seen what it said */
    NEED_LOSS = 4,         /* records were evicted or damaged within a day */
    NEED_FAILURE = 8,      /* runs failed within a day */
    NEED_CERTIFICATE = 16, /* it ends soon, and was not renewed */
    NEED_CLOCK = 32,       /* it is wrong, says the device */
    NEED_WAITING = 64,     /* results wait there, more than they should */
    NEED_FULL = 128        /* its store is */
};

enum { NEED_KINDS = 8, FLEET_CERTIFICATE_MS = 7 * 24 * 60 * 60 * 1000 };

/* "overdue", "alarm" ... by number from 0, and back; 0: none is called so. */
const char *need_name(int index);
unsigned need_from_name(struct slice name);

struct fleet_device {
    struct id id;
    struct slice name, labels;
    enum device_state state;
    bool is_program; /* with a token: nobody waits for it */
    int64_t created_ms, contact_ms;
    int64_t stored, gone, aside;  /* records that were taken, gaps stand for, were set aside */
    int64_t alarms;               /* that nobody has seen */
    int64_t lost, failed;         /* within a day */
    int64_t certificate_ends_ms;  /* 0: it has none */
    int64_t waiting, reported_ms; /* as it reported then; 0: it never did */
    unsigned reported;            /* of its needs, those that it spoke of */
    unsigned needs;
};

struct fleet {
    struct fleet_device *devices; /* in the order of their ids */
    int count;
};

/* Those that a report speaks of. */
unsigned fleet_needs_of(const struct report_summary *summary);

/* In the arena. Removed devices are not in it. */
status fleet_load(struct database *database, struct arena *arena, int64_t now_ms,
                  int64_t overdue_ms, struct fleet *out_fleet, struct error *err);

/* NULL: it has none of that id. */
struct fleet_device *fleet_find(const struct fleet *fleet, struct id id);
