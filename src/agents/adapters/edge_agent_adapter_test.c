// SPDX-License-Identifier: Apache-2.0
/* The adapter under a kind that does nothing but count. */
#include "agents/adapters/edge_agent_adapter.h"

#include "agents/adapters/test_trial.h"

struct agent {
    struct edge_adapter adapter;
    struct trial *trial;
    int stops, rings;
    bool begins; /* each turn begins what waits, and answers it */
};

static struct trial *current; /* open() is not told whose trial it is */

static void take_stop(void *owner, struct agent_call *call) {
    struct agent *agent = owner;
    (void)call;
    agent->stops++;
}

static void take_turn(void *owner) {
    struct agent *agent = owner;
    while (agent->begins && agent->adapter.waiting.count > 0) {
        struct agent_call *call = edge_adapter_begin(&agent->adapter);
        call->out = call->with;
        edge_adapter_end(&agent->adapter, call);
    }
}

static void take_ring(void *owner, int64_t now_ns) {
    struct agent *agent = owner;
    (void)now_ns;
    agent->rings++;
    loop_stop(agent->trial->loop);
}

static const struct edge_adapter_events EVENTS = {
    .stop = take_stop, .turn = take_turn, .rung = take_ring};

static status counting_open(struct loop *loop, const struct agent_manifest *manifest,
                            struct agent **out_agent, struct error *err) {
    struct agent *agent = memory_new(1, sizeof(*agent));
    assert_non_null(agent);
    agent->trial = current;
    *out_agent = agent;
    return edge_adapter_open(&agent->adapter, loop, manifest, &EVENTS, agent, err);
}

static void counting_run(struct agent *agent, struct agent_call *call) {
    edge_adapter_take(&agent->adapter, call);
    edge_adapter_wake(&agent->adapter);
}

static void counting_cancel(struct agent *agent, struct agent_call *call) {
    edge_adapter_cancel(&agent->adapter, call);
}

static void counting_close(struct agent *agent) {
    edge_adapter_close(&agent->adapter);
    memory_free(agent);
}

static const struct agent_kind COUNTING = {.name = "process",
                                           .place = AGENT_ON_LOOP,
                                           .open = counting_open,
                                           .run = counting_run,
                                           .cancel = counting_cancel,
                                           .close = counting_close};

static struct agent *open_counting(struct trial *trial, const char *more) {
    char rest[512];
    current = trial;
    (void)snprintf(rest, sizeof(rest), "command: [cat]\n%s", more);
    trial_open(trial, &COUNTING, rest);
    return trial->agent;
}

