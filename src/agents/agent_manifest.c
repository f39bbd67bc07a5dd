// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_manifest.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/manifest_files.h"
#include "agents/manifest_http.h"
#include "agents/manifest_image.h"
#include "agents/manifest_onnx.h"
#include "agents/manifest_process.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "wire/keys.h"
#include "wire/schema.h"

enum { ARENA_BYTES_MAX = 8 << 20, SCRATCH_BYTES_MAX = 32 << 20 };

struct manifest_hold {
    struct agent_manifest manifest; /* first: one pointer is both */
    struct arena arena;             /* owned */
    atomic_int owners;
};

/* Kinds in the order of their names' row; from `llm` on they are known and not built. */
static const char *const KINDS[] = {"process", "text", "jq",   "image", "http",
                                    "onnx",    "llm",  "mqtt", "alarm", NULL};
enum { KIND_PROCESS, KIND_TEXT, KIND_JQ, KIND_IMAGE, KIND_HTTP, KIND_ONNX, KINDS_BUILT };

static void read_format(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    (void)target;
    struct slice text;
    if (keys_scalar(reading, key->name, "the format's version, 1", node, &text) &&
        !slice_is(text, "1")) {
        faults_add(reading->faults, node->place, "`ebb: %.*s`: this ebb reads format version 1",
                   QUOTED(text));
    }
}

static void read_version(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "three numbers such as 1.2.0", node, &text)) {
        return;
    }
    if (!agent_version_read(text, &manifest->version)) {
        faults_add(reading->faults, node->place,
                   "`version: %.*s`: a version is three numbers such as 1.2.0", QUOTED(text));
        return;
    }
    keys_read_text(reading, key, node, target);
}

static void read_kind(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct slice text;
    if (!keys_scalar(reading, key->name, "a word", node, &text)) {
        return;
    }
    const int index = keys_word(reading, key->name, KINDS, text, node->place);
    if (index >= KINDS_BUILT) {
        faults_add(reading->faults, node->place, "`kind: %s` is not in this version of ebb",
                   KINDS[index]);
    } else if (index >= 0) {
        keys_read_text(reading, key, node, target);
    }
}

static void read_fields(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct field_set set = {0};
    field_set_read(reading, node, &set);
    (void)memcpy((char *)target + key->offset, &set, sizeof(set));
}

static void read_filter(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a jq program", node, &text)) {
        return;
    }
    struct error why = {0};
    struct place place = node->place;
    text = arena_copy(reading->arena, text);
    if (text.bytes == NULL) {
        reading->faults->no_memory = true;
    } else if (expression_compile(reading->arena, text, node->place, &manifest->filter, &place,
                                  &why) != STATUS_OK) {
        faults_add(reading->faults, place, "%s", why.text);
    }
}

static const struct key LIMITS_KEYS[] = {
    {.name = "memory",
     .read = keys_read_size,
     .offset = offsetof(struct agent_manifest, memory_bytes),
     .least = AGENT_MEMORY_BYTES_LEAST,
     .most = INT64_C(1) << 44,
     .help = "How much memory its process may have, such as 64MiB."},
    {.name = "output",
     .read = keys_read_size,
     .offset = offsetof(struct agent_manifest, output_bytes),
     .least = 1,
     .most = AGENT_OUTPUT_BYTES_MAX,
     .help = "How long an answer may be; 64KiB."},
    {.name = "cpu", .state = KEY_RESERVED},
    {.name = "tokens", .state = KEY_RESERVED},
    {.name = "turns", .state = KEY_RESERVED},
    {.name = "timeout", .state = KEY_RESERVED},
    {0}};
static const struct key_table LIMITS_TABLE = {.what = "`limits`", .keys = LIMITS_KEYS};

static void read_limits(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    (void)key;
    (void)keys_read(reading, &LIMITS_TABLE, node, target);
}

static const struct key NEEDS_KEYS[] = {
    {.name = "memory",
     .read = keys_read_size,
     .offset = offsetof(struct agent_manifest, needs_memory_bytes),
     .most = INT64_C(1) << 44,
     .help = "How much memory it wants of a device."},
    {.name = "offline",
     .read = keys_read_boolean,
     .offset = offsetof(struct agent_manifest, needs_offline),
     .help = "Whether it works without a network; true."},
    {0}};
static const struct key_table NEEDS_TABLE = {.what = "`needs`", .keys = NEEDS_KEYS};

