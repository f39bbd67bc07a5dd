/*
 * test_stage: a daemon on a folder of its own, with the workflows and agents that a test writes,
 * what it said, and moments to wait for. For unit tests alone.
 *
 * Events come from the test (stage_offer) unless the feeds are opened. What became durable stands
 * in `said`, a line a record: "LANE NAME BODY", "LANE failure STEP CLASS" for failures.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "agents/test_folder.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "runtime/daemon.h"
#include "runtime/recovery.h"

enum { STAGE_PATIENCE_MS = 60 * 1000, STAGE_POLL_MS = 2, STAGE_TEXT_BYTES = 4 << 20 };

struct stage_reading {
    struct store_read read; /* first */
    bool done;
};

struct stage {
    struct test_folder folder; /* holds data/ and flows/ */
    char data[2 * TEST_PATH_BYTES], flows[2 * TEST_PATH_BYTES];
    struct daemon_options options;
    struct daemon *daemon;
    struct timer *poll;
    bool (*until)(struct stage *stage);
    int64_t patience_ns;
    bool impatient, looped, doomed; /* doomed: in a process that is to be killed */
    struct buffer said;             /* what became durable */
    struct buffer ended;            /* "WORKFLOW OUTCOME[: ERROR]" a line */
    struct buffer refused;          /* sentences */
    struct buffer faults;           /* of files */
    int results, failures, ends, refusals, idles;
    int wanted;                   /* of stage_ended, stage_told */
    struct stage_reading reading; /* here, since a test that fails leaves its frames */
    const char *named;            /* of stage_file_is_there: below the folder */
};

static inline void stage_note_failure(struct stage *stage, const struct record_draft *draft) {
    struct arena arena;
    struct value body = {0};
    arena_init(&arena, STAGE_TEXT_BYTES);
    if (json_read(&arena, draft->record.body, &body, NULL) == STATUS_OK) {
        const struct value *step = value_get(body, SLICE("step"));
        const struct value *class = value_get(body, SLICE("class"));
        buffer_print(&stage->said, "%s failure %.*s %.*s\n", lane_name(draft->lane),
                     SLICE_ARGS(step != NULL ? value_text(*step) : SLICE("?")),
                     SLICE_ARGS(class != NULL ? value_text(*class) : SLICE("?")));
    }
    arena_done(&arena);
}

static inline void stage_result(void *owner, const struct workflow *workflow,
                                const struct record_draft *draft) {
    struct stage *stage = owner;
    (void)workflow;
    if (draft->record.kind == RECORD_FAILURE) {
        stage->failures++;
        stage_note_failure(stage, draft);
        return;
    }
    stage->results++;
    buffer_print(&stage->said, "%s %.*s %.*s\n", lane_name(draft->lane),
                 SLICE_ARGS(draft->record.name), SLICE_ARGS(draft->record.body));
}

static inline void stage_run_ended(void *owner, const struct run *run) {
    struct stage *stage = owner;
    stage->ends++;
    buffer_print(&stage->ended, "%.*s %s", SLICE_ARGS(run->version->workflow->name),
                 run_outcome_name(run->outcome));
    if (run->error.count > 0) {
        buffer_print(&stage->ended, ": %.*s", SLICE_ARGS(run->error));
    }
    buffer_add_byte(&stage->ended, '\n');
}

static inline void stage_refused(void *owner, const struct slot *slot, const struct error *err) {
    struct stage *stage = owner;
    stage->refusals++;
    buffer_print(&stage->refused, "%s: %s\n", slot->name, err->text);
}

static inline void stage_faults(void *owner, const char *file, struct slice faults) {
    struct stage *stage = owner;
    (void)file;
    buffer_add(&stage->faults, faults);
}

static inline void stage_idle(void *owner) {
    struct stage *stage = owner;
    stage->idles++;
}

static inline int stage_make(void **state) {
    struct stage *stage = memory_new(1, sizeof(*stage));
    if (stage == NULL) {
        return -1;
    }
    test_folder_make(&stage->folder);
    (void)snprintf(stage->data, sizeof(stage->data), "%s/data", stage->folder.path);
    (void)snprintf(stage->flows, sizeof(stage->flows), "%s/flows", stage->folder.path);
    (void)mkdir(stage->flows, 0700);
    buffer_init(&stage->said, STAGE_TEXT_BYTES);
    buffer_init(&stage->ended, STAGE_TEXT_BYTES);
    buffer_init(&stage->refused, STAGE_TEXT_BYTES);
    buffer_init(&stage->faults, STAGE_TEXT_BYTES);
    stage->options = (struct daemon_options){
        .data = stage->data,
        .places = {.workflows = {stage->flows}},
        .feeds_closed = true,
        .on_result = stage_result,
        .on_ended = stage_run_ended,
        .on_refused = stage_refused,
        .on_faults = stage_faults,
        .on_idle = stage_idle,
        .owner = stage,
    };
    *state = stage;
    return 0;
}

