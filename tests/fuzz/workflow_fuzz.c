// SPDX-License-Identifier: Apache-2.0
/* A file is a workflow or it has faults, never both and never neither. Every fault has a sentence
 * of one line and a place inside the file; a workflow's steps need only what runs before them, its
 * programs are those that are not native, and it explains itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/workflow.h"

#include "libfyaml_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { SAMPLE_BYTES_MAX = 1 << 16, PAGE_BYTES_MAX = 64 << 20 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

/* One agent with inputs and outputs, one of which nothing is known, one that acts; no others. */
static status resolve(void *owner, struct slice name, struct slice range,
                      struct workflow_agent *out_agent, struct error *err) {
    static const struct field INPUTS[] = {
        {.name = {"text", 4}, .type = FIELD_STRING},
        {.name = {"limit", 5}, .type = FIELD_NUMBER, .has_default = true, .has_max = true}};
    static const struct field OUTPUTS[] = {
        {.name = {"label", 5}, .type = FIELD_STRING},
        {.name = {"score", 5}, .type = FIELD_NUMBER},
        {.name = {"meta", 4}, .type = FIELD_OBJECT, .of = {.fields = INPUTS, .count = 2}}};
    static const struct field_set TYPED_IN = {.fields = INPUTS, .count = 2};
    static const struct field_set TYPED_OUT = {.fields = OUTPUTS, .count = 3};
    static const struct field_set OPEN = {.open = true};
    (void)owner;
    (void)range;
    const bool typed = slice_is(name, "spam-lite");
    if (!typed && !slice_is(name, "free") && !slice_is(name, "switch")) {
        return fail(err, STATUS_NOT_FOUND, "there is no agent '%.*s'", QUOTED(name));
    }
    *out_agent = (struct workflow_agent){.inputs = typed ? &TYPED_IN : &OPEN,
                                         .outputs = typed ? &TYPED_OUT : &OPEN,
                                         .pinned = typed ? &TYPED_IN : &OPEN,
                                         .actuator = slice_is(name, "switch")};
    return STATUS_OK;
}

static void check_faults(const struct fault_list *faults, struct slice text) {
    int lines = 1;
    uint32_t errors = 0;
    for (size_t i = 0; i < text.count; i++) {
        lines += text.bytes[i] == '\n' || text.bytes[i] == '\r' ? 1 : 0;
    }
    need(faults->count <= FAULTS_MAX);
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->faults[i];
        need(fault->text.count > 0 && text_is_utf8(fault->text));
        need(slice_find(fault->text, '\n') == fault->text.count);
        need(fault->place.line >= 0 && fault->place.line <= lines + 1);
        need(fault->place.line == 0 || fault->place.column >= 1);
        need(fault->place.column <= (int)text.count + 2); /* just behind the end */
        need(i == 0 || faults->faults[i - 1].place.line <= fault->place.line);
        errors += fault->warning ? 0 : 1;
    }
    need(errors == faults->error_count);
}

static void check_workflow(const struct workflow *workflow) {
    need(text_is_name(workflow->name));
    need(workflow->trigger_count >= 1 && workflow->trigger_count <= WORKFLOW_TRIGGERS_MAX);
    need(workflow->queue.max > 0 && workflow->concurrency > 0);
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        need(text_is_field(step->id) && text_is_name(step->agent));
        need(step->timeout_ms > 0 && step->attempts > 0);
        need(!step->repeat_never || workflow->runs.mode == DURABILITY_EACH);
        for (uint32_t k = 0; k < step->need_count; k++) {
            need(step->needs[k] < i);
        }
        need(step->on_error != ON_ERROR_STEP ||
             (step->other_step > i && workflow->steps[step->other_step].only_on_error));
    }
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        need(text_is_name(workflow->results[i].name) && workflow->results[i].from != NULL);
    }
    for (uint32_t i = 0; i < workflow->program_count; i++) {
        need(!expression_is_native(workflow->programs[i]));
    }
    struct buffer page;
    buffer_init(&page, PAGE_BYTES_MAX);
    workflow_explain(workflow, &page);
    need(buffer_status(&page, NULL) == STATUS_OK && page.count > 0);
    buffer_done(&page);
}

/* The text that is kept is the same workflow, without a look at the files that it names. */
static void check_kept(const struct workflow *workflow) {
    const struct workflow_doors doors = {.resolve = resolve, .folder = "tests/none"};
    struct workflow *again = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    need(workflow_read(SLICE("w.yaml"), workflow->text, &doors, &again, &faults, &err) ==
         STATUS_OK);
    need(id_equal(again->digest, workflow->digest) && again->schema_file_count == 0);
    fault_list_release(faults);
    workflow_release(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count > SAMPLE_BYTES_MAX) {
        return 0;
    }
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    const struct workflow_doors doors = {.resolve = resolve, .folder = "tests/format"};
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    const status code = workflow_read(SLICE("w.yaml"), text, &doors, &workflow, &faults, &err);
    need(faults != NULL);
    check_faults(faults, text);
    need(code == (faults->error_count > 0 ? STATUS_INVALID : STATUS_OK));
    need((workflow != NULL) == (code == STATUS_OK));
    if (workflow != NULL) {
        check_workflow(workflow);
        check_kept(workflow);
    }
    fault_list_release(faults);
    workflow_release(workflow);
    return 0;
}
