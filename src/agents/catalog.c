// SPDX-License-Identifier: Apache-2.0
#include "agents/catalog.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agents/adapters/http_agent.h"
#include "agents/adapters/jq_agent.h"
#include "agents/adapters/process_agent.h"
#include "agents/image_agent.h"
#include "agents/onnx_agent.h"
#include "agents/text_classifier_lite.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/hash.h"

enum { ARENA_BYTES_MAX = 4 << 20, PATH_BYTES_MAX = 8192, LIST_BYTES_MAX = 200 };

/* What changes about an agent that the outside holds as const. */
struct opened_agent {
    struct agent *agent; /* owned; NULL: not opened yet */
    struct agent_stats stats;
};

struct catalog_agent {
    struct agent_manifest *manifest; /* shared */
    const struct agent_kind *kind;
    struct opened_agent *opened; /* owned */
    uint32_t folder;             /* index of the catalogue's folder that it came from */
    uint32_t owners;             /* catalogues */
};

struct catalog_fault {
    struct slice name, why;
    const struct catalog_fault *next;
};

struct catalog {
    struct arena arena; /* folders' names and faults */
    struct slice folders[CATALOG_FOLDERS_MAX];
    uint32_t folder_count;
    struct catalog_agent *agents[CATALOG_AGENTS_MAX]; /* by name, then the highest version first */
    uint32_t agent_count;
    const struct catalog_fault *faults;
};

static const struct agent_kind *const KINDS[] = {
    &PROCESS_AGENT, &TEXT_CLASSIFIER_LITE, &JQ_AGENT, &IMAGE_AGENT, &HTTP_AGENT, &ONNX_AGENT, NULL};

const struct agent_kind *const *catalog_kinds(void) {
    return KINDS;
}

static const struct agent_kind *find_kind(struct slice name) {
    for (size_t i = 0; KINDS[i] != NULL; i++) {
        if (slice_is(name, KINDS[i]->name)) {
            return KINDS[i];
        }
    }
    return NULL;
}

status catalog_create(struct catalog **out_catalog, struct error *err) {
    struct catalog *catalog = memory_new(1, sizeof(*catalog));
    if (catalog == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the agents");
    }
    arena_init(&catalog->arena, ARENA_BYTES_MAX);
    *out_catalog = catalog;
    return STATUS_OK;
}

static void release_agent(struct catalog_agent *agent) {
    if (agent == NULL || --agent->owners > 0) {
        return;
    }
    if (agent->opened != NULL && agent->opened->agent != NULL) {
        agent->kind->close(agent->opened->agent);
    }
    memory_free(agent->opened);
    agent_manifest_release(agent->manifest);
    memory_free(agent);
}

void catalog_destroy(struct catalog *catalog) {
    if (catalog == NULL) {
        return;
    }
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        release_agent(catalog->agents[i]);
    }
    arena_done(&catalog->arena);
    memory_free(catalog);
}

static status add_fault(struct catalog *catalog, struct slice name, const char *why,
                        struct error *err) {
    struct catalog_fault *fault = arena_get(&catalog->arena, 1, sizeof(*fault));
    if (fault != NULL) {
        fault->name = arena_copy(&catalog->arena, name);
        fault->why = arena_copy(&catalog->arena, slice_of(why));
    }
    if (fault == NULL || fault->name.bytes == NULL || fault->why.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the agents");
    }
    fault->next = catalog->faults;
    catalog->faults = fault;
    return STATUS_OK;
}

/* Negative when `manifest` stands before the agent. */
static int compare(const struct agent_manifest *manifest, const struct catalog_agent *agent) {
    const int names = slice_compare(manifest->name, agent->manifest->name);
    return names != 0 ? names : agent_version_compare(agent->manifest->version, manifest->version);
}

/* Where the manifest belongs; *out_same: an agent of that name and version is there already. */
static uint32_t find_place(const struct catalog *catalog, const struct agent_manifest *manifest,
                           bool *out_same) {
    uint32_t at = 0;
    int order = 1;
    while (at < catalog->agent_count && (order = compare(manifest, catalog->agents[at])) > 0) {
        at++;
    }
    *out_same = at < catalog->agent_count && order == 0;
    return at;
}

