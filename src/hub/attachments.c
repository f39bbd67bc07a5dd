// SPDX-License-Identifier: Apache-2.0
#include "hub/attachments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/blob_answer.h"
#include "hub/blob_files.h"
#include "hub/hub_answer.h"
#include "hub/hub_call.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/worker.h"

enum { ANSWER_BYTES_MAX = 4096, BODY_ARENA_BYTES_MAX = 256 << 10, EVICTED_MAX = 64 };
enum { HASH_IS_ANOTHER = 422, ELSEWHERE = 409 };

static const int64_t WANTED_MS = (int64_t)ATTACHMENTS_WANTED_DAYS * 24 * 3600 * 1000;

/* One that a device is asked for. */
struct wanted {
    struct attachment_row row;
    int64_t have; /* bytes of it that have come since the start */
    bool busy;    /* a part of it is with the worker, or its row is written */
};

struct attachments {
    struct attachments_options options;
    struct blob_files files;
    struct blob_answers *answers;
    struct pool *pool;
    struct wanted wanted[ATTACHMENTS_WANTED_MAX];
    struct attachments_counters counters;
};

/* A request about one: to the worker, to the rows, or to both, and back. */
struct errand {
    struct job job;               /* first: of the worker */
    struct ingest_job ingest_job; /* of the rows */
    struct attachments *attachments;
    struct http_request *request;
    struct arena arena;
    struct attachment_row row;  /* as it is to be */
    struct slice piece, device; /* in the arena */
    int64_t from, have;
    bool here;
    struct error error;
    struct id evicted[EVICTED_MAX];
    int evicted_count;
};

/* --- what is wanted -------------------------------------------------------------------------- */

static struct wanted *find(struct attachments *attachments, struct id hash) {
    for (int i = 0; i < attachments->counters.wanted; i++) {
        if (id_equal(attachments->wanted[i].row.hash, hash)) {
            return &attachments->wanted[i];
        }
    }
    return NULL;
}

static void forget(struct attachments *attachments, struct id hash) {
    struct wanted *wanted = find(attachments, hash);
    if (wanted != NULL) {
        *wanted = attachments->wanted[--attachments->counters.wanted];
    }
}

/* The place of one that has been wanted for too long, or NULL. */
static struct wanted *find_old(struct attachments *attachments, int64_t now_ms) {
    for (int i = 0; i < attachments->counters.wanted; i++) {
        struct wanted *wanted = &attachments->wanted[i];
        if (!wanted->busy && now_ms - wanted->row.asked_ms > WANTED_MS) {
            return wanted;
        }
    }
    return NULL;
}

/* false: there is no place. */
static bool note_wanted(struct attachments *attachments, const struct attachment_row *row) {
    struct wanted *wanted = find(attachments, row->hash);
    if (wanted == NULL && attachments->counters.wanted < ATTACHMENTS_WANTED_MAX) {
        wanted = &attachments->wanted[attachments->counters.wanted++];
    }
    if (wanted == NULL) {
        wanted = find_old(attachments, row->asked_ms);
    }
    if (wanted != NULL) {
        *wanted = (struct wanted){.row = *row};
    }
    return wanted != NULL;
}

static bool has_room(struct attachments *attachments, struct id hash, int64_t now_ms) {
    return attachments->counters.wanted < ATTACHMENTS_WANTED_MAX ||
           find(attachments, hash) != NULL || find_old(attachments, now_ms) != NULL;
}

void attachments_ask(const struct attachments *attachments, struct id device, struct want *want) {
    for (int i = 0; i < attachments->counters.wanted && want->blob_count < WANT_BLOBS_MAX; i++) {
        const struct attachment_row *row = &attachments->wanted[i].row;
        if (id_equal(row->device, device)) {
            want->blobs[want->blob_count++] = row->hash;
        }
    }
}

/* --- errands --------------------------------------------------------------------------------- */

static struct errand *create_errand(struct attachments *attachments, struct id hash,
                                    struct http_request *request) {
    struct error err;
    struct errand *errand = memory_new(1, sizeof(*errand));
    if (errand == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return NULL;
    }
    errand->attachments = attachments;
    errand->request = request;
    errand->row.hash = hash;
    arena_init(&errand->arena, BODY_ARENA_BYTES_MAX);
    return errand;
}

