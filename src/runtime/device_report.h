/*
 * device_report: what a device says of itself to its hub (sync/report), as JSON.
 *
 *   {"version","up_s","began_ms","clock":{"quality","wall_ms"},"link":{"kind","metered"},
 *    "store":{"bytes","budget_bytes","full"},
 *    "lanes":[{"lane":"urgent","waiting","bytes","oldest_ms","behind"}],
 *    "workflows":[{"name","digest","state","events","runs","results","failures","skipped",
 *      "dropped","queued","waiting","steps":{"classify":{"runs","failures","skipped"}},
 *      "results_by_name":{"verdict":3}}],
 *    "agents":[{"name","version","state","variant"}]}
 *
 * Counts are since `began_ms`, when the daemon began. Names, states and counts alone: nothing of
 * what events or results say, no path, no parameter. What does not fit REPORT_BYTES_MAX is left
 * out, the steps of workflows first, and `left_out` says how many workflows and agents that were.
 *
 * Not here: when it is sent (runtime/reports).
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/orchestrator.h"
#include "sync/report.h"
#include "sync/sender.h"

struct report_lane {
    uint64_t waiting;
    int64_t bytes, oldest_ms; /* wall clock; 0: nothing waits, or it is not known */
    bool behind;              /* more wait than come and go by themselves */
};

struct device_report_facts {
    const struct orchestrator *orchestrator; /* not owned */
    const struct sender_link *link;
    struct report_lane lanes[SYNC_LANES];
    int64_t began_ms; /* wall clock, as it is now */
    int64_t up_s;
    int64_t store_bytes, store_budget_bytes; /* records and blobs */
    bool store_full;
};

/* Appends at most REPORT_BYTES_MAX. */
void device_report_write(const struct device_report_facts *facts, struct buffer *out);
