// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/jq_child.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/child.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/json.h"
#include "platform/query.h"
#include "platform/query_frame.h"

enum {
    NS_A_MS = 1000000,
    ANSWER_READ_BYTES = 4096, /* an answer up to this comes with one call */
    ALARM_AFTER_MS = 500,     /* the child ends itself so long after we would have killed it */
    PATH_BYTES = 4096
};

static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

/* Whoever is being served owns the child and all below it; the mutex guards `busy` alone, so
 * nobody waits for a mutex longer than that takes. */
struct jq_child {
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    bool busy;
    struct child child; /* pid 0: to be started */
    struct arena arena; /* of the programs */
    struct slice *programs;
    bool *poisons; /* one for each: a child that compiles it dies */
    uint32_t program_count;
    struct error refused; /* the first program that does not compile; code OK: none is known */
    uint32_t refused_program;
    int refused_offset; /* -1: unknown */
    char *large;        /* where an answer beyond ANSWER_READ_BYTES goes; owned */
};

/* One at a time -------------------------------------------------------------------------------- */

/* At most an hour from now: who waits longer looks again then, and no sum is too large. */
static struct timespec monotonic_after(int64_t left_ns) {
    const int64_t at = clock_monotonic_ns() + (left_ns < HOUR_NS ? left_ns : HOUR_NS);
    return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}

static status take_turn(struct jq_child *child, int64_t deadline_ns, struct error *err) {
    (void)pthread_mutex_lock(&child->mutex);
    while (child->busy) {
        const int64_t left_ns = deadline_ns - clock_boot_ns();
        if (left_ns <= 0) {
            (void)pthread_mutex_unlock(&child->mutex);
            return fail(err, STATUS_TIMEOUT,
                        "jq was busy with other expressions until it was late");
        }
        const struct timespec until = monotonic_after(left_ns);
        (void)pthread_cond_timedwait(&child->idle, &child->mutex, &until);
    }
    child->busy = true;
    (void)pthread_mutex_unlock(&child->mutex);
    return STATUS_OK;
}

/* False when somebody is being served. */
static bool take_free_turn(struct jq_child *child) {
    (void)pthread_mutex_lock(&child->mutex);
    const bool is_free = !child->busy;
    child->busy = true;
    (void)pthread_mutex_unlock(&child->mutex);
    return is_free;
}

static void give_turn(struct jq_child *child) {
    (void)pthread_mutex_lock(&child->mutex);
    child->busy = false;
    (void)pthread_cond_signal(&child->idle);
    (void)pthread_mutex_unlock(&child->mutex);
}

static const char POISON_SENTENCE[] = "jq dies when it compiles this (of memory, most likely)";

/* How it ends ---------------------------------------------------------------------------------- */

/* The child is late or gone: it is ended, and the sentence says which and why. */
static status end_child(struct jq_child *child, status code, const char *doing, int64_t ms,
                        struct error *err) {
    char words[CHILD_WORDS_BYTES_MAX];
    const struct child_end end = child_stop(&child->child);
    if (code == STATUS_TIMEOUT || (code == STATUS_CRASH && end.signal == SIGALRM)) {
        return fail(err, STATUS_TIMEOUT, "%s took more than %" PRId64 " ms", doing, ms);
    }
    if (end.exit_code == QUERY_NO_MEMORY_EXIT) {
        return fail(err, STATUS_CRASH, "%s took more than %d MiB of memory", doing,
                    JQ_MEMORY_BYTES >> 20);
    }
    if (code != STATUS_CRASH) {
        return code;
    }
    child_end_write(end, words);
    return fail(err, STATUS_CRASH, "%s: ebb-jq %s", doing, words);
}

/* Starting ------------------------------------------------------------------------------------- */

static const char *program_path(char room[PATH_BYTES]) {
    const char *given = getenv("EBB_JQ");
    if (given != NULL && given[0] != '\0') {
        return given;
    }
    (void)snprintf(room, PATH_BYTES, "%s/ebb-jq", file_program_folder());
    return room;
}

/* At most `most` bytes: more than a head only where one frame alone may come. */
static status read_head(struct jq_child *child, char bytes[ANSWER_READ_BYTES], size_t most,
                        int64_t deadline_ns, struct query_head *out_head, size_t *out_count,
                        struct error *err) {
    TRY(child_receive(&child->child, bytes, QUERY_HEAD_BYTES, most, deadline_ns, out_count, err));
    *out_head = query_head_read(bytes);
    if (out_head->bytes > JQ_ANSWER_BYTES_MAX || *out_count - QUERY_HEAD_BYTES > out_head->bytes) {
        return fail(err, STATUS_CORRUPT, "ebb-jq sent %" PRIu32 " bytes that make no sense",
                    out_head->bytes);
    }
    return STATUS_OK;
}

