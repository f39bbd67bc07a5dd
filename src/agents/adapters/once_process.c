// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/once_process.h"

#include <assert.h>
#include <stdio.h>

#include "agents/adapters/child_environment.h"
#include "agents/adapters/line_process.h"
#include "platform/clock.h"

enum { VARIABLES_OF_CALL = 5 };

void once_process_init(struct once_process *process, struct loop *loop,
                       const struct agent_manifest *manifest, struct log_budget *budget,
                       const struct once_process_events *events, void *owner) {
    *process =
        (struct once_process){.loop = loop, .manifest = manifest, .events = events, .owner = owner};
    buffer_init(&process->output, (size_t)manifest->output_bytes);
    log_relay_init(&process->log, manifest->name, budget);
}

void once_process_done(struct once_process *process) {
    once_process_stop(process);
    log_relay_done(&process->log);
}

void once_process_stop(struct once_process *process) {
    process_destroy(process->process);
    process->process = NULL;
    buffer_done(&process->output);
    buffer_init(&process->output, (size_t)process->manifest->output_bytes);
}

static void give_up(struct once_process *process, const struct error *why) {
    once_process_stop(process);
    process->events->failed(process->owner, why);
}

static void take_output(void *owner, struct slice bytes) {
    struct once_process *process = owner;
    buffer_add(&process->output, bytes);
    struct error why;
    if (process->output.failed == STATUS_FULL) {
        (void)fail(&why, STATUS_INVALID,
                   "agent '%.*s' printed more than %lld bytes (limits.output)",
                   SLICE_ARGS(process->manifest->name), (long long)process->manifest->output_bytes);
        give_up(process, &why);
    } else if (buffer_status(&process->output, &why) != STATUS_OK) {
        give_up(process, &why);
    }
}

static void take_log(void *owner, struct slice bytes) {
    struct once_process *process = owner;
    log_relay_take(&process->log, bytes, clock_boot_ns());
}

static void take_ending(void *owner, int exit_code, int signal) {
    struct once_process *process = owner;
    log_relay_end(&process->log, clock_boot_ns());
    if (exit_code != 0) {
        struct error why;
        (void)process_ending(process->manifest, exit_code, signal, process->output.count > 0,
                             process->log.last_words, &why);
        give_up(process, &why);
        return;
    }
    struct buffer output = process->output;
    buffer_init(&process->output, (size_t)process->manifest->output_bytes);
    once_process_stop(process);
    process->events->answered(process->owner, buffer_slice(&output));
    buffer_done(&output);
}

static const char *variable(struct arena *arena, const char *name, const char *value) {
    return arena_print(arena, "%s=%s", name, value).bytes;
}

/* The manifest's environment and what is known of the call; NULL when there is no room. */
static const char *const *environment_of(const struct agent_manifest *manifest,
                                         const struct agent_call *call) {
    size_t count = 0;
    while (manifest->environment[count] != NULL) {
        count++;
    }
    const char **all = arena_get(call->arena, count + VARIABLES_OF_CALL + 1, sizeof(*all));
    if (all == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = manifest->environment[i];
    }
    char run[ID_HEX_BYTES + 1], key[ID_HEX_BYTES + 1], attempt[16];
    id_write_hex(call->run, run);
    id_write_hex(call->key, key);
    (void)snprintf(attempt, sizeof(attempt), "%d", call->attempt);
    const char *const of_call[VARIABLES_OF_CALL] = {
        variable(call->arena, "EBB_RUN", run), variable(call->arena, "EBB_KEY", key),
        variable(call->arena, "EBB_STEP", call->step),
        variable(call->arena, "EBB_WORKFLOW", call->workflow),
        variable(call->arena, "EBB_ATTEMPT", attempt)};
    for (size_t i = 0; i < VARIABLES_OF_CALL; i++) {
        if (of_call[i] == NULL) {
            return NULL;
        }
        all[count + i] = of_call[i];
    }
    return all;
}

static status give_input(struct once_process *process, struct slice json, struct error *err) {
    TRY(process_write(process->process, json, err));
    TRY(process_write(process->process, SLICE("\n"), err));
    process_close_input(process->process);
    return STATUS_OK;
}

status once_process_start(struct once_process *process, const struct agent_call *call,
                          struct slice json, struct error *err) {
    assert(process->process == NULL);
    const struct agent_manifest *manifest = process->manifest;
    const char *const *environment = environment_of(manifest, call);
    if (environment == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a call of agent '%.*s'",
                    SLICE_ARGS(manifest->name));
    }
    CLEANUP(child_environment_close) struct child_environment whole = {0};
    if (child_environment_open(environment, &whole, err) != STATUS_OK) {
        return fail_while(err, "start agent '%.*s'", SLICE_ARGS(manifest->name));
    }
    const struct process_options options = {
        .arguments = manifest->command,
        .environment = whole.entries,
        .folder = call->run_folder != NULL ? call->run_folder : manifest->folder.bytes,
        .limits = {.memory_bytes = manifest->memory_bytes},
        .descriptor = -1,
        .events = {.output = take_output, .log = take_log, .ended = take_ending},
        .owner = process};
    log_relay_reset(&process->log);
    if (process_start(process->loop, &options, &process->process, err) != STATUS_OK) {
        return fail_while(err, "start agent '%.*s'", SLICE_ARGS(manifest->name));
    }
    const status code = give_input(process, json, err);
    if (code != STATUS_OK) {
        once_process_stop(process);
    }
    return code;
}
