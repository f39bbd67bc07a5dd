// SPDX-License-Identifier: Apache-2.0
/* Files that come, change, break and go while events are in flight. */
#include "runtime/reload.h"

#include "runtime/test_stage.h"

static const char STDIN[] = "trigger: { stdin: json }\n";

static void write_text_flow(struct stage *stage, const char *name, const char *steps,
                            const char *word) {
    char text[2048];
    (void)snprintf(text, sizeof(text),
                   "%s%sresults:\n"
                   "  - { name: out, from: { n: '${ .event.data.n }', by: '%s' } }\n",
                   STDIN, steps, word);
    stage_flow(stage, name, text);
}

static void offer_number(struct stage *stage, const char *flow, int n) {
    char json[32];
    (void)snprintf(json, sizeof(json), "{\"n\":%d}", n);
    stage_offer(stage, flow, json);
}

static int count_part(struct buffer *text, const char *part) {
    int count = 0;
    buffer_add_byte(text, 0);
    text->count--;
    for (const char *at = strstr(text->bytes, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static enum slot_state state_of(const struct stage *stage, const char *name) {
    return stage_slot(stage, name)->state;
}

static void test_reload__finds_files_and_folders_of_workflows(void **state) {
    struct stage *stage = *state;
    write_text_flow(stage, "one", "", "a");
    stage_write(stage, "flows/two/workflow.yaml",
                "ebb: 1\nworkflow: second\ntrigger: { stdin: json }\n"
                "steps: [ { id: s, agent: beside } ]\nresults: [ { name: r, from: { a: 1 } } ]\n");
    stage_write(stage, "flows/two/agents/beside/agent.yaml",
                "ebb: 1\nagent: beside\nversion: 1.0.0\nkind: jq\nfilter: .\n");
    stage_write(stage, "flows/three.json",
                "{\"ebb\":1,\"workflow\":\"third\",\"trigger\":{\"stdin\":\"json\"},"
                "\"results\":[{\"name\":\"r\",\"from\":{\"a\":1}}]}");
    stage_write(stage, "flows/notes.txt", "no workflow");
    stage_write(stage, "flows/.hidden.yaml", "no workflow");
    stage_write(stage, "flows/empty/readme", "no workflow");
    stage_open(stage);
    assert_text(&stage->faults, "");
    assert_int_equal(state_of(stage, "one"), SLOT_RUNNING);
    assert_int_equal(state_of(stage, "second"), SLOT_RUNNING);
    assert_int_equal(state_of(stage, "third"), SLOT_RUNNING);
    assert_null(stage->daemon->orchestrator->slots->next->next->next);
}

/* Workflows that were applied have a folder each. */
static void test_reload__knows_the_agents_beside_each_of_many_workflows(void **state) {
    enum { FLOWS = 150 };
    struct stage *stage = *state;
    for (int n = 0; n < FLOWS; n++) {
        char path[64], text[256];
        (void)snprintf(path, sizeof(path), "flows/f%d/workflow.yaml", n);
        (void)snprintf(
            text, sizeof(text),
            "ebb: 1\nworkflow: f%d\ntrigger: { stdin: json }\n"
            "steps: [ { id: s, agent: a%d } ]\nresults: [ { name: r, from: { a: 1 } } ]\n",
            n, n);
        stage_write(stage, path, text);
        (void)snprintf(path, sizeof(path), "flows/f%d/agents/a%d/agent.yaml", n, n);
        (void)snprintf(text, sizeof(text),
                       "ebb: 1\nagent: a%d\nversion: 1.0.0\nkind: jq\nfilter: .\n", n);
        stage_write(stage, path, text);
    }
    stage_open(stage);
    assert_text(&stage->faults, "");
    for (int n = 0; n < FLOWS; n++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "f%d", n);
        assert_int_equal(state_of(stage, name), SLOT_RUNNING);
    }
}

static void test_reload__drops_and_doubles_no_event_in_flight(void **state) {
    struct stage *stage = *state;
    static const char STEPS[] = "concurrency: 2\nsteps: [ { id: one, agent: slow } ]\n";
    stage_script(stage, "slow", "instances: 2\n",
                 "#!/bin/sh\nwhile read -r line; do sleep 0.01; echo '{}'; done\n");
    write_text_flow(stage, "flow", STEPS, "before");
    stage_open(stage);
    for (int n = 0; n < 20; n++) {
        offer_number(stage, "flow", n);
    }
    stage_until_ended(stage, 5);
    write_text_flow(stage, "flow", STEPS, "after");
    stage_reload(stage);
    for (int n = 20; n < 25; n++) {
        offer_number(stage, "flow", n);
    }
    stage_until_ended(stage, 25);
    for (int n = 0; n < 25; n++) {
        char part[32];
        (void)snprintf(part, sizeof(part), "{\"n\":%d,", n);
        assert_int_equal(count_part(&stage->said, part), 1);
    }
    assert_in_range(count_part(&stage->said, "before"), 5, 20);
    assert_in_range(count_part(&stage->said, "after"), 5, 20);
    assert_int_equal(stage_slot(stage, "flow")->counts.dropped, 0);
}

static bool all_files_are_done(struct stage *stage) {
    return stage->results >= stage->wanted;
}

/* The folder is watched anew by each version: no file is missed between two of them. */
static void test_reload__misses_no_file_between_two_versions(void **state) {
    enum { FILES = 60, AT_ONCE = 10 };
    struct stage *stage = *state;
    stage->options.feeds_closed = false;
    for (int n = 0; n < FILES; n++) {
        char text[512];
        char name[32];
        if (n % AT_ONCE == 0) {
            (void)snprintf(text, sizeof(text),
                           "trigger: { watch: { path: ../in, after: delete } }\n"
                           "results: [ { name: r%d, from: { file: '${ .event.name }' } } ]\n",
                           n);
            stage_flow(stage, "flow", text);
            if (n == 0) {
                stage_open(stage);
            } else {
                struct error err;
                assert_int_equal(daemon_reload(stage->daemon, &err), STATUS_OK);
            }
        }
        (void)snprintf(name, sizeof(name), "in/f%02d", n);
        stage_write(stage, name, "x");
        if (n % 3 == 0) {
            stage_let_pass(stage, 2);
        }
    }
    stage->wanted = FILES;
    stage_until(stage, all_files_are_done);
    stage_let_pass(stage, 50);
    assert_int_equal(stage->results, FILES);
    for (int n = 0; n < FILES; n++) {
        char part[32];
        (void)snprintf(part, sizeof(part), "{\"file\":\"f%02d\"}", n);
        assert_int_equal(count_part(&stage->said, part), 1);
    }
}

static void test_reload__with_faults_leaves_the_older_version_at_work(void **state) {
    struct stage *stage = *state;
    write_text_flow(stage, "flow", "", "before");
    stage_open(stage);
    const struct version *version = stage_slot(stage, "flow")->version;
    write_text_flow(stage, "flow", "step: []\n", "after");
    stage_reload(stage);
    assert_part(&stage->faults, "flow.yaml:4:1");
    assert_part(&stage->faults, "`steps`");
    assert_ptr_equal(stage_slot(stage, "flow")->version, version);
    assert_int_equal(state_of(stage, "flow"), SLOT_RUNNING);
    assert_non_null(strstr(slot_fault(stage_slot(stage, "flow")), "flow.yaml:4:1"));
    offer_number(stage, "flow", 1);
    stage_until_ended(stage, 1);
    write_text_flow(stage, "flow", "", "after");
    stage_reload(stage);
    assert_string_equal(slot_fault(stage_slot(stage, "flow")), "");
    offer_number(stage, "flow", 2);
    stage_until_ended(stage, 2);
    assert_text(&stage->said,
                "normal out {\"n\":1,\"by\":\"before\"}\nnormal out {\"n\":2,\"by\":\"after\"}\n");
}

static void test_reload__shows_a_file_that_never_worked(void **state) {
    struct stage *stage = *state;
    stage_write(stage, "flows/broken.yaml", "ebb: 1\nworkflow: fine\n  trigger: oh\n");
    stage_open(stage);
    assert_int_equal(state_of(stage, "broken"), SLOT_FAULTY);
    assert_non_null(strstr(slot_fault(stage_slot(stage, "broken")), "broken.yaml:"));
    stage_write(stage, "flows/broken.yaml",
                "ebb: 1\nworkflow: fine\ntrigger: { stdin: json }\n"
                "results: [ { name: r, from: { a: 1 } } ]\n");
    stage_reload(stage);
    assert_int_equal(state_of(stage, "fine"), SLOT_RUNNING);
    assert_int_equal(state_of(stage, "broken"), SLOT_LEFT);
}

static void test_reload__leaves_what_is_gone_and_takes_it_back(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n",
                 "#!/bin/sh\ntouch asked\nwhile ! test -e go; do sleep 0.01; done\necho '{}'\n");
    write_text_flow(stage, "flow", "steps: [ { id: one, agent: waits } ]\n", "a");
    write_text_flow(stage, "other", "", "b");
    stage_open(stage);
    offer_number(stage, "flow", 1);
    stage_until_file(stage, "flows/agents/waits/asked");
    assert_int_equal(unlink(stage_path(stage, "flows/flow.yaml")), 0);
    stage_reload(stage);
    assert_int_equal(state_of(stage, "flow"), SLOT_LEFT);
    offer_number(stage, "flow", 2); /* refused */
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    write_text_flow(stage, "flow", "", "again");
    stage_reload(stage);
    assert_int_equal(state_of(stage, "flow"), SLOT_RUNNING);
    offer_number(stage, "flow", 3);
    stage_until_ended(stage, 2);
    assert_text(&stage->said,
                "normal out {\"n\":1,\"by\":\"a\"}\nnormal out {\"n\":3,\"by\":\"again\"}\n");
}

static void test_reload__touches_nothing_that_is_unchanged(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "pid", "outputs: { pid: integer }\n",
                 "#!/bin/sh\nwhile read -r line; do echo \"{\\\"pid\\\":$$}\"; done\n");
    stage_agent(stage, "jq", "kind: jq\nfilter: '{n: ([1, 2] | length)}'\n");
    static const char REST[] = "steps:\n"
                               "  - { id: one, agent: pid }\n"
                               "  - { id: two, agent: jq, needs: [one] }\n"
                               "results: [ { name: out, from: '${ .steps }' } ]\n";
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s%s", STDIN, REST);
    stage_flow(stage, "same", text);
    write_text_flow(stage, "changed", "steps: [ { id: one, agent: pid } ]\n", "${ 1 + 1 }");
    stage_open(stage);
    const struct version *version = stage_slot(stage, "same")->version;
    offer_number(stage, "same", 1);
    stage_until_ended(stage, 1);
    for (int i = 0; i < 3; i++) {
        char word[32];
        (void)snprintf(word, sizeof(word), "${ 1 + %d }", i);
        write_text_flow(stage, "changed", "steps: [ { id: one, agent: pid } ]\n", word);
        stage_reload(stage);
        assert_ptr_equal(stage_slot(stage, "same")->version, version);
        offer_number(stage, "changed", i);
        offer_number(stage, "same", i);
        stage_until_ended(stage, 3 + 2 * i);
    }
    /* One process served all of them, and its figures went on. */
    const struct catalog_agent *agent =
        catalog_find(stage->daemon->orchestrator->generation->catalog, SLICE("pid"));
    assert_int_equal(catalog_stats(agent)->calls, 7);
    const char *first = strstr(stage->said.bytes, "\"pid\":");
    assert_non_null(first);
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "%.*s", (int)strcspn(first, "}") + 1, first);
    assert_int_equal(count_part(&stage->said, pid), 4);
    assert_part(&stage->said, "{\"n\":0,\"by\":1}");
    assert_part(&stage->said, "{\"n\":2,\"by\":3}");
    assert_int_equal(count_part(&stage->said, "\"two\":{\"n\":2}"), 4);
}

