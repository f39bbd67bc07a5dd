// SPDX-License-Identifier: Apache-2.0
/* What is posted: taken once, told when it is on disk, refused with a code. */
#include "runtime/triggers/http_feed.h"

#include <string.h>

#include "runtime/test_stage.h"

/* Posts of one test, in their order. */
enum { POSTS_MAX = 8 };

struct told {
    struct http_post post; /* first */
    int times;
    enum http_post_end end;
    struct error err;
};

static struct told posts[POSTS_MAX];
static size_t post_count;

static void note(struct http_post *post, enum http_post_end end, const struct error *err) {
    struct told *told = (struct told *)post;
    told->times++;
    told->end = end;
    told->err = *err;
}

static int make(void **state) {
    static char path[2 * TEST_PATH_BYTES];
    const int made = stage_make(state);
    struct stage *stage = *state;
    post_count = 0;
    memset(posts, 0, sizeof(posts));
    (void)snprintf(path, sizeof(path), "%s/ebb.sock", stage->folder.path);
    stage->options.socket = path;
    stage->options.feeds_closed = false;
    return made;
}

static struct told *post(struct stage *stage, const char *type, const char *key, const char *body) {
    struct slot *slot = stage_slot(stage, "flow");
    assert_int_equal(slot->feed_count, 1);
    assert_true(post_count < POSTS_MAX);
    struct told *told = &posts[post_count++];
    told->post = (struct http_post){.body = slice_of(body),
                                    .content_type = slice_of(type),
                                    .key = slice_of(key),
                                    .ended = note};
    http_feed_post(slot->feeds[0], &told->post);
    return told;
}

/* How a post that is answered at once was answered. */
static enum http_post_end end_of(struct stage *stage, const char *type, const char *key,
                                 const char *body) {
    post_count = 0;
    memset(posts, 0, sizeof(posts));
    const struct told *told = post(stage, type, key, body);
    assert_int_equal(told->times, 1);
    return told->end;
}

static bool all_told(struct stage *stage) {
    (void)stage;
    for (size_t i = 0; i < post_count; i++) {
        if (posts[i].times == 0) {
            return false;
        }
    }
    return true;
}

static const char RESULT[] = "results:\n"
                             "  - name: out\n"
                             "    from:\n"
                             "      d: ${ .event.data }\n"
                             "      t: ${ .event.text }\n"
                             "      id: ${ .event.id }\n";

static void open_flow(struct stage *stage, const char *rest) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "%s%s", rest, RESULT);
    stage_flow(stage, "flow", text);
    stage_open(stage);
}

static void test_http_feed__makes_events_of_json_and_of_text(void **state) {
    struct stage *stage = *state;
    open_flow(stage, "trigger: { http: {} }\n");
    (void)post(stage, "application/json", "", "{\"t\":1}");
    (void)post(stage, "Application/JSON; charset=UTF-8", "k", " [2] ");
    (void)post(stage, "application/geo+json", "", "3");
    (void)post(stage, "text/plain", "", "hello\n");
    (void)post(stage, "text/csv; header=absent; charset=\"us-ascii\"", "", "a\xff");
    (void)post(stage, "", "", "6");
    stage_until_ended(stage, 6);
    assert_text(&stage->said, "normal out {\"d\":{\"t\":1},\"t\":null,\"id\":null}\n"
                              "normal out {\"d\":[2],\"t\":null,\"id\":\"k\"}\n"
                              "normal out {\"d\":3,\"t\":null,\"id\":null}\n"
                              "normal out {\"d\":null,\"t\":\"hello\\n\",\"id\":null}\n"
                              "normal out {\"d\":null,\"t\":\"a\xef\xbf\xbd\",\"id\":null}\n"
                              "normal out {\"d\":6,\"t\":null,\"id\":null}\n");
    for (size_t i = 0; i < post_count; i++) {
        assert_int_equal(posts[i].times, 1);
        assert_int_equal(posts[i].end, POST_TAKEN);
    }
}

