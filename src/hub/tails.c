// SPDX-License-Identifier: Apache-2.0
#include "hub/tails.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "hub/hub_answer.h"
#include "hub/labels.h"
#include "platform/clock.h"

enum {
    NS_PER_MS = 1000000,
    BATCH_BYTES_MAX = 32 << 20,
    LABELS_ARENA_BYTES_MAX = 1 << 20,
    NOT_BEGUN = -1
};

struct tail {
    struct tails *tails;
    struct tail *next, *before;
    struct http_request *request;
    struct hub_results_query filter;
    struct id device; /* of the filter, where that is an id */
    int64_t from;     /* behind this number; NOT_BEGUN before the first look */
    int64_t missed;
    int64_t began_ms, said_ms;
};

/* A result of a batch, by where it lies in the batch's bytes. */
struct item {
    int64_t number;
    enum lane lane;
    struct id device;
    size_t workflow, name, device_name, labels, json, end;
};

/* What is new, read for all. */
struct batch {
    struct reader_errand errand; /* first */
    struct tails *tails;
    int64_t after, last;
    int count;
    struct item items[TAILS_TOGETHER];
    struct buffer bytes;
};

struct tails {
    struct reader *reader; /* not owned, as is the next */
    struct ingest *ingest;
    struct tail *first;
    int count;
    struct timer *pause, *beat;
    struct batch batch;
    bool reads, wants, rests; /* a look is under way, is wanted, must wait */
    int64_t seen;             /* all up to this number has been read; 0: nothing is known yet */
    struct arena arena;       /* of labels */
};

static int64_t now_ms(void) {
    return clock_monotonic_ns() / NS_PER_MS;
}

/* --- the reading thread --- */

static size_t keep(struct buffer *bytes, struct slice text) {
    const size_t at = bytes->count;
    buffer_add(bytes, text);
    return at;
}

/* Between its tokens a device's JSON may have line ends, at which an event would end. */
static size_t keep_as_line(struct buffer *bytes, struct slice json) {
    const size_t at = keep(bytes, json);
    for (size_t i = at; i < bytes->count; i++) {
        if (bytes->bytes[i] == '\n' || bytes->bytes[i] == '\r') {
            bytes->bytes[i] = ' ';
        }
    }
    return at;
}

static status add(void *owner, const struct hub_new_result *result, struct error *err) {
    struct batch *batch = owner;
    struct buffer *bytes = &batch->bytes;
    struct item *item = &batch->items[batch->count++];
    *item = (struct item){.number = result->number, .lane = result->lane, .device = result->device};
    item->workflow = keep(bytes, result->workflow);
    item->name = keep(bytes, result->name);
    item->device_name = keep(bytes, result->device_name);
    item->labels = keep(bytes, result->labels);
    item->json = keep_as_line(bytes, result->json);
    item->end = bytes->count;
    return buffer_status(bytes, err);
}

static status look(struct reader_errand *errand, struct database *database, struct error *err) {
    struct batch *batch = (struct batch *)errand;
    int64_t newest = 0;
    batch->count = 0;
    buffer_clear(&batch->bytes);
    TRY(hub_results_newest(database, &newest, err));
    /* Of what came too fast the newest are shown. */
    if (batch->after == 0 || newest - batch->after > TAILS_TOGETHER) {
        batch->after = newest > TAILS_TOGETHER ? newest - TAILS_TOGETHER : 0;
    }
    return hub_results_new(database, batch->after, TAILS_TOGETHER, add, batch, &batch->last, err);
}

/* --- which of them a tail shows --- */

static struct slice part_of(const struct batch *batch, size_t from, size_t end) {
    return slice_part(buffer_slice(&batch->bytes), from, end);
}

static bool is_or_any(const char *wish, struct slice text) {
    return wish[0] == '\0' || slice_is(text, wish);
}

static bool meets_label(struct tails *tails, const char *wish, struct slice json) {
    struct value labels = {.kind = VALUE_NULL};
    struct error err;
    arena_reset(&tails->arena);
    return wish[0] == '\0' || (labels_read(&tails->arena, json, &labels, &err) == STATUS_OK &&
                               labels_meet(labels, slice_of(wish)));
}

