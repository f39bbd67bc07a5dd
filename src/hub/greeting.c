// SPDX-License-Identifier: Apache-2.0
#include "hub/greeting.h"

#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/oddity.h"
#include "platform/clock.h"

enum { ARENA_BYTES_MAX = 8 << 20, ANSWER_BYTES_MAX = 4 << 20, NS_PER_MS = 1000000 };

struct greeting {
    struct ingest_job job; /* first */
    struct ingest *ingest; /* not owned */
    struct contact *contact;
    struct http_request *request;
    struct arena arena;
    struct hello hello;
    struct moment came; /* by the hub's clock */
    bool contested;     /* it turned out with this hello */
    struct hello_answer answer;
    struct answer_stream *streams; /* the answer's, as many as the hello has */
};

static void destroy(struct greeting *greeting) {
    arena_done(&greeting->arena);
    memory_free(greeting);
}

/* --- the writing thread --- */

static status greet(const struct greeting *greeting, struct lanes *lanes, int index,
                    struct error *err) {
    const struct hello_stream *hello = &greeting->hello.streams[index];
    struct answer_stream *answer = &greeting->streams[index];
    struct hub_session *session = lanes_session(lanes);
    struct hub_stream stream = {0};
    *answer = (struct answer_stream){.id = hello->id, .verdict = VERDICT_QUARANTINED};
    TRY(session->kind->claim(session, hello->id, greeting->contact->device, &stream, err));
    if (!id_equal(stream.device, greeting->contact->device)) {
        return STATUS_OK; /* and nothing is said of what another device has there */
    }
    return lanes_greet(lanes, hello, greeting->answer.connection, answer, err);
}

static enum oddity odd(const struct greeting *greeting, int index) {
    return oddity_of(greeting->streams[index].verdict, greeting->contested && index == 0);
}

/* A hub whose own clock is bad has nothing to tell the time by. */
static status hear_boot(const struct greeting *greeting, struct hub_session *session,
                        struct error *err) {
    const struct hub_boot boot = {.id = greeting->hello.boot,
                                  .began_ms =
                                      greeting->came.wall_ms - greeting->hello.boot_ns / NS_PER_MS};
    return greeting->came.quality != CLOCK_BAD
               ? session->kind->hear_boot(session, greeting->contact->device, &boot, err)
               : STATUS_OK;
}

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct greeting *greeting = (struct greeting *)job;
    struct hub_session *session = lanes_session(lanes);
    TRY(hear_boot(greeting, session, err));
    TRY(session->kind->next_connection(session, &greeting->answer.connection, err));
    greeting->answer.hub_store = session->kind->store_id(session);
    for (int i = 0; i < greeting->hello.stream_count; i++) {
        TRY(greet(greeting, lanes, i, err));
        TRY(oddity_raise(odd(greeting, i), lanes, greeting->contact->device,
                         greeting->streams[i].id, err));
    }
    return STATUS_OK;
}

/* --- the loop --- */

static void say_what_is_odd(const struct greeting *greeting) {
    for (int i = 0; i < greeting->hello.stream_count; i++) {
        oddity_log(odd(greeting, i), greeting->contact->device, greeting->streams[i].id);
    }
}

static void answer(struct greeting *greeting) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    struct hello_answer *answer = &greeting->answer;
    answer->protocol = PROTOCOL_MOST;
    answer->hub_ms = clock_wall_ms();
    answer->spread_ms = hub_answer_spread_ms(greeting->contact->contacts);
    answer->grant = ingest_grant(greeting->ingest);
    answer->streams = greeting->streams;
    answer->stream_count = greeting->hello.stream_count;
    hello_answer_write(answer, &json);
    hub_answer_json(greeting->request, 200, &json);
}

static void done(struct ingest_job *job) {
    struct greeting *greeting = (struct greeting *)job;
    if (job->error.code != STATUS_OK) {
        hub_answer_outside(greeting->request, &job->error);
    } else {
        contact_greeted(greeting->contact, greeting->hello.boot, greeting->answer.connection);
        say_what_is_odd(greeting);
        answer(greeting);
    }
    destroy(greeting);
}

static status read(struct greeting *greeting, struct slice text, struct error *err) {
    struct hello *hello = &greeting->hello;
    TRY(hello_read(&greeting->arena, text, hello, err));
    if (hello->protocol_least > PROTOCOL_MOST || hello->protocol_most < PROTOCOL_LEAST) {
        return fail(err, STATUS_INVALID,
                    "the device speaks versions %d to %d of the protocol and this hub (%s) %d to "
                    "%d: install a release between them",
                    hello->protocol_least, hello->protocol_most, EBB_VERSION, PROTOCOL_LEAST,
                    PROTOCOL_MOST);
    }
    const uint32_t count = hello->stream_count > 0 ? (uint32_t)hello->stream_count : 1;
    greeting->streams = arena_get(&greeting->arena, count, sizeof(*greeting->streams));
    greeting->contested =
        greeting->contact->connection > 0 && contact_is_contested(greeting->contact);
    return greeting->streams != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "no memory for it");
}

void greeting_take(struct ingest *ingest, struct contact *contact, struct http_request *request) {
    struct error err;
    struct greeting *greeting = memory_new(1, sizeof(*greeting));
    if (greeting == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return;
    }
    arena_init(&greeting->arena, ARENA_BYTES_MAX);
    greeting->ingest = ingest;
    greeting->contact = contact;
    greeting->request = request;
    greeting->came = clock_now();
    if (read(greeting, request->body, &err) != STATUS_OK) {
        (void)fail_while(&err, "hello");
        destroy(greeting);
        hub_answer_error(request, &err);
        return;
    }
    greeting->job = (struct ingest_job){.work = work, .done = done};
    ingest_run(ingest, &greeting->job);
}
