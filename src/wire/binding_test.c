// SPDX-License-Identifier: Apache-2.0
// Where the value of a parameter comes from, and what is said when it does not fit.
#include "wire/binding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/json.h"
#include "wire/workflow.h"

static const char WORKFLOW[] = "ebb: 1\n"
                               "workflow: cold-room\n"
                               "params:\n"
                               "  too_warm: { type: number, default: -15, min: -40, max: 10 }\n"
                               "  who: { type: string, default: nobody }\n"
                               "  rooms: { type: list, of: string, default: [] }\n"
                               "  desk: { type: destination, default: desk }\n"
                               "trigger: { stdin: json }\n"
                               "results: [ { name: r, from: { all: \"${ $params }\" } } ]\n";

/* A reading and what came of it. */
struct bound {
    struct arena arena;
    struct device device;
    struct workflow *workflow;
    struct buffer said;
    status code;
};

static const char *no_variable(const char *name) {
    (void)name;
    return NULL;
}

static const char *a_variable(const char *name) {
    return strcmp(name, "EBB__WORKFLOWS__COLD_ROOM__PARAMS__TOO_WARM") == 0 ? "-7" : NULL;
}

static void add_file(struct bound *bound, const char *name, const char *text) {
    struct fault_list *faults = NULL;
    struct error err;
    assert_int_equal(
        device_read(&bound->arena, slice_of(name), slice_of(text), &bound->device, &faults, &err),
        STATUS_OK);
    fault_list_release(faults);
}

static void begin(struct bound *bound) {
    *bound = (struct bound){0};
    arena_init(&bound->arena, 4 << 20);
    buffer_init(&bound->said, 1 << 20);
}

static void read_bound(struct bound *bound, const char *text, struct binding binding) {
    struct fault_list *faults = NULL;
    struct error err;
    binding.device = &bound->device;
    const struct workflow_doors doors = {.binding = &binding};
    bound->code =
        workflow_read(SLICE("w.yaml"), slice_of(text), &doors, &bound->workflow, &faults, &err);
    assert_non_null(faults);
    fault_list_write(faults, &bound->said);
    fault_list_release(faults);
}

static void assert_values(struct bound *bound, const char *json) {
    struct buffer text;
    buffer_init(&text, 4096);
    assert_int_equal(bound->code, STATUS_OK);
    json_write(&text, bound->workflow->param_values);
    buffer_add_byte(&text, '\0');
    assert_string_equal(text.bytes, json);
    buffer_done(&text);
}

static void assert_refused(struct bound *bound, const char *sentence) {
    assert_int_equal(bound->code, STATUS_INVALID);
    buffer_add_byte(&bound->said, '\0');
    assert_string_equal(bound->said.bytes, sentence);
}

static void end(struct bound *bound) {
    workflow_release(bound->workflow);
    buffer_done(&bound->said);
    arena_done(&bound->arena);
}

static const char *origin_of(const struct bound *bound, const char *name) {
    return param_find(bound->workflow->params, bound->workflow->param_count, slice_of(name))
        ->origin.bytes;
}

static void test_binding__gives_defaults_where_nobody_says_a_value(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable});
    assert_values(&bound, "{\"too_warm\":-15,\"who\":\"nobody\",\"rooms\":[],\"desk\":\"desk\"}");
    assert_string_equal(origin_of(&bound, "who"), "default");
    end(&bound);
}

static void test_binding__takes_the_last_file_that_says_it(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    add_file(&bound, "a.yaml",
             "ebb: 1\nworkflows: { cold-room: { params: { too_warm: -16, who: a } } }\n");
    add_file(&bound, "b.yaml", "ebb: 1\nworkflows: { cold-room: { params: { too_warm: -18 } } }\n");
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable});
    assert_values(&bound, "{\"too_warm\":-18,\"who\":\"a\",\"rooms\":[],\"desk\":\"desk\"}");
    assert_string_equal(origin_of(&bound, "too_warm"), "b.yaml:2:47");
    assert_string_equal(origin_of(&bound, "who"), "a.yaml:2:57");
    end(&bound);
}

