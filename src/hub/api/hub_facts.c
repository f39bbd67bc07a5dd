// SPDX-License-Identifier: Apache-2.0
#include "hub/api/hub_facts.h"

#include <stdio.h>

#include "hub/people_port.h"
#include "hub/store/hub_sql.h"
#include "hub/tails.h"
#include "platform/clock.h"
#include "platform/file.h"

enum { PATH_BYTES_MAX = 4096 };

static const int64_t NS_PER_S = 1000000000;

void hub_facts_look(const struct hub_daemon *hub, struct hub_facts *out_facts) {
    *out_facts = (struct hub_facts){.devices = registry_count(hub->registry),
                                    .up_s = (clock_boot_ns() - hub->began_ns) / NS_PER_S,
                                    .now_ms = clock_wall_ms(),
                                    .overdue_ms = hub->options.settings->overdue_ms,
                                    .data = hub->options.data,
                                    .store = hub->session->kind->store_id(hub->session)};
    ingest_counters(hub->ingest, &out_facts->ingest);
    ingest_figures(hub->ingest, &out_facts->speed);
    audit_counters(hub->audit, &out_facts->audit);
    device_port_counters(hub->port, &out_facts->port);
    device_reports_counters(hub->reports, &out_facts->reports);
    attachments_counters(hub->attachments, &out_facts->attachments);
    out_facts->tails = tails_count(hub->tails);
    hub_destinations_look(hub->destinations, &out_facts->destinations);
    (void)snprintf(out_facts->address, sizeof(out_facts->address), "%s",
                   device_port_address(hub->port));
    (void)snprintf(out_facts->people, sizeof(out_facts->people), "%s",
                   hub->people != NULL ? people_port_address(hub->people) : "");
}

static status read_devices(const struct hub_facts *facts, struct database *database,
                           struct hub_disk *disk, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_DEVICE_STATES);
    query_bind_number(&query, facts->now_ms - facts->overdue_ms);
    while (query_next(&query)) {
        const int64_t state = query_number(&query, 0);
        if (state >= 0 && state < HUB_DEVICE_STATES) {
            disk->states[state] = query_number(&query, 1);
            disk->overdue += state == DEVICE_ACTIVE ? query_number(&query, 2) : 0;
        }
    }
    return query_status(&query, err);
}

status hub_facts_read(const struct hub_facts *facts, struct database *database,
                      struct hub_disk *out_disk, struct error *err) {
    char path[PATH_BYTES_MAX];
    struct file_facts wal = {.bytes = 0};
    *out_disk = (struct hub_disk){.overdue = 0};
    (void)snprintf(path, sizeof(path), "%.4000s/hub.db-wal", facts->data);
    TRY(hub_results_count(database, &out_disk->counts, err));
    TRY(read_devices(facts, database, out_disk, err));
    TRY(file_space(facts->data, &out_disk->free_bytes, &out_disk->total_bytes, err));
    if (file_facts(path, &wal, NULL) == STATUS_OK) {
        out_disk->wal_bytes = wal.bytes;
    }
    return STATUS_OK;
}
