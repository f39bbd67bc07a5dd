// SPDX-License-Identifier: Apache-2.0
/* Bytes are a file whose tensors can be counted, or are refused with a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include "platform/lite_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice file = {.bytes = (const char *)bytes, .count = count};
    struct error err = {0};
    int64_t tensor_bytes = -1;
    (void)lite_file_is_one(file);
    const status code = lite_file_tensor_bytes(file, &tensor_bytes, &err);
    if (code == STATUS_OK ? tensor_bytes < 0 : err.text[0] == '\0') {
        abort();
    }
    return 0;
}