/* --- files --- */
static inline void stage_write(struct stage *stage, const char *name, const char *text) {
    test_folder_write(&stage->folder, name, text);
}

/* A workflow; `rest` is what follows its name. */
static inline void stage_flow(struct stage *stage, const char *name, const char *rest) {
    char path[128];
    char text[8192];
    (void)snprintf(path, sizeof(path), "flows/%s.yaml", name);
    const int count = snprintf(text, sizeof(text), "ebb: 1\nworkflow: %s\n%s", name, rest);
    assert_in_range(count, 1, sizeof(text) - 1);
    stage_write(stage, path, text);
}

/* An agent beside the workflows; `rest` is what follows its version. */
static inline void stage_agent(struct stage *stage, const char *name, const char *rest) {
    char path[128];
    char text[8192];
    (void)snprintf(path, sizeof(path), "flows/agents/%s/agent.yaml", name);
    const int count =
        snprintf(text, sizeof(text), "ebb: 1\nagent: %s\nversion: 1.0.0\n%s", name, rest);
    assert_in_range(count, 1, sizeof(text) - 1);
    stage_write(stage, path, text);
}

/* An agent of kind process whose program is this script. */
static inline void stage_script(struct stage *stage, const char *name, const char *rest,
                                const char *script) {
    char path[128];
    char text[4096];
    (void)snprintf(path, sizeof(path), "flows/agents/%s/run", name);
    stage_write(stage, path, script);
    (void)snprintf(text, sizeof(text), "kind: process\ncommand: [./run]\n%s", rest);
    stage_agent(stage, name, text);
}

