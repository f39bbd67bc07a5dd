// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/process_agent.h"

#include <assert.h>

#include "agents/adapters/edge_agent_adapter.h"
#include "agents/adapters/line_process.h"
#include "agents/adapters/once_process.h"
#include "agents/adapters/restart_policy.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/json.h"

/* A place for one process, and the call that it has. */
struct instance {
    struct agent *agent;     /* whose place it is */
    struct agent_call *call; /* under way; or answered and not yet ended, when `settling` */
    bool settling;
    bool starting; /* not ready yet */
    bool started_before;
    int64_t start_ns; /* none is started before */
    struct line_process lines;
    struct once_process once;
};

struct agent {
    const struct agent_manifest *manifest; /* not owned */
    struct edge_adapter adapter;
    struct restart_policy restarts;
    struct error broken_by; /* how its last process ended */
    uint64_t restart_count;
    struct log_budget log_budget;
    int instance_count;
    struct instance instances[];
};

static bool is_once(const struct agent *agent) {
    return agent->manifest->protocol == PROTOCOL_ONCE;
}

static void end_call(struct instance *instance) {
    struct agent_call *call = instance->call;
    instance->call = NULL;
    instance->settling = false;
    edge_adapter_end(&instance->agent->adapter, call);
}

static void fail_call(struct instance *instance, const struct error *why) {
    instance->call->error = *why;
    end_call(instance);
}

static void refuse_all(struct agent *agent) {
    struct error why;
    (void)fail(
        &why, STATUS_CRASH,
        "agent '%.*s' is broken until it is loaded anew: %d processes ended within a minute; "
        "the last: %.300s",
        SLICE_ARGS(agent->manifest->name), RESTART_ENDINGS_MAX, agent->broken_by.text);
    edge_adapter_fail_waiting(&agent->adapter, &why);
}

static void note_ending(struct instance *instance, const struct error *why) {
    struct agent *agent = instance->agent;
    const bool was_broken = agent->restarts.broken;
    instance->start_ns = restart_policy_ended(&agent->restarts, clock_boot_ns());
    agent->broken_by = *why;
    if (agent->restarts.broken && !was_broken) {
        log_line(LOG_ERROR, "agents", "agent=%.*s is broken until it is loaded anew: %s",
                 SLICE_ARGS(agent->manifest->name), why->text);
    }
}

/* One ending fails one call at most: the one that the process had, or that it was started for. */
static void take_failure(void *owner, const struct error *why, bool by_itself) {
    struct instance *instance = owner;
    struct edge_adapter *adapter = &instance->agent->adapter;
    const bool was_starting = instance->starting;
    instance->starting = false;
    if (by_itself) {
        note_ending(instance, why);
    }
    if (instance->settling && by_itself) {
        end_call(instance); /* it was answered; how the process went on does not change that */
    } else if (instance->call != NULL) {
        fail_call(instance, why);
    } else if (was_starting && adapter->waiting.first != NULL) {
        edge_adapter_fail(adapter, adapter->waiting.first, why);
    } else {
        log_line(LOG_WARN, "agents", "%s", why->text);
    }
    edge_adapter_wake(adapter);
}

static void take_ready(void *owner) {
    struct instance *instance = owner;
    instance->starting = false;
    edge_adapter_wake(&instance->agent->adapter);
}

/* The call ends with the turn, when what else the process may have printed has been seen. */
static void take_line_answer(void *owner, struct slice line) {
    struct instance *instance = owner;
    struct agent *agent = instance->agent;
    if (edge_adapter_answer(&agent->adapter, instance->call, line) != STATUS_OK) {
        line_process_stop(&instance->lines); /* more of the same may follow */
        end_call(instance);
        return;
    }
    restart_policy_answered(&agent->restarts);
    instance->settling = true;
    edge_adapter_wake(&agent->adapter);
}

static void take_until(void *owner, int64_t moment_ns) {
    struct instance *instance = owner;
    edge_adapter_ring_at(&instance->agent->adapter, moment_ns);
}

static const struct line_process_events LINE_EVENTS = {
    .ready = take_ready, .answered = take_line_answer, .failed = take_failure, .until = take_until};

static void take_once_answer(void *owner, struct slice output) {
    struct instance *instance = owner;
    /* Either way the call ends, with what stands in it. */
    (void)edge_adapter_answer(&instance->agent->adapter, instance->call, output);
    end_call(instance);
}

static void take_once_failure(void *owner, const struct error *why) {
    fail_call(owner, why);
}

