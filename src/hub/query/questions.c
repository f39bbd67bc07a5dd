// SPDX-License-Identifier: Apache-2.0
#include "hub/query/questions.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/hub_answer.h"
#include "hub/query/question_run.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/http_error.h"
#include "platform/json.h"
#include "platform/process.h"

enum {
    PATH_BYTES = 4096,
    NUMBER_BYTES = 24,
    UNTAKEN_BYTES = 256 << 10, /* of an answer, from which on the process waits */
    SAID_BYTES_MAX = 8 << 10,
    ARENA_BYTES_MAX = 64 << 10,
    LOOK_MS = 500,
    GRACE_S = 3, /* for a process to say itself that its time is over */
    WRONG = 400  /* what is wrong with the question, its cost as well */
};

static const int64_t NS_PER_S = 1000000000;

/*
 *   waiting    no process yet
 *   asked      a process, and nothing has come of it
 *   begun      some of the answer has gone on
 *   failing    no process any more, and what has come is still to be taken before it is cut off
 */
struct asked {
    struct questions *questions; /* not owned */
    struct asked *next, *before;
    struct http_request *request;
    struct process *process; /* NULL: it waits */
    struct buffer sql, said;
    enum output_format format;
    int seconds;
    uint64_t rows; /* 0: all */
    bool units, begun, held, late, failing;
    int64_t deadline_ns; /* of the process */
};

struct questions {
    struct loop *loop; /* not owned */
    struct timer *look;
    struct asked *first, *last; /* in their order */
    int count, running;
    char path[PATH_BYTES];
};

static const char *const TYPES[OUTPUT_FORMATS] = {
    [OUTPUT_JSON] = "application/json",
    [OUTPUT_JSONL] = "application/x-ndjson",
    [OUTPUT_CSV] = "text/csv; charset=utf-8; header=present",
    [OUTPUT_TABLE] = "text/plain; charset=utf-8",
};

static void start_next(struct questions *questions);

/* --- one of them ------------------------------------------------------------------------------ */

static void destroy(struct asked *asked) {
    struct questions *questions = asked->questions;
    *(asked->before != NULL ? &asked->before->next : &questions->first) = asked->next;
    *(asked->next != NULL ? &asked->next->before : &questions->last) = asked->before;
    questions->count--;
    questions->running -= asked->process != NULL ? 1 : 0;
    process_destroy(asked->process);
    buffer_done(&asked->sql);
    buffer_done(&asked->said);
    memory_free(asked);
}

static void refuse(struct http_request *request, const struct error *err) {
    if (err->code == STATUS_INVALID || err->code == STATUS_TIMEOUT ||
        err->code == STATUS_NO_MEMORY) {
        hub_answer_error_as(request, WRONG, err);
    } else if (err->code == STATUS_BUSY) {
        hub_answer_error(request, err);
    } else { /* what its disk and folders are called is nobody's business outside */
        struct error said;
        log_line(LOG_ERROR, "hub", "answer a question: %s", err->text);
        (void)fail(&said, err->code,
                   "the question could not be answered; the hub says why in its log");
        hub_answer_error(request, &said);
    }
}

/* --- what its process does -------------------------------------------------------------------- */

/* What failed stands at the end of what has come: that is taken before the answer is cut off. */
static void cut(struct asked *asked) {
    struct questions *questions = asked->questions;
    http_answer_cut(asked->request);
    destroy(asked);
    start_next(questions);
}

static void drained(void *owner) {
    struct asked *asked = owner;
    if (asked->failing) {
        cut(asked);
    } else if (asked->held) {
        asked->held = false;
        process_hold_output(asked->process, false);
    }
}

/* The process is killed by that, and its end is seen by nobody. */
static void gone(void *owner) {
    struct asked *asked = owner;
    struct questions *questions = asked->questions;
    destroy(asked);
    start_next(questions);
}

static const struct http_flow FLOW = {.drained = drained, .gone = gone};

static void came(void *owner, struct slice bytes) {
    struct asked *asked = owner;
    if (!asked->begun) {
        asked->begun = true;
        http_answer_begin(asked->request, 200, TYPES[asked->format], &FLOW, asked);
    }
    http_answer_add(asked->request, bytes);
    if (http_answer_waiting(asked->request) > UNTAKEN_BYTES) {
        asked->held = true;
        process_hold_output(asked->process, true);
    }
}

static void complained(void *owner, struct slice bytes) {
    struct asked *asked = owner;
    buffer_add(&asked->said, bytes);
}

static status late(const struct asked *asked, struct error *err) {
    return fail(err, STATUS_TIMEOUT,
                "the question takes longer than %d s, or its answer is taken too slowly",
                asked->seconds);
}

