// SPDX-License-Identifier: Apache-2.0
#include "agents/text_classifier_lite.h"

#include "agents/test_folder.h"
#include "base/memory.h"
#include "model/train.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/json.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ANSWER_BYTES = 4096, ARENA_BYTES = 1 << 20, ASKERS = 4, QUESTIONS = 200 };

static const char MANIFEST[] = "ebb: 1\nagent: intents\nversion: 1.0.0\nkind: text\n"
                               "model: { file: model.ebtm }\n";

static struct test_folder folder;
static struct agent_manifest *manifest;

static void train_model(const char *lines) {
    char from[2 * TEST_PATH_BYTES];
    char to[2 * TEST_PATH_BYTES];
    test_folder_write(&folder, "lines", lines);
    (void)snprintf(from, sizeof(from), "%s/lines", folder.path);
    (void)snprintf(to, sizeof(to), "%s/model.ebtm", folder.path);
    struct train_options options;
    struct train_report report;
    struct error err;
    train_options_init(&options);
    assert_int_equal(train_text_file(from, to, &options, &report, &err), STATUS_OK);
}

static void read_manifest(const char *text) {
    agent_manifest_release(manifest);
    manifest = NULL;
    test_folder_write(&folder, "agent.yaml", text);
    struct fault_list *faults = NULL;
    struct error err;
    assert_int_equal(agent_manifest_read(folder.path, &manifest, &faults, &err), STATUS_OK);
}

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    struct buffer lines;
    buffer_init(&lines, 1 << 16);
    const char *const how[] = {"now", "please", "at once", "the line",
                               "it",  "again",  "quickly", "today"};
    for (int i = 0; i < 8; i++) {
        buffer_print(&lines, "start\tstart %s\nstart\tbegin %s\n", how[i], how[i]);
        buffer_print(&lines, "stop\tstop %s\nstop\thalt %s\n", how[i], how[i]);
        buffer_print(&lines, "wait\twait %s\nwait\tpause %s\n", how[i], how[i]);
    }
    buffer_add_byte(&lines, 0);
    train_model(lines.bytes);
    buffer_done(&lines);
    read_manifest(MANIFEST);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    agent_manifest_release(manifest);
    manifest = NULL;
    test_folder_remove(&folder);
    return 0;
}

