// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/manifest_files.h"
#include "base/text.h"
#include "platform/json.h"
#include "platform/secret.h"

enum { ENVIRONMENT_OWN = 4 }; /* PATH, LANG, EBB_AGENT, EBB_AGENT_FOLDER */

static bool has_zero(struct slice text) {
    return text.count > 0 && memchr(text.bytes, 0, text.count) != NULL;
}

/* A program with a slash is a file of the agent, one without is looked up in PATH when it is
 * started. */
static struct slice find_program(struct reading *reading, struct agent_manifest *manifest,
                                 const struct yaml *node) {
    struct slice path = arena_copy(reading->arena, node->text);
    int64_t bytes;
    if (slice_find(node->text, '/') < node->text.count) {
        (void)manifest_need_file(reading, manifest, node->text, node->place, &path, &bytes);
    }
    return path;
}

static struct slice find_argument(struct reading *reading, struct agent_manifest *manifest,
                                  const struct yaml *node) {
    struct slice path = {0};
    int64_t bytes;
    const bool found = manifest_take_file(reading, manifest, node->text, &path, &bytes);
    return found && manifest->protocol == PROTOCOL_ONCE ? path
                                                        : arena_copy(reading->arena, node->text);
}

void manifest_read_command(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct agent_manifest *manifest = target;
    if (node->kind != YAML_LIST || node->count == 0 || node->count > AGENT_ARGUMENTS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a list of a program and at most %d arguments, such as [python3, "
                   "agent.py]",
                   key->name, AGENT_ARGUMENTS_MAX - 1);
        return;
    }
    const char **arguments = arena_get(reading->arena, node->count + 1U, sizeof(*arguments));
    if (arguments == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml *item = &node->items[i];
        if (item->kind != YAML_SCALAR || has_zero(item->text) ||
            (i == 0 && item->text.count == 0)) {
            faults_add(reading->faults, item->place, "%s of `%s` is text, not %s",
                       i == 0 ? "the program" : "an argument", key->name,
                       item->kind == YAML_SCALAR ? "empty or with a zero byte" : yaml_what(item));
            return;
        }
        struct slice secret;
        if (secret_named(item->text, &secret)) {
            faults_add(reading->faults, item->place,
                       "`%.*s`: everybody on this machine sees the arguments of a program: hand a "
                       "secret over by `env`",
                       QUOTED(item->text));
            return;
        }
        const struct slice text =
            i == 0 ? find_program(reading, manifest, item) : find_argument(reading, manifest, item);
        if (text.bytes == NULL) {
            reading->faults->no_memory = true;
            return;
        }
        arguments[i] = text.bytes;
    }
    manifest->command = arguments;
}

const char *const MANIFEST_BLOBS[] = {"path", "fd", NULL};
const char *const MANIFEST_PROTOCOLS[] = {"lines", "messages", NULL};
const char *const MANIFEST_MODES[] = {"once", NULL};
const char *const MANIFEST_READY[] = {"first_line", NULL};

void manifest_read_protocol(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a word", node, &text) ||
        keys_word(reading, key->name, MANIFEST_PROTOCOLS, text, node->place) != PROTOCOL_MESSAGES) {
        return;
    }
    if (manifest->protocol == PROTOCOL_ONCE) {
        faults_add(reading->faults, node->place,
                   "`protocol: messages` has no meaning with `mode: once`: each call has its own "
                   "process");
        return;
    }
    manifest->protocol = PROTOCOL_MESSAGES;
}

/* A text that names a secret names one that there can be. */
static bool check_secret(struct reading *reading, const struct yaml *node) {
    struct slice secret;
    if (!secret_named(node->text, &secret) || text_is_name(secret)) {
        return true;
    }
    faults_add(reading->faults, node->place,
               "`%.*s`: a secret's name is small letters, digits and -, such as secret:desk-key",
               QUOTED(node->text));
    return false;
}

static void check_secrets(struct reading *reading, const struct yaml *node) {
    if (node->kind == YAML_SCALAR) {
        (void)check_secret(reading, node); /* what it says is among the faults */
    }
    for (uint32_t i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        check_secrets(reading, &node->items[i]);
    }
    for (uint32_t i = 0; node->kind == YAML_MAP && i < node->count; i++) {
        check_secrets(reading, &node->pairs[i].value);
    }
}

void manifest_read_settings(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    struct agent_manifest *manifest = target;
    if (manifest->protocol != PROTOCOL_MESSAGES) {
        faults_add(reading->faults, node->place,
                   "`%s` goes to a process in its hello, which only `protocol: messages` has",
                   key->name);
        return;
    }
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place, "`%s` is a map of names and values, not %s",
                   key->name, yaml_what(node));
        return;
    }
    check_secrets(reading, node);
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, MANIFEST_SETTINGS_BYTES_MAX);
    struct value shared; /* its texts are the file's, which goes before the manifest does */
    if (!yaml_value(reading->arena, node, &shared) ||
        !value_copy(reading->arena, shared, &manifest->settings)) {
        reading->faults->no_memory = true;
        return;
    }
    json_write(&json, manifest->settings);
    if (json.failed != STATUS_OK) {
        faults_add(reading->faults, node->place, "`%s` is more than %d KiB of JSON", key->name,
                   MANIFEST_SETTINGS_BYTES_MAX / 1024);
    }
}

