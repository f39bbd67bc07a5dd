/*
 * link_test: what the tests of link share: who is who, a link on its loop, and what it told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

#include "platform/test_link_peer.h"

enum { PATIENCE_MS = 60000, HUB_TEXT_BYTES = 64 };

enum told { TOLD_CONNECTED = 1, TOLD_ANSWERED = 2, TOLD_LOST = 4, TOLD_TAKEN = 8, TOLD_LATE = 16 };

static struct test_identity *authority, *stranger, *hub_identity, *device;

static inline int set_up_identities(void **state) {
    (void)state;
    authority = test_identity_make(NULL, (struct test_wish){.is_authority = 1});
    stranger = test_identity_make(NULL, (struct test_wish){.is_authority = 1});
    hub_identity =
        test_identity_make(authority, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    device = test_identity_make(authority, (struct test_wish){0});
    return 0;
}

static inline int tear_down_identities(void **state) {
    (void)state;
    test_identity_free(authority);
    test_identity_free(stranger);
    test_identity_free(hub_identity);
    test_identity_free(device);
    return 0;
}

struct scene {
    struct loop *loop;
    struct timer *patience;
    struct link *link;
    struct link_options options;
    char hub_texts[2][HUB_TEXT_BYTES];
    const char *hubs[3];

    unsigned told, awaited; /* enum told */
    int connections, answers, losses;
    size_t taken_bytes;
    int code;
    bool early;
    int64_t retry_after_ms;
    struct buffer body;
    struct error error;
    void (*then)(struct scene *scene, enum told told); /* in what is told; NULL: nothing */
    int count;                                         /* for `then` */
};

static inline void scene_note(struct scene *scene, enum told told) {
    scene->told |= told;
    if (scene->then != NULL) {
        scene->then(scene, told);
    }
    if ((scene->told & scene->awaited) != 0) {
        loop_stop(scene->loop);
    }
}

static inline void scene_connected(void *owner) {
    struct scene *scene = owner;
    scene->connections++;
    scene_note(scene, TOLD_CONNECTED);
}

static inline void scene_taken(void *owner, size_t bytes) {
    struct scene *scene = owner;
    scene->taken_bytes += bytes;
    scene_note(scene, TOLD_TAKEN);
}

static inline void scene_answered(void *owner, const struct link_answer *answer) {
    struct scene *scene = owner;
    scene->answers++;
    scene->code = answer->code;
    scene->early = answer->early;
    scene->retry_after_ms = answer->retry_after_ms;
    scene_note(scene, TOLD_ANSWERED);
    buffer_clear(&scene->body); /* last: it stands whatever was done in between */
    buffer_add(&scene->body, answer->body);
}

static inline void scene_lost(void *owner, const struct error *error) {
    struct scene *scene = owner;
    scene->losses++;
    scene->error = *error;
    scene_note(scene, TOLD_LOST);
}

static inline void scene_is_late(void *owner) {
    scene_note(owner, TOLD_LATE);
}

/* A link to a hub on 127.0.0.1, that is not connected yet. */
static inline void scene_open(struct scene *scene, int port) {
    static const struct link_events events = {.connected = scene_connected,
                                              .taken = scene_taken,
                                              .answered = scene_answered,
                                              .lost = scene_lost};
    *scene = (struct scene){0};
    buffer_init(&scene->body, LINK_ANSWER_BYTES_MAX);
    assert_int_equal(loop_create(&scene->loop, NULL), STATUS_OK);
    assert_int_equal(timer_open(scene->loop, scene_is_late, scene, &scene->patience, NULL),
                     STATUS_OK);
    assert_int_equal(link_create(scene->loop, &events, scene, &scene->link, NULL), STATUS_OK);
    (void)snprintf(scene->hub_texts[0], HUB_TEXT_BYTES, "https://127.0.0.1:%d", port);
    scene->hubs[0] = scene->hub_texts[0];
    scene->options = (struct link_options){
        .hubs = scene->hubs,
        .pin = {.bytes = (const char *)authority->pin, .count = TEST_HASH_BYTES},
        .certificate = slice_of(device->chain_pem),
        .key = slice_of(device->key_pem),
        .clock_floor_ms = TEST_NOW_S * 1000};
}

static inline void scene_done(struct scene *scene) {
    link_destroy(scene->link);
    timer_close(scene->patience);
    loop_destroy(scene->loop);
    buffer_done(&scene->body);
}

/* Runs until one of these has been told, and says which. */
static inline enum told scene_await(struct scene *scene, unsigned awaited) {
    scene->told = 0;
    scene->awaited = awaited | TOLD_LATE;
    timer_set(scene->patience, PATIENCE_MS);
    loop_run(scene->loop);
    timer_clear(scene->patience);
    assert_int_equal(scene->told & TOLD_LATE, 0);
    return scene->told & awaited;
}

/* Lets the loop run for so long, whatever is told. */
static inline void scene_rest(struct scene *scene, int64_t rest_ms) {
    scene->told = 0;
    scene->awaited = TOLD_LATE;
    timer_set(scene->patience, rest_ms);
    loop_run(scene->loop);
    assert_int_equal(scene->told & TOLD_LATE, TOLD_LATE);
}

static inline void scene_connect(struct scene *scene) {
    struct error error = {0};
    assert_int_equal(link_connect(scene->link, &scene->options, &error), STATUS_OK);
    const enum told told = scene_await(scene, TOLD_CONNECTED | TOLD_LOST);
    if (told != TOLD_CONNECTED) {
        assert_string_equal(scene->error.text, "");
    }
}

static inline void scene_check_lost(struct scene *scene, status code, const char *words) {
    assert_int_equal(scene_await(scene, TOLD_LOST), TOLD_LOST);
    if (scene->error.code != code || strstr(scene->error.text, words) == NULL) {
        assert_string_equal(scene->error.text, words);
    }
    assert_int_equal(scene->error.code, code);
    struct link_facts facts;
    link_facts(scene->link, &facts);
    assert_int_equal(facts.state, LINK_AWAY);
}

/* It cannot connect, and that is why. */
static inline void scene_check_not_connected(struct scene *scene, status code, const char *words) {
    assert_int_equal(link_connect(scene->link, &scene->options, &scene->error), STATUS_OK);
    scene_check_lost(scene, code, words);
    assert_int_equal(scene->connections, 0);
}

static const struct link_request POST = {
    .method = "POST", .path = {.bytes = "/v1/hello", .count = 9}, .type = "application/json"};
static const struct link_request PUT = {.method = "PUT",
                                        .path = {.bytes = "/v1/streams/s/1/1", .count = 17},
                                        .type = "application/zstd"};

static inline void scene_ask(struct scene *scene, struct slice body) {
    assert_int_equal(link_ask(scene->link, &POST, body, &scene->error), STATUS_OK);
    assert_int_equal(scene_await(scene, TOLD_ANSWERED | TOLD_LOST), TOLD_ANSWERED);
}

/* Says what it heard: the common hub. */
static inline void talk_echo(struct link_peer *peer, gnutls_session_t session) {
    while (peer_hear(peer, session)) {
        char head[128];
        (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                       peer->body_bytes);
        if (!peer_say(session, head) || !peer_say_bytes(session, peer->body, peer->body_bytes)) {
            return;
        }
    }
}
