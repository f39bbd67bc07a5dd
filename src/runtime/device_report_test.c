// SPDX-License-Identifier: Apache-2.0
#include "runtime/device_report.h"

#include "platform/json.h"
#include "runtime/test_stage.h"

static const struct sender_link LINK = {.kind = "wifi", .metered = true};

static struct arena arena;

static int begin(void **state) {
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    return stage_make(state);
}

static int end(void **state) {
    arena_done(&arena);
    return stage_end(state);
}

static void write_it(const struct stage *stage, struct buffer *out) {
    const struct device_report_facts facts = {
        .orchestrator = stage->daemon->orchestrator,
        .link = &LINK,
        .lanes = {[LANE_URGENT] = {.waiting = 3, .bytes = 300, .oldest_ms = 5, .behind = true}},
        .began_ms = 1000,
        .up_s = 60,
        .store_bytes = 10,
        .store_budget_bytes = 100,
        .store_full = true};
    device_report_write(&facts, out);
    assert_true(out->count <= REPORT_BYTES_MAX);
    assert_int_equal(out->failed, STATUS_OK);
}

static struct value read_back(const struct buffer *text) {
    struct value report;
    struct report_workflow *workflows = NULL;
    struct error err;
    int count = 0;
    assert_int_equal(report_read(&arena, buffer_slice(text), &workflows, &count, &err), STATUS_OK);
    assert_int_equal(json_read(&arena, buffer_slice(text), &report, &err), STATUS_OK);
    return report;
}

static void test_device_report__says_how_a_device_is(void **state) {
    struct stage *stage = *state;
    struct buffer text;
    stage_agent(stage, "filter", "kind: jq\nfilter: '.'\n");
    stage_flow(stage, "flow",
               "trigger: { http: json }\n"
               "steps: [ { id: a, agent: filter, with: {} } ]\n"
               "results: [ { name: out, from: { n: 1 } } ]\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{}");
    stage_until_ended(stage, 1);
    buffer_init(&text, 2 * REPORT_BYTES_MAX);
    write_it(stage, &text);
    (void)read_back(&text);
    buffer_add_byte(&text, '\0');
    static const char *const PARTS[] = {
        "\"up_s\":60,\"began_ms\":1000,\"clock\":{\"quality\":\"",
        "\"link\":{\"kind\":\"wifi\",\"metered\":true}",
        "\"store\":{\"bytes\":10,\"budget_bytes\":100,\"full\":true}",
        "{\"lane\":\"urgent\",\"waiting\":3,\"bytes\":300,\"oldest_ms\":5,\"behind\":true}",
        "{\"lane\":\"bulk\",\"waiting\":0,\"bytes\":0,\"oldest_ms\":0,\"behind\":false}",
        "\"workflows\":[{\"name\":\"flow\",\"digest\":\"",
        "\"state\":\"running\",\"events\":1,\"runs\":1,\"results\":1,\"failures\":0,",
        "\"steps\":{\"a\":{\"runs\":1,\"failures\":0,\"skipped\":0}}",
        "\"results_by_name\":{\"out\":1}",
        "\"agents\":[{\"name\":\"filter\",\"version\":\"1.0.0\",\"state\":\"ready\"}]"};
    for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
        if (strstr(text.bytes, PARTS[i]) == NULL) {
            fail_msg("%s is not in %s", PARTS[i], text.bytes);
        }
    }
    buffer_done(&text);
}

/* More than stage_flow takes. */
static void write_large(struct stage *stage, const char *name, const char *rest) {
    char path[64];
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_print(&text, "ebb: 1\nworkflow: %s\n%s", name, rest);
    buffer_add_byte(&text, '\0');
    (void)snprintf(path, sizeof(path), "flows/%s.yaml", name);
    stage_write(stage, path, text.bytes);
}

/* Steps go first, then workflows; what was left out is counted. */
static void test_device_report__leaves_out_what_does_not_fit(void **state) {
    struct stage *stage = *state;
    struct buffer text;
    stage_agent(stage, "filter", "kind: jq\nfilter: '.'\n");
    for (int i = 0; i < 6; i++) {
        char name[32];
        CLEANUP(buffer_done) struct buffer flow;
        buffer_init(&flow, 1 << 20);
        buffer_add_text(&flow, "trigger: { http: json }\nsteps:\n");
        for (int k = 0; k < WORKFLOW_STEPS_MAX; k++) {
            buffer_print(&flow, "  - { id: a_long_name_of_a_step_%d, agent: filter, with: {} }\n",
                         k);
        }
        buffer_add_byte(&flow, '\0');
        (void)snprintf(name, sizeof(name), "flow-%d", i);
        write_large(stage, name, flow.bytes);
    }
    stage_open(stage);
    buffer_init(&text, 2 * REPORT_BYTES_MAX);
    write_it(stage, &text);
    const struct value report = read_back(&text);
    const struct value *workflows = value_get(report, SLICE("workflows"));
    assert_int_equal(workflows->count, 6);
    assert_non_null(value_get(workflows->items[0], SLICE("steps")));
    assert_null(value_get(workflows->items[5], SLICE("steps")));
    buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_device_report__says_how_a_device_is, begin, end),
        cmocka_unit_test_setup_teardown(test_device_report__leaves_out_what_does_not_fit, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
