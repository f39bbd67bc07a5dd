// SPDX-License-Identifier: Apache-2.0
#include "wire/workflow.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "platform/hash.h"
#include "wire/workflow_draft.h"

enum { KEPT_BYTES_MAX = 32 << 20, SCRATCH_BYTES_MAX = 48 << 20 };

/* What a workflow lives in; the public part is first, so that one pointer is both. */
struct whole {
    struct workflow workflow;
    struct arena arena; /* owned */
    atomic_uint owners;
};

struct workflow *workflow_share(struct workflow *workflow) {
    struct whole *whole = (struct whole *)workflow;
    (void)atomic_fetch_add_explicit(&whole->owners, 1, memory_order_relaxed);
    return workflow;
}

void workflow_release(struct workflow *workflow) {
    struct whole *whole = (struct whole *)workflow;
    if (whole == NULL || atomic_fetch_sub_explicit(&whole->owners, 1, memory_order_acq_rel) != 1) {
        return;
    }
    arena_done(&whole->arena);
    memory_free(whole);
}

bool workflow_is_same(const struct workflow *a, const struct workflow *b) {
    bool same = id_equal(a->digest, b->digest) && value_equal(a->param_values, b->param_values);
    for (uint32_t i = 0; same && i < a->trigger_count; i++) {
        same = slice_equal(a->triggers[i].bound, b->triggers[i].bound) &&
               slice_equal(a->triggers[i].path, b->triggers[i].path);
    }
    return same;
}

bool workflow_has_source(const struct workflow *workflow, struct slice name) {
    for (uint32_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        if (trigger->bound.count > 0 && slice_equal(trigger->source, name)) {
            return true;
        }
    }
    return false;
}

/* A workflow of defaults, or NULL. */
static struct whole *create(struct slice file, struct slice text) {
    struct whole *whole = memory_new(1, sizeof(*whole));
    if (whole == NULL) {
        return NULL;
    }
    arena_init(&whole->arena, KEPT_BYTES_MAX);
    atomic_init(&whole->owners, 1);
    whole->workflow = (struct workflow){
        .text = arena_copy(&whole->arena, text),
        .file = arena_copy(&whole->arena, file),
        .digest = hash_128(text, (struct slice){0}),
        .queue = {.max = QUEUE_MAX_DEFAULT, .full = QUEUE_BLOCK},
        .concurrency = 1,
        .runs = {.mode = DURABILITY_NONE},
        .results_durability = {.mode = DURABILITY_EACH},
        .state_durability = {.mode = DURABILITY_EACH},
    };
    if (whole->workflow.text.bytes == NULL || whole->workflow.file.bytes == NULL) {
        workflow_release(&whole->workflow);
        return NULL;
    }
    return whole;
}

/* The needs of a step as indexes in the order of running. */
static bool keep_needs(struct workflow_draft *draft, const struct step_draft *from,
                       struct step *step) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < draft->step_count; i++) {
        count += step_set_has(&from->needs_set, i) ? 1 : 0;
    }
    uint32_t *needs = arena_get(draft->reading.arena, count, sizeof(*needs));
    if (needs == NULL) {
        return false;
    }
    step->need_count = count;
    step->needs = needs;
    count = 0;
    for (uint32_t i = 0; i < draft->step_count; i++) {
        if (step_set_has(&from->needs_set, i)) {
            needs[count++] = draft->steps[i].rank;
        }
    }
    return true;
}

static bool keep_steps(struct workflow_draft *draft) {
    struct step *steps = arena_get(draft->reading.arena, draft->step_count, sizeof(*steps));
    if (steps == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < draft->step_count; i++) {
        const struct step_draft *from = &draft->steps[i];
        struct step *step = &steps[from->rank];
        *step = from->step;
        step->other_step = from->other_known ? draft->steps[from->other].rank : 0;
        if (!keep_needs(draft, from, step)) {
            return false;
        }
    }
    draft->workflow->steps = steps;
    draft->workflow->step_count = draft->step_count;
    return true;
}

/* Everything is right: the drafts become the workflow. */
static bool keep(struct workflow_draft *draft) {
    struct workflow *workflow = draft->workflow;
    struct result_rule *results =
        arena_get(draft->reading.arena, draft->result_count, sizeof(*results));
    struct let *lets = arena_get(draft->reading.arena, draft->let_count, sizeof(*lets));
    if (results == NULL || lets == NULL || !keep_steps(draft)) {
        return false;
    }
    for (uint32_t i = 0; i < draft->result_count; i++) {
        results[i] = draft->results[i].rule;
    }
    for (uint32_t i = 0; i < draft->let_count; i++) {
        lets[i] = draft->lets[i].let;
    }
    workflow->results = results;
    workflow->result_count = draft->result_count;
    workflow->lets = lets;
    workflow->let_count = draft->let_count;
    workflow->params = draft->params;
    workflow->param_count = draft->param_count;
    workflow->triggers = draft->triggers;
    workflow->trigger_count = draft->trigger_count;
    return true;
}

