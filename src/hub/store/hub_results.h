/*
 * hub_results: looking at what a hub has taken: results newest first, one by its id, what there is.
 *
 * Order is that of arrival; with a workflow it is that of the results' own clocks, which an
 * index serves. What is skipped by a filter is read nevertheless. Where few are wanted of many a
 * page ends early, after HUB_RESULTS_LOOK_MS, with a `next` that goes on; with a workflow, and in
 * what came since, at the connection's deadline.
 *
 * Thread: reading.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "wire/lane.h"

enum {
    HUB_RESULTS_MAX = 500,
    HUB_RESULTS_BYTES_MAX = 8 << 20, /* of a page: it ends early */
    HUB_RESULTS_WORD_BYTES = 256,
    HUB_RESULTS_LOOK_MS = 300,
    HUB_RESULTS_KEY_BYTES = 48
};

/* Empty texts, LANE_COUNT and zeroes: no matter which. */
struct hub_results_query {
    char workflow[HUB_RESULTS_WORD_BYTES];
    char name[HUB_RESULTS_WORD_BYTES];
    char device[HUB_RESULTS_WORD_BYTES]; /* its name or id */
    char label[HUB_RESULTS_WORD_BYTES];  /* "line=3" or "line" */
    enum lane lane;
    int64_t since_ms, until_ms; /* of the results' clock */
    int64_t before_number;      /* the page before this row ... */
    int64_t before_ms;          /* ... with a workflow: and this moment */
    bool is_since;              /* what came after that row, the oldest first */
    int64_t after_number;
    int limit;
};

/* "NUMBER" or "NUMBER.MS", as a page's `next` says; false: neither. */
bool hub_results_read_key(struct hub_results_query *query, const char *text);

/* Appends {"results":[...],"next":KEY or null,"last":NUMBER}. */
status hub_results_list(struct database *database, const struct hub_results_query *query,
                        struct buffer *out, struct error *err);

/* A result that has just come. */
struct hub_new_result {
    int64_t number;
    enum lane lane;
    struct id device;
    struct slice workflow, name, device_name, labels,
        json; /* of hub_results_list; while each runs */
};

/* Calls `each` for results behind `after`, the oldest first, at most `limit`; *out_last is the
 * number up to which was looked. */
status hub_results_new(struct database *database, int64_t after, int limit,
                       status (*each)(void *owner, const struct hub_new_result *result,
                                      struct error *err),
                       void *owner, int64_t *out_last, struct error *err);

/* The number of the newest record; 0: there is none. */
status hub_results_newest(struct database *database, int64_t *out_number, struct error *err);

/* Appends the one result. NOT_FOUND: there is none of that id. */
status hub_results_get(struct database *database, struct id public_id, struct buffer *out,
                       struct error *err);

struct hub_counts {
    int64_t records, streams, quarantined;
    int64_t bytes;     /* of the file */
    int64_t removed;   /* records, whose time or bytes were over */
    int64_t backup_ms; /* that the last backup covers; 0: there was none */
};

status hub_results_count(struct database *database, struct hub_counts *out_counts,
                         struct error *err);
