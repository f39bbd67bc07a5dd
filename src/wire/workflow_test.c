// SPDX-License-Identifier: Apache-2.0
// Every file of tests/format is checked, and what is said must be what stands in NAME.expected,
// byte for byte. With EBB_WRITE_EXPECTED=1 in the environment the expectations are written instead:
// read the difference before you keep it.
#include "wire/workflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/query.h"

static const char FOLDER[] = "tests/format";

enum { AGENTS_MAX = 32, PATH_BYTES = 256 };

/* The agents that the corpus names, read from tests/format/agents/agents.yaml. */
static struct {
    struct arena arena;
    uint32_t count;
    struct test_agent {
        struct slice name;
        int major;
        bool actuator, carries;
        struct field_set inputs, outputs;
    } agents[AGENTS_MAX];
} world;

static void read_agent(struct reading *reading, const struct yaml_pair *pair) {
    struct test_agent *agent = &world.agents[world.count++];
    const struct yaml *inputs = yaml_get(&pair->value, "inputs");
    const struct yaml *outputs = yaml_get(&pair->value, "outputs");
    *agent = (struct test_agent){.name = pair->key,
                                 .major = yaml_get(&pair->value, "version")->text.bytes[0] - '0',
                                 .actuator = yaml_get(&pair->value, "actuator") != NULL,
                                 .carries = yaml_get(&pair->value, "carries") != NULL,
                                 .inputs = {.open = true},
                                 .outputs = {.open = true}};
    if (inputs != NULL) {
        field_set_read(reading, inputs, &agent->inputs);
    }
    if (outputs != NULL) {
        field_set_read(reading, outputs, &agent->outputs);
    }
}

static int set_up(void **state) {
    (void)state;
    struct buffer text;
    struct error err;
    struct faults faults;
    const struct yaml_document *documents;
    uint32_t count;
    struct place place;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/agents/agents.yaml", FOLDER);
    buffer_init(&text, 1 << 20);
    arena_init(&world.arena, 4 << 20);
    assert_int_equal(file_read(path, &text, &err), STATUS_OK);
    assert_int_equal(yaml_read(&world.arena, buffer_slice(&text), &documents, &count, &place, &err),
                     STATUS_OK);
    faults_init(&faults, &world.arena);
    struct reading reading = {.arena = &world.arena, .faults = &faults};
    for (uint32_t i = 0; i < documents[0].root.count; i++) {
        read_agent(&reading, &documents[0].root.pairs[i]);
    }
    assert_int_equal(faults.count, 0);
    buffer_done(&text);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&world.arena);
    return 0;
}

static status resolve(void *owner, struct slice name, struct slice range,
                      struct workflow_agent *out_agent, struct error *err) {
    const char *names[AGENTS_MAX + 1] = {0};
    (void)owner;
    for (uint32_t i = 0; i < world.count; i++) {
        const struct test_agent *agent = &world.agents[i];
        names[i] = arena_copy(&world.arena, agent->name).bytes;
        if (!slice_equal(agent->name, name)) {
            continue;
        }
        if (range.count > 1 && range.bytes[1] - '0' != agent->major) {
            return fail(err, STATUS_NOT_FOUND, "agent '%.*s' has no version %.*s: there is %d",
                        SLICE_ARGS(name), SLICE_ARGS(range), agent->major);
        }
        *out_agent = (struct workflow_agent){.inputs = &agent->inputs,
                                             .outputs = &agent->outputs,
                                             .pinned = agent,
                                             .actuator = agent->actuator,
                                             .carries = agent->carries};
        return STATUS_OK;
    }
    const char *nearest = text_nearest(name, names);
    return fail(err, STATUS_NOT_FOUND, "there is no agent '%.*s'%s%s", SLICE_ARGS(name),
                nearest != NULL ? ": did you mean " : "", nearest != NULL ? nearest : "");
}

static status compile(void *owner, struct slice program, int *out_offset, struct error *err) {
    struct query_programs *programs;
    unsigned index;
    (void)owner;
    const status code = query_compile(&program, 1, &programs, &index, out_offset, err);
    if (code == STATUS_OK) {
        query_programs_done(programs);
    }
    return code;
}

static const struct workflow_doors DOORS = {
    .resolve = resolve, .compile = compile, .folder = FOLDER};

