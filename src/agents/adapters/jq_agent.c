// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/jq_agent.h"

#include "base/memory.h"
#include "platform/clock.h"

struct agent {
    const struct agent_manifest *manifest; /* not owned */
};

static status open_filter(struct loop *loop, const struct agent_manifest *manifest,
                          struct agent **out_agent, struct error *err) {
    (void)loop;
    if (manifest->filter == NULL) {
        return fail(err, STATUS_INVALID, "an agent of kind jq needs `filter:`");
    }
    struct agent *agent = memory_new(1, sizeof(*agent));
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    agent->manifest = manifest;
    *out_agent = agent;
    return STATUS_OK;
}

/* The filter is the agent's own: it sees its input, not the run's variables. */
static void run_filter(struct agent *agent, struct agent_call *call) {
    if (clock_boot_ns() >= call->deadline_ns) {
        (void)fail(&call->error, STATUS_TIMEOUT, "the step's time was over before it began");
        return;
    }
    struct context context = {.arena = call->arena};
    if (agent_whole_input(call, &context.decoded, &call->error) != STATUS_OK) {
        return;
    }
    if (call->context != NULL) {
        context.query = call->context->query;
        context.query_owner = call->context->query_owner;
    }
    struct value value;
    if (expression_evaluate(agent->manifest->filter, &context, &value, &call->error) != STATUS_OK) {
        return;
    }
    if (agent->manifest->outputs.open && !call->keyed) { /* any value is an answer */
        call->out = value;
        call->error.code = STATUS_OK;
        return;
    }
    (void)agent_take_output(agent->manifest, call, value); /* what is wrong stands in the call */
}

static void close_filter(struct agent *agent) {
    memory_free(agent);
}

static void requirements(const struct agent *agent, struct agent_requirements *out_requirements) {
    (void)agent;
    *out_requirements = (struct agent_requirements){
        .min_memory_mb = 1, .recommended_memory_mb = 2, .offline_capable = true};
}

const struct agent_kind JQ_AGENT = {
    .name = "jq",
    .place = AGENT_ON_WORKER,
    .open = open_filter,
    .run = run_filter,
    .close = close_filter,
    .requirements = requirements,
};
