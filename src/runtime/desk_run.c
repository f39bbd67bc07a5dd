// SPDX-License-Identifier: Apache-2.0
#include "runtime/desk_run.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "platform/file.h"
#include "platform/json.h"
#include "platform/secret.h"
#include "runtime/daemon.h"
#include "runtime/triggers/event_shape.h"
#include "wire/device_file.h"
#include "wire/record_line.h"

enum {
    PATH_BYTES_MAX = 4096,
    LINE_BYTES_MAX = 2 << 20,
    FAULTS_BYTES_MAX = 1 << 20,
    SETTINGS_BYTES_MAX = 8 << 20
};

struct desk {
    const struct desk_options *options;
    struct daemon *daemon;
    struct arena arena; /* of the device's file */
    struct device device;
    struct binding binding;
    struct buffer line;
    struct error first; /* what went wrong first: the exit code */
};

static void note(struct desk *desk, const struct error *err) {
    if (desk->first.code == STATUS_OK) {
        desk->first = *err;
    }
}

/* --- what is printed --- */
static void print_line(struct desk *desk) {
    const struct slice line = buffer_slice(&desk->line);
    size_t written = 0;
    while (written < line.count) {
        const ssize_t count = write(STDOUT_FILENO, line.bytes + written, line.count - written);
        if (count < 0 && errno != EINTR) {
            struct error err;
            (void)fail_errno(&err, errno, "write to standard output");
            note(desk, &err);
            daemon_stop(desk->daemon); /* nobody reads: results stay in the store */
            return;
        }
        written += count > 0 ? (size_t)count : 0;
    }
}

static struct slice units_of(const struct workflow *workflow, struct slice result) {
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        if (slice_equal(workflow->results[i].name, result)) {
            return workflow->results[i].units;
        }
    }
    return (struct slice){0};
}

static void on_result(void *owner, const struct workflow *workflow,
                      const struct record_draft *draft) {
    struct desk *desk = owner;
    if (draft->record.kind != RECORD_RESULT) {
        return;
    }
    buffer_clear(&desk->line);
    record_line_write(&desk->line, &draft->record, units_of(workflow, draft->record.name),
                      draft->out_id);
    buffer_add_byte(&desk->line, '\n');
    print_line(desk);
}

static void trace_value(const char *word, struct value value) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, LINE_BYTES_MAX);
    json_write(&json, value);
    const struct slice text = buffer_slice(&json);
    const bool cut = text.count > 2000;
    (void)fprintf(stderr, "    %-4s %.*s%s\n", word, SLICE_ARGS(slice_part(text, 0, 2000)),
                  cut ? " ..." : "");
}

static void trace_step(const struct step *step, const struct run_step *taken) {
    static const char *const WORDS[] = {
        [PHASE_FRESH] = "not reached", [PHASE_PREPARED] = "not begun", [PHASE_BEGUN] = "begun",
        [PHASE_RETURNED] = "begun",    [PHASE_DONE] = "done",          [PHASE_FAILED] = "failed",
        [PHASE_SKIPPED] = "skipped"};
    (void)fprintf(stderr, "  step %.*s (%.*s): %s", SLICE_ARGS(step->id), SLICE_ARGS(step->agent),
                  WORDS[taken->phase]);
    if (taken->attempts > 0) {
        (void)fprintf(stderr, ", %.3f ms", (double)taken->took_ns / 1e6);
    }
    if (taken->attempts > 1) {
        (void)fprintf(stderr, ", %d attempts", taken->attempts);
    }
    (void)fputc('\n', stderr);
    if (taken->attempts > 0) {
        trace_value("in", taken->with);
    }
    if (taken->phase == PHASE_DONE) {
        trace_value("out", taken->output);
    }
    if (taken->phase == PHASE_FAILED) {
        (void)fprintf(stderr, "    %.*s\n", SLICE_ARGS(taken->error));
    }
}

static void on_ended(void *owner, const struct run *run) {
    struct desk *desk = owner;
    const struct workflow *workflow = run->version->workflow;
    if (desk->options->traced) {
        char id[RUN_ID_TEXT_BYTES];
        id_write_hex(run->id, id);
        (void)fprintf(stderr, "run %s: %s, %.3f ms\n", id, run_outcome_name(run->outcome),
                      (double)(clock_boot_ns() - run->began_ns) / 1e6);
        trace_value("event", run->event->value);
        for (uint32_t i = 0; i < workflow->step_count; i++) {
            trace_step(&workflow->steps[i], &run->steps[i]);
        }
    }
    if (run->outcome == OUTCOME_FAILED || run->outcome == OUTCOME_EXPIRED) {
        struct error err;
        (void)fail(&err, run->code, "%.*s", SLICE_ARGS(run->error));
        (void)fprintf(stderr, "ebb: run %s: %s\n", run_outcome_name(run->outcome), err.text);
        note(desk, &err);
    }
}

