// SPDX-License-Identifier: Apache-2.0
#include "platform/link_test.h"

#include <fcntl.h>

enum {
    MANY_REQUESTS = 10000,
    WARM_REQUESTS = 1000,
    GROWTH_BYTES_MAX = 256 << 10,
    NARROW_BYTES = 16 << 10, /* what a slow hub's socket takes */
    PIECE_BYTES = 60 << 10
};

static struct link_peer hub_that(void (*talk)(struct link_peer *, gnutls_session_t)) {
    return (struct link_peer){.wish = {.identity = hub_identity, .trusted = authority},
                              .talk = talk};
}

static void test_link__what_is_asked_is_answered(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    scene_ask(&scene, SLICE("{\"a\":1}"));
    assert_int_equal(scene.code, 200);
    assert_false(scene.early);
    assert_int_equal(scene.taken_bytes, 7);
    assert_true(slice_is(buffer_slice(&scene.body), "{\"a\":1}"));
    struct link_facts facts;
    link_facts(scene.link, &facts);
    assert_int_equal(facts.state, LINK_IDLE);
    assert_true(facts.sent_bytes > 500 && facts.received_bytes > 500);
    char address[64];
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", hub.port);
    assert_string_equal(facts.address, address);
    assert_string_equal(facts.interface, "lo");
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* --- many on one connection --- */

static size_t resident_bytes(void) {
    char text[64] = "";
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    const ssize_t count = read(file, text, sizeof text - 1);
    unsigned long pages = 0;
    (void)close(file);
    assert_true(count > 0 && sscanf(text, "%*u %lu", &pages) == 1);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void ask_again(struct scene *scene, enum told told) {
    if (told == TOLD_ANSWERED && scene->count > 0) {
        scene->count--;
        scene->told &= ~(unsigned)TOLD_ANSWERED;
        assert_int_equal(link_ask(scene->link, &POST, SLICE("the same as ever"), NULL), STATUS_OK);
    }
}

static void test_link__ten_thousand_requests_on_one_connection_leave_nothing(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    scene.then = ask_again;
    scene.count = WARM_REQUESTS;
    scene_ask(&scene, SLICE("first"));
    const size_t before = resident_bytes();
    scene.count = MANY_REQUESTS;
    scene_ask(&scene, SLICE("first"));
    const size_t after = resident_bytes();
    assert_int_equal(scene.answers, MANY_REQUESTS + WARM_REQUESTS + 2);
    assert_int_equal(scene.connections, 1);
#ifndef EBB_SANITIZED
    assert_true(after < before + GROWTH_BYTES_MAX);
#else
    (void)before;
    (void)after;
#endif
    scene_done(&scene);
    link_peer_stop(&hub);
    assert_int_equal(hub.connections, 1);
}

/* --- bodies in pieces --- */

static char piece_bytes[PIECE_BYTES];

static struct slice piece_number(int number) {
    for (size_t i = 0; i < sizeof piece_bytes; i++) {
        piece_bytes[i] = (char)(i * 7 + (size_t)number * 13 + i / 251);
    }
    return (struct slice){.bytes = piece_bytes, .count = sizeof piece_bytes};
}

static void test_link__a_body_goes_out_as_it_is_written_and_ends_early(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    assert_int_equal(link_begin(scene.link, &PUT, NULL), STATUS_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(link_write(scene.link, piece_number(i), NULL), STATUS_OK);
        while (scene.taken_bytes < (size_t)(i + 1) * PIECE_BYTES) {
            assert_int_equal(scene_await(&scene, TOLD_TAKEN | TOLD_LOST), TOLD_TAKEN);
        }
    }
    link_end(scene.link);
    link_end(scene.link); /* nothing is under way any more, and nothing happens */
    assert_int_equal(scene_await(&scene, TOLD_ANSWERED | TOLD_LOST), TOLD_ANSWERED);
    assert_int_equal(scene.code, 200);
    assert_false(scene.early);
    assert_int_equal(scene.body.count, 5 * PIECE_BYTES);
    for (int i = 0; i < 5; i++) {
        assert_true(slice_equal(slice_part(buffer_slice(&scene.body), (size_t)i * PIECE_BYTES,
                                           (size_t)(i + 1) * PIECE_BYTES),
                                piece_number(i)));
    }
    scene_ask(&scene, SLICE("and another"));
    assert_true(slice_is(buffer_slice(&scene.body), "and another"));
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* Hears nothing more until the test lets it. */
static void talk_slow(struct link_peer *peer, gnutls_session_t session) {
    atomic_bool *may_go_on = peer->owner;
    (void)peer_hear_head(peer, session, -1);
    while (!*may_go_on) {
        (void)usleep(1000);
    }
    long bytes = 1;
    while (bytes > 0) {
        bytes = peer_hear_chunk(peer, session);
    }
    char text[128];
    (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n%7zu",
                   peer->body_bytes);
    (void)peer_say(session, text);
    peer_wait_for_end(session);
}

static void test_link__what_a_slow_hub_does_not_take_stays_with_us(void **state) {
    (void)state;
    struct scene scene;
    atomic_bool may_go_on = false;
    struct link_peer hub = hub_that(talk_slow);
    hub.owner = &may_go_on;
    hub.receive_bytes = NARROW_BYTES;
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    assert_int_equal(link_begin(scene.link, &PUT, NULL), STATUS_OK);
    int written = 0;
    while (link_write(scene.link, piece_number(written), &scene.error) == STATUS_OK) {
        written++;
    }
    assert_int_equal(scene.error.code, STATUS_FULL);
    const size_t all = (size_t)written * PIECE_BYTES;
    assert_true(all > LINK_QUEUE_BYTES_MAX - PIECE_BYTES && all <= LINK_QUEUE_BYTES_MAX);
    assert_int_equal(scene_await(&scene, TOLD_TAKEN | TOLD_LOST), TOLD_TAKEN);
    scene_rest(&scene, 300); /* long enough for the kernel to take what it would */
    struct link_facts facts;
    link_facts(scene.link, &facts);
    assert_true(scene.taken_bytes > 0);
    assert_true(scene.taken_bytes <= 4 * LINK_KERNEL_BYTES);
    assert_true(facts.waiting_bytes >= all - 4 * LINK_KERNEL_BYTES);
    may_go_on = true;
    link_end(scene.link);
    assert_int_equal(scene_await(&scene, TOLD_ANSWERED | TOLD_LOST), TOLD_ANSWERED);
    assert_int_equal(scene.taken_bytes, all);
    assert_int_equal(strtoul(scene.body.bytes, NULL, 10), all);
    link_facts(scene.link, &facts);
    assert_int_equal(facts.waiting_bytes, 0);
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* --- answers that come early --- */

/* Answers each request at its head, and hears the rest of it after that. */
static void talk_early(struct link_peer *peer, gnutls_session_t session) {
    while (peer_hear_head(peer, session, -1)) {
        peer->requests++;
        peer->body_bytes = 0;
        if (!peer_say(session, "HTTP/1.1 409 Conflict\r\nContent-Length: 7\r\n\r\nmissing")) {
            return;
        }
        long bytes = 1;
        while (bytes > 0) {
            bytes = peer_hear_chunk(peer, session);
        }
        if (bytes < 0) {
            return;
        }
    }
}

static void test_link__an_answer_may_come_before_the_body_has_ended(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_early);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(link_begin(scene.link, &PUT, NULL), STATUS_OK);
        for (int k = 0; k < i; k++) {
            assert_int_equal(link_write(scene.link, piece_number(k), NULL), STATUS_OK);
        }
        assert_int_equal(scene_await(&scene, TOLD_ANSWERED | TOLD_LOST), TOLD_ANSWERED);
        assert_int_equal(scene.code, 409);
        assert_true(scene.early);
        assert_true(slice_is(buffer_slice(&scene.body), "missing"));
        struct link_facts facts;
        link_facts(scene.link, &facts);
        assert_int_equal(facts.waiting_bytes, 0);
        assert_int_equal(facts.state, LINK_IDLE);
        assert_int_equal(link_write(scene.link, SLICE("more"), NULL), STATUS_CONFLICT);
        link_end(scene.link);
    }
    assert_int_equal(scene.losses, 0);
    scene_done(&scene);
    link_peer_stop(&hub);
    assert_int_equal(hub.requests, 20); /* each was heard as a request of its own */
    assert_int_equal(hub.connections, 1);
}

/* As the hub's library does it: says its piece, and hangs up with most of the body unheard. */
static void talk_early_and_hang_up(struct link_peer *peer, gnutls_session_t session) {
    char byte;
    (void)peer_hear_head(peer, session, -1);
    for (int i = 0; i < PIECE_BYTES; i++) {
        (void)peer_hear_byte(session, -1, &byte);
    }
    (void)peer_say(session, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 17\r\n"
                            "Connection: close\r\nContent-Length: 4\r\n\r\nbusy");
}

static void test_link__an_early_answer_is_told_though_the_hub_hangs_up(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_early_and_hang_up);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    for (int i = 1; i <= 30; i++) {
        scene_connect(&scene);
        assert_int_equal(link_begin(scene.link, &PUT, NULL), STATUS_OK);
        for (int k = 0; k < i; k++) {
            assert_int_equal(link_write(scene.link, piece_number(k), NULL), STATUS_OK);
        }
        scene.code = 0;
        scene_check_lost(&scene, STATUS_OFFLINE, "");
        if (scene.code != 0) { /* a reset may overtake what was said before it */
            assert_int_equal(scene.code, 503);
            assert_int_equal(scene.retry_after_ms, 17000);
            assert_true(scene.early);
        }
    }
    assert_true(scene.answers > 0);
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void talk_close(struct link_peer *peer, gnutls_session_t session) {
    (void)peer_hear(peer, session);
    (void)peer_say(session, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer_wait_for_end(session); /* the link hangs up by itself */
}

static void ask_in_the_answer(struct scene *scene, enum told told) {
    if (told == TOLD_ANSWERED) {
        assert_int_equal(link_ask(scene->link, &POST, SLICE("x"), NULL), STATUS_OFFLINE);
        assert_int_equal(link_connect(scene->link, &scene->options, NULL), STATUS_CONFLICT);
    }
}

static void test_link__a_hub_that_closes_after_its_answer_is_believed(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_close);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    scene.then = ask_in_the_answer;
    assert_int_equal(link_ask(scene.link, &POST, SLICE("x"), NULL), STATUS_OK);
    scene_check_lost(&scene, STATUS_OFFLINE, "closes the connection after its answer");
    assert_int_equal(scene.answers, 1);
    assert_int_equal(scene.code, 200);
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* --- answers in other shapes --- */

/* What the owner wants said, byte by byte, each in a record of its own. */
static void talk_bytes(struct link_peer *peer, gnutls_session_t session) {
    const char *text = peer->owner;
    if (peer_hear(peer, session)) {
        for (size_t i = 0; text[i] != '\0' && peer_say_bytes(session, text + i, 1); i++) {
        }
        peer_wait_for_end(session);
    }
}

static void check_said(const char *text, int code, const char *body) {
    struct scene scene;
    struct link_peer hub = hub_that(talk_bytes);
    hub.owner = (void *)(uintptr_t)text;
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    scene_ask(&scene, SLICE("x"));
    assert_int_equal(scene.code, code);
    assert_true(slice_is(buffer_slice(&scene.body), body));
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void test_link__an_answer_cut_at_every_byte_is_the_same(void **state) {
    (void)state;
    check_said("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
    check_said("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 Poison\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
               422, "hello");
    check_said("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
}

static void check_not_said(const char *text, status code, const char *words) {
    struct scene scene;
    struct link_peer hub = hub_that(talk_bytes);
    hub.owner = (void *)(uintptr_t)text;
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    assert_int_equal(link_ask(scene.link, &POST, SLICE("x"), NULL), STATUS_OK);
    scene_check_lost(&scene, code, words);
    assert_int_equal(scene.answers, 0);
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void test_link__what_is_no_answer_loses_the_connection(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer long_head;
    buffer_init(&long_head, 64 << 10);
    buffer_add_text(&long_head, "HTTP/1.1 200 OK\r\n");
    while (long_head.count <= 16 << 10) {
        buffer_add_text(&long_head, "X-Header: one of many that are as long as this one\r\n");
    }
    buffer_add_byte(&long_head, '\0');
    check_not_said("SSH-2.0-none\r\n", STATUS_CORRUPT, "its first line: 'SSH-2.0-none'");
    check_not_said("HTTP/1.1 200 OK\r\n\r\n", STATUS_CORRUPT, "where its body ends");
    check_not_said(long_head.bytes, STATUS_FULL, "head has more than 16384 bytes");
    check_not_said("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", STATUS_FULL,
                   "more than 1048576 bytes");
    check_not_said("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", STATUS_FULL,
                   "more than 1048576 bytes");
}

static const char CUT_TEXT[] =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

/* Says so many bytes of it and hangs up without a word. */
static void talk_cut(struct link_peer *peer, gnutls_session_t session) {
    if (peer_hear(peer, session)) {
        (void)peer_say_bytes(session, CUT_TEXT, peer->cut_after_bytes);
    }
}

static void test_link__an_answer_that_is_cut_off_is_none(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_cut);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    for (size_t cut = 0; cut < sizeof CUT_TEXT; cut++) {
        hub.cut_after_bytes = cut;
        scene_connect(&scene);
        assert_int_equal(link_ask(scene.link, &POST, SLICE("x"), NULL), STATUS_OK);
        scene_check_lost(&scene, STATUS_OFFLINE, "closed the connection");
        assert_int_equal(scene.answers, cut + 1 < sizeof CUT_TEXT ? 0 : 1);
    }
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void talk_unasked(struct link_peer *peer, gnutls_session_t session) {
    (void)peer;
    (void)peer_say(session, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    peer_wait_for_end(session);
}

static void talk_twice(struct link_peer *peer, gnutls_session_t session) {
    if (peer_hear(peer, session)) {
        (void)peer_say(session, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        peer_wait_for_end(session);
    }
}

static void test_link__a_hub_says_nothing_that_it_was_not_asked(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_unasked);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    if (scene.losses == 0) {
        scene_check_lost(&scene, STATUS_CORRUPT, "more than it was asked");
    }
    scene_done(&scene);
    link_peer_stop(&hub);

    hub = hub_that(talk_twice);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    scene_connect(&scene);
    assert_int_equal(link_ask(scene.link, &POST, SLICE("x"), NULL), STATUS_OK);
    scene_check_lost(&scene, STATUS_CORRUPT, "more than it was asked");
    assert_int_equal(scene.answers, 1);
    scene_done(&scene);
    link_peer_stop(&hub);
}

static void talk_hang_up(struct link_peer *peer, gnutls_session_t session) {
    (void)peer;
    (void)gnutls_bye(session, GNUTLS_SHUT_WR);
}

static void test_link__an_idle_connection_that_ends_is_told(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_hang_up);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
    scene_check_lost(&scene, STATUS_OFFLINE, "the hub closed the connection");
    assert_int_equal(scene.connections, 1);
    scene_done(&scene);
    link_peer_stop(&hub);
}

/* --- calls out of order, and closing anywhere --- */

static void test_link__what_cannot_be_now_is_refused(void **state) {
    (void)state;
    struct scene scene;
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    scene_open(&scene, hub.port);
    struct link *link = scene.link;
    assert_int_equal(link_ask(link, &POST, SLICE("x"), NULL), STATUS_OFFLINE);
    assert_int_equal(link_begin(link, &PUT, NULL), STATUS_OFFLINE);
    assert_int_equal(link_write(link, SLICE("x"), NULL), STATUS_OFFLINE);
    link_end(link);
    link_close(link);
    scene_connect(&scene);
    assert_int_equal(link_connect(link, &scene.options, NULL), STATUS_CONFLICT);
    assert_int_equal(link_write(link, SLICE("x"), NULL), STATUS_CONFLICT);
    const struct link_request odd = {.method = "GET", .path = SLICE("no path")};
    assert_int_equal(link_ask(link, &odd, SLICE(""), NULL), STATUS_INVALID);
    assert_int_equal(link_ask(link, &POST, SLICE("x"), NULL), STATUS_OK);
    assert_int_equal(link_ask(link, &POST, SLICE("y"), NULL), STATUS_CONFLICT);
    assert_int_equal(link_begin(link, &PUT, NULL), STATUS_CONFLICT);
    assert_int_equal(link_write(link, SLICE("x"), NULL), STATUS_CONFLICT);
    assert_int_equal(scene_await(&scene, TOLD_ANSWERED), TOLD_ANSWERED);
    assert_true(slice_is(buffer_slice(&scene.body), "x"));
    scene_done(&scene);
    link_peer_stop(&hub);
}

static enum told end_in; /* in which of the things told, and how */
static bool ends_for_good;

static void end_inside(struct scene *scene, enum told told) {
    if (told != end_in) {
        return;
    }
    if (ends_for_good) {
        link_destroy(scene->link);
        scene->link = NULL;
    } else {
        link_close(scene->link);
        if (scene->count > 0) { /* and from the start again, in the same breath */
            scene->count--;
            assert_int_equal(link_connect(scene->link, &scene->options, NULL), STATUS_OK);
            return;
        }
    }
    loop_stop(scene->loop);
}

static void ask_when_connected(struct scene *scene, enum told told) {
    if (told == TOLD_CONNECTED && end_in != TOLD_CONNECTED) {
        assert_int_equal(link_begin(scene->link, &PUT, NULL), STATUS_OK);
        assert_int_equal(link_write(scene->link, piece_number(1), NULL), STATUS_OK);
        link_end(scene->link);
    }
    end_inside(scene, told);
}

static void test_link__it_may_be_ended_in_whatever_it_tells(void **state) {
    (void)state;
    const enum told places[] = {TOLD_CONNECTED, TOLD_TAKEN, TOLD_ANSWERED, TOLD_LOST};
    struct link_peer hub = hub_that(talk_close);
    link_peer_start(&hub);
    for (size_t i = 0; i < 3 * sizeof places / sizeof places[0]; i++) {
        struct scene scene;
        end_in = places[i / 3];
        ends_for_good = i % 3 == 0;
        scene_open(&scene, hub.port);
        scene.then = ask_when_connected;
        scene.count = i % 3 == 1 ? 3 : 0;
        assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
        (void)scene_await(&scene, 0);
        assert_true((scene.told & end_in) != 0);
        assert_true(end_in == TOLD_LOST || scene.losses == 0);
        scene_done(&scene);
    }
    link_peer_stop(&hub);
}

/* Closed after so many turns of the loop, wherever that is. */
static void close_after_turns(void *owner) {
    struct scene *scene = owner;
    if (scene->count-- == 0) {
        link_close(scene->link);
        loop_stop(scene->loop);
    }
}

static void test_link__it_may_be_closed_at_any_moment(void **state) {
    (void)state;
    struct link_peer hub = hub_that(talk_echo);
    link_peer_start(&hub);
    for (int turns = 0; turns < 40; turns++) {
        struct scene scene;
        struct turn *turn = NULL;
        end_in = TOLD_LATE;
        scene_open(&scene, hub.port);
        scene.then = ask_when_connected;
        scene.count = turns;
        assert_int_equal(turn_create(scene.loop, close_after_turns, &scene, &turn, NULL),
                         STATUS_OK);
        assert_int_equal(link_connect(scene.link, &scene.options, NULL), STATUS_OK);
        (void)scene_await(&scene, TOLD_ANSWERED | TOLD_LOST);
        assert_int_equal(scene.losses, 0);
        turn_destroy(turn);
        scene_done(&scene);
    }
    link_peer_stop(&hub);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__what_is_asked_is_answered),
        cmocka_unit_test(test_link__ten_thousand_requests_on_one_connection_leave_nothing),
        cmocka_unit_test(test_link__a_body_goes_out_as_it_is_written_and_ends_early),
        cmocka_unit_test(test_link__what_a_slow_hub_does_not_take_stays_with_us),
        cmocka_unit_test(test_link__an_answer_may_come_before_the_body_has_ended),
        cmocka_unit_test(test_link__an_early_answer_is_told_though_the_hub_hangs_up),
        cmocka_unit_test(test_link__a_hub_that_closes_after_its_answer_is_believed),
        cmocka_unit_test(test_link__an_answer_cut_at_every_byte_is_the_same),
        cmocka_unit_test(test_link__what_is_no_answer_loses_the_connection),
        cmocka_unit_test(test_link__an_answer_that_is_cut_off_is_none),
        cmocka_unit_test(test_link__a_hub_says_nothing_that_it_was_not_asked),
        cmocka_unit_test(test_link__an_idle_connection_that_ends_is_told),
        cmocka_unit_test(test_link__what_cannot_be_now_is_refused),
        cmocka_unit_test(test_link__it_may_be_ended_in_whatever_it_tells),
        cmocka_unit_test(test_link__it_may_be_closed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, set_up_identities, tear_down_identities);
}
