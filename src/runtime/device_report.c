// SPDX-License-Identifier: Apache-2.0
#include "runtime/device_report.h"

#include "agents/manifest_onnx.h"
#include "platform/json.h"

enum { TAIL_BYTES = 512 }; /* the end of the report, which always fits */

/* What is written in pieces, each of which fits or is taken back. */
struct pieces {
    struct buffer *out;
    size_t begun;
    uint32_t count, left_out;
};

/* Whether what was added since `before` fits; it is taken back otherwise. */
static bool fits(const struct pieces *pieces, size_t before) {
    struct buffer *out = pieces->out;
    if (out->failed == STATUS_OK && out->count - pieces->begun <= REPORT_BYTES_MAX - TAIL_BYTES) {
        return true;
    }
    out->count = before;
    out->failed = STATUS_OK;
    return false;
}

static void write_head(struct buffer *out, const struct device_report_facts *facts) {
    const struct moment now = clock_now();
    buffer_print(out,
                 "{\"version\":\"%s\",\"up_s\":%lld,\"began_ms\":%lld,"
                 "\"clock\":{\"quality\":\"%s\",\"wall_ms\":%lld},\"link\":{\"kind\":",
                 EBB_VERSION, (long long)facts->up_s, (long long)facts->began_ms,
                 clock_quality_name(now.quality), (long long)now.wall_ms);
    json_write_text(out, slice_of(facts->link->kind));
    buffer_print(out,
                 ",\"metered\":%s},\"store\":{\"bytes\":%lld,\"budget_bytes\":%lld,\"full\":%s},",
                 facts->link->metered ? "true" : "false", (long long)facts->store_bytes,
                 (long long)facts->store_budget_bytes, facts->store_full ? "true" : "false");
}

static void write_lanes(struct buffer *out, const struct device_report_facts *facts) {
    buffer_add_text(out, "\"lanes\":[");
    for (int i = 0; i < SYNC_LANES; i++) {
        const struct report_lane *lane = &facts->lanes[i];
        buffer_print(out,
                     "%s{\"lane\":\"%s\",\"waiting\":%llu,\"bytes\":%lld,\"oldest_ms\":%lld,"
                     "\"behind\":%s}",
                     i > 0 ? "," : "", lane_name((enum lane)i), (unsigned long long)lane->waiting,
                     (long long)lane->bytes, (long long)lane->oldest_ms,
                     lane->behind ? "true" : "false");
    }
    buffer_add_byte(out, ']');
}

/* --- workflows ------------------------------------------------------------------------------- */

static void write_counts(struct buffer *out, const struct slot *slot) {
    const struct slot_counts *counts = &slot->counts;
    buffer_print(out,
                 ",\"events\":%llu,\"runs\":%llu,\"results\":%llu,\"failures\":%llu,"
                 "\"skipped\":%llu,\"dropped\":%llu,\"queued\":%u,\"waiting\":%u",
                 (unsigned long long)counts->events, (unsigned long long)counts->runs,
                 (unsigned long long)counts->results, (unsigned long long)counts->failures,
                 (unsigned long long)counts->skipped, (unsigned long long)counts->dropped,
                 slot->queued + slot->lined, slot->waiting);
}

static void write_workflow(struct buffer *out, const struct slot *slot, bool whole) {
    char digest[ID_HEX_BYTES + 1];
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, slice_of(slot->name));
    if (slot->version != NULL) {
        id_write_hex(slot->version->workflow->digest, digest);
        buffer_print(out, ",\"digest\":\"%s\"", digest);
    }
    buffer_print(out, ",\"state\":\"%s\"", slot_state_name(slot->state));
    write_counts(out, slot);
    if (whole) {
        buffer_add_text(out, ",\"steps\":");
        tally_write_steps(slot->tally, out);
        buffer_add_text(out, ",\"results_by_name\":");
        tally_write_results(slot->tally, out);
    }
    buffer_add_byte(out, '}');
}

/* Whole, without its steps, or not at all: as there is room. */
static void add_workflow(struct pieces *pieces, const struct slot *slot) {
    for (int tries = 0; tries < 2 && pieces->count < REPORT_WORKFLOWS_MAX; tries++) {
        const size_t before = pieces->out->count;
        buffer_add_text(pieces->out, pieces->count > 0 ? "," : "");
        write_workflow(pieces->out, slot, tries == 0);
        if (fits(pieces, before)) {
            pieces->count++;
            return;
        }
    }
    pieces->left_out++;
}

static void write_workflows(struct pieces *pieces, const struct orchestrator *orchestrator) {
    pieces->count = 0;
    buffer_add_text(pieces->out, ",\"workflows\":[");
    for (const struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        add_workflow(pieces, slot);
    }
    buffer_add_byte(pieces->out, ']');
}

/* --- agents ---------------------------------------------------------------------------------- */

static void add_agent(void *owner, const struct catalog_agent *agent) {
    struct pieces *pieces = owner;
    const struct agent_manifest *manifest = catalog_manifest(agent);
    const size_t before = pieces->out->count;
    buffer_add_text(pieces->out, pieces->count > 0 ? ",{\"name\":" : "{\"name\":");
    json_write_text(pieces->out, manifest->name);
    buffer_add_text(pieces->out, ",\"version\":");
    json_write_text(pieces->out, manifest->version_text);
    buffer_print(pieces->out, ",\"state\":\"%s\"",
                 catalog_stats(agent)->broken ? "broken" : "ready");
    if (manifest->onnx != NULL && manifest->onnx->variants.count > 0) {
        const struct manifest_variants *variants = &manifest->onnx->variants;
        buffer_add_text(pieces->out, ",\"variant\":");
        json_write_text(pieces->out, variants->list[variants->used].name);
    }
    buffer_add_byte(pieces->out, '}');
    const bool fitted = fits(pieces, before);
    pieces->count += fitted;
    pieces->left_out += !fitted;
}

static void write_agents(struct pieces *pieces, const struct orchestrator *orchestrator) {
    pieces->count = 0;
    buffer_add_text(pieces->out, ",\"agents\":[");
    if (orchestrator->generation != NULL) {
        catalog_each(orchestrator->generation->catalog, add_agent, pieces);
    }
    buffer_add_byte(pieces->out, ']');
}

void device_report_write(const struct device_report_facts *facts, struct buffer *out) {
    struct pieces pieces = {.out = out, .begun = out->count};
    write_head(out, facts);
    write_lanes(out, facts);
    write_workflows(&pieces, facts->orchestrator);
    write_agents(&pieces, facts->orchestrator);
    if (pieces.left_out > 0) {
        buffer_print(out, ",\"left_out\":%u", pieces.left_out);
    }
    buffer_add_byte(out, '}');
}
