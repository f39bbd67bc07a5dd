// SPDX-License-Identifier: Apache-2.0
#include "hub/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/store/hub_db.h"

enum { PATH_BYTES_MAX = 4096 };

/* Somebody who asked over HTTP. */
struct reading {
    struct reader_errand errand;  /* first */
    struct http_request *request; /* not owned */
    reader_look *look;
    void *question;
    struct buffer out;
};

struct reader {
    struct pool *pool;
    struct database *databases[READER_THREADS]; /* each its thread's */
    struct reader_errand *errands;
    int asked; /* of them, over HTTP */
    char path[PATH_BYTES_MAX];
};

/* --- the reading thread --- */

static status open_database(struct reader *reader, int worker, struct error *err) {
    return reader->databases[worker] != NULL
               ? STATUS_OK
               : hub_db_open_reader(reader->path, &reader->databases[worker], err);
}

static void work(struct job *job, int worker) {
    struct reader_errand *errand = (struct reader_errand *)job;
    struct reader *reader = errand->reader;
    errand->error = (struct error){.code = STATUS_OK};
    status code = open_database(reader, worker, &errand->error);
    if (code == STATUS_OK) {
        struct database *database = reader->databases[worker];
        database_set_deadline(database, READER_BOUND_MS);
        code = errand->look(errand, database, &errand->error);
        database_set_deadline(database, 0);
    }
    if (code == STATUS_TIMEOUT) {
        (void)fail(&errand->error, STATUS_TIMEOUT,
                   "this takes longer than %d ms: ask for less, or with another filter",
                   (int)READER_BOUND_MS);
    }
}

static status look_for_answer(struct reader_errand *errand, struct database *database,
                              struct error *err) {
    struct reading *reading = (struct reading *)errand;
    return reading->look(reading->question, database, &reading->out, err);
}

/* --- the loop --- */

static void leave(struct reader_errand *errand) {
    *(errand->before != NULL ? &errand->before->next : &errand->reader->errands) = errand->next;
    if (errand->next != NULL) {
        errand->next->before = errand->before;
    }
}

static void done(struct job *job) {
    struct reader_errand *errand = (struct reader_errand *)job;
    leave(errand);
    errand->done(errand);
}

void reader_run(struct reader *reader, struct reader_errand *errand) {
    errand->reader = reader;
    errand->before = NULL;
    errand->next = reader->errands;
    if (errand->next != NULL) {
        errand->next->before = errand;
    }
    reader->errands = errand;
    errand->job = (struct job){.work = work, .done = done};
    pool_submit(reader->pool, &errand->job);
}

static void destroy_reading(struct reader_errand *errand) {
    struct reading *reading = (struct reading *)errand;
    errand->reader->asked--;
    buffer_done(&reading->out);
    memory_free(reading->question);
    memory_free(reading);
}

static void answer(struct reader_errand *errand) {
    struct reading *reading = (struct reading *)errand;
    if (errand->error.code != STATUS_OK) {
        hub_answer_error(reading->request, &errand->error);
    } else {
        hub_answer_json(reading->request, 200, &reading->out);
    }
    destroy_reading(errand);
}

void reader_ask(struct reader *reader, struct http_request *request, reader_look *look,
                const void *question, size_t question_bytes) {
    struct error err;
    const bool has_room = reader->asked < READER_WAITING_MAX;
    struct reading *reading = has_room ? memory_new(1, sizeof(*reading)) : NULL;
    void *copy = reading != NULL ? memory_new(1, question_bytes) : NULL;
    if (copy == NULL) {
        memory_free(reading);
        (void)fail(&err, STATUS_BUSY, "too many ask at once");
        hub_answer_error(request, &err);
        return;
    }
    if (question_bytes > 0) {
        (void)memcpy(copy, question, question_bytes);
    }
    *reading = (struct reading){
        .errand = {.look = look_for_answer, .done = answer, .dropped = destroy_reading},
        .request = request,
        .look = look,
        .question = copy};
    buffer_init(&reading->out, READER_ANSWER_BYTES_MAX);
    reader->asked++;
    reader_run(reader, &reading->errand);
}

status reader_create(struct loop *loop, const char *path, struct reader **out_reader,
                     struct error *err) {
    struct reader *reader = memory_new(1, sizeof(*reader));
    if (reader == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the reader");
    }
    (void)snprintf(reader->path, sizeof(reader->path), "%s", path);
    const status made = pool_create(loop, READER_THREADS, &reader->pool, err);
    if (made != STATUS_OK) {
        reader_destroy(reader);
        return made;
    }
    *out_reader = reader;
    return STATUS_OK;
}

void reader_destroy(struct reader *reader) {
    if (reader == NULL) {
        return;
    }
    pool_destroy(reader->pool);
    struct reader_errand *next = NULL;
    for (struct reader_errand *errand = reader->errands; errand != NULL; errand = next) {
        next = errand->next;
        if (errand->dropped != NULL) {
            errand->dropped(errand);
        }
    }
    for (int i = 0; i < READER_THREADS; i++) {
        database_close(reader->databases[i]);
    }
    memory_free(reader);
}
