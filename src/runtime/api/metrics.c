// SPDX-License-Identifier: Apache-2.0
/* /metrics: counters and gauges in Prometheus text. */
#include "runtime/api/api.h"
#include "runtime/destinations/destinations.h"

/* One metric of every workflow: which number of the slot it shows. */
struct slot_metric {
    const char *name, *kind, *help;
    uint64_t (*read)(const struct slot *slot);
};

static uint64_t read_events(const struct slot *slot) {
    return slot->counts.events;
}
static uint64_t read_runs(const struct slot *slot) {
    return slot->counts.runs;
}
static uint64_t read_results(const struct slot *slot) {
    return slot->counts.results;
}
static uint64_t read_failures(const struct slot *slot) {
    return slot->counts.failures;
}
static uint64_t read_dropped(const struct slot *slot) {
    return slot->counts.dropped;
}
static uint64_t read_refused(const struct slot *slot) {
    return slot->counts.refused;
}
static uint64_t read_quarantined(const struct slot *slot) {
    return slot->counts.quarantined;
}
static uint64_t read_held(const struct slot *slot) {
    return slot->counts.held;
}
static uint64_t read_forgotten(const struct slot *slot) {
    return slot->counts.forgotten;
}
static uint64_t read_queued(const struct slot *slot) {
    return slot->queued + slot->lined;
}
static uint64_t read_running(const struct slot *slot) {
    return slot->running;
}

static const struct slot_metric METRICS[] = {
    {"ebb_events_total", "counter", "Events that triggers delivered.", read_events},
    {"ebb_runs_total", "counter", "Runs that ended.", read_runs},
    {"ebb_results_total", "counter", "Results that are durable.", read_results},
    {"ebb_failures_total", "counter", "Runs that failed for good.", read_failures},
    {"ebb_dropped_total", "counter", "Events dropped by the queue's policy.", read_dropped},
    {"ebb_refused_total", "counter", "Input that was no event.", read_refused},
    {"ebb_quarantined_total", "counter", "Events that did not fit and were kept aside.",
     read_quarantined},
    {"ebb_results_held_total", "counter", "Results that their limit held back.", read_held},
    {"ebb_states_forgotten_total", "counter", "States of keys that went for want of room.",
     read_forgotten},
    {"ebb_queued", "gauge",
     "Events that wait for their run, and kept runs that wait for their turn.", read_queued},
    {"ebb_running", "gauge", "Runs under way.", read_running},
};

static void head(struct buffer *out, const char *name, const char *kind, const char *help) {
    buffer_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void write_store(struct buffer *out, const struct store_counters *counters) {
    head(out, "ebb_store_commits_total", "counter", "Transactions that were committed.");
    buffer_print(out, "ebb_store_commits_total %llu\n", (unsigned long long)counters->commits);
    head(out, "ebb_store_commit_seconds_total", "counter", "Time spent in commits.");
    buffer_print(out, "ebb_store_commit_seconds_total %.6f\n",
                 (double)counters->commit_ns_total / 1e9);
    head(out, "ebb_store_records_total", "counter", "Records written.");
    buffer_print(out, "ebb_store_records_total %llu\n", (unsigned long long)counters->records);
    head(out, "ebb_store_gaps_total", "counter", "Gaps written in place of records.");
    buffer_print(out, "ebb_store_gaps_total %llu\n", (unsigned long long)counters->gaps);
    head(out, "ebb_store_full", "gauge", "1 while the last commit failed for want of space.");
    buffer_print(out, "ebb_store_full %d\n", counters->full ? 1 : 0);
    head(out, "ebb_blob_bytes", "gauge", "Bytes of blobs that results and kept outputs name.");
    buffer_print(out, "ebb_blob_bytes %lld\n", (long long)counters->blob_bytes);
    head(out, "ebb_blobs_evicted_total", "counter", "Blobs that went to make room.");
    buffer_print(out, "ebb_blobs_evicted_total %llu\n",
                 (unsigned long long)counters->blobs_evicted);
    head(out, "ebb_lane_bytes", "gauge", "Bytes held in a lane.");
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        buffer_print(out, "ebb_lane_bytes{lane=\"%s\"} %lld\n", lane_name((enum lane)lane),
                     (long long)counters->lane_bytes[lane]);
    }
}

/* --- agents: what is counted of them, and what they report of themselves --- */

struct agent_writing {
    struct buffer *out;
    const struct agent_manifest *manifest;
};

static void write_number(void *owner, const char *name, double number) {
    const struct agent_writing *writing = owner;
    buffer_print(writing->out,
                 "ebb_agent_metric{agent=\"%.*s\",version=\"%.*s\",name=\"%s\"} %.17g\n",
                 SLICE_ARGS(writing->manifest->name), SLICE_ARGS(writing->manifest->version_text),
                 name, number);
}