static void destroy(struct errand *errand) {
    arena_done(&errand->arena);
    memory_free(errand);
}

static struct errand *of_ingest(struct ingest_job *job) {
    return (struct errand *)((char *)job - offsetof(struct errand, ingest_job));
}

static void refuse(struct errand *errand, int code, const struct error *err) {
    struct wanted *wanted = find(errand->attachments, errand->row.hash);
    if (wanted != NULL) {
        wanted->busy = false;
    }
    if (code != 0) {
        hub_answer_error_as(errand->request, code, err);
    } else {
        hub_answer_outside(errand->request, err);
    }
    destroy(errand);
}

static void answer_progress(struct errand *errand, int code) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    blob_progress_write((struct blob_progress){.have = errand->have, .here = errand->here}, &json);
    hub_answer_json(errand->request, code, &json);
    destroy(errand);
}

/* --- rows: the writing thread ---------------------------------------------------------------- */

/* The oldest make room, a bounded number at a time; the next one that comes goes on. */
static status make_room(struct errand *errand, struct database *database, struct error *err) {
    struct attachment_row rows[EVICTED_MAX];
    int64_t bytes = 0;
    int count = 0;
    TRY(attachment_rows_sum(database, &bytes, err));
    errand->evicted_count = 0;
    if (bytes <= errand->attachments->options.bytes_max) {
        return STATUS_OK;
    }
    TRY(attachment_rows_list(database, ATTACHMENT_HERE, rows, EVICTED_MAX, &count, err));
    for (int i = 0; i < count && bytes > errand->attachments->options.bytes_max; i++) {
        if (!id_equal(rows[i].hash, errand->row.hash)) {
            bytes -= rows[i].bytes;
            rows[i].state = ATTACHMENT_REMOVED;
            TRY(attachment_rows_put(database, &rows[i], err));
            errand->evicted[errand->evicted_count++] = rows[i].hash;
        }
    }
    return STATUS_OK;
}

static status put_row(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct errand *errand = of_ingest(job);
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    TRY(attachment_rows_put(database, &errand->row, err));
    TRY(attachment_rows_trim(database, ATTACHMENTS_NOTED_MAX, err));
    return make_room(errand, database, err);
}

/* Files of what made room. */
static void remove_files(struct job *job, int worker) {
    const struct errand *errand = (const struct errand *)job;
    (void)worker;
    for (int i = 0; i < errand->evicted_count; i++) {
        blob_files_remove(&errand->attachments->files, errand->evicted[i]);
    }
}

static void files_removed(struct job *job) {
    struct errand *errand = (struct errand *)job;
    answer_progress(errand, errand->error.code == STATUS_CORRUPT ? HASH_IS_ANOTHER : 200);
}

/* The word on it stands: nobody waits for more of it. */
static void row_put(struct ingest_job *job) {
    struct errand *errand = of_ingest(job);
    struct attachments *attachments = errand->attachments;
    if (job->error.code != STATUS_OK) {
        refuse(errand, 0, &job->error);
        return;
    }
    forget(attachments, errand->row.hash);
    attachments->counters.came += errand->here;
    attachments->counters.damaged += errand->error.code == STATUS_CORRUPT;
    errand->job = (struct job){.work = remove_files, .done = files_removed};
    pool_submit(attachments->pool, &errand->job);
}

static void settle(struct errand *errand, enum attachment_state state) {
    errand->row.state = state;
    errand->row.came_ms = state == ATTACHMENT_HERE ? clock_wall_ms() : 0;
    errand->ingest_job = (struct ingest_job){.work = put_row, .done = row_put};
    ingest_run(errand->attachments->options.ingest, &errand->ingest_job);
}

/* --- parts: the worker ----------------------------------------------------------------------- */