/* The whole body: in `bytes` behind the head, or in child->large. */
static status read_body(struct jq_child *child, char bytes[ANSWER_READ_BYTES], size_t count,
                        struct query_head head, int64_t deadline_ns, struct slice *out_body,
                        struct error *err) {
    const size_t got = count - QUERY_HEAD_BYTES;
    if (got == head.bytes) {
        *out_body = (struct slice){.bytes = bytes + QUERY_HEAD_BYTES, .count = got};
        return STATUS_OK;
    }
    memory_free(child->large);
    child->large = memory_new(1, head.bytes);
    if (child->large == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for jq's answer");
    }
    (void)memcpy(child->large, bytes + QUERY_HEAD_BYTES, got);
    size_t rest = 0;
    TRY(child_receive(&child->child, child->large + got, head.bytes - got, head.bytes - got,
                      deadline_ns, &rest, err));
    *out_body = (struct slice){.bytes = child->large, .count = head.bytes};
    return STATUS_OK;
}

/* The first refusal is what jq_child_warm tells. */
static void keep_refusal(struct jq_child *child, uint32_t program, int offset,
                         struct slice sentence) {
    if (child->refused.code == STATUS_OK) {
        (void)fail(&child->refused, STATUS_INVALID, "%.*s", SLICE_ARGS(sentence));
        child->refused_program = program;
        child->refused_offset = offset;
    }
}

/* The programs from `from` up to `to`; the others are there by number alone. */
static status send_programs(struct jq_child *child, uint32_t from, uint32_t to, int64_t deadline_ns,
                            struct error *err) {
    char bytes[QUERY_HEAD_BYTES];
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, QUERY_BODY_BYTES_MAX);
    for (uint32_t i = 0; i < child->program_count; i++) {
        const bool is_in = i >= from && i < to && !child->poisons[i];
        const struct slice program = is_in ? child->programs[i] : SLICE("null");
        buffer_add_u32(&body, (uint32_t)program.count);
        buffer_add(&body, program);
    }
    const status gathered = buffer_status(&body, err);
    if (gathered != STATUS_OK) {
        (void)fail_while(err, "gather the jq programs");
        return gathered;
    }
    query_head_write((struct query_head){.bytes = (uint32_t)body.count,
                                         .kind = QUERY_COMPILE,
                                         .number = child->program_count},
                     bytes);
    return child_send(&child->child, (struct slice){.bytes = bytes, .count = sizeof(bytes)},
                      buffer_slice(&body), deadline_ns, err);
}

static status compile_some(struct jq_child *child, uint32_t from, uint32_t to, int64_t deadline_ns,
                           struct error *err) {
    char bytes[ANSWER_READ_BYTES];
    TRY(send_programs(child, from, to, deadline_ns, err));
    for (;;) {
        struct query_head head;
        struct slice body = {0};
        size_t count = 0;
        TRY(read_head(child, bytes, QUERY_HEAD_BYTES, deadline_ns, &head, &count, err));
        TRY(read_body(child, bytes, count, head, deadline_ns, &body, err));
        if (head.kind == QUERY_READY) {
            return STATUS_OK;
        }
        if (head.kind != QUERY_REFUSED) {
            return fail(err, STATUS_CORRUPT, "ebb-jq answered out of turn");
        }
        const int offset = body.count >= 4 ? (int)query_number_read(body.bytes) : -1;
        keep_refusal(child, head.number, offset, slice_part(body, 4, body.count));
    }
}

static status start_with(struct jq_child *child, uint32_t from, uint32_t to, int64_t deadline_ns,
                         struct error *err) {
    char room[PATH_BYTES];
    (void)child_stop(&child->child);
    TRY(child_start(program_path(room), NULL, &child->child, err));
    const status compiled = compile_some(child, from, to, deadline_ns, err);
    return compiled == STATUS_OK
               ? compiled
               : end_child(child, compiled, "compiling the jq programs", JQ_START_MS_MAX, err);
}

/* jq 1.7 computes constants when it compiles: `"x" * 1000000000` is a gigabyte there. Which program
 * it is that a child dies of is found by halves, and it is left out. */
static status find_poisons(struct jq_child *child, uint32_t from, uint32_t to, int64_t deadline_ns,
                           struct error *err) {
    const status started = start_with(child, from, to, deadline_ns, err);
    if (started != STATUS_CRASH) {
        return started;
    }
    if (to - from > 1) {
        const uint32_t middle = from + (to - from) / 2;
        TRY(find_poisons(child, from, middle, deadline_ns, err));
        return find_poisons(child, middle, to, deadline_ns, err);
    }
    child->poisons[from] = true;
    keep_refusal(child, from, -1, slice_of(POISON_SENTENCE));
    return STATUS_OK;
}