/* What check says of the text; `name` is the file's. */
static void say_faults(struct slice name, struct slice text, struct buffer *out) {
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    const status code = workflow_read(name, text, &DOORS, &workflow, &faults, &err);
    assert_non_null(faults);
    assert_int_equal(code, faults->error_count == 0 ? STATUS_OK : STATUS_INVALID);
    assert_int_equal(workflow == NULL, code != STATUS_OK);
    fault_list_write(faults, out);
    fault_list_release(faults);
    workflow_release(workflow);
}

struct tally {
    int files, wrong;
};

static void compare(struct tally *tally, const char *name, const char *expected_path,
                    struct slice said) {
    struct buffer expected;
    struct error err;
    buffer_init(&expected, 1 << 20);
    if (getenv("EBB_WRITE_EXPECTED") != NULL) {
        assert_int_equal(file_replace(expected_path, said, &err), STATUS_OK);
    }
    if (file_read(expected_path, &expected, &err) != STATUS_OK ||
        !slice_equal(buffer_slice(&expected), said)) {
        print_error("%s says\n%.*sinstead of\n%.*s", name, SLICE_ARGS(said),
                    SLICE_ARGS(buffer_slice(&expected)));
        tally->wrong++;
    }
    buffer_done(&expected);
}

static bool check_file(void *owner, const char *name) {
    struct tally *tally = owner;
    const size_t stem = strlen(name) > 5 ? strlen(name) - 5 : 0;
    char path[PATH_BYTES], expected_path[PATH_BYTES];
    struct buffer text, said;
    struct error err;
    if (strcmp(name + stem, ".yaml") != 0) {
        return true;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
    (void)snprintf(expected_path, sizeof(expected_path), "%s/%.*s.expected", FOLDER, (int)stem,
                   name);
    buffer_init(&text, 1 << 20);
    buffer_init(&said, 1 << 20);
    assert_int_equal(file_read(path, &text, &err), STATUS_OK);
    say_faults(slice_of(name), buffer_slice(&text), &said);
    compare(tally, name, expected_path, buffer_slice(&said));
    tally->files++;
    buffer_done(&text);
    buffer_done(&said);
    return true;
}

static void test_workflow__says_of_each_file_of_the_corpus_what_is_expected(void **state) {
    (void)state;
    struct tally tally = {0};
    struct error err;
    assert_int_equal(file_list(FOLDER, check_file, &tally, &err), STATUS_OK);
    assert_true(tally.files > 100);
    assert_int_equal(tally.wrong, 0);
}

static struct workflow *read_good(struct slice text) {
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    const status code = workflow_read(SLICE("good.yaml"), text, &DOORS, &workflow, &faults, &err);
    if (code != STATUS_OK && faults != NULL) {
        print_error("%.*s\n", SLICE_ARGS(faults->faults[0].text));
    }
    assert_int_equal(code, STATUS_OK);
    fault_list_release(faults);
    return workflow;
}

static void read_corpus(const char *name, struct buffer *out) {
    char path[PATH_BYTES];
    struct error err;
    (void)snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
    buffer_init(out, 1 << 20);
    assert_int_equal(file_read(path, out, &err), STATUS_OK);
}

static const struct step *find_step(const struct workflow *workflow, const char *id) {
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        if (slice_is(workflow->steps[i].id, id)) {
            return &workflow->steps[i];
        }
    }
    assert_string_equal(id, "a step of the file");
    return NULL;
}

static void test_workflow__has_defaults_for_what_was_not_written(void **state) {
    (void)state;
    struct workflow *workflow = read_good(SLICE("ebb: 1\n"
                                                "workflow: w\n"
                                                "trigger: { watch: { path: in } }\n"
                                                "steps: [{ id: a, agent: free }]\n"
                                                "results: [{ name: r, from: { t: 1 } }]\n"));
    const struct step *step = &workflow->steps[0];
    const struct result_rule *rule = &workflow->results[0];
    assert_int_equal(workflow->queue.max, QUEUE_MAX_DEFAULT);
    assert_int_equal(workflow->queue.full, QUEUE_BLOCK);
    assert_false(workflow->queue.keep_latest);
    assert_int_equal(workflow->concurrency, 1);
    assert_int_equal(workflow->runs.mode, DURABILITY_NONE);
    assert_int_equal(workflow->results_durability.mode, DURABILITY_EACH);
    assert_int_equal(workflow->deadline_ms, 0);
    assert_true(slice_is(workflow->triggers[0].glob, "*"));
    assert_true(slice_is(workflow->triggers[0].source, "watch"));
    assert_int_equal(workflow->triggers[0].after, WATCH_KEEP);
    assert_int_equal(step->timeout_ms, STEP_TIMEOUT_MS_DEFAULT);
    assert_int_equal(step->attempts, 1);
    assert_int_equal(step->on_error, ON_ERROR_FAIL);
    assert_false(step->on_error_given);
    assert_false(step->repeat_never);
    assert_null(step->when);
    assert_null(step->with);
    assert_int_equal(rule->priority, 1);
    assert_int_equal(rule->lane, LANE_NORMAL);
    assert_int_equal(rule->keep_ms, INT64_C(7) * 24 * 3600 * 1000);
    assert_int_equal(rule->expires_ms, 0);
    assert_null(rule->key);
    workflow_release(workflow);
}

