// SPDX-License-Identifier: Apache-2.0
#include "deployment/hub_visit.h"

#include "platform/clock.h"
#include "platform/loop.h"

struct visiting {
    const struct hub_visit *visit;
    struct loop *loop;
    struct link *link;
    struct timer *timer;
    struct buffer *body;
    int code;
    bool answered;
    struct error error;
};

static void give_up(struct visiting *visiting, const struct error *error) {
    visiting->error = *error;
    loop_stop(visiting->loop);
}

static void on_connected(void *owner) {
    struct visiting *visiting = owner;
    struct error err;
    const struct link_request request = {
        .method = "POST", .path = slice_of(visiting->visit->path), .type = "application/json"};
    if (link_ask(visiting->link, &request, visiting->visit->body, &err) != STATUS_OK) {
        give_up(visiting, &err);
    }
}

static void on_answered(void *owner, const struct link_answer *answer) {
    struct visiting *visiting = owner;
    visiting->code = answer->code;
    visiting->answered = true;
    buffer_add(visiting->body, answer->body);
    loop_stop(visiting->loop);
}

static void on_lost(void *owner, const struct error *error) {
    give_up(owner, error);
}

static void on_late(void *owner) {
    struct error err;
    (void)fail(&err, STATUS_TIMEOUT, "the hub has not answered in %d s", HUB_VISIT_MS / 1000);
    give_up(owner, &err);
}

static status open_parts(struct visiting *visiting, struct error *err) {
    static const struct link_events EVENTS = {
        .connected = on_connected, .answered = on_answered, .lost = on_lost};
    struct link_options options = visiting->visit->link;
    const struct moment now = clock_now();
    /* A clock that nobody vouches for may be ahead: then it says nothing about what has ended. */
    options.clock_floor_ms = now.quality == CLOCK_GOOD ? now.wall_ms : 0;
    TRY(loop_create(&visiting->loop, err));
    TRY(timer_open(visiting->loop, on_late, visiting, &visiting->timer, err));
    TRY(link_create(visiting->loop, &EVENTS, visiting, &visiting->link, err));
    TRY(link_connect(visiting->link, &options, err));
    timer_set(visiting->timer, HUB_VISIT_MS);
    return STATUS_OK;
}

static void close_parts(struct visiting *visiting) {
    link_destroy(visiting->link);
    timer_close(visiting->timer);
    if (visiting->loop != NULL) {
        loop_destroy(visiting->loop);
    }
}

status hub_visit(const struct hub_visit *visit, int *out_code, struct buffer *out_body,
                 struct error *err) {
    struct visiting visiting = {.visit = visit, .body = out_body};
    status code = open_parts(&visiting, err);
    if (code == STATUS_OK) {
        loop_run(visiting.loop);
        code = visiting.answered ? buffer_status(out_body, err)
                                 : fail(err, visiting.error.code, "%s", visiting.error.text);
    }
    close_parts(&visiting);
    *out_code = visiting.code;
    return code;
}