/* Starting has a time of its own: a question that cannot wait for it must not end it, or the next
 * one would begin anew. A child that ended while nobody asked is replaced, too. */
static status be_ready(struct jq_child *child, struct error *err) {
    if (child->child.pid != 0 && !child_is_gone(&child->child)) {
        return STATUS_OK;
    }
    const uint32_t count = child->program_count;
    const int64_t deadline_ns = clock_boot_ns() + (int64_t)JQ_START_MS_MAX * NS_A_MS;
    status started = start_with(child, 0, count, deadline_ns, err);
    if (started == STATUS_CRASH) {
        /* With nothing to compile it must come up: else it is no program's fault. */
        TRY(start_with(child, 0, 0, deadline_ns, err));
        TRY(find_poisons(child, 0, count, deadline_ns, err));
        started = start_with(child, 0, count, deadline_ns, err);
    }
    return started;
}

static status tell_refusal(const struct jq_child *child, struct error *err) {
    char where[64];
    (void)fail(err, child->refused.code, "%s", child->refused.text);
    if (child->refused_offset < 0) {
        (void)snprintf(where, sizeof(where), "jq program %" PRIu32, child->refused_program);
    } else {
        (void)snprintf(where, sizeof(where), "jq program %" PRIu32 " at character %d",
                       child->refused_program, child->refused_offset + 1);
    }
    (void)fail_while(err, "%s", where);
    return child->refused.code;
}

status jq_child_warm(struct jq_child *child, struct error *err) {
    if (!take_free_turn(child)) {
        return STATUS_OK; /* who is served has started it, and may take long */
    }
    status ready = be_ready(child, err);
    if (ready == STATUS_OK && child->refused.code != STATUS_OK) {
        ready = tell_refusal(child, err);
    }
    give_turn(child);
    return ready;
}

status jq_child_check(struct slice program, int *out_offset, struct error *err) {
    struct jq_child *child = NULL;
    *out_offset = -1;
    TRY(jq_child_create(&program, 1, &child, err));
    status ready = be_ready(child, err);
    if (ready == STATUS_OK && child->refused.code != STATUS_OK) {
        ready = fail(err, child->refused.code, "%s", child->refused.text);
        *out_offset = child->refused_offset;
    }
    jq_child_destroy(child);
    return ready;
}

/* Asking --------------------------------------------------------------------------------------- */

struct question {
    uint32_t program;
    struct slice input;
    int64_t deadline_ns; /* of its being served */
    int64_t begun_ns;
};

static status send_question(struct jq_child *child, const struct question *question,
                            struct error *err) {
    char bytes[QUERY_HEAD_BYTES + 4];
    const int64_t left_ms = (question->deadline_ns - question->begun_ns) / NS_A_MS;
    const struct query_head head = {.bytes = (uint32_t)question->input.count + 4,
                                    .kind = QUERY_ASK,
                                    .number = question->program};
    query_head_write(head, bytes);
    query_number_write((uint32_t)left_ms + ALARM_AFTER_MS, bytes + QUERY_HEAD_BYTES);
    return child_send(&child->child, (struct slice){.bytes = bytes, .count = sizeof(bytes)},
                      question->input, question->deadline_ns, err);
}

static status take_answer(struct query_head head, struct slice body, struct arena *arena,
                          struct value *out_value, struct error *err) {
    if (head.kind == QUERY_FAILED && head.number > STATUS_OK && head.number < STATUS_COUNT) {
        return fail(err, (status)head.number, "%.*s", SLICE_ARGS(body));
    }
    if (head.kind != QUERY_ANSWER) {
        return fail(err, STATUS_CORRUPT, "ebb-jq answered out of turn");
    }
    if (body.count == 0) {
        *out_value = (struct value){0};
        return STATUS_OK;
    }
    const status read = json_read(arena, body, out_value, err);
    if (read != STATUS_OK) {
        (void)fail_while(err, "the value that jq made");
    }
    return read;
}

/* The child is alive afterwards, or has been ended. */
static status serve(struct jq_child *child, const struct question *question, struct arena *arena,
                    struct value *out_value, struct error *err) {
    char bytes[ANSWER_READ_BYTES];
    struct query_head head = {0};
    struct slice body = {0};
    size_t count = 0;
    status code = send_question(child, question, err);
    if (code == STATUS_CRASH) {
        /* It ended before it was asked: not by this question. */
        TRY(be_ready(child, err));
        code = send_question(child, question, err);
    }
    if (code == STATUS_OK) {
        code = read_head(child, bytes, sizeof(bytes), question->deadline_ns, &head, &count, err);
    }
    if (code == STATUS_OK) {
        code = read_body(child, bytes, count, head, question->deadline_ns, &body, err);
    }
    if (code != STATUS_OK) {
        const int64_t ms = (question->deadline_ns - question->begun_ns) / NS_A_MS;
        return end_child(child, code, "the jq program", ms, err);
    }
    return take_answer(head, body, arena, out_value, err);
}