/* Its own sentence, or how it ended where it has none. */
static status read_failure(const struct asked *asked, int exit_code, int number,
                           struct error *err) {
    struct value said;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    if (asked->late || number == SIGXCPU) {
        return late(asked, err);
    }
    if (number == 0 && json_read(&arena, buffer_slice(&asked->said), &said, NULL) == STATUS_OK) {
        const struct value *error = value_get(said, SLICE("error"));
        const struct value *class = error != NULL ? value_get(*error, SLICE("class")) : NULL;
        const struct value *text = error != NULL ? value_get(*error, SLICE("text")) : NULL;
        if (class != NULL && text != NULL) {
            char word[32];
            (void)snprintf(word, sizeof(word), "%.*s", SLICE_ARGS(value_text(*class)));
            const status code = status_from_name(word);
            return fail(err, code != STATUS_OK && code < STATUS_COUNT ? code : STATUS_SYSTEM,
                        "%.*s", SLICE_ARGS(value_text(*text)));
        }
    }
    return fail(err, STATUS_CRASH,
                "the process of the question ended with code %d, signal %d: %.*s", exit_code,
                number, SLICE_ARGS(text_cut(buffer_slice(&asked->said), 200)));
}

static void answer(struct asked *asked, int exit_code, int number) {
    const bool whole = exit_code == 0;
    struct error err;
    if (!whole && !asked->begun) {
        (void)read_failure(asked, exit_code, number, &err);
        refuse(asked->request, &err);
    } else if (!asked->begun) {
        http_answer(asked->request, 200, TYPES[asked->format], SLICE("")); /* no rows */
    } else if (whole || (number == 0 && asked->format == OUTPUT_JSON)) {
        http_answer_end(asked->request);
    } else if (http_answer_waiting(asked->request) > 0) {
        asked->failing = true;
    } else {
        http_answer_cut(asked->request);
    }
}

static void ended(void *owner, int exit_code, int number) {
    struct asked *asked = owner;
    struct questions *questions = asked->questions;
    answer(asked, exit_code, number);
    if (asked->failing) {
        process_destroy(asked->process);
        asked->process = NULL;
        questions->running--;
    } else {
        destroy(asked);
    }
    start_next(questions);
}

static status start(struct asked *asked, struct error *err) {
    static const char *const ENVIRONMENT[] = {NULL};
    char program[PATH_BYTES];
    char seconds[NUMBER_BYTES];
    char rows[NUMBER_BYTES];
    (void)snprintf(program, sizeof(program), "%s/ebb-query", file_program_folder());
    (void)snprintf(seconds, sizeof(seconds), "%d", asked->seconds);
    (void)snprintf(rows, sizeof(rows), "%llu", (unsigned long long)asked->rows);
    const char *const words[] = {program,
                                 asked->questions->path,
                                 output_format_name(asked->format),
                                 seconds,
                                 rows,
                                 asked->units ? "units" : NULL,
                                 NULL};
    const struct process_options options = {
        .arguments = words,
        .environment = ENVIRONMENT,
        .descriptor = -1,
        .events = {.output = came, .log = complained, .ended = ended},
        .owner = asked};
    TRY(process_start(asked->questions->loop, &options, &asked->process, err));
    asked->questions->running++;
    asked->deadline_ns = clock_boot_ns() + (asked->seconds + GRACE_S) * NS_PER_S;
    TRY(process_write(asked->process, buffer_slice(&asked->sql), err));
    process_close_input(asked->process);
    return STATUS_OK;
}

/* The oldest that wait, as long as there is a place. */
static void start_next(struct questions *questions) {
    struct asked *next = NULL;
    for (struct asked *asked = questions->first;
         asked != NULL && questions->running < QUESTIONS_AT_ONCE; asked = next) {
        struct error err;
        next = asked->next;
        const bool waits = asked->process == NULL && !asked->failing;
        if (waits && start(asked, &err) != STATUS_OK) {
            refuse(asked->request, &err);
            destroy(asked);
        }
    }
}

/* --- looking after them ----------------------------------------------------------------------- */

/* Of an answer that has begun the server says itself that nobody takes it any more. */
static void look_at(struct asked *asked, int64_t now_ns) {
    if (!asked->begun && http_has_left(asked->request)) {
        http_cut_off(asked->request);
        destroy(asked);
    } else if (asked->process != NULL && now_ns > asked->deadline_ns && !asked->late) {
        asked->late = true;
        process_kill(asked->process);
    }
}