static void test_edge_agent_adapter__calls_go_through_in_order(void **state) {
    struct trial *trial = *state;
    open_counting(trial, "")->begins = true;
    struct trial_call calls[3];
    for (int i = 0; i < 3; i++) {
        trial_ask(trial, &calls[i], "{\"a\":1}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(calls[i].ended_as, i + 1);
        assert_answer(&calls[i], "{\"a\":1}");
    }
}

static void test_edge_agent_adapter__a_deadline_ends_what_waits_and_what_runs(void **state) {
    struct trial *trial = *state;
    struct agent *agent = open_counting(trial, "");
    struct trial_call runs, waits, past;
    trial_ask(trial, &runs, "{}", 20);
    assert_ptr_equal(edge_adapter_begin(&agent->adapter), &runs.call);
    trial_ask(trial, &waits, "{}", 40);
    trial_ask(trial, &past, "{}", -5000); /* over before it began */
    trial_wait(trial, 3);
    assert_int_equal(agent->stops, 1);
    assert_failure(&runs, STATUS_TIMEOUT, "did not answer in time");
    assert_failure(&waits, STATUS_TIMEOUT, "had no place free in time");
    assert_failure(&past, STATUS_TIMEOUT, "had no place free in time");
}

static void
test_edge_agent_adapter__a_later_deadline_is_not_ended_with_an_earlier_one(void **state) {
    struct trial *trial = *state;
    struct agent *agent = open_counting(trial, "");
    struct trial_call late, early;
    trial_ask(trial, &late, "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &early, "{}", 20);
    trial_wait(trial, 1);
    assert_failure(&early, STATUS_TIMEOUT, "in time");
    assert_int_equal(late.ended_as, 0);
    agent->begins = true;
    edge_adapter_wake(&agent->adapter);
    trial_wait(trial, 1);
    assert_answer(&late, "{}");
}

static void test_edge_agent_adapter__a_moment_rings_once_and_the_earlier_one_stands(void **state) {
    struct trial *trial = *state;
    struct agent *agent = open_counting(trial, "");
    const int64_t now = clock_boot_ns();
    edge_adapter_ring_at(&agent->adapter, now + INT64_C(3600) * 1000 * 1000 * 1000);
    edge_adapter_ring_at(&agent->adapter, now + 20 * 1000 * 1000);
    edge_adapter_ring_at(&agent->adapter, now + 30 * 1000 * 1000);
    edge_adapter_ring_at(&agent->adapter, 0); /* no moment at all */
    timer_set(trial->patience, TRIAL_PATIENCE_MS);
    loop_run(trial->loop);
    assert_int_equal(agent->rings, 1);
    assert_true(clock_boot_ns() >= now + 20 * 1000 * 1000);
    timer_clear(trial->patience);
    trial_let_pass(trial, 40);
    assert_int_equal(agent->rings, 1);
}

static void test_edge_agent_adapter__too_many_waiting_calls_are_busy(void **state) {
    struct trial *trial = *state;
    struct agent *agent = open_counting(trial, "");
    struct trial_call *calls = memory_new(ADAPTER_WAITING_MAX, sizeof(*calls));
    assert_non_null(calls);
    for (int i = 0; i < ADAPTER_WAITING_MAX; i++) {
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    struct trial_call more;
    trial_ask(trial, &more, "{}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 1);
    assert_failure(&more, STATUS_BUSY, "10000 calls of agent 'under-test' wait already");
    struct error why;
    (void)(fail)(&why, STATUS_CRASH, "all of them"); /* no macro of cmocka */
    edge_adapter_fail_waiting(&agent->adapter, &why);
    trial_wait(trial, ADAPTER_WAITING_MAX);
    for (int i = 0; i < ADAPTER_WAITING_MAX; i++) {
        assert_failure(&calls[i], STATUS_CRASH, "all of them");
    }
    memory_free(calls);
}

static void test_edge_agent_adapter__an_answer_is_an_object_that_fits_the_outputs(void **state) {
    struct trial *trial = *state;
    struct agent *agent =
        open_counting(trial, "outputs: { n: integer, unit: { type: string, default: Cel } }\n");
    struct trial_call one;
    trial_ask(trial, &one, "{}", TRIAL_TIMEOUT_MS);
    struct agent_call *call = &one.call;
    assert_int_equal(edge_adapter_answer(&agent->adapter, call, SLICE("{\"n\":1.5}")),
                     STATUS_INVALID);
    assert_int_equal(edge_adapter_answer(&agent->adapter, call, SLICE("7")), STATUS_INVALID);
    assert_non_null(strstr(call->error.text, "(number): 7"));
    assert_int_equal(edge_adapter_answer(&agent->adapter, call, SLICE("")), STATUS_INVALID);
    assert_int_equal(edge_adapter_answer(&agent->adapter, call, SLICE(" {\"n\":2} \r")), STATUS_OK);
    edge_adapter_end(&agent->adapter, call);
    trial_wait(trial, 1);
    assert_answer(&one, "{\"n\":2,\"unit\":\"Cel\"}");
}

static void test_edge_agent_adapter__an_answer_that_outgrows_the_call_is_full(void **state) {
    struct trial *trial = *state;
    struct agent *agent = open_counting(trial, "");
    struct trial_call one;
    trial_ask(trial, &one, "{}", TRIAL_TIMEOUT_MS);
    one.arena.bytes_max = one.arena.bytes; /* what it has, and no more */
    CLEANUP(buffer_done) struct buffer answer;
    buffer_init(&answer, 1 << 16);
    buffer_add_text(&answer, "{\"n\":[0");
    for (int i = 0; i < 2000; i++) {
        buffer_add_text(&answer, ",1");
    }
    buffer_add_text(&answer, "]}");
    assert_int_equal(edge_adapter_answer(&agent->adapter, &one.call, buffer_slice(&answer)),
                     STATUS_FULL);
    edge_adapter_end(&agent->adapter, &one.call);
    trial_wait(trial, 1);
    assert_failure(&one, STATUS_FULL, "read the answer of agent 'under-test'");
}

static void test_edge_agent_adapter__a_quote_is_short_and_fit_to_print(void **state) {
    (void)state;
    char text[ADAPTER_QUOTE_BYTES];
    edge_adapter_quote(SLICE("plain"), text);
    assert_string_equal(text, "plain");
    edge_adapter_quote(SLICE("a\tb\x01\xff"), text);
    assert_string_equal(text, "a b \xef\xbf\xbd");
    char bytes[1000];
    (void)memset(bytes, 0xff, sizeof(bytes));
    edge_adapter_quote((struct slice){.bytes = bytes, .count = sizeof(bytes)}, text);
    assert_int_equal(strlen(text), 3 * ADAPTER_QUOTE_MAX + 3);
    assert_string_equal(text + 3 * ADAPTER_QUOTE_MAX, "...");
    edge_adapter_quote((struct slice){0}, text);
    assert_string_equal(text, "");
}

#define ADAPTER_TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        ADAPTER_TEST(test_edge_agent_adapter__calls_go_through_in_order),
        ADAPTER_TEST(test_edge_agent_adapter__a_deadline_ends_what_waits_and_what_runs),
        ADAPTER_TEST(test_edge_agent_adapter__a_later_deadline_is_not_ended_with_an_earlier_one),
        ADAPTER_TEST(test_edge_agent_adapter__a_moment_rings_once_and_the_earlier_one_stands),
        ADAPTER_TEST(test_edge_agent_adapter__too_many_waiting_calls_are_busy),
        ADAPTER_TEST(test_edge_agent_adapter__an_answer_is_an_object_that_fits_the_outputs),
        ADAPTER_TEST(test_edge_agent_adapter__an_answer_that_outgrows_the_call_is_full),
        ADAPTER_TEST(test_edge_agent_adapter__a_quote_is_short_and_fit_to_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
