// SPDX-License-Identifier: Apache-2.0
#include "model/bias_correction.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"

status channel_means_init(struct channel_means *means, size_t channels, struct error *err) {
    *means =
        (struct channel_means){.sums = memory_new(channels, sizeof(double)), .channels = channels};
    if (means->sums == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the means of %zu channels", channels);
    }
    return STATUS_OK;
}

void channel_means_done(struct channel_means *means) {
    if (means != NULL) {
        memory_free(means->sums);
        *means = (struct channel_means){0};
    }
}

void channel_means_add(struct channel_means *means, const float *values, struct channels layout) {
    assert(layout.count == means->channels);
    channels_sum(values, layout, means->sums);
    means->count += (uint64_t)layout.outer * layout.inner;
}

static double difference(const struct channel_means *before, const struct channel_means *quantized,
                         size_t channel) {
    return before->sums[channel] / (double)before->count -
           quantized->sums[channel] / (double)quantized->count;
}

bool bias_correct(const struct channel_means *before, const struct channel_means *quantized,
                  float *biases) {
    assert(before->channels == quantized->channels);
    for (size_t i = 0; i < before->channels; i++) {
        const double change = fabs(difference(before, quantized, i));
        const double most = BIAS_CHANGE_MAX * fabs((double)biases[i]);
        if (!(change <= 0 || change < most)) { /* NaN, as of no samples, is neither */
            return false;
        }
    }
    for (size_t i = 0; i < before->channels; i++) {
        biases[i] = (float)((double)biases[i] + difference(before, quantized, i));
    }
    return true;
}