static void
test_binding__takes_the_environment_before_files_and_the_words_before_both(void **state) {
    (void)state;
    static const char *const sets[] = {"too_warm=-1", "cold-room.rooms=[a1, b2]",
                                       "cold-room.too_warm=-2", "who=7", NULL};
    struct bound bound;
    begin(&bound);
    add_file(&bound, "a.yaml", "ebb: 1\nworkflows: { cold-room: { params: { too_warm: -16 } } }\n");
    read_bound(&bound, WORKFLOW, (struct binding){.environment = a_variable});
    assert_values(&bound, "{\"too_warm\":-7,\"who\":\"nobody\",\"rooms\":[],\"desk\":\"desk\"}");
    assert_string_equal(origin_of(&bound, "too_warm"),
                        "EBB__WORKFLOWS__COLD_ROOM__PARAMS__TOO_WARM");
    workflow_release(bound.workflow);
    bound.workflow = NULL;
    read_bound(&bound, WORKFLOW, (struct binding){.environment = a_variable, .sets = sets});
    assert_values(&bound,
                  "{\"too_warm\":-2,\"who\":\"7\",\"rooms\":[\"a1\",\"b2\"],\"desk\":\"desk\"}");
    assert_string_equal(origin_of(&bound, "too_warm"), "--set");
    end(&bound);
}

static void test_binding__names_the_place_of_a_value_that_does_not_fit(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    add_file(
        &bound, "a.yaml",
        "ebb: 1\nworkflows: { cold-room: { params: { too_warm: 40, who: 3, rooms: [1] } } }\n");
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable});
    assert_refused(
        &bound,
        "w.yaml:4:3: a.yaml:2:47 sets the parameter `too_warm`: field 'too_warm' is 40: from -40 "
        "to 10\n"
        "w.yaml:5:3: a.yaml:2:56 sets the parameter `who`: field 'who' is a string, not a number\n"
        "w.yaml:6:3: a.yaml:2:66 sets the parameter `rooms`: field 'rooms': item 0: a string, not "
        "a number\n");
    end(&bound);
}

static void test_binding__refuses_secrets_and_what_is_no_name(void **state) {
    (void)state;
    static const char *const sets[] = {"who=secret:door", "desk=A desk", "rooms=[", NULL};
    struct bound bound;
    begin(&bound);
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable, .sets = sets});
    assert_int_equal(bound.code, STATUS_INVALID);
    buffer_add_byte(&bound.said, '\0');
    assert_non_null(
        strstr(bound.said.bytes, "w.yaml:5:3: --set sets the parameter `who`: a secret"));
    assert_non_null(strstr(bound.said.bytes, "w.yaml:6:3: --set sets the parameter `rooms`: "));
    assert_non_null(strstr(bound.said.bytes, "w.yaml:7:3: --set sets the parameter `desk`: it is "
                                             "the name of a destination"));
    end(&bound);
}

static void test_binding__says_what_names_nothing(void **state) {
    (void)state;
    static const char *const sets[] = {"too_wram=3", "warm-room.who=me", "who", NULL};
    struct bound bound;
    begin(&bound);
    add_file(&bound, "a.yaml",
             "ebb: 1\nworkflows: { cold-room: { params: { whom: x } }, other: { params: { z: 1 } "
             "} }\n");
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable, .sets = sets});
    assert_refused(
        &bound, "w.yaml: --set: workflow `cold-room` has no parameter `too_wram`: did you mean "
                "`too_warm`?\n"
                "w.yaml: --set warm-room.who=me: this workflow is called `cold-room`\n"
                "w.yaml: --set who: it is PARAM=VALUE or WORKFLOW.PARAM=VALUE\n"
                "w.yaml: a.yaml:2:43: workflow `cold-room` has no parameter `whom`: did you mean "
                "`who`?\n");
    end(&bound);
}

static void test_binding__passes_over_unknown_names_for_a_run_that_was_kept(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    add_file(&bound, "a.yaml", "ebb: 1\nworkflows: { cold-room: { params: { later: x } } }\n");
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable, .kept = true});
    assert_int_equal(bound.code, STATUS_OK);
    end(&bound);
}