static const struct once_process_events ONCE_EVENTS = {.answered = take_once_answer,
                                                       .failed = take_once_failure};

static void begin(struct instance *instance) {
    instance->call = edge_adapter_begin(&instance->agent->adapter);
    instance->call->agent_private = instance;
}

/* Hands the oldest waiting call to a process that is free. */
static void give(struct instance *instance) {
    begin(instance);
    struct agent_call *call = instance->call;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, PROCESS_INPUT_BYTES_MAX - 1);
    json_write(&json, call->with);
    struct error why;
    status code = buffer_status(&json, &why);
    if (code != STATUS_OK) {
        (void)fail_while(&why, "the input of agent '%.*s'",
                         SLICE_ARGS(instance->agent->manifest->name));
    } else {
        code = is_once(instance->agent)
                   ? once_process_start(&instance->once, call, buffer_slice(&json), &why)
                   : line_process_ask(&instance->lines, buffer_slice(&json), &why);
    }
    if (code == STATUS_OK) {
        return;
    }
    if (instance->lines.state == LINE_PROCESS_BUSY) {
        line_process_stop(&instance->lines); /* it has half a request */
    }
    fail_call(instance, &why);
}

static bool is_free(struct instance *instance) {
    if (instance->call != NULL || instance->lines.state != LINE_PROCESS_IDLE) {
        return false;
    }
    if (line_process_is_quiet(&instance->lines)) {
        return true;
    }
    log_line(LOG_WARN, "agents", "agent=%.*s begins a line that nobody asked for: started anew",
             SLICE_ARGS(instance->agent->manifest->name));
    line_process_stop(&instance->lines);
    return false;
}

/* Starts a process; when that fails, so does the call for whose sake it was tried. */
static void start(struct instance *instance, int64_t now_ns) {
    struct agent *agent = instance->agent;
    struct error why;
    agent->restart_count += instance->started_before ? 1 : 0;
    instance->started_before = true;
    if (line_process_start(&instance->lines, now_ns, &why) != STATUS_OK) {
        note_ending(instance, &why);
        edge_adapter_fail(&agent->adapter, agent->adapter.waiting.first, &why);
        return;
    }
    instance->starting = instance->lines.state == LINE_PROCESS_STARTING;
}

/* Starts processes for calls that wait for one, but no more than there are such calls. */
static void start_some(struct agent *agent) {
    const int64_t now_ns = clock_boot_ns();
    uint32_t starting = 0;
    for (int i = 0; i < agent->instance_count; i++) {
        starting += agent->instances[i].starting ? 1 : 0;
    }
    for (int i = 0; i < agent->instance_count && !agent->restarts.broken; i++) {
        struct instance *instance = &agent->instances[i];
        if (starting >= agent->adapter.waiting.count) {
            return;
        }
        if (instance->call != NULL || instance->lines.state != LINE_PROCESS_NONE) {
            continue;
        }
        if (instance->start_ns > now_ns) {
            edge_adapter_ring_at(&agent->adapter, instance->start_ns);
            continue;
        }
        start(instance, now_ns);
        if (instance->starting) {
            starting++;
        } else if (is_free(instance)) {
            give(instance);
        }
    }
}

static void begin_once(struct agent *agent) {
    for (int i = 0; i < agent->instance_count && agent->adapter.waiting.count > 0; i++) {
        if (agent->instances[i].call == NULL) {
            give(&agent->instances[i]);
        }
    }
}

/* A broken agent keeps no process that has nothing to do, and takes no call. */
static void stay_broken(struct agent *agent) {
    for (int i = 0; i < agent->instance_count; i++) {
        if (agent->instances[i].call == NULL) {
            agent->instances[i].starting = false;
            line_process_stop(&agent->instances[i].lines);
        }
    }
    refuse_all(agent);
}

static void begin_lines(struct agent *agent) {
    for (int i = 0; i < agent->instance_count && agent->adapter.waiting.count > 0; i++) {
        if (is_free(&agent->instances[i])) {
            give(&agent->instances[i]);
        }
    }
    if (agent->adapter.waiting.count > 0) {
        start_some(agent);
    }
}

static void begin_calls(struct agent *agent) {
    if (is_once(agent)) {
        begin_once(agent);
        return;
    }
    if (!agent->restarts.broken) {
        begin_lines(agent);
    }
    if (agent->restarts.broken) { /* perhaps since it could not even be started */
        stay_broken(agent);
    }
}

