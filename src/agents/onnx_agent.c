// SPDX-License-Identifier: Apache-2.0
#include "agents/onnx_agent.h"

#include <stdatomic.h>

#include "agents/onnx_inputs.h"
#include "agents/onnx_outputs.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/compiled.h"
#include "platform/clock.h"
#include "platform/image.h"
#include "platform/watchdog.h"

enum { ARENA_BYTES_MAX = 64 << 20 };
static const int64_t SCRATCH_BYTES_MAX = (int64_t)2 * TENSOR_BYTES_MAX;

struct agent {
    const struct agent_manifest *manifest; /* not owned */
    struct inference_model *model;         /* owned, shared with who opens the same file */
    struct watchdog *dog;                  /* owned */
    struct arena arena;                    /* the plan's constants */
    struct onnx_plan plan;
    bool is_compiled;
    _Atomic uint64_t runs;
    _Atomic int64_t last_ns, total_ns;
};

static void stop_run(void *run) {
    inference_stop(run);
}

static void close_onnx(struct agent *agent) {
    if (agent != NULL) {
        watchdog_destroy(agent->dog);
        inference_close(agent->model);
        arena_done(&agent->arena);
        memory_free(agent);
    }
}

/* Nobody else knows why a start took longer than the one before. */
static status open_compiled(struct agent *agent, const struct inference_options *options,
                            bool may_make, struct error *err) {
    const struct agent_manifest *manifest = agent->manifest;
    const char *path = manifest->model_file.bytes;
    const struct compiled_source source = {
        .path = path, .digest = manifest->has_model_digest ? &manifest->model_digest : NULL};
    struct compiled_report report;
    TRY(compiled_open(&source, options, may_make, &agent->model, &report, err));
    agent->is_compiled = report.outcome != COMPILED_SOURCE;
    if (report.outcome == COMPILED_ANEW) {
        log_line(report.why.code == STATUS_NOT_FOUND ? LOG_INFO : LOG_WARN, "agents",
                 "%.300s is compiled anew: %s", path, report.why.text);
    } else if (report.outcome == COMPILED_SOURCE && may_make) {
        log_line(LOG_WARN, "agents", "%.300s is opened without being compiled: %s", path,
                 report.why.text);
    }
    return STATUS_OK;
}

static status open_model(struct agent *agent, bool may_make, struct error *err) {
    const struct agent_manifest *manifest = agent->manifest;
    struct inference_options options = manifest->onnx->options;
    options.memory_bytes =
        manifest->memory_bytes > 0 ? manifest->memory_bytes : ONNX_MEMORY_BYTES_DEFAULT;
    if (manifest->onnx->compiled) {
        TRY(open_compiled(agent, &options, may_make, err));
    } else {
        TRY(inference_open(manifest->model_file.bytes, &options, &agent->model, err));
    }
    return onnx_plan_make(manifest, agent->model, &agent->arena, &agent->plan, err);
}

/* With its model, and nobody yet who keeps deadlines. Who only checks leaves no file behind. */
static status new_agent(const struct agent_manifest *manifest, bool may_make,
                        struct agent **out_agent, struct error *err) {
    if (manifest->model_file.count == 0 || manifest->onnx == NULL) {
        return fail(err, STATUS_INVALID, "an agent of kind onnx needs `model: { file: ... }`");
    }
    struct agent *agent = memory_new(1, sizeof(*agent));
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    agent->manifest = manifest;
    arena_init(&agent->arena, ARENA_BYTES_MAX);
    const status code = open_model(agent, may_make, err);
    if (code != STATUS_OK) {
        close_onnx(agent);
        return code;
    }
    *out_agent = agent;
    return STATUS_OK;
}

static status check_onnx(const struct agent_manifest *manifest, struct error *err) {
    struct agent *agent;
    TRY(new_agent(manifest, false, &agent, err));
    bool sees = false;
    for (uint32_t i = 0; i < agent->plan.input_count; i++) {
        sees = sees || agent->plan.inputs[i].source == ONNX_PICTURE;
    }
    close_onnx(agent);
    return sees ? image_check(err) : STATUS_OK;
}

static status open_onnx(struct loop *loop, const struct agent_manifest *manifest,
                        struct agent **out_agent, struct error *err) {
    struct agent *agent;
    TRY(new_agent(manifest, true, &agent, err));
    const status code = watchdog_create(loop, stop_run, &agent->dog, err);
    if (code != STATUS_OK) {
        close_onnx(agent);
        return code;
    }
    *out_agent = agent;
    return STATUS_OK;
}