static void read_needs(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    (void)key;
    (void)keys_read(reading, &NEEDS_TABLE, node, target);
}

static const struct key MANIFEST_KEYS[] = {
    {.name = "ebb",
     .state = KEY_REQUIRED,
     .read = read_format,
     .help = "The version of the format: 1, in the first line.",
     .form = FORM_VERSION},
    {.name = "agent",
     .state = KEY_REQUIRED,
     .read = keys_read_name,
     .offset = offsetof(struct agent_manifest, name),
     .help = "Its name: small letters, digits and -; steps say it."},
    {.name = "version",
     .state = KEY_REQUIRED,
     .read = read_version,
     .offset = offsetof(struct agent_manifest, version_text),
     .help = "Three numbers such as 1.2.0.",
     .form = FORM_TEXT},
    {.name = "summary",
     .read = keys_read_text,
     .offset = offsetof(struct agent_manifest, summary),
     .help = "A sentence for people."},
    {.name = "license",
     .read = keys_read_text,
     .offset = offsetof(struct agent_manifest, license),
     .help = "Such as Apache-2.0."},
    {.name = "kind",
     .state = KEY_REQUIRED,
     .read = read_kind,
     .offset = offsetof(struct agent_manifest, kind),
     .help =
         "What it is: process (a program), text or onnx (a model), jq (a filter), image (draws, "
         "crops) or http (a service).",
     .words = KINDS,
     .most = KINDS_BUILT},
    {.name = "inputs",
     .read = read_fields,
     .offset = offsetof(struct agent_manifest, inputs),
     .help = "What it takes: names and types.",
     .form = FORM_FIELDS,
     .words = FIELD_TYPE_WORDS,
     .table = &FIELD_TABLE},
    {.name = "outputs",
     .read = read_fields,
     .offset = offsetof(struct agent_manifest, outputs),
     .help = "What it gives: names and types.",
     .form = FORM_FIELDS,
     .words = FIELD_TYPE_WORDS,
     .table = &FIELD_TABLE},
    {.name = "needs",
     .read = read_needs,
     .help = "What it wants of a device.",
     .form = FORM_KEYS,
     .table = &NEEDS_TABLE},
    {.name = "limits",
     .read = read_limits,
     .help = "What it may not go beyond.",
     .form = FORM_KEYS,
     .table = &LIMITS_TABLE},
    /* What follows belongs to one kind: KIND_KEYS reads it. */
    {.name = "command",
     .help = "The program and its arguments: [python3, agent.py].",
     .form = FORM_TEXTS},
    {.name = "env", .help = "Variables of its environment.", .form = FORM_TEXT_MAP},
    {.name = "protocol",
     .help = "lines: a JSON object a line in, one a line out; messages: several requests at once, "
             "with numbers and deadlines.",
     .words = MANIFEST_PROTOCOLS},
    {.name = "settings",
     .help = "What a process is told in the hello of messages, whatever it likes.",
     .form = FORM_MAP},
    {.name = "blobs",
     .help = "path: a blob arrives as the path of a file that is only to be read; fd: as an open "
             "descriptor of it, under messages.",
     .words = MANIFEST_BLOBS},
    {.name = "mode",
     .help = "once: a process for each call, its input and output whole.",
     .words = MANIFEST_MODES},
    {.name = "ready",
     .help = "first_line: its first line says that it is ready.",
     .words = MANIFEST_READY},
    {.name = "instances",
     .read = keys_read_count,
     .offset = offsetof(struct agent_manifest, instances),
     .least = 1,
     .most = AGENT_INSTANCES_MAX,
     .help = "How many processes of it answer at once; 1."},
    {.name = "model",
     .help = "The model of a text or an onnx agent.",
     .form = FORM_KEYS,
     .table = &MANIFEST_MODEL_TABLE},
    {.name = "before",
     .help = "What becomes of the inputs before the model.",
     .form = FORM_KEYS,
     .table = &MANIFEST_BEFORE_TABLE},
    {.name = "after",
     .help = "What becomes of what the model gives; without it, its outputs as lists of numbers.",
     .form = FORM_KEYS,
     .table = &MANIFEST_AFTER_TABLE},
    {.name = "filter",
     .help = "The jq program of a jq agent: the inputs go in as . and its one output goes out.",
     .form = FORM_TEXT},
    {.name = "do",
     .help = "What an image agent does: draw boxes, crop what lies in them, or blur it.",
     .words = MANIFEST_DEEDS},
    {.name = "quality",
     .read = keys_read_count,
     .offset = offsetof(struct agent_manifest, image.quality),
     .least = 1,
     .most = 100,
     .help = "Of the JPEGs that an image agent writes; 85."},
    {.name = "margin",
     .help = "How much more than its box a crop shows on each side, in sizes of the box; 0.",
     .form = FORM_TEXT},
    {.name = "url",
     .help = "Where a service is asked, such as https://host.example/v1/ask.",
     .form = FORM_TEXT},
    {.name = "method",
     .help = "How it is asked; POST: the inputs are its body. Under GET and DELETE they are the "
             "query.",
     .words = MANIFEST_METHODS},
    {.name = "headers", .help = "More headers of each request.", .form = FORM_TEXT_MAP},
    {.name = "proxy", .help = "The way there, such as http://proxy.lan:3128.", .form = FORM_TEXT},
    {.name = "ca",
     .help = "A file of certificates (PEM) to trust in place of the machine's.",
     .form = FORM_TEXT},
    {.name = "variants", .state = KEY_RESERVED},
    {.name = "batch", .state = KEY_RESERVED},
    {.name = "offload", .state = KEY_RESERVED},
    {.name = "permissions", .state = KEY_RESERVED},
    {.name = "python", .state = KEY_RESERVED},
    {.name = "key", .state = KEY_RESERVED},
    {.name = "tools", .state = KEY_RESERVED},
    {0}};