static void test_http_feed__refuses_what_is_no_event(void **state) {
    struct stage *stage = *state;
    char long_key[HTTP_KEY_BYTES_MAX + 2] = "";
    memset(long_key, 'k', sizeof(long_key) - 1);
    open_flow(stage, "trigger: { http: json }\n");
    assert_int_equal(end_of(stage, "text/plain", "", "1"), POST_WRONG_TYPE);
    assert_int_equal(end_of(stage, "application/x-www-form-urlencoded", "", "1"), POST_WRONG_TYPE);
    assert_int_equal(end_of(stage, "application/json; charset=latin1", "", "1"), POST_WRONG_TYPE);
    assert_non_null(strstr(posts[0].err.text, "this workflow takes application/json, in UTF-8"));
    assert_int_equal(end_of(stage, ";", "", "{"), POST_INVALID); /* no type: JSON */
    assert_int_equal(end_of(stage, "application/json", "", "{\"a\":}"), POST_INVALID);
    assert_non_null(strstr(posts[0].err.text, "not JSON at 1:6"));
    assert_int_equal(end_of(stage, "application/json", "", "  "), POST_INVALID);
    assert_int_equal(end_of(stage, "application/json", "a\x01", "1"), POST_INVALID);
    assert_int_equal(end_of(stage, "application/json", long_key, "1"), POST_INVALID);
    assert_int_equal(stage_slot(stage, "flow")->counts.events, 0);
}

static void test_http_feed__refuses_more_than_an_event_may_hold(void **state) {
    struct stage *stage = *state;
    enum { COUNT = 500 * 1000 };
    char *many = memory_new(1, 2 * COUNT + 2);
    assert_non_null(many);
    for (size_t i = 0; i < COUNT; i++) {
        many[2 * i] = i == 0 ? '[' : ',';
        many[2 * i + 1] = '1';
    }
    many[2 * COUNT] = ']';
    open_flow(stage, "trigger: { http: json }\n");
    assert_int_equal(end_of(stage, "application/json", "", many), POST_TOO_LARGE);
    memory_free(many);
}

#define EACH "durability: { runs: each, results: each }\n"

static void test_http_feed__takes_an_event_of_a_key_once(void **state) {
    struct stage *stage = *state;
    open_flow(stage, "trigger: { http: json }\n" EACH);
    (void)post(stage, "", "a", "1");
    const struct told *again = post(stage, "", "a", "2");
    assert_int_equal(again->end, POST_UNDER_WAY); /* it is not on disk yet */
    stage_until_ended(stage, 1);
    assert_int_equal(posts[0].end, POST_TAKEN);
    assert_int_equal(end_of(stage, "", "a", "3"), POST_KNOWN);
    stage_close(stage);
    stage_open(stage);
    assert_int_equal(end_of(stage, "", "a", "4"), POST_KNOWN);
    (void)post(stage, "", "b", "5");
    stage_until_ended(stage, 2);
    assert_text(&stage->said, "normal out {\"d\":1,\"t\":null,\"id\":\"a\"}\n"
                              "normal out {\"d\":5,\"t\":null,\"id\":\"b\"}\n");
}

static const char SLOW[] = "steps: [ { id: wait, agent: wait, with: {} } ]\n";

static void write_slow(struct stage *stage) {
    stage_script(stage, "wait", "mode: once\ninputs: {}\noutputs: {}\n",
                 "#!/bin/sh\nread line\ntouch \"$0.begun\"\n"
                 "while [ ! -e \"$0.go\" ]; do sleep 0.02; done\necho '{}'\n");
}

