// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow_folder.h"

#include "runtime/test_stage.h"

static const char TEXT[] = "ebb: 1\nworkflow: flow\ntrigger: { stdin: json }\n"
                           "results: [ { name: out, from: { n: 1 } } ]\n";

static const char *path_of(const struct stage *stage, const char *name, char *room) {
    (void)snprintf(room, 2 * TEST_PATH_BYTES, "%s", stage_path(stage, name));
    return room;
}

static status add(struct stage *stage, const char *file, char *name, struct error *err) {
    char room[2 * TEST_PATH_BYTES];
    char data[2 * TEST_PATH_BYTES];
    return workflow_folder_add(path_of(stage, "data", data), path_of(stage, file, room), name, err);
}

static void test_workflow_folder__copies_a_file_and_its_agents(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    char name[SLOT_NAME_BYTES];
    struct stat facts;
    stage_write(stage, "here/any.yaml", TEXT);
    stage_write(stage, "here/other.yaml", "not asked for");
    stage_write(stage, "here/agents/one/agent.yaml", "a");
    stage_write(stage, "here/agents/one/models/deep/m.bin", "b");
    stage_write(stage, "here/agents/one/run", "#!/bin/sh\n");
    if (add(stage, "here/any.yaml", name, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(name, "flow");
    assert_true(stage_has(stage, "data/workflows/flow/workflow.yaml"));
    assert_true(stage_has(stage, "data/workflows/flow/agents/one/models/deep/m.bin"));
    assert_false(stage_has(stage, "data/workflows/flow/other.yaml"));
    assert_false(stage_has(stage, "data/workflows/.flow.new"));
    assert_int_equal(stat(stage_path(stage, "data/workflows/flow/agents/one/run"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
}

static void test_workflow_folder__schemas_come_and_go_with_the_file_that_names_them(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    stage_write(stage, "here/any.yaml",
                "ebb: 1\nworkflow: flow\ntrigger: { stdin: json }\n"
                "results: [ { name: out, schema: one.schema.yaml, from: { n: 1 } } ]\n");
    stage_write(stage, "here/other.schema.yaml", "n: integer\n");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_INVALID);
    assert_false(stage_has(stage, "data/workflows/flow"));
    stage_write(stage, "here/one.schema.yaml", "n: integer\n");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    assert_true(stage_has(stage, "data/workflows/flow/one.schema.yaml"));
    assert_false(stage_has(stage, "data/workflows/flow/other.schema.yaml"));
    stage_write(stage, "here/any.yaml",
                "ebb: 1\nworkflow: flow\ntrigger: { stdin: json }\n"
                "results: [ { name: out, schema: other.schema.yaml, from: { n: 1 } } ]\n");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/flow/one.schema.yaml"));
    assert_true(stage_has(stage, "data/workflows/flow/other.schema.yaml"));
    assert_false(stage_has(stage, "data/workflows/.flow.next"));
}

static void test_workflow_folder__takes_the_place_of_an_older_copy(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    stage_write(stage, "here/any.yaml", TEXT);
    stage_write(stage, "here/agents/one/agent.yaml", "a");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    assert_int_equal(unlink(stage_path(stage, "here/agents/one/agent.yaml")), 0);
    stage_write(stage, "here/agents/two/agent.yaml", "a");
    stage_write(stage, "data/workflows/.flow.new/rest", "of a copy that was cut short");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/flow/agents/one/agent.yaml"));
    assert_true(stage_has(stage, "data/workflows/flow/agents/two/agent.yaml"));
    assert_false(stage_has(stage, "data/workflows/flow/rest"));
}

static void test_workflow_folder__what_is_the_workflows_own_stays(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    stage_write(stage, "here/any.yaml", TEXT);
    stage_write(stage, "here/agents/one/agent.yaml", "a");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    stage_write(stage, "data/workflows/flow/inbox/waits.eml", "not read yet");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    assert_true(stage_has(stage, "data/workflows/flow/inbox/waits.eml"));
    assert_false(stage_has(stage, "data/workflows/.flow.next"));
}

static void test_workflow_folder__a_start_settles_what_a_crash_left(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    char data[2 * TEST_PATH_BYTES];
    path_of(stage, "data", data);
    assert_int_equal(workflow_folder_recover(data, &err), STATUS_OK);
    stage_write(stage, "here/any.yaml", TEXT);
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    stage_write(stage, "data/workflows/flow/inbox/waits.eml", "not read yet");
    stage_write(stage, "data/workflows/.other.new/agents/half", "a");

    char room[2 * TEST_PATH_BYTES];
    const char *file = path_of(stage, "here/any.yaml", room);
    assert_int_equal(workflow_folder_stage(data, file, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_recover(data, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/.flow.next"));
    assert_false(stage_has(stage, "data/workflows/.other.new"));
    assert_true(stage_has(stage, "data/workflows/flow/inbox/waits.eml"));

    assert_int_equal(workflow_folder_stage(data, file, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_swap(data, name, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/flow/inbox/waits.eml"));
    assert_int_equal(workflow_folder_recover(data, &err), STATUS_OK);
    assert_true(stage_has(stage, "data/workflows/flow/inbox/waits.eml"));
    assert_true(stage_has(stage, "data/workflows/flow/workflow.yaml"));
    assert_false(stage_has(stage, "data/workflows/.flow.next"));
}

static void test_workflow_folder__nothing_is_written_over_when_both_hold_a_name(void **state) {
    struct stage *stage = *state;
    struct error err;
    char data[2 * TEST_PATH_BYTES];
    path_of(stage, "data", data);
    stage_write(stage, "data/workflows/flow/inbox/a", "new");
    stage_write(stage, "data/workflows/.flow.next/inbox/a", "old");
    assert_int_equal(workflow_folder_settle(data, "flow", &err), STATUS_CONFLICT);
    assert_true(stage_has(stage, "data/workflows/.flow.next/inbox/a"));
}

static void test_workflow_folder__a_swap_is_taken_back(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    char data[2 * TEST_PATH_BYTES];
    char room[2 * TEST_PATH_BYTES];
    path_of(stage, "data", data);
    stage_write(stage, "here/any.yaml", TEXT);
    const char *file = path_of(stage, "here/any.yaml", room);
    assert_int_equal(workflow_folder_stage(data, file, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_swap(data, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_take_back(data, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_settle(data, name, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/flow"));

    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    stage_write(stage, "data/workflows/flow/agents/old/agent.yaml", "a");
    assert_int_equal(workflow_folder_stage(data, file, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_swap(data, name, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/flow/agents/old/agent.yaml"));
    assert_int_equal(workflow_folder_take_back(data, name, &err), STATUS_OK);
    assert_int_equal(workflow_folder_settle(data, name, &err), STATUS_OK);
    assert_true(stage_has(stage, "data/workflows/flow/agents/old/agent.yaml"));
}

static void test_workflow_folder__refuses_what_is_no_workflow_and_keeps_the_old(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES] = "kept";
    stage_write(stage, "here/any.yaml", TEXT);
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    stage_write(stage, "here/any.yaml", "ebb: 1\nworkflow: flow\ntriger: { stdin: json }\n");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_INVALID);
    assert_int_equal(add(stage, "here/none.yaml", name, &err), STATUS_NOT_FOUND);
    assert_int_equal(workflow_folder_add("/tmp", "any.yaml", name, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "is no absolute path"));
    assert_true(stage_has(stage, "data/workflows/flow/workflow.yaml"));
}

static void test_workflow_folder__copies_files_only_and_not_without_bound(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    stage_write(stage, "here/any.yaml", TEXT);
    stage_write(stage, "here/agents/one/agent.yaml", "a");
    assert_int_equal(mkfifo(stage_path(stage, "here/agents/one/pipe"), 0600), 0);
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "add workflow 'flow': "));
    assert_non_null(strstr(err.text, "regular files"));
    assert_false(stage_has(stage, "data/workflows/flow"));
    assert_false(stage_has(stage, "data/workflows/.flow.new"));
    assert_int_equal(unlink(stage_path(stage, "here/agents/one/pipe")), 0);
    stage_write(stage, "here/agents/1/2/3/4/5/6/7/8/deep", "a");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "too deep"));
    assert_false(stage_has(stage, "data/workflows/flow"));
}

static void test_workflow_folder__removes_its_own_alone(void **state) {
    struct stage *stage = *state;
    struct error err;
    char name[SLOT_NAME_BYTES];
    char data[2 * TEST_PATH_BYTES];
    char file[2 * TEST_PATH_BYTES];
    stage_write(stage, "here/any.yaml", TEXT);
    stage_write(stage, "here/agents/one/deep/agent.yaml", "a");
    assert_int_equal(add(stage, "here/any.yaml", name, &err), STATUS_OK);
    path_of(stage, "data", data);
    assert_int_equal(
        workflow_folder_remove(data, "flow", path_of(stage, "here/any.yaml", file), &err),
        STATUS_DENIED);
    assert_int_equal(
        workflow_folder_remove(data, "flow",
                               path_of(stage, "data/workflows/flow-two/workflow.yaml", file), &err),
        STATUS_DENIED);
    assert_true(stage_has(stage, "data/workflows/flow/workflow.yaml"));
    path_of(stage, "data/workflows/flow/workflow.yaml", file);
    assert_int_equal(workflow_folder_remove(data, "flow", file, &err), STATUS_OK);
    assert_false(stage_has(stage, "data/workflows/flow"));
    assert_int_equal(workflow_folder_remove(data, "flow", file, &err), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_workflow_folder__copies_a_file_and_its_agents,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_workflow_folder__schemas_come_and_go_with_the_file_that_names_them, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(test_workflow_folder__takes_the_place_of_an_older_copy,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_workflow_folder__what_is_the_workflows_own_stays,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_workflow_folder__a_start_settles_what_a_crash_left,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_workflow_folder__nothing_is_written_over_when_both_hold_a_name, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(test_workflow_folder__a_swap_is_taken_back, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(
            test_workflow_folder__refuses_what_is_no_workflow_and_keeps_the_old, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(
            test_workflow_folder__copies_files_only_and_not_without_bound, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_workflow_folder__removes_its_own_alone, stage_make,
                                        stage_end),
    };
    return cmocka_run_group_tests_name("runtime/workflow_folder", tests, NULL, NULL);
}