static void on_refused(void *owner, const struct slot *slot, const struct error *err) {
    (void)fprintf(stderr, "ebb: workflow %s: %s\n", slot->name, err->text);
    note(owner, err);
}

static void on_faults(void *owner, const char *file, struct slice faults) {
    struct error err;
    (void)fprintf(stderr, "%.*s\n", SLICE_ARGS(slice_trim(faults)));
    (void)fail(&err, STATUS_INVALID, "%s has faults", file);
    note(owner, &err);
}

static void on_idle(void *owner) {
    struct desk *desk = owner;
    daemon_stop(desk->daemon);
}

/* --- one event from the command line --- */
static const char *const FILE_MEMBERS[] = {"path", "name", "bytes", "text", NULL};
static const char *const TICK_MEMBERS[] = {"missed", "local", "zone", NULL};

/* Those of the names that the JSON has; returns how many extras there are then. */
static uint32_t add_members(struct value value, const char *const *names,
                            struct event_extra *extras, uint32_t count) {
    for (int i = 0; names[i] != NULL; i++) {
        const struct value *member = value_get(value, slice_of(names[i]));
        if (member != NULL) {
            extras[count++] = (struct event_extra){.name = names[i], .value = *member};
        }
    }
    return count;
}

/* Of a workflow with `interval` and `cron` the JSON may say which of them it was. */
static void make_tick(struct value value, struct event *event) {
    const struct value *source = value_get(value, SLICE("source"));
    event->type = SLICE("tick");
    if (source != NULL && value_text(*source).count > 0) {
        event->source = value_text(*source);
    }
}

/* The event is what the workflow's first trigger would have made of the JSON. */
static status make_event(const char *json, const struct workflow *workflow, struct value device,
                         struct event *event, struct error *err) {
    struct value value;
    if (json_read(&event->arena, slice_of(json), &value, err) != STATUS_OK) {
        return fail_while(err, "--event");
    }
    const struct trigger *trigger = workflow->trigger_count > 0 ? &workflow->triggers[0] : NULL;
    struct event_extra extras[EVENT_EXTRAS_MAX] = {{.name = "data", .value = value}};
    uint32_t count = 1;
    event->source = SLICE("event");
    event->type = SLICE("message");
    switch (trigger != NULL ? trigger->kind : TRIGGER_STDIN) {
    case TRIGGER_STDIN:
        if (trigger != NULL && trigger->format == STDIN_TEXT) {
            extras[0].name = "text";
        }
        break;
    case TRIGGER_WATCH:
        count = add_members(value, FILE_MEMBERS, extras, 1);
        break;
    case TRIGGER_HTTP:
        extras[0].name = trigger->accept == HTTP_TEXT ? "text" : "data";
        break;
    case TRIGGER_SOURCE: /* what runs is bound to a kind of its own */
        break;
    case TRIGGER_INTERVAL:
    case TRIGGER_CRON:
        make_tick(value, event);
        count = add_members(value, TICK_MEMBERS, extras, 0);
        break;
    }
    TRY(event_seal(event, extras, count, err));
    const struct shape_scope scope = {.params = workflow->param_values, .device = device};
    return trigger != NULL ? event_shape(trigger, &scope, event, err) : STATUS_OK;
}

static void offer_event(struct desk *desk, struct slot *slot) {
    struct error err;
    struct event *event = event_new();
    if (event == NULL) {
        (void)fail(&err, STATUS_NO_MEMORY, "out of memory for an event");
        on_refused(desk, slot, &err);
        return;
    }
    if (make_event(desk->options->event, slot->version->workflow, desk->daemon->options.device,
                   event, &err) != STATUS_OK) {
        event_destroy(event);
        on_refused(desk, slot, &err);
        return;
    }
    orchestrator_offer(slot, event);
}

static void on_loaded(void *owner) {
    struct desk *desk = owner;
    struct slot *working = NULL;
    for (struct slot *slot = desk->daemon->orchestrator->slots; slot != NULL; slot = slot->next) {
        working = slot->version != NULL ? slot : working;
    }
    if (working == NULL) {
        daemon_stop(desk->daemon); /* the file has faults, which were printed */
        return;
    }
    if (desk->options->event != NULL) {
        offer_event(desk, working);
    }
}

/* --- the whole --- */

static const char *environment(const char *name) {
    return getenv(name);
}