static void test_workflow__holds_what_was_written(void **state) {
    (void)state;
    struct buffer text;
    read_corpus("good-everything.yaml", &text);
    struct workflow *workflow = read_good(buffer_slice(&text));
    const struct step *classify = find_step(workflow, "classify");
    const struct step *tell = find_step(workflow, "tell");
    const struct step *guess = find_step(workflow, "guess");
    assert_true(slice_equal(workflow->text, buffer_slice(&text)));
    assert_int_equal(workflow->trigger_count, 2);
    assert_int_equal(workflow->triggers[0].format, STDIN_TEXT);
    assert_true(slice_is(workflow->triggers[1].path, "inbox"));
    assert_true(slice_is(workflow->triggers[1].glob, "*.eml"));
    assert_true(workflow->triggers[1].text);
    assert_int_equal(workflow->triggers[1].after, WATCH_DELETE);
    assert_int_equal(workflow->queue.max, 500);
    assert_int_equal(workflow->queue.full, QUEUE_DROP_OLDEST);
    assert_true(workflow->queue.keep_latest);
    assert_int_equal(workflow->concurrency, 4);
    assert_int_equal(workflow->runs.mode, DURABILITY_EACH);
    assert_int_equal(workflow->results_durability.mode, DURABILITY_INTERVAL);
    assert_int_equal(workflow->results_durability.interval_ms, 1000);
    assert_int_equal(workflow->deadline_ms, 3600 * 1000);
    assert_int_equal(workflow->let_count, 2);
    assert_true(slice_is(classify->agent, "spam-lite"));
    assert_true(slice_is(classify->agent_range, "^1"));
    assert_int_equal(classify->timeout_ms, 2000);
    assert_int_equal(classify->attempts, 3);
    assert_int_equal(classify->backoff_ms, 200);
    assert_int_equal(classify->retry_on, 2 * CLASS_FULL - 1);
    assert_int_equal(classify->on_error, ON_ERROR_STEP);
    assert_ptr_equal(&workflow->steps[classify->other_step], guess);
    assert_true(guess->only_on_error);
    assert_int_equal(guess->on_error, ON_ERROR_USE);
    assert_int_equal(guess->use.count, 2);
    assert_true(tell->repeat_never);
    assert_int_equal(tell->expires_ms, 600 * 1000);
    assert_int_equal(tell->on_error, ON_ERROR_SKIP_STEP);
    assert_ptr_equal(&workflow->steps[tell->needs[0]], classify);
    assert_int_equal(workflow->results[0].lane, LANE_URGENT);
    assert_int_equal(workflow->results[0].priority, 7);
    assert_int_equal(workflow->results[1].lane, LANE_LOCAL);
    assert_int_equal(workflow->program_count, 0);
    workflow_release(workflow);
    buffer_done(&text);
}

/* What a run would do with every template, after the file's own memory has gone. */
static void test_workflow__lives_on_when_its_file_is_gone(void **state) {
    (void)state;
    struct buffer text;
    struct arena arena;
    struct error err;
    struct value value;
    arena_init(&arena, 1 << 20);
    read_corpus("good-everything.yaml", &text);
    struct workflow *workflow = read_good(buffer_slice(&text));
    buffer_done(&text);
    struct value let_values[2];
    unsigned char let_states[2] = {0};
    struct context context = {.arena = &arena,
                              .lets = workflow->lets,
                              .let_count = workflow->let_count,
                              .let_values = let_values,
                              .let_states = let_states};
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        assert_int_equal(template_render(workflow->steps[i].with, &context, &value, &err),
                         STATUS_OK);
    }
    assert_int_equal(template_render(workflow->results[0].from, &context, &value, &err), STATUS_OK);
    const struct value *cost = value_get(value, SLICE("cost"));
    assert_non_null(cost);
    assert_true(slice_is(value_text(*cost), "${ 5 }"));
    assert_true(
        slice_is(value_text(*value_get(find_step(workflow, "guess")->use, SLICE("label"))), "ham"));
    workflow_release(workflow);
    arena_done(&arena);
}