/* The turn after its answer: whether that was all that it printed. */
static void settle(struct instance *instance) {
    if (line_process_is_quiet(&instance->lines)) {
        end_call(instance);
        return;
    }
    struct error why;
    (void)fail(&why, STATUS_INVALID, "agent '%.*s' printed more than one line for one request",
               SLICE_ARGS(instance->agent->manifest->name));
    line_process_stop(&instance->lines);
    fail_call(instance, &why);
}

static void take_turn(void *owner) {
    struct agent *agent = owner;
    for (int i = 0; i < agent->instance_count; i++) {
        if (agent->instances[i].settling) {
            settle(&agent->instances[i]);
        }
    }
    begin_calls(agent);
}

static void take_stop(void *owner, struct agent_call *call) {
    (void)owner;
    struct instance *instance = call->agent_private;
    if (!instance->settling) {
        if (call->error.code == STATUS_TIMEOUT && !is_once(instance->agent) &&
            !instance->lines.spoke) {
            (void)fail(&call->error, STATUS_TIMEOUT,
                       "agent '%.*s' did not answer in time; it has printed nothing since it was "
                       "started: does it flush its output?",
                       SLICE_ARGS(instance->agent->manifest->name));
        }
        line_process_stop(&instance->lines);
        once_process_stop(&instance->once);
    }
    instance->settling = false;
    instance->call = NULL;
    edge_adapter_wake(&instance->agent->adapter);
}

static void take_ring(void *owner, int64_t now_ns) {
    struct agent *agent = owner;
    for (int i = 0; i < agent->instance_count; i++) {
        struct line_process *lines = &agent->instances[i].lines;
        line_process_check(lines, now_ns);
        edge_adapter_ring_at(&agent->adapter, lines->until_ns);
    }
    begin_calls(agent);
}

static const struct edge_adapter_events ADAPTER_EVENTS = {
    .stop = take_stop, .turn = take_turn, .rung = take_ring};

static status process_agent_open(struct loop *loop, const struct agent_manifest *manifest,
                                 struct agent **out_agent, struct error *err) {
    const size_t count = (size_t)manifest->instances;
    struct agent *agent = memory_new(1, sizeof(*agent) + count * sizeof(agent->instances[0]));
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    agent->manifest = manifest;
    const status code =
        edge_adapter_open(&agent->adapter, loop, manifest, &ADAPTER_EVENTS, agent, err);
    if (code != STATUS_OK) {
        memory_free(agent);
        return code;
    }
    agent->instance_count = manifest->instances;
    for (int i = 0; i < agent->instance_count; i++) {
        struct instance *instance = &agent->instances[i];
        instance->agent = agent;
        line_process_init(&instance->lines, loop, manifest, &agent->log_budget, &LINE_EVENTS,
                          instance);
        once_process_init(&instance->once, loop, manifest, &agent->log_budget, &ONCE_EVENTS,
                          instance);
    }
    *out_agent = agent;
    return STATUS_OK;
}

static void process_agent_run(struct agent *agent, struct agent_call *call) {
    edge_adapter_take(&agent->adapter, call);
    begin_calls(agent);
}

static void process_agent_cancel(struct agent *agent, struct agent_call *call) {
    edge_adapter_cancel(&agent->adapter, call);
}

static void process_agent_close(struct agent *agent) {
    if (agent == NULL) {
        return;
    }
    for (int i = 0; i < agent->instance_count; i++) {
        line_process_done(&agent->instances[i].lines);
        once_process_done(&agent->instances[i].once);
    }
    edge_adapter_close(&agent->adapter);
    memory_free(agent);
}

static void process_agent_requirements(const struct agent *agent,
                                       struct agent_requirements *out_requirements) {
    agent_requirements_of(agent->manifest, out_requirements);
}

static void process_agent_health(const struct agent *agent, struct agent_stats *stats) {
    stats->restarts = agent->restart_count;
    stats->broken = agent->restarts.broken;
}

static void process_agent_mend(struct agent *agent) {
    agent->restarts = (struct restart_policy){0};
    for (int i = 0; i < agent->instance_count; i++) {
        agent->instances[i].start_ns = 0;
    }
}

const struct agent_kind PROCESS_AGENT = {.name = "process",
                                         .place = AGENT_ON_LOOP,
                                         .open = process_agent_open,
                                         .run = process_agent_run,
                                         .cancel = process_agent_cancel,
                                         .close = process_agent_close,
                                         .requirements = process_agent_requirements,
                                         .health = process_agent_health,
                                         .mend = process_agent_mend};
