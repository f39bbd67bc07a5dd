// SPDX-License-Identifier: Apache-2.0
/* A device file is a device or has faults, never both and never neither. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/device.h"

#include "libfyaml_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

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
    arena_done(&arena);
    return 0;
}
