// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/farewell.h"

#include "agents/adapters/log_relay.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"

enum { AGENT_NAME_BYTES_MAX = 64 };

struct farewell {
    struct process *process; /* owned */
    struct timer *timer;     /* owned */
    struct buffer agent;     /* its name */
    struct log_budget budget;
    struct log_relay log;
};

static void end(struct farewell *farewell) {
    process_destroy(farewell->process);
    timer_close(farewell->timer);
    log_relay_done(&farewell->log);
    buffer_done(&farewell->agent);
    memory_free(farewell);
}

static void take_log(void *owner, struct slice bytes) {
    struct farewell *farewell = owner;
    log_relay_take(&farewell->log, bytes, clock_boot_ns());
}

static void take_ending(void *owner, int exit_code, int signal) {
    struct farewell *farewell = owner;
    (void)exit_code; /* it was told to end: how it did is nobody's question */
    (void)signal;
    log_relay_end(&farewell->log, clock_boot_ns());
    end(farewell);
}

static void lose_patience(void *owner) {
    struct farewell *farewell = owner;
    log_line(LOG_WARN, "agents", "agent=%.*s did not end within %d ms of `drain`: killed",
             SLICE_ARGS(buffer_slice(&farewell->agent)), FAREWELL_MS_MAX);
    end(farewell);
}

static const struct process_events EVENTS = {.log = take_log, .ended = take_ending};

void farewell_begin(struct loop *loop, struct process *process, struct slice agent,
                    struct slice last_line) {
    struct farewell *farewell = memory_new(1, sizeof(*farewell));
    if (farewell == NULL ||
        timer_open(loop, lose_patience, farewell, &farewell->timer, NULL) != STATUS_OK) {
        memory_free(farewell);
        process_destroy(process);
        return;
    }
    farewell->process = process;
    buffer_init(&farewell->agent, AGENT_NAME_BYTES_MAX);
    buffer_add(&farewell->agent, agent);
    log_relay_init(&farewell->log, buffer_slice(&farewell->agent), &farewell->budget);
    process_hand_over(process, &EVENTS, farewell);
    if (process_write(process, last_line, NULL) != STATUS_OK) {
        end(farewell); /* it reads nothing: it would not read this either */
        return;
    }
    process_close_input(process);
    timer_set(farewell->timer, FAREWELL_MS_MAX);
}
