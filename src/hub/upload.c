// SPDX-License-Identifier: Apache-2.0
#include "hub/upload.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/oddity.h"
#include "platform/clock.h"

enum {
    /* A frame, and what came with its end. */
    PENDING_BYTES_MAX = FRAME_WIRE_BYTES_MAX + 4 + HTTP_HEAD_BYTES_MAX,
    ANSWER_BYTES_MAX = 64 << 10
};

/* What became of the frames so far. The writing thread's while jobs are under way. */
struct outcome {
    enum sync_code code; /* the first that is neither STORED nor POISON stops the body */
    enum verdict verdict;
    int poison_count;
    uint64_t frames;
    bool stopped, damaged;
};

struct upload {
    struct uploads *uploads;        /* not owned */
    struct http_request *request;   /* not owned; NULL: it is gone */
    struct upload *next, *before;   /* of all that are open, the newest first */
    struct upload *later, *earlier; /* of those that are paused */
    struct lane_place place;
    bool contested; /* two machines answer for the device */
    bool paused, ended;
    bool too_large;        /* a frame of it */
    struct buffer pending; /* no whole frame */
    size_t came_bytes, under_way_bytes;
    int jobs; /* under way */
    bool has_lane;
    struct error error; /* the first of its jobs' */

    struct outcome outcome;
    bool failed; /* a job of it did */
    struct answer answer;
    struct error damage; /* the sentence of a frame that is damaged or refused */
};

struct upload_job {
    struct ingest_job job; /* first */
    struct upload *upload; /* not owned */
    struct buffer frames;  /* whole ones */
    bool began;
    struct outcome before; /* when it began: where it begins again */
};

struct uploads {
    struct uploads_options options;
    struct upload *open;
    struct upload *paused, *paused_last;
    int jobs; /* of all */
    struct uploads_counters counters;
};

/* --- the writing thread --- */

/* False: the stream is not the device's to write, and the outcome says so. */
static status may_write(struct upload *upload, struct lanes *lanes, bool *out_may,
                        struct error *err) {
    struct hub_session *session = lanes_session(lanes);
    struct hub_stream stream = {0};
    TRY(session->kind->claim(session, upload->place.stream, upload->place.device, &stream, err));
    *out_may = false;
    if (!id_equal(stream.device, upload->place.device)) {
        upload->outcome.verdict = VERDICT_QUARANTINED;
        return STATUS_OK;
    }
    *out_may = true;
    return STATUS_OK;
}

static void stop(struct upload *upload, enum sync_code code) {
    upload->outcome.code = code;
    upload->outcome.stopped = true;
}

/* One frame; the answer's lists go on from frame to frame. */
static status take_frame(struct upload *upload, struct lanes *lanes, struct slice frame,
                         struct error *err) {
    struct answer *answer = &upload->answer;
    const status taken = lanes_take(lanes, &upload->place, frame, answer, err);
    if (taken == STATUS_INVALID) {
        upload->outcome.damaged = true;
        upload->damage = *err;
        stop(upload, SYNC_STORED);
        return STATUS_OK;
    }
    TRY(taken);
    if (answer->code != SYNC_STORED && answer->code != SYNC_POISON) {
        upload->outcome.verdict = answer->verdict;
        stop(upload, answer->code);
        return STATUS_OK;
    }
    upload->outcome.code = answer->code;
    upload->outcome.frames++;
    return STATUS_OK;
}

static status take_frames(struct upload *upload, struct lanes *lanes, struct slice rest,
                          struct error *err) {
    while (!upload->outcome.stopped && rest.count > 0) {
        size_t bytes = 0;
        TRY(frame_find(rest, &bytes, err));
        TRY(take_frame(upload, lanes, slice_part(rest, 0, bytes), err));
        rest = slice_part(rest, bytes, rest.count);
    }
    return STATUS_OK;
}

