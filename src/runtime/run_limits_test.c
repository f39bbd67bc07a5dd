// SPDX-License-Identifier: Apache-2.0
/* How often a result may come, over restarts too, and what is said of those between. */
#include "runtime/run_limits.h"

#include "runtime/test_stage.h"

/* `limit` is what stands behind `limit:`. */
static void write_flow(struct stage *stage, const char *limit, const char *rest) {
    char text[2048];
    (void)snprintf(text, sizeof(text),
                   "trigger: { stdin: json }\n%s"
                   "results:\n"
                   "  - { name: all, from: '${ .event.data.n }', priority: low }\n"
                   "  - name: some\n"
                   "    limit: %s\n"
                   "    from: { n: '${ .event.data.n }' }\n"
                   "  - { name: last, when: .event.data.n == 9, from: 1 }\n",
                   rest, limit);
    stage_flow(stage, "flow", text);
}

/* Events of a key, one after the other, each with its number. */
static void run_numbers(struct stage *stage, const char *key, int from, int to) {
    for (int n = from; n < to; n++) {
        char json[64];
        (void)snprintf(json, sizeof(json), "{\"k\":\"%s\",\"n\":%d}", key, n);
        stage_offer(stage, "flow", json);
        stage_until_ended(stage, stage->ends + 1);
    }
}

/* What was said in lane normal alone. */
static void assert_some(struct stage *stage, const char *expected) {
    struct buffer text;
    buffer_init(&text, STAGE_TEXT_BYTES);
    buffer_add_byte(&stage->said, 0);
    for (char *line = strtok(stage->said.bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "normal ", 7) == 0) {
            buffer_print(&text, "%s\n", line + 7);
        }
    }
    assert_text(&text, expected);
    buffer_done(&text);
    stage_forget(stage);
}

static void test_run_limits__what_is_beyond_is_held_back_and_counted_in_the_next(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/400ms }", "");
    stage_open(stage);
    run_numbers(stage, "a", 0, 4);
    assert_int_equal(stage_slot(stage, "flow")->counts.held, 3);
    stage_let_pass(stage, 450);
    run_numbers(stage, "a", 4, 6);
    assert_some(stage, "some {\"n\":0,\"held\":0}\nsome {\"n\":4,\"held\":3}\n");
}

static void test_run_limits__others_of_the_run_stay_as_they_are(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/h }", "");
    stage_open(stage);
    run_numbers(stage, "a", 8, 10);
    assert_part(&stage->said, "low all 9\n");
    assert_some(stage, "some {\"n\":8,\"held\":0}\nlast 1\n");
    assert_int_equal(stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "\"name\":\"some\""), 1);
    assert_int_equal(stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "\"name\":\"all\""), 2);
}

static void test_run_limits__each_key_has_one_of_its_own(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 2/h, by: '${ .event.data.k }' }", "concurrency: 4\n");
    stage_open(stage);
    run_numbers(stage, "a", 0, 4);
    run_numbers(stage, "b", 4, 7);
    assert_some(stage, "some {\"n\":0,\"held\":0}\nsome {\"n\":1,\"held\":0}\n"
                       "some {\"n\":4,\"held\":0}\nsome {\"n\":5,\"held\":0}\n");
}

static void test_run_limits__dropped_ones_leave_no_word(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/200ms, over: drop }", "");
    stage_open(stage);
    run_numbers(stage, "a", 0, 3);
    stage_let_pass(stage, 250);
    run_numbers(stage, "a", 3, 4);
    assert_some(stage, "some {\"n\":0}\nsome {\"n\":3}\n");
    assert_int_equal(stage_slot(stage, "flow")->counts.held, 2);
}

static void test_run_limits__hold_over_a_restart(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/500ms }", "");
    stage_open(stage);
    run_numbers(stage, "a", 0, 3);
    assert_some(stage, "some {\"n\":0,\"held\":0}\n");
    stage_close(stage);
    stage_open(stage);
    run_numbers(stage, "a", 3, 4);
    assert_some(stage, "");
    stage_let_pass(stage, 550);
    run_numbers(stage, "a", 4, 5);
    assert_some(stage, "some {\"n\":4,\"held\":3}\n");
}

static void test_run_limits__the_last_comes_when_there_is_room(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/400ms, over: last, by: '${ .event.data.k }' }", "");
    stage_open(stage);
    run_numbers(stage, "a", 0, 3);
    run_numbers(stage, "b", 3, 4);
    assert_some(stage, "some {\"n\":0,\"held\":0}\nsome {\"n\":3,\"held\":0}\n");
    stage_let_pass(stage, 600);
    assert_some(stage, "some {\"n\":2,\"held\":1}\n");
    stage_let_pass(stage, 600);
    assert_some(stage, "");
    run_numbers(stage, "a", 4, 5);
    assert_some(stage, "some {\"n\":4,\"held\":0}\n");
    assert_int_equal(stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "\"name\":\"some\""), 4);
}