void manifest_read_blobs(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    enum { PATH, FD };
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a word", node, &text) ||
        keys_word(reading, key->name, MANIFEST_BLOBS, text, node->place) != FD) {
        return;
    }
    if (manifest->protocol != PROTOCOL_MESSAGES) {
        faults_add(reading->faults, node->place,
                   "`blobs: fd` goes with `protocol: messages`: %s has nothing that descriptors "
                   "could come with",
                   manifest->protocol == PROTOCOL_ONCE ? "`mode: once`" : "`protocol: lines`");
        return;
    }
    manifest->blobs_by_descriptor = true;
}

void manifest_read_mode(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (keys_scalar(reading, key->name, "a word", node, &text) &&
        keys_word(reading, key->name, MANIFEST_MODES, text, node->place) == 0) {
        manifest->protocol = PROTOCOL_ONCE;
    }
}

void manifest_read_ready(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a word", node, &text) ||
        keys_word(reading, key->name, MANIFEST_READY, text, node->place) != 0) {
        return;
    }
    if (manifest->protocol == PROTOCOL_ONCE) {
        faults_add(reading->faults, node->place,
                   "`ready` has no meaning with `mode: once`: each call has its own process");
        return;
    }
    manifest->ready_first_line = true;
}

/* Variables are few: a list that is walked. An earlier one of the same name is replaced. */
struct variables {
    const char **entries;
    uint32_t count;
};

static void put_variable(struct reading *reading, struct variables *variables, struct slice name,
                         struct slice value) {
    const struct slice entry =
        arena_print(reading->arena, "%.*s=%.*s", SLICE_ARGS(name), SLICE_ARGS(value));
    if (entry.bytes == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    uint32_t at = 0;
    while (at < variables->count &&
           strncmp(variables->entries[at], entry.bytes, name.count + 1) != 0) {
        at++;
    }
    variables->entries[at] = entry.bytes;
    variables->count += at == variables->count;
}

/* What every process agent has: nothing of the daemon's own environment but PATH and LANG. */
static bool start_variables(struct reading *reading, const struct agent_manifest *manifest,
                            uint32_t more, struct variables *variables) {
    variables->count = 0;
    variables->entries =
        arena_get(reading->arena, ENVIRONMENT_OWN + more + 1U, sizeof(*variables->entries));
    if (variables->entries == NULL) {
        reading->faults->no_memory = true;
        return false;
    }
    const char *path = getenv("PATH");
    const char *lang = getenv("LANG");
    put_variable(reading, variables, SLICE("PATH"),
                 slice_of(path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"));
    put_variable(reading, variables, SLICE("LANG"), slice_of(lang != NULL ? lang : "C.UTF-8"));
    put_variable(reading, variables, SLICE("EBB_AGENT"), manifest->name);
    put_variable(reading, variables, SLICE("EBB_AGENT_FOLDER"), manifest->folder);
    return true;
}

static bool check_variable(struct reading *reading, const struct yaml_pair *pair) {
    if (!text_is_field(pair->key) || slice_starts(pair->key, "EBB_")) {
        faults_add(reading->faults, pair->key_place,
                   "`%.*s` is no name for a variable: letters, digits and _, and not EBB_...",
                   QUOTED(pair->key));
        return false;
    }
    if (pair->value.kind != YAML_SCALAR || has_zero(pair->value.text)) {
        faults_add(reading->faults, pair->value.place, "variable `%.*s` is text, not %s",
                   QUOTED(pair->key),
                   pair->value.kind == YAML_SCALAR ? "with a zero byte" : yaml_what(&pair->value));
        return false;
    }
    return check_secret(reading, &pair->value);
}

void manifest_read_environment(struct reading *reading, const struct key *key,
                               const struct yaml *node, void *target) {
    struct agent_manifest *manifest = target;
    if (node->kind != YAML_MAP || node->count > AGENT_ENVIRONMENT_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a map of at most %d names and texts, not %s", key->name,
                   AGENT_ENVIRONMENT_MAX, node->kind == YAML_MAP ? "more" : yaml_what(node));
        return;
    }
    struct variables variables;
    if (!start_variables(reading, manifest, node->count, &variables)) {
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (check_variable(reading, &node->pairs[i])) {
            put_variable(reading, &variables, node->pairs[i].key, node->pairs[i].value.text);
        }
    }
    manifest->environment = variables.entries;
}

void manifest_process_finish(struct reading *reading, struct agent_manifest *manifest) {
    if (manifest->settings.kind == VALUE_NULL) {
        (void)value_new_object(reading->arena, 0, &manifest->settings); /* empty: needs no room */
    }
    struct variables variables;
    if (manifest->environment == NULL && start_variables(reading, manifest, 0, &variables)) {
        manifest->environment = variables.entries;
    }
    if (manifest->instances == 0) {
        manifest->instances =
            manifest->protocol == PROTOCOL_ONCE ? AGENT_ONCE_INSTANCES_DEFAULT : 1;
    }
}
