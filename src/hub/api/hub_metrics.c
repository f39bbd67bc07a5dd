// SPDX-License-Identifier: Apache-2.0
#include "hub/api/hub_metrics.h"

#include "base/memory.h"
#include "hub/api/hub_facts.h"
#include "hub/hub_answer.h"
#include "wire/record.h"

enum { ANSWER_BYTES_MAX = 256 << 10, US_PER_S = 1000000 };

/* A request on its way to the reading thread and back. */
struct asked {
    struct reader_errand errand; /* first */
    struct http_request *request;
    struct hub_facts facts;
    struct hub_disk disk;
};

/* --- one figure --- */

static void write_head(struct buffer *out, const char *name, const char *kind, const char *help) {
    buffer_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

struct metric {
    const char *name, *kind, *help;
    double value;
};

static void write_metrics(struct buffer *out, const struct metric *metrics, size_t count) {
    for (size_t i = 0; i < count; i++) {
        write_head(out, metrics[i].name, metrics[i].kind, metrics[i].help);
        buffer_print(out, "%s %.17g\n", metrics[i].name, metrics[i].value);
    }
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- devices and what they bring --- */

static void write_port(struct buffer *out, const struct hub_facts *facts) {
    const struct uploads_counters *uploads = &facts->port.uploads;
    const struct metric metrics[] = {
        {"ebb_hub_connections", "gauge", "Connections of devices.", facts->port.connections},
        {"ebb_hub_bodies_total", "counter", "Bodies that devices began.", (double)uploads->bodies},
        {"ebb_hub_frames_total", "counter", "Frames that were taken.", (double)uploads->frames},
        {"ebb_hub_received_bytes_total", "counter", "Bytes of whole frames.",
         (double)uploads->bytes},
        {"ebb_hub_forks_total", "counter", "Bodies that did not follow from what is held.",
         (double)uploads->forks},
        {"ebb_hub_poisoned_total", "counter", "Records that were set aside.",
         (double)uploads->poisoned},
        {"ebb_hub_cut_off_total", "counter", "Connections cut off for want of memory.",
         (double)uploads->cut_off},
        {"ebb_hub_refused_total", "counter", "Requests of those who may not come in.",
         (double)facts->port.refused},
    };
    write_metrics(out, metrics, COUNT_OF(metrics));
}

static void write_devices(struct buffer *out, const struct hub_facts *facts,
                          const struct hub_disk *disk) {
    const struct metric metrics[] = {
        {"ebb_hub_devices", "gauge", "Devices that may come in.", (double)facts->devices},
        {"ebb_hub_devices_overdue", "gauge",
         "Devices that may come in and were not heard of for too long.", (double)disk->overdue},
    };
    write_metrics(out, metrics, COUNT_OF(metrics));
    write_head(out, "ebb_hub_devices_known", "gauge", "Devices by their state.");
    for (int state = 0; state < HUB_DEVICE_STATES; state++) {
        buffer_print(out, "ebb_hub_devices_known{state=\"%s\"} %lld\n",
                     device_state_name((enum device_state)state), (long long)disk->states[state]);
    }
}

static void write_records(struct buffer *out, const struct hub_facts *facts,
                          const struct hub_disk *disk) {
    const struct hub_tally *tally = &facts->ingest.tally;
    const struct metric metrics[] = {
        {"ebb_hub_records", "gauge", "Records that there are.", (double)disk->counts.records},
        {"ebb_hub_removed_records_total", "counter", "Records that retention removed.",
         (double)disk->counts.removed},
        {"ebb_hub_quarantined", "gauge", "Records that could not be read and are kept aside.",
         (double)disk->counts.quarantined},
    };
    write_metrics(out, metrics, COUNT_OF(metrics));
    write_head(out, "ebb_hub_stored_records_total", "counter",
               "Records that were stored since the start, by kind.");
    for (int kind = RECORD_RESULT; kind <= RECORD_TELEMETRY; kind++) {
        buffer_print(out, "ebb_hub_stored_records_total{kind=\"%s\"} %llu\n",
                     record_kind_name((enum record_kind)kind),
                     (unsigned long long)tally->kinds[kind]);
    }
    buffer_print(out, "ebb_hub_stored_records_total{kind=\"unknown\"} %llu\n",
                 (unsigned long long)tally->kinds[0]);
}

/* --- the writing --- */

static void write_commits(struct buffer *out, const struct hub_facts *facts) {
    static const char NAME[] = "ebb_hub_commit_duration_seconds";
    const struct ingest_speed_figures *speed = &facts->speed;
    write_head(out, NAME, "histogram", "How long transactions took.");
    for (int i = 0; i < INGEST_SPEED_BOUNDS; i++) {
        buffer_print(out, "%s_bucket{le=\"%g\"} %llu\n", NAME,
                     (double)INGEST_SPEED_BOUND_US[i] / US_PER_S,
                     (unsigned long long)speed->buckets[i]);
    }
    buffer_print(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.17g\n%s_count %llu\n", NAME,
                 (unsigned long long)speed->count, NAME, speed->total_s, NAME,
                 (unsigned long long)speed->count);
}

static void write_ingest(struct buffer *out, const struct hub_facts *facts) {
    const struct ingest_counters *ingest = &facts->ingest;
    const struct metric metrics[] = {
        {"ebb_hub_batches_total", "counter", "Transactions.", (double)ingest->batches},
        {"ebb_hub_commit_seconds_total", "counter", "Time spent in transactions.",
         (double)ingest->commit_ns_total / 1e9},
        {"ebb_hub_waiting_jobs", "gauge", "Jobs that wait to be written.",
         (double)ingest->waiting_jobs},
        {"ebb_hub_failed_jobs_total", "counter", "Jobs that disk or memory made fail.",
         (double)ingest->failed_jobs},
        {"ebb_hub_held_bytes", "gauge", "Bytes of bodies in memory.", (double)ingest->held_bytes},
        {"ebb_hub_faults_total", "counter", "Lanes whose records did not add up.",
         (double)facts->audit.faults},
        {"ebb_hub_disk_full", "gauge", "1 while the last transaction failed for want of space.",
         ingest->disk_full ? 1 : 0},
        {"ebb_hub_disk_fails", "gauge", "1 while the last transaction met an I/O error.",
         ingest->disk_fails ? 1 : 0},
    };
    write_metrics(out, metrics, COUNT_OF(metrics));
    write_commits(out, facts);
}

static void write_disk(struct buffer *out, const struct hub_facts *facts,
                       const struct hub_disk *disk) {
    const struct metric metrics[] = {
        {"ebb_hub_disk_free_bytes", "gauge", "Bytes free where the data folder lies.",
         (double)disk->free_bytes},
        {"ebb_hub_disk_size_bytes", "gauge", "Bytes in all where the data folder lies.",
         (double)disk->total_bytes},
        {"ebb_hub_database_bytes", "gauge", "Bytes of hub.db.", (double)disk->counts.bytes},
        {"ebb_hub_wal_bytes", "gauge", "Bytes of hub.db-wal.", (double)disk->wal_bytes},
        {"ebb_hub_backup_timestamp_seconds", "gauge",
         "The moment that the last backup covers; 0: there was none.",
         (double)disk->counts.backup_ms / 1e3},
        {"ebb_hub_up_seconds", "gauge", "How long the hub has been up.", (double)facts->up_s},
    };
    write_metrics(out, metrics, COUNT_OF(metrics));
}

/* --- destinations --- */

static double waiting_of(const struct hub_destination_facts *facts) {
    return (double)facts->waiting;
}

static double failing_of(const struct hub_destination_facts *facts) {
    return facts->failing ? 1 : 0;
}

static double sent_of(const struct hub_destination_facts *facts) {
    return (double)facts->sent;
}

static double missed_of(const struct hub_destination_facts *facts) {
    return (double)(facts->refused + facts->given_up + facts->removed);
}

static void write_destinations(struct buffer *out, const struct hub_destinations_facts *facts) {
    static const struct {
        const char *name, *kind, *help;
        double (*value)(const struct hub_destination_facts *facts);
    } FIGURES[] = {
        {"ebb_hub_destination_waiting", "gauge", "Records that it has yet to look at or to settle.",
         waiting_of},
        {"ebb_hub_destination_failing", "gauge", "1 while the last attempt failed.", failing_of},
        {"ebb_hub_destination_sent_total", "counter", "Results that it has.", sent_of},
        {"ebb_hub_destination_missed_total", "counter",
         "Results that it refused, that were given up, or removed before.", missed_of},
    };
    for (size_t i = 0; i < COUNT_OF(FIGURES) && facts->count > 0; i++) {
        write_head(out, FIGURES[i].name, FIGURES[i].kind, FIGURES[i].help);
        for (uint32_t j = 0; j < facts->count; j++) {
            buffer_print(out, "%s{name=\"%.*s\"} %.17g\n", FIGURES[i].name,
                         SLICE_ARGS(facts->items[j].name), FIGURES[i].value(&facts->items[j]));
        }
    }
}

/* --- what devices say and bring beside records --- */

static void write_aside(struct buffer *out, const struct hub_facts *facts) {
    const struct device_reports_counters *reports = &facts->reports;
    const struct attachments_counters *attachments = &facts->attachments;
    const struct metric metrics[] = {
        {"ebb_hub_reports_total", "counter", "Reports of devices.", (double)reports->came},
        {"ebb_hub_reports_refused_total", "counter", "Reports that were none, or came too soon.",
         (double)reports->refused},
        {"ebb_hub_report_rows_total", "counter", "Rows that were written of them.",
         (double)reports->written},
        {"ebb_hub_report_bytes", "gauge", "Bytes of reports that have no row yet.",
         (double)reports->held_bytes},
        {"ebb_hub_attachments_wanted", "gauge", "Attachments that devices are asked for.",
         attachments->wanted},
        {"ebb_hub_attachments_total", "counter", "Attachments that came.",
         (double)attachments->came},
        {"ebb_hub_attachment_parts_total", "counter", "Parts of attachments.",
         (double)attachments->parts},
        {"ebb_hub_attachments_damaged_total", "counter", "Those that were not what was asked for.",
         (double)attachments->damaged},
        {"ebb_hub_tails", "gauge", "Tails that are open.", facts->tails},
    };
    write_metrics(out, metrics, COUNT_OF(metrics));
}

/* --- asking --- */

static status look(struct reader_errand *errand, struct database *database, struct error *err) {
    struct asked *asked = (struct asked *)errand;
    return hub_facts_read(&asked->facts, database, &asked->disk, err);
}

static void done(struct reader_errand *errand) {
    struct asked *asked = (struct asked *)errand;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANSWER_BYTES_MAX);
    write_port(&text, &asked->facts);
    write_ingest(&text, &asked->facts);
    write_aside(&text, &asked->facts);
    write_destinations(&text, &asked->facts.destinations);
    if (errand->error.code == STATUS_OK) { /* what is known without the disk is said all the same */
        write_devices(&text, &asked->facts, &asked->disk);
        write_records(&text, &asked->facts, &asked->disk);
        write_disk(&text, &asked->facts, &asked->disk);
    }
    http_answer(asked->request, 200, "text/plain; version=0.0.4", buffer_slice(&text));
    memory_free(asked);
}

static void drop(struct reader_errand *errand) {
    memory_free((struct asked *)errand);
}

void hub_metrics_take(struct hub_daemon *hub, struct http_request *request) {
    struct asked *asked = memory_new(1, sizeof(*asked));
    if (asked == NULL) {
        struct error err;
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return;
    }
    asked->request = request;
    asked->errand.look = look;
    asked->errand.done = done;
    asked->errand.dropped = drop;
    hub_facts_look(hub, &asked->facts);
    reader_run(hub->reader, &asked->errand);
}
