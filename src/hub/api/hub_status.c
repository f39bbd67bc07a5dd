// SPDX-License-Identifier: Apache-2.0
#include "hub/api/hub_status.h"

#include "hub/api/hub_facts.h"
#include "hub/hub_answer.h"
#include "hub/hub_call.h"
#include "hub/store/hub_retention.h"
#include "platform/json.h"

enum { ANSWER_BYTES_MAX = 1 << 20 };

static void write_health(struct buffer *out, const struct hub_facts *facts,
                         const struct hub_disk *disk) {
    const struct ingest_speed_figures *speed = &facts->speed;
    buffer_print(out,
                 ",\"disk\":{\"free_bytes\":%lld,\"total_bytes\":%lld},\"wal_bytes\":%lld,"
                 "\"ingest\":{\"records_per_s\":%.2f,\"commit_p50_ms\":%.3f,"
                 "\"commit_p99_ms\":%.3f},\"overdue\":%lld",
                 (long long)disk->free_bytes, (long long)disk->total_bytes,
                 (long long)disk->wal_bytes, speed->records_per_s, speed->p50_ms, speed->p99_ms,
                 (long long)disk->overdue);
    buffer_add_text(out, ",\"destinations\":");
    hub_destinations_write(out, &facts->destinations);
}

static status look_at_status(const void *question, struct database *database, struct buffer *out,
                             struct error *err) {
    const struct hub_facts *facts = question;
    struct hub_disk disk;
    char store[ID_HEX_BYTES + 1];
    TRY(hub_facts_read(facts, database, &disk, err));
    const struct hub_counts *counts = &disk.counts;
    id_write_hex(facts->store, store);
    buffer_print(out, "{\"version\":\"%s\",\"store\":\"%s\",\"listen\":", EBB_VERSION, store);
    json_write_text(out, slice_of(facts->address));
    buffer_add_text(out, ",\"people\":");
    json_write_text(out, slice_of(facts->people));
    buffer_print(out,
                 ",\"up_s\":%lld,\"devices\":%lld,\"connections\":%d,\"records\":%lld,"
                 "\"streams\":%lld,\"quarantined\":%lld,\"bytes\":%lld",
                 (long long)facts->up_s, (long long)facts->devices, facts->port.connections,
                 (long long)counts->records, (long long)counts->streams,
                 (long long)counts->quarantined, (long long)counts->bytes);
    buffer_print(
        out,
        ",\"uploads\":%d,\"waiting_jobs\":%zu,\"held_bytes\":%lld,\"disk_full\":%s,"
        "\"disk_fails\":%s,\"failed_jobs\":%llu,\"refused\":%llu,\"forks\":%llu,\"removed\":%lld,",
        facts->port.uploads.open, facts->ingest.waiting_jobs, (long long)facts->ingest.held_bytes,
        facts->ingest.disk_full ? "true" : "false", facts->ingest.disk_fails ? "true" : "false",
        (unsigned long long)facts->ingest.failed_jobs, (unsigned long long)facts->port.refused,
        (unsigned long long)facts->port.uploads.forks, (long long)counts->removed);
    buffer_print(out, "\"checks\":%lld,\"faults\":%lld,", (long long)facts->audit.walks,
                 (long long)facts->audit.faults);
    hub_call_write_time(out, "backup_at", counts->backup_ms);
    write_health(out, facts, &disk);
    buffer_add_text(out, ",\"workflows\":");
    TRY(hub_retention_list(database, out, err));
    buffer_add_text(out, "}\n");
    return STATUS_OK;
}

void hub_status_take(struct hub_daemon *hub, struct http_request *request) {
    struct hub_facts facts;
    hub_facts_look(hub, &facts);
    reader_ask(hub->reader, request, look_at_status, &facts, sizeof(facts));
}

void hub_status_take_destinations(struct hub_daemon *hub, struct http_request *request) {
    struct hub_destinations_facts facts;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, ANSWER_BYTES_MAX);
    hub_destinations_look(hub->destinations, &facts);
    buffer_add_text(&out, "{\"destinations\":");
    hub_destinations_write(&out, &facts);
    buffer_add_text(&out, "}\n");
    hub_answer_json(request, 200, &out);
}
