// SPDX-License-Identifier: Apache-2.0
#include "cli/checker.h"

#include "agents/catalog.h"
#include "platform/file.h"
#include "platform/query.h"

enum { FOLDER_BYTES_MAX = 4096 };

/* The folder of the agents that belong to a workflow file: agents/ beside it. */
static status write_agents_folder(const char *path, struct buffer *out, struct error *err) {
    struct slice folder = slice_of(path);
    while (folder.count > 0 && folder.bytes[folder.count - 1] != '/') {
        folder.count--;
    }
    buffer_add(out, folder);
    buffer_add_text(out, "agents");
    buffer_add_byte(out, '\0');
    return buffer_status(out, err);
}

static status fill_catalog(struct catalog *catalog, const char *path, const char *agents,
                           struct error *err) {
    CLEANUP(buffer_done) struct buffer beside;
    buffer_init(&beside, FOLDER_BYTES_MAX);
    TRY(write_agents_folder(path, &beside, err));
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

status checker_check(const char *path, const char *agents, struct checked *out_checked,
                     struct error *err) {
    *out_checked = (struct checked){0};
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    if (file_read(path, &text, err) != STATUS_OK) {
        return fail_while(err, "check");
    }
    TRY(catalog_create(&out_checked->catalog, err));
    TRY(fill_catalog(out_checked->catalog, path, agents, err));
    const struct workflow_doors doors = {
        .owner = out_checked->catalog, .resolve = catalog_resolve, .compile = compile};
    return workflow_read(slice_of(path), buffer_slice(&text), &doors, &out_checked->workflow,
                         &out_checked->faults, err);
}

void checked_done(struct checked *checked) {
    fault_list_release(checked->faults);
    workflow_release(checked->workflow);
    catalog_destroy(checked->catalog);
    *checked = (struct checked){0};
}