/* While the new version is registered no feed reads triggers of the one that went; a busy interval
 * would be the first to notice. */
static void test_reload__closes_the_feeds_of_the_version_that_goes(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    char rest[256];
    stage->options.feeds_closed = false;
    for (int i = 0; i < 5; i++) {
        (void)snprintf(rest, sizeof(rest),
                       "trigger: { interval: 10ms }\nresults: [ { name: out, from: { n: %d } } ]\n",
                       i);
        stage_flow(stage, "flow", rest);
        if (i == 0) {
            stage_open(stage);
        } else {
            assert_int_equal(daemon_reload(stage->daemon, &err), STATUS_OK);
            assert_int_equal(stage_slot(stage, "flow")->feed_count, 0);
            stage_until(stage, stage_is_loaded);
        }
        stage_until_ended(stage, stage->ends + 1);
        assert_int_equal(stage_slot(stage, "flow")->feed_count, 1);
    }
}

static void test_reload__takes_a_changed_agent(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "maker", "kind: jq\nfilter: '{by: \"old\"}'\n");
    char text[512];
    (void)snprintf(text, sizeof(text), "%ssteps: [ { id: one, agent: maker } ]\n%s", STDIN,
                   "results: [ { name: out, from: '${ .steps.one }' } ]\n");
    stage_flow(stage, "flow", text);
    stage_open(stage);
    offer_number(stage, "flow", 1);
    stage_until_ended(stage, 1);
    stage_agent(stage, "maker", "kind: jq\nfilter: '{by: \"new\"}'\n");
    stage_reload(stage);
    offer_number(stage, "flow", 1);
    stage_until_ended(stage, 2);
    assert_text(&stage->said, "normal out {\"by\":\"old\"}\nnormal out {\"by\":\"new\"}\n");
}

