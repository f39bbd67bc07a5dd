// SPDX-License-Identifier: Apache-2.0
#include "runtime/blob_sending.h"

#include "base/log.h"
#include "base/memory.h"
#include "platform/json.h"
#include "storage/blobs.h"
#include "sync/report.h"

enum { ROW_BYTES_MAX = 4096, ROW_ARENA_BYTES_MAX = 64 << 10, HEAD_BYTES = 512 };
enum { STORED = 200, ELSEWHERE = 409 };

enum sending_state {
    SENDING_IDLE,
    SENDING_LOOKING,
    SENDING_READING,
    SENDING_READY,
    SENDING_ASKING
};

struct blob_sending {
    struct job job; /* first */
    struct blob_sending_options options;
    struct store_read row;
    enum sending_state state;
    bool given_up; /* what is under way in store or pool counts no more */
    struct id hash;
    int64_t bytes, from; /* of it, and where the next part begins */
    bool stays;          /* it does not go, and `gone` says why */
    enum blob_gone gone;
    struct buffer part;
    struct error error; /* of the worker */
};

static void say(const struct blob_sending *sending) {
    sending->options.changed(sending->options.owner);
}

static void end(struct blob_sending *sending) {
    sending->state = SENDING_IDLE;
    sending->given_up = false;
    buffer_clear(&sending->part);
    say(sending);
}

static void be_ready(struct blob_sending *sending) {
    sending->state = SENDING_READY;
    say(sending);
}

/* --- whether it may go ----------------------------------------------------------------------- */

static int64_t number_of(struct value row, const char *name) {
    const struct value *number = value_get(row, slice_of(name));
    return number != NULL && number->kind == VALUE_INTEGER ? number->integer : 0;
}

static void judge(struct blob_sending *sending, struct slice text) {
    struct value row = {.kind = VALUE_NULL};
    struct error err;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ROW_ARENA_BYTES_MAX);
    const bool read = json_read(&arena, text, &row, &err) == STATUS_OK;
    sending->bytes = number_of(row, "bytes");
    sending->stays = true;
    if (!read || number_of(row, "leaves") != BLOB_MAY_LEAVE) {
        sending->gone = BLOB_KEPT;
    } else if (sending->bytes <= 0 || sending->bytes > BLOB_SENT_BYTES_MAX) {
        sending->gone = BLOB_TOO_LARGE;
    } else {
        sending->stays = false;
    }
}

static void looked(struct store_read *read) {
    struct blob_sending *sending = read->owner;
    if (sending->given_up) {
        end(sending);
        return;
    }
    if (read->error.code == STATUS_OK) {
        judge(sending, buffer_slice(&read->out));
    } else if (read->error.code == STATUS_NOT_FOUND) {
        sending->stays = true;
        sending->gone = BLOB_GONE;
    } else {
        log_line(LOG_WARN, "runtime", "sync: an attachment: %s", read->error.text);
        end(sending);
        return;
    }
    be_ready(sending);
}

void blob_sending_begin(struct blob_sending *sending, struct id hash) {
    sending->state = SENDING_LOOKING;
    sending->hash = hash;
    sending->from = 0;
    buffer_clear(&sending->part);
    buffer_clear(&sending->row.out);
    sending->row.kind = READ_BLOB;
    sending->row.done = looked;
    sending->row.owner = sending;
    sending->row.id = hash;
    store_read(sending->options.store, &sending->row);
}

/* --- its parts ------------------------------------------------------------------------------- */

static void work(struct job *job, int worker) {
    struct blob_sending *sending = (struct blob_sending *)job;
    (void)worker;
    buffer_clear(&sending->part);
    sending->error = (struct error){.code = STATUS_OK};
    (void)blobs_read_part(store_blobs(sending->options.store), sending->hash, sending->from,
                          REPORT_BYTES_MAX, &sending->part, &sending->error);
}

static void done(struct job *job) {
    struct blob_sending *sending = (struct blob_sending *)job;
    if (sending->given_up) {
        end(sending);
        return;
    }
    if (sending->error.code != STATUS_OK || sending->part.count == 0) {
        sending->stays = true; /* it went meanwhile, or is shorter than its row says */
        sending->gone = BLOB_GONE;
        buffer_clear(&sending->part);
    }
    be_ready(sending);
}

static void read_part(struct blob_sending *sending) {
    sending->state = SENDING_READING;
    sending->job = (struct job){.work = work, .done = done};
    pool_submit(sending->options.pool, &sending->job);
}

int64_t blob_sending_waits(const struct blob_sending *sending) {
    return sending->state == SENDING_READY ? (int64_t)sending->part.count + HEAD_BYTES : 0;
}

struct slice blob_sending_take(struct blob_sending *sending, struct buffer *out_path) {
    sending->state = SENDING_ASKING;
    if (sending->stays) {
        blob_gone_path_write(out_path, sending->hash, sending->gone);
        return SLICE("");
    }
    blob_path_write(out_path, sending->hash, sending->bytes, sending->from);
    return buffer_slice(&sending->part);
}

/* A hub that says again what it said before would be sent the same part for ever. */
static bool goes_on(const struct blob_sending *sending, struct blob_progress progress) {
    const bool opened = sending->from > 0 || sending->part.count > 0;
    return !progress.here && progress.have < sending->bytes &&
           (!opened || progress.have > sending->from);
}

void blob_sending_answered(struct blob_sending *sending, int code, struct slice body) {
    struct blob_progress progress = {.have = 0};
    struct error err;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ROW_ARENA_BYTES_MAX);
    if (sending->state != SENDING_ASKING) {
        return;
    }
    if (!sending->stays && (code == STORED || code == ELSEWHERE) &&
        blob_progress_read(&arena, body, &progress, &err) == STATUS_OK &&
        goes_on(sending, progress)) {
        sending->from = progress.have;
        read_part(sending);
        return;
    }
    end(sending);
}

void blob_sending_give_up(struct blob_sending *sending) {
    if (sending->state == SENDING_LOOKING || sending->state == SENDING_READING) {
        sending->given_up = true;
    } else if (sending->state != SENDING_IDLE) {
        end(sending);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

bool blob_sending_is_idle(const struct blob_sending *sending) {
    return sending->state == SENDING_IDLE;
}

status blob_sending_create(const struct blob_sending_options *options,
                           struct blob_sending **out_sending, struct error *err) {
    struct blob_sending *sending = memory_new(1, sizeof(*sending));
    if (sending == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to send attachments");
    }
    sending->options = *options;
    buffer_init(&sending->part, REPORT_BYTES_MAX);
    buffer_init(&sending->row.out, ROW_BYTES_MAX);
    *out_sending = sending;
    return STATUS_OK;
}

void blob_sending_destroy(struct blob_sending *sending) {
    if (sending != NULL) {
        buffer_done(&sending->part);
        buffer_done(&sending->row.out);
        memory_free(sending);
    }
}
