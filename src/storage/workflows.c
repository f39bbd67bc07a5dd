// SPDX-License-Identifier: Apache-2.0
#include "storage/workflows.h"

#include <string.h>

#include "base/memory.h"
#include "storage/sql.h"

static bool grow(struct workflows *workflows) {
    const uint32_t room = workflows->room > 0 ? workflows->room * 2 : 8;
    struct workflow_version *versions =
        memory_resize(workflows->versions, room * sizeof(*versions));
    if (versions == NULL) {
        return false;
    }
    workflows->versions = versions;
    workflows->room = room;
    return true;
}

static status add(struct workflows *workflows, const struct workflow_version *version,
                  struct error *err) {
    if (workflows->count == workflows->room && !grow(workflows)) {
        return fail(err, STATUS_NO_MEMORY, "keep a workflow: out of memory");
    }
    workflows->versions[workflows->count++] = *version;
    return STATUS_OK;
}

static struct workflow_version *find(const struct workflows *workflows, uint32_t number) {
    for (uint32_t i = workflows->count; i > 0; i--) {
        struct workflow_version *version = &workflows->versions[i - 1];
        if (!version->going && version->number == number) {
            return version;
        }
    }
    return NULL;
}

const struct workflow_version *workflows_find(const struct workflows *workflows, uint32_t number) {
    return find(workflows, number);
}

bool workflows_is_used(const struct workflows *workflows, uint32_t number) {
    const struct workflow_version *version = workflows_find(workflows, number);
    return version != NULL && version->used;
}

static struct workflow_version version_of_row(const struct query *query) {
    struct workflow_version version = {.number = (uint32_t)query_number(query, 0)};
    const struct slice name = query_text(query, 1);
    version.name_bytes = (uint8_t)slice_part(name, 0, WORKFLOW_NAME_BYTES_MAX).count;
    if (version.name_bytes > 0) {
        (void)memcpy(version.name, name.bytes, version.name_bytes);
    }
    const struct slice digest = query_bytes(query, 2);
    if (digest.count == ID_BYTES) {
        (void)memcpy(version.digest.bytes, digest.bytes, ID_BYTES);
    }
    return version;
}

static status load_rows(struct workflows *workflows, const struct workflows *before,
                        struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_WORKFLOW_LIST);
    while (query_next(&query)) {
        struct workflow_version version = version_of_row(&query);
        version.used = workflows_is_used(before, version.number);
        TRY(add(workflows, &version, err));
    }
    return query_status(&query, err);
}

static status keep_lost(struct workflows *workflows, const struct workflows *before,
                        struct error *err) {
    for (uint32_t i = 0; i < before->count; i++) {
        if (find(workflows, before->versions[i].number) == NULL) {
            struct workflow_version lost = before->versions[i];
            lost.lost = true;
            TRY(add(workflows, &lost, err));
        }
    }
    return STATUS_OK;
}

status workflows_load(struct workflows *workflows, struct database *database, struct error *err) {
    CLEANUP(workflows_done) struct workflows loaded = {0};
    TRY(load_rows(&loaded, workflows, database, err));
    TRY(keep_lost(&loaded, workflows, err));
    workflows_done(workflows);
    *workflows = loaded;
    loaded = (struct workflows){0};
    workflows_settle(workflows);
    return STATUS_OK;
}

void workflows_done(struct workflows *workflows) {
    memory_free(workflows->versions);
    *workflows = (struct workflows){0};
}

static bool is_same(const struct workflow_version *a, const struct workflow_version *b) {
    return id_equal(a->digest, b->digest) && a->name_bytes == b->name_bytes &&
           memcmp(a->name, b->name, a->name_bytes) == 0;
}

static status insert(struct database *database, const struct workflow_version *version,
                     struct slice text, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_WORKFLOW_PUT);
    query_bind_number(&query, version->number);
    query_bind_text(&query, (struct slice){.bytes = version->name, .count = version->name_bytes});
    query_bind_bytes(&query, id_slice(&version->digest));
    query_bind_text(&query, text);
    return query_run(&query, err);
}

static uint32_t next_number(const struct workflows *workflows) {
    uint32_t number = 0;
    for (uint32_t i = 0; i < workflows->count; i++) {
        const uint32_t there = workflows->versions[i].number;
        number = there > number ? there : number;
    }
    return number + 1;
}

status workflows_keep(struct workflows *workflows, struct database *database,
                      const struct workflow_version *version, struct slice text,
                      uint32_t *out_number, struct error *err) {
    for (uint32_t i = 0; i < workflows->count; i++) {
        struct workflow_version *there = &workflows->versions[i];
        if (!there->going && is_same(there, version)) {
            there->used = true;
            *out_number = there->number;
            return STATUS_OK;
        }
    }
    if (workflows->count >= WORKFLOWS_MAX) {
        return fail(err, STATUS_FULL, "%d versions of workflows are kept already", WORKFLOWS_MAX);
    }
    struct workflow_version added = *version;
    added.number = next_number(workflows);
    added.used = true;
    TRY(insert(database, &added, text, err));
    TRY(add(workflows, &added, err));
    *out_number = added.number;
    return STATUS_OK;
}

bool workflows_have_lost(const struct workflows *workflows) {
    bool lost = false;
    for (uint32_t i = 0; i < workflows->count; i++) {
        lost = lost || workflows->versions[i].lost;
    }
    return lost;
}

status workflows_restore(struct workflows *workflows, struct database *database,
                         struct error *err) {
    for (uint32_t i = 0; i < workflows->count; i++) {
        if (workflows->versions[i].lost) {
            TRY(insert(database, &workflows->versions[i], (struct slice){0}, err));
            workflows->versions[i].lost = false;
        }
    }
    return STATUS_OK;
}

void workflows_forget(struct workflows *workflows, uint32_t number) {
    struct workflow_version *version = find(workflows, number);
    if (version != NULL) {
        version->going = true;
    }
}

void workflows_settle(struct workflows *workflows) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < workflows->count; i++) {
        if (!workflows->versions[i].going) {
            workflows->versions[kept++] = workflows->versions[i];
        }
    }
    workflows->count = kept;
    workflows->kept = kept;
}

void workflows_take_back(struct workflows *workflows) {
    workflows->count = workflows->kept;
    for (uint32_t i = 0; i < workflows->count; i++) {
        workflows->versions[i].going = false;
    }
}