static enum oddity odd(const struct upload *upload) {
    const struct outcome *outcome = &upload->outcome;
    if (outcome->code == SYNC_POISON) {
        return ODDITY_POISON;
    }
    return oddity_of(outcome->code == SYNC_FORK ? outcome->verdict : VERDICT_OK, upload->contested);
}

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct upload_job *own = (struct upload_job *)job;
    struct upload *upload = own->upload;
    if (!own->began) {
        own->before = upload->outcome;
        own->before.poison_count = upload->answer.poison_count;
        own->began = true;
    }
    upload->outcome = own->before;
    upload->answer.poison_count = own->before.poison_count;
    upload->answer.code = own->before.code;
    if (upload->outcome.stopped || upload->failed) {
        job->bytes = 0;
        return STATUS_OK;
    }
    bool may = false;
    upload->place.arrived = clock_now();
    TRY(may_write(upload, lanes, &may, err));
    if (!may) {
        stop(upload, SYNC_FORK);
    } else {
        TRY(take_frames(upload, lanes, buffer_slice(&own->frames), err));
    }
    TRY(oddity_raise(odd(upload), lanes, upload->place.device, upload->place.stream, err));
    return lanes_answer(lanes, &upload->place, &upload->answer.lane, err);
}

/* What comes behind it would find a hole. */
static void failed(struct ingest_job *job) {
    struct upload_job *own = (struct upload_job *)job;
    own->upload->failed = true;
}

/* --- answers --- */

static void say_what_is_odd(const struct upload *upload) {
    oddity_log(odd(upload), upload->place.device, upload->place.stream);
    if (upload->outcome.damaged) {
        char device[ID_UUID_BYTES + 1];
        id_write_uuid(upload->place.device, device);
        log_line(LOG_WARN, "hub", "%s device=%s", upload->damage.text, device);
    }
}

static void refuse_large(struct http_request *request, int64_t max_bytes) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    const struct answer answer = {.code = SYNC_TOO_LARGE, .max_bytes = max_bytes};
    answer_write(&answer, &json);
    hub_answer_json(request, SYNC_TOO_LARGE, &json);
}