static bool agent_is_broken(struct stage *stage) {
    const struct catalog_agent *agent =
        catalog_find(stage->daemon->orchestrator->generation->catalog, SLICE("breaks"));
    return catalog_stats(agent)->broken;
}

/* A reload is a person's word that a broken agent should be tried again. */
static void test_reload__mends_a_broken_agent(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "breaks", "", "#!/bin/sh\ntest -e fixed || exit 1\nexec cat\n");
    write_text_flow(stage, "flow", "concurrency: 8\nsteps: [ { id: one, agent: breaks } ]\n", "a");
    stage_open(stage);
    for (int i = 0; !agent_is_broken(stage) && i < 20; i++) {
        offer_number(stage, "flow", i);
        stage_until_ended(stage, i + 1);
    }
    stage_until(stage, agent_is_broken);
    stage_write(stage, "flows/agents/breaks/fixed", "");
    stage_reload(stage);
    assert_false(agent_is_broken(stage));
    const int ends = stage->ends;
    offer_number(stage, "flow", 99);
    stage_until_ended(stage, ends + 1);
    assert_part(&stage->said, "{\"n\":99,");
}

static void test_reload__takes_one_file_of_a_workflow_only(void **state) {
    struct stage *stage = *state;
    write_text_flow(stage, "flow", "", "first");
    stage_write(stage, "flows/zz.yaml",
                "ebb: 1\nworkflow: flow\ntrigger: { stdin: json }\n"
                "results: [ { name: second, from: { a: 1 } } ]\n");
    stage_open(stage);
    assert_part(&stage->faults, "workflow 'flow' stands in ");
    offer_number(stage, "flow", 1);
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"n\":1,\"by\":\"first\"}\n");
    stage_reload(stage);
    assert_int_equal(state_of(stage, "flow"), SLOT_RUNNING);
    assert_non_null(strstr(stage_slot(stage, "flow")->file, "flow.yaml"));
}

