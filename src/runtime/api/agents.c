// SPDX-License-Identifier: Apache-2.0
/* /v1/agents: what there is, what it takes and gives, how it has fared. */
#include "runtime/api/api.h"

#include "agents/manifest_onnx.h"
#include "platform/json.h"

static void write_fields(struct buffer *out, const char *name, const struct field_set *set) {
    buffer_print(out, "\"%s\":{", name);
    for (uint32_t i = 0; i < set->count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, set->fields[i].name);
        buffer_print(out, ":\"%s\"", field_type_name(set->fields[i].type));
    }
    buffer_add_byte(out, '}');
}

static void write_requirements(struct buffer *out, const struct agent_requirements *needs) {
    buffer_print(out,
                 "\"requirements\":{\"model_size_mb\":%.3f,\"min_memory_mb\":%.3f,"
                 "\"recommended_memory_mb\":%.3f,\"supports_gpu\":%s,\"offline_capable\":%s}",
                 needs->model_size_mb, needs->min_memory_mb, needs->recommended_memory_mb,
                 needs->supports_gpu ? "true" : "false", needs->offline_capable ? "true" : "false");
}

/* As the guide's execution stats have it; in seconds, of the model alone. */
static void write_performance(struct buffer *out, const struct agent_stats *stats) {
    const double runs = stats->inferences > 0 ? (double)stats->inferences : 1;
    buffer_print(
        out,
        "\"performance\":{\"inferences\":%llu,\"avg_inference_time\":%.6f,"
        "\"last_inference_time\":%.6f,\"memory_usage_mb\":%.3f},",
        (unsigned long long)stats->inferences, (double)stats->inference_total_ns / 1e9 / runs,
        (double)stats->inference_last_ns / 1e9, (double)stats->model_bytes / (1024.0 * 1024.0));
}

/* What was said about a variant's cost; nothing of what was not said. */
static void write_variant(struct buffer *out, const struct manifest_variant *variant) {
    buffer_add_byte(out, '{');
    api_write_text(out, "name", variant->name);
    if (variant->p50_us > 0) {
        buffer_print(out, ",\"p50_ms\":%.3f", (double)variant->p50_us / 1000);
    }
    if (variant->p95_us > 0) {
        buffer_print(out, ",\"p95_ms\":%.3f", (double)variant->p95_us / 1000);
    }
    if (variant->rss_bytes > 0) {
        buffer_print(out, ",\"rss_bytes\":%lld", (long long)variant->rss_bytes);
    }
    buffer_add_byte(out, '}');
}

static void write_variants(struct buffer *out, const struct manifest_variants *variants) {
    api_write_text(out, "variant", variants->list[variants->used].name);
    buffer_add_text(out, ",\"variants\":[");
    for (uint32_t i = 0; i < variants->count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_variant(out, &variants->list[i]);
    }
    buffer_add_text(out, "],");
}

void api_write_agent(struct buffer *out, const struct catalog_agent *agent) {
    const struct agent_manifest *manifest = catalog_manifest(agent);
    const struct agent_stats *stats = catalog_stats(agent);
    struct agent_requirements needs;
    const double calls = stats->calls > 0 ? (double)stats->calls : 1;
    buffer_add_byte(out, '{');
    api_write_text(out, "name", manifest->name);
    buffer_add_byte(out, ',');
    api_write_text(out, "version", manifest->version_text);
    buffer_add_byte(out, ',');
    api_write_text(out, "kind", manifest->kind);
    buffer_add_byte(out, ',');
    api_write_text(out, "summary", manifest->summary);
    buffer_add_byte(out, ',');
    write_fields(out, "inputs", &manifest->inputs);
    buffer_add_byte(out, ',');
    write_fields(out, "outputs", &manifest->outputs);
    buffer_print(out,
                 ",\"state\":\"%s\",\"calls\":%llu,\"failures\":%llu,\"restarts\":%llu,"
                 "\"late_answers\":%llu,\"average_ms\":%.3f,\"last_ms\":%.3f,",
                 stats->broken ? "broken" : "ready", (unsigned long long)stats->calls,
                 (unsigned long long)stats->failures, (unsigned long long)stats->restarts,
                 (unsigned long long)stats->late_answers, (double)stats->total_ns / 1e6 / calls,
                 (double)stats->last_ns / 1e6);
    if (stats->model_bytes > 0 || stats->inferences > 0) {
        write_performance(out, stats);
    }
    if (manifest->onnx != NULL && manifest->onnx->compiled) {
        buffer_print(out, "\"compiled\":%s,", stats->compiled ? "true" : "false");
    }
    if (manifest->onnx != NULL && manifest->onnx->variants.count > 0) {
        write_variants(out, &manifest->onnx->variants);
    }
    catalog_requirements(agent, &needs);
    write_requirements(out, &needs);
    buffer_add_byte(out, '}');
}

struct writing {
    struct buffer *out;
    uint32_t count;
};

static void write_next(void *owner, const struct catalog_agent *agent) {
    struct writing *writing = owner;
    buffer_add_text(writing->out, writing->count++ > 0 ? "," : "");
    api_write_agent(writing->out, agent);
}

void api_write_agents(struct buffer *out, const struct daemon *daemon) {
    struct writing writing = {.out = out};
    buffer_add_byte(out, '[');
    if (daemon->orchestrator->generation != NULL) {
        catalog_each(daemon->orchestrator->generation->catalog, write_next, &writing);
    }
    buffer_add_byte(out, ']');
}

void api_agents(struct api_call *call) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    if (call->item.count == 0) {
        buffer_add_text(&json, "{\"agents\":");
        api_write_agents(&json, call->daemon);
        buffer_add_text(&json, "}\n");
        api_answer(call, &json);
        return;
    }
    const struct generation *generation = call->daemon->orchestrator->generation;
    const struct catalog_agent *agent =
        generation != NULL ? catalog_find(generation->catalog, call->item) : NULL;
    if (agent == NULL) {
        struct error err;
        (void)fail(&err, STATUS_NOT_FOUND, "no agent is called '%.*s'", SLICE_ARGS(call->item));
        api_refuse(call, &err);
        return;
    }
    api_write_agent(&json, agent);
    buffer_add_byte(&json, '\n');
    api_answer(call, &json);
}