static void answer(struct upload *upload) {
    const struct uploads_options *options = &upload->uploads->options;
    if (upload->error.code != STATUS_OK) {
        hub_answer_outside(upload->request, &upload->error);
        return;
    }
    if (upload->outcome.damaged) {
        hub_answer_error(upload->request, &upload->damage);
        return;
    }
    if (upload->too_large && !upload->outcome.stopped) {
        refuse_large(upload->request, RECORD_BYTES_MAX);
        return;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    upload->answer.code = upload->outcome.code;
    upload->answer.verdict = upload->outcome.verdict;
    upload->answer.hub_ms = clock_wall_ms();
    upload->answer.spread_ms = hub_answer_spread_ms(options->contacts);
    upload->answer.grant = ingest_grant(options->ingest);
    answer_write(&upload->answer, &json);
    hub_answer_json(upload->request, (int)upload->answer.code, &json);
}

static void count(struct upload *upload) {
    struct uploads_counters *counters = &upload->uploads->counters;
    counters->frames += upload->outcome.frames;
    counters->forks += upload->outcome.code == SYNC_FORK ? 1 : 0;
    counters->poisoned += (uint64_t)upload->answer.poison_count;
}

/* --- paused ones --- */

static void pause(struct upload *upload) {
    struct uploads *uploads = upload->uploads;
    if (upload->paused) {
        return;
    }
    upload->paused = true;
    upload->earlier = uploads->paused_last;
    upload->later = NULL;
    *(upload->earlier != NULL ? &upload->earlier->later : &uploads->paused) = upload;
    uploads->paused_last = upload;
    http_pause(upload->request);
}

static void leave_paused(struct upload *upload) {
    struct uploads *uploads = upload->uploads;
    if (!upload->paused) {
        return;
    }
    upload->paused = false;
    *(upload->earlier != NULL ? &upload->earlier->later : &uploads->paused) = upload->later;
    *(upload->later != NULL ? &upload->later->earlier : &uploads->paused_last) = upload->earlier;
}

static void destroy(struct upload *upload) {
    struct uploads *uploads = upload->uploads;
    assert(upload->jobs == 0);
    leave_paused(upload);
    *(upload->before != NULL ? &upload->before->next : &uploads->open) = upload->next;
    if (upload->next != NULL) {
        upload->next->before = upload->before;
    }
    ingest_hold(uploads->options.ingest, -(int64_t)upload->pending.count);
    buffer_done(&upload->pending);
    uploads->counters.open--;
    memory_free(upload);
}

static void cut_off(struct upload *upload) {
    struct http_request *request = upload->request;
    upload->uploads->counters.cut_off++;
    upload->request = NULL;
    leave_paused(upload);
    if (upload->jobs == 0) {
        destroy(upload);
    }
    http_cut_off(request);
}

/* While all memory is held by frames that are not whole, and nothing is under way that would free
 * some: whoever holds most of it goes. */
static void make_room(struct uploads *uploads) {
    while (uploads->jobs == 0 && ingest_is_full(uploads->options.ingest)) {
        struct upload *most = NULL;
        for (struct upload *one = uploads->open; one != NULL; one = one->next) {
            if (one->request != NULL &&
                (most == NULL || one->pending.count >= most->pending.count)) {
                most = one;
            }
        }
        if (most == NULL) {
            return;
        }
        cut_off(most);
    }
}

/* When memory is free again those go on that have waited longest. */
static void resume_others(struct uploads *uploads) {
    make_room(uploads);
    struct upload *upload = uploads->paused;
    while (upload != NULL && !ingest_is_full(uploads->options.ingest)) {
        struct upload *later = upload->later;
        if (upload->under_way_bytes < UPLOAD_UNDER_WAY_BYTES_MAX) {
            leave_paused(upload);
            http_resume(upload->request);
        }
        upload = later;
    }
}

/* Answers when everything that can be said is known. */
static void look(struct upload *upload) {
    if (upload->jobs > 0) {
        return;
    }
    const bool over = upload->ended || upload->outcome.stopped || upload->error.code != STATUS_OK;
    if (upload->request != NULL && over) {
        count(upload);
        say_what_is_odd(upload);
        answer(upload);
        upload->request->keep = NULL;
        upload->request = NULL;
    }
    if (upload->request == NULL) {
        destroy(upload);
    }
}

/* --- jobs --- */

static void done(struct ingest_job *job) {
    struct upload_job *own = (struct upload_job *)job;
    struct upload *upload = own->upload;
    struct uploads *uploads = upload->uploads;
    if (job->error.code != STATUS_OK && upload->error.code == STATUS_OK) {
        upload->error = job->error;
    }
    ingest_hold(uploads->options.ingest, -(int64_t)own->frames.count);
    upload->under_way_bytes -= own->frames.count;
    upload->jobs--;
    uploads->jobs--;
    buffer_done(&own->frames);
    memory_free(own);
    look(upload);
    resume_others(uploads);
}

/* Hands the first `bytes` of what is pending to the writing thread. */
static bool submit(struct upload *upload, size_t bytes) {
    struct uploads *uploads = upload->uploads;
    struct upload_job *own = memory_new(1, sizeof(*own));
    struct buffer rest;
    buffer_init(&rest, PENDING_BYTES_MAX);
    buffer_add(&rest, slice_part(buffer_slice(&upload->pending), bytes, upload->pending.count));
    if (own == NULL || rest.failed != STATUS_OK) {
        memory_free(own);
        buffer_done(&rest);
        return false;
    }
    own->upload = upload;
    own->frames = upload->pending;
    own->frames.count = bytes;
    upload->pending = rest;
    own->job = (struct ingest_job){.work = work, .failed = failed, .done = done, .bytes = bytes};
    upload->jobs++;
    upload->under_way_bytes += bytes;
    upload->has_lane = true;
    uploads->jobs++;
    uploads->counters.bytes += bytes;
    ingest_run(uploads->options.ingest, &own->job);
    return true;
}

/* How many bytes whole frames take of what is pending. */
static status find_frames(const struct upload *upload, size_t *out_bytes, struct error *err) {
    const struct slice pending = buffer_slice(&upload->pending);
    size_t whole = 0;
    size_t bytes = 0;
    status found = STATUS_OK;
    do {
        whole += bytes;
        found = frame_find(slice_part(pending, whole, pending.count), &bytes, err);
    } while (found == STATUS_OK && bytes > 0);
    *out_bytes = whole;
    return found;
}

/* --- from the server --- */

void upload_came(struct http_request *request, struct slice bytes) {
    struct upload *upload = request->keep;
    struct uploads *uploads = upload->uploads;
    struct error err;
    size_t whole = 0;
    upload->came_bytes += bytes.count;
    if (upload->ended) {
        return; /* too much, or a frame that is too large: what comes is dropped */
    }
    buffer_add(&upload->pending, bytes);
    if (upload->pending.failed != STATUS_OK) {
        cut_off(upload);
        return;
    }
    ingest_hold(uploads->options.ingest, (int64_t)bytes.count);
    const bool fits = find_frames(upload, &whole, &err) == STATUS_OK;
    if (whole > 0 && !submit(upload, whole)) {
        cut_off(upload);
        return;
    }
    if (!fits || upload->came_bytes > UPLOAD_BODY_BYTES_MAX) {
        upload->ended = true;
        upload->too_large = !fits;
        look(upload);
        return;
    }
    if (ingest_is_full(uploads->options.ingest) ||
        upload->under_way_bytes >= UPLOAD_UNDER_WAY_BYTES_MAX) {
        pause(upload);
    }
    if (uploads->jobs == 0 && uploads->paused != NULL) {
        resume_others(uploads); /* nobody else would */
    }
}

void upload_ended(struct http_request *request) {
    struct upload *upload = request->keep;
    upload->ended = true;
    if (!upload->has_lane && !submit(upload, 0)) {
        cut_off(upload);
        return;
    }
    look(upload);
}

void upload_gone(struct http_request *request) {
    struct upload *upload = request->keep;
    upload->request = NULL;
    leave_paused(upload);
    look(upload);
}

/* A body that says it is far too large is refused before a byte of it is read. */
static bool is_too_large(const struct http_request *request) {
    const char *announced = http_header(request, "Content-Length");
    return announced != NULL && strtoull(announced, NULL, 10) > UPLOAD_BODY_BYTES_MAX;
}

void upload_begin(struct uploads *uploads, struct contact *contact, struct http_request *request) {
    struct error err;
    if (is_too_large(request)) {
        refuse_large(request, UPLOAD_BODY_BYTES_MAX);
        return;
    }
    struct lane_place place = {.device = contact->device, .connection = contact->connection};
    uint64_t first = 0;
    if (!stream_path_read(request->path, &place.stream, &place.lane, &first)) {
        (void)fail(&err, STATUS_NOT_FOUND, "no lane of a stream is at %.*s",
                   SLICE_ARGS(request->path));
        hub_answer_error(request, &err);
        return;
    }
    struct upload *upload = memory_new(1, sizeof(*upload));
    if (upload == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return;
    }
    upload->uploads = uploads;
    upload->place = place;
    upload->request = request;
    upload->contested = contact_is_contested(contact);
    upload->outcome.code = SYNC_STORED;
    buffer_init(&upload->pending, PENDING_BYTES_MAX);
    upload->next = uploads->open;
    if (upload->next != NULL) {
        upload->next->before = upload;
    }
    uploads->open = upload;
    request->keep = upload;
    uploads->counters.bodies++;
    uploads->counters.open++;
}

/* --- birth and end --- */

status uploads_create(const struct uploads_options *options, struct uploads **out_uploads,
                      struct error *err) {
    struct uploads *uploads = memory_new(1, sizeof(*uploads));
    if (uploads == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for what devices send");
    }
    uploads->options = *options;
    *out_uploads = uploads;
    return STATUS_OK;
}

void uploads_destroy(struct uploads *uploads) {
    assert(uploads == NULL || uploads->counters.open == 0);
    memory_free(uploads);
}

void uploads_counters(const struct uploads *uploads, struct uploads_counters *out_counters) {
    *out_counters = uploads->counters;
}