/* Three at once of which one runs: all are told as soon as they are on disk. */
static void test_http_feed__tells_when_it_is_kept_and_not_when_its_turn_comes(void **state) {
    struct stage *stage = *state;
    char rest[512];
    write_slow(stage);
    (void)snprintf(rest, sizeof(rest), "trigger: { http: json, queue: { max: 2 } }\n" EACH "%s",
                   SLOW);
    open_flow(stage, rest);
    (void)post(stage, "", "", "1");
    (void)post(stage, "", "", "2");
    stage_until(stage, all_told);
    (void)post(stage, "", "x", "3");
    stage_until(stage, all_told);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(posts[i].end, POST_TAKEN);
    }
    assert_int_equal(end_of(stage, "", "", "4"), POST_FULL);
    assert_int_equal(end_of(stage, "", "x", "3"), POST_KNOWN);
    stage_write(stage, "flows/agents/wait/run.go", "");
    stage_until_ended(stage, 3);
    assert_text(&stage->said, "normal out {\"d\":1,\"t\":null,\"id\":null}\n"
                              "normal out {\"d\":2,\"t\":null,\"id\":null}\n"
                              "normal out {\"d\":3,\"t\":null,\"id\":\"x\"}\n");
}

static void test_http_feed__tells_what_the_queue_let_go(void **state) {
    struct stage *stage = *state;
    char rest[512];
    write_slow(stage);
    (void)snprintf(rest, sizeof(rest),
                   "trigger: { http: json, queue: { max: 1, full: drop_oldest } }\n" EACH "%s",
                   SLOW);
    open_flow(stage, rest);
    (void)post(stage, "", "", "1");
    stage_until_file(stage, "flows/agents/wait/run.begun");
    (void)post(stage, "", "k", "2");
    (void)post(stage, "", "", "3");
    assert_int_equal(posts[0].end, POST_TAKEN);
    assert_int_equal(posts[1].end, POST_FULL);
    assert_int_equal(posts[2].times, 0); /* its turn comes */
    stage_write(stage, "flows/agents/wait/run.go", "");
    stage_until_ended(stage, 2);
    assert_int_equal(posts[2].end, POST_TAKEN);
    (void)post(stage, "", "k", "4"); /* what was not taken may come again */
    stage_until_ended(stage, 3);
    assert_int_equal(posts[3].end, POST_TAKEN);
}

static void test_http_feed__tells_who_waits_that_the_daemon_ends(void **state) {
    struct stage *stage = *state;
    char rest[512];
    write_slow(stage);
    (void)snprintf(rest, sizeof(rest),
                   "trigger: { http: json, queue: { max: 5, full: drop_oldest } }\n" EACH "%s",
                   SLOW);
    open_flow(stage, rest);
    (void)post(stage, "", "", "1");
    stage_until_file(stage, "flows/agents/wait/run.begun");
    (void)post(stage, "", "", "2");
    struct told *forgotten = post(stage, "", "", "3");
    http_post_forget(&forgotten->post);
    stage_close(stage);
    assert_int_equal(posts[1].times, 1);
    assert_int_equal(posts[1].end, POST_BUSY);
    assert_int_equal(forgotten->times, 0);
}

#define SCHEMA "  schema: { t: { type: number, max: 60 } }\n"

static void test_http_feed__keeps_aside_what_does_not_fit(void **state) {
    struct stage *stage = *state;
    open_flow(stage, "trigger:\n  http: {}\n" SCHEMA EACH);
    (void)post(stage, "application/json", "k", "{\"t\":61}");
    stage_until(stage, all_told);
    assert_int_equal(posts[0].end, POST_ASIDE);
    assert_string_equal(posts[0].err.text, "field 't' is 61: at most 60");
    (void)post(stage, "application/json", "k", "{\"t\":60}"); /* the same event */
    assert_int_equal(posts[1].end, POST_KNOWN);
    assert_int_equal(end_of(stage, "text/plain", "", "61"), POST_WRONG_TYPE);
    (void)post(stage, "application/json", "l", "{\"t\":60}");
    stage_until_ended(stage, 1);
    const char *list = stage_list(stage, READ_EVENTS, LANE_COUNT)->bytes;
    assert_non_null(strstr(list, "\"event_id\":\"k\",\"reason\":\"field 't' is 61: at most 60\""));
    assert_int_equal(stage_slot(stage, "flow")->counts.quarantined, 1);
    assert_part(&stage->refused, "flow: an event is kept aside (`ebb event list`): field 't'");
}

