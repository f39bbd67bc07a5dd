// SPDX-License-Identifier: Apache-2.0
#include "model/equalization.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"

void equalization_factors(const float *peaks_before, const float *peaks_behind, size_t count,
                          float *out_factors) {
    for (size_t i = 0; i < count; i++) {
        const double before = (double)peaks_before[i];
        const double behind = (double)peaks_behind[i];
        const float factor = (float)(sqrt(before * behind) / behind); /* NaN of zeros */
        out_factors[i] = isnormal(factor) && isnormal(1 / factor) ? factor : 1;
    }
}

static void peaks_done(float **peaks) {
    memory_free(*peaks);
}

status equalize(struct equalized before, float *biases, struct equalized behind,
                struct error *err) {
    const size_t count = before.layout.count;
    assert(count == behind.layout.count);
    CLEANUP(peaks_done) float *peaks = memory_new(3 * count, sizeof(*peaks));
    if (peaks == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to equalise %zu channels", count);
    }
    float *factors = peaks + 2 * count;
    channels_peak(before.weights, before.layout, peaks);
    channels_peak(behind.weights, behind.layout, peaks + count);
    equalization_factors(peaks, peaks + count, count, factors);
    channels_multiply(behind.weights, behind.layout, factors);
    for (size_t i = 0; i < count; i++) {
        factors[i] = 1 / factors[i];
        if (biases != NULL) {
            biases[i] *= factors[i];
        }
    }
    channels_multiply(before.weights, before.layout, factors);
    return STATUS_OK;
}
