// SPDX-License-Identifier: Apache-2.0
#include "cli/checker.h"

#include <string.h>

#include "agents/catalog.h"
#include "base/buffer.h"
#include "platform/file.h"
#include "platform/query.h"

enum { FOLDER_BYTES_MAX = 4096 };

/* The path's folder with a slash at its end, or nothing. */
static struct slice folder_of(const char *path) {
    struct slice folder = slice_of(path);
    while (folder.count > 0 && folder.bytes[folder.count - 1] != '/') {
        folder.count--;
    }
    return folder;
}

/* The folder, and what is called `name` in it, as a C string. */
static status write_path(struct slice folder, const char *name, struct buffer *out,
                         struct error *err) {
    buffer_add(out, folder);
    buffer_add_text(out, name);
    buffer_add_byte(out, '\0');
    return buffer_status(out, err);
}

static status fill_catalog(struct catalog *catalog, const char *path, const char *agents,
                           struct error *err) {
    CLEANUP(buffer_done) struct buffer beside;
    buffer_init(&beside, FOLDER_BYTES_MAX);
    TRY(write_path(folder_of(path), "agents", &beside, err));
    TRY(catalog_add_folder(catalog, beside.bytes, err));
    return agents != NULL ? catalog_add_folder(catalog, agents, err) : STATUS_OK;
}

/* One program at a time: slower than all together, but each fault is found. */
static status compile(void *owner, struct slice program, int *out_offset, struct error *err) {
    (void)owner; /* there is nothing to remember between programs */
    struct query_programs *programs = NULL;
    unsigned index = 0;
    const status ended = query_compile(&program, 1, &programs, &index, out_offset, err);
    query_programs_done(programs);
    return ended;
}

/* An agent that is there and would not open is a fault of who names it. */
static status resolve(void *owner, struct slice name, struct slice range,
                      struct workflow_agent *out_agent, struct error *err) {
    struct workflow_agent agent;
    TRY(catalog_resolve(owner, name, range, &agent, err));
    if (catalog_check(catalog_manifest(agent.pinned), err) != STATUS_OK) {
        return fail_while(err, "agent '%.*s'", SLICE_ARGS(name));
    }
    *out_agent = agent;
    return STATUS_OK;
}

static bool is_manifest(const char *path) {
    const struct slice folder = folder_of(path);
    return strcmp(path + folder.count, "agent.yaml") == 0;
}

static status check_manifest(const char *path, struct checked *out_checked, struct error *err) {
    CLEANUP(buffer_done) struct buffer folder;
    buffer_init(&folder, FOLDER_BYTES_MAX);
    const struct slice beside = folder_of(path);
    const bool here = beside.count == 0;
    TRY(write_path(here ? SLICE(".") : slice_part(beside, 0, beside.count - 1), "", &folder, err));
    struct agent_manifest *manifest;
    TRY(agent_manifest_read(folder.bytes, &manifest, &out_checked->faults, err));
    const status code = catalog_check(manifest, err);
    if (code != STATUS_OK) {
        agent_manifest_release(manifest);
        return fail_while(err, "%.300s", path);
    }
    out_checked->manifest = manifest;
    return STATUS_OK;
}

bool checked_is_correct(const struct checked *checked) {
    return checked->workflow != NULL || checked->manifest != NULL;
}

status checker_check(const char *path, const char *agents, const struct binding *binding,
                     struct checked *out_checked, struct error *err) {
    *out_checked = (struct checked){0};
    if (is_manifest(path)) {
        return check_manifest(path, out_checked, err);
    }
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    if (file_read(path, &text, err) != STATUS_OK) {
        return fail_while(err, "check");
    }
    TRY(catalog_create(&out_checked->catalog, err));
    TRY(fill_catalog(out_checked->catalog, path, agents, err));
    const struct workflow_doors doors = {
        .owner = out_checked->catalog, .resolve = resolve, .compile = compile, .binding = binding};
    return workflow_read(slice_of(path), buffer_slice(&text), &doors, &out_checked->workflow,
                         &out_checked->faults, err);
}

void checked_done(struct checked *checked) {
    fault_list_release(checked->faults);
    workflow_release(checked->workflow);
    agent_manifest_release(checked->manifest);
    catalog_destroy(checked->catalog);
    *checked = (struct checked){0};
}