static void look(void *owner) {
    struct questions *questions = owner;
    struct asked *next = NULL;
    const int64_t now_ns = clock_boot_ns();
    for (struct asked *asked = questions->first; asked != NULL; asked = next) {
        next = asked->next;
        look_at(asked, now_ns);
    }
    start_next(questions);
    if (questions->first != NULL) {
        timer_set(questions->look, LOOK_MS);
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

static status read_number(const struct http_request *request, const char *name, uint64_t most,
                          uint64_t otherwise, uint64_t *out_number, struct error *err) {
    const struct slice text = slice_of(http_query(request, name));
    *out_number = otherwise;
    if (text.count > 0 && (!text_number(text, most, out_number) || *out_number == 0)) {
        return fail(err, STATUS_INVALID, "%s is a whole number from 1 to %llu, not '%.*s'", name,
                    (unsigned long long)most, SLICE_ARGS(text_cut(text, 40)));
    }
    return STATUS_OK;
}

static status read_words(const struct http_request *request, struct asked *asked,
                         struct error *err) {
    const struct slice format = slice_of(http_query(request, "format"));
    uint64_t seconds = 0;
    asked->format = format.count > 0 ? output_format_from(format) : OUTPUT_JSON;
    if (asked->format == OUTPUT_FORMATS) {
        return fail(err, STATUS_INVALID, "format is json, jsonl, csv or table, not '%.*s'",
                    SLICE_ARGS(text_cut(format, 40)));
    }
    TRY(read_number(request, "seconds", QUESTION_SECONDS_MAX, QUESTION_SECONDS, &seconds, err));
    TRY(read_number(request, "rows", INT64_MAX, 0, &asked->rows, err));
    asked->seconds = (int)seconds;
    asked->units = slice_of(http_query(request, "units")).count > 0;
    return STATUS_OK;
}

static status read_sql(const struct http_request *request, struct asked *asked, struct error *err) {
    const bool posted = slice_is(request->method, "POST");
    const struct slice sql = posted ? request->body : http_query_bytes(request, "sql");
    if (sql.count > GUEST_SQL_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a question has at most %d KiB, and this has %zu",
                    GUEST_SQL_BYTES_MAX >> 10, sql.count >> 10);
    }
    if (posted && sql.count == 0) {
        return fail(err, STATUS_INVALID, "the question is empty: it wants a SELECT");
    }
    buffer_add(&asked->sql, sql);
    return buffer_status(&asked->sql, err);
}

static status read_wish(const struct http_request *request, struct asked *asked,
                        struct error *err) {
    TRY(read_words(request, asked, err));
    return read_sql(request, asked, err);
}

static void add(struct questions *questions, struct asked *asked) {
    asked->before = questions->last;
    *(questions->last != NULL ? &questions->last->next : &questions->first) = asked;
    questions->last = asked;
    questions->count++;
}

void questions_take(struct questions *questions, struct http_request *request) {
    struct error err;
    if (questions->count >= QUESTIONS_AT_ONCE + QUESTIONS_WAITING_MAX) {
        (void)fail(&err, STATUS_BUSY, "%d questions are being answered and %d wait: ask again soon",
                   QUESTIONS_AT_ONCE, QUESTIONS_WAITING_MAX);
        refuse(request, &err);
        return;
    }
    struct asked *asked = memory_new(1, sizeof(*asked));
    if (asked == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory for a question now");
        refuse(request, &err);
        return;
    }
    asked->questions = questions;
    asked->request = request;
    buffer_init(&asked->sql, GUEST_SQL_BYTES_MAX);
    buffer_init(&asked->said, SAID_BYTES_MAX);
    add(questions, asked);
    if (read_wish(request, asked, &err) != STATUS_OK) {
        refuse(request, &err);
        destroy(asked);
        return;
    }
    start_next(questions);
    timer_set(questions->look, LOOK_MS);
}

/* --- birth and end ---------------------------------------------------------------------------- */

status questions_create(struct loop *loop, const char *path, struct questions **out_questions,
                        struct error *err) {
    struct questions *questions = memory_new(1, sizeof(*questions));
    if (questions == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for questions");
    }
    questions->loop = loop;
    (void)snprintf(questions->path, sizeof(questions->path), "%s", path);
    const status made = timer_open(loop, look, questions, &questions->look, err);
    if (made != STATUS_OK) {
        memory_free(questions);
        return made;
    }
    *out_questions = questions;
    return STATUS_OK;
}

void questions_end(struct questions *questions) {
    while (questions->first != NULL) {
        struct asked *asked = questions->first;
        struct error err;
        if (asked->begun) {
            http_answer_cut(asked->request);
        } else {
            (void)fail(&err, STATUS_BUSY, "the hub ends or opens its ports anew: ask again");
            refuse(asked->request, &err);
        }
        destroy(asked);
    }
}

void questions_destroy(struct questions *questions) {
    if (questions != NULL) {
        questions_end(questions);
        timer_close(questions->look);
        memory_free(questions);
    }
}