static bool meets(struct tail *tail, const struct batch *batch, const struct item *item) {
    const struct hub_results_query *filter = &tail->filter;
    const struct slice device = part_of(batch, item->device_name, item->labels);
    return (filter->lane == LANE_COUNT || filter->lane == item->lane) &&
           is_or_any(filter->workflow, part_of(batch, item->workflow, item->name)) &&
           is_or_any(filter->name, part_of(batch, item->name, item->device_name)) &&
           (is_or_any(filter->device, device) || id_equal(tail->device, item->device)) &&
           meets_label(tail->tails, filter->label, part_of(batch, item->labels, item->json));
}

/* --- saying it --- */

static void say_missed(struct tail *tail) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 128);
    buffer_print(&text, "event: missed\ndata: %lld\n\n", (long long)tail->missed);
    http_answer_add(tail->request, buffer_slice(&text));
    tail->missed = 0;
}

static void say(struct tail *tail, const struct item *item, struct slice json) {
    CLEANUP(buffer_done) struct buffer head;
    buffer_init(&head, 128);
    if (http_answer_waiting(tail->request) > TAILS_WAITING_BYTES_MAX) {
        tail->missed++;
        return;
    }
    if (tail->missed > 0) {
        say_missed(tail);
    }
    buffer_print(&head, "id: %lld\ndata: ", (long long)item->number);
    http_answer_add(tail->request, buffer_slice(&head));
    http_answer_add(tail->request, json);
    http_answer_add(tail->request, SLICE("\n\n"));
    tail->said_ms = now_ms();
}

static void show(struct tail *tail, const struct batch *batch) {
    if (tail->from == NOT_BEGUN) { /* it has just begun, and what came before is not for it */
        tail->from = batch->last;
        return;
    }
    tail->missed += batch->after > tail->from ? batch->after - tail->from : 0;
    for (int i = 0; i < batch->count; i++) {
        const struct item *item = &batch->items[i];
        if (item->number > tail->from && meets(tail, batch, item)) {
            say(tail, item, part_of(batch, item->json, item->end));
        }
    }
    tail->from = batch->last;
}

static void read_on(struct tails *tails) {
    struct batch *batch = &tails->batch;
    if (tails->reads || tails->rests || tails->first == NULL) {
        tails->wants = true;
        return;
    }
    tails->wants = false;
    tails->reads = tails->rests = true;
    batch->after = tails->seen;
    reader_run(tails->reader, &batch->errand);
    timer_set(tails->pause, TAILS_PAUSE_MS);
}

static void looked(struct reader_errand *errand) {
    struct batch *batch = (struct batch *)errand;
    struct tails *tails = batch->tails;
    tails->reads = false;
    if (errand->error.code == STATUS_OK) {
        tails->seen = batch->last;
        struct tail *next = NULL;
        for (struct tail *tail = tails->first; tail != NULL; tail = next) {
            next = tail->next;
            show(tail, batch);
        }
    }
    if (tails->wants) {
        read_on(tails);
    }
}

static void rested(void *owner) {
    struct tails *tails = owner;
    tails->rests = false;
    if (tails->wants) {
        read_on(tails);
    }
}

static void brought(void *owner) {
    struct tails *tails = owner;
    if (tails->first != NULL) {
        read_on(tails);
    }
}

/* --- coming and going --- */

static void leave(struct tail *tail) {
    struct tails *tails = tail->tails;
    *(tail->before != NULL ? &tail->before->next : &tails->first) = tail->next;
    if (tail->next != NULL) {
        tail->next->before = tail->before;
    }
    tails->count--;
    memory_free(tail);
}

static void drained(void *owner) {
    (void)owner;
}

static void gone(void *owner) {
    leave(owner);
}

static const struct http_flow FLOW = {.drained = drained, .gone = gone};

