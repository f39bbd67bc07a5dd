// SPDX-License-Identifier: Apache-2.0
#include "model/float16_tensor.h"

#include <math.h>
#include <string.h>

#include "base/float16.h"

static const float HALF_MOST = 65504;
static const float HALF_BEYOND = 65520;  /* rounded, this and more is infinity */
static const float HALF_ZERO = 0x1p-25F; /* rounded, this and less is 0 */

static float number_at(const struct graph_tensor *tensor, uint64_t index) {
    float number;
    (void)memcpy(&number, (const char *)tensor->bytes + index * sizeof(number), sizeof(number));
    return number;
}

bool float16_fits(const struct graph_tensor *tensor, struct float16_report *report) {
    const uint64_t count = graph_tensor_count(tensor);
    uint64_t beyond = 0;
    uint64_t too_large = 0;
    uint64_t small = 0;
    uint64_t zero = 0;
    uint64_t not_numbers = 0;
    for (uint64_t i = 0; i < count; i++) {
        const float size = fabsf(number_at(tensor, i));
        not_numbers += isnan(size) ? 1 : 0;
        too_large += size > HALF_MOST ? 1 : 0;
        beyond += size >= HALF_BEYOND && !isinf(size) ? 1 : 0;
        small += size <= HALF_ZERO ? 1 : 0;
        zero += size == 0 ? 1 : 0;
    }
    report->not_numbers += not_numbers;
    report->too_large += too_large;
    report->underflown += small - zero;
    return beyond == 0 && (small == zero || small < count);
}

struct graph_tensor *float16_tensor(struct graph_model *model, const struct graph_tensor *tensor) {
    void *bytes = NULL;
    struct graph_tensor *half =
        graph_tensor_new(model, ELEMENT_FLOAT16, tensor->dims, tensor->rank, &bytes);
    const uint64_t count = half != NULL ? graph_tensor_count(tensor) : 0;
    uint16_t *numbers = bytes;
    for (uint64_t i = 0; i < count; i++) {
        numbers[i] = float16_from_float(number_at(tensor, i));
    }
    return half;
}