/* What only one kind has, and whether that kind must have it. In the order in which they are read:
 * `command` and `ready` depend on `mode`, `margin` on `do`. */
struct kind_key {
    const char *name;
    int kind;
    bool required;
    key_reader *read;
};

static const struct kind_key KIND_KEYS[] = {
    {"mode", KIND_PROCESS, false, manifest_read_mode},
    {"command", KIND_PROCESS, true, manifest_read_command},
    {"env", KIND_PROCESS, false, manifest_read_environment},
    {"protocol", KIND_PROCESS, false, manifest_read_protocol},
    {"settings", KIND_PROCESS, false, manifest_read_settings},
    {"blobs", KIND_PROCESS, false, manifest_read_blobs},
    {"ready", KIND_PROCESS, false, manifest_read_ready},
    {"instances", KIND_PROCESS, false, NULL},
    {"model", KIND_TEXT, true, manifest_read_text_model},
    {"model", KIND_ONNX, true, manifest_read_onnx_model},
    {"before", KIND_ONNX, false, manifest_read_before},
    {"after", KIND_ONNX, false, manifest_read_after},
    {"filter", KIND_JQ, true, read_filter},
    {"do", KIND_IMAGE, true, manifest_read_do},
    {"quality", KIND_IMAGE, false, NULL},
    {"margin", KIND_IMAGE, false, manifest_read_margin},
    {"url", KIND_HTTP, true, manifest_read_url},
    {"method", KIND_HTTP, false, manifest_read_method},
    {"headers", KIND_HTTP, false, manifest_read_headers},
    {"proxy", KIND_HTTP, false, manifest_read_proxy},
    {"ca", KIND_HTTP, false, manifest_read_ca},
};

static const struct yaml_pair *find_pair(const struct yaml *map, const char *name) {
    for (uint32_t i = 0; i < map->count; i++) {
        if (slice_is(map->pairs[i].key, name)) {
            return &map->pairs[i];
        }
    }
    return NULL;
}

/* A key that two kinds have stands in two rows. */
static bool is_second_row(size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (strcmp(KIND_KEYS[i].name, KIND_KEYS[index].name) == 0) {
            return true;
        }
    }
    return false;
}

static bool kind_has(struct slice kind, const char *name) {
    for (size_t i = 0; i < sizeof(KIND_KEYS) / sizeof(KIND_KEYS[0]); i++) {
        if (strcmp(KIND_KEYS[i].name, name) == 0 && slice_is(kind, KINDS[KIND_KEYS[i].kind])) {
            return true;
        }
    }
    return false;
}

/* The keys of the manifest's own kind are read, those of another kind refused. A kind that is not
 * built was refused already: what its keys mean is not known here. */