static void test_reload__knows_what_a_person_has_stopped(void **state) {
    struct stage *stage = *state;
    struct error err;
    write_text_flow(stage, "flow", "", "a");
    stage_open(stage);
    const struct orchestrator *orchestrator = stage->daemon->orchestrator;
    assert_false(reload_is_stopped(orchestrator, "flow"));
    assert_int_equal(reload_set_stopped(orchestrator, "flow", false, &err), STATUS_OK);
    assert_int_equal(reload_set_stopped(orchestrator, "flow", true, &err), STATUS_OK);
    assert_int_equal(reload_set_stopped(orchestrator, "flow", true, &err), STATUS_OK);
    stage_close(stage);
    stage_open(stage);
    assert_int_equal(state_of(stage, "flow"), SLOT_STOPPED);
    stage_reload(stage);
    assert_int_equal(state_of(stage, "flow"), SLOT_STOPPED);
    assert_int_equal(reload_set_stopped(stage->daemon->orchestrator, "flow", false, &err),
                     STATUS_OK);
    stage_reload(stage);
    assert_int_equal(state_of(stage, "flow"), SLOT_RUNNING);
}

static void test_reload__without_memory_leaves_all_as_it_is(void **state) {
    struct stage *stage = *state;
    struct error err;
    write_text_flow(stage, "flow", "", "before");
    write_text_flow(stage, "jq", "", "${ 1 + 1 }");
    stage_open(stage);
    write_text_flow(stage, "flow", "", "after");
    bool whole = false;
    int ends = 0;
    for (long k = 0; !whole; k++) {
        (void)memory_fail_at(k, 0);
        const status code = daemon_reload(stage->daemon, &err);
        whole = memory_fail_at(-1, 0) <= (size_t)k;
        stage_until(stage, stage_is_loaded);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
        assert_true(stage_slot(stage, "flow")->version != NULL);
        if (state_of(stage, "flow") != SLOT_RUNNING || state_of(stage, "jq") != SLOT_RUNNING) {
            fail_msg("at allocation %ld: %s; %s", k, slot_fault(stage_slot(stage, "flow")),
                     slot_fault(stage_slot(stage, "jq")));
        }
        if (k % 10 == 0 || whole) {
            offer_number(stage, "flow", 1);
            offer_number(stage, "jq", 2);
            ends += 2;
            stage_until_ended(stage, ends);
        }
    }
    assert_int_equal(stage->failures, 0);
    assert_part(&stage->said, "{\"n\":1,\"by\":\"after\"}");
}

