/*
 * hub_facts: how the hub itself is: what its loop knows, and what lies on its disk, gathered for
 * the answers that say so (hub_status, hub_metrics).
 *
 * Thread: hub_facts_look on the loop, the rest any. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/destinations/hub_destinations.h"
#include "hub/device_reports.h"
#include "hub/hub_daemon.h"
#include "hub/store/hub_results.h"

enum { HUB_FACTS_ADDRESS_BYTES = 256, HUB_DEVICE_STATES = DEVICE_REMOVED + 1 };

/* What the loop knows, when it is asked. */
struct hub_facts {
    struct ingest_counters ingest;
    struct ingest_speed_figures speed;
    struct device_port_counters port;
    struct audit_counters audit;
    struct device_reports_counters reports;
    struct attachments_counters attachments;
    struct hub_destinations_facts destinations;
    int tails;
    int64_t devices, up_s, now_ms, overdue_ms;
    struct id store;
    const char *data; /* the hub's folder; outlives it */
    char address[HUB_FACTS_ADDRESS_BYTES], people[HUB_FACTS_ADDRESS_BYTES];
};

/* What is on its disk. */
struct hub_disk {
    struct hub_counts counts;
    int64_t free_bytes, total_bytes, wal_bytes;
    int64_t states[HUB_DEVICE_STATES]; /* devices in each */
    int64_t overdue; /* devices that may come in and were not heard of for overdue_ms */
};

void hub_facts_look(const struct hub_daemon *hub, struct hub_facts *out_facts);

/* On the reading thread. */
status hub_facts_read(const struct hub_facts *facts, struct database *database,
                      struct hub_disk *out_disk, struct error *err);