/* --- a call --- */

static status predict(struct agent *agent, struct agent_call *call, struct inference_run *run,
                      const struct tensor *inputs, struct tensor *outputs) {
    const struct onnx_plan *plan = &agent->plan;
    struct watched watched = {.thing = run, .deadline_ns = call->deadline_ns};
    const int64_t began_ns = clock_boot_ns();
    watchdog_begin(agent->dog, &watched);
    const status code =
        inference_run(run, inputs, plan->wanted, plan->wanted_count, outputs, &call->error);
    watchdog_end(agent->dog, &watched);
    const int64_t took_ns = clock_boot_ns() - began_ns;
    atomic_store(&agent->last_ns, took_ns);
    atomic_fetch_add(&agent->total_ns, took_ns);
    atomic_fetch_add(&agent->runs, 1);
    return code;
}

/* As the guide has it, in seconds. */
static status add_performance(const struct agent *agent, struct arena *arena, struct value *output,
                              struct error *err) {
    struct value performance;
    struct member *whole = value_new_object(arena, output->count + 1, &performance);
    struct value times;
    struct member *each = value_new_object(arena, 2, &times);
    if (whole == NULL || each == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the output");
    }
    const double runs = (double)atomic_load(&agent->runs);
    each[0] = (struct member){SLICE("avg_inference_time"),
                              value_of_real((double)atomic_load(&agent->total_ns) / 1e9 / runs)};
    each[1] = (struct member){SLICE("last_inference_time"),
                              value_of_real((double)atomic_load(&agent->last_ns) / 1e9)};
    for (uint32_t i = 0; i < output->count; i++) {
        whole[i] = output->members[i];
    }
    whole[output->count] = (struct member){SLICE("performance"), times};
    *output = performance;
    return STATUS_OK;
}

static status answer(struct agent *agent, struct agent_call *call, struct inference_run *run,
                     struct arena *scratch) {
    const struct onnx_plan *plan = &agent->plan;
    struct onnx_filled inputs;
    struct tensor outputs[ONNX_PORTS_MAX];
    struct value output;
    struct value state;
    struct error *err = &call->error;
    TRY(onnx_inputs_fill(plan, call->with, call->state, scratch, &inputs, err));
    TRY(predict(agent, call, run, inputs.tensors, outputs));
    TRY(onnx_outputs_write(plan, &inputs, outputs, call->arena, &output, err));
    TRY(onnx_outputs_state(plan, &inputs, outputs, call->arena, &state, err));
    if (agent->manifest->onnx->performance) {
        TRY(add_performance(agent, call->arena, &output, err));
    }
    TRY(agent_take_output(agent->manifest, call, output));
    call->state_out = state;
    return STATUS_OK;
}

static void run_onnx(struct agent *agent, struct agent_call *call) {
    struct inference_run *run = NULL;
    /* Not the call's: that one lives as long as the run, this while the model computes. */
    struct arena scratch;
    arena_init(&scratch, (size_t)SCRATCH_BYTES_MAX);
    status code = STATUS_OK;
    if (clock_boot_ns() >= call->deadline_ns) {
        code = fail(&call->error, STATUS_TIMEOUT, "the step's time was over before it began");
    } else {
        code = inference_run_create(agent->model, &run, &call->error);
    }
    if (code == STATUS_OK) {
        code = answer(agent, call, run, &scratch);
    }
    inference_run_destroy(run);
    arena_done(&scratch);
    call->error.code = code;
}

static void hurry(struct agent *agent) {
    watchdog_hurry(agent->dog);
}

/* --- what it needs, and how it fares --- */

static void requirements(const struct agent *agent, struct agent_requirements *out_requirements) {
    agent_requirements_of(agent->manifest, out_requirements);
    out_requirements->supports_gpu = !slice_is(SLICE("cpu"), inference_provider(agent->model));
    out_requirements->offline_capable = true;
}

static void health(const struct agent *agent, struct agent_stats *stats) {
    stats->inferences = atomic_load(&agent->runs);
    stats->inference_last_ns = atomic_load(&agent->last_ns);
    stats->inference_total_ns = atomic_load(&agent->total_ns);
    stats->model_bytes = inference_loaded_bytes(agent->model);
    stats->compiled = agent->is_compiled;
}

const struct agent_kind ONNX_AGENT = {
    .name = "onnx",
    .place = AGENT_ON_WORKER,
    .check = check_onnx,
    .open = open_onnx,
    .run = run_onnx,
    .hurry = hurry,
    .close = close_onnx,
    .requirements = requirements,
    .health = health,
};