/* Of two moments: until when it may be served at all, and how long at most. */
struct patience {
    int64_t end_ns, serve_ns;
};

static status ask(struct jq_child *child, uint32_t program, struct slice input,
                  struct patience patience, struct arena *arena, struct value *out_value,
                  struct error *err) {
    TRY(be_ready(child, err));
    if (child->poisons[program]) {
        return fail(err, STATUS_INVALID, "%s", POISON_SENTENCE);
    }
    const int64_t now_ns = clock_boot_ns();
    if (now_ns >= patience.end_ns) {
        return fail(err, STATUS_TIMEOUT, "ebb-jq started too late for the jq program");
    }
    const struct question question = {
        .program = program,
        .input = input,
        .deadline_ns = patience.end_ns - now_ns < patience.serve_ns ? patience.end_ns
                                                                    : now_ns + patience.serve_ns,
        .begun_ns = now_ns,
    };
    const status code = serve(child, &question, arena, out_value, err);
    memory_free(child->large);
    child->large = NULL;
    return code;
}

status jq_child_ask(struct jq_child *child, uint32_t program, struct slice input,
                    int64_t deadline_ns, struct arena *arena, struct value *out_value,
                    struct error *err) {
    assert(program < child->program_count);
    if (input.count > QUERY_BODY_BYTES_MAX - 4) {
        return fail(err, STATUS_FULL, "jq takes at most %d bytes, these are %zu",
                    QUERY_BODY_BYTES_MAX, input.count);
    }
    const struct patience patience =
        deadline_ns > 0
            ? (struct patience){.end_ns = deadline_ns, .serve_ns = INT64_MAX}
            : (struct patience){.end_ns = clock_boot_ns() + (int64_t)JQ_PATIENCE_MS_MAX * NS_A_MS,
                                .serve_ns = (int64_t)JQ_DEADLINE_MS_MAX * NS_A_MS};
    TRY(take_turn(child, patience.end_ns, err));
    const status code = ask(child, program, input, patience, arena, out_value, err);
    give_turn(child);
    return code;
}

/* Its life ------------------------------------------------------------------------------------- */

static bool copy_programs(struct jq_child *child, const struct slice *programs, uint32_t count) {
    arena_init(&child->arena, 2 * (size_t)QUERY_BODY_BYTES_MAX);
    child->programs = arena_get(&child->arena, count, sizeof(*child->programs));
    child->poisons = arena_get(&child->arena, count, sizeof(*child->poisons));
    child->program_count = count;
    bool copied = child->programs != NULL && child->poisons != NULL;
    for (uint32_t i = 0; copied && i < count; i++) {
        child->programs[i] = arena_copy(&child->arena, programs[i]);
        copied = child->programs[i].bytes != NULL;
    }
    return copied;
}

static bool init_lock(struct jq_child *child) {
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    const bool made = pthread_cond_init(&child->idle, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (made && pthread_mutex_init(&child->mutex, NULL) != 0) {
        (void)pthread_cond_destroy(&child->idle);
        return false;
    }
    return made;
}

status jq_child_create(const struct slice *programs, uint32_t program_count,
                       struct jq_child **out_child, struct error *err) {
    if (program_count == 0 || program_count > QUERY_PROGRAMS_MAX) {
        return fail(err, STATUS_INVALID, "1 to %d jq programs, not %" PRIu32, QUERY_PROGRAMS_MAX,
                    program_count);
    }
    struct jq_child *child = memory_new(1, sizeof(*child));
    if (child == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the jq child");
    }
    child->child.socket = -1;
    if (!copy_programs(child, programs, program_count) || !init_lock(child)) {
        arena_done(&child->arena);
        memory_free(child);
        return fail(err, STATUS_NO_MEMORY, "no memory for the jq child");
    }
    *out_child = child;
    return STATUS_OK;
}

void jq_child_destroy(struct jq_child *child) {
    if (child == NULL) {
        return;
    }
    (void)child_stop(&child->child);
    (void)pthread_cond_destroy(&child->idle);
    (void)pthread_mutex_destroy(&child->mutex);
    arena_done(&child->arena);
    memory_free(child->large);
    memory_free(child);
}