static void test_run_limits__the_last_comes_after_a_restart(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/500ms, over: last }", "");
    stage_open(stage);
    run_numbers(stage, "a", 0, 3);
    stage_forget(stage);
    stage_close(stage);
    stage_open(stage);
    stage_let_pass(stage, 700);
    assert_some(stage, "some {\"n\":2,\"held\":1}\n");
    stage_close(stage);
    stage_open(stage);
    stage_let_pass(stage, 700);
    assert_some(stage, "");
}

static void test_run_limits__the_last_comes_with_what_is_private_of_it(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow",
               "trigger: { stdin: json }\n"
               "results:\n"
               "  - name: some\n"
               "    limit: { rate: 1/300ms, over: last }\n"
               "    from: { n: '${ .event.data.n }', k: '${ .event.data.k }' }\n"
               "    private: { k: drop }\n");
    stage_open(stage);
    run_numbers(stage, "a", 0, 1);
    run_numbers(stage, "b", 1, 2);
    run_numbers(stage, "c", 2, 3);
    stage_let_pass(stage, 500);
    assert_some(stage, "some {\"n\":0,\"held\":0}\nsome {\"n\":2,\"held\":1}\n");
    struct buffer *local = stage_list(stage, READ_PEEK, LANE_LOCAL);
    assert_part(local, "\"result\":{\"k\":\"a\"}");
    assert_part(local, "\"result\":{\"k\":\"c\"}");
    assert_null(strstr(local->bytes, "\"result\":{\"k\":\"b\"}"));
}

static void begin_three(struct stage *stage) {
    run_numbers(stage, "a", 0, 3);
}

static void begin_two(struct stage *stage) {
    run_numbers(stage, "a", 0, 2);
}

static bool is_now(struct stage *stage) {
    (void)stage;
    return true;
}

static void test_run_limits__hold_after_a_crash(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/h }", "");
    stage_crash(stage, begin_two, is_now);
    stage_open(stage);
    run_numbers(stage, "a", 2, 4);
    assert_some(stage, "");
    assert_int_equal(stage_slot(stage, "flow")->counts.held, 2);
}

static void test_run_limits__the_last_comes_after_a_crash(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/500ms, over: last }", "");
    stage_crash(stage, begin_three, is_now);
    stage_open(stage);
    stage_let_pass(stage, 700);
    assert_some(stage, "some {\"n\":2,\"held\":1}\n");
}

static void test_run_limits__are_forgotten_with_the_process_where_state_is(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "{ rate: 1/h }", "durability: { state: none }\n");
    stage_open(stage);
    run_numbers(stage, "a", 0, 2);
    stage_close(stage);
    stage_open(stage);
    run_numbers(stage, "a", 2, 4);
    assert_some(stage, "some {\"n\":0,\"held\":0}\nsome {\"n\":2,\"held\":0}\n");
}

static void test_run_limits__a_key_has_a_bound(void **state) {
    struct stage *stage = *state;
    char json[1200];
    write_flow(stage, "{ rate: 1/h, by: '${ .event.data.k }' }", "");
    stage_open(stage);
    (void)snprintf(json, sizeof(json), "{\"n\":1,\"k\":\"%01100d\"}", 7);
    stage_offer(stage, "flow", json);
    stage_until_ended(stage, 1);
    assert_part(&stage->ended, "result 'some': `by` of its limit gives more than 1024 bytes");
}

int main(void) {
    log_set_level(LOG_ERROR);
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_end)
    const struct CMUnitTest tests[] = {
        STAGED(test_run_limits__what_is_beyond_is_held_back_and_counted_in_the_next),
        STAGED(test_run_limits__others_of_the_run_stay_as_they_are),
        STAGED(test_run_limits__each_key_has_one_of_its_own),
        STAGED(test_run_limits__dropped_ones_leave_no_word),
        STAGED(test_run_limits__hold_over_a_restart),
        STAGED(test_run_limits__hold_after_a_crash),
        STAGED(test_run_limits__the_last_comes_when_there_is_room),
        STAGED(test_run_limits__the_last_comes_with_what_is_private_of_it),
        STAGED(test_run_limits__the_last_comes_after_a_restart),
        STAGED(test_run_limits__the_last_comes_after_a_crash),
        STAGED(test_run_limits__are_forgotten_with_the_process_where_state_is),
        STAGED(test_run_limits__a_key_has_a_bound),
    };
    return cmocka_run_group_tests_name("runtime/run_limits", tests, NULL, NULL);
}