static void test_binding__says_where_to_write_a_value_that_is_missing(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    read_bound(&bound,
               "ebb: 1\nworkflow: w\nparams: { who: { type: string } }\ntrigger: { stdin: json }\n"
               "results: [ { name: r, from: { a: 1 } } ]\n",
               (struct binding){.environment = no_variable, .file = "/etc/ebb/device.yaml"});
    assert_refused(&bound, "w.yaml:3:11: parameter `who` has no value: write `workflows: { w: { "
                           "params: { who: ... } } }` in /etc/ebb/device.yaml\n");
    end(&bound);
}

static const char NAMED[] = "ebb: 1\n"
                            "workflow: w\n"
                            "params:\n"
                            "  inbox: { type: source, kind: watch, default: inbox }\n"
                            "trigger: { source: \"${ $params.inbox }\" }\n"
                            "results: [ { name: r, from: { a: \"${ .event.text }\" }, to: [] } ]\n";

static void test_binding__makes_a_named_source_what_the_device_says(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    add_file(&bound, "/etc/ebb/device.yaml",
             "ebb: 1\nsources: { inbox: { watch: { path: in, glob: \"*.eml\", text: true } } }\n");
    read_bound(&bound, NAMED, (struct binding){.environment = no_variable});
    assert_int_equal(bound.code, STATUS_OK);
    const struct trigger *trigger = &bound.workflow->triggers[0];
    assert_int_equal(trigger->kind, TRIGGER_WATCH);
    assert_true(slice_is(trigger->source, "inbox"));
    assert_true(slice_is(trigger->path, "/etc/ebb/in"));
    assert_true(slice_is(trigger->glob, "*.eml") && trigger->text);
    assert_int_equal(trigger->place.line, 5);
    end(&bound);
}

static void test_binding__says_what_to_write_for_a_source_that_is_not_there(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    read_bound(&bound, NAMED,
               (struct binding){.environment = no_variable, .file = "/etc/ebb/device.yaml"});
    assert_refused(&bound, "w.yaml:5:10: source `inbox` is bound to nothing: write `sources: { "
                           "inbox: { watch: { path: ... } } }` in /etc/ebb/device.yaml\n");
    end(&bound);
    begin(&bound);
    add_file(&bound, "d.yaml", "ebb: 1\nsources: { in-box: { watch: { path: /in } } }\n");
    read_bound(&bound, NAMED, (struct binding){.environment = no_variable});
    assert_refused(&bound, "w.yaml:5:10: the device has no source `inbox`: did you mean "
                           "`in-box`?\n");
    end(&bound);
}

static void test_binding__leaves_the_sources_of_a_run_that_was_kept_alone(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    read_bound(&bound, NAMED, (struct binding){.environment = no_variable, .kept = true});
    assert_int_equal(bound.code, STATUS_OK);
    end(&bound);
}

static void test_binding__gives_a_result_the_names_of_its_destinations(void **state) {
    (void)state;
    static const char TEXT[] = "ebb: 1\nworkflow: w\nparams: { desk: { type: destination, default: "
                               "desk } }\ntrigger: { stdin: json }\nresults:\n"
                               "  - { name: r, from: 1, to: [hub, \"${ $params.desk }\", desk], "
                               "priority: urgent }\n"
                               "  - { name: s, from: 1, to: [] }\n"
                               "  - { name: t, from: 1, to: [log] }\n";
    struct fault_list *faults = NULL;
    struct workflow *workflow = NULL;
    assert_int_equal(workflow_read(SLICE("w.yaml"), slice_of(TEXT), NULL, &workflow, &faults, NULL),
                     STATUS_OK);
    assert_int_equal(faults->count, 2); /* warnings: nobody knows the device */
    assert_int_equal(workflow->results[0].lane, LANE_URGENT);
    assert_int_equal(workflow->results[0].to_count, 1);
    assert_true(slice_is(workflow->results[0].to[0], "desk"));
    assert_int_equal(workflow->results[1].lane, LANE_LOCAL);
    assert_int_equal(workflow->results[1].to_count, 0);
    assert_int_equal(workflow->results[2].lane, LANE_LOCAL);
    assert_true(slice_is(workflow->results[2].to[0], "log"));
    fault_list_release(faults);
    workflow_release(workflow);
}

