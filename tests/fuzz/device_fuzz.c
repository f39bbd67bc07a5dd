// SPDX-License-Identifier: Apache-2.0
/* A device file is a device or has faults, never both and never neither; and so is a workflow that
 * is bound to it. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/workflow.h"

#include "libfyaml_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const char WORKFLOW[] =
    "ebb: 1\nworkflow: w\n"
    "params: { limit: { type: number, default: 3, max: 9 }, inbox: { type: source, default: inbox "
    "}, any: { type: object, default: {} }, desk: { type: destination, default: desk } }\n"
    "trigger: { source: \"${ $params.inbox }\" }\n"
    "results: [ { name: r, from: 1, to: [\"${ $params.desk }\"] } ]\n";

static void bind(const struct device *device) {
    const struct binding binding = {.device = device, .file = "device.yaml"};
    const struct workflow_doors doors = {.binding = &binding};
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    const status code =
        workflow_read(SLICE("w.yaml"), slice_of(WORKFLOW), &doors, &workflow, &faults, &err);
    if (faults == NULL || (code == STATUS_OK) != (workflow != NULL) ||
        (code == STATUS_OK) != (faults->error_count == 0)) {
        abort();
    }
    fault_list_release(faults);
    workflow_release(workflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    struct arena arena;
    struct device device = {0};
    struct fault_list *faults = NULL;
    struct error err;
    arena_init(&arena, 64 << 20);
    const status code = device_read(&arena, SLICE("device.yaml"), input, &device, &faults, &err);
    if (code == STATUS_INVALID && (faults == NULL || faults->error_count == 0)) {
        abort();
    }
    if (code == STATUS_OK && faults != NULL && faults->error_count > 0) {
        abort();
    }
    fault_list_release(faults);
    if (code == STATUS_OK) {
        bind(&device);
    }
    arena_done(&arena);
    return 0;
}
