/*
 * device_reports: the newest report of each device (sync/report), and what the hub would like to
 * have of it.
 *
 * A report is answered from memory, and written to the table `report` a little later: at the next
 * upkeep when its shape has changed (anything but numbers), else when the row is older than
 * DEVICE_REPORTS_WRITE_MS. One transaction takes at most DEVICE_REPORTS_ROWS_MAX of them, so that a
 * hub writes no more than that each few seconds, however many devices report however often. Until
 * it is written the memory has the newest, also while the disk is full; then the row has it. What
 * memory holds is bounded: a report that finds no room waits, and its device sends it again.
 *
 * Thread: loop, but for device_reports_newest, which any may call. Survives: rows; a crash costs
 * what was not written, which devices say again within the minute.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "hub/attachments.h"
#include "hub/faces.h"
#include "hub/ingest.h"
#include "platform/database.h"
#include "platform/http_server.h"

enum {
    DEVICE_REPORTS_BYTES_MAX = 32 << 20, /* in memory, of all devices */
    DEVICE_REPORTS_ROWS_MAX = 256,       /* in one transaction */
    DEVICE_REPORTS_WRITE_MS = 5 * 60 * 1000,
    DEVICE_REPORTS_APART_MS = 1000 /* a device that reports more often is to wait */
};

struct device_reports;

struct device_reports_options {
    struct ingest *ingest; /* not owned, like all here */
    struct faces *faces;
    struct attachments *attachments;
};

status device_reports_create(const struct device_reports_options *options,
                             struct device_reports **out_reports, struct error *err);

/* When ingest has stopped. NULL is fine. */
void device_reports_destroy(struct device_reports *reports);

/* Takes the request, whose body is whole, and answers it with what is wanted of the device. */
void device_reports_take(struct device_reports *reports, struct id device,
                         struct http_request *request);

/* The same without HTTP: adds what is wanted. INVALID says what is wrong with the text, BUSY that
 * it comes too soon or finds no memory. */
status device_reports_hear(struct device_reports *reports, struct id device, struct slice text,
                           struct want *want, struct error *err);

/* Writes what is due; at each upkeep. */
void device_reports_write(struct device_reports *reports);

/* The newest report of a device: of memory, else its row. *out_text is in the arena; empty: there
 * is none. Any thread that has a connection. */
status device_reports_newest(struct device_reports *reports, struct database *database,
                             struct id device, struct arena *arena, struct slice *out_text,
                             int64_t *out_came_ms, struct error *err);

/* The same of memory alone: false when the row is as new. */
bool device_reports_unwritten(struct device_reports *reports, struct id device, struct arena *arena,
                              struct slice *out_text, int64_t *out_came_ms);

struct device_reports_counters {
    uint64_t came, refused, written; /* reports; rows */
    int64_t held_bytes;
};
void device_reports_counters(const struct device_reports *reports,
                             struct device_reports_counters *out_counters);