static struct agent *open_it(void) {
    struct error err;
    struct agent *agent = NULL;
    if (TEXT_CLASSIFIER_LITE.open(NULL, manifest, &agent, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return agent;
}

struct question {
    struct arena arena;
    struct agent_call call;
};

static void ask(struct agent *agent, struct question *question, const char *json) {
    *question = (struct question){
        .call = {.arena = &question->arena, .deadline_ns = clock_boot_ns() + INT64_C(60000000000)}};
    arena_init(&question->arena, ARENA_BYTES);
    struct error err;
    assert_int_equal(json_read(&question->arena, slice_of(json), &question->call.with, &err),
                     STATUS_OK);
    TEXT_CLASSIFIER_LITE.run(agent, &question->call);
}

static const struct value *member(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    assert_non_null(found);
    return found;
}

static void test_text_classifier_lite__gives_label_score_and_scores(void **state) {
    (void)state;
    struct agent *agent = open_it();
    const struct {
        const char *json, *label;
    } cases[] = {{"{\"text\":\"begin the work\"}", "start"},
                 {"{\"text\":\"HALT!\",\"more\":1}", "stop"},
                 {"{\"text\":\"pause a moment\"}", "wait"}};
    for (size_t i = 0; i < 3; i++) {
        struct question question;
        ask(agent, &question, cases[i].json);
        assert_int_equal(question.call.error.code, STATUS_OK);
        const struct value out = question.call.out;
        assert_int_equal(out.count, 3);
        assert_true(slice_is(value_text(*member(out, "label")), cases[i].label));
        const double score = value_number(*member(out, "score"));
        assert_true(score > 0.5 && score <= 1);
        const struct value scores = *member(out, "scores");
        assert_int_equal(scores.count, 3);
        double sum = 0;
        for (uint32_t k = 0; k < scores.count; k++) {
            sum += value_number(scores.members[k].value);
        }
        assert_true(fabs(sum - 1) < 1e-5);
        assert_true(fabs(value_number(*member(scores, cases[i].label)) - score) < 1e-12);
        const double digits = score * 1e6;
        assert_true(fabs(digits - round(digits)) < 1e-6);
        arena_done(&question.arena);
    }
    TEXT_CLASSIFIER_LITE.close(agent);
}

static void test_text_classifier_lite__gives_the_outputs_that_the_manifest_names(void **state) {
    (void)state;
    char text[512];
    (void)snprintf(text, sizeof(text), "%s%s", MANIFEST,
                   "outputs: { score: number, label: string }\n");
    read_manifest(text);
    struct agent *agent = open_it();
    struct question question;
    ask(agent, &question, "{\"text\":\"stop it\"}");
    assert_int_equal(question.call.error.code, STATUS_OK);
    assert_int_equal(question.call.out.count, 2);
    assert_true(slice_is(value_text(*member(question.call.out, "label")), "stop"));
    arena_done(&question.arena);
    TEXT_CLASSIFIER_LITE.close(agent);

    (void)snprintf(text, sizeof(text), "%s%s", MANIFEST, "outputs: { mood: string }\n");
    read_manifest(text);
    struct error err;
    agent = NULL;
    assert_int_equal(TEXT_CLASSIFIER_LITE.open(NULL, manifest, &agent, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "no 'mood'"));
    assert_null(agent);
}

static void test_text_classifier_lite__an_answer_outlives_the_agent(void **state) {
    (void)state;
    struct agent *agent = open_it();
    struct question question;
    ask(agent, &question, "{\"text\":\"stop it\"}");
    TEXT_CLASSIFIER_LITE.close(agent);
    struct buffer out;
    buffer_init(&out, ANSWER_BYTES);
    json_write(&out, question.call.out);
    assert_true(slice_starts(buffer_slice(&out), "{\"label\":\"stop\",\"score\":0."));
    buffer_done(&out);
    arena_done(&question.arena);
}

static void test_text_classifier_lite__any_text_has_an_answer(void **state) {
    (void)state;
    struct agent *agent = open_it();
    const char *const texts[] = {"{\"text\":\"\"}", "{\"text\":\"\\u0000\\u0001\\uFFFD\"}",
                                 "{\"text\":\"\\u65e5\\u672c\\u8a9e\"}"};
    for (size_t i = 0; i < 3; i++) {
        struct question question;
        ask(agent, &question, texts[i]);
        assert_int_equal(question.call.error.code, STATUS_OK);
        assert_int_equal(question.call.out.kind, VALUE_OBJECT);
        arena_done(&question.arena);
    }
    TEXT_CLASSIFIER_LITE.close(agent);
}

static void test_text_classifier_lite__what_is_no_text_is_refused(void **state) {
    (void)state;
    struct agent *agent = open_it();
    const char *const inputs[] = {"{}", "{\"text\":null}", "{\"text\":7}", "null"};
    const char *const said[] = {"missing", "null", "number", "missing"};
    for (size_t i = 0; i < 4; i++) {
        struct question question;
        ask(agent, &question, inputs[i]);
        assert_int_equal(question.call.error.code, STATUS_INVALID);
        assert_non_null(strstr(question.call.error.text, said[i]));
        arena_done(&question.arena);
    }
    TEXT_CLASSIFIER_LITE.close(agent);
}

static void test_text_classifier_lite__a_deadline_that_is_over_is_kept(void **state) {
    (void)state;
    struct agent *agent = open_it();
    struct question question = {.call = {.arena = &question.arena, .deadline_ns = 1}};
    TEXT_CLASSIFIER_LITE.run(agent, &question.call);
    assert_int_equal(question.call.error.code, STATUS_TIMEOUT);
    TEXT_CLASSIFIER_LITE.close(agent);
}

static void test_text_classifier_lite__a_model_that_is_none_is_named(void **state) {
    (void)state;
    struct agent *agent = NULL;
    struct error err;
    test_folder_write(&folder, "model.ebtm", "no model at all");
    assert_int_equal(TEXT_CLASSIFIER_LITE.open(NULL, manifest, &agent, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "model.ebtm"));
    assert_null(agent);
    const struct agent_manifest without = {.name = SLICE("bare")};
    assert_int_equal(TEXT_CLASSIFIER_LITE.open(NULL, &without, &agent, &err), STATUS_INVALID);
    TEXT_CLASSIFIER_LITE.close(NULL);
}

static void test_text_classifier_lite__requirements_follow_from_the_model(void **state) {
    (void)state;
    struct agent *agent = open_it();
    struct agent_requirements needs;
    TEXT_CLASSIFIER_LITE.requirements(agent, &needs);
    assert_true(needs.model_size_mb > 0 && needs.model_size_mb < 0.3);
    assert_true(needs.offline_capable);
    assert_false(needs.supports_gpu);
    TEXT_CLASSIFIER_LITE.close(agent);
}

static void *ask_often(void *owner) {
    size_t right = 0;
    for (int i = 0; i < QUESTIONS; i++) {
        struct question question;
        ask(owner, &question, i % 2 == 0 ? "{\"text\":\"halt\"}" : "{\"text\":\"begin\"}");
        right += slice_is(value_text(*member(question.call.out, "label")),
                          i % 2 == 0 ? "stop" : "start");
        arena_done(&question.arena);
    }
    return right == QUESTIONS ? owner : NULL;
}

static void test_text_classifier_lite__workers_share_one_model(void **state) {
    (void)state;
    struct agent *agent = open_it();
    pthread_t askers[ASKERS];
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_create(&askers[i], NULL, ask_often, agent), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        void *right = NULL;
        assert_int_equal(pthread_join(askers[i], &right), 0);
        assert_non_null(right);
    }
    TEXT_CLASSIFIER_LITE.close(agent);
}

static void test_text_classifier_lite__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    status opened = STATUS_NO_MEMORY;
    for (long index = 0; opened != STATUS_OK; index++) {
        struct agent *agent = NULL;
        struct error err;
        (void)memory_fail_at(index, 0);
        opened = TEXT_CLASSIFIER_LITE.open(NULL, manifest, &agent, &err);
        (void)memory_fail_at(-1, 0);
        TEXT_CLASSIFIER_LITE.close(agent);
        assert_true(opened == STATUS_OK || opened == STATUS_NO_MEMORY);
        assert_true(index < 100);
    }
    struct agent *agent = open_it();
    struct question question;
    ask(agent, &question, "{\"text\":\"halt\"}");
    (void)memory_fail_at(0, 0);
    TEXT_CLASSIFIER_LITE.run(agent, &question.call);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(question.call.error.code, STATUS_NO_MEMORY);
    arena_done(&question.arena);
    TEXT_CLASSIFIER_LITE.close(agent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__gives_label_score_and_scores,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_text_classifier_lite__gives_the_outputs_that_the_manifest_names, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__an_answer_outlives_the_agent,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__any_text_has_an_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__what_is_no_text_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__a_deadline_that_is_over_is_kept,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__a_model_that_is_none_is_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_text_classifier_lite__requirements_follow_from_the_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_classifier_lite__workers_share_one_model, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_text_classifier_lite__no_memory_is_an_answer_and_nothing_leaks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
