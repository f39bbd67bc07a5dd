// SPDX-License-Identifier: Apache-2.0
#include "hub/fleet.h"

#include <string.h>

#include "hub/registry_sql.h"
#include "hub/row.h"

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

static const char *const NEED_NAMES[NEED_KINDS] = {"overdue",     "alarm", "loss",    "failure",
                                                   "certificate", "clock", "waiting", "full"};

const char *need_name(int index) {
    return NEED_NAMES[index];
}

unsigned need_from_name(struct slice name) {
    for (int i = 0; i < NEED_KINDS; i++) {
        if (slice_is(name, NEED_NAMES[i])) {
            return 1U << i;
        }
    }
    return 0;
}

struct fleet_device *fleet_find(const struct fleet *fleet, struct id id) {
    int first = 0;
    int end = fleet->count;
    while (first < end) {
        const int middle = first + (end - first) / 2;
        const int order = memcmp(id.bytes, fleet->devices[middle].id.bytes, ID_BYTES);
        if (order == 0) {
            return &fleet->devices[middle];
        }
        *(order < 0 ? &end : &first) = order < 0 ? middle : middle + 1;
    }
    return NULL;
}

static status count_devices(struct database *database, int64_t *out_count, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_FLEET_COUNT);
    return query_one_number(&query, out_count, err);
}

static status load_devices(struct database *database, struct arena *arena, int64_t most,
                           struct fleet *fleet, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_FLEET_DEVICES);
    while (fleet->count < most && query_next(&query)) {
        struct fleet_device *device = &fleet->devices[fleet->count];
        *device = (struct fleet_device){.id = row_id(&query, 0),
                                        .state = (enum device_state)query_number(&query, 3),
                                        .created_ms = query_number(&query, 4),
                                        .contact_ms = query_number(&query, 5),
                                        .is_program = query_number(&query, 6) != 0};
        TRY(row_text(&query, 1, arena, &device->name, err));
        TRY(row_text(&query, 2, arena, &device->labels, err));
        fleet->count++;
    }
    return query_status(&query, err);
}

/* Rows of a device and its numbers, which `put` takes. */
static status add(struct query *query, const struct fleet *fleet,
                  void (*put)(struct fleet_device *device, const struct query *row),
                  struct error *err) {
    while (query_next(query)) {
        struct id id = row_id(query, 0);
        if (id_is_zero(id)) { /* an alarm's subject is its text */
            (void)id_read(query_text(query, 0), &id);
        }
        struct fleet_device *device = fleet_find(fleet, id);
        if (device != NULL) {
            put(device, query);
        }
    }
    return query_status(query, err);
}

static void put_records(struct fleet_device *device, const struct query *row) {
    device->stored = query_number(row, 1);
    device->gone = query_number(row, 2);
    device->aside = query_number(row, 3);
}

static void put_alarms(struct fleet_device *device, const struct query *row) {
    device->alarms = query_number(row, 1);
}

static void put_certificate(struct fleet_device *device, const struct query *row) {
    device->certificate_ends_ms = query_number(row, 1);
}

static void put_losses(struct fleet_device *device, const struct query *row) {
    device->failed = query_number(row, 1);
    device->lost = query_number(row, 2);
}

static void put_report(struct fleet_device *device, const struct query *row) {
    device->reported = (unsigned)query_number(row, 1);
    device->waiting = query_number(row, 2);
    device->reported_ms = query_number(row, 3);
}

/* The first record that arrived at that moment or later, since numbers grow with arrival; one
 * behind the last: there is none. */
static status first_since(struct database *database, int64_t since_ms, int64_t *out_number,
                          struct error *err) {
    int64_t first = 1;
    int64_t end = 1;
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_FLEET_NEWEST);
        TRY(query_one_number(&query, &end, err));
        end++;
    }
    while (first < end) {
        const int64_t middle = first + (end - first) / 2;
        CLEANUP(query_done) struct query query = query_on(database, SQL_FLEET_ARRIVED);
        query_bind_number(&query, middle);
        const bool is_there = query_next(&query);
        const bool is_before = is_there && query_number(&query, 1) < since_ms;
        TRY(query_status(&query, err));
        if (is_before) {
            first = query_number(&query, 0) + 1;
        } else {
            end = middle;
        }
    }
    *out_number = first;
    return STATUS_OK;
}

static status load_counts(struct database *database, int64_t now_ms, const struct fleet *fleet,
                          struct error *err) {
    int64_t since = 0;
    TRY(first_since(database, now_ms - DAY_MS, &since, err));
    CLEANUP(query_done) struct query records = query_on(database, SQL_FLEET_RECORDS);
    TRY(add(&records, fleet, put_records, err));
    CLEANUP(query_done) struct query alarms = query_on(database, SQL_FLEET_ALARMS);
    TRY(add(&alarms, fleet, put_alarms, err));
    CLEANUP(query_done) struct query certificates = query_on(database, SQL_FLEET_CERTIFICATES);
    TRY(add(&certificates, fleet, put_certificate, err));
    CLEANUP(query_done) struct query reports = query_on(database, SQL_FLEET_REPORTS);
    TRY(add(&reports, fleet, put_report, err));
    CLEANUP(query_done) struct query losses = query_on(database, SQL_FLEET_LOSSES);
    query_bind_number(&losses, since);
    return add(&losses, fleet, put_losses, err);
}

unsigned fleet_needs_of(const struct report_summary *summary) {
    return (summary->clock_is_bad ? NEED_CLOCK : 0U) | (summary->is_behind ? NEED_WAITING : 0U) |
           (summary->is_full ? NEED_FULL : 0U);
}

static int64_t latest(int64_t a, int64_t b, int64_t c) {
    const int64_t later = a > b ? a : b;
    return later > c ? later : c;
}

static unsigned needs_of(const struct fleet_device *device, int64_t now_ms, int64_t overdue_ms) {
    const int64_t ends_ms = device->certificate_ends_ms;
    const int64_t heard_ms = latest(device->contact_ms, device->created_ms, device->reported_ms);
    if (device->state != DEVICE_ACTIVE) {
        return 0;
    }
    return (!device->is_program && now_ms - heard_ms > overdue_ms ? NEED_OVERDUE : 0U) |
           device->reported | (device->alarms > 0 ? NEED_ALARM : 0U) |
           (device->lost > 0 ? NEED_LOSS : 0U) | (device->failed > 0 ? NEED_FAILURE : 0U) |
           (ends_ms > 0 && ends_ms - now_ms < FLEET_CERTIFICATE_MS ? NEED_CERTIFICATE : 0U);
}

status fleet_load(struct database *database, struct arena *arena, int64_t now_ms,
                  int64_t overdue_ms, struct fleet *out_fleet, struct error *err) {
    int64_t count = 0;
    TRY(count_devices(database, &count, err));
    *out_fleet = (struct fleet){
        .devices = arena_get(arena, (uint32_t)count + 1, sizeof(*out_fleet->devices))};
    if (out_fleet->devices == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %lld devices", (long long)count);
    }
    TRY(load_devices(database, arena, count, out_fleet, err));
    TRY(load_counts(database, now_ms, out_fleet, err));
    for (int i = 0; i < out_fleet->count; i++) {
        struct fleet_device *device = &out_fleet->devices[i];
        device->needs = needs_of(device, now_ms, overdue_ms);
    }
    return STATUS_OK;
}