static void read_kind_keys(struct reading *reading, const struct yaml *root,
                           struct agent_manifest *manifest) {
    if (manifest->kind.count == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(KIND_KEYS) / sizeof(KIND_KEYS[0]); i++) {
        const struct kind_key *row = &KIND_KEYS[i];
        const struct yaml_pair *pair = find_pair(root, row->name);
        const bool ours = slice_is(manifest->kind, KINDS[row->kind]);
        if (pair != NULL && !ours) {
            if (is_second_row(i) || kind_has(manifest->kind, row->name)) {
                continue;
            }
            faults_add(reading->faults, pair->key_place, "`%s` is a key of kind %s, not of %s",
                       row->name, KINDS[row->kind], manifest->kind.bytes);
        } else if (pair == NULL && ours && row->required) {
            faults_add(reading->faults, root->place, "an agent of kind %s needs the key `%s`",
                       KINDS[row->kind], row->name);
        } else if (pair != NULL && row->read != NULL) {
            const struct key key = {.name = row->name};
            row->read(reading, &key, &pair->value, manifest);
        }
    }
    if (slice_is(manifest->kind, KINDS[KIND_PROCESS])) {
        manifest_process_finish(reading, manifest);
    } else if (slice_is(manifest->kind, KINDS[KIND_HTTP])) {
        manifest_http_finish(reading, root, manifest);
    }
}

static const struct key_table MANIFEST_TABLE = {.what = "an agent's manifest",
                                                .keys = MANIFEST_KEYS};

/* Appends what holds of a kind alone: the keys that it needs, and those that others have. */
static void write_kind(int kind, struct buffer *out) {
    buffer_print(out, "{\"if\":{\"properties\":{\"kind\":{\"const\":\"%s\"}}},\"then\":{",
                 KINDS[kind]);
    const char *between = "\"required\":[";
    for (size_t i = 0; i < sizeof(KIND_KEYS) / sizeof(KIND_KEYS[0]); i++) {
        if (KIND_KEYS[i].kind == kind && KIND_KEYS[i].required) {
            buffer_print(out, "%s\"%s\"", between, KIND_KEYS[i].name);
            between = ",";
        }
    }
    buffer_add_text(out, "],\"properties\":");
    between = "{";
    for (size_t i = 0; i < sizeof(KIND_KEYS) / sizeof(KIND_KEYS[0]); i++) {
        if (!is_second_row(i) && !kind_has(slice_of(KINDS[kind]), KIND_KEYS[i].name)) {
            buffer_print(out, "%s\"%s\":false", between, KIND_KEYS[i].name);
            between = ",";
        }
    }
    buffer_add_text(out, "}}}");
}

void agent_manifest_schema(struct buffer *out) {
    CLEANUP(buffer_done) struct buffer more;
    buffer_init(&more, SCHEMA_BYTES_MAX);
    buffer_add_text(&more, "\"allOf\":[");
    for (int kind = 0; kind < KINDS_BUILT; kind++) {
        buffer_add_text(&more, kind > 0 ? "," : "");
        write_kind(kind, &more);
    }
    buffer_add_text(&more, ",{\"properties\":{\"model\":{\"oneOf\":[{\"required\":[\"file\"]},"
                           "{\"required\":[\"variants\"]}]}}}]");
    schema_write(&MANIFEST_TABLE, "an agent of ebb", buffer_slice(&more), out);
}

static void read_root(struct reading *reading, const struct yaml *root,
                      struct agent_manifest *manifest) {
    if (!keys_read(reading, &MANIFEST_TABLE, root, manifest)) {
        return;
    }
    if (root->count > 0 && yaml_get(root, "ebb") != NULL && !slice_is(root->pairs[0].key, "ebb")) {
        faults_add(reading->faults, root->pairs[0].key_place, "the first line is `ebb: 1`");
    }
    read_kind_keys(reading, root, manifest);
}

/* Says at once everything that is wrong with the text. */
static void read_text(struct reading *reading, struct slice text, struct agent_manifest *manifest) {
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place = {0};
    struct error why = {0};
    if (text.count > 0 &&
        yaml_read(&scratch, text, &documents, &count, &place, &why) != STATUS_OK) {
        faults_add(reading->faults, place, "%s", why.text);
    } else if (count != 1) {
        faults_add(reading->faults, count > 1 ? documents[1].root.place : (struct place){1, 1},
                   "a manifest is one document with one agent; this file has %u", count);
    } else {
        read_root(reading, &documents[0].root, manifest);
    }
    arena_done(&scratch);
}

