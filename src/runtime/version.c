// SPDX-License-Identifier: Apache-2.0
#include "runtime/version.h"

#include "base/memory.h"

status generation_create(const char *const *agent_folders, struct generation **out_generation,
                         struct error *err) {
    struct generation *generation = memory_new(1, sizeof(*generation));
    if (generation == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the agents");
    }
    generation->owners = 1;
    status code = catalog_create(&generation->catalog, err);
    for (int i = 0; code == STATUS_OK && agent_folders[i] != NULL; i++) {
        code = catalog_add_folder(generation->catalog, agent_folders[i], err);
    }
    if (code != STATUS_OK) {
        generation_release(generation);
        return code;
    }
    *out_generation = generation;
    return STATUS_OK;
}

void generation_release(struct generation *generation) {
    if (generation == NULL || --generation->owners > 0) {
        return;
    }
    jq_child_destroy(generation->jq);
    jq_child_destroy(generation->filters);
    catalog_destroy(generation->catalog);
    memory_free(generation);
}

void generation_adopt(struct generation *generation, struct generation *older) {
    if (older != NULL) {
        catalog_adopt(generation->catalog, older->catalog);
    }
}

static status open_agents(struct version *version, struct loop *loop, struct error *err) {
    const struct workflow *workflow = version->workflow;
    struct catalog *catalog = version->generation->catalog;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        struct opened_agent *opened = &version->agents[i];
        opened->entry = step->agent_pinned;
        opened->manifest = catalog_manifest(opened->entry);
        if (catalog_open(catalog, loop, opened->entry, &opened->kind, &opened->agent, err) !=
            STATUS_OK) {
            return fail_while(err, "step '%.*s': open agent '%.*s'", SLICE_ARGS(step->id),
                              SLICE_ARGS(step->agent));
        }
    }
    return STATUS_OK;
}

status generation_load(struct generation *generation, struct loop *loop, struct slice file,
                       struct slice text, struct version **out_version,
                       struct fault_list **out_faults, struct error *err) {
    struct binding binding = {0};
    if (generation->binding != NULL) {
        binding = *generation->binding;
        binding.kept = generation->kept;
    }
    const struct workflow_doors doors = {
        .owner = generation->catalog, .resolve = catalog_resolve, .binding = &binding};
    struct workflow *workflow = NULL;
    TRY(workflow_read(file, text, &doors, &workflow, out_faults, err));
    struct version *version = memory_new(1, sizeof(*version));
    if (version == NULL) {
        workflow_release(workflow);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a workflow");
    }
    generation->owners++;
    *version = (struct version){.workflow = workflow, .generation = generation, .owners = 1};
    version->agents = memory_new(workflow->step_count, sizeof(*version->agents));
    const status code = version->agents != NULL
                            ? open_agents(version, loop, err)
                            : fail(err, STATUS_NO_MEMORY, "out of memory for a workflow");
    if (code != STATUS_OK) {
        version_release(version);
        return code;
    }
    version->next = generation->versions;
    generation->versions = version;
    *out_version = version;
    return STATUS_OK;
}

/* Which of a version's jq programs are meant. */
typedef void program_visitor(void *owner, const struct expression *program);
typedef void program_walk(const struct version *version, program_visitor *visit, void *owner);

static void each_expression(const struct version *version, program_visitor *visit, void *owner) {
    for (uint32_t i = 0; i < version->workflow->program_count; i++) {
        visit(owner, version->workflow->programs[i]);
    }
}

static void each_filter(const struct version *version, program_visitor *visit, void *owner) {
    for (uint32_t i = 0; i < version->workflow->step_count; i++) {
        const struct expression *filter = version->agents[i].manifest->filter;
        if (filter != NULL && !expression_is_native(filter)) {
            visit(owner, filter);
        }
    }
}

struct program_list {
    struct slice *programs;
    uint32_t count;
};

static void count_program(void *owner, const struct expression *program) {
    (void)program;
    ((struct program_list *)owner)->count++;
}

static void number_program(void *owner, const struct expression *program) {
    struct program_list *list = owner;
    list->programs[list->count] = expression_program(program);
    expression_set_program(program, list->count++);
}

static void walk_versions(const struct generation *generation, program_walk *walk,
                          program_visitor *visit, struct program_list *list) {
    list->count = 0;
    for (const struct version *v = generation->versions; v != NULL; v = v->next) {
        walk(v, visit, list);
    }
}

static status make_child(const struct generation *generation, program_walk *walk,
                         struct jq_child **out_child, struct error *err) {
    struct program_list list = {0};
    walk_versions(generation, walk, count_program, &list);
    if (list.count == 0) {
        return STATUS_OK;
    }
    list.programs = memory_new(list.count, sizeof(*list.programs));
    if (list.programs == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the expressions");
    }
    walk_versions(generation, walk, number_program, &list);
    const status code = jq_child_create(list.programs, list.count, out_child, err);
    memory_free(list.programs);
    return code;
}

status generation_ready(struct generation *generation, struct error *err) {
    status code = make_child(generation, each_expression, &generation->jq, err);
    if (code == STATUS_OK) {
        code = make_child(generation, each_filter, &generation->filters, err);
    }
    generation->versions = NULL; /* the list was for this alone */
    return code;
}

status generation_warm(struct generation *generation, struct error *err) {
    status code = generation->jq != NULL ? jq_child_warm(generation->jq, err) : STATUS_OK;
    if (generation->filters != NULL) {
        struct error second;
        const status filters = jq_child_warm(generation->filters, &second);
        if (code == STATUS_OK && filters != STATUS_OK) {
            *err = second;
            code = filters;
        }
    }
    return code;
}

struct version *version_share(struct version *version) {
    version->owners++;
    return version;
}

void version_release(struct version *version) {
    if (version == NULL || --version->owners > 0) {
        return;
    }
    for (struct version **place = &version->generation->versions; *place != NULL;
         place = &(*place)->next) {
        if (*place == version) { /* still in the list that generation_ready will read */
            *place = version->next;
            break;
        }
    }
    memory_free(version->agents);
    workflow_release(version->workflow);
    generation_release(version->generation);
    memory_free(version);
}
