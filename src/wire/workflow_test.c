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
        bool actuator;
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
                      const struct field_set **out_inputs, const struct field_set **out_outputs,
                      const void **out_pinned, bool *out_actuator, struct error *err) {
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
        *out_inputs = &agent->inputs;
        *out_outputs = &agent->outputs;
        *out_pinned = agent;
        *out_actuator = agent->actuator;
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
        query_done(programs);
    }
    return code;
}

static const struct workflow_doors DOORS = {.resolve = resolve, .compile = compile};

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workflow__says_of_each_file_of_the_corpus_what_is_expected),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