static status add_part(struct errand *errand, struct error *err) {
    const struct blob_files *files = &errand->attachments->files;
    const char *type = "";
    const struct id hash = errand->row.hash;
    const int64_t count = (int64_t)errand->piece.count;
    TRY(blob_files_have(files, hash, errand->row.bytes, &errand->have, err));
    if (count > 0 && errand->from != errand->have) {
        return fail(err, STATUS_CONFLICT, "the part begins elsewhere");
    }
    if (count > errand->row.bytes - errand->have) {
        return fail(err, STATUS_INVALID, "the part goes beyond the %lld bytes that it should have",
                    (long long)errand->row.bytes);
    }
    if (count > 0) {
        TRY(blob_files_add(files, hash, errand->have, errand->piece, err));
        errand->have += count;
    }
    if (errand->have == errand->row.bytes) {
        TRY(blob_files_finish(files, hash, &type, err));
        (void)snprintf(errand->row.type, sizeof(errand->row.type), "%s", type);
        errand->here = true;
    }
    return STATUS_OK;
}

static void part_work(struct job *job, int worker) {
    struct errand *errand = (struct errand *)job;
    (void)worker;
    errand->error = (struct error){.code = STATUS_OK};
    (void)add_part(errand, &errand->error); /* the class is in the error, too */
}

static void part_done(struct job *job) {
    struct errand *errand = (struct errand *)job;
    struct wanted *wanted = find(errand->attachments, errand->row.hash);
    if (errand->error.code == STATUS_CORRUPT) {
        log_line(LOG_WARN, "hub", "an attachment: %s", errand->error.text);
        errand->have = 0;
        settle(errand, ATTACHMENT_DAMAGED);
        return;
    }
    if (errand->here) {
        settle(errand, ATTACHMENT_HERE);
        return;
    }
    if (errand->error.code != STATUS_OK && errand->error.code != STATUS_CONFLICT) {
        refuse(errand, errand->error.code == STATUS_INVALID ? 400 : 0, &errand->error);
        return;
    }
    if (wanted != NULL) {
        wanted->busy = false;
        wanted->row.bytes = errand->row.bytes;
        wanted->have = errand->have;
    }
    answer_progress(errand, errand->error.code == STATUS_OK ? 200 : ELSEWHERE);
}

/* --- from devices ---------------------------------------------------------------------------- */

static bool read_number(const struct http_request *request, const char *name, int64_t least,
                        int64_t most, int64_t *out_number) {
    const char *text = http_query(request, name);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    *out_number = strtoll(text, &end, 10);
    return *end == '\0' && *out_number >= least && *out_number <= most;
}

static status read_part(struct errand *errand, struct error *err) {
    const struct http_request *request = errand->request;
    if (!read_number(request, "bytes", 1, BLOB_SENT_BYTES_MAX, &errand->row.bytes) ||
        !read_number(request, "from", 0, BLOB_SENT_BYTES_MAX, &errand->from)) {
        return fail(err, STATUS_INVALID,
                    "?bytes=N&from=N are missing, or beyond the %d bytes that an attachment may "
                    "have",
                    BLOB_SENT_BYTES_MAX);
    }
    errand->piece = arena_copy(&errand->arena, request->body);
    return errand->piece.bytes != NULL || request->body.count == 0
               ? STATUS_OK
               : fail(err, STATUS_BUSY, "the hub has no memory left for this");
}

static status check_wanted(struct attachments *attachments, struct id device, struct id hash,
                           struct wanted **out_wanted, struct error *err) {
    *out_wanted = find(attachments, hash);
    if (*out_wanted == NULL || !id_equal((*out_wanted)->row.device, device)) {
        return fail(err, STATUS_NOT_FOUND, "nobody asked this device for that attachment");
    }
    return !(*out_wanted)->busy
               ? STATUS_OK
               : fail(err, STATUS_BUSY, "another part of that attachment is being taken");
}

