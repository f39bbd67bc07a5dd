// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/process_agent.h"

#include <assert.h>

#include "agents/adapters/edge_agent_adapter.h"
#include "agents/adapters/farewell.h"
#include "agents/adapters/line_process.h"
#include "agents/adapters/message_process.h"
#include "agents/adapters/once_process.h"
#include "agents/adapters/restart_policy.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/json.h"

/* A place for one process, and the call that it has; under `messages` the calls are in `messages`.
 */
struct instance {
    struct agent *agent;     /* whose place it is */
    struct agent_call *call; /* under way; or answered and not yet ended, when `settling` */
    bool settling;
    bool starting; /* not ready yet */
    bool started_before;
    int64_t start_ns; /* none is started before */
    struct line_process lines;
    struct message_process messages;
    struct once_process once;
};

struct agent {
    const struct agent_manifest *manifest; /* not owned */
    struct edge_adapter adapter;
    struct restart_policy restarts;
    struct error broken_by; /* how its last process ended */
    uint64_t restart_count;
    struct log_budget log_budget;
    struct message_tally tally;
    int instance_count;
    struct instance instances[];
};

static bool is_once(const struct agent *agent) {
    return agent->manifest->protocol == PROTOCOL_ONCE;
}

static bool has_messages(const struct agent *agent) {
    return agent->manifest->protocol == PROTOCOL_MESSAGES;
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

/* One ending fails the call that the process had (under `messages` all that it had), or one that it
 * was started for. */
static void take_failure(void *owner, const struct error *why, bool by_itself) {
    struct instance *instance = owner;
    struct edge_adapter *adapter = &instance->agent->adapter;
    const bool was_starting = instance->starting;
    instance->starting = false;
    if (by_itself) {
        note_ending(instance, why);
    }
    const uint32_t lost = message_process_lose(&instance->messages, why);
    if (instance->settling && by_itself) {
        end_call(instance); /* it was answered; how the process went on does not change that */
    } else if (instance->call != NULL) {
        fail_call(instance, why);
    } else if (was_starting && adapter->waiting.first != NULL) {
        edge_adapter_fail(adapter, adapter->waiting.first, why);
    } else if (lost == 0) {
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

static void take_line(void *owner, struct slice line) {
    struct instance *instance = owner;
    message_process_take(&instance->messages, line);
}

static const struct line_process_events MESSAGE_LINE_EVENTS = {
    .ready = take_ready, .said = take_line, .failed = take_failure, .until = take_until};

/* Answers with an error are answers: the process works. Calls that are lost with their process are
 * told while it is none. */
static void take_message_ending(void *owner, struct agent_call *call) {
    struct instance *instance = owner;
    if (instance->lines.state != LINE_PROCESS_NONE) {
        restart_policy_answered(&instance->agent->restarts);
    }
    edge_adapter_end(&instance->agent->adapter, call);
}

static void take_freed(void *owner) {
    struct instance *instance = owner;
    edge_adapter_wake(&instance->agent->adapter);
}

static const struct message_process_events MESSAGE_EVENTS = {
    .ended = take_message_ending, .freed = take_freed, .until = take_until};

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
    struct value input = {0};
    struct error why;
    buffer_init(&json, PROCESS_INPUT_BYTES_MAX - 1);
    status code = agent_whole_input(call, &input, &why);
    if (code == STATUS_OK) {
        json_write(&json, input);
        code = buffer_status(&json, &why);
    }
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

/* Hands the oldest waiting call to a process that speaks `messages`. False: it is to wait until
 * another one of that process has ended. */
static bool give_message(struct instance *instance) {
    struct edge_adapter *adapter = &instance->agent->adapter;
    struct agent_call *call = adapter->waiting.first;
    struct error why;
    const status code = message_process_ask(&instance->messages, call, clock_boot_ns(), &why);
    if (code == STATUS_FULL && instance->messages.under_way > 0) {
        return false;
    }
    (void)edge_adapter_begin(adapter);
    call->agent_private = instance;
    if (code != STATUS_OK) {
        edge_adapter_fail(adapter, call, &why);
    }
    return true;
}

/* The ready process with the fewest requests; NULL: none has a free place. */
static struct instance *freest(struct agent *agent) {
    struct instance *found = NULL;
    uint32_t fewest = MESSAGE_REQUESTS_MAX;
    for (int i = 0; i < agent->instance_count; i++) {
        struct instance *instance = &agent->instances[i];
        if (instance->lines.state == LINE_PROCESS_IDLE && instance->messages.under_way < fewest) {
            fewest = instance->messages.under_way;
            found = instance;
        }
    }
    return found;
}

/* Starts a process; when that fails, so does the call for whose sake it was tried. */
static void start(struct instance *instance, int64_t now_ns) {
    struct agent *agent = instance->agent;
    struct error why;
    agent->restart_count += instance->started_before ? 1 : 0;
    instance->started_before = true;
    status code = line_process_start(&instance->lines, now_ns, &why);
    if (code == STATUS_OK && has_messages(agent)) {
        code = message_process_greet(&instance->messages, &why);
    }
    if (code != STATUS_OK) {
        line_process_stop(&instance->lines);
        note_ending(instance, &why);
        edge_adapter_fail(&agent->adapter, agent->adapter.waiting.first, &why);
        return;
    }
    instance->starting = instance->lines.state == LINE_PROCESS_STARTING;
}

static uint32_t starting_count(const struct agent *agent) {
    uint32_t count = 0;
    for (int i = 0; i < agent->instance_count; i++) {
        count += agent->instances[i].starting ? 1 : 0;
    }
    return count;
}

/* Starts processes for calls that wait for one, but no more than there are such calls. */
static void start_some(struct agent *agent) {
    const int64_t now_ns = clock_boot_ns();
    uint32_t starting = starting_count(agent);
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

/* A call goes to a process that has nothing to do, else to one that is started for it; to one that
 * is at work only when all are there. */
static void begin_messages(struct agent *agent) {
    bool given = true;
    while (given && agent->adapter.waiting.count > 0) {
        struct instance *instance = freest(agent);
        if (instance == NULL || instance->messages.under_way > 0) {
            start_some(agent);
            if (starting_count(agent) > 0 || agent->adapter.waiting.count == 0) {
                return;
            }
        }
        given = instance != NULL && give_message(instance);
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
        if (agent->instances[i].call == NULL && agent->instances[i].messages.under_way == 0) {
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
        has_messages(agent) ? begin_messages(agent) : begin_lines(agent);
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
    if (has_messages(instance->agent)) {
        message_process_cancel(&instance->messages, call, clock_boot_ns());
        return;
    }
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

/* Ends a process that does not answer `cancel`, and with it what else it had. */
static void end_overdue(struct instance *instance, int64_t now_ns) {
    struct error why;
    if (message_process_is_overdue(&instance->messages, now_ns, &why)) {
        line_process_stop(&instance->lines);
        take_failure(instance, &why, false);
    }
}

static void take_ring(void *owner, int64_t now_ns) {
    struct agent *agent = owner;
    for (int i = 0; i < agent->instance_count; i++) {
        struct line_process *lines = &agent->instances[i].lines;
        end_overdue(&agent->instances[i], now_ns);
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
        line_process_init(&instance->lines, loop, manifest, &agent->log_budget,
                          has_messages(agent) ? &MESSAGE_LINE_EVENTS : &LINE_EVENTS, instance);
        message_process_init(&instance->messages, &instance->lines, &agent->tally, &MESSAGE_EVENTS,
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

/* Under `messages` a process is told, and has a while to end in. */
static void drain(struct instance *instance) {
    const struct agent *agent = instance->agent;
    if (has_messages(agent) && instance->lines.state == LINE_PROCESS_IDLE) {
        farewell_begin(instance->lines.loop, line_process_release(&instance->lines),
                       agent->manifest->name, SLICE(AGENT_MESSAGE_DRAIN));
    }
}

static void process_agent_close(struct agent *agent) {
    if (agent == NULL) {
        return;
    }
    for (int i = 0; i < agent->instance_count; i++) {
        drain(&agent->instances[i]);
        line_process_done(&agent->instances[i].lines);
        once_process_done(&agent->instances[i].once);
    }
    edge_adapter_close(&agent->adapter);
    agent_metrics_done(&agent->tally.metrics);
    memory_free(agent);
}

static void process_agent_requirements(const struct agent *agent,
                                       struct agent_requirements *out_requirements) {
    agent_requirements_of(agent->manifest, out_requirements);
}

static void process_agent_health(const struct agent *agent, struct agent_stats *stats) {
    stats->restarts = agent->restart_count;
    stats->broken = agent->restarts.broken;
    stats->late_answers = agent->tally.late_answers;
}

static void process_agent_metrics(const struct agent *agent,
                                  void (*each)(void *owner, const char *name, double number),
                                  void *owner) {
    for (uint32_t i = 0; i < agent->tally.metrics.count; i++) {
        const struct agent_metric *metric = &agent->tally.metrics.entries[i];
        each(owner, metric->name, metric->number);
    }
}

static void process_agent_mend(struct agent *agent) {
    agent->restarts = (struct restart_policy){0};
    for (int i = 0; i < agent->instance_count; i++) {
        agent->instances[i].start_ns = 0;
    }
}

const struct agent_kind PROCESS_AGENT = {.name = "process",
                                         .place = AGENT_ON_LOOP,
                                         .takes_files = true,
                                         .open = process_agent_open,
                                         .run = process_agent_run,
                                         .cancel = process_agent_cancel,
                                         .close = process_agent_close,
                                         .requirements = process_agent_requirements,
                                         .health = process_agent_health,
                                         .metrics = process_agent_metrics,
                                         .mend = process_agent_mend};
