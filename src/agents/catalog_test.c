// SPDX-License-Identifier: Apache-2.0
#include "agents/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/test_folder.h"
#include "base/memory.h"

static struct test_folder folder;
static struct catalog *catalog;
static struct loop *loop;

static int make(void **state) {
    (void)state;
    test_folder_make(&folder);
    return loop_create(&loop, NULL) == STATUS_OK && catalog_create(&catalog, NULL) == STATUS_OK
               ? 0
               : -1;
}

static int undo(void **state) {
    (void)state;
    catalog_destroy(catalog);
    loop_destroy(loop);
    test_folder_remove(&folder);
    return 0;
}

/* Writes the manifest of a process agent to NAME/agent.yaml below the test's folder. */
static void write_agent(const char *where, const char *name, const char *version,
                        const char *more) {
    char path[128];
    char text[512];
    (void)snprintf(path, sizeof(path), "%s/agent.yaml", where);
    (void)snprintf(text, sizeof(text),
                   "ebb: 1\nagent: %s\nversion: %s\nkind: process\ncommand: [cat]\n%s", name,
                   version, more);
    test_folder_write(&folder, path, text);
}

static const char *below(const char *name) {
    static char path[TEST_PATH_BYTES + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder.path, name);
    return path;
}

static void add(struct catalog *to, const char *name) {
    struct error err = {0};
    if (catalog_add_folder(to, below(name), &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

struct found {
    struct workflow_agent agent;
    struct error err;
};

static status resolve(const char *name, const char *range, struct found *found) {
    *found = (struct found){0};
    return catalog_resolve(catalog, slice_of(name), slice_of(range), &found->agent, &found->err);
}

static void assert_resolves(const char *name, const char *range, const char *version) {
    struct found found;
    if (resolve(name, range, &found) != STATUS_OK) {
        fail_msg("%s", found.err.text);
    }
    const struct agent_manifest *manifest = catalog_manifest(found.agent.pinned);
    assert_true(slice_is(manifest->name, name));
    assert_string_equal(manifest->version_text.bytes, version);
    assert_ptr_equal(found.agent.inputs, &manifest->inputs);
    assert_ptr_equal(found.agent.outputs, &manifest->outputs);
    assert_false(found.agent.actuator);
}

static void assert_refused(const char *name, const char *range, status code, const char *sentence) {
    struct found found;
    assert_int_equal(resolve(name, range, &found), code);
    if (strstr(found.err.text, sentence) == NULL) {
        fail_msg("'%s' is not in: %s", sentence, found.err.text);
    }
}

static void test_catalog__a_reference_takes_the_highest_version_that_fits(void **state) {
    (void)state;
    write_agent("agents/one", "spam-lite", "1.2.0", "");
    write_agent("agents/two", "spam-lite", "1.10.0", "");
    write_agent("agents/three", "spam-lite", "2.0.0", "");
    write_agent("agents/other", "drift", "3.0.0", "");
    add(catalog, "agents");
    assert_resolves("spam-lite", "", "2.0.0");
    assert_resolves("spam-lite", "*", "2.0.0");
    assert_resolves("spam-lite", "^1", "1.10.0");
    assert_resolves("spam-lite", "~1.2", "1.2.0");
    assert_resolves("spam-lite", "1.2.0", "1.2.0");
    assert_resolves("spam-lite", ">=1.3", "2.0.0");
    assert_resolves("drift", "^3", "3.0.0");
}

static void test_catalog__a_missing_agent_is_told_the_nearest_and_where_it_looked(void **state) {
    (void)state;
    write_agent("agents/one", "spam-lite", "1.2.0", "");
    add(catalog, "agents");
    add(catalog, "agents");
    add(catalog, "nowhere");
    char sentence[2048];
    char first[TEST_PATH_BYTES + 64];
    (void)snprintf(first, sizeof(first), "%s", below("agents"));
    (void)snprintf(sentence, sizeof(sentence),
                   "no agent 'spam-lit': did you mean 'spam-lite'? agents are looked for in %s, %s",
                   first, below("nowhere"));
    assert_refused("spam-lit", "^1", STATUS_NOT_FOUND, sentence);
    assert_refused("wholly-other", "", STATUS_NOT_FOUND,
                   "no agent 'wholly-other': agents are looked for in ");
}

static void test_catalog__versions_are_listed_when_none_fits(void **state) {
    (void)state;
    write_agent("agents/one", "spam-lite", "1.2.0", "");
    write_agent("agents/two", "spam-lite", "1.10.0", "");
    add(catalog, "agents");
    assert_refused("spam-lite", "^2", STATUS_NOT_FOUND,
                   "no version of agent 'spam-lite' fits '^2': there is 1.10.0, 1.2.0");
    assert_refused("spam-lite", "latest", STATUS_INVALID,
                   "'spam-lite@latest': a range of versions is ^1, ~1.2, 1.2.0, >=1.2 or *");
}

static void test_catalog__a_faulty_manifest_is_said_to_who_needs_it(void **state) {
    (void)state;
    write_agent("agents/a", "spam-lite", "1.0.0", "");
    write_agent("agents/b", "spam-lite", "2.0.0", "sumary: x\ninstances: 0\n");
    write_agent("agents/c", "drift", "1.0.0", "");
    test_folder_write(&folder, "agents/d/agent.yaml", "{ nonsense");
    test_folder_write(&folder, "agents/e/readme.md", "no agent");
    test_folder_write(&folder, "agents/f", "no folder");
    add(catalog, "agents");
    assert_resolves("drift", "", "1.0.0");
    assert_resolves("spam-lite", "^1", "1.0.0");
    assert_refused("spam-lite", "^2", STATUS_INVALID,
                   "agents/b/agent.yaml:6:1: `sumary` is no key of an agent's manifest: did you "
                   "mean `summary`? (and 1 more)");
    assert_refused("d", "", STATUS_INVALID, "agent 'd' cannot be used: ");
}

static void count_fault(void *owner, struct slice name, struct slice why) {
    (void)name;
    assert_true(why.count > 0);
    ++*(int *)owner;
}

static void test_catalog__the_first_folder_that_has_it_counts(void **state) {
    (void)state;
    write_agent("mine/drift", "drift", "1.0.0", "summary: mine\n");
    write_agent("theirs/drift", "drift", "1.0.0", "summary: theirs\n");
    write_agent("theirs/newer", "drift", "1.1.0", "");
    add(catalog, "mine");
    add(catalog, "theirs");
    struct found found;
    assert_int_equal(resolve("drift", "1.0.0", &found), STATUS_OK);
    assert_string_equal(catalog_manifest(found.agent.pinned)->summary.bytes, "mine");
    assert_resolves("drift", "^1", "1.1.0");
    int faults = 0;
    catalog_each_fault(catalog, count_fault, &faults);
    assert_int_equal(faults, 0);
}

/* The digest of a workflow of two steps with the agents of the catalogue. */
static struct id digest_of(const char *text) {
    struct error err = {0};
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    const struct workflow_doors doors = {.owner = catalog, .resolve = catalog_resolve};
    if (workflow_read(SLICE("flow.yaml"), slice_of(text), &doors, &workflow, &faults, &err) !=
        STATUS_OK) {
        fail_msg("%s", err.text);
    }
    const struct id digest = catalog_digest(workflow);
    fault_list_release(faults);
    workflow_release(workflow);
    return digest;
}

static void
test_catalog__the_digest_of_a_workflow_covers_its_agents_and_not_their_places(void **state) {
    (void)state;
    static const char FLOW[] = "ebb: 1\nworkflow: flow\ntrigger: { stdin: json }\n"
                               "steps:\n  - { id: a, agent: drift }\n  - { id: b, agent: drift }\n";
    write_agent("mine/drift", "drift", "1.0.0", "summary: one\n");
    write_agent("theirs/copy", "drift", "1.0.0", "summary: one\n");
    write_agent("other/drift", "drift", "1.0.0", "summary: another\n");
    add(catalog, "mine");
    const struct id mine = digest_of(FLOW);
    assert_true(id_equal(mine, digest_of(FLOW)));
    assert_false(id_equal(mine, digest_of("ebb: 1\nworkflow: flow\ntrigger: { stdin: json }\n"
                                          "steps:\n  - { id: a, agent: drift }\n")));
    static const char *const OTHERS[] = {"theirs", "other"};
    for (int i = 0; i < 2; i++) {
        struct error err;
        catalog_destroy(catalog);
        assert_int_equal(catalog_create(&catalog, &err), STATUS_OK);
        add(catalog, OTHERS[i]);
        assert_int_equal(id_equal(mine, digest_of(FLOW)), i == 0);
    }
}

static void test_catalog__the_same_twice_in_one_folder_is_a_fault(void **state) {
    (void)state;
    write_agent("agents/a", "drift", "1.0.0", "summary: first\n");
    write_agent("agents/b", "drift", "1.0.0", "summary: second\n");
    add(catalog, "agents");
    assert_string_equal(catalog_manifest(catalog_find(catalog, SLICE("drift")))->summary.bytes,
                        "first");
    int faults = 0;
    catalog_each_fault(catalog, count_fault, &faults);
    assert_int_equal(faults, 1);
}

static struct agent *open_agent(struct catalog *from, const char *name,
                                const struct catalog_agent **out_pinned) {
    const struct agent_kind *kind = NULL;
    struct agent *agent = NULL;
    struct error err = {0};
    *out_pinned = catalog_find(from, slice_of(name));
    assert_non_null(*out_pinned);
    if (catalog_open(from, loop, *out_pinned, &kind, &agent, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_ptr_equal(kind, catalog_kind(*out_pinned));
    return agent;
}

static void test_catalog__an_agent_is_opened_once_and_shared(void **state) {
    (void)state;
    write_agent("agents/a", "drift", "1.0.0", "");
    add(catalog, "agents");
    const struct catalog_agent *pinned = NULL;
    struct agent *agent = open_agent(catalog, "drift", &pinned);
    assert_ptr_equal(open_agent(catalog, "drift", &pinned), agent);
    catalog_stats(pinned)->calls = 3;
    assert_int_equal(catalog_stats(pinned)->calls, 3);
    assert_false(catalog_stats(pinned)->broken);
}

static void test_catalog__a_reload_keeps_what_did_not_change(void **state) {
    (void)state;
    write_agent("agents/a", "same", "1.0.0", "");
    write_agent("agents/b", "changed", "1.0.0", "");
    write_agent("agents/c", "idle", "1.0.0", "");
    add(catalog, "agents");
    const struct catalog_agent *same = NULL;
    const struct catalog_agent *changed = NULL;
    struct agent *same_agent = open_agent(catalog, "same", &same);
    struct agent *changed_agent = open_agent(catalog, "changed", &changed);
    catalog_stats(same)->calls = 7;

    write_agent("agents/b", "changed", "1.0.0", "instances: 2\n");
    struct catalog *newer = NULL;
    assert_int_equal(catalog_create(&newer, NULL), STATUS_OK);
    add(newer, "agents");
    catalog_adopt(newer, catalog);

    const struct catalog_agent *now = NULL;
    assert_ptr_equal(open_agent(newer, "same", &now), same_agent);
    assert_ptr_equal(now, same);
    assert_int_equal(catalog_stats(now)->calls, 7);
    assert_true(open_agent(newer, "changed", &now) != changed_agent);
    assert_int_equal(catalog_manifest(now)->instances, 2);
    assert_ptr_equal(open_agent(catalog, "changed", &now), changed_agent); /* runs go on with it */

    catalog_destroy(catalog); /* the last run of the old generation has ended */
    catalog = newer;
    assert_ptr_equal(open_agent(catalog, "same", &now), same_agent);
}

static void count_agent(void *owner, const struct catalog_agent *agent) {
    char *names = owner;
    const struct agent_manifest *manifest = catalog_manifest(agent);
    (void)strcat(strcat(strcat(names, manifest->name.bytes), " "), manifest->version_text.bytes);
    (void)strcat(names, ";");
}

static void test_catalog__each_comes_in_the_order_of_names(void **state) {
    (void)state;
    write_agent("agents/a", "zeta", "1.0.0", "");
    write_agent("agents/b", "beta", "1.0.0", "");
    write_agent("agents/c", "beta", "2.0.0", "");
    write_agent("agents/.hidden", "hidden", "2.0.0", "");
    add(catalog, "agents");
    char names[256] = "";
    catalog_each(catalog, count_agent, names);
    assert_string_equal(names, "beta 2.0.0;beta 1.0.0;zeta 1.0.0;");
    assert_null(catalog_find(catalog, SLICE("gamma")));
}

static void test_catalog__requirements_come_from_the_manifest(void **state) {
    (void)state;
    write_agent("agents/a", "drift", "1.0.0",
                "needs: { memory: 24MiB, offline: false }\nlimits: { memory: 64MiB }\n");
    add(catalog, "agents");
    struct agent_requirements needs = {0};
    catalog_requirements(catalog_find(catalog, SLICE("drift")), &needs);
    assert_true(needs.min_memory_mb == 24.0);
    assert_true(needs.recommended_memory_mb == 64.0);
    assert_true(needs.model_size_mb == 0.0);
    assert_false(needs.supports_gpu);
    assert_false(needs.offline_capable);
}

static void test_catalog__any_allocation_may_fail(void **state) {
    (void)state;
    write_agent("agents/a", "drift", "1.0.0", "");
    write_agent("agents/b", "faulty", "1.0.0", "nope: 1\n");
    for (long index = 0;; index++) {
        struct catalog *one = NULL;
        (void)memory_fail_at(index, 1);
        status code = catalog_create(&one, NULL);
        if (code == STATUS_OK) {
            code = catalog_add_folder(one, below("agents"), NULL);
        }
        const bool reached = memory_fail_at(-1, 0) > (size_t)index;
        catalog_destroy(one);
        if (!reached) {
            assert_int_equal(code, STATUS_OK);
            break;
        }
        assert_true(index < 1000);
    }
}

#define CATALOG_TEST(name) cmocka_unit_test_setup_teardown(name, make, undo)

int main(void) {
    const struct CMUnitTest tests[] = {
        CATALOG_TEST(test_catalog__a_reference_takes_the_highest_version_that_fits),
        CATALOG_TEST(test_catalog__a_missing_agent_is_told_the_nearest_and_where_it_looked),
        CATALOG_TEST(test_catalog__versions_are_listed_when_none_fits),
        CATALOG_TEST(test_catalog__a_faulty_manifest_is_said_to_who_needs_it),
        CATALOG_TEST(test_catalog__the_first_folder_that_has_it_counts),
        CATALOG_TEST(test_catalog__the_digest_of_a_workflow_covers_its_agents_and_not_their_places),
        CATALOG_TEST(test_catalog__the_same_twice_in_one_folder_is_a_fault),
        CATALOG_TEST(test_catalog__an_agent_is_opened_once_and_shared),
        CATALOG_TEST(test_catalog__a_reload_keeps_what_did_not_change),
        CATALOG_TEST(test_catalog__each_comes_in_the_order_of_names),
        CATALOG_TEST(test_catalog__requirements_come_from_the_manifest),
        CATALOG_TEST(test_catalog__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
