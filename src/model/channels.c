// SPDX-License-Identifier: Apache-2.0
#include "model/channels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { LANES = 8 };

struct channels channels_of(const int64_t *shape, uint32_t rank, uint32_t axis) {
    assert(axis < rank);
    struct channels layout = {.outer = 1, .count = (size_t)shape[axis], .inner = 1};
    for (uint32_t i = 0; i < axis; i++) {
        layout.outer *= (size_t)shape[i];
    }
    for (uint32_t i = axis + 1; i < rank; i++) {
        layout.inner *= (size_t)shape[i];
    }
    return layout;
}

/* fmaxf would pass over NaN. */
static float larger(float most, float value) {
    const float size = fabsf(value);
    return size <= most ? most : size;
}

void channels_peak(const float *values, struct channels layout, float *out_peaks) {
    (void)memset(out_peaks, 0, layout.count * sizeof(*out_peaks));
    for (size_t run = 0; run < layout.outer * layout.count; run++) {
        float *peak = &out_peaks[run % layout.count];
        for (size_t i = 0; i < layout.inner; i++) {
            const float value = values[run * layout.inner + i];
            *peak = isnan(*peak) ? *peak : larger(*peak, value);
        }
    }
}

void channels_multiply(float *values, struct channels layout, const float *factors) {
    for (size_t run = 0; run < layout.outer * layout.count; run++) {
        const float factor = factors[run % layout.count];
        for (size_t i = 0; i < layout.inner; i++) {
            values[run * layout.inner + i] *= factor;
        }
    }
}

/* Eight sums side by side, since one would have to wait for itself at every value. */
static double sum_of(const float *values, size_t count) {
    double lanes[LANES] = {0};
    const size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            lanes[j] += (double)values[i + j];
        }
    }
    double sum = 0;
    for (size_t j = 0; j < LANES; j++) {
        sum += lanes[j] + (whole + j < count ? (double)values[whole + j] : 0);
    }
    return sum;
}

void channels_sum(const float *values, struct channels layout, double *sums) {
    for (size_t run = 0; run < layout.outer * layout.count; run++) {
        sums[run % layout.count] += sum_of(values + run * layout.inner, layout.inner);
    }
}