static void check_document(struct workflow_draft *draft) {
    if (!workflow_keys_read(draft)) {
        return;
    }
    workflow_bind(draft);
    workflow_bind_names(draft);
    step_graph_link(draft);
    step_agents_check(draft);
    result_schemas_check(draft);
    step_states_check(draft);
    read_paths_check(draft);
    jq_programs_check(draft);
}

/* Checks every document; a second one is refused, but what is wrong in it is said as well. */
static void check_documents(struct whole *whole, struct arena *scratch,
                            const struct workflow_doors *doors, struct faults *faults,
                            struct workflow_draft *draft) {
    const struct yaml_document *documents;
    uint32_t count;
    struct place place = {0};
    struct error err;
    const status code = yaml_read(scratch, whole->workflow.text, &documents, &count, &place, &err);
    if (code == STATUS_NO_MEMORY) {
        faults->no_memory = true;
    } else if (code != STATUS_OK) {
        faults_add(faults, place, "%s", err.text);
    } else if (count == 0) {
        faults_add(faults, (struct place){.line = 1, .column = 1},
                   "the file is empty: a workflow begins with `ebb: 1`");
    }
    const struct yaml *schemas = code == STATUS_OK ? schemas_of(documents, count) : NULL;
    count = schemas != NULL ? 1 : count;
    for (uint32_t i = 0; code == STATUS_OK && i < count; i++) {
        struct workflow other = whole->workflow;
        struct workflow_draft one = {
            .reading = {.arena = &whole->arena, .faults = faults, .owner = &one},
            .scratch = scratch,
            .doors = doors,
            .root = &documents[i].root,
            .schemas = schemas,
            .workflow = i == 0 ? &whole->workflow : &other};
        if (i > 0) {
            faults_add(faults, documents[i].root.place,
                       "a second document: one workflow a file in this version of ebb");
        }
        check_document(&one);
        if (i == 0) {
            *draft = one;
        }
    }
}

/* One fault, and no workflow. */
__attribute__((format(printf, 4, 5))) static status refuse(struct slice file,
                                                           struct fault_list **out_faults,
                                                           struct error *err, const char *format,
                                                           ...) {
    char sentence[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    TRY(fault_list_of(file, (struct place){0}, sentence, out_faults, err));
    return fail(err, STATUS_INVALID, "'%.*s': %s", QUOTED(file), sentence);
}

/* Whether it was the bound that an allocation met, and not the heap's end: no single thing here
 * takes a quarter of it. */
static bool is_spent(const struct arena *arena) {
    return arena->bytes_max - arena->bytes < arena->bytes_max / 4;
}

static status conclude(struct whole *whole, struct workflow_draft *draft, struct slice file,
                       struct fault_list **out_faults, struct error *err) {
    struct faults *faults = draft->reading.faults;
    if (!faults->no_memory && faults->error_count == 0) {
        schema_files_keep(draft);
    }
    if (!faults->no_memory && faults->error_count == 0) {
        faults->no_memory = !keep(draft);
    }
    if (faults->no_memory && (is_spent(&whole->arena) || is_spent(draft->scratch))) {
        return refuse(file, out_faults, err,
                      "the workflow is too large: what it says takes more than %d MiB",
                      KEPT_BYTES_MAX >> 20);
    }
    TRY(faults_take(faults, file, out_faults, err));
    if (faults->error_count > 0) {
        return fail(err, STATUS_INVALID, "'%.*s' has %u %s", QUOTED(file),
                    (unsigned)faults->error_count, faults->error_count == 1 ? "fault" : "faults");
    }
    return STATUS_OK;
}

status workflow_read(struct slice file, struct slice text, const struct workflow_doors *doors,
                     struct workflow **out_workflow, struct fault_list **out_faults,
                     struct error *err) {
    CLEANUP(arena_done) struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    *out_faults = NULL;
    if (text.count > WORKFLOW_BYTES_MAX) {
        return refuse(file, out_faults, err,
                      "a workflow file has at most %d bytes, this one has %zu", WORKFLOW_BYTES_MAX,
                      text.count);
    }
    struct whole *whole = create(file, text);
    if (whole == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a workflow of %zu bytes", text.count);
    }
    struct faults faults;
    struct workflow_draft draft = {.reading = {.arena = &whole->arena, .faults = &faults},
                                   .scratch = &scratch,
                                   .workflow = &whole->workflow};
    faults_init(&faults, &scratch);
    check_documents(whole, &scratch, doors, &faults, &draft);
    draft.reading.owner = &draft;
    const status code = conclude(whole, &draft, file, out_faults, err);
    if (code != STATUS_OK) {
        workflow_release(&whole->workflow);
        return code;
    }
    *out_workflow = &whole->workflow;
    return STATUS_OK;
}
