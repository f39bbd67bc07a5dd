// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/line_process.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agents/adapters/child_environment.h"
#include "agents/adapters/edge_agent_adapter.h"
#include "platform/clock.h"
#include "platform/json.h"

enum { EXIT_DENIED = 126, EXIT_NOT_FOUND = 127, READY_BYTES_MAX = 64 * 1024 };

static const int64_t NS_PER_MS = 1000 * 1000;

status process_ending(const struct agent_manifest *manifest, int exit_code, int signal, bool spoke,
                      const char *last_words, struct error *err) {
    char words[LAST_WORDS_BYTES + 32] = "";
    if (last_words[0] != '\0') {
        (void)snprintf(words, sizeof(words), "; its last words: %s", last_words);
    }
    const struct slice name = manifest->name;
    if (signal > 0) {
        return fail(err, STATUS_CRASH, "agent '%.*s' was ended by signal %d (%s)%s",
                    SLICE_ARGS(name), signal, strsignal(signal), words);
    }
    if (exit_code == EXIT_NOT_FOUND && !spoke) {
        return fail(err, STATUS_NOT_FOUND, "agent '%.*s': program '%.200s' was not found%s",
                    SLICE_ARGS(name), manifest->command[0], words);
    }
    if (exit_code == EXIT_DENIED && !spoke) {
        return fail(err, STATUS_DENIED, "agent '%.*s': program '%.200s' may not be run%s",
                    SLICE_ARGS(name), manifest->command[0], words);
    }
    return fail(err, STATUS_CRASH, "agent '%.*s' ended with exit code %d%s", SLICE_ARGS(name),
                exit_code, words);
}

void line_process_init(struct line_process *process, struct loop *loop,
                       const struct agent_manifest *manifest, struct log_budget *budget,
                       const struct line_process_events *events, void *owner) {
    *process =
        (struct line_process){.loop = loop, .manifest = manifest, .events = events, .owner = owner};
    line_splitter_init(&process->lines, (size_t)manifest->output_bytes);
    log_relay_init(&process->log, manifest->name, budget);
}

void line_process_done(struct line_process *process) {
    line_process_stop(process);
    line_splitter_done(&process->lines);
    log_relay_done(&process->log);
}

struct process *line_process_release(struct line_process *process) {
    struct process *released = process->process;
    process->process = NULL;
    process->state = LINE_PROCESS_NONE;
    process->until_ns = 0;
    line_splitter_reset(&process->lines);
    return released;
}

void line_process_stop(struct line_process *process) {
    process_destroy(line_process_release(process));
}

static void expect_until(struct line_process *process, int64_t moment_ns) {
    process->until_ns = moment_ns;
    process->events->until(process->owner, moment_ns);
}

static void give_up(struct line_process *process, const struct error *why, bool by_itself) {
    line_process_stop(process);
    process->events->failed(process->owner, why, by_itself);
}

void line_process_refuse(struct line_process *process, struct slice line, const char *what) {
    char quote[ADAPTER_QUOTE_BYTES];
    edge_adapter_quote(line, quote);
    struct error why;
    (void)fail(&why, STATUS_INVALID, "agent '%.*s' %s: %.*s", SLICE_ARGS(process->manifest->name),
               what, ADAPTER_QUOTE_BYTES, quote);
    give_up(process, &why, process->state == LINE_PROCESS_STARTING);
}

/* {"ready":true}, and whatever else it says beside that. */
static bool is_ready_line(struct slice line) {
    struct arena arena;
    arena_init(&arena, READY_BYTES_MAX);
    struct value value = {0};
    const struct value *ready = NULL;
    if (json_read(&arena, line, &value, NULL) == STATUS_OK) {
        ready = value_get(value, SLICE("ready"));
    }
    const bool truth = ready != NULL && ready->kind == VALUE_BOOLEAN && ready->boolean;
    arena_done(&arena);
    return truth;
}

void line_process_get_ready(struct line_process *process) {
    process->state = LINE_PROCESS_IDLE;
    process->until_ns = 0;
    process->events->ready(process->owner);
}

static void take_line(struct line_process *process, struct slice line) {
    if (process->events->said != NULL) {
        process->events->said(process->owner, line);
    } else if (process->state == LINE_PROCESS_STARTING) {
        if (!is_ready_line(line)) {
            line_process_refuse(process, line, "began with something else than {\"ready\":true}");
            return;
        }
        line_process_get_ready(process);
    } else if (process->state == LINE_PROCESS_BUSY) {
        process->state = LINE_PROCESS_IDLE;
        process->events->answered(process->owner, line);
    } else {
        line_process_refuse(process, line, "printed a line that nobody had asked for");
    }
}