/* Whoever rests hears that the line is there; who has been here long enough comes again. */
static void beat(void *owner) {
    struct tails *tails = owner;
    const int64_t now = now_ms();
    struct tail *next = NULL;
    for (struct tail *tail = tails->first; tail != NULL; tail = next) {
        next = tail->next;
        if (now - tail->began_ms >= TAILS_LIFE_MS) {
            http_answer_end(tail->request);
            leave(tail);
        } else if (tail->missed > 0 && http_answer_waiting(tail->request) == 0) {
            say_missed(tail); /* nothing has come since, by which it would have heard */
        } else if (now - tail->said_ms >= TAILS_BEAT_MS) {
            http_answer_add(tail->request, SLICE(":\n\n"));
            tail->said_ms = now;
        }
    }
    if (tails->first != NULL) {
        timer_set(tails->beat, TAILS_BEAT_MS / 3);
    }
}

/* Behind which number it begins: where its browser was, or the list that it goes on from. */
static int64_t begins_behind(const struct hub_results_query *filter,
                             const struct http_request *request) {
    uint64_t number = 0;
    const struct slice text = slice_of(http_header(request, "Last-Event-ID"));
    if (text_number(text, INT64_MAX, &number)) {
        return (int64_t)number;
    }
    return filter->is_since ? filter->after_number : NOT_BEGUN;
}

static void join(struct tails *tails, struct tail *tail) {
    tail->tails = tails;
    tail->next = tails->first;
    if (tail->next != NULL) {
        tail->next->before = tail;
    }
    tails->first = tail;
    tails->count++;
    /* The first look tells where it begins; what was read before is read again for it. */
    tails->seen = 0;
    timer_set(tails->beat, TAILS_BEAT_MS / 3);
    read_on(tails);
}

void tails_take(struct tails *tails, const struct hub_results_query *filter,
                struct http_request *request) {
    struct tail *tail = tails->count < TAILS_MAX ? memory_new(1, sizeof(*tail)) : NULL;
    if (tail == NULL) {
        struct error err;
        (void)fail(&err, STATUS_BUSY, "%d tails are open already, and there are to be no more",
                   tails->count);
        hub_answer_error(request, &err);
        return;
    }
    tail->request = request;
    tail->filter = *filter;
    tail->from = begins_behind(filter, request);
    tail->began_ms = tail->said_ms = now_ms();
    (void)id_read(slice_of(filter->device), &tail->device);
    http_answer_begin(request, 200, "text/event-stream", &FLOW, tail);
    http_answer_add(request, SLICE("retry: 2000\n:\n\n"));
    join(tails, tail);
}

int tails_count(const struct tails *tails) {
    return tails->count;
}

/* --- birth and end --- */

status tails_create(struct loop *loop, struct reader *reader, struct ingest *ingest,
                    struct tails **out_tails, struct error *err) {
    struct tails *tails = memory_new(1, sizeof(*tails));
    if (tails == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for tails");
    }
    tails->reader = reader;
    tails->ingest = ingest;
    tails->batch.tails = tails;
    tails->batch.errand = (struct reader_errand){.look = look, .done = looked};
    buffer_init(&tails->batch.bytes, BATCH_BYTES_MAX);
    arena_init(&tails->arena, LABELS_ARENA_BYTES_MAX);
    status made = timer_open(loop, rested, tails, &tails->pause, err);
    if (made == STATUS_OK) {
        made = timer_open(loop, beat, tails, &tails->beat, err);
    }
    if (made != STATUS_OK) {
        tails_destroy(tails);
        return made;
    }
    ingest_watch(ingest, brought, tails);
    *out_tails = tails;
    return STATUS_OK;
}

void tails_destroy(struct tails *tails) {
    if (tails == NULL) {
        return;
    }
    ingest_watch(tails->ingest, NULL, NULL);
    while (tails->first != NULL) {
        leave(tails->first);
    }
    timer_close(tails->pause);
    timer_close(tails->beat);
    buffer_done(&tails->batch.bytes);
    arena_done(&tails->arena);
    memory_free(tails);
}