void attachments_take(struct attachments *attachments, struct id device, struct id hash,
                      struct http_request *request) {
    static const enum attachment_state STATES[BLOB_GONE_COUNT] = {ATTACHMENT_GONE, ATTACHMENT_KEPT,
                                                                  ATTACHMENT_TOO_LARGE};
    struct error err;
    struct wanted *wanted = NULL;
    enum blob_gone gone = BLOB_GONE;
    if (check_wanted(attachments, device, hash, &wanted, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
        return;
    }
    struct errand *errand = create_errand(attachments, hash, request);
    if (errand == NULL) {
        return;
    }
    errand->row = wanted->row;
    wanted->busy = true;
    attachments->counters.parts++;
    const char *word = http_query(request, "gone");
    if (word != NULL && blob_gone_read(slice_of(word), &gone)) {
        settle(errand, STATES[gone]);
    } else if (read_part(errand, &err) != STATUS_OK) {
        refuse(errand, 400, &err);
    } else {
        errand->job = (struct job){.work = part_work, .done = part_done};
        pool_submit(attachments->pool, &errand->job);
    }
}

/* --- from people ----------------------------------------------------------------------------- */

static status want_row(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct errand *errand = of_ingest(job);
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    struct attachment_row old = {.state = ATTACHMENT_GONE};
    struct device_row device;
    const status found = attachment_rows_get(database, errand->row.hash, &old, err);
    if (found != STATUS_OK && found != STATUS_NOT_FOUND) {
        return found;
    }
    if (errand->device.count == 0) { /* it is only looked at */
        errand->row = old;
        return found;
    }
    if (found == STATUS_OK && old.state == ATTACHMENT_HERE &&
        blob_files_is_there(&errand->attachments->files, old.hash)) {
        errand->row = old;
        return STATUS_OK;
    }
    TRY(device_rows_find(database, &errand->arena, errand->device, &device, err));
    errand->row = (struct attachment_row){.hash = errand->row.hash,
                                          .device = device.id,
                                          .state = ATTACHMENT_WANTED,
                                          .asked_ms = clock_wall_ms()};
    if (found == STATUS_OK && old.state == ATTACHMENT_WANTED && id_equal(old.device, device.id)) {
        errand->row = old; /* asked again: nothing is new */
        return STATUS_OK;
    }
    return attachment_rows_put(database, &errand->row, err);
}

static void answer_state(struct errand *errand, const struct wanted *known) {
    struct attachment_row row = errand->row;
    int64_t have = row.state == ATTACHMENT_HERE ? row.bytes : 0;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    if (known != NULL && row.state == ATTACHMENT_WANTED) {
        row.bytes = known->row.bytes;
        have = known->have;
    }
    blob_answer_write_state(&row, have, &json);
    const bool begins = errand->device.count > 0 && row.state == ATTACHMENT_WANTED;
    hub_answer_json(errand->request, begins ? 202 : 200, &json);
    destroy(errand);
}

static void wanted_now(struct ingest_job *job) {
    struct errand *errand = of_ingest(job);
    struct attachments *attachments = errand->attachments;
    const struct attachment_row *row = &errand->row;
    const struct wanted *known = find(attachments, row->hash);
    if (job->error.code != STATUS_OK) {
        hub_answer_error(errand->request, &job->error);
        destroy(errand);
        return;
    }
    const bool begins = row->state == ATTACHMENT_WANTED &&
                        (known == NULL || !id_equal(known->row.device, row->device));
    if (begins && errand->device.count > 0 && (known == NULL || !known->busy)) {
        (void)note_wanted(attachments, row); /* without a place it is wanted from the next start */
        known = find(attachments, row->hash);
    }
    answer_state(errand, known);
}

static status read_wish(struct errand *errand, struct error *err) {
    struct hub_call call = {.arena = &errand->arena, .body = errand->request->body};
    struct value body;
    TRY(hub_call_body(&call, &body, err));
    errand->device = hub_call_text(body, "device");
    if (errand->device.count == 0) {
        return fail(err, STATUS_INVALID,
                    "the body is {\"device\":\"NAME\"}: whose result attaches it");
    }
    return has_room(errand->attachments, errand->row.hash, clock_wall_ms())
               ? STATUS_OK
               : fail(err, STATUS_BUSY,
                      "%d attachments are wanted already: wait until some have come",
                      ATTACHMENTS_WANTED_MAX);
}

void attachments_want(struct attachments *attachments, struct id hash,
                      struct http_request *request) {
    struct error err;
    struct errand *errand = create_errand(attachments, hash, request);
    if (errand == NULL) {
        return;
    }
    if (read_wish(errand, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
        destroy(errand);
        return;
    }
    errand->ingest_job = (struct ingest_job){.work = want_row, .done = wanted_now};
    ingest_run(attachments->options.ingest, &errand->ingest_job);
}

void attachments_show(struct attachments *attachments, struct id hash,
                      struct http_request *request) {
    struct errand *errand = create_errand(attachments, hash, request);
    if (errand != NULL) {
        errand->ingest_job = (struct ingest_job){.work = want_row, .done = wanted_now};
        ingest_run(attachments->options.ingest, &errand->ingest_job);
    }
}

void attachments_give(struct attachments *attachments, struct id hash,
                      struct http_request *request) {
    blob_answers_give(attachments->answers, hash, request);
}

void attachments_counters(const struct attachments *attachments,
                          struct attachments_counters *out_counters) {
    *out_counters = attachments->counters;
}

/* --- life ------------------------------------------------------------------------------------ */

static status load_wanted(struct attachments *attachments, struct database *database,
                          struct error *err) {
    CLEANUP(buffer_done) struct buffer room;
    const size_t bytes = ATTACHMENTS_WANTED_MAX * sizeof(struct attachment_row);
    int count = 0;
    buffer_init(&room, bytes);
    struct attachment_row *rows = (struct attachment_row *)(void *)buffer_reserve(&room, bytes);
    if (rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for attachments");
    }
    TRY(attachment_rows_list(database, ATTACHMENT_WANTED, rows, ATTACHMENTS_WANTED_MAX, &count,
                             err));
    for (int i = 0; i < count; i++) {
        (void)note_wanted(attachments, &rows[i]);
    }
    return STATUS_OK;
}

struct sweeping {
    struct attachments *attachments;
    struct database *database;
};

/* What the rows do not say stays when they cannot be read. */
static bool wants(void *owner, struct id hash, bool is_part) {
    const struct sweeping *sweeping = owner;
    struct attachment_row row = {.state = ATTACHMENT_GONE};
    struct error err;
    const status found = attachment_rows_get(sweeping->database, hash, &row, &err);
    return (found != STATUS_OK && found != STATUS_NOT_FOUND) ||
           (found == STATUS_OK && row.state == (is_part ? ATTACHMENT_WANTED : ATTACHMENT_HERE));
}

/* A tenth of the disk, where that is less. */
static int64_t bytes_max(const char *folder) {
    int64_t free_bytes = 0;
    int64_t all_bytes = 0;
    struct error err;
    if (file_space(folder, &free_bytes, &all_bytes, &err) != STATUS_OK ||
        all_bytes / 10 > ATTACHMENTS_BYTES_MAX) {
        return ATTACHMENTS_BYTES_MAX;
    }
    return all_bytes / 10;
}

static status open_parts(struct attachments *attachments, struct database *database,
                         struct error *err) {
    const struct attachments_options *options = &attachments->options;
    struct sweeping sweeping = {.attachments = attachments, .database = database};
    TRY(blob_files_open(options->data, &attachments->files, err));
    TRY(load_wanted(attachments, database, err));
    TRY(blob_files_sweep(&attachments->files, wants, &sweeping, err));
    TRY(pool_create(options->loop, 1, &attachments->pool, err));
    if (attachments->options.bytes_max == 0) {
        attachments->options.bytes_max = bytes_max(attachments->files.folder);
    }
    const struct blob_answers_options answers = {
        .reader = options->reader, .pool = attachments->pool, .files = &attachments->files};
    return blob_answers_create(&answers, &attachments->answers, err);
}

status attachments_open(const struct attachments_options *options, struct database *database,
                        struct attachments **out_attachments, struct error *err) {
    struct attachments *attachments = memory_new(1, sizeof(*attachments));
    if (attachments == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for attachments");
    }
    attachments->options = *options;
    const status opened = open_parts(attachments, database, err);
    if (opened != STATUS_OK) {
        attachments_close(attachments);
        return fail_while(err, "attachments");
    }
    *out_attachments = attachments;
    return STATUS_OK;
}

void attachments_close(struct attachments *attachments) {
    if (attachments != NULL) {
        pool_destroy(attachments->pool);
        blob_answers_destroy(attachments->answers);
        memory_free(attachments);
    }
}
