// SPDX-License-Identifier: Apache-2.0
#include "hub/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/store/hub_db.h"

enum { PATH_BYTES_MAX = 4096 };

struct reading {
    struct job job;        /* first */
    struct reader *reader; /* not owned */
    struct reading *next, *before;
    struct http_request *request; /* not owned */
    reader_look *look;
    void *question;
    struct buffer out;
    struct error error;
};

struct reader {
    struct pool *pool;
    struct database *database; /* the reading thread's */
    struct reading *readings;
    int waiting;
    char path[PATH_BYTES_MAX];
};

/* --- the reading thread --- */

static status open_database(struct reader *reader, struct error *err) {
    return reader->database != NULL ? STATUS_OK
                                    : hub_db_open_reader(reader->path, &reader->database, err);
}

static void work(struct job *job, int worker) {
    struct reading *reading = (struct reading *)job;
    struct reader *reader = reading->reader;
    (void)worker;
    reading->error = (struct error){.code = STATUS_OK};
    status code = open_database(reader, &reading->error);
    if (code == STATUS_OK) {
        database_set_deadline(reader->database, READER_BOUND_MS);
        code = reading->look(reading->question, reader->database, &reading->out, &reading->error);
        database_set_deadline(reader->database, 0);
    }
    if (code == STATUS_TIMEOUT) {
        (void)fail(&reading->error, STATUS_TIMEOUT,
                   "this takes longer than %d ms: ask for less, or with another filter",
                   (int)READER_BOUND_MS);
    }
}

static void run_errand(struct job *job, int worker) {
    struct reader_errand *errand = (struct reader_errand *)job;
    struct reader *reader = errand->reader;
    (void)worker;
    errand->error = (struct error){.code = STATUS_OK};
    if (open_database(reader, &errand->error) == STATUS_OK) {
        database_set_deadline(reader->database, READER_BOUND_MS);
        /* The class is in the error, too. */
        (void)errand->look(errand, reader->database, &errand->error);
        database_set_deadline(reader->database, 0);
    }
}

/* --- the loop --- */

static void errand_done(struct job *job) {
    struct reader_errand *errand = (struct reader_errand *)job;
    errand->done(errand);
}

void reader_run(struct reader *reader, struct reader_errand *errand) {
    errand->reader = reader;
    errand->job = (struct job){.work = run_errand, .done = errand_done};
    pool_submit(reader->pool, &errand->job);
}

static void destroy(struct reading *reading) {
    struct reader *reader = reading->reader;
    *(reading->before != NULL ? &reading->before->next : &reader->readings) = reading->next;
    if (reading->next != NULL) {
        reading->next->before = reading->before;
    }
    reader->waiting--;
    buffer_done(&reading->out);
    memory_free(reading->question);
    memory_free(reading);
}

static void done(struct job *job) {
    struct reading *reading = (struct reading *)job;
    if (reading->error.code != STATUS_OK) {
        hub_answer_error(reading->request, &reading->error);
    } else {
        hub_answer_json(reading->request, 200, &reading->out);
    }
    destroy(reading);
}

void reader_ask(struct reader *reader, struct http_request *request, reader_look *look,
                const void *question, size_t question_bytes) {
    struct error err;
    const bool has_room = reader->waiting < READER_WAITING_MAX;
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
    *reading = (struct reading){.job = {.work = work, .done = done},
                                .reader = reader,
                                .next = reader->readings,
                                .request = request,
                                .look = look,
                                .question = copy};
    buffer_init(&reading->out, READER_ANSWER_BYTES_MAX);
    if (reader->readings != NULL) {
        reader->readings->before = reading;
    }
    reader->readings = reading;
    reader->waiting++;
    pool_submit(reader->pool, &reading->job);
}

status reader_create(struct loop *loop, const char *path, struct reader **out_reader,
                     struct error *err) {
    struct reader *reader = memory_new(1, sizeof(*reader));
    if (reader == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the reader");
    }
    (void)snprintf(reader->path, sizeof(reader->path), "%s", path);
    const status made = pool_create(loop, 1, &reader->pool, err);
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
    while (reader->readings != NULL) {
        destroy(reader->readings);
    }
    database_close(reader->database);
    memory_free(reader);
}
