// SPDX-License-Identifier: Apache-2.0
#include "hub/blob_answer.h"

#include <string.h>

#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/hub_call.h"
#include "platform/http_error.h"
#include "platform/json.h"

enum { PIECE_BYTES = 256 << 10, ANSWER_BYTES_MAX = 4096, NOT_FOUND = 404 };

/* A request for one. */
struct answer {
    struct reader_errand errand; /* first: its row */
    struct job job;              /* its pieces */
    struct answer *next, *before;
    struct blob_answers *answers;
    struct http_request *request;
    struct attachment_row row;
    struct id hash;
    struct buffer piece;
    struct error error;
    int64_t at;      /* bytes that were read */
    bool busy, gone; /* with the worker; nobody takes it any more */
};

struct blob_answers {
    struct blob_answers_options options;
    struct answer *open; /* owned */
};

bool blob_answer_is_shown(const char *type) {
    static const char *const SHOWN[] = {"image/jpeg", "image/png",  "image/gif",   "image/webp",
                                        "image/bmp",  "audio/wav",  "audio/x-wav", "audio/flac",
                                        "audio/ogg",  "audio/mpeg", "video/mp4",   "text/plain"};
    for (size_t i = 0; i < sizeof(SHOWN) / sizeof(SHOWN[0]); i++) {
        if (strcmp(SHOWN[i], type) == 0) {
            return true;
        }
    }
    return false;
}

static void destroy(struct answer *answer) {
    *(answer->before != NULL ? &answer->before->next : &answer->answers->open) = answer->next;
    if (answer->next != NULL) {
        answer->next->before = answer->before;
    }
    buffer_done(&answer->piece);
    memory_free(answer);
}

static void begin(struct answer *answer);
static void answer_state(struct answer *answer);

/* --- pieces ---------------------------------------------------------------------------------- */

static struct answer *of_job(struct job *job) {
    return (struct answer *)((char *)job - offsetof(struct answer, job));
}

static void read_work(struct job *job, int worker) {
    struct answer *answer = of_job(job);
    (void)worker;
    buffer_clear(&answer->piece);
    answer->error = (struct error){.code = STATUS_OK};
    (void)blob_files_read(answer->answers->options.files, answer->hash, answer->at, PIECE_BYTES,
                          &answer->piece, &answer->error);
}

/* A file that went meanwhile, or is shorter than it was, is an answer that was cut. */
static void read_done(struct job *job) {
    struct answer *answer = of_job(job);
    answer->busy = false;
    if (answer->gone) {
        destroy(answer);
        return;
    }
    const bool failed = answer->error.code != STATUS_OK || answer->piece.count == 0;
    if (failed && answer->at > 0) {
        http_answer_cut(answer->request);
        destroy(answer);
        return;
    }
    if (failed) { /* a restored hub has its row, and not its bytes */
        answer->row.state = ATTACHMENT_REMOVED;
        answer_state(answer);
        destroy(answer);
        return;
    }
    if (answer->at == 0) {
        begin(answer);
    }
    answer->at += (int64_t)answer->piece.count;
    http_answer_add(answer->request, buffer_slice(&answer->piece));
    if (answer->at >= answer->row.bytes) {
        http_answer_end(answer->request);
        destroy(answer);
    }
}

static void read_next(struct answer *answer) {
    if (!answer->busy) {
        answer->busy = true;
        answer->job = (struct job){.work = read_work, .done = read_done};
        pool_submit(answer->answers->options.pool, &answer->job);
    }
}

static void drained(void *owner) {
    read_next(owner);
}

static void gone(void *owner) {
    struct answer *answer = owner;
    answer->gone = true;
    if (!answer->busy) {
        destroy(answer);
    }
}

static const struct http_flow FLOW = {.drained = drained, .gone = gone};

static void begin(struct answer *answer) {
    const bool shown = blob_answer_is_shown(answer->row.type);
    struct http_request *request = answer->request;
    http_answer_header(request, "X-Content-Type-Options", "nosniff");
    http_answer_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
    http_answer_header(request, "Cache-Control", "private, max-age=86400, immutable");
    if (!shown) {
        http_answer_header(request, "Content-Disposition", "attachment");
    }
    http_answer_begin(request, 200, shown ? answer->row.type : "application/octet-stream", &FLOW,
                      answer);
}

/* --- its row --------------------------------------------------------------------------------- */

void blob_answer_write_state(const struct attachment_row *row, int64_t have, struct buffer *out) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(row->hash, hex);
    buffer_print(out, "{\"hash\":\"%s\",\"state\":\"%s\",\"type\":", hex,
                 attachment_state_name(row->state));
    json_write_text(out, slice_of(row->type));
    buffer_print(out, ",\"bytes\":%lld,\"have\":%lld,", (long long)row->bytes, (long long)have);
    hub_call_write_time(out, "asked_at", row->asked_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "came_at", row->came_ms);
    buffer_add_text(out, "}\n");
}

/* Not here: an error like any other, and its state beside it. */
static void answer_state(struct answer *answer) {
    struct error err;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    (void)fail(&err, STATUS_NOT_FOUND, "that attachment is not at this hub: it is %s",
               attachment_state_name(answer->row.state));
    http_error_write(&err, &json);
    json.count -= 2; /* the closing brace comes last */
    buffer_add_text(&json, ",\"attachment\":");
    blob_answer_write_state(&answer->row, 0, &json);
    buffer_add_text(&json, "}\n");
    hub_answer_json(answer->request, NOT_FOUND, &json);
}

static status look(struct reader_errand *errand, struct database *database, struct error *err) {
    struct answer *answer = (struct answer *)errand;
    return attachment_rows_get(database, answer->hash, &answer->row, err);
}

static void looked(struct reader_errand *errand) {
    struct answer *answer = (struct answer *)errand;
    if (errand->error.code == STATUS_OK && answer->row.state == ATTACHMENT_HERE) {
        read_next(answer);
        return;
    }
    if (errand->error.code != STATUS_OK) {
        hub_answer_error(answer->request, &errand->error);
    } else {
        answer_state(answer);
    }
    destroy(answer);
}

void blob_answers_give(struct blob_answers *answers, struct id hash, struct http_request *request) {
    struct error err;
    struct answer *answer = memory_new(1, sizeof(*answer));
    if (answer == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return;
    }
    answer->errand.look = look;
    answer->errand.done = looked;
    answer->answers = answers;
    answer->request = request;
    answer->hash = hash;
    answer->next = answers->open;
    buffer_init(&answer->piece, PIECE_BYTES);
    if (answers->open != NULL) {
        answers->open->before = answer;
    }
    answers->open = answer;
    reader_run(answers->options.reader, &answer->errand);
}

/* --- life ------------------------------------------------------------------------------------ */

status blob_answers_create(const struct blob_answers_options *options,
                           struct blob_answers **out_answers, struct error *err) {
    struct blob_answers *answers = memory_new(1, sizeof(*answers));
    if (answers == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for attachments");
    }
    answers->options = *options;
    *out_answers = answers;
    return STATUS_OK;
}

void blob_answers_destroy(struct blob_answers *answers) {
    if (answers != NULL) {
        while (answers->open != NULL) {
            destroy(answers->open);
        }
        memory_free(answers);
    }
}