static void write_agent_metrics(void *owner, const struct catalog_agent *agent) {
    struct agent_writing writing = {.out = owner, .manifest = catalog_manifest(agent)};
    catalog_metrics(agent, write_number, &writing);
}

/* One metric of every agent: which number of its stats it shows. */
struct agent_metric {
    const char *name, *kind, *help;
    double (*read)(const struct agent_stats *stats);
};

static double read_calls(const struct agent_stats *stats) {
    return (double)stats->calls;
}
static double read_call_failures(const struct agent_stats *stats) {
    return (double)stats->failures;
}
static double read_call_seconds(const struct agent_stats *stats) {
    return (double)stats->total_ns / 1e9;
}
static double read_inferences(const struct agent_stats *stats) {
    return (double)stats->inferences;
}
static double read_inference_seconds(const struct agent_stats *stats) {
    return (double)stats->inference_total_ns / 1e9;
}
static double read_model_bytes(const struct agent_stats *stats) {
    return (double)stats->model_bytes;
}

static const struct agent_metric AGENT_METRICS[] = {
    {"ebb_agent_calls_total", "counter", "Calls of an agent.", read_calls},
    {"ebb_agent_failures_total", "counter", "Calls of an agent that failed.", read_call_failures},
    {"ebb_agent_seconds_total", "counter", "Time that calls of an agent took.", read_call_seconds},
    {"ebb_inferences_total", "counter", "Runs of an agent's model.", read_inferences},
    {"ebb_inference_seconds_total", "counter", "Time that an agent's model computed.",
     read_inference_seconds},
    {"ebb_model_bytes", "gauge", "By what the process grew when an agent's model was opened.",
     read_model_bytes},
};

struct metric_writing {
    struct buffer *out;
    const struct agent_metric *metric;
};

static void write_agent_metric(void *owner, const struct catalog_agent *agent) {
    const struct metric_writing *writing = owner;
    const struct agent_manifest *manifest = catalog_manifest(agent);
    buffer_print(writing->out, "%s{agent=\"%.*s\",version=\"%.*s\"} %.15g\n", writing->metric->name,
                 SLICE_ARGS(manifest->name), SLICE_ARGS(manifest->version_text),
                 writing->metric->read(catalog_stats(agent)));
}

static void write_agents(struct buffer *out, const struct generation *generation) {
    for (size_t i = 0; i < sizeof(AGENT_METRICS) / sizeof(AGENT_METRICS[0]); i++) {
        struct metric_writing writing = {.out = out, .metric = &AGENT_METRICS[i]};
        head(out, AGENT_METRICS[i].name, AGENT_METRICS[i].kind, AGENT_METRICS[i].help);
        if (generation != NULL) {
            catalog_each(generation->catalog, write_agent_metric, &writing);
        }
    }
    head(out, "ebb_agent_metric", "untyped", "What an agent reports of itself.");
    if (generation != NULL) {
        catalog_each(generation->catalog, write_agent_metrics, out);
    }
}

/* --- destinations besides the hub --- */

static void write_destinations(struct buffer *out, const struct destinations *destinations) {
    struct destination_facts facts;
    head(out, "ebb_destination_arrived_total", "counter", "Results that arrived there.");
    for (uint32_t i = 0; destinations_facts(destinations, i, &facts); i++) {
        buffer_print(out, "ebb_destination_arrived_total{destination=\"%.*s\"} %llu\n",
                     SLICE_ARGS(facts.settings->name), (unsigned long long)facts.arrived);
    }
    head(out, "ebb_destination_failing", "gauge", "1 while the last attempt there failed.");
    for (uint32_t i = 0; destinations_facts(destinations, i, &facts); i++) {
        buffer_print(out, "ebb_destination_failing{destination=\"%.*s\"} %d\n",
                     SLICE_ARGS(facts.settings->name), facts.failing ? 1 : 0);
    }
}

void api_metrics(struct api_call *call) {
    struct store_counters counters;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, API_ANSWER_BYTES_MAX);
    for (size_t i = 0; i < sizeof(METRICS) / sizeof(METRICS[0]); i++) {
        head(&text, METRICS[i].name, METRICS[i].kind, METRICS[i].help);
        for (const struct slot *slot = call->daemon->orchestrator->slots; slot != NULL;
             slot = slot->next) {
            buffer_print(&text, "%s{workflow=\"%s\"} %llu\n", METRICS[i].name, slot->name,
                         (unsigned long long)METRICS[i].read(slot));
        }
    }
    write_agents(&text, call->daemon->orchestrator->generation);
    write_destinations(&text, call->daemon->destinations);
    store_counters(call->daemon->store, &counters);
    write_store(&text, &counters);
    http_answer(call->request, 200, "text/plain; version=0.0.4", buffer_slice(&text));
}