static void take_long_line(struct line_process *process, struct slice start) {
    char what[96];
    (void)snprintf(what, sizeof(what), "printed a line of more than %lld bytes (limits.output)",
                   (long long)process->manifest->output_bytes);
    line_process_refuse(process, start, what);
}

static void take_output(void *owner, struct slice bytes) {
    struct line_process *process = owner;
    const struct process *speaker = process->process;
    struct slice line;
    process->spoke = true;
    while (process->process == speaker) {
        switch (line_splitter_next(&process->lines, &bytes, &line)) {
        case LINE_NONE:
            return;
        case LINE_WHOLE:
            take_line(process, line);
            break;
        case LINE_TOO_LONG:
        case LINE_NO_MEMORY:
            take_long_line(process, line);
            break;
        }
    }
}

/* Mostly the process ends now, and how it ended says more. One that lives on can never answer. */
static void take_output_end(void *owner) {
    struct line_process *process = owner;
    expect_until(process, clock_boot_ns() + OUTPUT_CLOSED_MS_MAX * NS_PER_MS);
}

static void take_log(void *owner, struct slice bytes) {
    struct line_process *process = owner;
    log_relay_take(&process->log, bytes, clock_boot_ns());
}

static void take_ending(void *owner, int exit_code, int signal) {
    struct line_process *process = owner;
    log_relay_end(&process->log, clock_boot_ns());
    struct error why;
    const status code = process_ending(process->manifest, exit_code, signal, process->spoke,
                                       process->log.last_words, &why);
    if (code == STATUS_CRASH && exit_code == 0) {
        (void)fail(&why, STATUS_CRASH,
                   "agent '%.*s' ended by itself; a program that ends after each answer wants "
                   "`mode: once` in its manifest",
                   SLICE_ARGS(process->manifest->name));
    }
    give_up(process, &why, true);
}

status line_process_start(struct line_process *process, int64_t now_ns, struct error *err) {
    assert(process->state == LINE_PROCESS_NONE);
    const struct agent_manifest *manifest = process->manifest;
    CLEANUP(child_environment_close) struct child_environment environment = {0};
    if (child_environment_open(manifest->environment, &environment, err) != STATUS_OK) {
        return fail_while(err, "start agent '%.*s'", SLICE_ARGS(manifest->name));
    }
    const bool fd = manifest->blobs_by_descriptor;
    const struct process_options options = {
        .arguments = manifest->command,
        .environment = environment.entries,
        .folder = manifest->folder.bytes,
        .limits = {.memory_bytes = manifest->memory_bytes, .files = fd ? HANDED_FILES_MAX : 0},
        .descriptor = -1,
        .takes_descriptors = fd,
        .events = {.output = take_output,
                   .output_ended = take_output_end,
                   .log = take_log,
                   .ended = take_ending},
        .owner = process};
    log_relay_reset(&process->log);
    if (process_start(process->loop, &options, &process->process, err) != STATUS_OK) {
        return fail_while(err, "start agent '%.*s'", SLICE_ARGS(manifest->name));
    }
    process->spoke = false;
    process->state = LINE_PROCESS_IDLE;
    if (manifest->ready_first_line || process->events->said != NULL) {
        process->state = LINE_PROCESS_STARTING;
        expect_until(process, now_ns + READY_MS_MAX * NS_PER_MS);
    }
    return STATUS_OK;
}

status line_process_ask(struct line_process *process, struct slice json, struct error *err) {
    assert(process->state == LINE_PROCESS_IDLE);
    TRY(process_write(process->process, json, err));
    process->state = LINE_PROCESS_BUSY; /* also when the next write fails: it must be stopped */
    return process_write(process->process, SLICE("\n"), err);
}

status line_process_write(struct line_process *process, struct slice bytes, struct error *err) {
    return process_write(process->process, bytes, err);
}

status line_process_hand(struct line_process *process, struct slice bytes,
                         struct process_descriptors *descriptors, struct error *err) {
    return process_hand(process->process, bytes, descriptors, err);
}

bool line_process_is_quiet(const struct line_process *process) {
    return line_splitter_rest(&process->lines).count == 0;
}

void line_process_check(struct line_process *process, int64_t now_ns) {
    if (process->until_ns == 0 || now_ns < process->until_ns) {
        return;
    }
    struct error why;
    if (process->state == LINE_PROCESS_STARTING) {
        (void)fail(&why, STATUS_TIMEOUT, "agent '%.*s' did not say {\"ready\":true} within %d s",
                   SLICE_ARGS(process->manifest->name), READY_MS_MAX / 1000);
    } else {
        (void)fail(&why, STATUS_CRASH, "agent '%.*s' closed its standard output and went on",
                   SLICE_ARGS(process->manifest->name));
    }
    give_up(process, &why, true);
}
