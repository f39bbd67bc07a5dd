// SPDX-License-Identifier: Apache-2.0
#include "cli/rerun.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/agent_manifest.h"
#include "base/buffer.h"
#include "cli/device_program.h"
#include "platform/file.h"
#include "platform/loop.h"
#include "platform/process.h"
#include "platform/watch.h"
#include "wire/workflow.h"

enum { FILES_OPEN_MAX = 1024 };

static const char MANIFEST[] = "agent.yaml";

/* A watched folder: that of the workflow's file, or an agent's. */
struct spot {
    struct rerun *rerun;
    const char *folder;
    const char *only; /* the workflow's name there; NULL: the folder is an agent's */
    struct watch *watch;
};

struct rerun {
    struct call *call;
    struct loop *loop;
    struct timer *settle, *patience;
    struct signal_watch *interrupt, *terminate;
    struct process *process; /* NULL: no run is under way */
    struct spot *places;
    uint32_t place_count;
    struct buffer input; /* all of standard input */
    bool ending;         /* a signal said so: nothing begins any more */
    bool stopping;       /* the run under way was told to end */
    struct error failure;
};

static void close_places(struct rerun *rerun) {
    for (uint32_t i = 0; i < rerun->place_count; i++) {
        watch_destroy(rerun->places[i].watch);
    }
    rerun->place_count = 0;
}

/* The file and those that its text names: schemas beside a workflow, anything beside a manifest. */
static bool is_part(const struct spot *spot, const char *name) {
    const char *file = spot->only != NULL ? spot->only : MANIFEST;
    if (strcmp(name, file) == 0) {
        return true;
    }
    if (spot->only != NULL && !workflow_is_schema_file(slice_of(name))) {
        return false;
    }
    CLEANUP(buffer_done) struct buffer path, text;
    buffer_init(&path, FILENAME_MAX);
    buffer_init(&text, spot->only != NULL ? WORKFLOW_BYTES_MAX : AGENT_MANIFEST_BYTES_MAX);
    buffer_print(&path, "%s/%s", spot->folder, file);
    return buffer_status(&path, NULL) == STATUS_OK &&
           file_read(path.bytes, &text, NULL) == STATUS_OK &&
           memmem(text.bytes, text.count, name, strlen(name)) != NULL;
}

static void on_found(void *owner, const char *name) {
    const struct spot *spot = owner;
    if (is_part(spot, name)) {
        timer_set(spot->rerun->settle, RERUN_SETTLE_MS);
    }
}

/* Watches one folder more; one that is not there, or is one too many, is passed over. */
static void watch_folder(struct rerun *rerun, struct slice folder, const char *only) {
    struct file_facts facts;
    if (folder.bytes == NULL || rerun->place_count == RERUN_FOLDERS_MAX ||
        file_facts(folder.bytes, &facts, NULL) != STATUS_OK || !facts.is_folder) {
        return;
    }
    struct spot *spot = &rerun->places[rerun->place_count];
    *spot = (struct spot){.rerun = rerun, .folder = folder.bytes, .only = only};
    const struct watch_events events = {.found = on_found};
    struct error err;
    if (watch_create(rerun->loop, spot->folder, events, spot, &spot->watch, &err) == STATUS_OK) {
        rerun->place_count++;
    } else {
        (void)fprintf(rerun->call->talk, "ebb: %s is not watched: %s\n", spot->folder, err.text);
    }
}

struct listing {
    struct rerun *rerun;
    const char *folder;
};

static bool watch_agent(void *owner, const char *name) {
    const struct listing *listing = owner;
    struct arena *arena = &listing->rerun->call->arena;
    watch_folder(listing->rerun, arena_print(arena, "%s/%s", listing->folder, name), NULL);
    return true;
}

static void watch_agents(struct rerun *rerun, const char *folder) {
    const struct listing listing = {.rerun = rerun, .folder = folder};
    struct listing *owner = arena_get(&rerun->call->arena, 1, sizeof(*owner));
    if (folder != NULL && owner != NULL) {
        *owner = listing;
        (void)file_list(folder, watch_agent, owner, NULL); /* without one there are no agents */
    }
}

/* All that the next run is made of; agents that came since the last one are among it. */
static void open_places(struct rerun *rerun) {
    struct arena *arena = &rerun->call->arena;
    const char *file = call_argument(rerun->call, 0);
    const char *slash = strrchr(file, '/');
    const struct slice above = {.bytes = file, .count = slash != NULL ? (size_t)(slash - file) : 0};
    const struct slice folder = slash == NULL   ? SLICE(".")
                                : slash == file ? SLICE("/")
                                                : arena_copy(arena, above);
    watch_folder(rerun, folder, slash == NULL ? file : slash + 1);
    if (folder.bytes != NULL) {
        watch_agents(rerun, arena_print(arena, "%s/agents", folder.bytes).bytes);
    }
    watch_agents(rerun, call_option(rerun->call, "agents"));
}

static void write_all(FILE *stream, struct slice bytes) {
    (void)fwrite(bytes.bytes, 1, bytes.count, stream);
    (void)fflush(stream);
}

static void on_output(void *owner, struct slice bytes) {
    write_all(((struct rerun *)owner)->call->out, bytes);
}