static void test_http_feed__drops_what_does_not_fit_where_that_is_said(void **state) {
    struct stage *stage = *state;
    open_flow(stage, "trigger:\n  http: {}\n" SCHEMA "  invalid: drop\n" EACH);
    assert_int_equal(end_of(stage, "", "k", "{}"), POST_UNFIT);
    assert_string_equal(posts[0].err.text, "field 't' is missing");
    assert_int_equal(stage_slot(stage, "flow")->counts.refused, 1);
    (void)post(stage, "", "k", "{\"t\":1}"); /* nothing was taken under this key */
    stage_until_ended(stage, 1);
    assert_int_equal(posts[1].end, POST_TAKEN);
}

static void test_http_feed__lets_a_run_fail_for_what_does_not_fit(void **state) {
    struct stage *stage = *state;
    open_flow(stage, "trigger:\n  http: {}\n" SCHEMA "  invalid: fail\n" EACH);
    (void)post(stage, "", "k", "{}");
    stage_until_ended(stage, 1);
    assert_int_equal(posts[0].end, POST_TAKEN);
    assert_text(&stage->said, "normal failure  invalid\n");
    assert_text(&stage->ended, "flow failed: field 't' is missing\n");
}

/* As it lies on disk: the run of an event that does not fit fails after a crash, too. */
static bool told_once(struct stage *stage) {
    (void)stage;
    return posts[0].times == 1;
}

static void post_unfit(struct stage *stage) {
    (void)post(stage, "", "k", "{}");
}

static void test_http_feed__lets_it_fail_after_a_crash_as_well(void **state) {
    struct stage *stage = *state;
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "trigger:\n  http: {}\n" SCHEMA "  invalid: fail\n" EACH "%s", RESULT);
    stage_flow(stage, "flow", text);
    stage_crash(stage, post_unfit, told_once);
    stage_open(stage);
    stage_let_pass(stage, 20);
    if (stage->ends > 0) { /* unless its failure was on disk already */
        assert_text(&stage->ended, "flow failed: field 't' is missing\n");
    }
    assert_int_equal(stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "field 't' is missing"),
                     1);
}

static void test_http_feed__goes_by_the_id_that_the_workflow_says(void **state) {
    struct stage *stage = *state;
    open_flow(stage, "trigger:\n  http: {}\n  event: { id: \"${ .data.n }\" }\n" EACH);
    (void)post(stage, "", "one", "{\"n\":1}");
    stage_until_ended(stage, 1);
    assert_int_equal(end_of(stage, "", "another", "{\"n\":1}"), POST_KNOWN);
    assert_text(&stage->said, "normal out {\"d\":{\"n\":1},\"t\":null,\"id\":\"1\"}\n");
}

static void test_http_feed__needs_a_socket(void **state) {
    struct stage *stage = *state;
    stage->options.socket = NULL;
    open_flow(stage, "trigger: { http: json }\n");
    assert_int_equal(stage_slot(stage, "flow")->state, SLOT_FAULTY);
    assert_part(&stage->refused, "a trigger on HTTP works under `ebb serve`");
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, make, stage_end)
    const struct CMUnitTest tests[] = {
        STAGED(test_http_feed__makes_events_of_json_and_of_text),
        STAGED(test_http_feed__refuses_what_is_no_event),
        STAGED(test_http_feed__refuses_more_than_an_event_may_hold),
        STAGED(test_http_feed__takes_an_event_of_a_key_once),
        STAGED(test_http_feed__tells_when_it_is_kept_and_not_when_its_turn_comes),
        STAGED(test_http_feed__tells_what_the_queue_let_go),
        STAGED(test_http_feed__tells_who_waits_that_the_daemon_ends),
        STAGED(test_http_feed__keeps_aside_what_does_not_fit),
        STAGED(test_http_feed__drops_what_does_not_fit_where_that_is_said),
        STAGED(test_http_feed__lets_a_run_fail_for_what_does_not_fit),
        STAGED(test_http_feed__lets_it_fail_after_a_crash_as_well),
        STAGED(test_http_feed__goes_by_the_id_that_the_workflow_says),
        STAGED(test_http_feed__needs_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