static void print_faults(void *owner, const struct fault_list *faults) {
    CLEANUP(buffer_done) struct buffer sentences;
    (void)owner;
    buffer_init(&sentences, FAULTS_BYTES_MAX);
    fault_list_write(faults, &sentences);
    (void)fprintf(stderr, "%.*s\n", SLICE_ARGS(slice_trim(buffer_slice(&sentences))));
}

/* Without a device's file there are the command line, the environment and the defaults. */
static status bind(struct desk *desk, struct error *err) {
    const struct desk_options *options = desk->options;
    desk->binding = (struct binding){
        .file = options->config, .sets = options->sets, .environment = environment};
    if (options->config == NULL) {
        return STATUS_OK;
    }
    const struct device_files files = {
        .path = options->config, .environment = environment, .said = print_faults};
    desk->binding.device = &desk->device;
    secret_use_folder_beside(options->config);
    return device_load(&desk->arena, &files, &desk->device, err);
}

/* What is no workflow makes no folder for results. Its agents are looked at when it is loaded. */
static status check_file(const char *path, const struct binding *binding, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    const struct workflow_doors doors = {.binding = binding};
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    TRY(file_read(path, &text, err));
    const status code =
        workflow_read(slice_of(path), buffer_slice(&text), &doors, &workflow, &faults, err);
    if (code == STATUS_OK) {
        workflow_release(workflow);
    } else if (faults != NULL) {
        print_faults(NULL, faults);
        err->text[0] = '\0';
    }
    fault_list_release(faults);
    return code;
}

static status choose_data(const struct desk_options *options, char data[PATH_BYTES_MAX],
                          struct error *err) {
    char file[PATH_BYTES_MAX];
    struct file_facts facts;
    (void)snprintf(file, sizeof(file), "%s", options->file);
    if (options->data != NULL) {
        (void)snprintf(data, PATH_BYTES_MAX, "%s", options->data);
    } else {
        (void)snprintf(data, PATH_BYTES_MAX, "%.4000s/.ebb", dirname(file));
    }
    if (file_facts(data, &facts, NULL) == STATUS_OK) {
        return STATUS_OK;
    }
    if (options->data == NULL) {
        (void)fprintf(stderr, "ebb: results are kept in %s\n", data);
    }
    return file_make_folder(data, err);
}

/* What a signal left undone is no success, however orderly the end was. */
static void judge_end(struct desk *desk) {
    uint32_t undone = 0;
    struct error err;
    for (const struct slot *slot = desk->daemon->orchestrator->slots; slot != NULL;
         slot = slot->next) {
        undone += slot->queued + slot->lined + slot->running + slot->ending + slot->waiting;
    }
    if (desk->daemon->signalled && undone > 0) {
        (void)fail(&err, STATUS_INTERRUPTED, "interrupted: %u event%s not done with", undone,
                   undone == 1 ? " is" : "s are");
        (void)fprintf(stderr, "ebb: %s\n", err.text);
        note(desk, &err);
    }
}

static status run_file(struct desk *desk, struct error *err) {
    const struct desk_options *options = desk->options;
    char data[PATH_BYTES_MAX];
    TRY(bind(desk, err));
    TRY(check_file(options->file, &desk->binding, err));
    TRY(choose_data(options, data, err));
    struct daemon_options daemon = {
        .data = data,
        .places = {.file = options->file, .agents = {options->agents}, .binding = &desk->binding},
        .stdin_allowed = true,
        .feeds_closed = options->event != NULL,
        .traced = options->traced,
        .on_result = on_result,
        .on_ended = on_ended,
        .on_refused = on_refused,
        .on_idle = on_idle,
        .on_faults = on_faults,
        .on_loaded = on_loaded,
        .owner = desk,
    };
    if (options->config != NULL) {
        TRY(device_value(&desk->arena, &desk->device, &daemon.device, err));
    }
    TRY(daemon_create(&daemon, &desk->daemon, err));
    daemon_run(desk->daemon);
    judge_end(desk);
    *err = desk->daemon->error;
    daemon_destroy(desk->daemon);
    return err->code;
}

status desk_run(const struct desk_options *options, struct error *err) {
    struct desk desk = {.options = options};
    arena_init(&desk.arena, SETTINGS_BYTES_MAX);
    buffer_init(&desk.line, LINE_BYTES_MAX);
    status code = run_file(&desk, err);
    if (code == STATUS_OK) {
        code = desk.first.code;
        err->code = code;
        err->text[0] = '\0'; /* it was printed when it happened */
    }
    buffer_done(&desk.line);
    arena_done(&desk.arena);
    return code;
}
