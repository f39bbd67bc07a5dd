// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/manifest_onnx.h"
#include "agents/test_folder.h"
#include "base/memory.h"
#include "platform/hash.h"

static const char DRIFT[] = "ebb: 1\n"
                            "agent: drift\n"
                            "version: 1.0.3\n"
                            "summary: Says how unusual a temperature is.\n"
                            "kind: process\n"
                            "license: MIT\n"
                            "command: [python3, drift.py, --fast]\n"
                            "protocol: lines\n"
                            "instances: 2\n"
                            "ready: first_line\n"
                            "env: { MODE: quiet, LANG: C }\n"
                            "inputs:\n"
                            "  t: { type: number, unit: Cel }\n"
                            "  door_open: { type: boolean, default: false }\n"
                            "outputs: { score: number, label: string }\n"
                            "needs: { memory: 24MiB, offline: false }\n"
                            "limits: { memory: 64MiB, output: 1KiB }\n"
                            "x-owner: plant 7\n";

static struct test_folder folder;

static int make_folder(void **state) {
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct agent_manifest *read_good(const char *text) {
    test_folder_write(&folder, "agent.yaml", text);
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    if (agent_manifest_read(folder.path, &manifest, &faults, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_null(faults);
    return manifest;
}

/* Asserts that the manifest is refused and that each of the sentences (ended by NULL) is among its
 * faults: "line:column: text". */
static void assert_refused(const char *text, const char *const expected[]) {
    test_folder_write(&folder, "agent.yaml", text);
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    assert_int_equal(agent_manifest_read(folder.path, &manifest, &faults, &err), STATUS_INVALID);
    assert_non_null(faults);
    CLEANUP(buffer_done) struct buffer said;
    buffer_init(&said, 1 << 20);
    fault_list_write(faults, &said);
    buffer_add_byte(&said, 0);
    uint32_t count = 0;
    while (expected[count] != NULL) {
        if (strstr(said.bytes, expected[count]) == NULL) {
            fail_msg("'%s' is not among:\n%s", expected[count], said.bytes);
        }
        count++;
    }
    if (faults->count != count) {
        fail_msg("%u faults, not %u:\n%s", faults->count, count, said.bytes);
    }
    fault_list_release(faults);
}

static bool has_entry(const char *const *list, const char *entry) {
    for (; *list != NULL; list++) {
        if (strcmp(*list, entry) == 0) {
            return true;
        }
    }
    return false;
}

static void test_agent_manifest__a_process_agent_is_read_whole(void **state) {
    (void)state;
    test_folder_write(&folder, "drift.py", "print()");
    struct agent_manifest *manifest = read_good(DRIFT);
    assert_true(slice_is(manifest->name, "drift"));
    assert_int_equal(manifest->version.patch, 3);
    assert_true(slice_is(manifest->version_text, "1.0.3"));
    assert_true(slice_is(manifest->summary, "Says how unusual a temperature is."));
    assert_true(slice_is(manifest->kind, "process"));
    assert_true(slice_is(manifest->license, "MIT"));
    assert_string_equal(manifest->command[0], "python3");
    assert_string_equal(manifest->command[1], "drift.py");
    assert_string_equal(manifest->command[2], "--fast");
    assert_null(manifest->command[3]);
    assert_int_equal(manifest->protocol, PROTOCOL_LINES);
    assert_int_equal(manifest->instances, 2);
    assert_true(manifest->ready_first_line);
    assert_int_equal(manifest->inputs.count, 2);
    assert_false(manifest->inputs.open);
    assert_int_equal(manifest->outputs.count, 2);
    assert_int_equal(manifest->memory_bytes, 64 << 20);
    assert_int_equal(manifest->output_bytes, 1024);
    assert_int_equal(manifest->needs_memory_bytes, 24 << 20);
    assert_false(manifest->needs_offline);
    assert_false(manifest->actuator);
    agent_manifest_release(manifest);
}

static void test_agent_manifest__the_environment_is_clean(void **state) {
    (void)state;
    assert_int_equal(setenv("EBB_TEST_LEAK", "leaked", 1), 0);
    struct agent_manifest *manifest = read_good(DRIFT);
    char own[TEST_PATH_BYTES + 32];
    (void)snprintf(own, sizeof(own), "EBB_AGENT_FOLDER=%s", folder.path);
    assert_true(has_entry(manifest->environment, "MODE=quiet"));
    assert_true(has_entry(manifest->environment, "LANG=C"));
    assert_true(has_entry(manifest->environment, "EBB_AGENT=drift"));
    assert_true(has_entry(manifest->environment, own));
    assert_false(has_entry(manifest->environment, "EBB_TEST_LEAK=leaked"));
    uint32_t count = 0;
    while (manifest->environment[count] != NULL) {
        count++;
    }
    assert_int_equal(count, 5); /* and PATH */
    agent_manifest_release(manifest);
}

static void test_agent_manifest__what_it_does_not_say_has_a_default(void **state) {
    (void)state;
    struct agent_manifest *manifest =
        read_good("ebb: 1\nagent: a\nversion: 0.0.1\nkind: process\ncommand: [cat]\n");
    assert_true(manifest->inputs.open);
    assert_true(manifest->outputs.open);
    assert_int_equal(manifest->instances, 1);
    assert_int_equal(manifest->output_bytes, AGENT_OUTPUT_BYTES_DEFAULT);
    assert_int_equal(manifest->memory_bytes, 0);
    assert_false(manifest->ready_first_line);
    assert_true(manifest->needs_offline);
    assert_string_equal(manifest->command[0], "cat");
    agent_manifest_release(manifest);
}

static void test_agent_manifest__a_program_with_a_slash_is_a_file_of_the_agent(void **state) {
    (void)state;
    test_folder_write(&folder, "bin/hear", "#!/bin/sh\n");
    struct agent_manifest *manifest =
        read_good("ebb: 1\nagent: a\nversion: 0.0.1\nkind: process\ncommand: [./bin/hear]\n");
    char expected[TEST_PATH_BYTES + 32];
    (void)snprintf(expected, sizeof(expected), "%s/bin/hear", folder.path);
    assert_string_equal(manifest->command[0], expected);
    agent_manifest_release(manifest);
}

static void
test_agent_manifest__under_once_named_files_are_given_by_their_whole_path(void **state) {
    (void)state;
    test_folder_write(&folder, "tell.sh", "true");
    struct agent_manifest *manifest = read_good("ebb: 1\nagent: a\nversion: 0.0.1\nkind: process\n"
                                                "command: [sh, tell.sh, loud]\nmode: once\n");
    char expected[TEST_PATH_BYTES + 32];
    (void)snprintf(expected, sizeof(expected), "%s/tell.sh", folder.path);
    assert_string_equal(manifest->command[1], expected);
    assert_string_equal(manifest->command[2], "loud");
    assert_int_equal(manifest->protocol, PROTOCOL_ONCE);
    assert_int_equal(manifest->instances, AGENT_ONCE_INSTANCES_DEFAULT);
    agent_manifest_release(manifest);
}

static void test_agent_manifest__a_text_agent_names_its_model(void **state) {
    (void)state;
    test_folder_write(&folder, "models/spam.ebtm", "twelve bytes");
    struct agent_manifest *manifest =
        read_good("ebb: 1\nagent: spam-lite\nversion: 1.2.0\nkind: text\n"
                  "model: { file: models/spam.ebtm }\n");
    char expected[TEST_PATH_BYTES + 32];
    (void)snprintf(expected, sizeof(expected), "%s/models/spam.ebtm", folder.path);
    assert_string_equal(manifest->model_file.bytes, expected);
    assert_int_equal(manifest->model_bytes, 12);
    agent_manifest_release(manifest);
}

static void test_agent_manifest__a_jq_agent_has_its_filter_compiled(void **state) {
    (void)state;
    struct agent_manifest *manifest = read_good("ebb: 1\nagent: pick\nversion: 1.0.0\nkind: jq\n"
                                                "filter: '{n: (.list | length)}'\n");
    assert_non_null(manifest->filter);
    assert_true(slice_is(expression_text(manifest->filter), "{n: (.list | length)}"));
    agent_manifest_release(manifest);
}

static void test_agent_manifest__every_fault_is_said_at_once(void **state) {
    (void)state;
    static const char *const expected[] = {
        ":1:6: `ebb: 2`: this ebb reads format version 1",
        ":2:8: `agent: Bad`: ",
        ":3:10: `version: 1.2`: a version is three numbers such as 1.2.0",
        ":4:1: `sumary` is no key of an agent's manifest: did you mean `summary`?",
        ":6:1: `permissions` is not in this version of ebb",
        ":7:15: `instances: 0`: a whole number from 1 to 64",
        ":8:11: no file `./nope` in ",
        ":9:11: `protocol: message`: did you mean `messages`?",
        ":10:20: `output: 2MiB`",
        ":10:27: `cpu` is not in this version of ebb",
        ":11:8: `EBB_X` is no name for a variable",
        ":11:21: variable `Y` is text, not a list",
        ":11:29: `secret:Z`: a secret's name is small letters, digits and -",
        ":12:1: `model` is a key of kind text, not of process",
        NULL};
    assert_refused("ebb: 2\n"
                   "agent: Bad\n"
                   "version: 1.2\n"
                   "sumary: x\n"
                   "kind: process\n"
                   "permissions: { network: none }\n"
                   "instances:    0\n"
                   "command: [./nope]\n"
                   "protocol: message\n"
                   "limits: { output:  2MiB,  cpu: 50% }\n"
                   "env: { EBB_X: 1, Y: [1], Z: secret:Z }\n"
                   "model: { file: x }\n",
                   expected);
}

static void test_agent_manifest__messages_have_settings(void **state) {
    (void)state;
    static const char HEAD[] = "ebb: 1\nagent: a\nversion: 1.0.0\nkind: process\n"
                               "command: [cat]\n";
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "%sprotocol: messages\nready: first_line\ninstances: 3\nblobs: path\n"
                   "settings: { model: m.gguf, heat: 0.5, deep: [{ a: null }] }\n",
                   HEAD);
    struct agent_manifest *manifest = read_good(text);
    assert_int_equal(manifest->protocol, PROTOCOL_MESSAGES);
    assert_int_equal(manifest->instances, 3);
    assert_false(manifest->blobs_by_descriptor);
    const struct value *heat = value_get(manifest->settings, SLICE("heat"));
    assert_true(heat != NULL && heat->real == 0.5);
    const struct value *model = value_get(manifest->settings, SLICE("model"));
    assert_true(model != NULL && slice_is(value_text(*model), "m.gguf"));
    agent_manifest_release(manifest);
    (void)snprintf(text, sizeof(text), "%sprotocol: messages\nblobs: fd\n", HEAD);
    manifest = read_good(text);
    assert_true(manifest->blobs_by_descriptor);
    agent_manifest_release(manifest);
    static const char *const WRONG[][2] = {
        {"settings: { a: 1 }\n", "which only `protocol: messages` has"},
        {"protocol: messages\nsettings: [1]\n", "`settings` is a map of names and values"},
        {"protocol: messages\nsettings: { a: [{ b: secret:Key }] }\n",
         "`secret:Key`: a secret's name"},
        {"protocol: messages\nmode: once\n", "has no meaning with `mode: once`"},
        {"blobs: fd\n", "`blobs: fd` goes with `protocol: messages`: `protocol: lines` has"},
        {"protocol: lines\nblobs: fd\n", "`blobs: fd` goes with `protocol: messages`"},
        {"mode: once\nblobs: fd\n", "`blobs: fd` goes with `protocol: messages`: `mode: once` has"},
        {"protocol: messages\nblobs: df\n", "`blobs: df`: it is path or fd"},
    };
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s", HEAD, WRONG[i][0]);
        const char *const expected[] = {WRONG[i][1], NULL};
        assert_refused(text, expected);
    }
}

static void test_agent_manifest__what_is_missing_is_named(void **state) {
    (void)state;
    static const char *const expected[] = {":1:1: an agent's manifest needs the key `ebb`",
                                           "`agent`", "`version`", "`kind`", NULL};
    assert_refused("summary: x\n", expected);
    static const char *const of_kind[] = {"an agent of kind text needs the key `model`", NULL};
    assert_refused("ebb: 1\nagent: a\nversion: 1.0.0\nkind: text\n", of_kind);
}

static void test_agent_manifest__a_reserved_kind_is_refused_by_name(void **state) {
    (void)state;
    static const char *const kinds[] = {"llm", "mqtt", "alarm"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char text[256];
        char sentence[128];
        (void)snprintf(text, sizeof(text),
                       "ebb: 1\nagent: a\nversion: 1.0.0\nkind: %s\nmodel: qwen3\n", kinds[i]);
        (void)snprintf(sentence, sizeof(sentence), ":4:7: `kind: %s` is not in this version of ebb",
                       kinds[i]);
        const char *const expected[] = {sentence, NULL};
        assert_refused(text, expected);
    }
    static const char *const nearest[] = {"`kind: proces`: did you mean `process`?", NULL};
    assert_refused("ebb: 1\nagent: a\nversion: 1.0.0\nkind: proces\n", nearest);
}

#define ONNX_HEAD "ebb: 1\nagent: a\nversion: 1.0.0\nkind: onnx\n"

static void test_agent_manifest__a_model_and_what_is_around_it(void **state) {
    (void)state;
    test_folder_write(&folder, "m.onnx", "model");
    test_folder_write(&folder, "m.json", "{\"input_shape\":[1,2]}");
    test_folder_write(&folder, "labels.txt", "a\nb\n");
    struct agent_manifest *manifest = read_good(
        ONNX_HEAD "inputs: { sound: { type: audio, rate: 16000, channels: 1, samples: 512 } }\n"
                  "model: { file: m.onnx, metadata: m.json, set: { sr: 16000, w: [1, 2] },\n"
                  "         carry: { stateN: state }, threads: 2, providers: [cuda, cpu],\n"
                  "         compiled: true }\n"
                  "before:\n"
                  "  audio: { from: sound, context: 64, scale: 1/32768, to: input }\n"
                  "  numbers:\n"
                  "    - { features: [t, rh], mean: [1, 2], to: x }\n"
                  "    - { from: rows, std: 4, scale: 0.5 }\n"
                  "after:\n"
                  "  value: { output: y, as: score }\n"
                  "  values: [{ output: z }, { output: w, as: ws }]\n"
                  "  classifier: { output: p, labels: labels.txt, top: 2, softmax: no }\n");
    const struct onnx_manifest *onnx = manifest->onnx;
    assert_int_equal(manifest->inputs.fields[0].samples, 512);
    assert_int_equal(manifest->model_bytes, 5);
    assert_true(manifest->has_model_digest);
    assert_true(id_equal(manifest->model_digest, hash_128(SLICE("model"), (struct slice){0})));
    assert_true(onnx->compiled);
    assert_int_equal(onnx->metadata->rank, 2);
    assert_true(manifest->carries);
    assert_int_equal(onnx->set_count, 2);
    assert_true(slice_is(onnx->carry[0].output, "stateN"));
    assert_true(slice_is(onnx->carry[0].input, "state"));
    assert_int_equal(onnx->options.threads, 2);
    assert_int_equal(onnx->options.provider_count, 2);
    assert_string_equal(INFERENCE_PROVIDERS[onnx->options.providers[0]], "cuda");
    assert_int_equal(onnx->audio.context, 64);
    assert_true(onnx->audio.scale == 1.0 / 32768);
    assert_int_equal(onnx->numbers_count, 2);
    assert_true(slice_is(onnx->numbers[0].features[1], "rh"));
    assert_true(onnx->numbers[0].scaling.means[1] == 2);
    assert_true(onnx->numbers[0].scaling.deviations[1] == 1);
    assert_true(onnx->numbers[1].scaling.deviations[0] == 4);
    assert_true(onnx->numbers[1].scaling.scale == 0.5);
    assert_int_equal(onnx->values_count, 3);
    assert_true(onnx->values[0].one && slice_is(onnx->values[0].as, "score"));
    assert_true(!onnx->values[1].one && slice_is(onnx->values[1].as, "values"));
    assert_int_equal(onnx->classifier->labels.count, 2);
    assert_int_equal(onnx->classifier->softmax, SOFTMAX_NO);
    agent_manifest_release(manifest);
}

static void test_agent_manifest__what_is_wrong_about_a_model(void **state) {
    (void)state;
    test_folder_write(&folder, "m.onnx", "model");
    test_folder_write(&folder, "m.json", "{\"input_type\":\"double\"}");
    static const char *const expected[] = {
        ":5:34: `metadata: m.json`: `input_type` is one of float32, float16",
        ":5:51: `threads: 0`",
        ":5:66: `providers: cdua`: did you mean `cuda`?",
        ":5:83: `compiled: ever`",
        ":6:29: `scale: 1/0`: a number that is not 0, such as 0.5 or 1/255",
        ":6:40: `std` holds numbers above 0, not this",
        ":7:32: no file `nowhere.txt` in ",
        ":7:54: `softmax: maybe`",
        ":7:73: `detector` needs the key `decode`",
        NULL};
    assert_refused(ONNX_HEAD
                   "model: { file: m.onnx, metadata: m.json, threads: 0, providers: [cdua], "
                   "compiled: ever }\n"
                   "before: { numbers: { scale: 1/0, std: [0] } }\n"
                   "after: { classifier: { labels: nowhere.txt, softmax: maybe }, detector: {} }\n",
                   expected);
    static const char *const text[] = {
        "`threads` is no key of `model` of an agent of kind text: it belongs to `model` of an",
        "`after` is a key of kind onnx, not of text", NULL};
    assert_refused("ebb: 1\nagent: a\nversion: 1.0.0\nkind: text\n"
                   "model: { file: m.onnx, threads: 2 }\nafter: {}\n",
                   text);
    static const char *const missing[] = {"an agent of kind onnx needs the key `model`",
                                          "`rate`: number fields have none, audio does", NULL};
    assert_refused(ONNX_HEAD "inputs: { t: { type: number, rate: 5 } }\n", missing);
}

static void test_agent_manifest__what_is_no_manifest_says_so(void **state) {
    (void)state;
    static const char *const empty[] = {
        "a manifest is one document with one agent; this file has 0", NULL};
    assert_refused("", empty);
    static const char *const two[] = {"this file has 2", NULL};
    assert_refused("ebb: 1\n---\nebb: 1\n", two);
    static const char *const list[] = {"an agent's manifest is a map of keys, not a list", NULL};
    assert_refused("- ebb\n", list);
    static const char *const order[] = {":1:1: the first line is `ebb: 1`", NULL};
    assert_refused("agent: a\nebb: 1\nversion: 1.0.0\nkind: process\ncommand: [cat]\n", order);
    static const char *const once[] = {"`ready` has no meaning with `mode: once`", NULL};
    assert_refused("ebb: 1\nagent: a\nversion: 1.0.0\nkind: process\ncommand: [cat]\n"
                   "ready: first_line\nmode: once\n",
                   once);
    static const char *const command[] = {":5:10: `command` is a list of a program", NULL};
    assert_refused("ebb: 1\nagent: a\nversion: 1.0.0\nkind: process\ncommand: cat\n", command);
}

static void test_agent_manifest__a_folder_without_a_manifest_is_not_found(void **state) {
    (void)state;
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    char path[TEST_PATH_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s/none", folder.path);
    assert_int_equal(agent_manifest_read(path, &manifest, &faults, &err), STATUS_NOT_FOUND);
    assert_null(faults);
    assert_non_null(strstr(err.text, "/none/agent.yaml"));
}

static struct id digest_of(const char *text) {
    struct agent_manifest *manifest = read_good(text);
    const struct id digest = manifest->digest;
    agent_manifest_release(manifest);
    return digest;
}

static void test_agent_manifest__the_digest_covers_the_files_that_it_names(void **state) {
    (void)state;
    test_folder_write(&folder, "drift.py", "print(1)");
    test_folder_write(&folder, "other.py", "print(1)");
    const struct id before = digest_of(DRIFT);
    assert_true(id_equal(before, digest_of(DRIFT)));
    test_folder_write(&folder, "other.py", "print(2)");
    assert_true(id_equal(before, digest_of(DRIFT)));
    test_folder_write(&folder, "drift.py", "print(2)");
    assert_false(id_equal(before, digest_of(DRIFT)));
    test_folder_write(&folder, "drift.py", "print(1)");
    assert_true(id_equal(before, digest_of(DRIFT)));
    assert_false(id_equal(before, digest_of("ebb: 1\nagent: drift\nversion: 1.0.4\n"
                                            "kind: process\ncommand: [python3, drift.py]\n")));
}

static void test_agent_manifest__the_name_is_found_in_a_faulty_one(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct slice name = {0};
    assert_true(agent_manifest_name_of(SLICE("agent: spam\nnope: 1\n"), &arena, &name));
    assert_true(slice_is(name, "spam"));
    assert_false(agent_manifest_name_of(SLICE("agent: [a]\n"), &arena, &name));
    assert_false(agent_manifest_name_of(SLICE("agent: 'a b'\n"), &arena, &name));
    assert_false(agent_manifest_name_of(SLICE("{"), &arena, &name));
    arena_done(&arena);
}

static void test_agent_manifest__the_last_owner_frees_it(void **state) {
    (void)state;
    struct agent_manifest *manifest = read_good(DRIFT);
    assert_ptr_equal(agent_manifest_share(manifest), manifest);
    agent_manifest_release(manifest);
    assert_true(slice_is(manifest->name, "drift"));
    agent_manifest_release(manifest);
    agent_manifest_release(NULL);
}

static void test_agent_manifest__any_allocation_may_fail(void **state) {
    (void)state;
    test_folder_write(&folder, "agent.yaml", DRIFT);
    for (long index = 0;; index++) {
        struct agent_manifest *manifest = NULL;
        struct fault_list *faults = NULL;
        struct error err = {0};
        (void)memory_fail_at(index, 1);
        const status code = agent_manifest_read(folder.path, &manifest, &faults, &err);
        const bool reached = memory_fail_at(-1, 0) > (size_t)index;
        if (code == STATUS_OK) {
            agent_manifest_release(manifest);
        }
        fault_list_release(faults);
        if (!reached) {
            assert_int_equal(code, STATUS_OK);
            break;
        }
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY || code == STATUS_INVALID ||
                    code == STATUS_FULL);
        assert_true(index < 1000);
    }
}

#define MANIFEST_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        MANIFEST_TEST(test_agent_manifest__a_process_agent_is_read_whole),
        MANIFEST_TEST(test_agent_manifest__the_environment_is_clean),
        MANIFEST_TEST(test_agent_manifest__what_it_does_not_say_has_a_default),
        MANIFEST_TEST(test_agent_manifest__a_program_with_a_slash_is_a_file_of_the_agent),
        MANIFEST_TEST(test_agent_manifest__under_once_named_files_are_given_by_their_whole_path),
        MANIFEST_TEST(test_agent_manifest__a_text_agent_names_its_model),
        MANIFEST_TEST(test_agent_manifest__a_jq_agent_has_its_filter_compiled),
        MANIFEST_TEST(test_agent_manifest__every_fault_is_said_at_once),
        MANIFEST_TEST(test_agent_manifest__messages_have_settings),
        MANIFEST_TEST(test_agent_manifest__what_is_missing_is_named),
        MANIFEST_TEST(test_agent_manifest__a_reserved_kind_is_refused_by_name),
        MANIFEST_TEST(test_agent_manifest__a_model_and_what_is_around_it),
        MANIFEST_TEST(test_agent_manifest__what_is_wrong_about_a_model),
        MANIFEST_TEST(test_agent_manifest__what_is_no_manifest_says_so),
        MANIFEST_TEST(test_agent_manifest__a_folder_without_a_manifest_is_not_found),
        MANIFEST_TEST(test_agent_manifest__the_digest_covers_the_files_that_it_names),
        MANIFEST_TEST(test_agent_manifest__the_name_is_found_in_a_faulty_one),
        MANIFEST_TEST(test_agent_manifest__the_last_owner_frees_it),
        MANIFEST_TEST(test_agent_manifest__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