static struct catalog_agent *new_agent(struct agent_manifest *manifest,
                                       const struct agent_kind *kind, uint32_t folder) {
    struct catalog_agent *agent = memory_new(1, sizeof(*agent));
    struct opened_agent *opened = memory_new(1, sizeof(*opened));
    if (agent == NULL || opened == NULL) {
        memory_free(agent);
        memory_free(opened);
        return NULL;
    }
    *agent = (struct catalog_agent){.manifest = agent_manifest_share(manifest),
                                    .kind = kind,
                                    .opened = opened,
                                    .folder = folder,
                                    .owners = 1};
    return agent;
}

static status add_manifest(struct catalog *catalog, struct agent_manifest *manifest,
                           struct error *err) {
    const struct agent_kind *kind = find_kind(manifest->kind);
    char why[ERROR_TEXT_MAX];
    if (kind == NULL) {
        (void)snprintf(why, sizeof(why), "%.*s/agent.yaml: kind '%.*s' is not in this build of ebb",
                       SLICE_ARGS(manifest->folder), SLICE_ARGS(manifest->kind));
        return add_fault(catalog, manifest->name, why, err);
    }
    bool same;
    const uint32_t at = find_place(catalog, manifest, &same);
    if (same && catalog->agents[at]->folder == catalog->folder_count - 1) {
        (void)snprintf(why, sizeof(why), "agent '%.*s' %.*s stands twice: in %.*s and in %.*s",
                       SLICE_ARGS(manifest->name), SLICE_ARGS(manifest->version_text),
                       SLICE_ARGS(catalog->agents[at]->manifest->folder),
                       SLICE_ARGS(manifest->folder));
        return add_fault(catalog, manifest->name, why, err);
    }
    if (same) {
        return STATUS_OK;
    }
    if (catalog->agent_count == CATALOG_AGENTS_MAX) {
        return fail(err, STATUS_FULL, "there are more than %d agents", CATALOG_AGENTS_MAX);
    }
    struct catalog_agent *agent = new_agent(manifest, kind, catalog->folder_count - 1);
    if (agent == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the agents");
    }
    (void)memmove(&catalog->agents[at + 1], &catalog->agents[at],
                  (catalog->agent_count - at) * sizeof(catalog->agents[0]));
    catalog->agents[at] = agent;
    catalog->agent_count++;
    return STATUS_OK;
}

/* A faulty manifest is known by the name that it gives itself, if that much can be read. */
static status add_faulty(struct catalog *catalog, const char *path, const char *folder_name,
                         const char *why, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, AGENT_MANIFEST_BYTES_MAX);
    struct slice name = {0};
    if (file_read(path, &text, NULL) != STATUS_OK ||
        !agent_manifest_name_of(buffer_slice(&text), &catalog->arena, &name)) {
        name = slice_of(folder_name);
    }
    return add_fault(catalog, name, why, err);
}

/* A folder that is being added. */
struct adding {
    struct catalog *catalog;
    const char *folder;
    status code;
    struct error *err;
};

static status add_one(struct catalog *catalog, const char *folder, const char *name,
                      struct error *err) {
    CLEANUP(buffer_done) struct buffer path;
    buffer_init(&path, PATH_BYTES_MAX);
    buffer_print(&path, "%s/%s", folder, name);
    const size_t folder_bytes = path.count;
    buffer_print(&path, "/agent.yaml");
    TRY(buffer_status(&path, err));
    struct file_facts facts;
    if (file_facts(path.bytes, &facts, NULL) != STATUS_OK) {
        return STATUS_OK;
    }
    path.bytes[folder_bytes] = '\0';
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error why = {0};
    status code = agent_manifest_read(path.bytes, &manifest, &faults, &why);
    path.bytes[folder_bytes] = '/';
    fault_list_release(faults);
    if (code == STATUS_NO_MEMORY) {
        return fail(err, code, "%s", why.text);
    }
    if (code != STATUS_OK) {
        return add_faulty(catalog, path.bytes, name, why.text, err);
    }
    code = add_manifest(catalog, manifest, err);
    agent_manifest_release(manifest);
    return code;
}

static bool add_next(void *owner, const char *name) {
    struct adding *adding = owner;
    if (name[0] == '.') {
        return true;
    }
    adding->code = add_one(adding->catalog, adding->folder, name, adding->err);
    return adding->code == STATUS_OK;
}

static bool has_folder(const struct catalog *catalog, const char *folder) {
    for (uint32_t i = 0; i < catalog->folder_count; i++) {
        if (slice_is(catalog->folders[i], folder)) {
            return true;
        }
    }
    return false;
}