static void on_log(void *owner, struct slice bytes) {
    write_all(((struct rerun *)owner)->call->talk, bytes);
}

static void begin(struct rerun *rerun);

static void on_ended(void *owner, int exit_code, int number) {
    struct rerun *rerun = owner;
    process_destroy(rerun->process);
    rerun->process = NULL;
    timer_clear(rerun->patience);
    if (rerun->ending) {
        loop_stop(rerun->loop);
    } else if (rerun->stopping) {
        begin(rerun);
    } else if (number > 0) {
        (void)fprintf(rerun->call->talk, "ebb: signal %d ended it; waiting for a change\n", number);
    } else {
        (void)fprintf(rerun->call->talk, "ebb: ended with code %d; waiting for a change\n",
                      exit_code);
    }
}

static status start(struct rerun *rerun, struct error *err) {
    const struct process_options options = {
        .arguments = device_program_words(rerun->call, "run"),
        .environment = (const char *const *)environ,
        .limits = {.files = FILES_OPEN_MAX},
        .descriptor = -1,
        .events = {.output = on_output, .log = on_log, .ended = on_ended},
        .owner = rerun};
    if (options.arguments == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to start a run");
    }
    TRY(process_start(rerun->loop, &options, &rerun->process, err));
    TRY(process_write(rerun->process, buffer_slice(&rerun->input), err));
    process_close_input(rerun->process);
    return STATUS_OK;
}

/* What is watched is looked up anew first: a change from here on is seen. */
static void begin(struct rerun *rerun) {
    rerun->stopping = false;
    close_places(rerun);
    open_places(rerun);
    if (start(rerun, &rerun->failure) != STATUS_OK) {
        loop_stop(rerun->loop);
    }
}

static void stop_run(struct rerun *rerun) {
    rerun->stopping = true;
    process_signal(rerun->process, SIGTERM);
    timer_set(rerun->patience, RERUN_PATIENCE_MS);
}

static void on_settled(void *owner) {
    struct rerun *rerun = owner;
    if (rerun->ending || rerun->stopping) {
        return;
    }
    (void)fprintf(rerun->call->talk, "ebb: changed: again\n");
    if (rerun->process == NULL) {
        begin(rerun);
    } else {
        stop_run(rerun);
    }
}

static void on_impatient(void *owner) {
    struct rerun *rerun = owner;
    if (rerun->process != NULL) {
        process_kill(rerun->process);
    }
}

/* The first one lets the run end in order, the second one kills it. */
static void on_signal(void *owner, int number) {
    (void)number;
    struct rerun *rerun = owner;
    const bool again = rerun->ending;
    rerun->ending = true;
    if (rerun->process == NULL) {
        loop_stop(rerun->loop);
    } else if (again) {
        process_kill(rerun->process);
    } else {
        stop_run(rerun);
    }
}

/* Nothing from a terminal: what is typed there cannot be given to the next run again. */
static status read_input(struct buffer *input, struct error *err) {
    char some[1 << 14];
    while (isatty(STDIN_FILENO) == 0) {
        const ssize_t count = read(STDIN_FILENO, some, sizeof(some));
        if (count < 0 && errno != EINTR) {
            return fail_errno(err, errno, "read standard input");
        }
        if (count == 0) {
            break;
        }
        buffer_add(input, (struct slice){.bytes = some, .count = count > 0 ? (size_t)count : 0});
        if (buffer_status(input, err) != STATUS_OK) {
            return fail_while(err, "keep standard input for every run");
        }
    }
    return STATUS_OK;
}

static status open_all(struct rerun *rerun, struct error *err) {
    rerun->places = arena_get(&rerun->call->arena, RERUN_FOLDERS_MAX, sizeof(*rerun->places));
    if (rerun->places == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to watch files");
    }
    TRY(read_input(&rerun->input, err));
    TRY(loop_create(&rerun->loop, err));
    TRY(timer_open(rerun->loop, on_settled, rerun, &rerun->settle, err));
    TRY(timer_open(rerun->loop, on_impatient, rerun, &rerun->patience, err));
    TRY(signal_watch_create(rerun->loop, SIGINT, on_signal, rerun, &rerun->interrupt, err));
    return signal_watch_create(rerun->loop, SIGTERM, on_signal, rerun, &rerun->terminate, err);
}

static void rerun_done(struct rerun *rerun) {
    close_places(rerun);
    process_destroy(rerun->process);
    signal_watch_destroy(rerun->interrupt);
    signal_watch_destroy(rerun->terminate);
    timer_close(rerun->settle);
    timer_close(rerun->patience);
    loop_destroy(rerun->loop);
    buffer_done(&rerun->input);
}

status rerun(struct call *call, struct error *err) {
    CLEANUP(rerun_done) struct rerun rerun = {.call = call};
    buffer_init(&rerun.input, PROCESS_INPUT_BYTES_MAX);
    TRY(open_all(&rerun, err));
    begin(&rerun);
    loop_run(rerun.loop);
    if (rerun.failure.code != STATUS_OK) {
        *err = rerun.failure;
        return err->code;
    }
    return rerun.ending ? fail(err, STATUS_INTERRUPTED, "%s", "") : STATUS_OK;
}
