// SPDX-License-Identifier: Apache-2.0
#include "runtime/tally.h"

#include "runtime/test_stage.h"

static const char STEPS[] = "steps:\n"
                            "  - { id: a, agent: filter, with: { n: '${ .event.data.n }' } }\n"
                            "  - id: b\n"
                            "    agent: filter\n"
                            "    when: .event.data.n > 1\n"
                            "    with: { n: 1 }\n"
                            "  - id: c\n"
                            "    agent: broken\n"
                            "    when: .event.data.n > 2\n"
                            "    on_error: { skip: step }\n"
                            "    with: { n: 1 }\n";

static void write_flow(struct stage *stage, const char *results) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "trigger: { http: json }\n%s%s", STEPS, results);
    stage_flow(stage, "flow", text);
}

static void assert_tally(const struct stage *stage, const char *steps, const char *results) {
    const struct tally *tally = stage_slot(stage, "flow")->tally;
    struct buffer out;
    buffer_init(&out, 4096);
    tally_write_steps(tally, &out);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, steps);
    buffer_clear(&out);
    tally_write_results(tally, &out);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, results);
    buffer_done(&out);
}

static void begin(struct stage *stage) {
    stage_agent(stage, "filter", "kind: jq\nfilter: '.'\n");
    stage_agent(stage, "broken", "kind: jq\nfilter: 'error(\"on purpose\")'\n");
    write_flow(stage, "results:\n"
                      "  - { name: out, from: { n: 1 } }\n"
                      "  - { name: large, when: .event.data.n > 2, from: { n: 1 } }\n");
    stage_open(stage);
    for (int n = 1; n <= 3; n++) {
        char json[32];
        (void)snprintf(json, sizeof(json), "{\"n\":%d}", n);
        stage_offer(stage, "flow", json);
    }
    stage_until_ended(stage, 3);
}

static void test_tally__counts_what_ran_failed_and_was_skipped(void **state) {
    struct stage *stage = *state;
    begin(stage);
    assert_tally(stage,
                 "{\"a\":{\"runs\":3,\"failures\":0,\"skipped\":0},"
                 "\"b\":{\"runs\":2,\"failures\":0,\"skipped\":1},"
                 "\"c\":{\"runs\":1,\"failures\":1,\"skipped\":2}}",
                 "{\"out\":3,\"large\":1}");
    const struct tally *tally = stage_slot(stage, "flow")->tally;
    assert_int_equal(tally_of_step(tally, SLICE("b")).runs, 2);
    assert_int_equal(tally_of_step(tally, SLICE("d")).runs, 0);
    assert_int_equal(tally_of_step(NULL, SLICE("b")).runs, 0);
}

static bool has_two(struct stage *stage) {
    const struct slot *slot = stage_slot(stage, "flow");
    return slot->version_count == 2 && slot->state == SLOT_RUNNING;
}

static void test_tally__follows_names_from_version_to_version(void **state) {
    struct stage *stage = *state;
    struct error err;
    begin(stage);
    write_flow(stage, "results:\n"
                      "  - { name: other, from: { n: 1 } }\n"
                      "  - { name: large, when: .event.data.n > 2, from: { n: 1 } }\n");
    assert_int_equal(daemon_reload(stage->daemon, &err), STATUS_OK);
    stage_until(stage, has_two);
    stage_offer(stage, "flow", "{\"n\":3}");
    stage_until_ended(stage, 4);
    assert_tally(stage,
                 "{\"a\":{\"runs\":4,\"failures\":0,\"skipped\":0},"
                 "\"b\":{\"runs\":3,\"failures\":0,\"skipped\":1},"
                 "\"c\":{\"runs\":2,\"failures\":2,\"skipped\":2}}",
                 "{\"other\":1,\"large\":2}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tally__counts_what_ran_failed_and_was_skipped,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_tally__follows_names_from_version_to_version,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