static inline const char *stage_path(const struct stage *stage, const char *name) {
    static char path[2 * TEST_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", stage->folder.path, name);
    return path;
}

static inline bool stage_has(const struct stage *stage, const char *name) {
    return access(stage_path(stage, name), F_OK) == 0;
}

/* How many lines a file of the folder has; 0 when there is none. */
static inline int stage_lines(const struct stage *stage, const char *name) {
    FILE *file = fopen(stage_path(stage, name), "r");
    int lines = 0;
    for (int byte = file != NULL ? fgetc(file) : EOF; byte != EOF; byte = fgetc(file)) {
        lines += byte == '\n';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return lines;
}

/* --- the daemon --- */
static inline void stage_poll(void *owner) {
    struct stage *stage = owner;
    if (stage->until(stage)) {
        loop_stop(stage->daemon->loop);
    } else if (clock_boot_ns() > stage->patience_ns) {
        stage->impatient = true;
        loop_stop(stage->daemon->loop);
    } else {
        timer_set(stage->poll, STAGE_POLL_MS);
    }
}

static inline status stage_try_open(struct stage *stage, struct error *err) {
    TRY(daemon_create(&stage->options, &stage->daemon, err));
    stage->looped = false;
    return timer_open(stage->daemon->loop, stage_poll, stage, &stage->poll, err);
}

/* Runs the loop until the moment has come. */
static inline void stage_until(struct stage *stage, bool (*until)(struct stage *stage)) {
    stage->until = until;
    stage->impatient = false;
    stage->patience_ns = clock_boot_ns() + (int64_t)STAGE_PATIENCE_MS * 1000000;
    timer_set(stage->poll, 0);
    if (!stage->looped) {
        stage->looped = true;
        daemon_run(stage->daemon);
        if (stage->daemon->error.code != STATUS_OK) {
            fail_msg("%s", stage->daemon->error.text);
        }
    } else {
        loop_run(stage->daemon->loop);
    }
    if (stage->impatient && stage->doomed) {
        _exit(1);
    }
    if (stage->impatient) {
        fail_msg("waited in vain; said:\n%.*sended:\n%.*srefused:\n%.*sfaults:\n%.*s",
                 SLICE_ARGS(buffer_slice(&stage->said)), SLICE_ARGS(buffer_slice(&stage->ended)),
                 SLICE_ARGS(buffer_slice(&stage->refused)),
                 SLICE_ARGS(buffer_slice(&stage->faults)));
    }
}

/* Every workflow has its number, or faults. */
static inline bool stage_is_loaded(struct stage *stage) {
    const struct orchestrator *orchestrator = stage->daemon->orchestrator;
    for (const struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        if (slot->state == SLOT_LOADING || (slot->version != NULL && slot->version->number == 0)) {
            return false;
        }
    }
    return stage->daemon->loaded;
}

static inline void stage_open(struct stage *stage) {
    struct error err = {0};
    if (stage_try_open(stage, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    stage_until(stage, stage_is_loaded);
}

/* Ends the daemon as a signal does. */
static inline void stage_close(struct stage *stage) {
    if (stage->daemon != NULL) {
        timer_close(stage->poll);
        stage->poll = NULL;
        if (stage->looped && stage->daemon->error.code == STATUS_OK) {
            daemon_stop(stage->daemon);
            loop_run(stage->daemon->loop);
        }
        daemon_destroy(stage->daemon);
        stage->daemon = NULL;
    }
}

static inline int stage_end(void **state) {
    struct stage *stage = *state;
    stage_close(stage);
    test_folder_remove(&stage->folder);
    buffer_done(&stage->said);
    buffer_done(&stage->ended);
    buffer_done(&stage->refused);
    buffer_done(&stage->faults);
    buffer_done(&stage->reading.read.out);
    memory_free(stage);
    return 0;
}

/* --- events and moments --- */
static inline struct slot *stage_slot(const struct stage *stage, const char *name) {
    struct slot *slot = orchestrator_slot(stage->daemon->orchestrator, slice_of(name));
    assert_non_null(slot);
    return slot;
}

/* An event that a source cannot give again, with this data; not yet offered. */
static inline struct event *stage_event(const char *json) {
    struct error err = {0};
    struct event_extra extra = {.name = "data"};
    struct event *event = event_new();
    assert_non_null(event);
    event->source = SLICE("test");
    event->type = SLICE("message");
    if (json_read(&event->arena, slice_of(json), &extra.value, &err) != STATUS_OK ||
        event_seal(event, &extra, 1, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return event;
}

static inline void stage_offer(struct stage *stage, const char *flow, const char *json) {
    orchestrator_offer(stage_slot(stage, flow), stage_event(json));
}

static inline bool stage_has_ended(struct stage *stage) {
    return stage->ends >= stage->wanted;
}

/* Waits until so many runs have ended, since the stage was made. */
static inline void stage_until_ended(struct stage *stage, int ends) {
    stage->wanted = ends;
    stage_until(stage, stage_has_ended);
}

static inline bool stage_file_is_there(struct stage *stage) {
    return stage_has(stage, stage->named);
}

static inline void stage_until_file(struct stage *stage, const char *name) {
    stage->named = name;
    stage_until(stage, stage_file_is_there);
}

static inline bool stage_has_had_turns(struct stage *stage) {
    return --stage->wanted < 0;
}

/* Lets the loop turn for so long, for what must not happen. */
static inline void stage_let_pass(struct stage *stage, int ms) {
    stage->wanted = ms / STAGE_POLL_MS + 1;
    stage_until(stage, stage_has_had_turns);
}

static inline void stage_reload(struct stage *stage) {
    struct error err = {0};
    if (daemon_reload(stage->daemon, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    stage_until(stage, stage_is_loaded);
}

/* --- what is on disk --- */
static inline void stage_read_done(struct store_read *read) {
    ((struct stage_reading *)read)->done = true;
}

static inline bool stage_reading_is_done(struct stage *stage) {
    return stage->reading.done;
}

/* The store's listing as JSON, ended by a zero; the stage's, until the next one. */
static inline struct buffer *stage_list(struct stage *stage, enum store_read_kind kind,
                                        enum lane lane) {
    struct store_read *read = &stage->reading.read;
    buffer_done(&read->out);
    stage->reading = (struct stage_reading){
        .read = {.kind = kind, .lane = lane, .done = stage_read_done, .limit = 100}};
    buffer_init(&read->out, STORE_READ_BYTES_MAX);
    store_read(stage->daemon->store, read);
    stage_until(stage, stage_reading_is_done);
    assert_int_equal(read->error.code, STATUS_OK);
    buffer_add_byte(&read->out, 0);
    return &read->out;
}

/* How often a part stands in the listing. */
static inline int stage_count_listed(struct stage *stage, enum store_read_kind kind, enum lane lane,
                                     const char *part) {
    const char *list = stage_list(stage, kind, lane)->bytes;
    int count = 0;
    for (const char *at = strstr(list, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static inline struct store_counters stage_counters(const struct stage *stage) {
    struct store_counters counters;
    store_counters(stage->daemon->store, &counters);
    return counters;
}

/* --- what it said --- */
static inline void assert_text(struct buffer *text, const char *expected) {
    buffer_add_byte(text, 0);
    text->count--;
    assert_string_equal(text->bytes, expected);
}

static inline void assert_part(struct buffer *text, const char *part) {
    buffer_add_byte(text, 0);
    text->count--;
    if (strstr(text->bytes, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text->bytes);
    }
}

static inline void stage_forget(struct stage *stage) {
    buffer_clear(&stage->said);
    buffer_clear(&stage->ended);
    buffer_clear(&stage->refused);
    buffer_clear(&stage->faults);
}

/* --- a life that ends in a crash --- */

/* Runs a daemon in a process of its own until the moment has come, and kills it there. `begin` is
 * called once it is loaded; it may be NULL. */
static inline void stage_crash(struct stage *stage, void (*begin)(struct stage *stage),
                               bool (*until)(struct stage *stage)) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        stage->doomed = true;
        stage_open(stage);
        if (begin != NULL) {
            begin(stage);
        }
        stage_until(stage, until);
        (void)kill(getpid(), SIGKILL);
        _exit(1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}