static void test_workflow__lists_the_programs_that_jq_runs(void **state) {
    (void)state;
    struct workflow *workflow =
        read_good(SLICE("ebb: 1\n"
                        "workflow: w\n"
                        "trigger: { stdin: json }\n"
                        "let: { n: '${ .event.data | length }' }\n"
                        "results:\n"
                        "  - name: r\n"
                        "    when: .event.data | any\n"
                        "    from: { a: '${ .event.data }', b: 'x ${ .event.data | keys } y' }\n"));
    assert_int_equal(workflow->program_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(expression_is_native(workflow->programs[i]));
        expression_set_program(workflow->programs[i], i);
    }
    assert_int_equal(expression_program_number(workflow->results[0].when), 1);
    workflow_release(workflow);
}

static void test_workflow__is_freed_by_its_last_owner(void **state) {
    (void)state;
    struct workflow *workflow = read_good(SLICE("ebb: 1\n"
                                                "workflow: w\n"
                                                "trigger: { stdin: json }\n"
                                                "results: [{ name: r, from: { t: 1 } }]\n"));
    assert_ptr_equal(workflow_share(workflow), workflow);
    workflow_release(workflow);
    assert_true(slice_is(workflow->name, "w"));
    workflow_release(workflow);
    workflow_release(NULL);
}

static void test_workflow__has_the_digest_of_its_text(void **state) {
    (void)state;
    struct workflow *a = read_good(SLICE("ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
                                         "results: [{ name: r, from: 1 }]\n"));
    struct workflow *b = read_good(SLICE("ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
                                         "results: [{ name: r, from: 2 }]\n"));
    assert_false(id_is_zero(a->digest));
    assert_false(id_equal(a->digest, b->digest));
    workflow_release(a);
    workflow_release(b);
}

static void test_workflow__of_too_many_bytes_is_refused_unread(void **state) {
    (void)state;
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    char *text = calloc(1, WORKFLOW_BYTES_MAX + 1);
    assert_non_null(text);
    const struct slice large = {.bytes = text, .count = WORKFLOW_BYTES_MAX + 1};
    assert_int_equal(workflow_read(SLICE("w"), large, NULL, &workflow, &faults, &err),
                     STATUS_INVALID);
    assert_string_equal(faults->faults[0].text.bytes,
                        "a workflow file has at most 1048576 bytes, this one has 1048577");
    fault_list_release(faults);
    free(text);
}

static void test_workflow__that_says_too_much_is_refused(void **state) {
    (void)state;
    struct buffer text;
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    buffer_add_text(&text, "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
                           "results:\n  - name: r\n    from: [0");
    for (int i = 0; i < 95000; i++) {
        buffer_add_text(&text, ",'${.}'");
    }
    buffer_add_text(&text, "]\n");
    assert_int_equal(workflow_read(SLICE("w"), buffer_slice(&text), NULL, &workflow, &faults, NULL),
                     STATUS_INVALID);
    assert_int_equal(faults->count, 1);
    assert_string_equal(faults->faults[0].text.bytes,
                        "the workflow is too large: what it says takes more than 32 MiB");
    fault_list_release(faults);
    buffer_done(&text);
}

static void test_workflow__with_countless_faults_says_the_first_ones(void **state) {
    (void)state;
    struct buffer text;
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    buffer_add_text(&text, "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults:\n");
    for (int i = 0; i < WORKFLOW_RESULTS_MAX; i++) {
        buffer_print(&text, "  - { nme: r%d, form: 1, prioritty: 1 }\n", i);
    }
    assert_int_equal(workflow_read(SLICE("w"), buffer_slice(&text), NULL, &workflow, &faults, &err),
                     STATUS_INVALID);
    assert_int_equal(faults->count, WORKFLOW_FAULTS_MAX);
    assert_int_equal(faults->faults[0].place.line, 5);
    assert_true(faults->faults[faults->count - 1].place.line < 5 + WORKFLOW_FAULTS_MAX / 3);
    fault_list_release(faults);
    buffer_done(&text);
}

