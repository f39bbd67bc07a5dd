// SPDX-License-Identifier: Apache-2.0
#include "runtime/renewal.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "deployment/enrolment.h"

enum { PATH_BYTES_MAX = 4096, UNAUTHORIZED = 401, FORBIDDEN = 403 };

struct renewal {
    struct job job; /* first */
    struct pool *pool;
    char folder[PATH_BYTES_MAX];
    void (*ended)(void *owner, const struct error *outcome);
    void *owner;
    struct arena arena;
    struct enrolment_reply reply; /* its texts lie in the arena */
    struct error outcome;
    enum { IDLE, ASKING, KEEPING } state;
};

/* On a worker: the identity as it was, with the new certificate in it. */
static status keep(struct renewal *renewal, struct error *err) {
    struct identity renewed = {0};
    TRY(identity_load(renewal->folder, &renewal->arena, &renewed, err));
    const struct identity before = renewed;
    renewal->reply.key_pem = renewed.key;
    renewal->reply.pin = (struct slice){.bytes = (const char *)renewed.pin.bytes,
                                        .count = sizeof(renewed.pin.bytes)};
    status code = enrolment_answer_read(&renewal->arena, &renewal->reply, &renewed, err);
    if (code == STATUS_OK) {
        /* How the hub is reached from here it cannot know. */
        (void)memcpy(renewed.hubs, before.hubs, sizeof(renewed.hubs));
        renewed.proxy = before.proxy;
        renewed.key = before.key;
        code = identity_save(renewal->folder, &renewed, err);
    }
    identity_forget(&renewed);
    return code;
}

static void work(struct job *job, int worker) {
    struct renewal *renewal = (struct renewal *)job;
    (void)worker;
    renewal->outcome = (struct error){.code = STATUS_OK};
    renewal->outcome.code = keep(renewal, &renewal->outcome);
}

static void done(struct job *job) {
    struct renewal *renewal = (struct renewal *)job;
    renewal->state = IDLE;
    arena_reset(&renewal->arena);
    renewal->ended(renewal->owner, &renewal->outcome);
}

status renewal_create(struct pool *pool, const char *folder,
                      void (*ended)(void *owner, const struct error *outcome), void *owner,
                      struct renewal **out_renewal, struct error *err) {
    struct renewal *renewal = memory_new(1, sizeof(*renewal));
    if (renewal == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to renew certificates");
    }
    renewal->job = (struct job){.work = work, .done = done};
    renewal->pool = pool;
    renewal->ended = ended;
    renewal->owner = owner;
    (void)snprintf(renewal->folder, sizeof(renewal->folder), "%s", folder);
    arena_init(&renewal->arena, 4 * IDENTITY_FILE_BYTES_MAX);
    *out_renewal = renewal;
    return STATUS_OK;
}

void renewal_destroy(struct renewal *renewal) {
    if (renewal != NULL) {
        arena_done(&renewal->arena);
        memory_free(renewal);
    }
}

status renewal_begin(struct renewal *renewal, struct link *link, const struct identity *identity,
                     struct error *err) {
    static const struct link_request REQUEST = {
        .method = "POST", .path = SLICE("/v1/renew"), .type = "application/json"};
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, ENROLMENT_ANSWER_BYTES_MAX);
    TRY(enrolment_renewal_write(identity->key, &body, err));
    TRY(link_ask(link, &REQUEST, buffer_slice(&body), err));
    renewal->reply.code = 0;
    renewal->state = ASKING;
    return STATUS_OK;
}

void renewal_answered(struct renewal *renewal, const struct link_answer *answer) {
    renewal->reply = (struct enrolment_reply){.code = answer->code,
                                              .body = arena_copy(&renewal->arena, answer->body)};
    renewal->state = KEEPING;
    pool_submit(renewal->pool, &renewal->job);
}

void renewal_lost(struct renewal *renewal, const struct error *error) {
    renewal->state = IDLE;
    renewal->ended(renewal->owner, error);
}

bool renewal_was_refused(const struct renewal *renewal) {
    return renewal->reply.code == UNAUTHORIZED || renewal->reply.code == FORBIDDEN;
}

bool renewal_is_asking(const struct renewal *renewal) {
    return renewal->state == ASKING;
}