static void test_binding__knows_the_destinations_of_the_device(void **state) {
    (void)state;
    struct bound bound;
    begin(&bound);
    add_file(&bound, "d.yaml", "ebb: 1\ndestinations: { log: { file: /var/log/x } }\n");
    read_bound(&bound,
               "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults: [ { name: r, from: 1, to: "
               "[log] } ]\n",
               (struct binding){.environment = no_variable});
    assert_int_equal(bound.code, STATUS_OK);
    assert_int_equal(bound.workflow->results[0].lane, LANE_LOCAL);
    assert_int_equal(bound.workflow->results[0].to_count, 1);
    end(&bound);
}

static void test_workflow__is_the_same_only_with_the_same_values(void **state) {
    (void)state;
    static const char *const sets[] = {"too_warm=-3", NULL};
    struct bound one, two, three;
    begin(&one);
    begin(&two);
    begin(&three);
    read_bound(&one, WORKFLOW, (struct binding){.environment = no_variable});
    read_bound(&two, WORKFLOW, (struct binding){.environment = no_variable});
    read_bound(&three, WORKFLOW, (struct binding){.environment = no_variable, .sets = sets});
    assert_true(workflow_is_same(one.workflow, two.workflow));
    assert_false(workflow_is_same(one.workflow, three.workflow));
    workflow_release(one.workflow);
    workflow_release(two.workflow);
    one.workflow = two.workflow = NULL;
    add_file(&one, "d.yaml", "ebb: 1\nsources: { inbox: { watch: { path: /in } } }\n");
    add_file(&two, "d.yaml", "ebb: 1\nsources: { inbox: { watch: { path: /in, text: true } } }\n");
    read_bound(&one, NAMED, (struct binding){.environment = no_variable});
    read_bound(&two, NAMED, (struct binding){.environment = no_variable});
    assert_false(workflow_is_same(one.workflow, two.workflow));
    end(&one);
    end(&two);
    end(&three);
}

static void test_params__are_written_with_what_there_is_of_them(void **state) {
    (void)state;
    struct bound bound;
    struct buffer json;
    begin(&bound);
    buffer_init(&json, 1 << 16);
    read_bound(&bound, WORKFLOW, (struct binding){.environment = no_variable});
    params_write(bound.workflow->params, 2, &json);
    buffer_add_byte(&json, '\0');
    assert_string_equal(json.bytes,
                        "[{\"name\":\"too_warm\",\"type\":\"number\",\"value\":-15,\"default\":-15,"
                        "\"range\":\"from -40 to 10\",\"origin\":\"default\"},"
                        "{\"name\":\"who\",\"type\":\"string\",\"value\":\"nobody\",\"default\":"
                        "\"nobody\",\"origin\":\"default\"}]");
    buffer_done(&json);
    end(&bound);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binding__gives_defaults_where_nobody_says_a_value),
        cmocka_unit_test(test_binding__takes_the_last_file_that_says_it),
        cmocka_unit_test(
            test_binding__takes_the_environment_before_files_and_the_words_before_both),
        cmocka_unit_test(test_binding__names_the_place_of_a_value_that_does_not_fit),
        cmocka_unit_test(test_binding__refuses_secrets_and_what_is_no_name),
        cmocka_unit_test(test_binding__says_what_names_nothing),
        cmocka_unit_test(test_binding__passes_over_unknown_names_for_a_run_that_was_kept),
        cmocka_unit_test(test_binding__says_where_to_write_a_value_that_is_missing),
        cmocka_unit_test(test_binding__makes_a_named_source_what_the_device_says),
        cmocka_unit_test(test_binding__says_what_to_write_for_a_source_that_is_not_there),
        cmocka_unit_test(test_binding__leaves_the_sources_of_a_run_that_was_kept_alone),
        cmocka_unit_test(test_binding__gives_a_result_the_names_of_its_destinations),
        cmocka_unit_test(test_binding__knows_the_destinations_of_the_device),
        cmocka_unit_test(test_workflow__is_the_same_only_with_the_same_values),
        cmocka_unit_test(test_params__are_written_with_what_there_is_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