static struct manifest_hold *new_hold(void) {
    struct manifest_hold *hold = memory_new(1, sizeof(*hold));
    if (hold != NULL) {
        arena_init(&hold->arena, ARENA_BYTES_MAX);
        atomic_init(&hold->owners, 1);
        hold->manifest = (struct agent_manifest){.output_bytes = AGENT_OUTPUT_BYTES_DEFAULT,
                                                 .inputs = {.open = true},
                                                 .outputs = {.open = true},
                                                 .image.quality = MANIFEST_QUALITY_DEFAULT,
                                                 .needs_offline = true,
                                                 .hold = hold};
    }
    return hold;
}

/* INVALID with the first sentence, and how many more there are. */
static status refuse(const struct faults *faults, struct slice file, struct fault_list **out_faults,
                     struct error *err) {
    TRY(faults_take(faults, file, out_faults, err));
    const struct fault *first = (*out_faults)->faults;
    while (first->warning) {
        first++;
    }
    char more[48] = "";
    if (faults->error_count > 1) {
        (void)snprintf(more, sizeof(more), " (and %u more)", faults->error_count - 1);
    }
    return fail(err, STATUS_INVALID, "%.*s:%d:%d: %.*s%s", SLICE_ARGS(file), first->place.line,
                first->place.column, SLICE_ARGS(first->text), more);
}

status agent_manifest_read_text(const char *folder, struct slice file, struct slice text,
                                struct agent_manifest **out_manifest,
                                struct fault_list **out_faults, struct error *err) {
    assert(folder != NULL);
    *out_faults = NULL;
    struct manifest_hold *hold = new_hold();
    if (hold == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a manifest");
    }
    struct agent_manifest *manifest = &hold->manifest;
    struct faults faults;
    faults_init(&faults, &hold->arena);
    struct reading reading = {.arena = &hold->arena, .faults = &faults, .owner = manifest};
    char absolute[PATH_MAX];
    const char *found = realpath(folder, absolute);
    manifest->folder = arena_copy(&hold->arena, slice_of(found != NULL ? found : folder));
    manifest->digest = hash_128(text, (struct slice){0});
    status code = STATUS_OK;
    if (manifest->folder.bytes == NULL) {
        code = fail(err, STATUS_NO_MEMORY, "out of memory for a manifest");
    } else {
        read_text(&reading, text, manifest);
        if (faults.no_memory) {
            code = fail(err, STATUS_NO_MEMORY, "out of memory for a manifest");
        } else if (faults.error_count > 0) {
            code = refuse(&faults, file, out_faults, err);
        }
    }
    if (code != STATUS_OK) {
        agent_manifest_release(manifest);
        return code;
    }
    *out_manifest = manifest;
    return STATUS_OK;
}

status agent_manifest_read(const char *folder, struct agent_manifest **out_manifest,
                           struct fault_list **out_faults, struct error *err) {
    *out_faults = NULL;
    CLEANUP(buffer_done) struct buffer path;
    buffer_init(&path, 8192);
    buffer_print(&path, "%s/agent.yaml", folder);
    TRY(buffer_status(&path, err));
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, AGENT_MANIFEST_BYTES_MAX);
    if (file_read(path.bytes, &text, err) != STATUS_OK) {
        return fail_while(err, "read %s", path.bytes);
    }
    return agent_manifest_read_text(folder, buffer_slice(&path), buffer_slice(&text), out_manifest,
                                    out_faults, err);
}

bool agent_manifest_name_of(struct slice text, struct arena *arena, struct slice *out_name) {
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place;
    bool found = false;
    if (yaml_read(&scratch, text, &documents, &count, &place, NULL) == STATUS_OK && count > 0) {
        const struct yaml *name = yaml_get(&documents[0].root, "agent");
        if (name != NULL && name->kind == YAML_SCALAR && text_is_name(name->text)) {
            *out_name = arena_copy(arena, name->text);
            found = out_name->bytes != NULL;
        }
    }
    arena_done(&scratch);
    return found;
}

struct agent_manifest *agent_manifest_share(struct agent_manifest *manifest) {
    atomic_fetch_add_explicit(&manifest->hold->owners, 1, memory_order_relaxed);
    return manifest;
}

void agent_manifest_release(struct agent_manifest *manifest) {
    if (manifest == NULL) {
        return;
    }
    struct manifest_hold *hold = manifest->hold;
    if (atomic_fetch_sub_explicit(&hold->owners, 1, memory_order_acq_rel) > 1) {
        return;
    }
    arena_done(&hold->arena);
    memory_free(hold);
}
