// SPDX-License-Identifier: Apache-2.0
#include "model/scale.h"

#include <float.h>
#include <math.h>

int32_t scale_least(enum scale_kind kind) {
    return kind == SCALE_UINT8 ? 0 : -128;
}

int32_t scale_most(enum scale_kind kind) {
    return kind == SCALE_UINT8 ? 255 : 127;
}

static int32_t within(enum scale_kind kind, double number) {
    const int32_t least = scale_least(kind);
    const int32_t most = scale_most(kind);
    return number <= least ? least : number >= most ? most : (int32_t)number;
}

int32_t scale_zero_point(enum scale_kind kind, double step, double low) {
    return kind == SCALE_INT8 ? 0 : within(kind, rint(-low / step));
}

bool scale_choose(enum scale_kind kind, float low, float high, struct scale *out_scale) {
    const double below = low < 0 ? low : 0;
    const double above = high > 0 ? high : 0;
    const double largest = above > -below ? above : -below;
    const double step =
        kind == SCALE_UINT8 ? (above - below) / scale_most(kind) : largest / scale_most(kind);
    if (!isfinite(low) || !isfinite(high) || step < (double)FLT_MIN) {
        return false;
    }
    out_scale->step = (float)step;
    out_scale->zero_point = scale_zero_point(kind, (double)out_scale->step, below);
    return true;
}

int32_t scale_quantize(enum scale_kind kind, const struct scale *scale, float value) {
    return within(kind, rint((double)value / (double)scale->step) + scale->zero_point);
}

float scale_value(const struct scale *scale, int32_t number) {
    return (float)(number - scale->zero_point) * scale->step;
}
