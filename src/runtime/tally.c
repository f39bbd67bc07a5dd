// SPDX-License-Identifier: Apache-2.0
#include "runtime/tally.h"

#include "base/memory.h"
#include "platform/json.h"

struct tally {
    struct version *version;  /* shared: the names are its workflow's */
    struct step_tally *steps; /* owned, as the next: as many as the workflow has, and one more */
    uint64_t *results;
};

static const struct workflow *workflow_of(const struct tally *tally) {
    return tally->version->workflow;
}

static struct step_tally *find_step(const struct tally *tally, struct slice id) {
    const struct workflow *workflow = workflow_of(tally);
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        if (slice_equal(workflow->steps[i].id, id)) {
            return &tally->steps[i];
        }
    }
    return NULL;
}

static uint64_t *find_result(const struct tally *tally, struct slice name) {
    const struct workflow *workflow = workflow_of(tally);
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        if (slice_equal(workflow->results[i].name, name)) {
            return &tally->results[i];
        }
    }
    return NULL;
}

static struct tally *create(struct version *version) {
    struct tally *tally = memory_new(1, sizeof(*tally));
    if (tally == NULL) {
        return NULL;
    }
    tally->version = version_share(version);
    tally->steps = memory_new(version->workflow->step_count + 1, sizeof(*tally->steps));
    tally->results = memory_new(version->workflow->result_count + 1, sizeof(*tally->results));
    if (tally->steps == NULL || tally->results == NULL) {
        tally_destroy(tally);
        return NULL;
    }
    return tally;
}

static void take_over(struct tally *tally, const struct tally *old) {
    const struct workflow *workflow = workflow_of(tally);
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step_tally *step = find_step(old, workflow->steps[i].id);
        tally->steps[i] = step != NULL ? *step : (struct step_tally){0};
    }
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        const uint64_t *count = find_result(old, workflow->results[i].name);
        tally->results[i] = count != NULL ? *count : 0;
    }
}

void tally_follow(struct tally **tally, struct version *version) {
    struct tally *next = create(version);
    if (next != NULL && *tally != NULL) {
        take_over(next, *tally);
    }
    tally_destroy(*tally);
    *tally = next;
}

void tally_destroy(struct tally *tally) {
    if (tally != NULL) {
        version_release(tally->version);
        memory_free(tally->steps);
        memory_free(tally->results);
        memory_free(tally);
    }
}

static void count_step(struct step_tally *step, enum run_phase phase) {
    step->runs += phase == PHASE_DONE || phase == PHASE_FAILED;
    step->failures += phase == PHASE_FAILED;
    step->skipped += phase == PHASE_SKIPPED;
}

void tally_run(struct tally *tally, const struct run *run) {
    const struct workflow *workflow = run->version->workflow;
    if (tally == NULL) {
        return;
    }
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        struct step_tally *step = find_step(tally, workflow->steps[i].id);
        if (step != NULL) {
            count_step(step, run->steps[i].phase);
        }
    }
    for (uint32_t i = 0; i < run->record_count; i++) {
        const struct record_draft *draft = &run->records[i];
        if (draft->record.kind == RECORD_RESULT && !draft->aside) {
            tally_result(tally, draft->record.name);
        }
    }
}

void tally_result(struct tally *tally, struct slice name) {
    uint64_t *count = tally != NULL ? find_result(tally, name) : NULL;
    if (count != NULL) {
        (*count)++;
    }
}

struct step_tally tally_of_step(const struct tally *tally, struct slice id) {
    const struct step_tally *step = tally != NULL ? find_step(tally, id) : NULL;
    return step != NULL ? *step : (struct step_tally){0};
}

void tally_write_steps(const struct tally *tally, struct buffer *out) {
    buffer_add_byte(out, '{');
    for (uint32_t i = 0; tally != NULL && i < workflow_of(tally)->step_count; i++) {
        const struct step_tally *step = &tally->steps[i];
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, workflow_of(tally)->steps[i].id);
        buffer_print(out, ":{\"runs\":%llu,\"failures\":%llu,\"skipped\":%llu}",
                     (unsigned long long)step->runs, (unsigned long long)step->failures,
                     (unsigned long long)step->skipped);
    }
    buffer_add_byte(out, '}');
}

void tally_write_results(const struct tally *tally, struct buffer *out) {
    buffer_add_byte(out, '{');
    for (uint32_t i = 0; tally != NULL && i < workflow_of(tally)->result_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, workflow_of(tally)->results[i].name);
        buffer_print(out, ":%llu", (unsigned long long)tally->results[i]);
    }
    buffer_add_byte(out, '}');
}