/* Reads while the k-th allocation fails, for every k that there is. */
static void fail_every_allocation(const char *name) {
    struct buffer text;
    read_corpus(name, &text);
    bool reached = true;
    for (long k = 0; reached; k++) {
        struct workflow *workflow = NULL;
        struct fault_list *faults = NULL;
        struct error err = {0};
        const struct workflow_doors doors = {.resolve = resolve, .folder = FOLDER};
        (void)memory_fail_at(k, 0);
        const status code =
            workflow_read(SLICE("w"), buffer_slice(&text), &doors, &workflow, &faults, &err);
        reached = memory_fail_at(-1, 0) > (size_t)k;
        assert_int_equal(workflow != NULL, code == STATUS_OK);
        assert_true(code == STATUS_NO_MEMORY || !reached || faults != NULL);
        assert_true(code == STATUS_OK || err.text[0] != 0);
        fault_list_release(faults);
        workflow_release(workflow);
    }
    buffer_done(&text);
}

static void test_workflow__reports_every_allocation_that_fails(void **state) {
    (void)state;
    fail_every_allocation("good-everything.yaml");
    fail_every_allocation("good-cron.yaml");
    fail_every_allocation("good-state.yaml");
    fail_every_allocation("good-order-key.yaml");
    fail_every_allocation("good-result-schema.yaml");
    fail_every_allocation("result-schema-keys.yaml");
    fail_every_allocation("all-faults-at-once.yaml");
    fail_every_allocation("from-with-several-faults.yaml");
}

static void explain(struct tally *tally, const char *name, const char *expected_path) {
    struct buffer text, page;
    read_corpus(name, &text);
    buffer_init(&page, 1 << 20);
    struct workflow *workflow = read_good(buffer_slice(&text));
    workflow_explain(workflow, &page);
    compare(tally, "the page", expected_path, buffer_slice(&page));
    workflow_release(workflow);
    buffer_done(&page);
    buffer_done(&text);
}

static void test_workflow__explains_what_applies_and_what_is_a_default(void **state) {
    (void)state;
    struct tally tally = {0};
    explain(&tally, "good-everything.yaml", "tests/format/explain/good-everything.expected");
    explain(&tally, "good-state.yaml", "tests/format/explain/good-state.expected");
    explain(&tally, "good-measures.yaml", "tests/format/explain/good-measures.expected");
    explain(&tally, "good-privacy.yaml", "tests/format/explain/good-privacy.expected");
    explain(&tally, "good-result-schema.yaml", "tests/format/explain/good-result-schema.expected");
    assert_int_equal(tally.wrong, 0);
}

static void test_error_class__has_a_name_and_comes_from_a_status(void **state) {
    (void)state;
    assert_string_equal(error_class_name(CLASS_OFFLINE), "offline");
    assert_string_equal(error_class_name(CLASS_FULL), "full");
    assert_int_equal(error_class_of(STATUS_TIMEOUT), CLASS_TIMEOUT);
    assert_int_equal(error_class_of(STATUS_OFFLINE), CLASS_OFFLINE);
    assert_int_equal(error_class_of(STATUS_CRASH), CLASS_CRASH);
    assert_int_equal(error_class_of(STATUS_SYSTEM), CLASS_CRASH);
    assert_int_equal(error_class_of(STATUS_INVALID), CLASS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workflow__says_of_each_file_of_the_corpus_what_is_expected),
        cmocka_unit_test(test_workflow__has_defaults_for_what_was_not_written),
        cmocka_unit_test(test_workflow__holds_what_was_written),
        cmocka_unit_test(test_workflow__lives_on_when_its_file_is_gone),
        cmocka_unit_test(test_workflow__lists_the_programs_that_jq_runs),
        cmocka_unit_test(test_workflow__is_freed_by_its_last_owner),
        cmocka_unit_test(test_workflow__has_the_digest_of_its_text),
        cmocka_unit_test(test_workflow__of_too_many_bytes_is_refused_unread),
        cmocka_unit_test(test_workflow__that_says_too_much_is_refused),
        cmocka_unit_test(test_workflow__with_countless_faults_says_the_first_ones),
        cmocka_unit_test(test_workflow__reports_every_allocation_that_fails),
        cmocka_unit_test(test_workflow__explains_what_applies_and_what_is_a_default),
        cmocka_unit_test(test_error_class__has_a_name_and_comes_from_a_status),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