status catalog_add_folder(struct catalog *catalog, const char *folder, struct error *err) {
    if (has_folder(catalog, folder)) {
        return STATUS_OK;
    }
    if (catalog->folder_count == CATALOG_FOLDERS_MAX) {
        return fail(err, STATUS_FULL, "there are more than %d folders of agents",
                    CATALOG_FOLDERS_MAX);
    }
    const struct slice name = arena_copy(&catalog->arena, slice_of(folder));
    if (name.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the agents");
    }
    catalog->folders[catalog->folder_count++] = name;
    struct adding adding = {.catalog = catalog, .folder = folder, .err = err};
    const status code = file_list(folder, add_next, &adding, err);
    if (code != STATUS_OK && code != STATUS_NOT_FOUND) {
        return fail_while(err, "look for agents in %.300s", folder);
    }
    return adding.code;
}

static bool may_adopt(const struct catalog_agent *agent, const struct catalog_agent *old) {
    return old->opened->agent != NULL && old->manifest->filter == NULL &&
           !catalog_stats(old)->broken && slice_equal(agent->manifest->name, old->manifest->name) &&
           id_equal(agent->manifest->digest, old->manifest->digest) &&
           slice_equal(agent->manifest->folder, old->manifest->folder);
}

void catalog_adopt(struct catalog *catalog, struct catalog *old) {
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        for (uint32_t k = 0; k < old->agent_count; k++) {
            if (catalog->agents[i] != old->agents[k] &&
                may_adopt(catalog->agents[i], old->agents[k])) {
                release_agent(catalog->agents[i]);
                catalog->agents[i] = old->agents[k];
                catalog->agents[i]->owners++;
                break;
            }
        }
    }
}

static void add_item(struct buffer *list, struct slice item) {
    if (list->count > 0) {
        buffer_add_text(list, ", ");
    }
    buffer_add(list, item);
}

/* "1.1.0, 1.0.0"; the list is cut where it is too long for a sentence. */
static status no_version(const struct catalog *catalog, struct slice name, struct slice range,
                         struct error *err) {
    CLEANUP(buffer_done) struct buffer list;
    buffer_init(&list, LIST_BYTES_MAX);
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        if (slice_equal(catalog->agents[i]->manifest->name, name)) {
            add_item(&list, catalog->agents[i]->manifest->version_text);
        }
    }
    return fail(err, STATUS_NOT_FOUND, "no version of agent '%.*s' fits '%.*s': there is %.*s",
                SLICE_ARGS(name), SLICE_ARGS(range), SLICE_ARGS(buffer_slice(&list)));
}

static const char *nearest_name(const struct catalog *catalog, struct slice name) {
    /* Names of manifests end with a zero: they are copies in an arena. */
    const char *names[CATALOG_AGENTS_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        names[count++] = catalog->agents[i]->manifest->name.bytes;
    }
    names[count] = NULL;
    return text_nearest(name, names);
}

static status no_agent(const struct catalog *catalog, struct slice name, struct error *err) {
    CLEANUP(buffer_done) struct buffer folders;
    buffer_init(&folders, LIST_BYTES_MAX);
    for (uint32_t i = 0; i < catalog->folder_count; i++) {
        add_item(&folders, catalog->folders[i]);
    }
    const char *nearest = nearest_name(catalog, name);
    char hint[128] = "";
    if (nearest != NULL) {
        (void)snprintf(hint, sizeof(hint), " did you mean '%s'?", nearest);
    }
    return fail(err, STATUS_NOT_FOUND, "no agent '%.*s':%s agents are looked for in %.*s",
                SLICE_ARGS(name), hint,
                SLICE_ARGS(folders.count > 0 ? buffer_slice(&folders) : SLICE("no folder")));
}

static status not_resolved(const struct catalog *catalog, struct slice name, struct slice range,
                           struct error *err) {
    for (const struct catalog_fault *at = catalog->faults; at != NULL; at = at->next) {
        if (slice_equal(at->name, name)) {
            return fail(err, STATUS_INVALID, "agent '%.*s' cannot be used: %.*s", SLICE_ARGS(name),
                        SLICE_ARGS(at->why));
        }
    }
    return catalog_find(catalog, name) != NULL ? no_version(catalog, name, range, err)
                                               : no_agent(catalog, name, err);
}

