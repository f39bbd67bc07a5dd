// SPDX-License-Identifier: Apache-2.0
#include "model/pair_sum.h"

#include <stdlib.h>

#include "model/weight_scale.h"

/* 255 * 128 fits into 16 bits, 255 * 129 does not, with either sign. Where signs differ, both
 * activations at 255 take from each other, and one product alone always fits. */
enum { PAIR_MOST = 128 };

struct pair_order pair_order_conv(size_t channels, size_t inputs, size_t taps) {
    return (struct pair_order){.channels = channels,
                               .channel_stride = inputs * taps,
                               .outer = taps,
                               .outer_stride = 1,
                               .inner = inputs,
                               .inner_stride = taps};
}

struct pair_order pair_order_matrix(size_t depth, size_t channels, bool turned) {
    return (struct pair_order){.channels = channels,
                               .channel_stride = turned ? depth : 1,
                               .outer = 1,
                               .outer_stride = 0,
                               .inner = depth,
                               .inner_stride = turned ? 1 : channels};
}

int32_t pair_peak(const int8_t *numbers, const struct pair_order *order, size_t channel) {
    int32_t peak = 0;
    int8_t before = 0;
    size_t place = 0;
    for (size_t a = 0; a < order->outer; a++) {
        const int8_t *first = numbers + channel * order->channel_stride + a * order->outer_stride;
        for (size_t b = 0; b < order->inner; b++) {
            const int8_t number = first[b * order->inner_stride];
            const int32_t size = place++ % 2 != 0 ? abs(before + number) : 0;
            peak = size > peak ? size : peak;
            before = number;
        }
    }
    return peak;
}

size_t pair_limits_lower(const int8_t *numbers, const struct pair_order *order, int8_t *limits) {
    size_t count = 0;
    for (size_t i = 0; i < order->channels; i++) {
        const int32_t peak = pair_peak(numbers, order, i);
        if (peak > PAIR_MOST) {
            const int32_t limit = limits[i] * PAIR_MOST / peak; /* less by one at least */
            limits[i] = (int8_t)(limit > WEIGHT_LIMIT_LEAST ? limit : WEIGHT_LIMIT_LEAST);
            count++;
        }
    }
    return count;
}
