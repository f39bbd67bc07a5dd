/*
 * endpoint_sync: sends results to an endpoint of the guide's shape, in the place of a hub.
 *
 * `sync_endpoint` of edge_config.json: a POST of {"device_id","timestamp","results":[{"id",
 * "workflow_id","result","created_at"}]}, at most 100 results of one lane at a time, sorted by
 * their priority's number and then by time. 2xx says that they arrived: they count as acknowledged.
 * All else is tried again, after 1 s, doubling to 5 min. A result may arrive twice, under the same
 * id, if an answer is lost; what is no result (a failure, a gap, an alarm) such an endpoint cannot
 * be told.
 *
 * It begins each sync_interval_seconds, and at once for what is urgent. On a device that is joined
 * to a hub nobody makes one.
 *
 * Thread: loop. Survives: the store's acknowledgements.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "platform/loop.h"
#include "storage/store.h"

enum {
    ENDPOINT_RESULTS_MAX = 100,
    ENDPOINT_INTERVAL_MS_DEFAULT = 3600 * 1000,
    ENDPOINT_RETRY_MS_LEAST = 1000,
    ENDPOINT_RETRY_MS_MOST = 5 * 60 * 1000
};

struct endpoint_sync;

struct endpoint_sync_options {
    struct loop *loop; /* not owned, like all here */
    struct store *store;
    struct slice url, device_id;
    int64_t interval_ms; /* 0: the default */
};

status endpoint_sync_create(const struct endpoint_sync_options *options,
                            struct endpoint_sync **out_sync, struct error *err);

/* After each commit of the store: what is urgent goes at once. */
void endpoint_sync_look(struct endpoint_sync *sync);
void endpoint_sync_hurry(struct endpoint_sync *sync);

/* NULL is fine: as sync_manager_stop, sync_manager_destroy. */
void endpoint_sync_stop(struct endpoint_sync *sync);
void endpoint_sync_destroy(struct endpoint_sync *sync);

struct endpoint_sync_facts {
    struct slice url; /* whole: text_mask_query before anybody sees it */
    bool failing;
    uint64_t arrived;
    int64_t success_ms; /* wall clock; 0: none yet */
    int64_t retry_ms;   /* wall clock: when it begins again; 0: it is at work */
    const char *failure;
};
void endpoint_sync_facts(const struct endpoint_sync *sync, struct endpoint_sync_facts *out_facts);