status catalog_resolve(void *owner, struct slice name, struct slice range,
                       struct workflow_agent *out_agent, struct error *err) {
    const struct catalog *catalog = owner;
    bool valid;
    (void)agent_version_in((struct agent_version){0}, range, &valid);
    if (!valid) {
        return fail(err, STATUS_INVALID,
                    "'%.*s@%.*s': a range of versions is ^1, ~1.2, 1.2.0, >=1.2 or *",
                    SLICE_ARGS(name), SLICE_ARGS(range));
    }
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        const struct catalog_agent *agent = catalog->agents[i];
        const struct agent_manifest *manifest = agent->manifest;
        if (slice_equal(manifest->name, name) &&
            agent_version_in(manifest->version, range, &valid)) {
            *out_agent = (struct workflow_agent){.inputs = &manifest->inputs,
                                                 .outputs = &manifest->outputs,
                                                 .pinned = agent,
                                                 .actuator = manifest->actuator,
                                                 .carries = manifest->carries};
            return STATUS_OK;
        }
    }
    return not_resolved(catalog, name, range, err);
}

struct id catalog_digest(const struct workflow *workflow) {
    struct id digest = workflow->digest;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct id agent = catalog_manifest(workflow->steps[i].agent_pinned)->digest;
        digest = hash_128(id_slice(&digest), id_slice(&agent));
    }
    return digest;
}

status catalog_check(const struct agent_manifest *manifest, struct error *err) {
    const struct agent_kind *kind = find_kind(manifest->kind);
    if (kind == NULL || kind->check == NULL) {
        return STATUS_OK;
    }
    return kind->check(manifest, err);
}

status catalog_open(struct catalog *catalog, struct loop *loop, const struct catalog_agent *pinned,
                    const struct agent_kind **out_kind, struct agent **out_agent,
                    struct error *err) {
    assert(catalog != NULL);
    (void)catalog; /* read by the assert alone: what is opened belongs to the entry */
    struct opened_agent *opened = pinned->opened;
    if (opened->agent == NULL) {
        TRY(pinned->kind->open(loop, pinned->manifest, &opened->agent, err));
    }
    *out_kind = pinned->kind;
    *out_agent = opened->agent;
    return STATUS_OK;
}

const struct agent_manifest *catalog_manifest(const struct catalog_agent *pinned) {
    return pinned->manifest;
}

const struct agent_kind *catalog_kind(const struct catalog_agent *pinned) {
    return pinned->kind;
}

struct agent_stats *catalog_stats(const struct catalog_agent *pinned) {
    struct opened_agent *opened = pinned->opened;
    if (opened->agent != NULL && pinned->kind->health != NULL) {
        pinned->kind->health(opened->agent, &opened->stats);
    }
    return &opened->stats;
}

void catalog_metrics(const struct catalog_agent *pinned,
                     void (*each)(void *owner, const char *name, double number), void *owner) {
    if (pinned->opened->agent != NULL && pinned->kind->metrics != NULL) {
        pinned->kind->metrics(pinned->opened->agent, each, owner);
    }
}

void catalog_requirements(const struct catalog_agent *pinned,
                          struct agent_requirements *out_requirements) {
    if (pinned->opened->agent != NULL && pinned->kind->requirements != NULL) {
        pinned->kind->requirements(pinned->opened->agent, out_requirements);
    } else {
        agent_requirements_of(pinned->manifest, out_requirements);
    }
}

void catalog_each(const struct catalog *catalog,
                  void (*each)(void *owner, const struct catalog_agent *agent), void *owner) {
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        each(owner, catalog->agents[i]);
    }
}

void catalog_each_fault(const struct catalog *catalog,
                        void (*each)(void *owner, struct slice name, struct slice why),
                        void *owner) {
    for (const struct catalog_fault *at = catalog->faults; at != NULL; at = at->next) {
        each(owner, at->name, at->why);
    }
}

const struct catalog_agent *catalog_find(const struct catalog *catalog, struct slice name) {
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        if (slice_equal(catalog->agents[i]->manifest->name, name)) {
            return catalog->agents[i];
        }
    }
    return NULL;
}

void catalog_mend(struct catalog *catalog, struct slice name) {
    for (uint32_t i = 0; i < catalog->agent_count; i++) {
        const struct catalog_agent *agent = catalog->agents[i];
        if (slice_equal(agent->manifest->name, name) && agent->opened->agent != NULL &&
            agent->kind->mend != NULL) {
            agent->kind->mend(agent->opened->agent);
        }
    }
}