static void test_reload__of_a_folder_that_is_none_ends_the_daemon(void **state) {
    struct stage *stage = *state;
    struct error err;
    stage_write(stage, "file", "x");
    stage->options.places.workflows[1] = stage_path(stage, "file");
    assert_int_equal(stage_try_open(stage, &err), STATUS_OK);
    daemon_run(stage->daemon);
    assert_int_not_equal(stage->daemon->error.code, STATUS_OK);
    assert_non_null(strstr(stage->daemon->error.text, "list the workflows in '"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reload__finds_files_and_folders_of_workflows,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__knows_the_agents_beside_each_of_many_workflows,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__drops_and_doubles_no_event_in_flight,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__misses_no_file_between_two_versions,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__with_faults_leaves_the_older_version_at_work,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__shows_a_file_that_never_worked, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_reload__leaves_what_is_gone_and_takes_it_back,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__touches_nothing_that_is_unchanged, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_reload__closes_the_feeds_of_the_version_that_goes,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__takes_a_changed_agent, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__mends_a_broken_agent, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_reload__takes_one_file_of_a_workflow_only, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_reload__knows_what_a_person_has_stopped, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_reload__without_memory_leaves_all_as_it_is, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_reload__of_a_folder_that_is_none_ends_the_daemon,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/reload", tests, NULL, NULL);
}
